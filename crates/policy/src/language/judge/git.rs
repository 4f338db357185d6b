//! Rules about the commit that was built, and the tag that it was built from: their own signatures.

use attest_verify::{Evidence, GitEvidence, GitKind, GitName, GitObject, Rejection};

use super::fits::fits;
use super::inquiry::{Built, none_counts};
use super::{Inquiry, RuleAnswer, Rules};
use crate::language::Accepts;
use crate::language::rule::Rule;
use crate::reason::Reason;
use crate::signers::Signers;

/// A commit or a tag that was asked for by its name: its signature was verified, or does not verify.
#[derive(Debug, Clone)]
pub struct GitPiece {
    kind: GitKind,
    /// The commit itself, or the one that the tag is for.
    commit: String,
    tag: Option<String>,
    verified: Result<GitEvidence, Reason>,
}

impl GitPiece {
    /// A commit or a tag, and what came of verifying its signature.
    pub fn of(object: &GitObject, verified: Result<GitEvidence, Rejection>) -> Self {
        // What was verified is this very object.
        let is_it = |it: &GitEvidence| it.object().name() == object.name();
        let verified = match verified {
            Ok(evidence) if is_it(&evidence) => Ok(evidence),
            Ok(_) => Err(Reason::new(
                "attestation-missing",
                "another object",
                object.name(),
            )),
            Err(rejection) => Err(Reason::of_rejection(&rejection)),
        };
        Self {
            kind: object.kind(),
            commit: object.commit().unwrap_or(object.name()).to_string(),
            tag: object.tag().map(str::to_owned),
            verified,
        }
    }

    /// A commit of which nothing could be verified, such as one without a signature.
    pub fn refused_commit(name: &GitName, rejection: &Rejection) -> Self {
        Self {
            kind: GitKind::Commit,
            commit: name.to_string(),
            tag: None,
            verified: Err(Reason::of_rejection(rejection)),
        }
    }

    /// A tag for this commit of which nothing could be verified.
    pub fn refused_tag(tag: &str, commit: &str, rejection: &Rejection) -> Self {
        Self {
            kind: GitKind::Tag,
            commit: commit.to_owned(),
            tag: Some(tag.to_owned()),
            verified: Err(Reason::of_rejection(rejection)),
        }
    }

    fn is_about(&self, built: &Built) -> bool {
        let reference = self.tag.as_ref().map(|it| format!("refs/tags/{it}"));
        self.commit == built.commit
            && (self.kind == GitKind::Commit || reference == built.reference)
    }

    fn words(&self) -> String {
        match &self.tag {
            Some(tag) => format!("tag {tag} for {}", self.commit),
            None => format!("commit {}", self.commit),
        }
    }
}

impl Rules {
    /// Whether a rule is about the signatures of git itself.
    pub fn ask_git(&self) -> bool {
        self.rules().iter().any(|it| it.kind().git().is_some())
    }
}

impl<'r> Inquiry<'r> {
    /// With commits and tags, for the rules about them.
    #[must_use]
    pub fn with_git(mut self, pieces: &'r [GitPiece]) -> Self {
        self.git.extend(pieces);
        self
    }

    /// What a rule about git says of what was built.
    pub(super) fn answer_of_git(
        &self,
        index: usize,
        rule: &Rule,
        kind: GitKind,
        built: &Built,
    ) -> RuleAnswer {
        let mut answer = RuleAnswer::of(index);
        let Some(signers) = self.rules.signers.get(index) else {
            return answer;
        };
        let unlogged = self.rules.closure.accepts(Accepts::GitUnlogged);
        let signers = if unlogged {
            signers.clone().leaving_logs_to_the_run()
        } else {
            signers.clone()
        };
        let mut counted: Vec<&Evidence> = Vec::new();
        let mut passed_over = Vec::new();
        let pieces = self.git.iter().filter(|it| it.kind == kind);
        for piece in pieces.filter(|it| it.is_about(built)) {
            match counts(piece, rule, &signers, self.now) {
                Ok(evidence) => {
                    answer.found.push(piece.words());
                    answer
                        .found
                        .push(format!("signed by {}", evidence.signer()));
                    counted.push(evidence);
                }
                Err(reason) => passed_over.push((usize::MAX, reason)),
            }
        }
        if counted.is_empty() {
            answer.reasons.push(none_counts(rule, &passed_over));
        } else if let Err(reason) = signers.enough(&counted) {
            answer.reasons.push(reason);
        }
        answer
    }
}

fn counts<'p>(
    piece: &'p GitPiece,
    rule: &Rule,
    signers: &Signers,
    now: jiff::Timestamp,
) -> Result<&'p Evidence, Reason> {
    let evidence = piece.verified.as_ref().map_err(Clone::clone)?.evidence();
    signers.admit(evidence)?;
    fits(rule, signers, evidence, now)?;
    Ok(evidence)
}
