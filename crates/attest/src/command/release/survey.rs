//! The folder, the archive and the place to publish, looked at together; every refusal that needs
//! no signature.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use attest_digest::{RelativePath, WalkLimits, colliding_names};
use rustix::fs::{Access, access};

use super::compose::{Beside, Parts};
use super::journal::{Journal, temporary_name};
use super::ours::{Kept, refuse_strangers};
use super::plan::{Plan, Rules, collision, walk_failure};
use super::request::Request;
use super::reserved::{
    CHECKSUMS, CHECKSUMS_BUNDLE, CHECKSUMS_OPENPGP, CHECKSUMS_SIGNATURE, INSTRUCTIONS, PUBLIC_KEY,
    TREE, TRUSTED_ROOT,
};
use super::sbom::Sbom;
use crate::failure::Failure;
use crate::home::{Home, lies_inside};

/// What stands where.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) plan: Plan,
    pub(super) kept: Kept,
    pub(super) parts: Parts,
    /// Bills of materials that stand in the folder already.
    pub(super) sboms_inside: BTreeSet<RelativePath>,
    /// Files at the place to publish, all ours or forced.
    pub(super) present: Vec<RelativePath>,
    /// Names of a dead run's temporary files.
    pub(super) leftovers: Vec<String>,
}

impl Survey {
    /// # Errors
    /// Exit 2 for what must not be released or is in the way; exit 3 for what cannot be read or
    /// written.
    pub(super) fn take(request: &Request, home: &Home) -> Result<Self, Failure> {
        let journal = Journal::read(home)?;
        let leftovers: Vec<String> = journal
            .iter()
            .map(|journal| temporary_name(&journal.token))
            .collect();
        let rules = Rules {
            home,
            allow_private_key: &request.allow_private_key,
            leftovers: &leftovers,
        };
        let mut plan = Plan::of(&request.folder, &rules)?;
        let kept = Kept::open(home)?;
        let sboms_inside = sboms_inside(request, &mut plan, &kept)?;
        let files = plan.artifacts.len() + request.sboms.len() - sboms_inside.len();
        if files == request.sboms.len() {
            return Err(Failure::request(
                "release-empty",
                format!("{} holds no file to release", request.folder.display()),
            ));
        }
        let beside = Beside {
            key: !request.is_keyless,
            openpgp: request.gpg.is_some(),
        };
        let parts =
            Parts::of(files, request.sboms.len(), beside).with_recorded(recorded(request, &plan)?);
        let mut survey = Self {
            plan,
            kept,
            parts,
            sboms_inside,
            present: Vec::new(),
            leftovers,
        };
        survey.refuse_too_many(files)?;
        survey.refuse_collisions(request)?;
        survey.present = survey.look_at_target(request, home)?;
        Ok(survey)
    }

    /// The names of everything that we write, bills of materials included.
    pub(super) fn written(&self, request: &Request) -> BTreeSet<String> {
        let own = [
            CHECKSUMS,
            CHECKSUMS_BUNDLE,
            TRUSTED_ROOT,
            INSTRUCTIONS,
            TREE,
        ];
        let of_key = [CHECKSUMS_SIGNATURE, PUBLIC_KEY];
        let of_key = of_key.into_iter().filter(|_| !request.is_keyless);
        let openpgp = request.gpg.as_ref().map(|_| CHECKSUMS_OPENPGP);
        let own = own.into_iter().chain(of_key).chain(openpgp);
        let own = own.map(str::to_owned);
        let sboms = self
            .sboms_outside(request)
            .map(|sbom| sbom.path.to_string());
        own.chain(self.parts.bundle_names()).chain(sboms).collect()
    }

    /// Bills of materials that have to be written.
    pub(super) fn sboms_outside<'a>(
        &'a self,
        request: &'a Request,
    ) -> impl Iterator<Item = &'a Sbom> {
        request
            .sboms
            .iter()
            .filter(|sbom| !self.sboms_inside.contains(&sbom.path))
    }

    fn refuse_too_many(&self, files: usize) -> Result<(), Failure> {
        let found = files + self.parts.bundle_names().len() + 8;
        let limit = attest_archive::limits::MEMBERS;
        if found <= limit {
            return Ok(());
        }
        Err(Failure::request(
            "release-too-large",
            format!("the release would have {found} files, at most {limit} are kept"),
        ))
    }

    fn refuse_collisions(&self, request: &Request) -> Result<(), Failure> {
        let written = self.written(request);
        let files = self.plan.artifacts.iter().map(|file| file.path.as_str());
        match colliding_names(files.chain(written.iter().map(String::as_str))) {
            None => Ok(()),
            Some((one, other)) => Err(collision(&one, &other)),
        }
    }

    fn look_at_target(&self, request: &Request, home: &Home) -> Result<Vec<RelativePath>, Failure> {
        let written = self.written(request);
        match &request.out {
            None => {
                may_be_written(&request.folder)?;
                let present = self.plan.reserved.clone();
                let names = written.iter().map(String::as_str).collect();
                self.refuse(request, &request.folder, &present, &names, "name-reserved")?;
                Ok(present)
            }
            Some(out) => {
                let present = self.files_in(out, home)?;
                let artifacts = self.plan.artifacts.iter().map(|file| file.path.as_str());
                let names = written
                    .iter()
                    .map(String::as_str)
                    .chain(artifacts)
                    .collect();
                self.refuse(request, out, &present, &names, "out-occupied")?;
                Ok(present)
            }
        }
    }

    fn refuse(
        &self,
        request: &Request,
        folder: &Path,
        present: &[RelativePath],
        written: &BTreeSet<&str>,
        code: &'static str,
    ) -> Result<(), Failure> {
        if present.is_empty() {
            return Ok(());
        }
        let strangers = self.kept.not_ours(folder, present, &request.name)?;
        refuse_strangers(&strangers, written, request.force, code)
    }

    /// Everything in the folder of a copy, if it exists.
    fn files_in(&self, out: &Path, home: &Home) -> Result<Vec<RelativePath>, Failure> {
        if lies_inside(out, home.path()) || lies_inside(home.path(), out) {
            return Err(Failure::request(
                "home-inside",
                format!(
                    "{} and the home {} overlap",
                    out.display(),
                    home.path().display()
                ),
            ));
        }
        if out.symlink_metadata().is_err() {
            let parent = crate::files::folder_of(out);
            if !parent.is_dir() {
                return Err(Failure::request(
                    "folder-unreadable",
                    format!("{} does not exist", parent.display()),
                ));
            }
            may_be_written(&parent)?;
            return Ok(Vec::new());
        }
        let occupied = |problem: String| {
            Failure::request("out-occupied", format!("{} {problem}", out.display()))
                .hint("name a folder that does not exist yet")
        };
        if !fs::symlink_metadata(out).is_ok_and(|it| it.is_dir()) {
            return Err(occupied("is not a folder".to_owned()));
        }
        may_be_written(out)?;
        may_be_written(&crate::files::folder_of(&crate::home::real(out)))?;
        let tree = attest_digest::walk(out, &WalkLimits::default())
            .map_err(|error| walk_failure(&error))?;
        if let Some((path, problem)) = tree.refused().next() {
            return Err(occupied(format!("holds {}: {problem}", path.as_str())));
        }
        let left = |path: &RelativePath| {
            self.leftovers
                .iter()
                .any(|name| name == path.first_component())
        };
        Ok(tree
            .files()
            .map(|(path, _)| path.clone())
            .filter(|path| !left(path))
            .collect())
    }
}

/// Bills of materials that were named and stand in the folder with the same bytes. One with other
/// bytes is replaced if it is ours, and then it is no artifact.
/// How many files each record names.
///
/// # Errors
/// `record-other-digests` (exit 2) for one that names none.
fn recorded(request: &Request, plan: &Plan) -> Result<Vec<usize>, Failure> {
    request
        .records
        .iter()
        .map(|record| {
            let files = plan.artifacts.iter();
            match files.filter(|file| record.names(&file.path)).count() {
                0 => Err(record.covers_none()),
                count => Ok(count),
            }
        })
        .collect()
}

fn sboms_inside(
    request: &Request,
    plan: &mut Plan,
    kept: &Kept,
) -> Result<BTreeSet<RelativePath>, Failure> {
    let mut inside = BTreeSet::new();
    let mut others = Vec::new();
    for sbom in &request.sboms {
        if !plan.artifacts.iter().any(|file| file.path == sbom.path) {
            continue;
        }
        let found = fs::read(request.folder.join(sbom.path.as_str())).map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", sbom.path))
        })?;
        if found == sbom.bytes {
            inside.insert(sbom.path.clone());
        } else {
            others.push(sbom.path.clone());
        }
    }
    if others.is_empty() {
        return Ok(inside);
    }
    let strangers = if request.out.is_some() {
        others.clone()
    } else {
        kept.not_ours(&request.folder, &others, &request.name)?
    };
    let names = others.iter().map(RelativePath::as_str).collect();
    refuse_strangers(
        &strangers,
        &names,
        request.force && request.out.is_none(),
        "sbom-exists",
    )?;
    plan.set_aside(&others);
    Ok(inside)
}

/// A folder that cannot be written is found out before anything is signed.
fn may_be_written(folder: &Path) -> Result<(), Failure> {
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let error = std::io::Error::from(error);
        Failure::unknown(
            "folder-unwritable",
            format!("{}: {error}", folder.display()),
        )
    })
}
