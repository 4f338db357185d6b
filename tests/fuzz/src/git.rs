//! Commits and tags of git.

use std::sync::LazyLock;

use attest_verify::{Accept, DetachedKey, ExpectedSigner, GitObject, Sha1Names, Verifier};

use crate::Outcome;

/// An object that is read says one thing about itself, and one that verifies is signed by the key that is asked
/// for: so what is signed stands in it as that key's holder signed it.
pub fn git_object(data: &[u8]) -> Outcome {
    let Ok(object) = GitObject::parse(data) else {
        return Outcome::Refused;
    };
    assert!(object.payload().len() < data.len());
    assert_eq!(object.tag().is_some(), object.target().is_some());
    assert_eq!(object.tag().is_none(), object.tree().is_some());
    assert!(object.is(object.name()).is_ok());
    let again = GitObject::parse(data).expect("it was read");
    assert_eq!(again, object);
    let mut outcome = Outcome::Read;
    for key in KEYS.iter() {
        let expected = ExpectedSigner::Detached(key.clone());
        if let Ok(evidence) = VERIFIER.verify_git(&object, &expected, Sha1Names::Accepted) {
            assert!(evidence.evidence().is_by(&expected));
            let known = OBJECTS.iter().any(|it| it.payload() == object.payload());
            assert!(known, "a payload that nobody signed");
            outcome = Outcome::Verified;
        }
    }
    outcome
}

const SIGNED: [(&[u8], &[u8]); 4] = [
    (
        include_bytes!("../../../fixtures/git/ssh-commit/object"),
        include_bytes!("../../../fixtures/git/ssh-commit/key"),
    ),
    (
        include_bytes!("../../../fixtures/git/ssh-tag/object"),
        include_bytes!("../../../fixtures/git/ssh-tag/key"),
    ),
    (
        include_bytes!("../../../fixtures/git/openpgp-commit/object"),
        include_bytes!("../../../fixtures/git/openpgp-commit/key"),
    ),
    (
        include_bytes!("../../../fixtures/git/openpgp-tag/object"),
        include_bytes!("../../../fixtures/git/openpgp-tag/key"),
    ),
];

static KEYS: LazyLock<Vec<DetachedKey>> = LazyLock::new(|| {
    SIGNED
        .map(|(_, key)| DetachedKey::parse(key).expect("a fixture"))
        .to_vec()
});

/// Everything that these keys signed.
static OBJECTS: LazyLock<Vec<GitObject>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/git");
    let cases = std::fs::read_dir(folder).expect("the fixtures");
    let objects = cases.filter_map(|case| {
        let case = case.ok()?.path();
        let expect = std::fs::read_to_string(case.join("expect.toml")).ok()?;
        expect
            .contains("accept = true")
            .then(|| std::fs::read(case.join("object")).ok())?
    });
    objects
        .filter_map(|raw| GitObject::parse(&raw).ok())
        .collect()
});

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let accept = Accept {
        no_log: true,
        no_time: true,
        set_only: false,
    };
    let now = "2026-11-21T12:00:00Z".parse().expect("a time");
    Verifier::new(Vec::new(), now, accept).expect("no root")
});
