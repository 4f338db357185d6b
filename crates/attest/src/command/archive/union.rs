//! What would be attached to a release when a bag is taken in: each bag may stay below a bound that what is there and
//! it exceed together, and what is attached is never taken away.

use std::collections::{BTreeMap, BTreeSet};

use attest_archive::renewal::renewals_of;
use attest_archive::{
    ArchiveError, AttachedAs, AttachedFile, AttachedFiles, AttachmentKind, Bag, Kept, Member,
    Reader, Release,
};
use attest_digest::{Artifact, Digest, Hashes, RelativePath};
use attest_provenance::ReleaseName;

use super::damage_failure;
use crate::command::verify::{Session, Shelf, archived};
use crate::failure::Failure;
use crate::limits::{SOURCE_BYTES, SOURCES};

/// Refuses a bag whose attachments would be too much, together with those that the archive has of that release.
///
/// # Errors
/// `bundle-too-large`, `release-too-large`, `renewal-too-large`; what cannot be read.
pub(super) fn refuse_too_much(
    reader: &Reader,
    bag: &Bag,
    session: &Session,
) -> Result<(), Failure> {
    let there = reader.find(bag.name());
    let Some(there) = there.map_err(|error| damage_failure(&error))? else {
        return Ok(());
    };
    if there.manifest() != bag.manifest() || bag.attachment_count() == 0 {
        return Ok(());
    }
    let both = Both { bag, there: &there };
    let refused = |code, found: String| {
        let message = format!("{}, with what is attached there: {found}", bag.name());
        Err(Failure::no(code, message).hint("nothing was taken in: see what the bag attaches"))
    };
    let observed: BTreeMap<Digest, Artifact> = bag.observed();
    let judged = archived::verify(&both, &observed, None, session, &mut Shelf::new());
    let mut reasons = judged.reasons.into_iter();
    if let Some(reason) = reasons.find(|it| it.code == "bundle-too-large") {
        return refused(reason.code, reason.found);
    }
    let (_, unread) = renewals_of(&both);
    let mut unread = unread.into_iter();
    if let Some(one) = unread.find(|it| TOO_LARGE.contains(&it.code)) {
        return refused(one.code, one.problem);
    }
    let mut sources = BTreeSet::new();
    let mut bytes = 0_u64;
    for attachment in both.attached_as(&AttachmentKind::Source).flatten() {
        for file in &attachment.files {
            if sources.insert(file.digest()) {
                bytes = bytes.saturating_add(file.size());
            }
        }
    }
    if sources.len() > SOURCES || bytes > SOURCE_BYTES.saturating_mul(2) {
        let found = format!("{} sources of {bytes} bytes", sources.len());
        return refused("release-too-large", found);
    }
    Ok(())
}

const TOO_LARGE: [&str; 2] = ["renewal-too-large", "release-too-large"];

/// The release of a bag, with what is attached to it in the bag and in an archive.
struct Both<'b> {
    bag: &'b Bag,
    there: &'b Release<'b>,
}

impl Kept for Both<'_> {
    fn name(&self) -> &ReleaseName {
        self.bag.name()
    }

    fn members(&self) -> &[Member] {
        self.bag.members()
    }

    fn unverified_bytes(&self, path: &RelativePath, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        self.bag.unverified_bytes(path, limit)
    }

    fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError> {
        self.bag.observe(path, hashes)
    }

    fn attached_as<'k>(&'k self, kind: &AttachmentKind) -> AttachedAs<'k> {
        let there = self.there.attached_as(kind).flatten();
        let there: BTreeSet<Digest> = there.map(|it| it.manifest).collect();
        let is_new = move |it: &Result<AttachedFiles, ArchiveError>| {
            it.as_ref().is_ok_and(|it| !there.contains(&it.manifest))
        };
        let new = self.bag.attached_as(kind).filter(is_new);
        Box::new(self.there.attached_as(kind).chain(new))
    }

    fn attached_bytes(
        &self,
        attachment: &AttachedFiles,
        file: &AttachedFile,
        limit: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        if let Ok(bytes) = self.bag.attached_bytes(attachment, file, limit) {
            return Ok(bytes);
        }
        self.there.attached_bytes(attachment, file, limit)
    }
}
