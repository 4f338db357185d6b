//! Signers written down in a file, keys that were lost, and signers who are denied.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::signers::People;
use super::{code_of, lone_code, sha256};
use crate::support::{Ran, World};

/// A file that Alice signed, and a signers file with these lines.
fn signed(lines: &str) -> People {
    let people = People::new();
    people.world.write("x", "x");
    people.sign("alice", "x", "x.sigstore.json");
    write(&people, lines);
    people
}

fn write(people: &People, lines: &str) {
    people
        .world
        .write("signers.toml", format!("version = 1\n{lines}\n"));
}

fn pin(people: &People, key: &str) -> String {
    let key = attest_verify::PublicKey::parse(&people.world.read(key)).unwrap();
    format!("sha256:{}", hex::encode(key.fingerprint()))
}

fn keys(list: &str) -> String {
    format!("[trust.releng]\nkind = \"keys\"\nkeys = [{list}]")
}

fn ask(people: &People, more: &str) -> Ran {
    people.verify(&format!("x --signers signers.toml{more}"))
}

#[track_caller]
fn refuses(people: &People, more: &str, code: &str) {
    let ran = ask(people, more);
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, code), "{ran:#?}");
}

/// Whoever can write there swaps the file while it is read: what is compared with the pin is what is trusted.
#[test]
fn a_key_that_is_swapped_while_it_is_read_is_not_the_pinned_one() {
    let people = People::new();
    let world = &people.world;
    world.write("rel/x", "x");
    people.sign("bob", "rel/x", "rel/x.sigstore.json");
    let pin = sha256(&world.read("alice.pub"));
    let entry = format!("{{ file = \"rel/key.pub\", sha256 = \"{pin}\" }}");
    write(&people, &keys(&entry));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for name in ["alice", "bob"] {
                    fs::copy(world.at(&format!("{name}.pub")), world.at("next")).unwrap();
                    fs::rename(world.at("next"), world.at("rel/key.pub")).unwrap();
                }
            }
        });
        let ask = || {
            let ran = people.verify("rel/x --signers signers.toml");
            if ran.exit == 2 {
                ran.refused(2, "pin-not-found").exit
            } else {
                ran.exit
            }
        };
        let exits: Vec<i32> = (0..60).map(|_| ask()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(!exits.contains(&0), "{exits:?}");
        assert!(exits.contains(&1), "the pinned key is found: {exits:?}");
    });
}

#[test]
fn keys_of_a_file_are_accepted_by_file_and_by_pin() {
    let people = signed(&keys("\"alice.pub\""));
    ask(&people, "").yes();
    write(
        &people,
        &keys(&format!("\"{}\"", pin(&people, "alice.pub"))),
    );
    ask(&people, "").yes();
    write(&people, &keys("\"bob.pub\""));
    refuses(&people, "", "signer-mismatch");
    // One that is not at hand leaves the others; none is a bad request.
    let lost = format!("\"sha256:{}\"", "0".repeat(64));
    write(&people, &keys(&format!("{lost}, \"alice.pub\"")));
    ask(&people, "").yes();
    write(&people, &keys(&lost));
    ask(&people, "").refused(2, "pin-not-found");
}

#[test]
fn a_threshold_counts_different_keys() {
    let two = "threshold = 2\n[trust.releng]\nkind = \"keys\"\nkeys = [\"alice.pub\", \"bob.pub\"]";
    let two = two.replacen("threshold = 2\n", "", 1) + "\nthreshold = 2";
    let people = signed(&two);
    refuses(&people, "", "signers-too-few");
    people.sign("alice", "x", "x.sigstore");
    refuses(&people, "", "signers-too-few");
    people.sign("bob", "x", "x.sigstore");
    ask(&people, "").yes();
    // Any group suffices, but one whose own threshold is not met adds nobody.
    write(
        &people,
        &format!("{two}\n[trust.carol]\nkind = \"keys\"\nkeys = [\"carol.pub\"]"),
    );
    fs::remove_file(people.world.at("x.sigstore.json")).unwrap();
    refuses(&people, "", "signers-too-few");
    people.sign("carol", "x", "x.sigstore.json");
    ask(&people, "").yes();
    refuses(&people, " --require 2", "signers-too-few");
    // One key under two names is one.
    fs::copy(people.world.at("alice.pub"), people.world.at("also.pub")).unwrap();
    write(
        &people,
        &(keys("\"alice.pub\", \"also.pub\"") + "\nthreshold = 2"),
    );
    ask(&people, "").refused(2, "signers-unsatisfiable");
}

#[test]
fn a_file_that_is_not_understood_is_a_bad_request() {
    let people = signed("");
    for lines in [
        "",
        "[trust.x]\nkind = \"keys\"",
        "[trust.x]\nkind = \"keys\"\nkeys = []",
        "[trust.x]\nkind = \"keys\"\nkeys = [\"alice.pub\"]\ntreshold = 2",
        "[trust.x]\nkind = \"sigstore\"\nidentity = \"a@example.com\"",
        "[trust.x]\nkind = \"sigstore\"\nidentity = \".*\"\nissuer = \"https://issuer.example\"",
    ] {
        write(&people, lines);
        ask(&people, "").refused(2, "signers-malformed");
    }
    let ran = ask(&people, "");
    assert!(
        ran.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("line 4"),
        "{ran:#?}"
    );
    people
        .verify("x --signers nowhere.toml")
        .refused(2, "signers-unreadable");
}

#[test]
fn a_signers_file_inside_the_folder_needs_a_pin() {
    let people = People::new();
    people.world.write("made/x", "x");
    let list = format!("{}  x\n", sha256(b"x"));
    people.world.write("made/SHA256SUMS", list);
    people.sign("alice", "made/SHA256SUMS", "made/SHA256SUMS.sigstore.json");
    let text = format!(
        "version = 1\n{}",
        keys(&format!("\"{}\"", pin(&people, "alice.pub")))
    );
    people.world.write("made/signers.toml", &text);
    people
        .verify("made --signers made/signers.toml")
        .refused(2, "trust-beside-subject");
    let right = sha256(text.as_bytes());
    let ran = people
        .verify(&format!("made --signers made/signers.toml@sha256:{right}"))
        .yes();
    assert_eq!(
        code_of(&ran.json(), "signers.toml").as_deref(),
        Some("evidence")
    );
    people
        .verify(&format!(
            "made --signers made/signers.toml@sha256:{}",
            "0".repeat(64)
        ))
        .refused(2, "pin-not-found");
    // The pin covers the file, and not the files that it names.
    let text = format!("version = 1\n{}", keys("\"alice.pub\""));
    people.world.write("made/signers.toml", &text);
    fs::copy(
        people.world.at("alice.pub"),
        people.world.at("made/alice.pub"),
    )
    .unwrap();
    let right = sha256(text.as_bytes());
    people
        .verify(&format!("made --signers made/signers.toml@sha256:{right}"))
        .refused(2, "trust-beside-subject");
}

fn limited(limit: &str) -> String {
    keys(&format!("{{ file = \"alice.pub\", {limit} }}"))
}

/// CVE-2026-54787: a key is judged at the time of the signature.
#[test]
fn a_key_counts_while_it_is_valid() {
    let people = signed(&limited(
        "not_before = 2020-01-01T00:00:00Z, not_after = 2100-01-01T00:00:00Z",
    ));
    ask(&people, "").yes();
    for limit in [
        "not_after = 2020-01-01T00:00:00Z",
        "not_before = 2100-01-01T00:00:00Z",
    ] {
        write(&people, &limited(limit));
        refuses(&people, "", "key-outside-validity");
        // Naming the key by a flag as well does not lift what is known of it.
        refuses(&people, " --key alice.pub", "key-outside-validity");
    }
}

#[test]
fn a_key_with_a_window_needs_a_time() {
    let people = signed(&limited("not_after = 2100-01-01T00:00:00Z"));
    let mut bundle = people.world.read("x.sigstore.json");
    let mut value: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    value["verificationMaterial"]["timestampVerificationData"] = json!({});
    bundle = value.to_string().into_bytes();
    people.world.write("x.sigstore.json", &bundle);
    refuses(&people, " --accept no-time", "time-missing");
    write(
        &people,
        &limited("compromised_since = 2100-01-01T00:00:00Z"),
    );
    refuses(&people, " --accept no-time", "time-not-independent");
    write(&people, &keys("\"alice.pub\""));
    ask(&people, " --accept no-time").yes();
}

#[test]
fn a_compromised_key_needs_an_independent_time_before() {
    let people = signed(&limited("compromised_since = 2100-01-01T00:00:00Z"));
    refuses(&people, "", "time-not-independent");
    let ran = people.verify("x --key alice.pub").yes().json();
    let authority = ran["evidence"][0]["times"][0]["authority"]
        .as_str()
        .unwrap()
        .to_owned();
    let verify = |more: &[&str]| {
        let mut arguments = vec![
            "verify",
            "x",
            "--signers",
            "signers.toml",
            "--format",
            "json",
        ];
        arguments.extend(["--trusted-root", "out/trusted_root.json"]);
        arguments.extend(more);
        people.world.attest_with(&arguments)
    };
    verify(&["--independent", &authority]).yes();
    assert_eq!(verify(&["--independent", "another authority"]).exit, 1);
    let declared = format!(
        "independent = [{authority:?}]\n{}",
        limited("compromised_since = 2100-01-01T00:00:00Z")
    );
    write(&people, &declared);
    ask(&people, "").yes();
    write(&people, &declared.replace("2100", "2020"));
    refuses(&people, "", "key-compromised");
    write(
        &people,
        &limited("compromised_since = 2020-01-01T00:00:00Z"),
    );
    refuses(&people, "", "key-compromised");
}

#[test]
fn a_group_may_ask_more_of_the_log_than_the_run() {
    let people = signed(&keys("\"alice.pub\""));
    let mut bundle: serde_json::Value =
        serde_json::from_slice(&people.world.read("x.sigstore.json")).unwrap();
    bundle["verificationMaterial"]["tlogEntries"] = json!([]);
    people.world.write("x.sigstore.json", bundle.to_string());
    ask(&people, " --accept no-log").yes();
    write(&people, &(keys("\"alice.pub\"") + "\nlog = \"required\""));
    refuses(&people, " --accept no-log", "log-missing");
}

/// Whoever has the key and keeps an authority can say any time: here that it was before the loss.
#[test]
fn backdating_with_ones_own_authority_proves_nothing() {
    let case = crate::page::root().join("fixtures/verify/message");
    let case = case.display();
    let world = World::new();
    let lost = |since: &str| {
        let key = format!("{{ file = \"{case}/key.pub\", compromised_since = {since} }}");
        world.write("signers.toml", format!("version = 1\n{}", keys(&key)));
    };
    let ask = |more: &str| {
        world.attest(&format!(
            "verify {case}/artifact --bundle {case}/bundle.sigstore.json --trusted-root {case}/trusted_root.json --at 2027-01-01T00:00:00Z --format json {more}"
        ))
    };
    lost("2026-12-01T00:00:00Z");
    let accepted = ask(&format!("--key {case}/key.pub")).yes().json();
    let said = &accepted["evidence"][0]["times"][0];
    assert!(said["time"].as_str().unwrap() < "2026-12-01", "{said}");
    let ran = ask("--signers signers.toml");
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "time-not-independent")
    );
    // That the authority is nobody's of theirs is the verifier's word.
    let authority = said["authority"].as_str().unwrap();
    let independent = format!("--signers signers.toml --independent {authority}");
    ask(&independent).yes();
    lost("2026-11-01T00:00:00Z");
    let ran = ask(&independent);
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "key-compromised"));
}

#[test]
fn who_is_denied_is_refused_though_accepted() {
    let people = signed(&keys("\"alice.pub\", \"bob.pub\""));
    let alice = pin(&people, "alice.pub");
    for deny in ["alice.pub", &alice] {
        for trust in [
            "--signers signers.toml",
            "--key alice.pub",
            "--key alice.pub --key bob.pub",
        ] {
            let ran = people.verify(&format!("x {trust} --deny-key {deny}"));
            assert_eq!(
                (ran.exit, lone_code(&ran).as_str()),
                (1, "signer-denied"),
                "{ran:#?}"
            );
        }
    }
    ask(&people, " --deny-key bob.pub").yes();
    write(
        &people,
        &format!("{}\n[deny]\nkeys = [\"{alice}\"]", keys("\"alice.pub\"")),
    );
    refuses(&people, "", "signer-denied");
    write(
        &people,
        &format!("{}\n[deny]\nkeys = [\"alice.pub\"]", keys("\"bob.pub\"")),
    );
    refuses(&people, " --key alice.pub", "signer-denied");
    people
        .verify("x --key alice.pub --deny-key nowhere.pub")
        .refused(2, "key-unreadable");
    people
        .verify("x --deny-key alice.pub")
        .refused(2, "signer-required");
    people
        .verify("x --key alice.pub --deny-key sha256:12")
        .refused(2, "bad-pin");
}

/// Nor does it exempt its own bundle in a folder.
#[test]
fn a_denied_signers_bundle_is_no_evidence_in_a_folder() {
    let people = People::new();
    let list = format!("{}  x\n", sha256(b"x"));
    people.world.write("made/x", "x");
    people.world.write("made/SHA256SUMS", &list);
    people.sign("bob", "made/SHA256SUMS", "made/SHA256SUMS.sigstore.json");
    people.sign("alice", "made/SHA256SUMS", "made/SHA256SUMS.sigstore");
    let both = "made --key alice.pub --key bob.pub";
    people.verify(both).yes();
    let ran = people.verify(&format!("{both} --deny-key alice.pub"));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(
        code_of(&ran.json(), "SHA256SUMS.sigstore").as_deref(),
        Some("file-unattested")
    );
}

#[test]
fn a_name_that_two_roots_give_to_different_keys_is_nobodys() {
    let world = World::new();
    world.write("x", "x");
    for name in ["honest", "forger"] {
        world
            .attest(&format!(
                "init --home {name} --checkpoint-copy {name}.checkpoint --no-password --origin log.example"
            ))
            .yes();
    }
    world
        .attest("sign --home forger --checkpoint-copy forger.checkpoint --no-password x")
        .yes();
    let verify = "verify x --key forger/trust/release.pub --independent log.example \
        --trusted-root forger/trust/trusted_root.json";
    world.attest(verify).yes();
    let both = format!("{verify} --trusted-root honest/trust/trusted_root.json");
    world.attest(&both).refused(2, "independent-ambiguous");
    let elsewhere = both.replace("--independent log.example", "--independent another.example");
    world.attest(&elsewhere).yes();
}

/// What is known of a key is known of its numbers: an SSH key is the same key as the one that a pin of
/// its `SubjectPublicKeyInfo` names.
#[test]
fn the_window_of_a_pinned_key_holds_for_its_ssh_form() {
    let case = crate::page::root().join("fixtures/ssh/p256");
    let world = World::new();
    world.write("tool", fs::read(case.join("file")).unwrap());
    world.write("tool.sig", fs::read(case.join("signature")).unwrap());
    let key = world.write("signer", fs::read(case.join("key")).unwrap());
    let key = attest_verify::DetachedKey::parse(&fs::read(key).unwrap()).unwrap();
    let pin = attest_verify::ExpectedSigner::Detached(key).fingerprint();
    let pin = hex::encode(pin.unwrap());
    let ask = |pin: &str| {
        let lost = format!("{{ sha256 = \"{pin}\", compromised_since = 2020-01-01T00:00:00Z }}");
        let lines = keys(&format!("\"signer\", {lost}"));
        world.write("signers.toml", format!("version = 1\n{lines}\n"));
        world.attest("verify tool --signers signers.toml --accept no-log,no-time --format json")
    };
    ask(&"0".repeat(64)).yes();
    // By the pin of its numbers, and by that of the file in which it is named.
    for pin in [pin, sha256(&world.read("signer"))] {
        let ran = ask(&pin);
        let code = lone_code(&ran);
        assert_eq!((ran.exit, code.as_str()), (1, "time-not-independent"));
    }
    // So by a policy, in whatever group.
    let (file, since) = (sha256(&world.read("signer")), "2020-01-01T00:00:00Z");
    let policy = |pin: &str| {
        let text = format!(
            "version = 1\nname = \"p\"\naccept = [\"no-log\", \"no-time\"]\n\
             [trust.dev]\nkind = \"keys\"\nkeys = [{{ file = \"signer\", sha256 = \"{file}\" }}]\n\
             [trust.old]\nkind = \"keys\"\nkeys = [{{ sha256 = \"{pin}\", compromised_since = {since} }}]\n\
             [[require]]\ntype = \"signature\"\nsigned_by = \"dev\"\n"
        );
        world.write("p.toml", text);
        world.attest("verify tool --policy p.toml --format json")
    };
    policy(&"0".repeat(64)).yes();
    assert_eq!(policy(&file).exit, 1);
}

/// A certificate names its holder, and the key in it is the one that was lost.
#[test]
fn the_window_of_a_pinned_key_holds_inside_a_certificate() {
    let case = crate::page::root().join("fixtures/verify/certificate");
    let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let der = bundle["verificationMaterial"]["certificate"]["rawBytes"].as_str();
    let der = attest_provenance::base64::decode(der.unwrap()).unwrap();
    let start = hex::decode(P256_KEY).unwrap();
    let at = der.windows(start.len()).position(|it| it == start).unwrap();
    let pin = sha256(&der[at..at + start.len() + 65]);
    let world = World::new();
    let ask = |pin: &str, since: &str| {
        world.write(
            "signers.toml",
            format!(
                "version = 1\n[trust.ci]\nkind = \"sigstore\"\nidentity = \"release@example.com\"\n\
             issuer = \"https://issuer.example\"\n{}\n",
                keys(&format!(
                    "{{ sha256 = \"{pin}\", compromised_since = {since} }}"
                ))
                .replace("releng", "lost"),
            ),
        );
        let case = case.display();
        world.attest(&format!(
            "verify {case}/artifact --bundle {case}/bundle.sigstore.json --trusted-root {case}/trusted_root.json --at 2026-11-21T12:00:00Z --signers signers.toml --format json"
        ))
    };
    let since = "2020-01-01T00:00:00Z";
    ask(&"0".repeat(64), since).yes();
    let ran = ask(&pin, since);
    let code = lone_code(&ran);
    assert_eq!(
        (ran.exit, code.as_str()),
        (1, "key-compromised"),
        "{ran:#?}"
    );
}

/// How the `SubjectPublicKeyInfo` of a P-256 key begins: all but its 65 bytes.
const P256_KEY: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

#[test]
fn who_is_lacking_is_said_for_each_group() {
    let releng = keys("\"alice.pub\", \"bob.pub\"") + "\nthreshold = 2";
    let carol = keys("\"carol.pub\"").replace("releng", "carol");
    let people = signed(&format!("{releng}\n{carol}"));
    let ran = ask(&people, "");
    let file = ran.json()["subjects"][0]["files"][0].clone();
    assert_eq!(file["code"], "signers-too-few");
    let found = file["found"].as_str().unwrap();
    assert!(found.starts_with("1 signer: "), "{found}");
    let wanted = file["wanted"].as_str().unwrap();
    let name = |key: &str| pin(&people, key).replace("sha256:", "");
    let (_, alone) = wanted.split_once("; or ").unwrap();
    assert!(wanted.starts_with("2 different ones of: "), "{wanted}");
    assert!(alone.starts_with("1 different ones of: "), "{wanted}");
    assert!(!alone.contains(&name("alice.pub")), "{wanted}");
    let lost = format!("\"{}\"", "sha256:".to_owned() + &"0".repeat(64));
    write(
        &people,
        &(keys(&format!("\"alice.pub\", {lost}")) + "\nthreshold = 2"),
    );
    let file = ask(&people, "").json()["subjects"][0]["files"][0].clone();
    let wanted = file["wanted"].as_str().unwrap();
    assert!(
        wanted.ends_with(" or 1 whose key is not at hand"),
        "{wanted}"
    );
}
