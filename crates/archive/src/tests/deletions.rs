//! Deleted artifacts: gone, or all there; and nothing else is ever gone.

use std::collections::BTreeSet;

use super::*;
use crate::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Deletion, FolderReplica, Note, Reader,
};

/// Another release that needs one of the artifacts.
pub(super) fn prepare(bench: &Bench) {
    let [_, shared, rest @ ..] = HELLO;
    let files = [&[shared][..], &rest].concat();
    bench.add("other@1.0.0", &files).unwrap();
}

/// Attaches a tombstone, which a caller has found to count, and takes the artifacts away.
pub(super) fn delete(archive: &Path) -> Result<(), ArchiveError> {
    let mut store = Store::open(archive)?;
    store.attach(&AttachmentInput {
        subject: Some(named("hello@1.0.0")),
        kind: AttachmentKind::Tombstone,
        created: "2036-11-22T09:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: relative("tombstone.sigstore.json"),
            media_type: "application/json".to_owned(),
            source: Source::Bytes(b"{}"),
            expected: None,
        }],
    })?;
    let deletion = deletion(store.reader());
    store.accept_deletions(vec![deletion.clone()]);
    store.forget(&deletion, &BTreeSet::new()).map(drop)
}

fn deletion(reader: &Reader) -> Deletion {
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    Deletion::for_tests(&release)
}

/// The releases are sound, all of them or without the artifacts that were let go; the next run ends it.
pub(super) fn judge(bench: &Bench, confirmed: bool) {
    let mut reader = Reader::open(&bench.path()).unwrap();
    let gone = deletion(&reader);
    let is_deleted = {
        let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
        reader.has_tombstone(&release)
    };
    assert!(is_deleted || !confirmed);
    if is_deleted {
        reader.accept_deletions(vec![gone]);
    }
    assert!(reader.check(Hashes::Sha256).unwrap().is_sound());
    delete(&bench.path()).unwrap();
    let mut reader = Reader::open(&bench.path()).unwrap();
    reader.accept_deletions(vec![deletion(&reader)]);
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.notes, []);
    assert!(!bench.blob(sha256(HELLO[0].2)).exists());
    assert!(bench.blob(sha256(HELLO[1].2)).exists());
}

#[test]
fn what_was_deleted_is_missed_only_where_no_deletion_was_accepted() {
    let bench = Bench::with_hello();
    prepare(&bench);
    delete(&bench.path()).unwrap();
    let mut reader = Reader::open(&bench.path()).unwrap();
    let report = reader.check(Hashes::Sha256).unwrap();
    assert_eq!(report.releases[0].problems[0].error.code(), "blob-missing");
    // The parent: the same archive, and the deletion accepted.
    reader.accept_deletions(vec![deletion(&reader)]);
    assert!(reader.check(Hashes::Sha256).unwrap().is_sound());
    // Nothing that is here is offered in its place.
    let added = Store::open(&bench.path())
        .unwrap()
        .add(&release("hello@1.0.0", &HELLO));
    assert_eq!(code(added), "release-deleted");
    // Another release may have the same bytes.
    bench.add("later@1.0.0", &HELLO).unwrap();
    assert!(bench.blob(sha256(HELLO[0].2)).exists());
    let mut reader = Reader::open(&bench.path()).unwrap();
    reader.accept_deletions(vec![deletion(&reader)]);
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound() && report.notes.is_empty(), "{report:?}");
}

#[test]
fn what_another_tool_names_is_not_taken_away() {
    let bench = Bench::with_hello();
    let artifact = sha256(HELLO[0].2);
    let image = format!(r#"{{"layers":[{{"digest":"{artifact}"}}]}}"#);
    let list = format!(
        r#"{{"manifests":[{{"digest":"{}"}}]}}"#,
        sha256(image.as_bytes())
    );
    for bytes in [&image, &list] {
        fs::write(bench.blob(sha256(bytes.as_bytes())), bytes).unwrap();
    }
    let entry = format!(
        r#","manifests":[{{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{}","size":{}}},"#,
        sha256(list.as_bytes()),
        list.len()
    );
    let index = fs::read_to_string(bench.index()).unwrap();
    fs::write(
        bench.index(),
        index.replacen(r#","manifests":["#, &entry, 1),
    )
    .unwrap();
    delete(&bench.path()).unwrap();
    assert!(bench.blob(artifact).exists());
    assert!(!bench.blob(sha256(HELLO[1].2)).exists());
    // Of a list that is gone nobody can say what it names: nothing is taken away.
    fs::remove_file(bench.blob(sha256(list.as_bytes()))).unwrap();
    assert_eq!(code(delete(&bench.path())), "blob-missing");
    assert!(bench.blob(artifact).exists());
}

#[test]
fn a_copy_of_what_was_deleted_lists_it_and_a_blob_put_back_is_noted() {
    let bench = Bench::with_hello();
    delete(&bench.path()).unwrap();
    let mut reader = Reader::open(&bench.path()).unwrap();
    reader.accept_deletions(vec![deletion(&reader)]);
    let mut vault = FolderReplica::init(&bench.folder.path().join("vault")).unwrap();
    let copied = reader.copy_to(&mut vault).unwrap();
    assert!(copied.is_complete(), "{copied:?}");
    let back = sha256(HELLO[0].2);
    fs::write(bench.blob(back), HELLO[0].2).unwrap();
    let report = reader.check(Hashes::Sha256).unwrap();
    assert_eq!(report.notes, [Note::DeletedBlob { blob: back }]);
}
