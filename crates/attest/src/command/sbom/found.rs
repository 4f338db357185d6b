//! Lock files that are named, or found in a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attest_sbom::{FILE_NAMES, Lock, OTHER_FILE_NAMES, limits};

use crate::failure::Failure;
use crate::files;

/// Lock files that were read, and what the user should know about what was not.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order in which they were found.
    pub(crate) places: Vec<PathBuf>,
    pub(crate) locks: Vec<Lock>,
    pub(crate) notes: Vec<String>,
}

impl Found {
    /// Reads lock files, and those at the top of folders.
    ///
    /// # Errors
    /// `lock-missing`, `lock-unreadable` and what is wrong with a lock file: exit 2.
    pub(crate) fn in_all(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut found = Self::default();
        for path in paths {
            if path.is_dir() {
                found.look_in(path)?;
            } else {
                found.read(path)?;
            }
        }
        Ok(found)
    }

    /// The places, to be shown.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.places
            .iter()
            .map(|it| it.display().to_string())
            .collect()
    }

    fn look_in(&mut self, folder: &Path) -> Result<(), Failure> {
        let names = names(folder)?;
        let mut wanted: Vec<&str> = FILE_NAMES
            .into_iter()
            .filter(|it| names.contains(*it))
            .collect();
        if names.contains("npm-shrinkwrap.json") && names.contains("package-lock.json") {
            // What npm itself does.
            wanted.retain(|it| *it != "package-lock.json");
            self.notes
                .push("npm-shrinkwrap.json stands for package-lock.json".to_owned());
        }
        for other in OTHER_FILE_NAMES
            .into_iter()
            .filter(|it| names.contains(*it))
        {
            self.notes.push(format!(
                "{} is not read: its packages are not in the bill",
                folder.join(other).display()
            ));
        }
        self.note_below(folder, &names);
        if wanted.is_empty() {
            return Err(Failure::request(
                "lock-missing",
                format!(
                    "{} holds no lock file that is read: {}",
                    folder.display(),
                    FILE_NAMES.join(", ")
                ),
            )
            .hint("name the lock files, or the folder that holds them"));
        }
        for name in wanted {
            self.read(&folder.join(name))?;
        }
        Ok(())
    }

    /// Lock files one folder further down are somebody's too: they are named, and not taken.
    fn note_below(&mut self, folder: &Path, names: &BTreeSet<String>) {
        let below = names
            .iter()
            .filter(|it| !it.starts_with('.') && !SKIPPED.contains(&it.as_str()));
        for name in below.take(FOLDERS) {
            let inner = folder.join(name);
            for lock in FILE_NAMES.into_iter().chain(OTHER_FILE_NAMES) {
                let place = inner.join(lock);
                if place.is_file() {
                    self.notes.push(format!(
                        "{} is not in the bill: name it to have it there",
                        place.display()
                    ));
                }
            }
        }
    }

    fn read(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path
            .file_name()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        let (path, name) = match name {
            "go.sum" => (path.with_file_name("go.mod"), "go.mod"),
            name => (path.to_owned(), name),
        };
        if self.places.contains(&path) {
            return Ok(());
        }
        let bytes = bytes(&path)?;
        let sums = path.with_file_name("go.sum");
        let sums = if name == "go.mod" && sums.exists() {
            Some(self::bytes(&sums)?)
        } else {
            None
        };
        let lock = Lock::read(name, &bytes, sums.as_deref()).map_err(|error| {
            Failure::request(error.code(), format!("{}: {error}", path.display()))
        })?;
        self.places.push(path);
        self.locks.push(lock);
        Ok(())
    }
}

fn names(folder: &Path) -> Result<BTreeSet<String>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::request("lock-unreadable", format!("{}: {error}", folder.display()))
    };
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        names.extend(name.into_string().ok());
    }
    Ok(names)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    // One byte more than is read, so that it is the crate that says how large a lock file may be.
    let limit = limits::LOCK_BYTES as u64 + 1;
    files::read_limited(path, limit).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::FileTooLarge => "lock-too-large",
            _ => "lock-unreadable",
        };
        Failure::request(code, format!("{}: {error}", path.display()))
    })
}

/// Folders of what others made.
const SKIPPED: [&str; 4] = ["node_modules", "target", "vendor", "venv"];
/// Folders that are looked into for lock files that are not taken.
const FOLDERS: usize = 1000;
