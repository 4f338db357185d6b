//! Places where a release is published: files by their paths, made once and read back.

mod github;
mod login;
mod repository;
mod web;

use std::collections::BTreeSet;
use std::io::Read;

use attest_digest::Digest;

use crate::place::PlaceError;
use crate::s3::Created;

pub use github::{GitHub, GitHubAddress};
pub use login::Logins;
pub use repository::HttpRepository;

/// A place where a release is published.
///
/// Nothing that it says is believed: who publishes reads everything back and verifies it.
pub trait Target {
    /// What messages call it. Never a secret.
    fn name(&self) -> String;

    /// Whether it can keep a file under that path, and give it back under the same.
    fn admits(&self, path: &str) -> bool;

    /// Bytes of the largest file that it takes.
    fn most(&self) -> u64 {
        u64::MAX
    }

    /// Bytes of the largest file by which it is tested before others are entrusted to it.
    fn most_to_test(&self) -> u64 {
        u64::MAX
    }

    /// Looks at what is there, also after something went wrong; makes what files are put into.
    ///
    /// # Errors
    /// The place could not be asked, or refuses.
    fn begin(&mut self) -> Result<(), PlaceError>;

    /// The paths of what is there as one whole, to which nothing can be added; `None` where files stand
    /// each for itself, or nothing is there yet.
    fn sealed(&self) -> Option<Vec<String>> {
        None
    }

    /// The path of something that is there beside these files; `None` where there is nothing, or nobody can tell.
    ///
    /// # Errors
    /// The place could not be asked.
    fn other(&self, ours: &BTreeSet<&str>) -> Result<Option<String>, PlaceError> {
        let _ = ours;
        Ok(None)
    }

    /// A stream of what is there under that path, as who acquires it reads it; `None` if there is nothing.
    ///
    /// # Errors
    /// The place could not be asked. What goes wrong later is an error of the stream.
    fn open(&self, path: &str, size: u64) -> Result<Option<Box<dyn Read + '_>>, PlaceError>;

    /// What is to be told of how it was read, if it is not as everybody reads.
    fn remark(&self) -> Option<&'static str> {
        None
    }

    /// Makes a file of these bytes, unless there is one under that path.
    ///
    /// # Errors
    /// The place could not be asked, or refuses; `source` has other bytes.
    fn create(
        &mut self,
        path: &str,
        what: (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError>;

    /// Shows to everybody what was made and verified.
    ///
    /// # Errors
    /// The place could not be asked, or refuses.
    fn finish(&mut self) -> Result<Finished, PlaceError>;
}

/// What the end of publishing has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// Everything was visible as soon as it was there.
    AsItWas,
    /// Now it can be seen by others, perhaps in another place than before: it is to be read again.
    Shown,
}
