//! The files that a step starts from, and those that it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use attest_digest::{
    Artifact, FileKind, Hashes, ItemPath, Kind, NameProblem, Problem, ReadError, RelativePath,
    Root, WalkError, WalkLimits, hash_all,
};

use crate::exclude::Excludes;

/// Where files are looked for, and under which names they are recorded.
#[derive(Clone, Debug)]
pub struct Observer {
    base: PathBuf,
    strip: Vec<String>,
    excludes: Excludes,
    left_out: Vec<PathBuf>,
}

/// What to do about a path of which nothing is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is an error.
    Refuse,
    /// The record says so: of a step that failed anyway.
    Note,
}

/// What was found: names as they stand in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    files: BTreeMap<RelativePath, ObservedFile>,
    links: BTreeMap<RelativePath, String>,
    missing: Vec<String>,
}

impl Observation {
    /// Regular files, and links to some inside of the base.
    pub const fn files(&self) -> &BTreeMap<RelativePath, ObservedFile> {
        &self.files
    }

    /// Symbolic links and where they say they lead. What a link to a folder, or to nothing, leads to was
    /// not read under the link's name.
    pub const fn links(&self) -> &BTreeMap<RelativePath, String> {
        &self.links
    }

    /// Paths of which nothing was there.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedFile {
    artifact: Artifact,
    mode: u32,
}

impl ObservedFile {
    /// Size and digest.
    pub const fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Unix permissions, set-user-id, set-group-id and sticky bits: 12 bits.
    pub const fn mode(&self) -> u32 {
        self.mode
    }
}

/// Why files were not observed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// Nothing of that name is there.
    #[error("{path} is not there")]
    Missing {
        /// The path that was asked for.
        path: String,
    },
    /// A path that a record cannot hold.
    #[error("{path}: {problem}")]
    Name {
        /// The path, escaped.
        path: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// Something below a folder that cannot be recorded.
    #[error("{path}: {problem}")]
    Refused {
        /// Where it stands.
        path: String,
        /// What it is.
        problem: Problem,
    },
    /// Two files would have one name in the record.
    #[error("{one} and {other} would both be recorded as {name}")]
    Collision {
        /// The name.
        name: RelativePath,
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// A folder cannot be listed.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A file cannot be read, or changed meanwhile.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ObserveError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "recorded-path-missing",
            Self::Name { problem, .. } => problem.code(),
            Self::Refused { problem, .. } => problem.code(),
            Self::Collision { .. } => "recorded-name-collision",
            Self::Walk(error) => error.code(),
            Self::Read(error) => error.code(),
        }
    }
}

impl Observer {
    /// Looks below `base`. From the names that are found the first prefix that fits is taken, whole
    /// components alone. Besides what the patterns leave out, nothing in `left_out` is read: our own
    /// files.
    pub fn new(base: &Path, strip: Vec<String>, excludes: Excludes, left_out: &[PathBuf]) -> Self {
        let real = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            base: base.to_owned(),
            strip,
            excludes,
            left_out: left_out.iter().map(real).collect(),
        }
    }

    /// Reads files, and all files below folders. A path is relative to the base, or absolute.
    ///
    /// A link is followed to a file inside of the base. A link to a folder is noted and not entered, so
    /// that there are no cycles; one that leads out of the base is refused.
    ///
    /// # Errors
    /// A path is missing (see [`Missing`]), or cannot be recorded; something below it cannot be
    /// recorded, read, or changed while it was read; two files get one name.
    pub fn observe(
        &self,
        paths: &[PathBuf],
        missing: Missing,
    ) -> Result<Observation, ObserveError> {
        let mut found = Found::default();
        for path in paths {
            self.find(path, missing, &mut found)?;
        }
        let mut observation = Observation {
            missing: std::mem::take(&mut found.missing),
            ..Observation::default()
        };
        for (anchor, places) in [
            (self.base.as_path(), &found.below_base),
            (Path::new("/"), &found.absolute),
        ] {
            if !places.files.is_empty() || !places.links.is_empty() {
                self.read(anchor, places, &mut observation)?;
            }
        }
        Ok(observation)
    }

    fn find(&self, path: &Path, missing: Missing, found: &mut Found) -> Result<(), ObserveError> {
        let (is_absolute, below) = normalised(path)?;
        let anchor = if is_absolute {
            Path::new("/")
        } else {
            &self.base
        };
        let whole = below
            .as_ref()
            .map_or_else(|| anchor.to_owned(), |it| anchor.join(it.as_str()));
        let shown = || path.display().to_string().escape_debug().to_string();
        let metadata = match whole.symlink_metadata() {
            Ok(_) => whole.metadata(),
            Err(_) if missing == Missing::Note => {
                found.missing.push(shown());
                return Ok(());
            }
            Err(_) => return Err(ObserveError::Missing { path: shown() }),
        };
        let places = if is_absolute {
            &mut found.absolute
        } else {
            &mut found.below_base
        };
        match (below, metadata) {
            (below, Ok(metadata)) if metadata.is_dir() => {
                self.enter(anchor, below.as_ref(), places)
            }
            (Some(below), _) => {
                if !self.is_left_out(anchor, &below) {
                    take_one(anchor, below, places)?;
                }
                Ok(())
            }
            // The base itself, which is no folder.
            (None, _) => Err(WalkError::NotADirectory { path: whole }.into()),
        }
    }

    fn enter(
        &self,
        anchor: &Path,
        folder: Option<&RelativePath>,
        places: &mut Places,
    ) -> Result<(), ObserveError> {
        let root = Root::open(anchor)?;
        let whole = folder.map_or_else(|| anchor.to_owned(), |it| anchor.join(it.as_str()));
        let tree = Root::open(&whole)?.walk(&WalkLimits::default())?;
        for item in tree {
            let refused = |problem: Problem| ObserveError::Refused {
                path: shown_below(folder, &item.path),
                problem,
            };
            let path = match &item.path {
                ItemPath::Good(path) => below(folder, path)?,
                ItemPath::Escaped(name) => {
                    // What is left out may be called as it likes.
                    let shown = shown_below(folder, &item.path);
                    match item.kind {
                        _ if self.excludes.leaves_out(&shown) => continue,
                        Kind::Refused(problem) => return Err(refused(problem)),
                        _ => return Err(name_problem(name, NameProblem::NotUtf8)),
                    }
                }
            };
            if self.is_left_out(anchor, &path) {
                continue;
            }
            match item.kind {
                Kind::File { .. } => {
                    places.files.insert(path);
                }
                Kind::Link { .. }
                | Kind::Refused(
                    Problem::LinkOutside | Problem::LinkBroken | Problem::LinkToDirectory,
                ) => take_link(&root, path, places)?,
                Kind::Refused(problem) => return Err(refused(problem)),
            }
        }
        Ok(())
    }

    fn is_left_out(&self, anchor: &Path, path: &RelativePath) -> bool {
        if self.excludes.leaves_out(path.as_str()) {
            return true;
        }
        if self.left_out.is_empty() {
            return false;
        }
        let whole = anchor.join(path.as_str());
        let whole = std::path::absolute(&whole).unwrap_or(whole);
        self.left_out.iter().any(|ours| whole.starts_with(ours))
    }

    fn read(
        &self,
        anchor: &Path,
        places: &Places,
        observation: &mut Observation,
    ) -> Result<(), ObserveError> {
        let root = Root::open(anchor)?;
        let is_absolute = anchor != self.base.as_path();
        let paths: Vec<&RelativePath> = places.files.iter().collect();
        let read = hash_all(0, &paths, |path| root.read_with_mode(path, Hashes::Sha256));
        for (path, read) in paths.into_iter().zip(read) {
            let (artifact, mode) = read?;
            let name = self.name(path, is_absolute)?;
            let file = ObservedFile { artifact, mode };
            if observation.files.insert(name.clone(), file).is_some() {
                return Err(ObserveError::Collision {
                    other: other_of_name(self, places, path, &name, is_absolute),
                    one: path.to_string(),
                    name,
                });
            }
        }
        for (path, target) in &places.links {
            let name = self.name(path, is_absolute)?;
            observation.links.insert(name, target.clone());
        }
        Ok(())
    }

    /// The name in the record.
    fn name(&self, path: &RelativePath, is_absolute: bool) -> Result<RelativePath, ObserveError> {
        let whole = if is_absolute {
            format!("/{path}")
        } else {
            path.to_string()
        };
        let name = self
            .strip
            .iter()
            .find_map(|prefix| {
                let rest = whole.strip_prefix(prefix.trim_end_matches('/'))?;
                rest.strip_prefix('/')
            })
            .unwrap_or(&whole);
        RelativePath::parse(name).map_err(|problem| name_problem(&whole, problem))
    }
}

/// What is to be read, from one folder.
#[derive(Default)]
struct Places {
    files: BTreeSet<RelativePath>,
    links: BTreeMap<RelativePath, String>,
}

#[derive(Default)]
struct Found {
    below_base: Places,
    absolute: Places,
    missing: Vec<String>,
}

/// A path that was named, and is no folder.
fn take_one(anchor: &Path, path: RelativePath, places: &mut Places) -> Result<(), ObserveError> {
    let root = Root::open(anchor)?;
    let whole = anchor.join(path.as_str());
    if whole.symlink_metadata().is_ok_and(|it| it.is_symlink()) {
        return take_link(&root, path, places);
    }
    places.files.insert(path);
    Ok(())
}

fn take_link(root: &Root, path: RelativePath, places: &mut Places) -> Result<(), ObserveError> {
    let target = root.read_link(&path)?;
    match root.open_file(&path) {
        Ok(_) => {
            places.files.insert(path.clone());
        }
        Err(ReadError::Outside { .. }) => {
            return Err(ObserveError::Refused {
                path: path.to_string(),
                problem: Problem::LinkOutside,
            });
        }
        // To nothing, or to a folder: noted alone.
        Err(
            ReadError::NotFound { .. }
            | ReadError::NotAFile {
                kind: FileKind::Directory,
                ..
            },
        ) => {}
        Err(error) => return Err(error.into()),
    }
    places.links.insert(path, target);
    Ok(())
}

/// A path of the command line without `.` and repeated slashes; whether it is absolute.
fn normalised(path: &Path) -> Result<(bool, Option<RelativePath>), ObserveError> {
    let shown = || path.display().to_string().escape_debug().to_string();
    let problem = |problem| name_problem(&shown(), problem);
    if path.as_os_str().is_empty() {
        return Err(problem(NameProblem::Empty));
    }
    let mut is_absolute = false;
    let mut below = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => is_absolute = true,
            Component::ParentDir => return Err(problem(NameProblem::ParentComponent)),
            Component::Normal(name) => below.push(name),
        }
    }
    if below.as_os_str().is_empty() {
        return Ok((is_absolute, None));
    }
    let below = RelativePath::try_from(below.as_path()).map_err(problem)?;
    Ok((is_absolute, Some(below)))
}

fn below(folder: Option<&RelativePath>, path: &RelativePath) -> Result<RelativePath, ObserveError> {
    match folder {
        None => Ok(path.clone()),
        Some(folder) => folder
            .join(path.as_str())
            .map_err(|problem| name_problem(path.as_str(), problem)),
    }
}

fn shown_below(folder: Option<&RelativePath>, path: &ItemPath) -> String {
    folder.map_or_else(|| path.to_string(), |folder| format!("{folder}/{path}"))
}

fn name_problem(path: &str, problem: NameProblem) -> ObserveError {
    ObserveError::Name {
        path: path.to_owned(),
        problem,
    }
}

/// The first other file that has the name already.
fn other_of_name(
    observer: &Observer,
    places: &Places,
    path: &RelativePath,
    name: &RelativePath,
    is_absolute: bool,
) -> String {
    places
        .files
        .iter()
        .find(|other| {
            *other != path
                && observer
                    .name(other, is_absolute)
                    .is_ok_and(|it| it == *name)
        })
        .map_or_else(
            || "a file of another folder".to_owned(),
            ToString::to_string,
        )
}

#[cfg(test)]
mod tests;
