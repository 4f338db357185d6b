//! What was judged at which time: what a log or an authority says about when, and whose word that is.

use attest_verify::{Evidence, ProvenSigner, TimeSource};

use super::TimeLine;

/// One thing that is valid for a while, and a time at which it was found to be.
#[derive(Debug, Clone)]
pub(crate) struct JudgedLine {
    pub(crate) what: String,
    /// Whether it is the signer's, and not that of who witnessed.
    pub(crate) of_signer: bool,
    pub(crate) time: String,
    /// Whose word the time is.
    pub(crate) asserted_by: &'static str,
}

/// What was judged at the times of this evidence, in the words that those have; `window` says whether
/// the signers give the key one.
pub(super) fn judged(evidence: &Evidence, times: &[TimeLine], window: bool) -> Vec<JudgedLine> {
    let mut lines = Vec::new();
    let mut say = |what: String, of_signer: bool, time: &TimeLine| {
        lines.push(JudgedLine {
            what,
            of_signer,
            time: time.time.clone(),
            asserted_by: time.asserted_by,
        });
    };
    let proven = || evidence.times().iter().zip(times);
    for (_, time) in proven() {
        if matches!(evidence.signer(), ProvenSigner::Identity { .. }) {
            say("certificate and its chain".to_owned(), true, time);
        }
        if window {
            say("key".to_owned(), true, time);
        }
    }
    for log in evidence.logs() {
        // Its own promise says when it had the key; without one the first time that fits does.
        let own = |time: &attest_verify::ProvenTime| {
            time.source() == TimeSource::Promise && time.authority() == log.origin()
        };
        let promised = proven().find(|(it, _)| own(it));
        if let Some((_, time)) = promised.or_else(|| proven().next()) {
            say(format!("key of the log {}", log.origin()), false, time);
        }
    }
    for (stamp, time) in proven().filter(|(it, _)| it.source() == TimeSource::Timestamp) {
        say(
            format!("certificate of the authority {}", stamp.authority()),
            false,
            time,
        );
    }
    lines
}
