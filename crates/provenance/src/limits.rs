//! The bounds of everything that this crate parses.

use crate::json;

/// A statement: with 1,024 subjects and the longest paths it stays far below.
pub const STATEMENT: json::Limits = json::Limits {
    bytes: 24 << 20,
    depth: 64,
};

/// An envelope: a statement in base64 and its signatures.
pub const ENVELOPE: json::Limits = json::Limits {
    bytes: 33 << 20,
    depth: 8,
};

/// Bytes of memory that the values of one document may take beside their text: an object costs us
/// hundreds of bytes, an attacker three.
pub const JSON_MEMORY: usize = 32 << 20;

/// The deepest nesting that can be asked for; the parser below us stops at 128.
pub const JSON_DEPTH: usize = 120;

/// Signatures of one envelope.
pub const SIGNATURES: usize = 64;

/// Bytes of one signature: a post-quantum one and an RSA-16384 one fit.
pub const SIGNATURE_BYTES: usize = 64 << 10;

/// Subjects of a statement that we write: sigstore-go refuses more.
pub const SUBJECTS_WRITTEN: usize = 1024;

/// Subjects of a statement that we read.
pub const SUBJECTS_READ: usize = 16 * 1024;

/// Parts of one release: a million files with 1,024 in each.
pub const PARTS: u32 = 1024;

/// Bytes of the name of a release.
pub const RELEASE_NAME_BYTES: usize = 214;

/// Bytes of the version of a release.
pub const RELEASE_VERSION_BYTES: usize = 128;

/// Documents that one reference statement names.
pub const REFERENCES: usize = 1024;

/// Bytes of the URI of a source repository.
pub const REPOSITORY_URI_BYTES: usize = 2048;

/// Bytes of the value of a CI variable; longer ones are left out.
pub const CI_VALUE_BYTES: usize = 1024;

/// Bytes of one text of a review or deployment statement.
pub const PREDICATE_TEXT_BYTES: usize = 4096;

/// Documents that one review is based on.
pub const REVIEW_BASIS: usize = 1024;

/// Findings of one review.
pub const REVIEW_FINDINGS: usize = 4096;

/// The file of a layout or a link: a link of a hundred thousand files fits.
pub const METABLOCK: json::Limits = json::Limits {
    bytes: 48 << 20,
    depth: 24,
};

/// Bytes of memory that the values of a layout or a link may take beside their text.
pub const METABLOCK_MEMORY: usize = 160 << 20;

/// Materials, or products, of one link.
pub const LINK_ARTIFACTS: usize = 200_000;

/// Bytes of the name of a step: it becomes part of the name of a file.
pub const STEP_NAME_BYTES: usize = 128;

/// Steps, or inspections, of one layout.
pub const LAYOUT_STEPS: usize = 1024;

/// Keys of one layout, of one step, or entries of one list of a certificate constraint.
pub const LAYOUT_KEYS: usize = 256;

/// Rules of one list of a layout.
pub const LAYOUT_RULES: usize = 1024;

/// Words of one command.
pub const LAYOUT_ITEMS: usize = 16 << 10;

/// Bytes of one pattern of a rule.
pub const PATTERN_BYTES: usize = 4096;

/// Names of tests in one list of a test result.
pub const TESTS: usize = 64 * 1024;

/// Materials, dependencies, findings and the like of one predicate.
pub const PREDICATE_ITEMS: usize = 64 * 1024;

/// The report of a tool.
pub const REPORT: json::Limits = json::Limits {
    bytes: 64 << 20,
    depth: 64,
};

/// Results of one run of a tool's report.
pub const REPORT_ITEMS: usize = 200_000;

/// Attributes of one element of a report in XML.
pub const XML_ATTRIBUTES: usize = 256;

/// Elements inside each other in a report in XML.
pub const XML_DEPTH: usize = 128;

/// Bytes of a line of a tree manifest.
pub const TREE_LINE_BYTES: usize = 256 << 10;

/// Entries of a tree manifest.
pub const TREE_ENTRIES: u64 = 16_000_000;

/// Ignored paths, and extended attributes, that a tree manifest names: a release of 200,000 files has 800 bundles.
pub const TREE_PATTERNS: usize = 4096;

/// Bytes of the value of an extended attribute that a tree manifest has in full; longer ones it has by
/// their digest.
pub const TREE_XATTR_IN_FULL: usize = 256;
