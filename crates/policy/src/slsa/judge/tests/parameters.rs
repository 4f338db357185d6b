//! Which external parameters are known, which are chosen, and which are allowed.

use super::*;

fn with(name: &str, value: &Value) -> Case {
    attestation(OWN).with(|it| {
        it.predicate["buildDefinition"]["externalParameters"][name] = value.clone();
    })
}

fn codes(case: &Case, expected: &SlsaExpectations) -> Vec<&'static str> {
    case.judge(expected).err().unwrap_or_default()
}

#[test]
fn an_unknown_parameter_is_allowed_by_its_name_or_by_one_above_it() {
    let extra = with("extra", &json!({"a": 1, "b": {"c": 2}}));
    let unknown = "build-parameter-unknown";
    assert_eq!(codes(&extra, &full()), [unknown, unknown]);
    let cases: [(&[&str], &[&str]); 10] = [
        (&["extra"], &[]),
        (&["extra.a", "extra.b"], &[]),
        (&["extra.a", "extra.b.c"], &[]),
        (&["extra.a"], &[unknown]),
        (&["extra.a", "extra.b.d"], &[unknown]),
        (&["extr", "a", "b.c"], &[unknown, unknown]),
        (&["extra.a.x", "extra.b.c.x"], &[unknown, unknown]),
        // A `*` stands for the rest of a name, and crosses none.
        (&["ex*"], &[]),
        (&["extra.*"], &[]),
        (&["xtra*", "*x"], &[unknown, unknown]),
    ];
    for (allowed, wanted) in cases {
        let expected = allowed.iter().fold(full(), |it, name| it.allowing(name));
        assert_eq!(codes(&extra, &expected), wanted, "{allowed:?}");
    }
}

#[test]
fn nothing_is_chosen_by_a_parameter_that_says_nothing() {
    for nothing in [json!(null), json!(""), json!([]), json!({})] {
        assert_eq!(
            codes(&with("vars", &nothing), &full()),
            [""; 0],
            "{nothing}"
        );
        let inner = json!({"X": nothing});
        assert_eq!(codes(&with("vars", &inner), &full()), [""; 0], "{inner}");
    }
    for something in [json!(0), json!(false), json!("x"), json!([null])] {
        let inner = json!({"X": something});
        assert_eq!(
            codes(&with("vars", &inner), &full()),
            ["build-parameter-unexpected"],
            "{inner}"
        );
    }
}

#[test]
fn an_input_that_is_expected_has_that_value_whatever_else_is_allowed() {
    let given = with("inputs", &json!({"version": "1", "dry": false, "n": null}));
    let all = full().allowing("inputs");
    assert_eq!(codes(&given, &all), [""; 0]);
    let other = all.clone().with_input("version", "2");
    assert_eq!(codes(&given, &other), ["workflow-input-mismatch"]);
    let missing = all.with_input("target", "x");
    assert_eq!(codes(&given, &missing), ["workflow-input-missing"]);
    // What is null was not given; what was is expected or refused.
    let some = full().with_input("version", "1").with_input("dry", "false");
    assert_eq!(codes(&given, &some), [""; 0]);
    let one = full().with_input("version", "1");
    assert_eq!(codes(&given, &one), ["workflow-input-unexpected"]);
}

#[test]
fn a_number_that_contradicts_the_certificate_contradicts_it() {
    for (id, wanted) in [
        (1, &[][..]),
        (2, &["provenance-contradicts-certificate"][..]),
    ] {
        let case = attestation(OWN).with(|it| {
            it.predicate["buildDefinition"]["internalParameters"]["github"]["repository_id"] =
                json!(id);
        });
        assert_eq!(codes(&case, &full()), wanted, "{id}");
    }
}

/// What a runner of GitLab writes down of its variables is known by how its name begins.
#[test]
fn a_parameter_is_known_by_the_beginning_that_the_table_has() {
    let case = |name: &str| {
        attestation("https://gitlab.example/x").with(|it| {
            it.predicate["buildDefinition"] = json!({
                "buildType": "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v1/PROVENANCE.md",
                "externalParameters": {"source": "https://gitlab.com/acme/app", name: "x"},
                "resolvedDependencies": [
                    {"uri": "https://gitlab.com/acme/app", "digest": {"gitCommit": COMMIT}},
                ],
            });
            it.claim("source-repository", "https://gitlab.com/acme/app");
        })
    };
    for known in ["CI", "CI_JOB_ID", "CI_", "GITLAB_CI", "entryPoint"] {
        assert_eq!(
            codes(&case(known), &SlsaExpectations::new()),
            [""; 0],
            "{known}"
        );
    }
    for unknown in ["CIX", "XCI_JOB_ID", "ci_job_id", "entryPoint2", "GITLAB"] {
        assert_eq!(
            codes(&case(unknown), &SlsaExpectations::new()),
            ["build-parameter-unknown"],
            "{unknown}"
        );
    }
}

/// Of a build type that nobody knows nobody knows a parameter, and one without a value is one as well.
#[test]
fn no_parameter_of_an_unknown_build_type_is_known() {
    let newer = |parameters: Value| {
        attestation("https://ci.acme.example/x").with(|it| {
            it.predicate["buildDefinition"] =
                json!({"buildType": "https://x.example/type", "externalParameters": parameters});
        })
    };
    let older = |parameters: Value| {
        generic().with(|it| {
            it.predicate = json!({
                "builder": {"id": "https://ci.acme.example/x"}, "buildType": "https://x.example/type",
                "invocation": {"parameters": parameters},
            });
            it.identity = "https://ci.acme.example/x".to_owned();
        })
    };
    let none = SlsaExpectations::new();
    for nothing in [newer(json!({})), older(json!({})), older(json!(null))] {
        assert_eq!(codes(&nothing, &none), [""; 0]);
    }
    for some in [
        json!({"flag": "-x"}),
        json!({"flag": {}}),
        json!({"flag": null}),
        json!({"flag": []}),
    ] {
        for case in [newer(some.clone()), older(some.clone())] {
            assert_eq!(codes(&case, &none), ["build-parameter-unknown"], "{some}");
        }
    }
    let list = older(json!(["-x"]));
    assert_eq!(codes(&list, &none), ["build-parameter-unknown"]);
}
