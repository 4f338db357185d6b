//! A release in an archive: judged like a folder, from its blobs.

mod attached;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use attest_archive::renewal::Stamps;
use attest_archive::{ArchiveError, Deletion, Kept, Member, Reader};
use attest_digest::{Algorithm, Artifact, Digest, Hashes, ReadError, RelativePath};
use attest_provenance::ReleaseName;
use attest_verify::{Evidence, ExpectedSigner, TimestampProof, TrustedRoot};

use super::Session;
use super::evidence::is_bundle_name;
use super::folder::{Folder, LIST, Loaded, judge, signs_list};
use super::policy::{self, Judge};
use super::shelf::Shelf;
use crate::failure::with_source;
use crate::limits::{RELEASE_BUNDLES_BYTES, TRUST_FILES_BYTES};
use crate::report::{Refusal, SubjectReport};
use crate::trust::is_key_file;
use attached::Attached;

/// What reports call such a subject.
pub(crate) const KIND: &str = "archived-release";

/// Judges every file of a release by what was read of its blobs; what could not be read is the
/// caller's to tell. Of what was deleted, as is proven, the digest in the manifest is judged.
pub(crate) fn verify(
    release: &dyn Kept,
    observed: &BTreeMap<Digest, Artifact>,
    deletion: Option<&Deletion>,
    session: &Session,
    shelf: &mut Shelf,
) -> SubjectReport {
    let report = SubjectReport::new(release.name().to_string(), KIND);
    let mut bundles = load_bundles(release, shelf);
    let own: BTreeSet<usize> = bundles.iter().map(|it| it.index).collect();
    let attached = Attached::load(release, session, shelf);
    bundles.extend(attached.pieces());
    let hashes = shelf.needed_hashes(bundles.iter().map(|it| it.index), session);
    let read = |member: &Member| {
        let artifact = observed.get(&member.digest());
        let artifact = artifact.ok_or(ReadError::NotFound { path: None })?;
        Ok(with_digests(artifact, member, hashes, release))
    };
    let is_gone = |it: &&Member| deletion.is_some_and(|of| of.artifacts().contains(&it.digest()));
    let (gone, here): (Vec<_>, Vec<_>) = release.members().iter().partition(is_gone);
    let files = here.into_iter().map(|it| (it.path().clone(), read(it)));
    let gone = gone.into_iter().map(|it| (it.path().clone(), it.digest()));
    let folder = Folder::archived(files.collect(), gone.collect(), pinned(release, session));
    let mut report = judge(&folder, &bundles, session, shelf, report);
    if let Some(judge) = &session.judge {
        // A list counts by the rules of a policy alone, and nobody's is not worth its memory.
        let mut signatures = bundles.iter();
        let is_signed = signatures.any(|it| signs_list(it.index, &folder, shelf));
        let list = is_signed.then(|| {
            let path = RelativePath::parse(LIST).ok()?;
            let limit = attest_digest::limits::CHECKSUMS_BYTES as u64;
            release.unverified_bytes(&path, limit).ok()
        });
        let folder = folder.with_list(list.flatten());
        policy::of_folder(&folder, &bundles, judge, session, shelf, &mut report);
    }
    attached.tell(shelf, &mut report);
    let decided = report.decided_by.iter().filter(|it| own.contains(it));
    let stamps: Vec<Stamps> = decided
        .filter_map(|it| Some(stamps_of(shelf.proven_once(*it)?, session)))
        .collect();
    // Of one that nothing accepts, what is there is told.
    report.stamps = (!stamps.is_empty()).then_some(stamps);
    report
}

/// What is known of a file, with the digests that its evidence needs: SHA-384 is given by few, and what claims it is
/// read once more. Where that cannot be done, it is not computed, and what is not computed is refused.
fn with_digests(
    artifact: &Artifact,
    member: &Member,
    hashes: Hashes,
    release: &dyn Kept,
) -> Artifact {
    let needed = Algorithm::ALL
        .iter()
        .filter(|it| hashes.with(**it) == hashes);
    let mut lacking = needed.filter(|it| artifact.digest(**it).is_none());
    if lacking.next().is_none() {
        return artifact.clone();
    }
    let again = release.observe(member.path(), Hashes::All);
    let same = again.ok().filter(|it| it.sha256() == artifact.sha256());
    same.unwrap_or_else(|| artifact.clone())
}

/// The timestamps by which evidence counts. Where the key was lost, or a rule asks for an independent time, the
/// other authorities' word is the signer's own: nobody can tell any more when it was given.
fn stamps_of(evidence: &Evidence, session: &Session) -> Stamps {
    let signers = session.policy.signers();
    let lost = signers.lost_since(evidence);
    let is_asked = |judge: &Judge| judge.rules.need_independent_time(evidence, judge.now);
    let independent = lost.is_some() || session.judge.as_ref().is_some_and(is_asked);
    let counts = |proof: &&TimestampProof| {
        let time = proof.time();
        (!independent || signers.is_independent(time))
            && lost.is_none_or(|since| time.time() < since)
    };
    let all = evidence.timestamps();
    let counted: Vec<TimestampProof> = all.iter().filter(counts).cloned().collect();
    Stamps {
        // Else it counts by a log's promise, which has no end.
        proofs: if counted.is_empty() {
            all.to_vec()
        } else {
            counted
        },
        renewed_by: independent.then(|| signers.independent().to_vec()),
    }
}

/// The timestamps by which a release's own statements count, where a key was lost; else none, and what is there
/// is told.
pub(crate) fn stamps_of_statements(release: &dyn Kept, session: &Session) -> Option<Vec<Stamps>> {
    if !session.policy.signers().know_a_loss() {
        return None;
    }
    let mut shelf = Shelf::new();
    let mut stamps = Vec::new();
    for bundle in load_bundles(release, &mut shelf) {
        shelf.prove_statement(bundle.index, session);
        let proven = shelf.evidence(bundle.index);
        stamps.extend(proven.map(|it| stamps_of(it, session)));
    }
    (!stamps.is_empty()).then_some(stamps)
}

/// Proves the statements that are kept with a release; about its files it says nothing. Gives the bundles at
/// its top, whoever made them: those that were read as such, and those that nobody can read.
pub(crate) fn prove_statements(
    release: &dyn Kept,
    session: &Session,
    shelf: &mut Shelf,
) -> BTreeSet<Digest> {
    let mut bundles = BTreeSet::new();
    for bundle in load_bundles(release, shelf) {
        let is_none =
            shelf.digest(bundle.index).is_some() && !shelf.refusals(bundle.index).is_empty();
        if let Some(path) = bundle.name.filter(|_| !is_none) {
            bundles.insert(path);
        }
        shelf.prove_statement(bundle.index, session);
    }
    Attached::load(release, session, shelf);
    let members = release.members().iter();
    let members = members.filter(|it| bundles.contains(it.path()));
    members.map(Member::digest).collect()
}

/// Keys and trusted roots at the top of releases, each once: where a pin can find them. Beyond
/// [`TRUST_FILES_BYTES`] none is looked at, and a pin finds nothing.
pub(crate) fn trust_files(reader: &Reader, names: &[ReleaseName]) -> Vec<(String, Vec<u8>)> {
    let mut found = TrustFiles::default();
    for name in names {
        if let Ok(Some(release)) = reader.find(name) {
            found.take(&release);
        }
    }
    found.files.into_values().collect()
}

/// As [`trust_files`], of one release.
pub(crate) fn trust_files_of(release: &dyn Kept) -> Vec<(String, Vec<u8>)> {
    let mut found = TrustFiles::default();
    found.take(release);
    found.files.into_values().collect()
}

#[derive(Default)]
struct TrustFiles {
    files: BTreeMap<Digest, (String, Vec<u8>)>,
    bytes: u64,
}

impl TrustFiles {
    fn take(&mut self, release: &dyn Kept) {
        for member in release.members() {
            let bytes = self.bytes.saturating_add(member.size());
            if !is_trust_name(member.path())
                || self.files.contains_key(&member.digest())
                || bytes > TRUST_FILES_BYTES
            {
                continue;
            }
            if let Ok(read) = release.unverified_bytes(member.path(), TRUST_BYTES) {
                let place = format!("{}/{}", release.name(), member.path());
                self.files.insert(member.digest(), (place, read));
                self.bytes = bytes;
            }
        }
    }
}

/// Whether pinned trust is looked for in a file of this name: `*.pub` and `trusted_root.json` at the
/// top.
pub(crate) fn is_trust_name(path: &RelativePath) -> bool {
    let name = path.as_str();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    path.parent().is_none() && (name == TRUSTED_ROOT || extension == Some("pub"))
}

/// Whether a file stands at the release's top, and is called like a bundle.
pub(crate) fn is_top_bundle(path: &RelativePath) -> bool {
    path.parent().is_none() && is_bundle_name(path.as_str())
}

/// The bundles at the release's top: all of them may approve.
fn load_bundles(release: &dyn Kept, shelf: &mut Shelf) -> Vec<Loaded> {
    let members = release
        .members()
        .iter()
        .filter(|member| is_top_bundle(member.path()));
    let mut held = 0_u64;
    members
        .flat_map(|member| {
            let place = PathBuf::from(format!("{}/{}", release.name(), member.path()));
            held = held.saturating_add(member.size());
            let bytes = if held <= RELEASE_BUNDLES_BYTES {
                let bytes = release.unverified_bytes(member.path(), LIMIT);
                bytes.map_err(|error| refusal(&error))
            } else {
                Err(too_many(held))
            };
            let pieces = shelf.take(&place, bytes);
            pieces.into_iter().map(move |index| Loaded {
                index,
                path: place.clone(),
                name: Some(member.path().clone()),
                approves: true,
                is_named: false,
                is_anothers: false,
            })
        })
        .collect()
}

fn refusal(error: &ArchiveError) -> Refusal {
    let (code, wanted) = match error {
        ArchiveError::TooLarge { found, limit, .. } => return too_large(*found, *limit),
        // Nobody has said what is in it.
        ArchiveError::Io { .. } | ArchiveError::Unreadable { .. } => {
            ("bundle-unreadable", "a readable bundle")
        }
        _ => (error.code(), "the bundle that was archived"),
    };
    Refusal {
        code,
        found: with_source(error),
        wanted: wanted.to_owned(),
    }
}

/// More than is held of one release, however small each is.
fn too_many(held: u64) -> Refusal {
    Refusal {
        code: "bundle-too-large",
        found: format!("{held} bytes of bundles in one release"),
        wanted: format!("at most {RELEASE_BUNDLES_BYTES} bytes of all of them"),
    }
}

fn too_large(found: u64, limit: u64) -> Refusal {
    Refusal {
        code: "bundle-too-large",
        found: format!("{found} bytes"),
        wanted: format!("at most {limit} bytes"),
    }
}

/// The very key and the very root that this run trusts, kept with the release: they need no signature.
fn pinned(release: &dyn Kept, session: &Session) -> BTreeMap<RelativePath, String> {
    let mut pinned = BTreeMap::new();
    for member in release
        .members()
        .iter()
        .filter(|member| is_trust_name(member.path()))
    {
        let why = if member.path().as_str() == TRUSTED_ROOT {
            let digest = member.digest().hex();
            let trusted = session
                .trust
                .lines
                .iter()
                .any(|line| line.what == "trusted root" && line.sha256 == digest);
            trusted.then_some("the trusted root of this run")
        } else {
            is_signer(release, member.path(), session).then_some("the key of this run")
        };
        if let Some(why) = why {
            pinned.insert(member.path().clone(), why.to_owned());
        }
    }
    pinned
}

/// Whether a file is the key of an accepted signer, or a trusted root under its name.
pub(crate) fn is_trust(release: &dyn Kept, path: &RelativePath, session: &Session) -> bool {
    if path.as_str() != TRUSTED_ROOT {
        return is_signer(release, path, session);
    }
    let bytes = release.unverified_bytes(path, TRUST_BYTES);
    bytes.is_ok_and(|bytes| TrustedRoot::parse(&bytes).is_ok())
}

fn is_signer(release: &dyn Kept, path: &RelativePath, session: &Session) -> bool {
    let bytes = release.unverified_bytes(path, TRUST_BYTES);
    let accepted = session.trust.signers.accepted().iter();
    let mut keys = accepted.filter_map(ExpectedSigner::key);
    bytes.is_ok_and(|bytes| keys.any(|key| is_key_file(&bytes, key)))
}

const LIMIT: u64 = attest_verify::limits::BUNDLE_BYTES as u64;
/// Where reports say that attached evidence is.
pub(crate) const ATTACHED: &str = "attached";
pub(crate) const TRUSTED_ROOT: &str = "trusted_root.json";
/// The public-good trusted root is 7 KiB.
const TRUST_BYTES: u64 = 4 << 20;
