//! Strict JSON, statements, envelopes.

use attest_provenance::tree::{TreeReader, TreeWriter};
use attest_provenance::json::{Limits, Value, canonical, parse};
use attest_provenance::predicate::reference::Reference;
use attest_provenance::predicate::release::ClaimedRelease;
use attest_provenance::predicate::slsa::ClaimedProvenance;
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
