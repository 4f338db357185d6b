//! What an OpenPGP key must be for its signature to count.
//!
//! gpg reports most of this and exits 0 all the same. Here each is a refusal:
//!
//! | gpg says | here |
//! |---|---|
//! | `EXPSIG` | `signature-expired` |
//! | `EXPKEYSIG`, made after the expiry | `key-expired` |
//! | `REVKEYSIG` | `key-revoked` |

use attest_digest::Digest;
use jiff::Timestamp;

use super::Fingerprint;
use super::certificate::{Certificate, Component};
use super::key::{Key, Unusable};
use super::own::{Said, check_not_revoked, self_signatures, verified, verifies};
use super::signature::{Signature, Version, kind};
use crate::check::Check;
use crate::dialect::bare_key::BareKey;
use crate::key::{KeyKind, KeyNumbers};
use crate::limits;

/// A signature that counts.
#[derive(Debug)]
pub(in crate::dialect) struct Made {
    pub(in crate::dialect) primary: Fingerprint,
    pub(in crate::dialect) key: Fingerprint,
    pub(in crate::dialect) kind: KeyKind,
    /// Of the key that signed, and of the primary key.
    pub(in crate::dialect) keys: [KeyNumbers; 2],
    /// As the signer says.
    pub(in crate::dialect) created: Timestamp,
}

/// Judges one signature over data with that digest.
pub(in crate::dialect) fn judge(
    signature: &Signature,
    certificate: &Certificate,
    digest: Option<&Digest>,
    now: Timestamp,
) -> Result<Made, Check> {
    let component = signing_component(signature, certificate)?;
    let key = &component.key;
    let bare = usable(key)?;
    check_form(signature)?;
    if !signature.fits(&certificate.fingerprint()) {
        return Err(Check::new(
            "signature-malformed",
            "a signature of another version than its key",
            "version 4 by a version 4 key, version 6 by a version 6 key",
        ));
    }
    let created = signature.created().ok_or_else(|| {
        Check::new(
            "signature-malformed",
            "a signature without its time",
            "a creation time that is signed",
        )
    })?;
    let numbers = digest.and_then(|digest| Some((digest, signature.numbers(digest)?)));
    if !numbers.is_some_and(|(digest, numbers)| bare.verifies_digest(digest, numbers)) {
        return Err(Check::new(
            "signature-invalid",
            "a signature that does not verify (BADSIG)",
            format!("one by OpenPGP key {}", key.fingerprint),
        ));
    }
    check_times(signature, created, now)?;
    check_primary(certificate, created)?;
    if key.fingerprint == certificate.fingerprint() {
        check_primary_signs(certificate, created)?;
    } else {
        check_subkey(certificate, component, created)?;
    }
    Ok(Made {
        primary: certificate.fingerprint(),
        key: key.fingerprint,
        kind: bare.kind(),
        keys: [bare.numbers(), usable(&certificate.primary.key)?.numbers()],
        created: timestamp(created),
    })
}

/// The key that the signature hints at, in this certificate. A signature without a hint is nobody's.
fn signing_component<'c>(
    signature: &Signature,
    certificate: &'c Certificate,
) -> Result<&'c Component, Check> {
    let components = std::iter::once(&certificate.primary).chain(&certificate.subkeys);
    let mut hinted = components.filter(|it| signature.hints_at(&it.key.fingerprint));
    hinted.next().ok_or_else(|| {
        Check::new(
            "signer-mismatch",
            signature.hint(),
            format!("OpenPGP key {}", certificate.fingerprint()),
        )
    })
}

fn check_form(signature: &Signature) -> Result<(), Check> {
    match signature.kind {
        kind::BINARY => {}
        kind::TEXT => {
            return Err(Check::new(
                "signature-text-mode",
                "a signature over text, whose line ends it does not cover",
                "a signature over the bytes",
            ));
        }
        other => {
            return Err(Check::new(
                "signature-malformed",
                format!("a signature of type {other:#04x}"),
                "a signature over a file's bytes",
            ));
        }
    }
    check_strength(signature, "a signature")?;
    if let Some(algorithm) = signature.unknown_algorithm() {
        return Err(Check::new(
            "signature-algorithm-unsupported",
            format!("OpenPGP algorithm {algorithm}"),
            "RSA, ECDSA on NIST's curves or Ed25519",
        ));
    }
    match critical(signature) {
        Some(subpacket) => Err(Check::new(
            "signature-critical-unknown",
            format!("the critical subpacket {subpacket}"),
            "nothing critical that we do not know",
        )),
        None => Ok(()),
    }
}

pub(super) fn critical(signature: &Signature) -> Option<u8> {
    signature.hashed.critical.or(signature.unhashed.critical)
}

/// A hash that nobody can collide.
pub(super) fn check_strength(signature: &Signature, what: &str) -> Result<(), Check> {
    let wanted = "SHA-256, SHA-384 or SHA-512";
    if let Some(hash) = signature.weak_hash() {
        return Err(Check::new(
            "signature-hash-weak",
            format!("{what} over {hash}"),
            wanted,
        ));
    }
    if signature.algorithm().is_none() {
        return Err(Check::new(
            "signature-algorithm-unsupported",
            format!("{what} over OpenPGP hash {}", signature.hash),
            wanted,
        ));
    }
    Ok(())
}

pub(super) fn usable(key: &Key) -> Result<&BareKey, Check> {
    key.usable.as_ref().map_err(|unusable| {
        let name = key.fingerprint;
        match unusable {
            Unusable::RsaBits(bits) => Check::new(
                "key-weak",
                format!("OpenPGP key {name} is RSA {bits}"),
                "RSA of 2048 to 8192 bits",
            ),
            Unusable::Weak(algorithm) => Check::new(
                "key-weak",
                format!("OpenPGP key {name} is {algorithm}"),
                "RSA, ECDSA or Ed25519",
            ),
            Unusable::Unsupported(algorithm) => Check::new(
                "signature-algorithm-unsupported",
                format!("OpenPGP key {name} is {algorithm}"),
                "RSA, ECDSA on NIST's curves or Ed25519",
            ),
            Unusable::Malformed => Check::new(
                "signature-invalid",
                format!("OpenPGP key {name} is no key of its kind"),
                "a key that can verify",
            ),
        }
    })
}

fn check_times(signature: &Signature, created: u32, now: Timestamp) -> Result<(), Check> {
    let now = now.as_second();
    if i64::from(created) > now.saturating_add(limits::CLOCK_SKEW_SECONDS) {
        return Err(Check::new(
            "time-in-future",
            timestamp(created),
            format!("at most {} s after now", limits::CLOCK_SKEW_SECONDS),
        ));
    }
    match end(created, signature.hashed.expires_after) {
        Some(end) if end <= now => Err(Check::new(
            "signature-expired",
            format!("a signature that ended at {} (EXPSIG)", at(end)),
            "one that has not ended",
        )),
        _ => Ok(()),
    }
}

/// The primary key stands for itself, is not revoked, and was valid then.
fn check_primary(certificate: &Certificate, created: u32) -> Result<(), Check> {
    let primary = &certificate.primary;
    usable(&primary.key)?;
    check_not_revoked(certificate, primary, kind::KEY_REVOCATION, created)?;
    let own = self_signatures(certificate)?;
    check_age(&primary.key, created)?;
    check_expiry(&primary.key, &own, created)
}

fn check_primary_signs(certificate: &Certificate, created: u32) -> Result<(), Check> {
    let own = self_signatures(certificate)?;
    check_flags(&certificate.primary.key, &own, created)
}

/// The primary key bound the subkey for signing, and the subkey agreed.
fn check_subkey(certificate: &Certificate, subkey: &Component, created: u32) -> Result<(), Check> {
    check_not_revoked(certificate, subkey, kind::SUBKEY_REVOCATION, created)?;
    let content = [certificate.primary.key.framed(), subkey.key.framed()].concat();
    let bindings = verified(certificate, subkey.of_kind(kind::SUBKEY_BINDING), &content);
    let bindings = bindings.map_err(|weak| weak.unwrap_or_else(|| unbound(&subkey.key)))?;
    let said = Said::of_subkey(bindings);
    check_age(&subkey.key, created)?;
    check_expiry(&subkey.key, &said, created)?;
    check_flags(&subkey.key, &said, created)?;
    for until in points(created) {
        for binding in said.in_force(until, |_| false) {
            check_back_signature(binding, subkey, &content)?;
        }
    }
    Ok(())
}

/// Else anybody could bind somebody's signing key to a key of their own.
fn check_back_signature(
    binding: &Signature,
    subkey: &Component,
    content: &[u8],
) -> Result<(), Check> {
    let bare = usable(&subkey.key)?;
    let areas = [&binding.hashed, &binding.unhashed];
    for body in areas.iter().filter_map(|area| area.embedded.as_ref()) {
        let Ok(back) = Signature::parse(body) else {
            continue;
        };
        check_strength(&back, "a back-signature")?;
        let agrees = back.kind == kind::PRIMARY_BINDING && critical(&back).is_none();
        if agrees && verifies(&back, bare, content) {
            return Ok(());
        }
    }
    Err(unbound(&subkey.key))
}

fn unbound(key: &Key) -> Check {
    Check::new(
        "key-unbound",
        format!(
            "OpenPGP subkey {} without a binding that verifies",
            key.fingerprint
        ),
        "a binding by the primary key and a back-signature by the subkey",
    )
}

fn check_age(key: &Key, created: u32) -> Result<(), Check> {
    if created < key.created {
        return Err(Check::new(
            "key-not-yet-valid",
            format!("a signature made at {}", timestamp(created)),
            format!(
                "at or after {}, when OpenPGP key {} was made",
                timestamp(key.created),
                key.fingerprint
            ),
        ));
    }
    Ok(())
}

/// What a key says of itself is asked as it stands today, and as it stood when the signature over the data
/// was made: an expiry that was passed is not undone by a later extension.
const fn points(created: u32) -> [u32; 2] {
    [u32::MAX, created]
}

fn check_expiry(key: &Key, own: &Said<'_>, created: u32) -> Result<(), Check> {
    let ends = |it: &Signature| end(key.created, it.hashed.key_expires_after);
    for until in points(created) {
        for signature in own.in_force(until, |it| ends(it).is_some()) {
            let made = signature.created().unwrap_or(0);
            let own_end = end(made, signature.hashed.expires_after);
            let first = [ends(signature), own_end].into_iter().flatten().min();
            if let Some(end) = first.filter(|it| *it <= i64::from(created)) {
                return Err(expired(key, created, end));
            }
        }
    }
    Ok(())
}

fn expired(key: &Key, created: u32, end: i64) -> Check {
    Check::new(
        "key-expired",
        format!("a signature made at {} (EXPKEYSIG)", timestamp(created)),
        format!(
            "before {}, when OpenPGP key {} expired",
            at(end),
            key.fingerprint
        ),
    )
}

/// Of what is in force something says that the key signs, and nothing that has flags says otherwise.
fn check_flags(key: &Key, own: &Said<'_>, created: u32) -> Result<(), Check> {
    for until in points(created) {
        let in_force = own.in_force(until, |it| it.hashed.key_flags.is_some());
        let mut flags = in_force.iter().filter_map(|it| it.hashed.key_flags);
        let signs = |flags: u8| flags & SIGNS != 0;
        let is_said = in_force.is_empty() || flags.clone().any(signs);
        if !is_said || !flags.all(signs) {
            return Err(Check::new(
                "key-not-for-signing",
                format!(
                    "OpenPGP key {} without the flag for signing",
                    key.fingerprint
                ),
                "a key for signing data",
            ));
        }
    }
    Ok(())
}

/// When something ends that starts then and lasts so many seconds; 0 is for ever.
fn end(start: u32, seconds: Option<u32>) -> Option<i64> {
    seconds
        .filter(|it| *it > 0)
        .map(|it| i64::from(start) + i64::from(it))
}

pub(super) fn timestamp(seconds: u32) -> Timestamp {
    at(i64::from(seconds))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

impl Signature {
    /// Version 6 keys make version 6 signatures, and no other.
    pub(super) const fn fits(&self, key: &Fingerprint) -> bool {
        matches!(
            (self.version, key),
            (Version::V4, Fingerprint::V4(_)) | (Version::V6, Fingerprint::V6(_))
        )
    }
}

/// RFC 9580 §5.2.3.29: may sign data.
const SIGNS: u8 = 0x02;
