use proptest::prelude::*;

use super::{GitError, GitKind, GitObject, limits};

const COMMIT: &[u8] = include_bytes!("../../../../fixtures/git/ssh-commit/object");
const TAG: &[u8] = include_bytes!("../../../../fixtures/git/ssh-tag/object");
const MERGE: &[u8] = include_bytes!("../../../../fixtures/git/merge-of-a-signed-tag/object");
const GITSIGN: &[u8] = include_bytes!("../../../../fixtures/git/gitsign-commit/object");

#[test]
fn what_is_signed_is_the_object_without_its_signature() {
    for raw in [COMMIT, TAG, MERGE, GITSIGN] {
        let object = GitObject::parse(raw).unwrap();
        let payload = object.payload();
        assert!(payload.len() + object.signature().len() < raw.len() + 1);
        // Every byte of it stands in the raw object, in order.
        let mut rest = raw.iter();
        assert!(payload.iter().all(|byte| rest.any(|it| it == byte)));
    }
    let merge = GitObject::parse(MERGE).unwrap();
    assert_eq!(merge.parents().len(), 2);
    let text = String::from_utf8_lossy(merge.payload()).into_owned();
    assert!(text.contains("\nmergetag object "), "{text}");
}

#[test]
fn an_object_says_what_it_is() {
    let commit = GitObject::parse(COMMIT).unwrap();
    assert_eq!(commit.kind(), GitKind::Commit);
    assert_eq!(commit.commit(), Some(commit.name()));
    assert_eq!((commit.tag(), commit.target()), (None, None));
    assert_eq!(commit.author().email, "alice@example.org");
    assert_eq!(commit.author(), commit.committer());
    assert_eq!(commit.author().seconds, 1_795_255_200);
    assert!(commit.tree().is_some());
    let tag = GitObject::parse(TAG).unwrap();
    assert_eq!((tag.kind(), tag.tag()), (GitKind::Tag, Some("v1.0")));
    assert_eq!(tag.commit(), Some(commit.name()));
    assert!(tag.is_under("refs/tags/v1.0").is_ok());
    assert!(tag.is_under("refs/tags/v1.1").is_err());
    assert!(tag.is_under("refs/heads/v1.0").is_err());
    assert!(tag.is_under("refs/v1.0").is_err());
    assert!(commit.is_under("refs/heads/v1.0").is_ok());
    let refused = commit.is_under("refs/tags/v1.0").unwrap_err();
    assert_eq!(refused.code(), "git-tag-name");
    assert!(tag.is_for("commit", COMMIT).is_ok());
    assert!(tag.is_for("commit", MERGE).is_err());
    assert!(tag.is_for("tree", b"").is_err());
    // git says the same: `git hash-object -t commit`.
    let gitsign = GitObject::parse(GITSIGN).unwrap();
    let name = "529ee14c05ac4640c599d6b34298b940d8a977f3";
    assert_eq!(gitsign.name().to_string(), name);
}

#[test]
fn a_commit_with_more_headers_than_any_honest_one_is_refused() {
    let line = format!("parent {}\n", "a".repeat(64));
    let parents = line.repeat(limits::GIT_HEADERS);
    let text = String::from_utf8(COMMIT.to_vec()).unwrap();
    let many = text.replacen("author", &format!("{parents}author"), 1);
    let refused = GitObject::parse(many.as_bytes()).unwrap_err();
    assert_eq!(refused.code(), "git-object-malformed");
    let large = vec![b' '; limits::GIT_OBJECT_BYTES + 1];
    let refused = GitObject::parse(&large).unwrap_err();
    assert!(matches!(refused, GitError::TooLarge { .. }));
}

proptest! {
    #[test]
    fn no_byte_can_be_changed_without_being_seen(at in 0..COMMIT.len(), by in 1_u8..=255) {
        let before = GitObject::parse(COMMIT).unwrap();
        let mut raw = COMMIT.to_vec();
        raw[at] ^= by;
        if let Ok(after) = GitObject::parse(&raw) {
            prop_assert_ne!(after.name(), before.name());
            prop_assert!(after.payload() != before.payload() || after.signature() != before.signature());
        }
    }

    #[test]
    fn whatever_is_read_is_read_without_a_panic(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = GitObject::parse(&raw);
        let _ = super::log_entry::read(&raw);
        let _ = crate::asn1::signed_object::SignedObject::parse(&raw);
    }
}
