//! Packets and the numbers in them (RFC 9580 §3.2, §4.2).

use super::Problem;
use crate::dialect::bytes::Bytes;

/// One packet: its type and its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes the next packet. Bodies of unknown or partial length are for streams of data, and have
    /// no place in signatures and keys.
    pub(super) fn take(bytes: &mut Bytes<'a>) -> Result<Self, Problem> {
        let cut = Problem::Malformed("a packet that is cut off");
        let header = bytes.byte().ok_or(cut.clone())?;
        if header & 0x80 == 0 {
            return Err(Problem::Malformed("no OpenPGP packet"));
        }
        let (kind, length) = if header & 0x40 == 0 {
            ((header >> 2) & 0x0f, old_length(header & 3, bytes)?)
        } else {
            (header & 0x3f, new_length(bytes)?)
        };
        let body = usize::try_from(length).ok().and_then(|it| bytes.take(it));
        Ok(Self {
            kind,
            body: body.ok_or(cut)?,
        })
    }
}

fn old_length(form: u8, bytes: &mut Bytes<'_>) -> Result<u32, Problem> {
    let length = match form {
        0 => bytes.byte().map(u32::from),
        1 => bytes.u16().map(u32::from),
        2 => bytes.u32(),
        _ => return Err(Problem::NotDetached("a packet without a length")),
    };
    length.ok_or(Problem::Malformed("a packet that is cut off"))
}

fn new_length(bytes: &mut Bytes<'_>) -> Result<u32, Problem> {
    let cut = Problem::Malformed("a packet that is cut off");
    let first = bytes.byte().ok_or(cut.clone())?;
    match first {
        0..=191 => Ok(first.into()),
        192..=223 => {
            let second = bytes.byte().ok_or(cut)?;
            Ok(((u32::from(first) - 192) << 8) + u32::from(second) + 192)
        }
        224..=254 => Err(Problem::NotDetached("a packet in parts")),
        255 => bytes.u32().ok_or(cut),
    }
}

/// A multiprecision integer: its bits in 16 bits, then its bytes. Leading zeros that count as bits are
/// taken: GnuPG writes Ed25519 signatures with them.
pub(super) fn number<'a>(bytes: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let bits = usize::from(bytes.u16()?);
    bytes.take(bits.div_ceil(8))
}

pub(super) const SIGNATURE: u8 = 2;
pub(super) const ONE_PASS: u8 = 4;
pub(super) const SECRET_KEY: u8 = 5;
pub(super) const PUBLIC_KEY: u8 = 6;
pub(super) const SECRET_SUBKEY: u8 = 7;
pub(super) const COMPRESSED: u8 = 8;
pub(super) const MARKER: u8 = 10;
pub(super) const LITERAL: u8 = 11;
pub(super) const TRUST: u8 = 12;
pub(super) const USER_ID: u8 = 13;
pub(super) const PUBLIC_SUBKEY: u8 = 14;
pub(super) const USER_ATTRIBUTE: u8 = 17;
pub(super) const PADDING: u8 = 21;
