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
    Access, Fetched, Name, Reference, ReferrersSource, RegistryError, Repository, fallback_tag,
};
use attest_verify::dialect::image::{Descriptor, Manifest};
use attest_verify::limits;
use serde_json::Value;

use super::layout::{holds_evidence, refuse};
use super::platform::{self, Platform, Platforms};
use super::{Held, Piece, asks_attached, judge, pieces, unread_verdict};
use crate::command::verify::{Session, Shelf};
use crate::registry::refusal;
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
    if repository.host() != reference.host() {
        let host = repository.host();
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
        let manifest =
            Manifest::parse(top.bytes()).map_err(|error| refuse("manifest-malformed", error))?;
        let digest = top.digest();
        self.keep(top);
        let size = top.bytes().len() as u64;
        let named = |label| Wanted {
            digest,
            size,
            label,
        };
        let children = match &manifest {
            Manifest::Image { config, .. } => {
                let found = self.platform_of(config)?;
                return match platforms {
                    Platforms::These(wanted) => {
                        let is_meant =
                            |it: &Platform| found.as_ref().is_some_and(|found| it.means(found));
                        let missing = wanted.iter().find(|it| !is_meant(it));
                        missing
                            .map_or_else(|| Ok(vec![named(found.clone())]), |it| Err(none_for(it)))
                    }
                    Platforms::AsNamed | Platforms::All => Ok(vec![named(found)]),
                };
            }
            Manifest::Index { manifests, .. } => manifests,
        };
        let listed = platform::of_index(top.bytes());
        match platforms {
            Platforms::AsNamed => {
                report.notes.extend(listed.iter().map(|(digest, platform)| {
                    let platform = platform
                        .as_ref()
                        .map_or_else(|| "no platform".to_owned(), Platform::to_string);
                    format!("holds {platform}: {digest}, bound by the index")
                }));
                Ok(vec![named(None)])
            }
            Platforms::All => {
                let mut wanted = vec![named(None)];
                for (child, platform) in &listed {
                    if platform.as_ref().is_some_and(Platform::is_none) {
                        let note = format!("{child} is for no platform, and bound by the index");
                        report.notes.push(note);
                        continue;
                    }
                    wanted.push(self.child(*child, platform.clone(), children)?);
                }
                Ok(wanted)
            }
            Platforms::These(asked) => {
                let mut wanted = Vec::new();
                for one in asked {
                    let mut found = listed.iter().filter_map(|(digest, platform)| {
                        let platform = platform.as_ref()?;
                        one.means(platform).then_some((*digest, platform))
                    });
                    let first = found.next().ok_or_else(|| none_for(one))?;
                    for (digest, platform) in [first].into_iter().chain(found) {
                        wanted.push(self.child(digest, Some(platform.clone()), children)?);
                    }
                }
                Ok(wanted)
            }
        }
    }

    /// A manifest that an index lists, of the size that it says.
    fn child(
        &mut self,
        digest: Digest,
        label: Option<Platform>,
        listed: &[Descriptor],
    ) -> Result<Wanted, Refusal> {
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
        Ok(Wanted {
            digest,
            size,
            label,
        })
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
        found.ok_or_else(|| refuse("blob-missing", digest))
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
        for one in attached.list.iter().filter(|it| it.size <= REFERRER_BYTES) {
            let name = Name::Digest(one.digest);
            match self.repository.demand(&name) {
                Ok(fetched) => self.take(&fetched, None)?,
                Err(error) => {
                    let place = self.place(one.digest);
                    self.lost.push((image, place, refusal(&error)));
                }
            }
        }
        for kind in ["sig", "att"] {
            let tag = format!("{}.{kind}", fallback_tag(image));
            if let Some(fetched) = self.repository.manifest(&Name::Tag(tag)).map_err(said)? {
                self.take(&fetched, Some(image))?;
            }
        }
        Ok(())
    }

    /// Takes in a manifest if it holds evidence and nothing else.
    fn take(&mut self, fetched: &Fetched, about: Option<Digest>) -> Result<(), Refusal> {
        let Ok(Manifest::Image {
            layers, subject, ..
        }) = Manifest::parse(fetched.bytes())
        else {
            return Ok(());
        };
        if !holds_evidence(&layers) {
            return Ok(());
        }
        let Some(attached) = about.or(subject) else {
            return Ok(());
        };
        self.evidence.push((Some(attached), layers));
        let all = || self.evidence.iter().flat_map(|(_, layers)| layers);
        if all().count() > limits::EVIDENCE_PIECES {
            let found = format!("more than {} pieces of evidence", limits::EVIDENCE_PIECES);
            return Err(refuse("bundle-too-large", found));
        }
        let bytes = all().fold(0_u64, |sum, it| sum.saturating_add(it.size()));
        if bytes > limits::EVIDENCE_BYTES as u64 {
            return Err(refuse(
                "bundle-too-large",
                format!("{bytes} bytes of evidence"),
            ));
        }
        Ok(())
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

fn none_for(platform: &Platform) -> Refusal {
    Refusal {
        code: "platform-missing",
        found: "no manifest for it".to_owned(),
        wanted: platform.to_string(),
    }
}

const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
/// A manifest that attaches one bundle has 1 KiB.
const REFERRER_BYTES: u64 = 64 << 10;
