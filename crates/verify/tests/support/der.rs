//! Writing DER, correct or not: what a forger needs.

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match content.len() {
        short @ 0..=0x7f => der.push(u8::try_from(short).unwrap()),
        long => {
            let bytes = long.to_be_bytes();
            let bytes = &bytes[bytes.iter().position(|it| *it != 0).unwrap()..];
            der.push(0x80 | u8::try_from(bytes.len()).unwrap());
            der.extend_from_slice(bytes);
        }
    }
    der.extend_from_slice(content);
    der
}

pub(crate) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A SET OF, sorted as DER wants it.
pub(crate) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = parts.to_vec();
    parts.sort();
    tlv(0x31, &parts.concat())
}

/// A constructed element of a context-specific tag.
pub(crate) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u64> = text.split('.').map(|it| it.parse().unwrap()).collect();
    let mut content = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let mut groups = vec![u8::try_from(arc & 0x7f).unwrap()];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        groups.reverse();
        content.extend(groups);
    }
    tlv(0x06, &content)
}

pub(crate) fn int(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let first = bytes.iter().position(|it| *it != 0).unwrap_or(7);
    let mut content = bytes[first..].to_vec();
    if content[0] & 0x80 != 0 {
        content.insert(0, 0);
    }
    tlv(0x02, &content)
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xff } else { 0 }])
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

pub(crate) fn bits(content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], content].concat())
}

pub(crate) fn null() -> Vec<u8> {
    vec![0x05, 0x00]
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

/// The `Time` of a certificate, before 2050 with two digits of the year (RFC 5280 §4.1.2.5); a `+` in
/// front asks for all four.
pub(crate) fn time(text: &str) -> Vec<u8> {
    match text.strip_prefix('+') {
        None if text < "2050" => tlv(0x17, &text.as_bytes()[2..]),
        long => generalized_time(long.unwrap_or(text)),
    }
}

/// `20260101000000Z`
pub(crate) fn generalized_time(text: &str) -> Vec<u8> {
    tlv(0x18, text.as_bytes())
}

/// A name with one common name.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return seq(&[]);
    }
    seq(&[set(&[seq(&[oid("2.5.4.3"), utf8(common_name)])])])
}

/// An extension, its value in DER.
pub(crate) fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![oid(id)];
    if critical {
        parts.push(boolean(true));
    }
    parts.push(octets(value));
    seq(&parts)
}

pub(crate) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(crate) const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub(crate) const SHA384: &str = "2.16.840.1.101.3.4.2.2";
pub(crate) const SHA512: &str = "2.16.840.1.101.3.4.2.3";
pub(crate) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub(crate) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
