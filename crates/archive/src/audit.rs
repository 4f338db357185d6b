//! The audit trail: what changed a home, who did it, and in which order.
//!
//! One line of flat JSON for each event, each with the digest of the line before it, so that no line
//! can be changed, removed or moved without those that follow. What a chain cannot show by itself is
//! that its end was cut off: for that its head is signed at each release ([`Head`]).
//!
//! ```text
//! {"event":"archive.add","home":"4c0a…","host":"build-1","phase":"begun","previous":"sha256:77aa…",
//!  "program":"attest 0.1.0","release":"hello@1.0.0","sequence":4,"time":"2026-11-21T09:41:07Z",
//!  "uid":1000,"user":"anna","version":1}
//! {"begun":4,"event":"archive.add","home":"4c0a…","outcome":"yes","phase":"ended",…}
//! ```
//!
//! Each change is two events: it is written that it begins before anything is changed, and how it
//! ended afterwards. A change that was killed has no end. Nothing here is proven of who did it: the
//! user's number is the system's word, a build service's is its environment's.

mod chain;
mod event;
mod head;

#[cfg(test)]
mod tests;

pub use chain::{AuditFault, AuditNote, Chain};
pub use event::{Event, EventError, Fact, Outcome, Phase, line_digest};
pub use head::{HEAD_TYPE, Head};

/// Where events stand below a home.
pub const AUDIT_FILE: &str = "audit/events.jsonl";
