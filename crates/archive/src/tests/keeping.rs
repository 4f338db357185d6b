//! What keeps a release longer is believed, what lets it go sooner is proven.

use super::*;
use crate::{Keeping, KeptKeeping, Retention, Said, Seal, Term};
use jiff::Timestamp;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn seal(at: &str, index: u64) -> Seal {
    Seal {
        time: time(at),
        entries: vec![([1; 32], index)],
    }
}

fn signed() -> Timestamp {
    time("2026-11-21T21:00:00Z")
}

fn digest(byte: u8) -> Digest {
    Digest::Sha256([byte; 32])
}

fn retention(class: &str, years: u16) -> Said {
    Said::Retention(Retention {
        class: class.to_owned(),
        years,
        from: signed(),
    })
}

fn hold() -> Said {
    let reason = "case 7".to_owned();
    Said::Hold {
        reason,
        time: signed(),
    }
}

fn lift(lifts: Vec<Digest>) -> Said {
    Said::Lift {
        reason: "case 7 is closed".to_owned(),
        time: signed(),
        lifts,
    }
}

/// What follows from these, each with whether it is proven, attached under their numbers.
fn term(said: &[(Option<Said>, bool)]) -> Term {
    let kept = said
        .iter()
        .zip(1..)
        .map(|((said, proven), number)| KeptKeeping {
            attachment: digest(number),
            proven: proven.then(|| seal("2026-11-21T21:00:00Z", 0)),
            said: said.clone(),
        });
    Term::of(Some(signed()), &kept.collect::<Vec<_>>())
}

fn until(said: &[(Option<Said>, bool)]) -> String {
    term(said).until.unwrap().to_string()
}

#[test]
fn every_release_is_kept_for_ten_years_and_nothing_unproven_shortens_that() {
    let default = "2036-11-21T21:00:00Z";
    assert_eq!(until(&[]), default);
    assert!(!term(&[]).is_said);
    assert_eq!(until(&[(Some(retention("snapshot", 1)), false)]), default);
    // The parent: the same, proven.
    let proven = [(Some(retention("snapshot", 1)), true)];
    assert_eq!(until(&proven), "2027-11-21T21:00:00Z");
    // Anybody can ask for more.
    let more = [(Some(retention("release", 30)), false)];
    assert_eq!(until(&more), "2056-11-21T21:00:00Z");
}

#[test]
fn the_longest_retention_counts_whatever_the_order() {
    let (short, long) = (retention("snapshot", 1), retention("cra", 20));
    let one = [(Some(short.clone()), true), (Some(long.clone()), true)];
    let other = [(Some(long), true), (Some(short), true)];
    assert_eq!(until(&one), "2046-11-21T21:00:00Z");
    assert_eq!(until(&one), until(&other));
    assert_eq!(term(&one).class, "cra");
}

#[test]
fn without_a_proven_time_there_is_no_end() {
    assert_eq!(Term::of(None, &[]).until, None);
    let kept = |proven| KeptKeeping {
        attachment: digest(1),
        proven,
        said: Some(retention("release", 10)),
    };
    assert_eq!(Term::of(None, &[kept(None)]).until, None);
    assert!(
        Term::of(None, &[kept(Some(seal("2026-11-21T21:00:00Z", 0)))])
            .until
            .is_some()
    );
}

#[test]
fn a_hold_stands_until_a_proven_lift_names_it() {
    let holds = |said: &[(Option<Said>, bool)]| term(said).holds.len();
    assert_eq!(holds(&[(Some(hold()), false)]), 1);
    assert_eq!(
        holds(&[(Some(hold()), true), (Some(lift(vec![digest(1)])), true)]),
        0
    );
    assert_eq!(
        holds(&[(Some(hold()), true), (Some(lift(vec![digest(1)])), false)]),
        1
    );
    assert_eq!(
        holds(&[(Some(hold()), true), (Some(lift(vec![digest(9)])), true)]),
        1
    );
    // An older lift does not lift a later hold.
    let again = [
        (Some(hold()), true),
        (Some(lift(vec![digest(1)])), true),
        (Some(hold()), true),
    ];
    assert_eq!(term(&again).holds, [(digest(3), "case 7".to_owned())]);
    // What cannot be read may be a hold.
    assert_eq!(holds(&[(None, true)]), 1);
}

#[test]
fn a_statement_says_the_same_when_it_is_read() {
    for said in [retention("release", 10), hold(), lift(vec![digest(7)])] {
        let keeping = Keeping {
            release: "hello@1.0.0".to_owned(),
            manifest: digest(5),
            said,
        };
        let statement = keeping.statement().unwrap();
        let read = |name: &str, manifest| Keeping::from_statement(&statement, name, manifest);
        assert_eq!(read("hello@1.0.0", digest(5)).unwrap(), keeping);
        // It is about one release, under one manifest.
        assert!(read("hello@1.0.1", digest(5)).is_err());
        assert!(read("hello@1.0.0", digest(6)).is_err());
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let state = |said| {
        let keeping = Keeping {
            release: "hello@1.0.0".to_owned(),
            manifest: digest(5),
            said,
        };
        keeping.statement().map(drop)
    };
    let because = |reason: &str| Said::Hold {
        reason: reason.to_owned(),
        time: signed(),
    };
    assert!(state(because("case 7")).is_ok());
    for reason in ["", " ", "a\nb", "\u{1b}[2J", &"a".repeat(1001)] {
        assert!(state(because(reason)).is_err(), "{reason:?}");
    }
    assert!(state(retention("release", 1000)).is_ok());
    assert!(state(retention("release", 9000)).is_err());
    assert!(state(retention("", 10)).is_err());
}

#[test]
fn what_was_let_go_later_was_not_let_go_then() {
    let kept = |said, proven: &str| KeptKeeping {
        attachment: digest(9),
        proven: Some(seal(proven, 7)),
        said: Some(said),
    };
    let held = KeptKeeping {
        attachment: digest(1),
        proven: None,
        said: Some(hold()),
    };
    let all = [
        held,
        kept(lift(vec![digest(1)]), "2027-01-02T00:00:00Z"),
        kept(retention("snapshot", 0), "2027-01-02T00:00:00Z"),
    ];
    let then = |at: &Seal| Term::as_of(at, Some(signed()), &all);
    let same_second = "2027-01-02T00:00:00Z";
    let unlogged = Seal {
        entries: Vec::new(),
        ..seal(same_second, 0)
    };
    // Earlier by the clock, by the log, and where nothing tells which was first.
    for at in [
        seal("2027-01-01T00:00:00Z", 8),
        seal(same_second, 6),
        seal(same_second, 7),
        unlogged,
    ] {
        let before = then(&at);
        assert_eq!(before.holds.len(), 1, "{at:?}");
        assert_eq!(before.until, Some(time("2036-11-21T21:00:00Z")));
    }
    // The parent: the next entry of the log, and a second later without it.
    let later = Seal {
        entries: Vec::new(),
        ..seal("2027-01-02T00:00:01Z", 0)
    };
    for at in [seal(same_second, 8), later] {
        let after = then(&at);
        assert!(after.holds.is_empty(), "{at:?}");
        assert_eq!(after.until, Some(signed()));
    }
}
