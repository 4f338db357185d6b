//! An image: saved, `oci-layout:DIR`, or in a registry, `oci://…`. Of a saved one what its index lists must
//! be signed by the expected signer, and every blob of it must be there with its digest.
//!
//! Evidence is what the layout holds: bundles attached to the image's manifest, and cosign's older
//! signatures. Without names, all is bound by the manifest's digest.

mod layout;
pub(crate) mod platform;
pub(super) mod remote;

use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Digest, Hashes};
use attest_policy::{Accepted, Bytes, Decision, Subject as About, statement_names};
use attest_verify::Subject;
use attest_verify::dialect::image::{
    Descriptor, ENVELOPE, SIMPLE_SIGNING, layer_signature, signed_image,
};

use super::Session;
use super::approval;
use super::file::{most_telling, no_bundle};
use super::policy::{self, Judge};
use super::shelf::Shelf;
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};
use layout::{Layout, UNREADABLE};

/// An image and what may be evidence about it, wherever they lie.
trait Held {
    /// Manifests of evidence, by what they are attached to; none for cosign's older form in a layout.
    fn evidence(&self) -> &[(Option<Digest>, Vec<Descriptor>)];

    /// The manifest of an image, as it was read.
    fn manifest(&self, image: Digest) -> Option<&Artifact>;

    /// A layer's bytes, if they have its digest and size.
    fn layer_bytes(&self, layer: &Descriptor) -> Result<Vec<u8>, Refusal>;

    /// Whether everything is there of which the image is made and which lies here.
    fn check_blobs(&self, image: Digest) -> Result<(), Refusal>;

    /// How a blob is called in reports.
    fn place(&self, digest: Digest) -> PathBuf;
}

impl Held for Layout {
    fn evidence(&self) -> &[(Option<Digest>, Vec<Descriptor>)] {
        &self.evidence
    }

    fn manifest(&self, image: Digest) -> Option<&Artifact> {
        Self::manifest(self, image).map(|it| &it.artifact)
    }

    fn layer_bytes(&self, layer: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let most = attest_verify::limits::EVIDENCE_BYTES as u64;
        self.blob_bytes(layer.digest(), Some(layer.size()), most)
    }

    fn check_blobs(&self, image: Digest) -> Result<(), Refusal> {
        Self::check_blobs(self, image)
    }

    fn place(&self, digest: Digest) -> PathBuf {
        self.path(digest)
    }
}

pub(super) fn verify(folder: &Path, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let subject = format!("oci-layout:{}", folder.display());
    let mut report = SubjectReport::new(subject, "image");
    let layout = match Layout::read(folder) {
        Ok(layout) => layout,
        Err(refusal) => {
            report.files.push(FileReport {
                path: folder.display().to_string(),
                verdict: unread_verdict(refusal),
                size: None,
                sha256: None,
            });
            return report;
        }
    };
    let name = "under which name the images were signed is not checked: a layout keeps none";
    report.notes.push(name.to_owned());
    report.notes.extend(layout.not_checked());
    let mut pieces = pieces(&layout, session, shelf);
    if layout.passed_over > 0 {
        // What was not looked at might have said yes.
        let found = format!("{} small blobs were not looked at", layout.passed_over);
        let taken = shelf.take(folder, Err(layout::refuse(UNREADABLE, found)));
        pieces.extend(
            taken
                .into_iter()
                .map(|index| Piece::of_manifest(index, None)),
        );
    }
    for image in &layout.images {
        let verdict = match judge(*image, &layout, &pieces, session, shelf, &mut report) {
            Ok(()) => Verdict::Verified,
            Err(refusal) => unread_verdict(refusal),
        };
        let size = Held::manifest(&layout, *image).map(Artifact::size);
        report.files.push(FileReport {
            path: image.to_string(),
            verdict,
            size,
            sha256: Some(image.hex()),
        });
    }
    for (digest, refusal) in &layout.unread {
        report.files.push(FileReport {
            path: digest.to_string(),
            verdict: unread_verdict(refusal.clone()),
            size: None,
            sha256: Some(digest.hex()),
        });
    }
    if layout.images.is_empty() {
        report.reasons.push(Refusal {
            code: "nothing-verified",
            found: "no image in the layout's index".to_owned(),
            wanted: "at least one".to_owned(),
        });
    }
    report
}

/// What could not be read is no "no".
fn unread_verdict(refusal: Refusal) -> Verdict {
    if is_unread(&refusal) || refusal.code == "file-changed" {
        Verdict::Unreadable(refusal)
    } else {
        Verdict::Rejected(refusal)
    }
}

fn is_unread(refusal: &Refusal) -> bool {
    matches!(
        refusal.code,
        UNREADABLE | "bundle-unreadable" | "git-unreadable" | "internal-error"
    ) || crate::registry::is_unanswered(refusal.code)
}

/// A piece of evidence about an image.
struct Piece {
    index: usize,
    /// The manifest that it is attached to; none for cosign's older form, which is attached by a name
    /// that a layout does not keep.
    attached: Option<Digest>,
    /// For cosign's older form: the payload that was signed in place of the manifest.
    payload: Option<Vec<u8>>,
}

impl Piece {
    const fn of_manifest(index: usize, attached: Option<Digest>) -> Self {
        Self {
            index,
            attached,
            payload: None,
        }
    }
}

/// Whether what is attached to an image is asked: without a policy `--bundle` names all that is.
fn asks_attached(session: &Session) -> bool {
    session.bundles.is_empty() || session.judge.is_some()
}

/// Everything that may be evidence.
fn pieces(held: &dyn Held, session: &Session, shelf: &mut Shelf) -> Vec<Piece> {
    let of_manifest = |attached| move |index| Piece::of_manifest(index, attached);
    let named = session.bundles.iter();
    let named: Vec<usize> = named.flat_map(|it| shelf.load(it)).collect();
    let mut pieces: Vec<Piece> = named.into_iter().map(of_manifest(None)).collect();
    if !asks_attached(session) {
        return pieces;
    }
    for (attached, layers) in held.evidence() {
        for layer in layers {
            let place = held.place(layer.digest());
            let blob = held.layer_bytes(layer);
            if is_older(layer) {
                let bundle = blob.clone().and_then(|blob| {
                    layer_signature(layer, &blob).map_err(|error| Refusal {
                        code: error.code(),
                        found: error.to_string(),
                        wanted: error.wanted().to_owned(),
                    })
                });
                let payload = blob.ok().filter(|_| layer.media_type() == SIMPLE_SIGNING);
                pieces.push(Piece {
                    index: shelf.take_bundle(&place, bundle),
                    attached: *attached,
                    payload,
                });
            } else {
                pieces.extend(
                    shelf
                        .take(&place, blob)
                        .into_iter()
                        .map(of_manifest(*attached)),
                );
            }
        }
    }
    pieces
}

fn is_older(layer: &Descriptor) -> bool {
    matches!(layer.media_type(), SIMPLE_SIGNING | ENVELOPE)
}

/// Whether the image is complete and one piece of evidence approves it.
fn judge(
    image: Digest,
    held: &dyn Held,
    pieces: &[Piece],
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Result<(), Refusal> {
    held.check_blobs(image)?;
    let manifest = held.manifest(image).ok_or_else(no_bundle)?;
    let mut refused = Vec::new();
    let mut approving = Vec::new();
    let about = |piece: &&Piece| piece.attached.is_none_or(|it| it == image);
    if let Some(judge) = &session.judge {
        let pieces: Vec<&Piece> = pieces.iter().filter(about).collect();
        return by_rules(&pieces, manifest, judge, session, shelf, report);
    }
    for piece in pieces.iter().filter(about) {
        match approves(piece, manifest, session, shelf) {
            Ok(()) => approving.push(piece.index),
            Err(refusals) => refused.extend(refusals),
        }
        if !approving.is_empty() && approval::enough(&approving, session, shelf).is_ok() {
            approved(approving, session, shelf, report);
            return Ok(());
        }
    }
    if !approving.is_empty() {
        let enough = approval::enough(&approving, session, shelf);
        approved(approving, session, shelf, report);
        return enough;
    }
    // What cannot be read might have said yes.
    let unread = refused.iter().find(|it| is_unread(it)).cloned();
    Err(unread
        .or_else(|| most_telling(refused))
        .unwrap_or_else(no_bundle))
}

/// Says in the report which bundles approve this image as well, beside those of the images before it: of all
/// of them the fewest signers, and the lowest build level that was shown.
fn approved(indices: Vec<usize>, session: &Session, shelf: &Shelf, report: &mut SubjectReport) {
    let evidence = indices.iter().filter_map(|it| shelf.evidence(*it));
    let builds = evidence.filter_map(|it| session.policy.build_of(it));
    let level = builds.map(|it| it.level()).max();
    report.built = policy::lowest(report.built, level, report.files.is_empty());
    let mut decided_by = std::mem::take(&mut report.decided_by);
    let before = report.approvals.take();
    approval::decided(indices, session, shelf, report);
    decided_by.retain(|it| !report.decided_by.contains(it));
    decided_by.append(&mut report.decided_by);
    report.decided_by = decided_by;
    if let (Some(mut all), Some(these)) = (before, report.approvals.as_mut()) {
        these.found = these.found.min(all.found);
        all.by.retain(|it| !these.by.contains(it));
        all.by.append(&mut these.by);
        these.by = all.by;
    }
}

/// Whether all evidence about the image satisfies the rules of the policy.
fn by_rules(
    pieces: &[&Piece],
    manifest: &Artifact,
    judge: &Judge,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Result<(), Refusal> {
    let mut about = Vec::new();
    for piece in pieces {
        let payload = piece.payload.as_deref();
        let signed = payload.map(|it| Artifact::of_bytes(it, Hashes::Sha256AndSha512));
        if shelf.is_statement(piece.index) {
            shelf.prove_statement(piece.index, session);
        } else {
            let subject = Subject::Artifact(signed.as_ref().unwrap_or(manifest));
            shelf.prove_message(piece.index, &subject, session);
        }
        let Some(evidence) = shelf.evidence(piece.index) else {
            continue;
        };
        let subject = About {
            bytes: Bytes::Read(manifest),
            path: None,
        };
        // The older form names the manifest by its SHA-256, in what was signed in its place.
        let by_sha256 = judge.rules.closure().digests().contains(&Algorithm::Sha256);
        let is_about = payload.map_or_else(
            || judge.rules.is_about(evidence, subject).is_ok(),
            |payload| {
                let accepted = judge.rules.is_about(evidence, subject).is_ok();
                accepted
                    && by_sha256
                    && signed_image(payload).is_ok_and(|it| it == manifest.sha256())
            },
        );
        if is_about {
            about.push(piece.index);
        }
    }
    let proven: Vec<_> = about
        .iter()
        .filter_map(|index| Some((*index, shelf.evidence(*index)?)))
        .collect();
    let unread = pieces.iter().find(|it| shelf.is_unreadable(it.index));
    let unread = unread.and_then(|it| shelf.refusals(it.index).into_iter().next());
    policy::of_image(manifest.sha256(), &proven, unread, judge, session, report)
}

/// Whether a piece of evidence is the expected signer's, about this manifest.
fn approves(
    piece: &Piece,
    manifest: &Artifact,
    session: &Session,
    shelf: &mut Shelf,
) -> Result<(), Vec<Refusal>> {
    if shelf.is_statement(piece.index) {
        shelf.prove_statement(piece.index, session);
        let accepted = decide(piece.index, session, shelf)?;
        let statement = accepted.evidence().statement().ok_or_else(Vec::new)?;
        return statement_names(statement, Bytes::Read(manifest), None)
            .map(|_| ())
            .map_err(|reason| vec![Refusal::from(&reason)]);
    }
    let Some(payload) = &piece.payload else {
        shelf.prove_message(piece.index, &Subject::Artifact(manifest), session);
        return decide(piece.index, session, shelf).map(|_| ());
    };
    let signed = Artifact::of_bytes(payload, Hashes::Sha256AndSha512);
    shelf.prove_message(piece.index, &Subject::Artifact(&signed), session);
    decide(piece.index, session, shelf)?;
    // Only now: nobody else's payload is worth reading.
    let named = signed_image(payload).map_err(|error| {
        vec![Refusal {
            code: error.code(),
            found: error.to_string(),
            wanted: error.wanted().to_owned(),
        }]
    })?;
    if named == manifest.sha256() {
        return Ok(());
    }
    Err(vec![Refusal {
        code: "digest-mismatch",
        found: manifest.sha256().to_string(),
        wanted: named.to_string(),
    }])
}

/// Of images cosign's own statement approves as well.
fn decide<'s>(
    index: usize,
    session: &Session,
    shelf: &'s Shelf,
) -> Result<Accepted<'s>, Vec<Refusal>> {
    let Some(evidence) = shelf.evidence(index) else {
        return Err(shelf.refusals(index));
    };
    match session.policy.decide_image(evidence) {
        Decision::Accept(accepted) => Ok(accepted),
        Decision::Reject(reasons) => Err(reasons.iter().map(Refusal::from).collect()),
    }
}
