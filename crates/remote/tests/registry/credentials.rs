//! Who is shown what: credentials, tokens, and where a registry leads.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use attest_remote::registry::{Access, Login, Registry};

use crate::support::{Answer, Server, options, options_with, sha256};
use crate::{image, manifest_answer, refusal, tag};

const LOGIN: &str = "dXNlcjpzZWNyZXQ=";

fn login(host: &str) -> Login {
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{LOGIN}"}}}}}}"#);
    Login::parse("config.json", config.as_bytes(), []).unwrap()
}

#[test]
fn credentials_go_to_the_registry_and_to_nobody_to_whom_it_leads() {
    let elsewhere = Server::answering(|_| Answer::new(200, b"hello"));
    let place = format!("{}/somewhere?signed=x", elsewhere.address());
    let server = Server::answering(move |request| {
        if request.header("authorization").is_none() {
            return Answer::new(401, b"").with("WWW-Authenticate", "Basic realm=\"x\"");
        }
        Answer::new(307, b"").with("Location", &place)
    });
    let registry = Registry::new(options_with(login(&server.host()))).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    let blob = repository.blob(sha256(b"hello"), 5).unwrap();
    assert_eq!(blob, Some(b"hello".to_vec()));
    let seen = server.requests();
    assert!(
        seen.iter()
            .any(|it| it.header("authorization") == Some(&format!("Basic {LOGIN}")))
    );
    let seen = elsewhere.requests();
    assert_eq!(seen.len(), 1);
    assert!(seen.iter().all(|it| it.header("authorization").is_none()));
    // What no digest names comes from the registry alone.
    for error in [
        repository.manifest(&tag("1")).unwrap_err(),
        repository.referrers(sha256(b"x")).unwrap_err(),
        repository.tags().unwrap_err(),
    ] {
        assert_eq!(error.code(), "registry-redirect");
    }
    assert_eq!(elsewhere.requests().len(), 1);
}

#[test]
fn uploads_that_lead_elsewhere_carry_no_credentials() {
    let taken = Arc::new(AtomicBool::new(false));
    let there = Arc::clone(&taken);
    let elsewhere = Server::answering(move |_| {
        taken.store(true, Ordering::SeqCst);
        Answer::new(201, b"")
    });
    let place = format!("{}/upload?x=1", elsewhere.address());
    let server = Server::answering(move |request| match request.method.as_str() {
        _ if request.header("authorization").is_none() => {
            Answer::new(401, b"").with("WWW-Authenticate", "Basic realm=\"x\"")
        }
        "POST" => Answer::new(202, b"").with("Location", &place),
        _ if there.load(Ordering::SeqCst) => Answer::new(200, b"hello"),
        _ => Answer::new(404, b""),
    });
    let registry = Registry::new(options_with(login(&server.host()))).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Push)
        .unwrap();
    repository
        .push_blob(sha256(b"hello"), 5, &mut Cursor::new(b"hello"))
        .unwrap();
    let seen = elsewhere.requests();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].header("authorization").is_none());
    assert!(seen[0].path.contains("x=1&digest=sha256"));
}

#[test]
fn uploads_that_lead_elsewhere_go_nowhere_without_tls() {
    for place in [
        "http://192.0.2.1/upload",
        "http://user:pass@127.0.0.1/",
        "file:///x",
        "",
    ] {
        let server = Server::answering(move |request| match request.method.as_str() {
            "HEAD" => Answer::new(404, b""),
            _ => Answer::new(202, b"").with("Location", place),
        });
        let registry = Registry::new(options_with(login(&server.host()))).unwrap();
        let repository = registry
            .repository(&server.reference(), Access::Push)
            .unwrap();
        let error = repository
            .push_blob(sha256(b"hello"), 5, &mut Cursor::new(b"hello"))
            .unwrap_err();
        assert_eq!(error.code(), "registry-redirect", "{place}");
    }
}

#[test]
fn redirects_on_and_on_and_to_odd_places_are_not_followed() {
    for (to, code) in [
        ("/v2/team/tool/blobs/again", "registry-redirect"),
        ("http://192.0.2.1/", "registry-redirect"),
        ("http://user:pass@127.0.0.1/", "registry-redirect"),
        ("ftp://127.0.0.1/", "registry-redirect"),
        ("file:///etc/passwd", "registry-redirect"),
    ] {
        let server = Server::answering(move |_| Answer::new(302, b"").with("Location", to));
        let registry = Registry::new(options()).unwrap();
        let repository = registry
            .repository(&server.reference(), Access::Pull)
            .unwrap();
        let error = repository.blob(sha256(b"x"), 1).unwrap_err();
        assert_eq!(error.code(), code, "{to}");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
}

#[test]
fn a_token_is_exchanged_for_this_repository_alone() {
    let server = Server::answering_with_address(|request, address| {
        if request.path.starts_with("/token") {
            assert!(request.path.contains("service=s"), "{}", request.path);
            let scope = "scope=repository%3Ateam%2Ftool%3Apull";
            assert!(request.path.ends_with(scope), "{}", request.path);
            assert_eq!(
                request.header("authorization"),
                Some(&format!("Basic {LOGIN}"))
            );
            return Answer::new(200, br#"{"token":"T0K"}"#);
        }
        match request.header("authorization") {
            Some(shown) if shown == "Bearer T0K" => manifest_answer(&image("x")),
            None => {
                let challenge = format!(
                    r#"Bearer realm="{address}/token",service="s",scope="repository:other:push""#
                );
                Answer::new(401, b"").with("WWW-Authenticate", &challenge)
            }
            Some(other) => panic!("{other}"),
        }
    });
    let registry = Registry::new(options_with(login(&server.host()))).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    repository.demand(&tag("1")).unwrap();
    repository.demand(&tag("1")).unwrap();
    let tokens = server.requests();
    let tokens = tokens.iter().filter(|it| it.path.starts_with("/token"));
    assert_eq!(tokens.count(), 1);
}

#[test]
fn tokens_are_asked_only_where_credentials_may_go() {
    for (realm, code) in [
        ("http://192.0.2.1/token", "registry-realm"),
        ("https://elsewhere.example/token", "registry-realm"),
        ("http://localhost/token", "registry-realm"),
        ("file:///etc/passwd", "registry-realm"),
        ("nonsense", "registry-realm"),
    ] {
        let server = Server::answering(move |_| {
            let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
            Answer::new(401, b"").with("WWW-Authenticate", &challenge)
        });
        let registry = Registry::new(options_with(login(&server.host()))).unwrap();
        let repository = registry
            .repository(&server.reference(), Access::Pull)
            .unwrap();
        assert_eq!(
            repository.manifest(&tag("1")).unwrap_err().code(),
            code,
            "{realm}"
        );
    }
}

#[test]
fn a_place_for_tokens_that_gives_none_is_an_error() {
    for (status, body, code) in [
        (200, &b"{}"[..], "registry-token"),
        (200, b"<html>", "registry-token"),
        (200, br#"{"token":"a\r\nX: y"}"#, "registry-token"),
        (500, b"", "registry-token"),
        (302, b"", "registry-redirect"),
        (401, b"", "registry-denied"),
    ] {
        let server = Server::answering_with_address(move |request, address| {
            if request.path.starts_with("/token") {
                return Answer::new(status, body);
            }
            let challenge = format!(r#"Bearer realm="{address}/token""#);
            Answer::new(401, b"").with("WWW-Authenticate", &challenge)
        });
        let found = refusal(&server, &tag("1"));
        assert_eq!(found, code, "{status}");
    }
}

#[test]
fn a_token_that_does_not_suffice_is_not_asked_for_again_and_again() {
    let server = Server::answering_with_address(|request, address| {
        if request.path.starts_with("/token") {
            return Answer::new(200, br#"{"access_token":"T"}"#);
        }
        let challenge = format!(r#"Bearer realm="{address}/token""#);
        Answer::new(401, b"").with("WWW-Authenticate", &challenge)
    });
    assert_eq!(refusal(&server, &tag("1")), "registry-denied");
    assert_eq!(server.requests().len(), 3);
}
