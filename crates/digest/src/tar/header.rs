//! One header block, as somebody claims it.

use super::canonical::TAR_BLOCK;
use crate::container::error::TarProblem;

/// The fields of a header that mean something, split but not judged.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) name: &'a [u8],
    /// Only in ustar.
    pub(crate) prefix: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) time: u64,
    pub(crate) kind: u8,
}

impl<'a> Header<'a> {
    /// Splits a header; all of its bytes must belong to something.
    pub(crate) fn parse(block: &'a [u8; TAR_BLOCK]) -> Result<Self, TarProblem> {
        check_sum(block)?;
        let is_gnu = match field(block, 257, 8) {
            b"ustar\x0000" => false,
            b"ustar  \0" => true,
            _ => return Err(TarProblem::Magic),
        };
        let mode = number(field(block, 100, 8), "mode")?;
        for (at, bytes, name) in [(108, 8, "owner"), (116, 8, "group")] {
            number(field(block, at, bytes), name)?;
        }
        for at in [329, 337] {
            optional_number(field(block, at, 8), "device number")?;
        }
        for (at, name) in [(265, "user name"), (297, "group name")] {
            text(field(block, at, 32), name)?;
        }
        let prefix = if is_gnu {
            // What GNU keeps here, it writes in incremental and multi-volume archives alone.
            zeros(field(block, 345, 167), "fields of GNU")?
        } else {
            text(field(block, 345, 155), "prefix")?
        };
        zeros(field(block, 500, 12), "last bytes")?;
        Ok(Self {
            name: text(field(block, 0, 100), "name")?,
            prefix,
            target: text(field(block, 157, 100), "link target")?,
            mode: u32::try_from(mode).map_err(|_| TarProblem::Number { field: "mode" })?,
            size: number(field(block, 124, 12), "size")?,
            time: optional_number(field(block, 136, 12), "time")?,
            kind: block.get(156).copied().unwrap_or_default(),
        })
    }
}

fn check_sum(block: &[u8; TAR_BLOCK]) -> Result<(), TarProblem> {
    let said = number(field(block, 148, 8), "checksum")?;
    let bytes: u64 = block.iter().copied().map(u64::from).sum();
    let own: u64 = field(block, 148, 8).iter().copied().map(u64::from).sum();
    // The field counts as spaces.
    if said != bytes - own + 8 * u64::from(b' ') {
        return Err(TarProblem::Checksum);
    }
    Ok(())
}

/// Whether any tool would find the header of a tar member in these bytes, where a header can begin: text
/// can be so written that it is an archive, too. A checksum is read here as leniently as any tool does.
#[must_use]
pub fn holds_tar_header(bytes: &[u8]) -> bool {
    let (blocks, _) = bytes.as_chunks::<TAR_BLOCK>();
    blocks.iter().any(|block| {
        let said = field(block, 148, 8);
        let is_octal = |it: &&u8| matches!(it, b'0'..=b'7');
        let digits = said
            .iter()
            .skip_while(|it| !is_octal(it))
            .take_while(is_octal);
        let claimed = digits.fold(0, |value, digit| value * 8 + i64::from(digit - b'0'));
        let of = |value: fn(u8) -> i64| -> i64 {
            let all: i64 = block.iter().copied().map(value).sum();
            let own: i64 = said.iter().copied().map(value).sum();
            all - own + 8 * i64::from(b' ')
        };
        // Old tools summed signed bytes.
        claimed == of(i64::from) || claimed == of(|it| i64::from(it.cast_signed()))
    })
}

fn field(block: &[u8; TAR_BLOCK], at: usize, bytes: usize) -> &[u8] {
    block.get(at..at + bytes).unwrap_or_default()
}

/// Octal digits, then at least one NUL or space, and nothing else.
fn number(bytes: &[u8], field: &'static str) -> Result<u64, TarProblem> {
    if bytes.first().is_some_and(|it| it & 0x80 != 0) {
        return Err(TarProblem::Base256 { field });
    }
    let end = bytes.iter().position(|it| matches!(it, 0 | b' '));
    let (digits, rest) = end
        .and_then(|end| bytes.split_at_checked(end))
        .ok_or(TarProblem::Number { field })?;
    let is_octal = !digits.is_empty() && digits.iter().all(|it| matches!(it, b'0'..=b'7'));
    if !is_octal || !rest.iter().all(|it| matches!(it, 0 | b' ')) {
        return Err(TarProblem::Number { field });
    }
    let value = |value, digit: &u8| value * 8 + u64::from(digit - b'0');
    Ok(digits.iter().fold(0, value))
}

/// As [`number`], or nothing at all.
fn optional_number(bytes: &[u8], field: &'static str) -> Result<u64, TarProblem> {
    if bytes.iter().all(|it| *it == 0) {
        return Ok(0);
    }
    number(bytes, field)
}

/// The bytes before the first NUL; behind it must be zeros.
fn text<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a [u8], TarProblem> {
    let end = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    zeros(rest, field)?;
    Ok(text)
}

fn zeros<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a [u8], TarProblem> {
    if bytes.iter().all(|it| *it == 0) {
        return Ok(&[]);
    }
    Err(TarProblem::Garbage { field })
}
