use attest_digest::Digest;
use attest_provenance::json::Value;
use attest_provenance::{Statement, Subject};
use serde_json::json;

use crate::slsa::build::Build;
use crate::slsa::builders::{Builders, Signer};
use crate::slsa::{ExpectedRef, SlsaExpectations, SlsaFindings};

mod isolation;
mod pairs;
mod parameters;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const COMMIT: &str = "d37a7f740ee7404914456f24dcd90e865a0509e8";
const GENERIC: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v1.10.0";
const REUSABLE: &str =
    "https://github.com/acme/builders/.github/workflows/build.yml@refs/tags/v1.2.3";
const OWN: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.4.2";

/// A predicate and who signed it.
#[derive(Clone)]
struct Case {
    predicate_type: &'static str,
    predicate: Value,
    identity: String,
    claims: Vec<(&'static str, String)>,
}

impl Case {
    fn judge(&self, expected: &SlsaExpectations) -> Result<SlsaFindings, Vec<&'static str>> {
        self.judge_of(GITHUB, expected)
    }

    /// The same where another issuer vouches for the signer.
    fn judge_of(
        &self,
        issuer: &str,
        expected: &SlsaExpectations,
    ) -> Result<SlsaFindings, Vec<&'static str>> {
        let signer = Signer::Identity {
            identity: &self.identity,
            issuer,
            claims: &self.claims,
        };
        self.judge_by(&signer, expected)
    }

    fn judge_by(
        &self,
        signer: &Signer<'_>,
        expected: &SlsaExpectations,
    ) -> Result<SlsaFindings, Vec<&'static str>> {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        let statement =
            Statement::new(vec![subject], self.predicate_type, self.predicate.clone()).unwrap();
        let codes = |it: Vec<crate::Reason>| it.iter().map(crate::Reason::code).collect::<Vec<_>>();
        let build = Build::of(Some(&statement)).map_err(|it| vec![it.code()])?;
        expected
            .judge_build(&build, signer, &Builders::embedded())
            .map_err(codes)
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut it = self.clone();
        change(&mut it);
        it
    }

    fn claim(&mut self, name: &str, value: &str) {
        let found = self.claims.iter_mut().find(|(it, _)| *it == name).unwrap();
        value.clone_into(&mut found.1);
    }
}

fn claims(identity: &str, config: &str) -> Vec<(&'static str, String)> {
    [
        ("build-signer-uri", identity),
        (
            "build-signer-digest",
            "65d4f0c00357d50ba19165993f673e56a7ddb500",
        ),
        ("runner-environment", "github-hosted"),
        ("source-repository", "https://github.com/acme/app"),
        ("source-repository-digest", COMMIT),
        ("source-repository-ref", "refs/tags/v1.4.2"),
        ("source-repository-identifier", "1"),
        ("build-config-uri", config),
        ("build-trigger", "push"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// As slsa-github-generator's generic workflow writes it.
fn generic() -> Case {
    Case {
        predicate_type: "https://slsa.dev/provenance/v0.2",
        predicate: json!({
            "builder": {"id": GENERIC},
            "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
            "invocation": {
                "configSource": {
                    "uri": "git+https://github.com/acme/app@refs/tags/v1.4.2",
                    "digest": {"sha1": COMMIT},
                    "entryPoint": ".github/workflows/release.yml",
                },
                "parameters": {},
                "environment": {
                    "github_event_name": "push",
                    "github_repository_id": "1",
                    "github_event_payload": {"inputs": null},
                },
            },
            "materials": [
                {"uri": "git+https://github.com/acme/app@refs/tags/v1.4.2", "digest": {"sha1": COMMIT}},
            ],
        }),
        identity: GENERIC.to_owned(),
        claims: claims(GENERIC, OWN),
    }
}

/// As GitHub's artifact attestations write it, of the workflow with this identity.
fn attestation(identity: &str) -> Case {
    Case {
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {
                    "ref": "refs/tags/v1.4.2",
                    "repository": "https://github.com/acme/app",
                    "path": ".github/workflows/release.yml",
                }},
                "internalParameters": {"github": {
                    "event_name": "push",
                    "repository_id": "1",
                    "runner_environment": "github-hosted",
                }},
                "resolvedDependencies": [{
                    "uri": "git+https://github.com/acme/app@refs/tags/v1.4.2",
                    "digest": {"gitCommit": COMMIT},
                }],
            },
            "runDetails": {"builder": {"id": identity}},
        }),
        identity: identity.to_owned(),
        claims: claims(identity, OWN),
    }
}

fn full() -> SlsaExpectations {
    SlsaExpectations::new()
        .of_source("github.com/acme/app")
        .unwrap()
        .of_ref(ExpectedRef::Tag("v1.4.2".to_owned()))
        .unwrap()
        .of_ref(ExpectedRef::Version("v1".to_owned()))
        .unwrap()
        .of_commit(COMMIT)
        .unwrap()
}

fn level(level: u64) -> SlsaExpectations {
    full().of_level(level).unwrap()
}

#[test]
fn a_generator_at_a_release_is_level_3() {
    let expected = level(3).by_builder(super::without_ref(GENERIC)).unwrap();
    let found = generic().judge(&expected).unwrap();
    assert_eq!(
        (found.level(), found.known_as()),
        (3, Some("slsa-github-generator"))
    );
    assert_eq!(found.origin().unwrap().commit(), Some(COMMIT));
    assert_eq!(found.rules().len(), 6);
}

#[test]
fn one_change_in_a_generators_provenance_is_refused_by_its_code() {
    let changes: [(Change, &str); 6] = [
        // The signer is at a branch: what it says can be changed.
        (
            |it| {
                let main = GENERIC.replace("refs/tags/v1.10.0", "refs/heads/main");
                it.predicate["builder"]["id"] = json!(main);
                it.identity = main;
            },
            "builder-ref",
        ),
        (
            |it| {
                let main = GENERIC.replace("v1.10.0", "v1");
                it.predicate["builder"]["id"] = json!(main);
                it.identity = main;
            },
            "builder-ref",
        ),
        // Another release than the one that signed.
        (
            |it| it.predicate["builder"]["id"] = json!(GENERIC.replace("v1.10.0", "v2.0.0")),
            "builder-forged",
        ),
        // Somebody's own workflow states the generator.
        (|it| OWN.clone_into(&mut it.identity), "builder-forged"),
        (
            |it| {
                it.predicate["builder"]["id"] =
                    json!("https://cloudbuild.googleapis.com/GoogleHostedWorker");
            },
            "builder-forged",
        ),
        (
            |it| {
                it.predicate["buildType"] =
                    json!("https://actions.github.io/buildtypes/workflow/v1");
            },
            "build-type-unknown",
        ),
    ];
    refused(&changes);
}

#[test]
fn one_change_in_where_it_came_from_is_refused_by_its_code() {
    let changes: [(Change, &str); 14] = [
        (
            |it| {
                it.predicate["invocation"]["configSource"]["uri"] =
                    json!("git+https://github.com/acme/other@refs/tags/v1.4.2");
            },
            "source-inconsistent",
        ),
        (
            |it| it.predicate["materials"][0]["uri"] = json!("git+https://github.com/acme/app"),
            "source-inconsistent",
        ),
        (
            |it| it.predicate["materials"][0]["digest"]["sha1"] = json!("8f".repeat(20)),
            "source-inconsistent",
        ),
        (
            |it| it.predicate["materials"] = json!([]),
            "source-inconsistent",
        ),
        (
            |it| it.claim("source-repository", "https://github.com/evil/app"),
            "provenance-contradicts-certificate",
        ),
        (
            |it| it.claim("source-repository-ref", "refs/heads/evil"),
            "provenance-contradicts-certificate",
        ),
        (
            |it| it.claim("source-repository-digest", &"8f".repeat(20)),
            "provenance-contradicts-certificate",
        ),
        (
            |it| it.claim("build-trigger", "pull_request"),
            "provenance-contradicts-certificate",
        ),
        (
            |it| it.claim("source-repository-identifier", "2"),
            "provenance-contradicts-certificate",
        ),
        (
            |it| it.predicate["invocation"]["parameters"] = json!({"flag": "-x"}),
            "build-parameter-unknown",
        ),
        (
            |it| {
                it.predicate["invocation"]["environment"]["github_event_payload"]["inputs"] =
                    json!({"x": "y"});
            },
            "workflow-input-unexpected",
        ),
        (
            |it| drop(it.predicate["builder"].take()),
            "provenance-malformed",
        ),
        (
            |it| it.predicate["buildType"] = json!(""),
            "provenance-malformed",
        ),
        (
            |it| it.predicate_type = "https://slsa.dev/provenance/v0.1",
            "provenance-required",
        ),
    ];
    refused(&changes);
}

type Change = fn(&mut Case);

fn refused(changes: &[(Change, &str)]) {
    assert!(generic().judge(&full()).is_ok());
    for (index, (change, code)) in changes.iter().enumerate() {
        let codes = generic().with(change).judge(&full()).unwrap_err();
        assert_eq!(codes.first(), Some(code), "change {index}: {codes:?}");
    }
}

#[test]
fn one_change_in_what_is_expected_is_refused_by_its_code() {
    let none = SlsaExpectations::new;
    let generator = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows";
    let cases = [
        (
            none().of_source("https://github.com/acme/ap").unwrap(),
            "source-mismatch",
        ),
        (
            none().of_source("https://github.com/acme/app2").unwrap(),
            "source-mismatch",
        ),
        (
            none()
                .of_ref(ExpectedRef::Tag("v1.4.3".to_owned()))
                .unwrap(),
            "ref-mismatch",
        ),
        (
            none()
                .of_ref(ExpectedRef::Branch("v1.4.2".to_owned()))
                .unwrap(),
            "ref-mismatch",
        ),
        (
            none()
                .of_ref(ExpectedRef::Version("v1.5".to_owned()))
                .unwrap(),
            "ref-mismatch",
        ),
        (
            none()
                .of_ref(ExpectedRef::Ref("refs/tags/w*".to_owned()))
                .unwrap(),
            "ref-mismatch",
        ),
        (
            none().of_commit(&"8f".repeat(20)).unwrap(),
            "commit-mismatch",
        ),
        (
            none()
                .by_builder(&format!("{generator}/builder_go_slsa3.yml"))
                .unwrap(),
            "builder-mismatch",
        ),
        (
            none()
                .by_builder(&GENERIC.replace("v1.10.0", "v1.10"))
                .unwrap(),
            "builder-mismatch",
        ),
        (
            none()
                .by_builder(&GENERIC.replace("v1.10.0", "v1.11.0"))
                .unwrap(),
            "builder-mismatch",
        ),
        (none().with_input("x", "y"), "workflow-input-missing"),
        (none().refusing_v0_2(), "provenance-version"),
    ];
    for (expected, code) in cases {
        let codes = generic().judge(&expected).unwrap_err();
        assert_eq!(codes, [code], "{expected:?}");
    }
}

#[test]
fn a_workflow_that_signs_for_itself_is_level_2() {
    let found = attestation(OWN).judge(&level(2)).unwrap();
    assert_eq!(found.level(), 2);
    let named = level(3).by_builder(OWN).unwrap();
    assert_eq!(
        attestation(OWN).judge(&named).unwrap_err(),
        ["slsa-level-low"]
    );
    let runner = level(2)
        .by_builder("https://github.com/actions/runner/github-hosted")
        .unwrap();
    assert!(attestation(OWN).judge(&runner).is_ok());
    let other = level(2)
        .by_builder("https://github.com/actions/runner/self-hosted")
        .unwrap();
    assert_eq!(
        attestation(OWN).judge(&other).unwrap_err(),
        ["builder-mismatch"]
    );
}

#[test]
fn a_reusable_workflow_is_level_3_when_it_is_named_at_something_fixed() {
    let reusable = attestation(REUSABLE);
    assert_eq!(reusable.judge(&level(2)).unwrap().level(), 2);
    for builder in [
        REUSABLE,
        super::without_ref(REUSABLE),
        "https://github.com/acme/builders/.github/workflows/build.yml@65d4f0c00357d50ba19165993f673e56a7ddb500",
    ] {
        let found = reusable.judge(&level(3).by_builder(builder).unwrap());
        assert_eq!(found.map(|it| it.level()), Ok(3), "{builder}");
    }
    let runner = level(3)
        .by_builder("https://github.com/actions/runner/github-hosted")
        .unwrap();
    assert_eq!(reusable.judge(&runner).unwrap_err(), ["slsa-level-low"]);
    let other_commit = format!("{}@{}", super::without_ref(REUSABLE), "8f".repeat(20));
    let pinned = level(3).by_builder(&other_commit).unwrap();
    assert!(
        reusable
            .judge(&pinned)
            .unwrap_err()
            .contains(&"builder-mismatch")
    );
    let branch = REUSABLE.replace("refs/tags/v1.2.3", "refs/heads/main");
    let named = level(3).by_builder(&branch).unwrap();
    assert_eq!(
        attestation(&branch).judge(&named).unwrap_err(),
        ["slsa-level-low"]
    );
    // The source's own workflow is not isolated from the source.
    let own = "https://github.com/acme/app/.github/workflows/build.yml@refs/tags/v1.2.3";
    let named = level(3).by_builder(own).unwrap();
    assert_eq!(
        attestation(own).judge(&named).unwrap_err(),
        ["slsa-level-low"]
    );
}

#[test]
fn somebodys_own_machine_is_level_1() {
    let changed = attestation(OWN).with(|it| {
        it.claim("runner-environment", "self-hosted");
        it.predicate["buildDefinition"]["internalParameters"] = json!({});
    });
    assert_eq!(changed.judge(&level(1)).unwrap().level(), 1);
    assert_eq!(changed.judge(&level(2)).unwrap_err(), ["slsa-level-low"]);
    let unknown =
        attestation(OWN).with(|it| it.claims.retain(|(it, _)| *it != "runner-environment"));
    assert_eq!(unknown.judge(&full()).unwrap().level(), 1);
}

#[test]
fn a_workflows_own_provenance_cannot_contradict_its_certificate() {
    let changes: &[fn(&mut Value)] = &[
        |it| it["externalParameters"]["workflow"]["path"] = json!(".github/workflows/other.yml"),
        |it| it["internalParameters"]["github"]["event_name"] = json!("release"),
        |it| it["internalParameters"]["github"]["repository_id"] = json!("2"),
        |it| it["internalParameters"]["github"]["runner_environment"] = json!("self-hosted"),
        |it| {
            it["externalParameters"]["workflow"]["ref"] = json!("refs/tags/v2.0.0");
            it["resolvedDependencies"][0]["uri"] =
                json!("git+https://github.com/acme/app@refs/tags/v2.0.0");
        },
        |it| it["resolvedDependencies"][0]["digest"]["gitCommit"] = json!("8f".repeat(20)),
    ];
    for (index, change) in changes.iter().enumerate() {
        let case = attestation(OWN).with(|it| change(&mut it.predicate["buildDefinition"]));
        let codes = case.judge(&SlsaExpectations::new()).unwrap_err();
        let code = "provenance-contradicts-certificate";
        assert!(codes.contains(&code), "change {index}: {codes:?}");
    }
}

#[test]
fn provenance_that_keeps_its_parameters_to_itself_says_nothing_of_its_build() {
    let without: [fn(&mut Value); 3] = [
        |it| drop(it.as_object_mut().unwrap().remove("externalParameters")),
        |it| it["externalParameters"] = Value::Null,
        |it| it["externalParameters"] = json!([]),
    ];
    assert!(attestation(OWN).judge(&SlsaExpectations::new()).is_ok());
    for change in without {
        let case = attestation(OWN).with(|it| change(&mut it.predicate["buildDefinition"]));
        let codes = case.judge(&SlsaExpectations::new()).unwrap_err();
        assert_eq!(codes, ["provenance-malformed"]);
    }
}

#[test]
fn inputs_are_expected_one_by_one() {
    let given = attestation(OWN).with(|it| {
        it.predicate["buildDefinition"]["externalParameters"]["inputs"] =
            json!({"version": "1.4.2", "dry": false});
    });
    let expected = full()
        .with_input("version", "1.4.2")
        .with_input("dry", "false");
    assert!(given.judge(&expected).is_ok());
    assert!(given.judge(&full().allowing("inputs")).is_ok());
    let one = full().with_input("version", "1.4.2");
    assert_eq!(
        given.judge(&one).unwrap_err(),
        ["workflow-input-unexpected"]
    );
    let other = full()
        .with_input("version", "1.4.3")
        .with_input("dry", "false");
    assert_eq!(
        given.judge(&other).unwrap_err(),
        ["workflow-input-mismatch"]
    );
    let variables = attestation(OWN).with(|it| {
        it.predicate["buildDefinition"]["externalParameters"]["vars"] = json!({"X": "y"});
    });
    assert_eq!(
        variables.judge(&full()).unwrap_err(),
        ["build-parameter-unexpected"]
    );
    let empty = attestation(OWN).with(|it| {
        it.predicate["buildDefinition"]["externalParameters"]["vars"] = json!({});
    });
    assert!(empty.judge(&full()).is_ok());
}

#[test]
fn a_parameter_with_a_dot_in_its_name_is_another_one() {
    let changed = attestation(OWN).with(|it| {
        it.predicate["buildDefinition"]["externalParameters"]["workflow.ref"] = json!("x");
    });
    assert_eq!(
        changed.judge(&full()).unwrap_err(),
        ["build-parameter-unknown"]
    );
}

#[test]
fn an_unknown_pair_is_level_1_and_cannot_be_asked_for_more() {
    let unknown = attestation(OWN).with(|it| {
        it.predicate["runDetails"]["builder"]["id"] = json!("https://ci.acme.example/builder");
    });
    assert_eq!(unknown.judge(&full()).unwrap().level(), 1);
    assert!(unknown.judge(&level(1)).is_ok());
    assert_eq!(unknown.judge(&level(2)).unwrap_err(), ["builder-unknown"]);
    let named = full()
        .by_builder("https://ci.acme.example/builder")
        .unwrap();
    assert_eq!(unknown.judge(&named).unwrap_err(), ["builder-unknown"]);
}

#[test]
fn provenance_without_a_source_meets_no_expectation_of_one() {
    let nothing = attestation(OWN).with(|it| {
        it.predicate["runDetails"]["builder"]["id"] = json!("https://ci.acme.example/builder");
        it.predicate["buildDefinition"] = json!({
            "buildType": "https://ci.acme.example/type", "externalParameters": {},
        });
    });
    assert_eq!(nothing.judge(&SlsaExpectations::new()).unwrap().level(), 1);
    assert_eq!(nothing.judge(&full()).unwrap_err(), ["source-missing"]);
}
