//! Repositories that lie, served on loopback; each is an honest one with one change.

mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use attest_verify::EmbeddedRoot;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sigstore_tuf::canonical_json;

use super::*;
use crate::RoleBytes;
use server::{Answer, serve, serve_with};

/// A key with its id.
#[derive(Clone)]
struct Key {
    id: String,
    seed: [u8; 32],
}

impl Key {
    fn new(number: u8) -> Self {
        Self {
            id: hex::encode([number; 32]),
            seed: [number; 32],
        }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).unwrap()
    }

    fn public(&self) -> Value {
        json!({"keytype": "ed25519", "scheme": "ed25519",
               "keyval": {"public": hex::encode(self.pair().public_key().as_ref())}})
    }
}

fn sign(signed: &Value, keys: &[Key]) -> Vec<u8> {
    let bytes = canonical_json::to_canonical_bytes(signed).unwrap();
    let signatures: Vec<Value> = keys
        .iter()
        .map(|it| json!({"keyid": it.id, "sig": hex::encode(it.pair().sign(&bytes).as_ref())}))
        .collect();
    serde_json::to_vec(&json!({"signed": signed, "signatures": signatures})).unwrap()
}

/// What a repository is made of; the roles share one key, unless a test says otherwise.
#[derive(Clone)]
struct Plan {
    roots: Vec<Value>,
    root_signers: Vec<Vec<Key>>,
    timestamp: Value,
    snapshot: Value,
    targets: Value,
    signers: Vec<Key>,
    target: Vec<u8>,
}

const NOW: &str = "2026-11-21T12:00:00Z";
const LATER: &str = "2027-11-21T12:00:00Z";
const EARLIER: &str = "2026-11-20T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn root(version: u64, keys: &[Key], threshold: usize) -> Value {
    let ids: Vec<&str> = keys.iter().map(|it| it.id.as_str()).collect();
    let role = json!({"keyids": ids, "threshold": threshold});
    let named: BTreeMap<&str, Value> = keys
        .iter()
        .map(|it| (it.id.as_str(), it.public()))
        .collect();
    json!({"_type": "root", "spec_version": "1.0.31", "version": version, "expires": LATER,
           "consistent_snapshot": true, "keys": named,
           "roles": {"root": role, "timestamp": role, "snapshot": role, "targets": role}})
}

fn sha256(bytes: &[u8]) -> String {
    let digest = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256).sha256();
    hex::encode(digest.as_bytes())
}

impl Plan {
    fn honest() -> Self {
        let keys = vec![Key::new(1), Key::new(2)];
        let target = b"{\"the\":\"trusted root\"}".to_vec();
        Self {
            roots: vec![root(1, &keys, 2)],
            root_signers: vec![keys.clone()],
            timestamp: json!({"_type": "timestamp", "spec_version": "1.0.31", "version": 7,
                "expires": LATER, "meta": {"snapshot.json": {"version": 5}}}),
            snapshot: json!({"_type": "snapshot", "spec_version": "1.0.31", "version": 5,
                "expires": LATER, "meta": {"targets.json": {"version": 3}}}),
            targets: json!({"_type": "targets", "spec_version": "1.0.31", "version": 3,
                "expires": LATER,
                "targets": {"trusted_root.json": {"length": target.len(), "hashes": {"sha256": sha256(&target)}}}}),
            signers: keys,
            target,
        }
    }

    fn root_bytes(&self, index: usize) -> Vec<u8> {
        sign(&self.roots[index], &self.root_signers[index])
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            roots: (0..self.roots.len())
                .map(|it| self.root_bytes(it))
                .collect(),
            roles: Some(RoleBytes {
                timestamp: sign(&self.timestamp, &self.signers),
                snapshot: sign(&self.snapshot, &self.signers),
                targets: sign(&self.targets, &self.signers),
            }),
        }
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let metadata = self.metadata();
        let roles = metadata.roles.unwrap();
        let version = |of: &Value| of["version"].as_u64().unwrap();
        let mut files = BTreeMap::from([
            ("timestamp.json".to_owned(), roles.timestamp),
            (
                format!("{}.snapshot.json", version(&self.snapshot)),
                roles.snapshot,
            ),
            (
                format!("{}.targets.json", version(&self.targets)),
                roles.targets,
            ),
            (
                format!("targets/{}.trusted_root.json", sha256(&self.target)),
                self.target.clone(),
            ),
        ]);
        for (root, bytes) in self.roots.iter().zip(metadata.roots) {
            files.insert(format!("{}.root.json", version(root)), bytes);
        }
        files
    }

    fn refresh(&self) -> Result<Refreshed, TufError> {
        self.refresh_after(None)
    }

    fn refresh_after(&self, kept: Option<&Metadata>) -> Result<Refreshed, TufError> {
        let start = Metadata::of_root(self.root_bytes(0));
        refresh(&start, kept, &serve(self.files()), PATIENCE, now())
    }

    #[track_caller]
    fn refused(&self, code: &str) {
        let error = self.refresh().unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    total: Duration::from_secs(2),
};

#[test]
fn every_embedded_root_is_proven_as_far_as_its_source_says() {
    for embedded in EmbeddedRoot::ALL {
        let chain = embedded.chain();
        let metadata = Metadata {
            roots: chain.roots.iter().map(|it| it.to_vec()).collect(),
            roles: chain.roles.map(|it| RoleBytes {
                timestamp: it.timestamp.to_vec(),
                snapshot: it.snapshot.to_vec(),
                targets: it.targets.to_vec(),
            }),
        };
        let as_of = chain.roles.map_or(NOW, |it| it.as_of).parse().unwrap();
        let walk = prove(&metadata, embedded.trusted_root(), as_of).unwrap();
        let wanted = match embedded.name() {
            "@public-good" => ((14, 16), Some((769, 165, 14))),
            "@staging" => ((14, 15), None),
            "@github" => ((9, 9), None),
            other => panic!("{other}"),
        };
        let roles = walk.roles.map(|it| (it.timestamp, it.snapshot, it.targets));
        assert_eq!((walk.roots, roles), wanted, "{}", embedded.name());
    }
}

#[test]
fn the_embedded_signing_config_is_the_one_that_the_proven_targets_name() {
    // That these targets are signed is asserted above.
    let mut compared = 0;
    for embedded in EmbeddedRoot::ALL {
        let Some((roles, config)) = embedded.chain().roles.zip(embedded.signing_config()) else {
            continue;
        };
        let targets: Value = serde_json::from_slice(roles.targets).unwrap();
        let named = &targets["signed"]["targets"]["signing_config.v0.2.json"];
        let found = (config.len(), sha256(config));
        let wanted = json!({"length": found.0, "hash": found.1});
        let named = json!({"length": named["length"], "hash": named["hashes"]["sha256"]});
        assert_eq!(named, wanted, "{}", embedded.name());
        compared += 1;
    }
    assert_eq!(compared, 1, "@public-good");
}

#[test]
fn another_file_than_the_signed_one_is_not_proven() {
    let chain = EmbeddedRoot::DEFAULT.chain();
    let roles = chain.roles.unwrap();
    let metadata = Metadata {
        roots: chain.roots.iter().map(|it| it.to_vec()).collect(),
        roles: Some(RoleBytes {
            timestamp: roles.timestamp.to_vec(),
            snapshot: roles.snapshot.to_vec(),
            targets: roles.targets.to_vec(),
        }),
    };
    let as_of = roles.as_of.parse().unwrap();
    let mut other = EmbeddedRoot::DEFAULT.trusted_root().to_vec();
    other.push(b' ');
    let error = prove(&metadata, &other, as_of).unwrap_err();
    assert_eq!(error.code(), "tuf-integrity");
    let error = prove(&metadata, EmbeddedRoot::DEFAULT.trusted_root(), now()).unwrap_err();
    assert_eq!(error.code(), "tuf-expired");
}

#[test]
fn an_honest_repository_leads_to_its_trusted_root() {
    let plan = Plan::honest();
    let refreshed = plan.refresh().unwrap();
    assert_eq!(refreshed.target, plan.target);
    assert_eq!(refreshed.walk.roots, (1, 1));
    assert!(!refreshed.compared);
    assert_eq!(refreshed.metadata, plan.metadata());
    prove(&refreshed.metadata, &plan.target, now()).unwrap();
}

#[test]
fn keys_are_rotated_by_those_before_them() {
    let mut plan = Plan::honest();
    let (old, new) = (plan.signers.clone(), vec![Key::new(3), Key::new(4)]);
    plan.roots.push(root(2, &new, 2));
    plan.root_signers.push([old.clone(), new.clone()].concat());
    plan.signers = new.clone();
    let refreshed = plan.refresh().unwrap();
    assert_eq!(refreshed.walk.roots, (1, 2));
    // Not by themselves alone, nor by those before alone.
    for signers in [new, old] {
        let mut alone = plan.clone();
        alone.root_signers[1] = signers;
        alone.refused("tuf-threshold");
    }
}

#[test]
fn a_root_that_skips_a_version_is_refused() {
    let mut plan = Plan::honest();
    let signers = plan.signers.clone();
    let files = {
        plan.roots.push(root(3, &signers, 2));
        plan.root_signers.push(signers);
        let mut files = plan.files();
        let skipped = files.remove("3.root.json").unwrap();
        files.insert("2.root.json".to_owned(), skipped);
        files
    };
    let start = Metadata::of_root(plan.root_bytes(0));
    let error = refresh(&start, None, &serve(files), PATIENCE, now()).unwrap_err();
    assert_eq!(error.code(), "tuf-root-version");
}

#[test]
fn what_is_older_than_what_was_seen_is_a_rollback() {
    let old = Plan::honest();
    let mut newer = old.clone();
    newer.timestamp["version"] = json!(8);
    newer.timestamp["meta"]["snapshot.json"]["version"] = json!(6);
    newer.snapshot["version"] = json!(6);
    newer.snapshot["meta"]["targets.json"]["version"] = json!(4);
    newer.targets["version"] = json!(4);
    let kept = newer.refresh_after(Some(&old.metadata())).unwrap();
    assert!(kept.compared);
    let error = old.refresh_after(Some(&kept.metadata)).unwrap_err();
    assert_eq!(error.code(), "tuf-rollback", "{error}");
    // A newer timestamp that leads to an older snapshot, and a newer snapshot that leads to older
    // targets, are rollbacks as well.
    let mut mixed = old.clone();
    mixed.timestamp["version"] = json!(9);
    let error = mixed.refresh_after(Some(&kept.metadata)).unwrap_err();
    assert_eq!(error.code(), "tuf-rollback", "{error}");
    mixed.timestamp["meta"]["snapshot.json"]["version"] = json!(7);
    mixed.snapshot["version"] = json!(7);
    let error = mixed.refresh_after(Some(&kept.metadata)).unwrap_err();
    assert_eq!(error.code(), "tuf-rollback", "{error}");
}

/// What somebody else signed, or another repository, would set no floor, and the one that was seen be forgotten.
#[test]
fn what_was_kept_is_of_this_repository_and_signed_by_it() {
    let honest = Plan::honest();
    let start = Metadata::of_root(honest.root_bytes(0));
    let mut thief = honest.clone();
    thief.signers = vec![Key::new(8), Key::new(9)];
    thief.target = b"{\"the\":\"root of a thief\"}".to_vec();
    thief.timestamp["version"] = json!(99);
    let target = &mut thief.targets["targets"]["trusted_root.json"];
    *target = json!({"length": thief.target.len(), "hashes": {"sha256": sha256(&thief.target)}});
    let mut kept = honest.metadata();
    kept.roles = thief.metadata().roles;
    for files in [honest.files(), thief.files()] {
        let error = refresh(&start, Some(&kept), &serve(files), PATIENCE, now()).unwrap_err();
        assert_eq!(error.code(), "tuf-state-unusable", "{error}");
    }
    // A repository of its own, whole: with another first root, and with none of the same version.
    for version in [1, 4] {
        let mut other = honest.clone();
        other.signers = vec![Key::new(5), Key::new(6)];
        other.roots = vec![root(version, &other.signers, 2)];
        other.root_signers = vec![other.signers.clone()];
        let error = honest.refresh_after(Some(&other.metadata())).unwrap_err();
        assert_eq!(error.code(), "tuf-state-unusable", "{error}");
    }
    // Roots alone are no state: a floor was there, and is gone.
    let error = honest.refresh_after(Some(&start)).unwrap_err();
    assert_eq!(error.code(), "tuf-state-unusable", "{error}");
    // What ended since was seen nevertheless.
    let mut ended = honest.clone();
    ended.timestamp["expires"] = json!(EARLIER);
    let mut newer = honest.clone();
    newer.timestamp["version"] = json!(8);
    newer.refresh_after(Some(&ended.metadata())).unwrap();
}

/// A program that came with a later chain than what was kept forgets nothing of it.
#[test]
fn the_later_of_what_is_known_and_what_was_kept_is_the_floor() {
    let old = Plan::honest();
    let mut newer = old.clone();
    newer.timestamp["version"] = json!(8);
    let asked = |known: &Plan, kept: &Plan, shown: &Plan| {
        let server = serve(shown.files());
        let refreshed = refresh(
            &known.metadata(),
            Some(&kept.metadata()),
            &server,
            PATIENCE,
            now(),
        );
        refreshed.map_err(|error| error.code())
    };
    for (known, kept) in [(&newer, &old), (&old, &newer)] {
        assert_eq!(asked(known, kept, &old).unwrap_err(), "tuf-rollback");
        asked(known, kept, &newer).unwrap();
    }
}

#[test]
fn what_expired_is_refused_whichever_role_it_is() {
    for role in 0..4 {
        let mut plan = Plan::honest();
        let of = match role {
            0 => &mut plan.roots[0],
            1 => &mut plan.timestamp,
            2 => &mut plan.snapshot,
            _ => &mut plan.targets,
        };
        of["expires"] = json!(EARLIER);
        plan.refused("tuf-expired");
    }
}

#[test]
fn a_frozen_repository_is_refused_once_its_timestamp_expired() {
    let plan = Plan::honest();
    let kept = plan.refresh().unwrap().metadata;
    plan.refresh_after(Some(&kept)).unwrap();
    let start = Metadata::of_root(plan.root_bytes(0));
    let later = "2027-11-22T12:00:00Z".parse().unwrap();
    let error = refresh(&start, Some(&kept), &serve(plan.files()), PATIENCE, later).unwrap_err();
    assert_eq!(error.code(), "tuf-expired");
}

#[test]
fn too_few_signatures_are_refused() {
    let mut plan = Plan::honest();
    plan.signers.pop();
    plan.refused("tuf-threshold");
    // Signatures of somebody else do not count.
    plan.signers.push(Key::new(9));
    plan.refused("tuf-threshold");
}

#[test]
fn one_signature_twice_and_one_key_under_two_ids_do_not_count_twice() {
    let mut plan = Plan::honest();
    plan.signers = vec![Key::new(1), Key::new(1)];
    plan.refused("tuf-signature-duplicate");
    let mut plan = Plan::honest();
    let alias = Key {
        id: hex::encode([7; 32]),
        seed: [1; 32],
    };
    let keys = vec![Key::new(1), alias];
    plan.roots = vec![root(1, &keys, 2)];
    plan.root_signers = vec![keys.clone()];
    plan.signers = keys;
    plan.refused("tuf-signature-duplicate");
}

#[test]
fn a_threshold_of_none_is_refused() {
    let mut plan = Plan::honest();
    plan.roots[0]["roles"]["targets"]["threshold"] = json!(0);
    plan.refused("tuf-malformed");
}

#[test]
fn what_is_no_metadata_is_refused_wherever_it_stands() {
    let plan = Plan::honest();
    let deep = "[".repeat(100_000);
    for name in [
        "2.root.json",
        "timestamp.json",
        "5.snapshot.json",
        "3.targets.json",
    ] {
        for bytes in ["", "null", "{}", "[]", "{\"signed\":{}}", &deep[..10_000]] {
            let mut files = plan.files();
            files.insert(name.to_owned(), bytes.as_bytes().to_vec());
            let start = Metadata::of_root(plan.root_bytes(0));
            let error = refresh(&start, None, &serve(files), PATIENCE, now()).unwrap_err();
            assert_eq!(error.code(), "tuf-malformed", "{name}: {bytes:.20} {error}");
        }
    }
    // The right metadata in another role's place.
    let files = plan.files();
    let mut swapped = files.clone();
    swapped.insert(
        "timestamp.json".to_owned(),
        files["5.snapshot.json"].clone(),
    );
    let start = Metadata::of_root(plan.root_bytes(0));
    let error = refresh(&start, None, &serve(swapped), PATIENCE, now()).unwrap_err();
    assert_eq!(error.code(), "tuf-malformed", "{error}");
}

#[test]
fn another_target_than_the_signed_one_is_refused() {
    let plan = Plan::honest();
    let name = format!("targets/{}.trusted_root.json", sha256(&plan.target));
    for other in [&b"{\"the\":\"trusted rooT\"}"[..], b"{}"] {
        let mut files = plan.files();
        files.insert(name.clone(), other.to_vec());
        let start = Metadata::of_root(plan.root_bytes(0));
        let error = refresh(&start, None, &serve(files), PATIENCE, now()).unwrap_err();
        assert_eq!(error.code(), "tuf-integrity", "{error}");
    }
}

#[test]
fn a_repository_without_the_target_or_a_role_is_refused() {
    let mut plan = Plan::honest();
    plan.targets["targets"] =
        json!({"../trusted_root.json": {"length": 2, "hashes": {"sha256": sha256(b"{}")}}});
    plan.refused("tuf-target-missing");
    let plan = Plan::honest();
    for missing in ["timestamp.json", "5.snapshot.json", "3.targets.json"] {
        let mut files = plan.files();
        files.remove(missing);
        let start = Metadata::of_root(plan.root_bytes(0));
        let error = refresh(&start, None, &serve(files), PATIENCE, now()).unwrap_err();
        assert_eq!(error.code(), "tuf-file-missing", "{missing}");
    }
}

#[test]
fn a_name_that_leaves_the_repository_is_never_asked_for() {
    for hash in [
        "../../etc/passwd",
        "%2e%2e/x",
        "http://127.0.0.1:1/x",
        "a/b",
    ] {
        let mut plan = Plan::honest();
        plan.targets["targets"]["trusted_root.json"]["hashes"] = json!({"sha256": hash});
        plan.refused("tuf-name-unsafe");
    }
}

#[test]
fn a_file_that_does_not_end_is_cut_off() {
    for endless in [
        "2.root.json",
        "timestamp.json",
        "5.snapshot.json",
        "3.targets.json",
    ] {
        let plan = Plan::honest();
        let files = plan.files();
        let address = serve_with(move |path| match files.get(path) {
            _ if path == endless => Answer::Endless,
            Some(bytes) => Answer::File(bytes.clone()),
            None => Answer::Status("404 Not Found", String::new()),
        });
        let start = Metadata::of_root(plan.root_bytes(0));
        let error = refresh(&start, None, &address, PATIENCE, now()).unwrap_err();
        assert_eq!(error.code(), "tuf-too-large", "{endless}");
    }
}

#[test]
fn redirects_errors_and_silence_are_not_waited_out() {
    type Case = (fn() -> Answer, &'static str);
    let cases: [Case; 3] = [
        (
            || Answer::Status("302 Found", "Location: http://127.0.0.1:1/\r\n".to_owned()),
            "tuf-redirect",
        ),
        (
            || Answer::Status("500 Oops", String::new()),
            "tuf-http-status",
        ),
        (|| Answer::Silence, "tuf-timeout"),
    ];
    for (answer, code) in cases {
        let start = Metadata::of_root(Plan::honest().root_bytes(0));
        let address = serve_with(move |_| answer());
        let error = refresh(&start, None, &address, PATIENCE, now()).unwrap_err();
        assert_eq!(error.code(), code);
    }
    let start = Metadata::of_root(Plan::honest().root_bytes(0));
    let error = refresh(&start, None, "http://127.0.0.1:1", PATIENCE, now()).unwrap_err();
    assert_eq!(error.code(), "tuf-unreachable");
    for address in ["ftp://a.example", "a.example", "http://a:b@c.example"] {
        let error = refresh(&start, None, address, PATIENCE, now()).unwrap_err();
        assert_eq!(error.code(), "tuf-address", "{address}");
    }
}

#[test]
fn a_root_to_start_from_must_sign_itself() {
    let mut plan = Plan::honest();
    plan.root_signers[0].pop();
    plan.refused("tuf-root-unusable");
    let start = Metadata::of_root(b"{}".to_vec());
    let error = refresh(&start, None, "http://127.0.0.1:1", PATIENCE, now()).unwrap_err();
    assert_eq!(error.code(), "tuf-root-unusable");
}

#[test]
fn what_is_kept_is_read_as_it_was_written_and_nothing_else() {
    let metadata = Plan::honest().metadata();
    let json = metadata.to_json();
    assert_eq!(Metadata::parse(&json).unwrap(), metadata);
    let text = String::from_utf8(json).unwrap();
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"roots\":[", "\"roots\":[7,"),
        ("\"timestamp\"", "\"timestomp\""),
        ("{\"roots\"", "{\"x\":1,\"roots\""),
        ("}\n", "} {}"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = Metadata::parse(changed.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "tuf-state-unusable", "{to}");
    }
}
