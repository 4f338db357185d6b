//! Checkpoints: what a log says about itself.

use std::error::Error;
use std::fmt;

use crate::note::Note;
use crate::{Hash, LogKey, NoteError, NoteSignature, codec, limits};

/// A tree head: how many leaves a log has, and their root. A claim unless it came out of
/// [`SignedCheckpoint::verify`].
///
/// ```text
/// log.example
/// 0
/// 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
/// ```
/// See [C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint of the log of this key.
    pub fn new(key: &LogKey, size: u64, root: Hash) -> Self {
        Self {
            origin: key.origin().to_owned(),
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// The log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Leaves of the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Lines after the root. Empty unless they were asked for.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    fn parse(text: &str, extensions: Extensions) -> Result<Self, NoteError> {
        let wrong = |line, problem| NoteError::Body { line, problem };
        let body = text
            .strip_suffix('\n')
            .ok_or_else(|| wrong(1, "has no end"))?;
        let mut lines = body.split('\n');
        let origin = lines
            .next()
            .filter(|it| !it.is_empty())
            .ok_or_else(|| wrong(1, "names no origin"))?;
        let size = lines.next().ok_or_else(|| wrong(2, "is missing"))?;
        let size = codec::parse_decimal(size).ok_or_else(|| wrong(2, "is not a decimal size"))?;
        let root = lines.next().ok_or_else(|| wrong(3, "is missing"))?;
        let root = Hash::from_base64(root).map_err(|_| wrong(3, "is not a base64 root hash"))?;
        let rest: Vec<String> = lines.map(str::to_owned).collect();
        if extensions == Extensions::Refuse && !rest.is_empty() {
            return Err(wrong(4, "is an extension line"));
        }
        if rest.len() > limits::CHECKPOINT_EXTENSIONS {
            return Err(wrong(4, "begins more than 16 extension lines"));
        }
        if let Some(empty) = rest.iter().position(String::is_empty) {
            return Err(wrong(4 + empty, "is empty"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions: rest,
        })
    }
}

/// A checkpoint and the signatures over it, exactly as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    bytes: Vec<u8>,
    checkpoint: Checkpoint,
    signatures: Vec<NoteSignature>,
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint without extension lines; neither our logs nor Rekor v2 write any.
    ///
    /// # Errors
    /// Anything but a note within the limits, with the three lines of a checkpoint, each in its only
    /// spelling, and at least one signature line.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        Self::parse_as(bytes, Extensions::Refuse)
    }

    /// As [`SignedCheckpoint::parse`], but tolerates extension lines, as old Rekor v1 logs wrote.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::parse`].
    pub fn parse_with_extensions(bytes: &[u8]) -> Result<Self, NoteError> {
        Self::parse_as(bytes, Extensions::Keep)
    }

    fn parse_as(bytes: &[u8], extensions: Extensions) -> Result<Self, NoteError> {
        let Note { text, signatures } = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(text, extensions)?;
        Ok(Self {
            bytes: bytes.to_owned(),
            checkpoint,
            signatures,
        })
    }

    /// Signs a checkpoint, and verifies the signature before it is handed out.
    ///
    /// # Errors
    /// The signer fails, or its signature does not verify under its own key.
    pub fn sign(
        checkpoint: Checkpoint,
        signer: &dyn CheckpointSigner,
    ) -> Result<Self, SignerError> {
        let key = signer.key();
        let text = checkpoint.to_text();
        let signature = signer.sign(text.as_bytes())?;
        if checkpoint.origin != key.origin() || !key.verifies(text.as_bytes(), &signature) {
            return Err(SignerError::new(
                "the signature does not verify under the signer's own key",
            ));
        }
        let line = NoteSignature::new(key.origin(), key.key_id(), signature.to_vec());
        let bytes = format!("{text}\n{}", line.to_line()).into_bytes();
        Ok(Self {
            bytes,
            checkpoint,
            signatures: vec![line],
        })
    }

    /// What is claimed.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signature lines, in order, none verified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The whole note, byte for byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Verifies that the log of this key signed this checkpoint. Lines of other keys, such as
    /// witnesses', are ignored wherever they stand.
    ///
    /// # Errors
    /// Another origin; no signature line of this key, or more than one; or one that does not verify.
    pub fn verify(&self, key: &LogKey) -> Result<&Checkpoint, NoteError> {
        if self.checkpoint.origin != key.origin() {
            let found = self.checkpoint.origin.escape_debug().to_string();
            return Err(NoteError::Origin {
                found,
                wanted: key.origin().to_owned(),
            });
        }
        let name = || key.origin().to_owned();
        let of_key = |it: &&NoteSignature| it.name() == key.origin() && it.key_id() == key.key_id();
        let found = self.signatures.iter().filter(of_key).count();
        let Some(line) = self.signatures.iter().find(of_key) else {
            let key_id = hex::encode(key.key_id());
            return Err(NoteError::NotSigned {
                name: name(),
                key_id,
            });
        };
        if found > 1 {
            return Err(NoteError::SignedTwice {
                name: name(),
                found,
            });
        }
        let text = self.checkpoint.to_text();
        let verified = line
            .signature()
            .try_into()
            .is_ok_and(|signature| key.verifies(text.as_bytes(), signature));
        if !verified {
            return Err(NoteError::Signature { name: name() });
        }
        Ok(&self.checkpoint)
    }
}

/// Signs checkpoints. The private key lives elsewhere.
pub trait CheckpointSigner {
    /// The key under which the signatures verify.
    fn key(&self) -> &LogKey;

    /// Signs the text of a checkpoint with Ed25519.
    ///
    /// # Errors
    /// The key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError>;
}

/// Why a checkpoint was not signed.
#[derive(Debug)]
pub struct SignerError(Box<dyn Error + Send + Sync>);

impl SignerError {
    /// Takes the signer's own error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "checkpoint-not-signed"
    }
}

impl fmt::Display for SignerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint is not signed: {}", self.0)
    }
}

impl Error for SignerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extensions {
    Refuse,
    Keep,
}

#[cfg(test)]
mod tests;
