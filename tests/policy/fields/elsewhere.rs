//! Fields whose case is no change of one word.

/// Fields whose case stands elsewhere, and the test in which it is refused.
pub(super) const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    (
        "",
        &["version"],
        "what_is_not_understood_is_refused_where_it_stands",
    ),
    (
        "",
        &["name"],
        "a_policy_of_another_name_is_not_the_one_that_was_asked_for",
    ),
    (
        "",
        &["serial"],
        "an_older_policy_is_refused_after_a_newer_one",
    ),
    (
        "",
        &["expires"],
        "a_policy_that_is_wrong_is_a_bad_request_with_its_place",
    ),
    (
        "",
        &["include"],
        "a_pinned_policy_is_that_policy_and_all_that_it_includes",
    ),
    (
        "include",
        &["file", "sha256"],
        "a_pinned_policy_is_that_policy_and_all_that_it_includes",
    ),
    (
        "",
        &["builders"],
        "a_builder_that_the_policy_adds_is_good_for_its_level_by_its_signer_alone",
    ),
    (
        "",
        &["independent"],
        "a_log_that_nobody_declares_independent_does_not_count",
    ),
    (
        "",
        &["accept"],
        "a_policy_takes_a_signature_alone_only_without_log_and_time",
    ),
    ("", &["trust"], "strangers_change_nothing"),
    ("", &["deny"], "whom_a_policy_denies_counts_for_nothing"),
    ("", &["require"], "a_policy_that_asks_for_nothing_is_none"),
    (
        "",
        &["max_trust_age"],
        "roots_that_are_too_old_or_of_no_known_age_are_not_taken",
    ),
    (
        "",
        &["artifact"],
        "every_field_has_a_change_that_is_refused",
    ),
    (
        "artifact",
        &["git_sha1"],
        "a_review_is_of_the_very_commit_that_was_built",
    ),
    ("", &["emit"], "who_verifies_is_said_once"),
    ("emit", &["vsa"], "who_verifies_is_said_once"),
    (
        "emit vsa",
        &["verifier_id", "resource_uri"],
        "who_verifies_is_said_once",
    ),
    (
        "policy deny",
        &["keys"],
        "whom_a_policy_denies_counts_for_nothing",
    ),
    (
        "policy deny",
        &["identities"],
        "an_identity_that_is_denied_counts_for_nothing",
    ),
    (
        "trust sigstore",
        &["kind", "issuer", "identity"],
        "a_policy_takes_a_timestamp_alone_only_without_log",
    ),
    (
        "trust sigstore",
        &["claims"],
        "what_is_used_was_built_and_tested_by_ci_and_its_commit_reviewed",
    ),
    (
        "trust sigstore",
        &["threshold"],
        "two_people_are_two_identities",
    ),
    (
        "trust sigstore",
        &["log"],
        "a_policy_takes_a_promise_alone_only_where_it_says_so",
    ),
    ("trust keys", &["kind", "keys"], "strangers_change_nothing"),
    ("trust keys", &["threshold"], "two_person_release"),
    (
        "trust keys",
        &["log"],
        "a_policy_takes_a_promise_alone_only_where_it_says_so",
    ),
    (
        "trust keys",
        &["recovery"],
        "the_key_that_follows_is_believed_by_the_pinned_recovery_key_alone",
    ),
    (
        "trust key",
        &["file", "sha256"],
        "a_pinned_policy_is_that_policy_and_all_that_it_includes",
    ),
    (
        "trust key",
        &["not_before", "not_after"],
        "a_key_counts_while_it_is_valid",
    ),
    (
        "trust key",
        &["compromised_since"],
        "a_compromised_key_needs_an_independent_time_before",
    ),
    (
        "require review",
        &["scope", "independent_of_author"],
        "a_review_is_of_the_very_commit_that_was_built",
    ),
    (
        "require layout",
        &["layout"],
        "what_is_wrong_with_the_layout_is_wrong_with_the_request",
    ),
    (
        "require layout",
        &["parameters", "strict_command"],
        "parameters_and_commands_are_asked_as_the_rule_says",
    ),
    (
        "require",
        &["each"],
        "a_folder_needs_every_rule_for_every_file",
    ),
    (
        "require",
        &["except"],
        "a_rule_asks_nothing_of_what_it_excepts_and_something_of_the_rest",
    ),
];
