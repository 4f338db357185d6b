//! One blob under any number of names: what costs an attacker nothing costs us no memory.

use attest_archive::{MemberInput, ReleaseInput, Role, Source, Store};
use attest_digest::RelativePath;
use attest_verify::limits::BUNDLE_BYTES;

use super::{archive, named, released};

#[test]
fn bundles_under_many_names_are_not_all_held() {
    let world = released();
    let bytes = vec![0; BUNDLE_BYTES];
    let member = |number| MemberInput {
        path: RelativePath::parse(&format!("{number:02}.sigstore.json")).unwrap(),
        role: Role::Evidence,
        source: Source::Bytes(&bytes),
        expected: None,
    };
    let release = ReleaseInput {
        name: named("large@1.0.0"),
        members: (0..44).map(member).collect(),
    };
    let mut store = Store::open(&archive(&world)).unwrap();
    store.add(&release).unwrap();
    drop(store);
    let ran = world.attest("archive verify large@1.0.0 --format json");
    assert_eq!(ran.exit, 1, "{}", ran.err);
    let report = ran.json();
    let evidence = report["evidence"].as_array().unwrap().iter();
    let too_large = evidence.filter(|it| it["reasons"][0]["code"] == "bundle-too-large");
    // 42 times 12 MiB are held, and no more.
    assert_eq!(too_large.count(), 2, "{report:#}");
}
