//! Places on the network that keep files, as the command uses them.

#[path = "../crates/remote/tests/servers/bucket.rs"]
#[expect(dead_code, reason = "the library's own tests use the rest")]
pub(crate) mod bucket;

use std::fs;

use bucket::{Bucket, Does, Ignores};

use crate::support::{Ran, World};

/// The files of a folder below it, sorted.
fn below(world: &World, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![world.at(folder)];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(world.at(folder)).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn attest(world: &World, bucket: &Bucket, arguments: &str) -> Ran {
    Ran::of(
        world
            .command()
            .args(arguments.split(' '))
            .env("AWS_ENDPOINT_URL_S3", &bucket.endpoint)
            .env("AWS_ACCESS_KEY_ID", "AKID")
            .env("AWS_SECRET_ACCESS_KEY", "very-secret"),
    )
}

/// A home with `hello@1.0.0` in its archive.
fn released() -> World {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/sub/b.txt", "beta\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    world
}

/// The object of a file of the release.
fn blob(bytes: &[u8]) -> String {
    let artifact = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256);
    format!("blobs/sha256/{}", artifact.sha256().hex())
}

#[test]
fn a_bucket_that_overwrites_is_refused_by_its_name_and_gets_nothing() {
    let (world, bucket) = (released(), Bucket::start());
    for ignores in [Ignores::Absence, Ignores::Tags] {
        bucket.state().ignores = ignores;
        let ran = attest(&world, &bucket, "archive copy --to s3://releases/vault");
        ran.refused(3, "place-unfit");
        assert_eq!(bucket.keys(), ["vault/oci-layout"]);
    }
}

#[test]
fn an_archive_goes_into_a_bucket_and_comes_back_from_it() {
    let (world, bucket) = (released(), Bucket::start());
    let copy = "archive copy --to s3://releases/vault";
    let first = attest(&world, &bucket, &format!("{copy} --format json")).yes();
    assert_eq!(first.json()["releases"], 1);
    // The bucket has what a folder would have, byte for byte.
    world.attest("archive copy --to folder").yes();
    let files = below(&world, "folder");
    let keys: Vec<String> = files.iter().map(|it| format!("vault/{it}")).collect();
    assert_eq!(bucket.keys(), keys);
    for file in &files {
        let object = bucket.state().objects[&format!("vault/{file}")].clone();
        assert_eq!(object, world.read(&format!("folder/{file}")), "{file}");
    }
    // A second time nothing is written.
    bucket.state().requests.clear();
    let again = attest(&world, &bucket, &format!("{copy} --format json")).yes();
    assert_eq!(again.json()["new_blobs"], 0);
    let wrote = |it: &&String| it.starts_with("PUT") && !it.ends_with("oci-layout");
    assert_eq!(bucket.state().requests.iter().find(wrote), None);

    attest(
        &world,
        &bucket,
        "archive fixity --replica s3://releases/vault",
    )
    .yes();
    let lost = format!(".attest/archive/{}", blob(b"alpha\n"));
    fs::remove_file(world.at(&lost)).unwrap();
    assert_eq!(world.attest("archive verify").exit, 1);
    attest(&world, &bucket, "archive repair --from s3://releases/vault").yes();
    world.attest("archive verify").yes();
    for ran in [first, again] {
        assert!(!format!("{ran:?}").contains("very-secret"));
    }
}

#[test]
fn what_a_bucket_has_lost_or_changed_is_named_and_brings_nothing_back() {
    let (world, bucket) = (released(), Bucket::start());
    attest(&world, &bucket, "archive copy --to s3://releases/vault").yes();
    let (alpha, beta) = (blob(b"alpha\n"), blob(b"beta\n"));
    let changed = b"alphA\n".to_vec();
    bucket
        .state()
        .objects
        .insert(format!("vault/{alpha}"), changed);
    bucket.state().objects.remove(&format!("vault/{beta}"));

    let fixity = "archive fixity --replica s3://releases/vault --format json";
    let ran = attest(&world, &bucket, fixity);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let mut codes: Vec<&str> = report["damaged"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["blob-corrupt", "blob-missing"]);
    assert_eq!(report["releases"]["hello@1.0.0"], false);

    fs::remove_file(world.at(&format!(".attest/archive/{alpha}"))).unwrap();
    let repair = "archive repair --from s3://releases/vault --format json";
    let ran = attest(&world, &bucket, repair);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["lost"][0]["code"], "blob-missing");
    assert!(!world.at(&format!(".attest/archive/{alpha}")).exists());
}

#[test]
fn copies_are_counted_for_each_release_and_one_that_is_silent_is_no_answer() {
    let (world, bucket) = (released(), Bucket::start());
    attest(&world, &bucket, "archive copy --to s3://releases/vault").yes();
    world.attest("archive copy --to folder").yes();
    let status = "status --replica s3://releases/vault --replica folder";
    let ran = attest(&world, &bucket, status).yes();
    assert!(ran.out.contains("2 of 2 replicas whole"), "{}", ran.out);
    // Without being asked for, nothing is dialled.
    bucket.state().requests.clear();
    let ran = attest(&world, &bucket, "status").yes();
    assert!(ran.out.contains("copies   not asked"), "{}", ran.out);
    assert!(bucket.state().requests.is_empty());

    bucket.fault("HEAD", Does::Answer(503, ""));
    let ran = attest(&world, &bucket, &format!("{status} --format json"));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    bucket.state().faults.clear();
    bucket.fault("GET", Does::Close);
    let ran = attest(&world, &bucket, &format!("{status} --format json"));
    assert_eq!(ran.exit, 3, "{ran:#?}");
    let copies = &ran.json()["releases"][0]["replicas"];
    assert_eq!(copies[0]["error"]["code"], "replica-unavailable");
    assert_eq!(copies[1]["whole"], true);
}

#[test]
fn a_copy_that_breaks_lists_nothing_and_the_next_goes_on() {
    let (world, bucket) = (released(), Bucket::start());
    let copy = "archive copy --to s3://releases/vault";
    for does in [
        Does::Close,
        Does::Answer(500, "<html>"),
        Does::Answer(429, ""),
        Does::Answer(403, "<Error><Code>AccessDenied</Code></Error>"),
        Does::Mute,
    ] {
        bucket.state().faults.clear();
        bucket.fault(
            Box::leak(format!("PUT vault/{}", blob(b"beta\n")).into_boxed_str()),
            does,
        );
        let ran = attest(&world, &bucket, copy);
        ran.refused(3, "replica-unavailable");
        assert!(!bucket.keys().contains(&"vault/index.json".to_owned()));
    }
    bucket.state().faults.clear();
    attest(&world, &bucket, copy).yes();
    attest(
        &world,
        &bucket,
        "archive fixity --replica s3://releases/vault",
    )
    .yes();
}

#[test]
fn an_address_that_is_none_and_a_login_that_is_missing_are_wrong_requests() {
    let (world, bucket) = (released(), Bucket::start());
    for place in ["s3://", "s3://Releases/x", "s3://releases/../x"] {
        let ran = attest(&world, &bucket, &format!("archive copy --to {place}"));
        ran.refused(2, "place-address");
    }
    let ran = attest(
        &world,
        &bucket,
        "archive copy --to s3://releases/x --s3-endpoint http://example.com",
    );
    ran.refused(2, "place-address");
    let ran = world.attest(&format!(
        "archive copy --to s3://releases/x --s3-endpoint {}",
        bucket.endpoint
    ));
    ran.refused(2, "place-credentials");
    assert!(bucket.state().requests.is_empty());
}
