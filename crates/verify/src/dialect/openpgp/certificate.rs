//! OpenPGP certificates: a primary key, its names and its subkeys (RFC 9580 §10.1).

use super::key::Key;
use super::packet::{self, Packet};
use super::signature::{Signature, kind};
use super::{Fingerprint, Problem};
use crate::dialect::bare_key::BareKey;
use crate::dialect::bytes::Bytes;
use crate::key::KeyNumbers;
use crate::limits;

/// A public key with all that it says about itself. Parsed; what holds is judged with each
/// signature.
#[derive(Debug, Clone)]
pub(in crate::dialect) struct Certificate {
    pub(super) primary: Component,
    pub(super) names: Vec<Name>,
    pub(super) subkeys: Vec<Component>,
    self_signatures: usize,
}

/// A key with the signatures about it that claim to be the primary key's.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) key: Key,
    pub(super) signatures: Vec<Signature>,
    /// A revocation in a form that we do not read.
    pub(super) has_unread_revocation: bool,
}

/// A user id or attribute with its signatures.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) framed: Vec<u8>,
    pub(super) text: Option<String>,
    pub(super) signatures: Vec<Signature>,
}

impl Certificate {
    /// Every certificate of a file.
    pub(super) fn parse_file(packets: &[u8]) -> Result<Vec<Self>, Problem> {
        let mut rest = Bytes(packets);
        let mut certificates: Vec<Self> = Vec::new();
        let mut count = 0;
        while !rest.is_empty() {
            count += 1;
            if count > limits::OPENPGP_PACKETS {
                return Err(Problem::TooLarge("packets"));
            }
            let packet = Packet::take(&mut rest)?;
            match (packet.kind, certificates.last_mut()) {
                (packet::PUBLIC_KEY, _) => {
                    certificates.push(Self::of_primary(Key::parse(packet.body)?));
                }
                (packet::SECRET_KEY | packet::SECRET_SUBKEY, _) => return Err(Problem::PrivateKey),
                (packet::MARKER | packet::PADDING | packet::TRUST, _) => {}
                (_, None) => return Err(Problem::Malformed("no public key")),
                (kind, Some(certificate)) => certificate.add(kind, packet.body)?,
            }
        }
        if certificates.is_empty() {
            return Err(Problem::Malformed("no public key"));
        }
        Ok(certificates)
    }

    fn of_primary(key: Key) -> Self {
        Self {
            primary: Component::new(key),
            names: Vec::new(),
            subkeys: Vec::new(),
            self_signatures: 0,
        }
    }

    fn add(&mut self, kind: u8, body: &[u8]) -> Result<(), Problem> {
        match kind {
            packet::PUBLIC_SUBKEY => match Key::parse(body) {
                Ok(key) => self.subkeys.push(Component::new(key)),
                // A subkey of a kind that we do not read signs nothing that we accept.
                Err(Problem::KeyVersion(_)) => {}
                Err(problem) => return Err(problem),
            },
            packet::USER_ID | packet::USER_ATTRIBUTE => self.names.push(Name::new(kind, body)?),
            packet::SIGNATURE => self.add_signature(body)?,
            _ => {
                return Err(Problem::Malformed(
                    "a packet that is no part of a public key",
                ));
            }
        }
        Ok(())
    }

    fn add_signature(&mut self, body: &[u8]) -> Result<(), Problem> {
        let Ok(signature) = Signature::parse(body) else {
            // Others may add signatures of any kind. One that may be a revocation counts.
            self.note_unread(body);
            return Ok(());
        };
        if signature.has_hint() && !signature.hints_at(&self.primary.key.fingerprint) {
            // Somebody else's word about this key; a revoker's is weighed when the key is judged.
            match (signature.kind, self.subkeys.last_mut()) {
                (kind::KEY_REVOCATION, _) => self.primary.signatures.push(signature),
                (kind::SUBKEY_REVOCATION, Some(subkey)) => subkey.signatures.push(signature),
                _ => {}
            }
            return Ok(());
        }
        self.self_signatures += 1;
        if self.self_signatures > limits::OPENPGP_SELF_SIGNATURES {
            return Err(Problem::TooLarge("signatures over itself"));
        }
        match signature.kind {
            kind::KEY_REVOCATION | kind::DIRECT_KEY => self.primary.signatures.push(signature),
            kind::SUBKEY_BINDING | kind::SUBKEY_REVOCATION => {
                if let Some(subkey) = self.subkeys.last_mut() {
                    subkey.signatures.push(signature);
                }
            }
            _ => {
                if let Some(name) = self.names.last_mut() {
                    name.signatures.push(signature);
                }
            }
        }
        Ok(())
    }

    /// Version 3 stands with its type one byte later.
    fn note_unread(&mut self, body: &[u8]) {
        let kind = match body.first() {
            Some(2 | 3) => body.get(2),
            _ => body.get(1),
        };
        match kind {
            Some(&kind::KEY_REVOCATION) => self.primary.has_unread_revocation = true,
            Some(&kind::SUBKEY_REVOCATION) => {
                if let Some(subkey) = self.subkeys.last_mut() {
                    subkey.has_unread_revocation = true;
                }
            }
            _ => {}
        }
    }

    /// Takes what another copy of the same certificate says besides: a revocation that one of them lacks holds for
    /// both.
    pub(in crate::dialect) fn learn(&mut self, copy: &Self) {
        self.primary.learn(&copy.primary);
        for name in &copy.names {
            match self.names.iter_mut().find(|it| it.framed == name.framed) {
                Some(known) => known.signatures.extend(name.signatures.iter().cloned()),
                None => self.names.push(name.clone()),
            }
        }
        for subkey in &copy.subkeys {
            let fingerprint = subkey.key.fingerprint;
            let mut known = self.subkeys.iter_mut();
            match known.find(|it| it.key.fingerprint == fingerprint) {
                Some(known) => known.learn(subkey),
                None => self.subkeys.push(subkey.clone()),
            }
        }
    }

    /// The primary key's fingerprint: what pins hold and what is counted.
    pub(in crate::dialect) const fn fingerprint(&self) -> Fingerprint {
        self.primary.key.fingerprint
    }

    /// What tells the primary key from others, if it can verify.
    pub(in crate::dialect) fn numbers(&self) -> Option<KeyNumbers> {
        self.primary.key.usable.as_ref().ok().map(BareKey::numbers)
    }

    /// Its user ids, as they claim.
    pub(in crate::dialect) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(|name| name.text.as_deref())
    }
}

impl Component {
    fn new(key: Key) -> Self {
        Self {
            key,
            signatures: Vec::new(),
            has_unread_revocation: false,
        }
    }

    fn learn(&mut self, copy: &Self) {
        self.signatures.extend(copy.signatures.iter().cloned());
        self.has_unread_revocation |= copy.has_unread_revocation;
    }

    pub(super) fn of_kind(&self, kind: u8) -> impl Iterator<Item = &Signature> {
        self.signatures.iter().filter(move |it| it.kind == kind)
    }
}

impl Name {
    fn new(kind: u8, body: &[u8]) -> Result<Self, Problem> {
        if body.len() > limits::OPENPGP_NAME_BYTES {
            return Err(Problem::TooLarge("bytes of a name"));
        }
        let length = u32::try_from(body.len()).map_err(|_| Problem::TooLarge("bytes of a name"))?;
        let mark = if kind == packet::USER_ID { 0xb4 } else { 0xd1 };
        Ok(Self {
            framed: [&[mark], length.to_be_bytes().as_slice(), body].concat(),
            text: (kind == packet::USER_ID).then(|| String::from_utf8_lossy(body).into_owned()),
            signatures: Vec::new(),
        })
    }
}
