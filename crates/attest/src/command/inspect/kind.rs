//! Telling kinds of files apart by what they begin with and which fields they have.

use attest_verify::{Detached, DetachedKey};
use serde_json::Value;

/// What a file seems to be, before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of a form in which evidence is written, so named if it cannot be read.
    Evidence(&'static str),
    Detached,
    DetachedKey,
    TrustedRoot,
    Statement,
    Checkpoint,
    PublicKey,
    PrivateKey,
    Certificate,
    Checksums,
    Named(&'static str),
    Unknown,
}

/// Guesses by content; a name is only asked about checksums files.
pub(super) fn guess(file_name: &str, bytes: &[u8], json: Option<&Value>) -> Kind {
    if let Some(json) = json {
        return of_json(json);
    }
    let begins = |label: &str| {
        let begin = format!("-----BEGIN PGP {label}-----");
        bytes.trim_ascii_start().starts_with(begin.as_bytes())
    };
    if begins("SIGNED MESSAGE") {
        return Kind::Named("OpenPGP clear-signed text");
    }
    if begins("PUBLIC KEY BLOCK") || DetachedKey::parse_all(bytes).is_ok() {
        return Kind::DetachedKey;
    }
    if Detached::looks_like(bytes) && !begins("PRIVATE KEY BLOCK") {
        return Kind::Detached;
    }
    if bytes.starts_with(&[0xd2, 0x84]) {
        return Kind::Evidence("COSE signature");
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return match bytes {
            [0x99 | 0x98 | 0xc6, ..] => Kind::Named("OpenPGP packets"),
            [0x30, 0x81 | 0x82, ..] => {
                Kind::Named("DER of a certificate, a key or a CMS signature")
            }
            _ => Kind::Unknown,
        };
    };
    let pem = text
        .lines()
        .find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    if let Some(label) = pem {
        return of_pem(label);
    }
    if text.starts_with("eyJ") {
        return Kind::Evidence("JSON Web Signature");
    }
    if text.contains("\n\n\u{2014} ") {
        return Kind::Checkpoint;
    }
    if attest_digest::checksums_algorithm_of_name(file_name).is_some() || looks_like_checksums(text)
    {
        return Kind::Checksums;
    }
    if is_base64(text) {
        return Kind::Evidence("detached signature in base64");
    }
    Kind::Unknown
}

/// One line of base64, as long as a signature is: shorter words would be base64 as well.
fn is_base64(text: &str) -> bool {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let alphabet = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'=');
    line.len() >= 64 && line.bytes().all(alphabet)
}

fn of_json(json: &Value) -> Kind {
    let has = |field: &str| json.get(field).is_some();
    let media_type = json
        .get("mediaType")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if media_type.starts_with("application/vnd.dev.sigstore.trustedroot") {
        Kind::TrustedRoot
    } else if has("verificationMaterial")
        || media_type.starts_with("application/vnd.dev.sigstore.bundle")
    {
        Kind::Evidence("Sigstore bundle")
    } else if has("_type") && has("predicateType") {
        Kind::Statement
    } else if has("payload") && has("payloadType") {
        Kind::Evidence("DSSE envelope")
    } else if has("payload") && (has("protected") || has("signatures")) {
        Kind::Named("JSON Web Signature, such as Notary's")
    } else if has("base64Signature") {
        Kind::Evidence("cosign's older bundle")
    } else if has("attestations") {
        Kind::Evidence("npm attestations")
    } else if has("attestation_bundles") || has("verification_material") {
        Kind::Evidence("PyPI attestations (PEP 740)")
    } else if has("critical") && has("optional") {
        Kind::Named("cosign's payload about an image, unsigned")
    } else if has("signed") && has("signatures") {
        of_metadata(json)
    } else if has("schemaVersion") && (has("manifests") || has("layers")) {
        Kind::Named("OCI manifest or index")
    } else if has("bomFormat") {
        Kind::Named("CycloneDX SBOM")
    } else if has("spdxVersion") {
        Kind::Named("SPDX SBOM")
    } else {
        Kind::Unknown
    }
}

/// TUF's metadata has the form of in-toto's metablocks; the type is signed with the rest.
fn of_metadata(json: &Value) -> Kind {
    Kind::Named(
        match json.pointer("/signed/_type").and_then(Value::as_str) {
            Some("root") => "TUF root metadata",
            Some("timestamp") => "TUF timestamp metadata",
            Some("snapshot") => "TUF snapshot metadata",
            Some("targets") => "TUF targets metadata",
            _ => "in-toto or TUF metadata",
        },
    )
}

fn of_pem(label: &str) -> Kind {
    match label {
        "PUBLIC KEY" => Kind::PublicKey,
        "CERTIFICATE" => Kind::Certificate,
        "PKCS7" | "CMS" => Kind::Named("PKCS #7 or CMS signature"),
        _ if label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK") => {
            Kind::PrivateKey
        }
        _ => Kind::Unknown,
    }
}

fn looks_like_checksums(text: &str) -> bool {
    let line = text
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches('\\');
    let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    matches!(digits, 64 | 96 | 128) && line.get(digits..).is_some_and(|rest| rest.starts_with(' '))
}
