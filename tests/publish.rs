//! `release --publish`: places that lie, break and forget come first. What is published is read back and
//! verified, and what fails is made good by running it again.

#[path = "../crates/remote/tests/servers/site.rs"]
#[expect(dead_code, reason = "the library's own tests use the rest")]
mod site;

use std::fs;
use std::time::{Duration, Instant};

use site::{Asset, Does, Release, Site};

use crate::places::bucket::{self, Bucket, Ignores};
use crate::registries::tls;
use crate::support::{Ran, World};

/// A home, and a build of two files.
fn world() -> World {
    let world = World::new();
    world.write("dist/alpha", "alpha\n");
    world.write("dist/beta.txt", "beta\n");
    world.attest("init --no-password").yes();
    world
}

/// Asks once.
fn release(world: &World, site: &Site, target: &str) -> Ran {
    release_again(world, site, target, "0")
}

fn release_again(world: &World, site: &Site, target: &str, seconds: &str) -> Ran {
    let mut command = world.command();
    command
        .args("release dist --name hello --version 1.0.0 --no-password --format json".split(' '))
        .args(["--publish", target, "--publish-timeout", seconds])
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

/// The requests that begin like this.
fn asked(site: &Site, begin: &str) -> usize {
    let state = site.state();
    let asked = state.requests.iter().filter(|it| it.0.starts_with(begin));
    asked.count()
}

#[test]
fn a_place_that_fails_for_a_moment_is_asked_again_and_nothing_is_made_twice() {
    let alpha = "/raw/hello/1.0.0/alpha";
    for (begin, does, puts) in [
        ("GET /raw/hello/1.0.0/alpha", Does::Close, 1),
        ("GET /raw/hello/1.0.0/alpha", Does::Answer(429, ""), 1),
        ("PUT /raw/hello/1.0.0/alpha", Does::Close, 3),
        ("PUT /raw/hello/1.0.0/alpha", Does::Answer(503, "<html>"), 3),
        // It was kept, and that was not heard: it is there, and not sent again.
        ("PUT /raw/hello/1.0.0/alpha", Does::Mute, 1),
    ] {
        let (world, site) = (world(), Site::start());
        site.fault(begin, does, 2);
        let ran = release_again(&world, &site, &raw(&site), "20").yes();
        assert_eq!(code(&ran, 0), "verified", "{begin}");
        assert_eq!(asked(&site, &format!("PUT {alpha}")), puts, "{begin}");
        let files = site.state().files.len();
        assert_eq!(ran.json()["published"][0]["made"], files, "{begin}");
    }
    // What is read back breaks in the middle.
    let (world, site) = (world(), Site::start());
    release(&world, &site, &raw(&site)).yes();
    site.fault("GET /raw/hello/1.0.0/beta.txt", Does::Cut, 3);
    release_again(&world, &site, &raw(&site), "20").yes();
}

#[test]
fn what_somebody_else_has_put_there_meanwhile_is_not_written_over() {
    let (world, site) = (world(), Site::start());
    let path = "raw/hello/1.0.0/alpha";
    site.fault("PUT /raw/hello/1.0.0/alpha", Does::Keep(b"Alpha\n"), 1);
    let ran = release_again(&world, &site, &raw(&site), "20");
    assert_eq!(code(&ran, 1), "publish-differs");
    assert_eq!(asked(&site, "PUT"), 1);
    assert_eq!(site.state().files.get(path).unwrap(), b"Alpha\n");
}

#[test]
fn what_another_try_would_not_change_is_asked_once_and_patience_ends() {
    for (does, wanted) in [
        (Does::Answer(403, ""), "place-denied"),
        (Does::Answer(507, ""), "place-http-status"),
    ] {
        let (world, site) = (world(), Site::start());
        site.fault("PUT", does, usize::MAX);
        let ran = release_again(&world, &site, &raw(&site), "20");
        assert_eq!(code(&ran, 3), wanted);
        assert_eq!(asked(&site, "PUT"), 1);
    }
    let (world, site) = (world(), Site::start());
    site.fault("PUT", Does::Answer(429, ""), usize::MAX);
    let started = Instant::now();
    let ran = release_again(&world, &site, &raw(&site), "1");
    assert_eq!(code(&ran, 3), "place-http-status");
    assert!(asked(&site, "PUT") > 1 && started.elapsed() < Duration::from_secs(30));
    assert!(site.state().files.is_empty());
}

#[test]
fn github_is_asked_again_and_has_one_draft_and_each_file_once() {
    let (world, site) = (world(), Site::start());
    for (begin, does) in [
        ("GET /repos/octo/hello/releases", Does::Answer(502, "")),
        ("POST /repos/octo/hello/releases/1/assets", Does::Mute),
        ("POST /repos/octo/hello/releases/1/assets", Does::Close),
        ("POST /repos/octo/hello/releases", Does::Mute),
        ("PATCH", Does::Mute),
        ("GET /download/", Does::Cut),
    ] {
        site.fault(begin, does, 1);
    }
    let ran = release_again(&world, &site, "github:octo/hello@v1.0.0", "20").yes();
    assert_eq!(code(&ran, 0), "verified");
    let state = site.state();
    assert_eq!(state.releases.len(), 1);
    assert!(!state.releases[0].draft);
    let assets = &state.releases[0].assets;
    let names: std::collections::BTreeSet<&str> =
        assets.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names.len(), assets.len());
    assert_eq!(ran.json()["published"][0]["made"], assets.len());
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
    site.state().releases[0].assets[0].state = Some("starter");
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
            .args(["--publish-timeout", "0"])
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

/// The signed manifest names permissions: what we publish ourselves has them.
#[test]
fn a_folder_gets_the_permissions_that_the_manifest_signs() {
    let world = world();
    world.write("dist/bin/run", "#!/bin/sh\n");
    world
        .shell("chmod 755 dist/bin/run && chmod 664 dist/alpha && chmod 775 dist/bin && chmod 750 dist")
        .yes();
    let publish =
        "release dist --name hello --version 1.0.0 --no-password --publish dir:shared/hello";
    let check = "tree verify shared/hello --manifest shared/hello/release.tree --key dist/release.pub --trusted-root dist/trusted_root.json";
    world.shell("umask 077 && mkdir shared").yes();
    world.attest(publish).yes();
    world.attest(check).yes();
    world.shell("chmod 644 shared/hello/bin/run").yes();
    let ran = world.attest(check);
    assert!(
        ran.exit == 1 && ran.out.contains("tree-mode-changed"),
        "{ran:?}"
    );
}

#[test]
fn places_with_a_private_authority_are_believed_with_it_alone() {
    let (world, site, bucket) = (world(), Site::start(), Bucket::start());
    let raw = tls::before(site.address.trim_start_matches("http://"));
    let store = tls::before(bucket.endpoint.trim_start_matches("http://"));
    let run = |to: &str, more: &[&str], variable: &str| {
        let mut command = world.command();
        command
            .args(
                "release dist --name hello --version 1.0.0 --no-password --format json".split(' '),
            )
            .args(["--publish-timeout", "0", "--publish", to])
            .args(more)
            .env("AWS_ENDPOINT_URL_S3", format!("https://{store}"))
            .env("AWS_ACCESS_KEY_ID", "AKID")
            .env("AWS_SECRET_ACCESS_KEY", "very-secret");
        if !variable.is_empty() {
            command.env("AWS_CA_BUNDLE", variable);
        }
        Ran::of(&mut command)
    };
    let authority = |name: &str| tls::fixture(name).display().to_string();
    let (ours, other) = (authority("ca.pem"), authority("other.pem"));
    let folder = format!("https://{raw}/raw/");
    for to in [folder.as_str(), "s3://releases/pub"] {
        for more in [&[][..], &["--place-ca", &other]] {
            assert_eq!(code(&run(to, more, ""), 3), "place-unreachable", "{to}");
        }
        let ran = run(to, &["--place-ca", &ours], "").yes();
        assert_eq!(code(&ran, 0), "verified", "{to}");
    }
    // As other clients of buckets have it; and for buckets alone.
    run("s3://releases/again", &[], &ours).yes();
    let ran = run("s3://releases/never", &["--place-ca", &other], &ours);
    assert_eq!(code(&ran, 3), "place-unreachable");
    assert_eq!(code(&run(&folder, &[], &ours), 3), "place-unreachable");
    let nothing = authority("nothing");
    run("s3://releases/x", &[], &nothing).refused(2, "bad-arguments");
}

#[test]
fn a_target_that_is_none_is_refused_before_anything_is_made() {
    let (world, site) = (world(), Site::start());
    for (target, wanted) in [
        ("oci://example.com/X:1", "registry-reference"),
        ("oci://example.com", "registry-reference"),
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

/// Who acquires the folder verifies all of it.
#[test]
fn a_folder_with_a_strangers_file_is_published_to_by_nobody() {
    let world = world();
    let publish = "release dist --name hello --version 1.0.0 --no-password --publish dir:shared --format json";
    world.write("shared/sub/evil.sh", "evil");
    let ran = world.attest(publish);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert_eq!(ran.json()["published"][0]["code"], "publish-differs");
    assert_eq!(world.listing("shared").len(), 2, "{ran:?}");
    // Once it is gone, that run is gone on with; later it is refused again.
    fs::remove_file(world.at("shared/sub/evil.sh")).unwrap();
    world.attest(publish).yes();
    world.attest(publish).yes();
    world.write("shared/evil.sh", "evil");
    let ran = world.attest(publish);
    assert_eq!(ran.json()["published"][0]["code"], "publish-differs");
}

/// A run that died leaves half a file: the next one takes it away, and nothing that only looks like one.
#[test]
fn what_is_called_published_is_a_folder_that_acquirers_accept() {
    let world = world();
    world.write("dist/sub/gamma", "gamma\n");
    let publish = "release dist --name hello --version 1.0.0 --no-password --publish dir:shared --format json";
    world.write("shared/.alpha.12345.tmp", "alp");
    world.write("shared/sub/.gamma.1.tmp", "gam");
    for foreign in [
        ".evil.1.tmp",
        "sub/.alpha.1.tmp",
        ".alpha.tmp",
        ".alpha.x.tmp",
    ] {
        world.write(&format!("shared/{foreign}"), "evil");
        let ran = world.attest(publish);
        assert_eq!(code(&ran, 1), "publish-differs", "{foreign}");
        assert!(format!("{ran:?}").contains(foreign), "{ran:?}");
        assert!(!world.at("shared/alpha").exists());
        fs::remove_file(world.at(&format!("shared/{foreign}"))).unwrap();
    }
    let ran = world.attest(publish).yes();
    let line = ran.json()["verify"]
        .as_str()
        .unwrap()
        .replace("dist", "shared");
    world.attest(line.strip_prefix("attest ").unwrap()).yes();
    assert!(!world.at("shared/.alpha.12345.tmp").exists());
    assert!(!world.at("shared/sub/.gamma.1.tmp").exists());
}

/// A colleague's upload that runs right now, and an instance that says no states.
#[test]
fn of_a_draft_of_github_only_our_own_broken_files_are_taken_away() {
    let (world, site) = (world(), Site::start());
    let target = "github:octo/hello@v1.0.0";
    let asset = |id: u64, name: &str, state: Option<&'static str>| Asset {
        id,
        name: name.to_owned(),
        bytes: b"other".to_vec(),
        state,
    };
    site.state().releases.push(Release {
        id: 70,
        tag: "v1.0.0".to_owned(),
        draft: true,
        assets: vec![asset(71, "handbook.pdf", None)],
    });
    let ran = release(&world, &site, target);
    assert_eq!(code(&ran, 3), "place-malformed");
    assert_eq!(asked(&site, "DELETE") + asked(&site, "PATCH"), 0);
    site.state().releases[0].assets = vec![
        asset(71, "handbook.pdf", Some("starter")),
        asset(72, "notes.pdf", Some("open")),
        asset(73, "alpha", Some("starter")),
    ];
    release(&world, &site, target).yes();
    assert_eq!(asked(&site, "DELETE"), 1);
    assert_eq!(
        asked(&site, "DELETE /repos/octo/hello/releases/assets/73"),
        1
    );
    let ids: Vec<u64> = site.state().releases[0]
        .assets
        .iter()
        .map(|it| it.id)
        .collect();
    assert!(ids.contains(&71) && ids.contains(&72), "{ids:?}");
}

/// Who acquires has no token of ours.
#[test]
fn a_release_of_github_that_only_we_can_read_is_published_only_if_the_repository_is_private() {
    let target = "github:octo/hello@v1.0.0";
    for status in [401, 403, 404] {
        let (world, site) = (world(), Site::start());
        site.fault("GET /download/", Does::Answer(status, ""), usize::MAX);
        for _ in 0..2 {
            let ran = release(&world, &site, target);
            assert_eq!(code(&ran, 3), "place-malformed", "{status}");
        }
        site.state().private = true;
        let ran = release(&world, &site, target).yes();
        let remark = ran.json()["published"][0]["remark"].clone();
        assert!(remark.as_str().unwrap().contains("token"), "{remark}");
    }
    let (world, site) = (world(), Site::start());
    let ran = release(&world, &site, target).yes();
    assert!(ran.json()["published"][0]["remark"].is_null(), "{ran:?}");
}

/// Nothing was made, and nothing wrong was read: that is no "no".
#[test]
fn a_place_that_says_that_it_has_what_it_has_not_is_not_understood() {
    let (world, site) = (world(), Site::start());
    site.fault("PUT", Does::Answer(412, ""), usize::MAX);
    let ran = release(&world, &site, &raw(&site));
    assert_eq!(code(&ran, 3), "place-malformed");
    assert_eq!(asked(&site, "PUT"), 1);
    site.state().faults.clear();
    release(&world, &site, &raw(&site)).yes();
}

#[test]
fn a_page_to_log_in_is_no_file_of_somebody_elses() {
    let (world, site) = (world(), Site::start());
    world.write("dist/guide.html", "<html>guide</html>");
    site.fault("GET", Does::Page("<html>log in</html>"), usize::MAX);
    let ran = release(&world, &site, &raw(&site));
    assert_eq!(code(&ran, 3), "place-malformed");
    assert_eq!(asked(&site, "PUT"), 0);
    site.state().faults.clear();
    release(&world, &site, &raw(&site)).yes();
    // What is a page itself, or is taken for one, is read as what it is.
    for (path, page) in [("guide.html", "<html>guide</html>"), ("alpha", "alpha\n")] {
        let begin = format!("GET /raw/hello/1.0.0/{path}");
        site.fault(begin.leak(), Does::Page(page), usize::MAX);
    }
    release(&world, &site, &raw(&site)).yes();
    site.state().faults.clear();
    site.fault(
        "GET /raw/hello/1.0.0/guide.html",
        Does::Page("<html>other"),
        1,
    );
    assert_eq!(
        code(&release(&world, &site, &raw(&site)), 1),
        "publish-differs"
    );
}

fn to_bucket(world: &World, bucket: &Bucket, seconds: &str) -> Ran {
    let mut command = world.command();
    command
        .args("release dist --name hello --version 1.0.0 --no-password --format json".split(' '))
        .args([
            "--publish-timeout",
            seconds,
            "--publish",
            "s3://releases/pub",
        ])
        .env("AWS_ENDPOINT_URL_S3", &bucket.endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "very-secret");
    Ran::of(&mut command)
}

#[test]
fn a_bucket_that_another_is_writing_to_is_asked_again() {
    let (world, bucket) = (world(), Bucket::start());
    let conflict = "<Error><Code>ConditionalRequestConflict</Code></Error>";
    bucket.fault("PUT", bucket::Does::Answer(409, conflict));
    let run = |seconds: &str| to_bucket(&world, &bucket, seconds);
    let puts = || {
        let state = bucket.state();
        state
            .requests
            .iter()
            .filter(|it| it.starts_with("PUT"))
            .count()
    };
    assert_eq!(code(&run("0"), 3), "place-http-status");
    assert_eq!(puts(), 1);
    assert_eq!(code(&run("2"), 3), "place-http-status");
    assert!(puts() > 2 && bucket.keys().is_empty());
    bucket.state().faults.clear();
    run("0").yes();
}

#[test]
fn a_bucket_that_overwrites_gets_no_large_file() {
    let (world, bucket) = (world(), Bucket::start());
    fs::remove_file(world.at("dist/alpha")).unwrap();
    fs::remove_file(world.at("dist/beta.txt")).unwrap();
    world.write("dist/large.bin", vec![7; 2 << 20]);
    bucket.state().ignores = Ignores::Absence;
    let ran = to_bucket(&world, &bucket, "0");
    assert_eq!(code(&ran, 3), "place-unfit");
    let keys = bucket.keys();
    assert!(keys.len() == 1 && keys[0] != "pub/large.bin", "{keys:?}");
    bucket.state().ignores = Ignores::Nothing;
    to_bucket(&world, &bucket, "0").yes();
}
