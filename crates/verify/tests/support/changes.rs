//! Changes to a scene that several tests make.

use attest_provenance::base64;
use serde_json::{Value, json};

use super::{ENTRY, INDEX, PROOF, SIZE, Scene, pae};

pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Flips a bit of the base64 at a pointer, in the middle of its bytes.
pub(crate) fn flip(scene: &mut Scene, pointer: &str) {
    let mut bytes =
        base64::decode(scene.bundle.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    scene.set(pointer, base64::encode(&bytes));
}

pub(crate) fn hashes(scene: &mut Scene) -> &mut Vec<Value> {
    scene
        .bundle
        .pointer_mut(&format!("{PROOF}/hashes"))
        .unwrap()
        .as_array_mut()
        .unwrap()
}

pub(crate) fn checkpoint(scene: &mut Scene, change: impl Fn(&str) -> String) {
    let pointer = format!("{PROOF}/checkpoint/envelope");
    let text = change(scene.bundle.pointer(&pointer).unwrap().as_str().unwrap());
    scene.set(&pointer, text);
}

pub(crate) fn checkpoint_body(scene: &Scene) -> String {
    let note = scene
        .bundle
        .pointer(&format!("{PROOF}/checkpoint/envelope"))
        .unwrap();
    note.as_str()
        .unwrap()
        .split_once("\n\n")
        .unwrap()
        .0
        .to_owned()
        + "\n"
}

pub(crate) fn root_hash(scene: &Scene) -> Vec<u8> {
    let root = scene.bundle.pointer(&format!("{PROOF}/rootHash")).unwrap();
    base64::decode(root.as_str().unwrap()).unwrap()
}

/// Logs this body, with a proof that holds, in place of the right one.
pub(crate) fn log_body(scene: &mut Scene, body: &str) {
    let entry = scene
        .log
        .entry("hashedrekord", "0.0.2", body.as_bytes(), INDEX, SIZE);
    scene.set(ENTRY, entry);
}

/// Signs, logs and stamps another payload.
pub(crate) fn sign_payload(scene: &mut Scene, payload_type: &str, payload: &str) {
    let signature = scene.key.sign(&pae(payload_type, payload.as_bytes()));
    let envelope = json!({
        "payload": base64::encode(payload.as_bytes()),
        "payloadType": payload_type,
        "signatures": [{"sig": base64::encode(&signature)}],
    });
    scene.set("/dsseEnvelope", envelope);
    scene.witness();
}

pub(crate) fn edit_payload(scene: &mut Scene, change: impl Fn(&str) -> String) {
    let payload =
        base64::decode(scene.bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let changed = change(std::str::from_utf8(&payload).unwrap());
    sign_payload(scene, IN_TOTO, &changed);
}
