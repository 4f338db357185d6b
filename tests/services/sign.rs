//! What works, and evidence that is refused though every service answered.

use serde_json::{Value, json};

use super::instance::{
    ENTRY_ID, FULCIO, Fault, IDENTITY, Instance, OTHER_TSA, TSA, V1, V2, certificate_for,
};
use crate::support::{Ran, World};

/// A world with the files of the instance, something to sign, and a token that is valid.
pub(super) fn world(instance: &Instance) -> World {
    let world = World::new();
    instance.export(&world);
    world.write("token", instance.token(|_| {}));
    world.write("hello", "hello\n");
    world.write("more", "more\n");
    world
}

pub(super) fn sign(world: &World, config: &str, more: &str) -> Ran {
    world.attest(&format!(
        "sign --identity-token token --signing-config {config}.json --trusted-root root.json --service-timeout 2 {more}"
    ))
}

fn verify(world: &World, instance: &Instance, file: &str) -> Ran {
    world.attest(&format!(
        "verify {file} --identity {IDENTITY} --issuer {} --trusted-root root.json",
        instance.address
    ))
}

#[test]
fn an_identity_signs_with_each_kind_of_log_and_with_both() {
    let instance = Instance::new();
    for config in ["v1", "v2", "both"] {
        let world = world(&instance);
        let before = instance.calls(FULCIO);
        let ran = sign(&world, config, "--format json hello more").yes();
        let report = ran.json();
        assert_eq!(
            report["signer"],
            format!("{IDENTITY} by {}", instance.address)
        );
        assert_eq!(report["certificates"], 1, "{report}");
        assert_eq!(
            instance.calls(FULCIO),
            before + 1,
            "one certificate for all"
        );
        let logs = report["bundles"][0]["logs"].as_array().unwrap().len();
        assert_eq!(logs, if config == "both" { 2 } else { 1 }, "{report}");
        for file in ["hello", "more"] {
            verify(&world, &instance, file).yes();
        }
        world.write("hello", "other\n");
        let ran = verify(&world, &instance, "hello");
        assert!(
            ran.exit == 1 && ran.out.contains("digest-mismatch"),
            "{ran:?}"
        );
    }
}

#[test]
fn several_authorities_stamp_each_signature_as_the_signing_config_says() {
    let instance = Instance::new();
    let mut config = instance.config(&[2], &json!({"selector": "ANY"}));
    let mut other = config["tsaUrls"][0].clone();
    other["url"] = json!(format!("{}{OTHER_TSA}", instance.address));
    other["operator"] = json!("b");
    config["tsaUrls"].as_array_mut().unwrap().push(other);
    let rules = [
        (json!({"selector": "ANY"}), 1),
        (json!({"selector": "ALL"}), 2),
        (json!({"selector": "EXACT", "count": 2}), 2),
    ];
    for (rule, count) in rules {
        let world = world(&instance);
        config["tsaConfig"] = rule;
        world.write("several.json", config.to_string());
        let report = sign(&world, "several", "hello --format json").yes().json();
        let times = report["bundles"][0]["times"].as_array().unwrap();
        assert_eq!(times.len(), count, "{report}");
        verify(&world, &instance, "hello").yes();
    }
    let world = world(&instance);
    world.write("several.json", config.to_string());
    instance.fail(OTHER_TSA, usize::MAX, Fault::Drop);
    sign(&world, "several", "hello").refused(3, "timestamp-unreachable");
    assert!(!world.at("hello.sigstore.json").exists());
    instance.heal();
    sign(&world, "several", "hello").yes();
}

#[test]
fn statements_are_signed_for_an_identity_in_each_kind_of_log() {
    let instance = Instance::new();
    for config in ["v1", "v2"] {
        let world = world(&instance);
        world.write("predicate.json", r#"{"anything": "goes"}"#);
        let more = "--predicate predicate.json --type https://example.com/p/v1 hello";
        sign(&world, config, more).yes();
        let ran = world.attest(&format!(
            "verify hello --type https://example.com/p/v1 --identity {IDENTITY} --issuer {} --trusted-root root.json",
            instance.address
        ));
        ran.yes();
    }
}

#[test]
fn one_file_names_a_private_instance() {
    let instance = Instance::new();
    let world = world(&instance);
    let line = "sign hello --identity-token token --trust-config trust-v2.json";
    world.attest(line).yes();
    verify(&world, &instance, "hello").yes();
    for (name, text) in [
        ("no.json", "{}".to_owned()),
        ("list.json", "[]".to_owned()),
        (
            "config.json",
            String::from_utf8(world.read("v2.json")).unwrap(),
        ),
    ] {
        world.write(name, text);
        let line = format!("sign hello --force --identity-token token --trust-config {name}");
        world.attest(&line).refused(2, "trust-config-malformed");
    }
    let line = "sign hello --force --identity-token token --trust-config gone.json";
    world.attest(line).refused(2, "trust-config-unreadable");
}

#[test]
fn a_key_is_logged_and_timestamped_by_others_as_well() {
    let instance = Instance::new();
    let world = world(&instance);
    world.attest("init --no-password --export pins").yes();
    let line = "sign hello --no-password --signing-config both.json --trusted-root root.json";
    let ran = world.attest(line).yes();
    assert!(ran.out.contains("rekor2.example"), "{ran:?}");
    assert_eq!(instance.calls(FULCIO), 0);
    world
        .attest("verify hello --key pins/release.pub --trusted-root root.json")
        .yes();
    // The home's own log has seen nothing of it.
    let line = "verify hello --key pins/release.pub --trusted-root pins/trusted_root.json";
    let ran = world.attest(line);
    assert!(ran.exit == 1 && ran.out.contains("log-unknown"), "{ran:?}");
}

#[test]
fn a_certificate_that_is_not_ours_signs_nothing() {
    let instance = Instance::new();
    let now = jiff::Timestamp::now();
    let cases: [Wrong<'_>; 6] = [
        ("identity-mismatch", &|it| {
            *it = certificate_for("other@example.com", &instance.address, now);
        }),
        ("issuer-mismatch", &|it| {
            *it = certificate_for(IDENTITY, "https://other.example", now);
        }),
        ("certificate-transparency-missing", &|it| it.logged = false),
        ("certificate-transparency-invalid", &|it| {
            it.logged_another = true;
        }),
        ("certificate-outside-validity", &|it| {
            it.validity = ("20260101000000Z", "20260101001000Z");
        }),
        ("certificate-too-short", &|it| {
            let short = certificate_for(
                IDENTITY,
                &instance.address,
                now - jiff::SignedDuration::from_secs(560),
            );
            it.validity = short.validity;
        }),
    ];
    for (code, change) in cases {
        let world = world(&instance);
        instance.certify(|it| {
            *it = certificate_for(IDENTITY, &instance.address, now);
            change(it);
        });
        let before = (instance.calls(TSA), instance.calls(V2));
        sign(&world, "v2", "hello").refused(1, code);
        assert!(!world.at("hello.sigstore.json").exists(), "{code}");
        let after = (instance.calls(TSA), instance.calls(V2));
        assert_eq!(before, after, "{code}: nobody else heard of it");
    }
}

#[test]
fn a_certificate_for_another_key_signs_nothing() {
    let instance = Instance::new();
    let world = world(&instance);
    sign(&world, "v2", "more").yes();
    // The certificate of the run before, for its key.
    instance.fail(FULCIO, 1, Fault::Replay);
    sign(&world, "v2", "hello").refused(1, "certificate-other-key");
    assert!(!world.at("hello.sigstore.json").exists());
    sign(&world, "v2", "hello").yes();
}

#[test]
fn a_timestamp_of_another_request_and_an_entry_of_another_signature_are_refused() {
    let instance = Instance::new();
    for (path, config, code) in [
        (TSA, "v2", "timestamp-other-message"),
        (V1, "v1", "log-entry-mismatch"),
        (V2, "v2", "log-entry-mismatch"),
    ] {
        let world = world(&instance);
        sign(&world, config, "more").yes();
        instance.fail(path, 1, Fault::Replay);
        sign(&world, config, "hello").refused(1, code);
        assert!(!world.at("hello.sigstore.json").exists(), "{code}");
        sign(&world, config, "hello").yes();
        verify(&world, &instance, "hello").yes();
    }
}

#[test]
fn a_timestamp_with_another_nonce_is_refused() {
    let instance = Instance::new();
    for config in ["v1", "v2"] {
        let world = world(&instance);
        let before = world.listing(".");
        instance.fail(TSA, 1, Fault::OtherNonce);
        sign(&world, config, "hello").refused(1, "timestamp-other-nonce");
        assert_eq!(before, world.listing("."));
        sign(&world, config, "hello").yes();
    }
}

#[test]
fn what_a_log_changes_in_its_answer_is_found_out() {
    let instance = Instance::new();
    let changes: [Lie; 5] = [
        (V2, "v2", "log-unknown", |it| {
            it["logId"]["keyId"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        }),
        (V2, "v2", "log-proof-invalid", |it| {
            it["inclusionProof"]["hashes"] = json!([]);
        }),
        (V2, "v2", "log-index-mismatch", |it| {
            it["logIndex"] = json!("6");
        }),
        (V1, "v1", "log-promise-invalid", |it| {
            it["24296fb24b8ad77a"]["integratedTime"] = json!(1_795_260_601);
        }),
        (V1, "v1", "checkpoint-root-mismatch", |it| {
            let root = "00".repeat(32);
            it["24296fb24b8ad77a"]["verification"]["inclusionProof"]["rootHash"] = json!(root);
        }),
    ];
    for (path, config, code, change) in changes {
        let world = world(&instance);
        instance.fail(path, 1, Fault::Change(change));
        sign(&world, config, "hello").refused(1, code);
        assert!(!world.at("hello.sigstore.json").exists(), "{code}");
        sign(&world, config, "hello").yes();
    }
}

#[test]
fn with_a_home_a_run_that_a_log_stopped_goes_on_and_signs_nothing_twice() {
    let instance = Instance::new();
    let away = || Fault::Answer("503 Away", "", "{}".to_owned());
    for (who, issued) in [("--identity-token token", 1), ("--no-password", 0)] {
        let world = world(&instance);
        world.attest("init --no-password").yes();
        let line = |file: &str| {
            format!(
                "sign {file} {who} --signing-config both.json --trusted-root root.json --service-timeout 2"
            )
        };
        let certificates = instance.calls(FULCIO);
        instance.fail_after(V2, 1, usize::MAX, away());
        let ran = world.attest(&line("hello more"));
        let ran = ran.refused(3, "service-http-status");
        assert!(ran.err.contains("goes on from there"), "{ran:?}");
        assert!(!world.at("hello.sigstore.json").exists());
        let kept: Vec<_> = std::fs::read_dir(world.at(".attest/drafts/sign"))
            .unwrap()
            .collect();
        assert_eq!(kept.len(), 2);
        instance.heal();
        let (v1, v2, stamps) = (instance.calls(V1), instance.calls(V2), instance.calls(TSA));
        world.attest(&line("hello more")).yes();
        assert_eq!(instance.calls(V1), v1, "each entry was there already");
        assert_eq!(instance.calls(V2), v2 + 1, "one entry was there already");
        assert_eq!(instance.calls(TSA), stamps, "every time was there already");
        assert_eq!(
            instance.calls(FULCIO),
            certificates + issued,
            "one certificate"
        );
        assert!(!world.at(".attest/drafts").exists());
        // It is over: another signature is asked for.
        world.attest(&line("hello --force")).yes();
        assert_eq!(instance.calls(V2), v2 + 2);
    }
}

#[test]
fn a_draft_of_other_content_is_not_taken_and_a_changed_one_is_found_out() {
    let instance = Instance::new();
    let world = world(&instance);
    world.attest("init --no-password").yes();
    instance.fail(V2, usize::MAX, Fault::Drop);
    sign(&world, "v2", "hello").refused(3, "service-unreachable");
    instance.heal();
    // Other content has no draft; what is no draft is none.
    world.write("hello", "other\n");
    sign(&world, "v2", "hello").yes();
    verify(&world, &instance, "hello").yes();
    world.write("hello", "hello\n");
    let folder = world.at(".attest/drafts/sign");
    let draft = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&draft).unwrap()).unwrap();
    // A signature over something else: found out, and forgotten.
    kept["signature"] = json!("MEUCIQ==");
    std::fs::write(&draft, kept.to_string()).unwrap();
    let ran = sign(&world, "v2", "hello --force");
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(!draft.exists());
    sign(&world, "v2", "hello --force").yes();
    verify(&world, &instance, "hello").yes();
}

#[test]
fn an_entry_that_is_there_already_is_taken_or_made_anew() {
    let instance = Instance::new();
    let conflict = |location: &'static str| {
        Fault::Answer(
            "409 Conflict",
            location,
            r#"{"message":"exists"}"#.to_owned(),
        )
    };
    // Rekor v1 says where, and the answer is about another signature here: the lie is found out.
    let world = world(&instance);
    sign(&world, "v1", "more").yes();
    let place: &'static str = format!("Location: /api/v1/log/entries/{ENTRY_ID}\r\n").leak();
    instance.fail(V1, 1, conflict(place));
    sign(&world, "v1", "hello").refused(1, "log-entry-mismatch");
    // A place elsewhere is not asked.
    instance.fail(V1, 1, conflict("Location: http://elsewhere.example/x\r\n"));
    sign(&world, "v1", "hello").yes();
    // Rekor v2 does not say: the file is signed once more, with the same certificate.
    instance.fail(V2, 1, conflict(""));
    let before = instance.calls(FULCIO);
    sign(&world, "v2", "more --force").yes();
    assert_eq!(instance.calls(FULCIO), before + 1);
    instance.fail(V2, 9, conflict(""));
    sign(&world, "v2", "more --force").refused(3, "log-entry-exists");
}

/// The answer of a log was lost, and the signature is kept: a log that has the entry and serves its tiles proves it.
#[test]
fn an_entry_whose_answer_was_lost_is_taken_from_the_tiles_of_the_log() {
    let instance = Instance::new();
    let world = world(&instance);
    world.attest("init --no-password").yes();
    let says = |index: &str| {
        let body = json!({"message": format!("entry exists with index {index}")});
        Fault::Answer("409 Conflict", "", body.to_string())
    };
    // The log takes the entry, and its answer does not come back; then the log says that it has it.
    let lost = |more: &str, then: Fault| {
        instance.fail(V2, 1, Fault::Change(|answer| *answer = json!("lost")));
        let ran = sign(&world, "v2", more);
        assert_eq!(ran.exit, 3, "{ran:?}");
        instance.fail(V2, 1, then);
        sign(&world, "v2", more)
    };
    instance.serve_tiles();
    let before = instance.calls(FULCIO);
    lost("hello", says("5")).yes();
    assert_eq!(instance.calls(FULCIO), before + 1, "signed once");
    verify(&world, &instance, "hello").yes();
    assert!(!world.at(".attest/drafts").exists());
    // A place where something else stands, and one beyond the end: it is signed once more.
    for index in ["4", "11"] {
        let before = instance.calls(V2);
        lost("hello --force", says(index)).yes();
        assert_eq!(instance.calls(V2), before + 3, "{index}");
        verify(&world, &instance, "hello").yes();
    }
}

/// A code, and what is wrong with a certificate.
type Wrong<'a> = (&'static str, &'a dyn Fn(&mut super::issuer::Signer));

/// A path, a signing config, a code, and what is wrong with the answer.
type Lie = (&'static str, &'static str, &'static str, fn(&mut Value));
