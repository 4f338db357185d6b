//! A timestamp authority that says whatever it is asked to.

use attest_provenance::base64;
use serde_json::{Value, json};

use super::der::*;
use super::keys::{Key, sha1, sha256, sha384, sha512};

/// What a certificate says.
pub(crate) struct Certificate<'a> {
    pub(crate) subject: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) serial: u64,
    pub(crate) validity: (&'a str, &'a str),
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Certificate<'_> {
    pub(crate) fn tbs(&self) -> Vec<u8> {
        let (from, to) = self.validity;
        let mut parts = vec![
            context(0, &int(2)),
            int(self.serial),
            seq(&[oid(ECDSA_SHA256)]),
            name(self.issuer),
            seq(&[time(from), time(to)]),
            name(self.subject),
            self.spki.clone(),
        ];
        if !self.extensions.is_empty() {
            parts.push(context(3, &seq(&self.extensions)));
        }
        seq(&parts)
    }

    pub(crate) fn sign(&self, key: &Key) -> Vec<u8> {
        signed(&self.tbs(), key)
    }
}

pub(crate) fn signed(tbs: &[u8], key: &Key) -> Vec<u8> {
    seq(&[
        tbs.to_vec(),
        seq(&[oid(ECDSA_SHA256)]),
        bits(&key.sign(tbs)),
    ])
}

pub(crate) fn authority_extensions() -> Vec<Vec<u8>> {
    vec![
        extension("2.5.29.19", true, &seq(&[boolean(true)])),
        // keyCertSign
        extension("2.5.29.15", true, &tlv(0x03, &[2, 0x04])),
    ]
}

/// The names that an authority's key has in its own certificate and in those that it issues (RFC 5280
/// §4.2.1.1 and §4.2.1.2).
pub(crate) fn key_of_subject(spki: &[u8]) -> Vec<u8> {
    extension("2.5.29.14", false, &octets(&sha1(spki)))
}

pub(crate) fn key_of_issuer(spki: &[u8]) -> Vec<u8> {
    extension("2.5.29.35", false, &seq(&[tlv(0x80, &sha1(spki))]))
}

pub(crate) fn purpose(critical: bool, purposes: &[&str]) -> Vec<u8> {
    let purposes: Vec<Vec<u8>> = purposes.iter().map(|it| oid(it)).collect();
    extension("2.5.29.37", critical, &seq(&purposes))
}

/// An authority with its own root.
pub(crate) struct Authority {
    pub(crate) name: String,
    pub(crate) root_key: Key,
    pub(crate) key: Key,
    pub(crate) root: Vec<u8>,
    pub(crate) leaf: Vec<u8>,
}

/// What may be wrong with an authority's certificates.
pub(crate) struct Chain<'a> {
    pub(crate) leaf_extensions: Vec<Vec<u8>>,
    pub(crate) root_extensions: Vec<Vec<u8>>,
    pub(crate) leaf_validity: (&'a str, &'a str),
    pub(crate) root_validity: (&'a str, &'a str),
    pub(crate) leaf_key: Key,
    pub(crate) root_key: Key,
}

impl Default for Chain<'_> {
    fn default() -> Self {
        Self {
            leaf_extensions: vec![
                purpose(true, &[TIME_STAMPING]),
                // digitalSignature
                extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80])),
            ],
            root_extensions: authority_extensions(),
            leaf_validity: ("20260101000000Z", "20360101000000Z"),
            root_validity: ("20260101000000Z", "20460101000000Z"),
            leaf_key: Key::p256(),
            root_key: Key::p256(),
        }
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, Chain::default())
    }

    pub(crate) fn with(name: &str, chain: Chain<'_>) -> Self {
        let root_key = chain.root_key;
        let issuer = format!("{name} root");
        let root = Certificate {
            subject: &issuer,
            issuer: &issuer,
            serial: 1,
            validity: chain.root_validity,
            spki: root_key.spki(),
            extensions: chain.root_extensions,
        };
        let leaf = Certificate {
            subject: name,
            issuer: &issuer,
            serial: 2,
            validity: chain.leaf_validity,
            spki: chain.leaf_key.spki(),
            extensions: chain.leaf_extensions,
        };
        Self {
            name: name.to_owned(),
            root: root.sign(&root_key),
            leaf: leaf.sign(&root_key),
            root_key,
            key: chain.leaf_key,
        }
    }

    /// The entry of this authority in a trusted root.
    pub(crate) fn trusted(&self) -> Value {
        self.trusted_with(&[&self.leaf, &self.root])
    }

    pub(crate) fn trusted_with(&self, chain: &[&Vec<u8>]) -> Value {
        json!({
            "subject": {"organization": "test", "commonName": self.name},
            "uri": format!("https://{}", self.name),
            "certChain": {"certificates": chain.iter().map(|it| json!({"rawBytes": base64::encode(it)})).collect::<Vec<_>>()},
            "validFor": {"start": "2026-01-01T00:00:00Z"},
        })
    }
}

/// A token in the making; the default is as it should be.
#[derive(Clone)]
pub(crate) struct Token<'a> {
    pub(crate) time: &'a str,
    /// The issuer of the signer's certificate, by which the token names it.
    pub(crate) issuer: String,
    pub(crate) imprint: (&'a str, Vec<u8>),
    /// The signer's certificate, as the attributes name it.
    pub(crate) names_certificate: Option<Vec<u8>>,
    pub(crate) names_by_sha1: bool,
    pub(crate) digest: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) unsigned: bool,
    pub(crate) two_signers: bool,
    pub(crate) extra_attributes: Vec<Vec<u8>>,
    pub(crate) extensions: Option<Vec<u8>>,
    pub(crate) message_digest: Option<Vec<u8>>,
    pub(crate) status: u64,
    /// The key id by which the token names its signer, in the place of issuer and serial.
    pub(crate) by_key_id: Option<Vec<u8>>,
}

impl<'a> Token<'a> {
    pub(crate) fn of(authority: &Authority, message: &[u8], time: &'a str) -> Self {
        Self {
            time,
            issuer: format!("{} root", authority.name),
            imprint: (SHA256, sha256(message)),
            names_certificate: Some(authority.leaf.clone()),
            names_by_sha1: false,
            digest: SHA256,
            content_type: TST_INFO,
            certificates: vec![authority.leaf.clone()],
            unsigned: false,
            two_signers: false,
            extra_attributes: Vec::new(),
            extensions: None,
            message_digest: None,
            status: 0,
            by_key_id: None,
        }
    }

    /// A `TimeStampResp` (RFC 3161 §2.4.2), signed by that key.
    pub(crate) fn sign(&self, key: &Key) -> Vec<u8> {
        seq(&[seq(&[int(self.status)]), self.bare(key)])
    }

    /// The token without a response around it.
    pub(crate) fn bare(&self, key: &Key) -> Vec<u8> {
        let info = self.info();
        let signer = self.signer(key, &info);
        let signers = if self.two_signers {
            let mut second = self.clone();
            second.extra_attributes.push(attribute("1.2.3.4", &null()));
            set(&[signer, second.signer(key, &info)])
        } else {
            set(&[signer])
        };
        let mut parts = vec![
            int(3),
            set(&[seq(&[oid(self.digest)])]),
            seq(&[oid(TST_INFO), context(0, &octets(&info))]),
        ];
        if !self.certificates.is_empty() {
            parts.push(context(0, &self.certificates.concat()));
        }
        parts.push(signers);
        seq(&[oid("1.2.840.113549.1.7.2"), context(0, &seq(&parts))])
    }

    fn info(&self) -> Vec<u8> {
        let (algorithm, imprint) = &self.imprint;
        let mut parts = vec![
            int(1),
            oid("1.3.6.1.4.1.57264.2"),
            seq(&[seq(&[oid(algorithm)]), octets(imprint)]),
            int(77),
            generalized_time(self.time),
        ];
        parts.extend(self.extensions.iter().map(|it| context(1, it)));
        seq(&parts)
    }

    fn signer(&self, key: &Key, info: &[u8]) -> Vec<u8> {
        let digest = self
            .message_digest
            .clone()
            .unwrap_or_else(|| hash(self.digest, info));
        let mut attributes = vec![
            attribute("1.2.840.113549.1.9.3", &oid(self.content_type)),
            attribute("1.2.840.113549.1.9.4", &octets(&digest)),
        ];
        if let Some(certificate) = &self.names_certificate {
            attributes.push(if self.names_by_sha1 {
                let id = seq(&[octets(&sha1(certificate))]);
                attribute("1.2.840.113549.1.9.16.2.12", &seq(&[seq(&[id])]))
            } else {
                let id = seq(&[octets(&sha256(certificate))]);
                attribute("1.2.840.113549.1.9.16.2.47", &seq(&[seq(&[id])]))
            });
        }
        attributes.extend(self.extra_attributes.clone());
        let attributes = set(&attributes);
        let algorithm = match self.digest {
            SHA384 => "1.2.840.10045.4.3.3",
            SHA512 => "1.2.840.10045.4.3.4",
            _ => ECDSA_SHA256,
        };
        let (algorithm, signature) = match key {
            Key::Rsa(_) => (
                seq(&[oid("1.2.840.113549.1.1.1"), null()]),
                key.sign(&attributes),
            ),
            _ => (
                seq(&[oid(algorithm)]),
                key.sign_digest_or_message(self.digest, &attributes),
            ),
        };
        let mut parts = vec![
            int(if self.by_key_id.is_some() { 3 } else { 1 }),
            match &self.by_key_id {
                Some(id) => tlv(0x80, id),
                None => seq(&[name(&self.issuer), int(2)]),
            },
            seq(&[oid(self.digest)]),
            [&[0xa0], &attributes[1..]].concat(),
            algorithm,
            octets(&signature),
        ];
        if self.unsigned {
            parts.push(context(1, &attribute("1.2.3.4", &null())));
        }
        seq(&parts)
    }
}

impl Key {
    /// ECDSA over the digest that is named, which need not be the one that belongs to the curve.
    fn sign_digest_or_message(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(_, hash) if hash.output_len() == self::hash(algorithm, b"").len() => {
                self.sign_digest(&self::hash(algorithm, message))
            }
            _ => self.sign(message),
        }
    }
}

pub(crate) fn attribute(id: &str, value: &[u8]) -> Vec<u8> {
    seq(&[oid(id), set(&[value.to_vec()])])
}

fn hash(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        SHA384 => sha384(bytes),
        SHA512 => sha512(bytes),
        _ => sha256(bytes),
    }
}

pub(crate) const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
