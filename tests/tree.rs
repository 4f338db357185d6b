//! `attest tree`: each way in which a deployed tree can differ from what was signed, and each way to
//! make the comparison ask for less.

mod attacks;
mod manifests;
mod releases;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Ran, World};

/// A tree, its signed manifest, and the trust of who signed it.
struct Deployed {
    world: World,
}

impl Deployed {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(flags: &[&str]) -> Self {
        let world = World::new();
        world.attest("init --no-password").yes();
        world.write("app/bin/tool", "tool");
        world.write("app/bin/other", "other");
        world.write("app/etc/conf", "conf");
        world.write("app/log/today", "noise");
        fs::create_dir(world.at("app/empty")).unwrap();
        symlink("bin/tool", world.at("app/link")).unwrap();
        fs::hard_link(world.at("app/bin/tool"), world.at("app/bin/same")).unwrap();
        fs::set_permissions(world.at("app/bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let deployed = Self { world };
        deployed.snapshot("app.tree", "app@1.0.0", flags).yes();
        deployed
    }

    fn snapshot(&self, out: &str, release: &str, flags: &[&str]) -> Ran {
        let mut arguments = vec!["tree", "snapshot", "app", "-o", out, "--release", release];
        arguments.extend(["--sign", "--no-password", "--ignore", "log/**"]);
        arguments.extend(flags);
        self.world.attest_with(&arguments)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.world.at("app").join(path)
    }

    fn verify(&self, flags: &[&str]) -> Ran {
        let mut arguments = vec!["tree", "verify", "app", "--manifest", "app.tree"];
        arguments.extend(["--key", ".attest/trust/release.pub"]);
        arguments.extend(["--trusted-root", ".attest/trust/trusted_root.json"]);
        arguments.extend(flags);
        self.world.attest_with(&arguments)
    }

    /// Verifies, and gives each difference as `path code`, sorted.
    #[track_caller]
    fn differences(&self, exit: i32) -> Vec<String> {
        let ran = self.verify(&["--format", "json"]);
        assert_eq!(ran.exit, exit, "{ran:#?}");
        let report = ran.json();
        let subject = &report["subjects"][1];
        let files = subject["files"].as_array().unwrap();
        let mut lines: Vec<String> = files
            .iter()
            .filter(|file| file["verdict"] != "verified")
            .map(|file| {
                format!(
                    "{} {}",
                    file["path"].as_str().unwrap(),
                    file["code"].as_str().unwrap()
                )
            })
            .collect();
        lines.sort();
        let counted: u64 = subject["tree"]["counts"]
            .as_object()
            .unwrap()
            .values()
            .map(|it| it.as_u64().unwrap())
            .sum();
        assert_eq!(counted, lines.len() as u64);
        lines
    }

    /// That this change, and it alone, is told by exactly these lines.
    #[track_caller]
    fn tells(change: impl FnOnce(&Self), wanted: &[&str]) {
        let deployed = Self::new();
        assert!(deployed.differences(0).is_empty());
        change(&deployed);
        assert_eq!(deployed.differences(1), wanted);
    }

    /// The codes about the manifest itself.
    #[track_caller]
    fn manifest_codes(&self, flags: &[&str]) -> Vec<String> {
        let ran = self.verify(&[flags, &["--format", "json"]].concat());
        assert_eq!(ran.exit, 1, "{ran:#?}");
        let report = ran.json();
        let manifest = &report["subjects"][0];
        let reasons = manifest["reasons"].as_array().unwrap().iter();
        let files = manifest["files"].as_array().unwrap().iter();
        reasons.chain(files).filter_map(code).collect()
    }
}

fn code(value: &Value) -> Option<String> {
    value["code"].as_str().map(str::to_owned)
}

/// Whether a program of the system did what it was asked; tests that need more rights than there are
/// ask first.
fn did(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|it| it.status.success())
}
