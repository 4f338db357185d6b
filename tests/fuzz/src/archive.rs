//! What an archive hands out, and what it writes of itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use attest_archive::audit::{Chain, Event, line_digest};
use attest_archive::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Bag, Kept, MemberInput, Reader,
    ReleaseInput, Role, Source, Store,
};
use attest_digest::{Digest, RelativePath};
use attest_provenance::ReleaseName;

use crate::Outcome;

/// A bag that is whole is the one bag of its release: archived and exported again, it has the same bytes.
pub fn bag(data: &[u8]) -> Outcome {
    let scratch = Scratch::new();
    let path = scratch.0.join("bag.tar");
    fs::write(&path, data).expect("a folder for temporary files");
    let Ok(bag) = Bag::open_tar(File::open(&path).expect("just written"), &path) else {
        return Outcome::Refused;
    };
    let observed = bag.observed();
    for member in bag.members() {
        let name = member.path().as_str();
        assert!(name.split('/').all(|it| !matches!(it, "" | "." | "..")));
        if let Ok(bytes) = bag.unverified_bytes(member.path(), 1 << 20) {
            assert_eq!(bytes.len() as u64, member.size());
            assert!(observed.contains_key(&member.digest()));
        }
    }
    if bag.problems().is_empty() {
        assert_eq!(again(&bag, &scratch.0.join("archive")), data);
    }
    Outcome::Read
}

/// The release of a bag, kept and exported.
fn again(bag: &Bag, archive: &Path) -> Vec<u8> {
    let mut store = Store::init(archive).expect("a new archive");
    let input = bag.input().expect("a bag without problems");
    store.add(&input).expect("a release that was kept");
    let attached = bag.attachments().expect("a bag without problems");
    if !attached.is_empty() {
        store.attach_all(&attached).expect("what was attached");
    }
    let reader = Reader::open(archive).expect("the archive");
    let release = reader.find(bag.name()).expect("its index");
    let mut bytes = Vec::new();
    let release = release.expect("just added");
    release.export_tar(&mut bytes).expect("what was a bag");
    bytes
}

/// The bag of a release with one file and something attached: what fuzzing begins with.
pub fn small_bag() -> Vec<u8> {
    let scratch = Scratch::new();
    let name = ReleaseName::parse("hello@1.0.0").expect("a name");
    let path = |text| RelativePath::parse(text).expect("a path");
    let mut store = Store::init(&scratch.0.join("archive")).expect("a new archive");
    let release = ReleaseInput {
        name: name.clone(),
        members: vec![MemberInput {
            path: path("bin/hello"),
            role: Role::Artifact,
            source: Source::Bytes(b"hello\n"),
            expected: None,
        }],
    };
    store.add(&release).expect("a new release");
    let attachment = AttachmentInput {
        subject: Some(name.clone()),
        kind: AttachmentKind::Report,
        created: "2026-01-01T00:00:00Z".parse().expect("a time"),
        files: vec![AttachedFileInput {
            path: path("report"),
            media_type: "text/plain".to_owned(),
            source: Source::Bytes(b"well\n"),
            expected: None,
        }],
    };
    store.attach(&attachment).expect("a new attachment");
    let release = store.reader().find(&name).expect("its index");
    let mut bytes = Vec::new();
    let release = release.expect("just added");
    release
        .export_tar(&mut bytes)
        .expect("what can be exported");
    bytes
}

/// A folder for one input.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("attest-fuzz-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An event has one spelling; a trail without faults is a chain, numbered without gaps.
pub fn trail(data: &[u8]) -> Outcome {
    let mut outcome = Outcome::Refused;
    let mut last: Option<(u64, Digest)> = None;
    let lines: Vec<&[u8]> = data.split(|it| *it == b'\n').take(1000).collect();
    let home = lines.iter().find_map(|it| Event::parse(it).ok());
    let Some(home) = home.map(|it| it.home) else {
        return outcome;
    };
    let mut chain = Chain::new(home.as_str());
    for line in lines {
        let event = chain.line(line);
        if let Some(event) = &event {
            outcome = Outcome::Read;
            assert_eq!(event.to_line().expect("what was read"), line);
        }
        if !chain.faults().is_empty() {
            break;
        }
        let event = event.expect("no fault");
        assert_eq!(event.home, home);
        if let Some((sequence, digest)) = last {
            assert_eq!(event.sequence, sequence + 1);
            assert_eq!(event.previous, Some(digest));
        }
        last = Some((event.sequence, line_digest(line)));
    }
    outcome
}
