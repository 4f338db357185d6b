//! Reading sets, sequences and optional fields as they stand.

use der::asn1::AnyRef;
use der::{Decode, Encode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

use super::TokenError;

/// The elements of a SET or SEQUENCE, each with its header, at most `most` of them.
pub(in crate::asn1) fn elements<'a>(
    value: &'a [u8],
    what: &'static str,
    most: usize,
) -> Result<Vec<&'a [u8]>, TokenError> {
    let mut found = Vec::new();
    if value.is_empty() {
        return Ok(found);
    }
    let mut reader = SliceReader::new(value).map_err(malformed(what))?;
    while !reader.is_finished() {
        if found.len() == most {
            return Err(TokenError::Malformed { what });
        }
        found.push(reader.tlv_bytes().map_err(malformed(what))?);
    }
    Ok(found)
}

pub(in crate::asn1) fn only<'a>(
    values: &[&'a [u8]],
    what: &'static str,
) -> Result<&'a [u8], TokenError> {
    match values {
        [only] => Ok(only),
        _ => Err(TokenError::Malformed { what }),
    }
}

pub(in crate::asn1) fn set<'a>(
    reader: &mut SliceReader<'a>,
    what: &'static str,
) -> Result<AnyRef<'a>, TokenError> {
    let any = AnyRef::decode(reader).map_err(malformed(what))?;
    if any.tag() == Tag::Set {
        Ok(any)
    } else {
        Err(TokenError::Malformed { what })
    }
}

/// A constructed element of that context-specific tag, if it is next.
pub(in crate::asn1) fn tagged<'a>(
    reader: &mut SliceReader<'a>,
    number: TagNumber,
) -> Result<Option<AnyRef<'a>>, TokenError> {
    let what = "optional field";
    let wanted = Tag::ContextSpecific {
        constructed: true,
        number,
    };
    if reader.is_finished() || reader.peek_tag().map_err(malformed(what))? != wanted {
        return Ok(None);
    }
    AnyRef::decode(reader).map(Some).map_err(malformed(what))
}

/// The attributes under the tag under which they are signed (RFC 5652 §5.4).
pub(in crate::asn1) fn as_set(value: &[u8]) -> Result<Vec<u8>, TokenError> {
    let what = "signed attributes";
    let mut der = Header::new(Tag::Set, value.len())
        .and_then(|it| it.to_der())
        .map_err(malformed(what))?;
    der.extend_from_slice(value);
    Ok(der)
}

/// The content of a SEQUENCE that is the whole of the bytes.
pub(in crate::asn1) fn sequence<'a>(
    der: &'a [u8],
    what: &'static str,
) -> Result<&'a [u8], TokenError> {
    let any = AnyRef::from_der(der).map_err(malformed(what))?;
    if any.tag() == Tag::Sequence {
        Ok(any.value())
    } else {
        Err(TokenError::Malformed { what })
    }
}

pub(in crate::asn1) fn peek(value: &[u8]) -> Option<Tag> {
    SliceReader::new(value).ok()?.peek_tag().ok()
}

pub(in crate::asn1) fn malformed(what: &'static str) -> impl Fn(der::Error) -> TokenError {
    move |_| TokenError::Malformed { what }
}
