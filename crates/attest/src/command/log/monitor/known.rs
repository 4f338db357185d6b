//! What we made ourselves: the log entries of our bundles.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attest_archive::{ArchiveError, Member, Reader, Role};
use attest_digest::{Artifact, Digest, Hashes};
use attest_log::{Hash, merkle};
use attest_verify::{Bundle, Content, LoggedEntry, LoggedName};

use crate::failure::{Failure, with_source};
use crate::files;

/// Leaves and signatures of bundles that are ours. That they are is the word of whoever names them.
#[derive(Default)]
pub(super) struct Known {
    leaves: BTreeSet<Hash>,
    signatures: BTreeSet<Signature>,
}

/// A signature is of one digest and one key: an ECDSA signature alone is not, whoever sees it can compute a
/// key under which it is valid for another digest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Signature {
    bytes: Vec<u8>,
    digest: Digest,
    key: [u8; 32],
}

impl Known {
    /// Every bundle in these files and folders; of an archive and of an exported release those that were released,
    /// or that attest itself keeps about its archive: anybody can give us a release back with more attached to it.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut known = Self::default();
        for path in paths {
            known.add(path, 0)?;
        }
        Ok(known)
    }

    pub(super) fn has(&self, leaf: &Hash) -> bool {
        self.leaves.contains(leaf)
    }

    /// Whether an entry is about a signature of ours, perhaps in another log or generation.
    pub(super) fn signed(&self, body: &[u8]) -> bool {
        let Some(entry) = LoggedEntry::parse(body) else {
            return false;
        };
        let keys = keys_of(&entry);
        let (Some(bytes), Some(digest)) = (entry.signature, entry.digest) else {
            return false;
        };
        let mut wanted = Signature {
            bytes,
            digest,
            key: [0; 32],
        };
        // Every key that the entry names, or it is not about our signature alone.
        !keys.is_empty()
            && keys.into_iter().all(|key| {
                wanted.key = key;
                self.signatures.contains(&wanted)
            })
    }

    fn add(&mut self, path: &Path, depth: usize) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::unknown("bundle-unreadable", format!("{}: {error}", path.display()))
        };
        let found = fs::symlink_metadata(path).map_err(failed)?;
        if found.is_dir() {
            if let Some(archive) = archive(path)? {
                return self.add_archive(path, &archive);
            }
            let released = path.join(RELEASED);
            if path.join(BAG).is_file() && released.is_dir() {
                return self.add(&released, depth + 1);
            }
            if depth == DEPTH {
                return Err(failed(std::io::Error::other(
                    "folders lie too deep in each other",
                )));
            }
            for item in fs::read_dir(path).map_err(failed)? {
                self.add(&item.map_err(failed)?.path(), depth + 1)?;
            }
            return Ok(());
        }
        let most = attest_verify::limits::BUNDLE_BYTES as u64;
        if !found.is_file() || found.len() > most {
            return Ok(());
        }
        self.add_bytes(&files::read_limited(path, most).map_err(failed)?);
        Ok(())
    }

    fn add_archive(&mut self, path: &Path, archive: &Reader) -> Result<(), Failure> {
        let most = attest_verify::limits::BUNDLE_BYTES as u64;
        let failed = |error| unread(path, &error);
        for summary in archive.list() {
            let Some(release) = archive.find(&summary.name).map_err(failed)? else {
                continue;
            };
            let is_bundle = |it: &&Member| it.role() == Role::Evidence && it.size() <= most;
            for member in release.members().iter().filter(is_bundle) {
                let bytes = release.unverified_bytes(member.path(), most);
                self.add_bytes(&bytes.map_err(failed)?);
            }
        }
        for summary in archive.attachment_list() {
            // No export takes these along, and no import takes them in.
            if !summary.kind.is_about_archive() {
                continue;
            }
            let attachment = archive.attachment(&summary).map_err(failed)?;
            for file in attachment.files().iter().filter(|it| it.size() <= most) {
                let bytes = attachment.unverified_bytes(file.path(), most);
                self.add_bytes(&bytes.map_err(failed)?);
            }
        }
        Ok(())
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        if bytes.trim_ascii_start().starts_with(b"{") {
            self.add_lines(bytes);
        }
    }

    /// One bundle, or one in each line.
    fn add_lines(&mut self, bytes: &[u8]) {
        if let Ok(bundle) = Bundle::parse(bytes) {
            return self.add_bundle(&bundle);
        }
        for line in bytes.split(|it| *it == b'\n') {
            if let Ok(bundle) = Bundle::parse(line) {
                self.add_bundle(&bundle);
            }
        }
    }

    fn add_bundle(&mut self, bundle: &Bundle) {
        let mut keys: BTreeSet<[u8; 32]> = bundle.claimed_fingerprint().into_iter().collect();
        let mut digests = digests_of(bundle.content());
        for entry in bundle.entries() {
            self.leaves.insert(merkle::leaf_hash(entry.body()));
            if let Some(entry) = LoggedEntry::parse(entry.body()) {
                keys.extend(keys_of(&entry));
                digests.extend(entry.digest);
            }
        }
        for digest in digests {
            self.signatures.extend(keys.iter().map(|key| Signature {
                bytes: bundle.signature().to_owned(),
                digest,
                key: *key,
            }));
        }
    }
}

/// The archive that a folder is, if releases are in it or something is attached to it; another image layout is a
/// folder like others.
fn archive(path: &Path) -> Result<Option<Reader>, Failure> {
    if !path.join(LAYOUT).is_file() {
        return Ok(None);
    }
    let is_kept = |it: &Reader| !it.list().is_empty() || !it.attachment_list().is_empty();
    match Reader::open(path) {
        Ok(archive) => Ok(Some(archive).filter(is_kept)),
        Err(ArchiveError::NotAnArchive { .. }) => Ok(None),
        Err(error) => Err(unread(path, &error)),
    }
}

fn unread(path: &Path, error: &ArchiveError) -> Failure {
    let message = format!("{}: {}", path.display(), with_source(error));
    Failure::unknown("bundle-unreadable", message)
}

fn keys_of(entry: &LoggedEntry) -> BTreeSet<[u8; 32]> {
    let mut keys = BTreeSet::new();
    entry.names(&mut |name| {
        if let LoggedName::Key(key) = name {
            keys.insert(key.fingerprint());
        }
    });
    keys
}

/// What the signature may be over, by any algorithm that a log writes.
fn digests_of(content: &Content) -> BTreeSet<Digest> {
    match content {
        Content::Message { digest, .. } => digest.iter().copied().collect(),
        Content::Envelope(envelope) => {
            let signed = Artifact::of_bytes(&envelope.pae(), Hashes::All);
            signed.digests().collect()
        }
    }
}

const DEPTH: usize = 32;
/// What an image layout has, and an exported release with the folder of its files.
const LAYOUT: &str = "oci-layout";
const BAG: &str = "bagit.txt";
const RELEASED: &str = "data";
