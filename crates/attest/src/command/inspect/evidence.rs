//! What evidence claims, piece by piece, and what nothing in it could prove.

use attest_verify::dialect::{Claim, Dialect, DialectError, Piece, recognise};
use attest_verify::{Bundle, BundleEntry, Content, Detached, DetachedKey, Material};
use serde_json::Value;

use super::describe::{Description, SHOWN, envelope_claims};

type Claims = Vec<(&'static str, String)>;

/// Describes a file of evidence; `name` is what it is called when it cannot be read, `publishers` whom it
/// names if it is of `PyPI`.
pub(super) fn describe(name: &str, bytes: &[u8], publishers: Claims) -> Description {
    match recognise(bytes) {
        Ok(pieces) => of_pieces(&pieces, publishers),
        Err(error) => refused(name, &error),
    }
}

/// Documents on lines, if they are that: none if it is one document that cannot be read.
pub(super) fn lines(bytes: &[u8]) -> Option<Description> {
    match recognise(bytes) {
        Ok(pieces) => Some(of_pieces(&pieces, Claims::new())),
        Err(error @ (DialectError::Piece { .. } | DialectError::Mixed { .. })) => {
            Some(refused("evidence on lines", &error))
        }
        Err(_) => None,
    }
}

/// Describes OpenPGP, minisign and SSH signatures.
pub(super) fn detached(bytes: &[u8]) -> Description {
    match Detached::parse(bytes) {
        Ok(signatures) => Description {
            kind: signatures.kind().to_owned(),
            problem: None,
            claims: signatures.claims(),
        },
        Err(rejection) => Description {
            kind: "detached signature".to_owned(),
            problem: Some((rejection.code(), rejection.to_string())),
            claims: Vec::new(),
        },
    }
}

/// Describes OpenPGP, minisign and SSH public keys.
pub(super) fn detached_keys(bytes: &[u8]) -> Description {
    match DetachedKey::parse_all(bytes) {
        Ok(keys) => {
            let kind = keys.first().map_or("public key", DetachedKey::kind);
            let mut claims: Claims = keys
                .iter()
                .take(SHOWN)
                .flat_map(DetachedKey::claims)
                .collect();
            if keys.len() > SHOWN {
                claims.push(("key", format!("… and {} more", keys.len() - SHOWN)));
            }
            Description {
                kind: kind.to_owned(),
                problem: None,
                claims,
            }
        }
        Err(error) => Description {
            kind: "public key".to_owned(),
            problem: Some((error.code(), error.to_string())),
            claims: Vec::new(),
        },
    }
}

fn refused(name: &str, error: &DialectError) -> Description {
    let unread = match error {
        DialectError::Unsupported { dialect } => Some(*dialect),
        DialectError::Piece { source, .. } => match **source {
            DialectError::Unsupported { dialect } => Some(dialect),
            _ => None,
        },
        _ => None,
    };
    match unread {
        Some(dialect) => Description {
            kind: format!("{dialect}, which attest does not verify"),
            problem: None,
            claims: Vec::new(),
        },
        None => Description {
            kind: name.to_owned(),
            problem: Some((error.code(), error.to_string())),
            claims: Vec::new(),
        },
    }
}

fn of_pieces(pieces: &[Piece], publishers: Claims) -> Description {
    let dialect = pieces.first().map_or(Dialect::Bundle, Piece::dialect);
    let kind = match pieces.len() {
        1 => dialect.to_string(),
        several => format!("{dialect}, {several} pieces"),
    };
    let mut claims = match dialect {
        Dialect::PypiProvenance => publishers,
        _ => Claims::new(),
    };
    for piece in pieces.iter().take(SHOWN) {
        if pieces.len() > 1 {
            claims.push(("piece", piece.at().to_string()));
        }
        claims.extend(piece_claims(piece));
    }
    if pieces.len() > SHOWN {
        claims.push(("piece", format!("… and {} more", pieces.len() - SHOWN)));
    }
    Description {
        kind,
        problem: None,
        claims,
    }
}

/// Whom `PyPI` names: nobody signs that.
pub(super) fn publishers(json: Option<&Value>) -> Claims {
    let published = json.and_then(|it| it.get("attestation_bundles")?.as_array());
    let words = |it: &Value| {
        let fields = it.get("publisher")?.as_object()?.iter();
        let text = |(name, value): (&String, &Value)| Some(format!("{name} {}", value.as_str()?));
        Some(fields.filter_map(text).collect::<Vec<_>>().join(", "))
    };
    let words = published
        .into_iter()
        .flatten()
        .take(SHOWN)
        .filter_map(words);
    words
        .map(|it| ("publisher", format!("{it} (nobody signs this)")))
        .collect()
}

fn piece_claims(piece: &Piece) -> Claims {
    match piece.claim() {
        Claim::Bundle(bundle) => bundle_claims(bundle),
        Claim::Signature(signature) => vec![
            ("signature", format!("{} bytes", signature.len())),
            (
                "signer",
                "not in it: a key, or a certificate beside it".to_owned(),
            ),
            (
                "cannot prove",
                "when it was made, nor that a log has it".to_owned(),
            ),
        ],
        _ => Vec::new(),
    }
}

fn bundle_claims(bundle: &Bundle) -> Claims {
    let mut claims = Vec::new();
    if bundle.dialect() == Dialect::Bundle {
        claims.push(("version", bundle.version().to_string()));
    }
    claims.extend(signer_claims(bundle));
    match bundle.content() {
        Content::Message { digest, .. } => {
            claims.push(("content", "message signature".to_owned()));
            let digest = digest.iter();
            claims.extend(digest.map(|it| ("message digest", it.to_string())));
        }
        Content::Envelope(envelope) => claims.extend(envelope_claims(envelope)),
    }
    for entry in bundle.entries() {
        let log = hex::encode(entry.log_id());
        claims.push(("log entry", format!("index {} of log {log}", entry.index())));
    }
    claims.push(("timestamps", bundle.timestamps().len().to_string()));
    claims.extend(limits_of(bundle).map(|it| ("cannot prove", it.to_owned())));
    claims
}

fn signer_claims(bundle: &Bundle) -> Claims {
    let mut claims = Vec::new();
    match bundle.material() {
        Material::Key { hint } => {
            let hint = hint.clone().unwrap_or_else(|| "none".to_owned());
            claims.push(("key hint", hint));
        }
        Material::Certificate(der) => claims.push(("certificate", format!("{} bytes", der.len()))),
        Material::Chain(chain) => claims.push(("certificates", chain.len().to_string())),
    }
    if let Some((identity, issuer)) = bundle.claimed_identity() {
        claims.push(("identity", identity));
        claims.extend(issuer.map(|it| ("issuer", it)));
    }
    for key in bundle.claimed_keys() {
        let pin = hex::encode(key.fingerprint());
        claims.push(("signer key", format!("sha256:{pin}")));
    }
    claims
}

/// What no verification could find in it.
fn limits_of(bundle: &Bundle) -> impl Iterator<Item = &'static str> {
    let has_entries = !bundle.entries().is_empty();
    let promised = |it: &BundleEntry| it.promise().is_some();
    let has_time = !bundle.timestamps().is_empty() || bundle.entries().iter().any(promised);
    let is_proven = bundle.entries().iter().all(|it| it.proof().is_some());
    [
        (!has_entries).then_some("that any log has it"),
        (has_entries && !is_proven).then_some("that a log included it: it only promised to"),
        (!has_time && bundle.claimed_identity().is_some()).then_some(
            "when it was signed, so that its certificate, valid for minutes, proves nothing",
        ),
        (!has_time && bundle.claimed_identity().is_none()).then_some("when it was signed"),
    ]
    .into_iter()
    .flatten()
}
