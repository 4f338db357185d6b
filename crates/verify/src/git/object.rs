//! Raw commits and tags, read in one meaning.
//!
//! ```text
//! tree 045f683042529876c1fe28f97f416c1501ffa433
//! parent 74f0d242677d95a477f953260a2686712846c619
//! author Alice <alice@example.com> 1685981477 -0400
//! committer Alice <alice@example.com> 1685981477 -0400
//! gpgsig -----BEGIN SSH SIGNATURE-----
//!  U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg…
//!  -----END SSH SIGNATURE-----
//!
//! Rotate the keys
//! ```
//! What is signed is the object without the lines of its signature: cut out of the raw bytes, never
//! written anew. Readers of git differ in what they make of a header that stands there twice, or in
//! another place; such an object is refused.

use super::GitError;
use super::name::{GitFormat, GitName};
use crate::limits;

/// What kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitKind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl GitKind {
    /// As git calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }
}

/// A commit or a tag, as it claims. Its name is computed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitObject {
    name: GitName,
    headers: Headers,
    /// The bytes that are signed.
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// What the headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Headers {
    Commit {
        tree: GitName,
        parents: Vec<GitName>,
        author: Person,
        committer: Person,
    },
    Tag {
        object: GitName,
        of: String,
        tag: String,
        tagger: Person,
    },
}

/// Somebody whom a header names, at a time that it says. Nobody proved either but who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What stands before the address; not always UTF-8 in the object.
    pub name: String,
    /// What stands in angle brackets.
    pub email: String,
    /// Seconds since 1970.
    pub seconds: i64,
}

impl GitObject {
    /// Reads the raw bytes of a commit or a tag, as `git cat-file commit` hands them out: what it is,
    /// its first line says, and which hash names it, the length of the name in that line.
    ///
    /// # Errors
    /// Beyond a limit; no commit or tag of one meaning; no signature, or several; bytes that are made to
    /// have the SHA-1 of others.
    pub fn parse(raw: &[u8]) -> Result<Self, GitError> {
        if raw.len() > limits::GIT_OBJECT_BYTES {
            return Err(GitError::TooLarge { found: raw.len() });
        }
        if raw.contains(&0) {
            return Err(malformed("a NUL byte"));
        }
        let parts = if raw.starts_with(b"tree ") {
            commit(raw)?
        } else if raw.starts_with(b"object ") {
            tag(raw)?
        } else {
            return Err(malformed("neither a commit nor a tag"));
        };
        let kind = parts.headers.kind();
        let name = GitName::of(parts.headers.format(), kind.name(), raw)
            .map_err(|_| GitError::Collision)?;
        Ok(Self {
            name,
            headers: parts.headers,
            payload: parts.payload,
            signature: parts.signature,
        })
    }

    /// Its name, from its bytes.
    pub const fn name(&self) -> &GitName {
        &self.name
    }

    /// What kind of object.
    pub const fn kind(&self) -> GitKind {
        self.headers.kind()
    }

    /// The commit's own name, or that of the commit that the tag is for.
    pub fn commit(&self) -> Option<&GitName> {
        match &self.headers {
            Headers::Commit { .. } => Some(&self.name),
            Headers::Tag { object, of, .. } => (of == "commit").then_some(object),
        }
    }

    /// The name of a tag.
    pub fn tag(&self) -> Option<&str> {
        match &self.headers {
            Headers::Commit { .. } => None,
            Headers::Tag { tag, .. } => Some(tag),
        }
    }

    /// What a tag is for: type and name of the object.
    pub fn target(&self) -> Option<(&str, &GitName)> {
        match &self.headers {
            Headers::Commit { .. } => None,
            Headers::Tag { object, of, .. } => Some((of, object)),
        }
    }

    /// The tree of a commit.
    pub const fn tree(&self) -> Option<&GitName> {
        match &self.headers {
            Headers::Commit { tree, .. } => Some(tree),
            Headers::Tag { .. } => None,
        }
    }

    /// The parents of a commit.
    pub fn parents(&self) -> &[GitName] {
        match &self.headers {
            Headers::Commit { parents, .. } => parents,
            Headers::Tag { .. } => &[],
        }
    }

    /// Who is said to have written a commit, or made a tag. Escape it before showing it.
    pub const fn author(&self) -> &Person {
        match &self.headers {
            Headers::Commit { author, .. } => author,
            Headers::Tag { tagger, .. } => tagger,
        }
    }

    /// Who is said to have committed, or tagged. Escape it before showing it.
    pub const fn committer(&self) -> &Person {
        match &self.headers {
            Headers::Commit { committer, .. } => committer,
            Headers::Tag { tagger, .. } => tagger,
        }
    }

    /// The bytes that are signed: the raw object without its signature.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature, in its armor.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl Headers {
    const fn kind(&self) -> GitKind {
        match self {
            Self::Commit { .. } => GitKind::Commit,
            Self::Tag { .. } => GitKind::Tag,
        }
    }

    const fn format(&self) -> GitFormat {
        match self {
            Self::Commit { tree: name, .. } | Self::Tag { object: name, .. } => name.format(),
        }
    }
}

struct Parts {
    headers: Headers,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The headers of an object, one after another.
struct Lines<'a> {
    raw: &'a [u8],
    at: usize,
    count: usize,
}

/// One header with its continuation lines.
struct Header<'a> {
    name: &'a [u8],
    /// Its value, each continuation line without the space at its beginning.
    value: Vec<u8>,
    /// Where it begins and ends in the raw bytes.
    begin: usize,
    end: usize,
}

impl<'a> Lines<'a> {
    const fn of(raw: &'a [u8]) -> Self {
        Self {
            raw,
            at: 0,
            count: 0,
        }
    }

    /// The next header; `None` at the empty line, which is taken too.
    fn next(&mut self) -> Result<Option<Header<'a>>, GitError> {
        let begin = self.at;
        let first = self.line()?;
        if first.is_empty() {
            return Ok(None);
        }
        self.count += 1;
        if self.count > limits::GIT_HEADERS {
            return Err(malformed("more headers than any honest object has"));
        }
        let space = first.iter().position(|it| *it == b' ');
        let (name, value) =
            first.split_at(space.ok_or_else(|| malformed("a header without a value"))?);
        let named = |it: &u8| it.is_ascii_alphanumeric() || b"-:_.".contains(it);
        if !name.first().is_some_and(u8::is_ascii_alphanumeric) || !name.iter().all(named) {
            return Err(malformed("a header without a name"));
        }
        let mut value = value.get(1..).unwrap_or_default().to_vec();
        while self.raw.get(self.at) == Some(&b' ') {
            value.push(b'\n');
            value.extend(self.line()?.get(1..).unwrap_or_default());
        }
        Ok(Some(Header {
            name,
            value,
            begin,
            end: self.at,
        }))
    }

    /// A line without its end. No control character stands in a header.
    fn line(&mut self) -> Result<&'a [u8], GitError> {
        let rest = self.raw.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|it| *it == b'\n');
        let length = length.ok_or_else(|| malformed("headers that do not end in an empty line"))?;
        self.at += length + 1;
        let line = rest.get(..length).unwrap_or_default();
        if line
            .iter()
            .any(|it| *it < 0x20 && *it != b'\t' || *it == 0x7f)
        {
            return Err(malformed("a control character in a header"));
        }
        Ok(line)
    }

    /// The next header, which must have that name and stand on one line.
    fn expect(&mut self, name: &'static str) -> Result<Header<'a>, GitError> {
        let header = self.next()?;
        header
            .filter(|it| it.name == name.as_bytes() && !it.value.contains(&b'\n'))
            .ok_or(GitError::Malformed {
                found: format!("no {name} where it must stand"),
            })
    }
}

/// `tree`, parents, `author`, `committer`; then what git writes behind them in several orders.
fn commit(raw: &[u8]) -> Result<Parts, GitError> {
    let mut lines = Lines::of(raw);
    let tree = name(&lines.expect("tree")?.value)?;
    let mut parents = Vec::new();
    let mut header = lines.next()?;
    while let Some(it) = header.as_ref().filter(|it| it.name == b"parent") {
        parents.push(name_like(&it.value, tree)?);
        header = lines.next()?;
    }
    let author = header.filter(|it| it.name == b"author");
    let author = author.ok_or_else(|| malformed("no author where it must stand"))?;
    let author = person(&author.value)?;
    let committer = person(&lines.expect("committer")?.value)?;
    let wanted: &[u8] = match tree.format() {
        GitFormat::Sha1 => b"gpgsig",
        GitFormat::Sha256 => b"gpgsig-sha256",
    };
    let mut signature = None;
    let mut has_encoding = false;
    while let Some(header) = lines.next()? {
        match header.name {
            b"tree" | b"parent" | b"author" | b"committer" => {
                return Err(malformed("a header twice, or where it must not stand"));
            }
            b"encoding" if has_encoding => return Err(malformed("two encodings")),
            b"encoding" => has_encoding = true,
            name if name.to_ascii_lowercase().starts_with(b"gpgsig") => {
                if name != wanted || signature.is_some() {
                    return Err(GitError::Several);
                }
                signature = Some(header);
            }
            _ => {}
        }
    }
    let signature = signature.ok_or(GitError::Unsigned)?;
    let (before, after) = (raw.get(..signature.begin), raw.get(signature.end..));
    Ok(Parts {
        headers: Headers::Commit {
            tree,
            parents,
            author,
            committer,
        },
        payload: [before.unwrap_or_default(), after.unwrap_or_default()].concat(),
        signature: signature.value,
    })
}

/// `object`, `type`, `tag`, `tagger`, and nothing else; the signature ends the message.
fn tag(raw: &[u8]) -> Result<Parts, GitError> {
    let mut lines = Lines::of(raw);
    let object = name(&lines.expect("object")?.value)?;
    let of = text(lines.expect("type")?.value)?;
    if !["commit", "tree", "blob", "tag"].contains(&of.as_str()) {
        return Err(malformed("a type of object that does not exist"));
    }
    let tag = text(lines.expect("tag")?.value)?;
    let tagger = person(&lines.expect("tagger")?.value)?;
    if let Some(other) = lines.next()? {
        return Err(if other.name.to_ascii_lowercase().starts_with(b"gpgsig") {
            GitError::Several
        } else {
            malformed("a header that tags do not have")
        });
    }
    let begin = signature_in(raw, lines.at)?;
    let (payload, signature) = raw.split_at(begin);
    Ok(Parts {
        headers: Headers::Tag {
            object,
            of,
            tag,
            tagger,
        },
        payload: payload.to_vec(),
        signature: signature.to_vec(),
    })
}

/// Where the one signature of a tag begins: a line of its own in the message.
fn signature_in(raw: &[u8], message: usize) -> Result<usize, GitError> {
    let mut found = None;
    let mut at = message;
    let rest = raw.get(message..).unwrap_or_default();
    for line in rest.split_inclusive(|it| *it == b'\n') {
        if super::armor::begins(line) {
            if found.is_some() {
                return Err(GitError::Several);
            }
            found = Some(at);
        }
        at += line.len();
    }
    found.ok_or(GitError::Unsigned)
}

/// `Alice <alice@example.com> 1685981477 -0400`.
fn person(value: &[u8]) -> Result<Person, GitError> {
    let wrong = || malformed("a person without name, address or time");
    if value.contains(&b'\n') {
        return Err(wrong());
    }
    let line = String::from_utf8_lossy(value);
    let (name, rest) = line.split_once('<').ok_or_else(wrong)?;
    let (email, when) = rest.split_once('>').ok_or_else(wrong)?;
    let (seconds, zone) = when
        .strip_prefix(' ')
        .and_then(|it| it.split_once(' '))
        .ok_or_else(wrong)?;
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let zone_digits = zone.strip_prefix(['+', '-']).ok_or_else(wrong)?;
    let fits = digits(seconds) && digits(zone_digits) && zone_digits.len() == 4;
    // One at the end of the name parts it from the address, and belongs to neither.
    let name = match name.strip_suffix(' ') {
        Some(name) => name,
        None if name.is_empty() => name,
        None => return Err(wrong()),
    };
    if !fits || rest.contains('<') || when.contains('>') || name.contains('>') {
        return Err(wrong());
    }
    Ok(Person {
        name: name.to_owned(),
        email: email.to_owned(),
        seconds: seconds.parse().map_err(|_| wrong())?,
    })
}

fn name(value: &[u8]) -> Result<GitName, GitError> {
    let digits = std::str::from_utf8(value).ok();
    digits
        .and_then(GitName::parse)
        .ok_or_else(|| malformed("a name that is not 40 or 64 lower-case hexadecimal digits"))
}

/// One object does not name others by two hashes.
fn name_like(value: &[u8], other: GitName) -> Result<GitName, GitError> {
    let name = name(value)?;
    if name.format() == other.format() {
        Ok(name)
    } else {
        Err(malformed("names of two hashes"))
    }
}

fn text(value: Vec<u8>) -> Result<String, GitError> {
    String::from_utf8(value).map_err(|_| malformed("a tag whose name is not UTF-8"))
}

fn malformed(found: &str) -> GitError {
    GitError::Malformed {
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests;
