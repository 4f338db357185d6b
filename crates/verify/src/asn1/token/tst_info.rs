//! What was stamped, and when.

use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, IntRef, OctetStringRef, SequenceRef};
use der::{Decode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use spki::AlgorithmIdentifierRef;

use super::algorithm::hash_algorithm;
use super::reading::{malformed, sequence, tagged};
use super::{Imprint, TokenError};

/// RFC 3161 §2.4.2.
pub(super) struct TstInfo {
    pub(super) imprint: Imprint,
    pub(super) time: Timestamp,
    pub(super) has_fraction: bool,
}

impl TstInfo {
    pub(super) fn parse(der: &[u8]) -> Result<Self, TokenError> {
        let what = "TSTInfo";
        let mut reader = SliceReader::new(sequence(der, what)?).map_err(malformed(what))?;
        let version = u8::decode(&mut reader).map_err(malformed(what))?;
        ObjectIdentifier::decode(&mut reader).map_err(malformed("policy"))?;
        let imprint = MessageImprint::decode(&mut reader).map_err(malformed("imprint"))?;
        IntRef::decode(&mut reader).map_err(malformed("serial number"))?;
        let time = AnyRef::decode(&mut reader).map_err(malformed("time"))?;
        if version != 1 || time.tag() != Tag::GeneralizedTime {
            return Err(TokenError::Malformed { what });
        }
        optional_fields(&mut reader)?;
        let (time, has_fraction) =
            generalized_time(time.value()).ok_or(TokenError::Malformed { what: "time" })?;
        Ok(Self {
            imprint: Imprint {
                algorithm: hash_algorithm(&imprint.algorithm)?,
                digest: imprint.digest.as_bytes().to_owned(),
            },
            time,
            has_fraction,
        })
    }
}

/// Accuracy, ordering, nonce and name say nothing that we rely on; an extension could restrict what
/// we do not understand.
fn optional_fields(reader: &mut SliceReader<'_>) -> Result<(), TokenError> {
    let what = "TSTInfo";
    if !reader.is_finished() && reader.peek_tag().map_err(malformed(what))? == Tag::Sequence {
        SequenceRef::decode(reader).map_err(malformed("accuracy"))?;
    }
    if !reader.is_finished() && reader.peek_tag().map_err(malformed(what))? == Tag::Boolean {
        bool::decode(reader).map_err(malformed("ordering"))?;
    }
    if !reader.is_finished() && reader.peek_tag().map_err(malformed(what))? == Tag::Integer {
        IntRef::decode(reader).map_err(malformed("nonce"))?;
    }
    tagged(reader, TagNumber::N0)?;
    if tagged(reader, TagNumber::N1)?.is_some() {
        return Err(TokenError::Unwanted { what: "extensions" });
    }
    if reader.is_finished() {
        Ok(())
    } else {
        Err(TokenError::Malformed { what })
    }
}

/// `YYYYMMDDHHMMSS[.f…]Z`, the fraction without trailing zeros.
fn generalized_time(text: &[u8]) -> Option<(Timestamp, bool)> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = match text.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (text, None),
    };
    let nanoseconds = match fraction {
        None => 0,
        Some(digits) if is_digits(digits) && digits.len() <= 9 && !digits.ends_with('0') => {
            format!("{digits:0<9}").parse().ok()?
        }
        Some(_) => return None,
    };
    if seconds.len() != 14 || !is_digits(seconds) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| seconds.get(range)?.parse::<i8>().ok();
    let year = seconds.get(..4)?.parse().ok()?;
    let time = DateTime::new(
        year,
        number(4..6)?,
        number(6..8)?,
        number(8..10)?,
        number(10..12)?,
        number(12..14)?,
        nanoseconds,
    );
    let time = TimeZone::UTC.to_timestamp(time.ok()?).ok()?;
    Some((time, fraction.is_some()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

#[derive(Sequence)]
struct MessageImprint<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: OctetStringRef<'a>,
}
