//! Names that mean the same everywhere, and sets of them in which no two can be taken for one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use crate::collision::{fold, is_nfc};
use crate::digest::Algorithm;
use crate::hasher::Hasher;
use crate::limits;
use crate::path::{NameProblem, RelativePath, check_text};

/// A path that every file system can hold, and none takes for another.
///
/// Beyond what [`RelativePath`] asks: NFC, no `\` and no `:`, no direction marks, no component that
/// ends in a space or a dot, is a device of Windows (`con`, `NUL.txt`) or has more than 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortablePath(RelativePath);

impl PortablePath {
    /// Reads a path.
    ///
    /// # Errors
    /// Each [`PortableProblem`].
    pub fn parse(text: &str) -> Result<Self, PortableProblem> {
        Self::try_from(RelativePath::parse(text)?)
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same path, of which less is known.
    pub const fn as_relative(&self) -> &RelativePath {
        &self.0
    }

    /// The folders on the way to it, the topmost first.
    pub fn parents(&self) -> impl Iterator<Item = Self> {
        let text = self.as_str();
        let ends = text.match_indices('/').map(|(end, _)| end);
        ends.filter_map(move |end| RelativePath::parse(text.get(..end)?).ok())
            .map(Self)
    }
}

impl TryFrom<RelativePath> for PortablePath {
    type Error = PortableProblem;

    fn try_from(path: RelativePath) -> Result<Self, PortableProblem> {
        check_plain(path.as_str())?;
        if path.as_str().contains(':') {
            return Err(PortableProblem::Colon);
        }
        for component in path.components() {
            if component.ends_with([' ', '.']) {
                return Err(PortableProblem::TrailingDotOrSpace);
            }
            if is_reserved(component) {
                return Err(PortableProblem::Reserved);
            }
        }
        if !is_nfc(path.as_str()) {
            return Err(PortableProblem::NotNfc);
        }
        Ok(Self(path))
    }
}

impl fmt::Display for PortablePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a relative link at `path` leads, if it stays below the top and is written the shortest way:
/// any `..` first and no more than needed to leave the folder, no `.`, nothing empty, no absolute path.
pub fn link_target(path: &RelativePath, target: &str) -> Option<RelativePath> {
    check_text(target.as_bytes()).ok()?;
    check_plain(target).ok()?;
    let mut folder: Vec<&str> = path.components().collect();
    folder.pop();
    let mut rest = target;
    while let Some(above) = rest.strip_prefix("../") {
        folder.pop()?;
        rest = above;
    }
    let rest = RelativePath::parse(rest).ok()?;
    folder.extend(rest.components());
    RelativePath::parse(&folder.join("/")).ok()
}

/// What no archive may have in a name, whoever made it: a separator, a drive or a direction mark that
/// readers judge differently.
pub(crate) fn check_plain(text: &str) -> Result<(), PortableProblem> {
    if text.contains('\\') {
        return Err(PortableProblem::Backslash);
    }
    if let Some(character) = text.chars().find(|it| is_direction_mark(*it)) {
        return Err(NameProblem::ControlCharacter { character }.into());
    }
    if let [letter, b':', ..] = text.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err(PortableProblem::Drive);
    }
    match text.split('/').map(str::len).max() {
        Some(bytes) if bytes > limits::COMPONENT_BYTES => {
            Err(PortableProblem::ComponentTooLong { bytes })
        }
        _ => Ok(()),
    }
}

/// Why a path is not one that means the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortableProblem {
    /// It is not even a path below a folder.
    #[error(transparent)]
    Name(#[from] NameProblem),
    /// `\` is a separator to some, and a character to others.
    #[error("name has a backslash")]
    Backslash,
    /// `C:` at the beginning is a drive.
    #[error("name begins with a drive letter")]
    Drive,
    /// `:` names a drive or a second stream on Windows.
    #[error("name has a colon")]
    Colon,
    /// Windows takes these away.
    #[error("a component of the name ends in a dot or a space")]
    TrailingDotOrSpace,
    /// A device of Windows, with or without an extension.
    #[error("a component of the name is a device of Windows")]
    Reserved,
    /// Another spelling of the same text (Unicode normalisation form C is the one).
    #[error("name is not in Unicode normalisation form C")]
    NotNfc,
    /// Longer than file systems hold.
    #[error(
        "a component of the name has {bytes} bytes, at most {} are taken",
        limits::COMPONENT_BYTES
    )]
    ComponentTooLong {
        /// Bytes of the longest component.
        bytes: usize,
    },
}

impl PortableProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(problem) => problem.code(),
            Self::Backslash => "name-backslash",
            Self::Drive => "name-drive-letter",
            Self::Colon => "name-colon",
            Self::TrailingDotOrSpace => "name-trailing-dot-or-space",
            Self::Reserved => "name-windows-device",
            Self::NotNfc => "name-not-nfc",
            Self::ComponentTooLong { .. } => "name-component-too-long",
        }
    }
}

/// The marks of the bidirectional algorithm that [`RelativePath`] takes, and the byte-order mark.
const fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

/// `con`, `NUL.txt`, `COM1`, `lpt³`: a device, whatever follows the first dot.
fn is_reserved(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or(component);
    let stem = stem.trim_end_matches(' ').to_ascii_lowercase();
    if matches!(
        stem.as_str(),
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$"
    ) {
        return true;
    }
    let number = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
    let mut number = number.unwrap_or_default().chars();
    matches!(
        (number.next(), number.next()),
        (Some('0'..='9' | '¹' | '²' | '³'), None)
    )
}

/// What stands at a path of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, or a link: nothing is below it.
    File,
    /// A folder.
    Folder,
}

/// The paths of an archive so far: no two may be taken for one by any file system.
///
/// Equal are paths that match caselessly after normalisation; see [`crate::colliding_names`]. What is
/// kept of each is its spelling and 16 bytes of the digest of its folded form.
#[derive(Debug, Default)]
pub struct NameSet {
    seen: HashMap<[u8; 16], Seen>,
    bytes: usize,
}

#[derive(Debug)]
struct Seen {
    spelling: Box<str>,
    place: Place,
    /// Whether it was entered by itself, and not only as a folder on the way to another.
    entered: bool,
}

impl NameSet {
    /// Enters a path, and the folders on its way.
    ///
    /// # Errors
    /// It, or a folder on its way, is there already or can be taken for another; or there are too many.
    pub fn insert(&mut self, path: &RelativePath, place: Place) -> Result<(), Clash> {
        let folded = fold(path.as_str());
        let spellings = prefixes(path.as_str());
        for (step, (folded, spelling)) in prefixes(&folded).zip(spellings).enumerate() {
            let entered = step == 0;
            let place = if entered { place } else { Place::Folder };
            match self.seen.entry(key(folded)) {
                Entry::Vacant(entry) => {
                    self.bytes += spelling.len();
                    entry.insert(Seen {
                        spelling: spelling.into(),
                        place,
                        entered,
                    });
                }
                Entry::Occupied(mut entry) => {
                    let there = entry.get_mut();
                    let same_folder = place == Place::Folder
                        && there.place == Place::Folder
                        && *there.spelling == *spelling;
                    if !same_folder || entered && there.entered {
                        return Err(
                            if entered && there.entered && *there.spelling == *spelling {
                                Clash::Duplicate
                            } else {
                                Clash::Collision {
                                    other: there.spelling.to_string(),
                                }
                            },
                        );
                    }
                    there.entered |= entered;
                    // What is above a known folder is known.
                    return Ok(());
                }
            }
        }
        if self.seen.len() > limits::ARCHIVE_NAMES || self.bytes > limits::ARCHIVE_NAME_BYTES {
            return Err(Clash::TooMany);
        }
        Ok(())
    }

    /// Whether the folder was entered by itself.
    pub fn has_folder(&self, path: &str) -> bool {
        self.seen.get(&key(&fold(path))).is_some_and(|there| {
            there.entered && there.place == Place::Folder && *there.spelling == *path
        })
    }
}

/// Why a path does not fit beside those that are there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Clash {
    /// The very same name again.
    #[error("it is there already")]
    Duplicate,
    /// Another name that some file system takes for this one, or a file where a folder is needed.
    #[error("it collides with {other:?}")]
    Collision {
        /// The name that was there.
        other: String,
    },
    /// More names than are taken.
    #[error(
        "there are more than {} names, or more than {} bytes of names",
        limits::ARCHIVE_NAMES,
        limits::ARCHIVE_NAME_BYTES
    )]
    TooMany,
}

impl Clash {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Duplicate => "member-duplicate",
            Self::Collision { .. } => "member-collision",
            Self::TooMany => "archive-too-many-members",
        }
    }
}

/// `a/b/c`, `a/b`, `a`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |it| {
        it.rsplit_once('/').map(|(parent, _)| parent)
    })
}

fn key(folded: &str) -> [u8; 16] {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(folded.as_bytes());
    let digest = hasher.finish();
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(digest.as_bytes()) {
        *to = *from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str) -> Option<&'static str> {
        PortablePath::parse(name)
            .err()
            .map(|problem| problem.code())
    }

    #[test]
    fn names_that_mean_something_else_elsewhere_are_refused() {
        for (name, wanted) in [
            ("../a", "name-parent-component"),
            ("/a", "name-absolute"),
            ("a/./b", "name-dot-component"),
            ("a//b", "name-empty-component"),
            ("a/", "name-empty-component"),
            ("a\\b", "name-backslash"),
            ("C:a", "name-drive-letter"),
            ("a/b:stream", "name-colon"),
            ("a./b", "name-trailing-dot-or-space"),
            ("a/b ", "name-trailing-dot-or-space"),
            ("a/nul", "name-windows-device"),
            ("Con.txt", "name-windows-device"),
            ("com1", "name-windows-device"),
            ("LPT9.x.y", "name-windows-device"),
            ("u\u{308}", "name-not-nfc"),
            ("a\u{202e}b", "name-control-character"),
            ("a\u{200f}b", "name-control-character"),
            ("a\u{1b}b", "name-control-character"),
        ] {
            assert_eq!(code(name), Some(wanted), "{name:?}");
        }
        assert_eq!(code(&"a".repeat(256)), Some("name-component-too-long"));
        for name in [
            "a", "a/b.c", "ü", "console", "com", "com10", "lpt", ".hidden", "a b",
        ] {
            assert_eq!(code(name), None, "{name:?}");
        }
        assert_eq!(code(&"a".repeat(255)), None);
    }

    fn enter(names: &[(&str, Place)]) -> Option<&'static str> {
        let mut set = NameSet::default();
        names.iter().find_map(|(name, place)| {
            let path = RelativePath::parse(name).unwrap();
            set.insert(&path, *place).err().map(|clash| clash.code())
        })
    }

    #[test]
    fn names_that_some_system_takes_for_one_are_refused() {
        use Place::{File, Folder};
        let refused: [(&[(&str, Place)], &str); 8] = [
            (&[("a", File), ("a", File)], "member-duplicate"),
            (&[("a", Folder), ("a", Folder)], "member-duplicate"),
            (&[("a", Folder), ("a", File)], "member-duplicate"),
            (&[("a/b", File), ("a", File)], "member-collision"),
            (&[("a", File), ("a/b", File)], "member-collision"),
            (&[("a", File), ("A", File)], "member-collision"),
            (&[("a/b", File), ("A/c", File)], "member-collision"),
            (&[("\u{fc}", File), ("u\u{308}", File)], "member-collision"),
        ];
        for (names, wanted) in refused {
            assert_eq!(enter(names), Some(wanted), "{names:?}");
        }
        assert_eq!(enter(&[("a/b", File), ("a", Folder), ("a/c", File)]), None);
    }

    #[test]
    fn the_folders_on_the_way_are_named_from_the_top() {
        let path = PortablePath::parse("a/b/c").unwrap();
        let parents: Vec<String> = path.parents().map(|it| it.to_string()).collect();
        assert_eq!(parents, ["a", "a/b"]);
    }
}
