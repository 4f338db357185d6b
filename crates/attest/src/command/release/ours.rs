//! Which files are ours: byte for byte what this home has released before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest_archive::{Member, Reader, Release};
use attest_digest::{Algorithm, Digest, Hashes, RelativePath};
use attest_provenance::predicate::release::ClaimedRelease;
use attest_provenance::{ReleaseName, Statement, Subject};

use super::content::{open, read_failure};
pub(super) use crate::command::archive::archive_failure;
use crate::failure::Failure;
use crate::home::Home;

/// The releases of this home, as far as its archive reaches.
#[derive(Debug)]
pub(super) struct Kept {
    reader: Option<Reader>,
    exported: BTreeMap<&'static str, Digest>,
}

impl Kept {
    /// Opens the archive for reading; without a home or an archive nothing is kept.
    pub(super) fn open(home: &Home) -> Result<Self, Failure> {
        let reader = open_archive(home)?;
        let exports = [
            (super::reserved::PUBLIC_KEY, home.public_key()),
            (super::reserved::TRUSTED_ROOT, home.trusted_root()),
        ];
        let exported = exports
            .into_iter()
            .filter_map(|(name, path)| {
                let artifact = attest_digest::Artifact::read_path(&path, Hashes::Sha256).ok()?;
                Some((name, artifact.sha256()))
            })
            .collect();
        Ok(Self { reader, exported })
    }

    /// The release of that name and version.
    pub(super) fn find(&self, name: &ReleaseName) -> Result<Option<Release<'_>>, Failure> {
        match &self.reader {
            Some(reader) => reader.find(name).map_err(|error| archive_failure(&error)),
            None => Ok(None),
        }
    }

    /// Those of these files that are not ours, with what they hold now.
    pub(super) fn not_ours(
        &self,
        folder: &Path,
        paths: &[RelativePath],
        first: &ReleaseName,
    ) -> Result<Vec<RelativePath>, Failure> {
        let mut open = BTreeMap::new();
        let root = open_root(folder)?;
        for path in paths {
            let artifact = root
                .read(path, Hashes::Sha256)
                .map_err(|error| read_failure(&error))?;
            if self.exported.get(path.as_str()) != Some(&artifact.sha256()) {
                open.insert(path.clone(), artifact.sha256());
            }
        }
        self.strike_out(&mut open, first)?;
        Ok(open.into_keys().collect())
    }

    /// Goes through the releases, those of the same name first, until every file is found.
    fn strike_out(
        &self,
        open: &mut BTreeMap<RelativePath, Digest>,
        first: &ReleaseName,
    ) -> Result<(), Failure> {
        let Some(reader) = &self.reader else {
            return Ok(());
        };
        let mut releases = reader.list();
        releases.sort_by_key(|release| release.name.name() != first.name());
        for summary in releases {
            if open.is_empty() {
                break;
            }
            let release = reader
                .find(&summary.name)
                .map_err(|error| archive_failure(&error))?;
            for member in release.iter().flat_map(Release::members) {
                if open.get(member.path()) == Some(&member.digest()) {
                    open.remove(member.path());
                }
            }
        }
        Ok(())
    }
}

/// The archive, if one was made: `oci-layout` comes last, so that a run that died while making it
/// has left none.
pub(super) fn open_archive(home: &Home) -> Result<Option<Reader>, Failure> {
    let folder = home.archive();
    if !folder.join("oci-layout").exists() {
        return Ok(None);
    }
    let reader = Reader::open(&folder).map_err(|error| archive_failure(&error))?;
    Ok(Some(reader))
}

/// Refuses a release statement that names other files than this home's archive has of that release.
///
/// # Errors
/// `version-already-released` (1), or the archive cannot be read.
pub(crate) fn refuse_other_content(home: &Home, statement: &[u8]) -> Result<(), Failure> {
    // What is no release statement of ours is something else, and judged elsewhere.
    let Ok(statement) = Statement::parse(statement) else {
        return Ok(());
    };
    let claimed = ClaimedRelease::from_statement(&statement).ok();
    let Some(name) = claimed.as_ref().and_then(ClaimedRelease::name) else {
        return Ok(());
    };
    let Some(reader) = open_archive(home)? else {
        return Ok(());
    };
    let found = reader.find(name).map_err(|error| archive_failure(&error))?;
    let Some(kept) = found else {
        return Ok(());
    };
    let is_kept = |subject: &Subject| {
        let path = subject.name().and_then(|it| RelativePath::parse(it).ok());
        let member = path.and_then(|it| kept.member(&it).map(Member::digest));
        let named = subject.digests().get(Algorithm::Sha256).copied();
        member.is_some() && member == named
    };
    match statement.subjects().iter().find(|it| !is_kept(it)) {
        None => Ok(()),
        Some(other) => {
            let file = other
                .name()
                .unwrap_or("a file without a name")
                .escape_debug();
            let message = format!("{name} is released, and its {file} is another or none");
            Err(Failure::no("version-already-released", message)
                .hint("attest release makes releases: give this one another version"))
        }
    }
}

/// Refuses files in our way that are not ours.
///
/// With `force` those that will be written again may stand there; a file that only bears one of our
/// names, and that nothing would replace, is never removed.
pub(super) fn refuse_strangers(
    strangers: &[RelativePath],
    written: &BTreeSet<&str>,
    force: bool,
    code: &'static str,
) -> Result<(), Failure> {
    let in_the_way: Vec<String> = strangers
        .iter()
        .filter(|path| !force || !written.contains(path.as_str()))
        .map(ToString::to_string)
        .collect();
    if in_the_way.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} not what this home has released before",
        match in_the_way.as_slice() {
            [one] => format!("{one} is"),
            many => format!("{} are", super::plan::some_of(many)),
        }
    );
    let hint = if force {
        "no new file would take its place; move it away"
    } else {
        "move it away, or pass --force to let the release replace it"
    };
    Err(Failure::request(code, message).hint(hint))
}

fn open_root(folder: &Path) -> Result<attest_digest::Root, Failure> {
    open(folder)
}
