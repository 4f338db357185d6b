//! What a log answers to whoever adds an entry: that very entry, in that very log, or nothing.

use attest_digest::Digest;
use attest_log::entry::{Entry, Verifier};
use attest_provenance::Envelope;

use crate::asn1::certificate::Certificate;
use crate::body::Signed;
use crate::bundle::BundleEntry;
use crate::check::Check;
use crate::inclusion;
use crate::key::{KeyError, PublicKey};
use crate::trusted_root::TrustedLog;

/// A signature that a log is asked to keep, to be compared with what the log answers.
#[derive(Debug, Clone)]
pub struct AddedEntry {
    entry: Entry,
    key: PublicKey,
    envelope: Option<Envelope>,
}

/// Where an entry is proven to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenPlace {
    /// Its place in the log; of a Rekor v1 over all trees.
    pub index: u64,
    /// Entries of the tree in which it is proven.
    pub size: u64,
    /// Seconds since 1970 at which a Rekor v1 promised it.
    pub promised: Option<u64>,
}

impl AddedEntry {
    /// The signature that `entry` is about, of this envelope if a statement was signed. Whether the
    /// signature verifies is the log's to say.
    ///
    /// # Errors
    /// The key, or that of the certificate, is none that we read.
    pub fn new(entry: Entry, envelope: Option<Envelope>) -> Result<Self, KeyError> {
        let key = match entry.verifier() {
            Verifier::PublicKey(spki) => PublicKey::from_spki(spki)?,
            Verifier::Certificate(der) => {
                let certificate = Certificate::parse(der).map_err(|_| KeyError::Malformed)?;
                PublicKey::from_spki(certificate.spki())?
            }
        };
        Ok(Self {
            entry,
            key,
            envelope,
        })
    }

    /// The entry, in the form of Rekor v2.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The envelope, if a statement was signed.
    pub const fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// That this log has exactly this: the entry is of a kind that such a log keeps, its body is byte
    /// for byte what these make, and it stands in the tree of a checkpoint that the log signed; a
    /// Rekor v1 promised it as well.
    ///
    /// # Errors
    /// The code of the first that does not hold.
    pub fn stands_in(&self, log: &TrustedLog, claimed: &BundleEntry) -> Result<ProvenPlace, Check> {
        let tiles = log.log_key();
        if claimed.log_id() != log.id() && tiles.is_none_or(|it| it.log_id() != *claimed.log_id()) {
            return Err(Check::new(
                "log-unknown",
                format!(
                    "an entry of log {} (claimed)",
                    hex::encode(claimed.log_id())
                ),
                hex::encode(log.id()),
            ));
        }
        let kind = inclusion::check_body(claimed, &self.signed())?;
        if kind.is_v2() != tiles.is_some() {
            return Err(other_kind(claimed, log));
        }
        let proof = claimed.proof().ok_or_else(|| {
            let wanted = "an inclusion proof";
            Check::new("log-proof-missing", "an entry without one", wanted)
        })?;
        let (_, size) = inclusion::verify_proof(claimed, proof, kind, log)?;
        let promise = inclusion::verify_promise(claimed, kind, log)?;
        if promise.is_none() && !kind.is_v2() {
            let wanted = "a promise with a time";
            return Err(Check::new(
                "log-promise-missing",
                "an entry without one",
                wanted,
            ));
        }
        Ok(ProvenPlace {
            index: claimed.index(),
            size,
            promised: promise.and_then(|_| claimed.integrated_time()),
        })
    }

    fn signed(&self) -> Signed<'_> {
        let digest: Digest = *self.entry.digest();
        Signed {
            digest,
            signature: self.entry.signature(),
            key: &self.key,
            certificate: match self.entry.verifier() {
                Verifier::PublicKey(_) => None,
                Verifier::Certificate(der) => Some(der),
            },
            pure: false,
            envelope: self.envelope.as_ref(),
        }
    }
}

/// A kind of the other generation: nobody would look for such an entry in this log.
fn other_kind(claimed: &BundleEntry, log: &TrustedLog) -> Check {
    let generation = if log.log_key().is_some() { 2 } else { 1 };
    let found: String = format!("{} {}", claimed.kind(), claimed.version());
    let found: String = found.chars().take(80).collect();
    let wanted = format!("an entry of a Rekor v{generation}");
    Check::new("log-entry-kind-unknown", found, wanted)
}
