//! The files below a folder.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::path::{NameProblem, RelativePath, escaped_bytes};
use crate::read_error::{FileKind, Shown};
use crate::sys::{Entry, LinkFailure, Root, is_exhausted};

/// Lists everything below a folder, following no link to a folder.
///
/// # Errors
/// The folder cannot be opened, a limit is exceeded, or the system runs out of something. What is
/// wrong with a single name is said in its [`Item`].
pub fn walk(root: &Path, limits: &WalkLimits) -> Result<Tree, WalkError> {
    Root::open(root)?
        .walk(limits)
        .map_err(|error| error.at(root))
}

impl Root {
    /// Lists everything below the folder, as [`walk`] does.
    ///
    /// # Errors
    /// As [`walk`].
    pub fn walk(&self, limits: &WalkLimits) -> Result<Tree, WalkError> {
        let mut walker = Walker {
            root: self,
            limits,
            bytes: 0,
            tree: Tree::default(),
            pending: Vec::new(),
        };
        walker.list(None)?;
        while let Some(folder) = walker.pending.pop() {
            walker.list(Some(&folder))?;
            walker.tree.directories.push(folder);
        }
        let mut tree = walker.tree;
        tree.items
            .sort_unstable_by(|one, other| one.path.cmp(&other.path));
        tree.directories.sort_unstable();
        Ok(tree)
    }
}

/// How much a folder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Files, links and refused names.
    pub items: usize,
    /// Folders.
    pub directories: usize,
    /// Folders above the deepest file.
    pub depth: usize,
    /// Bytes of all paths.
    pub path_bytes: usize,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self {
            items: limits::TREE_ITEMS,
            directories: limits::TREE_DIRECTORIES,
            depth: limits::TREE_DEPTH,
            path_bytes: limits::TREE_PATH_BYTES,
        }
    }
}

/// What stands below a folder, hidden and empty files included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    items: Vec<Item>,
    directories: Vec<RelativePath>,
}

impl Tree {
    /// Everything but folders, sorted by path.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The folders, sorted by path. One whose name is refused is an item instead.
    pub fn directories(&self) -> &[RelativePath] {
        &self.directories
    }

    /// Files, and links to files, that can be taken: their paths and sizes, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&RelativePath, u64)> {
        self.items
            .iter()
            .filter_map(|item| match (&item.path, &item.kind) {
                (ItemPath::Good(path), Kind::File { size } | Kind::Link { size }) => {
                    Some((path, *size))
                }
                _ => None,
            })
    }

    /// What cannot be taken, and why, sorted by path.
    pub fn refused(&self) -> impl Iterator<Item = (&ItemPath, &Problem)> {
        self.items.iter().filter_map(|item| match &item.kind {
            Kind::Refused(problem) => Some((&item.path, problem)),
            _ => None,
        })
    }
}

impl IntoIterator for Tree {
    type Item = Item;
    type IntoIter = std::vec::IntoIter<Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

/// Something below a folder that is not a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it stands.
    pub path: ItemPath,
    /// What it is.
    pub kind: Kind,
}

/// Where an item stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemPath {
    /// A path that can be signed.
    Good(RelativePath),
    /// Another name, escaped so that it can be shown; two names never look the same.
    Escaped(String),
}

impl ItemPath {
    /// The path, if it is one that can be signed.
    pub const fn relative(&self) -> Option<&RelativePath> {
        match self {
            Self::Good(path) => Some(path),
            Self::Escaped(_) => None,
        }
    }

    /// The path or the escaped name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Good(path) => path.as_str(),
            Self::Escaped(name) => name,
        }
    }
}

impl fmt::Display for ItemPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialOrd for ItemPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ItemPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |it: &Self| u8::from(it.relative().is_none());
        self.as_str()
            .cmp(other.as_str())
            .then_with(|| rank(self).cmp(&rank(other)))
    }
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Its bytes, when the folder was listed.
        size: u64,
    },
    /// A link that leads to a regular file inside of the folder.
    Link {
        /// The bytes of that file, when the folder was listed.
        size: u64,
    },
    /// Something that cannot be signed.
    Refused(Problem),
}

/// Why an item cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Its name.
    #[error(transparent)]
    Name(#[from] NameProblem),
    /// A link that leads out of the folder, even for a moment.
    #[error("link leads out of the folder")]
    LinkOutside,
    /// A link that leads to nothing or to itself.
    #[error("link leads to nothing")]
    LinkBroken,
    /// A link that leads to a folder.
    #[error("link leads to a folder")]
    LinkToDirectory,
    /// Neither file nor folder.
    #[error("{kind}, wanted a regular file")]
    SpecialFile {
        /// What it is.
        kind: FileKind,
    },
    /// The system would not say what it is, or not list the folder.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: io::ErrorKind,
    },
}

impl Problem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(problem) => problem.code(),
            Self::LinkOutside => "link-outside",
            Self::LinkBroken => "link-broken",
            Self::LinkToDirectory => "link-to-directory",
            Self::SpecialFile { .. } => "special-file",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// Why a folder could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// There is no folder of that name.
    #[error("{} does not exist", Shown(Some(path)))]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// There is something else than a folder.
    #[error("{} is not a folder", Shown(Some(path)))]
    NotADirectory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// More files, links and refused names than a tree may have.
    #[error("folder holds more than {limit} files")]
    TooManyItems {
        /// How many it may have.
        limit: usize,
    },
    /// More folders than a tree may have.
    #[error("folder holds more than {limit} folders")]
    TooManyDirectories {
        /// How many it may have.
        limit: usize,
    },
    /// Longer paths than a tree may have.
    #[error("paths in the folder have more than {limit} bytes together")]
    TooManyPathBytes {
        /// How many they may have.
        limit: usize,
    },
    /// A deeper folder than a tree may have.
    #[error("{path} is more than {limit} folders deep")]
    TooDeep {
        /// The first such folder that was met.
        path: ItemPath,
        /// How deep it may be.
        limit: usize,
    },
    /// The system refused.
    #[error("{} cannot be listed", Shown(Some(path)))]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WalkError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } | Self::NotADirectory { .. } | Self::Io { .. } => {
                "folder-unreadable"
            }
            Self::TooManyItems { .. }
            | Self::TooManyDirectories { .. }
            | Self::TooManyPathBytes { .. } => "folder-too-large",
            Self::TooDeep { .. } => "folder-too-deep",
        }
    }

    pub(crate) fn of_root(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ => Self::Io { path, source },
        }
    }

    fn at(self, root: &Path) -> Self {
        match self {
            Self::Io { path, source } => Self::Io {
                path: root.join(path),
                source,
            },
            other => other,
        }
    }
}

struct Walker<'a> {
    root: &'a Root,
    limits: &'a WalkLimits,
    bytes: usize,
    tree: Tree,
    pending: Vec<RelativePath>,
}

impl Walker<'_> {
    fn list(&mut self, folder: Option<&RelativePath>) -> Result<(), WalkError> {
        // One more than may be, so that the excess shows.
        let most = self
            .limits
            .items
            .saturating_add(self.limits.directories)
            .saturating_add(1);
        let entries = match self.root.list(folder, most) {
            Ok(entries) => entries,
            Err(source) => return self.unreadable_folder(folder, source),
        };
        for entry in entries {
            self.enter(folder, entry)?;
        }
        Ok(())
    }

    fn unreadable_folder(
        &mut self,
        folder: Option<&RelativePath>,
        source: io::Error,
    ) -> Result<(), WalkError> {
        match folder {
            Some(folder) if !is_exhausted(&source) => {
                let reason = source.kind();
                let path = ItemPath::Good(folder.clone());
                self.push(path, Kind::Refused(Problem::Unreadable { reason }))
            }
            _ => {
                let path = folder.map_or_else(PathBuf::new, |it| PathBuf::from(it.as_str()));
                Err(WalkError::Io { path, source })
            }
        }
    }

    fn enter(&mut self, folder: Option<&RelativePath>, entry: Entry) -> Result<(), WalkError> {
        let path = match join(folder, &entry.name) {
            Ok(path) => path,
            Err(NameProblem::TooDeep { .. }) => return Err(self.too_deep(folder, &entry.name)),
            Err(problem) => {
                let path = escaped_path(folder, &entry.name);
                return self.push(path, Kind::Refused(Problem::Name(problem)));
            }
        };
        let kind = match entry.found {
            Err(error) => self.unreadable(&path, error)?,
            Ok(found) => match found.kind {
                FileKind::File => Kind::File { size: found.size },
                FileKind::Link => self.follow(&path)?,
                FileKind::Directory => return self.descend(path),
                kind => Kind::Refused(Problem::SpecialFile { kind }),
            },
        };
        self.push(ItemPath::Good(path), kind)
    }

    fn follow(&self, link: &RelativePath) -> Result<Kind, WalkError> {
        Ok(match self.root.follow(link) {
            Ok(found) => match found.kind {
                FileKind::File => Kind::Link { size: found.size },
                FileKind::Directory => Kind::Refused(Problem::LinkToDirectory),
                kind => Kind::Refused(Problem::SpecialFile { kind }),
            },
            Err(LinkFailure::Outside) => Kind::Refused(Problem::LinkOutside),
            Err(LinkFailure::Broken) => Kind::Refused(Problem::LinkBroken),
            Err(LinkFailure::Other(error)) => self.unreadable(link, error)?,
        })
    }

    #[expect(clippy::unused_self, reason = "stands beside its callers")]
    fn unreadable(&self, path: &RelativePath, source: io::Error) -> Result<Kind, WalkError> {
        if is_exhausted(&source) {
            let path = PathBuf::from(path.as_str());
            return Err(WalkError::Io { path, source });
        }
        let reason = source.kind();
        Ok(Kind::Refused(Problem::Unreadable { reason }))
    }

    fn descend(&mut self, folder: RelativePath) -> Result<(), WalkError> {
        if folder.components().count() > self.limits.depth {
            let limit = self.limits.depth;
            return Err(WalkError::TooDeep {
                path: ItemPath::Good(folder),
                limit,
            });
        }
        if self.pending.len() + self.tree.directories.len() >= self.limits.directories {
            let limit = self.limits.directories;
            return Err(WalkError::TooManyDirectories { limit });
        }
        self.count_bytes(folder.as_str())?;
        self.pending.push(folder);
        Ok(())
    }

    fn push(&mut self, path: ItemPath, kind: Kind) -> Result<(), WalkError> {
        if self.tree.items.len() >= self.limits.items {
            return Err(WalkError::TooManyItems {
                limit: self.limits.items,
            });
        }
        self.count_bytes(path.as_str())?;
        self.tree.items.push(Item { path, kind });
        Ok(())
    }

    fn count_bytes(&mut self, path: &str) -> Result<(), WalkError> {
        self.bytes += path.len();
        if self.bytes > self.limits.path_bytes {
            return Err(WalkError::TooManyPathBytes {
                limit: self.limits.path_bytes,
            });
        }
        Ok(())
    }

    fn too_deep(&self, folder: Option<&RelativePath>, name: &[u8]) -> WalkError {
        WalkError::TooDeep {
            path: escaped_path(folder, name),
            limit: self.limits.depth.min(limits::PATH_DEPTH - 1),
        }
    }
}

fn join(folder: Option<&RelativePath>, name: &[u8]) -> Result<RelativePath, NameProblem> {
    let name = str::from_utf8(name).map_err(|_| NameProblem::NotUtf8)?;
    match folder {
        None => RelativePath::parse(name),
        Some(folder) => RelativePath::try_from(format!("{folder}/{name}")),
    }
}

fn escaped_path(folder: Option<&RelativePath>, name: &[u8]) -> ItemPath {
    let mut path = Vec::new();
    if let Some(folder) = folder {
        path.extend_from_slice(folder.as_str().as_bytes());
        path.push(b'/');
    }
    path.extend_from_slice(name);
    ItemPath::Escaped(escaped_bytes(&path))
}
