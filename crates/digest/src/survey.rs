//! What stands below a folder with its metadata: in order, one at a time, opened by nobody else's name.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use crate::artifact::Artifact;
use crate::hasher::Hashes;
use crate::limits;
use crate::path::{NameProblem, RelativePath, escaped_bytes};
use crate::read_error::ReadError;
use crate::sys::node::{self, ExtendedAttribute, Metadata, NodeKind};
use crate::sys::{Snapshot, is_exhausted};
use crate::walk::WalkError;

/// Walks a tree: each folder before what it holds, the names of one folder in the order of their bytes.
///
/// Every name is looked at and opened in its open folder, and no link is followed, so that nobody can
/// lead the walk elsewhere by exchanging a folder for a link. Memory is that of the names of the
/// folders on the way. A folder that is written while it is walked is told as [`Step::Changed`].
#[derive(Debug)]
pub struct Survey {
    levels: Vec<Level>,
    top: Option<Sighting>,
    nodes: usize,
}

/// One step of a walk.
#[derive(Debug)]
pub enum Step {
    /// Something stands there.
    Seen(Sighting),
    /// A folder, by its shown path, was written or replaced while it was walked.
    Changed(String),
    /// A folder cannot be listed: nothing is known of what it holds.
    Unlisted {
        /// The folder.
        path: Vec<u8>,
        /// What the system said.
        reason: io::ErrorKind,
    },
}

#[derive(Debug)]
struct Level {
    folder: Arc<OwnedFd>,
    /// The path of the folder and a `/`; empty for the top.
    prefix: Vec<u8>,
    /// In falling order: the next one is the last.
    names: Vec<CString>,
    before: Metadata,
}

impl Survey {
    /// Opens the folder, following links to it.
    ///
    /// # Errors
    /// There is no folder of that name, or it may not be listed.
    pub fn begin(path: &Path) -> Result<Self, WalkError> {
        let failed = |error| WalkError::of_root(path, error);
        let folder = Arc::new(node::open_top(path).map_err(failed)?);
        let before = node::look_at(&folder).map_err(failed)?;
        let level = Level::list(&folder, Vec::new(), before).map_err(failed)?;
        let names = level.names.len();
        let survey = Self {
            levels: vec![level],
            nodes: names,
            top: Some(Sighting {
                path: Vec::new(),
                metadata: before,
                handle: Handle::Open(folder),
            }),
        };
        survey.check_count(names)?;
        Ok(survey)
    }

    /// What comes next. What `is_ignored` covers, by its path, is neither looked at nor entered.
    ///
    /// # Errors
    /// A limit is exceeded, or the system runs out of something.
    pub fn next(&mut self, is_ignored: &dyn Fn(&str) -> bool) -> Result<Option<Step>, WalkError> {
        if let Some(top) = self.top.take() {
            return Ok(Some(Step::Seen(top)));
        }
        loop {
            let Some(level) = self.levels.last_mut() else {
                return Ok(None);
            };
            let Some(name) = level.names.pop() else {
                if let Some(path) = self.leave() {
                    return Ok(Some(Step::Changed(path)));
                }
                continue;
            };
            let path = level.path_of(&name);
            if str::from_utf8(&path).is_ok_and(is_ignored) {
                continue;
            }
            return self.look(&name, path).map(Some);
        }
    }

    /// Leaves a folder; its path, if it is not what was entered any more.
    fn leave(&mut self) -> Option<String> {
        let level = self.levels.pop()?;
        let now = node::look_at(&level.folder);
        let is_same = now.is_ok_and(|now| now.snapshot == level.before.snapshot);
        let path = level.prefix.strip_suffix(b"/").unwrap_or(b".");
        (!is_same).then(|| escaped_bytes(path))
    }

    fn look(&mut self, name: &CStr, path: Vec<u8>) -> Result<Step, WalkError> {
        let Some(level) = self.levels.last() else {
            return Ok(Step::Changed(escaped_bytes(&path)));
        };
        let parent = level.before.on_device();
        let metadata = match node::look(&level.folder, name, Some(parent)) {
            Ok(metadata) => metadata,
            // It was listed just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Step::Changed(escaped_bytes(&path)));
            }
            Err(error) => return unlisted(path, error),
        };
        let handle = if metadata.kind == NodeKind::Directory {
            match self.enter(name, &path, &metadata) {
                Ok(Some(folder)) => Handle::Open(folder),
                Ok(None) => return Ok(Step::Changed(escaped_bytes(&path))),
                Err(Refused::Limit(error)) => return Err(error),
                Err(Refused::System(error)) => return unlisted(path, error),
            }
        } else {
            Handle::Named {
                folder: Arc::clone(&level.folder),
                name: name.to_owned(),
            }
        };
        Ok(Step::Seen(Sighting {
            path,
            metadata,
            handle,
        }))
    }

    /// Opens and lists a folder; none, if it is another one by now.
    fn enter(
        &mut self,
        name: &CStr,
        path: &[u8],
        seen: &Metadata,
    ) -> Result<Option<Arc<OwnedFd>>, Refused> {
        if self.levels.len() > limits::TREE_DEPTH {
            return Err(Refused::Limit(WalkError::TooDeep {
                path: crate::walk::ItemPath::Escaped(escaped_bytes(path)),
                limit: limits::TREE_DEPTH,
            }));
        }
        let Some(level) = self.levels.last() else {
            return Ok(None);
        };
        let folder = match node::open_folder(&level.folder, name) {
            Ok(folder) => Arc::new(folder),
            Err(error) if node::is_replaced(&error) => return Ok(None),
            Err(error) => return Err(Refused::System(error)),
        };
        let mut before = node::look_at(&folder).map_err(Refused::System)?;
        if before.id() != seen.id() {
            return Ok(None);
        }
        before.is_mount = seen.is_mount;
        let mut prefix = path.to_vec();
        prefix.push(b'/');
        let level = Level::list(&folder, prefix, before).map_err(Refused::System)?;
        let names = level.names.len();
        self.nodes += names;
        self.levels.push(level);
        self.check_count(names).map_err(Refused::Limit)?;
        Ok(Some(folder))
    }

    fn check_count(&self, in_folder: usize) -> Result<(), WalkError> {
        for (found, limit) in [
            (in_folder, limits::SURVEY_FOLDER_NAMES),
            (self.nodes, limits::SURVEY_NODES),
        ] {
            if found > limit {
                return Err(WalkError::TooManyItems { limit });
            }
        }
        Ok(())
    }
}

enum Refused {
    Limit(WalkError),
    System(io::Error),
}

fn unlisted(path: Vec<u8>, source: io::Error) -> Result<Step, WalkError> {
    if is_exhausted(&source) {
        let path = escaped_bytes(&path).into();
        return Err(WalkError::Io { path, source });
    }
    let reason = source.kind();
    Ok(Step::Unlisted { path, reason })
}

impl Level {
    fn list(folder: &Arc<OwnedFd>, prefix: Vec<u8>, before: Metadata) -> io::Result<Self> {
        // One more than may be, so that the excess shows.
        let mut names = node::names(folder, limits::SURVEY_FOLDER_NAMES + 1)?;
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(Self {
            folder: Arc::clone(folder),
            prefix,
            names,
            before,
        })
    }

    fn path_of(&self, name: &CStr) -> Vec<u8> {
        let mut path = self.prefix.clone();
        path.extend_from_slice(name.to_bytes());
        path
    }
}

/// Something that stands in a tree, by a handle that leads to nothing else.
#[derive(Debug)]
pub struct Sighting {
    path: Vec<u8>,
    metadata: Metadata,
    handle: Handle,
}

#[derive(Debug)]
enum Handle {
    /// A folder.
    Open(Arc<OwnedFd>),
    /// Anything else: a name in an open folder.
    Named { folder: Arc<OwnedFd>, name: CString },
}

impl Sighting {
    /// The bytes of its path; empty for the top.
    pub fn path_bytes(&self) -> &[u8] {
        &self.path
    }

    /// Its path, if it is one that can be signed; none for the top.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn path(&self) -> Result<Option<RelativePath>, NameProblem> {
        if self.path.is_empty() {
            return Ok(None);
        }
        RelativePath::from_bytes(&self.path).map(Some)
    }

    /// Its path for messages; `.` for the top.
    pub fn shown_path(&self) -> String {
        shown_path(&self.path)
    }

    /// What the system said when it was met.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Opens a regular file for reading; nothing else is ever opened.
    ///
    /// # Errors
    /// It cannot be opened, or is another one or was written since it was met.
    pub fn open(&self) -> Result<OpenSighting, ReadError> {
        match (&self.handle, self.metadata.kind) {
            (Handle::Named { folder, name }, NodeKind::File) => {
                let file = match node::open_file(folder, name) {
                    Ok(file) => File::from(file),
                    Err(error) if node::is_replaced(&error) => {
                        return Err(ReadError::Changed { path: None });
                    }
                    Err(error) => return Err(error.into()),
                };
                let now =
                    Snapshot::of_regular(&file).map_err(|_| ReadError::Changed { path: None })?;
                if now != self.metadata.snapshot {
                    return Err(ReadError::Changed { path: None });
                }
                Ok(OpenSighting { file, before: now })
            }
            _ => Err(ReadError::Changed { path: None }),
        }
    }

    /// Where a symbolic link leads, as it is written.
    ///
    /// # Errors
    /// It is none any more, or cannot be read.
    pub fn target(&self) -> Result<Vec<u8>, ReadError> {
        match &self.handle {
            Handle::Named { folder, name } => Ok(node::target(folder, name)?),
            Handle::Open(_) => Err(ReadError::Changed { path: None }),
        }
    }

    /// The extended attributes that are wanted, of anything that is no regular file.
    ///
    /// # Errors
    /// They cannot be read, or something else stands there by now.
    pub fn attributes(
        &self,
        is_wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Vec<ExtendedAttribute>, ReadError> {
        match &self.handle {
            Handle::Open(folder) => Ok(node::attributes(folder.as_fd(), is_wanted)?),
            Handle::Named { folder, name } => {
                let held = node::hold(folder, name)?;
                if node::look_at(&held)?.id() != self.metadata.id() {
                    return Err(ReadError::Changed { path: None });
                }
                Ok(node::attributes_of_held(&held, is_wanted)?)
            }
        }
    }
}

/// A regular file of a tree, open for reading.
#[derive(Debug)]
pub struct OpenSighting {
    file: File,
    before: Snapshot,
}

impl OpenSighting {
    /// The extended attributes that are wanted.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn attributes(
        &self,
        is_wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Vec<ExtendedAttribute>, ReadError> {
        Ok(node::attributes(self.file.as_fd(), is_wanted)?)
    }

    /// Its size and digests.
    ///
    /// # Errors
    /// It cannot be read, or was written since it was met.
    pub fn read(&self, hashes: Hashes) -> Result<Artifact, ReadError> {
        Artifact::read_since(&self.file, &self.before, hashes)
    }
}

/// A path of a tree for messages, escaped; `.` for the top.
pub fn shown_path(path: &[u8]) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    escaped_bytes(path)
}

/// The order of a walk: a folder before what it holds, names by their bytes.
pub fn walk_order(one: &[u8], other: &[u8]) -> std::cmp::Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    one.iter().map(rank).cmp(other.iter().map(rank))
}
