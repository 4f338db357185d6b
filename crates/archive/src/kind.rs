//! What an attachment is there for.

use std::fmt;

/// What was added to a release, or to the archive, after the release was kept.
///
/// A claim: whether an attachment proves anything is decided by verifying it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AttachmentKind {
    /// A signature, a bundle, an attestation that came after the release.
    Evidence,
    /// That the bytes were read again, and what was found.
    Fixity,
    /// Fresh proofs of time over old ones.
    Renewal,
    /// That nothing may be deleted, or may again.
    Hold,
    /// How long it is kept.
    Retention,
    /// That artifacts were deleted, by whom and why.
    Tombstone,
    /// The source of the release.
    Source,
    /// A list of components, made or corrected later.
    Sbom,
    /// The head of the audit trail.
    Audit,
    /// A report about the release or the archive.
    Report,
    /// What the log became: a later checkpoint, and the proof that it begins with the release's.
    Consistency,
    /// A kind that a later program knows: kept and checked, not understood.
    Later(LaterKind),
}

/// The name of a kind that this program does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaterKind(String);

impl AttachmentKind {
    /// All kinds that this program knows.
    pub const ALL: [Self; 11] = [
        Self::Evidence,
        Self::Fixity,
        Self::Renewal,
        Self::Hold,
        Self::Retention,
        Self::Tombstone,
        Self::Source,
        Self::Sbom,
        Self::Audit,
        Self::Report,
        Self::Consistency,
    ];

    /// The word in the manifest.
    pub fn name(&self) -> &str {
        match self {
            Self::Evidence => "evidence",
            Self::Fixity => "fixity",
            Self::Renewal => "renewal",
            Self::Hold => "hold",
            Self::Retention => "retention",
            Self::Tombstone => "tombstone",
            Self::Source => "source",
            Self::Sbom => "sbom",
            Self::Audit => "audit",
            Self::Report => "report",
            Self::Consistency => "consistency",
            Self::Later(LaterKind(name)) => name,
        }
    }

    /// Whether it says something about the archive that it is in, and not about the release. Such attachments stay
    /// there: no export has them, and no import takes them.
    pub const fn is_about_archive(&self) -> bool {
        matches!(
            self,
            Self::Fixity | Self::Hold | Self::Retention | Self::Tombstone | Self::Audit
        )
    }

    /// The kind of that name: small letters, digits and hyphens, at most 40, a letter first.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if let Some(known) = Self::ALL.into_iter().find(|kind| kind.name() == name) {
            return Some(known);
        }
        let is_name = name.len() <= 40
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        is_name.then(|| Self::Later(LaterKind(name.to_owned())))
    }
}

impl fmt::Display for AttachmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_name() {
        for kind in AttachmentKind::ALL {
            assert_eq!(AttachmentKind::from_name(kind.name()), Some(kind));
        }
        let later = AttachmentKind::from_name("cosignature-2").unwrap();
        assert!(matches!(later, AttachmentKind::Later(_)));
        assert_eq!(later.to_string(), "cosignature-2");
    }

    #[test]
    fn what_cannot_be_a_kind_is_refused() {
        let long = "a".repeat(41);
        for name in ["", "Fixity", "2nd", "-a", "a b", "a\n", "ä", &long] {
            assert_eq!(AttachmentKind::from_name(name), None, "{name:?}");
        }
    }
}
