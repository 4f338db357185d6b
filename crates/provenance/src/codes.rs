//! Every code of this crate.

/// The codes of all errors of this crate, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    ("artifact-digest-empty", "a file of a link has no digest"),
    (
        "artifact-digest-weak",
        "a file of a link has no digest that proves content",
    ),
    (
        "artifact-path-ambiguous",
        "a path of a link or a rule has a second spelling",
    ),
    ("base64-malformed", "a text is not canonical base64"),
    (
        "commit-malformed",
        "a commit is not 40 or 64 lower-case hexadecimal digits",
    ),
    (
        "envelope-malformed",
        "a document is not JSON of one meaning, or not a DSSE envelope",
    ),
    (
        "envelope-several-signatures",
        "an envelope has several signatures where one is allowed",
    ),
    (
        "envelope-too-large",
        "an envelope has more bytes than any honest one",
    ),
    ("field-base64", "a field is not canonical base64"),
    ("field-integer", "a field is not a decimal 64-bit integer"),
    ("field-missing", "a field that must be there is absent"),
    (
        "field-too-many",
        "an array has more elements than any honest one",
    ),
    ("field-type", "a field is of another JSON type"),
    (
        "field-unknown",
        "a field is one that the format does not have",
    ),
    ("field-value", "a field has a value that it cannot have"),
    ("json-byte-order-mark", "JSON begins with a byte order mark"),
    ("json-duplicate-key", "an object has one key twice"),
    ("json-not-utf8", "JSON is not UTF-8"),
    (
        "json-number-float",
        "a number has a fraction where the canonical form knows integers only",
    ),
    ("json-number-out-of-range", "a number would lose its value"),
    ("json-syntax", "a document is not JSON"),
    ("json-too-deep", "arrays and objects are nested too deeply"),
    ("json-too-large", "JSON has too many bytes"),
    (
        "json-too-many-values",
        "JSON holds more values than fit the memory that it may take",
    ),
    ("json-trailing-data", "something follows the JSON value"),
    (
        "keyid-malformed",
        "an id of a key is not 8 to 128 lower-case hexadecimal digits",
    ),
    ("layout-empty", "a layout has no step"),
    (
        "layout-expires-malformed",
        "a layout does not say until when it may be used",
    ),
    (
        "layout-parameter-missing",
        "a layout asks for a parameter that was not given",
    ),
    (
        "layout-parameter-unknown",
        "a parameter was given that the layout does not have",
    ),
    ("layout-private-key", "a layout holds a private key"),
    (
        "metablock-hybrid",
        "a file has both forms of a layout or link at once",
    ),
    (
        "metablock-openpgp",
        "a layout or link has a key or signature of gpg, which is not read there",
    ),
    (
        "metablock-payload-type",
        "an envelope holds something else than a layout or link",
    ),
    (
        "metablock-shape",
        "a file has neither form of a layout or link",
    ),
    (
        "metablock-signature-malformed",
        "a signature of a layout or link is not hexadecimal",
    ),
    (
        "metablock-type",
        "a document is not the layout or link that is wanted",
    ),
    (
        "part-checksums-algorithm",
        "a part of a release gives the digest of SHA256SUMS in another algorithm than SHA-256",
    ),
    (
        "part-number",
        "a part of a release has a number that cannot be",
    ),
    (
        "predicate-malformed",
        "a predicate is not what its type says",
    ),
    (
        "predicate-type-mismatch",
        "a predicate is of another type than the one that is read",
    ),
    (
        "purl-malformed",
        "a package URL is not in its canonical spelling",
    ),
    (
        "purl-type-unknown",
        "a package URL is not of the type generic",
    ),
    (
        "release-name-malformed",
        "a release is not named NAME@VERSION",
    ),
    (
        "remote-unusable",
        "a git remote is not a URL that others can use",
    ),
    (
        "report-malformed",
        "a tool's report is not of the form that is read, or leaves open what it says",
    ),
    (
        "report-says-nothing",
        "a tool's report does not tell that anything was looked at",
    ),
    (
        "report-too-large",
        "a tool's report is larger than is read, or has more findings than a statement carries",
    ),
    (
        "resource-empty",
        "a resource has none of digest, URI and content",
    ),
    ("rule-malformed", "a rule of a layout is none of the seven"),
    (
        "rule-pattern-ambiguous",
        "a pattern of a rule is one that implementations read differently",
    ),
    (
        "statement-malformed",
        "the payload is not an in-toto statement of one meaning",
    ),
    (
        "statement-too-large",
        "the statement has more bytes than we read",
    ),
    (
        "statement-type-unknown",
        "the statement is of an unknown version",
    ),
    (
        "step-name-malformed",
        "the name of a step could not be the name of a file",
    ),
    (
        "step-name-twice",
        "two steps or inspections of a layout have one name",
    ),
    (
        "step-threshold",
        "the threshold of a step is not a count of functionaries",
    ),
    (
        "step-without-functionary",
        "a step names nobody who may do it",
    ),
    (
        "tree-manifest-incomplete",
        "a tree manifest has no last line, or one that counts something else",
    ),
    (
        "tree-manifest-malformed",
        "a line of a tree manifest is not spelled as it must be",
    ),
    (
        "tree-manifest-order",
        "a path of a tree manifest stands twice, out of order, or without its folder",
    ),
    (
        "tree-manifest-path",
        "a path or a link's target in a tree manifest is one that cannot be signed",
    ),
    (
        "tree-manifest-too-large",
        "a tree manifest has a longer line or more entries than any honest one",
    ),
    (
        "tree-manifest-type",
        "a file is no tree manifest, or of another version",
    ),
    (
        "tree-manifest-unreadable",
        "a tree manifest cannot be read or written",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    const SOURCES: [&str; 14] = [
        include_str!("base64.rs"),
        include_str!("dsse.rs"),
        include_str!("in_toto/error.rs"),
        include_str!("json/canonical.rs"),
        include_str!("json/error.rs"),
        include_str!("json/object.rs"),
        include_str!("predicate.rs"),
        include_str!("predicate/part.rs"),
        include_str!("release_name.rs"),
        include_str!("report.rs"),
        include_str!("resource.rs"),
        include_str!("source.rs"),
        include_str!("statement.rs"),
        include_str!("tree.rs"),
    ];

    #[test]
    fn every_code_in_the_sources_is_listed_and_no_other() {
        let mut found: Vec<&str> = SOURCES.iter().flat_map(|source| codes(source)).collect();
        found.sort_unstable();
        found.dedup();
        let listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(found, listed);
    }

    /// The texts that `fn code` of a source answers.
    fn codes(source: &str) -> Vec<&str> {
        let functions = source.split("pub const fn code(&self)").skip(1);
        let bodies = functions.filter_map(|rest| rest.split_once("\n    }\n"));
        bodies
            .flat_map(|(body, _)| body.split('"').skip(1).step_by(2))
            .collect()
    }
}
