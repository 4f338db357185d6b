//! Which replica a flag means.

use std::path::Path;

use attest_archive::{Depth, FolderReplica, Reader, Replica, ReplicaCheck};

use super::archive_failure;
use super::copy::replica_failure;
use crate::args::places::bucket_replica;
use crate::args::replica::ReplicaFlags;
use crate::failure::Failure;
use crate::home::real;

/// Opens a replica to read from.
pub(crate) fn open(
    place: &str,
    archive: &Path,
    flags: &ReplicaFlags,
) -> Result<Box<dyn Replica>, Failure> {
    if let Some(bucket) = flags.places.bucket(place) {
        return Ok(Box::new(bucket_replica(&bucket?, false)?));
    }
    if let Some(repository) = flags.repository(place, false) {
        return Ok(Box::new(repository?));
    }
    refuse_itself(place, archive)?;
    let replica = FolderReplica::open(Path::new(place));
    Ok(Box::new(replica.map_err(|error| archive_failure(&error))?))
}

/// Opens a replica to write to, and makes it if there is none.
pub(super) fn make(
    place: &str,
    archive: &Path,
    flags: &ReplicaFlags,
) -> Result<Box<dyn Replica>, Failure> {
    if let Some(bucket) = flags.places.bucket(place) {
        return Ok(Box::new(bucket_replica(&bucket?, true)?));
    }
    if let Some(repository) = flags.repository(place, true) {
        return Ok(Box::new(repository?));
    }
    refuse_itself(place, archive)?;
    let replica = FolderReplica::init(Path::new(place));
    Ok(Box::new(replica.map_err(|error| archive_failure(&error))?))
}

/// What a replica has of an archive.
pub(crate) fn check(
    reader: &Reader,
    replica: &dyn Replica,
    depth: Depth,
) -> Result<ReplicaCheck, Failure> {
    let check = reader.check_replica(replica, depth);
    check.map_err(|error| replica_failure(&error))
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
