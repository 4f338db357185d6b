//! A trail that is whole is accepted; each change to it is refused with its own code.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

fn event(
    sequence: u64,
    name: &str,
    phase: Phase,
    previous: Option<attest_digest::Digest>,
) -> Event {
    Event {
        sequence,
        time: format!("2026-11-21T09:41:{sequence:02}Z"),
        home: "4c".repeat(32),
        event: name.to_owned(),
        phase,
        facts: BTreeMap::from([
            (Fact::Uid, Value::from(1000)),
            (Fact::User, Value::from("anna")),
        ]),
        previous,
    }
}

/// init, archive.add and key.generate, each begun and ended.
fn trail() -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for (at, name) in ["init", "archive.add", "key.generate"]
        .into_iter()
        .enumerate()
    {
        let begun = 2 * at as u64;
        let outcome = Outcome::Yes;
        for (sequence, phase) in [
            (begun, Phase::Begun),
            (begun + 1, Phase::Ended { begun, outcome }),
        ] {
            let previous = lines.last().map(|line| line_digest(line));
            lines.push(event(sequence, name, phase, previous).to_line().unwrap());
        }
    }
    lines
}

fn read(lines: &[Vec<u8>]) -> Chain {
    let mut chain = Chain::new("4c".repeat(32));
    for line in lines {
        chain.line(line);
    }
    chain
}

fn codes(chain: &Chain) -> Vec<&'static str> {
    chain.faults().iter().map(AuditFault::code).collect()
}

fn head(lines: &[Vec<u8>], events: usize) -> Head {
    Head {
        home: "4c".repeat(32),
        events: events as u64,
        last: line_digest(&lines[events - 1]),
        release: "hello@1.0.0".to_owned(),
    }
}

/// The line with other text in one place, of the same chain.
fn changed(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(line.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replace(from, to).into_bytes()
}

#[test]
fn a_trail_that_nobody_touched_is_whole() {
    let lines = trail();
    let mut chain = read(&lines);
    chain.head(&head(&lines, 4));
    chain.head(&head(&lines, 6));
    assert_eq!(codes(&chain), [""; 0]);
    assert!(chain.notes().is_empty());
    assert_eq!((chain.len(), chain.open().count()), (6, 0));
}

#[test]
fn an_event_that_was_edited_is_noticed_by_the_one_after_it() {
    let mut lines = trail();
    lines[2] = changed(&lines[2], "anna", "eve");
    assert_eq!(codes(&read(&lines)), ["audit-chain-broken"]);
}

#[test]
fn an_event_that_was_removed_is_noticed() {
    let mut lines = trail();
    lines.remove(3);
    assert_eq!(
        codes(&read(&lines)),
        ["audit-sequence", "audit-chain-broken"]
    );
}

#[test]
fn events_in_another_order_are_noticed() {
    let mut lines = trail();
    lines.swap(2, 4);
    let found = codes(&read(&lines));
    assert!(found.contains(&"audit-sequence") && found.contains(&"audit-chain-broken"));
}

#[test]
fn an_event_that_is_there_twice_is_noticed() {
    let mut lines = trail();
    lines.insert(3, lines[2].clone());
    assert_eq!(codes(&read(&lines))[0], "audit-sequence");
}

#[test]
fn a_trail_that_forked_is_noticed() {
    let mut lines = trail();
    let previous = Some(line_digest(&lines[1]));
    let other = event(2, "archive.add", Phase::Begun, previous)
        .to_line()
        .unwrap();
    lines.insert(3, changed(&other, "anna", "eve"));
    assert_eq!(
        codes(&read(&lines))[..2],
        ["audit-sequence", "audit-chain-broken"]
    );
}

#[test]
fn the_first_event_cannot_be_taken_away() {
    let mut lines = trail();
    lines.drain(..2);
    let chain = read(&lines);
    assert_eq!(codes(&chain), ["audit-sequence", "audit-chain-broken"]);
    assert_eq!(chain.notes()[0].code(), "audit-not-from-start");
}

#[test]
fn what_is_cut_off_before_a_signed_head_is_noticed() {
    let lines = trail();
    let mut chain = read(&lines[..4]);
    chain.head(&head(&lines, 6));
    assert_eq!(codes(&chain), ["audit-truncated"]);
}

#[test]
fn a_trail_written_anew_is_not_the_one_that_was_signed() {
    let lines = trail();
    let mut other: Vec<Vec<u8>> = Vec::new();
    for line in &lines {
        let mut event = Event::parse(line).unwrap();
        event.facts.insert(Fact::User, Value::from("eve"));
        event.previous = other.last().map(|line| line_digest(line));
        other.push(event.to_line().unwrap());
    }
    let mut chain = read(&other);
    assert_eq!(codes(&chain), [""; 0]);
    chain.head(&head(&lines, 4));
    assert_eq!(codes(&chain), ["audit-rewritten"]);
}

#[test]
fn a_head_and_an_event_of_another_home_are_refused() {
    let lines = trail();
    let mut chain = read(&lines);
    let foreign = Head {
        home: "5d".repeat(32),
        ..head(&lines, 4)
    };
    chain.head(&foreign);
    assert_eq!(codes(&chain), ["audit-head-foreign"]);
    let mut chain = Chain::new("5d".repeat(32));
    chain.line(&lines[0]);
    assert_eq!(codes(&chain), ["audit-event-foreign"]);
}

#[test]
fn an_end_without_its_beginning_is_refused() {
    let mut lines = trail();
    let (begun, outcome) = (2, Outcome::Yes);
    let previous = lines.last().map(|line| line_digest(line));
    let again = event(6, "archive.add", Phase::Ended { begun, outcome }, previous);
    lines.push(again.to_line().unwrap());
    assert_eq!(codes(&read(&lines)), ["audit-end-orphaned"]);
    // Of another event than the one that it names.
    let lines = trail();
    let mut chain = read(&lines[..3]);
    let begun = 2;
    let other = event(
        3,
        "key.import",
        Phase::Ended { begun, outcome },
        chain.last(),
    );
    chain.line(&other.to_line().unwrap());
    assert_eq!(codes(&chain), ["audit-end-orphaned"]);
}

#[test]
fn a_line_that_is_no_event_is_refused() {
    let lines = trail();
    for (from, to) in [
        ("\"anna\"", "\"an\\u001bna\""),
        ("\"anna\"", "\"an\u{1b}na\""),
        ("\"anna\"", " \"anna\""),
        ("\"anna\"", "7"),
        ("1000", "\"1000\""),
        ("1000", "-1"),
        ("\"uid\"", "\"nobody\""),
        ("\"begun\"", "\"began\""),
        ("2026-11-21T09:41:00Z", "2026-11-21T09:41:00+00:00"),
        ("2026-11-21T09:41:00Z", "2026-13-21T09:41:00Z"),
        ("\"init\"", "\"in it\""),
        ("\"none\"", "\"sha256:00\""),
        ("4c4c4c4c", "4C4C4C4C"),
        ("\"version\":1", "\"version\":1,\"version\":1"),
    ] {
        let line = changed(&lines[0], from, to);
        let mut chain = Chain::new("4c".repeat(32));
        chain.line(&line);
        assert_eq!(codes(&chain), ["audit-event-malformed"], "{to}");
    }
    let mut chain = Chain::new("4c".repeat(32));
    chain.line(&vec![b'x'; crate::limits::AUDIT_LINE_BYTES + 1]);
    chain.line(&changed(&lines[0], "\"version\":1", "\"version\":2"));
    assert_eq!(
        codes(&chain),
        ["audit-event-malformed", "audit-newer-format"]
    );
}

#[test]
fn a_clock_that_goes_back_is_told_and_not_refused() {
    let mut chain = Chain::new("4c".repeat(32));
    let first = event(0, "init", Phase::Begun, None);
    let previous = Some(line_digest(&first.to_line().unwrap()));
    let mut second = event(1, "release", Phase::Begun, previous);
    second.time = "2026-11-20T00:00:00Z".to_owned();
    second.facts.insert(Fact::TornBytes, Value::from(12));
    for it in [first, second] {
        chain.line(&it.to_line().unwrap());
    }
    assert_eq!(codes(&chain), [""; 0]);
    let notes: Vec<_> = chain.notes().iter().map(AuditNote::code).collect();
    assert_eq!(notes, ["audit-clock-backwards", "audit-line-torn"]);
    // Both began, and neither has an end.
    assert_eq!(chain.open().count(), 2);
}

#[test]
fn a_head_is_read_as_it_was_written_and_in_no_other_way() {
    let lines = trail();
    let head = head(&lines, 6);
    let statement = head.statement().unwrap();
    assert_eq!(Head::from_statement(&statement).unwrap(), head);
    for (field, value) in [
        ("home", Value::from("4C")),
        ("events", Value::from(0)),
        ("last", Value::from(line_digest(b"other").to_string())),
        ("last", Value::from("sha256:00")),
        ("more", Value::from(1)),
    ] {
        let mut predicate = statement.predicate().clone();
        predicate[field] = value;
        let subjects = statement.subjects().to_vec();
        let other = attest_provenance::Statement::new(subjects, HEAD_TYPE, predicate).unwrap();
        assert!(Head::from_statement(&other).is_err(), "{field}");
    }
}
