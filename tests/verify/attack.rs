//! Attacks on `attest verify` by somebody who can change everything but the signer's key: evidence
//! put to another use than it was signed for, and input made to exhaust.

use std::fs;
use std::os::unix::fs::symlink;

use attest_digest::{Algorithm, Artifact, Hashes};
use serde_json::{Value, json};

use super::{Released, code_of, lone_code, reason, sha256};
use crate::support::Ran;

const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";
const SLSA: &str = "https://slsa.dev/provenance/v1";

impl Released {
    /// Signs a statement about these names and bytes, as the release's own signer.
    fn signs(&self, out: &str, kind: &str, predicate: &Value, files: &[(&str, &[u8])]) {
        let subjects: Vec<Value> = files
            .iter()
            .map(|(name, bytes)| json!({"name": name, "digest": {"sha256": sha256(bytes)}}))
            .collect();
        self.signs_subjects(out, kind, predicate, &subjects);
    }

    /// The same with whatever is said of the subjects.
    fn signs_subjects(&self, out: &str, kind: &str, predicate: &Value, subjects: &[Value]) {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": kind,
            "predicate": predicate,
        });
        self.world.write("statement.json", statement.to_string());
        self.world
            .attest(&format!(
                "sign --statement statement.json --out {out} --no-password --force"
            ))
            .yes();
    }

    fn signs_file(&self, file: &str, out: &str) {
        self.world
            .attest(&format!("sign {file} --out {out} --no-password"))
            .yes();
    }

    /// Verifies with trust that lies elsewhere.
    fn asks(&self, subject: &str, more: &[&str]) -> Ran {
        let trust = [
            "--key",
            ".attest/trust/release.pub",
            "--trusted-root",
            ".attest/trust/trusted_root.json",
        ];
        let mut arguments = vec!["verify", subject, "--format", "json"];
        arguments.extend(trust);
        arguments.extend(more);
        self.world.attest_with(&arguments)
    }
}

fn provenance() -> Value {
    json!({
        "buildDefinition": {"buildType": "https://example.org/build", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://example.org/builder"}},
    })
}

/// The checksums of somebody else's software, which a release took in and signed as one file of many, beside
/// another under this name.
fn vendored(at: &str, beside: &str) -> Released {
    let released = Released::new();
    let world = &released.world;
    let list = format!("{}  tool\n", sha256(b"old and vulnerable"));
    fs::create_dir(world.at("made")).unwrap();
    released.signs(
        "made/SHA256SUMS.sigstore.json",
        RELEASE,
        &json!({"purl": "pkg:generic/hello@2.0.0"}),
        &[(at, list.as_bytes()), (beside, b"new")],
    );
    world.write("made/SHA256SUMS", &list);
    world.write("made/tool", "old and vulnerable");
    released
}

fn sha384(bytes: &[u8]) -> String {
    let artifact = Artifact::of_bytes(bytes, Hashes::All);
    artifact.digest(Algorithm::Sha384).unwrap().hex()
}

/// What is said of the file `tool`, by its digests, and whether it is true.
fn said_of_tool() -> [(Value, bool); 4] {
    let (ours, others) = (sha384(b"tool"), sha384(b"other"));
    [
        (json!({"sha256": sha256(b"tool")}), true),
        (json!({"sha256": sha256(b"tool"), "sha384": ours}), true),
        (json!({"sha384": ours}), true),
        (json!({"sha256": sha256(b"tool"), "sha384": others}), false),
    ]
}

#[test]
fn every_digest_that_a_statement_gives_is_compared() {
    let released = Released::new();
    released.world.write("made/tool", "tool");
    for (digest, is_true) in said_of_tool() {
        let subject = json!({"name": "tool", "digest": digest});
        let out = "made/provenance.sigstore.json";
        released.signs_subjects(out, SLSA, &provenance(), &[subject]);
        for subject in ["made/tool", "made"] {
            let ran = released.asks(subject, &[]);
            let path = if subject == "made" { "tool" } else { subject };
            let found = code_of(&ran.json(), path).unwrap();
            let wanted = if is_true {
                (0, "verified")
            } else {
                (1, "digest-mismatch")
            };
            assert_eq!((ran.exit, found.as_str()), wanted, "{digest}: {ran:#?}");
        }
    }
}

#[test]
fn every_digest_that_is_given_beside_a_list_is_compared() {
    let released = Released::new();
    let list = format!("{}  tool\n", sha256(b"tool"));
    released.world.write("made/tool", "tool");
    released.world.write("made/SHA256SUMS", &list);
    for (digest, is_true) in said_of_tool() {
        let subjects = [
            json!({"name": "SHA256SUMS", "digest": {"sha256": sha256(list.as_bytes())}}),
            json!({"name": "tool", "digest": digest}),
        ];
        let out = "made/SHA256SUMS.sigstore.json";
        released.signs_subjects(out, SLSA, &provenance(), &subjects);
        for subject in ["made/tool", "made/SHA256SUMS"] {
            let ran = released.asks(subject, &[]);
            let code = (!is_true).then(|| lone_code(&ran));
            let wanted = (!is_true).then_some("digest-mismatch");
            assert_eq!(ran.exit, i32::from(!is_true), "{digest}: {ran:#?}");
            assert_eq!(code.as_deref(), wanted, "{digest}: {ran:#?}");
        }
    }
}

#[test]
fn checksums_that_were_signed_for_another_path_list_nothing_here() {
    let released = vendored("vendor/SHA256SUMS", "tool");
    for more in [&[][..], &["--release", "hello@2.0.0"]] {
        let ran = released.asks("made/tool", more);
        assert_eq!(
            (ran.exit, lone_code(&ran).as_str()),
            (1, "name-mismatch"),
            "{ran:#?}"
        );
        let ran = released.asks("made/SHA256SUMS", more);
        assert_eq!(
            (ran.exit, reason(&ran).as_str()),
            (1, "name-mismatch"),
            "{ran:#?}"
        );
    }
    // In its own place it lists what it lists.
    let released = vendored("SHA256SUMS", "app");
    assert_eq!(released.asks("made/SHA256SUMS", &[]).exit, 0);
    assert_eq!(released.asks("made/tool", &[]).exit, 0);
    // Unless the statement that signs it says something else of the same file.
    let released = vendored("SHA256SUMS", "tool");
    for subject in ["made/SHA256SUMS", "made/tool"] {
        let ran = released.asks(subject, &[]);
        assert_eq!(
            (ran.exit, lone_code(&ran).as_str()),
            (1, "digest-mismatch"),
            "{subject}: {ran:#?}"
        );
    }
}

#[test]
fn statements_about_different_files_do_not_add_up_to_one_folder() {
    let release = json!({"purl": "pkg:generic/hello@2.0.0"});
    for (kind, predicate) in [(SLSA, &provenance()), (RELEASE, &release)] {
        let released = Released::new();
        released.world.write("made/x", "x of one build");
        released.world.write("made/y", "y of another build");
        let one: (&str, &[u8]) = ("x", b"x of one build");
        let other: (&str, &[u8]) = ("y", b"y of another build");
        released.signs("made/1.sigstore.json", kind, predicate, &[one]);
        released.signs("made/2.sigstore.json", kind, predicate, &[other]);
        let ran = released.asks("made", &[]);
        assert_eq!(
            (ran.exit, reason(&ran).as_str()),
            (1, "release-inconsistent"),
            "{ran:#?}"
        );
        // One statement about both, which another repeats in part, is one source.
        fs::remove_file(released.world.at("made/2.sigstore.json")).unwrap();
        released.signs("made/2.sigstore.json", kind, predicate, &[one, other]);
        assert_eq!(released.asks("made", &[]).exit, 0);
    }
}

#[test]
fn one_part_signed_twice_names_the_files_of_one_of_them() {
    let released = Released::new();
    let predicate = json!({
        "purl": "pkg:generic/hello@2.0.0",
        "attest": {"part": 1, "parts": 1, "sha256sums": {"sha256": sha256(b"list")}},
    });
    released.world.write("made/x", "x");
    released.world.write("made/y", "y");
    released.signs("made/1.sigstore.json", RELEASE, &predicate, &[("x", b"x")]);
    released.signs("made/2.sigstore.json", RELEASE, &predicate, &[("y", b"y")]);
    let ran = released.asks("made", &[]);
    assert_eq!(
        (ran.exit, reason(&ran).as_str()),
        (1, "release-inconsistent"),
        "{ran:#?}"
    );
}

#[test]
fn a_bundle_under_a_second_name_does_not_sign_what_it_is_named_after() {
    let released = Released::new();
    released.world.write("made/c", "signed");
    released.signs_file("made/c", "made/b.sigstore.json");
    released.world.write("made/b", "not signed");
    symlink("b.sigstore.json", released.world.at("made/c.sigstore.json")).unwrap();
    let ran = released.asks("made", &["--accept", "no-names", "--allow-extra", "c*"]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(
        code_of(&ran.json(), "b").as_deref(),
        Some("file-unattested")
    );
}

#[test]
fn evidence_that_decided_is_reported_as_proven_whatever_else_it_was_held_against() {
    let released = Released::new();
    released.world.write("x", "x");
    released.world.write("y", "y");
    released.signs_file("x", "x.sigstore.json");
    let ran = released.asks("x", &["y", "--bundle", "x.sigstore.json"]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let decided = report["subjects"][0]["decided_by"][0].as_u64().unwrap();
    let evidence = &report["evidence"][usize::try_from(decided).unwrap()];
    assert_eq!(evidence["state"], "proven", "{report:#}");
    assert_eq!(report["subjects"][1]["files"][0]["code"], "digest-mismatch");
}

#[test]
fn a_pinned_key_excuses_no_other_bytes_than_a_key_file_has() {
    let released = Released::new();
    let key = String::from_utf8(released.world.read("dist/release.pub")).unwrap();
    let padded = format!("{}{key}", " \n".repeat(1000));
    released.world.write("dist/aa.pub", padded);
    let ran = released.folder();
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(
        code_of(&ran.json(), "aa.pub").as_deref(),
        Some("file-unattested")
    );
}

/// The same in a signers file: there the pin of a key's numbers names a file, and covers no other bytes of it.
#[test]
fn a_key_that_a_signers_file_pins_excuses_no_other_bytes_of_its_file() {
    let released = Released::new();
    let key = String::from_utf8(released.world.read("dist/release.pub")).unwrap();
    let pin = attest_verify::PublicKey::parse(key.as_bytes()).unwrap();
    let pin = hex::encode(pin.fingerprint());
    let padded = format!("{}{key}", " \n".repeat(1000));
    let bytes = super::sha256(padded.as_bytes());
    for (file, sha256, exit) in [
        ("dist/release.pub", &pin, 0),
        ("dist/aa.pub", &pin, 1),
        ("dist/aa.pub", &bytes, 0),
    ] {
        if file == "dist/aa.pub" {
            released.world.write("dist/aa.pub", &padded);
        }
        let entry = format!("{{ file = \"{file}\", sha256 = \"{sha256}\" }}");
        let text = format!("version = 1\n[trust.us]\nkind = \"keys\"\nkeys = [{entry}]\n");
        released.world.write("s.toml", text);
        let root = released
            .trust
            .iter()
            .position(|it| it == "--trusted-root")
            .unwrap();
        let root = &released.trust[root + 1];
        let ran = released.world.attest(&format!(
            "verify dist --signers s.toml --trusted-root {root} --format json"
        ));
        assert_eq!(ran.exit, exit, "{file}: {ran:#?}");
        let code = code_of(&ran.json(), "aa.pub");
        let refused = code.as_deref() == Some("file-unattested");
        assert_eq!(refused, exit == 1, "{file}: {code:?}");
    }
}

/// Nobody signed them, and each is near the limit: one after the other, not all at once.
#[test]
fn many_large_forged_bundles_are_refused_in_little_memory() {
    let released = Released::new();
    let template = released.world.read("dist/release.sigstore.json");
    let mut bundle: Value = serde_json::from_slice(&template).unwrap();
    bundle["dsseEnvelope"]["payload"] = attest_provenance::base64::encode(b"{}").into();
    let mut padded = bundle.to_string();
    padded.push_str(&" ".repeat(11 << 20));
    released.world.write("dist/0.sigstore.json", padded);
    for number in 1..24 {
        fs::hard_link(
            released.world.at("dist/0.sigstore.json"),
            released.world.at(&format!("dist/{number}.sigstore.json")),
        )
        .unwrap();
    }
    let ran = released.world.shell(&format!(
        "ulimit -v 250000; exec attest verify dist --format json {}",
        released.trust.join(" ")
    ));
    assert_eq!(ran.exit, 1, "{}", ran.err);
    assert_eq!(
        code_of(&ran.json(), "7.sigstore.json").as_deref(),
        Some("file-unattested")
    );
}

#[test]
fn json_is_one_object_also_when_the_arguments_are_wrong() {
    let world = crate::support::World::new();
    for arguments in [
        &["verify", "--format", "json"][..],
        &["verify", "x", "--format=json", "--no-such-flag"],
        &["--format", "json", "no-such-command"],
        &["verify", "x", "--insecure-ignore-tlog", "--format", "json"],
    ] {
        let ran = world.attest_with(arguments);
        assert_eq!(ran.exit, 2, "{ran:#?}");
        assert_eq!(ran.json()["exit"], 2, "{ran:#?}");
    }
    let ran = world.attest_with(&["verify", "--", "--format", "json"]);
    assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{ran:#?}");
}

/// Root reads everything: where the tests run as root, a mount or a user namespace would be needed.
fn may_read_everything(released: &Released) -> bool {
    released.world.write("closed", "x");
    let closed = released.world.at("closed");
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
    fs::read(closed).is_ok()
}

/// Runs `attest` as nobody in particular, so that modes count also where the tests run as root.
fn ordinary(released: &Released, arguments: &[&str]) -> Option<Ran> {
    if !may_read_everything(released) {
        return Some(released.world.attest_with(arguments));
    }
    // The folder of the world is for its owner alone.
    for path in [released.world.path().to_owned(), released.world.at("user")] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let attest = env!("CARGO_BIN_EXE_attest");
    let copy = released.world.copy_program(attest, "attest-copy");
    let mut command = released.world.program("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let ran = command.arg(copy).args(arguments).output().ok()?;
    Some(Ran::from_output(&ran))
}

fn closed(released: &Released, name: &str) {
    let path = released.world.at(name);
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
}

/// Asserts the exit code of a run in which something cannot be read.
#[track_caller]
fn answers(released: &Released, subject: &str, exit: i32) {
    let mut arguments = vec!["verify", subject, "--format", "json"];
    arguments.extend(released.trust.iter().map(String::as_str));
    match ordinary(released, &arguments) {
        Some(ran) => assert_eq!(ran.exit, exit, "{ran:#?}"),
        None => println!("NOT RUN: no setpriv to become an ordinary user"),
    }
}

#[test]
fn a_file_that_cannot_be_read_could_not_be_told_unless_another_is_refused() {
    for subject in ["dist", "dist/SHA256SUMS"] {
        let released = Released::new();
        answers(&released, subject, 0);
        closed(&released, "dist/a.txt");
        answers(&released, subject, 3);
        released.world.write("dist/b.txt", "changed");
        answers(&released, subject, 1);
    }
}

#[test]
fn below_a_folder_that_cannot_be_listed_nothing_is_missing() {
    let released = Released::new();
    closed(&released, "dist/sub");
    answers(&released, "dist", 3);
    answers(&released, "dist/SHA256SUMS", 3);
    fs::remove_file(released.world.at("dist/a.txt")).unwrap();
    answers(&released, "dist", 1);
    fs::set_permissions(
        released.world.at("dist/sub"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
}

#[test]
fn a_signed_list_that_cannot_be_read_could_not_be_told() {
    let released = Released::new();
    for bundle in [
        "release.sigstore.json",
        "release.tree.sigstore.json",
        "provenance.sigstore.json",
    ] {
        fs::remove_file(released.world.at("dist").join(bundle)).unwrap();
    }
    answers(&released, "dist/a.txt", 0);
    answers(&released, "dist", 0);
    closed(&released, "dist/SHA256SUMS");
    answers(&released, "dist/a.txt", 3);
    answers(&released, "dist", 3);
    // One that is not there says nothing: that is a no.
    fs::remove_file(released.world.at("dist/SHA256SUMS")).unwrap();
    answers(&released, "dist/a.txt", 1);
    answers(&released, "dist", 1);
}

#[test]
fn what_stands_in_the_place_of_a_listed_file_is_refused_in_folder_and_list_alike() {
    type Put = fn(&std::path::Path);
    let puts: [(&str, Put); 5] = [
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a link outward", |path| {
            symlink("../../user", path).unwrap();
        }),
        ("a device", |path| symlink("/dev/null", path).unwrap()),
        ("a link to nothing", |path| symlink("none", path).unwrap()),
        ("a pipe", |path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
        }),
    ];
    for (what, put) in puts {
        let released = Released::new();
        fs::remove_file(released.world.at("dist/a.txt")).unwrap();
        put(&released.world.at("dist/a.txt"));
        for subject in ["dist", "dist/SHA256SUMS"] {
            let ran = released.verify(subject, &[]);
            assert_eq!(ran.exit, 1, "{what}: {ran:#?}");
        }
    }
}

#[test]
fn a_list_as_openssl_prints_it_is_verified_and_two_forms_in_one_are_not() {
    let released = Released::new();
    let lines = |form: fn(&str, &str) -> String| {
        ["a.txt", "b.txt"]
            .map(|name| form(name, &sha256(&released.world.read(&format!("dist/{name}")))))
    };
    let openssl = lines(|name, hex| format!("SHA2-256({name})= {hex}\n"));
    let dotted = lines(|name, hex| format!("{hex}  ./{name}\n"));
    let mixed = [openssl[0].clone(), dotted[1].clone()];
    for (lines, exit) in [(&openssl, 0), (&dotted, 0), (&mixed, 1)] {
        released.world.write("dist/my.sha256", lines.concat());
        fs::remove_file(released.world.at("dist/my.sha256.sigstore.json")).unwrap_or_default();
        released.signs_file("dist/my.sha256", "dist/my.sha256.sigstore.json");
        let ran = released.asks("dist/my.sha256", &[]);
        assert_eq!(ran.exit, exit, "{ran:#?}");
    }
}
