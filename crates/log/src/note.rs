//! Signed notes: a text and signature lines under it.
//!
//! ```text
//! log.example
//! 0
//! 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
//!
//! — log.example iRusLVRfX5aYfzefjXMB+UB8Q2/VbqcgmSzCxy9TzPOisUGUb+l7NN8arOWt8x1p79azg56PtAXte/SgjLR0Eu2oLA0=
//! ```
//! See [C2SP signed-note](https://c2sp.org/signed-note).

use crate::{codec, limits};

/// One signature line, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl NoteSignature {
    pub(crate) fn new(name: &str, key_id: [u8; 4], signature: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            key_id,
            signature,
        }
    }

    /// The claimed name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The claimed key id.
    pub const fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// The bytes after the key id. At least one.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(crate) fn to_line(&self) -> String {
        let bytes = [self.key_id.as_slice(), &self.signature].concat();
        format!("{DASH}{} {}\n", self.name, codec::encode_base64(&bytes))
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = codec::decode_base64(encoded)?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        (!signature.is_empty()).then(|| Self::new(name, *key_id, signature.to_vec()))
    }
}

/// The text of a note, with its last newline, and its signatures.
pub(crate) struct Note<'a> {
    pub(crate) text: &'a str,
    pub(crate) signatures: Vec<NoteSignature>,
}

impl<'a> Note<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, NoteError> {
        if bytes.len() > limits::NOTE_BYTES {
            return Err(NoteError::TooLarge {
                found: bytes.len(),
                most: limits::NOTE_BYTES,
            });
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        if let Some(position) = note.find(|it: char| it.is_control() && it != '\n') {
            return Err(NoteError::ControlCharacter { position });
        }
        // The last blank line: the text itself may hold others.
        let blank = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, rest) = note
            .split_at_checked(blank + 1)
            .ok_or(NoteError::NoSignatures)?;
        let signatures = parse_signatures(rest.strip_prefix('\n').unwrap_or(rest))?;
        Ok(Self { text, signatures })
    }
}

fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
    let found = lines.split('\n').count();
    if found > limits::NOTE_SIGNATURES {
        return Err(NoteError::TooManySignatures {
            found,
            most: limits::NOTE_SIGNATURES,
        });
    }
    let parse = |(index, line)| {
        NoteSignature::parse(line).ok_or(NoteError::SignatureLine { number: index + 1 })
    };
    lines.split('\n').enumerate().map(parse).collect()
}

/// Whether a key can have this name: a note's signature line must be able to carry it.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.len() > limits::ORIGIN_BYTES {
        return Err("is longer than 255 bytes");
    }
    if name.contains(|it: char| it.is_whitespace() || it.is_control() || it == '+') {
        return Err("holds a space, a control character or '+'");
    }
    Ok(())
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Beyond the limit.
    #[error("checkpoint has {found} bytes, at most {most} are read")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// Not text.
    #[error("checkpoint is not UTF-8")]
    NotUtf8,
    /// A control character other than newline.
    #[error("checkpoint has a control character at byte {position}")]
    ControlCharacter {
        /// Its place.
        position: usize,
    },
    /// No blank line with signature lines after it, or no newline at the end.
    #[error("checkpoint has no signature lines after a blank line")]
    NoSignatures,
    /// Beyond the limit.
    #[error("checkpoint has {found} signature lines, at most {most} are read")]
    TooManySignatures {
        /// Lines found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A line below the blank line that is not a signature line.
    #[error("signature line {number} is not '— name base64'")]
    SignatureLine {
        /// Which, from 1.
        number: usize,
    },
    /// The text is not that of a checkpoint.
    #[error("checkpoint line {line} {problem}")]
    Body {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A checkpoint of another log.
    #[error("checkpoint is of origin {found}, the key is of {wanted}")]
    Origin {
        /// The origin found, escaped.
        found: String,
        /// The origin of the key.
        wanted: String,
    },
    /// No signature line is this key's.
    #[error("checkpoint has no signature line of {name} {key_id}")]
    NotSigned {
        /// The name wanted.
        name: String,
        /// The key id wanted, in hexadecimal.
        key_id: String,
    },
    /// Two signature lines of one key.
    #[error("checkpoint has {found} signature lines of {name}, one is wanted")]
    SignedTwice {
        /// Whose.
        name: String,
        /// Lines found.
        found: usize,
    },
    /// The signature line of this key is not over this text.
    #[error("signature of {name} does not verify")]
    Signature {
        /// Whose.
        name: String,
    },
}

impl NoteError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Origin { .. } => "checkpoint-origin-mismatch",
            Self::NotSigned { .. } => "checkpoint-signature-missing",
            Self::Signature { .. } => "checkpoint-signature-invalid",
            _ => "checkpoint-malformed",
        }
    }
}

/// An em dash and a space open every signature line.
const DASH: &str = "\u{2014} ";
