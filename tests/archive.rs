//! `attest archive` from outside: what was verified is kept, what is kept is found, and each damage is
//! named.

pub(crate) mod attached;
mod digests;
mod export;
mod import;
mod judged;
mod large;
mod later;
mod outside;
mod roles;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use attest_archive::{MemberInput, Reader, ReleaseInput, Selection, Source, Store};
use attest_digest::{Artifact, Hashes, RelativePath};
use attest_policy::{Decision, Policy, SignedNames};
use attest_provenance::ReleaseName;
use attest_verify::{Accept, Bundle, ExpectedSigner, PublicKey, TrustedRoot, Verifier};
use serde_json::Value;

use crate::support::{Ran, World};

const HELLO: &str = "hello@1.0.0";

/// A home with `hello@1.0.0` in its archive and in `dist`, copied for each test.
fn released() -> World {
    static TEMPLATE: OnceLock<World> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let world = World::new();
        world.write("dist/a.txt", "alpha\n");
        world.write("dist/sub/b.txt", "beta\n");
        world
            .attest("release dist --name hello --version 1.0.0 --init --no-password")
            .yes();
        world
    });
    let world = World::new();
    for part in ["dist", ".attest", "user"] {
        copy(&template.at(part), world.path());
    }
    world
}

fn copy(from: &Path, into: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(into)
        .status()
        .unwrap();
    assert!(status.success());
}

fn named(text: &str) -> ReleaseName {
    ReleaseName::parse(text).unwrap()
}

fn archive(world: &World) -> PathBuf {
    world.at(".attest/archive")
}

/// The flags that name signer and trust by their pins, as acquirers paste them.
fn pins(world: &World) -> Vec<String> {
    let root = Artifact::of_bytes(&world.read("dist/trusted_root.json"), Hashes::Sha256).sha256();
    let key = PublicKey::parse(&world.read("dist/release.pub")).unwrap();
    vec![
        "--key".to_owned(),
        format!("sha256:{}", hex::encode(key.fingerprint())),
        "--trusted-root".to_owned(),
        format!("trusted_root.json@{root}"),
    ]
}

fn with_pins(world: &World, arguments: &[&str]) -> Ran {
    let pins = pins(world);
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(pins.iter().map(String::as_str))
        .collect();
    world.attest_with(&arguments)
}

fn verify(world: &World) -> Ran {
    world.attest("archive verify --format json")
}

/// Every code that the report gives about a release: its reasons, then its files.
fn codes(report: &Value, release: &str) -> Vec<String> {
    let subjects = report["subjects"].as_array().unwrap();
    let subject = subjects.iter().find(|it| it["subject"] == release).unwrap();
    let entries = ["reasons", "files"].map(|list| subject[list].as_array().unwrap().iter());
    let codes = entries
        .into_iter()
        .flatten()
        .filter_map(|it| it["code"].as_str());
    codes.map(str::to_owned).collect()
}

/// Adds a release to an archive without asking anybody, as whoever owns the disk can.
fn forge(world: &World, vault: &Path, name: &str, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) {
    forge_from(&archive(world), vault, name, |path, bytes| {
        Some(change(path, bytes))
    });
}

/// The same from any archive; what becomes nothing is left out.
fn forge_from(
    from: &Path,
    vault: &Path,
    name: &str,
    change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>,
) {
    let reader = Reader::open(from).unwrap();
    let release = reader.find(&named(HELLO)).unwrap().unwrap();
    let files: Vec<(RelativePath, attest_archive::Role, Vec<u8>)> = release
        .members()
        .iter()
        .filter_map(|it| {
            let bytes = release.unverified_bytes(it.path(), 1 << 20).unwrap();
            let bytes = change(it.path().as_str(), bytes)?;
            Some((it.path().clone(), it.role(), bytes))
        })
        .collect();
    let members = files.iter().map(|(path, role, bytes)| MemberInput {
        path: path.clone(),
        role: *role,
        source: Source::Bytes(bytes),
        expected: None,
    });
    let input = ReleaseInput {
        name: named(name),
        members: members.collect(),
    };
    Store::init(vault).unwrap().add(&input).unwrap();
}

#[test]
fn a_bit_flipped_in_any_blob_is_found_and_named() {
    let world = released();
    verify(&world).yes();
    let mut flipped = 0;
    for blob in fs::read_dir(archive(&world).join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bad).unwrap();
        let ran = verify(&world);
        assert_eq!(ran.exit, 1, "{ran:#?}");
        // Of a file of the release, or of what is attached to it: the head of the audit trail.
        let report = ran.json();
        let of_archive = report["archive"]["problems"].to_string();
        let codes = codes(&report, HELLO);
        assert!(
            codes.contains(&"blob-corrupt".to_owned()) || of_archive.contains("\"blob-corrupt\""),
            "{}: {report:#}",
            path.display()
        );
        fs::write(&path, good).unwrap();
        flipped += 1;
    }
    assert_eq!(flipped, 16);
    verify(&world).yes();
}

#[test]
fn a_missing_blob_is_named_with_the_file_that_it_was() {
    let world = released();
    let alpha = Artifact::of_bytes(b"alpha\n", Hashes::Sha256)
        .sha256()
        .hex();
    fs::remove_file(archive(&world).join("blobs/sha256").join(alpha)).unwrap();
    let ran = verify(&world);
    assert_eq!(ran.exit, 1);
    assert_eq!(codes(&ran.json(), HELLO), ["blob-missing"]);
    let human = world.attest("archive verify");
    assert_eq!(human.exit, 1);
    assert!(human.out.contains("a.txt  blob-missing"), "{human:#?}");
    // Nobody is told that it is kept.
    world.attest("archive add dist").refused(3, "blob-missing");
}

#[test]
fn a_release_served_as_another_version_is_refused() {
    let world = released();
    forge(&world, &archive(&world), "hello@1.1.0", |_, bytes| bytes);
    let ran = world.attest("archive verify hello@1.1.0 --format json");
    assert_eq!(ran.exit, 1);
    assert!(
        codes(&ran.json(), "hello@1.1.0").contains(&"release-mismatch".to_owned()),
        "{ran:#?}"
    );
    world.attest("archive verify hello@1.0.0").yes();
    // One bad release among all is a no.
    assert_eq!(verify(&world).exit, 1);
}

#[test]
fn a_file_changed_together_with_its_manifest_and_the_index_is_refused() {
    let world = released();
    let swapped = |path: &str, bytes: Vec<u8>| match path {
        "a.txt" => b"beta\n".to_vec(),
        "sub/b.txt" => b"alpha\n".to_vec(),
        _ => bytes,
    };
    let changed = |path: &str, bytes| {
        if path == "a.txt" {
            b"omega\n".to_vec()
        } else {
            bytes
        }
    };
    let refused = |vault: &str, wanted: &[&str]| {
        let ran = with_pins(
            &world,
            &["archive", "verify", "--archive", vault, "--format", "json"],
        );
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert_eq!(codes(&ran.json(), HELLO), wanted);
    };
    forge(&world, &world.at("changed"), HELLO, changed);
    refused("changed", &["digest-mismatch"]);
    forge(&world, &world.at("swapped"), HELLO, swapped);
    refused("swapped", &["name-mismatch", "name-mismatch"]);
    // The parent of both is accepted.
    forge(&world, &world.at("same"), HELLO, |_, bytes| bytes);
    with_pins(&world, &["archive", "verify", "--archive", "same"]).yes();
}

#[test]
fn trust_inside_an_archive_is_never_the_anchor() {
    let world = released();
    // Somebody else makes the same release, with keys of their own, and swaps the whole archive.
    let stranger = World::new();
    copy(&world.at("dist/a.txt"), stranger.path());
    fs::create_dir(stranger.at("dist")).unwrap();
    fs::rename(stranger.at("a.txt"), stranger.at("dist/a.txt")).unwrap();
    stranger
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    fs::remove_dir_all(archive(&world)).unwrap();
    copy(&stranger.at(".attest/archive"), &world.at(".attest"));

    let ran = verify(&world);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    // Not by a pin of ours, nor by a file in the archive.
    let ran = with_pins(&world, &["archive", "verify", HELLO]);
    ran.refused(2, "pin-not-found");
    let root = Artifact::of_bytes(&stranger.read("dist/trusted_root.json"), Hashes::Sha256)
        .sha256()
        .hex();
    let inside = format!(".attest/archive/blobs/sha256/{root}");
    world
        .attest_with(&[
            "archive",
            "verify",
            "--key",
            "dist/release.pub",
            "--trusted-root",
            &inside,
        ])
        .refused(2, "trust-beside-subject");
}

#[test]
fn an_archive_of_others_needs_a_signer() {
    let world = released();
    world
        .attest("archive verify --archive .attest/archive")
        .refused(2, "signer-required");
    world
        .attest("archive add dist --archive other")
        .refused(2, "signer-required");
    assert!(!world.at("other").exists());
}

#[test]
fn the_line_that_acquirers_paste_verifies_an_archive_by_its_pins() {
    let world = released();
    fs::rename(archive(&world), world.at("vault")).unwrap();
    fs::remove_dir_all(world.at(".attest")).unwrap();
    let ran = with_pins(
        &world,
        &[
            "archive",
            "verify",
            HELLO,
            "--archive",
            "vault",
            "--format",
            "json",
        ],
    )
    .yes();
    let report = ran.json();
    assert_eq!(report["subjects"][0]["release"], HELLO);
    let places: Vec<&str> = report["trust"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["place"].as_str().unwrap())
        .collect();
    assert_eq!(
        places,
        ["hello@1.0.0/release.pub", "hello@1.0.0/trusted_root.json"]
    );
}

#[test]
fn a_folder_that_does_not_verify_is_not_kept() {
    let world = released();
    world.write("dist/a.txt", "alpha\n\n");
    let before = world.listing(".attest/archive");
    let ran = world.attest("archive add dist --format json");
    assert_eq!(ran.exit, 1);
    assert_eq!(codes(&ran.json(), "dist"), ["digest-mismatch"]);
    assert_eq!(ran.json()["command"], "archive add");
    let ran = with_pins(&world, &["archive", "add", "dist", "--archive", "vault"]);
    assert_eq!(ran.exit, 1);
    assert!(
        !world.at("vault").exists(),
        "a refused folder leaves no archive"
    );
    fs::create_dir(world.at("vault")).unwrap();
    let ran = with_pins(&world, &["archive", "add", "dist", "--archive", "vault"]);
    assert_eq!(ran.exit, 1);
    assert!(world.listing("vault").is_empty());
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/extra", "unsigned");
    assert_eq!(world.attest("archive add dist").exit, 1);
    assert_eq!(world.attest("archive add absent").exit, 3);
    assert_eq!(world.listing(".attest/archive"), before);
}

#[test]
fn a_folder_without_a_release_statement_is_not_kept() {
    let world = released();
    for evidence in
        ["release", "provenance", "release.tree"].map(|it| it.to_owned() + ".sigstore.json")
    {
        fs::remove_file(world.at("dist").join(evidence)).unwrap();
    }
    world.attest("archive add dist --archive vault --key dist/release.pub --trusted-root dist/trusted_root.json").refused(2, "trust-beside-subject");
    world
        .attest("archive add dist")
        .refused(1, "release-missing");
}

#[test]
fn another_release_than_the_wanted_one_is_not_kept() {
    let world = released();
    let ran = world.attest("archive add dist --release hello@1.0.1 --format json");
    assert_eq!(ran.exit, 1);
    assert!(
        codes(&ran.json(), "dist").contains(&"release-mismatch".to_owned()),
        "{ran:#?}"
    );
}

#[test]
fn other_content_of_a_kept_release_is_refused() {
    let world = released();
    // The same home, as a backup of it would be, releases other content under the same name.
    let fork = World::new();
    for part in [".attest", "user", "dist"] {
        copy(&world.at(part), fork.path());
    }
    fs::remove_dir_all(fork.at(".attest/archive")).unwrap();
    fs::remove_dir_all(fork.at("dist")).unwrap();
    fork.write("dist/a.txt", "omega\n");
    fork.attest("release dist --name hello --version 1.0.0 --no-password")
        .yes();
    fs::remove_dir_all(world.at("dist")).unwrap();
    copy(&fork.at("dist"), world.path());

    let before = world.listing(".attest/archive");
    world
        .attest("archive add dist")
        .refused(1, "version-already-released");
    assert_eq!(world.listing(".attest/archive"), before);
}

#[test]
fn a_verified_folder_is_kept_once_and_found_again() {
    let world = released();
    let pins = [
        "archive",
        "add",
        "dist",
        "--archive",
        "vault",
        "--format",
        "json",
    ];
    let added = with_pins(&world, &pins).yes().json();
    assert_eq!(added["outcome"], "new");
    assert_eq!(
        (added["release"].as_str(), added["files"].as_u64()),
        (Some(HELLO), Some(12))
    );
    let again = with_pins(&world, &pins).yes().json();
    assert_eq!(
        (again["outcome"].as_str(), again["new_blobs"].as_u64()),
        (Some("already"), Some(0))
    );
    assert_eq!(again["manifest"], added["manifest"]);

    // What `attest release` keeps and what an acquirer keeps of it is the same, byte for byte.
    let own = world.attest("archive list --format json").yes().json();
    let other = world
        .attest("archive list --archive vault --format json")
        .yes()
        .json();
    assert_eq!(own["releases"], other["releases"]);
    assert_eq!(own["releases"][0]["manifest"], added["manifest"]);
    assert_eq!(
        world.attest("archive add dist").yes().line("archived"),
        ".attest/archive, the same release was there already"
    );
}

#[test]
fn list_and_show_say_what_is_there() {
    let world = released();
    let list = world.attest("archive list").yes();
    assert!(list.out.starts_with("hello@1.0.0  12 files, "), "{list:#?}");
    let show = world.attest("archive show hello@1.0.0").yes();
    assert!(show.out.contains("claimed by the archive, not verified"));
    assert_eq!(show.line("purl"), "pkg:generic/hello@1.0.0");
    let json = world
        .attest("archive show hello@1.0.0 --format json")
        .yes()
        .json();
    assert_eq!(json["state"], "claimed");
    let file = json["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["path"] == "sub/b.txt")
        .unwrap();
    assert_eq!(
        (file["role"].as_str(), file["size"].as_u64()),
        (Some("artifact"), Some(5))
    );
    for command in ["show", "verify"] {
        world
            .attest(&format!("archive {command} hello@2.0.0"))
            .refused(1, "release-not-archived");
        world
            .attest(&format!("archive {command} hello"))
            .refused(2, "bad-release");
    }
}

#[test]
fn what_is_no_archive_or_a_newer_one_is_named() {
    let world = released();
    fs::create_dir(world.at("empty")).unwrap();
    for command in ["list", "show hello@1.0.0", "verify"] {
        for place in ["empty", "absent", "dist/a.txt"] {
            world
                .attest(&format!("archive {command} --archive {place}"))
                .refused(2, "not-an-archive");
        }
    }
    assert!(!world.at("absent").exists());
    with_pins(&world, &["archive", "add", "dist", "--archive", "dist"])
        .refused(2, "not-an-archive");
    fs::write(
        archive(&world).join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    for command in ["list", "verify", "add dist"] {
        world
            .attest(&format!("archive {command}"))
            .refused(2, "archive-newer-format");
    }
}

#[test]
fn a_damaged_index_says_no_to_those_who_ask_whether_it_is_sound() {
    let world = released();
    fs::write(archive(&world).join("index.json"), "{}").unwrap();
    for command in ["list", "show hello@1.0.0", "verify"] {
        world
            .attest(&format!("archive {command}"))
            .refused(1, "index-malformed");
    }
    world
        .attest("archive add dist")
        .refused(2, "index-malformed");
}

#[test]
fn an_archive_without_releases_verifies_nothing_and_that_is_no_yes() {
    let world = released();
    Store::init(&world.at("vault")).unwrap();
    with_pins(&world, &["archive", "verify", "--archive", "vault"]).refused(1, "nothing-verified");
    assert_eq!(
        world.attest("archive list --archive vault").yes().out,
        "no releases in vault\n"
    );
}

#[test]
fn while_another_writes_adding_waits_for_nobody_and_reading_goes_on() {
    let world = released();
    let writer = Store::open(&archive(&world)).unwrap();
    world
        .attest("archive add dist")
        .refused(3, "archive-locked");
    world.attest("archive list").yes();
    verify(&world).yes();
    drop(writer);
    world.attest("archive add dist").yes();
}

#[test]
fn what_is_left_over_is_noted_and_no_harm() {
    let world = released();
    let blobs = archive(&world).join("blobs/sha256");
    fs::write(
        blobs.join(Artifact::of_bytes(b"stray", Hashes::Sha256).sha256().hex()),
        "stray",
    )
    .unwrap();
    fs::create_dir(archive(&world).join("incoming")).unwrap();
    fs::write(archive(&world).join("incoming/0"), "half").unwrap();
    let report = verify(&world).yes().json();
    let notes: Vec<&str> = report["archive"]["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    assert_eq!(notes, ["blob-extra", "incoming-left"]);
    let index = String::from_utf8(fs::read(archive(&world).join("index.json")).unwrap()).unwrap();
    fs::write(archive(&world).join("index.json"), format!("{index}\n")).unwrap();
    let human = world.attest("archive verify").yes();
    assert!(
        human
            .out
            .contains("note: index-rewritten: index.json is not as"),
        "{human:#?}"
    );
}

#[test]
fn verifying_and_reading_an_archive_writes_nothing() {
    let world = released();
    let before = world.listing(".");
    for command in [
        "list",
        "show hello@1.0.0",
        "verify",
        "verify hello@1.0.0 --format json",
    ] {
        world.attest(&format!("archive {command}")).yes();
    }
    assert_eq!(world.listing("."), before);
}

/// What a policy accepts of the release statement in `dist`.
fn with_accepted(world: &World, judge: impl FnOnce(&SignedNames)) {
    let root = TrustedRoot::parse(&world.read("dist/trusted_root.json")).unwrap();
    let key = PublicKey::parse(&world.read("dist/release.pub")).unwrap();
    let bundle = Bundle::parse(&world.read("dist/release.sigstore.json")).unwrap();
    let signer = ExpectedSigner::Key(key);
    let now = jiff::Timestamp::now();
    let verifier = Verifier::new(vec![root], now, Accept::default()).unwrap();
    let evidence = verifier.verify_statement(&bundle, &signer).unwrap();
    let Decision::Accept(accepted) = Policy::expecting(signer).decide(&evidence) else {
        panic!("the release statement is not accepted");
    };
    judge(&SignedNames::of_statements(&[accepted]).unwrap());
}

#[test]
fn only_what_was_accepted_is_written_out_of_an_archive() {
    let world = released();
    forge(&world, &archive(&world), "hello@1.1.0", |_, bytes| bytes);
    let changed = |path: &str, bytes| {
        if path == "a.txt" {
            b"omega\n".to_vec()
        } else {
            bytes
        }
    };
    forge(&world, &world.at("changed"), HELLO, changed);
    let write = |vault: &Path, name: &str, to: &str, names: &SignedNames| {
        let reader = Reader::open(vault).unwrap();
        let release = reader.find(&named(name)).unwrap().unwrap();
        let written = release.materialize(names, &world.at(to), Selection::All);
        written.map_err(|error| error.code())
    };
    with_accepted(&world, |names| {
        let another = write(&archive(&world), "hello@1.1.0", "another", names);
        assert_eq!(another.unwrap_err(), "release-not-accepted");
        let changed = write(&world.at("changed"), HELLO, "changed-out", names);
        assert_eq!(changed.unwrap_err(), "member-not-accepted");
        let written = write(&archive(&world), HELLO, "out", names).unwrap();
        assert_eq!((written.written.len(), written.kept.len()), (12, 0));
    });
    assert!(!world.at("another").exists() && !world.at("changed-out").exists());
    let out = world.listing("out");
    let dist = world.listing("dist");
    assert_eq!(out, dist);
    with_pins(&world, &["verify", "out", "--release", HELLO]).yes();
}
