//! 64 MiB is enough for whatever somebody else wrote: the largest inputs at each limit, with the most
//! memory that the command ever had.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use attest_verify::limits::{BUNDLE_BYTES, BUNDLE_DEPTH, BUNDLE_VALUES};
use serde_json::{Value, json};

use crate::support::World;

const ENOUGH: u64 = 64 << 10;

struct Measured {
    world: World,
    peak: PathBuf,
}

impl Measured {
    fn new() -> Self {
        let world = World::new();
        world.write("dist/a.txt", "alpha\n");
        world
            .attest("release dist --name hello --version 1 --init --no-password")
            .yes();
        for file in ["release.pub", "trusted_root.json"] {
            world.write(file, world.read(&format!("dist/{file}")));
        }
        let peak = world.at("peak");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/offline/peak.c");
        let compiled = Command::new("cc")
            .args(["-O1", "-o"])
            .arg(&peak)
            .arg(source)
            .output();
        assert!(compiled.unwrap().status.success());
        Self { world, peak }
    }

    /// Runs a command, and gives its exit code and the most KiB that it had.
    fn run(&self, words: &str) -> (i32, u64) {
        let kept = self.world.at("kib");
        let mut command = self.world.program(self.peak.to_str().unwrap());
        command
            .arg(&kept)
            .arg(env!("CARGO_BIN_EXE_attest"))
            .args(words.split(' '));
        let output = command.output().unwrap();
        let peak = fs::read_to_string(kept).unwrap().trim().parse().unwrap();
        (output.status.code().unwrap_or(-1), peak)
    }

    #[track_caller]
    fn is_enough(&self, what: &str, words: &str) {
        let (exit, peak) = self.run(words);
        println!("{what}: {words}: exit {exit}, {peak} KiB");
        assert!(matches!(exit, 0 | 1 | 3), "{what}: {words}: exit {exit}");
        assert!(peak <= ENOUGH, "{what}: {words}: {peak} KiB");
    }
}

/// The genuine bundle of a release, to be made large.
fn genuine(measured: &Measured) -> Value {
    serde_json::from_slice(&measured.world.read("dist/release.sigstore.json")).unwrap()
}

/// Bundles as large as any that is read.
fn bundles(measured: &Measured) -> Vec<(&'static str, Vec<u8>)> {
    let filled = |text: String, with: u8| {
        let mut bytes = text.into_bytes();
        bytes.resize(BUNDLE_BYTES, with);
        bytes
    };
    let with_payload = |payload: &[u8]| {
        let mut bundle = genuine(measured);
        bundle["dsseEnvelope"]["payload"] = attest_provenance::base64::encode(payload).into();
        bundle.to_string()
    };
    let most = BUNDLE_BYTES / 4 * 3 - 8192;
    let objects = format!("[{}{{}}]", "{},".repeat((most - 4) / 3));
    let strings = format!("[{}\"\"]", "\"\",".repeat((most - 4) / 3));
    let subjects = format!(
        "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"x\",\"predicate\":{{}},\"subject\":[{}]}}",
        "{\"name\":\"a\",\"digest\":{\"sha256\":\"\"}},"
            .repeat((most - 200) / 36)
            .trim_end_matches(',')
    );
    let mut entries = genuine(measured);
    let entry = entries["verificationMaterial"]["tlogEntries"][0].clone();
    entries["verificationMaterial"]["tlogEntries"] = json!(vec![entry; 2000]);
    let values = format!("[{}0]", "0,".repeat(BUNDLE_VALUES - 2));
    let deep = "[".repeat(BUNDLE_DEPTH + 1);
    vec![
        ("white space", filled(genuine(measured).to_string(), b' ')),
        (
            "a payload of spaces",
            with_payload(&vec![b' '; most]).into_bytes(),
        ),
        (
            "a payload of objects",
            with_payload(objects.as_bytes()).into_bytes(),
        ),
        (
            "a payload of strings",
            with_payload(strings.as_bytes()).into_bytes(),
        ),
        (
            "a payload of subjects",
            with_payload(subjects.as_bytes()).into_bytes(),
        ),
        ("two thousand entries", filled(entries.to_string(), b' ')),
        ("values", filled(values, b' ')),
        ("depth", filled(deep, b'[')),
        ("one string", filled("\"".to_owned(), b'a')),
        ("zeros", filled(String::new(), 0)),
        (
            "more than is read",
            filled(genuine(measured).to_string(), b' ').repeat(5),
        ),
    ]
}

#[test]
fn sixty_four_mebibytes_are_enough_for_any_hostile_bundle() {
    let measured = Measured::new();
    let trust = "--key release.pub --trusted-root trusted_root.json";
    measured.is_enough("what is signed", &format!("verify dist {trust}"));
    for (what, bytes) in bundles(&measured) {
        measured.world.write("lone/a.txt", "alpha\n");
        measured.world.write("lone/a.txt.sigstore.json", &bytes);
        measured.world.write("lone/release.sigstore.json", &bytes);
        measured.is_enough(what, &format!("verify lone/a.txt {trust}"));
        measured.is_enough(
            what,
            &format!("verify lone {trust} --accept no-names --explain"),
        );
        measured.is_enough(what, &format!("verify lone {trust} --format sarif"));
        measured.is_enough(what, "inspect lone/a.txt.sigstore.json");
    }
}

/// Beside a policy every bundle of the folder is read for each file, on whichever core.
#[test]
fn sixty_four_mebibytes_are_enough_for_large_evidence_beside_many_files() {
    let measured = Measured::new();
    let world = &measured.world;
    let pin = crate::verify::sha256(&world.read("release.pub"));
    let policy = format!(
        "version = 1\nname = \"p\"\n[trust.me]\nkind = \"keys\"\n\
         keys = [{{ file = \"release.pub\", sha256 = \"{pin}\" }}]\n\
         [[require]]\ntype = \"signature\"\nsigned_by = \"me\"\n"
    );
    world.write("p.toml", policy);
    let mut bundle = genuine(&measured);
    let spaces = vec![b' '; BUNDLE_BYTES / 2];
    bundle["dsseEnvelope"]["payload"] = attest_provenance::base64::encode(&spaces).into();
    for number in 0..3 {
        world.write(
            &format!("many/zz{number}.sigstore.json"),
            bundle.to_string(),
        );
    }
    let names: Vec<String> = (0..16).map(|number| format!("many/{number}")).collect();
    for name in &names {
        world.write(name, name);
    }
    world.write("list", names.join("\n"));
    let words = "verify --files-from list --trusted-root trusted_root.json --policy p.toml";
    measured.is_enough("a policy", words);
}

#[test]
fn sixty_four_mebibytes_are_enough_for_lists_that_nobody_signed() {
    let measured = Measured::new();
    let trust = "--key release.pub --trusted-root trusted_root.json";
    let line = format!("{}  a\n", "0".repeat(64));
    let list = line.repeat((64 << 20) / line.len());
    measured.world.write("lone/a.txt", "alpha\n");
    measured.world.write("lone/SHA256SUMS", &list);
    let bundle = measured.world.read("dist/SHA256SUMS.sigstore.json");
    measured
        .world
        .write("lone/SHA256SUMS.sigstore.json", bundle);
    for subject in ["lone", "lone/SHA256SUMS", "lone/a.txt"] {
        measured.is_enough("a list", &format!("verify {subject} {trust}"));
    }
}

#[test]
fn sixty_four_mebibytes_are_enough_to_inspect_anything() {
    let measured = Measured::new();
    let all = attest_verify::limits::BUNDLE_BYTES;
    let line = |number: usize| format!("{number:064x}  {number}\n");
    let list: String = (0..all / 72).map(line).collect();
    let statement = |inner: &str, count: usize| {
        format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[],\"predicateType\":\"x\",\"predicate\":{{\"a\":[{}0]}}}}",
            inner.repeat(count)
        )
    };
    for (name, bytes) in [
        ("SHA256SUMS", list.into_bytes()),
        (
            "objects.json",
            statement("{},", (all - 200) / 3).into_bytes(),
        ),
        (
            "strings.json",
            statement("\"\",", (all - 200) / 3).into_bytes(),
        ),
        (
            "keys.json",
            statement("{\"\":0},", (all - 200) / 7).into_bytes(),
        ),
        ("deep.json", "[".repeat(all).into_bytes()),
        ("zeros", vec![0; all]),
        ("key.pub", b"-----BEGIN PUBLIC KEY-----\n".repeat(all / 27)),
        (
            "checkpoint",
            b"a\n1\nAA==\n\n"
                .iter()
                .chain(&b"\xe2\x80\x94 a AAAA\n".repeat(all / 13))
                .copied()
                .collect(),
        ),
        ("larger", vec![b' '; 256 << 20]),
    ] {
        measured.world.write(name, bytes);
        let (exit, peak) = measured.run(&format!("inspect {name}"));
        println!("{name}: exit {exit}, {peak} KiB");
        assert!((0..4).contains(&exit), "{name}: exit {exit}");
        assert!(peak <= ENOUGH, "{name}: {peak} KiB");
    }
}

/// What is shared by many files is held once, and not for each of them.
#[test]
fn sixty_four_mebibytes_are_enough_for_many_files_beside_many_bundles() {
    let measured = Measured::new();
    let world = &measured.world;
    for number in 0..700 {
        world.write(&format!("many/release{number}.sigstore.json"), "{}");
    }
    let files: Vec<String> = (0..1500).map(|it| format!("many/f{it}")).collect();
    for file in &files {
        world.write(file, "");
    }
    world.write("list", files.join("\n"));
    let trust = "--key release.pub --trusted-root trusted_root.json --quiet";
    measured.is_enough(
        "files beside bundles",
        &format!("verify --files-from list {trust}"),
    );
}
