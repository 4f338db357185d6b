//! Entries that a Rekor v2 has already: it says where, and its tiles prove it, if it serves them.

use std::error::Error as _;

use attest_log::LogReader;
use attest_log::entry::{Entry, KeyDetails, Verifier};
use attest_remote::{Patience, Rekor, ServiceError, TileServer};
use attest_sign::{ENTRY_EXISTS, EntryLog, LogAppendError, LogEntry, Proposal, ProposedVerifier};
use attest_verify::{TrustedLog, TrustedRoot};

/// A Rekor that takes entries. Of one that it has already it gives no proof: that is read from its tiles, so that
/// a key which signs the same bytes with the same signature can go on after an answer that was lost.
pub(super) struct KnowingLog {
    rekor: Rekor,
    url: String,
    /// Whose checkpoints it may show.
    logs: Vec<TrustedLog>,
    patience: Patience,
}

impl KnowingLog {
    pub(super) fn new(rekor: Rekor, url: &str, root: &TrustedRoot, patience: Patience) -> Self {
        Self {
            rekor,
            url: url.to_owned(),
            logs: root.logs().to_vec(),
            patience,
        }
    }

    fn known(&self, proposal: &Proposal<'_>, error: &LogAppendError) -> Option<LogEntry> {
        let verifier = match proposal.verifier {
            ProposedVerifier::PublicKey(spki) => Verifier::PublicKey(spki.to_vec()),
            ProposedVerifier::Certificate(der) => Verifier::Certificate(der.to_vec()),
        };
        let details = KeyDetails::from_name(proposal.key_details)?;
        let signature = proposal.signature.to_vec();
        let entry = Entry::new(*proposal.digest, signature, details, verifier).ok()?;
        of_tiles(&self.logs, (&self.url, self.patience), &entry, error)
    }
}

impl EntryLog for KnowingLog {
    fn address(&self) -> &str {
        self.rekor.address()
    }

    fn tells_time(&self) -> bool {
        self.rekor.tells_time()
    }

    fn add_all(
        &self,
        proposals: &[Proposal<'_>],
        heard: &mut dyn FnMut(usize, Result<LogEntry, LogAppendError>),
    ) {
        let mut exist = Vec::new();
        self.rekor
            .add_all(proposals, &mut |at, answer| match answer {
                Err(error) if error.code() == ENTRY_EXISTS => exist.push((at, error)),
                answer => heard(at, answer),
            });
        for (at, error) in exist {
            let known = proposals.get(at).and_then(|it| self.known(it, &error));
            heard(at, known.ok_or(error));
        }
    }
}

/// The entry as the tiles below the address have it at the place that the log named, under the checkpoint of one
/// of these logs. Nothing is verified but that; `None` if nothing was said that could be followed.
pub(crate) fn of_tiles(
    logs: &[TrustedLog],
    (url, patience): (&str, Patience),
    entry: &Entry,
    error: &LogAppendError,
) -> Option<LogEntry> {
    let said = error.source()?.downcast_ref::<ServiceError>()?;
    let ServiceError::Exists {
        index: Some(index), ..
    } = said
    else {
        return None;
    };
    logs.iter().find_map(|log| {
        let key = log.log_key()?;
        let tiles = TileServer::find(url, patience).ok()?;
        let tiles = LogReader::open_source(tiles, url, key).ok()?;
        let found = tiles.entry(*index).ok()?;
        let inclusion = tiles.inclusion(*index, tiles.size()).ok()?;
        (found == entry.body()).then(|| LogEntry::of_tiles(log.id(), entry, &inclusion))
    })
}
