//! Reading the bytes again: all of them, or a share that moves on with each run.

use std::num::NonZeroUsize;
use std::sync::Arc;

use attest_digest::{Digest, Hashes, hash_all};

use crate::blob::Blob;
use crate::check::Survey;
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::reader::Reader;

/// How much of an archive is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every blob.
    All,
    /// Every manifest, and so many blobs: the next ones in the order of their digests.
    Sample(NonZeroUsize),
}

/// What reading the bytes again has shown.
#[derive(Clone, Debug)]
pub struct Fixity {
    /// The SHA-256 of `index.json` as it was read.
    pub index: Digest,
    /// The releases that the index lists.
    pub releases: usize,
    /// The blobs of the archive; without, in a sample, those that only earlier runs have left.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The blobs that were read, manifests included.
    pub read_blobs: usize,
    /// Their bytes.
    pub read_bytes: u64,
    /// What is wrong, each blob once.
    pub damaged: Vec<(Digest, Arc<ArchiveError>)>,
    /// Of a sample.
    pub sample: Option<Sample>,
}

/// Which part of an archive was read, and what that promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Blobs from which the sample is taken: all but manifests.
    pub of: usize,
    /// Blobs of the sample.
    pub size: usize,
    /// The first of them in the order of the ring.
    pub first: Digest,
    /// The last of them in the order of the ring: the next run begins after it.
    pub last: Digest,
    /// After so many runs of this size every blob has been read, if nothing is added meanwhile.
    pub runs: usize,
}

impl Fixity {
    /// Whether every byte that was read is as it was archived.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty()
    }
}

impl Reader {
    /// Reads the blobs of the archive again, on all cores and in constant memory.
    ///
    /// A sample is no lottery: the blobs stand in a ring in the order of their digests, and each run
    /// reads the next ones `after` where the last has stopped. So of B blobs each is read at least once
    /// in ⌈B/N⌉ runs. Manifests are read in each run: they are few, and say what else must be there. What only
    /// earlier runs have left (attachments of the kind `fixity`) is no part of the ring: it would grow
    /// with each run. [`Extent::All`] reads it too.
    pub fn fixity(&self, extent: Extent, after: Option<Digest>) -> Fixity {
        let mut survey = Survey::default();
        for (name, manifest) in &self.index.releases {
            survey.take(self, name, *manifest);
        }
        let is_counted =
            |kind: &AttachmentKind| extent == Extent::All || *kind != AttachmentKind::Fixity;
        for (key, (kind, manifest)) in &self.index.attachments {
            if is_counted(kind) {
                survey.take_attachment(self, key, kind, *manifest);
            }
        }
        let blobs: Vec<Blob> = survey.needs.keys().copied().collect();
        let (read, sample) = match extent {
            Extent::All => (blobs.clone(), None),
            Extent::Sample(size) => sample(&survey, &blobs, size.get(), after),
        };
        let results = hash_all(0, &read, |blob| self.observe(*blob, Hashes::Sha256));
        let mut damaged: Vec<(Digest, Arc<ArchiveError>)> = read
            .iter()
            .zip(results)
            .filter_map(|(blob, result)| Some((blob.digest, Arc::new(result.err()?))))
            .collect();
        // What is wrong with a manifest beside its bytes: that it is another's, or malformed.
        let found = survey.problems.into_iter().map(|it| {
            let manifest = it.attached.map(|it| it.manifest);
            (manifest, it.error)
        });
        let of_releases = survey.releases.into_iter().flat_map(|it| {
            let manifest = it.manifest;
            it.problems
                .into_iter()
                .map(move |problem| (Some(manifest), problem.error))
        });
        for (manifest, error) in found.chain(of_releases) {
            let blob = error.blob().or(manifest);
            if let Some(blob) = blob.filter(|blob| damaged.iter().all(|(it, _)| it != blob)) {
                damaged.push((blob, error));
            }
        }
        damaged.sort_by_key(|(blob, _)| *blob);
        Fixity {
            index: self.index.digest(),
            releases: self.index.releases.len(),
            blobs: blobs.len(),
            bytes: sum(&blobs),
            read_blobs: read.len(),
            read_bytes: sum(&read),
            damaged,
            sample,
        }
    }
}

/// The manifests, and the next blobs of the ring.
fn sample(
    survey: &Survey,
    blobs: &[Blob],
    size: usize,
    after: Option<Digest>,
) -> (Vec<Blob>, Option<Sample>) {
    let is_manifest = |blob: &&Blob| survey.manifests.contains(&blob.digest);
    let mut read: Vec<Blob> = blobs.iter().filter(is_manifest).copied().collect();
    let ring: Vec<Blob> = blobs
        .iter()
        .filter(|it| !is_manifest(it))
        .copied()
        .collect();
    let start = after.map_or(0, |after| ring.partition_point(|blob| blob.digest <= after));
    let size = size.min(ring.len());
    let next: Vec<Blob> = ring
        .iter()
        .cycle()
        .skip(start)
        .take(size)
        .copied()
        .collect();
    let ends = next.first().zip(next.last());
    let sample = ends.map(|(first, last)| Sample {
        of: ring.len(),
        size,
        first: first.digest,
        last: last.digest,
        runs: ring.len().div_ceil(size),
    });
    read.extend(next);
    (read, sample)
}

fn sum(blobs: &[Blob]) -> u64 {
    let sizes = blobs.iter().map(|blob| blob.size);
    sizes.fold(0, u64::saturating_add)
}
