//! Commits and tags of git: whose signature stands on the raw object.
//!
//! ```text
//! raw bytes ─► GitObject::parse ─► GitObject (claimed; its name is ours) ─► Verifier::verify_git ─► GitEvidence
//! ```
//!
//! | file | says |
//! |---|---|
//! | `object.rs` | what a commit or tag is, in one meaning, and which of its bytes are signed |
//! | `name.rs` | how it is named: SHA-256, or SHA-1 with collision detection |
//! | `armor.rs` | whose signature it is: OpenPGP, SSH, gitsign |
//! | `gitsign.rs`, `log_entry.rs` | gitsign's signature, written down as a bundle |

mod armor;
mod gitsign;
mod log_entry;
mod name;
mod object;

use attest_digest::{Algorithm, Artifact, Digest, Hashes};

use crate::check::{Check, Rejection};
use crate::crypto;
use crate::dialect::Detached;
use crate::evidence::{Evidence, ProvenContent};
use crate::expected::ExpectedSigner;
use crate::limits;
use crate::signature::Subject;
use crate::verifier::Verifier;
use armor::Armor;
pub use name::{GitFormat, GitName};
pub use object::{GitKind, GitObject, Person};

/// Whether objects that are named by SHA-1 are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sha1Names {
    /// No.
    Refused,
    /// Yes, unless the bytes are made to have the name of others.
    Accepted,
}

/// A commit or tag whose signature was verified over its raw bytes.
///
/// Only [`Verifier::verify_git`] makes one.
#[derive(Debug, Clone)]
pub struct GitEvidence {
    object: GitObject,
    evidence: Evidence,
}

impl GitEvidence {
    /// The object that was signed.
    pub const fn object(&self) -> &GitObject {
        &self.object
    }

    /// Who signed it, and what else was proven of the signature.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The same, by itself.
    pub fn into_evidence(self) -> Evidence {
        self.evidence
    }
}

impl Verifier {
    /// Verifies that the expected signer, or one of several, signed this commit or tag.
    ///
    /// # Errors
    /// A name that is not taken; whatever of the signature is not as it must be.
    pub fn verify_git(
        &self,
        object: &GitObject,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
        names: Sha1Names,
    ) -> Result<GitEvidence, Rejection> {
        if object.name().format() == GitFormat::Sha1 && names == Sha1Names::Refused {
            let found = format!("{} {}", object.kind().name(), object.name());
            let wanted = "a name by SHA-256, or SHA-1 accepted by its name";
            return Err(Check::new("git-sha1", found, wanted).into());
        }
        let evidence = match armor::of(object.signature()) {
            Some(Armor::OpenPgp | Armor::Ssh) => self.detached(object, expected),
            Some(Armor::Cms) => self.gitsign(object, expected),
            Some(Armor::Message) | None => Err(Check::new(
                "git-signature-unknown",
                "a signature of another form",
                "one of SSH, OpenPGP or gitsign",
            )
            .into()),
        };
        Ok(GitEvidence {
            evidence: evidence?,
            object: object.clone(),
        })
    }

    fn detached(
        &self,
        object: &GitObject,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, Rejection> {
        let detached = Detached::parse(object.signature())?;
        if armor::blocks(object.signature()) != 1 || detached.clone().split().len() != 1 {
            return Err(GitError::Several.check().into());
        }
        self.verify_git_detached(&detached, object.payload(), expected)
    }

    fn gitsign(
        &self,
        object: &GitObject,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, Rejection> {
        let claimed = gitsign::read(object.signature(), object.payload())?;
        let hashes = Hashes::Sha256
            .with(Algorithm::Sha384)
            .with(Algorithm::Sha512);
        let attributes = Artifact::of_bytes(&claimed.attributes, hashes);
        let subject = Subject::Artifact(&attributes);
        let mut evidence = self.verify(&claimed.bundle, &subject, expected)?;
        // The attributes name the object by its digest, which was compared.
        let payload = crypto::hash(Algorithm::Sha256, object.payload());
        evidence.content = ProvenContent::Message(payload);
        name_subject(&mut evidence, payload);
        Ok(evidence)
    }
}

fn name_subject(evidence: &mut Evidence, payload: Digest) {
    for check in &mut evidence.checks {
        if check.code() == "subject" {
            *check = Check::new("subject", payload, payload);
        }
    }
}

impl GitObject {
    /// Whether it is the object of that name.
    ///
    /// # Errors
    /// `git-object-mismatch`.
    pub fn is(&self, wanted: &GitName) -> Result<(), Rejection> {
        same_name(self.kind().name(), *self.name(), wanted)
    }

    /// Whether a tag is called as the reference that led to it: a signed tag says for which name it is,
    /// and whoever can write references can put it under another, or a commit in its place. A commit says
    /// no name, and is no tag of anybody's.
    ///
    /// # Errors
    /// `git-tag-name`.
    pub fn is_under(&self, reference: &str) -> Result<(), Rejection> {
        let name = reference.strip_prefix("refs/tags/");
        let found = match (self.tag(), name) {
            (None, None) => return Ok(()),
            (Some(tag), Some(name)) if tag == name => return Ok(()),
            (Some(tag), _) => format!("a tag signed as {tag}, under {reference}"),
            (None, Some(_)) => format!("a commit under {reference}, which nobody signed a tag for"),
        };
        let wanted = match name {
            Some(name) => {
                format!("a tag signed as {name}; ask for a commit by its own whole name")
            }
            None => "a commit; ask for a tag below refs/tags/".to_owned(),
        };
        Err(Check::new("git-tag-name", found, wanted).into())
    }

    /// Whether these are the raw bytes of the object that a tag is for: a commit.
    ///
    /// # Errors
    /// `git-tag-target`, `git-object-mismatch`, `git-sha1-collision`.
    pub fn is_for(&self, kind: &str, raw: &[u8]) -> Result<(), Rejection> {
        let Some((claimed, wanted)) = self.target() else {
            return Ok(());
        };
        if claimed != "commit" || kind != claimed {
            let found = format!("a {kind}, called a {claimed} by the tag");
            return Err(Check::new("git-tag-target", found, "a commit").into());
        }
        let name = GitName::of(wanted.format(), kind, raw);
        let name = name.map_err(|_| Rejection::from(GitError::Collision.check()))?;
        same_name(kind, name, wanted)
    }
}

fn same_name(kind: &str, found: GitName, wanted: &GitName) -> Result<(), Rejection> {
    if found == *wanted {
        return Ok(());
    }
    let found = format!("the {kind} {found}");
    Err(Check::new("git-object-mismatch", found, wanted).into())
}

/// Why bytes are not a signed commit or tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// More bytes than are read.
    #[error(
        "an object of {found} bytes, at most {} are read",
        limits::GIT_OBJECT_BYTES
    )]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Not an object of one meaning.
    #[error("{found}")]
    Malformed {
        /// What is wrong with it.
        found: String,
    },
    /// Nobody signed it.
    #[error("no signature")]
    Unsigned,
    /// More than one signature, or one for a repository of another format.
    #[error("several signatures, or one of another format than the object's")]
    Several,
    /// Bytes that are made to have the SHA-1 of others.
    #[error("bytes that are made to have the SHA-1 of others")]
    Collision,
}

impl GitError {
    /// The stable code, one of [`GIT_CODES`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "git-object-too-large",
            Self::Malformed { .. } => "git-object-malformed",
            Self::Unsigned => "git-object-unsigned",
            Self::Several => "git-signature-several",
            Self::Collision => "git-sha1-collision",
        }
    }

    /// What was wanted.
    pub const fn wanted(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Malformed { .. } => "a commit or tag of one meaning",
            Self::Unsigned | Self::Several => "one signature",
            Self::Collision => "a name that stands for these bytes alone",
        }
    }

    fn check(&self) -> Check {
        Check::new(self.code(), self, self.wanted())
    }
}

impl From<GitError> for Rejection {
    fn from(error: GitError) -> Self {
        error.check().into()
    }
}

/// The codes with which commits and tags are refused, beside those of [`CODES`](crate::CODES), and what
/// they mean; sorted, unique.
pub const GIT_CODES: &[(&str, &str)] = &[
    (
        "git-object-malformed",
        "the bytes are not a commit or tag of one meaning",
    ),
    (
        "git-object-mismatch",
        "the bytes are not the object of that name",
    ),
    (
        "git-object-too-large",
        "the object has more bytes than any honest commit or tag",
    ),
    ("git-object-unsigned", "nobody signed the commit or tag"),
    (
        "git-sha1",
        "the object is named by SHA-1, which is not accepted",
    ),
    (
        "git-sha1-collision",
        "the bytes are made to have the SHA-1 of others",
    ),
    (
        "git-signature-several",
        "the object has several signatures, or one of another format than its own",
    ),
    (
        "git-signature-unknown",
        "the signature is of no form that is read",
    ),
    (
        "git-tag-name",
        "no tag was signed under the name of the reference: one under another name, or none",
    ),
    (
        "git-tag-target",
        "the tag is not for a commit, or for something else than it says",
    ),
];

#[cfg(test)]
mod tests;
