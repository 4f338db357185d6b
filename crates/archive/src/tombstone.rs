//! That the artifacts of a release were deleted: who, when, why, which; and when that counts.

use std::collections::BTreeSet;

use attest_digest::{Digest, DigestSet};
use attest_provenance::json::Object;
use attest_provenance::{ReleaseName, Statement, Subject};
use attest_verify::Evidence;
use jiff::Timestamp;
use serde_json::json;

use crate::keeping::{KeptKeeping, Seal, Term, line};
use crate::limits;
use crate::release::Release;
use crate::role::Role;
use crate::said_error::SaidError;

/// The predicate type of a tombstone.
pub const TOMBSTONE_TYPE: &str = "https://attest.dev/tombstone/v0.1";

/// A statement that the artifacts of a release were deleted.
///
/// ```text
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"hello@1.0.0","digest":{"sha256":"77aa…"}}],
///  "predicateType":"https://attest.dev/tombstone/v0.1",
///  "predicate":{"by":"alice (uid 1000) on vault","reason":"no longer wanted",
///    "time":"2036-11-22T09:00:00Z","deleted":["sha256:2cf2…"]}}
/// ```
/// The subject is the manifest of the release; `deleted` are the digests of its artifacts, sorted.
/// Those that another release needs stay where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Who deleted them, as the machine says.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, as the signer says.
    pub time: Timestamp,
}

/// A deletion that counts: signed when nothing kept the release any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    release: ReleaseName,
    manifest: Digest,
    attachment: Digest,
    artifacts: BTreeSet<Digest>,
    said: Tombstone,
    proven: Timestamp,
}

/// Why a tombstone does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TombstoneError {
    /// No statement about a deletion.
    #[error("it is no tombstone: {0}")]
    Malformed(SaidError),
    /// About something else, or about other files than the artifacts of the release.
    #[error("it is about another release, or about other files than the artifacts of {release}")]
    OtherRelease {
        /// The release that it is attached to.
        release: ReleaseName,
    },
    /// Signed before the retention had run out.
    #[error("it was signed {proven}, and {release} was kept {}", until_words(*.until))]
    Early {
        /// The release.
        release: ReleaseName,
        /// When it was signed.
        proven: Timestamp,
        /// Until when the release had to be kept; none if that has no end.
        until: Option<Timestamp>,
    },
    /// Signed while a legal hold stood.
    #[error("it was signed {proven}, and {release} was on hold: {reason}")]
    UnderHold {
        /// The release.
        release: ReleaseName,
        /// When it was signed.
        proven: Timestamp,
        /// Why it was held.
        reason: String,
    },
}

impl TombstoneError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "tombstone-malformed",
            Self::OtherRelease { .. } => "tombstone-other-release",
            Self::Early { .. } => "tombstone-early",
            Self::UnderHold { .. } => "tombstone-under-hold",
        }
    }
}

impl Tombstone {
    /// The artifacts of a release, by the roles that its manifest claims, but those that are known to be
    /// something else. What is evidence too, by another path, is none.
    pub fn artifacts(release: &Release<'_>, spared: &BTreeSet<Digest>) -> BTreeSet<Digest> {
        let of = |is_artifact: bool| {
            let members = release.members().iter();
            let members = members.filter(move |it| (it.role() == Role::Artifact) == is_artifact);
            members.map(crate::Member::digest).collect::<BTreeSet<_>>()
        };
        let artifacts = &of(true) - &of(false);
        &artifacts - spared
    }

    /// The statement to be signed about this release, of which these artifacts are deleted.
    ///
    /// # Errors
    /// A reason or a name that is empty, too long, or has control characters.
    pub fn statement(
        &self,
        release: &Release<'_>,
        deleted: &BTreeSet<Digest>,
    ) -> Result<Statement, SaidError> {
        let mut digests = DigestSet::new();
        digests
            .insert_digest(release.manifest())
            .map_err(|_| SaidError::Value { field: "subject" })?;
        let subject = Subject::new(release.name().to_string(), digests)?;
        let deleted: Vec<String> = deleted.iter().map(Digest::to_string).collect();
        let predicate = json!({
            "by": line("by", &self.by)?,
            "reason": line("reason", &self.reason)?,
            "time": self.time.to_string(),
            "deleted": deleted,
        });
        Ok(Statement::new(vec![subject], TOMBSTONE_TYPE, predicate)?)
    }

    /// Reads what a statement says of a deletion, whatever it is about.
    ///
    /// # Errors
    /// Another type, other fields, values that cannot be.
    pub fn from_statement(statement: &Statement) -> Result<Self, SaidError> {
        Self::read(statement).map(|(said, _)| said)
    }

    /// What it says, and which artifacts it names.
    fn read(statement: &Statement) -> Result<(Self, BTreeSet<Digest>), SaidError> {
        if statement.predicate_type() != TOMBSTONE_TYPE {
            let field = "predicateType";
            return Err(SaidError::Value { field });
        }
        let mut fields = Object::new("predicate", statement.predicate().clone())?;
        let said = Self {
            by: fields.take_string("by")?,
            reason: fields.take_string("reason")?,
            time: fields.take_time("time")?,
        };
        let deleted = fields.take_strings("deleted", limits::MEMBERS)?;
        fields.finish()?;
        line("by", &said.by)?;
        line("reason", &said.reason)?;
        // Their order is compared when the statement is made again.
        let deleted = deleted.iter().map(|it| Digest::parse(it));
        let deleted = deleted.collect::<Result<_, _>>();
        let deleted = deleted.map_err(|_| SaidError::Value { field: "deleted" })?;
        Ok((said, deleted))
    }
}

impl Deletion {
    /// Takes a tombstone that is attached to a release, and that an expected signer has signed: whose
    /// signature counts, the caller has asked. It counts if it was signed after the retention had run
    /// out, while no hold stood, by what is kept about both; what was let go later does not help. Of the
    /// artifacts that the manifest claims it must name all, but those that are known to be something else.
    ///
    /// # Errors
    /// `tombstone-malformed`, `tombstone-other-release`, `tombstone-early`, `tombstone-under-hold`.
    pub fn accept(
        release: &Release<'_>,
        attachment: Digest,
        evidence: &Evidence,
        signed: Option<Timestamp>,
        kept: &[KeptKeeping],
        spared: &BTreeSet<Digest>,
    ) -> Result<Self, TombstoneError> {
        let no_statement = || TombstoneError::Malformed(SaidError::Value { field: "payload" });
        let statement = evidence.statement().ok_or_else(no_statement)?;
        let (said, deleted) = Tombstone::read(statement).map_err(TombstoneError::Malformed)?;
        let again = said.statement(release, &deleted);
        let again = again.map_err(TombstoneError::Malformed)?;
        let name = release.name().clone();
        let is_same =
            again.subjects() == statement.subjects() && again.predicate() == statement.predicate();
        let claimed = Tombstone::artifacts(release, &BTreeSet::new());
        let wanted = &claimed - spared;
        if !is_same || !wanted.is_subset(&deleted) || !deleted.is_subset(&claimed) {
            return Err(TombstoneError::OtherRelease { release: name });
        }
        let seal = Seal::of(evidence).ok_or_else(no_statement)?;
        let proven = seal.time;
        let term = Term::as_of(&seal, signed, kept);
        if let Some((_, reason)) = term.holds.first() {
            return Err(TombstoneError::UnderHold {
                release: name,
                proven,
                reason: reason.clone(),
            });
        }
        if term.until.is_none_or(|until| proven < until) {
            return Err(TombstoneError::Early {
                release: name,
                proven,
                until: term.until,
            });
        }
        Ok(Self {
            release: name,
            manifest: release.manifest(),
            attachment,
            artifacts: deleted,
            said,
            proven,
        })
    }

    /// A deletion that nobody has proven.
    #[cfg(test)]
    pub(crate) fn for_tests(release: &Release<'_>) -> Self {
        let time = "2036-11-22T09:00:00Z".parse().unwrap();
        Self {
            release: release.name().clone(),
            manifest: release.manifest(),
            attachment: release.manifest(),
            artifacts: Tombstone::artifacts(release, &BTreeSet::new()),
            said: Tombstone {
                by: "alice".to_owned(),
                reason: "over".to_owned(),
                time,
            },
            proven: time,
        }
    }

    /// The release.
    pub fn release(&self) -> &ReleaseName {
        &self.release
    }

    /// The release's manifest.
    pub fn manifest(&self) -> Digest {
        self.manifest
    }

    /// The attachment that says so, by its manifest.
    pub fn attachment(&self) -> Digest {
        self.attachment
    }

    /// Who, why and when, as the signer says.
    pub fn said(&self) -> &Tombstone {
        &self.said
    }

    /// When it was signed, as that is proven.
    pub fn proven(&self) -> Timestamp {
        self.proven
    }

    /// The digests of the artifacts that are no longer kept for this release.
    pub fn artifacts(&self) -> &BTreeSet<Digest> {
        &self.artifacts
    }
}

fn until_words(until: Option<Timestamp>) -> String {
    until.map_or_else(
        || "until further notice".to_owned(),
        |until| format!("until {until}"),
    )
}
