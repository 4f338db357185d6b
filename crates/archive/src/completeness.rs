//! Is everything kept that should be?

use std::collections::BTreeSet;

use attest_provenance::predicate::{review, slsa, test_result, vsa, vulns};

use crate::bag::RELEASE_TREE;
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::manifest::Member;
use crate::release::Release;
use crate::role::Role;

/// Something that is to be kept with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Needed {
    /// How it was built.
    Provenance,
    /// What it is made of.
    Sbom,
    /// A verifier's summary.
    Summary,
    /// Results of tests.
    TestResult,
    /// Findings of a scan for known weaknesses.
    Scan,
    /// A review.
    Review,
    /// The source: a bundle or an archive.
    Source,
    /// The checksums file.
    Checksums,
    /// The manifest of its files, with modes.
    Tree,
    /// Public keys and trusted roots.
    Trust,
    /// A renewed proof of time.
    Renewal,
}

/// What of it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// What is there, in the order in which it was asked for.
    pub present: Vec<Needed>,
    /// What is not.
    pub missing: Vec<Needed>,
}

impl Needed {
    /// All that can be asked for.
    pub const ALL: [Self; 11] = [
        Self::Provenance,
        Self::Sbom,
        Self::Summary,
        Self::TestResult,
        Self::Scan,
        Self::Review,
        Self::Source,
        Self::Checksums,
        Self::Tree,
        Self::Trust,
        Self::Renewal,
    ];

    /// Its word in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
            Self::Summary => "vsa",
            Self::TestResult => "test-result",
            Self::Scan => "scan",
            Self::Review => "review",
            Self::Source => "source",
            Self::Checksums => "checksums",
            Self::Tree => "tree",
            Self::Trust => "trust",
            Self::Renewal => "renewal",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The types of statements that are it.
    const fn statements(self) -> &'static [&'static str] {
        match self {
            Self::Provenance => &[slsa::TYPE, slsa::TYPE_V0_2],
            Self::Summary => &[vsa::TYPE],
            Self::TestResult => &[test_result::TYPE],
            Self::Scan => &[vulns::TYPE, vulns::TYPE_V0_1],
            Self::Review => &[review::TYPE],
            Self::Sbom
            | Self::Source
            | Self::Checksums
            | Self::Tree
            | Self::Trust
            | Self::Renewal => &[],
        }
    }

    const fn role(self) -> Option<Role> {
        match self {
            Self::Sbom => Some(Role::Sbom),
            Self::Checksums => Some(Role::Checksums),
            Self::Trust => Some(Role::Trust),
            _ => None,
        }
    }

    const fn attachment(self) -> Option<AttachmentKind> {
        match self {
            Self::Source => Some(AttachmentKind::Source),
            Self::Renewal => Some(AttachmentKind::Renewal),
            _ => None,
        }
    }
}

impl Release<'_> {
    /// What of these is kept with the release.
    ///
    /// Files count by `roles`, and statements by `statements`, the roles and types of those that the caller
    /// takes for good: proven ones where the answer is to be more than a claim. Attachments count by what
    /// they are there for, as the archive claims; an attached list of components is nobody's, and does not
    /// count.
    ///
    /// # Errors
    /// The manifest of an attachment is missing, corrupt or malformed.
    pub fn completeness(
        &self,
        needed: &[Needed],
        roles: &BTreeSet<Role>,
        statements: &[&str],
    ) -> Result<Completeness, ArchiveError> {
        let mut completeness = Completeness::default();
        for one in needed {
            if self.has(*one, roles, statements)? {
                completeness.present.push(*one);
            } else {
                completeness.missing.push(*one);
            }
        }
        Ok(completeness)
    }

    fn has(
        &self,
        needed: Needed,
        roles: &BTreeSet<Role>,
        statements: &[&str],
    ) -> Result<bool, ArchiveError> {
        if statements.iter().any(|it| needed.statements().contains(it)) {
            return Ok(true);
        }
        if needed.role().is_some_and(|role| roles.contains(&role)) {
            return Ok(true);
        }
        if needed == Needed::Tree {
            let mut members = self.members().iter();
            let is_tree = |it: &Member| it.path().as_str() == RELEASE_TREE;
            return Ok(members.any(|it| it.role() == Role::Evidence && is_tree(it)));
        }
        let Some(kind) = needed.attachment() else {
            return Ok(false);
        };
        let attached = self
            .reader
            .attachments_of_kind(Some(self.manifest()), &kind)?;
        Ok(!attached.is_empty())
    }
}
