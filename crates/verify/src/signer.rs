//! Step 2: the bundle's key or certificate is the expected signer's.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_CODE_SIGNING;

use crate::asn1::certificate::{AlternativeName, Certificate, CertificateError};
use crate::bundle::{Bundle, Material};
use crate::check::Check;
use crate::evidence::{ExpectedSigner, ProvenSigner};
use crate::key::PublicKey;

/// The signer, with the key under which the signature must verify.
pub(crate) struct Signer {
    pub(crate) key: PublicKey,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) identity: ProvenSigner,
}

impl Signer {
    /// The expected signer, if the bundle's material can be theirs. For a certificate this checks
    /// what it says; that it leads to a trusted root is the matter of step 11.
    pub(crate) fn of(bundle: &Bundle, expected: &ExpectedSigner) -> Result<Self, Check> {
        match (expected, bundle.certificate()) {
            (ExpectedSigner::Key(key), None) => Ok(Self {
                key: key.clone(),
                certificate: None,
                identity: ProvenSigner::Key(key.clone()),
            }),
            (ExpectedSigner::Identity { identity, issuer }, Some(der)) => {
                let certificate = Certificate::parse(der).map_err(malformed)?;
                check_profile(&certificate)?;
                check_chain(bundle)?;
                check_identity(&certificate, identity)?;
                check_issuer(&certificate, issuer)?;
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
                    identity: ProvenSigner::Identity {
                        identity: identity.clone(),
                        issuer: issuer.clone(),
                    },
                })
            }
            (ExpectedSigner::Key(key), Some(der)) => {
                Err(Check::new("signer-mismatch", claimed_identity(der), key))
            }
            (ExpectedSigner::Detached(_), Some(der)) => Err(Check::new(
                "signer-mismatch",
                claimed_identity(der),
                expected,
            )),
            (ExpectedSigner::Identity { .. } | ExpectedSigner::Detached(_), None) => {
                Err(Check::new("signer-mismatch", claimed_key(bundle), expected))
            }
        }
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

/// Exactly one name, so that no verifier reads another one.
fn check_identity(certificate: &Certificate, wanted: &str) -> Result<(), Check> {
    let names = certificate.alternative_names().map_err(malformed)?;
    match names.as_slice() {
        [AlternativeName::Email(found) | AlternativeName::Uri(found)] if found == wanted => Ok(()),
        [AlternativeName::Email(found) | AlternativeName::Uri(found)] => {
            Err(Check::new("identity-mismatch", found, wanted))
        }
        [AlternativeName::Other] => Err(Check::new(
            "identity-mismatch",
            "a name that is neither e-mail nor URI",
            wanted,
        )),
        several => Err(Check::new(
            "certificate-malformed",
            format!("{} names", several.len()),
            "1 name",
        )),
    }
}

/// The new extension and the old one must agree where both are there.
fn check_issuer(certificate: &Certificate, wanted: &str) -> Result<(), Check> {
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
    match new.or(old) {
        Some(found) if found == wanted => Ok(()),
        Some(found) => Err(Check::new("issuer-mismatch", found, wanted)),
        None => Err(Check::new("issuer-mismatch", "no issuer", wanted)),
    }
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
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
/// Fulcio's issuer: DER of the text.
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
