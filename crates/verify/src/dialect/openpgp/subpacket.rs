//! Subpackets of a signature (RFC 9580 §5.2.3.7).

use super::{Fingerprint, Problem};
use crate::dialect::bytes::Bytes;
use crate::limits;

/// What the subpackets of one area say, of that which concerns us.
#[derive(Debug, Clone, Default)]
pub(super) struct Area {
    pub(super) created: Option<u32>,
    /// Seconds after its creation.
    pub(super) expires_after: Option<u32>,
    /// Seconds after the creation of the key.
    pub(super) key_expires_after: Option<u32>,
    pub(super) key_flags: Option<u8>,
    /// Whether the name is said to be the one that stands for the key.
    pub(super) is_primary_name: bool,
    pub(super) reason: Option<u8>,
    pub(super) issuer: Option<Fingerprint>,
    pub(super) issuer_id: Option<[u8; 8]>,
    /// Whether somebody else may revoke the key.
    pub(super) has_revoker: bool,
    /// The body of an embedded signature.
    pub(super) embedded: Option<Vec<u8>>,
    /// A critical subpacket that we do not know.
    pub(super) critical: Option<u8>,
    pub(super) count: usize,
}

impl Area {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut bytes = Bytes(bytes);
        let mut area = Self::default();
        while !bytes.is_empty() {
            let cut = Problem::Malformed("a subpacket that is cut off");
            let length = length(&mut bytes).ok_or(cut.clone())?;
            let mut body = Bytes(bytes.take(length).ok_or(cut)?);
            let kind = body
                .byte()
                .ok_or(Problem::Malformed("a subpacket without a type"))?;
            area.count += 1;
            if area.count > limits::OPENPGP_SUBPACKETS {
                return Err(Problem::TooLarge("subpackets"));
            }
            area.read(kind & 0x7f, kind & 0x80 != 0, body)?;
        }
        Ok(area)
    }

    fn read(&mut self, kind: u8, is_critical: bool, mut body: Bytes<'_>) -> Result<(), Problem> {
        let malformed = Problem::Malformed("a subpacket of the wrong length");
        match kind {
            CREATED => once(&mut self.created, body.u32(), body)?,
            EXPIRES => once(&mut self.expires_after, body.u32(), body)?,
            KEY_EXPIRES => once(&mut self.key_expires_after, body.u32(), body)?,
            // Flags beyond the first byte concern no signatures over data.
            KEY_FLAGS => {
                let flags = body.byte().unwrap_or(0);
                once(&mut self.key_flags, Some(flags), Bytes(&[]))?;
            }
            PRIMARY_NAME => self.is_primary_name |= body.byte().is_some_and(|it| it != 0),
            REASON => {
                let reason = body.byte();
                once(&mut self.reason, reason, Bytes(&[]))?;
            }
            ISSUER => {
                // Several are a hint at several keys: none of them is believed.
                self.issuer_id = body.array();
                body.end().ok_or(malformed)?;
            }
            ISSUER_FINGERPRINT => {
                let fingerprint = Fingerprint::read(&mut body).ok_or(malformed)?;
                once(&mut self.issuer, Some(fingerprint), body)?;
            }
            EMBEDDED => {
                let body = body.rest().to_owned();
                once(&mut self.embedded, Some(body), Bytes(&[]))?;
            }
            REVOKER => self.has_revoker = true,
            // What an application must know, and we do not.
            NOTATION if is_critical => self.critical = self.critical.or(Some(kind)),
            kind if KNOWN.contains(&kind) => {}
            kind if is_critical => self.critical = self.critical.or(Some(kind)),
            _ => {}
        }
        Ok(())
    }
}

/// What decides is said once: of two values different readers would take different ones.
fn once<T>(place: &mut Option<T>, value: Option<T>, rest: Bytes<'_>) -> Result<(), Problem> {
    if place.is_some() {
        return Err(Problem::Malformed("a subpacket that is given twice"));
    }
    rest.end()
        .ok_or(Problem::Malformed("a subpacket of the wrong length"))?;
    *place = Some(value.ok_or(Problem::Malformed("a subpacket of the wrong length"))?);
    Ok(())
}

fn length(bytes: &mut Bytes<'_>) -> Option<usize> {
    let first = bytes.byte()?;
    let length = match first {
        0..=191 => u32::from(first),
        192..=254 => ((u32::from(first) - 192) << 8) + u32::from(bytes.byte()?) + 192,
        255 => bytes.u32()?,
    };
    usize::try_from(length).ok()
}

const CREATED: u8 = 2;
const EXPIRES: u8 = 3;
const KEY_EXPIRES: u8 = 9;
const REVOKER: u8 = 12;
const ISSUER: u8 = 16;
const NOTATION: u8 = 20;
const PRIMARY_NAME: u8 = 25;
const KEY_FLAGS: u8 = 27;
const REASON: u8 = 29;
const EMBEDDED: u8 = 32;
const ISSUER_FINGERPRINT: u8 = 33;

/// Types that change nothing about a signature over data, critical or not: exportable, revocable,
/// preferences, key server, policy, signer's user id, features, intended recipient.
const KNOWN: &[u8] = &[4, 7, 11, 20, 21, 22, 23, 24, 26, 28, 30, 34, 35, 37, 39];
