//! Programs of others that this command runs: found in absolute folders of `PATH` alone, never in the
//! current one, which may be a stranger's.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The first program of that name that may be executed in an absolute folder of `path`.
pub(crate) fn find(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| {
            program.metadata().is_ok_and(|metadata| {
                metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
            })
        })
}

/// The absolute folders of `path`, for what runs in a folder of others; a list without any would mean that one.
pub(crate) fn absolute_folders(path: &OsStr) -> OsString {
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    // They came from such a list: none holds what separates them.
    let list = env::join_paths(folders).unwrap_or_default();
    if list.is_empty() { "/".into() } else { list }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_in_a_folder_of_others_finds_no_program_there() {
        for (path, wanted) in [
            (".:/usr/bin::sub:/bin:", "/usr/bin:/bin"),
            ("", "/"),
            (".", "/"),
        ] {
            assert_eq!(absolute_folders(OsStr::new(path)), wanted, "{path}");
        }
    }

    #[test]
    fn a_program_is_never_taken_from_a_relative_folder() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        std::fs::write(&git, "").unwrap();
        let find = |path: &OsStr| find("git", Some(path));
        assert_eq!(
            find(folder.path().as_os_str()),
            None,
            "it may not be executed"
        );
        std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(folder.path().as_os_str()), Some(git));
        assert_eq!(find(OsStr::new(".")), None);
        assert_eq!(find(OsStr::new("")), None);
    }
}
