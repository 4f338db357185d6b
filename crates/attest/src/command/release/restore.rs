//! The release is made already: what is missing of its files is written again, and nothing is
//! signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest_archive::{Member, Release, Role};
use attest_digest::{Digest, Hashes, RelativePath};
use attest_sign::Holder;
use attest_verify::Bundle;

use super::compose::Document;
use super::content::{self, Content};
use super::journal::Journal;
use super::make::Making;
use super::ours::archive_failure;
use super::plan::changed;
use super::publish::{Publication, publish_folder, surplus};
use super::report::Outcome;
use super::reserved::{CHECKSUMS_BUNDLE, CHECKSUMS_OPENPGP, PUBLIC_KEY, TREE, TRUSTED_ROOT};
use super::selfcheck::{self, Checked, PinnedSigner, Pins};
use super::stage::Stage;
use super::tree::Modes;
use crate::failure::{Failure, with_source};

/// Completes a release that is recorded.
///
/// # Errors
/// `version-already-released` (1) when the folder holds other content than the record.
pub(super) fn restore(
    making: &Making<'_>,
    kept: &Release<'_>,
    contents: &[Content],
) -> Result<Outcome, Failure> {
    expect_same(making, kept, contents)?;
    expect_same_modes(making, kept, contents)?;
    let restored = Restored::of(making, kept, contents)?;
    let checked = restored.write()?;
    Ok(restored.outcome(checked))
}

/// The same paths with the same bytes, and the same files declared as bills of materials.
fn expect_same(
    making: &Making<'_>,
    kept: &Release<'_>,
    contents: &[Content],
) -> Result<(), Failure> {
    let mut recorded: BTreeMap<&RelativePath, (Digest, Role)> = kept
        .members()
        .iter()
        .filter(|member| matches!(member.role(), Role::Artifact | Role::Sbom))
        .map(|member| (member.path(), (member.digest(), member.role())))
        .collect();
    let mut differences = Vec::new();
    for content in contents {
        let sha256 = content.artifact.sha256();
        match recorded.remove(&content.path) {
            None => differences.push(format!("{} is not in it", content.path)),
            Some((digest, _)) if digest != sha256 => {
                differences.push(format!(
                    "{} is {sha256}, the record has {digest}",
                    content.path
                ));
            }
            Some((_, Role::Artifact)) if content.role == Role::Sbom => {
                differences.push(format!("{} was released as no SBOM", content.path));
            }
            Some(_) => {}
        }
    }
    let has_openpgp = kept
        .members()
        .iter()
        .any(|member| member.path().as_str() == CHECKSUMS_OPENPGP);
    if making.request.gpg.is_some() && !has_openpgp {
        differences.push(format!("it has no {CHECKSUMS_OPENPGP}"));
    }
    // A bill of materials that we have written ourselves is restored like the rest.
    let missing = recorded
        .iter()
        .filter(|(_, (_, role))| *role == Role::Artifact);
    differences.extend(missing.map(|(path, _)| format!("{path} is missing")));
    if differences.is_empty() {
        return Ok(());
    }
    Err(Failure::no(
        "version-already-released",
        format!(
            "{} is released with other content: {}",
            making.request.name,
            super::plan::some_of(&differences)
        ),
    )
    .hint("a release is made once: give the new content a new version"))
}

/// The same permissions, where the record has them: else its manifest would say something else of the files beside it.
fn expect_same_modes(
    making: &Making<'_>,
    kept: &Release<'_>,
    contents: &[Content],
) -> Result<(), Failure> {
    let path = RelativePath::parse(TREE).map_err(|it| Failure::unknown("internal-error", it))?;
    if kept.member(&path).is_none() {
        return Ok(());
    }
    let manifest = kept
        .unverified_bytes(&path, crate::limits::RELEASE_TREE_BYTES)
        .map_err(|error| archive_failure(&error))?;
    let modes = Modes::of(&making.survey.plan.folder, contents)?;
    let is_copied = making.request.out.is_some();
    let differences = modes.differences(&manifest, is_copied).map_err(|error| {
        let message = format!("{TREE} of {}: {}", making.request.name, with_source(&error));
        Failure::no("version-already-released", message)
    })?;
    if differences.is_empty() {
        return Ok(());
    }
    Err(Failure::no(
        "version-already-released",
        format!(
            "{} is released with other modes: {}",
            making.request.name,
            super::plan::some_of(&differences)
        ),
    )
    .hint("a release is made once: put the modes back (chmod), or give it a new version"))
}

struct Restored<'a> {
    making: &'a Making<'a>,
    kept: &'a Release<'a>,
    contents: &'a [Content],
    /// Members that the place to publish lacks or has with other bytes.
    missing: Vec<RelativePath>,
    surplus: Vec<RelativePath>,
    pins: Pins,
}

impl<'a> Restored<'a> {
    fn of(
        making: &'a Making<'a>,
        kept: &'a Release<'a>,
        contents: &'a [Content],
    ) -> Result<Self, Failure> {
        let written: BTreeSet<RelativePath> = kept
            .members()
            .iter()
            .map(|member| member.path().clone())
            .collect();
        let surplus = surplus(&making.survey.present, &written);
        let mut restored = Self {
            making,
            kept,
            contents,
            missing: Vec::new(),
            surplus,
            pins: pins(making, kept)?,
        };
        restored.missing = restored.find_missing();
        Ok(restored)
    }

    fn find_missing(&self) -> Vec<RelativePath> {
        let in_place = self.making.request.out.is_none();
        let target = self.making.request.target();
        // Sorted by path.
        let observed = |path: &RelativePath| {
            self.contents
                .binary_search_by(|content| content.path.cmp(path))
                .is_ok()
        };
        let folder = attest_digest::Root::open(target).ok();
        let found = |path: &RelativePath| {
            folder
                .as_ref()
                .and_then(|it| it.read(path, Hashes::Sha256).ok())
                .map(|it| it.sha256())
        };
        self.kept
            .members()
            .iter()
            .filter(|member| {
                !(in_place && member.role() == Role::Artifact && observed(member.path()))
            })
            .filter(|member| found(member.path()) != Some(member.digest()))
            .map(|member| member.path().clone())
            .collect()
    }

    fn write(&self) -> Result<Checked, Failure> {
        let target = self.making.request.target();
        if self.missing.is_empty() && self.surplus.is_empty() {
            return selfcheck::verify(target, &self.pins);
        }
        let home = self.making.identity.home();
        let token = Making::token()?;
        let temporary = self.making.temporary(&token);
        let journal = Journal::begin(home, &self.making.request.name, &token, temporary, 0)?;
        let written = match self.making.request.out {
            None => self.write_in_place(&token),
            Some(_) => self.write_copy(&token),
        };
        let ended = journal.end(home);
        let checked = written?;
        ended?;
        Ok(checked)
    }

    fn write_in_place(&self, token: &str) -> Result<Checked, Failure> {
        let documents = self.documents(&self.missing)?;
        let folder = self.making.request.target();
        let surplus = self.surplus.clone();
        Publication::prepare(folder, documents.iter(), surplus, token)?.commit()?;
        selfcheck::verify(folder, &self.pins)
    }

    fn write_copy(&self, token: &str) -> Result<Checked, Failure> {
        let making = self.making;
        let stage = Stage::create(making.stage_place(token))?;
        self.copy_artifacts(stage.path())?;
        let all: Vec<RelativePath> = self
            .kept
            .members()
            .iter()
            .map(|member| member.path().clone())
            .collect();
        let ours: Vec<RelativePath> = all
            .iter()
            .filter(|path| !stage.path().join(path.as_str()).exists())
            .cloned()
            .collect();
        stage.write(&self.documents(&ours)?)?;
        let checked = selfcheck::verify(stage.path(), &self.pins)?;
        stage.sync()?;
        publish_folder(stage, making.request.target(), all.iter(), &self.surplus)?;
        Ok(checked)
    }

    fn copy_artifacts(&self, stage: &Path) -> Result<(), Failure> {
        let plan = &self.making.survey.plan;
        content::make_folders(stage, plan.artifacts.iter().map(|file| &file.path))?;
        for copied in content::copy(plan, stage, self.making.console)? {
            let at = self
                .contents
                .binary_search_by(|content| content.path.cmp(&copied.path));
            let observed = at.ok().and_then(|at| self.contents.get(at));
            if observed.is_none_or(|it| it.artifact != copied.artifact) {
                return Err(changed(copied.path.as_str()));
            }
        }
        Ok(())
    }

    /// Files as the archive has them.
    fn documents(&self, paths: &[RelativePath]) -> Result<Vec<Document>, Failure> {
        paths
            .iter()
            .map(|path| {
                let bytes = self
                    .kept
                    .unverified_bytes(path, DOCUMENT_BYTES)
                    .map_err(|error| archive_failure(&error))?;
                let role = self.kept.member(path).map_or(Role::Evidence, Member::role);
                Ok(Document {
                    path: path.clone(),
                    role,
                    bytes,
                })
            })
            .collect()
    }

    fn outcome(&self, checked: Checked) -> Outcome {
        let making = self.making;
        let bundles = self.kept.members().iter().filter(|member| {
            member.role() == Role::Evidence
                && member.path().as_str().ends_with(".sigstore.json")
                && member.path().as_str() != CHECKSUMS_BUNDLE
        });
        Outcome {
            home: making.identity.home().path().to_owned(),
            is_new_identity: false,
            protected: making.identity.protected,
            place: making.request.target().to_owned(),
            files: self.contents.len(),
            bytes: self
                .contents
                .iter()
                .map(|content| content.artifact.size())
                .sum(),
            statements: u32::try_from(bundles.count()).unwrap_or(u32::MAX),
            logged: None,
            times: checked.times,
            authority: None,
            written: self.missing.iter().map(ToString::to_string).collect(),
            removed: self.surplus.iter().map(ToString::to_string).collect(),
            pins: self.pins.clone(),
            notes: making.notes.clone(),
        }
    }
}

/// The trusted root of the record, which may be an older one than the home's.
fn pins(making: &Making<'_>, kept: &Release<'_>) -> Result<Pins, Failure> {
    let root = kept
        .members()
        .iter()
        .find(|member| member.path().as_str() == TRUSTED_ROOT)
        .ok_or_else(|| {
            Failure::no(
                "version-already-released",
                format!(
                    "{} is recorded without a trusted root: it was not made by attest release",
                    making.request.name
                ),
            )
        })?;
    Ok(Pins {
        release: making.request.name.clone(),
        signer: signer(making, kept)?,
        trusted_root: root.digest().to_string(),
    })
}

/// The key, or whom the certificate of the record names. The self-check proves that they signed.
fn signer(making: &Making<'_>, kept: &Release<'_>) -> Result<PinnedSigner, Failure> {
    let mut members = kept.members().iter();
    if members.any(|member| member.path().as_str() == PUBLIC_KEY) {
        return Ok(PinnedSigner::Key(making.identity.signing_pin()));
    }
    let path = RelativePath::parse(CHECKSUMS_BUNDLE)
        .map_err(|error| Failure::unknown("internal-error", error))?;
    let bundle = kept
        .unverified_bytes(&path, DOCUMENT_BYTES)
        .map_err(|error| archive_failure(&error))?;
    let claimed = Bundle::parse(&bundle).ok();
    match claimed.and_then(|it| it.claimed_identity()) {
        Some((identity, Some(issuer))) => Ok(PinnedSigner::Identity(Holder { identity, issuer })),
        _ => Err(Failure::no(
            "version-already-released",
            format!(
                "{} is recorded without a key and without an identity: it was not made by attest release",
                making.request.name
            ),
        )),
    }
}

/// Evidence and bills of materials: everything but artifacts.
const DOCUMENT_BYTES: u64 = 256 << 20;
