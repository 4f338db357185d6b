//! Identity tokens and what names services: refused before anything is sent.

use serde_json::{Value, json};

use super::instance::{FULCIO, Instance};
use super::sign::{sign, world};
use crate::support::Ran;

#[test]
fn a_token_that_is_not_good_is_not_sent() {
    let instance = Instance::new();
    let world = world(&instance);
    let now = jiff::Timestamp::now().as_second();
    let changes: [Wrong<'_>; 5] = [
        ("identity-token-expired", &|it| it["exp"] = json!(now - 1)),
        ("identity-token-expired", &|it| it["nbf"] = json!(now + 600)),
        ("identity-token-audience", &|it| it["aud"] = json!("other")),
        ("identity-token-malformed", &|it| {
            it["exp"] = json!("tomorrow");
        }),
        ("identity-token-malformed", &|it| it["iss"] = Value::Null),
    ];
    for (code, change) in changes {
        world.write("token", instance.token(change));
        sign(&world, "v2", "hello").refused(2, code);
    }
    for text in ["", "token", "a.b", "ey.ey.ey.ey"] {
        world.write("token", text);
        sign(&world, "v2", "hello").refused(2, "identity-token-malformed");
    }
    assert_eq!(instance.calls(FULCIO), 0);
    assert!(!world.at("hello.sigstore.json").exists());
}

#[test]
fn a_token_comes_from_a_file_standard_input_the_environment_or_the_command_line() {
    let instance = Instance::new();
    let world = world(&instance);
    let token = instance.token(|_| {});
    let line = "sign hello --force --signing-config v2.json --trusted-root root.json";
    world
        .shell(&format!("attest {line} --identity-token - < token"))
        .yes();
    let mut command = world.command();
    let command = command.args(line.split(' ')).arg("--keyless");
    Ran::of(command.env("SIGSTORE_ID_TOKEN", &token)).yes();
    let ran = world
        .attest(&format!("{line} --identity-token {token}"))
        .yes();
    assert!(ran.err.contains("other processes see it"), "{ran:?}");
    assert!(!ran.err.contains(&token) && !ran.out.contains(&token));
    let ran = world.attest(&format!("{line} --identity-token nothing-here"));
    ran.refused(2, "identity-token-unreadable");
    world
        .attest(&format!("{line} --keyless"))
        .refused(2, "identity-token-required");
}

#[test]
fn a_token_of_another_provider_than_the_one_named_is_not_sent() {
    let instance = Instance::new();
    let world = world(&instance);
    let line = "--oidc-issuer https://issuer.example hello";
    sign(&world, "v2", line).refused(2, "identity-token-other-issuer");
    let line = format!("--oidc-issuer {} hello", instance.address);
    sign(&world, "v2", &line).yes();
}

#[test]
fn a_job_of_github_actions_asks_for_its_own_token() {
    let instance = Instance::new();
    let world = world(&instance);
    let (token, secret) = (instance.token(|_| {}), "s3cret");
    let provider = super::provider::serve(move |head| {
        assert!(
            head.starts_with("GET /token?api-version=2.0&audience=sigstore HTTP/1.1"),
            "{head}"
        );
        assert!(
            head.to_lowercase()
                .contains(&format!("authorization: bearer {secret}"))
        );
        json!({ "value": token }).to_string()
    });
    let job = |url: &str| {
        let mut command = world.command();
        command.args([
            "sign",
            "hello",
            "--force",
            "--keyless",
            "--trust-config",
            "trust-v2.json",
        ]);
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", url);
        Ran::of(command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", secret))
    };
    job(&format!("{provider}/token?api-version=2.0")).yes();
    // The secret is not sent in the open to another machine.
    let ran = job("http://ci.example/token?api-version=2.0").refused(3, "service-address");
    assert!(!ran.err.contains(secret), "{ran:?}");
    let mut command = world.command();
    command.args([
        "sign",
        "hello",
        "--force",
        "--keyless",
        "--trust-config",
        "trust-v2.json",
    ]);
    let ran = Ran::of(command.env("GITHUB_ACTIONS", "true")).refused(2, "identity-token-required");
    assert!(ran.err.contains("id-token: write"), "{ran:?}");
}

#[test]
fn a_job_of_buildkite_asks_its_agent() {
    let instance = Instance::new();
    let world = world(&instance);
    let token = instance.token(|_| {});
    let agent = format!(
        "#!/bin/sh\n[ \"$*\" = 'oidc request-token --audience sigstore' ] && echo {token}\n"
    );
    world.write("bin/keep", "");
    world.write_program("bin/buildkite-agent", &agent);
    let line = "sign hello --force --keyless --trust-config trust-v2.json";
    let run = |path: String| {
        let mut command = world.command();
        command.args(line.split(' ')).env("BUILDKITE", "true");
        Ran::of(command.env("PATH", path))
    };
    run(format!("{}:/usr/bin:/bin", world.at("bin").display())).yes();
    // Never a program of the current folder.
    run("bin:.:/usr/bin:/bin".to_owned()).refused(2, "identity-token-required");
}

#[test]
fn a_job_of_gitlab_has_its_token_in_the_environment_or_is_told_how_to_get_one() {
    let instance = Instance::new();
    let world = world(&instance);
    let line = "sign hello --keyless --trust-config trust-v2.json";
    let job = || {
        let mut command = world.command();
        command.args(line.split(' ')).env("CI", "true");
        command.env("GITLAB_CI", "true");
        command
    };
    let ran = Ran::of(&mut job()).refused(2, "identity-token-required");
    assert!(
        ran.err
            .contains("id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore"),
        "{ran:?}"
    );
    Ran::of(job().env("SIGSTORE_ID_TOKEN", instance.token(|_| {}))).yes();
}

#[test]
fn what_names_the_services_must_name_some() {
    let instance = Instance::new();
    let world = world(&instance);
    let line = "sign hello --identity-token token --trusted-root root.json";
    world.attest(line).refused(2, "signing-config-required");
    let line = "sign hello --identity-token token --trusted-root @github";
    world.attest(line).refused(2, "signing-config-required");
    sign(&world, "gone", "hello").refused(2, "signing-config-unreadable");
    world.write("odd.json", "{\"mediaType\":\"odd\"}");
    sign(&world, "odd", "hello").refused(2, "signing-config-malformed");
    let mut config = instance.config(&[2], &json!({"selector": "EXACT", "count": 2}));
    world.write("few.json", config.to_string());
    sign(&world, "few", "hello").refused(2, "signing-config-unsatisfiable");
    config = instance.config(&[2], &json!({"selector": "ALL"}));
    config.as_object_mut().unwrap().remove("tsaUrls");
    world.write("timeless.json", config.to_string());
    sign(&world, "timeless", "hello").refused(2, "signing-config-unsatisfiable");
    config = instance.config(&[2], &json!({"selector": "ALL"}));
    config["caUrls"][0]["url"] = json!("http://fulcio.example");
    world.write("open.json", config.to_string());
    sign(&world, "open", "hello").refused(2, "service-address");
    world
        .attest("sign hello --trusted-root root.json")
        .refused(2, "bad-arguments");
    let line = "sign hello --key token --identity-token token --trust-config trust-v2.json";
    world.attest(line).refused(2, "bad-arguments");
    assert_eq!(instance.calls(FULCIO), 0);
}

/// A code, and what is wrong with a token.
type Wrong<'a> = (&'static str, &'a dyn Fn(&mut Value));
