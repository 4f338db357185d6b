//! When a workflow that the verifier names is isolated from its caller, and when it is not.

use super::*;

const SIGNER_COMMIT: &str = "65d4f0c00357d50ba19165993f673e56a7ddb500";
const DELEGATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/delegator_generic_slsa3.yml@refs/tags/v2.1.0";

/// The workflow with this identity, named as it is.
fn named(case: &Case, builder: &str) -> Result<u8, Vec<&'static str>> {
    let expected = full().by_builder(builder).unwrap();
    let low = expected.clone().of_level(2).unwrap();
    let found = case.judge(&low)?.level();
    // The level that is shown is the highest that can be asked for.
    let more = u64::from(found) + 1;
    if more <= 3 {
        let codes = case.judge(&expected.of_level(more).unwrap()).unwrap_err();
        assert_eq!(codes, ["slsa-level-low"]);
    }
    Ok(found)
}

#[test]
fn a_branch_that_is_called_like_a_release_is_none() {
    for reference in [
        "refs/heads/x@refs/tags/v1.10.0",
        "refs/tags/x@refs/tags/v1.10.0",
    ] {
        let branch = GENERIC.replace("refs/tags/v1.10.0", reference);
        let changed = generic().with(|it| {
            it.predicate["builder"]["id"] = json!(branch);
            it.identity.clone_from(&branch);
        });
        let codes = changed.judge(&full()).unwrap_err();
        assert_eq!(codes, ["builder-ref"], "{reference}");
    }
    let branch = REUSABLE.replace("refs/tags/v1.2.3", "refs/heads/x@refs/tags/v1.2.3");
    assert_eq!(named(&attestation(&branch), &branch), Ok(2));
}

#[test]
fn a_workflow_at_a_commit_is_fixed_when_the_certificate_names_that_commit() {
    let pinned = format!("{}@{SIGNER_COMMIT}", super::super::without_ref(REUSABLE));
    assert_eq!(named(&attestation(&pinned), &pinned), Ok(3));
    let other = attestation(&pinned).with(|it| it.claim("build-signer-digest", &"8f".repeat(20)));
    assert_eq!(named(&other, &pinned), Ok(2));
    let unknown =
        attestation(&pinned).with(|it| it.claims.retain(|it| it.0 != "build-signer-digest"));
    assert_eq!(named(&unknown, &pinned), Ok(2));
    // Another workflow is not the one that is pinned, though it were at the same commit.
    let elsewhere = pinned.replace("build.yml", "other.yml");
    let expected = full().by_builder(&elsewhere).unwrap();
    let codes = attestation(REUSABLE).judge(&expected).unwrap_err();
    assert_eq!(codes, ["builder-mismatch"]);
    // Seven digits of a commit are a branch that can be made.
    let short = format!("{}@65d4f0c", super::super::without_ref(REUSABLE));
    let changed = attestation(&short).with(|it| it.claim("build-signer-digest", "65d4f0c"));
    assert_eq!(named(&changed, &short), Ok(2));
}

#[test]
fn a_workflow_of_the_source_itself_is_never_isolated_from_it() {
    let sibling =
        "https://github.com/acme/app-builders/.github/workflows/build.yml@refs/tags/v1.2.3";
    assert_eq!(named(&attestation(sibling), sibling), Ok(3));
    let own = sibling.replace("app-builders", "app");
    assert_eq!(named(&attestation(&own), &own), Ok(2));
    // Of which source it is, the certificate says.
    let unknown =
        attestation(sibling).with(|it| it.claims.retain(|it| it.0 != "source-repository"));
    assert_eq!(named(&unknown, sibling), Ok(2));
}

/// Somebody's own workflow, started for another repository, is no builder apart.
#[test]
fn a_workflow_that_was_started_by_itself_is_not_called_by_another() {
    let without_path = attestation(REUSABLE).with(|it| {
        let workflow = &mut it.predicate["buildDefinition"]["externalParameters"]["workflow"];
        workflow.as_object_mut().unwrap().remove("path");
    });
    assert_eq!(named(&without_path, REUSABLE), Ok(3));
    let itself = without_path.with(|it| it.claim("build-config-uri", REUSABLE));
    assert_eq!(named(&itself, REUSABLE), Ok(2));
    let other_ref = REUSABLE.replace("v1.2.3", "v1.2.4");
    let itself = without_path.with(|it| it.claim("build-config-uri", &other_ref));
    assert_eq!(named(&itself, REUSABLE), Ok(2));
    let unknown = without_path.with(|it| it.claims.retain(|it| it.0 != "build-config-uri"));
    assert_eq!(named(&unknown, REUSABLE), Ok(2));
}

#[test]
fn a_kind_of_machine_names_a_builder_of_github_alone() {
    let runner = "https://github.com/actions/runner/github-hosted";
    let expected = full().by_builder(runner).unwrap();
    assert!(attestation(OWN).judge(&expected).is_ok());
    let codes = attestation(OWN).judge_of("https://gitlab.com", &expected);
    assert_eq!(codes.unwrap_err(), ["builder-mismatch"]);
    // Where nobody says which machine it was, it is none.
    let silent = attestation(OWN).with(|it| it.claims.retain(|it| it.0 != "runner-environment"));
    for builder in [
        runner,
        "https://github.com/actions/runner/",
        "https://ci.acme.example/builder",
    ] {
        let expected = full().by_builder(builder).unwrap();
        let codes = silent.judge(&expected).unwrap_err();
        assert_eq!(codes, ["builder-mismatch"], "{builder}");
    }
}

/// As the delegator of slsa-github-generator signs for a workflow that called it.
fn delegated(builder: &str) -> Case {
    Case {
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: json!({
            "buildDefinition": {
                "buildType": "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0",
                "externalParameters": {"inputs": {"a": "b"}, "vars": {}},
                "resolvedDependencies": [
                    {"uri": "git+https://github.com/acme/lib@refs/heads/main", "digest": {"gitCommit": "8f".repeat(20)}},
                    {"uri": "git+https://github.com/acme/app@refs/tags/v1.4.2", "digest": {"gitCommit": COMMIT}},
                ],
            },
            "runDetails": {"builder": {"id": builder}},
        }),
        identity: DELEGATOR.to_owned(),
        claims: claims(DELEGATOR, OWN),
    }
}

#[test]
fn who_signs_for_another_workflow_pins_no_commit_of_it() {
    let called = REUSABLE;
    assert_eq!(named(&delegated(called), called), Ok(3));
    assert_eq!(delegated(called).judge(&level(2)).unwrap().level(), 2);
    let branch = called.replace("refs/tags/v1.2.3", "refs/heads/main");
    assert_eq!(named(&delegated(&branch), &branch), Ok(2));
    // The certificate's commit is the delegator's.
    let pinned = format!("{}@{SIGNER_COMMIT}", super::super::without_ref(called));
    let expected = full().by_builder(&pinned).unwrap();
    let codes = delegated(called).judge(&expected).unwrap_err();
    assert_eq!(codes, ["builder-mismatch"]);
    // What is no workflow of GitHub is known to nobody.
    for builder in [
        "https://gitlab.com/acme/builders/.github/workflows/build.yml@refs/tags/v1.2.3",
        "https://github.com/acme/builders/.github/workflows/build.yml",
    ] {
        let codes = delegated(builder).judge(&level(2)).unwrap_err();
        assert_eq!(codes, ["builder-unknown"], "{builder}");
    }
}

#[test]
fn of_several_repositories_the_source_is_the_one_that_the_certificate_names() {
    let origin = |case: &Case| case.judge(&SlsaExpectations::new());
    let found = origin(&delegated(REUSABLE)).unwrap();
    let found = found.origin().unwrap();
    assert_eq!(found.repository(), "https://github.com/acme/app");
    assert_eq!(found.commit(), Some(COMMIT));
    let elsewhere = delegated(REUSABLE)
        .with(|it| it.claim("source-repository", "https://github.com/acme/third"));
    assert_eq!(origin(&elsewhere).unwrap().origin(), None);
    assert_eq!(elsewhere.judge(&full()).unwrap_err(), ["source-missing"]);
    // The only one is meant, and the certificate contradicts.
    let one = elsewhere.with(|it| {
        let dependencies = &mut it.predicate["buildDefinition"]["resolvedDependencies"];
        dependencies.as_array_mut().unwrap().truncate(1);
    });
    let codes = origin(&one).unwrap_err();
    assert_eq!(codes[0], "provenance-contradicts-certificate");
}
