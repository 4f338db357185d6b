//! Step 2: the bundle's key or certificate is the expected signer's.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_CODE_SIGNING;

use crate::asn1::certificate::{AlternativeName, Certificate, CertificateError};
use crate::bundle::{Bundle, Material};
use crate::check::Check;
use crate::claims::Claims;
use crate::evidence::ProvenSigner;
use crate::expected::{ExpectedIdentity, ExpectedSigner, any_of};
use crate::key::PublicKey;

/// The signer, with the key under which the signature must verify.
pub(crate) struct Signer {
    pub(crate) key: PublicKey,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) identity: ProvenSigner,
    pub(crate) claims: Claims,
}

impl Signer {
    /// The expected signers that the bundle's material can be of, at least one. Which of several keys
    /// it is, the signature tells.
    pub(crate) fn candidates(
        bundle: &Bundle,
        expected: &[ExpectedSigner],
    ) -> Result<Vec<Self>, Check> {
        match bundle.certificate() {
            Some(der) => Self::certified(bundle, der, expected).map(|it| vec![it]),
            None => Self::keys(bundle, expected),
        }
    }

    fn certified(bundle: &Bundle, der: &[u8], expected: &[ExpectedSigner]) -> Result<Self, Check> {
        // A chain that no honest bundle has is the reason, whoever the certificate names.
        Self::holder(der, expected, || check_chain(bundle))
    }

    /// What the certificate says of its holder; that it leads to a trusted root is the matter
    /// of step 11.
    pub(crate) fn of_certificate(der: &[u8], expected: &[ExpectedSigner]) -> Result<Self, Check> {
        Self::holder(der, expected, || Ok(()))
    }

    fn holder(
        der: &[u8],
        expected: &[ExpectedSigner],
        beside: impl FnOnce() -> Result<(), Check>,
    ) -> Result<Self, Check> {
        let wanted: Vec<&ExpectedIdentity> = expected.iter().filter_map(identity).collect();
        if wanted.is_empty() {
            let found = claimed_identity(der);
            return Err(Check::new("signer-mismatch", found, any_of(expected)));
        }
        let certificate = Certificate::parse(der).map_err(malformed)?;
        check_profile(&certificate)?;
        beside()?;
        let identity = check_identity(&certificate, &wanted)?;
        let claims = Claims::of(&certificate)?;
        check_claims(&identity, &claims, expected)?;
        let key = PublicKey::from_spki(certificate.spki()).map_err(|error| {
            Check::new(
                "signature-algorithm-unsupported",
                error,
                "a key that we know",
            )
        })?;
        Ok(Self {
            key,
            certificate: Some(certificate),
            identity,
            claims,
        })
    }

    /// The expected keys; if the bundle's hint is the fingerprint of one, that one.
    fn keys(bundle: &Bundle, expected: &[ExpectedSigner]) -> Result<Vec<Self>, Check> {
        let hint = match bundle.material() {
            Material::Key { hint: Some(hint) } => hint.as_str(),
            _ => "",
        };
        let keys: Vec<&PublicKey> = expected.iter().filter_map(ExpectedSigner::key).collect();
        let hinted: Vec<&PublicKey> = keys
            .iter()
            .copied()
            .filter(|it| it.hint() == hint)
            .collect();
        let keys = if hinted.is_empty() { keys } else { hinted };
        if keys.is_empty() {
            let found = claimed_key(bundle);
            return Err(Check::new("signer-mismatch", found, any_of(expected)));
        }
        let signer = |key: &PublicKey| Self {
            key: key.clone(),
            certificate: None,
            identity: ProvenSigner::Key(key.clone()),
            claims: Claims::default(),
        };
        Ok(keys.into_iter().map(signer).collect())
    }

    /// Whether the bundle's hint, if it is a fingerprint, and the envelope's key id agree with the key.
    pub(crate) fn check_hint(&self, bundle: &Bundle) -> Result<(), Check> {
        let Material::Key { hint } = bundle.material() else {
            return Ok(());
        };
        let wanted = self.key.hint();
        if let Some(hint) = hint
            .as_deref()
            .filter(|it| is_fingerprint(it) && *it != wanted)
        {
            return Err(Check::new("key-hint-mismatch", hint, wanted));
        }
        let crate::bundle::Content::Envelope(envelope) = bundle.content() else {
            return Ok(());
        };
        let key_id = envelope
            .signatures()
            .first()
            .and_then(|it| it.keyid.as_deref());
        match key_id {
            Some(key_id) if hint.as_deref().is_some_and(|hint| hint != key_id) => Err(Check::new(
                "key-hint-mismatch",
                key_id,
                hint.as_deref().unwrap_or_default(),
            )),
            _ => Ok(()),
        }
    }
}

/// A hint of the form that cosign writes: base64 of 32 bytes.
pub(crate) fn is_fingerprint(hint: &str) -> bool {
    attest_provenance::base64::decode(hint).is_ok_and(|it| it.len() == 32)
}

/// The profile of Fulcio's certificates: for code signing, no authority, nothing critical that we do
/// not know.
fn check_profile(certificate: &Certificate) -> Result<(), Check> {
    let wanted = "a certificate for code signing";
    let purposes = certificate.purposes().map_err(malformed)?;
    let signs_code = purposes.is_some_and(|(_, it)| it.contains(&ID_KP_CODE_SIGNING));
    if !signs_code {
        return Err(Check::new(
            "certificate-purpose",
            "another extended key usage",
            wanted,
        ));
    }
    if !certificate.may_sign_data() {
        return Err(Check::new(
            "certificate-purpose",
            "a key usage without signatures",
            wanted,
        ));
    }
    if certificate.authority_use().map_err(malformed)?.is_authority {
        return Err(Check::new(
            "certificate-purpose",
            "a certificate authority",
            wanted,
        ));
    }
    if let Some(unknown) = certificate.unknown_critical_extension() {
        return Err(Check::new(
            "certificate-malformed",
            format!("the critical extension {unknown}"),
            wanted,
        ));
    }
    Ok(())
}

/// Issuers in a bundle are only the way to a root that the verifier has; a root in a bundle is one that
/// somebody wants to be trusted.
fn check_chain(bundle: &Bundle) -> Result<(), Check> {
    let Material::Chain(chain) = bundle.material() else {
        return Ok(());
    };
    for der in chain.iter().skip(1) {
        if Certificate::parse(der).map_err(malformed)?.is_self_issued() {
            let wanted = "issuers that lead to a trusted root";
            return Err(Check::new(
                "certificate-malformed",
                "a root certificate in the bundle",
                wanted,
            ));
        }
    }
    Ok(())
}

fn identity(expected: &ExpectedSigner) -> Option<&ExpectedIdentity> {
    match expected {
        ExpectedSigner::Identity(identity) => Some(identity),
        ExpectedSigner::Key(_) | ExpectedSigner::Detached(_) => None,
    }
}

/// The identity that the certificate is issued to, if it is one of those that are wanted.
fn check_identity(
    certificate: &Certificate,
    wanted: &[&ExpectedIdentity],
) -> Result<ProvenSigner, Check> {
    let words = |of: fn(&ExpectedIdentity) -> &str| -> String {
        let mut words: Vec<&str> = wanted.iter().map(|it| of(it)).collect();
        words.dedup();
        words.join(" or ")
    };
    let identity = only_name(certificate, &words(|it| it.identity().as_str()))?;
    let issuer = issuer(certificate)?;
    let named: Vec<_> = wanted
        .iter()
        .filter(|it| it.identity().matches(&identity))
        .collect();
    if named.is_empty() {
        let wanted = words(|it| it.identity().as_str());
        return Err(Check::new("identity-mismatch", identity, wanted));
    }
    match issuer {
        Some(issuer) if named.iter().any(|it| it.issuer() == issuer) => {
            Ok(ProvenSigner::Identity { identity, issuer })
        }
        issuer => Err(Check::new(
            "issuer-mismatch",
            issuer.as_deref().unwrap_or("no issuer"),
            words(ExpectedIdentity::issuer),
        )),
    }
}

/// What one of the expected signers whose identity it is must claim, it claims.
fn check_claims(
    signer: &ProvenSigner,
    claims: &Claims,
    expected: &[ExpectedSigner],
) -> Result<(), Check> {
    let mut refused = None;
    for wanted in expected.iter().filter(|it| signer.is(it)) {
        let wanted = identity(wanted).map_or(&[][..], ExpectedIdentity::claims);
        match claims.satisfy(wanted) {
            Ok(()) => return Ok(()),
            Err(check) => refused = refused.or(Some(check)),
        }
    }
    refused.map_or(Ok(()), Err)
}

/// Exactly one name, so that no verifier reads another one.
fn only_name(certificate: &Certificate, wanted: &str) -> Result<String, Check> {
    let mut names = certificate.alternative_names().map_err(malformed)?;
    match (names.pop(), names.len()) {
        (Some(AlternativeName::Email(name) | AlternativeName::Uri(name)), 0) => Ok(name),
        (Some(AlternativeName::Other), 0) => Err(Check::new(
            "identity-mismatch",
            "a name that is neither e-mail nor URI",
            wanted,
        )),
        (last, others) => Err(Check::new(
            "certificate-malformed",
            format!("{} names", others + usize::from(last.is_some())),
            "1 name",
        )),
    }
}

/// The new extension and the old one must agree where both are there.
fn issuer(certificate: &Certificate) -> Result<Option<String>, Check> {
    let new = certificate.text_extension(ISSUER_V2).map_err(malformed)?;
    let old = certificate
        .raw_text_extension(ISSUER_V1)
        .map_err(malformed)?;
    if let (Some(new), Some(old)) = (&new, &old)
        && new != old
    {
        return Err(Check::new(
            "certificate-malformed",
            format!("issuers {new} and {old}"),
            "1 issuer",
        ));
    }
    Ok(new.or(old))
}

/// The name and issuer that a certificate claims, for showing them.
pub(crate) fn claims_of(der: &[u8]) -> Option<(String, Option<String>)> {
    let certificate = Certificate::parse(der).ok()?;
    let names = certificate.alternative_names().ok()?;
    let name = match names.as_slice() {
        [AlternativeName::Email(name) | AlternativeName::Uri(name)] => name.clone(),
        _ => return None,
    };
    let new = certificate.text_extension(ISSUER_V2).ok().flatten();
    let old = || certificate.raw_text_extension(ISSUER_V1).ok().flatten();
    Some((name, new.or_else(old)))
}

fn claimed_identity(der: &[u8]) -> String {
    let names = Certificate::parse(der).and_then(|it| it.alternative_names());
    match names.unwrap_or_default().as_slice() {
        [
            AlternativeName::Email(name) | AlternativeName::Uri(name),
            ..,
        ] => format!("a certificate of {name} (claimed)"),
        _ => "a certificate".to_owned(),
    }
}

fn claimed_key(bundle: &Bundle) -> String {
    match bundle.material() {
        Material::Key { hint: Some(hint) } => format!("a key that is called {hint} (claimed)"),
        _ => "a key".to_owned(),
    }
}

fn malformed(error: CertificateError) -> Check {
    Check::new(
        "certificate-malformed",
        error,
        "a certificate of Fulcio's profile",
    )
}

/// Fulcio's issuer: the text itself.
pub(crate) const ISSUER_V1: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
/// Fulcio's issuer: DER of the text.
pub(crate) const ISSUER_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
