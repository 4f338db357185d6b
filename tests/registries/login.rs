//! Credential helpers, really run, and the tokens that they and docker's configuration hold.

use super::loopback::{Answer, Server};
use crate::support::{Ran, World};

/// A registry that wants a token of its own place for them, and says nothing else.
fn wants_token(takes: &'static str) -> Server {
    Server::answering_with_address(move |request, address| {
        if request.path.starts_with("/token") {
            return Answer::new(200, br#"{"access_token":"T0K"}"#);
        }
        match request.header("authorization") {
            Some(shown) if shown == takes => {
                let tags = br#"{"name":"team/tool","tags":["1"]}"#;
                Answer::new(200, tags).with("Content-Type", "application/json")
            }
            _ => {
                let challenge = format!(r#"Bearer realm="{address}/token",service="s""#);
                Answer::new(401, b"").with("WWW-Authenticate", &challenge)
            }
        }
    })
}

fn list(world: &World, server: &Server, config: &str) -> Ran {
    list_with(world, server, config, &[])
}

fn list_with(world: &World, server: &Server, config: &str, more: &[&str]) -> Ran {
    world.write("config.json", config.replace("HOST", &server.host()));
    let mut command = world.command();
    let place = format!("oci://{}/team/tool", server.host());
    command.args([
        "registry",
        "list",
        &place,
        "--registry-config",
        "config.json",
    ]);
    command.args(more);
    let path = format!("{}:.:/usr/bin:/bin", world.at("bin").display());
    let ran = Ran::of(command.env("PATH", path));
    assert!(!format!("{ran:?}").contains("s3cret"), "{ran:#?}");
    ran
}

fn helper(world: &World, name: &str, line: &str) {
    world.write("bin/keep", "");
    let text = format!("#!/bin/sh\nread server\n{line}\n");
    world.write_program(&format!("bin/docker-credential-{name}"), &text);
}

/// The one request for a token.
fn token_request(server: &Server) -> super::loopback::Request {
    let requests = server.requests();
    let mut tokens = requests
        .into_iter()
        .filter(|it| it.path.starts_with("/token"));
    let one = tokens.next().unwrap();
    assert!(tokens.next().is_none());
    one
}

#[test]
fn a_helper_is_asked_for_the_host_and_what_it_gives_goes_to_the_place_for_tokens() {
    let (world, server) = (World::new(), wants_token("Bearer T0K"));
    helper(
        &world,
        "x",
        r#"[ "$1" = get ] && echo "$server" >asked && echo '{"ServerURL":"","Username":"me","Secret":"s3cret"}'"#,
    );
    let ran = list(&world, &server, r#"{"credHelpers":{"HOST":"x"}}"#).yes();
    assert_eq!(ran.out, "1\n");
    let asked = String::from_utf8(world.read("asked")).unwrap();
    assert_eq!(asked.trim(), server.host());
    let token = token_request(&server);
    // me:s3cret
    assert_eq!(token.header("authorization").unwrap(), "Basic bWU6czNjcmV0");
    assert!(token.path.contains("scope=repository%3Ateam%2Ftool%3Apull"));
}

#[test]
fn a_helper_that_fails_lies_or_is_not_there_is_an_error_and_one_that_knows_nothing_is_none() {
    let config = r#"{"credsStore":"x"}"#;
    for (line, what) in [
        ("echo it is s3cret; exit 1", "fails"),
        ("echo nonsense", "gives no credentials"),
        ("echo '{\"Username\":\"me\"}'", "gives no credentials"),
        (
            "while :; do echo 0123456789012345678901234567890123456789; done",
            "more than",
        ),
    ] {
        let (world, server) = (World::new(), wants_token("Bearer T0K"));
        helper(&world, "x", line);
        let ran = list(&world, &server, config).refused(3, "registry-helper");
        assert!(ran.err.contains(what), "{ran:#?}");
    }
    let (world, server) = (World::new(), wants_token("Bearer T0K"));
    world.write("bin/keep", "");
    list(&world, &server, config).refused(3, "registry-helper");
    // Not one of the folder in which somebody stands.
    world.write_program("docker-credential-x", "#!/bin/sh\ntouch planted\n");
    list(&world, &server, config).refused(3, "registry-helper");
    assert!(!world.at("planted").exists());
    helper(
        &world,
        "x",
        "echo credentials not found in native keychain; exit 1",
    );
    list(&world, &server, config).yes();
    assert!(token_request(&server).header("authorization").is_none());
}

#[test]
fn an_identity_token_is_exchanged_and_shown_to_nobody_else() {
    for config in [
        r#"{"auths":{"HOST":{"identitytoken":"s3cret"}}}"#,
        r#"{"credHelpers":{"HOST":"x"}}"#,
    ] {
        let (world, server) = (World::new(), wants_token("Bearer T0K"));
        helper(
            &world,
            "x",
            r#"echo '{"Username":"<token>","Secret":"s3cret"}'"#,
        );
        list(&world, &server, config).yes();
        let token = token_request(&server);
        assert_eq!(
            (token.method.as_str(), token.path.as_str()),
            ("POST", "/token")
        );
        assert!(token.header("authorization").is_none());
        let form = String::from_utf8(token.body).unwrap();
        for part in [
            "service=s",
            "grant_type=refresh_token",
            "scope=repository%3Ateam%2Ftool%3Apull",
            "refresh_token=s3cret",
        ] {
            assert!(form.split('&').any(|it| it == part), "{form}");
        }
    }
    // To another host's place for tokens it does not go.
    let elsewhere = wants_token("Bearer T0K");
    let realm = format!(
        "{}/token",
        elsewhere.address().replace("127.0.0.1", "localhost")
    );
    let server = Server::answering(move |_| {
        let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
        Answer::new(401, b"").with("WWW-Authenticate", &challenge)
    });
    let world = World::new();
    let config = r#"{"auths":{"HOST":{"identitytoken":"s3cret"}}}"#;
    list(&world, &server, config).refused(3, "registry-realm");
    assert!(elsewhere.requests().is_empty());
    // Unless that is said, of this registry and that place.
    let place = elsewhere.host().replace("127.0.0.1", "localhost");
    let other = format!("registry.example={place}");
    list_with(&world, &server, config, &["--registry-realm", &other]).refused(3, "registry-realm");
    assert!(elsewhere.requests().is_empty());
    let this = format!("{}={place}", server.host());
    list_with(&world, &server, config, &["--registry-realm", &this]).refused(3, "registry-denied");
    let form = String::from_utf8(token_request(&elsewhere).body).unwrap();
    assert!(form.contains("refresh_token=s3cret"), "{form}");
    for odd in ["registry.example", "registry.example=", "=x", "a=b/c"] {
        let ran = list_with(&world, &server, config, &["--registry-realm", odd]);
        assert_eq!(ran.exit, 2, "{odd} {ran:#?}");
    }
}

#[test]
fn a_registry_token_is_shown_as_it_is() {
    let (world, server) = (World::new(), wants_token("Bearer s3cret"));
    let config = r#"{"auths":{"HOST":{"registrytoken":"s3cret"}}}"#;
    list(&world, &server, config).yes();
    assert!(
        server
            .requests()
            .iter()
            .all(|it| !it.path.starts_with("/token"))
    );
}
