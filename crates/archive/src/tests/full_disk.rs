//! A disk that is really full.

use std::fs;
use std::process::Command;

use super::*;
use crate::Reader;

/// A file system of one mebibyte in memory.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Needs the right to mount: none, where that is missing.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m,nr_inodes=200", "tmpfs"])
            .arg(folder.path())
            .output();
        mount
            .is_ok_and(|it| it.status.success())
            .then_some(Self { folder })
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .output();
    }
}

#[test]
fn a_release_that_does_not_fit_leaves_the_archive_and_the_room_as_they_were() {
    let Some(disk) = SmallDisk::mount() else {
        deaths_say("a small disk cannot be mounted here: full disks are tested by faults only");
        return;
    };
    let mut store = Store::init(&disk.archive()).unwrap();
    store.add(&release("hello@1.0.0", &HELLO)).unwrap();
    let before = fs::read(disk.archive().join("index.json")).unwrap();

    let large = vec![1; 2 << 20];
    let too_large: [(&str, Role, &[u8]); 2] = [
        ("fits", Role::Artifact, b"fits"),
        ("large", Role::Artifact, &large),
    ];
    assert_eq!(
        code(store.add(&release("large@1", &too_large))),
        "archive-disk-full"
    );
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), &large).unwrap();
    let mut from_path = release("large@1", &too_large[..1]);
    from_path.members.push(MemberInput {
        path: relative("large"),
        role: Role::Artifact,
        source: Source::Path(path.path().to_owned()),
        expected: None,
    });
    assert_eq!(code(store.add(&from_path)), "archive-disk-full");
    let names: Vec<String> = (0..300).map(|it| it.to_string()).collect();
    let many: Vec<(&str, Role, &[u8])> = names
        .iter()
        .map(|it| (it.as_str(), Role::Artifact, it.as_bytes()))
        .collect();
    assert_eq!(
        code(store.add(&release("many@1", &many))),
        "archive-disk-full"
    );

    assert_eq!(fs::read(disk.archive().join("index.json")).unwrap(), before);
    assert!(!disk.archive().join("incoming").exists());
    let report = Reader::open(&disk.archive())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap();
    assert!(report.is_sound() && report.notes.is_empty());
    // There is room again for what fits: as soon as no child that another test is just starting
    // holds the removed files open.
    let fits = release("fits@1", &[("half", Role::Artifact, &large[..1 << 19])]);
    let added = (0..100).any(|_| match store.add(&fits) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), "archive-disk-full");
            std::thread::sleep(std::time::Duration::from_millis(50));
            false
        }
    });
    assert!(added);
}

fn deaths_say(what: &str) {
    use std::io::Write as _;
    std::io::stdout()
        .write_all(format!("attest-test {what}\n").as_bytes())
        .unwrap();
}
