//! What is refused, and with which code: each case is a real lock file with one change.

use std::fs;
use std::path::{Path, PathBuf};

use attest_sbom::{Bill, Lock, Naming};
use serde_json::Value;

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/sbom")
        .join(name)
}

pub(crate) fn text(place: &str) -> String {
    fs::read_to_string(folder(place)).unwrap()
}

/// Reads a lock file, with a change, and says with what it is refused.
fn refusal(place: &str, from: &str, to: &str) -> (&'static str, Option<usize>) {
    let whole = text(place);
    assert!(whole.contains(from), "{place} has no {from:?}");
    let name = place.split('/').next_back().unwrap();
    let sums = text("go/go.sum");
    let sums = (name == "go.mod").then_some(sums.as_bytes());
    Lock::read(name, whole.as_bytes(), sums).unwrap();
    let changed = whole.replacen(from, to, 1);
    match Lock::read(name, changed.as_bytes(), sums) {
        Ok(_) => ("read", None),
        Err(error) => (error.code(), error.line()),
    }
}

pub(crate) fn bill(place: &str) -> Value {
    let name = place.split('/').next_back().unwrap();
    let sums = (name == "go.mod").then(|| text("go/go.sum"));
    let sums = sums.as_ref().map(String::as_bytes);
    let lock = Lock::read(name, text(place).as_bytes(), sums).unwrap();
    let bill = Bill::of(vec![lock], Naming::default()).unwrap();
    serde_json::from_slice(&bill.to_cyclonedx().unwrap()).unwrap()
}

fn component<'v>(bill: &'v Value, name: &str) -> &'v Value {
    let all = bill["components"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap()
}

const CARGO: &str = "cargo/Cargo.lock";
const NPM: &str = "npm/package-lock.json";
const GO: &str = "go/go.mod";
const UV: &str = "uv/uv.lock";

#[test]
fn a_lock_file_of_another_version_is_refused() {
    let code = "lock-version-unknown";
    assert_eq!(
        refusal(CARGO, "version = 4", "version = 5"),
        (code, Some(3))
    );
    assert_eq!(refusal(CARGO, "version = 4\n", "").0, code);
    assert_eq!(
        refusal(NPM, "\"lockfileVersion\": 3", "\"lockfileVersion\": 1"),
        (code, Some(4))
    );
    assert_eq!(
        refusal(UV, "version = 1\n", "version = 2\n"),
        (code, Some(1))
    );
    assert_eq!(refusal(GO, "go 1.22", "go 1.16").0, "lock-incomplete");
}

#[test]
fn a_package_that_is_there_twice_is_refused() {
    let whole = text(CARGO);
    let package = whole
        .split("\n\n")
        .find(|it| it.contains("name = \"hex\""))
        .unwrap();
    let twice = format!("{package}\n\n{package}");
    assert_eq!(refusal(CARGO, package, &twice).0, "lock-duplicate");
    assert_eq!(
        refusal(
            NPM,
            "\"lockfileVersion\": 3,",
            "\"lockfileVersion\": 3, \"name\": \"x\","
        )
        .0,
        "lock-duplicate"
    );
    let require = "\tgithub.com/spf13/cobra v1.8.1\n";
    assert_eq!(
        refusal(GO, require, &format!("{require}{require}")).0,
        "lock-duplicate"
    );
}

#[test]
fn a_dependency_that_is_not_there_is_refused() {
    let code = "lock-dependency-missing";
    assert_eq!(refusal(CARGO, " \"hex\",\n", " \"hexe\",\n").0, code);
    assert_eq!(
        refusal(NPM, "\"chalk\": \"4.1.2\"", "\"chalky\": \"4.1.2\"").0,
        code
    );
    assert_eq!(
        refusal(UV, "{ name = \"jinja2\" }", "{ name = \"jinja3\" }").0,
        code
    );
}

#[test]
fn a_dependency_that_could_be_two_is_refused() {
    let other = "[[package]]\nname = \"hex\"\nversion = \"0.3.0\"\n\n[[package]]\nname = \"libc\"";
    let found = refusal(CARGO, "[[package]]\nname = \"libc\"", other);
    assert_eq!(found.0, "lock-dependency-ambiguous");
}

#[test]
fn a_hash_that_is_none_is_refused() {
    let code = "lock-malformed";
    assert_eq!(refusal(CARGO, "checksum = \"", "checksum = \"0").0, code);
    assert_eq!(refusal(CARGO, "checksum = \"", "checksum = \"g").0, code);
    assert_eq!(
        refusal(
            NPM,
            "\"integrity\": \"sha512-",
            "\"integrity\": \"sha512-AA"
        )
        .0,
        code
    );
    assert_eq!(
        refusal(NPM, "\"integrity\": \"sha512-", "\"integrity\": \"md5-").0,
        code
    );
    assert_eq!(refusal(UV, "hash = \"sha256:", "hash = \"sha256:0").0, code);
    assert_eq!(refusal(UV, "hash = \"sha256:", "hash = \"md5:").0, code);
}

#[test]
fn one_package_with_two_hashes_is_refused() {
    let whole = text(NPM);
    // `ms` is there twice, in two folders and two versions: give both the same version.
    let (_, after) = whole.split_once("\"node_modules/ms\": {").unwrap();
    let version = after.split('"').nth(3).unwrap();
    let (before, rest) = whole.split_once("/node_modules/ms\": {").unwrap();
    let other = rest.split('"').nth(3).unwrap();
    assert_ne!(version, other);
    let changed = format!(
        "{before}/node_modules/ms\": {{{}",
        rest.replacen(other, version, 1)
    );
    let error = Lock::read("package-lock.json", changed.as_bytes(), None).unwrap_err();
    assert_eq!(error.code(), "lock-contradiction");
}

#[test]
fn two_lock_files_that_disagree_make_no_bill() {
    let whole = text(CARGO);
    let changed = whole.replacen("checksum = \"", "checksum = \"0", 1);
    let end = changed.find("checksum").unwrap() + "checksum = \"".len() + 64;
    let changed = format!("{}{}", &changed[..end], &changed[end + 1..]);
    let locks = [whole, changed].map(|it| Lock::read("Cargo.lock", it.as_bytes(), None).unwrap());
    let error = Bill::of(
        locks.to_vec(),
        Naming {
            name: Some("both".to_owned()),
            ..Naming::default()
        },
    );
    assert_eq!(error.unwrap_err().code(), "lock-contradiction");
}

#[test]
fn what_opens_a_door_is_never_published() {
    let code = "lock-secret";
    let registry = "https://registry.npmjs.org/chalk/";
    assert_eq!(
        refusal(NPM, registry, "https://me:secret@registry.npmjs.org/chalk/").0,
        code
    );
    let index = "registry+https://github.com/rust-lang/crates.io-index";
    assert_eq!(
        refusal(CARGO, index, "sparse+https://token@crates.example.com/").0,
        code
    );
    let files = "https://files.pythonhosted.org/";
    assert_eq!(
        refusal(UV, files, "https://me:secret@files.pythonhosted.org/").0,
        code
    );
}

#[test]
fn what_is_not_the_format_is_refused_with_its_line() {
    assert_eq!(
        refusal(CARGO, "version = 4", "version = "),
        ("lock-malformed", Some(3))
    );
    assert_eq!(
        refusal(CARGO, "version = 4", "version = 4\nextra = 1"),
        ("lock-malformed", Some(4))
    );
    assert_eq!(
        refusal(UV, "revision = 3", "revision = 3\nextra = 1").0,
        "lock-malformed"
    );
    assert_eq!(
        refusal(GO, "go 1.22", "go 1.22\nwhat x"),
        ("lock-malformed", Some(4))
    );
    assert_eq!(refusal(GO, "require (", "require ( (").0, "lock-malformed");
    assert_eq!(
        refusal(NPM, "\"packages\"", "\"package\"").0,
        "lock-malformed"
    );
    assert_eq!(
        refusal(CARGO, "name = \"hex\"", "name = \"he\\u001bx\"").0,
        "lock-malformed"
    );
    assert_eq!(
        Lock::read("yarn.lock", b"", None).unwrap_err().code(),
        "lock-unknown"
    );
    assert_eq!(
        Lock::read("Cargo.lock", b"\xff", None).unwrap_err().code(),
        "lock-malformed"
    );
    let error = Lock::read("go.mod", text(GO).as_bytes(), None).unwrap_err();
    assert_eq!(error.code(), "lock-unpaired");
    let sums = text("go/go.sum").replacen("h1:", "h2:", 1);
    let error = Lock::read("go.mod", text(GO).as_bytes(), Some(sums.as_bytes())).unwrap_err();
    assert_eq!((error.code(), error.line()), ("lock-malformed", Some(1)));
}

#[test]
fn a_lock_file_that_is_too_large_is_not_read() {
    let large = vec![b' '; attest_sbom::limits::LOCK_BYTES + 1];
    for name in ["Cargo.lock", "package-lock.json", "uv.lock", "go.mod"] {
        assert_eq!(
            Lock::read(name, &large, None).unwrap_err().code(),
            "lock-too-large",
            "{name}"
        );
    }
    let deep = format!("{{\"lockfileVersion\":3,\"packages\":{}", "[".repeat(200));
    assert_eq!(
        Lock::read("package-lock.json", deep.as_bytes(), None)
            .unwrap_err()
            .code(),
        "lock-too-large"
    );
}

#[test]
fn hashes_are_those_that_the_format_has() {
    let cargo = bill(CARGO);
    let hash = &component(&cargo, "hex")["hashes"][0];
    assert_eq!(hash["alg"], "SHA-256");
    assert!(text(CARGO).contains(hash["content"].as_str().unwrap()));
    let npm = bill(NPM);
    let chalk = component(&npm, "chalk");
    assert_eq!(chalk["hashes"][0]["alg"], "SHA-512");
    assert_eq!(chalk["hashes"][0]["content"].as_str().unwrap().len(), 128);
    assert_eq!(chalk["licenses"][0]["license"]["id"], "MIT");
    let uv = bill(UV);
    let jinja = component(&uv, "jinja2");
    assert_eq!(
        jinja.get("hashes"),
        None,
        "a package is no file; its files have hashes"
    );
    assert_eq!(jinja["externalReferences"].as_array().unwrap().len(), 2);
    assert_eq!(
        jinja["externalReferences"][0]["hashes"][0]["alg"],
        "SHA-256"
    );
}

#[test]
fn the_hash_of_go_is_never_called_a_digest_of_a_file() {
    let go = bill(GO);
    for component in go["components"].as_array().unwrap() {
        assert_eq!(component.get("hashes"), None, "{component}");
    }
    let cobra = component(&go, "github.com/spf13/cobra");
    assert_eq!(cobra["properties"][0]["name"], "attest:go:h1");
    let toml = component(&go, "github.com/BurntSushi/toml");
    assert_eq!(toml["purl"], "pkg:golang/github.com/burntsushi/toml@v1.5.0");
    // What needs what is not in the file, and it is said that it is not.
    assert_eq!(go["compositions"][0]["aggregate"], "unknown");
}

#[test]
fn what_is_for_development_alone_is_marked() {
    let npm = bill(NPM);
    assert_eq!(component(&npm, "typescript")["scope"], "excluded");
    assert_eq!(component(&npm, "fsevents")["scope"], "optional");
    assert_eq!(component(&npm, "chalk")["scope"], "required");
    let uv = bill(UV);
    assert_eq!(component(&uv, "pytest")["scope"], "excluded");
    assert_eq!(component(&uv, "orjson")["scope"], "optional");
    assert_eq!(component(&uv, "pysocks")["scope"], "required");
    let markers = component(&uv, "colorama")["properties"].to_string();
    assert!(markers.contains("win32"), "{markers}");
}

#[test]
fn the_same_lock_file_makes_the_same_bytes() {
    for place in [CARGO, NPM, GO, UV] {
        assert_eq!(bill(place), bill(place));
        let serial = bill(place)["serialNumber"].as_str().unwrap().to_owned();
        assert!(serial.starts_with("urn:uuid:"), "{serial}");
    }
    assert_ne!(bill(CARGO)["serialNumber"], bill(GO)["serialNumber"]);
}

#[test]
fn several_roots_are_a_question_and_a_name_is_the_answer() {
    let read = |name: &str, place: &str| Lock::read(name, text(place).as_bytes(), None).unwrap();
    let locks = || vec![read("Cargo.lock", CARGO), read("uv.lock", UV)];
    let error = Bill::of(locks(), Naming::default()).unwrap_err();
    assert_eq!(error.code(), "sbom-root-unclear");
    let naming = Naming {
        name: Some("both".to_owned()),
        version: Some("1".to_owned()),
        ..Naming::default()
    };
    let bill = Bill::of(locks(), naming).unwrap();
    let bill: Value = serde_json::from_slice(&bill.to_cyclonedx().unwrap()).unwrap();
    let edges = bill["dependencies"].as_array().unwrap();
    let root = edges.iter().find(|it| it["ref"] == "root").unwrap();
    assert_eq!(root["dependsOn"].as_array().unwrap().len(), 2);
    let naming = Naming {
        name: Some("a\u{202e}b".to_owned()),
        ..Naming::default()
    };
    assert_eq!(
        Bill::of(locks(), naming).unwrap_err().code(),
        "sbom-name-malformed"
    );
}
