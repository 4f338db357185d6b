//! ASCII armor (RFC 9580 §6).
//!
//! ```text
//! -----BEGIN PGP SIGNATURE-----
//!
//! iHUEABYKAB0WIQ…
//! =twTO
//! -----END PGP SIGNATURE-----
//! ```

use attest_provenance::base64;

use super::Problem;
use crate::limits;

/// The packets in a text of armored blocks with one label, one after another.
///
/// Headers (`Version`, `Comment`) are nobody's word and are passed over; text beside the blocks is
/// not.
pub(super) fn decode(text: &str, label: &str) -> Result<Vec<u8>, Problem> {
    let mut lines = text.lines().map(str::trim_ascii_end);
    let mut packets = Vec::new();
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let found = line
            .strip_prefix("-----BEGIN PGP ")
            .and_then(|rest| rest.strip_suffix("-----"))
            .ok_or(Problem::Malformed("text beside the armor"))?;
        if found != label {
            return Err(of_label(found));
        }
        blocks += 1;
        if blocks > limits::OPENPGP_BLOCKS {
            return Err(Problem::TooLarge("armored blocks"));
        }
        packets.extend(block(&mut lines, label)?);
    }
    Ok(packets)
}

/// Why a block with another label is none of what is wanted.
fn of_label(found: &str) -> Problem {
    match found {
        "SIGNED MESSAGE" => Problem::NotDetached("clear-signed text"),
        "MESSAGE" => Problem::NotDetached("a message with its signature inside"),
        "PRIVATE KEY BLOCK" => Problem::PrivateKey,
        _ => Problem::Malformed("an armored block of another kind"),
    }
}

fn block<'a>(lines: &mut impl Iterator<Item = &'a str>, label: &str) -> Result<Vec<u8>, Problem> {
    for header in lines.by_ref() {
        if header.is_empty() {
            break;
        }
        let name = header.split(": ").next().unwrap_or_default();
        let is_header = name.len() < header.len()
            && name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-');
        if !is_header && !is_empty_header(header) {
            return Err(Problem::Malformed(
                "an armored block without its empty line",
            ));
        }
    }
    let end = format!("-----END PGP {label}-----");
    let mut encoded = String::new();
    let mut checksum = None;
    for line in lines {
        if line == end {
            return finish(&encoded, checksum);
        }
        if checksum.is_some() {
            return Err(Problem::Malformed("text after the armor's checksum"));
        }
        match line.strip_prefix('=') {
            Some(sum) => checksum = Some(sum),
            None => encoded.push_str(line),
        }
    }
    Err(Problem::Malformed("an armored block without its end"))
}

fn is_empty_header(header: &str) -> bool {
    header
        .strip_suffix(':')
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric()))
}

fn finish(encoded: &str, checksum: Option<&str>) -> Result<Vec<u8>, Problem> {
    let decode =
        |text: &str| base64::decode(text).map_err(|_| Problem::Malformed("base64 of the armor"));
    let bytes = decode(encoded)?;
    if let Some(checksum) = checksum
        && decode(checksum)? != crc24(&bytes)
    {
        return Err(Problem::Malformed("the armor's checksum is of other bytes"));
    }
    Ok(bytes)
}

/// RFC 9580 §6.1.1.
fn crc24(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}
