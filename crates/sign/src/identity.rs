//! All key material of a home, made in memory: the caller only writes files.

use attest_log::CheckpointSigner as _;
use jiff::{SignedDuration, Timestamp};

use crate::artifact_key::ArtifactKey;
use crate::authority::{Authority, AuthorityError, AuthorityName, AuthorityRoot, Period};
use crate::checkpoint_key::{CheckpointKey, CheckpointKeyError};
use crate::crypto::{self, LibraryRefused};
use crate::key_file::{KeyError, random_salt};
use crate::origin::Origin;
use crate::password::{Password, Unlock};
use crate::trusted_root::{TrustedAuthority, TrustedLog, trusted_root_json};

/// A new identity: opened, and as the files that will open again under its password.
#[derive(Debug)]
pub struct Identity {
    /// Signs artifacts and statements.
    pub artifact_key: ArtifactKey,
    /// Signs checkpoints.
    pub checkpoint_key: CheckpointKey,
    /// Signs timestamps.
    pub authority: Authority,
    /// The files that hold it.
    pub files: IdentityFiles,
}

/// The contents of a home's files. The key files are encrypted under one password and one salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// `keys/artifact.key`.
    pub artifact_key: String,
    /// `keys/checkpoint.key`.
    pub checkpoint_key: String,
    /// `keys/tsa-root.key`.
    pub authority_root_key: String,
    /// `keys/tsa.key`.
    pub authority_key: String,
    /// The chain of the authority, leaf first, root last.
    pub authority_chain: String,
    /// `release.pub`.
    pub public_key: String,
    /// `trusted_root.json`.
    pub trusted_root: Vec<u8>,
}

/// A recovery key: its file, encrypted under a password and a salt of its own, and its public half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryKey {
    /// The key file, kept outside the home.
    pub key: String,
    /// `recovery.pub`.
    pub public_key: String,
    /// SHA-256 of its `SubjectPublicKeyInfo`.
    pub fingerprint: [u8; 32],
}

/// Why an identity cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A key or its file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The checkpoint key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointKeyError),
    /// The timestamp authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The trusted root could not be written as JSON.
    #[error("trusted root: {0}")]
    Json(#[from] serde_json::Error),
    /// The cryptographic library failed.
    #[error(transparent)]
    Library(#[from] LibraryRefused),
}

impl IdentityError {
    /// The stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Authority(error) => error.code(),
            Self::Json(_) => "encoding-failed",
            Self::Library(refused) => refused.code(),
        }
    }
}

/// Makes an identity: artifact key, checkpoint key, timestamp authority with its own root, and the
/// trusted root that names log and authority from `now` on.
///
/// Without an origin the log is called after its key.
///
/// # Errors
/// `authority-validity` when the clock stands before 1970; or the cryptographic library fails.
pub fn create_identity(
    origin: Option<&Origin>,
    now: Timestamp,
    unlock: &mut Unlock,
    password: &Password,
) -> Result<Identity, IdentityError> {
    let salt = random_salt()?;
    let artifact_key = ArtifactKey::generate()?;
    let checkpoint_key = CheckpointKey::generate(origin)?;
    let names = AuthorityNames::of(&checkpoint_key)?;
    let valid = Period {
        from: now,
        until: now.saturating_add(AUTHORITY_LIFETIME).unwrap_or(now),
    };
    let root = AuthorityRoot::create(&names.root, valid)?;
    let authority = root.issue(&names.leaf, valid)?;
    let trusted_root = trusted_root_json(
        &[TrustedLog {
            key: checkpoint_key.key(),
            since: now,
        }],
        &[TrustedAuthority {
            name: &names.leaf,
            uri: &format!("https://{}/timestamp", checkpoint_key.key().origin()),
            chain: authority.chain(),
            since: now,
        }],
    )?;
    let files = IdentityFiles {
        artifact_key: artifact_key.to_pem(salt, unlock, password)?,
        checkpoint_key: checkpoint_key.to_pem(salt, unlock, password)?,
        authority_root_key: root.to_pem(salt, unlock, password)?,
        authority_key: authority.to_pem(salt, unlock, password)?,
        authority_chain: authority.chain_pem(),
        public_key: artifact_key.public_pem(),
        trusted_root,
    };
    Ok(Identity {
        artifact_key,
        checkpoint_key,
        authority,
        files,
    })
}

/// Makes a recovery key: a P-256 key that signs nothing until the artifact key is lost.
///
/// # Errors
/// When the cryptographic library fails.
pub fn create_recovery_key(
    unlock: &mut Unlock,
    password: &Password,
) -> Result<RecoveryKey, IdentityError> {
    let key = ArtifactKey::generate()?;
    Ok(RecoveryKey {
        key: key.to_pem(random_salt()?, unlock, password)?,
        public_key: key.public_pem(),
        fingerprint: key.fingerprint(),
    })
}

struct AuthorityNames {
    root: AuthorityName,
    leaf: AuthorityName,
}

impl AuthorityNames {
    /// Named after the log's key, so that two identities' authorities differ by name as well.
    fn of(key: &CheckpointKey) -> Result<Self, AuthorityError> {
        let id = hex::encode(crypto::sha256(&key.key().spki()));
        let id = id.get(..16).unwrap_or(&id);
        Ok(Self {
            root: AuthorityName::new(ORGANIZATION, &format!("timestamp root {id}"))?,
            leaf: AuthorityName::new(ORGANIZATION, &format!("timestamp {id}"))?,
        })
    }
}

const ORGANIZATION: &str = "attest local identity";

/// Twenty years: `openssl ts -verify` refuses a token when the certificate that signed it has
/// expired, and nobody but the signer depends on this root.
const AUTHORITY_LIFETIME: SignedDuration = SignedDuration::from_hours(20 * 365 * 24 + 5 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T09:41:07.5Z".parse().unwrap()
    }

    #[test]
    fn a_home_costs_one_derivation_to_make_and_one_to_open() {
        let password = Password::new(b"hunter2".to_vec());
        let mut unlock = Unlock::new();
        let made = create_identity(None, now(), &mut unlock, &password).unwrap();
        assert_eq!(unlock.derivations(), 1);

        let mut unlock = Unlock::new();
        let files = &made.files;
        let origin = Origin::parse(made.checkpoint_key.key().origin()).unwrap();
        let artifact =
            ArtifactKey::from_pem(files.artifact_key.as_bytes(), &mut unlock, &password).unwrap();
        let checkpoint = CheckpointKey::from_pem(
            files.checkpoint_key.as_bytes(),
            &origin,
            &mut unlock,
            &password,
        )
        .unwrap();
        let authority = Authority::from_pem(
            files.authority_key.as_bytes(),
            files.authority_chain.as_bytes(),
            &mut unlock,
            &password,
        )
        .unwrap();
        ArtifactKey::from_pem(files.authority_root_key.as_bytes(), &mut unlock, &password).unwrap();
        assert_eq!(unlock.derivations(), 1);
        assert_eq!(artifact.spki(), made.artifact_key.spki());
        assert_eq!(checkpoint.key(), made.checkpoint_key.key());
        assert_eq!(authority.chain(), made.authority.chain());
    }

    #[test]
    fn no_private_key_of_a_home_opens_with_another_password() {
        let mut unlock = Unlock::new();
        let password = Password::new(b"hunter2".to_vec());
        let files = create_identity(None, now(), &mut unlock, &password)
            .unwrap()
            .files;
        for key in [
            &files.artifact_key,
            &files.checkpoint_key,
            &files.authority_key,
            &files.authority_root_key,
        ] {
            let error = ArtifactKey::from_pem(key.as_bytes(), &mut unlock, &Password::empty());
            assert_eq!(error.unwrap_err().code(), "password-wrong");
        }
    }

    #[test]
    fn the_trusted_root_names_log_and_authority_in_version_0_1() {
        let made = create_identity(None, now(), &mut Unlock::new(), &Password::empty()).unwrap();
        let root: serde_json::Value = serde_json::from_slice(&made.files.trusted_root).unwrap();
        let origin = made.checkpoint_key.key().origin();
        assert_eq!(
            root["mediaType"],
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        );
        assert_eq!(root["tlogs"][0]["baseUrl"], format!("https://{origin}"));
        let id = root["tlogs"][0]["logId"]["keyId"].as_str().unwrap();
        assert_eq!(
            (id.len(), id),
            (
                44,
                root["tlogs"][0]["checkpointKeyId"]["keyId"]
                    .as_str()
                    .unwrap()
            )
        );
        let start = "2026-11-21T09:41:07Z";
        assert_eq!(root["tlogs"][0]["publicKey"]["validFor"]["start"], start);
        assert_eq!(root["timestampAuthorities"][0]["validFor"]["start"], start);
        let chain = &root["timestampAuthorities"][0]["certChain"]["certificates"];
        assert_eq!(chain.as_array().unwrap().len(), 2);
        for empty in ["certificateAuthorities", "ctlogs"] {
            assert_eq!(root[empty], serde_json::json!([]));
        }
    }

    #[test]
    fn a_recovery_key_has_its_own_salt() {
        let password = Password::empty();
        let mut unlock = Unlock::new();
        let one = create_recovery_key(&mut unlock, &password).unwrap();
        let other = create_recovery_key(&mut unlock, &password).unwrap();
        assert_eq!(unlock.derivations(), 2);
        assert_ne!(one.fingerprint, other.fingerprint);
        let opened = ArtifactKey::from_pem(one.key.as_bytes(), &mut unlock, &password).unwrap();
        assert_eq!(opened.public_pem(), one.public_key);
        assert_eq!(opened.fingerprint(), one.fingerprint);
    }

    #[test]
    fn a_clock_before_1970_makes_no_identity() {
        let past = "1969-12-31T23:59:59Z".parse().unwrap();
        let error = create_identity(None, past, &mut Unlock::new(), &Password::empty());
        assert_eq!(error.unwrap_err().code(), "authority-validity");
    }
}
