//! A C2SP tile log behind a web server.

use attest_log::limits::NOTE_BYTES;
use attest_log::{SourceError, TileSource};

use super::{LogReadError, address};
use crate::Patience;
use crate::http::{Fetch, Said};

/// The files of a log below an address, such as `checkpoint` and `tile/0/000`.
#[derive(Debug)]
pub struct TileServer(Fetch);

impl TileServer {
    /// The log at this address; nothing is sent yet.
    ///
    /// # Errors
    /// `log-address` for what is not `http` or `https`, has no host, or carries credentials; or this
    /// machine cannot make connections.
    pub fn new(url: &str, patience: Patience) -> Result<Self, LogReadError> {
        Fetch::new(url, patience)
            .map(Self)
            .map_err(|error| address(error, url))
    }

    /// The log at this address. Its files lie there, or below `api/v2` of it: there a Rekor v2 has them
    /// behind the address by which trusted roots name it.
    ///
    /// # Errors
    /// As [`TileServer::new`]; it was not heard to the end, or its checkpoint is too large to be one.
    pub fn find(url: &str, patience: Patience) -> Result<Self, LogReadError> {
        let here = Self::new(url, patience)?;
        match here.file(CHECKPOINT, NOTE_BYTES) {
            Ok(None) | Err(LogReadError::Malformed { .. }) => {}
            Ok(Some(_)) => return Ok(here),
            Err(error) => return Err(error),
        }
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        let below = format!("{}/{REKOR_V2}", plain.trim_end_matches('/'));
        let below = Self::new(&below, patience)?;
        let found = below.file(CHECKPOINT, NOTE_BYTES);
        Ok(if matches!(found, Ok(Some(_))) {
            below
        } else {
            here
        })
    }

    /// The whole file of that name, `None` if there is none.
    ///
    /// # Errors
    /// It was not heard to the end, or is not a file of at most so many bytes.
    pub fn file(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, LogReadError> {
        let (host, what) = (self.0.host().to_owned(), name.to_owned());
        match self.0.get(name, &[], most)? {
            Said::Yes(bytes) => Ok(Some(bytes)),
            Said::Nothing => Ok(None),
            Said::TooLarge => Err(LogReadError::TooLarge { host, what, most }),
            Said::WebPage => Err(LogReadError::Malformed {
                host,
                what,
                problem: "a web page".to_owned(),
            }),
        }
    }
}

impl TileSource for TileServer {
    fn fetch(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.file(name, most)?)
    }
}

const CHECKPOINT: &str = "checkpoint";
const REKOR_V2: &str = "api/v2";
