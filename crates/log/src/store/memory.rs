//! A file system in memory whose power can be taken at any step.
//!
//! It promises only what POSIX does: content is durable after `sync`, names after `sync_folder`;
//! before, each of them may be lost, kept, or half written, independently of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Item, Lock};

/// What is left after the power was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    /// Only the process died: everything that was written is there.
    Nothing,
    /// Everything that was not synced is gone.
    Everything,
    /// Each unsynced thing is kept, lost or torn, by this seed.
    Some { seed: u64 },
}

#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Clone, Default)]
struct State {
    steps: u64,
    dies_at: Option<u64>,
    full_at: Option<u64>,
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    locked: BTreeSet<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let memory = Self::default();
        let mut state = memory.state();
        state.names.insert(PathBuf::from("/"), Node::Folder);
        state.durable = state.names.clone();
        drop(state);
        memory
    }

    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Steps that changed something so far.
    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Dies before the step of this number, from 0.
    pub(crate) fn die_at(&self, step: u64) {
        self.state().dies_at = Some(step);
    }

    /// Has no space left from the step of this number on.
    pub(crate) fn full_at(&self, step: Option<u64>) {
        self.state().full_at = step;
    }

    /// An independent copy of what is there now.
    pub(crate) fn snapshot(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// What is found when the machine starts again.
    pub(crate) fn after(&self, loss: Loss) -> Self {
        let mut state = self.state().clone();
        state.dies_at = None;
        state.steps = 0;
        state.locked.clear();
        let mut chance = Chance::new(loss);
        for file in &mut state.files {
            file.now = chance.content(file);
            file.durable.clone_from(&file.now);
        }
        let paths: BTreeSet<_> = state
            .names
            .keys()
            .chain(state.durable.keys())
            .cloned()
            .collect();
        let mut left = BTreeMap::new();
        for path in paths {
            let (now, before) = (state.names.get(&path), state.durable.get(&path));
            let kept = if now == before || chance.keeps() {
                now
            } else {
                before
            };
            let above = path.parent().is_none_or(|it| left.contains_key(it));
            if let Some(kept) = kept.filter(|_| above) {
                left.insert(path, *kept);
            }
        }
        state.forget_nameless(&mut left);
        state.names.clone_from(&left);
        state.durable = left;
        Self(Arc::new(Mutex::new(state)))
    }

    /// Changes a file as somebody else would: durable at once.
    pub(crate) fn tamper(
        &self,
        path: &Path,
        change: impl FnOnce(Option<Vec<u8>>) -> Option<Vec<u8>>,
    ) {
        let mut state = self.state();
        let before = state
            .file(path)
            .ok()
            .and_then(|it| state.files.get(it))
            .map(|it| it.now.clone());
        if let Some(bytes) = change(before) {
            let id = state.files.len();
            state.files.push(Content {
                now: bytes.clone(),
                durable: bytes,
            });
            let folders: Vec<_> = path.ancestors().skip(1).map(Path::to_owned).collect();
            for folder in folders {
                state.names.insert(folder.clone(), Node::Folder);
                state.durable.insert(folder, Node::Folder);
            }
            state.names.insert(path.to_owned(), Node::File(id));
            state.durable.insert(path.to_owned(), Node::File(id));
        } else {
            state.names.remove(path);
            state.durable.remove(path);
        }
    }

    /// Puts everything below a folder back as it was in a snapshot.
    pub(crate) fn restore(&self, folder: &Path, from: &Self) {
        let backup = from.state().clone();
        let mut state = self.state();
        state.names.retain(|it, _| !it.starts_with(folder));
        state.durable.retain(|it, _| !it.starts_with(folder));
        for (path, node) in backup.names.iter().filter(|(it, _)| it.starts_with(folder)) {
            let node = match node {
                Node::Folder => Node::Folder,
                Node::File(id) => {
                    state.files.push(backup.files[*id].clone());
                    Node::File(state.files.len() - 1)
                }
            };
            state.names.insert(path.clone(), node);
            state.durable.insert(path.clone(), node);
        }
    }

    /// All files and what is in them.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let content = |node: &Node| match node {
            Node::File(id) => Some(state.files[*id].now.clone()),
            Node::Folder => None,
        };
        state
            .names
            .iter()
            .filter_map(|(path, node)| Some((path.clone(), content(node)?)))
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the content of files that have no name any more.
    fn forget_nameless(&mut self, names: &mut BTreeMap<PathBuf, Node>) {
        let old = std::mem::take(&mut self.files);
        for node in names.values_mut() {
            if let Node::File(id) = node {
                self.files.push(old[*id].clone());
                *id = self.files.len() - 1;
            }
        }
    }

    /// One step that changes something.
    fn step(&mut self) -> io::Result<()> {
        self.alive()?;
        self.steps += 1;
        Ok(())
    }

    /// One step that takes space.
    fn step_with_space(&mut self) -> io::Result<()> {
        self.step()?;
        match self.full_at {
            Some(at) if self.steps > at => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn alive(&self) -> io::Result<()> {
        match self.dies_at {
            Some(at) if self.steps >= at => Err(io::Error::other("the power is gone")),
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(id)) => Ok(*id),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn need_folder_of(&self, path: &Path) -> io::Result<()> {
        match path.parent().and_then(|it| self.names.get(it)) {
            Some(Node::Folder) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn children(&self, folder: &Path) -> impl Iterator<Item = (&PathBuf, &Node)> {
        self.names
            .iter()
            .filter(move |(it, _)| it.parent() == Some(folder))
    }
}

impl Disk for Memory {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        state.alive()?;
        match state.file(path) {
            Ok(id) => Ok(Some(state.files[id].now.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?.ok_or(io::ErrorKind::NotFound)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(bytes
            .get(offset..)
            .unwrap_or_default()
            .iter()
            .take(length)
            .copied()
            .collect())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Item>> {
        let state = self.state();
        state.alive()?;
        // "dir/" and "dir" are the same.
        let folder: PathBuf = folder.components().collect();
        let item = |(path, node): (&PathBuf, &Node)| Item {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            is_folder: *node == Node::Folder,
        };
        Ok(state.children(&folder).map(item).collect())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step_with_space()?;
        state.need_folder_of(path)?;
        // Truncated and written in place: until it is synced, any of the two may be found.
        let id = if let Ok(id) = state.file(path) {
            id
        } else {
            state.files.push(Content::default());
            let id = state.files.len() - 1;
            state.names.insert(path.to_owned(), Node::File(id));
            id
        };
        state.files[id].now = bytes.to_vec();
        Ok(())
    }

    fn extend(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let id = state.file(path)?;
        for half in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
            state.step_with_space()?;
            state.files[id].now.extend(half);
        }
        Ok(())
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let id = state.file(path)?;
        state.files[id]
            .now
            .truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.need_folder_of(to)?;
        let node = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), node);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.file(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        if state.children(path).next().is_some() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step_with_space()?;
        state.need_folder_of(path)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.names.insert(path.to_owned(), Node::Folder);
        Ok(())
    }

    fn sync(&self, files: &[PathBuf]) -> io::Result<()> {
        let mut state = self.state();
        for path in files {
            state.step()?;
            let id = state.file(path)?;
            let file = &mut state.files[id];
            file.durable.clone_from(&file.now);
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let folder: PathBuf = folder.components().collect();
        let now: Vec<_> = state
            .children(&folder)
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        state.durable.retain(|it, _| it.parent() != Some(&folder));
        state.durable.extend(now);
        Ok(())
    }

    fn lock_folder(&self, folder: &Path) -> io::Result<Option<Lock>> {
        self.lock(folder)
    }

    fn lock_file(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.lock(path)
    }

    fn unreliable(&self, _: &Path) -> io::Result<Option<&'static str>> {
        Ok(None)
    }
}

impl Memory {
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let mut state = self.state();
        state.alive()?;
        if !state.locked.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(Held {
            memory: self.clone(),
            path: path.to_owned(),
        })))
    }
}

struct Held {
    memory: Memory,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.state().locked.remove(&self.path);
    }
}

/// Decides what an interrupted machine keeps.
struct Chance {
    loss: Loss,
    state: u64,
}

impl Chance {
    fn new(loss: Loss) -> Self {
        let seed = if let Loss::Some { seed } = loss {
            seed
        } else {
            0
        };
        Self { loss, state: seed }
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn keeps(&mut self) -> bool {
        match self.loss {
            Loss::Nothing => true,
            Loss::Everything => false,
            Loss::Some { .. } => self.next().is_multiple_of(2),
        }
    }

    fn content(&mut self, file: &Content) -> Vec<u8> {
        if file.now == file.durable {
            return file.now.clone();
        }
        let Loss::Some { .. } = self.loss else {
            return if self.keeps() {
                file.now.clone()
            } else {
                file.durable.clone()
            };
        };
        match self.next() % 4 {
            0 => file.now.clone(),
            1 => file.durable.clone(),
            // The length was written, some of the content was not.
            2 => {
                let mut bytes = file.now.clone();
                let from = usize::try_from(self.next()).unwrap_or(0) % (bytes.len() + 1);
                let from = if file.now.starts_with(&file.durable) {
                    from.max(file.durable.len())
                } else {
                    from
                };
                bytes[from..].fill(0);
                bytes
            }
            _ => {
                let to = usize::try_from(self.next()).unwrap_or(0) % (file.now.len() + 1);
                let to = if file.now.starts_with(&file.durable) {
                    to.max(file.durable.len())
                } else {
                    to
                };
                file.now[..to].to_vec()
            }
        }
    }
}
