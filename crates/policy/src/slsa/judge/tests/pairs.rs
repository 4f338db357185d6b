//! Signers and builders of other services: what each pair is good for, and what it is not.

use super::*;

const GITLAB: &str = "https://gitlab.com";
const PROJECT: &str = "https://gitlab.com/acme/app";

/// As a job of GitLab describes itself.
fn gitlab() -> Case {
    let identity = "https://gitlab.com/acme/app//.gitlab-ci.yml@refs/tags/v1.4.2";
    let mut claims = claims(identity, identity);
    for (name, value) in &mut claims {
        match *name {
            "runner-environment" => "gitlab-hosted".clone_into(value),
            "source-repository" => PROJECT.clone_into(value),
            _ => {}
        }
    }
    Case {
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: json!({
            "buildDefinition": {
                "buildType": "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1",
                "externalParameters": {"source": PROJECT, "entryPoint": "build"},
                "resolvedDependencies": [{"uri": PROJECT, "digest": {"gitCommit": COMMIT}}],
            },
            "runDetails": {"builder": {"id": format!("{PROJECT}/-/runners/12270831")}},
        }),
        identity: identity.to_owned(),
        claims,
    }
}

fn of_project() -> SlsaExpectations {
    SlsaExpectations::new()
        .of_source("gitlab.com/acme/app")
        .unwrap()
        .of_ref(ExpectedRef::Tag("v1.4.2".to_owned()))
        .unwrap()
        .of_commit(COMMIT)
        .unwrap()
}

fn of_level(level: u64) -> SlsaExpectations {
    of_project().of_level(level).unwrap()
}

#[test]
fn a_job_of_gitlab_is_level_2_on_a_runner_of_its_own_project() {
    let found = gitlab().judge_of(GITLAB, &of_level(2)).unwrap();
    assert_eq!((found.level(), found.known_as()), (2, Some("gitlab")));
    let high = gitlab().judge_of(GITLAB, &of_level(3)).unwrap_err();
    assert_eq!(high, ["slsa-level-low"]);
    // Another issuer, another project's runner, and what is no runner: nobody knows the pair.
    let other = gitlab().judge_of("https://gitlab.example", &of_level(2));
    assert_eq!(other.unwrap_err(), ["builder-unknown"]);
    for id in [
        "https://gitlab.com/evil/app/-/runners/12270831",
        "https://gitlab.com/acme/app/-/runners/",
        "https://gitlab.com/acme/app/-/runners/1x",
        "https://gitlab.com/acme/app/-/runners/1/x",
        "https://gitlab.com/acme/app2/-/runners/1",
        "https://gitlab.com/acme/app/runners/1",
    ] {
        let changed = gitlab().with(|it| it.predicate["runDetails"]["builder"]["id"] = json!(id));
        let codes = changed.judge_of(GITLAB, &of_level(2)).unwrap_err();
        assert_eq!(codes, ["builder-unknown"], "{id}");
    }
    let own = gitlab().with(|it| it.claim("runner-environment", "self-hosted"));
    assert_eq!(own.judge_of(GITLAB, &of_project()).unwrap().level(), 1);
    let codes = own.judge_of(GITLAB, &of_level(2)).unwrap_err();
    assert_eq!(codes, ["slsa-level-low"]);
}

#[test]
fn what_a_runner_writes_by_itself_is_level_1() {
    let of_type = |uri: &str| {
        let uri = json!(uri);
        gitlab().with(|it| it.predicate["buildDefinition"]["buildType"] = uri)
    };
    let runner = "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v17.0.0/PROVENANCE.md";
    let found = of_type(runner).judge_of(GITLAB, &of_level(1)).unwrap();
    assert_eq!(found.level(), 1);
    let codes = of_type(runner).judge_of(GITLAB, &of_level(2)).unwrap_err();
    assert_eq!(codes, ["slsa-level-low"]);
    for uri in [
        "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/a/b/PROVENANCE.md",
        "https://gitlab.com/gitlab-org/gitlab-runner/-/blob//PROVENANCE.md",
        "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v1/PROVENANCE.md.x",
        "x-https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v1/PROVENANCE.md",
        // Of another builder.
        "https://actions.github.io/buildtypes/workflow/v1",
    ] {
        let codes = of_type(uri).judge_of(GITLAB, &SlsaExpectations::new());
        assert_eq!(codes.unwrap_err()[0], "build-type-unknown", "{uri}");
    }
}

/// As Google's service writes it, which signs with its own key.
fn google() -> Case {
    Case {
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: json!({
            "buildDefinition": {
                "buildType": "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
                "externalParameters": {
                    "buildConfigSource": {
                        "repository": "git+https://github.com/acme/app",
                        "ref": "refs/heads/main",
                        "path": "cloudbuild.yaml",
                    },
                    "substitutions": {},
                },
                "resolvedDependencies": [{
                    "uri": "git+https://github.com/acme/app@refs/heads/main",
                    "digest": {"gitCommit": COMMIT},
                }],
            },
            "runDetails": {"builder": {"id": "https://cloudbuild.googleapis.com/GoogleHostedWorker"}},
        }),
        identity: String::new(),
        claims: Vec::new(),
    }
}

fn google_key() -> [u8; 32] {
    let text = "sha256:3fe6dfada209606798e976322c8b69acae580a6708b7112f0f7a053a5b96d675";
    match Digest::parse(text) {
        Ok(Digest::Sha256(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_services_own_key_speaks_for_it() {
    let expected = SlsaExpectations::new()
        .of_source("github.com/acme/app")
        .unwrap()
        .of_level(3)
        .unwrap();
    let found = google().judge_by(&Signer::Key(google_key()), &expected);
    let found = found.unwrap();
    assert_eq!(
        (found.level(), found.known_as()),
        (3, Some("google-cloud-build"))
    );
    assert!(
        found.unproven()[0].starts_with("source: only the signer says so"),
        "{found:?}"
    );
    for other in [Signer::Key([7; 32]), Signer::Other("somebody".to_owned())] {
        let codes = google().judge_by(&other, &expected).unwrap_err();
        assert_eq!(codes, ["builder-forged"], "{other}");
    }
    let chosen = google().with(|it| {
        it.predicate["buildDefinition"]["externalParameters"]["substitutions"] = json!({"_X": "y"});
    });
    let key = Signer::Key(google_key());
    let codes = chosen.judge_by(&key, &expected).unwrap_err();
    assert_eq!(codes, ["workflow-input-unexpected"]);
    let given = expected.clone().with_input("_X", "y");
    assert!(chosen.judge_by(&key, &given).is_ok());
}

#[test]
fn what_anyone_signs_is_good_for_little() {
    let case = |id: &str, build_type: &str, parameters: Value| Case {
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: json!({
            "buildDefinition": {"buildType": build_type, "externalParameters": parameters},
            "runDetails": {"builder": {"id": id}},
        }),
        identity: String::new(),
        claims: Vec::new(),
    };
    let someone = Signer::Key([7; 32]);
    let asked = |level: u64| SlsaExpectations::new().of_level(level).unwrap();
    let packaged = case(
        "https://attest.dev/builders/unobserved",
        "https://attest.dev/buildtypes/packaging/v1",
        json!({"name": "a", "version": "1"}),
    );
    let found = packaged.judge_by(&someone, &asked(0)).unwrap();
    assert_eq!(found.level(), 0);
    let codes = packaged.judge_by(&someone, &asked(1)).unwrap_err();
    assert_eq!(codes, ["slsa-level-low"]);
    let recorded = case(
        "https://attest.dev/builders/recorder",
        "https://attest.dev/buildtypes/recorded-step/v1",
        json!({"step": "build", "command": ["make"]}),
    );
    assert_eq!(recorded.judge_by(&someone, &asked(1)).unwrap().level(), 1);
    let codes = recorded.judge_by(&someone, &asked(2)).unwrap_err();
    assert_eq!(codes, ["slsa-level-low"]);
}

/// Older certificates name the repository without its host, and some name none.
#[test]
fn an_older_certificate_names_its_repository_too() {
    let older = |path: Option<&str>| {
        generic().with(|it| {
            it.claims.retain(|it| it.0 != "source-repository");
            let claim = path.map(|it| ("github-workflow-repository", it.to_owned()));
            it.claims.extend(claim);
        })
    };
    let found = older(Some("acme/app")).judge(&full()).unwrap();
    assert!(found.unproven().is_empty(), "{found:?}");
    for path in ["evil/app", "acme/app2", "app", ""] {
        let codes = older(Some(path)).judge(&full()).unwrap_err();
        assert_eq!(codes, ["provenance-contradicts-certificate"], "{path}");
    }
    let found = older(None).judge(&full()).unwrap();
    let unproven = &found.unproven()[0];
    assert!(
        unproven.contains("the certificate does not say which repository"),
        "{unproven}"
    );
}

#[test]
fn what_the_predicate_leaves_open_the_certificate_says() {
    let silent = attestation(OWN).with(|it| {
        let build = &mut it.predicate["buildDefinition"];
        build["externalParameters"]["workflow"]
            .as_object_mut()
            .unwrap()
            .remove("ref");
        build["resolvedDependencies"] = json!([{"uri": "git+https://github.com/acme/app"}]);
    });
    let found = silent.judge(&full()).unwrap();
    let origin = found.origin().unwrap();
    assert_eq!(origin.reference(), Some("refs/tags/v1.4.2"));
    assert_eq!(origin.commit(), Some(COMMIT));
    // Where neither says it, what is asked for is not met.
    let nobody = silent.with(|it| {
        it.claims
            .retain(|it| !matches!(it.0, "source-repository-ref" | "source-repository-digest"));
    });
    assert!(nobody.judge(&SlsaExpectations::new()).is_ok());
    let codes = nobody.judge(&full()).unwrap_err();
    assert_eq!(codes, ["ref-mismatch", "ref-mismatch", "commit-mismatch"]);
}

/// The same name in the other version of the predicate is another build type.
#[test]
fn a_build_type_is_one_of_its_version() {
    let other = generic().with(|it| {
        it.predicate["buildType"] = json!("https://slsa.dev/container-based-build/v0.1?draft");
    });
    let codes = other.judge(&SlsaExpectations::new()).unwrap_err();
    assert_eq!(codes[0], "build-type-unknown");
    for id in ["", "x"] {
        let changed = generic().with(|it| it.predicate["builder"]["id"] = json!(id));
        let judged = changed.judge(&SlsaExpectations::new());
        let malformed = judged.is_err_and(|it| it[0] == "provenance-malformed");
        assert_eq!(malformed, id.is_empty(), "{id:?}");
    }
}
