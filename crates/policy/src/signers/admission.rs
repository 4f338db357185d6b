//! Whether evidence of an accepted signer counts: it is not denied, and its key was good.

use attest_verify::{Evidence, ProvenTime};
use jiff::Timestamp;

use super::{Denied, LogRule, Signers};
use crate::reason::Reason;

/// When a key is good. The default is always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyValidity {
    /// From when on.
    pub not_before: Option<Timestamp>,
    /// Until when, itself included.
    pub not_after: Option<Timestamp>,
    /// From when on somebody else may have had it: then only an independent time before it proves that
    /// the holder signed.
    pub compromised_since: Option<Timestamp>,
}

impl Signers {
    /// Whether this evidence counts: it is of an accepted signer, who is not denied, and whose key was
    /// good when it was made.
    ///
    /// # Errors
    /// `signer-denied`, `signer-mismatch`, `key-outside-validity`, `key-compromised`,
    /// `time-not-independent`, `time-missing`, `log-missing`, `log-proof-missing`.
    pub fn admit(&self, evidence: &Evidence) -> Result<(), Reason> {
        if self.denied.covers(evidence) {
            let wanted = "evidence of a signer who is not denied";
            return Err(Reason::new("signer-denied", evidence.signer(), wanted));
        }
        let accepted = self.accepted.iter().zip(&self.limits);
        let of: Vec<_> = accepted.filter(|(it, _)| evidence.is_by(it)).collect();
        if of.is_empty() {
            return Err(Reason::new("signer-mismatch", evidence.signer(), self));
        }
        for validity in self.windows_of(evidence) {
            self.check_validity(validity, evidence)?;
        }
        let mut rules = of.iter().flat_map(|(_, limits)| &limits.logs);
        let first = rules.clone().next().copied();
        // A signer of no group, such as a home's own, leaves it to the run.
        if first.is_none() || rules.any(|rule| rule.holds(evidence)) {
            return Ok(());
        }
        let wanted = first.map_or("an inclusion proof", LogRule::wanted);
        Err(if evidence.logs().is_empty() {
            Reason::new("log-missing", "no log entry", wanted)
        } else {
            Reason::new("log-proof-missing", "a promise alone", wanted)
        })
    }

    /// Whether the verifier declared this authority or log independent of the signer.
    pub fn is_independent(&self, time: &ProvenTime) -> bool {
        let names = [Some(time.authority()), time.authority_uri()];
        let mut names = names.iter().flatten();
        names.any(|name| self.independent.iter().any(|it| it == name))
    }

    /// Since when somebody else may have had a key behind this evidence: what it proves, only independent
    /// times before that do.
    pub fn lost_since(&self, evidence: &Evidence) -> Option<Timestamp> {
        let known = self.windows_of(evidence);
        known.filter_map(|it| it.compromised_since).min()
    }

    /// Whether a key is known that somebody else may have had.
    pub fn know_a_loss(&self) -> bool {
        let by_name = self
            .limits
            .iter()
            .flat_map(|it| it.validity.iter().copied());
        let mut all = by_name.chain(self.windows.iter().map(|(_, validity)| *validity));
        all.any(|it| it.compromised_since.is_some())
    }

    /// Whether the key of this evidence has a window or a compromise to be judged by.
    pub fn have_window(&self, evidence: &Evidence) -> bool {
        self.windows_of(evidence)
            .any(|it| it != KeyValidity::default())
    }

    /// What is known of the keys behind this evidence: it holds wherever and in whatever form they are
    /// accepted.
    fn windows_of<'s>(&'s self, evidence: &'s Evidence) -> impl Iterator<Item = KeyValidity> + 's {
        let accepted = self.accepted.iter().zip(&self.limits);
        let by_name = accepted
            .filter(|(it, _)| evidence.is_by(it))
            .flat_map(|(_, limits)| limits.validity.iter().copied());
        let is_behind = |fingerprint: &[u8; 32]| {
            let mut keys = evidence.keys().iter();
            keys.any(|it| it.fingerprint() == *fingerprint)
        };
        let by_numbers = self.windows.iter();
        let by_numbers = by_numbers.filter(move |(fingerprint, _)| is_behind(fingerprint));
        by_name.chain(by_numbers.map(|(_, validity)| *validity))
    }

    fn check_validity(&self, validity: KeyValidity, evidence: &Evidence) -> Result<(), Reason> {
        let times = evidence.times();
        if validity.not_before.is_some() || validity.not_after.is_some() {
            let wanted = validity.words();
            if times.is_empty() {
                return Err(Reason::new("time-missing", "no trusted time", wanted));
            }
            // At every time, as certificates: one that is backdated must not revive a key.
            if let Some(outside) = times.iter().find(|it| !validity.contains(it.time())) {
                let found = format!("{} by {}", outside.time(), outside.authority());
                return Err(Reason::new("key-outside-validity", found, wanted));
            }
        }
        let Some(since) = validity.compromised_since else {
            return Ok(());
        };
        let independent = times.iter().filter(|it| self.is_independent(it));
        let wanted = format!("an independent time before {since}");
        match independent.map(ProvenTime::time).min() {
            Some(earliest) if earliest < since => Ok(()),
            Some(earliest) => Err(Reason::new("key-compromised", earliest, wanted)),
            // Whose authority says that it was later, need not be asked.
            None if !times.is_empty() && times.iter().all(|it| it.time() >= since) => {
                let found = times.first().map(|it| it.time().to_string());
                Err(Reason::new(
                    "key-compromised",
                    found.unwrap_or_default(),
                    wanted,
                ))
            }
            None => {
                let said = times
                    .iter()
                    .map(|it| format!("{} by {}", it.time(), it.authority()));
                let said = said.collect::<Vec<_>>().join(", ");
                let found = if said.is_empty() {
                    "no trusted time".to_owned()
                } else {
                    said
                };
                Err(Reason::new("time-not-independent", found, wanted))
            }
        }
    }
}

impl KeyValidity {
    fn contains(&self, time: Timestamp) -> bool {
        self.not_before.is_none_or(|it| it <= time) && self.not_after.is_none_or(|it| time <= it)
    }

    fn words(&self) -> String {
        match (self.not_before, self.not_after) {
            (Some(from), Some(to)) => format!("{from} to {to}"),
            (Some(from), None) => format!("from {from}"),
            (None, Some(to)) => format!("until {to}"),
            (None, None) => "at any time".to_owned(),
        }
    }
}

impl Denied {
    fn covers(&self, evidence: &Evidence) -> bool {
        let mut keys = evidence.keys().iter();
        let by_key = keys.any(|it| self.fingerprints.contains(&it.fingerprint()));
        let by_identity = match evidence.signer() {
            attest_verify::ProvenSigner::Identity { identity, .. } => {
                self.identities.iter().any(|it| it.matches(identity))
            }
            _ => false,
        };
        by_key || by_identity || self.keys.iter().any(|it| evidence.is_by(it))
    }
}

impl LogRule {
    pub(super) fn holds(self, evidence: &Evidence) -> bool {
        match self {
            Self::AsTheRun => true,
            Self::Required => evidence
                .logs()
                .iter()
                .any(attest_verify::ProvenLog::is_proven),
            Self::SetOnly => !evidence.logs().is_empty(),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::AsTheRun => "what the run accepts",
            Self::Required => "an inclusion proof, which this signer's group requires",
            Self::SetOnly => "an entry, or the promise of one, in a log",
        }
    }
}
