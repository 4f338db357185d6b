//! A file by itself, against statements and lists.

use attest_digest::{Algorithm, Artifact, Checksums, Digest, Hashes};
use attest_policy::{Bytes, checksums_names, statement_names, statement_signs_for};
use attest_provenance::Statement;
use serde_json::json;

use super::{OTHER, artifact, code, sha256, statement};

fn about(files: &[(&str, &[u8])]) -> Statement {
    Statement::parse(statement(OTHER, &json!({}), files).as_bytes()).unwrap()
}

#[test]
fn a_statement_names_bytes_by_their_digest() {
    let both = about(&[("a", b"one"), ("b", b"two")]);
    let (one, two, other) = (artifact(b"one"), artifact(b"two"), artifact(b"other"));
    assert_eq!(
        statement_names(&both, Bytes::Read(&one), None).unwrap(),
        Some("a")
    );
    assert_eq!(
        statement_names(&both, Bytes::Read(&two), Some("a")).unwrap(),
        Some("b")
    );
    let names = |bytes, name| code(&statement_names(&both, bytes, name));
    assert_eq!(names(Bytes::Read(&other), None), "subject-missing");
    assert_eq!(names(Bytes::Read(&other), Some("c")), "subject-missing");
    assert_eq!(names(Bytes::Read(&other), Some("a")), "digest-mismatch");
    assert_eq!(names(Bytes::Given(one.sha256()), None), "accepted");
    assert_eq!(names(Bytes::Given(other.sha256()), None), "subject-missing");
    assert_eq!(
        names(Bytes::Given(other.sha256()), Some("b")),
        "digest-mismatch"
    );
    let longer = Artifact::of_bytes(b"one", Hashes::All).digest(Algorithm::Sha512);
    assert_eq!(
        names(Bytes::Given(longer.unwrap()), None),
        "digest-incomparable"
    );
}

#[test]
fn a_statement_signs_for_the_paths_that_it_names() {
    let both = about(&[("a", b"one"), ("deep/a", b"one"), ("b", b"two")]);
    let one = artifact(b"one");
    let signs = |paths: &[&str]| code(&statement_signs_for(&both, Bytes::Read(&one), paths));
    assert_eq!(signs(&["a"]), "accepted");
    assert_eq!(signs(&["deep/a"]), "accepted");
    assert_eq!(signs(&["c", "deep/a"]), "accepted");
    assert_eq!(signs(&["c"]), "name-mismatch");
    // Other bytes stand under that name.
    assert_eq!(signs(&["b"]), "name-mismatch");
    let other = artifact(b"other");
    let signs = |paths: &[&str]| code(&statement_signs_for(&both, Bytes::Read(&other), paths));
    assert_eq!(signs(&["a"]), "digest-mismatch");
    assert_eq!(signs(&["c"]), "subject-missing");
}

#[test]
fn a_subject_without_a_name_signs_for_every_path() {
    let text = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": sha256(b"one")}}],
        "predicateType": OTHER, "predicate": {},
    });
    let nameless = Statement::parse(text.to_string().as_bytes()).unwrap();
    let one = artifact(b"one");
    assert_eq!(
        statement_names(&nameless, Bytes::Read(&one), Some("x")).unwrap(),
        None
    );
    assert!(statement_signs_for(&nameless, Bytes::Read(&one), &["x"]).is_ok());
}

#[test]
fn a_list_names_bytes_by_their_digest() {
    let line = |bytes: &[u8], name: &str| format!("{}  {name}\n", sha256(bytes));
    let text = line(b"one", "a") + &line(b"two", "b");
    let list = Checksums::parse(text.as_bytes(), Algorithm::Sha256).unwrap();
    let (one, other) = (artifact(b"one"), artifact(b"other"));
    assert_eq!(
        checksums_names(&list, Bytes::Read(&one), Some("b")).unwrap(),
        "a"
    );
    let names = |bytes: Digest, name| code(&checksums_names(&list, Bytes::Given(bytes), name));
    assert_eq!(names(one.sha256(), None), "accepted");
    assert_eq!(names(other.sha256(), None), "subject-missing");
    assert_eq!(names(other.sha256(), Some("b")), "digest-mismatch");
    assert_eq!(names(other.sha256(), Some("c")), "subject-missing");
}
