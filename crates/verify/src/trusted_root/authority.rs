//! Timestamp authorities of a trusted root.

use std::sync::{Arc, OnceLock};

use attest_provenance::json::Object;
use const_oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_TIME_STAMPING};
use jiff::Timestamp;

use crate::asn1::certificate::Certificate;
use crate::crypto::{self, Noted};
use crate::key::KeyKind;
use crate::trusted_root::{TimeWindow, TrustedRootError, take_chain, window};

/// A timestamp authority that is trusted.
#[derive(Debug)]
pub struct TimestampAuthority {
    name: String,
    uri: Option<String>,
    chain: Vec<Certificate>,
    window: Option<TimeWindow>,
    /// Whether the chain leads where it should, found out when it is first needed, with the signatures
    /// that verified on the way.
    problem: OnceLock<(Option<ChainProblem>, Vec<Arc<Noted>>)>,
}

/// Why an authority's certificates cannot vouch for any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainProblem {
    /// The leaf may not sign timestamps, or other things as well.
    Purpose(&'static str),
    /// The certificates do not form a chain.
    Chain(&'static str),
}

impl TimestampAuthority {
    /// The common name of its signer's certificate, else the URI, else `unnamed`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is served, as the trusted root says.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// When it is trusted; without a window its certificates alone decide.
    pub const fn window(&self) -> Option<&TimeWindow> {
        self.window.as_ref()
    }

    /// The certificate of its signer. A chain is never empty.
    pub(crate) fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// Its certificates, from its signer to its root.
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The engine reads signers with ECDSA on P-256 and P-384, and wants every certificate between
    /// signer and root to name timestamping, which RFC 5280 does not.
    pub(crate) fn is_read_by_engine(&self) -> bool {
        let [leaf, between @ .., root] = self.chain.as_slice() else {
            return false;
        };
        let names = |it: &Certificate| match it.purposes() {
            Ok(Some((_, purposes))) => purposes.contains(&ID_KP_TIME_STAMPING),
            Ok(None) | Err(_) => false,
        };
        let is_known = |kind: Option<KeyKind>| {
            matches!(
                kind,
                Some(KeyKind::P256 | KeyKind::P384 | KeyKind::Rsa { .. })
            )
        };
        matches!(leaf.key_kind(), Some(KeyKind::P256 | KeyKind::P384))
            && is_known(root.key_kind())
            && between
                .iter()
                .all(|it| names(it) && is_known(it.key_kind()))
    }

    pub(crate) fn problem(&self) -> Option<ChainProblem> {
        let (problem, links) = self
            .problem
            .get_or_init(|| crypto::noting(|| purpose(&self.chain).or_else(|| chain(&self.chain))));
        crypto::note_again(links);
        *problem
    }

    /// The certificate of its chain that expires first.
    pub(crate) fn first_to_expire(&self) -> Option<&Certificate> {
        self.chain.iter().min_by_key(|it| it.not_after())
    }

    /// The first certificate, or the authority itself, that was not valid then.
    pub(crate) fn invalid_at(&self, time: Timestamp) -> Option<String> {
        if let Some(window) = self.window.filter(|it| !it.contains(time)) {
            return Some(window.to_string());
        }
        let expired = self.chain.iter().find(|it| !it.is_valid_at(time))?;
        Some(format!(
            "{} to {}",
            expired.not_before(),
            expired.not_after()
        ))
    }

    pub(super) fn from_object(mut object: Object) -> Result<Self, TrustedRootError> {
        let subject = take_subject(&mut object)?;
        let uri = object.take_optional_string("uri")?;
        object.take_optional_string("operator")?;
        let chain = take_chain(&mut object)?;
        let window = window::take_optional(&mut object)?;
        object.finish()?;
        let certified = chain.first().and_then(Certificate::common_name);
        let name = certified.or(subject).or_else(|| uri.clone());
        Ok(Self {
            name: name.unwrap_or_else(|| "unnamed".to_owned()),
            uri,
            chain,
            window,
            problem: OnceLock::new(),
        })
    }
}

/// Takes `subject`, and gives its common name.
pub(super) fn take_subject(object: &mut Object) -> Result<Option<String>, TrustedRootError> {
    let Some(mut subject) = object.take_optional_object("subject")? else {
        return Ok(None);
    };
    subject.take_optional_string("organization")?;
    let name = subject.take_optional_string("commonName")?;
    subject.finish()?;
    Ok(name.filter(|it| !it.is_empty()))
}

/// RFC 3161 §2.3: timestamping is the one purpose, and critical.
fn purpose(chain: &[Certificate]) -> Option<ChainProblem> {
    let leaf = chain.first()?;
    let wrong = |what| Some(ChainProblem::Purpose(what));
    let Ok(Some((critical, purposes))) = leaf.purposes() else {
        return wrong("no extended key usage");
    };
    if !critical {
        return wrong("an extended key usage that is not critical");
    }
    if purposes != [ID_KP_TIME_STAMPING] {
        return wrong("another purpose than timestamping alone");
    }
    if !leaf.may_sign_data() {
        return wrong("a key usage without signatures");
    }
    if leaf.authority_use().is_ok_and(|it| it.is_authority) {
        return wrong("a certificate authority as signer");
    }
    None
}

/// Each certificate is signed by the next, up to a root that may sign them.
fn chain(chain: &[Certificate]) -> Option<ChainProblem> {
    let wrong = |what| Some(ChainProblem::Chain(what));
    if chain.len() < 2 {
        return wrong("one certificate, its own root");
    }
    if chain
        .iter()
        .any(|it| it.unknown_critical_extension().is_some())
    {
        return wrong("an unknown critical extension");
    }
    for (below, (certificate, issuer)) in chain.iter().zip(chain.iter().skip(1)).enumerate() {
        if !certificate.is_signed_by(issuer) {
            return wrong("a certificate that the next did not sign");
        }
        let Ok(authority) = issuer.authority_use() else {
            return wrong("an issuer that is no authority");
        };
        // RFC 5280 §4.2.1.9: authorities between this one and the leaf.
        let too_long = authority
            .path_length
            .is_some_and(|most| below > usize::from(most));
        if !authority.is_authority || !issuer.may_sign_certificates() || too_long {
            return wrong("an issuer that may not sign this certificate");
        }
        if !allows_timestamping(issuer) {
            return wrong("an issuer for another purpose");
        }
    }
    None
}

fn allows_timestamping(issuer: &Certificate) -> bool {
    let Ok(purposes) = issuer.purposes() else {
        return false;
    };
    purposes.is_none_or(|(_, it)| {
        it.contains(&ID_KP_TIME_STAMPING) || it.contains(&ANY_EXTENDED_KEY_USAGE)
    })
}
