//! Reading files, and comparing them with claims.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use attest_digest::{
    Algorithm, Artifact, CopyError, Digest, DigestSet, FileKind, Hashes, Hashing, Match, ReadError,
    RelativePath, Root, SignedForm, hash_all,
};
use proptest::prelude::*;
use tempfile::tempdir;

const ALL: [Hashes; 4] = [
    Hashes::Sha256,
    Hashes::Sha256AndSha384,
    Hashes::Sha256AndSha512,
    Hashes::All,
];

#[track_caller]
fn not_a_file(read: Result<Artifact, ReadError>) -> FileKind {
    let error = read.unwrap_err();
    assert_eq!(error.code(), "not-a-file");
    assert!(error.path().is_some());
    match error {
        ReadError::NotAFile { kind, .. } => kind,
        other => panic!("{other}"),
    }
}

fn in_root(folder: &Path, name: &str) -> Result<Artifact, ReadError> {
    let name = RelativePath::parse(name).unwrap();
    Root::open(folder).unwrap().read(&name, Hashes::Sha256)
}

#[test]
fn a_named_pipe_does_not_hang_and_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let kind = not_a_file(Artifact::read_path(&path, Hashes::Sha256));
    assert_eq!(kind, FileKind::Fifo);
    assert_eq!(not_a_file(in_root(folder.path(), "pipe")), FileKind::Fifo);
}

#[test]
fn a_socket_a_folder_and_a_device_are_refused() {
    let folder = tempdir().unwrap();
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    for (name, kind) in [
        ("socket", FileKind::Socket),
        ("folder", FileKind::Directory),
    ] {
        let path = folder.path().join(name);
        assert_eq!(not_a_file(Artifact::read_path(&path, Hashes::Sha256)), kind);
        assert_eq!(not_a_file(in_root(folder.path(), name)), kind);
    }
    let null = Artifact::read_path(Path::new("/dev/null"), Hashes::Sha256);
    assert_eq!(not_a_file(null), FileKind::Device);
    assert_eq!(
        not_a_file(in_root(Path::new("/dev"), "null")),
        FileKind::Device
    );
}

#[test]
fn a_missing_file_is_unreadable_and_named() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("ab\x1bsent");
    let error = Artifact::read_path(&path, Hashes::Sha256).unwrap_err();
    assert!(matches!(error, ReadError::NotFound { .. }));
    assert_eq!(error.code(), "file-unreadable");
    assert_eq!(error.path(), Some(path.as_path()));
    assert!(
        error.to_string().ends_with("ab\\u{1b}sent does not exist"),
        "{error}"
    );
    assert_eq!(
        in_root(folder.path(), "absent").unwrap_err().code(),
        "file-unreadable"
    );
}

#[test]
fn a_file_that_may_not_be_read_is_unreadable() {
    let error = ReadError::from(io::Error::from(io::ErrorKind::PermissionDenied));
    assert!(matches!(error, ReadError::Denied { .. }));
    assert_eq!(error.code(), "file-unreadable");
}

#[test]
fn a_link_out_of_the_root_is_not_followed() {
    let outside = tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let folder = outside.path().join("root");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("inside"), "inside").unwrap();
    symlink("../secret", folder.join("up")).unwrap();
    symlink(outside.path().join("secret"), folder.join("absolute")).unwrap();
    symlink(folder.join("inside"), folder.join("absolute-inside")).unwrap();
    symlink("..", folder.join("parent")).unwrap();
    symlink("../root/inside", folder.join("out-and-in")).unwrap();
    symlink("up", folder.join("chain1")).unwrap();
    symlink("chain1", folder.join("chain2")).unwrap();
    symlink("../../secret", folder.join("sub/up2")).unwrap();
    for name in [
        "up",
        "absolute",
        "absolute-inside",
        "parent/secret",
        "out-and-in",
        "chain1",
        "chain2",
        "sub/up2",
    ] {
        let error = in_root(&folder, name).unwrap_err();
        assert_eq!(error.code(), "link-outside", "{name}");
        assert_eq!(error.path(), Some(Path::new(name)));
    }
}

#[test]
fn a_link_inside_of_the_root_is_followed() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("file"), "bytes").unwrap();
    symlink("../file", folder.path().join("sub/link")).unwrap();
    symlink("sub/link", folder.path().join("chain")).unwrap();
    for name in ["sub/link", "chain"] {
        let artifact = in_root(folder.path(), name).unwrap();
        assert_eq!(artifact, Artifact::of_bytes(b"bytes", Hashes::Sha256));
    }
}

#[test]
fn a_link_to_itself_is_unreadable() {
    let folder = tempdir().unwrap();
    symlink("loop", folder.path().join("loop")).unwrap();
    assert_eq!(
        in_root(folder.path(), "loop").unwrap_err().code(),
        "file-unreadable"
    );
}

#[test]
fn a_magic_link_is_not_followed() {
    let error = in_root(Path::new("/proc/self"), "exe").unwrap_err();
    assert_eq!(error.code(), "file-unreadable");
}

/// Reads `file` by its path and below its folder while `exchange` puts one new file after another
/// there, and returns the codes.
fn codes_while(folder: &Path, exchange: impl Fn(&Path, &Path) + Sync) -> [&'static str; 2] {
    let path = folder.join("file");
    let exchange = |turn: u64| {
        let next = folder.join(format!("next{turn}"));
        File::create(&next).unwrap().set_len(64 << 20).unwrap();
        exchange(&next, &path);
    };
    exchange(0);
    let (stop, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 1.. {
                exchange(turn);
                begun.store(true, Ordering::Release);
                if stop.load(Ordering::Acquire) {
                    return;
                }
            }
        });
        while !begun.load(Ordering::Acquire) {
            thread::yield_now();
        }
        let read = [
            Artifact::read_path(&path, Hashes::Sha256),
            in_root(folder, "file"),
        ];
        stop.store(true, Ordering::Release);
        read.map(|read| read.unwrap_err().code())
    })
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_refused() {
    let folder = tempdir().unwrap();
    let codes = codes_while(folder.path(), |next, path| fs::rename(next, path).unwrap());
    assert_eq!(codes, ["file-changed"; 2]);
}

#[test]
fn a_link_that_is_turned_while_its_file_is_read_is_refused() {
    let folder = tempdir().unwrap();
    let codes = codes_while(folder.path(), |next, path| {
        let link = folder.path().join("link");
        symlink(next.file_name().unwrap(), &link).unwrap();
        fs::rename(link, path).unwrap();
    });
    assert_eq!(codes, ["file-changed"; 2]);
}

#[test]
fn a_file_that_is_shorter_than_it_says_is_refused() {
    // The kernel says 4096 bytes for every file here.
    let read = Artifact::read_path(Path::new("/sys/kernel/uevent_seqnum"), Hashes::Sha256);
    assert_eq!(read.unwrap_err().code(), "file-changed");
}

#[test]
fn a_failing_reader_is_an_error_and_no_shorter_file() {
    struct Fails(usize);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let more = self.0.min(buffer.len());
            self.0 -= more;
            if more == 0 {
                return Err(io::Error::other("broken"));
            }
            Ok(more)
        }
    }
    for size in [0, 1, 100_000, 3_000_000] {
        for hashes in ALL {
            let error = Artifact::read(&mut Fails(size), hashes).unwrap_err();
            assert_eq!(error.code(), "file-unreadable");
        }
    }
}

#[test]
fn a_copy_onto_itself_is_refused_before_it_is_emptied() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "bytes").unwrap();
    let from = File::open(&path).unwrap();
    let to = File::options().write(true).open(&path).unwrap();
    let error = Artifact::copy(&from, &to, Hashes::Sha256).unwrap_err();
    assert_eq!(error.code(), "copy-onto-itself");
    assert_eq!(fs::read(&path).unwrap(), b"bytes");
}

#[test]
fn a_copy_to_a_full_disk_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "bytes").unwrap();
    let from = File::open(&path).unwrap();
    let read_only = File::open("/proc/self/exe").unwrap();
    let error = Artifact::copy(&from, &read_only, Hashes::Sha256).unwrap_err();
    assert!(matches!(error, CopyError::Write { .. }));
    assert_eq!(error.code(), "file-unwritable");
}

#[test]
fn a_copy_has_the_bytes_of_its_artifact_and_no_other() {
    let folder = tempdir().unwrap();
    for size in [0, 1, 65_535, 65_536, 65_537, 3_000_001] {
        for hashes in ALL {
            let bytes: Vec<u8> = (0..=250u8).cycle().take(size).collect();
            fs::write(folder.path().join("from"), &bytes).unwrap();
            fs::write(folder.path().join("to"), vec![1; 4_000_000]).unwrap();
            let mut from = File::open(folder.path().join("from")).unwrap();
            from.seek(SeekFrom::End(0)).unwrap();
            let to = File::options()
                .write(true)
                .open(folder.path().join("to"))
                .unwrap();
            let artifact = Artifact::copy(&from, &to, hashes).unwrap();
            assert_eq!(artifact, Artifact::of_bytes(&bytes, hashes));
            assert_eq!(fs::read(folder.path().join("to")).unwrap(), bytes);
        }
    }
}

#[test]
fn digests_are_those_of_coreutils() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    for size in [
        0,
        1,
        1 << 16,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
        (5 << 20) + 7,
    ] {
        let bytes: Vec<u8> = (0..size)
            .map(|it: u32| it.to_le_bytes()[(it % 3) as usize])
            .collect();
        fs::write(&path, &bytes).unwrap();
        for hashes in ALL {
            let artifact = Artifact::read_path(&path, hashes).unwrap();
            assert_eq!(artifact.size(), u64::from(size));
            for digest in artifact.digests() {
                let tool = format!("{}sum", digest.algorithm().name());
                let theirs = Command::new(tool)
                    .stdin(File::open(&path).unwrap())
                    .output()
                    .unwrap();
                assert_eq!(format!("{}  -\n", digest.hex()).as_bytes(), theirs.stdout);
            }
        }
    }
}

#[test]
fn the_cursor_of_a_file_does_not_matter_and_does_not_move() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "bytes").unwrap();
    let mut file = File::open(&path).unwrap();
    file.seek(SeekFrom::Start(3)).unwrap();
    let artifact = Artifact::read_file(&file, Hashes::Sha256).unwrap();
    assert_eq!(artifact, Artifact::of_bytes(b"bytes", Hashes::Sha256));
    assert_eq!(file.stream_position().unwrap(), 3);
}

#[test]
fn only_the_digests_that_were_asked_for_are_there() {
    for hashes in ALL {
        let artifact = Artifact::of_bytes(b"", hashes);
        for algorithm in Algorithm::ALL {
            let asked = hashes.with(algorithm) == hashes;
            let digest = artifact.digest(algorithm);
            assert_eq!(digest.map(|it| it.algorithm()), asked.then_some(algorithm));
        }
    }
}

/// What gitsign signs: a `SET` of two attributes.
const ATTRIBUTES: &[u8] = b"\x31\x49\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";

#[test]
fn bytes_that_are_signed_as_something_else_are_known() {
    use SignedForm::{Attributes, GitObject, Metadata, Statement};
    let git = |text: &str| text.replace("ID", &"0f".repeat(20)).into_bytes();
    let larger = |text: &str| text.replace("ID", &"0f".repeat(32)).into_bytes();
    let objects = [
        git("tree ID\nauthor a <a@b> 0 +0000\n"),
        git("tree ID\nparent ID\n"),
        larger("tree ID\nparent ID\n"),
        git("object ID\ntype commit\n"),
        larger("object ID\ntype commit\n"),
        git("tree ID\n"),
        git("tree ID \nauthor a"),
        git("tree IDID\nauthor a"),
        git("tree \nauthor a"),
        git("tree ID\ncommitter a"),
        git("object ID\nauthor a"),
        git(" tree ID\nauthor a"),
    ];
    let objects = (0..).zip(&objects);
    let objects = objects.map(|(at, bytes)| (bytes.as_slice(), (at < 5).then_some(GitObject)));
    for (bytes, expected) in [
        (&b"DSSEv1 "[..], Some(Statement)),
        (
            b"DSSEv1 28 application/vnd.in-toto+json 2 {}",
            Some(Statement),
        ),
        (b"DSSEv1", None),
        (b"DSSEv1\n", None),
        (b" DSSEv1 ", None),
        (b"dssev1 ", None),
        (b"", None),
        (br#"{"_type":"link","byproducts":{}"#, Some(Metadata)),
        (br#"{"_type":"layout","expires":""#, Some(Metadata)),
        // Files in which such things are kept, and others.
        (br#"{"signatures":[],"signed":{"_type":"link"}}"#, None),
        (br#"{"signed":{"_type":"layout"}}"#, None),
        (
            br#"{"payload":"e30=","payloadType":"a","signatures":[]}"#,
            None,
        ),
        (br#"{"_type":"https://in-toto.io/Statement/v1"}"#, None),
        (br#"{"_type":"linker"}"#, None),
        (br#"{"_type": "link"}"#, None),
        (br#" {"_type":"link"}"#, None),
        (ATTRIBUTES, Some(Attributes)),
        (b"\x31\x81\x80\x30\x18\x06\x09", Some(Attributes)),
        (b"\x31\x82\x01\x00\x30\x81\x90\x06\x09", Some(Attributes)),
        (b"\x30\x49\x30\x18\x06\x09", None),
        (b"\x31\x49\x30\x18\x04\x09", None),
        (b"\x31\x49\x30\x18", None),
        (b"\x31\x84", None),
        (b"\x31\xff\x30\x18\x06", None),
        (b"100000\n", None),
    ]
    .into_iter()
    .chain(objects)
    {
        let artifact = Artifact::of_bytes(bytes, Hashes::Sha256);
        assert_eq!(artifact.signed_form(), expected, "{bytes:?}");
        let artifact = Artifact::read(&mut Slow::new(bytes, 1), Hashes::All).unwrap();
        assert_eq!(artifact.signed_form(), expected, "{bytes:?}");
        let mut passing = Hashing::new(Slow::new(bytes, 1), Hashes::Sha256);
        std::io::copy(&mut passing, &mut std::io::sink()).unwrap();
        assert_eq!(passing.finish().signed_form(), expected, "{bytes:?}");
    }
}

#[test]
fn only_the_first_bytes_are_a_signed_form() {
    let filler = vec![b' '; 1 << 16];
    for opening in [&b"DSSEv1 "[..], br#"{"_type":"layout""#, ATTRIBUTES] {
        let first = [opening, filler.as_slice()].concat();
        let last = [filler.as_slice(), opening].concat();
        let form = |bytes: &[u8]| Artifact::of_bytes(bytes, Hashes::Sha256).signed_form();
        assert!(form(&first).is_some());
        assert_eq!(form(&last), None);
    }
}

fn claims(digests: &[Digest]) -> DigestSet {
    let mut set = DigestSet::new();
    for digest in digests {
        set.insert_digest(*digest).unwrap();
    }
    set
}

#[test]
fn one_digest_that_differs_is_enough_to_differ() {
    let artifact = Artifact::of_bytes(b"hello", Hashes::All);
    let digests: Vec<Digest> = artifact.digests().collect();
    let other = Artifact::of_bytes(b"other", Hashes::All);
    for (index, wanted) in other.digests().enumerate() {
        let mut claimed = digests.clone();
        claimed[index] = wanted;
        let (algorithm, found) = (wanted.algorithm(), digests[index]);
        assert_eq!(
            artifact.compare(&claims(&claimed)),
            Match::Different {
                algorithm,
                found,
                wanted
            }
        );
    }
    assert_eq!(artifact.compare(&claims(&digests)), Match::Same);
}

#[test]
fn a_claimed_digest_that_was_not_computed_does_not_pass() {
    let full = Artifact::of_bytes(b"hello", Hashes::All);
    let (sha256, sha512) = (full.sha256(), full.sha512().unwrap());
    let artifact = Artifact::of_bytes(b"hello", Hashes::Sha256);
    let algorithm = Algorithm::Sha512;
    for claimed in [claims(&[sha512]), claims(&[sha256, sha512])] {
        assert_eq!(artifact.compare(&claimed), Match::NotComputed { algorithm });
        let hashes = Hashes::Sha256.with_claims([&claimed]);
        assert_eq!(hashes, Hashes::Sha256AndSha512);
        assert_eq!(
            Artifact::of_bytes(b"hello", hashes).compare(&claimed),
            Match::Same
        );
    }
    // A stronger digest that agrees does not stand in for it.
    let sha384 = full.digest(Algorithm::Sha384).unwrap();
    let algorithm = Algorithm::Sha384;
    let artifact = Artifact::of_bytes(b"hello", Hashes::Sha256AndSha512);
    let claimed = claims(&[sha384, sha512]);
    assert_eq!(artifact.compare(&claimed), Match::NotComputed { algorithm });
}

#[test]
fn a_difference_is_worse_than_a_gap() {
    let full = Artifact::of_bytes(b"hello", Hashes::All);
    let (sha384, sha512) = (
        full.digest(Algorithm::Sha384).unwrap(),
        full.sha512().unwrap(),
    );
    let artifact = Artifact::of_bytes(b"hello", Hashes::Sha256);
    let wrong = claims(&[Digest::Sha256([0; 32]), sha512]);
    assert!(matches!(artifact.compare(&wrong), Match::Different { .. }));
    let wrong = claims(&[sha384, Digest::Sha512([0; 64])]);
    let artifact = Artifact::of_bytes(b"hello", Hashes::Sha256AndSha512);
    assert!(matches!(artifact.compare(&wrong), Match::Different { .. }));
}

#[test]
fn a_claim_of_weak_digests_alone_says_nothing() {
    let mut claimed = DigestSet::new();
    let artifact = Artifact::of_bytes(b"hello", Hashes::All);
    assert_eq!(artifact.compare(&claimed), Match::Incomparable);
    claimed
        .insert("sha1", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")
        .unwrap();
    claimed
        .insert("md5", "5d41402abc4b2a76b9719d911017c592")
        .unwrap();
    assert_eq!(artifact.compare(&claimed), Match::Incomparable);
}

#[test]
fn results_come_in_the_order_of_the_items() {
    let items: Vec<u32> = (0..1000).collect();
    for jobs in [0, 1, 2, 7, 2000] {
        let results = hash_all(jobs, &items, |it| {
            if it % 100 == 0 {
                thread::yield_now();
            }
            it + 1
        });
        assert_eq!(results, (1..=1000).collect::<Vec<_>>());
    }
    assert_eq!(hash_all(0, &[0; 0], |it| *it), [0; 0]);
}

#[test]
#[should_panic(expected = "item 3")]
fn a_panic_of_one_item_is_not_lost() {
    hash_all(2, &[1, 2, 3, 4], |it| assert_ne!(*it, 3, "item 3"));
}

/// A reader that hands out few bytes at once and is interrupted before each.
struct Slow<'a> {
    bytes: &'a [u8],
    most: usize,
    interrupted: bool,
}

impl<'a> Slow<'a> {
    fn new(bytes: &'a [u8], most: usize) -> Self {
        let interrupted = false;
        Self {
            bytes,
            most,
            interrupted,
        }
    }
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = self.most.min(buffer.len());
        self.bytes.read(&mut buffer[..most])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_bytes_come_they_are_the_same_artifact(
        size in prop_oneof![0..200_000usize, 1_000_000..1_300_000usize],
        seed: u8,
        most in 1..100_000usize,
    ) {
        let bytes: Vec<u8> = (seed..=255).cycle().take(size).collect();
        let folder = tempdir().unwrap();
        let path = folder.path().join("file");
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        for hashes in ALL {
            let artifact = Artifact::of_bytes(&bytes, hashes);
            let most = if size > 200_000 { most + 1000 } else { most };
            let read = Artifact::read(&mut Slow::new(&bytes, most), hashes).unwrap();
            prop_assert_eq!(&read, &artifact);
            prop_assert_eq!(&Artifact::read_path(&path, hashes).unwrap(), &artifact);
        }
    }
}
