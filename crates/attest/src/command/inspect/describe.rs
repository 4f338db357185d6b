//! What a file claims, field by field.

use std::path::Path;

use attest_digest::{Algorithm, Checksums};
use attest_log::SignedCheckpoint;
use attest_provenance::{Envelope, Statement, json};
use attest_verify::{PublicKey, TrustedRoot};

use super::claimed;
use super::evidence;
use super::kind::{Kind, guess};
use super::metablock;
use super::tree;

/// A file in words. Claims are the file's own; escape them before showing.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) kind: String,
    pub(super) problem: Option<(&'static str, String)>,
    pub(super) claims: Vec<(&'static str, String)>,
}

pub(super) type Described = Result<Vec<(&'static str, String)>, (&'static str, String)>;

/// Describes the bytes of a file.
pub(super) fn describe(path: &Path, bytes: &[u8]) -> Description {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if tree::is_manifest(bytes) {
        return tree::describe(bytes);
    }
    let opens_as_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let parsed = opens_as_json.then(|| json::parse(bytes, attest_provenance::limits::STATEMENT));
    if let Some(Err(error)) = &parsed {
        // Documents on lines are no document; what else cannot be read is said as JSON.
        return evidence::lines(bytes).unwrap_or_else(|| Description {
            kind: "JSON".to_owned(),
            problem: Some((error.code(), error.to_string())),
            claims: Vec::new(),
        });
    }
    let value = parsed.and_then(Result::ok);
    if let Some(description) = value.as_ref().and_then(|it| metablock::describe(bytes, it)) {
        return description;
    }
    let (kind, described) = match guess(name, bytes, value.as_ref()) {
        Kind::Evidence(name) => {
            let publishers = evidence::publishers(value.as_ref());
            // It is read again, piece by piece: two of a large one are too much.
            drop(value);
            return evidence::describe(name, bytes, publishers);
        }
        Kind::Detached => return evidence::detached(bytes),
        Kind::DetachedKey => return evidence::detached_keys(bytes),
        Kind::TrustedRoot => ("Sigstore trusted root".to_owned(), trusted_root(bytes)),
        Kind::Statement => ("in-toto statement, unsigned".to_owned(), statement(bytes)),
        Kind::Checkpoint => (
            "checkpoint (C2SP signed note)".to_owned(),
            checkpoint(bytes),
        ),
        Kind::PublicKey => ("public key".to_owned(), public_key(bytes)),
        Kind::PrivateKey => (
            "private key".to_owned(),
            Ok(vec![("note", "its contents are not shown".to_owned())]),
        ),
        Kind::Certificate => ("X.509 certificate".to_owned(), Ok(Vec::new())),
        Kind::Checksums => ("checksums file".to_owned(), checksums(name, bytes)),
        Kind::Named(kind) => (
            format!("{kind}, which attest does not verify"),
            Ok(Vec::new()),
        ),
        Kind::Unknown => (
            "of no kind that attest knows".to_owned(),
            Err((
                "kind-unknown",
                "nothing of this field is recognised".to_owned(),
            )),
        ),
    };
    match described {
        Ok(claims) => Description {
            kind,
            problem: None,
            claims,
        },
        Err(problem) => Description {
            kind,
            problem: Some(problem),
            claims: Vec::new(),
        },
    }
}

fn statement(bytes: &[u8]) -> Described {
    Statement::parse(bytes)
        .map(|statement| statement_claims(&statement))
        .map_err(|error| (error.code(), error.to_string()))
}

pub(super) fn envelope_claims(envelope: &Envelope) -> Vec<(&'static str, String)> {
    let mut claims = vec![
        ("payload type", envelope.payload_type().to_owned()),
        ("signatures", envelope.signatures().len().to_string()),
    ];
    let payload = envelope.unverified_payload();
    if payload.len() > crate::limits::STATEMENT_BYTES {
        let words = format!(
            "{} bytes, more than are described of an envelope",
            payload.len()
        );
        claims.push(("payload", words));
        return claims;
    }
    match Statement::parse(payload) {
        Ok(statement) => claims.extend(statement_claims(&statement)),
        Err(error) => claims.push(("payload", format!("no statement: {error}"))),
    }
    claims
}

fn statement_claims(statement: &Statement) -> Vec<(&'static str, String)> {
    let mut claims = vec![("predicate type", statement.predicate_type().to_owned())];
    let known = PREDICATES.iter();
    let mut known = known.filter(|(begin, _)| statement.predicate_type().starts_with(begin));
    claims.extend(
        known
            .next()
            .map(|(_, words)| ("predicate", (*words).to_owned())),
    );
    claims.extend(claimed::claims(statement));
    claims.push(("subjects", statement.subjects().len().to_string()));
    for subject in statement.subjects().iter().take(SHOWN) {
        let digest = subject
            .digests()
            .strongest()
            .map(ToString::to_string)
            .unwrap_or_default();
        claims.push((
            "subject",
            format!("{} {digest}", subject.name().unwrap_or("(no name)")),
        ));
    }
    if statement.subjects().len() > SHOWN {
        claims.push((
            "subject",
            format!("… and {} more", statement.subjects().len() - SHOWN),
        ));
    }
    claims
}

fn trusted_root(bytes: &[u8]) -> Described {
    let root = TrustedRoot::parse(bytes).map_err(|error| (error.code(), error.to_string()))?;
    let mut claims = vec![("pin", root.digest().to_string())];
    for log in root.logs() {
        claims.push(("log", format!("{} {}", log.origin(), hex::encode(log.id()))));
    }
    for authority in root.authorities() {
        claims.push(("time authority", authority.name().to_owned()));
    }
    Ok(claims)
}

fn checkpoint(bytes: &[u8]) -> Described {
    let signed =
        SignedCheckpoint::parse(bytes).map_err(|error| (error.code(), error.to_string()))?;
    let mut claims = vec![
        ("origin", signed.checkpoint().origin().to_owned()),
        ("size", signed.checkpoint().size().to_string()),
        ("root", signed.checkpoint().root().to_string()),
    ];
    claims.extend(signed.signatures().iter().map(|line| {
        (
            "signature",
            format!("{} {}", line.name(), hex::encode(line.key_id())),
        )
    }));
    Ok(claims)
}

fn public_key(bytes: &[u8]) -> Described {
    let key = PublicKey::parse(bytes).map_err(|error| (error.code(), error.to_string()))?;
    Ok(vec![
        ("kind", key.kind().to_string()),
        ("pin", format!("sha256:{}", hex::encode(key.fingerprint()))),
    ])
}

fn checksums(name: &str, bytes: &[u8]) -> Described {
    let algorithm = attest_digest::checksums_algorithm_of_name(name).unwrap_or(Algorithm::Sha256);
    let checksums =
        Checksums::parse(bytes, algorithm).map_err(|error| (error.code(), error.to_string()))?;
    let mut claims = vec![
        ("algorithm", algorithm.to_string()),
        ("files", checksums.entries().len().to_string()),
    ];
    claims.extend(
        checksums
            .entries()
            .iter()
            .take(SHOWN)
            .map(|(path, digest)| ("file", format!("{path} {digest}"))),
    );
    Ok(claims)
}

/// What predicates of the field are, by how their types begin.
const PREDICATES: &[(&str, &str)] = &[
    ("https://slsa.dev/provenance/", "SLSA provenance"),
    (
        "https://slsa.dev/verification_summary/",
        "SLSA verification summary (VSA): somebody else's verdict, which approves nothing unless asked for",
    ),
    (
        "https://in-toto.io/attestation/release/",
        "release statement",
    ),
    (
        "https://in-toto.io/attestation/svr/",
        "simple verification result: approves nothing unless asked for",
    ),
    (
        "https://in-toto.io/attestation/test-result/",
        "test result: approves nothing unless asked for",
    ),
    (
        "https://in-toto.io/attestation/vulns/",
        "vulnerability scan: approves nothing unless asked for",
    ),
    ("https://in-toto.io/attestation/link/", "in-toto link"),
    ("https://in-toto.io/Link/", "in-toto link"),
    ("https://spdx.dev/Document", "SPDX bill of materials"),
    ("https://cyclonedx.org/bom", "CycloneDX bill of materials"),
    ("https://openvex.dev/ns", "OpenVEX document"),
    (
        "https://github.com/npm/attestation/",
        "npm's publish attestation",
    ),
    (
        "https://docs.pypi.org/attestations/publish/",
        "PyPI's publish attestation",
    ),
    (
        "https://sigstore.dev/cosign/sign/",
        "cosign's signature of an image",
    ),
    (
        "https://witness.testifysec.com/attestation-collection/",
        "witness collection, which attest does not verify",
    ),
    (
        "https://witness.dev/attestation-collection/",
        "witness collection, which attest does not verify",
    ),
];

/// How many subjects, pieces or lines are shown.
pub(super) const SHOWN: usize = 20;
