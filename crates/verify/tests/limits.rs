//! Hostile sizes, counts, depths and spellings.

use std::process::Command;

use attest_provenance::base64;
use attest_verify::{Bundle, limits};
use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::{ENTRY, PROOF, Scene, TIMESTAMPS};

fn code_of(bundle: &[u8]) -> &'static str {
    Bundle::parse(bundle).map_or_else(|it| it.code(), |_| "accepted")
}

#[test]
fn a_bundle_is_read_up_to_its_limit_and_no_further() {
    let good = Scene::message().bundle.to_string();
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    assert_eq!(code_of(padded(limits::BUNDLE_BYTES).as_bytes()), "accepted");
    assert_eq!(
        code_of(padded(limits::BUNDLE_BYTES + 1).as_bytes()),
        "bundle-too-large"
    );
}

#[test]
fn counts_are_read_up_to_their_limits_and_no_further() {
    let entries = "/verificationMaterial/tlogEntries";
    let hashes = format!("{PROOF}/hashes");
    for (pointer, most) in [
        (entries, limits::LOG_ENTRIES),
        (TIMESTAMPS, limits::TIMESTAMPS),
        (hashes.as_str(), limits::PROOF_HASHES),
    ] {
        let mut scene = Scene::message();
        let one = scene
            .bundle
            .pointer(&format!("{pointer}/0"))
            .unwrap()
            .clone();
        scene.set(pointer, vec![one.clone(); most]);
        assert_eq!(
            code_of(scene.bundle.to_string().as_bytes()),
            "accepted",
            "{pointer}"
        );
        scene.set(pointer, vec![one; most + 1]);
        assert_eq!(
            code_of(scene.bundle.to_string().as_bytes()),
            "bundle-too-large",
            "{pointer}"
        );
    }
}

#[test]
fn two_thousand_entries_are_refused() {
    let mut scene = Scene::message();
    let entry = scene.bundle.pointer(ENTRY).unwrap().clone();
    scene.set("/verificationMaterial/tlogEntries", vec![entry; 2000]);
    assert_eq!(scene.code(), "bundle-too-large");
}

#[test]
fn a_timestamp_of_too_many_bytes_or_certificates_is_refused() {
    let mut scene = Scene::message();
    scene.stamp(&[vec![0x30; limits::TIMESTAMP_BYTES + 1]]);
    assert_eq!(scene.code(), "time-invalid");
    let others: Vec<Vec<u8>> = (0..limits::TIMESTAMP_CERTIFICATES)
        .map(|_| Authority::new("other").leaf)
        .collect();
    let mut token = scene.token();
    token.certificates.extend(others);
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "time-invalid");
    token.certificates.pop();
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |depth: usize| {
        format!(
            r#"{{"mediaType":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert_eq!(code_of(nested(100_000).as_bytes()), "bundle-too-large");
    let refused = Bundle::parse(nested(limits::BUNDLE_DEPTH).as_bytes()).unwrap_err();
    assert!(refused.to_string().contains("nested deeper"), "{refused}");
    assert_eq!(refused.code(), "bundle-malformed");
}

#[test]
fn other_spellings_of_a_good_bundle_are_refused() {
    let good = Scene::message().bundle.to_string();
    assert_eq!(code_of(good.as_bytes()), "accepted");
    let once = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for bad in [
        format!("\u{feff}{good}"),
        format!("{good}{{}}"),
        format!("{good}\n{good}"),
        once("{", "{\"mediaType\":\"x\","),
        once("{", "{\"unknown\":1,"),
        once("\"logIndex\":", "\"log_index\":\"5\",\"logIndex\":"),
        once("\"logIndex\":\"5\"", "\"logIndex\":\"05\""),
        once("\"logIndex\":\"5\"", "\"logIndex\":\"-5\""),
        once("\"logIndex\":\"5\"", "\"logIndex\":\"+5\""),
        once("\"logIndex\":\"5\"", "\"logIndex\":5.0"),
        once("\"logIndex\":\"5\"", "\"logIndex\":\"9223372036854775808\""),
        once("\"logIndex\":\"5\"", "\"logIndex\":5000000000000000000000"),
        once("\"logIndex\":\"5\"", "\"logIndex\":null"),
        once("\"integratedTime\":\"0\"", "\"integratedTime\":\"-1\""),
        once("\"kindVersion\":", "\"kindVersion\":null,\"x\":"),
        once(
            "\"messageSignature\":",
            "\"dsseEnvelope\":{},\"messageSignature\":",
        ),
        once(
            "\"publicKey\":",
            "\"certificate\":{\"rawBytes\":\"AA==\"},\"publicKey\":",
        ),
        once("\"algorithm\":\"SHA2_256\"", "\"algorithm\":\"SHA2_384\""),
        once("\"algorithm\":\"SHA2_256\"", "\"algorithm\":\"SHA1\""),
    ] {
        assert_eq!(code_of(bad.as_bytes()), "bundle-malformed", "{bad}");
    }
}

#[test]
fn other_spellings_of_base64_are_refused() {
    let mut scene = Scene::message();
    let pointer = "/messageSignature/messageDigest/digest";
    let good = scene
        .bundle
        .pointer(pointer)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    assert!(good.ends_with('=') && !good.ends_with("=="));
    // The last character before one '=' has two bits that mean nothing.
    let last = good.as_bytes()[good.len() - 2];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let other = alphabet[alphabet.iter().position(|it| *it == last).unwrap() + 1];
    let trailing = format!("{}{}=", &good[..good.len() - 2], char::from(other));
    let url_safe = good.replace('+', "-").replace('/', "_");
    for bad in [
        trailing,
        good.trim_end_matches('=').to_owned(),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('=', "==", 1),
    ] {
        scene.set(pointer, bad);
        assert_eq!(scene.code(), "bundle-malformed");
    }
    scene.set("/messageSignature/signature", "-_-_");
    scene.set(pointer, good.clone());
    assert_eq!(scene.code(), "bundle-malformed");
    assert!(url_safe == good || base64::decode(&url_safe).is_err());
}

#[test]
fn empty_values_are_refused() {
    for pointer in [
        "/messageSignature/signature",
        &format!("{ENTRY}/canonicalizedBody"),
        &format!("{ENTRY}/logId/keyId"),
        &format!("{PROOF}/rootHash"),
        &format!("{PROOF}/hashes/0"),
    ] {
        let mut scene = Scene::message();
        scene.set(pointer, "");
        assert_eq!(scene.code(), "bundle-malformed", "{pointer}");
    }
    for bundle in ["", " ", "null", "[]", "{}", "\"\"", "0"] {
        assert_eq!(code_of(bundle.as_bytes()), "bundle-malformed", "{bundle}");
    }
}

#[test]
fn a_chain_of_too_many_or_no_certificates_is_refused() {
    let mut scene = Scene::message();
    let certificate = json!({"rawBytes": base64::encode(&scene.authority.leaf)});
    let chain = |count| json!({"x509CertificateChain": {"certificates": vec![certificate.clone(); count]}, "tlogEntries": []});
    scene.set("/mediaType", crate::support::V0_2);
    scene.set("/verificationMaterial", chain(limits::CHAIN_CERTIFICATES));
    assert_eq!(code_of(scene.bundle.to_string().as_bytes()), "accepted");
    scene.set(
        "/verificationMaterial",
        chain(limits::CHAIN_CERTIFICATES + 1),
    );
    assert_eq!(scene.code(), "bundle-too-large");
    scene.set("/verificationMaterial", chain(0));
    assert_eq!(scene.code(), "bundle-malformed");
    scene.set("/verificationMaterial", chain(1));
    scene.set("/mediaType", crate::support::V0_3);
    assert_eq!(scene.code(), "bundle-malformed");
    let huge = json!({"certificate": {"rawBytes": base64::encode(&vec![0x30; limits::CERTIFICATE_BYTES + 1])}});
    scene.set("/verificationMaterial", huge);
    assert_eq!(scene.code(), "bundle-malformed");
}

/// Whole processes of 64 MiB, each with one hostile bundle as large as is read.
#[test]
fn hostile_bundles_are_refused_in_64_mib() {
    for name in HOSTILE {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "limits::judges_one_hostile_bundle",
                "--ignored",
                "--test-threads=1",
            ])
            .env("HOSTILE", name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{name}: {said}"
        );
    }
}

const HOSTILE: [&str; 7] = [
    "entries",
    "empty-entries",
    "numbers",
    "depth",
    "keys",
    "payload",
    "escapes",
];

#[test]
#[ignore = "a child of hostile_bundles_are_refused_in_64_mib"]
fn judges_one_hostile_bundle() {
    let name = std::env::var("HOSTILE").unwrap();
    let bundle = hostile(&name);
    assert!(bundle.len() <= limits::BUNDLE_BYTES + 1);
    let scene = Scene::message();
    let refused = scene.verify_bytes(&bundle).expect_err("accepted");
    let wanted = match name.as_str() {
        "payload" => "signer-mismatch",
        "escapes" => "bundle-malformed",
        _ => "bundle-too-large",
    };
    assert_eq!(refused.0, wanted, "{}", refused.1);
    assert!(peak_kib() < 64 * 1024, "{name}: {} KiB", peak_kib());
}

/// What a caller has in memory: a hostile bundle, cut off where nobody reads on.
fn hostile(name: &str) -> Vec<u8> {
    let head = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"tlogEntries":["#;
    let repeated = |unit: &str| {
        let mut bytes = head.as_bytes().to_vec();
        bytes.reserve_exact(limits::BUNDLE_BYTES + 1 - head.len());
        while bytes.len() + unit.len() <= limits::BUNDLE_BYTES + 1 {
            bytes.extend_from_slice(unit.as_bytes());
        }
        bytes.truncate(limits::BUNDLE_BYTES);
        bytes
    };
    match name {
        "entries" => {
            let entry = Scene::message().bundle.pointer(ENTRY).unwrap().to_string();
            let mut bytes = repeated(&format!("{entry},"));
            bytes.push(b' ');
            bytes
        }
        "empty-entries" => repeated("{},"),
        "numbers" => repeated("0,"),
        "depth" => repeated("["),
        "keys" => repeated(r#"{"":0},"#),
        "payload" => forged_payload(),
        "escapes" => {
            let mut bytes = br#"{"mediaType":""#.to_vec();
            bytes.reserve_exact(limits::BUNDLE_BYTES);
            while bytes.len() + 8 < limits::BUNDLE_BYTES {
                bytes.extend_from_slice(br"\u00e9");
            }
            bytes
        }
        other => panic!("{other}"),
    }
}

/// The largest envelope that is read, with a signature that nobody made.
fn forged_payload() -> Vec<u8> {
    let tail = r#"","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAAA"}]}}"#;
    let head = format!(
        r#"{{"mediaType":"{}","verificationMaterial":{{"publicKey":{{"hint":"{}"}}}},"dsseEnvelope":{{"payload":""#,
        crate::support::V0_3,
        base64::encode(&[1; 32]),
    );
    let room = (limits::BUNDLE_BYTES - head.len() - tail.len()) / 4 * 4;
    let mut bytes = Vec::with_capacity(limits::BUNDLE_BYTES);
    bytes.extend_from_slice(head.as_bytes());
    bytes.resize(head.len() + room, b'A');
    bytes.extend_from_slice(tail.as_bytes());
    bytes
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn texts_of_evidence_are_cut_before_they_are_repeated() {
    let long = "x".repeat(100_000);
    let mut scene = Scene::message();
    scene.set(&format!("{ENTRY}/kindVersion/kind"), long.clone());
    assert!(scene.verify().unwrap_err().1.len() < 1000);
    let mut scene = Scene::message();
    scene.set("/mediaType", long.clone());
    assert!(scene.verify().unwrap_err().1.len() < 1000);
    let mut scene = Scene::statement();
    scene.set("/dsseEnvelope/payloadType", long.clone());
    assert!(scene.verify().unwrap_err().1.len() < 1000);
    let mut scene = Scene::statement();
    scene.set("/dsseEnvelope/signatures/0/keyid", long.clone());
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "key-hint-mismatch");
    assert!(refused.1.len() < 1000);
    let mut scene = Scene::message();
    scene.set("/verificationMaterial/publicKey/hint", Value::from(long));
    assert_eq!(scene.code(), "bundle-malformed");
}
