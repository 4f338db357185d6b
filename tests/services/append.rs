//! `attest log append` to logs that others keep: what stands in the home's log goes to a Rekor as well,
//! and what a Rekor answers wrong is no answer.

use attest_log::LogKey;
use attest_provenance::base64;
use serde_json::{Value, json};

use super::instance::{ENTRY_ID, Fault, Instance, V1, V2};
use super::servers::faults;
use crate::support::{Ran, World};

const LOGS: [(&str, &str); 2] = [("v1", V1), ("v2", V2)];

/// A home that signed two files and a statement, and for each Rekor a trusted root of it alone.
fn world(instance: &Instance) -> World {
    let world = World::new();
    instance.export(&world);
    let root: Value = serde_json::from_slice(&world.read("root.json")).unwrap();
    for (at, (name, _)) in LOGS.iter().enumerate() {
        let mut one = root.clone();
        one["tlogs"] = json!([root["tlogs"][at]]);
        world.write(&format!("root-{name}.json"), one.to_string());
    }
    world.attest("init --no-password").yes();
    for name in ["hello", "more", "stated"] {
        world.write(name, name);
    }
    world.write("predicate.json", r#"{"anything": "goes"}"#);
    world.attest("sign hello more --no-password").yes();
    world
        .attest(
            "sign stated --predicate predicate.json --type https://example.com/p/v1 --no-password",
        )
        .yes();
    world
}

fn append(instance: &Instance, world: &World, version: &str, more: &str) -> Ran {
    world.attest(&format!(
        "log append {more} --log {}/{version} --key root-{version}.json --service-timeout 2",
        instance.address
    ))
}

/// By the home's trust, and by that of the others' log.
fn verify(world: &World, file: &str, bundle: &str) -> Ran {
    let what = if file == "stated" {
        " --type https://example.com/p/v1"
    } else {
        ""
    };
    world.attest(&format!(
        "verify {file} --bundle {bundle} --key .attest/trust/release.pub{what} \
         --trusted-root .attest/trust/trusted_root.json --trusted-root root.json"
    ))
}

fn entries(world: &World, bundle: &str) -> Vec<Value> {
    let bundle: Value = serde_json::from_slice(&world.read(bundle)).unwrap();
    let entries = &bundle["verificationMaterial"]["tlogEntries"];
    entries.as_array().unwrap().clone()
}

#[test]
fn what_the_home_logged_goes_to_each_kind_of_rekor_with_the_same_words() {
    let instance = Instance::new();
    let world = world(&instance);
    let before = world.listing(".attest");
    for ((version, path), index) in LOGS.into_iter().zip([1005, 5]) {
        let files = "hello.sigstore.json more.sigstore.json hello.sigstore.json";
        let ran = append(
            &instance,
            &world,
            version,
            &format!("{files} --format json"),
        )
        .yes();
        let report = ran.json();
        assert_eq!(report["entries"].as_array().unwrap().len(), 2, "{report}");
        assert_eq!(report["entries"][0]["index"], index, "{report}");
        assert_eq!(report["entries"][0]["known"], false, "{report}");
        assert_eq!(report["size"], 11, "{report}");
        assert_eq!(instance.calls(path), 2, "each once");
        let said = append(&instance, &world, version, "hello.sigstore.json").yes();
        assert!(said.out.contains(&format!("entry {index}\n")), "{said:?}");
        assert!(
            said.out.contains(": proven by its checkpoint of "),
            "{said:?}"
        );
        // The body as `log show` prints it.
        let body = world.attest("log show 0").yes().out;
        world.write("body", body);
        append(&instance, &world, version, "body").yes();
    }
    assert_eq!(before, world.listing(".attest"), "the home is not asked");
}

#[test]
fn a_bundle_gets_the_entry_and_verifies_by_both_logs() {
    let instance = Instance::new();
    let world = world(&instance);
    for ((version, _), kind) in LOGS.into_iter().zip(["dsse", "hashedrekord"]) {
        for (file, kind) in [("hello", "hashedrekord"), ("stated", kind)] {
            let out = format!("{file}-{version}.json");
            let from = format!("{file}.sigstore.json --out {out}");
            append(&instance, &world, version, &from).yes();
            let found = entries(&world, &out);
            assert_eq!(found.len(), 2, "{out}");
            assert_eq!(found[1]["kindVersion"]["kind"], kind, "{out}");
            let ran = verify(&world, file, &out).yes();
            assert!(
                ran.out.contains(&format!("rekor{}.example", &version[1..])),
                "{ran:?}"
            );
            world.write(file, "other");
            assert_eq!(verify(&world, file, &out).exit, 1, "{out}");
            world.write(file, file);
            // Again: the same entry with another proof stands there once.
            let again = format!("{out} --out {out}");
            append(&instance, &world, version, &again).refused(2, "file-exists");
            append(&instance, &world, version, &format!("{again} --force")).yes();
            assert_eq!(entries(&world, &out).len(), 2, "{out}");
        }
    }
    // One bundle, all three.
    append(&instance, &world, "v2", "hello-v1.json --out all.json").yes();
    assert_eq!(entries(&world, "all.json").len(), 3);
    verify(&world, "hello", "all.json").yes();
}

#[test]
fn a_log_that_is_named_by_its_vkey_is_verified_by_that() {
    let instance = Instance::new();
    let world = world(&instance);
    let root: Value = serde_json::from_slice(&world.read("root-v2.json")).unwrap();
    let spki = root["tlogs"][0]["publicKey"]["rawBytes"].as_str().unwrap();
    let key = LogKey::from_spki("rekor2.example", &base64::decode(spki).unwrap()).unwrap();
    let (address, log) = (&instance.address, |key: &LogKey| key.to_string());
    let line = |key: &str| format!("log append hello.sigstore.json --log {address}/v2 --key {key}");
    world.attest(&line(&log(&key))).yes();
    // The same key by another name, and another's key.
    let named = LogKey::new("other.example", key.public_key()).unwrap();
    world.attest(&line(&log(&named))).refused(1, "log-unknown");
    world
        .attest(&line(".attest/trust/trusted_root.json"))
        .refused(1, "log-unknown");
}

#[test]
fn a_log_that_fails_leaves_nothing_behind_and_the_next_try_succeeds() {
    let instance = Instance::new();
    let world = world(&instance);
    for (version, path) in LOGS {
        for (fault, code) in faults(path) {
            let before = world.listing(".");
            instance.fail(path, usize::MAX, fault.clone());
            let ran = append(
                &instance,
                &world,
                version,
                "hello.sigstore.json --out out.json",
            );
            let ran = ran.refused(3, code);
            assert!(ran.out.is_empty(), "{ran:?}");
            assert_eq!(before, world.listing("."), "{path} {fault:?}");
            instance.heal();
        }
        append(&instance, &world, version, "hello.sigstore.json").yes();
    }
    // One of two: what entered the log is named, and it is no yes.
    instance.fail_after(V2, 1, 1, Fault::Answer("400 Bad", "", "{}".to_owned()));
    let ran = append(
        &instance,
        &world,
        "v2",
        "hello.sigstore.json more.sigstore.json",
    );
    let ran = ran.refused(3, "service-refused");
    assert!(
        ran.err.contains("entry 5 is in rekor2.example now"),
        "{ran:?}"
    );
}

/// A path, a log, a code, and what is wrong with the answer.
type Lie = (&'static str, &'static str, &'static str, fn(&mut Value));

/// Of what a Rekor v1 answers by the name of an entry.
const LOGGED: &str = "24296fb24b8ad77a";

#[test]
fn what_a_log_answers_wrong_is_a_no() {
    let instance = Instance::new();
    let world = world(&instance);
    let lies: [Lie; 9] = [
        (V2, "v2", "log-unknown", |it| {
            it["logId"]["keyId"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        }),
        (V2, "v2", "log-proof-invalid", |it| {
            it["inclusionProof"]["hashes"] = json!([]);
        }),
        (V2, "v2", "log-index-mismatch", |it| {
            it["logIndex"] = json!("6");
        }),
        (V2, "v2", "checkpoint-signature-invalid", |it| {
            let note = &mut it["inclusionProof"]["checkpoint"]["envelope"];
            *note = json!(note.as_str().unwrap().replace("\n11\n", "\n12\n"));
        }),
        (V2, "v2", "log-entry-kind-unknown", |it| {
            it["kindVersion"]["version"] = json!("0.0.9");
        }),
        (V1, "v1", "log-unknown", |it| {
            it[LOGGED]["logID"] = json!("00".repeat(32));
        }),
        (V1, "v1", "log-promise-invalid", |it| {
            it[LOGGED]["integratedTime"] = json!(1_795_260_601);
        }),
        (V1, "v1", "log-promise-invalid", |it| {
            it[LOGGED]["logIndex"] = json!(1006);
        }),
        (V1, "v1", "checkpoint-root-mismatch", |it| {
            let root = "00".repeat(32);
            it[LOGGED]["verification"]["inclusionProof"]["rootHash"] = json!(root);
        }),
    ];
    for (path, version, code, change) in lies {
        let before = world.listing(".");
        instance.fail(path, 1, Fault::Change(change));
        let ran = append(
            &instance,
            &world,
            version,
            "hello.sigstore.json --out out.json",
        );
        let ran = ran.refused(1, code);
        assert!(ran.out.is_empty(), "{ran:?}");
        assert_eq!(before, world.listing("."), "{code}");
    }
    // The entry of another signature, proven in every way.
    for (version, path) in LOGS {
        append(&instance, &world, version, "more.sigstore.json").yes();
        instance.fail(path, 1, Fault::Replay);
        append(&instance, &world, version, "hello.sigstore.json").refused(1, "log-entry-mismatch");
    }
}

#[test]
fn an_entry_that_is_there_already_is_known_or_nothing_is_said() {
    let instance = Instance::new();
    let world = world(&instance);
    let conflict = |location: &'static str, message: &str| {
        let body = json!({ "message": message }).to_string();
        Fault::Answer("409 Conflict", location, body)
    };
    // Rekor v1 says where, and what it answers there is verified like everything.
    let place: &'static str = format!("Location: /api/v1/log/entries/{ENTRY_ID}\r\n").leak();
    append(&instance, &world, "v1", "hello.sigstore.json").yes();
    instance.fail(V1, 1, conflict(place, "exists"));
    let known = append(&instance, &world, "v1", "hello.sigstore.json").yes();
    assert!(known.out.contains("entry 1005, known before"), "{known:?}");
    instance.fail(V1, 1, conflict(place, "exists"));
    append(&instance, &world, "v1", "more.sigstore.json").refused(1, "log-entry-mismatch");
    // Rekor v2 names a place and has no tiles here: that is its word alone.
    for says in [
        "exists",
        "exists with index 5",
        "exists with index 99999999999999999999",
    ] {
        instance.fail(V2, 1, conflict("", says));
        let ran = append(&instance, &world, "v2", "hello.sigstore.json");
        let ran = ran.refused(3, "log-entry-exists");
        assert!(ran.err.contains("attest log show --leaf"), "{ran:?}");
    }
}

#[test]
fn what_is_no_log_or_no_entry_is_refused_before_anybody_is_asked() {
    let instance = Instance::new();
    let world = world(&instance);
    let v2 = format!("--log {}/v2 --key root-v2.json", instance.address);
    let mut foreign: Value = serde_json::from_slice(&world.read("hello.sigstore.json")).unwrap();
    foreign["verificationMaterial"]["tlogEntries"] = json!(entries(&world, "more.sigstore.json"));
    world.write("foreign.json", foreign.to_string());
    world.write("junk", "{}");
    world.write("there", "");
    for (line, code) in [
        (
            format!("hello.sigstore.json --log {}/v2", instance.address),
            "bad-arguments",
        ),
        (
            "hello.sigstore.json --log .attest/log --key root-v2.json".to_owned(),
            "bad-arguments",
        ),
        (
            "hello.sigstore.json --log ftp://log.example --key root-v2.json".to_owned(),
            "service-address",
        ),
        (
            "hello.sigstore.json --out out.json".to_owned(),
            "bad-arguments",
        ),
        (
            format!("hello.sigstore.json more.sigstore.json --out out.json {v2}"),
            "bad-arguments",
        ),
        (
            format!("hello.sigstore.json --out there {v2}"),
            "file-exists",
        ),
        (format!("junk {v2}"), "entry-malformed"),
        (format!("foreign.json {v2}"), "entry-malformed"),
    ] {
        world.attest(&format!("log append {line}")).refused(2, code);
    }
    assert_eq!(instance.calls(V2), 0);
    assert!(!world.at("out.json").exists());
}
