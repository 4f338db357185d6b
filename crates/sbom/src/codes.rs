//! Every code of this crate.

/// The codes of all errors of this crate, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    (
        "lock-contradiction",
        "one package has different hashes in two places of the lock files",
    ),
    (
        "lock-dependency-ambiguous",
        "a dependency in a lock file could be several of its packages",
    ),
    (
        "lock-dependency-missing",
        "a lock file lacks a package that another one in it depends on",
    ),
    ("lock-duplicate", "a lock file has one package twice"),
    (
        "lock-incomplete",
        "a lock file does not name every module: it is written for a Go before 1.17",
    ),
    (
        "lock-malformed",
        "a lock file is not what its package manager writes",
    ),
    (
        "lock-secret",
        "an address in a lock file holds a user name or password, which a bill would publish",
    ),
    (
        "lock-too-large",
        "a lock file is larger, or there are more, than any honest ones",
    ),
    (
        "lock-unknown",
        "a file bears no name of a lock file that is read",
    ),
    (
        "lock-unpaired",
        "a go.sum has no go.mod beside it, or a go.mod with requirements no go.sum",
    ),
    (
        "lock-version-unknown",
        "a lock file is of a version that is not read",
    ),
    (
        "sbom-component-extra",
        "a bill of materials has a component that the lock files do not have",
    ),
    (
        "sbom-component-hash",
        "a component has another hash than in the lock files",
    ),
    (
        "sbom-component-missing",
        "a bill of materials lacks a component that the lock files have",
    ),
    (
        "sbom-component-version",
        "a component has another version than in the lock files",
    ),
    (
        "sbom-element-missing",
        "a bill of materials lacks a minimum element of the profile",
    ),
    ("sbom-empty", "a bill of materials names no component"),
    (
        "sbom-malformed",
        "a bill of materials is not JSON of one meaning, or not of its format",
    ),
    (
        "sbom-name-malformed",
        "a name, version or author of a bill cannot be one",
    ),
    (
        "sbom-root-unclear",
        "several packages could be what the bill of materials is about",
    ),
    (
        "sbom-version-unknown",
        "a bill of materials is of a version that is not read",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
