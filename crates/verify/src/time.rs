//! Step 9: a trusted authority saw the signature at that time.

use attest_digest::Algorithm;
use jiff::Timestamp;

use crate::asn1::certificate::{Certificate, Family, name_of};
use crate::asn1::token::{CertificateDigest, SignerId, Token};
use crate::bundle::Bundle;
use crate::check::Check;
use crate::crypto;
use crate::evidence::{ProvenTime, Skipped, TimeSource};
use crate::limits;
use crate::stamp::{TimestampProof, count};
use crate::trusted_root::{ChainProblem, TimestampAuthority};
use crate::verifier::Accept;

/// An authority with the name of the trusted root that has it.
pub(crate) type Named<'a> = (&'a str, &'a TimestampAuthority);

/// What the timestamps of a bundle prove.
#[derive(Default)]
pub(crate) struct Stamped {
    /// At most one of each authority: the earliest.
    pub(crate) proofs: Vec<TimestampProof>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) failed: Vec<Check>,
    /// Indices of timestamps that the engine must not see: unknown ones that were passed over, and
    /// those of kinds that it cannot read.
    pub(crate) hidden: Vec<usize>,
}

/// Verifies every timestamp; one that does not hold is not outweighed by others.
pub(crate) fn verify(bundle: &Bundle, authorities: &[Named<'_>], accept: Accept) -> Stamped {
    let mut stamped = Stamped::default();
    let mut tokens = Vec::new();
    let timestamps = bundle.timestamps();
    for (index, bytes) in timestamps.iter().enumerate() {
        if timestamps.iter().take(index).any(|it| it == bytes) {
            stamped.failed.push(duplicate());
            continue;
        }
        match verify_timestamp(bytes, bundle.signature(), authorities) {
            // The same token in another response.
            Ok((stamp, _)) if tokens.contains(&stamp.token) => stamped.failed.push(duplicate()),
            Ok((stamp, proof)) => {
                count(&mut stamped.proofs, proof);
                if !stamp.engine_reads {
                    stamped.hidden.push(index);
                }
                tokens.push(stamp.token);
            }
            Err(check) if check.code() == UNKNOWN && accept.no_time => {
                stamped.skipped.push(Skipped::TimeUnknown);
                stamped.hidden.push(index);
            }
            Err(check) => stamped.failed.push(check),
        }
    }
    stamped
}

/// No proven time lies further in the future than clocks differ.
pub(crate) fn check_not_in_future(times: &[ProvenTime], now: Timestamp) -> Result<(), Check> {
    let latest = now.as_second().saturating_add(limits::CLOCK_SKEW_SECONDS);
    match times.iter().find(|it| it.time.as_second() > latest) {
        Some(future) => {
            let found = format!("{} by {}", future.time, future.authority);
            Err(Check::new(
                "time-in-future",
                found,
                format!("at most 5 minutes after {now}"),
            ))
        }
        None => Ok(()),
    }
}

/// A timestamp that one of the authorities made.
pub(crate) struct Stamp<'a> {
    pub(crate) time: ProvenTime,
    /// The authority's signature, which tells tokens apart.
    pub(crate) token: Vec<u8>,
    pub(crate) authority: &'a TimestampAuthority,
    engine_reads: bool,
}

fn verify_timestamp<'a>(
    bytes: &[u8],
    signature: &[u8],
    authorities: &[Named<'a>],
) -> Result<(Stamp<'a>, TimestampProof), Check> {
    let token = Token::parse(bytes).map_err(|error| invalid(error.to_string()))?;
    let imprint = crypto::hash(token.imprint.algorithm, signature);
    if imprint.as_bytes() != token.imprint.digest {
        return Err(invalid("a timestamp of another signature".to_owned()));
    }
    let stamp = verify_token(&token, authorities)?;
    let proof = TimestampProof::new(&token, stamp.time.clone(), stamp.authority);
    Ok((stamp, proof))
}

/// Verifies everything about a token but what it stamps.
pub(crate) fn verify_token<'a>(
    token: &Token,
    authorities: &[Named<'a>],
) -> Result<Stamp<'a>, Check> {
    let candidates = authorities
        .iter()
        .filter(|(_, it)| it.leaf().is_some_and(|leaf| is_signer(&token.signer, leaf)));
    // One authority may stand in a root several times, with other windows.
    let mut refused = None;
    for (root, authority) in candidates {
        match verify_by(token, authority, root) {
            Ok(stamp) => return Ok(stamp),
            Err(check) => refused = Some(check),
        }
    }
    Err(refused.unwrap_or_else(|| {
        Check::new(
            UNKNOWN,
            format!("a timestamp by {} (claimed)", claimed_authority(token)),
            "an authority of a trusted root",
        )
    }))
}

/// The name to look for the authority by: its certificate's, if the token carries it, else its
/// issuer's or its key's.
fn claimed_authority(token: &Token) -> String {
    let carried = token
        .certificates
        .iter()
        .filter_map(|it| Certificate::parse(it).ok())
        .find(|it| is_signer(&token.signer, it))
        .and_then(|it| it.common_name());
    carried.unwrap_or_else(|| match &token.signer {
        SignerId::IssuerAndSerial(issuer, serial) => {
            let issuer = name_of(issuer).unwrap_or_else(|| "an unnamed issuer".to_owned());
            format!(
                "an authority certified by {issuer}, serial {}",
                hex::encode(serial)
            )
        }
        SignerId::SubjectKeyId(id) => format!("the key {}", hex::encode(id)),
    })
}

fn is_signer(id: &SignerId, leaf: &Certificate) -> bool {
    match id {
        SignerId::IssuerAndSerial(issuer, serial) => {
            leaf.issuer_and_serial() == (issuer.as_slice(), serial.as_slice())
        }
        SignerId::SubjectKeyId(id) => leaf.subject_key_id() == Some(id.as_slice()),
    }
}

/// Only the trusted certificate counts; those in the token are the token's word.
fn verify_by<'a>(
    token: &Token,
    authority: &'a TimestampAuthority,
    root: &str,
) -> Result<Stamp<'a>, Check> {
    let leaf = authority
        .leaf()
        .ok_or_else(|| invalid("an authority without certificates".to_owned()))?;
    let kind = leaf
        .key_kind()
        .ok_or_else(|| invalid("a key of an unknown kind".to_owned()))?;
    check_certificates(token, leaf.der())?;
    if crypto::hash(token.digest_algorithm, &token.content).as_bytes() != token.message_digest {
        return Err(invalid(
            "a content that the signed attributes do not name".to_owned(),
        ));
    }
    let verified = token.family == Family::of(kind)
        && leaf
            .verifying_key(token.digest_algorithm)
            .is_some_and(|key| key.verifies(&token.signed_attributes, &token.signature));
    if !verified {
        return Err(invalid(format!(
            "a signature that {} did not make",
            authority.name()
        )));
    }
    let trusted = || format!("{} as a timestamp authority", authority.name());
    match authority.problem() {
        Some(ChainProblem::Purpose(what)) => {
            return Err(Check::new("time-certificate-purpose", what, trusted()));
        }
        Some(ChainProblem::Chain(what)) => {
            return Err(Check::new("time-certificate-chain", what, trusted()));
        }
        None => {}
    }
    if let Some(window) = authority.invalid_at(token.time) {
        let found = format!("{} by {}", token.time, authority.name());
        return Err(Check::new("time-outside-validity", found, window));
    }
    Ok(Stamp {
        time: ProvenTime {
            time: token.time,
            authority: authority.name().to_owned(),
            uri: authority.uri().map(str::to_owned),
            source: TimeSource::Timestamp,
            root: root.to_owned(),
        },
        token: token.signature.clone(),
        authority,
        engine_reads: engine_reads(token, authority),
    })
}

/// The signer's certificate is the one that the token signs for and, where it carries any, carries.
fn check_certificates(token: &Token, leaf: &[u8]) -> Result<(), Check> {
    let named = token.certificate_digests.iter().all(|it| match it {
        CertificateDigest::Sha1(digest) => crypto::sha1(leaf).as_slice() == digest,
        CertificateDigest::Sha2(algorithm, digest) => {
            crypto::hash(*algorithm, leaf).as_bytes() == digest
        }
    });
    if !named {
        return Err(invalid(
            "a timestamp that names another certificate".to_owned(),
        ));
    }
    if !token.certificates.is_empty() && !token.certificates.iter().any(|it| it == leaf) {
        return Err(invalid(
            "a timestamp that carries other certificates than its signer's".to_owned(),
        ));
    }
    Ok(())
}

/// The engine reads tokens signed with SHA-256 and SHA-384, of whole seconds.
fn engine_reads(token: &Token, authority: &TimestampAuthority) -> bool {
    token.digest_algorithm != Algorithm::Sha512
        && !token.has_fraction
        && authority.is_read_by_engine()
}

fn duplicate() -> Check {
    Check::new(
        "time-duplicate",
        "the same timestamp twice",
        "each timestamp once",
    )
}

fn invalid(found: String) -> Check {
    Check::new(
        "time-invalid",
        found,
        "an RFC 3161 timestamp of this signature",
    )
}

const UNKNOWN: &str = "time-unknown";
