//! What was asked for, resolved and refused where it cannot be done.

use std::path::{Path, PathBuf};

use attest_policy::Pattern;
use attest_provenance::ReleaseName;

use super::ReleaseArgs;
use super::authority::Foreign;
use super::gpg::GpgKey;
use super::record::Record;
use super::repository::Repository;
use super::sbom::Sbom;
use crate::failure::Failure;
use crate::home::{lies_inside, real};

/// A release that was asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) name: ReleaseName,
    /// As the user named it.
    pub(super) folder: PathBuf,
    pub(super) out: Option<PathBuf>,
    pub(super) sboms: Vec<Sbom>,
    /// How some of the files were made.
    pub(super) records: Vec<Record>,
    pub(super) foreign: Option<Foreign>,
    /// Who signs the checksums for those who have gpg alone.
    pub(super) gpg: Option<GpgKey>,
    /// Whether certificates sign, and no key that is kept.
    pub(super) is_keyless: bool,
    pub(super) repository: Repository,
    pub(super) allow_private_key: Vec<Pattern>,
    pub(super) force: bool,
    /// What was found on the way, to be said.
    pub(super) notes: Vec<String>,
}

impl Request {
    /// # Errors
    /// Exit 2: `release-name-malformed`, `name-required`, `folder-unreadable`, `out-inside`, and
    /// what is wrong with a bill of materials, a pattern or an authority.
    pub(super) fn resolve(args: &ReleaseArgs) -> Result<Self, Failure> {
        if !args.folder.is_dir() {
            let problem = if args.folder.exists() {
                "is not a folder"
            } else {
                "does not exist"
            };
            return Err(Failure::request(
                "folder-unreadable",
                format!("{} {problem}", args.folder.display()),
            ));
        }
        let repository = Repository::of(&args.folder);
        let name = release_name(args, &repository)?;
        if let Some(out) = &args.out {
            refuse_overlap(&args.folder, out)?;
        }
        let mut notes = Vec::new();
        let sboms = sboms(args, &name, &mut notes)?;
        Ok(Self {
            name,
            folder: args.folder.clone(),
            out: args.out.clone(),
            sboms,
            records: args
                .provenance
                .iter()
                .map(|path| Record::read(path, &args.folder))
                .collect::<Result<_, _>>()?,
            foreign: match (&args.tsa, &args.tsa_chain) {
                (Some(url), Some(chain)) => Some(Foreign::open(url, chain)?),
                _ => None,
            },
            gpg: args
                .signing
                .gpg_key
                .as_deref()
                .map(GpgKey::find)
                .transpose()?,
            is_keyless: args.services.is_keyless(),
            repository,
            allow_private_key: patterns(&args.allow_private_key)?,
            force: args.force,
            notes,
        })
    }

    /// Where acquirers' files will be.
    pub(super) fn target(&self) -> &Path {
        self.out.as_deref().unwrap_or(&self.folder)
    }
}

fn release_name(args: &ReleaseArgs, repository: &Repository) -> Result<ReleaseName, Failure> {
    let Some(name) = args.name.as_ref().or(repository.name.as_ref()) else {
        return Err(Failure::request(
            "name-required",
            format!(
                "{} lies in no git repository with a remote, so the release has no name",
                args.folder.display()
            ),
        )
        .hint("name it with --name"));
    };
    ReleaseName::new(name, &args.version).map_err(|error| Failure::request(error.code(), error))
}

fn refuse_overlap(folder: &Path, out: &Path) -> Result<(), Failure> {
    if lies_inside(out, folder) || lies_inside(folder, out) {
        return Err(Failure::request(
            "out-inside",
            format!(
                "{} and {} overlap",
                real(out).display(),
                real(folder).display()
            ),
        )
        .hint("the copy needs a folder of its own"));
    }
    Ok(())
}

fn sboms(
    args: &ReleaseArgs,
    name: &ReleaseName,
    notes: &mut Vec<String>,
) -> Result<Vec<Sbom>, Failure> {
    let sboms = args
        .sbom
        .iter()
        .map(|file| match file.to_str() {
            Some("auto") => {
                let source = args.source.as_deref().unwrap_or(Path::new("."));
                Sbom::made(source, name, notes)
            }
            _ => Sbom::read(file),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if args.source.is_some() && !args.sbom.iter().any(|it| it.as_os_str() == "auto") {
        return Err(Failure::request(
            "bad-arguments",
            "--source is for --sbom auto, which is not asked for",
        ));
    }
    for (at, sbom) in sboms.iter().enumerate() {
        if sboms
            .iter()
            .skip(at + 1)
            .any(|other| other.path == sbom.path)
        {
            return Err(super::plan::collision(
                sbom.path.as_str(),
                sbom.path.as_str(),
            ));
        }
    }
    Ok(sboms)
}

fn patterns(texts: &[String]) -> Result<Vec<Pattern>, Failure> {
    texts
        .iter()
        .map(|text| Pattern::parse(text))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::request("bad-pattern", format!("--allow-private-key: {error}")))
}
