//! Where evidence about a file or a folder is looked for.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use attest_verify::Detached;

use crate::files;
use crate::home::real;

/// A place where a bundle for a file may lie.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
}

/// As what a bundle was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Named after the file.
    Own,
    /// A release or provenance statement of the folder or a parent.
    Shared,
    /// The signature of a checksums file that may list the file.
    Checksums,
    /// Named by `--bundle`.
    Named,
}

/// Suffixes of bundles that belong to one file, as the field writes them.
const OWN: &[&str] = &[
    ".sigstore.json",
    ".sigstore",
    ".sigstore.jsonl",
    ".intoto.jsonl",
    ".provenance",
    ".publish.attestation",
    ".slsa.attestation",
    ".asc",
    ".gpg",
    ".sig",
    ".minisig",
];

/// The places for one file that hold something: beside it, then statements beside it and in parent
/// folders up to the current one.
pub(crate) fn places_for(file: &Path, neighbours: &Neighbours) -> Vec<Place> {
    let mut places = own_places(file);
    let own = places.len();
    for shared in neighbours.of(file).iter() {
        let is_own = |place: &Place| place.path == shared.path;
        if !places.iter().take(own).any(is_own) {
            places.push(shared.clone());
        }
    }
    places
}

/// What is named after one file.
pub(crate) fn own_places(file: &Path) -> Vec<Place> {
    let paths = OWN.iter().map(|suffix| with_suffix(file, suffix));
    paths
        .filter(|path| path.is_file())
        .map(|path| Place {
            path,
            role: Role::Own,
        })
        .collect()
}

/// The shared evidence of each folder and its parents, looked for once: a run can verify a hundred
/// thousand files of one folder.
#[derive(Debug, Default)]
pub(crate) struct Neighbours(Mutex<BTreeMap<PathBuf, Arc<[Place]>>>);

impl Neighbours {
    /// The shared evidence of the folder of a file, and of its parents.
    pub(crate) fn of(&self, file: &Path) -> Arc<[Place]> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = known.entry(files::folder_of(file)).or_insert_with(|| {
            let paths = folders_up(file)
                .into_iter()
                .flat_map(|folder| bundles_at_top(&folder));
            let role = |path: &PathBuf| name_of(path).and_then(shared_role);
            paths
                .filter_map(|path| role(&path).map(|role| Place { path, role }))
                .collect()
        });
        Arc::clone(shared)
    }
}

/// Every file at the top of a folder that is named like a bundle, in order.
pub(crate) fn bundles_at_top(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| folder.join(entry.file_name()))
        .filter(|path| {
            name_of(path).is_some_and(is_bundle_name) && path.is_file() || is_detached(path)
        })
        .collect();
    paths.sort();
    paths
}

/// Whether a file is named like evidence that a folder can hold: so it is looked at, and what it is
/// its content says.
pub(crate) fn is_bundle_name(name: &str) -> bool {
    without(IN_FOLDERS, name).is_some_and(|signed| !signed.is_empty())
}

/// Whether a file is named after another one that is there, as an OpenPGP, minisign or SSH signature
/// is, and begins like one: other things are called `.sig` too, and keys `.asc`.
fn is_detached(path: &Path) -> bool {
    let Some(signed) = name_of(path).and_then(|name| without(DETACHED, name)) else {
        return false;
    };
    if !path.is_file() || !path.with_file_name(signed).is_file() {
        return false;
    }
    let mut start = Vec::new();
    let read =
        files::open_regular(path).and_then(|file| file.take(FIRST_BYTES).read_to_end(&mut start));
    read.is_ok() && Detached::looks_like(&start)
}

/// The name without its suffix: the file that evidence named like this signs.
pub(crate) fn signed_name(name: &str) -> Option<&str> {
    without(IN_FOLDERS, name).or_else(|| without(DETACHED, name))
}

fn without<'n>(suffixes: &[&str], name: &'n str) -> Option<&'n str> {
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix))
}

/// Suffixes of evidence at the top of a folder.
const IN_FOLDERS: &[&str] = &[
    ".sigstore.json",
    ".sigstore",
    ".sigstore.jsonl",
    ".intoto.jsonl",
];

/// Suffixes of detached signatures.
const DETACHED: &[&str] = &[".asc", ".gpg", ".sig", ".minisig"];

/// Enough to tell what a file begins with.
const FIRST_BYTES: u64 = 64;

/// Whether evidence named like this signs a folder's checksums file.
pub(crate) fn signs_checksums(name: &str) -> bool {
    let stem = name
        .strip_suffix(".sigstore.json")
        .or_else(|| without(DETACHED, name));
    stem == Some("SHA256SUMS")
}

fn shared_role(name: &str) -> Option<Role> {
    if signs_checksums(name) {
        return Some(Role::Checksums);
    }
    let stem = name.strip_suffix(".sigstore.json")?;
    (stem.starts_with("release") || stem.starts_with("provenance")).then_some(Role::Shared)
}

/// The file's folder and its parents up to the current folder; only its own folder when it does not
/// lie below the current one.
pub(crate) fn folders_up(file: &Path) -> Vec<PathBuf> {
    let folder = files::folder_of(file);
    let here = real(Path::new("."));
    let place = real(&folder);
    let Ok(below) = place.strip_prefix(&here) else {
        return vec![folder];
    };
    let steps = below.components().count();
    let mut folders = vec![folder.clone()];
    folders.extend((1..=steps).map(|up| {
        let mut path = folder.clone();
        path.extend(std::iter::repeat_n("..", up));
        path
    }));
    folders
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_belongs_to_the_file_that_its_name_starts_with() {
        assert_eq!(signed_name("a.tar.gz.sigstore.json"), Some("a.tar.gz"));
        assert_eq!(signed_name("a.sigstore.jsonl"), Some("a"));
        assert_eq!(signed_name("a.txt"), None);
        assert!(!is_bundle_name(".sigstore.json"));
    }

    #[test]
    fn only_release_provenance_and_checksums_are_shared() {
        assert_eq!(shared_role("release.2.sigstore.json"), Some(Role::Shared));
        assert_eq!(
            shared_role("SHA256SUMS.sigstore.json"),
            Some(Role::Checksums)
        );
        assert_eq!(shared_role("SHA256SUMS.asc"), Some(Role::Checksums));
        assert_eq!(shared_role("other.sigstore.json"), None);
        assert_eq!(shared_role("release.txt.asc"), None);
    }
}
