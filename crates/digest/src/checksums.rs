//! Files of checksums: `SHA256SUMS` and its kin.

use crate::checksums_error::{ChecksumsError, LineProblem};
use crate::digest::{Algorithm, Digest, DigestError};
use crate::limits;
use crate::path::RelativePath;

/// What a checksums file claims, in the order of its lines.
///
/// ```text
/// 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  hello
/// 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 *dist/hello.bin
/// \2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  back\\slash
/// ```
///
/// or, on every line, what `sha256sum --tag` and BSD's `sha256` print:
///
/// ```text
/// SHA256 (hello) = 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
/// ```
///
/// or what `openssl dgst` prints, with the names of OpenSSL 3 or of those before:
///
/// ```text
/// SHA2-256(hello)= 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
/// SHA256(hello)= 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
/// ```
///
/// A name may begin with `./`, once, as `find` and `xargs` write it: it is the name behind that.
///
/// It is read as GNU coreutils 9 reads it, but more strictly: what those would skip with a warning,
/// trim, or take for a comment is an error. Text below a PGP clear-text header is never read,
/// because its signature covers less than the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksums {
    algorithm: Algorithm,
    entries: Vec<(RelativePath, Digest)>,
    /// Positions in `entries`, sorted by path.
    sorted: Vec<usize>,
}

impl Checksums {
    /// Reads a checksums file whose digests are of that algorithm.
    ///
    /// # Errors
    /// Any line that is not exactly as above, a path that is not a [`RelativePath`], a path that
    /// stands there twice, two forms in one file, no line at all, no newline at the end, or more
    /// than the [`limits`] allow.
    pub fn parse(bytes: &[u8], algorithm: Algorithm) -> Result<Self, ChecksumsError> {
        if bytes.len() > limits::CHECKSUMS_BYTES {
            return Err(ChecksumsError::TooLarge { bytes: bytes.len() });
        }
        if bytes.starts_with(b"-----BEGIN PGP ") {
            return Err(ChecksumsError::ClearSigned);
        }
        if bytes.is_empty() {
            return Err(ChecksumsError::Empty);
        }
        let mut entries = Vec::new();
        let mut form = None;
        for (index, line) in bytes.split_inclusive(|it| *it == b'\n').enumerate() {
            let number = index + 1;
            let at_line = |problem| ChecksumsError::Line {
                line: number,
                problem,
            };
            let line = line
                .strip_suffix(b"\n")
                .ok_or(LineProblem::NoNewline)
                .map_err(at_line)?;
            let line = Line::parse(line, algorithm).map_err(at_line)?;
            if *form.get_or_insert(line.form) != line.form {
                return Err(at_line(LineProblem::OtherForm));
            }
            entries.push((line.path, line.digest));
        }
        let sorted = sort(&entries)?;
        Ok(Self {
            algorithm,
            entries,
            sorted,
        })
    }

    /// What GNU coreutils' `sha256sum` prints for these, in this order.
    ///
    /// ```
    /// use attest_digest::{Artifact, Checksums, Hashes, RelativePath};
    /// let digest = Artifact::of_bytes(b"hello", Hashes::Sha256).sha256();
    /// let lines = Checksums::gnu(&[(RelativePath::parse("a\\b")?, digest)]);
    /// assert_eq!(
    ///     lines,
    ///     "\\2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  a\\\\b\n"
    /// );
    /// # Ok::<(), attest_digest::NameProblem>(())
    /// ```
    pub fn gnu(entries: &[(RelativePath, Digest)]) -> String {
        let mut lines = String::new();
        for (path, digest) in entries {
            push_gnu(&mut lines, path.as_str(), digest);
        }
        lines
    }

    /// The algorithm of all digests.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Paths and digests in the order of the lines; at least one, no path twice.
    pub fn entries(&self) -> &[(RelativePath, Digest)] {
        &self.entries
    }

    /// The digest that is claimed for that path.
    pub fn get(&self, path: &str) -> Option<&Digest> {
        let entry = |index: &usize| self.entries.get(*index);
        let found = self
            .sorted
            .binary_search_by(|index| entry(index).map(|(it, _)| it.as_str()).cmp(&Some(path)));
        let index = self.sorted.get(found.ok()?)?;
        entry(index).map(|(_, digest)| digest)
    }
}

/// The algorithm of a checksums file that is known by its name: `SHA256SUMS`, `SHA512SUMS`,
/// `*checksums.txt` (SHA-256), `*.sha256`, `*.sha512`. Folders in front of the name do not count.
pub fn checksums_algorithm_of_name(name: &str) -> Option<Algorithm> {
    let name = name.rsplit_once('/').map_or(name, |(_, last)| last);
    let ends = |suffix: &str| name.ends_with(suffix);
    match name {
        "SHA512SUMS" => Some(Algorithm::Sha512),
        "SHA256SUMS" => Some(Algorithm::Sha256),
        _ if ends(".sha512") => Some(Algorithm::Sha512),
        _ if ends(".sha256") || ends("checksums.txt") => Some(Algorithm::Sha256),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Gnu,
    Bsd,
    OpenSsl,
}

struct Line {
    form: Form,
    path: RelativePath,
    digest: Digest,
}

impl Line {
    fn parse(line: &[u8], algorithm: Algorithm) -> Result<Self, LineProblem> {
        if line.ends_with(b"\r") {
            return Err(LineProblem::CarriageReturn);
        }
        let line = str::from_utf8(line).map_err(|_| LineProblem::NotUtf8)?;
        let (escaped, line) = match line.strip_prefix('\\') {
            Some(line) => (true, line),
            None => (false, line),
        };
        let (form, name, digest) = if let Some((tag, name, hex)) = split_bsd(line) {
            (Form::Bsd, name, bsd_digest(tag, hex, algorithm)?)
        } else if let Some((tag, name, hex)) = split_openssl(line) {
            // It escapes nothing.
            if escaped {
                return Err(LineProblem::Escape);
            }
            (Form::OpenSsl, name, openssl_digest(tag, hex, algorithm)?)
        } else {
            let (hex, name) = split_gnu(line).ok_or(LineProblem::Malformed)?;
            (Form::Gnu, name, gnu_digest(hex, algorithm)?)
        };
        let path = if escaped {
            let name = unescape(name).ok_or(LineProblem::Escape)?;
            RelativePath::parse(without_dot(&name))?
        } else {
            RelativePath::parse(without_dot(name))?
        };
        Ok(Self { form, path, digest })
    }
}

/// `HEX  NAME` or `HEX *NAME`.
fn split_gnu(line: &str) -> Option<(&str, &str)> {
    let (hex, rest) = line.split_once(' ')?;
    Some((hex, rest.strip_prefix([' ', '*'])?))
}

/// `TAG (NAME) = HEX`, where the name may hold anything, also `) = `.
fn split_bsd(line: &str) -> Option<(&str, &str, &str)> {
    let (tag, rest) = line.split_once(" (")?;
    let (name, hex) = rest.rsplit_once(") = ")?;
    let is_tag = !tag.is_empty() && tag.bytes().all(is_tag_byte);
    is_tag.then_some((tag, name, hex))
}

/// `TAG(NAME)= HEX`, where the name may hold anything, also `)= `.
fn split_openssl(line: &str) -> Option<(&str, &str, &str)> {
    let (tag, rest) = line.split_once('(')?;
    let (name, hex) = rest.rsplit_once(")= ")?;
    let is_tag = !tag.is_empty() && tag.bytes().all(is_tag_byte);
    is_tag.then_some((tag, name, hex))
}

/// The name behind one `./`. What is left must be a path of one spelling: `././a` is not.
fn without_dot(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// `SHA256`, `SHA512/256`, `BLAKE2b-256`: no digest in hexadecimal digits is that short.
const fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/')
}

fn bsd_digest(tag: &str, hex: &str, wanted: Algorithm) -> Result<Digest, LineProblem> {
    if tag != bsd_tag(wanted) {
        let found = tag.to_owned();
        return Err(LineProblem::OtherAlgorithm { found, wanted });
    }
    Digest::from_hex(wanted, hex).map_err(LineProblem::Digest)
}

fn openssl_digest(tag: &str, hex: &str, wanted: Algorithm) -> Result<Digest, LineProblem> {
    let name = match wanted {
        Algorithm::Sha256 => "SHA2-256",
        Algorithm::Sha384 => "SHA2-384",
        Algorithm::Sha512 => "SHA2-512",
    };
    if tag != name && tag != bsd_tag(wanted) {
        let found = tag.to_owned();
        return Err(LineProblem::OtherAlgorithm { found, wanted });
    }
    Digest::from_hex(wanted, hex).map_err(LineProblem::Digest)
}

const fn bsd_tag(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
    }
}

/// A digest that says its algorithm by nothing but its length.
fn gnu_digest(hex: &str, wanted: Algorithm) -> Result<Digest, LineProblem> {
    if hex.is_empty() || !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
        return Err(LineProblem::Malformed);
    }
    let error = match Digest::from_hex(wanted, hex) {
        Ok(digest) => return Ok(digest),
        Err(error) => error,
    };
    let found = match hex.len() {
        32 => "MD5",
        40 => "SHA1",
        56 => "SHA224",
        64 => "SHA256",
        96 => "SHA384",
        128 => "SHA512",
        _ => return Err(LineProblem::Digest(error)),
    };
    match error {
        DigestError::WrongDigits { .. } if found != bsd_tag(wanted) => {
            let found = found.to_owned();
            Err(LineProblem::OtherAlgorithm { found, wanted })
        }
        error => Err(LineProblem::Digest(error)),
    }
}

fn push_gnu(lines: &mut String, name: &str, digest: &Digest) {
    let hex = digest.hex();
    if name.contains(['\\', '\n', '\r']) {
        let name = name
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
        lines.extend(["\\", &hex, "  ", &name, "\n"]);
    } else {
        lines.extend([&hex, "  ", name, "\n"]);
    }
}

/// The name that `\\`, `\n` and `\r` stand for; a name without any needs no escaping and has none.
fn unescape(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '\\' => match rest.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    (plain.len() < name.len()).then_some(plain)
}

fn sort(entries: &[(RelativePath, Digest)]) -> Result<Vec<usize>, ChecksumsError> {
    let path = |index: &usize| entries.get(*index).map(|(path, _)| path);
    let mut sorted: Vec<usize> = (0..entries.len()).collect();
    sorted.sort_by_key(path);
    let twice = sorted.windows(2).find_map(|pair| match pair {
        [first, second] if path(first) == path(second) => Some((*first, *second)),
        _ => None,
    });
    match twice {
        None => Ok(sorted),
        Some((first, second)) => Err(ChecksumsError::Line {
            line: second + 1,
            problem: LineProblem::Duplicate { first: first + 1 },
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    /// Names that coreutils may print but that no [`RelativePath`] has among them.
    const ODD_NAMES: [&str; 10] = [
        "plain",
        " leads",
        "trails ",
        "*star",
        "back\\slash",
        "\\",
        "new\nline",
        "carriage\rreturn",
        "all\\n\n\\r\r",
        "a) = b (c",
    ];

    #[test]
    fn our_lines_are_those_of_coreutils_for_every_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ODD_NAMES {
            fs::write(folder.path().join(name), name).unwrap();
            let theirs = Command::new("sha256sum")
                .args(["--", name])
                .current_dir(folder.path())
                .output()
                .unwrap();
            let digest = crate::Artifact::of_bytes(name.as_bytes(), crate::Hashes::Sha256).sha256();
            let mut ours = String::new();
            push_gnu(&mut ours, name, &digest);
            assert_eq!(ours, String::from_utf8(theirs.stdout).unwrap(), "{name:?}");
        }
    }

    #[test]
    fn unescaping_undoes_escaping() {
        let digest = Digest::Sha256([0; 32]);
        for name in ODD_NAMES {
            let mut line = String::new();
            push_gnu(&mut line, name, &digest);
            let line = line.strip_suffix('\n').unwrap();
            let (_, written) = split_gnu(line).unwrap();
            let read = match line.strip_prefix('\\') {
                Some(_) => unescape(written).unwrap(),
                None => written.to_owned(),
            };
            assert_eq!(read, name);
        }
    }

    #[test]
    fn escapes_that_coreutils_does_not_write_are_refused() {
        for name in ["a\\tb", "ends\\", "needs none", "a\\x41"] {
            assert_eq!(unescape(name), None, "{name}");
        }
    }
}
