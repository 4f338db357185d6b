//! A login in the browser, by whoever opens the page that is printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::instance::{FULCIO, IDENTITY, Instance, token_of};
use super::sign::world;
use crate::support::{Ran, World};

/// A provider that lets in whoever comes, and makes what `change` says of the claims.
fn provider(change: fn(&mut Value)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let url = address.clone();
    thread::spawn(move || {
        let mut nonce = String::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let path = head(&mut stream);
            let answer = if path.contains("openid-configuration") {
                json!({
                    "issuer": url, "authorization_endpoint": format!("{url}/login"),
                    "token_endpoint": format!("{url}/token"),
                })
                .to_string()
            } else if path.starts_with("/login?") {
                let of = |name: &str| parameter(&path, name);
                nonce = of("nonce");
                let back = of("redirect_uri").replace("%3A", ":").replace("%2F", "/");
                let state = of("state");
                let head = format!(
                    "HTTP/1.1 302 Found\r\nLocation: {back}?code=c&state={state}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                continue;
            } else {
                let now = Timestamp::now().as_second();
                let mut claims = json!({
                    "iss": url, "aud": "sigstore", "sub": "7", "email": IDENTITY, "nonce": nonce,
                    "email_verified": true, "iat": now, "exp": now + 300,
                });
                change(&mut claims);
                json!({ "id_token": token_of(&claims) }).to_string()
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                answer.len()
            );
            let _ = stream.write_all(head.as_bytes());
        }
    });
    address
}

/// The path of a request, of which everything is read.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.to_lowercase();
    let length = length.split("content-length: ").nth(1);
    let length = length.and_then(|it| it.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    head.split(' ').nth(1).unwrap().to_owned()
}

fn parameter(url: &str, name: &str) -> String {
    let query = url.split('?').nth(1).unwrap();
    let mut pairs = query.split('&').filter_map(|it| it.split_once('='));
    let found = pairs.find(|(it, _)| *it == name);
    found.unwrap().1.to_owned()
}

/// Goes where it is told to, as a browser does: the answer to its last request.
fn browse(url: &str) -> String {
    let mut url = url.to_owned();
    loop {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        match answer.lines().find_map(|it| it.strip_prefix("Location: ")) {
            Some(next) => next.clone_into(&mut url),
            None => return answer,
        }
    }
}

fn command(world: &World, provider: &str, more: &[&str]) -> Command {
    let mut command = world.command();
    command.args(["sign", "hello", "--trust-config", "trust-v2.json"]);
    command.args(["--oidc-issuer", provider]).args(more);
    command
}

/// Runs it, and opens what it prints with these changes.
fn follow(mut command: Command, change: impl FnOnce(String) -> String) -> (Ran, String) {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(url) = line.strip_prefix("    http") {
            break format!("http{url}");
        }
    };
    let page = browse(&change(url));
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    let mut ran = Ran::from_output(&output);
    ran.err = rest.join("\n");
    (ran, page)
}

fn certified(provider: &str) -> (Instance, World) {
    let instance = Instance::new();
    let issuer: &'static str = provider.to_owned().leak();
    instance.certify(|it| (it.issuer, it.old_issuer) = (Some(issuer), Some(issuer)));
    let world = world(&instance);
    (instance, world)
}

#[test]
fn whoever_logs_in_at_the_page_that_is_printed_signs() {
    let provider = provider(|_| {});
    let (_instance, world) = certified(&provider);
    // Even with --quiet: without the address nobody could go on.
    let command = command(&world, &provider, &["--oidc-login=url", "--quiet"]);
    let (ran, page) = follow(command, |url| url);
    ran.yes();
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    let line =
        format!("verify hello --identity {IDENTITY} --issuer {provider} --trusted-root root.json");
    world.attest(&line).yes();
}

#[test]
fn the_provider_is_that_of_the_signing_config_and_a_token_that_lies_about_is_not_taken() {
    let provider = provider(|_| {});
    let (instance, world) = certified(&provider);
    let mut config = instance.config(&[2], &json!({"selector": "ANY"}));
    config["oidcUrls"][0]["url"] = json!(provider);
    world.write("own.json", config.to_string());
    let line = "sign hello --oidc-login=url --signing-config own.json --trusted-root root.json";
    let mut command = world.command();
    command.args(line.split(' '));
    command.env("SIGSTORE_ID_TOKEN", instance.token(|_| {}));
    follow(command, |url| url).0.yes();
    config["oidcUrls"] = json!([]);
    world.write("own.json", config.to_string());
    world
        .attest(&format!("{line} --force"))
        .refused(2, "signing-config-unsatisfiable");
}

#[test]
fn a_browser_is_opened_when_it_is_asked_for() {
    let provider = provider(|_| {});
    let (_instance, world) = certified(&provider);
    world.write("bin/keep", "");
    world.write_program("bin/browser", "#!/bin/sh\nprintf '%s' \"$1\" > opened\n");
    let mut asked = command(&world, &provider, &["--oidc-login"]);
    asked.env(
        "BROWSER",
        format!("nowhere:{}", world.at("bin/browser").display()),
    );
    let (ran, _) = follow(asked, |url| {
        let opened = || std::fs::read_to_string(world.at("opened")).unwrap_or_default();
        for _ in 0..200 {
            if opened() == url {
                break;
            }
            thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(opened(), url);
        url
    });
    ran.yes();
    // Not from the folder in which somebody stands.
    let mut planted = command(&world, &provider, &["--oidc-login", "--force"]);
    world.write_program("bin/xdg-open", "#!/bin/sh\ntouch planted\n");
    planted
        .env("BROWSER", "bin/browser:./bin/xdg-open")
        .env("PATH", "bin:.");
    let (ran, _) = follow(planted, |url| url);
    assert!(ran.yes().err.contains("no browser was found"));
    assert!(!world.at("planted").exists());
}

#[test]
fn nobody_is_asked_without_a_terminal_unless_it_is_wanted() {
    let provider = provider(|_| {});
    let (instance, world) = certified(&provider);
    for more in [&[][..], &["--keyless"], &["--oidc-login=never"]] {
        let ran = Ran::of(&mut command(&world, &provider, more));
        let ran = ran.refused(2, "identity-token-required");
        assert!(!ran.err.contains("/login"), "{ran:?}");
    }
    let ran = world.attest("sign hello --oidc-login=url --identity-token token");
    ran.refused(2, "bad-arguments");
    let mut late = command(
        &world,
        &provider,
        &["--oidc-login=url", "--oidc-login-timeout", "1"],
    );
    Ran::of(&mut late).refused(3, "login-timeout");
    let mut open = command(&world, "http://issuer.example", &["--oidc-login=url"]);
    Ran::of(&mut open).refused(2, "service-address");
    assert_eq!(instance.calls(FULCIO), 0);
    assert!(!world.at("hello.sigstore.json").exists());
}

#[test]
fn what_comes_back_from_another_login_signs_nothing() {
    type Wrong = (fn(&mut Value), fn(String) -> String, i32, &'static str);
    let same: fn(String) -> String = |url| url;
    let cases: [Wrong; 5] = [
        (
            |_| {},
            |url| url.replace("state=", "state=x"),
            1,
            "login-state",
        ),
        (
            |_| {},
            |url| url.replace("nonce=", "nonce=x"),
            1,
            "login-nonce",
        ),
        (
            |it| it["iss"] = json!("https://issuer.example"),
            same,
            1,
            "login-issuer",
        ),
        (
            |it| it["aud"] = json!("other"),
            same,
            1,
            "identity-token-audience",
        ),
        (|it| it["exp"] = json!(1), same, 1, "identity-token-expired"),
    ];
    for (change, wrong, exit, code) in cases {
        let provider = provider(change);
        let (instance, world) = certified(&provider);
        let command = command(&world, &provider, &["--oidc-login=url"]);
        let (ran, _) = follow(command, wrong);
        let ran = ran.refused(exit, code);
        assert!(!ran.err.contains("eyJ"), "{ran:?}");
        assert_eq!(instance.calls(FULCIO), 0, "{code}");
        assert!(!world.at("hello.sigstore.json").exists());
    }
}
