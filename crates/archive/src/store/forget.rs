//! Taking away the artifacts of releases that were deleted, and nothing else.

use std::collections::BTreeSet;

use attest_digest::Digest;

use crate::blob::Blob;
use crate::disk::Found;
use crate::error::ArchiveError;
use crate::limits;
use crate::manifest::empty_blob;
use crate::reader::Reader;
use crate::store::Store;
use crate::tombstone::Deletion;

/// What taking artifacts away has done, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The artifacts that are no longer here.
    pub removed: Vec<Digest>,
    /// Their bytes.
    pub bytes: u64,
    /// Artifacts that something else in the archive needs: they stay.
    pub shared: Vec<Digest>,
    /// Artifacts that were not here.
    pub absent: usize,
}

impl Store {
    /// From now on the artifacts of these releases are not missed.
    pub fn accept_deletions(&mut self, deletions: Vec<Deletion>) {
        self.reader.accept_deletions(deletions);
    }

    /// Removes the artifacts of a deleted release, but those that another release, an attachment, or
    /// an entry of another tool needs, and those that are spared. When this returns they are gone after a loss of
    /// power too. After a death some are here still: the same call goes on.
    ///
    /// The tombstone must be attached: what counts is what [`Self::accept_deletions`] was given.
    ///
    /// # Errors
    /// `release-not-archived` if the deletion was not accepted; what is wrong with a manifest, since it
    /// cannot be known what it needs; `archive-io`.
    pub fn forget(
        &mut self,
        deletion: &Deletion,
        spared: &BTreeSet<Digest>,
    ) -> Result<Forgotten, ArchiveError> {
        if self.reader.deletion(deletion.manifest()) != Some(deletion) {
            return Err(ArchiveError::NoSuchRelease {
                name: deletion.release().clone(),
            });
        }
        let artifacts = deletion.artifacts() - spared;
        let mut forgotten = self.reader.forgettable(deletion.manifest(), &artifacts)?;
        for artifact in &forgotten.removed {
            self.reader.blobs.remove(artifact.hex())?;
        }
        self.reader.blobs.sync()?;
        forgotten.removed.sort_unstable();
        Ok(forgotten)
    }
}

impl Reader {
    /// What of these artifacts of a release would be removed: what nothing needs but this release and
    /// those that were deleted.
    ///
    /// # Errors
    /// As [`Store::forget`].
    pub fn forgettable(
        &self,
        manifest: Digest,
        artifacts: &BTreeSet<Digest>,
    ) -> Result<Forgotten, ArchiveError> {
        let needed = self.needed(manifest, artifacts)?;
        let mut forgotten = Forgotten::default();
        for artifact in artifacts {
            if needed.contains(artifact) {
                forgotten.shared.push(*artifact);
                continue;
            }
            match self.blobs.file(artifact.hex())? {
                Found::Missing => forgotten.absent += 1,
                Found::SomethingElse => {
                    return Err(ArchiveError::BlobNotAFile { blob: *artifact });
                }
                Found::File { size, .. } => {
                    forgotten.bytes = forgotten.bytes.saturating_add(size);
                    forgotten.removed.push(*artifact);
                }
            }
        }
        Ok(forgotten)
    }

    /// Every blob that something in the archive needs, other than a deleted release its artifacts.
    fn needed(
        &self,
        of: Digest,
        artifacts: &BTreeSet<Digest>,
    ) -> Result<BTreeSet<Digest>, ArchiveError> {
        let mut needed = BTreeSet::from([empty_blob().digest]);
        for (name, manifest) in &self.index.releases {
            let release = self.release(name, *manifest)?;
            needed.insert(manifest.digest);
            let kept = self.kept_members(&release).map(crate::Member::digest);
            let is_here = |it: &Digest| manifest.digest != of || !artifacts.contains(it);
            needed.extend(kept.filter(is_here));
        }
        for (key, (kind, manifest)) in &self.index.attachments {
            let attachment = self.read_attachment(key, kind, *manifest)?;
            needed.insert(manifest.digest);
            needed.extend(attachment.files().iter().map(crate::AttachedFile::digest));
        }
        let foreign = self.index.foreign.iter().filter_map(|entry| entry.blob);
        for blob in foreign {
            needed.insert(blob.digest);
            needed.extend(self.named_in(blob, artifacts)?);
        }
        Ok(needed)
    }

    /// The artifacts whose digests stand in a manifest of another tool, in whatever field, or in one
    /// that it names.
    fn named_in(
        &self,
        blob: Blob,
        artifacts: &BTreeSet<Digest>,
    ) -> Result<BTreeSet<Digest>, ArchiveError> {
        let mut named = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(blob.digest, blob.size)];
        while let Some((digest, size)) = waiting.pop() {
            if !seen.insert(digest) {
                continue;
            }
            let bytes = self.read_blob(Blob { digest, size }, limits::MANIFEST_BYTES)?;
            for found in digests_in(&bytes) {
                if artifacts.contains(&found) {
                    named.insert(found);
                } else if let Found::File { size, .. } = self.blobs.file(found.hex())?
                    && size <= limits::MANIFEST_BYTES
                {
                    waiting.push((found, size));
                }
            }
        }
        Ok(named)
    }
}

/// Every text `sha256:` with 64 hexadecimal digits.
fn digests_in(bytes: &[u8]) -> Vec<Digest> {
    let text = String::from_utf8_lossy(bytes);
    let each = text.match_indices(PREFIX);
    let digests = each.filter_map(|(at, _)| {
        let end = at.checked_add(PREFIX.len() + 64)?;
        Digest::parse(text.get(at..end)?).ok()
    });
    digests.collect()
}

const PREFIX: &str = "sha256:";
