//! Attacks first, then deaths, then what works.

mod attachments;
mod attacks;
mod bags;
mod completeness;
mod damage;
mod deaths;
mod deletions;
mod fixity;
mod format;
mod full_disk;
mod keeping;
mod renewals;
mod replicas;
mod round_trip;
mod writers;

use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes, RelativePath};
use attest_provenance::ReleaseName;
use tempfile::TempDir;

use crate::{Added, ArchiveError, MemberInput, ReleaseInput, Role, Source, Store};

/// A folder with an archive in it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// An empty archive.
    fn new() -> Self {
        Self::inside(tempfile::tempdir().unwrap())
    }

    /// An empty archive in a folder of its own.
    fn inside(folder: TempDir) -> Self {
        Store::init(&folder.path().join("archive")).unwrap();
        Self { folder }
    }

    /// An archive with `hello@1.0.0`: two artifacts, checksums, one bundle, one key.
    fn with_hello() -> Self {
        let bench = Self::new();
        bench.add("hello@1.0.0", &HELLO).unwrap();
        bench
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn add(&self, name: &str, files: &[(&str, Role, &[u8])]) -> Result<Added, ArchiveError> {
        Store::open(&self.path())?.add(&release(name, files))
    }

    fn index(&self) -> PathBuf {
        self.path().join("index.json")
    }

    fn blob(&self, digest: Digest) -> PathBuf {
        blob_path(&self.path(), digest)
    }

    /// Writes over a blob, as the owner of the disk can.
    fn damage(&self, digest: Digest, bytes: &[u8]) {
        let path = self.blob(digest);
        fs::remove_file(&path).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn blob_path(archive: &Path, digest: Digest) -> PathBuf {
    archive.join("blobs/sha256").join(digest.hex())
}

const HELLO: [(&str, Role, &[u8]); 5] = [
    ("bin/hello", Role::Artifact, b"#!/bin/sh\necho hello\n"),
    ("doc/hello.txt", Role::Artifact, b"hello\n"),
    ("SHA256SUMS", Role::Checksums, b"(checksums)\n"),
    ("release.sigstore.json", Role::Evidence, b"{\"bundle\":1}"),
    ("release.pub", Role::Trust, b"-----BEGIN PUBLIC KEY-----\n"),
];

fn release<'a>(name: &str, files: &[(&str, Role, &'a [u8])]) -> ReleaseInput<'a> {
    let member = |(path, role, bytes): &(&str, Role, &'a [u8])| MemberInput {
        path: relative(path),
        role: *role,
        source: Source::Bytes(bytes),
        expected: None,
    };
    ReleaseInput {
        name: named(name),
        members: files.iter().map(member).collect(),
    }
}

fn named(name: &str) -> ReleaseName {
    ReleaseName::parse(name).unwrap()
}

fn relative(path: &str) -> RelativePath {
    RelativePath::parse(path).unwrap()
}

fn sha256(bytes: &[u8]) -> Digest {
    Artifact::of_bytes(bytes, Hashes::Sha256).sha256()
}

/// The code of a refusal.
fn code<T: std::fmt::Debug>(result: Result<T, ArchiveError>) -> &'static str {
    result.unwrap_err().code()
}
