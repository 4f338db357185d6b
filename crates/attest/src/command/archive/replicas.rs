//! Which replica a flag means.

use std::path::Path;

use attest_archive::{FolderReplica, Replica};

use super::archive_failure;
use crate::failure::Failure;
use crate::home::real;

/// Opens a replica to read from.
pub(super) fn open(place: &str, archive: &Path) -> Result<Box<dyn Replica>, Failure> {
    refuse_itself(place, archive)?;
    let replica = FolderReplica::open(Path::new(place));
    Ok(Box::new(replica.map_err(|error| archive_failure(&error))?))
}

/// Opens a replica to write to, and makes it if there is none.
pub(super) fn make(place: &str, archive: &Path) -> Result<Box<dyn Replica>, Failure> {
    refuse_itself(place, archive)?;
    let replica = FolderReplica::init(Path::new(place));
    Ok(Box::new(replica.map_err(|error| archive_failure(&error))?))
}

/// An archive is no replica of itself, nor is a folder in it.
fn refuse_itself(place: &str, archive: &Path) -> Result<(), Failure> {
    let (place, archive) = (real(Path::new(place)), real(archive));
    if place.starts_with(&archive) || archive.starts_with(&place) {
        let message = format!(
            "{} and {} are not two places",
            place.display(),
            archive.display()
        );
        return Err(Failure::request("bad-arguments", message)
            .hint("name a folder outside of the archive, on another disk or machine"));
    }
    Ok(())
}
