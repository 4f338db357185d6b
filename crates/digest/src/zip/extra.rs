//! Extra fields of a member: of times and owners only the form is looked at.

use super::error::ZipProblem;
use crate::container::inflate::Crc;

/// Checks the extra fields behind a name: each known, once, and whole.
pub(crate) fn check_extra(mut extra: &[u8], name: &[u8]) -> Result<(), ZipProblem> {
    let mut seen = Vec::new();
    while !extra.is_empty() {
        let (id, field) = next(&mut extra).ok_or(ZipProblem::Extra)?;
        if seen.contains(&id) {
            return Err(ZipProblem::Extra);
        }
        seen.push(id);
        match id {
            ZIP64 => return Err(ZipProblem::Zip64),
            AES | STRONG_ENCRYPTION => return Err(ZipProblem::Encrypted),
            UNICODE_PATH if !is_same_name(field, name) => return Err(ZipProblem::UnicodePath),
            UNICODE_PATH | NTFS_TIMES | TIMES | OLD_TIMES | OLD_OWNER | OWNER => {}
            JAR if field.is_empty() => {}
            _ => return Err(ZipProblem::Extra),
        }
    }
    Ok(())
}

fn next<'a>(extra: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    let (id, rest) = extra.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (field, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    *extra = rest;
    Some((u16::from_le_bytes(*id), field))
}

/// Version 1, the checksum of the name, and the name itself.
fn is_same_name(field: &[u8], name: &[u8]) -> bool {
    let mut crc = Crc::new();
    crc.update(name);
    let head = [&[1], crc.sum().to_le_bytes().as_slice()].concat();
    field.strip_prefix(head.as_slice()) == Some(name)
}

const ZIP64: u16 = 0x0001;
const NTFS_TIMES: u16 = 0x000a;
const STRONG_ENCRYPTION: u16 = 0x0017;
const TIMES: u16 = 0x5455;
const OLD_TIMES: u16 = 0x5855;
const UNICODE_PATH: u16 = 0x7075;
const OLD_OWNER: u16 = 0x7855;
const OWNER: u16 = 0x7875;
const AES: u16 = 0x9901;
/// The first member of a Java archive.
const JAR: u16 = 0xcafe;
