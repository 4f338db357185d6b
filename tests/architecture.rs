//! The workspace keeps the promises of docs/architecture.md: read from `cargo tree`, not from hope.

use std::collections::BTreeSet;
use std::process::Command;

/// The line of crates, left to right. A crate depends only on crates to its left.
const LINE: [&str; 8] = [
    "attest-digest",
    "attest-provenance",
    "attest-log",
    "attest-verify",
    "attest-policy",
    "attest-sign",
    "attest-archive",
    "attest",
];

/// Crates that open sockets or drive those that do.
const DIALS: [&str; 6] = ["tokio", "reqwest", "hyper", "ureq", "socket2", "rustls"];

/// Crates of ours that hold private keys or dial.
const MAKING: [&str; 2] = ["attest-sign", "attest-remote"];

/// Every package that `package` is built with, itself left out.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != package)
        .map(str::to_owned)
        .collect();
    assert!(
        names.len() > 3,
        "cargo tree says that {package} needs only {names:?}"
    );
    names
}

#[test]
fn a_crate_depends_only_on_crates_to_its_left() {
    for (place, package) in LINE.iter().enumerate() {
        let right: Vec<String> = dependencies(package)
            .into_iter()
            .filter(|name| LINE[place..].contains(&name.as_str()))
            .collect();
        assert!(
            right.is_empty(),
            "{package} depends on {right:?}, which stand to its right"
        );
    }
}

#[test]
fn what_checks_holds_no_keys_and_cannot_dial() {
    for package in [
        "attest-digest",
        "attest-provenance",
        "attest-log",
        "attest-verify",
        "attest-policy",
    ] {
        let needs = dependencies(package);
        for forbidden in MAKING.iter().chain(&DIALS) {
            assert!(
                !needs.contains(*forbidden),
                "{package} is built with {forbidden}"
            );
        }
    }
}

#[test]
fn only_remote_and_the_command_can_dial() {
    for package in ["attest-sign", "attest-archive"] {
        let needs = dependencies(package);
        for forbidden in DIALS {
            assert!(
                !needs.contains(forbidden),
                "{package} is built with {forbidden}"
            );
        }
    }
    assert!(
        dependencies("attest-remote").contains("tokio"),
        "this test no longer sees what dials"
    );
}

#[test]
fn recording_needs_no_keys_and_only_the_command_records() {
    let needs = dependencies("attest-record");
    let ours: Vec<&str> = needs
        .iter()
        .map(String::as_str)
        .filter(|name| LINE.contains(name) || MAKING.contains(name))
        .collect();
    assert_eq!(ours, ["attest-digest", "attest-provenance"]);
    for forbidden in DIALS {
        assert!(!needs.contains(forbidden), "built with {forbidden}");
    }
    for package in LINE.iter().filter(|package| **package != "attest") {
        assert!(!dependencies(package).contains("attest-record"));
    }
}

#[test]
fn bills_of_materials_need_no_keys_and_only_the_command_makes_them() {
    let needs = dependencies("attest-sbom");
    let ours: Vec<&str> = needs
        .iter()
        .map(String::as_str)
        .filter(|name| LINE.contains(name) || MAKING.contains(name))
        .collect();
    assert_eq!(ours, ["attest-digest", "attest-provenance"]);
    for forbidden in DIALS {
        assert!(!needs.contains(forbidden), "built with {forbidden}");
    }
    for package in LINE.iter().filter(|package| **package != "attest") {
        assert!(!dependencies(package).contains("attest-sbom"));
    }
}

#[test]
fn what_we_hand_out_we_have_first_accepted() {
    assert!(dependencies("attest-sign").contains("attest-verify"));
}
