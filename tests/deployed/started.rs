//! What a chain starts from: a file, a folder, or the records of a deployment.

use serde_json::{Value, json};

use super::{Chain, refused};

/// All digests that a statement gives must agree, with the bytes or with those that a record gives.
#[test]
fn provenance_that_contradicts_itself_is_of_nothing() {
    let chain = Chain::new();
    let digests = |bytes: &[u8]| {
        let read = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256AndSha512);
        let sha512 = read.digest(attest_digest::Algorithm::Sha512).unwrap();
        json!({"sha256": read.sha256().hex(), "sha512": sha512.hex()})
    };
    let (here, other) = (digests(b"hello\n"), digests(b"other\n"));
    let mut record = chain.deployment();
    record["subject"][0]["digest"] = here.clone();
    chain.state("deploy", "deploy", &record);
    let mut built = chain.provenance();
    built["subject"][0]["digest"] = here;
    chain.state("build", "build", &built);
    chain.ask("").yes();
    chain.ask_of("evidence/deploy.sigstore.json", "").yes();
    built["subject"][0]["digest"]["sha512"] = other["sha512"].clone();
    chain.state("build", "build", &built);
    refused(&chain.ask(""), "provenance-missing");
    let of_record = chain.ask_of("evidence/deploy.sigstore.json", "");
    refused(&of_record, "provenance-missing");
    chain.world.write("app/hello", "hello\n");
    refused(&chain.ask_of("app", ""), "provenance-missing");
}

/// What is deployed is asked for by its bytes, whatever these say of something else.
#[test]
fn a_record_in_the_place_of_what_was_deployed_is_none() {
    let chain = Chain::new();
    let record = chain.world.read("evidence/deploy.sigstore.json");
    chain.world.write("app.json", record);
    refused(&chain.ask_of("app.json", ""), "provenance-missing");
}

#[test]
fn every_record_of_a_file_is_followed() {
    let chain = Chain::new();
    chain.world.write("evil", "evil\n");
    let mut record = chain.deployment();
    let digest = attest_digest::Artifact::of_bytes(b"evil\n", attest_digest::Hashes::Sha256);
    record["subject"] = json!([{"name": "evil", "digest": {"sha256": digest.sha256().hex()}}]);
    chain.state("evil", "deploy", &record);
    let line = |name: &str| {
        let bytes = chain.world.read(&format!("evidence/{name}.sigstore.json"));
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        format!("{bundle}\n")
    };
    let (good, evil) = (line("deploy"), line("evil"));
    chain
        .world
        .write("records.sigstore.jsonl", format!("{good}{good}"));
    chain.ask_of("records.sigstore.jsonl", "").yes();
    chain
        .world
        .write("records.sigstore.jsonl", format!("{good}{evil}"));
    let ran = chain.ask_of("records.sigstore.jsonl", "");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let files = &ran.json()["subjects"][0]["files"];
    assert_eq!(files[0]["path"], "hello", "{ran:#?}");
    assert_eq!(files[1]["code"], "provenance-missing", "{ran:#?}");
}
