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

    /// A field of bytes.
    fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).unwrap();
        [&[(number << 3) | 2, length], value].concat()
    }

    #[test]
    fn each_field_is_read_under_its_own_name() {
        let note = bytes(1, b"origin\n1\n");
        let proof = [
            vec![0x08, 3],
            bytes(2, b"root"),
            vec![0x18, 9],
            bytes(4, b"one"),
            bytes(4, b"two"),
            bytes(5, &note),
        ]
        .concat();
        let kind = [bytes(1, b"hashedrekord"), bytes(2, b"0.0.2")].concat();
        let message = [
            vec![0x08, 7],
            bytes(2, &bytes(1, b"id")),
            bytes(3, &kind),
            vec![0x20, 11],
            bytes(5, &bytes(1, b"promise")),
            bytes(6, &proof),
            bytes(7, b"body"),
        ]
        .concat();
        let read = read(&message).unwrap();
        assert_eq!(
            Value::Object(read),
            json!({
                "logIndex": "7",
                "logId": {"keyId": base64::encode(b"id")},
                "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                "integratedTime": "11",
                "inclusionPromise": {"signedEntryTimestamp": base64::encode(b"promise")},
                "inclusionProof": {
                    "logIndex": "3", "rootHash": base64::encode(b"root"), "treeSize": "9",
                    "hashes": [base64::encode(b"one"), base64::encode(b"two")],
                    "checkpoint": {"envelope": "origin\n1\n"},
                },
                "canonicalizedBody": base64::encode(b"body"),
            })
        );
    }

    #[test]
    fn what_is_inside_has_one_meaning_too() {
        let kind = |inner: &[Vec<u8>]| super::read(&bytes(3, &inner.concat()));
        let (one, two) = (bytes(1, b"a"), bytes(2, b"b"));
        assert!(kind(&[one.clone(), two.clone()]).is_some());
        for wrong in [
            vec![],
            vec![one.clone()],
            vec![two.clone(), one.clone()],
            vec![one.clone(), two.clone(), two.clone()],
            vec![one.clone(), one.clone(), two.clone()],
            vec![one.clone(), bytes(3, b"b")],
            vec![bytes(1, b"\xff"), two.clone()],
        ] {
            assert!(kind(&wrong).is_none(), "{wrong:?}");
        }
        for (number, most) in [(2, 1), (5, 1)] {
            assert!(super::read(&bytes(number, &bytes(most, b"a"))).is_some());
            assert!(super::read(&bytes(number, &[])).is_none());
            assert!(super::read(&bytes(number, &bytes(2, b"a"))).is_none());
            let twice = bytes(1, b"a").repeat(2);
            assert!(super::read(&bytes(number, &twice)).is_none());
        }
        let proof = |inner: &[u8]| super::read(&bytes(6, inner));
        assert!(proof(&[0x08, 1]).is_some());
        for wrong in [
            vec![0x08, 1, 0x08, 1],
            vec![0x30, 1],
            bytes(1, b"a"),
            bytes(5, b"note"),
            bytes(5, &bytes(1, b"\xff")),
        ] {
            assert!(proof(&wrong).is_none(), "{wrong:?}");
        }
        let many = |count: usize| proof_of(&bytes(4, b"").repeat(count));
        assert!(many(limits::GIT_LOG_ENTRY_FIELDS).is_some());
        assert!(many(limits::GIT_LOG_ENTRY_FIELDS + 1).is_none());
    }

    fn proof_of(inner: &[u8]) -> Option<Value> {
        proof(inner, &mut None)
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
