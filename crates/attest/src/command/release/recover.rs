//! What became of a run that died: said, and cleaned up.

use std::ops::RangeInclusive;

use attest_log::merkle::leaf_hash;
use attest_log::{CheckpointSigner as _, Log, LogReader};
use attest_provenance::ReleaseName;

use super::journal::Journal;
use super::ours::open_archive;
use crate::failure::Failure;
use crate::identity::{Identity, log_failure};

/// Ends what an earlier run has begun; gives what there is to say about it. The log is held, so no
/// other run is alive.
pub(super) fn recover(
    identity: &Identity,
    log: &Log<'_>,
    now_made: &ReleaseName,
) -> Result<Vec<String>, Failure> {
    let home = identity.home();
    let Some(journal) = Journal::read(home)? else {
        return Ok(Vec::new());
    };
    let release = &journal.release;
    let mut notes = Vec::new();
    if is_recorded(identity, release)? {
        let what_now = if *release == now_made.to_string() {
            "its files are completed now".to_owned()
        } else {
            format!("release {release} again to complete its files")
        };
        notes.push(format!(
            "note: an earlier run of {release} died after it was recorded; {what_now}"
        ));
    } else {
        let unused = unused(identity, log, &journal)?;
        let entries = unused.map_or_else(
            || "it left nothing behind".to_owned(),
            |range| {
                format!(
                    "entries {}–{} of {} stay in the log, unused",
                    range.start(),
                    range.end(),
                    identity.origin()
                )
            },
        );
        notes.push(format!(
            "note: an earlier run of {release} died before it was recorded; {entries}"
        ));
    }
    journal.end(home)?;
    Ok(notes)
}

/// Whether the archive has a release of that name and version.
pub(super) fn is_recorded(identity: &Identity, release: &str) -> Result<bool, Failure> {
    let Some(reader) = open_archive(identity.home())? else {
        return Ok(false);
    };
    Ok(reader
        .list()
        .iter()
        .any(|kept| kept.name.to_string() == release))
}

/// Where the dead run's entries stand: they are one batch, behind what the log held before.
fn unused(
    identity: &Identity,
    log: &Log<'_>,
    journal: &Journal,
) -> Result<Option<RangeInclusive<u64>>, Failure> {
    if journal.leaves.is_empty() || log.size() <= journal.log_size {
        return Ok(None);
    }
    let reader = LogReader::open(&identity.home().log(), identity.checkpoint_key.key())
        .map_err(|error| log_failure(&error))?;
    let mut found = None;
    for index in journal.log_size..log.size() {
        let entry = reader.entry(index).map_err(|error| log_failure(&error))?;
        let leaf = hex::encode(leaf_hash(&entry).as_bytes());
        if journal.leaves.contains(&leaf) {
            let (first, _) = found.unwrap_or((index, index));
            found = Some((first, index));
        } else if found.is_some() {
            break;
        }
    }
    Ok(found.map(|(first, last)| first..=last))
}
