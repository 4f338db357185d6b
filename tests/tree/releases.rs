//! The manifest that is signed with a release: beside what it names stands its own evidence, and nothing that only
//! bears such a name.

use std::fs;

use serde_json::Value;

use super::code;
use crate::support::{Ran, World};

/// A release with everything that we know how to put beside it without gpg, and a copy of it that was installed.
fn installed() -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    world.write("src/main.c", "int main;\n");
    let script =
        "mkdir -p dist && cp src/main.c dist/app && chmod 755 dist/app && echo lib > dist/lib";
    let run = [
        "provenance",
        "run",
        "-n",
        "build",
        "-m",
        "src",
        "-p",
        "dist",
    ];
    let ran = world.attest_with(&[&run[..], &["--", "sh", "-c", script]].concat());
    let recorded = |line: &str| line.strip_prefix("recorded   ").map(str::to_owned);
    let link = ran.err.lines().find_map(recorded).unwrap();
    let bill = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#;
    world.write("dist/bill.cdx.json", bill);
    let release = format!(
        "release dist --name hello --version 1.0.0 --provenance {link} --sbom dist/bill.cdx.json --no-password"
    );
    world.attest(&release).yes();
    world.shell("cp -a dist inst").yes();
    world
}

fn verify(world: &World, manifest: &str) -> Ran {
    world.attest(&format!(
        "tree verify inst --manifest {manifest} --key .attest/trust/release.pub \
         --trusted-root .attest/trust/trusted_root.json --format json"
    ))
}

/// Each difference as `path code`, sorted.
fn differences(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let files = report["subjects"][1]["files"].as_array().unwrap();
    let line = |it: &Value| Some(format!("{} {}", it["path"].as_str()?, code(it)?));
    let mut lines: Vec<String> = files.iter().filter_map(line).collect();
    lines.sort();
    lines
}

#[test]
fn what_only_bears_a_name_of_evidence_was_added_to_an_installed_release() {
    let world = installed();
    let ran = verify(&world, "dist/release.tree");
    assert_eq!((ran.exit, differences(&ran)), (0, Vec::new()), "{ran:#?}");
    for (change, wanted) in [
        ("echo evil > inst/SHA256SUMS.d", "SHA256SUMS.d tree-added"),
        (
            "mkdir inst/SHA256SUMS-plugins && echo evil > inst/SHA256SUMS-plugins/evil.so",
            "SHA256SUMS-plugins tree-added, SHA256SUMS-plugins/evil.so tree-added",
        ),
        (
            "ln -s /etc/passwd inst/release-x.sigstore.json",
            "release-x.sigstore.json tree-added",
        ),
        (
            "echo {} > inst/provenance-2.sigstore.json",
            "provenance-2.sigstore.json tree-added",
        ),
        // The very names, and something else than evidence.
        ("chmod 755 inst/SHA256SUMS", "SHA256SUMS tree-added"),
        (
            "chmod 4644 inst/SHA256SUMS.sig",
            "SHA256SUMS.sig tree-added",
        ),
        (
            "mv inst/sbom.sigstore.json x && ln -s ../x inst/sbom.sigstore.json",
            "sbom.sigstore.json tree-added",
        ),
        (
            "rm inst/SHA256SUMS && mkdir inst/SHA256SUMS",
            "SHA256SUMS tree-added",
        ),
        (
            "mkdir inst/sub && echo > inst/sub/SHA256SUMS",
            "sub tree-added, sub/SHA256SUMS tree-added",
        ),
        (
            "echo >> inst/release.tree",
            "release.tree tree-content-changed",
        ),
    ] {
        world.shell(change).yes();
        let ran = verify(&world, "dist/release.tree");
        let found = differences(&ran).join(", ");
        assert_eq!(
            (ran.exit, found.as_str()),
            (1, wanted),
            "{change}: {ran:#?}"
        );
        world.shell("rm -rf inst && cp -a dist inst").yes();
    }
    // Without its evidence an installed release is still what was signed.
    world
        .shell("rm -f inst/SHA256SUMS* inst/*.sigstore.json inst/release.tree")
        .yes();
    let ran = verify(&world, "dist/release.tree");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

/// Manifests that were signed with patterns stay signed: what they cover is said, and is never a program.
#[test]
fn what_a_manifest_leaves_out_by_a_pattern_is_named() {
    let world = World::new();
    world.attest("init --no-password").yes();
    world.write("inst/app", "app");
    world
        .attest(
            "tree snapshot inst -o old.tree --release hello@1.0.0 --attributes mode --sign --no-password \
             --ignore SHA256SUMS* --ignore release.tree",
        )
        .yes();
    let notes = |ran: &Ran| ran.json()["subjects"][1]["notes"].to_string();
    let ran = verify(&world, "old.tree");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert!(!notes(&ran).contains("by patterns"), "{ran:#?}");
    world.write("inst/SHA256SUMS.txt", "x");
    let ran = verify(&world, "old.tree");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let said = "leaves out names by patterns, and so 1 file that it does not name: SHA256SUMS.txt";
    assert!(notes(&ran).contains(said), "{ran:#?}");
    for (change, wanted) in [
        ("chmod +x inst/SHA256SUMS.txt", "SHA256SUMS.txt tree-added"),
        (
            "rm inst/SHA256SUMS.txt && ln -s app inst/SHA256SUMS.txt",
            "SHA256SUMS.txt tree-added",
        ),
    ] {
        world.shell(change).yes();
        let ran = verify(&world, "old.tree");
        let found = differences(&ran).join(", ");
        assert_eq!(
            (ran.exit, found.as_str()),
            (1, wanted),
            "{change}: {ran:#?}"
        );
    }
    // What somebody snapshots for themselves leaves out what they say, folders and all.
    fs::remove_file(world.at("inst/SHA256SUMS.txt")).unwrap();
    world.write("inst/log/sub/today", "noise");
    world
        .attest("tree snapshot inst -o own.tree --release hello@1.0.0 --sign --no-password --ignore log/**")
        .yes();
    world.shell("chmod +x inst/log/sub/today").yes();
    let ran = verify(&world, "own.tree");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}
