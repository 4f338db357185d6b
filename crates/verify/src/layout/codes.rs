//! Every way in which a layout or a chain of links is refused.

/// The codes of this module beside those of `attest-provenance`, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    (
        "command-differs",
        "a step was done with another command than its layout expects",
    ),
    (
        "implementations-differ",
        "another implementation reads a rule of the layout otherwise",
    ),
    (
        "inspection-failed",
        "an inspection could not be run to its end, or ended with an error",
    ),
    (
        "inspection-not-run",
        "a layout has inspections, and nobody allowed to run them",
    ),
    ("layout-expired", "a layout has expired, or a sublayout has"),
    (
        "layout-key-unsupported",
        "a key of a layout is of a kind or scheme that we do not know, or not the key that it says",
    ),
    (
        "layout-too-costly",
        "links are more, larger or signed more often than any honest ones",
    ),
    (
        "layout-unsigned",
        "a layout is not signed by a key that must have signed it",
    ),
    ("link-missing", "there is no link of a step"),
    (
        "link-step-mismatch",
        "a link is about another step than the one that it stands for",
    ),
    (
        "link-threshold",
        "a step has valid links of fewer different keys than its threshold asks",
    ),
    (
        "links-disagree",
        "two functionaries report different files for one step",
    ),
    ("rule-disallowed", "a file is left that a rule disallows"),
    (
        "rule-none",
        "files are left that no rule of a layout is about, which lets them pass",
    ),
    ("rule-required", "a file is not left that a rule requires"),
    (
        "rule-step-unknown",
        "a rule compares with a step that the layout does not have",
    ),
    (
        "step-failed",
        "the command of a step returned something else than zero",
    ),
    (
        "sublayout-inspection",
        "a functionary's own layout asks to run a command on the verifier's machine",
    ),
    (
        "sublayout-too-deep",
        "layouts stand inside each other too deeply",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.is_sorted_by(|one, other| one.0 < other.0));
    }
}
