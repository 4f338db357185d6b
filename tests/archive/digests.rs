//! Archives compute SHA-256 and SHA-512; evidence that gives others is held against all that it gives.

use attest_archive::{MemberInput, ReleaseInput, Role, Source, Store};
use attest_digest::{Algorithm, Artifact, Hashes, RelativePath};
use serde_json::{Value, json};

use super::{codes, named};
use crate::support::World;

const OTHER: &str = "other@2.0.0";
const TRUST: &str =
    "--key .attest/trust/release.pub --trusted-root .attest/trust/trusted_root.json";

/// A home with a release of which the statement gives these digests beside SHA-256 for `tool`.
fn stated(digest: &dyn Fn(&Artifact) -> Value) -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    world.write("other/tool", "a tool\n");
    let read = Artifact::of_bytes(b"a tool\n", Hashes::All);
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "tool", "digest": digest(&read)}],
        "predicateType": "https://in-toto.io/attestation/release/v0.2",
        "predicate": {"purl": "pkg:generic/other@2.0.0"},
    });
    world.write("statement.json", statement.to_string());
    world
        .attest("sign --statement statement.json --out other/release.sigstore.json --no-password")
        .yes();
    world
}

#[test]
fn a_statement_with_sha384_is_verified_where_it_is_kept_and_exported() {
    let of = |read: &Artifact, names: &[Algorithm]| {
        let digest =
            |it: &Algorithm| (it.name().to_owned(), read.digest(*it).unwrap().hex().into());
        Value::Object(names.iter().map(digest).collect())
    };
    for given in [
        &[Algorithm::Sha384][..],
        &[Algorithm::Sha256, Algorithm::Sha384],
        &[Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512],
    ] {
        let world = stated(&|read| of(read, given));
        world.attest("archive add other").yes();
        let ran = world.attest("archive verify").yes();
        assert!(ran.out.contains(OTHER), "{ran:#?}");
        for (form, place) in [("dir", "bag"), ("tar", "bag.tar")] {
            world
                .attest(&format!("archive export {OTHER} --as {form} --out {place}"))
                .yes();
            world
                .attest(&format!("archive verify {place} --home .attest"))
                .yes();
        }
        world
            .attest(&format!("archive import bag.tar --archive vault {TRUST}"))
            .yes();
    }
}

/// The one that agrees does not speak for the one that contradicts it.
#[test]
fn a_sha384_of_other_bytes_is_refused_where_it_is_kept() {
    let world = stated(&|read| {
        let other = Artifact::of_bytes(b"another tool\n", Hashes::All);
        json!({
            "sha256": read.sha256().hex(),
            "sha384": other.digest(Algorithm::Sha384).unwrap().hex(),
        })
    });
    assert_eq!(world.attest("archive add other").exit, 1);
    // Whoever owns the disk asks nobody.
    let files =
        ["release.sigstore.json", "tool"].map(|it| (it, world.read(&format!("other/{it}"))));
    let members = files.iter().map(|(path, bytes)| MemberInput {
        path: RelativePath::parse(path).unwrap(),
        role: match *path {
            "tool" => Role::Artifact,
            _ => Role::Evidence,
        },
        source: Source::Bytes(bytes),
        expected: None,
    });
    let input = ReleaseInput {
        name: named(OTHER),
        members: members.collect(),
    };
    let mut store = Store::init(&world.at("vault")).unwrap();
    store.add(&input).unwrap();
    drop(store);
    let ran = world.attest(&format!(
        "archive verify --archive vault --format json {TRUST}"
    ));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let codes = codes(&ran.json(), OTHER);
    assert!(codes.iter().any(|it| it == "digest-mismatch"), "{ran:#?}");
}
