//! The log entry that gitsign puts into its signatures: protobuf-specs' `TransparencyLogEntry`, in
//! protobuf's wire format, most often without its body.
//!
//! Read in one meaning: fields that the message does not have, and a field twice, are refused.

use attest_provenance::base64;
use attest_provenance::json::Value;
use serde_json::{Map, json};

use crate::limits;

/// The entry as a bundle has it, with `canonicalizedBody` only if it came with one.
pub(super) fn read(bytes: &[u8]) -> Option<Map<String, Value>> {
    let mut entry = Map::new();
    let mut hashes = None;
    for (number, value) in fields(bytes)? {
        let (name, value) = match (number, value) {
            (1, Wire::Number(it)) => ("logIndex", json!(it.to_string())),
            (2, Wire::Bytes(it)) => ("logId", json!({"keyId": base64::encode(only_bytes(it)?)})),
            (3, Wire::Bytes(it)) => ("kindVersion", kind(it)?),
            (4, Wire::Number(it)) => ("integratedTime", json!(it.to_string())),
            (5, Wire::Bytes(it)) => (
                "inclusionPromise",
                json!({"signedEntryTimestamp": base64::encode(only_bytes(it)?)}),
            ),
            (6, Wire::Bytes(it)) => ("inclusionProof", proof(it, &mut hashes)?),
            (7, Wire::Bytes(it)) => ("canonicalizedBody", json!(base64::encode(it))),
            _ => return None,
        };
        if entry.insert(name.to_owned(), value).is_some() {
            return None;
        }
    }
    // Zero is how protobuf writes that there is none.
    entry.entry("logIndex").or_insert_with(|| json!("0"));
    Some(entry)
}

fn kind(bytes: &[u8]) -> Option<Value> {
    let mut fields = fields(bytes)?.into_iter();
    match (fields.next()?, fields.next()?, fields.next()) {
        ((1, Wire::Bytes(kind)), (2, Wire::Bytes(version)), None) => {
            let text = |it| std::str::from_utf8(it).ok();
            Some(json!({"kind": text(kind)?, "version": text(version)?}))
        }
        _ => None,
    }
}

fn proof(bytes: &[u8], hashes: &mut Option<Vec<Value>>) -> Option<Value> {
    let mut proof = Map::new();
    let hashes = hashes.insert(Vec::new());
    for (number, value) in fields(bytes)? {
        let (name, value) = match (number, value) {
            (1, Wire::Number(it)) => ("logIndex", json!(it.to_string())),
            (2, Wire::Bytes(it)) => ("rootHash", json!(base64::encode(it))),
            (3, Wire::Number(it)) => ("treeSize", json!(it.to_string())),
            (4, Wire::Bytes(it)) => {
                hashes.push(json!(base64::encode(it)));
                continue;
            }
            (5, Wire::Bytes(it)) => {
                let note = std::str::from_utf8(only_bytes(it)?).ok()?;
                ("checkpoint", json!({"envelope": note}))
            }
            _ => return None,
        };
        if proof.insert(name.to_owned(), value).is_some() {
            return None;
        }
    }
    proof.entry("logIndex").or_insert_with(|| json!("0"));
    proof.insert("hashes".to_owned(), Value::Array(std::mem::take(hashes)));
    Some(Value::Object(proof))
}

/// A message that has field 1 alone.
fn only_bytes(bytes: &[u8]) -> Option<&[u8]> {
    match fields(bytes)?.as_slice() {
        [(1, Wire::Bytes(it))] => Some(it),
        _ => None,
    }
}

/// A value, of the two wire types that these messages have.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        if fields.len() == limits::GIT_LOG_ENTRY_FIELDS {
            return None;
        }
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(value)
            }
            _ => return None,
        };
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

/// A number in its shortest spelling.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if place == 9 && bits > 1 {
            return None;
        }
        number |= bits << (7 * place);
        if byte & 0x80 == 0 {
            return (*byte != 0 || place == 0).then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        let read = |mut bytes: &[u8]| varint(&mut bytes).filter(|_| bytes.is_empty());
        assert_eq!(read(&[0]), Some(0));
        assert_eq!(read(&[0x96, 1]), Some(150));
        assert_eq!(
            read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Some(u64::MAX)
        );
        assert_eq!(read(&[0x96, 0x80, 0]), None, "a longer spelling");
        assert_eq!(read(&[0x80]), None, "cut off");
        assert_eq!(read(&[0xff; 11]), None, "too large");
    }

    #[test]
    fn a_message_with_what_it_does_not_have_is_refused() {
        assert!(read(&[0x08, 7]).is_some());
        assert!(read(&[0x08, 7, 0x08, 7]).is_none(), "a field twice");
        assert!(read(&[0x40, 7]).is_none(), "field 8");
        assert!(read(&[0x0a, 1, 7]).is_none(), "bytes for a number");
        assert!(read(&[0x0d, 0, 0, 0, 0]).is_none(), "another wire type");
        assert!(read(&[0x12, 5, 0]).is_none(), "cut off");
    }
}
