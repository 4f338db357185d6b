//! PEM (RFC 7468) for private keys: buffers are wiped, line ends are LF.
//!
//! ```text
//! -----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
//! eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6…
//! -----END ENCRYPTED SIGSTORE PRIVATE KEY-----
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One block, not yet understood.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) label: String,
    /// Whether RFC 1421 headers stand before the data: how old tools mark an encrypted key.
    pub(crate) has_headers: bool,
    pub(crate) contents: Zeroizing<Vec<u8>>,
}

/// Why a text is not PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// It is not text.
    #[error("not UTF-8 text")]
    NotText,
    /// There is no line that begins a block.
    #[error("no line begins with -----BEGIN")]
    NoBlock,
    /// A block does not end, or ends under another label.
    #[error("line {line}: the block that begins here does not end")]
    Unfinished {
        /// Counted from 1.
        line: usize,
    },
    /// The data of a block is not canonical base64.
    #[error("line {line}: the block that begins here is not base64")]
    NotBase64 {
        /// Counted from 1.
        line: usize,
    },
}

/// All blocks of a text, in order. Text around them is ignored, as RFC 7468 section 2 allows.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<Block>, PemError> {
    let text = std::str::from_utf8(text).map_err(|_| PemError::NotText)?;
    let mut lines = text.lines().map(str::trim_end).zip(1..);
    let mut blocks = Vec::new();
    while let Some((line, number)) = lines.next() {
        if let Some(label) = label(line, "-----BEGIN ") {
            blocks.push(block(label, number, lines.by_ref().map(|(line, _)| line))?);
        }
    }
    if blocks.is_empty() {
        return Err(PemError::NoBlock);
    }
    Ok(blocks)
}

/// One block, in lines of 64 characters.
pub(crate) fn encode(label: &str, contents: &[u8]) -> String {
    let data = Zeroizing::new(STANDARD.encode(contents));
    let mut text = format!("-----BEGIN {label}-----\n");
    text.reserve(data.len() + data.len() / LINE + label.len() + 32);
    for (position, character) in data.chars().enumerate() {
        if position > 0 && position % LINE == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn block<'a>(
    label_of_begin: &str,
    line: usize,
    lines: impl Iterator<Item = &'a str>,
) -> Result<Block, PemError> {
    // Room for the whole text at once, so that growing leaves no copies of a key behind.
    let mut data = Zeroizing::new(String::with_capacity(crate::limits::KEY_FILE_BYTES));
    let mut has_headers = false;
    for text in lines {
        if let Some(label_of_end) = label(text, "-----END ") {
            if label_of_end != label_of_begin {
                break;
            }
            let contents = STANDARD
                .decode(data.as_bytes())
                .map_err(|_| PemError::NotBase64 { line })?;
            return Ok(Block {
                label: label_of_begin.to_owned(),
                has_headers,
                contents: Zeroizing::new(contents),
            });
        }
        if text.contains(':') {
            has_headers = true;
        } else if has_headers && !text.is_empty() {
            // What follows headers is encrypted in a way that we do not read.
        } else {
            data.push_str(text);
        }
    }
    Err(PemError::Unfinished { line })
}

fn label<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)?.strip_suffix("-----")
}

const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_pem_is_refused() {
        assert_eq!(parse(b"").unwrap_err(), PemError::NoBlock);
        assert_eq!(parse(b"\xff\xfe").unwrap_err(), PemError::NotText);
        assert_eq!(parse(b"hello\nworld\n").unwrap_err(), PemError::NoBlock);
        let unfinished = b"x\n-----BEGIN A-----\nAAAA\n";
        assert_eq!(
            parse(unfinished).unwrap_err(),
            PemError::Unfinished { line: 2 }
        );
        let other_end = b"-----BEGIN A-----\nAAAA\n-----END B-----\n";
        assert_eq!(
            parse(other_end).unwrap_err(),
            PemError::Unfinished { line: 1 }
        );
    }

    #[test]
    fn base64_that_is_not_canonical_is_refused() {
        for data in ["AAA", "AAB=", "AA-_", "A A=", "====", "AA==AA=="] {
            let text = format!("-----BEGIN A-----\n{data}\n-----END A-----\n");
            assert_eq!(
                parse(text.as_bytes()).unwrap_err(),
                PemError::NotBase64 { line: 1 },
                "{data}"
            );
        }
    }

    #[test]
    fn text_around_blocks_and_carriage_returns_do_not_matter() {
        let text = b"Bag Attributes\r\n-----BEGIN A-----\r\nAAAA\r\nAQ==\r\n-----END A-----\r\nbye";
        let blocks = parse(text).unwrap();
        assert_eq!(blocks.len(), 1);
        assert_eq!(
            (blocks[0].label.as_str(), blocks[0].contents.as_slice()),
            ("A", &[0, 0, 0, 1][..])
        );
    }

    #[test]
    fn what_is_encoded_is_parsed_again_in_lines_of_64_that_end_in_lf() {
        for length in [0, 1, 47, 48, 49, 96, 200] {
            let contents: Vec<u8> = (0..length).collect();
            let text = encode("A KEY", &contents);
            assert!(!text.contains('\r'));
            assert!(text.lines().all(|line| line.len() <= 64));
            let blocks = parse(text.as_bytes()).unwrap();
            assert_eq!(*blocks[0].contents, contents);
        }
    }
}
