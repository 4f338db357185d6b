use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::*;
use crate::{ArtifactKey, CheckpointKey, Origin};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    password: String,
    accept: Option<String>,
    reject: Option<String>,
    message: Option<String>,
    parent: Option<String>,
    #[expect(dead_code, reason = "for those who read the case")]
    change: Option<String>,
}

struct Case {
    folder: PathBuf,
    expect: Expectation,
}

impl Case {
    fn open(&self, unlock: &mut Unlock) -> Result<ArtifactKey, KeyError> {
        let password = Password::new(self.expect.password.clone().into_bytes());
        ArtifactKey::from_pem(
            &fs::read(self.folder.join("key.pem")).unwrap(),
            unlock,
            &password,
        )
    }
}

fn cases() -> BTreeMap<String, Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys");
    fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let expect = fs::read_to_string(folder.join("expect.toml")).unwrap();
            let expect =
                toml::from_str(&expect).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            (name, Case { folder, expect })
        })
        .collect()
}

#[test]
fn every_key_file_is_accepted_or_refused_as_its_case_says() {
    let cases = cases();
    let mut unlock = Unlock::new();
    for (name, case) in &cases {
        let expect = &case.expect;
        match (case.open(&mut unlock), &expect.accept, &expect.reject) {
            (Ok(key), Some(kind), None) => {
                assert_eq!(kind, "P-256", "{name}");
                let public =
                    pem::parse(&fs::read(case.folder.join("public.pem")).unwrap()).unwrap();
                assert_eq!(key.spki(), *public[0].contents, "{name}");
            }
            (Err(error), None, Some(code)) => {
                assert_eq!(error.code(), code, "{name}: {error}");
                let message = expect.message.as_deref().unwrap();
                assert!(error.to_string().starts_with(message), "{name}: {error}");
            }
            (Ok(_), ..) => panic!("{name} is accepted"),
            (Err(error), ..) => panic!("{name}: {error}"),
        }
    }
    assert!(cases.len() >= 47, "{} cases", cases.len());
}

#[test]
fn every_refused_case_has_an_accepted_parent() {
    let cases = cases();
    let mut unlock = Unlock::new();
    for (name, case) in &cases {
        if let Some(parent) = &case.expect.parent {
            let parent = cases
                .get(parent)
                .unwrap_or_else(|| panic!("{name}: no parent {parent}"));
            assert!(parent.open(&mut unlock).is_ok(), "{name}");
        }
    }
}

#[test]
fn foreign_scrypt_parameters_are_refused_before_anything_is_derived() {
    for name in [
        "scrypt-n-small",
        "scrypt-n-huge",
        "scrypt-r",
        "scrypt-p",
        "other-kdf",
    ] {
        let mut unlock = Unlock::new();
        cases()[name].open(&mut unlock).unwrap_err();
        assert_eq!(unlock.derivations(), 0, "{name}");
    }
}

#[test]
fn a_file_of_ten_megabytes_is_refused_by_its_size() {
    let mut file = b"-----BEGIN PRIVATE KEY-----\n".to_vec();
    file.resize(10 << 20, b'A');
    let error = ArtifactKey::from_pem(&file, &mut Unlock::new(), &Password::empty()).unwrap_err();
    assert_eq!(
        error,
        KeyError::TooLarge {
            found: 10 << 20,
            limit: KEY_FILE_BYTES
        }
    );
    assert_eq!(error.code(), "key-unreadable");
    assert_eq!(protection(&file).unwrap_err(), error);
}

#[test]
fn a_key_of_another_kind_signs_no_checkpoints() {
    let mut unlock = Unlock::new();
    let salt = random_salt().unwrap();
    let password = Password::empty();
    let key = ArtifactKey::generate()
        .unwrap()
        .to_pem(salt, &mut unlock, &password)
        .unwrap();
    let origin = Origin::parse("log.example.com").unwrap();
    let error =
        CheckpointKey::from_pem(key.as_bytes(), &origin, &mut unlock, &password).unwrap_err();
    assert_eq!(error.code(), "key-unsupported");
    assert_eq!(
        error.to_string(),
        "key file holds a P-256 key, an Ed25519 key is needed"
    );
}

#[test]
fn the_protection_of_a_file_is_known_without_its_password() {
    let cases = cases();
    let read = |name: &str| fs::read(cases[name].folder.join("key.pem")).unwrap();
    assert_eq!(
        protection(&read("cosign-password")),
        Ok(Protection::Password)
    );
    assert_eq!(protection(&read("pkcs8")), Ok(Protection::None));
    assert_eq!(
        protection(&read("rsa-pkcs1")).unwrap_err().code(),
        "key-unsupported"
    );
}

#[test]
fn keys_under_one_salt_and_password_cost_one_derivation() {
    let salt = random_salt().unwrap();
    let password = Password::new(b"hunter2".to_vec());
    let mut unlock = Unlock::new();
    let artifact = ArtifactKey::generate()
        .unwrap()
        .to_pem(salt, &mut unlock, &password)
        .unwrap();
    let origin = Origin::parse("log.example.com").unwrap();
    let checkpoint = CheckpointKey::generate(Some(&origin)).unwrap();
    let checkpoint = checkpoint.to_pem(salt, &mut unlock, &password).unwrap();
    let mut unlock = Unlock::new();
    ArtifactKey::from_pem(artifact.as_bytes(), &mut unlock, &password).unwrap();
    CheckpointKey::from_pem(checkpoint.as_bytes(), &origin, &mut unlock, &password).unwrap();
    assert_eq!(unlock.derivations(), 1);
}

#[test]
fn a_key_that_was_written_opens_again_and_the_file_does_not_show_it() {
    let key = ArtifactKey::generate().unwrap();
    let mut unlock = Unlock::new();
    for password in [Password::empty(), Password::new(b"hunter2".to_vec())] {
        let salt = random_salt().unwrap();
        let file = key.to_pem(salt, &mut unlock, &password).unwrap();
        assert!(file.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        let again = ArtifactKey::from_pem(file.as_bytes(), &mut unlock, &password).unwrap();
        assert_eq!(again.spki(), key.spki());
        assert_ne!(
            file,
            key.to_pem(salt, &mut unlock, &password).unwrap(),
            "the nonce is random"
        );
    }
}
