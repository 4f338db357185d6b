//! An image in a registry, `oci://HOST/REPOSITORY:TAG`: what its name leads to is read once and hashed,
//! and all that follows is about that digest.
//!
//! Evidence is what is attached to it there: bundles as cosign 3 attaches them, listed by the registry
//! or under the tag that stands for the list, and cosign's older tags. Its layers are bound by their
//! digests in the manifest, and are not fetched.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use attest_digest::{Artifact, Digest, Hashes};
use attest_remote::limits::REGISTRY_IMAGE_SECONDS;
use attest_remote::registry::{
    Access, DOCKER_LIST, Fetched, INDEX, Name, Reference, ReferrersSource, RegistryError,
    Repository, fallback_tag,
};
use attest_verify::dialect::image::{Descriptor, Manifest};
use attest_verify::limits;
use serde_json::Value;

use super::layout::{holds_evidence, refuse};
use super::platform::{self, Platform, Platforms};
use super::{Held, Piece, asks_attached, judge, pieces, unread_verdict};
use crate::command::verify::{Session, Shelf};
use crate::registry::{mirror, refusal};
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};

/// An image, and what is attached to it, as far as it was fetched.
struct Pulled<'r> {
    repository: Repository<'r>,
    images: BTreeMap<Digest, Artifact>,
    evidence: Vec<(Option<Digest>, Vec<Descriptor>)>,
    /// What could not be had of it, with what it is attached to.
    lost: Vec<(Digest, PathBuf, Refusal)>,
    blobs: RefCell<BTreeMap<Digest, Result<Vec<u8>, Refusal>>>,
}

/// One manifest to be judged.
struct Wanted {
    digest: Digest,
    size: u64,
    label: Option<Platform>,
}

/// What was found in an index, and how far it is looked into.
struct Inside<'p> {
    platforms: &'p Platforms,
    wanted: Vec<Wanted>,
    notes: Vec<String>,
    depth: usize,
    left: usize,
}

impl<'p> Inside<'p> {
    const fn of(platforms: &'p Platforms, wanted: Vec<Wanted>) -> Self {
        Self {
            platforms,
            wanted,
            notes: Vec::new(),
            depth: limits::IMAGE_DEPTH,
            left: limits::IMAGE_MANIFESTS,
        }
    }

    /// Whether a manifest for that platform is asked about. What builders note beside images is not.
    fn is_asked(&mut self, digest: Digest, label: Option<&Platform>) -> bool {
        match self.platforms {
            Platforms::These(asked) => {
                label.is_some_and(|label| asked.iter().any(|it| it.means(label)))
            }
            Platforms::AsNamed | Platforms::All if label.is_some_and(Platform::is_none) => {
                let note = format!("{digest} is for no platform, and bound by the index");
                self.notes.push(note);
                false
            }
            Platforms::AsNamed | Platforms::All => true,
        }
    }
}

pub(in crate::command::verify) fn verify(
    reference: &Reference,
    session: &Session,
    shelf: &mut Shelf,
) -> SubjectReport {
    let mut report = SubjectReport::new(reference.to_string(), "image");
    if let Err(refused) = run(reference, session, shelf, &mut report) {
        report.files.clear();
        report.decided_by.clear();
        report.approvals = None;
        report.files.push(FileReport {
            path: reference.to_string(),
            verdict: unread_verdict(refused),
            size: None,
            sha256: None,
        });
    }
    report
}

fn run(
    reference: &Reference,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Result<(), Refusal> {
    let registry = session.registry.as_ref();
    let registry = registry.ok_or_else(|| refuse("internal-error", "no registry was opened"))?;
    registry.allow(Duration::from_secs(REGISTRY_IMAGE_SECONDS));
    let said = |error: RegistryError| refusal(&error);
    let repository = registry.repository(reference, Access::Pull).map_err(said)?;
    if let Some(host) = mirror(&repository) {
        report.notes.push(format!("read from the mirror {host}"));
    }
    let top = repository.demand(reference.name()).map_err(said)?;
    if let Name::Tag(tag) = reference.name() {
        report.notes.push(format!("{tag} names {}", top.digest()));
    }
    let name = "under which name the image was signed is not checked: only its digest is";
    report.notes.push(name.to_owned());
    let mut pulled = Pulled {
        repository,
        images: BTreeMap::new(),
        evidence: Vec::new(),
        lost: Vec::new(),
        blobs: RefCell::default(),
    };
    let wanted = pulled.wanted(&top, &session.platforms, report)?;
    if asks_attached(session) {
        for one in &wanted {
            pulled.find_evidence(one.digest, report)?;
        }
    }
    let mut pieces = pieces(&pulled, session, shelf);
    for (image, place, refusal) in std::mem::take(&mut pulled.lost) {
        let taken = shelf.take(&place, Err(refusal));
        pieces.extend(
            taken
                .into_iter()
                .map(|index| Piece::of_manifest(index, Some(image))),
        );
    }
    for one in wanted {
        let verdict = match judge(one.digest, &pulled, &pieces, session, shelf, report) {
            Ok(()) => Verdict::Verified,
            Err(refusal) => unread_verdict(refusal),
        };
        let label = one.label.map(|it| format!(" ({it})")).unwrap_or_default();
        report.files.push(FileReport {
            path: format!("{}{label}", one.digest),
            verdict,
            size: Some(one.size),
            sha256: Some(one.digest.hex()),
        });
    }
    // What is said is about a digest. Who asked with a tag means what it names now.
    match reference.name() {
        Name::Tag(tag) => pulled.repository.check_tag(tag, top.digest()).map_err(said),
        Name::None | Name::Digest(_) => Ok(()),
    }
}

impl Pulled<'_> {
    /// The manifests that are asked about, each fetched and hashed.
    fn wanted(
        &mut self,
        top: &Fetched,
        platforms: &Platforms,
        report: &mut SubjectReport,
    ) -> Result<Vec<Wanted>, Refusal> {
        let manifest = parsed(top)?;
        let digest = top.digest();
        self.keep(top);
        let size = top.bytes().len() as u64;
        let named = |label| Wanted {
            digest,
            size,
            label,
        };
        if let Manifest::Image { config, .. } = &manifest {
            let found = self.platform_of(config)?;
            return match platforms {
                Platforms::These(wanted) => {
                    let is_meant =
                        |it: &Platform| found.as_ref().is_some_and(|found| it.means(found));
                    let missing = wanted.iter().find(|it| !is_meant(it));
                    missing.map_or_else(|| Ok(vec![named(found.clone())]), |it| Err(none_for(it)))
                }
                Platforms::AsNamed | Platforms::All => Ok(vec![named(found)]),
            };
        }
        match platforms {
            Platforms::AsNamed => {
                let listed = platform::of_index(top.bytes());
                report.notes.extend(listed.iter().map(|(digest, platform)| {
                    let platform = platform
                        .as_ref()
                        .map_or_else(|| "no platform".to_owned(), Platform::to_string);
                    format!("holds {platform}: {digest}, bound by the index")
                }));
                Ok(vec![named(None)])
            }
            Platforms::All => {
                let mut inside = Inside::of(platforms, vec![named(None)]);
                self.look_inside(top, None, &mut inside)?;
                report.notes.append(&mut inside.notes);
                if let [_] = inside.wanted.as_slice() {
                    let note = "holds no image for a platform: only the index was verified";
                    report.notes.push(note.to_owned());
                }
                Ok(inside.wanted)
            }
            Platforms::These(asked) => {
                let mut inside = Inside::of(platforms, Vec::new());
                self.look_inside(top, None, &mut inside)?;
                report.notes.append(&mut inside.notes);
                let found = |it: &&Platform| {
                    let mut labels = inside.wanted.iter().filter_map(|it| it.label.as_ref());
                    labels.any(|label| it.means(label))
                };
                match asked.iter().find(|it| !found(it)) {
                    Some(missing) => Err(none_for(missing)),
                    None => Ok(inside.wanted),
                }
            }
        }
    }

    /// Finds what is asked about in an index, and in the indexes inside of it.
    fn look_inside(
        &mut self,
        index: &Fetched,
        platform: Option<&Platform>,
        inside: &mut Inside<'_>,
    ) -> Result<(), Refusal> {
        let Manifest::Index { manifests, .. } = parsed(index)? else {
            return Ok(());
        };
        let too_deep = || refuse("manifest-malformed", "indexes too deep inside each other");
        inside.depth = inside.depth.checked_sub(1).ok_or_else(too_deep)?;
        for (digest, label) in platform::of_index(index.bytes()) {
            let label = label.or_else(|| platform.cloned());
            let mut listed = manifests.iter().filter(|it| it.digest() == digest);
            let is_index = listed.any(|it| INDEXES.contains(&it.media_type()));
            if !is_index && !inside.is_asked(digest, label.as_ref()) {
                continue;
            }
            let too_many = || refuse("manifest-malformed", "too many manifests");
            inside.left = inside.left.checked_sub(1).ok_or_else(too_many)?;
            let fetched = self.child(digest, &manifests)?;
            // By what it is, and not by what it is called.
            let is_wanted = match parsed(&fetched)? {
                Manifest::Index { .. } => {
                    self.look_inside(&fetched, label.as_ref(), inside)?;
                    matches!(inside.platforms, Platforms::All)
                }
                Manifest::Image { config, .. } => {
                    self.check_label(digest, label.as_ref(), &config, inside)?;
                    inside.is_asked(digest, label.as_ref())
                }
            };
            if is_wanted {
                inside.wanted.push(Wanted {
                    digest,
                    size: fetched.bytes().len() as u64,
                    label,
                });
            }
        }
        inside.depth += 1;
        Ok(())
    }

    /// Whose index is not asked about has the platform of an image for a claim: what the image says of
    /// itself must not contradict it.
    fn check_label(
        &self,
        digest: Digest,
        label: Option<&Platform>,
        config: &Descriptor,
        inside: &mut Inside<'_>,
    ) -> Result<(), Refusal> {
        let (Platforms::These(_), Some(label)) = (inside.platforms, label) else {
            return Ok(());
        };
        match self.platform_of(config)? {
            Some(said) if said.contradicts(label) => Err(Refusal {
                code: "platform-mismatch",
                found: format!("{digest} says {said}"),
                wanted: format!("{label}, as the index lists it"),
            }),
            Some(_) => Ok(()),
            None => {
                let note = format!("{digest} is for {label} by the word of the index alone");
                inside.notes.push(note);
                Ok(())
            }
        }
    }

    /// A manifest that an index lists, of the size that it says.
    fn child(&mut self, digest: Digest, listed: &[Descriptor]) -> Result<Fetched, Refusal> {
        let fetched = self
            .repository
            .demand(&Name::Digest(digest))
            .map_err(|error| refusal(&error))?;
        let size = fetched.bytes().len() as u64;
        let said = listed.iter().find(|it| it.digest() == digest);
        if said.is_none_or(|it| it.size() != size) {
            return Err(refuse("blob-corrupt", format!("{digest} of {size} bytes")));
        }
        self.keep(&fetched);
        Ok(fetched)
    }

    fn keep(&mut self, fetched: &Fetched) {
        let artifact = Artifact::of_bytes(fetched.bytes(), Hashes::Sha256AndSha512);
        self.images.insert(fetched.digest(), artifact);
    }

    /// What an image says that it runs on; what is no image of a system says nothing.
    fn platform_of(&self, config: &Descriptor) -> Result<Option<Platform>, Refusal> {
        if !CONFIGS.contains(&config.media_type()) {
            return Ok(None);
        }
        let bytes = self.fetch(
            config.digest(),
            config.size(),
            limits::IMAGE_MANIFEST_BYTES as u64,
        )?;
        let value = serde_json::from_slice::<Value>(&bytes).ok();
        Ok(value.as_ref().and_then(Platform::read))
    }

    fn fetch(&self, digest: Digest, size: u64, most: u64) -> Result<Vec<u8>, Refusal> {
        if size > most {
            return Err(refuse(
                "bundle-too-large",
                format!("{digest} of {size} bytes"),
            ));
        }
        let found = self
            .repository
            .blob(digest, size)
            .map_err(|error| refusal(&error))?;
        // What a manifest names and its registry does not hand out is no "no".
        found.ok_or_else(|| Refusal {
            code: "registry-not-found",
            found: format!("{} has no blob {digest}", self.repository.host()),
            wanted: "what a manifest there names".to_owned(),
        })
    }

    /// Everything that is attached to a manifest and may be evidence about it. A list that cannot be had
    /// is no empty one; a single thing that cannot be had is remembered.
    fn find_evidence(&mut self, image: Digest, report: &mut SubjectReport) -> Result<(), Refusal> {
        let said = |error: RegistryError| refusal(&error);
        let attached = self.repository.referrers(image).map_err(said)?;
        if attached.source == ReferrersSource::Tag {
            let note = format!(
                "{} keeps no lists of what is attached: the tag {} does",
                self.repository.host(),
                fallback_tag(image)
            );
            report.notes.push(note);
        }
        // The sizes in the list are the registry's word: what is read is counted.
        let mut left = limits::EVIDENCE_BYTES as u64;
        for one in &attached.list {
            if left == 0 {
                self.lose(image, one.digest, too_much_attached());
                continue;
            }
            match self.repository.demand(&Name::Digest(one.digest)) {
                Ok(fetched) if subject_of(&fetched) == Some(image) => {
                    left = left.saturating_sub(fetched.bytes().len() as u64);
                    self.take(&fetched, None);
                }
                Ok(_) => self.lose(image, one.digest, not_attached(image)),
                Err(error) => self.lose(image, one.digest, refusal(&error)),
            }
        }
        for kind in ["sig", "att"] {
            let tag = format!("{}.{kind}", fallback_tag(image));
            if let Some(fetched) = self.repository.manifest(&Name::Tag(tag)).map_err(said)? {
                self.take(&fetched, Some(image));
            }
        }
        Ok(())
    }

    fn lose(&mut self, image: Digest, attached: Digest, refusal: Refusal) {
        let place = self.place(attached);
        self.lost.push((image, place, refusal));
    }

    /// Takes in a manifest if it holds evidence and nothing else.
    fn take(&mut self, fetched: &Fetched, about: Option<Digest>) {
        let Ok(Manifest::Image {
            layers, subject, ..
        }) = Manifest::parse(fetched.bytes())
        else {
            return;
        };
        if !holds_evidence(&layers) {
            return;
        }
        let Some(attached) = about.or(subject) else {
            return;
        };
        // Who attaches what is not ours to say: it may leave the answer open, and is no "no".
        if !self.has_room_for(&layers) {
            self.lose(attached, fetched.digest(), too_much_attached());
            return;
        }
        self.evidence.push((Some(attached), layers));
    }

    /// Whether all evidence stays within what is read, with some more.
    fn has_room_for(&self, more: &[Descriptor]) -> bool {
        let all = || {
            self.evidence
                .iter()
                .flat_map(|(_, layers)| layers)
                .chain(more)
        };
        let bytes = all().fold(0_u64, |sum, it| sum.saturating_add(it.size()));
        all().count() <= limits::EVIDENCE_PIECES && bytes <= limits::EVIDENCE_BYTES as u64
    }
}

impl Held for Pulled<'_> {
    fn evidence(&self) -> &[(Option<Digest>, Vec<Descriptor>)] {
        &self.evidence
    }

    fn manifest(&self, image: Digest) -> Option<&Artifact> {
        self.images.get(&image)
    }

    fn layer_bytes(&self, layer: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let mut blobs = self.blobs.borrow_mut();
        let most = limits::EVIDENCE_BYTES as u64;
        let read = blobs
            .entry(layer.digest())
            .or_insert_with(|| self.fetch(layer.digest(), layer.size(), most));
        read.clone()
    }

    fn check_blobs(&self, _: Digest) -> Result<(), Refusal> {
        Ok(())
    }

    fn place(&self, digest: Digest) -> PathBuf {
        let place = self.repository.reference().with(Name::Digest(digest));
        PathBuf::from(place.to_string())
    }
}

fn parsed(fetched: &Fetched) -> Result<Manifest, Refusal> {
    Manifest::parse(fetched.bytes()).map_err(|error| refuse("manifest-malformed", error))
}

fn none_for(platform: &Platform) -> Refusal {
    Refusal {
        code: "platform-missing",
        found: "no manifest for it".to_owned(),
        wanted: platform.to_string(),
    }
}

fn subject_of(fetched: &Fetched) -> Option<Digest> {
    Manifest::parse(fetched.bytes()).ok()?.subject()
}

fn not_attached(image: Digest) -> Refusal {
    Refusal {
        code: "registry-referrers",
        found: "it is listed as attached, and is not".to_owned(),
        wanted: format!("a manifest that is attached to {image}"),
    }
}

fn too_much_attached() -> Refusal {
    Refusal {
        code: "registry-referrers",
        found: "more is attached than is read".to_owned(),
        wanted: format!(
            "at most {} pieces of evidence and {} bytes",
            limits::EVIDENCE_PIECES,
            limits::EVIDENCE_BYTES
        ),
    }
}

const INDEXES: [&str; 2] = [INDEX, DOCKER_LIST];
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
