//! A file that merely looks like a checksums file: its bytes were verified, and nothing that it lists.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use attest_digest::limits::CHECKSUMS_BYTES;

use crate::files;
use crate::report::{SubjectReport, Verdict};
use crate::words::counted;

/// Says of a verified file how many others it lists.
pub(super) fn note(path: &Path, report: &mut SubjectReport) {
    let is_verified = |it: &crate::report::FileReport| matches!(it.verdict, Verdict::Verified);
    if report.files.is_empty() || !report.files.iter().all(is_verified) {
        return;
    }
    let count = listed(path);
    if count > 0 {
        let files = counted(count, "listed file");
        report.notes.push(format!("{files} not checked"));
    }
}

/// How many lines look like those of a list, if the first does.
fn listed(path: &Path) -> usize {
    let Ok(file) = files::open_regular(path) else {
        return 0;
    };
    let mut lines = BufReader::new(file.take(CHECKSUMS_BYTES as u64));
    let mut count = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return count,
            Ok(_) if names_a_digest(&line) => count += 1,
            Ok(_) if count == 0 => return 0,
            Ok(_) => {}
        }
    }
}

/// Whether a line is a digest and a name, as `sha256sum` and its kin write it, or one of BSD's and OpenSSL's.
fn names_a_digest(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let line = line.trim_end();
    let gnu = line.trim_start_matches('\\').split_once([' ', '\t']);
    let bsd = line
        .rsplit_once("= ")
        .filter(|(named, _)| named.contains('(') && named.trim_end().ends_with(')'));
    gnu.is_some_and(|(digest, name)| is_digest(digest) && !name.trim().is_empty())
        || bsd.is_some_and(|(_, digest)| is_digest(digest))
}

/// MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512 in hexadecimal.
fn is_digest(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128)
        && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Bytes of a line: a digest, and the longest path.
const LINE_BYTES: u64 = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_every_kind_are_seen_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let count = |text: &str| {
            std::fs::write(&path, text).unwrap();
            listed(&path)
        };
        for digest in [
            "0a".repeat(16),
            "0A".repeat(20),
            "0a".repeat(32),
            "0a".repeat(64),
        ] {
            for text in [
                format!("{digest}  a\n{digest} *b\n"),
                format!("\\{digest}  a\n\n# c\n{digest}  b"),
                format!("SHA256 (a) = {digest}\nSHA256 (b) = {digest}\n"),
                format!("SHA2-256(a)= {digest}\nSHA1(b)= {digest}\n"),
            ] {
                assert_eq!(count(&text), 2, "{text}");
            }
            for text in [
                format!("{digest}\n"),
                format!("{digest}  \n"),
                format!("{digest}0  a\n"),
                format!("x = {digest}\n"),
                format!("#!/bin/sh\n{digest}  a\n"),
                String::new(),
            ] {
                assert_eq!(count(&text), 0, "{text}");
            }
        }
    }
}
