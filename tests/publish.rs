//! `release --publish`: places that lie, break and forget come first. What is published is read back and
//! verified, and what fails is made good by running it again.

#[path = "../crates/remote/tests/servers/site.rs"]
#[expect(dead_code, reason = "the library's own tests use the rest")]
mod site;

use std::fs;

use site::{Does, Release, Site};

use crate::places::bucket::{Bucket, Ignores};
use crate::support::{Ran, World};

/// A home, and a build of two files.
fn world() -> World {
    let world = World::new();
    world.write("dist/alpha", "alpha\n");
    world.write("dist/beta.txt", "beta\n");
    world.attest("init --no-password").yes();
    world
}

fn release(world: &World, site: &Site, target: &str) -> Ran {
    let mut command = world.command();
    command
        .args("release dist --name hello --version 1.0.0 --no-password --format json".split(' '))
        .args(["--publish", target])
        .env("GITHUB_TOKEN", "ghp_secret")
        .env("GITHUB_API_URL", &site.address);
    let ran = Ran::of(&mut command);
    assert!(!format!("{ran:?}").contains("ghp_secret"), "{ran:#?}");
    ran
}

fn raw(site: &Site) -> String {
    format!("{}/raw/hello/1.0.0/", site.address)
}

/// The code of the first target, after its exit.
fn code(ran: &Ran, exit: i32) -> String {
    assert_eq!(ran.exit, exit, "{ran:#?}");
    let published = ran.json()["published"][0].clone();
    published["code"].as_str().unwrap_or("verified").to_owned()
}

/// Whether the release in the folder is whole, whatever became of its publication.
fn is_whole_here(world: &World, ran: &Ran) {
    let line = ran.json()["verify"].as_str().unwrap().to_owned();
    world.attest(line.strip_prefix("attest ").unwrap()).yes();
}

#[test]
fn a_repository_that_fails_leaves_the_release_whole_and_the_next_run_makes_it_good() {
    let html = "<html>oops</html>";
    for (begin, does, exit, wanted) in [
        ("GET", Does::Close, 3, "place-unreachable"),
        ("GET", Does::Answer(500, html), 3, "place-http-status"),
        ("GET", Does::Answer(401, ""), 3, "place-denied"),
        (
            "GET",
            Does::Redirect("ftp://x/".to_owned()),
            3,
            "place-redirect",
        ),
        // A page for every address is something else than our file.
        ("GET", Does::Answer(200, html), 1, "publish-differs"),
        ("GET", Does::Endless, 1, "publish-differs"),
        ("PUT", Does::Close, 3, "place-unreachable"),
        ("PUT", Does::Mute, 3, "place-unreachable"),
        ("PUT", Does::Answer(429, ""), 3, "place-http-status"),
        ("PUT", Does::Answer(403, ""), 3, "place-denied"),
        ("PUT", Does::Answer(507, ""), 3, "place-http-status"),
        (
            "PUT",
            Does::Redirect("http://127.0.0.1:1/".to_owned()),
            3,
            "place-redirect",
        ),
        ("PUT", Does::Answer(200, html), 1, "publish-not-kept"),
        ("PUT", Does::Forget, 1, "publish-not-kept"),
        (
            "PUT /raw/hello/1.0.0/SHA256SUMS",
            Does::Close,
            3,
            "place-unreachable",
        ),
    ] {
        let (world, site) = (world(), Site::start());
        site.fault(begin, does, 1);
        let ran = release(&world, &site, &raw(&site));
        assert_eq!(code(&ran, exit), wanted, "{begin}: {ran:#?}");
        is_whole_here(&world, &ran);
        // The list of all is the last to be there.
        let list = "raw/hello/1.0.0/SHA256SUMS";
        assert!(!site.state().files.contains_key(list) || wanted == "publish-not-kept");
        let again = release(&world, &site, &raw(&site));
        assert_eq!(code(&again, 0), "verified");
    }
}

#[test]
fn what_is_read_back_as_something_else_is_a_no() {
    for does in [Does::OtherBytes, Does::Cut, Does::Answer(404, "")] {
        let (world, site) = (world(), Site::start());
        release(&world, &site, &raw(&site)).yes();
        // The first look sees what was made; the second is lied to.
        let is_cut = matches!(does, Does::Cut);
        let files = site.state().files.len();
        site.state().requests.clear();
        let begin = "GET /raw/hello/1.0.0/alpha";
        site.fault(begin, does, usize::MAX);
        let ran = release(&world, &site, &raw(&site));
        if is_cut {
            assert_eq!(code(&ran, 3), "place-unreachable");
        } else {
            let found = code(&ran, 1);
            assert!(found.starts_with("publish-"), "{found}");
        }
        assert_eq!(site.state().files.len(), files);
    }
}

#[test]
fn what_somebody_else_has_put_there_is_refused_and_nothing_is_written() {
    let (world, site) = (world(), Site::start());
    let path = "raw/hello/1.0.0/beta.txt".to_owned();
    site.state().files.insert(path, b"Beta\n".to_vec());
    let ran = release(&world, &site, &raw(&site));
    assert_eq!(code(&ran, 1), "publish-differs");
    assert_eq!(site.state().files.len(), 1);
    assert!(
        site.state()
            .requests
            .iter()
            .all(|it| it.0.starts_with("GET"))
    );
    is_whole_here(&world, &ran);
}

#[test]
fn a_second_run_makes_nothing_and_reads_everything_again() {
    let (world, site) = (world(), Site::start());
    let first = release(&world, &site, &raw(&site)).yes();
    let files = site.state().files.len();
    assert_eq!(first.json()["published"][0]["made"], files);
    let puts: Vec<String> = site
        .state()
        .requests
        .iter()
        .map(|it| it.0.clone())
        .collect();
    let puts: Vec<&String> = puts.iter().filter(|it| it.starts_with("PUT")).collect();
    assert!(
        puts[0].ends_with("/alpha") && puts.last().unwrap().ends_with("/SHA256SUMS"),
        "{puts:?}"
    );
    site.state().requests.clear();
    let again = release(&world, &site, &raw(&site)).yes();
    assert_eq!(again.json()["published"][0]["made"], 0);
    let requests = site.state().requests.len();
    assert_eq!(requests, 2 * files);
    assert_eq!(fs::read(world.at("dist/alpha")).unwrap(), b"alpha\n");
}

#[test]
fn a_login_goes_to_its_own_host_and_is_never_shown() {
    let (world, site, elsewhere) = (world(), Site::start(), Site::start());
    world.write(
        "user/.netrc",
        "machine 127.0.0.1 login me password pass-word\n",
    );
    let ran = release(&world, &site, &raw(&site)).yes();
    assert!(!format!("{ran:?}").contains("pass-word"));
    let login = Some("Basic bWU6cGFzcy13b3Jk".to_owned());
    assert!(site.state().requests.iter().all(|it| it.1 == login));
    // Led to another place, reading goes on without it.
    let files = site.state().files.clone();
    elsewhere.state().files = files;
    let to = format!("{}/raw/hello/1.0.0/alpha", elsewhere.address);
    site.fault("GET /raw/hello/1.0.0/alpha", Does::Redirect(to), usize::MAX);
    release(&world, &site, &raw(&site)).yes();
    let requests = elsewhere
        .state()
        .requests
        .iter()
        .map(|it| it.1.clone())
        .collect::<Vec<_>>();
    assert_eq!(requests, [None, None]);
}

#[test]
fn github_sees_a_draft_until_everything_is_verified() {
    let (world, site) = (world(), Site::start());
    let target = "github:octo/hello@v1.0.0";
    for (begin, does, exit, wanted) in [
        (
            "GET /repos/octo/hello/releases",
            Does::Answer(500, "<html>"),
            3,
            "place-http-status",
        ),
        (
            "GET /repos/octo/hello/releases",
            Does::Answer(200, "<html>"),
            3,
            "place-malformed",
        ),
        (
            "POST /repos/octo/hello/releases",
            Does::Answer(403, "{\"message\":\"rate limit\"}"),
            3,
            "place-denied",
        ),
        (
            "POST /repos/octo/hello/releases",
            Does::Mute,
            3,
            "place-unreachable",
        ),
        (
            "POST /repos/octo/hello/releases/1/assets",
            Does::Mute,
            3,
            "place-unreachable",
        ),
        (
            "POST /repos/octo/hello/releases/1/assets",
            Does::Answer(502, ""),
            3,
            "place-http-status",
        ),
        (
            "GET /repos/octo/hello/releases/assets",
            Does::OtherBytes,
            1,
            "publish-differs",
        ),
        (
            "GET /repos/octo/hello/releases/assets",
            Does::Cut,
            3,
            "place-unreachable",
        ),
        ("PATCH", Does::Answer(429, ""), 3, "place-http-status"),
        ("PATCH", Does::Answer(200, "{}"), 3, "place-malformed"),
    ] {
        site.fault(begin, does, 1);
        let ran = release(&world, &site, target);
        assert_eq!(code(&ran, exit), wanted, "{begin}: {ran:#?}");
        assert!(site.state().releases.iter().all(|it| it.draft), "{begin}");
        is_whole_here(&world, &ran);
    }
    // One whose upload broke at GitHub itself is made again.
    site.state().releases[0].assets[0].whole = false;
    site.state().requests.clear();
    let ran = release(&world, &site, target).yes();
    assert_eq!(ran.json()["published"][0]["made"], 1);
    let state = site.state();
    assert_eq!(state.releases.len(), 1);
    assert!(!state.releases[0].draft);
    // Everybody reads it without a login.
    let public = state
        .requests
        .iter()
        .filter(|it| it.0.starts_with("GET /download/"));
    let logins: Vec<_> = public.map(|it| it.1.clone()).collect();
    assert!(logins.len() == state.releases[0].assets.len() && logins.iter().all(Option::is_none));
}

#[test]
fn a_release_of_github_that_is_shown_already_is_completed_or_refused() {
    let (world, site) = (world(), Site::start());
    site.state().releases.push(Release {
        id: 7,
        tag: "v1.0.0".to_owned(),
        ..Release::default()
    });
    let target = "github:octo/hello@v1.0.0";
    release(&world, &site, target).yes();
    site.state().releases[0].assets[0].bytes = b"other".to_vec();
    let ran = release(&world, &site, target);
    assert_eq!(code(&ran, 1), "publish-differs");
}

#[test]
fn files_in_folders_do_not_go_to_github_and_nothing_is_made_there() {
    let (world, site) = (world(), Site::start());
    world.write("dist/sub/gamma", "gamma\n");
    let ran = release(&world, &site, "github:octo/hello@v1.0.0");
    assert_eq!(code(&ran, 1), "publish-name");
    assert!(site.state().requests.is_empty());
    is_whole_here(&world, &ran);
}

#[test]
fn a_bucket_and_a_folder_get_the_release_and_each_has_its_own_verdict() {
    let (world, bucket) = (world(), Bucket::start());
    world.write("dist/sub/gamma δ", "gamma\n");
    let run = || {
        let mut command = world.command();
        command
            .args(
                "release dist --name hello --version 1.0.0 --no-password --format json".split(' '),
            )
            .args("--publish s3://releases/pub --publish dir:shared/hello".split(' '))
            .env("AWS_ENDPOINT_URL_S3", &bucket.endpoint)
            .env("AWS_ACCESS_KEY_ID", "AKID")
            .env("AWS_SECRET_ACCESS_KEY", "very-secret");
        Ran::of(&mut command)
    };
    // A bucket that overwrites gets one file, twice the same; the folder gets all.
    bucket.state().ignores = Ignores::Absence;
    let ran = run();
    assert_eq!(code(&ran, 3), "place-unfit");
    assert_eq!(ran.json()["published"][1]["verdict"], "verified");
    assert_eq!(bucket.keys(), ["pub/alpha"]);
    bucket.state().ignores = Ignores::Nothing;
    let ran = run().yes();
    assert_eq!(ran.json()["published"][0]["verdict"], "verified");
    let line = ran.json()["verify"]
        .as_str()
        .unwrap()
        .replace("dist", "shared/hello");
    world.attest(line.strip_prefix("attest ").unwrap()).yes();
    // One changed there is seen, and stays.
    fs::write(world.at("shared/hello/alpha"), "Alpha\n").unwrap();
    let ran = run();
    assert_eq!(ran.exit, 1);
    assert_eq!(ran.json()["published"][1]["code"], "publish-differs");
    assert_eq!(world.read("shared/hello/alpha"), b"Alpha\n");
}

#[test]
fn a_target_that_is_none_is_refused_before_anything_is_made() {
    let (world, site) = (world(), Site::start());
    for (target, wanted) in [
        ("oci://example.com/x:1", "place-address"),
        ("ftp://example.com/x", "place-address"),
        ("http://example.com/x", "place-address"),
        ("https://me:pw@example.com/x", "place-address"),
        ("s3://X/y", "place-address"),
        ("s3://releases/y", "place-credentials"),
        ("github:octo/hello", "place-address"),
        ("dir:", "place-address"),
        ("dist/inside", "out-inside"),
        (".attest/inside", "out-inside"),
    ] {
        let ran = release(&world, &site, target);
        ran.refused(2, wanted);
    }
    let ran = world.attest(
        "release dist --name hello --version 1.0.0 --no-password --publish github:octo/hello@v1",
    );
    ran.refused(2, "place-credentials");
    assert!(!world.at("dist/SHA256SUMS").exists());
    assert!(site.state().requests.is_empty());
}
