//! Functionaries by certificate, as in-toto-golang has them.

use std::collections::BTreeSet;

use attest_provenance::in_toto::{
    CertificateConstraint, KeyId, Metablock, MetablockSignature, Step,
};
use jiff::Timestamp;

use super::chain::ProvenSigner;
use super::key::LayoutKey;
use super::signed::{Budget, SignedLayout};
use crate::asn1::certificate::{AlternativeName, Certificate};
use crate::check::Check;
use crate::identity::IdentityPattern;
use crate::key::{PublicKey, pem_block};
use crate::limits;

/// The authorities of a layout.
pub(super) struct Authorities<'a> {
    roots: Vec<(&'a KeyId, Certificate)>,
    between: Vec<Certificate>,
    denied: &'a [IdentityPattern],
}

impl<'a> Authorities<'a> {
    pub(super) fn of(signed: &'a SignedLayout, step: &Step) -> Result<Self, Check> {
        let layout = &signed.layout;
        let read = |id: &'a KeyId, pem: Option<&str>| {
            let pem = pem.unwrap_or_default();
            let found = certificate(pem).ok_or_else(|| {
                let found = format!("authority {id} of step {}", step.name);
                Check::new("layout-key-unsupported", found, "one certificate in PEM")
            })?;
            Ok::<_, Check>((id, found))
        };
        let roots = layout.root_authorities.iter();
        let between = layout.intermediate_authorities.iter();
        let between = between.map(|(id, key)| read(id, key.certificate.as_deref()));
        let between = between.map(|it| it.map(|(_, certificate)| certificate));
        Ok(Self {
            roots: roots
                .map(|(id, key)| read(id, key.certificate.as_deref()))
                .collect::<Result<_, _>>()?,
            between: between.collect::<Result<_, _>>()?,
            denied: &signed.denied_identities,
        })
    }

    /// Who signed, if the signature comes with a certificate that the step allows, now.
    pub(super) fn signer(
        &self,
        step: &Step,
        block: &Metablock,
        signature: &MetablockSignature,
        now: Timestamp,
        budget: &mut Budget,
    ) -> Result<Option<ProvenSigner>, Check> {
        let Some(leaf) = signature.certificate.as_deref().and_then(certificate) else {
            return Ok(None);
        };
        let Ok(public) = PublicKey::from_spki(leaf.spki()) else {
            return Ok(None);
        };
        if !may_sign(&leaf, now) {
            return Ok(None);
        }
        let key = LayoutKey::from_public(public);
        budget.take_check()?;
        if !key.verifies(block.bytes_to_sign(), &signature.sig) {
            return Ok(None);
        }
        let mut allowed = false;
        for constraint in &step.certificates {
            allowed = allowed
                || attributes_fit(constraint, &leaf)
                    && self.leads_to(
                        &leaf,
                        constraint,
                        now,
                        limits::CHAIN_CERTIFICATES,
                        0,
                        budget,
                    )?;
        }
        let allowed = allowed && !self.is_denied(&leaf);
        Ok(allowed.then(|| ProvenSigner {
            fingerprint: key.fingerprint(),
            certificate: Some(leaf.common_name().unwrap_or_else(|| "unnamed".to_owned())),
            names: holder(&leaf),
            key,
        }))
    }

    /// Whether one of its names is denied; one whose names do not read is.
    fn is_denied(&self, leaf: &Certificate) -> bool {
        let Some(names) = Names::of(leaf) else {
            return true;
        };
        let mut all = [names.dns, names.emails, names.uris]
            .into_iter()
            .flatten()
            .chain(leaf.common_name());
        all.any(|name| self.denied.iter().any(|it| it.matches(&name)))
    }

    /// Whether a certificate comes from a root that the constraint names. in-toto-golang compares the
    /// constraint with all roots of the layout; here it is the root at the end of the chain.
    fn leads_to(
        &self,
        certificate: &Certificate,
        constraint: &CertificateConstraint,
        now: Timestamp,
        most: usize,
        below: usize,
        budget: &mut Budget,
    ) -> Result<bool, Check> {
        let names = |id: &KeyId| {
            let mut roots = constraint.roots.iter();
            roots.any(|it| it == ANY || it == id.as_str())
        };
        for (_, root) in self.roots.iter().filter(|(id, _)| names(id)) {
            if is_issued(certificate, root, now, below, budget)? {
                return Ok(true);
            }
        }
        if most <= 1 {
            return Ok(false);
        }
        for issuer in &self.between {
            if is_issued(certificate, issuer, now, below, budget)?
                && self.leads_to(issuer, constraint, now, most - 1, below + 1, budget)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Who holds a certificate: its alternative names, or the common name where it has none. A new key under one of them
/// is a certificate that was renewed, whatever was added to it or left out.
fn holder(leaf: &Certificate) -> BTreeSet<String> {
    let names = Names::of(leaf);
    let names = names.map(|it| [it.dns, it.emails, it.uris].concat());
    let names = names.unwrap_or_default();
    if names.is_empty() {
        return leaf.common_name().into_iter().collect();
    }
    names.into_iter().collect()
}

/// Whether an authority has issued a certificate, and may have. Authorities that vouch for each other make more
/// ways than anyone can go, so that each signature is paid for.
fn is_issued(
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
    below: usize,
    budget: &mut Budget,
) -> Result<bool, Check> {
    let may_have = certificate.names_as_issuer(issuer)
        && issuer.wrong_as_issuer(below).is_none()
        && issuer.is_valid_at(now);
    if may_have {
        budget.take_check()?;
    }
    Ok(may_have && certificate.is_signed_by(issuer))
}

fn may_sign(leaf: &Certificate, now: Timestamp) -> bool {
    leaf.is_valid_at(now)
        && leaf.may_sign_data()
        && leaf.authority_use().is_ok_and(|it| !it.is_authority)
        && leaf.wrong_extension().is_none()
}

/// Every attribute is exactly as the constraint says: `["*"]` is any, none is none.
fn attributes_fit(constraint: &CertificateConstraint, leaf: &Certificate) -> bool {
    let Some(names) = Names::of(leaf) else {
        return false;
    };
    let common: Vec<String> = leaf.common_name().into_iter().collect();
    [
        (std::slice::from_ref(&constraint.common_name), &common),
        (&constraint.dns_names, &names.dns),
        (&constraint.emails, &names.emails),
        (&constraint.organizations, &names.organizations),
        (&constraint.uris, &names.uris),
    ]
    .into_iter()
    .all(|(wanted, found)| fits(wanted, found))
}

fn fits(wanted: &[String], found: &[String]) -> bool {
    if wanted == [ANY] {
        return true;
    }
    let sorted = |values: &[String]| {
        let mut values: Vec<String> = values.iter().filter(|it| !it.is_empty()).cloned().collect();
        values.sort_unstable();
        values
    };
    sorted(wanted) == sorted(found)
}

struct Names {
    dns: Vec<String>,
    emails: Vec<String>,
    uris: Vec<String>,
    organizations: Vec<String>,
}

impl Names {
    fn of(leaf: &Certificate) -> Option<Self> {
        let mut names = Self {
            dns: leaf.dns_names().ok()?,
            emails: Vec::new(),
            uris: Vec::new(),
            organizations: leaf.organizations()?,
        };
        for name in leaf.alternative_names().ok()? {
            match name {
                AlternativeName::Email(text) => names.emails.push(text),
                AlternativeName::Uri(text) => names.uris.push(text),
                AlternativeName::Other => {}
            }
        }
        Some(names)
    }
}

fn certificate(pem: &str) -> Option<Certificate> {
    let (label, der) = pem_block(pem)?;
    let fits = label == "CERTIFICATE" && der.len() <= limits::CERTIFICATE_BYTES;
    fits.then(|| Certificate::parse(&der).ok()).flatten()
}

/// Any value of an attribute, any root of the layout.
const ANY: &str = "*";
