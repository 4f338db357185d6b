//! What must be kept and is not is named.

use super::*;
use crate::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Completeness, Member, Needed, Reader,
};

fn completeness(bench: &Bench, statements: &[&str]) -> Completeness {
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    let roles = release.members().iter().map(Member::role).collect();
    let found = release.completeness(&Needed::ALL, &roles, statements);
    found.unwrap()
}

fn attach(bench: &Bench, subject: Option<&str>, kind: AttachmentKind) {
    let input = AttachmentInput {
        subject: subject.map(named),
        kind,
        created: "2026-11-21T21:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: relative("file"),
            media_type: "text/plain".to_owned(),
            source: Source::Bytes(b"file"),
            expected: None,
        }],
    };
    Store::open(&bench.path()).unwrap().attach(&input).unwrap();
}

#[test]
fn what_is_missing_is_named_until_it_is_there() {
    let bench = Bench::with_hello();
    let found = completeness(&bench, &[]);
    assert_eq!(found.present, [Needed::Checksums, Needed::Trust]);
    assert_eq!(found.missing.len(), Needed::ALL.len() - 2);
    // A source of the archive, or of another release, is none of this one.
    bench.add("other@1", &HELLO[..1]).unwrap();
    attach(&bench, None, AttachmentKind::Source);
    attach(&bench, Some("other@1"), AttachmentKind::Source);
    assert!(completeness(&bench, &[]).missing.contains(&Needed::Source));
    attach(&bench, Some("hello@1.0.0"), AttachmentKind::Source);
    attach(&bench, Some("hello@1.0.0"), AttachmentKind::Renewal);
    attach(&bench, Some("hello@1.0.0"), AttachmentKind::Sbom);
    assert!(completeness(&bench, &[]).missing.contains(&Needed::Sbom));
    let statements = [
        "https://slsa.dev/provenance/v1",
        "https://slsa.dev/verification_summary/v1",
        "https://in-toto.io/attestation/test-result/v0.1",
    ];
    let found = completeness(&bench, &statements);
    assert_eq!(
        found.missing,
        [Needed::Sbom, Needed::Scan, Needed::Review, Needed::Tree]
    );
}

#[test]
fn each_has_a_name_of_its_own() {
    for needed in Needed::ALL {
        assert_eq!(Needed::from_name(needed.name()), Some(needed));
    }
    assert_eq!(Needed::from_name("everything"), None);
}
