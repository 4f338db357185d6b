//! Somebody else's timestamp authority, good and bad, on the loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};
use jiff::{SignedDuration, Timestamp};

use super::{line, log_size, names, world};
use crate::support::World;

fn authority() -> Authority {
    let now = Timestamp::now();
    let day = SignedDuration::from_hours(24);
    let valid = Period {
        from: now - day,
        until: now + day,
    };
    let name = |text| AuthorityName::new("Time of others", text).unwrap();
    let root = AuthorityRoot::create(&name("root"), valid).unwrap();
    root.issue(&name("leaf"), valid).unwrap()
}

/// A service that answers each request with what `answer` makes of it.
pub(crate) fn serve(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_body(&mut stream);
            let body = answer(&request);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body);
        }
    });
    address
}

fn read_body(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    body
}

fn command(world: &World, address: &str, chain: &str) -> String {
    world.write("chain.pem", chain);
    format!(
        "release dist --name demo --version 1.0 --no-password --tsa {address} --tsa-chain chain.pem"
    )
}

#[test]
fn the_time_of_others_is_used_trusted_and_pinned_anew() {
    let world = world();
    world.attest("init --no-password --export before").yes();
    let authority = authority();
    let chain = authority.chain_pem();
    let address = serve(move |request| authority.respond(request, Timestamp::now()).unwrap());
    let ran = world.attest(&command(&world, &address, &chain)).yes();
    assert!(
        ran.line("time ")
            .ends_with("asserted by the authority at 127.0.0.1"),
        "{ran:?}"
    );
    let pin = ran.line("new pin ");
    assert!(line(&ran).ends_with(pin), "{ran:?}");
    world.shell(line(&ran)).yes();
    assert_ne!(
        world.read("dist/trusted_root.json"),
        world.read("before/trusted_root.json")
    );
    assert_eq!(
        world.read("dist/trusted_root.json"),
        world.read(".attest/trust/trusted_root.json")
    );
    let root: serde_json::Value =
        serde_json::from_slice(&world.read("dist/trusted_root.json")).unwrap();
    let added = &root["timestampAuthorities"][1];
    assert_eq!(added["subject"]["organization"], "Time of others");
    // Releases made before, and those made without it, still verify under the new root.
    world.write("dist/a.txt", "two\n");
    let own = world
        .attest("release dist --name demo --version 2.0 --no-password")
        .yes();
    assert!(own.line("time ").ends_with("asserted by you"));
    world.shell(line(&own)).yes();
}

#[test]
fn the_same_authority_is_added_once() {
    let world = world();
    world.attest("init --no-password").yes();
    let authority = authority();
    let chain = authority.chain_pem();
    let address = serve(move |request| authority.respond(request, Timestamp::now()).unwrap());
    let first = world.attest(&command(&world, &address, &chain)).yes();
    world.write("dist/a.txt", "two\n");
    let again = command(&world, &address, &chain).replace("1.0", "2.0");
    let second = world.attest(&again).yes();
    assert_eq!(first.line("new pin "), second.line("new pin "));
}

#[track_caller]
fn refused(world: &World, command: &str, code: &str, logged: u64) {
    let before = (
        world.listing("dist"),
        world.read(".attest/trust/trusted_root.json"),
    );
    world.attest(command).refused(3, code);
    let after = (
        world.listing("dist"),
        world.read(".attest/trust/trusted_root.json"),
    );
    assert_eq!(after, before, "something was published");
    assert_eq!(log_size(world), logged);
    assert!(
        !names(world, ".attest")
            .iter()
            .any(|name| name.contains("release")),
        "left behind"
    );
}

#[test]
fn nothing_is_published_when_the_time_cannot_be_had() {
    let world = world();
    world.attest("init --no-password").yes();
    let good = authority();
    let chain = good.chain_pem();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let unreachable = command(&world, &format!("http://{nobody}/"), &chain);
    refused(&world, &unreachable, "timestamp-unreachable", 0);
    let garbage = serve(|_| b"<html>".to_vec());
    refused(
        &world,
        &command(&world, &garbage, &chain),
        "timestamp-malformed",
        0,
    );
    let recorded = std::sync::Mutex::new(None);
    let replaying = serve(move |request| {
        let mut recorded = recorded.lock().unwrap();
        recorded
            .get_or_insert_with(|| good.respond(request, Timestamp::now()).unwrap())
            .clone()
    });
    // The first answer is for the first signature, and comes for all three.
    refused(
        &world,
        &command(&world, &replaying, &chain),
        "timestamp-other-message",
        0,
    );
}

#[test]
fn the_token_of_an_authority_that_is_not_in_the_chain_is_not_taken() {
    let world = world();
    world.attest("init --no-password").yes();
    let (named, other) = (authority(), authority());
    let address = serve(move |request| other.respond(request, Timestamp::now()).unwrap());
    let command = command(&world, &address, &named.chain_pem());
    // What was logged before the bundle was refused stays in the log; nothing else is left.
    let ran = world.attest(&command);
    assert!(ran.err.contains("stay in the log, unused"), "{ran:?}");
    let logged = log_size(&world);
    refused(&world, &command, "own-bundle-rejected", logged + 4);
}
