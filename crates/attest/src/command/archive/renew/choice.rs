//! Which releases are renewed, and from where.

use std::collections::BTreeMap;

use attest_archive::renewal::{CoverError, Covered, Target};
use attest_archive::{Reader, Release};
use attest_digest::{Algorithm, Artifact, Digest};
use attest_provenance::ReleaseName;
use attest_verify::TrustedRoot;
use jiff::{SignedDuration, Timestamp};

use super::super::proof::{self, ReleaseProof};
use super::super::{archive_failure, damage_failure, show};
use crate::command::verify::Session;
use crate::command::verify::archived::stamps_of_statements;
use crate::failure::Failure;

/// What decides.
pub(super) struct Choice<'a> {
    pub(super) reader: &'a Reader,
    pub(super) roots: &'a [TrustedRoot],
    pub(super) session: &'a Session,
    pub(super) now: Timestamp,
    /// Only what ends within so many days.
    pub(super) within: Option<u32>,
}

/// The releases that are renewed, and those that cannot be.
#[derive(Default)]
pub(super) struct Chosen {
    targets: Vec<(
        ReleaseName,
        Vec<u8>,
        Option<attest_archive::renewal::EvidenceRecord>,
    )>,
    pub(super) refused: Vec<Refused>,
    pub(super) not_due: usize,
    count: usize,
}

/// A release that cannot be renewed.
pub(super) struct Refused {
    pub(super) name: ReleaseName,
    pub(super) code: &'static str,
    pub(super) problem: String,
}

impl Choice<'_> {
    /// Those of the releases whose proof ends soon, if that was asked for. No byte of a file is read for
    /// it.
    pub(super) fn due(&self, names: Vec<ReleaseName>) -> Result<Vec<ReleaseName>, Failure> {
        let Some(days) = self.within else {
            return Ok(names);
        };
        let days = SignedDuration::from_hours(24 * i64::from(days));
        let soon = self.now.checked_add(days).unwrap_or(Timestamp::MAX);
        let mut due = Vec::new();
        for name in names {
            let release = self
                .reader
                .find(&name)
                .map_err(|error| damage_failure(&error))?;
            let release = release.ok_or_else(|| show::missing(&name))?;
            let nothing = BTreeMap::new();
            let proof = self.proof(&release, &nothing);
            if proof.standing.is_none_or(|it| it.until < soon) {
                due.push(name);
            }
        }
        Ok(due)
    }

    /// What is to be stamped for each release.
    ///
    /// # Errors
    /// `clock-behind` when this machine's clock is behind a time that is proven already.
    pub(super) fn choose(
        &self,
        names: Vec<ReleaseName>,
        observed: &BTreeMap<Digest, Artifact>,
    ) -> Result<Chosen, Failure> {
        let mut chosen = Chosen {
            not_due: self.reader.list().len().saturating_sub(names.len()),
            ..Chosen::default()
        };
        for name in names {
            let release = self
                .reader
                .find(&name)
                .map_err(|error| damage_failure(&error))?;
            let release = release.ok_or_else(|| show::missing(&name))?;
            let proof = self.proof(&release, observed);
            self.check_clock(&name, proof.latest, &proof.refused)?;
            let refusals = proof.refusals(self.now);
            if let Some(first) = refusals.first() {
                chosen.refused.push(Refused {
                    name,
                    code: first.code,
                    problem: first.found.clone(),
                });
                continue;
            }
            let (kept, _) = self.reader.renewals(&release);
            let covered = |renewals| {
                self.reader
                    .covered(&release, observed, renewals)
                    .map_err(|error| cover_failure(&name, &error))
            };
            let now: Covered = covered(&[])?;
            // Evidence that came later, or a renewal that proves nothing, begins a record anew.
            let last = proof::last(&kept).filter(|it| {
                let stands = it.record.verify(&it.document, self.roots, self.now);
                it.covered.covers_all_of(&now) && stands.is_ok_and(|it| it.until() >= self.now)
            });
            chosen.targets.push(match last {
                Some(it) => (name.clone(), it.document.clone(), Some(it.record.clone())),
                None => (name.clone(), covered(&kept)?.to_bytes(), None),
            });
        }
        chosen.count = chosen.targets.len();
        Ok(chosen)
    }

    fn proof(&self, release: &Release<'_>, observed: &BTreeMap<Digest, Artifact>) -> ReleaseProof {
        let decided = stamps_of_statements(release, self.session);
        let decided = decided.as_deref();
        proof::of(
            self.reader,
            release,
            observed,
            decided,
            self.roots,
            self.now,
        )
    }

    fn check_clock(
        &self,
        name: &ReleaseName,
        latest: Option<Timestamp>,
        refused: &[(&'static str, String)],
    ) -> Result<(), Failure> {
        let ahead = refused
            .iter()
            .find(|(code, _)| *code == "renewal-in-future");
        let behind = match (latest, ahead) {
            (Some(latest), _) if latest > self.now => latest.to_string(),
            (_, Some((_, problem))) => problem.clone(),
            _ => return Ok(()),
        };
        let now = self.now;
        Err(Failure::unknown(
            "clock-behind",
            format!("the clock says {now}, but a proof of {name} is later: {behind}"),
        )
        .hint("set the clock; nothing was changed"))
    }
}

impl Chosen {
    /// What is to be stamped, by the hash of its tree: the one that was asked for, else the one that a
    /// record has.
    pub(super) fn by_algorithm(
        &self,
        asked: Option<Algorithm>,
    ) -> Vec<(Algorithm, Vec<(ReleaseName, Target)>)> {
        let mut groups: Vec<(Algorithm, Vec<(ReleaseName, Target)>)> = Vec::new();
        for (name, document, record) in &self.targets {
            let known = record
                .as_ref()
                .map(attest_archive::renewal::EvidenceRecord::algorithm);
            let algorithm = asked.or(known).unwrap_or(Algorithm::Sha256);
            let target = match record {
                Some(record) => Target::again(document.clone(), record.clone()),
                None => Target::new(document.clone()),
            };
            match groups.iter_mut().find(|(it, _)| *it == algorithm) {
                Some((_, group)) => group.push((name.clone(), target)),
                None => groups.push((algorithm, vec![(name.clone(), target)])),
            }
        }
        groups
    }
}

fn cover_failure(name: &ReleaseName, error: &CoverError) -> Failure {
    match error {
        CoverError::Archive(error) => archive_failure(error),
        CoverError::Renewal(error) => Failure::no(error.code(), format!("{name}: {error}")),
        other => Failure::unknown("internal-error", other.to_string()),
    }
}
