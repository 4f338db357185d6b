//! `attest log monitor` on entries that somebody made so that they are not found.

use std::fs;
use std::path::{Path, PathBuf};

use attest_log::{CheckpointSigner, Log, LogKey, SignerError};
use attest_provenance::base64;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::support::{Ran, World};

struct Key(SigningKey, LogKey);

impl CheckpointSigner for Key {
    fn key(&self) -> &LogKey {
        &self.1
    }

    fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> {
        Ok(self.0.sign(text).to_bytes())
    }
}

/// A log with whatever anybody likes to enter.
fn log_of(world: &World, name: &str, bodies: &[Vec<u8>]) -> PathBuf {
    let secret = SigningKey::from_bytes(&[7; 32]);
    let key = LogKey::new("log.example", secret.verifying_key().as_bytes()).unwrap();
    world.write("vkey", key.to_string());
    let (folder, copy) = (world.at(name), world.at(&format!("{name}.copy/checkpoint")));
    let signer = Key(secret, key);
    let mut log = Log::create(&folder, &copy, &signer).unwrap();
    log.append(bodies).unwrap();
    folder
}

fn monitor(world: &World, log: &Path, more: &[&str]) -> Ran {
    let vkey = String::from_utf8(world.read("vkey")).unwrap();
    let log = log.to_str().unwrap();
    let first = ["log", "monitor", "--log", log, "--log-key", &vkey];
    world.attest_with(&[first.as_slice(), more].concat())
}

fn found(ran: &Ran, code: &str, index: u64) {
    assert_eq!(ran.exit, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains(code) && ran.out.contains(&format!("entry {index} is of ")),
        "{}",
        ran.out
    );
}

const ALICE: [&str; 4] = [
    "--identity",
    "alice@example.com",
    "--issuer",
    "https://issuer.example",
];

#[test]
fn our_signature_over_another_digest_or_by_another_key_is_not_ours() {
    let world = World::new();
    let folder = crate::page::root().join("fixtures/log/one-signature-two-keys");
    let file = |name: &str| fs::read(folder.join(name)).unwrap();
    let known = folder.join("ours.sigstore.json");
    let search = [
        &ALICE[..],
        &["--from", "0", "--known", known.to_str().unwrap()],
    ]
    .concat();
    let ours = file("ours.json");
    let honest = log_of(&world, "honest", &[ours.clone(), file("another-log.json")]);
    monitor(&world, &honest, &search).yes();
    for name in ["another-digest.json", "another-key.json"] {
        let log = log_of(&world, name, &[ours.clone(), file(name)]);
        let ran = monitor(&world, &log, &search);
        found(&ran, "log-entry-foreign", 1);
        assert!(!ran.out.contains("entry 0 "), "{}", ran.out);
    }
}

/// An entry with these keys in their order.
fn entry_of(keys: &[String]) -> Vec<u8> {
    let of = |key: &String| json!({"signature": "AA==", "verifier": key});
    let signatures: Vec<Value> = keys.iter().map(of).collect();
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {"signatures": signatures}})
        .to_string()
        .into_bytes()
}

/// The base64 of an Ed25519 key of no one.
fn throw_away(number: u32) -> String {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    let key = SigningKey::from_bytes(&seed).verifying_key();
    let head = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    base64::encode(&[head.as_slice(), key.as_bytes()].concat())
}

#[test]
fn our_key_is_found_behind_as_many_others_as_an_entry_can_have() {
    let world = World::new();
    let ours = throw_away(u32::MAX);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{ours}\n-----END PUBLIC KEY-----\n");
    world.write("ours.pub", pem);
    for many in [0, 255, 256, 257, 600] {
        let mut keys: Vec<String> = (0..many).map(throw_away).collect();
        let without = log_of(&world, &format!("without{many}"), &[entry_of(&keys)]);
        let search = ["--from", "0", "--key", "ours.pub"];
        monitor(&world, &without, &search).yes();
        keys.push(ours.clone());
        let with = log_of(&world, &format!("with{many}"), &[entry_of(&keys)]);
        found(&monitor(&world, &with, &search), "log-entry-foreign", 0);
    }
}

#[test]
fn names_of_any_length_leave_a_state_that_the_next_run_reads() {
    let world = World::new();
    // A certificate in one of our names is made by anybody; so is one with a name of 34 KiB.
    let folder = crate::page::root().join("fixtures/log/long-name");
    let entry: Value =
        serde_json::from_slice(&fs::read(folder.join("entry.json")).unwrap()).unwrap();
    let bodies: Vec<Vec<u8>> = (0..520)
        .map(|number| {
            let mut entry = entry.clone();
            entry["spec"]["number"] = json!(number);
            entry.to_string().into_bytes()
        })
        .collect();
    let log = log_of(&world, "log", &bodies);
    let name = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/*";
    let search = [
        "--identity",
        name,
        "--issuer",
        "https://issuer.example",
        "--from",
        "0",
        "--state",
        "state.json",
    ];
    for _ in 0..2 {
        found(&monitor(&world, &log, &search), "log-entry-foreign", 519);
        assert!(world.read("state.json").len() < 1 << 20);
    }
}
