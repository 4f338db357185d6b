//! Telling kinds of files apart by what they begin with and which fields they have.

use serde_json::Value;

/// What a file seems to be, before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bundle,
    TrustedRoot,
    Statement,
    Envelope,
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
    let Ok(text) = std::str::from_utf8(bytes) else {
        return if bytes.starts_with(&[0x99]) || bytes.starts_with(&[0x88]) {
            Kind::Named("OpenPGP packets")
        } else {
            Kind::Unknown
        };
    };
    let pem = text
        .lines()
        .find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    if let Some(label) = pem {
        return of_pem(label);
    }
    if text.starts_with("untrusted comment: ") {
        return Kind::Named("minisign or signify signature or key");
    }
    if text.contains("\n\n\u{2014} ") {
        return Kind::Checkpoint;
    }
    if attest_digest::checksums_algorithm_of_name(file_name).is_some() || looks_like_checksums(text)
    {
        return Kind::Checksums;
    }
    Kind::Unknown
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
        Kind::Bundle
    } else if has("_type") && has("predicateType") {
        Kind::Statement
    } else if has("payload") && has("payloadType") {
        Kind::Envelope
    } else if has("base64Signature") {
        Kind::Named("cosign's older bundle")
    } else if has("attestations") {
        Kind::Named("npm attestations")
    } else if has("attestation_bundles") {
        Kind::Named("PyPI provenance (PEP 740)")
    } else if has("signed") && has("signatures") {
        Kind::Named("in-toto or TUF metadata")
    } else if has("bomFormat") {
        Kind::Named("CycloneDX SBOM")
    } else if has("spdxVersion") {
        Kind::Named("SPDX SBOM")
    } else {
        Kind::Unknown
    }
}

fn of_pem(label: &str) -> Kind {
    match label {
        "PUBLIC KEY" => Kind::PublicKey,
        "CERTIFICATE" => Kind::Certificate,
        "PGP SIGNATURE" => Kind::Named("OpenPGP signature"),
        "PGP SIGNED MESSAGE" => Kind::Named("OpenPGP clear-signed text"),
        "PGP PUBLIC KEY BLOCK" => Kind::Named("OpenPGP public key"),
        "SSH SIGNATURE" => Kind::Named("SSH signature"),
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
