//! Servers of logs that fail, asked by `show`, `prove` and `check`: it could not be told, and nothing is
//! written.

use std::thread;
use std::time::{Duration, Instant};

use super::{ROOT, Server, http, logged, on_v1, rekor_v1};
use crate::support::assert_same;

/// Answers that say nothing about a log, and their codes.
fn failures() -> Vec<(Vec<u8>, &'static str)> {
    let mut cut = http("200 OK", "", &[b'x'; 100]);
    cut.truncate(cut.len() - 5);
    vec![
        (http("429 Too Many Requests", "", b""), "log-http-status"),
        (http("500 Oops", "", b"{}"), "log-http-status"),
        (
            http("503 Away", "Retry-After: 1\r\n", b""),
            "log-http-status",
        ),
        (
            http("302 Found", "Location: http://127.0.0.1:1/\r\n", b""),
            "log-redirect",
        ),
        (
            http("200 OK", "Content-Type: text/html\r\n", b"<html>"),
            "log-answer-malformed",
        ),
        (cut, "log-unreachable"),
        (Vec::new(), "log-unreachable"),
        (
            http("200 OK", "", &vec![b' '; 5 << 20]),
            "log-answer-too-large",
        ),
    ]
}

#[test]
fn a_tile_server_that_fails_leaves_every_question_open() {
    let world = logged(&["a", "b", "c"]);
    let server = Server::of(world.at(".attest/log"));
    let before = world.listing(".");
    for (whole, code) in failures() {
        server.answers(move |_| Some(whole.clone()));
        for question in ["show", "show 1", "prove 1", "prove --from 1", "check"] {
            let line = format!("log {question} --log {} --key {ROOT}", server.url);
            let ran = world.attest(&line).refused(3, code);
            assert!(ran.out.is_empty(), "{question}: {ran:?}");
        }
    }
    assert_same(&before, &world.listing("."), "nothing is written");
    server.answers(|_| None);
    let line = format!("log prove 1 --log {} --key {ROOT}", server.url);
    world.attest(&line).yes();
}

#[test]
fn a_rekor_v1_that_fails_leaves_every_question_open() {
    let world = logged(&["a"]);
    let server = rekor_v1(|_, _| ());
    let before = world.listing(".");
    for (whole, code) in failures() {
        server.answers(move |_| Some(whole.clone()));
        for question in [&["show"][..], &["show", "1"], &["prove", "1"], &["check"]] {
            let ran = on_v1(&world, &server, question).refused(3, code);
            assert!(ran.out.is_empty(), "{question:?}: {ran:?}");
        }
    }
    assert_same(&before, &world.listing("."), "nothing is written");
}

#[test]
fn a_silent_log_is_left_when_the_time_is_over_that_was_said() {
    let world = logged(&["a"]);
    let silent = |server: Server| {
        server.answers(|_| {
            thread::sleep(Duration::from_secs(30));
            None
        });
        server
    };
    let tiles = || silent(Server::of(world.at(".attest/log")));
    let wait = "--service-timeout 1";
    let started = Instant::now();
    for question in ["show", "show 0", "prove 0", "check"] {
        let line = format!("log {question} --log {} --key {ROOT} {wait}", tiles().url);
        world.attest(&line).refused(3, "log-timeout");
    }
    let line = format!("log monitor --log {} --log-key {ROOT} {wait}", tiles().url);
    world.attest(&line).refused(3, "log-timeout");
    let server = silent(rekor_v1(|_, _| ()));
    on_v1(&world, &server, &["show", "--service-timeout", "1"]).refused(3, "log-timeout");
    assert!(started.elapsed() < Duration::from_secs(25));
}
