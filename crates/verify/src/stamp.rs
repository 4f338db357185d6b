//! Timestamps over a digest, and how long they stand: what renewal asks (RFC 4998).
//!
//! A bundle's timestamps are judged at the time that they prove, and nothing here changes that. An
//! archive asks something else: until when can anybody still tell that this authority said so?

use attest_digest::{Algorithm, Digest};
use jiff::Timestamp;

use crate::asn1::certificate::Certificate;
use crate::asn1::token::Token;
use crate::bundle::Bundle;
use crate::check::Check;
use crate::evidence::ProvenTime;
use crate::key::KeyKind;
use crate::time::{self, Named};
use crate::trusted_root::{TimestampAuthority, TrustedRoot};
use crate::{crypto, limits};

/// An RFC 3161 timestamp, read and not verified.
#[derive(Debug)]
pub struct ClaimedTimestamp {
    token: Token,
    der: Vec<u8>,
}

impl ClaimedTimestamp {
    /// Reads a `TimeStampResp` that was granted, or the bare token.
    ///
    /// # Errors
    /// `time-invalid`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Check> {
        let invalid = |error: crate::asn1::token::TokenError| invalid(error.to_string());
        Ok(Self {
            der: Token::bare(bytes).map_err(invalid)?,
            token: Token::parse(bytes).map_err(invalid)?,
        })
    }

    /// The bare token, a `ContentInfo` in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// When it claims to have been made.
    pub const fn unverified_time(&self) -> Timestamp {
        self.token.time
    }

    /// The digest that it claims to be over; none if it is not as long as its algorithm's.
    pub fn unverified_imprint(&self) -> Option<Digest> {
        let imprint = &self.token.imprint;
        Digest::from_bytes(imprint.algorithm, &imprint.digest).ok()
    }

    /// Verifies that an authority of a trusted root stamped this very digest, at a time at which it was
    /// trusted and its certificates were valid.
    ///
    /// # Errors
    /// `time-invalid`, `time-unknown`, `time-certificate-purpose`, `time-certificate-chain`,
    /// `time-outside-validity`.
    pub fn verify(&self, imprint: &Digest, roots: &[TrustedRoot]) -> Result<TimestampProof, Check> {
        let found = &self.token.imprint;
        if self.unverified_imprint().as_ref() != Some(imprint) {
            let found = format!(
                "a timestamp of {}:{}",
                found.algorithm,
                hex::encode(&found.digest)
            );
            return Err(Check::new("time-invalid", found, imprint));
        }
        let authorities = authorities(roots);
        let stamp = time::verify_token(&self.token, &authorities)?;
        Ok(TimestampProof::new(
            &self.token,
            stamp.time,
            stamp.authority,
        ))
    }
}

/// A timestamp that an authority of a trusted root made, and what it rests on.
#[derive(Debug, Clone)]
pub struct TimestampProof {
    time: ProvenTime,
    until: Timestamp,
    ends: String,
    algorithms: Vec<UsedAlgorithm>,
    key: [u8; 32],
}

/// Something that a timestamp rests on: once it is broken, the timestamp proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsedAlgorithm {
    /// A hash, of what was stamped or of what was signed.
    Hash(Algorithm),
    /// A key of the authority or of one above it.
    Key(KeyKind),
}

impl TimestampProof {
    /// When it was made, and by whom.
    pub const fn time(&self) -> &ProvenTime {
        &self.time
    }

    /// When the first certificate of the authority's chain expires: the timestamp stands up to then
    /// and, by itself, not longer.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whose certificate that is.
    pub fn first_to_expire(&self) -> &str {
        &self.ends
    }

    /// What it rests on, each once.
    pub fn algorithms(&self) -> &[UsedAlgorithm] {
        &self.algorithms
    }

    /// The SHA-256 of the authority's key, as a `SubjectPublicKeyInfo`: it tells authorities of one
    /// name apart.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) fn new(token: &Token, time: ProvenTime, authority: &TimestampAuthority) -> Self {
        let first = authority.first_to_expire();
        let mut algorithms = vec![UsedAlgorithm::Hash(token.imprint.algorithm)];
        let keys = authority.chain().iter().filter_map(Certificate::key_kind);
        let signed = UsedAlgorithm::Hash(token.digest_algorithm);
        for used in std::iter::once(signed).chain(keys.map(UsedAlgorithm::Key)) {
            if !algorithms.contains(&used) {
                algorithms.push(used);
            }
        }
        Self {
            time,
            // A chain is never empty; one that were would not stand for a moment.
            until: first.map_or(Timestamp::MIN, Certificate::not_after),
            ends: first
                .and_then(Certificate::common_name)
                .unwrap_or_else(|| authority.name().to_owned()),
            algorithms,
            key: authority
                .leaf()
                .map_or([0; 32], |leaf| crypto::sha256(leaf.spki())),
        }
    }
}

impl Bundle {
    /// Verifies the bundle's timestamps over its signature, for what they rest on: at most one of each
    /// authority, the earliest. Those that do not verify are left out: whether the bundle may be used at
    /// all, a verifier says, and what it took for proven [`Evidence::timestamps`].
    ///
    /// [`Evidence::timestamps`]: crate::Evidence::timestamps
    pub fn timestamp_proofs(&self, roots: &[TrustedRoot]) -> Vec<TimestampProof> {
        let of = |bytes: &Vec<u8>| {
            let claimed = ClaimedTimestamp::parse(bytes).ok()?;
            let imprint = crypto::hash(claimed.token.imprint.algorithm, self.signature());
            claimed.verify(&imprint, roots).ok()
        };
        let mut counted = Vec::new();
        for proof in self
            .timestamps()
            .iter()
            .take(limits::TIMESTAMPS)
            .filter_map(of)
        {
            count(&mut counted, proof);
        }
        counted
    }
}

/// Counts a timestamp: of each authority the earliest.
pub(crate) fn count(counted: &mut Vec<TimestampProof>, proof: TimestampProof) {
    let is_of = |one: &ProvenTime, other: &ProvenTime| {
        one.authority == other.authority && one.uri == other.uri
    };
    let same = |it: &&mut TimestampProof| is_of(&it.time, &proof.time);
    match counted.iter_mut().find(same) {
        Some(earlier) if earlier.time.time <= proof.time.time => {}
        Some(later) => *later = proof,
        None => counted.push(proof),
    }
}

fn authorities(roots: &[TrustedRoot]) -> Vec<Named<'_>> {
    let named = |root| {
        let of = move |it| (TrustedRoot::name(root), it);
        root.authorities().iter().map(of)
    };
    roots.iter().flat_map(named).collect()
}

fn invalid(found: String) -> Check {
    Check::new(
        "time-invalid",
        found,
        "an RFC 3161 timestamp of this digest",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::TimeSource;

    fn said(authority: &str, uri: Option<&str>, second: i64) -> TimestampProof {
        let time = ProvenTime {
            time: Timestamp::from_second(second).unwrap(),
            authority: authority.to_owned(),
            uri: uri.map(str::to_owned),
            source: TimeSource::Timestamp,
            root: "root".to_owned(),
        };
        TimestampProof {
            time,
            until: Timestamp::MAX,
            ends: authority.to_owned(),
            algorithms: Vec::new(),
            key: [0; 32],
        }
    }

    #[test]
    fn an_authority_is_its_name_and_its_address_and_counts_once() {
        let mut counted = Vec::new();
        let (one, two) = (Some("https://one.example"), Some("https://two.example"));
        for (authority, uri, wanted) in [
            ("one", one, 1),
            ("one", one, 1),
            ("one", two, 2),
            ("two", one, 3),
            ("one", None, 4),
        ] {
            count(&mut counted, said(authority, uri, 7));
            assert_eq!(counted.len(), wanted, "{authority} {uri:?}");
        }
        count(&mut counted, said("one", one, 9));
        assert_eq!(counted[0].time.time.as_second(), 7);
        count(&mut counted, said("one", one, 5));
        assert_eq!((counted.len(), counted[0].time.time.as_second()), (4, 5));
    }
}
