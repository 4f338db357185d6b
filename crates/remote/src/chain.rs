//! The certificates of somebody else's timestamp authority, as a trusted root needs them.

use cms::cert::x509::Certificate;
use cms::cert::x509::ext::pkix::ExtendedKeyUsage;
use cms::cert::x509::name::Name;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use const_oid::db::rfc5280::ID_KP_TIME_STAMPING;
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Any, Decode, Encode, Tag, Tagged};

use crate::limits::{CHAIN_BYTES, CHAIN_CERTIFICATES};

/// A chain, leaf first, root last. What its signatures are worth is for the verifier to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    certificates: Vec<Vec<u8>>,
    organization: String,
    common_name: String,
    valid_from: u64,
}

/// Why certificates are no chain of a timestamp authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// More than any chain has.
    #[error("the file has {found} bytes, at most {CHAIN_BYTES} are read")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Not PEM.
    #[error("it is no PEM file")]
    Pem,
    /// Something else than certificates.
    #[error("it holds a block {label:?}, CERTIFICATE is wanted")]
    Label {
        /// The label of the block.
        label: String,
    },
    /// Fewer or more than can be used.
    #[error(
        "it holds {found} certificates, a leaf and its issuers up to the root are wanted, 2 to {CHAIN_CERTIFICATES}"
    )]
    Count {
        /// How many.
        found: usize,
    },
    /// A certificate that cannot be read.
    #[error("certificate {number} cannot be read")]
    Malformed {
        /// Counted from 1.
        number: usize,
    },
    /// None of them is for timestamps alone, or several are.
    #[error("it holds {found} certificates for timestamps, 1 is wanted")]
    Leaf {
        /// How many.
        found: usize,
    },
    /// The issuers do not lead from the leaf to a root.
    #[error("the issuer of {subject:?} is not in it")]
    IssuerMissing {
        /// The certificate whose issuer is missing.
        subject: String,
    },
    /// Certificates that the leaf does not need.
    #[error("it holds certificates that the leaf does not need")]
    Unneeded,
}

impl ChainError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        "timestamp-chain-malformed"
    }
}

impl Chain {
    /// Reads PEM certificates in any order.
    ///
    /// # Errors
    /// `timestamp-chain-malformed`: they are not one leaf for timestamps and its issuers up to a
    /// root.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, ChainError> {
        if bytes.len() > CHAIN_BYTES {
            return Err(ChainError::TooLarge { found: bytes.len() });
        }
        let blocks = pem::parse_many(bytes).map_err(|_| ChainError::Pem)?;
        if !(2..=CHAIN_CERTIFICATES).contains(&blocks.len()) {
            return Err(ChainError::Count {
                found: blocks.len(),
            });
        }
        let mut open = Vec::new();
        for (block, number) in blocks.into_iter().zip(1..) {
            if block.tag() != "CERTIFICATE" {
                return Err(ChainError::Label {
                    label: block.tag().to_owned(),
                });
            }
            let parsed = Certificate::from_der(block.contents())
                .map_err(|_| ChainError::Malformed { number })?;
            open.push((parsed, block.into_contents()));
        }
        Self::order(open)
    }

    /// DER certificates, leaf first, root last.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The leaf's organization; empty if it names none.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// The leaf's common name; empty if it names none.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// From when on the leaf is valid, in seconds since 1970.
    pub const fn valid_from(&self) -> u64 {
        self.valid_from
    }

    fn order(mut open: Vec<(Certificate, Vec<u8>)>) -> Result<Self, ChainError> {
        let leaves: Vec<usize> = (0..)
            .zip(&open)
            .filter(|(_, (certificate, _))| is_for_timestamps(certificate))
            .map(|(at, _)| at)
            .collect();
        let [leaf] = leaves.as_slice() else {
            return Err(ChainError::Leaf {
                found: leaves.len(),
            });
        };
        let (leaf, der) = open.swap_remove(*leaf);
        let tbs = &leaf.tbs_certificate;
        let mut chain = Self {
            certificates: vec![der],
            organization: text(&tbs.subject, ORGANIZATION_NAME),
            common_name: text(&tbs.subject, COMMON_NAME),
            valid_from: tbs.validity.not_before.to_unix_duration().as_secs(),
        };
        let mut last = leaf;
        while last.tbs_certificate.issuer != last.tbs_certificate.subject {
            let issuer = &last.tbs_certificate.issuer;
            let found = open
                .iter()
                .position(|(it, _)| it.tbs_certificate.subject == *issuer);
            let Some(found) = found else {
                return Err(ChainError::IssuerMissing {
                    subject: last.tbs_certificate.subject.to_string(),
                });
            };
            let (next, der) = open.swap_remove(found);
            chain.certificates.push(der);
            last = next;
        }
        if open.is_empty() {
            Ok(chain)
        } else {
            Err(ChainError::Unneeded)
        }
    }
}

/// The DER of the one certificate of a PEM text. What it says is for the verifier to read.
pub(crate) fn certificate_of(text: &str) -> Option<Vec<u8>> {
    if text.len() > CHAIN_BYTES {
        return None;
    }
    let block = pem::parse(text).ok()?;
    (block.tag() == "CERTIFICATE").then(|| block.into_contents())
}

/// The purpose `timeStamping`, which issuers of such certificates do not have for themselves.
fn is_for_timestamps(certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    let is_issued = tbs.issuer != tbs.subject;
    let usage = tbs
        .extensions
        .iter()
        .flatten()
        .find(|extension| extension.extn_id == ExtendedKeyUsage::OID)
        .and_then(|extension| ExtendedKeyUsage::from_der(extension.extn_value.as_bytes()).ok());
    is_issued
        && !is_issuer(certificate)
        && usage.is_some_and(|it| it.0.contains(&ID_KP_TIME_STAMPING))
}

fn is_issuer(certificate: &Certificate) -> bool {
    use cms::cert::x509::ext::pkix::BasicConstraints;
    certificate
        .tbs_certificate
        .extensions
        .iter()
        .flatten()
        .find(|extension| extension.extn_id == BasicConstraints::OID)
        .and_then(|extension| BasicConstraints::from_der(extension.extn_value.as_bytes()).ok())
        .is_some_and(|it| it.ca)
}

fn text(name: &Name, wanted: ObjectIdentifier) -> String {
    name.0
        .iter()
        .flat_map(|part| part.0.iter())
        .find(|attribute| attribute.oid == wanted)
        .and_then(|attribute| string(&attribute.value))
        .unwrap_or_default()
}

fn string(value: &Any) -> Option<String> {
    let der = value.to_der().ok()?;
    match value.tag() {
        Tag::Utf8String => Utf8StringRef::from_der(&der).ok().map(|it| it.to_string()),
        Tag::PrintableString => PrintableStringRef::from_der(&der)
            .ok()
            .map(|it| it.to_string()),
        Tag::Ia5String => Ia5StringRef::from_der(&der).ok().map(|it| it.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};

    use super::*;

    fn name(text: &str) -> AuthorityName {
        AuthorityName::new("example.invalid", text).unwrap()
    }

    fn valid() -> Period {
        Period {
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: "2036-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn authority(text: &str) -> Authority {
        let root = AuthorityRoot::create(&name(&format!("root of {text}")), valid()).unwrap();
        root.issue(&name(text), valid()).unwrap()
    }

    fn pem(certificates: &[Vec<u8>]) -> String {
        let block = |der: &Vec<u8>| pem::encode(&pem::Pem::new("CERTIFICATE", der.clone()));
        certificates.iter().map(block).collect()
    }

    #[test]
    fn a_chain_is_put_in_order() {
        let authority = authority("leaf");
        let mut reversed = authority.chain().to_vec();
        reversed.reverse();
        for certificates in [authority.chain(), &reversed] {
            let chain = Chain::from_pem(pem(certificates).as_bytes()).unwrap();
            assert_eq!(chain.certificates(), authority.chain());
            assert_eq!(
                (chain.organization(), chain.common_name()),
                ("example.invalid", "leaf")
            );
            assert_eq!(chain.valid_from(), 1_767_225_600);
        }
    }

    #[test]
    fn what_is_no_chain_is_refused() {
        let (one, other) = (authority("one"), authority("other"));
        let refusal =
            |certificates: &[Vec<u8>]| Chain::from_pem(pem(certificates).as_bytes()).unwrap_err();
        let leaf = |it: &Authority| it.chain()[0].clone();
        let root = |it: &Authority| it.chain()[1].clone();
        assert_eq!(refusal(&[leaf(&one)]), ChainError::Count { found: 1 });
        assert_eq!(
            refusal(&[leaf(&one), leaf(&other)]),
            ChainError::Leaf { found: 2 }
        );
        assert_eq!(
            refusal(&[root(&one), root(&other)]),
            ChainError::Leaf { found: 0 }
        );
        assert!(matches!(
            refusal(&[leaf(&one), root(&other)]),
            ChainError::IssuerMissing { .. }
        ));
        assert_eq!(
            refusal(&[leaf(&one), root(&one), root(&other)]),
            ChainError::Unneeded
        );
        assert_eq!(
            refusal(&[vec![0], vec![1]]),
            ChainError::Malformed { number: 1 }
        );
        assert_eq!(
            Chain::from_pem(b"hello").unwrap_err(),
            ChainError::Count { found: 0 }
        );
        let mut labelled = pem(one.chain());
        labelled = labelled.replace("CERTIFICATE", "PRIVATE KEY");
        assert!(matches!(
            Chain::from_pem(labelled.as_bytes()).unwrap_err(),
            ChainError::Label { .. }
        ));
    }
}
