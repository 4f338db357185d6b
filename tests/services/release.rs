//! A release by services: signed for an identity or with a key, whole or not at all, and never twice
//! for the same thing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::instance::{FULCIO, Fault, IDENTITY, Instance, TSA, V1, V2, certificate_for};
use super::servers::faults;
use crate::release::{EVIDENCE, line, log_size, names};
use crate::support::{Ran, World, assert_same};

/// A world with a build folder, a home, the files of the instance, and a token.
fn world(instance: &Instance) -> World {
    let world = crate::release::world();
    instance.export(&world);
    world.write("token", instance.token(|_| {}));
    world.attest("init --no-password --export pins").yes();
    world
}

fn release(world: &World, config: &str, more: &str) -> Ran {
    world.attest(&format!(
        "release dist --name demo --version 1.0 --no-password --signing-config {config}.json --trusted-root root.json \
         --service-timeout 2{more}"
    ))
}

const KEYLESS: &str = " --identity-token token";

fn verify(world: &World, identity: &str, issuer: &str) -> Ran {
    world.attest(&format!(
        "verify dist --release demo@1.0 --certificate-identity {identity} --certificate-oidc-issuer {issuer} \
         --trusted-root root.json"
    ))
}

/// The signatures in the bundles of the release.
fn signatures(world: &World) -> BTreeSet<String> {
    let bundles = ["SHA256SUMS", "release", "provenance", "release.tree"];
    let each = bundles.iter().map(|name| {
        let bytes = world.read(&format!("dist/{name}.sigstore.json"));
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        let signature = match &bundle["messageSignature"]["signature"] {
            Value::Null => &bundle["dsseEnvelope"]["signatures"][0]["sig"],
            found => found,
        };
        signature.as_str().unwrap().to_owned()
    });
    each.collect()
}

/// The drafts that the home keeps, parsed.
fn drafts(world: &World) -> Vec<Value> {
    let mut found = Vec::new();
    for release in names(world, ".attest/drafts") {
        for name in names(world, &format!(".attest/drafts/{release}")) {
            let bytes = world.read(&format!(".attest/drafts/{release}/{name}"));
            found.push(serde_json::from_slice(&bytes).unwrap());
        }
    }
    found
}

#[test]
fn a_release_is_signed_for_an_identity_in_each_kind_of_log() {
    let instance = Instance::new();
    for config in ["v1", "v2", "both"] {
        let world = world(&instance);
        let before = instance.calls(FULCIO);
        let ran = release(&world, config, KEYLESS).yes();
        assert_eq!(instance.calls(FULCIO), before + 1, "one certificate");
        assert!(ran.out.contains(IDENTITY), "{ran:?}");
        let wanted = EVIDENCE
            .into_iter()
            .filter(|it| !["SHA256SUMS.sig", "release.pub"].contains(it));
        let found = names(&world, "dist");
        assert!(
            wanted.into_iter().all(|it| found.contains(&it.to_owned())) && found.len() == 11,
            "{found:?}"
        );
        assert_eq!(log_size(&world), 0, "the home's own log has seen nothing");
        assert!(!world.at(".attest/drafts").exists());

        world.shell(line(&ran)).yes();
        verify(&world, IDENTITY, &instance.address).yes();
        let text = String::from_utf8(world.read("dist/VERIFY.md")).unwrap();
        assert!(
            text.contains(&format!("--certificate-identity {IDENTITY}")),
            "{text}"
        );
        // Its own authority is the services', which the home remembers.
        let ran = world.attest("status");
        assert!(ran.out.contains("proof of time good until"), "{ran:?}");
        let ran = verify(&world, "other@example.com", &instance.address);
        assert!(
            ran.exit == 1 && ran.out.contains("identity-mismatch"),
            "{ran:?}"
        );
        world.write("dist/a.txt", "another\n");
        assert_eq!(verify(&world, IDENTITY, &instance.address).exit, 1);
    }
}

#[test]
fn what_an_acquirer_needs_of_an_identity_is_the_root_that_certifies_it() {
    let instance = Instance::new();
    let world = world(&instance);
    release(&world, "both", KEYLESS).yes();
    let report = |identity: &str| {
        let ran = world.attest(&format!(
            "report --ssdf --format json --certificate-identity {identity} --certificate-oidc-issuer {} --trusted-root \
             root.json",
            instance.address
        ));
        let tasks = ran.json()["releases"][0]["tasks"].clone();
        let tasks = tasks.as_array().unwrap().clone();
        tasks.into_iter().find(|it| it["task"] == "PS.2.1").unwrap()
    };
    let task = report(IDENTITY);
    assert_eq!(task["state"], "complete", "{task}");
    let evidence = task["evidence"].as_array().unwrap();
    let root = evidence.iter().find(|it| it["kind"] == "key").unwrap();
    assert_eq!(root["place"], "trusted_root.json");
    assert_ne!(report("other@example.com")["state"], "complete");
}

#[test]
fn a_release_is_signed_with_a_key_and_logged_by_others() {
    let instance = Instance::new();
    let world = world(&instance);
    let ran = release(&world, "both", "").yes();
    assert_eq!(instance.calls(FULCIO), 0);
    assert!(
        ran.out.contains("rekor1.example") && ran.out.contains("rekor2.example"),
        "{ran:?}"
    );
    assert!(world.at("dist/release.pub").exists() && world.at("dist/SHA256SUMS.sig").exists());
    assert_eq!(log_size(&world), 0);
    world.shell(line(&ran)).yes();
    let by = "verify dist --release demo@1.0 --key pins/release.pub --trusted-root";
    world.attest(&format!("{by} root.json")).yes();
    let ran = world.attest(&format!("{by} pins/trusted_root.json"));
    assert!(ran.exit == 1 && ran.out.contains("log-unknown"), "{ran:?}");
}

#[test]
fn the_report_says_who_signed_and_who_else_has_seen_it() {
    let instance = Instance::new();
    let world = world(&instance);
    let report = release(&world, "both", &format!("{KEYLESS} --format json"))
        .yes()
        .json();
    assert_eq!(
        report["signer"],
        format!("{IDENTITY} by {}", instance.address)
    );
    assert!(report["identity"]["key"].is_null(), "{report}");
    assert_eq!(report["log"]["kept_by"], "others");
    assert_eq!(report["logs"].as_array().unwrap().len(), 2, "{report}");
    assert_ne!(report["time_asserted_by"], "signer");
}

#[test]
fn a_run_that_a_log_stopped_half_way_goes_on_and_signs_nothing_twice() {
    let instance = Instance::new();
    for (path, config, more) in [(V1, "v1", KEYLESS), (V2, "v2", KEYLESS), (V2, "v2", "")] {
        let world = world(&instance);
        let before = world.listing("dist");
        let (asked, certificates) = (instance.calls(path), instance.calls(FULCIO));
        let away = Fault::Answer("503 Away", "", "{}".to_owned());
        instance.fail_after(path, 1, usize::MAX, away);
        release(&world, config, more).refused(3, "service-http-status");
        assert_same(&before, &world.listing("dist"), config);
        let kept = drafts(&world);
        let signed: BTreeSet<String> = kept
            .iter()
            .filter_map(|it| Some(it["signature"].as_str()?.to_owned()))
            .collect();
        assert_eq!(signed.len(), 4, "{kept:?}");
        let logged = |it: &&Value| it["entries"].as_array().is_some_and(|it| !it.is_empty());
        assert_eq!(kept.iter().filter(logged).count(), 1, "{kept:?}");

        instance.heal();
        let (failed, stamps) = (instance.calls(path), instance.calls(TSA));
        assert!(failed > asked);
        // Without a name for the token's file on the way: whoever goes on needs to be the same signer.
        let ran = release(&world, config, more).yes();
        assert_eq!(
            instance.calls(path),
            failed + 3,
            "one entry was there already"
        );
        assert_eq!(instance.calls(TSA), stamps, "every time was there already");
        let issued = usize::from(!more.is_empty());
        assert_eq!(
            instance.calls(FULCIO),
            certificates + issued,
            "one certificate"
        );
        assert_eq!(signed, signatures(&world));
        assert!(!world.at(".attest/drafts").exists());
        world.shell(line(&ran)).yes();
    }
}

#[test]
fn what_is_begun_for_one_signer_is_not_gone_on_with_for_another() {
    let instance = Instance::new();
    let world = world(&instance);
    instance.fail(V2, usize::MAX, Fault::Drop);
    release(&world, "v2", KEYLESS).refused(3, "service-unreachable");
    instance.heal();
    let other = "other@example.com";
    instance.certify(|it| *it = certificate_for(other, &instance.address, jiff::Timestamp::now()));
    world.write(
        "token",
        instance.token(|it| it["email"] = Value::from(other)),
    );
    release(&world, "v2", KEYLESS).yes();
    verify(&world, other, &instance.address).yes();
    assert_eq!(verify(&world, IDENTITY, &instance.address).exit, 1);
}

#[test]
fn a_service_that_fails_leaves_the_folder_as_it_was_and_the_next_run_succeeds() {
    let instance = Instance::new();
    for (path, config) in [(V2, "v2"), (FULCIO, "v2"), (TSA, "v2"), (V1, "v1")] {
        let some = if path == V2 { usize::MAX } else { 3 };
        for (fault, code) in faults(path).into_iter().take(some) {
            let world = world(&instance);
            let before = world.listing("dist");
            instance.fail(path, usize::MAX, fault.clone());
            release(&world, config, KEYLESS).refused(3, code);
            assert_same(&before, &world.listing("dist"), code);
            instance.heal();
            release(&world, config, KEYLESS).yes();
            verify(&world, IDENTITY, &instance.address).yes();
        }
    }
}

#[test]
fn an_answer_that_is_wrong_is_no_release_and_its_draft_is_forgotten() {
    let instance = Instance::new();
    let lie = |it: &mut Value| it["logIndex"] = Value::from("6");
    let world = world(&instance);
    let before = world.listing("dist");
    instance.fail(V2, 1, Fault::Change(lie));
    release(&world, "v2", KEYLESS).refused(1, "log-index-mismatch");
    assert_same(&before, &world.listing("dist"), "refuted");
    release(&world, "v2", KEYLESS).yes();
    verify(&world, IDENTITY, &instance.address).yes();
}

#[test]
fn a_timestamp_with_another_nonce_is_no_release() {
    let instance = Instance::new();
    let world = world(&instance);
    let before = world.listing("dist");
    instance.fail(TSA, 1, Fault::OtherNonce);
    release(&world, "v2", KEYLESS).refused(1, "timestamp-other-nonce");
    assert_same(&before, &world.listing("dist"), "another nonce");
    release(&world, "v2", KEYLESS).yes();
}

#[test]
fn a_certificate_of_another_signs_no_release() {
    let instance = Instance::new();
    let world = world(&instance);
    let before = world.listing(".");
    instance.certify(|it| {
        *it = certificate_for(
            "other@example.com",
            &instance.address,
            jiff::Timestamp::now(),
        );
    });
    release(&world, "v2", KEYLESS).refused(1, "identity-mismatch");
    assert_eq!((instance.calls(TSA), instance.calls(V2)), (0, 0));
    assert!(!world.at(".attest/drafts").exists());
    assert_same(
        &before
            .into_iter()
            .filter(|it| it.contains("dist"))
            .collect::<Vec<_>>(),
        &world
            .listing(".")
            .into_iter()
            .filter(|it| it.contains("dist"))
            .collect::<Vec<_>>(),
        "nothing in the folder",
    );
}

#[test]
fn a_release_that_is_made_is_restored_without_any_service() {
    let instance = Instance::new();
    let world = world(&instance);
    let made = release(&world, "v2", KEYLESS).yes();
    let before = world.listing("dist");
    let asked = instance.calls(V2);
    std::fs::remove_file(world.at("dist/VERIFY.md")).unwrap();
    std::fs::remove_file(world.at("dist/release.sigstore.json")).unwrap();
    let ran = world
        .attest("release dist --name demo --version 1.0 --no-password")
        .yes();
    assert_same(&before, &world.listing("dist"), "restored");
    assert_eq!(instance.calls(V2), asked);
    assert_eq!(line(&ran), line(&made));
}

#[test]
fn flags_that_say_two_things_are_refused() {
    let instance = Instance::new();
    let world = world(&instance);
    world.write("chain.pem", "");
    let begin = "release dist --name demo --version 1.0 --no-password";
    for (more, code) in [
        (" --trusted-root root.json", "bad-arguments"),
        (
            " --trust-config trust-v2.json --identity-token token --key .attest/keys/artifact.key",
            "bad-arguments",
        ),
        (
            " --trusted-root root.json --keyless",
            "signing-config-required",
        ),
        (
            " --trust-config trust-v2.json --identity-token nowhere",
            "identity-token-unreadable",
        ),
    ] {
        world.attest(&format!("{begin}{more}")).refused(2, code);
    }
    let ran = world.attest(&format!(
        "{begin} --trust-config trust-v2.json --identity-token token --dry-run"
    ));
    assert!(!ran.yes().out.contains("release.pub"));
    assert_eq!(instance.calls(FULCIO), 0);
}
