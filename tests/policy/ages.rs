//! How old evidence may be: by the time that somebody else proves, and by the signer's own word.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Desk;

const TYPE: &str = "https://example.com/note/v1";

/// A world in which a note of Alice must not be older than a week.
fn desk() -> Desk {
    let desk = Desk::new();
    let rule = format!("[[require]]\ntype = \"{TYPE}\"\nsigned_by = \"alice\"\nmax_age = \"7d\"\n");
    desk.policy(&["alice"], "", &rule);
    desk
}

fn says(desk: &Desk, path: &[&str], value: Value) {
    let nest = |inner: Value, name: &&str| json!({*name: inner});
    let predicate = path.iter().rev().fold(value, nest);
    desk.says("alice", "note.sigstore.json", TYPE, &predicate);
}

fn from_now(minutes: i64) -> Value {
    let time = Timestamp::now() + SignedDuration::from_mins(minutes);
    json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

const DAY: i64 = 24 * 60;

/// A timestamp can be made again over an old signature, so that the signer's own word counts as well.
#[test]
fn what_its_signer_calls_old_is_old() {
    let desk = desk();
    for path in [
        &["metadata", "scanFinishedOn"][..],
        &["timeVerified"],
        &["timeCreated"],
        &["reviewedOn"],
        &["runDetails", "metadata", "finishedOn"],
        &["metadata", "buildFinishedOn"],
    ] {
        says(&desk, path, from_now(-8 * DAY));
        desk.no("evidence-too-old");
        says(&desk, path, from_now(-6 * DAY));
        desk.yes();
    }
    // Under another name it is some time.
    says(&desk, &["time"], from_now(-8 * DAY));
    desk.yes();
}

/// What is not yet would be young for ever.
#[test]
fn what_its_signer_puts_into_the_future_is_not_young() {
    let desk = desk();
    for (value, is_young) in [
        (from_now(4), true),
        (from_now(6), false),
        (from_now(8 * DAY), false),
        (json!("yesterday"), false),
        (json!(1_800_000_000), false),
        (json!(null), false),
        (json!({}), false),
    ] {
        says(&desk, &["timeCreated"], value.clone());
        let ran = desk.ask("x");
        assert_eq!(ran.exit == 0, is_young, "{value}: {ran:#?}");
        if !is_young {
            desk.no("evidence-too-old");
        }
    }
}
