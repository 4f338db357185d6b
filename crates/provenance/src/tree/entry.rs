//! One line of a manifest: one thing in the tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use attest_digest::{Artifact, Digest, Hashes, NameProblem, NodeKind, RelativePath};

use super::cursor::{Cursor, Unexpected, push_string};
use super::header::{Attribute, TreeHeader};
use crate::limits;

/// One thing in a tree. What the header does not compare is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Where it stands; none for the tree's own folder.
    pub path: Option<RelativePath>,
    /// What it is, and what is in it.
    pub content: TreeContent,
    /// Permission bits; a symbolic link has none.
    pub mode: Option<u16>,
    /// User and group.
    pub owner: Option<(u32, u32)>,
    /// How many names a file has.
    pub links: Option<u32>,
    /// The first path of the tree that is the same file, if it is not this one.
    pub same: Option<RelativePath>,
    /// Whether something is mounted here.
    pub mount: bool,
    /// Extended attributes, their values as [`xattr_value`] writes them.
    pub xattrs: BTreeMap<String, String>,
    /// When it was last written: seconds and nanoseconds; of files alone.
    pub mtime: Option<(i64, u32)>,
}

/// What a thing in a tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeContent {
    /// A regular file: its size and digests, SHA-256 first.
    File {
        /// Bytes.
        size: u64,
        /// One for each algorithm of the header.
        digests: Vec<Digest>,
    },
    /// A folder.
    Directory,
    /// A symbolic link, and where it leads, as it is written.
    Symlink {
        /// Never resolved.
        target: String,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device, its kind and its number.
    Device {
        /// Of blocks or of characters.
        kind: NodeKind,
        /// Major and minor.
        number: (u32, u32),
    },
}

impl TreeContent {
    /// What it is.
    pub const fn kind(&self) -> NodeKind {
        match self {
            Self::File { .. } => NodeKind::File,
            Self::Directory => NodeKind::Directory,
            Self::Symlink { .. } => NodeKind::Symlink,
            Self::Fifo => NodeKind::Fifo,
            Self::Socket => NodeKind::Socket,
            Self::Device { kind, .. } => *kind,
        }
    }
}

/// The value of an extended attribute in a manifest: short ones in full, long ones by their digest.
pub fn xattr_value(value: &[u8]) -> String {
    if value.len() <= limits::TREE_XATTR_IN_FULL {
        return value.iter().fold("hex:".to_owned(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
    }
    Artifact::of_bytes(value, Hashes::Sha256)
        .sha256()
        .to_string()
}

/// Why a line is no entry.
pub(super) enum EntryError {
    Unexpected(Unexpected),
    Path(NameProblem),
}

impl From<Unexpected> for EntryError {
    fn from(unexpected: Unexpected) -> Self {
        Self::Unexpected(unexpected)
    }
}

impl From<NameProblem> for EntryError {
    fn from(problem: NameProblem) -> Self {
        Self::Path(problem)
    }
}

impl TreeEntry {
    /// Something of which nothing but path and content is known.
    pub const fn new(path: Option<RelativePath>, content: TreeContent) -> Self {
        Self {
            path,
            content,
            mode: None,
            owner: None,
            links: None,
            same: None,
            mount: false,
            xattrs: BTreeMap::new(),
            mtime: None,
        }
    }

    /// The path as text; `.` for the tree's own folder.
    pub fn shown_path(&self) -> &str {
        self.path.as_ref().map_or(".", RelativePath::as_str)
    }

    /// The bytes of the path by which entries are ordered; empty for the tree's own folder.
    pub fn path_bytes(&self) -> &[u8] {
        self.path
            .as_ref()
            .map_or(b"", |path| path.as_str().as_bytes())
    }

    /// Bytes of a regular file, 0 for everything else.
    pub const fn size(&self) -> u64 {
        match &self.content {
            TreeContent::File { size, .. } => *size,
            _ => 0,
        }
    }

    pub(super) fn push(&self, line: &mut String) {
        line.push_str("{\"path\":");
        push_string(line, self.shown_path());
        line.push_str(",\"type\":\"");
        line.push_str(self.content.kind().name());
        line.push('"');
        // Writing to a string cannot fail.
        let mut put = |text: std::fmt::Arguments<'_>| line.write_fmt(text).unwrap_or(());
        if let Some(mode) = self.mode {
            put(format_args!(",\"mode\":\"{mode:04o}\""));
        }
        if let Some((uid, gid)) = self.owner {
            put(format_args!(",\"uid\":{uid},\"gid\":{gid}"));
        }
        match &self.content {
            TreeContent::File { size, digests } => {
                put(format_args!(",\"size\":{size}"));
                for digest in digests {
                    put(format_args!(
                        ",\"{}\":\"{}\"",
                        digest.algorithm(),
                        digest.hex()
                    ));
                }
            }
            TreeContent::Device { number, .. } => {
                put(format_args!(",\"device\":\"{}:{}\"", number.0, number.1));
            }
            TreeContent::Symlink { target } => {
                line.push_str(",\"target\":");
                push_string(line, target);
            }
            TreeContent::Directory | TreeContent::Fifo | TreeContent::Socket => {}
        }
        self.push_rest(line);
        line.push('}');
    }

    fn push_rest(&self, line: &mut String) {
        let mut put = |text: std::fmt::Arguments<'_>| line.write_fmt(text).unwrap_or(());
        if let Some((seconds, nanoseconds)) = self.mtime {
            put(format_args!(",\"mtime\":\"{seconds}.{nanoseconds:09}\""));
        }
        if let Some(links) = self.links {
            put(format_args!(",\"links\":{links}"));
        }
        if let Some(same) = &self.same {
            line.push_str(",\"same\":");
            push_string(line, same.as_str());
        }
        if self.mount {
            line.push_str(",\"mount\":true");
        }
        if !self.xattrs.is_empty() {
            for (index, (name, value)) in self.xattrs.iter().enumerate() {
                line.push_str(if index == 0 { ",\"xattrs\":{" } else { "," });
                push_string(line, name);
                line.push(':');
                push_string(line, value);
            }
            line.push('}');
        }
    }

    pub(super) fn parse(line: &str, header: &TreeHeader) -> Result<Self, EntryError> {
        let mut cursor = Cursor::new(line);
        cursor.expect("{\"path\":")?;
        let path = match cursor.string()?.as_str() {
            "." => None,
            path => Some(RelativePath::parse(path)?),
        };
        cursor.expect(",\"type\":")?;
        let Some(kind) = NodeKind::from_name(&cursor.string()?) else {
            return Ok(cursor.unexpected("a known type before it")?);
        };
        let mut mode = None;
        if header.compares(Attribute::Mode) && kind != NodeKind::Symlink {
            cursor.expect(",\"mode\":")?;
            mode = Some(cursor.mode()?);
        }
        let mut owner = None;
        if header.compares(Attribute::Owner) {
            cursor.expect(",\"uid\":")?;
            let uid = cursor.number_of_32_bits()?;
            cursor.expect(",\"gid\":")?;
            owner = Some((uid, cursor.number_of_32_bits()?));
        }
        let content = content(kind, header, &mut cursor)?;
        let mut entry = Self {
            mode,
            owner,
            ..Self::new(path, content)
        };
        entry.parse_rest(header, &mut cursor)?;
        cursor.expect("}")?;
        cursor.end()?;
        Ok(entry)
    }

    fn parse_rest(
        &mut self,
        header: &TreeHeader,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), EntryError> {
        let is_file = self.content.kind() == NodeKind::File;
        if is_file && header.compares(Attribute::Mtime) {
            cursor.expect(",\"mtime\":")?;
            self.mtime = Some(time(cursor)?);
        }
        if is_file && header.compares(Attribute::Links) {
            cursor.expect(",\"links\":")?;
            self.links = Some(cursor.number_of_32_bits()?);
            if cursor.take(",\"same\":") {
                self.same = Some(RelativePath::parse(&cursor.string()?)?);
            }
        }
        if header.compares(Attribute::Mounts) {
            self.mount = cursor.take(",\"mount\":true");
        }
        if cursor.take(",\"xattrs\":{") {
            self.parse_xattrs(header, cursor)?;
        }
        Ok(())
    }

    fn parse_xattrs(
        &mut self,
        header: &TreeHeader,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), EntryError> {
        loop {
            let name = cursor.string()?;
            cursor.expect(":")?;
            let value = cursor.string()?;
            let is_next = self.xattrs.last_key_value().is_none_or(|it| *it.0 < name);
            if !is_next || !header.compares_xattr(name.as_bytes()) || !is_xattr_value(&value) {
                return Ok(cursor.unexpected("a compared attribute in rising order before it")?);
            }
            self.xattrs.insert(name, value);
            if cursor.take("}") {
                return Ok(());
            }
            cursor.expect(",")?;
        }
    }
}

fn content(
    kind: NodeKind,
    header: &TreeHeader,
    cursor: &mut Cursor<'_>,
) -> Result<TreeContent, EntryError> {
    Ok(match kind {
        NodeKind::File => {
            cursor.expect(",\"size\":")?;
            let size = cursor.number()?;
            let mut digests = Vec::with_capacity(header.algorithms().len());
            for algorithm in header.algorithms() {
                cursor.expect(",\"")?;
                cursor.expect(algorithm.name())?;
                cursor.expect("\":")?;
                digests.push(cursor.digest(*algorithm)?);
            }
            TreeContent::File { size, digests }
        }
        NodeKind::Directory => TreeContent::Directory,
        NodeKind::Symlink => {
            cursor.expect(",\"target\":")?;
            let target = cursor.string()?;
            attest_digest::check_text(target.as_bytes())?;
            TreeContent::Symlink { target }
        }
        NodeKind::Fifo => TreeContent::Fifo,
        NodeKind::Socket => TreeContent::Socket,
        kind @ (NodeKind::BlockDevice | NodeKind::CharacterDevice) => {
            cursor.expect(",\"device\":\"")?;
            let major = cursor.number_of_32_bits()?;
            cursor.expect(":")?;
            let minor = cursor.number_of_32_bits()?;
            cursor.expect("\"")?;
            let number = (major, minor);
            TreeContent::Device { kind, number }
        }
    })
}

/// `seconds.nanoseconds`, the latter with nine digits.
fn time(cursor: &mut Cursor<'_>) -> Result<(i64, u32), EntryError> {
    let text = cursor.string()?;
    let parsed = text.split_once('.').and_then(|(seconds, nanoseconds)| {
        Some((seconds.parse().ok()?, nanoseconds.parse().ok()?))
    });
    match parsed {
        Some((seconds, nanoseconds)) if format!("{seconds}.{nanoseconds:09}") == text => {
            Ok((seconds, nanoseconds))
        }
        _ => Ok(cursor.unexpected("seconds.nanoseconds before it")?),
    }
}

fn is_xattr_value(text: &str) -> bool {
    let is_hex = |hex: &str| {
        hex.bytes()
            .all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
    };
    match text.split_once(':') {
        Some(("hex", hex)) => {
            hex.len() % 2 == 0 && hex.len() <= 2 * limits::TREE_XATTR_IN_FULL && is_hex(hex)
        }
        Some(("sha256", hex)) => hex.len() == 64 && is_hex(hex),
        _ => false,
    }
}
