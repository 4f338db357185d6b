//! The store on a real file system: locks, permissions, and a disk that is full or read-only.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::support::{entries, entry, refused, say};
use crate::testing::TestSigner;
use crate::{CheckpointSigner as _, Log, LogError, LogReader};

fn signer() -> TestSigner {
    TestSigner::new("log.example", 7)
}

fn places(home: &Path) -> (PathBuf, PathBuf) {
    (home.join("log"), home.join("copy/checkpoint"))
}

#[test]
fn a_lock_held_by_another_is_refused_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (folder, copy) = places(home.path());
    let signer = signer();
    let log = Log::create(&folder, &copy, &signer).unwrap();
    let error = refused(Log::open(&folder, &copy, &signer), "log-locked");
    assert!(error.could_not_tell());
    assert!(matches!(error, LogError::Locked { path } if path == folder));
    // Also through another folder with the same second copy.
    let other = home.path().join("other");
    refused(Log::create(&other, &copy, &signer), "log-locked");
    drop(log);
    Log::open(&folder, &copy, &signer).unwrap();
}

#[test]
fn everybody_can_read_what_is_served_and_only_the_owner_can_write() {
    fn check(path: &Path, count: &mut usize) {
        let metadata = fs::symlink_metadata(path).unwrap();
        let wanted = if metadata.is_dir() { 0o755 } else { 0o644 };
        let found = metadata.permissions().mode() & 0o777;
        assert_eq!(found, wanted, "{}", path.display());
        *count += 1;
        if metadata.is_dir() {
            for item in fs::read_dir(path).unwrap() {
                check(&item.unwrap().path(), count);
            }
        }
    }
    let home = tempfile::tempdir().unwrap();
    let (folder, copy) = places(home.path());
    let signer = signer();
    let mut log = Log::create(&folder, &copy, &signer).unwrap();
    log.append(&entries(0..300)).unwrap();
    let mut count = 0;
    check(&folder, &mut count);
    assert!(count >= 15, "{count} files and folders");
}

#[test]
fn what_is_not_a_log_is_not_opened() {
    let home = tempfile::tempdir().unwrap();
    let (folder, copy) = places(home.path());
    let signer = signer();
    refused(Log::open(&folder, &copy, &signer), "log-not-found");
    refused(LogReader::open(&folder, signer.key()), "log-not-found");
    refused(LogReader::check(home.path(), signer.key()), "log-not-found");
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    refused(Log::open(&file, &copy, &signer), "log-not-found");
    let left = fs::read_dir(home.path()).unwrap().count();
    assert_eq!(left, 1, "something was made");
}

/// Tiles become full, their partial ones vanish, the journal is begun anew, and nobody who reads
/// notices.
#[test]
fn readers_are_never_disturbed_by_the_writer() {
    let home = tempfile::tempdir().unwrap();
    let (folder, copy) = places(home.path());
    let signer = signer();
    let mut log = Log::create(&folder, &copy, &signer).unwrap();
    let done = AtomicBool::new(false);
    let reads = thread::scope(|scope| {
        let read = || {
            let mut reads = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let reader = LogReader::open(&folder, signer.key()).unwrap();
                let size = reader.size();
                if let Some(last) = size.checked_sub(1) {
                    assert_eq!(
                        reader.entry(last).unwrap(),
                        entry(usize::try_from(last).unwrap())
                    );
                    assert_eq!(reader.inclusion(last / 2, size).unwrap().size, size);
                    reader.consistency(size / 3, size).unwrap();
                }
                let report = LogReader::check(&folder, signer.key()).unwrap();
                assert_eq!(report.findings, []);
                reads += 1;
            }
            reads
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        for begin in (0..1040).step_by(13) {
            log.append(&entries(begin..begin + 13)).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        readers.map(|it| it.join().unwrap())
    });
    assert!(reads.iter().all(|it| *it > 5), "{reads:?}");
}

const FOLDER: &str = "ATTEST_TEST_SMALL_DISK";

/// A disk of 4 MiB becomes full, has space again, and becomes read-only.
#[test]
fn a_real_disk_that_is_full_or_read_only() {
    let home = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    // A mount of our own, which ends with the process.
    let script = format!(
        "mount -t tmpfs -o size=4m tmpfs '{}' && exec '{}' --exact \
         store::tests::files::small_disk --ignored --nocapture --test-threads=1",
        home.path().display(),
        test.display()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", &script])
        .env(FOLDER, home.path())
        .stdin(Stdio::null());
    let Ok(output) = command.output() else {
        say("SKIPPED a_real_disk_that_is_full_or_read_only: no unshare");
        return;
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if said.contains("Operation not permitted") || said.contains("must be superuser") {
        say("SKIPPED a_real_disk_that_is_full_or_read_only: only root can mount");
        return;
    }
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{said}");
}

/// Not a test: runs where the small disk is mounted.
#[test]
#[ignore = "run by the test above, as a child process"]
fn small_disk() {
    let Some(home) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let (folder, copy) = places(&home);
    let signer = signer();
    let mut log = Log::create(&folder, &copy, &signer).unwrap();
    let reserve = home.join("reserve");
    fs::write(&reserve, vec![0; 1024 * 1024]).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match log.append(&[entry(acknowledged), vec![b'x'; 20_000 + acknowledged]]) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the disk is never full");
    };
    assert_eq!(error.code(), "log-full-disk");
    assert!(error.could_not_tell());
    refused(log.append(&entries(0..1)), "log-stopped");
    drop(log);
    // Even opening may need space. It says so, and does no harm.
    if let Err(error) = Log::open(&folder, &copy, &signer) {
        assert_eq!(error.code(), "log-full-disk");
    }

    fs::remove_file(&reserve).unwrap();
    let mut log = Log::open(&folder, &copy, &signer).unwrap();
    log.append(&[b"space again".to_vec()]).unwrap();
    let findings = LogReader::check(&folder, signer.key()).unwrap().findings;
    assert_eq!(findings, []);
    let reader = LogReader::open(&folder, signer.key()).unwrap();
    for number in 0..acknowledged {
        let found = reader.entry(2 * number as u64).unwrap();
        assert_eq!(found, entry(number));
    }

    drop(log);
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(&home);
    assert!(remount.status().unwrap().success());
    let error = refused(Log::open(&folder, &copy, &signer), "log-io");
    assert!(error.could_not_tell());
    // Reading goes on.
    let findings = LogReader::check(&folder, signer.key()).unwrap().findings;
    assert_eq!(findings, []);
}
