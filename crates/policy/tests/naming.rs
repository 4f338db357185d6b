//! The names of a folder, from the statements of one source.

use attest_digest::RelativePath;
use attest_policy::{Accepted, Decision, Policy, SignedNames, provenance_complete};
use attest_verify::Evidence;
use serde_json::{Value, json};

use super::{RELEASE, SLSA, World, artifact, code, expected, key, release, sha256};

type Files<'a> = &'a [(&'a str, &'a [u8])];

/// Evidence of one signer, and what the policy makes of it.
struct Signed {
    policy: Policy,
    evidence: Vec<Evidence>,
}

impl Signed {
    fn of(statements: &[(&str, Value, Files<'_>)]) -> Self {
        let (world, alice) = (World::get(), key());
        let sign = |(kind, predicate, files): &(&str, Value, Files<'_>)| {
            world.statement(&alice, kind, predicate, files)
        };
        Self {
            policy: Policy::expecting(expected(&alice)),
            evidence: statements.iter().map(sign).collect(),
        }
    }

    fn accepted(&self) -> Vec<Accepted<'_>> {
        let decide = |evidence| match self.policy.decide(evidence) {
            Decision::Accept(accepted) => accepted,
            Decision::Reject(reasons) => panic!("{reasons:?}"),
        };
        self.evidence.iter().map(decide).collect()
    }

    fn names(&self) -> Result<SignedNames, attest_policy::Reason> {
        SignedNames::of_statements(&self.accepted())
    }
}

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn part(number: u32, count: u32, list: &[u8]) -> Value {
    json!({
        "purl": "pkg:generic/hello@1.0.0",
        "attest": {"part": number, "parts": count, "sha256sums": {"sha256": sha256(list)}},
    })
}

const X: Files<'static> = &[("x", b"x")];
const Y: Files<'static> = &[("y", b"y")];
const BOTH: Files<'static> = &[("x", b"x"), ("y", b"y")];

#[test]
fn a_path_binds_the_bytes_that_were_signed_for_it() {
    let names = Signed::of(&[(RELEASE, release("1.0.0"), BOTH)])
        .names()
        .unwrap();
    assert_eq!(
        (names.len(), names.is_empty(), names.parts()),
        (2, false, 0)
    );
    assert_eq!(names.release(), Some("hello@1.0.0"));
    assert!(names.complete().is_ok());
    let bind = |name, bytes| code(&names.bind(&path(name), &artifact(bytes)));
    assert_eq!(bind("x", b"x"), "accepted");
    assert_eq!(bind("x", b"y"), "name-mismatch");
    assert_eq!(bind("x", b"z"), "digest-mismatch");
    assert_eq!(bind("z", b"x"), "name-mismatch");
    assert_eq!(bind("z", b"z"), "file-unattested");
    assert!(names.digests(&path("x")).is_some() && names.digests(&path("z")).is_none());
    assert_eq!(
        names.paths().map(RelativePath::as_str).collect::<Vec<_>>(),
        ["x", "y"]
    );
}

#[test]
fn parts_are_needed_all_and_belong_together() {
    let both = Signed::of(&[
        (RELEASE, part(1, 2, b"l"), X),
        (RELEASE, part(2, 2, b"l"), Y),
    ]);
    let names = both.names().unwrap();
    assert_eq!((names.len(), names.parts()), (2, 2));
    assert!(names.complete().is_ok());
    let one = Signed::of(&[(RELEASE, part(2, 2, b"l"), Y)])
        .names()
        .unwrap();
    let reason = one.complete().unwrap_err();
    assert_eq!(reason.code(), "release-incomplete");
    assert_eq!(
        (reason.found(), reason.wanted()),
        ("no part 1", "all 2 parts of the statement")
    );
    let many = Signed::of(&[(RELEASE, part(10, 10, b"l"), Y)])
        .names()
        .unwrap();
    let reason = many.complete().unwrap_err();
    assert_eq!(reason.found(), "no part 1, 2, 3, 4, 5, 6, 7, 8, …");
    let eight = Signed::of(&[(RELEASE, part(9, 9, b"l"), Y)])
        .names()
        .unwrap();
    assert_eq!(
        eight.complete().unwrap_err().found(),
        "no part 1, 2, 3, 4, 5, 6, 7, 8"
    );
    for other in [
        part(2, 3, b"l"),
        part(2, 2, b"another list"),
        json!({"purl": "pkg:generic/hello@1.0.1",
            "attest": {"part": 2, "parts": 2, "sha256sums": {"sha256": sha256(b"l")}}}),
        release("1.0.1"),
    ] {
        let mixed = Signed::of(&[(RELEASE, part(1, 2, b"l"), X), (RELEASE, other.clone(), Y)]);
        assert_eq!(code(&mixed.names()), "release-inconsistent", "{other}");
    }
    // Also when the other release names the same files, and is no part of anything.
    for first in [part(1, 1, b"l"), release("1.0.0")] {
        let mixed = [(RELEASE, first, X), (RELEASE, release("1.0.1"), X)];
        assert_eq!(code(&Signed::of(&mixed).names()), "release-inconsistent");
    }
    // One part signed twice names the files of one of them.
    let twice = [
        (RELEASE, part(1, 1, b"l"), X),
        (RELEASE, part(1, 1, b"l"), Y),
    ];
    assert_eq!(code(&Signed::of(&twice).names()), "release-inconsistent");
}

#[test]
fn statements_repeat_names_and_add_none() {
    let first = (SLSA, super::provenance(), BOTH);
    for (other, wanted) in [
        (X, "accepted"),
        (Y, "accepted"),
        (&[("z", &b"z"[..])][..], "release-inconsistent"),
    ] {
        for statements in [
            [first.clone(), (SLSA, super::provenance(), other)],
            [(SLSA, super::provenance(), other), first.clone()],
        ] {
            let names = Signed::of(&statements).names();
            assert_eq!(code(&names), wanted);
            assert!(names.is_err() || names.is_ok_and(|it| it.len() == 2));
        }
    }
    // A statement of the same release that is no part adds nothing to its parts.
    let parts = [
        (RELEASE, part(1, 1, b"l"), X),
        (RELEASE, release("1.0.0"), BOTH),
    ];
    assert_eq!(code(&Signed::of(&parts).names()), "release-inconsistent");
    let conflict: Files<'_> = &[("x", b"x"), ("x", b"y")];
    let names = Signed::of(&[(SLSA, super::provenance(), conflict)]).names();
    assert_eq!(code(&names), "subject-conflict");
    let outside: Files<'_> = &[("../x", b"x")];
    let names = Signed::of(&[(SLSA, super::provenance(), outside)]).names();
    assert_eq!(code(&names), "subject-name-invalid");
}

#[test]
fn a_list_binds_itself_unless_it_is_listed() {
    use attest_digest::{Algorithm, Checksums};
    let (world, alice) = (World::get(), key());
    let policy = Policy::expecting(expected(&alice));
    let text = format!("{}  x\n", sha256(b"x"));
    let evidence = world.message(&alice, text.as_bytes());
    let Decision::Accept(accepted) = policy.decide(&evidence) else {
        panic!("refused")
    };
    let list = Checksums::parse(text.as_bytes(), Algorithm::Sha256).unwrap();
    let names = SignedNames::of_checksums(&accepted, &list).unwrap();
    assert_eq!((names.len(), names.release()), (1, None));
    let bind =
        |names: &SignedNames, name, bytes: &[u8]| code(&names.bind(&path(name), &artifact(bytes)));
    let names = names.with_itself("SHA256SUMS", &evidence);
    assert_eq!(bind(&names, "x", b"x"), "accepted");
    assert_eq!(bind(&names, "SHA256SUMS", text.as_bytes()), "accepted");
    assert_eq!(bind(&names, "SHA256SUMS", b"another"), "digest-mismatch");
    // A listed name keeps the digest that is listed.
    let names = names.with_itself("x", &evidence);
    assert_eq!(bind(&names, "x", b"x"), "accepted");
}

#[test]
fn provenance_of_parts_is_whole_or_none() {
    let parts = |number: u32| {
        json!({
            "buildDefinition": {
                "buildType": "https://attest.dev/buildtypes/packaging/v1",
                "externalParameters": {"name": "hello", "version": "1.0.0"},
                "internalParameters": {
                    "attest": {"part": number, "parts": 2, "sha256sums": {"sha256": sha256(b"l")}},
                },
            },
            "runDetails": {"builder": {"id": "https://example.org/builder"}},
        })
    };
    let whole = Signed::of(&[(SLSA, parts(1), X), (SLSA, parts(2), Y)]);
    let names = whole.names().unwrap();
    assert_eq!((names.len(), names.parts()), (2, 2));
    assert!(names.complete().is_ok());
    let half = Signed::of(&[(SLSA, parts(2), Y)]).names().unwrap();
    assert_eq!(half.complete().unwrap_err().code(), "release-incomplete");
    assert_eq!(code(&provenance_complete(&whole.evidence)), "accepted");
    let one = provenance_complete(whole.evidence.first());
    assert_eq!(code(&one), "release-incomplete");
    let none: [&Evidence; 0] = [];
    assert_eq!(code(&provenance_complete(none)), "accepted");
    let plain = Signed::of(&[(SLSA, super::provenance(), X)]);
    assert_eq!(code(&provenance_complete(&plain.evidence)), "accepted");
}
