//! `attest key rotate` and `retire`, and what acquirers believe of it: only what the recovery key says
//! whose pin they held before.

use std::fs;

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Ran, World};

/// A home with a recovery key outside of it, a release by its key, and one by the key that follows.
struct Scene {
    world: World,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        recovery(&world, "init --no-password --recovery r.key").yes();
        for name in ["next", "thief", "third"] {
            let line = format!("key generate {name}.key --no-password");
            world.attest(&line).yes();
        }
        for (from, to) in [("release", "old"), ("recovery", "r")] {
            fs::copy(
                world.at(&format!(".attest/trust/{from}.pub")),
                world.at(&format!("{to}.pub")),
            )
            .unwrap();
        }
        world.write("a/tool", "by the old key");
        world
            .attest("release a --name app --version 1 --no-password")
            .yes();
        world.write("b/tool", "by the next key");
        world
            .attest("release b --name app --version 2 --no-password --key next.key")
            .yes();
        let scene = Self { world };
        scene.trust("recovery = \"r.pub\"");
        scene
    }

    /// The signers file of an acquirer who holds the old key, with these lines.
    fn trust(&self, lines: &str) {
        self.world.write(
            "signers.toml",
            format!("version = 1\n[trust.app]\nkind = \"keys\"\nkeys = [\"old.pub\"]\n{lines}\n"),
        );
    }

    fn record(&self, line: &str) -> Ran {
        recovery(&self.world, &format!("key {line} --no-password"))
    }

    /// The old key is followed by the next one.
    fn rotated(self) -> Self {
        self.record(
            "rotate --reason superseded --successor next.pub --recovery-key r.key --out s1",
        )
        .yes();
        self
    }

    /// The next one was stolen long ago.
    fn stolen(&self) {
        self.record(
            "rotate --reason compromised --since 2026-01-01T00:00:00Z --key next.pub \
             --successor third.pub --previous s1 --recovery-key r.key --out s2",
        )
        .yes();
    }

    fn verify(&self, folder: &str, more: &str) -> Ran {
        let root = "--trusted-root .attest/trust/trusted_root.json";
        let line = format!("verify {folder} --signers signers.toml {root} --format json {more}");
        self.world.attest(line.trim_end())
    }

    fn says_no(&self, folder: &str, more: &str, code: &str) {
        let ran = self.verify(folder, more);
        assert_eq!(ran.exit, 1, "{more}: {ran:#?}");
        let quoted = format!("\"{code}\"");
        assert!(ran.out.contains(&quoted), "{more}: wanted {code}: {ran:#?}");
    }

    /// Refused before anything is verified.
    fn stops(&self, folder: &str, more: &str, exit: i32, code: &str) {
        let ran = self.verify(folder, more);
        assert_eq!(ran.exit, exit, "{more}: {ran:#?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(code), "{more}: wanted {code}: {ran:#?}");
    }
}

/// Runs with the password of a recovery key.
fn recovery(world: &World, line: &str) -> Ran {
    let mut command = world.command();
    command.args(line.split_whitespace());
    Ran::of(command.env("ATTEST_RECOVERY_PASSWORD", "apart"))
}

#[test]
fn a_record_is_in_the_audit_trail_of_its_home() {
    let scene = Scene::new().rotated();
    scene.stolen();
    let trail = fs::read_to_string(scene.world.at(".attest/audit/events.jsonl")).unwrap();
    let ends: Vec<&str> = trail
        .lines()
        .filter(|line| line.contains("\"key.rotate\"") && line.contains("\"ended\""))
        .collect();
    assert_eq!(ends.len(), 2, "{trail}");
    let wanted = format!("record {}", 2);
    assert!(ends.iter().any(|it| it.contains(&wanted)), "{ends:?}");
}

/// Also if the first did not get to where it should.
#[test]
fn a_home_signs_no_second_record_of_one_number() {
    let scene = Scene::new();
    let rotate = "rotate --reason superseded --recovery-key r.key --out";
    let lost = scene.record(&format!("{rotate} nowhere/s1 --successor next.pub"));
    assert_eq!(lost.exit, 3, "{lost:#?}");
    assert!(
        lost.err.contains("the record is made, and lies at"),
        "{lost:#?}"
    );
    scene
        .record(&format!("{rotate} s1 --successor third.pub"))
        .refused(2, "succession-forked");
    assert!(!scene.world.at("s1").exists());
}

#[test]
fn the_key_that_follows_is_believed_by_the_pinned_recovery_key_alone() {
    let scene = Scene::new().rotated();
    scene.says_no("b", "", "signer-mismatch");
    scene.verify("b", "--succession s1").yes();
    scene.verify("a", "--succession s1").yes();
    // The record may come along with the release: the recovery key does not.
    fs::copy(
        scene.world.at("s1"),
        scene.world.at("b/succession.sigstore.json"),
    )
    .unwrap();
    scene
        .verify("b", "--succession b/succession.sigstore.json")
        .yes();
    scene.stops("b", "--succession nowhere", 3, "succession-unreadable");
    scene.trust("");
    scene.stops("b", "--succession s1", 2, "succession-unexpected");
    fs::copy(scene.world.at("r.pub"), scene.world.at("b/r.pub")).unwrap();
    scene.trust("recovery = \"b/r.pub\"");
    scene.stops("b", "--succession s1", 2, "trust-beside-subject");
}

#[test]
fn a_succession_by_the_stolen_key_or_a_recovery_key_of_the_thief_counts_for_nothing() {
    let scene = Scene::new();
    // The thief has the home and its key; he rotates to a key of his own.
    scene
        .world
        .attest("key generate own-recovery.key --no-password")
        .yes();
    let line = "rotate --reason superseded --successor thief.pub --out forged";
    let with = |key: &str| {
        let mut command = scene.world.command();
        let words = format!("key {line} --recovery-key {key} --no-password");
        Ran::of(
            command
                .args(words.split_whitespace())
                .env("ATTEST_RECOVERY_PASSWORD", ""),
        )
    };
    with(".attest/keys/artifact.key").refused(2, "recovery-inside");
    fs::copy(
        scene.world.at(".attest/keys/artifact.key"),
        scene.world.at("stolen.key"),
    )
    .unwrap();
    with("stolen.key").refused(2, "bad-arguments");
    // Another tool would not ask: the same statement, signed by the stolen key.
    with("own-recovery.key").yes();
    scene.stops("b", "--succession forged", 1, "succession-not-by-recovery");
    let bundle: serde_json::Value = serde_json::from_slice(&scene.world.read("forged")).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = attest_provenance::base64::decode(payload).unwrap();
    scene.world.write("statement.json", payload);
    scene
        .world
        .attest("sign --statement statement.json --out by-stolen --no-password")
        .yes();
    scene.stops(
        "b",
        "--succession by-stolen",
        1,
        "succession-not-by-recovery",
    );
    // The pin of another recovery key, which only the release brought, is for the acquirer to not take.
    let parent = Scene::new().rotated();
    parent.verify("b", "--succession s1").yes();
}

#[test]
fn a_stolen_key_counts_only_with_an_independent_time_before() {
    let scene = Scene::new();
    let line = "retire --reason compromised --recovery-key r.key --out s1";
    scene.record(line).refused(2, "bad-arguments");
    scene
        .record(&format!("{line} --since 2026-01-01T00:00:00Z"))
        .yes();
    scene.verify("a", "").yes();
    // Whoever has the home asserts any time: its own authority proves nothing.
    scene.says_no("a", "--succession s1", "key-compromised");
    scene.says_no("a", "--succession s1 --accept no-time", "key-compromised");
    let root: serde_json::Value =
        serde_json::from_slice(&scene.world.read(".attest/trust/trusted_root.json")).unwrap();
    let name = root["timestampAuthorities"][0]["uri"].as_str().unwrap();
    let independent = format!("--succession s1 --independent {name}");
    scene.says_no("a", &independent, "key-compromised");
    // Stolen after the release: only an independent time shows that it was before.
    let scene = Scene::new();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let now = chrono();
    scene.record(&format!("{line} --since {now}")).yes();
    scene.says_no("a", "--succession s1", "time-not-independent");
    let name = {
        let root = scene.world.read(".attest/trust/trusted_root.json");
        let root: serde_json::Value = serde_json::from_slice(&root).unwrap();
        root["timestampAuthorities"][0]["uri"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    scene
        .verify("a", &format!("--succession s1 --independent {name}"))
        .yes();
}

/// Now, as a flag takes it.
fn chrono() -> String {
    jiff::Timestamp::now().to_string()
}

#[test]
fn an_older_succession_is_refused_where_a_newer_one_was_seen() {
    let scene = Scene::new().rotated();
    scene.stolen();
    let both = "--succession s1 --succession s2";
    scene.says_no("b", both, "key-compromised");
    scene.verify("a", both).yes();
    // Nobody who was given the first record alone can know of the second, unless he remembers it.
    scene.verify("b", "--succession s1").yes();
    scene.stops("b", "--succession s2", 1, "succession-incomplete");
    scene.verify("a", &format!("{both} --state seen")).yes();
    scene.stops(
        "b",
        "--succession s1 --state seen",
        1,
        "succession-rolled-back",
    );
    scene.stops("a", "--state seen", 1, "succession-rolled-back");
    scene.verify("a", &format!("{both} --state seen")).yes();
}

#[test]
fn two_histories_of_one_recovery_key_say_nothing() {
    let scene = Scene::new().rotated();
    let other = "rotate --reason superseded --successor third.pub --recovery-key r.key --out other";
    // The home that signed a first record signs no other first one.
    scene.record(other).refused(2, "succession-forked");
    assert!(!scene.world.at("other").exists());
    for entry in fs::read_dir(scene.world.at(".attest/trust")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("succession-")
        {
            fs::remove_file(path).unwrap();
        }
    }
    scene.record(other).yes();
    scene.verify("b", "--succession s1").yes();
    scene.stops(
        "b",
        "--succession s1 --succession other",
        1,
        "succession-forked",
    );
    scene.verify("b", "--succession s1 --state seen").yes();
    scene.stops(
        "b",
        "--succession other --state seen",
        1,
        "succession-forked",
    );
}

#[test]
fn a_record_speaks_of_the_groups_keys_only_and_of_no_key_that_went() {
    let scene = Scene::new();
    scene
        .record("retire --reason superseded --key third.pub --recovery-key r.key --out s1")
        .yes();
    scene.stops("a", "--succession s1", 1, "succession-foreign");
    scene.verify("a", "").yes();
    scene.world.write("garbage", "no bundle");
    scene.stops("a", "--succession garbage", 1, "succession-malformed");
    let back = Scene::new().rotated();
    back.record(
        "rotate --reason superseded --key next.pub --successor old.pub --previous s1 \
         --recovery-key r.key --out s2",
    )
    .yes();
    back.stops(
        "a",
        "--succession s1 --succession s2",
        1,
        "succession-malformed",
    );
}

/// What a recovery key says is about one group's keys: to another one it is foreign, and nothing counts.
#[test]
fn one_recovery_key_answers_for_one_group() {
    let scene = Scene::new().rotated();
    let other = |recovery: &str| {
        format!(
            "recovery = \"r.pub\"\n[trust.other]\nkind = \"keys\"\nkeys = [\"third.pub\"]\n{recovery}"
        )
    };
    scene.trust(&other(""));
    scene.verify("b", "--succession s1").yes();
    scene.trust(&other("recovery = \"r.pub\""));
    scene.verify("a", "").yes();
    scene.stops("b", "--succession s1", 1, "succession-foreign");
}

#[test]
fn old_and_new_key_are_one_signer() {
    let scene = Scene::new().rotated();
    scene.world.write("file", "signed twice");
    for (key, out) in [
        ("", "file.sigstore.json"),
        ("--key next.key ", "second.sigstore.json"),
    ] {
        let line = format!("sign {key}--no-password --out {out} file");
        scene.world.attest(&line).yes();
    }
    let both = "--bundle file.sigstore.json --bundle second.sigstore.json --succession s1";
    scene.world.write(
        "two.toml",
        "version = 1\n[trust.app]\nkind = \"keys\"\nkeys = [\"old.pub\", \"next.pub\"]\nthreshold = 2\n",
    );
    let root = "--trusted-root .attest/trust/trusted_root.json";
    let bundles = "--bundle file.sigstore.json --bundle second.sigstore.json";
    // Two holders' keys are two signers …
    scene
        .world
        .attest(&format!("verify file --signers two.toml {root} {bundles}"))
        .yes();
    // … one holder's are one, and a group with a recovery key asks no more.
    scene.trust("recovery = \"r.pub\"\nthreshold = 2");
    scene.stops("file", both, 2, "signers-malformed");
    scene.trust("recovery = \"r.pub\"");
    let line = format!("{both} --require 2");
    scene.says_no("file", &line, "signers-too-few");
}

/// Somebody else's authority whose certificates end with 2029, and a trusted root of it.
fn others(world: &World) -> Authority {
    let day = |text: &str| format!("{text}T00:00:00Z").parse().unwrap();
    let valid = Period {
        from: day("2020-01-01"),
        until: day("2030-01-01"),
    };
    let name = |text| AuthorityName::new("Time of others", text).unwrap();
    let root = AuthorityRoot::create(&name("root"), valid).unwrap();
    let leaf = root.issue(&name("others.example"), valid).unwrap();
    let raw = |der: &Vec<u8>| json!({ "rawBytes": base64::encode(der) });
    let chain: Vec<Value> = leaf.chain().iter().map(raw).collect();
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [], "certificateAuthorities": [], "ctlogs": [],
        "timestampAuthorities": [{
            "subject": { "organization": "Time of others", "commonName": "others.example" },
            "uri": "https://others.example",
            "certChain": { "certificates": chain },
            "validFor": { "start": "2020-01-01T00:00:00Z" },
        }],
    });
    world.write("others.json", root.to_string());
    leaf
}

/// What makes the signature of a stolen key count must be provable, not what the thief can say as well.
#[test]
fn the_signers_own_timestamp_does_not_outlive_the_independent_one_that_counted() {
    let scene = Scene::new();
    let world = &scene.world;
    let others = others(world);
    // Nobody independent has stamped the others.
    for name in ["SHA256SUMS", "provenance", "release.tree"] {
        fs::remove_file(world.at(&format!("a/{name}.sigstore.json"))).unwrap();
    }
    fs::remove_file(world.at("a/SHA256SUMS.sig")).unwrap();
    let path = "a/release.sigstore.json";
    let mut bundle: Value = serde_json::from_slice(&world.read(path)).unwrap();
    let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str();
    let signature = base64::decode(signature.unwrap()).unwrap();
    let digest = Artifact::of_bytes(&signature, Hashes::Sha256).sha256();
    let token = others
        .at(Timestamp::now())
        .timestamp_digest(&digest)
        .unwrap();
    let stamps =
        &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
    let stamp = json!({ "signedTimestamp": base64::encode(&token) });
    stamps.as_array_mut().unwrap().push(stamp);
    world.write(path, bundle.to_string());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let line = format!(
        "retire --reason compromised --since {} --recovery-key r.key --out s1",
        chrono()
    );
    scene.record(&line).yes();
    let roots = "--trusted-root .attest/trust/trusted_root.json --trusted-root others.json";
    let add = format!("archive add a --archive kept --key old.pub {roots}");
    world.attest(&add).yes();
    let export = "archive export app@1 --archive kept --out ./bag";
    world.attest(export).yes();
    let independent = "--succession s1 --independent others.example";
    for what in ["--archive kept", "./bag"] {
        let verify = |more: &str| {
            let signers = format!("--signers signers.toml {roots}");
            world.attest(&format!("archive verify {what} {signers} {more}"))
        };
        // The parents: a key that nobody has lost, and a time that can still be proven.
        let ran = verify("--at 2040-01-01").yes();
        assert!(ran.out.contains("proof of time good until"), "{ran:#?}");
        verify(&format!("{independent} --at 2029-12-01")).yes();
        for (more, code) in [
            ("--succession s1".to_owned(), "time-not-independent"),
            (format!("{independent} --at 2040-01-01"), "proof-expired"),
        ] {
            let ran = verify(&more);
            assert_eq!(ran.exit, 1, "{more}: {ran:#?}");
            assert!(ran.out.contains(code), "{more}: {ran:#?}");
        }
    }
    let place = format!("--archive kept --signers signers.toml {roots}");
    let status = |more: &str| world.attest(&format!("status {place} {more} --at 2040-01-01"));
    status("--independent others.example").yes();
    let ran = status(independent);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("EXPIRED"), "{ran:#?}");
    // What ends first is renewed first.
    let signers = String::from_utf8(world.read("signers.toml")).unwrap();
    let declared = "version = 1\nindependent = [\"others.example\"]";
    world.write("signers.toml", signers.replace("version = 1", declared));
    let renew = format!("archive renew {place} --self-asserted --no-password --within 3000");
    let ran = world.attest(&renew).yes();
    assert!(ran.out.contains("nothing was renewed"), "{ran:#?}");
    let ran = world.attest(&format!("{renew} --succession s1")).yes();
    assert!(ran.out.contains("app@1  renewed"), "{ran:#?}");
    // Whoever has stolen the home can date that back.
    let verify = format!("archive verify {place} --succession s1 --at 2040-01-01");
    let ran = world.attest(&verify);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let said = "renewal does not count: time-not-independent";
    assert!(
        ran.out.contains("proof-expired") && ran.out.contains(said),
        "{ran:#?}"
    );
}
