//! A bundle whose signer has a certificate.

use attest_provenance::base64;
use attest_verify::ExpectedSigner;
use serde_json::json;

use super::issuer::{IDENTITY, ISSUER, Issuer, Signer};
use super::keys::Key;
use super::log::Log;
use super::{ENTRY, INDEX, SIZE, Scene, V0_3, message_digest, pae, statement_about};

pub(crate) struct Keyless {
    pub(crate) scene: Scene,
    pub(crate) issuer: Issuer,
    pub(crate) certificate: Vec<u8>,
}

impl Keyless {
    pub(crate) fn message(signer: &Signer) -> Self {
        Self::of(signer, Key::p256(), false)
    }

    pub(crate) fn of(signer: &Signer, key: Key, statement: bool) -> Self {
        Self::issued_by(Issuer::new(), signer, key, statement)
    }

    pub(crate) fn issued_by(issuer: Issuer, signer: &Signer, key: Key, statement: bool) -> Self {
        let certificate = issuer.issue(signer, key.spki());
        let mut scene = Scene::new(key, Log::v2("log.example", 7));
        issuer.trust_in(&mut scene.root);
        scene.expected = ExpectedSigner::exactly(IDENTITY, ISSUER);
        scene.bundle = json!({
            "mediaType": V0_3,
            "verificationMaterial": {"certificate": {"rawBytes": base64::encode(&certificate)}},
        });
        if statement {
            let payload = statement_about(&scene.artifact);
            let signature = scene
                .key
                .sign(&pae("application/vnd.in-toto+json", payload.as_bytes()));
            scene.set(
                "/dsseEnvelope",
                json!({
                    "payload": base64::encode(payload.as_bytes()),
                    "payloadType": "application/vnd.in-toto+json",
                    "signatures": [{"sig": base64::encode(&signature)}],
                }),
            );
        } else {
            let signature = scene.key.sign(&scene.artifact);
            scene.set(
                "/messageSignature",
                json!({
                    "messageDigest": message_digest(&scene.key, &scene.artifact),
                    "signature": base64::encode(&signature),
                }),
            );
        }
        let mut keyless = Self {
            scene,
            issuer,
            certificate,
        };
        keyless.witness();
        keyless
    }

    pub(crate) fn witness(&mut self) {
        self.scene.witness();
        let body = self.body(&self.certificate);
        let entry = self
            .scene
            .log
            .entry("hashedrekord", "0.0.2", body.as_bytes(), INDEX, SIZE);
        self.scene.set(ENTRY, entry);
    }

    pub(crate) fn body(&self, certificate: &[u8]) -> String {
        let key = format!(
            r#""publicKey":{{"rawBytes":"{}"}}"#,
            base64::encode(&self.scene.key.spki())
        );
        let certificate = format!(
            r#""x509Certificate":{{"rawBytes":"{}"}}"#,
            base64::encode(certificate)
        );
        self.scene.body(false).replace(&key, &certificate)
    }

    pub(crate) fn code(&self) -> &'static str {
        self.scene.code()
    }
}
