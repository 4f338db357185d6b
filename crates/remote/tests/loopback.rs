//! An authority on the loopback that misbehaves in every way we could think of.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use attest_remote::{HttpAuthority, Patience};
use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period, Timestamper};
use jiff::Timestamp;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    total: Duration::from_secs(2),
};

/// A server that gives every connection to `serve`, and counts them.
fn server(serve: impl Fn(TcpStream, Vec<u8>) + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/tsr", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            if let Some(body) = read_request(&mut stream) {
                serve(stream, body);
            }
        }
    });
    (address, calls)
}

fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("post /tsr http/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/timestamp-query"),
        "{head}"
    );
    let length = head
        .split("content-length: ")
        .nth(1)?
        .split("\r\n")
        .next()?
        .parse()
        .ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn respond(mut stream: TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

fn now() -> Timestamp {
    "2026-11-21T09:41:07Z".parse().unwrap()
}

fn authority() -> Authority {
    let valid = Period {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    let name = |text| AuthorityName::new("example.invalid", text).unwrap();
    let root = AuthorityRoot::create(&name("root"), valid).unwrap();
    root.issue(&name("leaf"), valid).unwrap()
}

fn refusal(address: &str) -> &'static str {
    let authority = HttpAuthority::new(address, PATIENCE).unwrap();
    let started = Instant::now();
    let code = authority.timestamp(b"message").unwrap_err().code();
    assert!(started.elapsed() < Duration::from_secs(10));
    code
}

const REPLY: &str = "Content-Type: application/timestamp-reply\r\n";

#[test]
fn a_good_answer_is_taken_and_keeps_its_bytes() {
    let (address, calls) = server(|stream, request| {
        let answer = authority().respond(&request, now()).unwrap();
        respond(stream, "200 OK", REPLY, &answer);
    });
    let authority = HttpAuthority::new(&address, PATIENCE).unwrap();
    let answers = authority.timestamp_all(&[b"one", b"two"]).unwrap();
    assert_eq!(answers.len(), 2);
    assert_ne!(answers[0], answers[1]);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn an_error_status_is_refused() {
    let (address, _) = server(|stream, _| respond(stream, "500 Oops", REPLY, b""));
    assert_eq!(refusal(&address), "timestamp-http-status");
}

#[test]
fn a_web_page_is_refused() {
    let (address, _) =
        server(|stream, _| respond(stream, "200 OK", "Content-Type: text/html\r\n", b"<html>"));
    assert_eq!(refusal(&address), "timestamp-content-type");
}

#[test]
fn a_missing_content_type_is_refused() {
    let (address, _) = server(|stream, request| {
        let answer = authority().respond(&request, now()).unwrap();
        respond(stream, "200 OK", "", &answer);
    });
    assert_eq!(refusal(&address), "timestamp-content-type");
}

#[test]
fn garbage_of_the_right_type_is_refused() {
    let (address, _) = server(|stream, _| respond(stream, "200 OK", REPLY, b"garbage"));
    assert_eq!(refusal(&address), "timestamp-malformed");
}

#[test]
fn the_answer_to_another_request_is_refused() {
    let recorded = std::sync::Mutex::new(None::<Vec<u8>>);
    let (address, _) = server(move |stream, request| {
        let mut recorded = recorded.lock().unwrap();
        let answer = recorded.get_or_insert_with(|| authority().respond(&request, now()).unwrap());
        respond(stream, "200 OK", REPLY, answer);
    });
    let authority = HttpAuthority::new(&address, PATIENCE).unwrap();
    authority.timestamp(b"message").unwrap();
    let replayed = authority.timestamp(b"message").unwrap_err();
    assert_eq!(replayed.code(), "timestamp-other-nonce");
    let swapped = authority.timestamp(b"another message").unwrap_err();
    assert_eq!(swapped.code(), "timestamp-other-message");
}

#[test]
fn a_rejection_is_refused() {
    let (address, _) = server(|stream, _| {
        let rejection = attest_sign::TimestampRequest::parse(b"x").unwrap_err();
        respond(stream, "200 OK", REPLY, &rejection.response().unwrap());
    });
    assert_eq!(refusal(&address), "timestamp-declined");
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, calls) = server(|stream, _| respond(stream, "200 OK", REPLY, b""));
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: {elsewhere}\r\n");
        let (address, _) = server(move |stream, _| respond(stream, status, &location, b""));
        assert_eq!(refusal(&address), "timestamp-redirect");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn an_announced_and_an_endless_body_are_cut() {
    let (address, _) = server(|stream, _| respond(stream, "200 OK", REPLY, &vec![0; 1 << 20]));
    assert_eq!(refusal(&address), "timestamp-too-large");
    let (address, _) = server(|mut stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\n{REPLY}Connection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    assert_eq!(refusal(&address), "timestamp-too-large");
}

#[test]
fn a_silent_and_a_dripping_server_are_left() {
    let (address, _) = server(|stream, _| {
        thread::sleep(Duration::from_secs(30));
        drop(stream);
    });
    assert_eq!(refusal(&address), "timestamp-timeout");
    let (address, _) = server(|mut stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\n{REPLY}Content-Length: 4000\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(b"0").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    assert_eq!(refusal(&address), "timestamp-timeout");
}

#[test]
fn a_closed_port_and_a_broken_connection_are_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(
        refusal(&format!("http://{closed}/tsr")),
        "timestamp-unreachable"
    );
    let (address, _) = server(|stream, _| drop(stream));
    assert_eq!(refusal(&address), "timestamp-unreachable");
    let (address, _) = server(|mut stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\n{REPLY}Content-Length: 4000\r\n\r\nshort");
        let _ = stream.write_all(head.as_bytes());
    });
    assert_eq!(refusal(&address), "timestamp-unreachable");
}

#[test]
fn only_web_addresses_without_credentials_are_called() {
    for address in [
        "",
        "tsa",
        "ftp://host/",
        "file:///etc/passwd",
        "http://user:secret@host/",
        "https://token@host/",
        "unix:/run/x",
    ] {
        let error = HttpAuthority::new(address, PATIENCE).unwrap_err();
        assert_eq!(error.code(), "timestamp-address", "{address}");
        assert!(!error.to_string().contains("secret") && !error.to_string().contains("token"));
    }
}
