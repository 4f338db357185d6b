//! Which proven statements are about a release: a signer's word about something else is none about it.

use std::collections::BTreeSet;

use attest_digest::{Algorithm, Digest};
use attest_policy::{built_from, is_about_commit};
use attest_provenance::predicate::reference::{self, Reference};
use attest_provenance::predicate::slsa;
use attest_provenance::{GitCommit, Statement};
use attest_verify::Evidence;

use crate::command::verify::{Session, Shelf};

/// What a reference statement names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Document {
    pub(super) name: Option<String>,
    pub(super) sha256: Option<Digest>,
    pub(super) media_type: Option<String>,
}

/// What is proven of a release, by the expected signers.
pub(super) struct About<'s> {
    statements: Vec<&'s Statement>,
    files: BTreeSet<Digest>,
}

impl<'s> About<'s> {
    /// The statements on the shelf, and the files of the release.
    pub(super) fn of(
        shelf: &'s Shelf,
        session: &Session,
        files: impl IntoIterator<Item = Digest>,
    ) -> Self {
        let signers = session.policy.signers();
        let accepted = shelf.proven().filter(|it| signers.count(&[it]) > 0);
        Self {
            statements: accepted.filter_map(Evidence::statement).collect(),
            files: files.into_iter().collect(),
        }
    }

    /// The one commit from which all provenance of its files says that it was built; else why there is
    /// none, in words.
    pub(super) fn commit(&self) -> Result<GitCommit, String> {
        let all = self.statements.iter().copied();
        let provenance: Vec<&Statement> = all
            .filter(|it| matches!(it.predicate_type(), slsa::TYPE | slsa::TYPE_V0_2))
            .filter(|it| self.names_a_file(it))
            .collect();
        if provenance.is_empty() {
            return Err("no accepted provenance is about its files".to_owned());
        }
        built_from(&provenance).map_err(|reason| format!("{}: {}", reason.code(), reason.found()))
    }

    /// The types of the statements that name one of its files, or the commit that it was built from.
    pub(super) fn types(&self) -> Vec<&'s str> {
        let commit = self.commit().ok();
        let all = self.statements.iter().copied();
        let about = all.filter(|it| {
            self.names_a_file(it) || commit.as_ref().is_some_and(|of| is_about_commit(it, of))
        });
        about.map(Statement::predicate_type).collect()
    }

    /// All of them, whatever they are about.
    pub(super) fn all(&self) -> impl Iterator<Item = &'s Statement> {
        self.statements.iter().copied()
    }

    /// Whether it is one of these, and about the release.
    pub(super) fn is_about(&self, statement: &Statement) -> bool {
        let mut all = self.statements.iter();
        all.any(|it| std::ptr::eq(*it, statement))
            && (self.names_a_file(statement)
                || self
                    .commit()
                    .is_ok_and(|of| is_about_commit(statement, &of)))
    }

    /// The documents that statements about it refer to.
    pub(super) fn documents(&self) -> impl Iterator<Item = Document> {
        let all = self.statements.iter().copied();
        let about = all.filter(|it| it.predicate_type() == reference::TYPE && self.is_about(it));
        let references = about.filter_map(|it| Reference::from_statement(it).ok());
        let documents = references.flat_map(|it| it.references().to_vec());
        documents.map(|it| Document {
            name: it.name,
            sha256: it.digests.get(Algorithm::Sha256).copied(),
            media_type: it.media_type,
        })
    }

    fn names_a_file(&self, statement: &Statement) -> bool {
        statement.subjects().iter().any(|subject| {
            let named = subject.digests().get(Algorithm::Sha256);
            named.is_some_and(|it| self.files.contains(it))
        })
    }
}
