//! The heads that were signed at releases, and what the archive says beside the trail.

use std::collections::BTreeSet;
use std::path::Path;

use attest_archive::audit::{Chain, Event, Fact, Head, Outcome, Phase};
use attest_archive::{AttachmentKind, Reader, Release};

use super::Fault;
use crate::command::archive::damage_failure;
use crate::command::verify::{Session, Shelf};
use crate::failure::Failure;
use crate::report::Refusal;

/// What the events say of releases.
#[derive(Default)]
pub(super) struct Recorded {
    /// Releases that came into the archive, or were about to.
    named: BTreeSet<String>,
    /// Releases that were made here.
    made: BTreeSet<String>,
}

impl Recorded {
    pub(super) fn see(&mut self, event: &Event) {
        let Some(release) = event.text(Fact::Release) else {
            return;
        };
        self.named.insert(release.to_owned());
        let is_done = matches!(
            event.phase,
            Phase::Ended {
                outcome: Outcome::Yes,
                ..
            }
        );
        if event.event == "release" && is_done {
            self.made.insert(release.to_owned());
        }
    }
}

/// Compares the trail with every head that is kept with a release; gives how many hold, and what is
/// wrong. What was released here is in the home's own archive: nothing takes it away.
pub(super) fn compare(
    archive: &Path,
    is_own: bool,
    chain: &mut Chain,
    recorded: &Recorded,
    session: &Session,
) -> Result<(usize, Vec<Fault>), Failure> {
    let mut faults = Vec::new();
    let mut proven = 0;
    let reader = if archive.join("oci-layout").exists() {
        Some(Reader::open(archive).map_err(|error| damage_failure(&error))?)
    } else {
        None
    };
    let kept = reader.as_ref().map(Reader::list).unwrap_or_default();
    if is_own {
        let kept: BTreeSet<String> = kept.iter().map(|it| it.name.to_string()).collect();
        faults.extend(recorded.made.difference(&kept).map(|name| {
            let message = format!("{name} was released here, and is not in the archive");
            Fault::new("audit-release-missing", message)
        }));
    }
    let Some(reader) = reader else {
        return Ok((proven, faults));
    };
    for summary in kept {
        let name = summary.name.to_string();
        if !recorded.named.contains(&name) {
            let message = format!("{name} is in the archive, and no event names it");
            faults.push(Fault::new("audit-release-unrecorded", message));
        }
        let release = reader
            .find(&summary.name)
            .map_err(|error| damage_failure(&error))?;
        let Some(release) = release else { continue };
        let heads = heads(&reader, &release, session)?;
        if heads.is_empty() && recorded.made.contains(&name) {
            let message = format!("{name} was released here, and no head is kept with it");
            faults.push(Fault::new("audit-head-missing", message));
        }
        for head in heads {
            match head {
                Ok(head) => {
                    let before = chain.faults().len();
                    chain.head(&head);
                    proven += usize::from(chain.faults().len() == before);
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    Ok((proven, faults))
}

/// What is kept with a release as heads: each proven, or why not.
fn heads(
    reader: &Reader,
    release: &Release<'_>,
    session: &Session,
) -> Result<Vec<Result<Head, Fault>>, Failure> {
    let kept = reader
        .attachments_of_kind(Some(release.manifest()), &AttachmentKind::Audit)
        .map_err(|error| damage_failure(&error))?;
    let mut heads = Vec::new();
    for attachment in &kept {
        for file in attachment.files() {
            let bytes = attachment
                .unverified_bytes(file.path(), HEAD_BYTES)
                .map_err(|error| damage_failure(&error))?;
            heads.push(prove(bytes, release, session));
        }
    }
    Ok(heads)
}

fn prove(bytes: Vec<u8>, release: &Release<'_>, session: &Session) -> Result<Head, Fault> {
    let name = release.name().to_string();
    let malformed = |problem: String| {
        Fault::new(
            "audit-head-malformed",
            format!("the head of {name}: {problem}"),
        )
    };
    let mut shelf = Shelf::new();
    let place = format!("{name}/audit-head");
    let numbers = shelf.take(Path::new(&place), Ok::<_, Refusal>(bytes));
    let &[number] = numbers.as_slice() else {
        return Err(malformed(format!(
            "{} statements, wanted one",
            numbers.len()
        )));
    };
    shelf.prove_statement(number, session);
    let Some(evidence) = shelf.evidence(number) else {
        let why = shelf.refusals(number);
        let why = why.first().map(|it| format!("{}: {}", it.code, it.found));
        let message = format!("the head of {name}: {}", why.unwrap_or_default());
        return Err(Fault::new("audit-head-refused", message));
    };
    let Some(statement) = evidence.statement() else {
        return Err(malformed("no statement".to_owned()));
    };
    let head = Head::from_statement(statement).map_err(|error| malformed(error.to_string()))?;
    if head.release != name {
        return Err(malformed(format!("it is that of {}", head.release)));
    }
    Ok(head)
}

/// A signed head has a kibibyte.
const HEAD_BYTES: u64 = 64 << 10;
