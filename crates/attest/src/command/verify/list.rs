//! `--files-from`: the subjects of a list, one path on each line or between NULs. Each is a file, and its
//! bytes are meant, whatever its name says.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::subject::Subject;
use crate::failure::Failure;
use crate::files;
use crate::limits::{LIST_BYTES, LIST_PATHS};

/// Reads the list, from standard input when it is called `-`.
///
/// # Errors
/// `files-from-invalid` (exit 2): it cannot be read, is empty or too large, or has a line that is no
/// path.
pub(super) fn read(list: &Path, between_nuls: bool) -> Result<Vec<Subject>, Failure> {
    let refuse = |problem: String| {
        Failure::request(
            "files-from-invalid",
            format!("{}: {problem}", list.display()),
        )
    };
    let bytes = if list == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(LIST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| refuse(error.to_string()))?;
        if bytes.len() as u64 > LIST_BYTES {
            return Err(refuse(format!("more than {LIST_BYTES} bytes")));
        }
        bytes
    } else {
        files::read_limited(list, LIST_BYTES).map_err(|error| refuse(error.to_string()))?
    };
    paths(&bytes, between_nuls)
        .map(|paths| paths.into_iter().map(Subject::File).collect())
        .map_err(refuse)
}

fn paths(bytes: &[u8], between_nuls: bool) -> Result<Vec<PathBuf>, String> {
    let end = if between_nuls { 0 } else { b'\n' };
    let bytes = bytes.strip_suffix(&[end]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Err("the list is empty: nothing would be verified".to_owned());
    }
    let mut paths = Vec::new();
    for (index, path) in bytes.split(|byte| *byte == end).enumerate() {
        let number = index + 1;
        if path.is_empty() {
            return Err(format!("line {number} is empty"));
        }
        if !between_nuls && path.ends_with(b"\r") {
            return Err(format!("line {number} ends in CR LF, wanted LF"));
        }
        if path.contains(&0) {
            return Err(format!("line {number} has a NUL; --null reads such lists"));
        }
        if paths.len() >= LIST_PATHS {
            return Err(format!("more than {LIST_PATHS} paths"));
        }
        paths.push(PathBuf::from(OsString::from_vec(path.to_vec())));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, between_nuls: bool) -> Result<Vec<String>, String> {
        let paths = paths(text.as_bytes(), between_nuls)?;
        Ok(paths.iter().map(|it| it.display().to_string()).collect())
    }

    #[test]
    fn a_list_that_could_mean_something_else_is_refused() {
        for (text, between_nuls) in [
            ("", false),
            ("\n", false),
            ("\0", true),
            ("a\n\nb\n", false),
            ("a\r\nb\r\n", false),
            ("a\0b\0", false),
            ("a\0\0b", true),
        ] {
            assert!(read(text, between_nuls).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_line_is_a_path_whatever_is_in_it() {
        let list = read("a\n b \n#c\nsha256:00\n-\n", false).unwrap();
        assert_eq!(list, ["a", " b ", "#c", "sha256:00", "-"]);
        assert_eq!(read("a\nb\0c", true).unwrap(), ["a\nb", "c"]);
    }
}
