//! `--copy-to`: what is handed over is what was verified, and after a refusal there is nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Released;
use crate::support::Ran;

impl Released {
    fn copy(&self, subject: &str, to: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["--copy-to", to];
        arguments.extend(more);
        self.verify(subject, &arguments)
    }

    fn copied(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.world.at(name)).ok()
    }
}

#[test]
fn after_a_refusal_nothing_is_handed_over() {
    for broken in ["dist/a.txt", "dist/sub/c.txt", "dist/VERIFY.md"] {
        let released = Released::new();
        released.world.write(broken, "changed");
        for subject in ["dist", "dist/SHA256SUMS"] {
            assert_eq!(released.copy(subject, "out", &[]).exit, 1);
            assert!(!released.world.at("out").exists(), "{broken} {subject}");
        }
    }
    let released = Released::new();
    released.world.write("dist/extra.txt", "unsigned");
    assert_eq!(released.copy("dist", "out", &[]).exit, 1);
    fs::create_dir(released.world.at("out")).unwrap();
    assert_eq!(released.copy("dist/none.txt", "out", &[]).exit, 3);
    assert!(released.world.listing("out").is_empty());
}

#[test]
fn what_verified_is_handed_over_and_nothing_else() {
    let released = Released::new();
    released.world.write("dist/extra.txt", "unsigned");
    let set_uid = fs::Permissions::from_mode(0o6755);
    fs::set_permissions(released.world.at("dist/a.txt"), set_uid).unwrap();
    let ran = released
        .copy("dist", "out", &["--allow-extra", "extra.txt"])
        .yes();
    let names: Vec<String> = released
        .world
        .listing("out")
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            ".hidden",
            "SHA256SUMS",
            "VERIFY.md",
            "a.txt",
            "b.txt",
            "release.pub",
            "release.tree",
            "sub/",
            "sub/c.txt",
            "trusted_root.json"
        ]
    );
    assert_eq!(ran.json()["copied"]["files"], 9);
    assert_eq!(released.copied("out/sub/c.txt").unwrap(), b"gamma\n");
    let mode = released
        .world
        .at("out/a.txt")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7111, 0, "{mode:o}");

    released.copy("dist/SHA256SUMS", "listed", &[]).yes();
    assert_eq!(released.copied("listed/sub/c.txt").unwrap(), b"gamma\n");
    released.copy("dist/sub/c.txt", "lone", &[]).yes();
    assert_eq!(released.world.listing("lone").len(), 1);
    assert_eq!(released.copied("lone/c.txt").unwrap(), b"gamma\n");
}

#[test]
fn nothing_is_overwritten_without_force_and_no_link_leads_out() {
    let released = Released::new();
    released.world.write("out/a.txt", "precious");
    released.world.write("out/other", "precious");
    let refused = released.copy("dist", "out", &[]);
    assert_eq!(refused.exit, 2, "{refused:#?}");
    assert_eq!(refused.json()["error"]["code"], "file-exists");
    assert_eq!(released.copied("out/a.txt").unwrap(), b"precious");
    released.copy("dist", "out", &["--force"]).yes();
    assert_eq!(released.copied("out/a.txt").unwrap(), b"alpha\n");
    assert_eq!(released.copied("out/other").unwrap(), b"precious");

    let released = Released::new();
    fs::create_dir_all(released.world.at("elsewhere")).unwrap();
    fs::create_dir_all(released.world.at("out")).unwrap();
    symlink("../elsewhere", released.world.at("out/sub")).unwrap();
    let refused = released.copy("dist", "out", &["--force"]);
    assert_eq!(refused.exit, 3, "{refused:#?}");
    assert!(released.world.listing("elsewhere").is_empty());
    assert_eq!(
        released.world.listing("out"),
        ["sub -> ../elsewhere".replace("sub ", "sub 777 ")]
    );
    // A folder where a file is to be is never replaced.
    fs::remove_file(released.world.at("out/sub")).unwrap();
    fs::create_dir_all(released.world.at("out/a.txt")).unwrap();
    for (subject, exit) in [("dist", 3), ("dist/a.txt", 2)] {
        let refused = released.copy(subject, "out", &["--force"]);
        assert_eq!(refused.exit, exit, "{refused:#?}");
        let error = &refused.json()["error"];
        assert_eq!(error["code"], "copy-refused");
        assert!(error["hint"].is_null(), "{error}");
        assert_eq!(released.world.listing("out"), ["a.txt/ 755"]);
    }
}

#[test]
fn what_cannot_be_handed_over_is_said_before_anything_is_read() {
    let released = Released::new();
    released.world.write("other/a.txt", "alpha\n");
    for (arguments, code) in [
        (
            &["dist", "dist/a.txt", "--copy-to", "out"][..],
            "copy-refused",
        ),
        (
            &["dist/a.txt", "other/a.txt", "--copy-to", "out"],
            "copy-refused",
        ),
        (&["dist", "--copy-to", "dist/out"], "copy-refused"),
        (&["dist", "--copy-to", "."], "copy-refused"),
        (&["dist/a.txt", "--copy-to", "other"], "file-exists"),
        (&["dist/a.txt", "--copy-to", "other/a.txt"], "file-exists"),
        (&["dist", "--force"], "bad-arguments"),
    ] {
        let mut words = vec!["verify"];
        words.extend(arguments);
        words.extend(released.trust.iter().map(String::as_str));
        released.world.attest_with(&words).refused(2, code);
    }
}

/// Whatever the moment of the exchange: what is handed over is what was signed, or nothing is.
#[test]
fn a_file_that_is_exchanged_all_the_time_is_handed_over_as_signed_or_not_at_all() {
    let released = Released::new();
    released.world.write("good", "alpha\n");
    released.world.write("bad", "evil!\n");
    let stop = AtomicBool::new(false);
    let at = |name: &str| released.world.at(name);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for name in ["bad", "good"] {
                    fs::copy(at(name), at("next")).unwrap();
                    fs::rename(at("next"), at("dist/a.txt")).unwrap();
                }
            }
        });
        for number in 0..20 {
            let out = format!("out{number}");
            let ran = released.copy("dist/a.txt", &out, &[]);
            match ran.exit {
                0 => assert_eq!(
                    released.copied(&format!("{out}/a.txt")).unwrap(),
                    b"alpha\n"
                ),
                1 | 3 => assert!(!at(&out).exists(), "{ran:#?}"),
                _ => panic!("{ran:#?}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
