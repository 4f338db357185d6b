//! The two services that a signer needs, as traits: a local authority and log implement them here,
//! those behind a network elsewhere.

use std::error::Error;

use attest_log::{Inclusion, Log};

/// Gives RFC 3161 timestamps.
pub trait Timestamper {
    /// A granted DER `TimeStampResp` over the SHA-256, SHA-384 or SHA-512 of `message`, without a
    /// check that its signature is the expected authority's: the signer verifies what it hands out.
    ///
    /// # Errors
    /// When no timestamp could be had.
    fn timestamp(&self, message: &[u8]) -> Result<Vec<u8>, TimestampError>;

    /// One timestamp for each message, in order.
    ///
    /// # Errors
    /// When one of them could not be had.
    fn timestamp_all(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, TimestampError> {
        messages
            .iter()
            .map(|message| self.timestamp(message))
            .collect()
    }
}

/// Why there is no timestamp: a stable code and what lies behind it.
#[derive(Debug, thiserror::Error)]
#[error("timestamp: {source}")]
pub struct TimestampError {
    code: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl TimestampError {
    /// An error of this kebab-case code.
    pub fn new(code: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code,
            source: source.into(),
        }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// Appends to a transparency log.
pub trait LogAppender {
    /// The id that bundles name the log by: 32 bytes, as in the trusted root.
    fn log_id(&self) -> [u8; 32];

    /// Appends `hashedrekord` 0.0.2 bodies as one batch, which shares its checkpoint and its syncs,
    /// and gives the inclusion of each, in order. Durable when it returns. A body that the log holds
    /// already may be answered with its first place.
    ///
    /// # Errors
    /// When the batch could not be made durable; some of it may have entered the log nevertheless.
    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<Inclusion>, LogAppendError>;
}

/// Why a batch did not enter the log: a stable code and what lies behind it.
#[derive(Debug, thiserror::Error)]
#[error("log: {source}")]
pub struct LogAppendError {
    code: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl LogAppendError {
    /// An error of this kebab-case code.
    pub fn new(code: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code,
            source: source.into(),
        }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

impl LogAppender for Log<'_> {
    fn log_id(&self) -> [u8; 32] {
        self.key().log_id()
    }

    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<Inclusion>, LogAppendError> {
        let appended =
            Log::append(self, bodies).map_err(|error| LogAppendError::new(error.code(), error))?;
        Ok(appended.into_iter().map(|one| one.proof).collect())
    }
}
