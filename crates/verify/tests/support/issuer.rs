//! A certificate authority and a certificate log that say whatever they are asked to.

use attest_provenance::base64;
use serde_json::{Value, json};

use super::authority::{
    Certificate, authority_extensions, key_of_issuer, key_of_subject, purpose, signed,
};
use super::der::*;
use super::keys::{Key, sha256};

pub(crate) struct Issuer {
    pub(crate) key: Key,
    pub(crate) root: Vec<u8>,
    /// The root's key, if that is another one than the issuing key.
    pub(crate) root_key: Option<Key>,
    /// The certificate of the key, if it is not the root's.
    pub(crate) intermediate: Option<Vec<u8>>,
    pub(crate) log: Key,
}

/// What the certificate between a signer and the root says.
pub(crate) struct Between {
    pub(crate) key: Key,
    pub(crate) validity: (&'static str, &'static str),
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Default for Between {
    fn default() -> Self {
        Self {
            key: Key::p256(),
            validity: ("20260101000000Z", "20460101000000Z"),
            extensions: authority_extensions(),
        }
    }
}

/// What a signer's certificate says; the default is as Fulcio writes it.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) names: Vec<Vec<u8>>,
    pub(crate) issuer: Option<&'static str>,
    pub(crate) old_issuer: Option<&'static str>,
    pub(crate) validity: (&'static str, &'static str),
    pub(crate) purposes: Vec<&'static str>,
    pub(crate) more: Vec<Vec<u8>>,
    pub(crate) logged: bool,
    /// Whether the certificate log signed another certificate instead.
    pub(crate) logged_another: bool,
    /// How the certificate log numbers its hash, and another number for its kind of signature.
    pub(crate) logged_as: (u8, Option<u8>),
    /// A second timestamp beside the good one.
    pub(crate) logged_twice: Option<Second>,
}

/// A second timestamp of a certificate log, which nobody signed.
#[derive(Clone, Copy)]
pub(crate) enum Second {
    OfTheLog,
    OfAnother,
}

const ROOT: &str = "issuer root";
const INTERMEDIATE: &str = "issuer intermediate";
pub(crate) const IDENTITY: &str = "release@example.com";
pub(crate) const ISSUER: &str = "https://issuer.example";

impl Default for Signer {
    fn default() -> Self {
        Self {
            names: vec![email(IDENTITY)],
            issuer: Some(ISSUER),
            old_issuer: Some(ISSUER),
            validity: ("20261121112500Z", "20261121113500Z"),
            purposes: vec![CODE_SIGNING],
            more: Vec::new(),
            logged: true,
            logged_another: false,
            logged_as: (4, None),
            logged_twice: None,
        }
    }
}

pub(crate) fn email(name: &str) -> Vec<u8> {
    tlv(0x81, name.as_bytes())
}

pub(crate) fn uri(name: &str) -> Vec<u8> {
    tlv(0x86, name.as_bytes())
}

pub(crate) fn dns(name: &str) -> Vec<u8> {
    tlv(0x82, name.as_bytes())
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self::with(Key::p256(), Key::p256())
    }

    pub(crate) fn with(key: Key, log: Key) -> Self {
        let root = Certificate {
            subject: ROOT,
            issuer: ROOT,
            serial: 1,
            validity: ("20260101000000Z", "20460101000000Z"),
            spki: key.spki(),
            extensions: [authority_extensions(), vec![key_of_subject(&key.spki())]].concat(),
        };
        Self {
            root: root.sign(&key),
            root_key: None,
            intermediate: None,
            key,
            log,
        }
    }

    /// One whose signing certificate stands below the root.
    pub(crate) fn below(root: Self, between: Between) -> Self {
        let certificate = Certificate {
            subject: INTERMEDIATE,
            issuer: ROOT,
            serial: 2,
            validity: between.validity,
            spki: between.key.spki(),
            extensions: [
                between.extensions,
                vec![
                    key_of_subject(&between.key.spki()),
                    key_of_issuer(&root.key.spki()),
                ],
            ]
            .concat(),
        };
        Self {
            intermediate: Some(certificate.sign(&root.key)),
            root_key: Some(root.key),
            key: between.key,
            root: root.root,
            log: root.log,
        }
    }

    pub(crate) fn issue(&self, signer: &Signer, spki: Vec<u8>) -> Vec<u8> {
        let name = match self.intermediate {
            Some(_) => INTERMEDIATE,
            None => ROOT,
        };
        self.issue_as(name, signer, spki)
    }

    /// Issues under any name.
    pub(crate) fn issue_as(&self, name: &str, signer: &Signer, spki: Vec<u8>) -> Vec<u8> {
        let mut certificate = Certificate {
            subject: "",
            issuer: name,
            serial: 99,
            validity: signer.validity,
            spki,
            extensions: extensions(signer),
        };
        certificate.extensions.push(key_of_issuer(&self.key.spki()));
        if signer.logged {
            certificate.serial -= u64::from(signer.logged_another);
            let timestamp = self.certificate_timestamps(&certificate.tbs(), signer);
            certificate.serial = 99;
            certificate.extensions.push(extension(
                "1.3.6.1.4.1.11129.2.4.2",
                false,
                &octets(&timestamp),
            ));
        }
        signed(&certificate.tbs(), &self.key)
    }

    /// A list of signed certificate timestamps (RFC 6962 §3.3).
    fn certificate_timestamps(&self, tbs: &[u8], signer: &Signer) -> Vec<u8> {
        let time = 1_795_260_400_000_u64.to_be_bytes();
        let length = u32::try_from(tbs.len()).unwrap().to_be_bytes();
        let issuer = sha256(&self.key.spki());
        let data = [
            &[0, 0],
            time.as_slice(),
            &[0, 1],
            &issuer,
            &length[1..],
            tbs,
            &[0, 0],
        ]
        .concat();
        let signature = self.log.sign(&data);
        let id = sha256(&self.log.spki());
        let algorithm = match self.log {
            Key::Rsa(_) => 1,
            _ => 3,
        };
        let (hash, other) = signer.logged_as;
        let algorithm = other.unwrap_or(algorithm);
        let one = |id: &[u8], signature: &[u8]| {
            let fields = [&[0, 0, hash, algorithm], short(signature).as_slice()].concat();
            short(&[&[0], id, time.as_slice(), &fields].concat())
        };
        let mut list = one(&id, &signature);
        match signer.logged_twice {
            Some(Second::OfTheLog) => list.extend(one(&id, b"nobody")),
            Some(Second::OfAnother) => list.extend(one(&[7; 32], b"nobody")),
            None => {}
        }
        short(&list)
    }

    /// Adds both to a trusted root.
    pub(crate) fn trust_in(&self, root: &mut Value) {
        let chain = self.intermediate.iter().chain([&self.root]);
        let certificates: Vec<Value> = chain
            .map(|it| json!({"rawBytes": base64::encode(it)}))
            .collect();
        root["certificateAuthorities"] = json!([{
            "subject": {"organization": "test", "commonName": "issuer root"},
            "uri": "https://issuer.example",
            "certChain": {"certificates": certificates},
            "validFor": {"start": "2026-01-01T00:00:00Z"},
        }]);
        root["ctlogs"] = json!([{
            "baseUrl": "https://ct.example",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": base64::encode(&self.log.spki()),
                "keyDetails": self.log.details(),
                "validFor": {"start": "2026-01-01T00:00:00Z"},
            },
            "logId": {"keyId": base64::encode(&sha256(&self.log.spki()))},
        }]);
    }
}

/// A length in two bytes, and the content.
fn short(content: &[u8]) -> Vec<u8> {
    [
        &u16::try_from(content.len()).unwrap().to_be_bytes(),
        content,
    ]
    .concat()
}

fn extensions(signer: &Signer) -> Vec<Vec<u8>> {
    let mut extensions = vec![
        extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80])),
        extension("2.5.29.17", true, &seq(&signer.names)),
    ];
    if !signer.purposes.is_empty() {
        extensions.push(purpose(false, &signer.purposes));
    }
    extensions.extend(
        signer
            .old_issuer
            .map(|it| extension("1.3.6.1.4.1.57264.1.1", false, it.as_bytes())),
    );
    extensions.extend(
        signer
            .issuer
            .map(|it| extension("1.3.6.1.4.1.57264.1.8", false, &utf8(it))),
    );
    extensions.extend(signer.more.clone());
    extensions
}
