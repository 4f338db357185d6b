//! What a key says about itself: that it is one, with which name, and that it is no more.

use super::Fingerprint;
use super::certificate::{Certificate, Component};
use super::judge::{check_strength, critical, timestamp, usable};
use super::signature::{Signature, kind};
use crate::check::Check;
use crate::crypto;
use crate::dialect::bare_key::BareKey;

/// What the primary key said of a key, by what it said it over (RFC 9580 §5.2.3.10): of several
/// signatures over one thing the newest counts, and none is undone by one over another thing.
#[derive(Debug, Default)]
pub(super) struct Said<'c> {
    /// Over the key: direct-key signatures, or the bindings of a subkey.
    over_key: Vec<&'c Signature>,
    /// Over the key and each name.
    over_names: Vec<Vec<&'c Signature>>,
}

impl<'c> Said<'c> {
    /// Of a subkey, which has no names.
    pub(super) const fn of_subkey(bindings: Vec<&'c Signature>) -> Self {
        Self {
            over_key: bindings,
            over_names: Vec::new(),
        }
    }

    /// What was in force at that time: the newest over the key; of the newest over each name the newest,
    /// the newest of those that tell what is asked, and that of the name which stands for the key.
    /// Readers differ in which of the names they ask, and honest ones agree.
    pub(super) fn in_force(
        &self,
        until: u32,
        tells: impl Fn(&Signature) -> bool,
    ) -> Vec<&'c Signature> {
        let over_names = self.over_names.iter();
        let of_names: Vec<_> = over_names.flat_map(|it| newest(it, until)).collect();
        let telling = |it: &&&Signature| tells(it);
        let primary = |it: &&&Signature| it.hashed.is_primary_name;
        let mut found = newest(&self.over_key, until);
        found.extend(newest(&of_names, until));
        found.extend(newest(of_names.iter().filter(telling), until));
        found.extend(newest(of_names.iter().filter(primary), until));
        found
    }
}

/// The newest until then; several if they are of one second, since nobody says which came last.
fn newest<'s: 'a, 'a>(
    signatures: impl IntoIterator<Item = &'a &'s Signature>,
    until: u32,
) -> Vec<&'s Signature> {
    let mut found: Vec<&Signature> = Vec::new();
    for signature in signatures {
        if signature.created().is_none_or(|it| it > until) {
            continue;
        }
        let last = found.first().and_then(|it| it.created());
        if last < signature.created() {
            found.clear();
        }
        if last <= signature.created() {
            found.push(signature);
        }
    }
    found
}

/// What the primary key signed about itself: directly, and with each name that it has not revoked.
pub(super) fn self_signatures(certificate: &Certificate) -> Result<Said<'_>, Check> {
    let primary = certificate.primary.key.framed();
    let mut said = Said::default();
    let mut weak = None;
    let direct = certificate.primary.of_kind(kind::DIRECT_KEY);
    match verified(certificate, direct, primary) {
        Ok(found) => said.over_key = found,
        Err(check) => weak = check,
    }
    for name in &certificate.names {
        let content = [primary, &name.framed].concat();
        let mut revocations = name
            .signatures
            .iter()
            .filter(|it| it.kind == kind::CERTIFICATION_REVOCATION);
        if revocations.any(|it| may_be_by_primary(certificate, it, &content)) {
            continue;
        }
        let certifications = name
            .signatures
            .iter()
            .filter(|it| kind::CERTIFICATION.contains(&it.kind));
        match verified(certificate, certifications, &content) {
            Ok(found) => said.over_names.push(found),
            Err(check) => weak = weak.or(check),
        }
    }
    if !said.over_key.is_empty() || !said.over_names.is_empty() {
        return Ok(said);
    }
    Err(weak.unwrap_or_else(|| {
        Check::new(
            "key-unbound",
            format!(
                "OpenPGP key {} says nothing about itself that verifies",
                certificate.fingerprint()
            ),
            "a self-signature",
        )
    }))
}

/// Those that the primary key made, with a hash that holds. If it made none: one with a weak hash.
pub(super) fn verified<'s>(
    certificate: &Certificate,
    claimed: impl Iterator<Item = &'s Signature>,
    content: &[u8],
) -> Result<Vec<&'s Signature>, Option<Check>> {
    let mut weak = None;
    let mut found = Vec::new();
    let Ok(bare) = usable(&certificate.primary.key) else {
        return Err(None);
    };
    for signature in claimed {
        if let Err(check) = check_strength(signature, "a signature of the key over itself") {
            weak = Some(check);
        } else if critical(signature).is_none()
            && signature.fits(&certificate.fingerprint())
            && signature.created().is_some()
            && verifies(signature, bare, content)
        {
            found.push(signature);
        }
    }
    if found.is_empty() {
        Err(weak)
    } else {
        Ok(found)
    }
}

/// A revocation counts unless it is shown to be none: one that we cannot check is believed.
fn may_be_by_primary(certificate: &Certificate, signature: &Signature, content: &[u8]) -> bool {
    let checkable = signature.algorithm().is_some() && signature.unknown_algorithm().is_none();
    match &certificate.primary.key.usable {
        Ok(bare) if checkable => verifies(signature, bare, content),
        _ => true,
    }
}

pub(super) fn verifies(signature: &Signature, key: &BareKey, content: &[u8]) -> bool {
    let Some(algorithm) = signature.algorithm() else {
        return false;
    };
    let bytes = [signature.salt(), content, signature.trailer()].concat();
    let digest = crypto::hash(algorithm, &bytes);
    signature
        .numbers(&digest)
        .is_some_and(|numbers| key.verifies_digest(&digest, numbers))
}

/// Compromised, or for no reason given: never. Superseded or retired: a signature from before would
/// need an independent time, which no OpenPGP signature carries.
pub(super) fn check_not_revoked(
    certificate: &Certificate,
    component: &Component,
    kind: u8,
    created: u32,
) -> Result<(), Check> {
    let name = component.key.fingerprint;
    let refused = |found: String| Check::new("key-revoked", found, "a key that is not revoked");
    if component.has_unread_revocation {
        return Err(refused(format!(
            "OpenPGP key {name} with a revocation that we cannot read"
        )));
    }
    let primary = certificate.primary.key.framed();
    let content = if kind == kind::KEY_REVOCATION {
        primary.to_vec()
    } else {
        [primary, component.key.framed()].concat()
    };
    for revocation in component.of_kind(kind) {
        let is_own = !revocation.has_hint() || revocation.hints_at(&certificate.fingerprint());
        if !is_own {
            if has_revoker(certificate) {
                return Err(refused(format!(
                    "OpenPGP key {name} with a revocation by its revoker, which we cannot check"
                )));
            }
            continue;
        }
        if may_be_by_primary(certificate, revocation, &content) {
            return Err(refused(revoked(&name, revocation, created)));
        }
    }
    Ok(())
}

fn has_revoker(certificate: &Certificate) -> bool {
    let names = certificate.names.iter().flat_map(|it| &it.signatures);
    names
        .chain(&certificate.primary.signatures)
        .any(|it| it.hashed.has_revoker)
}

fn revoked(name: &Fingerprint, revocation: &Signature, created: u32) -> String {
    let reason = match revocation.hashed.reason {
        Some(1) => "superseded",
        Some(2) => "compromised",
        Some(3) => "retired",
        _ => "for no reason given",
    };
    let soft = matches!(revocation.hashed.reason, Some(1 | 3));
    let since = revocation.created().unwrap_or(0);
    let note = if soft && created < since {
        format!(
            "; that the signature is older, {}, only the signer says",
            timestamp(created)
        )
    } else {
        String::new()
    };
    format!(
        "OpenPGP key {name} revoked at {}, {reason} (REVKEYSIG){note}",
        timestamp(since)
    )
}
