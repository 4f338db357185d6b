//! Replicas in registries: those that keep anything, that move tags and that hide things come first.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use attest_archive::{
    Depth, Item, ItemKind, MemberInput, Put, Reader, ReleaseInput, Replica, ReplicaError, Role,
    Source, Store as Archive,
};
use attest_digest::RelativePath;
use attest_provenance::ReleaseName;
use attest_remote::registry::{INDEX, Reference, Registry, RegistryReplica, ReplicaStart};
use serde_json::{Value, json};

use crate::image;
use crate::support::{Answer, Kept, Request, Server, Store, options, sha256};

type Shared = Arc<Mutex<Store>>;

fn item(bytes: &[u8], kind: ItemKind) -> Item {
    Item {
        digest: sha256(bytes),
        size: bytes.len() as u64,
        kind,
    }
}

fn kept() -> (Shared, Server) {
    let store = Shared::default();
    let server = Server::of(&store, Kept::WithoutLists);
    (store, server)
}

fn made(server: &Server) -> RegistryReplica {
    let registry = Registry::new(options()).unwrap();
    RegistryReplica::init(registry, server.reference()).unwrap()
}

/// The index of an archive with these releases, as an archive writes it.
fn index(releases: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<Value> = releases
        .iter()
        .map(|(name, manifest)| {
            json!({
                "annotations": {
                    "dev.attest.release.name": name,
                    "dev.attest.release.version": "1.0.0",
                    "org.opencontainers.image.ref.name": format!("{name}@1.0.0"),
                },
                "artifactType": "application/vnd.attest.release.v1",
                "digest": sha256(manifest).to_string(),
                "mediaType": attest_remote::registry::IMAGE,
                "size": manifest.len(),
            })
        })
        .collect();
    let index = json!({
        "annotations": {"dev.attest.archive.format": "1"},
        "manifests": entries,
        "mediaType": INDEX,
        "schemaVersion": 2,
    });
    index.to_string().into_bytes()
}

#[test]
fn a_registry_that_keeps_bytes_under_another_digest_gets_nothing() {
    let store = Shared::default();
    let keeps = Arc::clone(&store);
    let server = Server::answering(move |request: &Request| {
        if request.method == "PUT" {
            return Answer::new(201, b"");
        }
        keeps.lock().unwrap().answer(request, Kept::WithLists)
    });
    let registry = Registry::new(options()).unwrap();
    let refused = RegistryReplica::init(registry, server.reference()).unwrap_err();
    let ReplicaStart::Unfit(error) = refused else {
        panic!("{refused}");
    };
    assert_eq!(error.code(), "place-unfit");
    // One that refuses them for that reason alone is taken.
    made(&kept().1);
}

#[test]
fn a_replica_is_a_whole_repository() {
    for text in ["127.0.0.1:1/team/tool:1", "127.0.0.1:1/team/tool@sha256:"] {
        let text = text.replace("sha256:", &sha256(b"x").to_string());
        let reference = Reference::parse(&text).unwrap();
        let registry = Registry::new(options()).unwrap();
        let error = RegistryReplica::open(registry, reference).unwrap_err();
        assert_eq!(error.code(), "registry-reference");
    }
}

#[test]
fn a_registry_that_does_not_answer_has_nothing_absent() {
    for status in [401, 403, 429, 500] {
        let server = Server::answering(move |_| Answer::new(status, b"{}"));
        let registry = Registry::new(options()).unwrap();
        let replica = RegistryReplica::open(registry, server.reference()).unwrap();
        for kind in [ItemKind::Blob, ItemKind::Manifest] {
            let item = item(b"alpha", kind);
            assert_eq!(
                replica.size(&item).unwrap_err().code(),
                "replica-unavailable"
            );
            assert!(replica.get(&item).is_err());
        }
        assert_eq!(replica.index().unwrap_err().code(), "replica-unavailable");
    }
    let page = Answer::new(404, b"<html>").with("Content-Type", "text/html");
    let server = Server::answering(move |_| page.clone());
    let registry = Registry::new(options()).unwrap();
    let replica = RegistryReplica::open(registry, server.reference()).unwrap();
    assert_eq!(replica.index().unwrap_err().code(), "replica-unavailable");
    assert!(replica.get(&item(b"alpha", ItemKind::Manifest)).is_err());
    assert_eq!(replica.list().unwrap_err().code(), "replica-unavailable");
}

#[test]
fn what_is_put_must_be_what_it_is_called_and_is_kept_once() {
    let (store, server) = kept();
    let mut replica = made(&server);
    let manifest = image("one");
    for (bytes, kind) in [
        (b"alpha".to_vec(), ItemKind::Blob),
        (manifest.clone(), ItemKind::Manifest),
    ] {
        let item = item(&bytes, kind);
        for wrong in [&bytes[1..], b"something else"] {
            let refused = replica.put(&item, &mut &*wrong).unwrap_err();
            assert!(matches!(refused, ReplicaError::Source { .. }), "{refused}");
        }
        assert_eq!(replica.size(&item).unwrap(), None);
        assert_eq!(replica.put(&item, &mut &*bytes).unwrap(), Put::New);
        assert_eq!(replica.put(&item, &mut &*bytes).unwrap(), Put::Already);
        let mut read = Vec::new();
        let mut stream = replica.get(&item).unwrap().unwrap();
        stream.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
    // The same bytes as a manifest and as a file are two things.
    let file = item(&manifest, ItemKind::Blob);
    assert_eq!(replica.put(&file, &mut &*manifest).unwrap(), Put::New);
    assert_eq!(store.lock().unwrap().blobs.len(), 2);
}

#[test]
fn what_has_another_size_there_is_refused_and_stays() {
    let (store, server) = kept();
    let mut replica = made(&server);
    let item = item(b"alpha", ItemKind::Blob);
    let there = b"something longer".to_vec();
    let name = item.digest.to_string();
    store
        .lock()
        .unwrap()
        .blobs
        .insert(name.clone(), there.clone());
    let refused = replica.put(&item, &mut &b"alpha"[..]).unwrap_err();
    assert_eq!(refused.code(), "replica-differs");
    assert_eq!(store.lock().unwrap().blobs.get(&name), Some(&there));
}

#[test]
fn a_manifest_that_registries_do_not_take_is_refused_before_it_is_sent() {
    let (_, server) = kept();
    let mut replica = made(&server);
    let sent = server.requests().len();
    let mut large = item(b"alpha", ItemKind::Manifest);
    large.size = (4 << 20) + 1;
    let refused = replica.put(&large, &mut std::io::repeat(b' ')).unwrap_err();
    assert_eq!(refused.code(), "replica-too-large");
    let requests = server.requests();
    assert!(requests[sent..].iter().all(|it| it.method == "HEAD"));
}

#[test]
fn a_tag_that_was_moved_or_names_nothing_is_named_and_not_moved_back() {
    let (store, server) = kept();
    let mut replica = made(&server);
    let one = index(&[("hello", b"one")]);
    replica.replace_index(None, &one).unwrap();
    assert_eq!(replica.index().unwrap(), Some(one.clone()));
    let tag = format!("archive-sha256-{}", sha256(&one).hex());
    assert_eq!(
        store.lock().unwrap().tags.keys().collect::<Vec<_>>(),
        [&tag]
    );

    let other = index(&[("hello", b"two")]);
    let moved = sha256(&other).to_string();
    {
        let mut store = store.lock().unwrap();
        let manifest = (INDEX.to_owned(), other);
        store.manifests.insert(moved.clone(), manifest);
        store.tags.insert(tag.clone(), moved.clone());
    }
    assert_eq!(replica.index().unwrap_err().code(), "replica-index-differs");
    let refused = replica.replace_index(None, &one).unwrap_err();
    assert_eq!(refused.code(), "replica-index-differs");
    assert_eq!(store.lock().unwrap().tags.get(&tag), Some(&moved));
    store.lock().unwrap().manifests.clear();
    assert_eq!(replica.index().unwrap_err().code(), "replica-index-differs");
    // A tag that is not ours says nothing about us.
    let mut store = store.lock().unwrap();
    store.tags.clear();
    store.tags.insert("archive-sha256-1".to_owned(), moved);
    drop(store);
    assert_eq!(replica.index().unwrap(), None);
}

#[test]
fn two_writers_lose_nothing_and_a_contradiction_is_believed_of_neither() {
    let (store, server) = kept();
    let (mut one, mut other) = (made(&server), made(&server));
    let first = index(&[("hello", b"one")]);
    one.replace_index(None, &first).unwrap();
    // The other has seen nothing, which is not so any more.
    let mine = index(&[("more", b"two")]);
    let refused = other.replace_index(None, &mine).unwrap_err();
    assert_eq!(refused.code(), "replica-changed");
    // And if it had looked a moment too early: both have a tag.
    let (empty, later) = kept();
    made(&later).replace_index(None, &mine).unwrap();
    let (from, mut to) = (empty.lock().unwrap(), store.lock().unwrap());
    to.manifests.extend(from.manifests.clone());
    to.tags.extend(from.tags.clone());
    drop((from, to));
    let both = index(&[("hello", b"one"), ("more", b"two")]);
    assert_eq!(one.index().unwrap(), Some(both));

    let (empty, later) = kept();
    let second = index(&[("hello", b"two")]);
    made(&later).replace_index(None, &second).unwrap();
    let (from, mut to) = (empty.lock().unwrap(), store.lock().unwrap());
    to.manifests.extend(from.manifests.clone());
    to.tags.extend(from.tags.clone());
    drop((from, to));
    assert_eq!(one.index().unwrap_err().code(), "replica-index-differs");
}

#[test]
fn a_registry_that_hides_the_tags_that_it_was_given_is_no_success() {
    let store = Shared::default();
    let keeps = Arc::clone(&store);
    let server = Server::answering(move |request: &Request| {
        if request.path.contains("/tags/list") {
            let nothing = br#"{"name":"team/tool","tags":null}"#;
            return Answer::new(200, nothing).with("Content-Type", "application/json");
        }
        keeps.lock().unwrap().answer(request, Kept::WithLists)
    });
    let index = index(&[("hello", b"one")]);
    let refused = made(&server).replace_index(None, &index).unwrap_err();
    assert_eq!(refused.code(), "replica-unavailable");
    assert!(refused.to_string().contains("does not list the tags"));
}

/// A folder of this process, which goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An archive with `hello@1.0.0`, of two files.
fn archive(folder: &Folder) -> Reader {
    let path = folder.0.join("archive");
    let member = |path: &str, role, bytes: &'static [u8]| MemberInput {
        path: RelativePath::parse(path).unwrap(),
        role,
        source: Source::Bytes(bytes),
        expected: None,
    };
    let release = ReleaseInput {
        name: ReleaseName::parse("hello@1.0.0").unwrap(),
        members: vec![
            member("bin/hello", Role::Artifact, b"#!/bin/sh\necho hello\n"),
            member("SHA256SUMS", Role::Checksums, b"(checksums)\n"),
        ],
    };
    let mut archive = Archive::init(&path).unwrap();
    archive.add(&release).unwrap();
    Reader::open(&path).unwrap()
}

/// Whether what the registry lists is there, every byte of it.
fn is_whole(reader: &Reader, server: &Server) -> bool {
    let registry = Registry::new(options()).unwrap();
    let replica = RegistryReplica::open(registry, server.reference()).unwrap();
    let check = reader.check_replica(&replica, Depth::Bytes);
    check.unwrap().is_whole()
}

#[test]
fn a_registry_that_ends_at_any_request_lists_only_what_it_has_and_a_copy_goes_on() {
    let folder = Folder::new("ends");
    let reader = archive(&folder);
    let mut ended = 0;
    for lasts in 0.. {
        let store = Shared::default();
        let (keeps, asked) = (Arc::clone(&store), Mutex::new(0));
        let ends = Server::answering(move |request: &Request| {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            if *asked > lasts {
                return Answer::new(500, b"{}");
            }
            keeps.lock().unwrap().answer(request, Kept::WithLists)
        });
        let registry = Registry::new(options()).unwrap();
        let copied = match RegistryReplica::init(registry, ends.reference()) {
            Err(error) => Err(error.to_string()),
            Ok(mut replica) => reader
                .copy_to(&mut replica)
                .map_err(|error| error.code().to_owned()),
        };
        let server = Server::of(&store, Kept::WithLists);
        let lists = !store.lock().unwrap().tags.is_empty();
        assert!(!lists || is_whole(&reader, &server), "after {lasts}");
        let done = copied.is_ok();
        if !done {
            ended += 1;
            assert!(reader.copy_to(&mut made(&server)).unwrap().is_complete());
        }
        assert!(is_whole(&reader, &server), "after {lasts}");
        if done {
            break;
        }
    }
    // The probe, five things asked for and written, the index read, written and read again.
    assert!(ended > 20, "{ended}");
}

#[test]
fn a_tag_that_was_deleted_is_missed_and_listed_again() {
    let folder = Folder::new("deleted");
    let (reader, (store, server)) = (archive(&folder), kept());
    reader.copy_to(&mut made(&server)).unwrap();
    assert!(is_whole(&reader, &server));
    let tags = std::mem::take(&mut store.lock().unwrap().tags);
    let registry = Registry::new(options()).unwrap();
    let replica = RegistryReplica::open(registry, server.reference()).unwrap();
    let check = reader.check_replica(&replica, Depth::Bytes).unwrap();
    assert_eq!((check.unlisted.len(), check.wrong.len()), (1, 0));
    assert!(check.releases.values().all(|is_whole| !is_whole));
    let again = reader.copy_to(&mut made(&server)).unwrap();
    assert_eq!((again.new_blobs, again.releases), (0, 1));
    assert_eq!(store.lock().unwrap().tags, tags);
    assert!(is_whole(&reader, &server));
}

#[test]
fn a_release_of_more_files_than_registries_take_is_named_and_all_else_is_kept() {
    let folder = Folder::new("large");
    archive(&folder);
    // Few files with long names: what counts is the size of the manifest.
    let deep = vec!["0".repeat(240); 16].join("/");
    let member = |number: usize| MemberInput {
        path: RelativePath::parse(&format!("{deep}/{number}")).unwrap(),
        role: Role::Artifact,
        source: Source::Bytes(b"the same\n"),
        expected: None,
    };
    let large = ReleaseName::parse("large@1.0.0").unwrap();
    let release = ReleaseInput {
        name: large.clone(),
        members: (0..1_200).map(member).collect(),
    };
    let path = folder.0.join("archive");
    Archive::open(&path).unwrap().add(&release).unwrap();
    let reader = Reader::open(&path).unwrap();
    let (store, server) = kept();
    let report = reader.copy_to(&mut made(&server)).unwrap();
    let codes = report.not_copied.iter().map(|it| it.error.code());
    assert_eq!(codes.collect::<Vec<_>>(), ["replica-too-large"]);
    assert_eq!((report.incomplete, report.releases), (vec![large], 1));
    // The manifest of the other, and the index that lists it.
    assert_eq!(store.lock().unwrap().manifests.len(), 2);
    let registry = Registry::new(options()).unwrap();
    let replica = RegistryReplica::open(registry, server.reference()).unwrap();
    let check = reader.check_replica(&replica, Depth::Names).unwrap();
    let whole = check.releases.values().filter(|it| **it);
    assert_eq!((whole.count(), check.unlisted.len()), (1, 1));
}
