//! `attest verify` from outside: each refusal is one change to a release that is accepted.

mod attack;
mod claims;
mod copy;
mod formats;
mod less;
mod many;
mod named;
pub(crate) mod signers;
mod signers_file;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use attest_digest::{Artifact, Hashes};
use serde_json::Value;

use crate::support::{Ran, World};

/// A release that verifies, copied for each test.
struct Released {
    world: World,
    /// The arguments that name signer and trust, with their pins.
    trust: Vec<String>,
}

impl Released {
    fn new() -> Self {
        static TEMPLATE: OnceLock<(World, Vec<String>)> = OnceLock::new();
        let (template, trust) = TEMPLATE.get_or_init(|| {
            let world = World::new();
            world.write("dist/a.txt", "alpha\n");
            world.write("dist/b.txt", "beta\n");
            world.write("dist/sub/c.txt", "gamma\n");
            world.write("dist/.hidden", "");
            world
                .attest("release dist --name hello --version 1.0.0 --init --no-password")
                .yes();
            let line = trust_of(&world, "dist");
            (world, line)
        });
        let world = World::new();
        copy(&template.at("dist"), &world.at("dist"));
        copy(&template.at(".attest"), &world.at(".attest"));
        copy(&template.at("user/."), &world.at("user"));
        Self {
            world,
            trust: trust.clone(),
        }
    }

    fn verify(&self, subject: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["verify", subject, "--format", "json"];
        arguments.extend(self.trust.iter().map(String::as_str));
        arguments.extend(more);
        self.world.attest_with(&arguments)
    }

    fn folder(&self) -> Ran {
        self.verify("dist", &["--release", "hello@1.0.0"])
    }

    /// Asserts that the folder is refused, and that this path carries this code.
    #[track_caller]
    fn refuses(&self, path: &str, code: &str) {
        let ran = self.folder();
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert_eq!(
            code_of(&ran.json(), path).as_deref(),
            Some(code),
            "{ran:#?}"
        );
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Artifact::of_bytes(bytes, Hashes::Sha256).sha256().hex()
}

/// The pinned trust arguments for a release folder, computed from its files.
fn trust_of(world: &World, folder: &str) -> Vec<String> {
    let root = world.read(&format!("{folder}/trusted_root.json"));
    let pin = sha256(&root);
    let key =
        attest_verify::PublicKey::parse(&world.read(&format!("{folder}/release.pub"))).unwrap();
    vec![
        "--key".to_owned(),
        format!("sha256:{}", hex::encode(key.fingerprint())),
        "--trusted-root".to_owned(),
        format!("trusted_root.json@sha256:{pin}"),
    ]
}

fn code_of(report: &Value, path: &str) -> Option<String> {
    let file = report["subjects"][0]["files"]
        .as_array()?
        .iter()
        .find(|file| file["path"] == path)?;
    Some(
        file["code"]
            .as_str()
            .unwrap_or_else(|| file["verdict"].as_str().unwrap_or(""))
            .to_owned(),
    )
}

fn reason(ran: &Ran) -> String {
    ran.json()["subjects"][0]["reasons"][0]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn lone_code(ran: &Ran) -> String {
    ran.json()["subjects"][0]["files"][0]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn an_untouched_release_verifies_and_every_file_has_a_verdict() {
    let released = Released::new();
    let report = released.folder().yes().json();
    assert_eq!(report["answer"], "yes");
    assert_eq!(report["subjects"][0]["release"], "hello@1.0.0");
    for path in [
        "a.txt",
        "b.txt",
        "sub/c.txt",
        ".hidden",
        "SHA256SUMS",
        "VERIFY.md",
        "release.pub",
        "release.tree",
        "trusted_root.json",
    ] {
        assert_eq!(
            code_of(&report, path).as_deref(),
            Some("verified"),
            "{path}"
        );
    }
    for path in [
        "release.sigstore.json",
        "provenance.sigstore.json",
        "release.tree.sigstore.json",
        "SHA256SUMS.sigstore.json",
        "SHA256SUMS.sig",
    ] {
        assert_eq!(
            code_of(&report, path).as_deref(),
            Some("evidence"),
            "{path}"
        );
    }
}

#[test]
fn every_byte_of_every_file_counts() {
    let released = Released::new();
    let names: Vec<String> = released.folder().yes().json()["subjects"][0]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .filter(|name| name != ".hidden")
        .collect();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let path = format!("dist/{name}");
        let good = released.world.read(&path);
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(released.world.at(&path), &bad).unwrap();
        let ran = released.folder();
        // A trusted root or key that no longer has its pin is a bad request; anything else is a no.
        let pinned = name == "trusted_root.json";
        assert_eq!(ran.exit, if pinned { 2 } else { 1 }, "{name}: {ran:#?}");
        fs::write(released.world.at(&path), &good).unwrap();
    }
    released.folder().yes();
}

#[test]
fn an_appended_byte_is_a_digest_mismatch() {
    let released = Released::new();
    released.world.write("dist/a.txt", "alpha\n\n");
    released.refuses("a.txt", "digest-mismatch");
}

#[test]
fn two_files_in_each_others_place_are_a_name_mismatch() {
    let released = Released::new();
    released.world.write("dist/a.txt", "beta\n");
    released.world.write("dist/b.txt", "alpha\n");
    released.refuses("a.txt", "name-mismatch");
    released.refuses("b.txt", "name-mismatch");
}

#[test]
fn a_renamed_file_is_a_name_mismatch_and_missing_under_its_own() {
    let released = Released::new();
    fs::rename(
        released.world.at("dist/a.txt"),
        released.world.at("dist/z.txt"),
    )
    .unwrap();
    released.refuses("z.txt", "name-mismatch");
    released.refuses("a.txt", "file-missing");
}

#[test]
fn an_unsigned_file_is_named_and_only_a_flag_lets_it_pass() {
    let released = Released::new();
    released.world.write("dist/extra.txt", "unsigned");
    released.refuses("extra.txt", "file-unattested");
    released.verify("dist", &["--allow-extra", "extra.*"]).yes();
    released.world.write("dist/sub/extra.txt", "unsigned");
    assert_eq!(
        released.verify("dist", &["--allow-extra", "extra.*"]).exit,
        1
    );
}

#[test]
fn an_allowed_extra_does_not_excuse_a_signed_file() {
    let released = Released::new();
    released.world.write("dist/a.txt", "changed");
    assert_eq!(released.verify("dist", &["--allow-extra", "**"]).exit, 1);
}

#[test]
fn evidence_in_a_sub_folder_or_of_a_strange_name_is_ordinary_content() {
    let released = Released::new();
    fs::copy(
        released.world.at("dist/release.sigstore.json"),
        released.world.at("dist/sub/release.sigstore.json"),
    )
    .unwrap();
    released.refuses("sub/release.sigstore.json", "file-unattested");
    let released = Released::new();
    released.world.write("dist/x.sigstore.json", "{}");
    released.refuses("x.sigstore.json", "file-unattested");
}

#[test]
fn a_missing_file_is_named() {
    let released = Released::new();
    fs::remove_file(released.world.at("dist/sub/c.txt")).unwrap();
    released.refuses("sub/c.txt", "file-missing");
}

#[test]
fn another_version_or_no_release_statement_does_not_satisfy_release() {
    let released = Released::new();
    let ran = released.verify("dist", &["--release", "hello@1.0.1"]);
    assert_eq!((ran.exit, reason(&ran).as_str()), (1, "release-mismatch"));
    fs::remove_file(released.world.at("dist/release.sigstore.json")).unwrap();
    let ran = released.folder();
    assert_eq!(ran.exit, 1);
    assert_eq!(reason(&ran), "release-missing");
}

#[test]
fn a_plain_signature_is_only_accepted_as_the_one_in_its_bundle() {
    let released = Released::new();
    let mut signature = released.world.read("dist/SHA256SUMS.sig");
    signature.push(0);
    released.world.write("dist/SHA256SUMS.sig", &signature);
    released.refuses("SHA256SUMS.sig", "file-unattested");
}

#[test]
fn another_key_is_a_signer_mismatch() {
    let released = Released::new();
    released
        .world
        .attest("init --home other --no-password")
        .yes();
    let ran = released.world.attest_with(&[
        "verify",
        "dist",
        "--format",
        "json",
        "--key",
        "other/trust/release.pub",
        "--trusted-root",
        released.trust[3].as_str(),
    ]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"signer-mismatch\""), "{ran:#?}");
}

#[test]
fn another_trusted_root_does_not_know_the_log() {
    let released = Released::new();
    released
        .world
        .attest("init --home other --no-password")
        .yes();
    let ran = released.world.attest_with(&[
        "verify",
        "dist/a.txt",
        "--format",
        "json",
        "--key",
        released.trust[1].as_str(),
        "--trusted-root",
        "other/trust/trusted_root.json",
    ]);
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "log-unknown"),
        "{ran:#?}"
    );
}

#[test]
fn a_signer_is_required() {
    let released = Released::new();
    let [_, _, _, root] = released.trust.as_slice() else {
        panic!("{:?}", released.trust)
    };
    released
        .world
        .attest_with(&["verify", "dist", "--trusted-root", root])
        .refused(2, "signer-required");
}

#[test]
fn trust_beside_a_checksums_file_needs_a_pin() {
    let released = Released::new();
    let ask = |subject: &str, key: &str, root: &str| {
        let words = ["verify", subject, "--key", key, "--trusted-root", root];
        released.world.attest_with(&words)
    };
    let [_, key, _, root] = released.trust.as_slice() else {
        panic!("{:?}", released.trust)
    };
    for subject in ["dist/SHA256SUMS", "sums:dist/SHA256SUMS"] {
        ask(subject, "dist/release.pub", root).refused(2, "trust-beside-subject");
        ask(subject, key, "dist/trusted_root.json").refused(2, "trust-beside-subject");
        ask(subject, key, root).yes();
    }
    let (key, root) = (
        ".attest/trust/release.pub",
        ".attest/trust/trusted_root.json",
    );
    ask("dist/SHA256SUMS", key, root).yes();
    // Beside a lone file it is the user's word.
    ask("dist/a.txt", "dist/release.pub", "dist/trusted_root.json").yes();
}

#[test]
fn trust_inside_the_folder_needs_a_pin() {
    let released = Released::new();
    let [_, key, _, root] = released.trust.as_slice() else {
        panic!("{:?}", released.trust)
    };
    released
        .world
        .attest_with(&[
            "verify",
            "dist",
            "--key",
            "dist/release.pub",
            "--trusted-root",
            root,
        ])
        .refused(2, "trust-beside-subject");
    released
        .world
        .attest_with(&[
            "verify",
            "dist",
            "--key",
            key,
            "--trusted-root",
            "dist/trusted_root.json",
        ])
        .refused(2, "trust-beside-subject");
    // The same through a link from outside.
    symlink(
        released.world.at("dist/release.pub"),
        released.world.at("key.pub"),
    )
    .unwrap();
    released
        .world
        .attest_with(&["verify", "dist", "--key", "key.pub", "--trusted-root", root])
        .refused(2, "trust-beside-subject");
}

#[test]
fn a_pin_that_nothing_has_is_a_bad_request() {
    let released = Released::new();
    let [_, key, _, root] = released.trust.as_slice() else {
        panic!("{:?}", released.trust)
    };
    let none = "0".repeat(64);
    released
        .world
        .attest_with(&[
            "verify",
            "dist",
            "--key",
            &format!("sha256:{none}"),
            "--trusted-root",
            root,
        ])
        .refused(2, "pin-not-found");
    released
        .world
        .attest_with(&[
            "verify",
            "dist",
            "--key",
            key,
            "--trusted-root",
            &format!("trusted_root.json@sha256:{none}"),
        ])
        .refused(2, "pin-not-found");
    released
        .world
        .attest_with(&[
            "verify",
            "dist",
            "--key",
            "sha256:abc",
            "--trusted-root",
            root,
        ])
        .refused(2, "bad-pin");
}

#[test]
fn trust_in_the_home_or_the_current_folder_is_never_found_by_itself() {
    let released = Released::new();
    for name in ["release.pub", "trusted_root.json", "cosign.pub"] {
        let from = if name == "cosign.pub" {
            "release.pub"
        } else {
            name
        };
        fs::copy(
            released.world.at("dist").join(from),
            released.world.at(name),
        )
        .unwrap();
    }
    released
        .world
        .attest("verify dist")
        .refused(2, "signer-required");
}

#[test]
fn links_out_of_the_folder_and_special_files_are_refused() {
    let released = Released::new();
    released.world.write("outside.txt", "alpha\n");
    fs::remove_file(released.world.at("dist/a.txt")).unwrap();
    symlink("../outside.txt", released.world.at("dist/a.txt")).unwrap();
    released.refuses("a.txt", "link-outside");
    let released = Released::new();
    assert!(
        Command::new("mkfifo")
            .arg(released.world.at("dist/pipe"))
            .status()
            .unwrap()
            .success()
    );
    released.refuses("pipe", "special-file");
}

#[test]
fn a_lone_file_is_bound_by_its_digest() {
    let released = Released::new();
    released.verify("dist/a.txt", &[]).yes();
    released
        .verify("dist/sub/c.txt", &["--release", "hello@1.0.0"])
        .yes();
    released.world.write("dist/a.txt", "alpha");
    let ran = released.verify("dist/a.txt", &[]);
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "digest-mismatch"),
        "{ran:#?}"
    );
}

#[test]
fn without_a_bundle_there_is_no_yes() {
    let released = Released::new();
    released.world.write("elsewhere/a.txt", "alpha\n");
    let [_, _, _, root] = released.trust.as_slice() else {
        panic!("{:?}", released.trust)
    };
    let pin = root.rsplit_once('@').unwrap().1;
    let ran = released.world.attest_with(&[
        "verify",
        "elsewhere/a.txt",
        "--format",
        "json",
        "--key",
        "dist/release.pub",
        "--trusted-root",
        &format!("dist/trusted_root.json@{pin}"),
    ]);
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "bundle-missing"),
        "{ran:#?}"
    );
}

#[test]
fn what_cannot_be_opened_could_not_be_told() {
    let released = Released::new();
    assert_eq!(released.verify("dist/none.txt", &[]).exit, 3);
    for subject in ["dist/a.txt", "dist", "dist/SHA256SUMS"] {
        let ran = released.verify(subject, &["--bundle", "dist/none.sigstore.json"]);
        assert_eq!(ran.exit, 3, "{subject}: {ran:#?}");
    }
}

#[test]
fn several_subjects_are_all_judged_and_the_worst_counts() {
    let released = Released::new();
    let mut arguments = vec![
        "verify",
        "--format",
        "json",
        "dist/a.txt",
        "dist/none.txt",
        "dist/b.txt",
    ];
    arguments.extend(released.trust.iter().map(String::as_str));
    let ran = released.world.attest_with(&arguments);
    assert_eq!(ran.exit, 3);
    assert_eq!(ran.json()["subjects"].as_array().unwrap().len(), 3);
    released.world.write("dist/b.txt", "changed");
    assert_eq!(released.world.attest_with(&arguments).exit, 1);
}

#[test]
fn a_digest_needs_a_bundle_and_verifies_with_it() {
    let released = Released::new();
    let digest = format!("sha256:{}", sha256(b"alpha\n"));
    // Without a folder to look in, the pinned trust is named by files outside of it.
    fs::copy(
        released.world.at("dist/trusted_root.json"),
        released.world.at("trusted_root.json"),
    )
    .unwrap();
    released.verify(&digest, &[]).refused(2, "bundle-required");
    released
        .verify(&digest, &["--bundle", "dist/release.sigstore.json"])
        .yes();
    let other = format!("sha256:{}", sha256(b"other\n"));
    assert_eq!(
        released
            .verify(&other, &["--bundle", "dist/release.sigstore.json"])
            .exit,
        1
    );
}

#[test]
fn a_flag_that_could_have_no_effect_is_a_bad_request() {
    let released = Released::new();
    for (subject, flags) in [
        ("dist/a.txt", ["--ignore-missing"].as_slice()),
        ("dist", &["--ignore-missing"]),
        ("dist/a.txt", &["--allow-extra", "*"]),
        ("dist/SHA256SUMS", &["--allow-extra", "*"]),
    ] {
        let ran = released.verify(subject, flags);
        assert_eq!(ran.exit, 2, "{subject} {flags:?}: {ran:#?}");
        assert_eq!(ran.json()["error"]["code"], "bad-arguments");
        released.verify(subject, &[]).yes();
    }
}

#[test]
fn a_checksums_file_is_verified_with_what_it_lists() {
    let released = Released::new();
    released.verify("dist/SHA256SUMS", &[]).yes();
    released
        .verify("dist/SHA256SUMS", &["--release", "hello@1.0.0"])
        .yes();
    fs::remove_file(released.world.at("dist/a.txt")).unwrap();
    let ran = released.verify("dist/SHA256SUMS", &[]);
    assert_eq!(
        (ran.exit, code_of(&ran.json(), "a.txt").as_deref()),
        (1, Some("file-missing"))
    );
    released
        .verify("dist/SHA256SUMS", &["--ignore-missing"])
        .yes();
    released.world.write("dist/b.txt", "changed");
    assert_eq!(
        released
            .verify("dist/SHA256SUMS", &["--ignore-missing"])
            .exit,
        1
    );
}

#[test]
fn a_checksums_file_alone_is_not_a_yes() {
    let released = Released::new();
    for name in [
        "a.txt",
        "b.txt",
        ".hidden",
        "sub/c.txt",
        "VERIFY.md",
        "release.tree",
    ] {
        fs::remove_file(released.world.at("dist").join(name)).unwrap();
    }
    fs::rename(
        released.world.at("dist/release.pub"),
        released.world.at("release.pub"),
    )
    .unwrap();
    fs::rename(
        released.world.at("dist/trusted_root.json"),
        released.world.at("trusted_root.json"),
    )
    .unwrap();
    let ran = released.verify("dist/SHA256SUMS", &["--ignore-missing"]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
}

#[test]
fn a_changed_checksums_file_is_refused_whatever_it_lists() {
    let released = Released::new();
    let mut sums = released.world.read("dist/SHA256SUMS");
    sums.extend(format!("{}  evil.txt\n", sha256(b"evil")).bytes());
    released.world.write("dist/SHA256SUMS", &sums);
    released.world.write("dist/evil.txt", "evil");
    assert_eq!(released.verify("dist/SHA256SUMS", &[]).exit, 1);
    released.refuses("SHA256SUMS", "digest-mismatch");
    released.refuses("evil.txt", "file-unattested");
}

#[test]
fn nothing_is_written_by_verifying() {
    let released = Released::new();
    let before = released.world.listing(".");
    released.folder().yes();
    released.verify("dist/a.txt", &[]).yes();
    assert_eq!(released.world.listing("."), before);
}

#[test]
fn an_empty_folder_is_not_a_yes() {
    let released = Released::new();
    fs::create_dir(released.world.at("empty")).unwrap();
    let [_, _, _, root] = released.trust.as_slice() else {
        panic!("{:?}", released.trust)
    };
    let pin = root.rsplit_once('@').unwrap().1;
    let ran = released.world.attest_with(&[
        "verify",
        "empty",
        "--format",
        "json",
        "--key",
        "dist/release.pub",
        "--trusted-root",
        &format!("dist/trusted_root.json@{pin}"),
    ]);
    assert_eq!(
        (ran.exit, reason(&ran).as_str()),
        (1, "bundle-missing"),
        "{ran:#?}"
    );
}

#[test]
fn times_before_the_signature_are_in_its_future() {
    let released = Released::new();
    let ran = released.verify("dist/a.txt", &["--at", "2020-01-01"]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(
        ran.out.contains("time-in-future") || ran.out.contains("validity"),
        "{ran:#?}"
    );
    released.verify("dist/a.txt", &["--at", "2046-01-01"]).yes();
}

/// A log can be called anything by whoever keeps it.
#[test]
fn a_log_that_nobody_declared_is_not_said_to_be_anothers() {
    let world = World::new();
    world
        .attest("init --no-password --origin log.example.com --export out")
        .yes();
    world.write("x", "x");
    world.attest("sign x --no-password").yes();
    let said = world
        .attest("verify x --key out/release.pub --trusted-root out/trusted_root.json")
        .yes()
        .out;
    assert!(
        said.contains("entry 0 of log.example.com; independence not declared"),
        "{said}"
    );
    assert!(!said.contains("kept by"), "{said}");
}

/// Lists are called as they like in the world: what is not called so is verified as bytes, and says so.
#[test]
fn a_file_that_looks_like_a_list_says_that_what_it_lists_was_not_checked() {
    let released = Released::new();
    let world = &released.world;
    let verify = |name: &str| {
        world.attest(&format!(
            "verify t/{name} --key dist/release.pub --trusted-root dist/trusted_root.json --format json"
        ))
    };
    for (name, command) in [
        ("SHA256SUMS.txt", "sha256sum a.txt b.txt"),
        ("SHA384SUMS", "sha384sum --tag a.txt b.txt"),
        ("plain.txt", "echo nothing"),
    ] {
        world
            .shell(&format!("mkdir -p t && cd dist && {command} > ../t/{name}"))
            .yes();
        world.attest(&format!("sign t/{name} --no-password")).yes();
        let looks = name != "plain.txt";
        let notes = |ran: Ran| {
            let notes = ran.yes().json()["subjects"][0]["notes"].to_string();
            notes.matches("2 listed files not checked").count()
        };
        assert_eq!(notes(verify(name)), usize::from(looks), "{name}");
    }
    // One that is refused says why, and no more.
    world.write("t/SHA256SUMS.txt", "0");
    let ran = verify("SHA256SUMS.txt");
    assert!(ran.exit == 1 && !ran.out.contains("listed"), "{ran:#?}");
}
