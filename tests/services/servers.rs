//! Servers that fail in every way that we could think of: never a half-written file, never a yes, and
//! the next try succeeds.

use std::time::Instant;

use super::instance::{FULCIO, Fault, Instance, TSA, V1, V2};
use super::sign::{sign, world};

pub(super) fn faults(path: &'static str) -> Vec<(Fault, &'static str)> {
    let page = Fault::Answer("200 OK", "Content-Type: text/html\r\n", "<html>".to_owned());
    let error = |status| Fault::Answer(status, "", "{\"message\":\"no\"}".to_owned());
    let moved = Fault::Answer(
        "307 Moved",
        "Location: http://127.0.0.1:9/\r\n",
        String::new(),
    );
    let (kind, odd) = if path == TSA {
        ("timestamp", "content-type")
    } else {
        ("service", "malformed")
    };
    let code = |what: &str| -> &'static str { format!("{kind}-{what}").leak() };
    vec![
        (Fault::Drop, code("unreachable")),
        (Fault::Cut, code("unreachable")),
        (Fault::Silent(9), code("timeout")),
        (Fault::Endless, code("too-large")),
        (page, code(odd)),
        (error("500 Oops"), code("http-status")),
        (error("429 Too Many"), code("http-status")),
        (
            error("400 Bad"),
            if path == TSA {
                "timestamp-http-status"
            } else {
                "service-refused"
            },
        ),
        (moved, code("redirect")),
    ]
}

#[test]
fn a_service_that_fails_leaves_nothing_behind_and_the_next_try_succeeds() {
    let instance = Instance::new();
    for (path, config) in [(FULCIO, "v2"), (TSA, "v2"), (V2, "v2"), (V1, "v1")] {
        for (fault, code) in faults(path) {
            let world = world(&instance);
            let before = world.listing(".");
            instance.fail(path, usize::MAX, fault.clone());
            let started = Instant::now();
            sign(&world, config, "hello more").refused(3, code);
            assert!(started.elapsed().as_secs() < 20, "{path} {fault:?}");
            assert_eq!(before, world.listing("."), "{path} {fault:?}");
            instance.heal();
            sign(&world, config, "hello more").yes();
        }
    }
}

#[test]
fn a_service_that_is_busy_or_away_is_asked_again() {
    let instance = Instance::new();
    let world = world(&instance);
    let busy = |headers| Fault::Answer("429 Too Many", headers, String::new());
    for path in [FULCIO, TSA, V2] {
        for fault in [Fault::Drop, busy(""), busy("Retry-After: 1\r\n")] {
            instance.fail(path, 1, fault);
            sign(&world, "v2", "hello --force").yes();
        }
    }
    // Longer than we wait, and longer than any clock goes: the answer stands.
    for headers in [
        "Retry-After: 3600\r\n",
        "Retry-After: 18446744073709551615\r\n",
    ] {
        for (path, code) in [
            (FULCIO, "service-http-status"),
            (TSA, "timestamp-http-status"),
        ] {
            instance.fail(path, 1, busy(headers));
            let ran = sign(&world, "v2", "hello --force").refused(3, code);
            assert!(!ran.err.contains("panicked"), "{ran:?}");
        }
    }
}

#[test]
fn a_service_that_refuses_is_quoted_but_never_with_the_token() {
    let instance = Instance::new();
    let world = world(&instance);
    let says = |text: &str| Fault::Answer("401 No", "", text.to_owned());
    instance.fail(FULCIO, 1, says("{\"message\":\"not \u{1b}[31mthis time\"}"));
    let ran = sign(&world, "v2", "hello").refused(3, "service-refused");
    assert!(
        ran.err.contains("this time") && !ran.err.contains('\u{1b}'),
        "{ran:?}"
    );
    let token = String::from_utf8(world.read("token")).unwrap();
    instance.fail(FULCIO, 1, says(&format!("bad token {token}")));
    let ran = sign(&world, "v2", "hello").refused(3, "service-refused");
    assert!(!ran.err.contains(&token[token.len() - 20..]), "{ran:?}");
}
