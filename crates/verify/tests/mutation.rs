//! Every bit of every decoded byte is flipped: refused, or in a named range that nothing signs and
//! nothing proves.

use std::collections::BTreeSet;

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_verify::{Bundle, Subject, Verifier};
use proptest::prelude::*;

use crate::support::log::Log;
use crate::support::{ENTRY, PROOF, Scene, TIMESTAMPS};

/// Flips every bit of what stands at a pointer, and gives the places that are accepted all the same.
fn accepted_flips(scene: &Scene, pointer: &str, form: Form) -> BTreeSet<(usize, u8)> {
    let verifier = scene.verifier().unwrap();
    let mut bundle = scene.bundle.clone();
    let text = bundle
        .pointer(pointer)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let bytes = form.decode(&text);
    assert!(
        accepts(&verifier, scene, &bundle.to_string()),
        "the parent is refused"
    );
    let mut accepted = BTreeSet::new();
    let mut tried = 0;
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let Some(text) = form.encode(flipped) else {
                continue;
            };
            *bundle.pointer_mut(pointer).unwrap() = text.into();
            tried += 1;
            if accepts(&verifier, scene, &bundle.to_string()) {
                accepted.insert((place, bit));
            }
        }
    }
    assert!(
        tried >= bytes.len() * form.least_bits(),
        "only {tried} of {} bytes were tried",
        bytes.len()
    );
    accepted
}

fn accepts(verifier: &Verifier, scene: &Scene, bundle: &str) -> bool {
    let Ok(bundle) = Bundle::parse(bundle.as_bytes()) else {
        return false;
    };
    let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
    verifier
        .verify(&bundle, &Subject::Artifact(&artifact), &scene.expected)
        .is_ok()
}

#[derive(Clone, Copy)]
enum Form {
    Base64,
    Text,
}

impl Form {
    fn decode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Base64 => base64::decode(text).unwrap(),
            Self::Text => text.as_bytes().to_vec(),
        }
    }

    /// Not every byte can stand in a JSON string.
    fn encode(self, bytes: Vec<u8>) -> Option<String> {
        match self {
            Self::Base64 => Some(base64::encode(&bytes)),
            Self::Text => String::from_utf8(bytes).ok(),
        }
    }

    /// Of ASCII the highest bit cannot be flipped alone, of other characters hardly any.
    fn least_bits(self) -> usize {
        match self {
            Self::Base64 => 8,
            Self::Text => 6,
        }
    }
}

/// All but the named ranges are refused, and those are as small as they can be.
fn all_refused(scene: &Scene, pointer: &str, form: Form) {
    let accepted = accepted_flips(scene, pointer, form);
    assert!(
        accepted.is_empty(),
        "{pointer}: accepted with flips of (byte, bit) {accepted:?}"
    );
}

macro_rules! every_flip_is_refused {
    ($($name:ident: $scene:expr, $pointer:expr, $form:ident;)*) => {$(
        #[test]
        fn $name() {
            all_refused(&$scene, &$pointer, Form::$form);
        }
    )*};
}

every_flip_is_refused! {
    in_the_signature_of_a_message: Scene::message(), "/messageSignature/signature", Base64;
    in_the_digest_of_a_message: Scene::message(), "/messageSignature/messageDigest/digest", Base64;
    in_the_signature_of_an_envelope: Scene::statement(), "/dsseEnvelope/signatures/0/sig", Base64;
    in_the_payload: Scene::statement(), "/dsseEnvelope/payload", Base64;
    in_the_payload_type: Scene::statement(), "/dsseEnvelope/payloadType", Text;
    in_the_body_of_a_message: Scene::message(), format!("{ENTRY}/canonicalizedBody"), Base64;
    in_the_body_of_a_statement: Scene::statement(), format!("{ENTRY}/canonicalizedBody"), Base64;
    in_the_body_of_a_v1_entry: v1(), format!("{ENTRY}/canonicalizedBody"), Base64;
    in_the_log_id: Scene::message(), format!("{ENTRY}/logId/keyId"), Base64;
    in_the_first_proof_hash: Scene::message(), format!("{PROOF}/hashes/0"), Base64;
    in_the_second_proof_hash: Scene::message(), format!("{PROOF}/hashes/1"), Base64;
    in_the_third_proof_hash: Scene::message(), format!("{PROOF}/hashes/2"), Base64;
    in_the_fourth_proof_hash: Scene::message(), format!("{PROOF}/hashes/3"), Base64;
    in_the_root_hash: Scene::message(), format!("{PROOF}/rootHash"), Base64;
    in_the_checkpoint: Scene::message(), format!("{PROOF}/checkpoint/envelope"), Text;
    in_the_checkpoint_of_a_v1_log: v1(), format!("{PROOF}/checkpoint/envelope"), Text;
    in_the_promise: v1(), format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), Base64;
    in_the_hint: Scene::message(), "/verificationMaterial/publicKey/hint", Base64;
    in_the_kind: Scene::message(), format!("{ENTRY}/kindVersion/kind"), Text;
    in_the_version_of_the_kind: Scene::message(), format!("{ENTRY}/kindVersion/version"), Text;
    in_the_index: Scene::message(), format!("{ENTRY}/logIndex"), Text;
    in_the_index_of_the_proof: Scene::message(), format!("{PROOF}/logIndex"), Text;
    in_the_tree_size: Scene::message(), format!("{PROOF}/treeSize"), Text;
}

/// Of a timestamp response only the status is neither signed nor proven (0 is granted, 1 is granted with
/// modifications), and the version of its syntax, which old authorities wrote as 1 instead of 3.
#[test]
fn in_the_timestamp_all_but_the_granted_status_and_the_version() {
    let scene = Scene::message();
    let accepted = accepted_flips(
        &scene,
        &format!("{TIMESTAMPS}/0/signedTimestamp"),
        Form::Base64,
    );
    let bytes = scene.token().sign(&scene.authority.key);
    let status = bytes
        .windows(5)
        .position(|it| it == [0x30, 0x03, 0x02, 0x01, 0x00])
        .unwrap()
        + 4;
    let version = version_of(&bytes);
    assert_eq!(accepted, BTreeSet::from([(status, 0), (version, 1)]));
}

/// The place of the 3 of `SignedData`.
fn version_of(bytes: &[u8]) -> usize {
    let digest_algorithms = [0x02, 0x01, 0x03, 0x31];
    let version = bytes.windows(4).position(|it| it == digest_algorithms);
    version.unwrap() + 2
}

#[test]
fn in_a_token_without_response_and_certificates() {
    let mut scene = Scene::message();
    let mut token = scene.token();
    token.certificates.clear();
    let bytes = token.bare(&scene.authority.key);
    scene.stamp(std::slice::from_ref(&bytes));
    let pointer = format!("{TIMESTAMPS}/0/signedTimestamp");
    let accepted = accepted_flips(&scene, &pointer, Form::Base64);
    assert_eq!(accepted, BTreeSet::from([(version_of(&bytes), 1)]));
}

/// A witness' line is not the log's: whatever it says, the log's own line decides. Nothing outside of
/// it is accepted.
#[test]
fn in_a_cosigned_checkpoint_all_but_the_witness_line() {
    let mut scene = Scene::message();
    let pointer = format!("{PROOF}/checkpoint/envelope");
    let note = scene
        .bundle
        .pointer(&pointer)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let (text, _) = note.split_once("\n\n").unwrap();
    let line = Log::v2("witness.example", 9).line(&format!("{text}\n"));
    scene.set(&pointer, format!("{note}{line}"));
    let accepted = accepted_flips(&scene, &pointer, Form::Text);
    assert!(!accepted.is_empty());
    let outside: Vec<_> = accepted
        .iter()
        .filter(|(place, _)| *place < note.len())
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn every_truncation_is_refused() {
    for scene in [Scene::message(), Scene::statement()] {
        let bundle = scene.bundle.to_string();
        for length in 0..bundle.len() {
            let refused = scene
                .verify_bytes(&bundle.as_bytes()[..length])
                .unwrap_err();
            assert_eq!(
                refused.0, "bundle-malformed",
                "{length} bytes: {}",
                refused.1
            );
        }
    }
}

#[test]
fn every_missing_field_is_refused_but_the_ones_that_say_nothing() {
    for scene in [Scene::message(), Scene::statement(), v1()] {
        let mut optional = Vec::new();
        for pointer in pointers(&scene.bundle, "") {
            let mut without = scene.bundle.clone();
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            match without.pointer_mut(parent).unwrap() {
                serde_json::Value::Object(fields) => fields.remove(field).map(drop).unwrap(),
                serde_json::Value::Array(items) => drop(items.remove(field.parse().unwrap())),
                _ => unreachable!(),
            }
            if scene.verify_bytes(without.to_string().as_bytes()).is_ok() {
                optional.push(pointer);
            }
        }
        // A hint, a digest that is computed anyway, and what a promise proves beside a timestamp.
        let nothing = [
            "/messageSignature/messageDigest".to_owned(),
            "/verificationMaterial/publicKey/hint".to_owned(),
            format!("{ENTRY}/inclusionPromise"),
            format!("{ENTRY}/integratedTime"),
            "/verificationMaterial/timestampVerificationData".to_owned(),
            TIMESTAMPS.to_owned(),
            format!("{TIMESTAMPS}/0"),
        ];
        for pointer in &optional {
            assert!(nothing.contains(pointer), "accepted without {pointer}");
        }
        if !scene.log.v1 {
            assert!(
                !optional.iter().any(|it| it.contains("timestamp")),
                "{optional:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Lengths, tags and whole elements of a timestamp replaced, moved or cut: never a panic, and
    /// never accepted.
    #[test]
    fn a_rearranged_timestamp_is_refused(
        from in 0_usize..700,
        length in 0_usize..40,
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let scene = SCENE.with(|it| it.bundle.clone());
        let pointer = format!("{TIMESTAMPS}/0/signedTimestamp");
        let good = base64::decode(scene.pointer(&pointer).unwrap().as_str().unwrap()).unwrap();
        let from = from % good.len();
        let to = (from + length).min(good.len());
        let mut changed = good.clone();
        changed.splice(from..to, bytes);
        // The status of the response is the one byte that nothing signs.
        prop_assume!(changed.get(9..) != good.get(9..));
        // Without the response around it, it is a token, which is read as well.
        prop_assume!(Some(changed.as_slice()) != good.get(9..));
        let mut bundle = scene;
        *bundle.pointer_mut(&pointer).unwrap() = base64::encode(&changed).into();
        let refused = SCENE.with(|it| it.verify_bytes(bundle.to_string().as_bytes()).map(drop));
        prop_assert!(refused.is_err());
    }

    /// Whatever stands where a bundle should be: an answer, and no panic.
    #[test]
    fn anything_is_answered(text in r#"[\[\]{}",:a-z0-9\\ ]{0,200}"#) {
        prop_assert!(Bundle::parse(text.as_bytes()).is_err());
    }
}

thread_local! {
    static SCENE: Scene = Scene::message();
}

fn pointers(json: &serde_json::Value, at: &str) -> Vec<String> {
    let children: Vec<(String, &serde_json::Value)> = match json {
        serde_json::Value::Object(fields) => fields
            .iter()
            .map(|(name, it)| (format!("{at}/{name}"), it))
            .collect(),
        serde_json::Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, it)| (format!("{at}/{index}"), it))
            .collect(),
        _ => Vec::new(),
    };
    children
        .into_iter()
        .flat_map(|(pointer, it)| [vec![pointer.clone()], pointers(it, &pointer)].concat())
        .collect()
}

fn v1() -> Scene {
    Scene::message_in(Log::v1("log.example"))
}
