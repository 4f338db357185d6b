//! Bad input in each form of evidence: cut, doubled, mixed, misspelt. Each with its exact code.

use std::fs;
use std::path::Path;

use attest_verify::dialect::{Claim, Dialect, recognise};
use attest_verify::{Bundle, limits};
use serde_json::{Value, json};

use crate::support::Scene;

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/dialects");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// One file of each form that is JSON, well formed, and how it is named when it is not.
fn forms() -> Vec<(Dialect, String)> {
    let attestation = fixture("pypi/pypi_attestations-0.0.19.tar.gz.publish.attestation");
    let value: Value = serde_json::from_str(&attestation).unwrap();
    let provenance = json!({
        "version": 1,
        "attestation_bundles": [{"publisher": {"kind": "x"}, "attestations": [value]}],
    });
    let envelope = Scene::statement().bundle["dsseEnvelope"].clone();
    vec![
        (Dialect::Bundle, Scene::message().bundle.to_string()),
        (Dialect::CosignBundle, fixture("cosign/bundle.json")),
        (Dialect::Envelope, envelope.to_string()),
        (Dialect::Npm, fixture("npm/attestations.json")),
        (Dialect::PypiProvenance, provenance.to_string()),
        (Dialect::PypiAttestation, attestation),
    ]
}

fn malformed(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Bundle => "bundle-malformed",
        _ => "evidence-malformed",
    }
}

#[track_caller]
fn code(text: impl AsRef<[u8]>) -> &'static str {
    recognise(text.as_ref()).unwrap_err().code()
}

#[test]
fn each_form_is_recognised_by_its_content() {
    for (dialect, text) in forms() {
        let pieces = recognise(text.as_bytes()).unwrap();
        assert!(pieces.iter().all(|it| it.dialect() == dialect), "{dialect}");
        assert_eq!(pieces.len(), if dialect == Dialect::Npm { 2 } else { 1 });
        for piece in pieces {
            let Claim::Bundle(bundle) = piece.claim() else {
                panic!("{dialect} is no bundle");
            };
            let is_npm = dialect == Dialect::Npm;
            assert_eq!(
                bundle.dialect(),
                if is_npm { Dialect::Npm } else { dialect }
            );
        }
    }
    let signature = fixture("cosign/artifact.sig");
    let pieces = recognise(signature.as_bytes()).unwrap();
    assert_eq!(pieces[0].dialect(), Dialect::Signature);
}

#[test]
fn every_truncation_of_every_form_is_refused() {
    for (dialect, text) in forms() {
        let text = text.trim_end();
        assert_eq!(code(&text[..text.len() - 1]), malformed(dialect));
        for end in (0..text.len()).step_by(13) {
            let found = code(&text.as_bytes()[..end]);
            let known = [malformed(dialect), "dialect-unknown", "bundle-malformed"];
            assert!(known.contains(&found), "{dialect} cut at {end}: {found}");
        }
        for more in ["x", "{}", "\n{}x", "\0"] {
            let found = code(format!("{text}{more}"));
            let known = [malformed(dialect), "dialect-unknown"];
            assert!(known.contains(&found), "{dialect} with {more:?}: {found}");
        }
    }
}

#[test]
fn no_file_is_of_two_forms() {
    let forms = forms();
    for (one, text) in &forms {
        for (other, more) in forms.iter().filter(|(it, _)| it != one) {
            let mixed = format!("{}\n{}\n", text.trim_end(), more.trim_end());
            assert_eq!(code(mixed), "dialect-mixed", "{one}, {other}");
            let mut both: Value = serde_json::from_str(text).unwrap();
            let fields = both.as_object_mut().unwrap();
            fields.extend(serde_json::from_str::<serde_json::Map<_, _>>(more).unwrap());
            assert_eq!(
                code(both.to_string()),
                "dialect-ambiguous",
                "{one}, {other}"
            );
        }
    }
}

#[test]
fn a_field_twice_and_an_unknown_field_are_refused_in_every_form() {
    for (dialect, text) in forms() {
        let value: Value = serde_json::from_str(&text).unwrap();
        for (name, field) in value.as_object().unwrap() {
            let doubled = text.replacen('{', &format!("{{\"{name}\":{field},"), 1);
            assert_eq!(code(doubled), malformed(dialect), "{dialect}: {name} twice");
            let nothing = text.replacen('{', &format!("{{\"{name}\\u0000\":1,"), 1);
            assert_eq!(code(nothing), malformed(dialect), "{dialect}: {name}");
            let mut without = value.clone();
            without[name] = Value::Null;
            assert_eq!(
                code(without.to_string()),
                malformed(dialect),
                "{dialect}: {name} null"
            );
        }
        let escaped = text.replacen("\"p", "\"\\u0070", 1);
        if escaped != text && dialect == Dialect::Envelope {
            // Nobody writes names so: read by others, it is not read here.
            assert!(recognise(escaped.as_bytes()).is_ok() || code(&escaped) == "dialect-unknown");
        }
    }
}

#[test]
fn every_base64_has_one_spelling() {
    for (dialect, text) in forms() {
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut paths = Vec::new();
        base64_fields(&value, String::new(), &mut paths);
        assert!(!paths.is_empty(), "{dialect}");
        for path in paths {
            let good = value.pointer(&path).unwrap().as_str().unwrap().to_owned();
            let mixed = good.replacen(['+', '/'], "_", 1);
            // An envelope that stands alone may be in the other alphabet, but not in both.
            let is_other = dialect == Dialect::Envelope && !mixed.contains(['+', '/']);
            for bad in [
                if is_other { format!("{good}=") } else { mixed },
                good.trim_end_matches('=').to_owned(),
                format!("{good}="),
                format!("{good}\n"),
                format!(" {good}"),
                trailing_bits(&good),
            ] {
                if bad == good {
                    continue;
                }
                let mut changed = value.clone();
                *changed.pointer_mut(&path).unwrap() = json!(bad);
                let found = code(changed.to_string());
                let known = [malformed(dialect), "bundle-malformed"];
                assert!(
                    known.contains(&found),
                    "{dialect} {path}: {found} for {bad:?}"
                );
            }
        }
    }
}

/// The paths of all strings that are base64 of some length.
fn base64_fields(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            // The hint is base64 by custom alone.
            if !["hint", "keyid"].contains(&name.as_str()) {
                base64_fields(value, format!("{path}/{name}"), found);
            }
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| base64_fields(value, format!("{path}/{index}"), found)),
        Value::String(text) if text.len() >= 40 && text.len() % 4 == 0 => {
            let alphabet = |it: u8| it.is_ascii_alphanumeric() || b"+/=".contains(&it);
            if text.bytes().all(alphabet) {
                found.push(path);
            }
        }
        _ => {}
    }
}

/// The same bytes, if bits that nobody reads were read.
fn trailing_bits(text: &str) -> String {
    let kept = text.trim_end_matches('=');
    if kept.len() == text.len() {
        return text.to_owned();
    }
    let mut bytes = kept.as_bytes().to_vec();
    let last = bytes.last_mut().unwrap();
    *last = match *last {
        b'A'..=b'Y' | b'a'..=b'y' | b'0'..=b'8' => *last + 1,
        _ => b'B',
    };
    let padding = &text[kept.len()..];
    format!("{}{padding}", String::from_utf8(bytes).unwrap())
}

#[test]
fn numbers_have_one_spelling_and_a_size() {
    let attestation = fixture("pypi/pypi_attestations-0.0.19.tar.gz.publish.attestation");
    for number in [
        "0",
        "2",
        "-1",
        "1.0",
        "1e0",
        "\"1\"",
        "true",
        "18446744073709551616",
        "1e999",
        "01",
    ] {
        let text = attestation.replacen("\"version\":1", &format!("\"version\":{number}"), 1);
        assert_ne!(text, attestation);
        assert_eq!(code(text), "evidence-malformed", "{number}");
    }
}

#[test]
fn what_is_beyond_a_limit_is_refused_before_it_is_built() {
    let nested = |text: &str| text.replacen(':', &format!(":{}", "[".repeat(100_000)), 1);
    for (dialect, text) in forms() {
        assert_eq!(code(nested(&text)), "bundle-too-large", "{dialect}");
        let deep = text.replacen(':', &format!(":{}", "[".repeat(100)), 1);
        // Its other fields are then no longer at its top.
        let known = [malformed(dialect), "dialect-unknown"];
        assert!(known.contains(&code(deep)), "{dialect}");
        let commas = text.replacen(
            ':',
            &format!(":[{}0],\"x\":", "0,".repeat(limits::BUNDLE_VALUES)),
            1,
        );
        assert_eq!(code(commas), "bundle-too-large", "{dialect}");
    }
    assert_eq!(
        code(vec![b' '; limits::BUNDLE_BYTES + 1]),
        "bundle-too-large"
    );
    for (dialect, text) in forms().into_iter().filter(|(it, _)| *it != Dialect::Bundle) {
        let padded = format!("{}{text}", " ".repeat(limits::EVIDENCE_BYTES));
        assert_eq!(code(padded), "bundle-too-large", "{dialect}");
    }
    let line = Scene::message().bundle.to_string();
    let lines = format!("{line}\n").repeat(limits::EVIDENCE_PIECES);
    assert_eq!(
        recognise(lines.as_bytes()).unwrap().len(),
        limits::EVIDENCE_PIECES
    );
    assert_eq!(code(format!("{lines}{line}")), "bundle-too-large");
    // The values of all lines count together.
    let many = format!("{{\"mediaType\":[{}0]}}\n", "0,".repeat(1000)).repeat(20);
    assert_eq!(code(many), "bundle-too-large");
    let signature = json!({"sig": "AAAA"});
    let envelope = |count: usize| {
        let signatures: Vec<Value> = (0..count).map(|_| signature.clone()).collect();
        json!({"payloadType": "x", "payload": "", "signatures": signatures}).to_string()
    };
    // Every signature of an envelope takes the payload along.
    let payload = "A".repeat(limits::EVIDENCE_BYTES / 4);
    let many = |count: usize| {
        let signature = |it: usize| json!({"sig": format!("AAA{}", char::from(b'A' + u8::try_from(it).unwrap()))});
        let signatures: Vec<Value> = (0..count).map(signature).collect();
        json!({"payloadType": "x", "payload": payload, "signatures": signatures}).to_string()
    };
    assert_eq!(recognise(many(3).as_bytes()).unwrap().len(), 3);
    assert_eq!(code(many(4)), "bundle-too-large");
    assert_eq!(code(envelope(0)), "evidence-malformed");
    assert_eq!(code(envelope(2)), "evidence-malformed");
    assert_eq!(
        code(envelope(limits::EVIDENCE_PIECES + 1)),
        "evidence-malformed"
    );
}

#[test]
fn a_signature_alone_is_one_line_of_base64() {
    let good = fixture("cosign/artifact.sig");
    assert!(recognise(format!("{good}\n").as_bytes()).is_ok());
    for bad in [
        format!("{good}\n\n"),
        format!("{good}\r\n"),
        format!(" {good}"),
        good.replace('=', ""),
        good.replace('+', "-"),
        format!("{good}\n{good}"),
        "A".repeat(limits::SIGNATURE_BYTES * 2),
        "====".to_owned(),
    ] {
        assert_eq!(code(&bad), "dialect-unknown", "{bad:?}");
    }
}

#[test]
fn a_certificate_beside_a_signature_is_pem_or_its_base64() {
    let certificate = |text: &str| {
        attest_verify::dialect::with_certificate(vec![1], Some(text.as_bytes()))
            .map(|it| it.claimed_identity())
            .map_err(|it| it.code())
    };
    let key = fixture("cosign/key.pub");
    assert_eq!(certificate(&key), Ok(None));
    for bad in [
        String::new(),
        "no certificate".to_owned(),
        format!("{key}{key}"),
        format!("{key}x"),
        format!("x{key}"),
        key.replace("PUBLIC", "PRIVATE"),
        key.replace("-----END", "-----"),
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".repeat(11),
    ] {
        assert_eq!(certificate(&bad), Err("evidence-malformed"), "{bad:?}");
    }
}

/// A reader that takes one spelling of a bundle for another form has two meanings for one file.
#[test]
fn a_bundle_alone_is_read_as_bundles_are() {
    let text = Scene::message().bundle.to_string();
    let pieces = recognise(text.as_bytes()).unwrap();
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].at().to_string(), "");
    let Claim::Bundle(bundle) = pieces[0].claim() else {
        panic!("no bundle");
    };
    let parsed = Bundle::parse(text.as_bytes()).unwrap();
    assert_eq!(bundle.signature(), parsed.signature());
}
