//! Names of files below a folder.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::str::FromStr;

use crate::limits;

/// The path of a file below a folder: `dist/tool.tar.gz`.
///
/// Components are separated by `/`; none is empty, `.` or `..`, and no character controls the
/// terminal. It cannot leave the folder by its text alone (links are [`Root`](crate::Root)'s matter),
/// fits on one line of a checksums file, and is UTF-8, because statements are JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

impl RelativePath {
    /// Reads a path.
    ///
    /// # Errors
    /// Each [`NameProblem`] but [`NameProblem::NotUtf8`].
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Reads a path from bytes.
    ///
    /// # Errors
    /// Each [`NameProblem`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NameProblem> {
        Self::parse(str::from_utf8(bytes).map_err(|_| NameProblem::NotUtf8)?)
    }

    /// The path of something below this path, taken as a folder.
    ///
    /// # Errors
    /// Each [`NameProblem`] that the longer path has.
    pub fn join(&self, below: &str) -> Result<Self, NameProblem> {
        check(below)?;
        Self::try_from(format!("{}/{below}", self.0))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components, at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The file or folder at the top that this path goes through.
    pub fn first_component(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(self.as_str(), |(first, _)| first)
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or(self.as_str(), |(_, last)| last)
    }

    /// The path of the folder that holds this, unless it stands at the top.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once('/')
            .map(|(parent, _)| Self(parent.to_owned()))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RelativePath {
    type Err = NameProblem;

    fn from_str(text: &str) -> Result<Self, NameProblem> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for RelativePath {
    type Error = NameProblem;

    fn try_from(text: &str) -> Result<Self, NameProblem> {
        Self::parse(text)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = NameProblem;

    fn try_from(text: String) -> Result<Self, NameProblem> {
        check(&text)?;
        Ok(Self(text))
    }
}

impl TryFrom<&Path> for RelativePath {
    type Error = NameProblem;

    fn try_from(path: &Path) -> Result<Self, NameProblem> {
        Self::parse(path.to_str().ok_or(NameProblem::NotUtf8)?)
    }
}

impl AsRef<str> for RelativePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for RelativePath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

/// Lets a map by path be asked with a text; both order and hash alike.
impl std::borrow::Borrow<str> for RelativePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a name is not a path below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// The name is empty.
    #[error("name is empty")]
    Empty,
    /// The name begins with `/`.
    #[error("name begins with /")]
    Absolute,
    /// Two separators in a row, or one at the end.
    #[error("name has an empty component")]
    EmptyComponent,
    /// A component is `.`.
    #[error("name has the component .")]
    DotComponent,
    /// A component is `..`.
    #[error("name has the component ..")]
    ParentComponent,
    /// The name is `-`, which checksum tools take for their standard input.
    #[error("name is -, which tools take for their standard input")]
    Dash,
    /// A control character: C0, C1, a line separator, or one that turns the writing direction of
    /// what follows.
    #[error("name has the control character U+{:04X}", u32::from(*character))]
    ControlCharacter {
        /// The first such character.
        character: char,
    },
    /// The bytes are not UTF-8.
    #[error("name is not UTF-8")]
    NotUtf8,
    /// More bytes than Linux resolves.
    #[error("name has {bytes} bytes, at most {} are taken", limits::PATH_BYTES)]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// More components than anybody needs.
    #[error(
        "name has {components} components, at most {} are taken",
        limits::PATH_DEPTH
    )]
    TooDeep {
        /// Its components.
        components: usize,
    },
}

impl NameProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "name-empty",
            Self::Absolute => "name-absolute",
            Self::EmptyComponent => "name-empty-component",
            Self::DotComponent => "name-dot-component",
            Self::ParentComponent => "name-parent-component",
            Self::Dash => "name-dash",
            Self::ControlCharacter { .. } => "name-control-character",
            Self::NotUtf8 => "name-not-utf8",
            Self::TooLong { .. } => "name-too-long",
            Self::TooDeep { .. } => "name-too-deep",
        }
    }
}

fn check(text: &str) -> Result<(), NameProblem> {
    if text.is_empty() {
        return Err(NameProblem::Empty);
    }
    if text.len() > limits::PATH_BYTES {
        return Err(NameProblem::TooLong { bytes: text.len() });
    }
    if let Some(character) = text.chars().find(|it| is_control(*it)) {
        return Err(NameProblem::ControlCharacter { character });
    }
    if text.starts_with('/') {
        return Err(NameProblem::Absolute);
    }
    if text == "-" {
        return Err(NameProblem::Dash);
    }
    let mut components = 0;
    for component in text.split('/') {
        components += 1;
        match component {
            "" => return Err(NameProblem::EmptyComponent),
            "." => return Err(NameProblem::DotComponent),
            ".." => return Err(NameProblem::ParentComponent),
            _ => {}
        }
    }
    if components > limits::PATH_DEPTH {
        return Err(NameProblem::TooDeep { components });
    }
    Ok(())
}

/// Whether a text, such as the target of a link, is one that can be signed: UTF-8, not empty, of a
/// bounded length, and without characters that control the terminal.
///
/// # Errors
/// [`NameProblem::NotUtf8`], [`NameProblem::Empty`], [`NameProblem::TooLong`] or
/// [`NameProblem::ControlCharacter`].
pub fn check_text(bytes: &[u8]) -> Result<&str, NameProblem> {
    let text = str::from_utf8(bytes).map_err(|_| NameProblem::NotUtf8)?;
    if text.is_empty() {
        return Err(NameProblem::Empty);
    }
    if text.len() > limits::PATH_BYTES {
        return Err(NameProblem::TooLong { bytes: text.len() });
    }
    match text.chars().find(|it| is_control(*it)) {
        Some(character) => Err(NameProblem::ControlCharacter { character }),
        None => Ok(text),
    }
}

/// C0, DEL, C1, the separators of lines and paragraphs, and the embeddings, overrides and isolates of
/// the bidirectional algorithm, which make a name look like another.
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text fit for a terminal or a message: control characters and backslashes are escaped, so that two
/// different texts never look the same.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_escaped(&mut shown, text);
    shown
}

/// As [`escaped`], for names that need not be UTF-8: each other byte becomes `\xNN`.
pub fn escaped_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push_escaped(&mut shown, chunk.valid());
        for byte in chunk.invalid() {
            write!(shown, "\\x{byte:02x}").unwrap_or(());
        }
    }
    shown
}

fn push_escaped(shown: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            _ if is_control(character) => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_seen() {
        assert_eq!(escaped("a\x1b[2Kb"), "a\\u{1b}[2Kb");
        assert_eq!(escaped_bytes(b"a\xffb\nc\\d"), "a\\xffb\\nc\\\\d");
        assert_eq!(escaped("gr\u{fc}n"), "gr\u{fc}n");
    }

    proptest! {
        #[test]
        fn escaped_names_never_look_alike(one: Vec<u8>, other: Vec<u8>) {
            prop_assert_eq!(escaped_bytes(&one) == escaped_bytes(&other), one == other);
        }

        #[test]
        fn escaped_names_control_nothing(name: Vec<u8>) {
            prop_assert!(!escaped_bytes(&name).contains(is_control));
        }
    }
}
