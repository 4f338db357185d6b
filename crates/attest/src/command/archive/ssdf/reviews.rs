//! Reviews of the source revision that a release was built from.

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_policy::{is_about_commit, reviewed};
use attest_provenance::GitCommit;
use attest_provenance::predicate::review::{self, Review, Scope};
use attest_verify::Evidence;

use super::{Found, Kind, State};
use crate::command::verify::{Session, Shelf};
use crate::failure::Failure;
use crate::files;
use crate::report::Refusal;

/// A signed statement that belongs to no release by itself.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) place: String,
    pub(super) digest: String,
    pub(super) bytes: Vec<u8>,
}

/// Reads the files that flags name.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Signed>, Failure> {
    let signed = paths.iter().map(|path| {
        let limit = attest_verify::limits::BUNDLE_BYTES as u64;
        let bytes = files::read_limited(path, limit).map_err(|error| {
            Failure::unknown("bundle-unreadable", format!("{}: {error}", path.display()))
        })?;
        Ok(Signed {
            place: path.display().to_string(),
            digest: Artifact::of_bytes(&bytes, Hashes::Sha256)
                .sha256()
                .to_string(),
            bytes,
        })
    });
    signed.collect()
}

/// What stands after all reviews were asked.
pub(super) fn settled(mut found: Vec<Found>) -> Vec<Found> {
    let refusing: Vec<Kind> = found
        .iter()
        .filter(|it| it.detail.starts_with("review-not-approved"))
        .map(|it| it.kind)
        .collect();
    // Every reviewer must approve.
    for review in found.iter_mut().filter(|it| refusing.contains(&it.kind)) {
        if review.state == State::Verified {
            review.state = State::Claimed;
            review.detail = format!("another review does not approve; {}", review.detail);
        }
    }
    found
}

/// The reviews in a file, and whether they count for that commit.
pub(super) fn ask(signed: &Signed, commit: Option<&GitCommit>, session: &Session) -> Vec<Found> {
    let mut shelf = Shelf::new();
    let numbers = shelf.take(
        Path::new(&signed.place),
        Ok::<_, Refusal>(signed.bytes.clone()),
    );
    let found = numbers.into_iter().filter_map(|number| {
        shelf.prove_statement(number, session);
        let of = |kind, state, detail| Found {
            kind,
            state,
            place: signed.place.clone(),
            digest: signed.digest.clone(),
            detail,
        };
        let Some(evidence) = shelf.evidence(number) else {
            let why = shelf.refusals(number);
            let why = why.first().map(|it| format!("{}: {}", it.code, it.found));
            return Some(of(
                Kind::CommitReview,
                State::Claimed,
                why.unwrap_or_default(),
            ));
        };
        let (kind, counts) = judge(evidence, commit)?;
        Some(match counts {
            Ok(detail) => of(kind, State::Verified, detail),
            Err(why) => of(kind, State::Claimed, why),
        })
    });
    found.collect()
}

/// Which review it is, and whether it counts, with what is to be known; none if it is no review.
fn judge(
    evidence: &Evidence,
    commit: Option<&GitCommit>,
) -> Option<(Kind, Result<String, String>)> {
    let statement = evidence.statement()?;
    if statement.predicate_type() != review::TYPE {
        return None;
    }
    let review = match Review::from_statement(statement) {
        Ok(review) => review,
        Err(error) => {
            return Some((
                Kind::CommitReview,
                Err(format!("review-malformed: {error}")),
            ));
        }
    };
    let kind = match review.scope {
        Scope::Design => Kind::DesignReview,
        Scope::Code => Kind::CommitReview,
    };
    let Some(commit) = commit else {
        let why = "no verified provenance says which commit the release was built from";
        return Some((kind, Err(why.to_owned())));
    };
    if !is_about_commit(statement, commit) {
        return Some((kind, Err(format!("it is not about {commit}"))));
    }
    Some((kind, counted(&review, evidence)))
}

/// It approves, by somebody who says to be another than the author, and leaves nothing open.
fn counted(review: &Review, evidence: &Evidence) -> Result<String, String> {
    let counted = reviewed(&[evidence], None)
        .map_err(|reason| format!("{}: {}", reason.code(), reason.found()))?;
    if review.independent != Some(true) {
        return Err(
            "review-not-independent: it does not say that the reviewer is another than the author"
                .to_owned(),
        );
    }
    let open = review.unresolved().count();
    let independence = counted.first().map_or("", |it| it.independence);
    Ok(format!(
        "{} on {}, signed by {}; independence {independence}; {open} findings open",
        review.reviewer,
        review.reviewed_on,
        evidence.signer()
    ))
}
