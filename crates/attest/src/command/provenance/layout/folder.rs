//! Links on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use attest_verify::layout::{LinkFolder, LinkReadError};

use crate::files;

/// The folder that `--links` names.
pub(crate) struct FolderOfLinks {
    root: PathBuf,
}

impl FolderOfLinks {
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn path(&self, below: &[String]) -> PathBuf {
        below
            .iter()
            .fold(self.root.clone(), |path, name| path.join(name))
    }
}

impl LinkFolder for FolderOfLinks {
    fn files(&self, below: &[String]) -> Result<Vec<String>, LinkReadError> {
        let path = self.path(below);
        let unreadable = |error: io::Error| LinkReadError {
            place: path.display().to_string(),
            reason: error.to_string(),
        };
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !below.is_empty() => {
                return Ok(Vec::new());
            }
            other => other.map_err(unreadable)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // Links have names in ASCII; what has another is none.
            names.extend(entry.map_err(unreadable)?.file_name().into_string());
        }
        Ok(names)
    }

    fn read(&self, below: &[String], name: &str, most: usize) -> Result<Vec<u8>, LinkReadError> {
        let path = self.path(below).join(name);
        files::read_limited(&path, most as u64).map_err(|error| LinkReadError {
            place: path.display().to_string(),
            reason: error.to_string(),
        })
    }
}
