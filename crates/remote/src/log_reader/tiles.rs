//! A C2SP tile log behind a web server.

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
