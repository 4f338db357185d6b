//! Strict JSON, statements, envelopes.

use attest_provenance::json::{Limits, Value, canonical, parse};
use attest_provenance::predicate::Claimed;
use attest_provenance::predicate::reference::Reference;
use attest_provenance::predicate::release::ClaimedRelease;
use attest_provenance::predicate::slsa::ClaimedProvenance;
use attest_provenance::predicate::test_result::Outcome as Tested;
use attest_provenance::report::{Tool, ToolReport};
use attest_provenance::tree::{TreeReader, TreeWriter};
use attest_provenance::{Envelope, PAE_PREFIX, ReleaseName, Statement};

use crate::Outcome;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    depth: 64,
};

/// What the strict parser reads, a lenient one reads the same; the canonical form is stable.
pub fn json(data: &[u8]) -> Outcome {
    let Ok(value) = parse(data, LIMITS) else {
        return Outcome::Refused;
    };
    let lenient: Value = serde_json::from_slice(data).expect("strict JSON is JSON");
    assert_eq!(value, lenient);
    if let Ok(bytes) = canonical(&value) {
        let again = parse(
            &bytes,
            Limits {
                bytes: usize::MAX,
                ..LIMITS
            },
        )
        .expect("the canonical form is strict JSON");
        assert_eq!(canonical(&again).expect("it was canonical before"), bytes);
    }
    Outcome::Read
}

/// A statement survives writing and reading; its predicates are read or refused.
pub fn statement(data: &[u8]) -> Outcome {
    let Ok(statement) = Statement::parse(data) else {
        return Outcome::Refused;
    };
    assert!(!statement.subjects().is_empty());
    assert!(
        statement
            .subjects()
            .iter()
            .all(|it| !it.digests().is_empty())
    );
    let again = Statement::parse(&statement.to_bytes()).expect("what we write we read");
    assert_eq!(again, statement);
    if let Ok(release) = ClaimedRelease::from_statement(&statement)
        && let Some(name) = release.name()
    {
        assert_eq!(name.purl(), release.purl());
        assert_eq!(ReleaseName::parse(&name.to_string()).as_ref(), Ok(name));
    }
    if let Ok(reference) = Reference::from_statement(&statement) {
        assert!(
            reference
                .references()
                .iter()
                .all(|it| it.download_location.is_some())
        );
    }
    let _ = ClaimedProvenance::from_statement(&statement);
    Outcome::Read
}

/// A predicate, behind its type and a line end: what we can write of it is read again as the same, and
/// what has a verdict says which.
pub fn predicate(data: &[u8]) -> Outcome {
    let Some((kind, predicate)) = split(data) else {
        return Outcome::Refused;
    };
    let text = |predicate: &Value| {
        serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": "00".repeat(32)}}],
            "predicateType": kind,
            "predicate": predicate,
        })
        .to_string()
    };
    let read = |predicate: &Value| {
        let statement = Statement::parse(text(predicate).as_bytes()).ok()?;
        Claimed::from_statement(&statement).ok()
    };
    let Some(claimed) = parse(predicate, LIMITS).ok().and_then(|it| read(&it)) else {
        return Outcome::Refused;
    };
    let written = match &claimed {
        Claimed::Vsa(it) => Some(it.to_json()),
        Claimed::Svr(it) if kind.ends_with("/v0.2") => Some(it.to_json()),
        Claimed::TestResult(it) => {
            assert!(!it.has_passed() || it.result == Tested::Passed && it.failed.is_empty());
            Some(it.to_json())
        }
        Claimed::Reference(it) => Some(it.to_json()),
        _ => None,
    };
    if let Some(written) = written {
        assert_eq!(read(&written).as_ref(), Some(&claimed));
    }
    Outcome::Read
}

/// A tool's report, behind the name of the tool and a line end: it passes only when something passed
/// and nothing else is said.
pub fn report(data: &[u8]) -> Outcome {
    let Some((tool, bytes)) = split(data) else {
        return Outcome::Refused;
    };
    let tool = match tool {
        "sarif" => Tool::Sarif,
        "oscap-arf" => Tool::OscapArf,
        "zap" => Tool::Zap,
        "nikto" => Tool::Nikto,
        "wapiti" => Tool::Wapiti,
        "aide" => Tool::Aide,
        _ => return Outcome::Refused,
    };
    let Ok(report) = ToolReport::parse(tool, bytes) else {
        return Outcome::Refused;
    };
    let result = report.test_result(Vec::new(), None);
    assert_eq!(result.result, report.outcome());
    assert!(!tool.is_dynamic() || !report.targets().is_empty());
    match result.result {
        Tested::Passed => {
            assert!(!result.passed.is_empty());
            assert!(result.warned.is_empty() && result.failed.is_empty());
        }
        Tested::Warned => assert!(!result.warned.is_empty() && result.failed.is_empty()),
        Tested::Failed => assert!(!result.failed.is_empty()),
    }
    Outcome::Read
}

/// The first line, and the bytes behind it.
fn split(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = data.split_at(end);
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}

/// An envelope survives writing and reading, and signs what it says.
pub fn envelope(data: &[u8]) -> Outcome {
    let Ok(envelope) = Envelope::parse(data) else {
        return Outcome::Refused;
    };
    assert_eq!(
        Envelope::from_json(envelope.to_json()).expect("what we write we read"),
        envelope
    );
    let pae = envelope.pae();
    assert!(pae.starts_with(PAE_PREFIX) && pae.ends_with(envelope.unverified_payload()));
    Outcome::Read
}

/// A tree manifest: what is read has one spelling, and stays in its tree.
pub fn tree_manifest(data: &[u8]) -> Outcome {
    let Ok(mut reader) = TreeReader::new(data) else {
        return Outcome::Refused;
    };
    let mut entries = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => break,
            Err(_) => return Outcome::Refused,
        }
    }
    let mut written = Vec::new();
    let header = reader.header().clone();
    let mut writer = TreeWriter::new(&mut written, header).expect("a header is written");
    for entry in &entries {
        let mut parts = entry.shown_path().split('/');
        assert!(!parts.any(|part| part == ".." || part.is_empty()));
        writer.entry(entry).expect("what was read is written");
    }
    let summary = writer.finish().expect("a manifest has an end");
    assert_eq!(summary, reader.summary());
    assert_eq!(written, data, "a manifest has two spellings");
    Outcome::Read
}
