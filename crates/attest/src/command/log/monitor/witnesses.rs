//! Whether witnesses cosigned the checkpoint, and when.

use std::path::Path;

use attest_log::{SignedCheckpoint, WitnessPolicy, Witnessed};
use jiff::{SignedDuration, Timestamp};

use super::Seen;
use crate::failure::Failure;
use crate::files;

pub(super) fn policy(path: &Path) -> Result<WitnessPolicy, Failure> {
    let refused =
        |code, problem: String| Failure::request(code, format!("{}: {problem}", path.display()));
    let most = attest_log::limits::POLICY_BYTES as u64;
    let bytes = files::read_limited(path, most)
        .map_err(|error| refused("witness-policy-malformed", error.to_string()))?;
    WitnessPolicy::parse(&bytes).map_err(|error| refused(error.code(), error.to_string()))
}

/// What the policy says of the checkpoint, of cosignatures that are at most so many days old.
pub(super) fn judge(
    policy: &WitnessPolicy,
    days: Option<u32>,
    head: &SignedCheckpoint,
    now: Timestamp,
    seen: &mut Seen,
) {
    let origin = head.checkpoint().origin();
    if !policy.logs().is_empty() && !policy.logs().iter().any(|it| head.verify(it).is_ok()) {
        let message = format!("the witness policy names other logs than {origin}");
        return seen.find("witness-quorum-missing", message);
    }
    let age = days.map(|it| SignedDuration::from_hours(24 * i64::from(it)));
    let earliest = age.and_then(|it| now.checked_sub(it).ok());
    let judged = policy.judge_since(head, earliest.map_or(0, seconds), seconds(now));
    for name in &judged.unsupported {
        seen.notes.push(format!(
            "witness {name}: ML-DSA-44 is not verified, so it never counts"
        ));
    }
    if judged.enough {
        seen.notes
            .push(format!("witnesses: cosigned by {}", all(&judged.by)));
        if days.is_none() {
            seen.notes
                .push("not checked: how long ago they cosigned (--witness-age)".to_owned());
        }
        return;
    }
    let size = head.checkpoint().size();
    let code = match (judged.old.is_empty(), judged.invalid.is_empty()) {
        (false, true) if policy.judge(head, seconds(now)).enough => "witness-cosignature-old",
        _ => "witness-quorum-missing",
    };
    seen.find(code, why(size, &judged));
}

fn why(size: u64, judged: &Witnessed) -> String {
    let mut why = format!(
        "the checkpoint of {size} entries is cosigned by {}, which is no quorum",
        all(&judged.by)
    );
    if !judged.old.is_empty() {
        why += "; too long ago by ";
        why += &all(&judged.old);
    }
    for invalid in &judged.invalid {
        why += "; ";
        why += invalid;
    }
    why
}

/// Who, and when.
fn all(by: &[(String, u64)]) -> String {
    if by.is_empty() {
        return "nobody".to_owned();
    }
    let each = by.iter().map(|(name, seconds)| {
        let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
        match Timestamp::from_second(seconds) {
            Ok(time) => format!("{name} at {time}"),
            Err(_) => name.clone(),
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Since 1970.
fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}
