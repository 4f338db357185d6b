//! The first line of a manifest: what it compares, and what it leaves out.

use std::collections::BTreeSet;

use attest_digest::{Algorithm, Hashes};

use super::cursor::{Cursor, Unexpected, push_string, push_strings};
use crate::predicate::tree::TYPE;
use crate::{ReleaseName, limits};

/// What is compared beside path, type, content, targets of links and numbers of devices, which always
/// are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// How many names a file has, and which of them are one file.
    Links,
    /// Permission bits, of all but symbolic links.
    Mode,
    /// Where something is mounted.
    Mounts,
    /// When files were last written.
    Mtime,
    /// Owner and group, by number.
    Owner,
}

impl Attribute {
    /// All, in the order of their names.
    pub const ALL: [Self; 5] = [
        Self::Links,
        Self::Mode,
        Self::Mounts,
        Self::Mtime,
        Self::Owner,
    ];

    /// The name in manifests and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Mode => "mode",
            Self::Mounts => "mounts",
            Self::Mtime => "mtime",
            Self::Owner => "owner",
        }
    }

    /// The attribute of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// What a manifest says of itself. It is signed with the entries, so that whoever changes a tree
/// cannot choose what is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeHeader {
    /// The release that the tree was made from.
    pub release: Option<ReleaseName>,
    /// Rises with each manifest of the release's name, so that an older one is known as one.
    pub serial: Option<u64>,
    /// Whether files have a SHA-512 digest beside SHA-256.
    pub with_sha512: bool,
    /// What is compared.
    pub attributes: BTreeSet<Attribute>,
    /// The extended attributes that are compared: names, or beginnings of names and `*`.
    pub xattrs: BTreeSet<String>,
    /// Patterns of paths that are left out, with all below them.
    pub ignore: BTreeSet<String>,
}

impl TreeHeader {
    /// Whether this is compared.
    pub fn compares(&self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }

    /// Whether an extended attribute of that name is compared.
    pub fn compares_xattr(&self, name: &[u8]) -> bool {
        self.xattrs.iter().any(|it| match it.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning.as_bytes()),
            None => name == it.as_bytes(),
        })
    }

    /// The digests that files have.
    pub const fn hashes(&self) -> Hashes {
        if self.with_sha512 {
            Hashes::Sha256AndSha512
        } else {
            Hashes::Sha256
        }
    }

    /// The algorithms of the digests that files have.
    pub(super) const fn algorithms(&self) -> &'static [Algorithm] {
        if self.with_sha512 {
            &[Algorithm::Sha256, Algorithm::Sha512]
        } else {
            &[Algorithm::Sha256]
        }
    }

    pub(super) fn push(&self, line: &mut String) {
        line.push_str("{\"type\":");
        push_string(line, TYPE);
        if let Some(release) = &self.release {
            line.push_str(",\"release\":");
            push_string(line, &release.to_string());
        }
        if let Some(serial) = self.serial {
            line.push_str(",\"serial\":");
            line.push_str(&serial.to_string());
        }
        line.push_str(",\"digests\":");
        push_strings(line, self.algorithms().iter().map(|it| it.name()));
        line.push_str(",\"attributes\":");
        push_strings(line, self.attributes.iter().map(|it| it.name()));
        line.push_str(",\"xattrs\":");
        push_strings(line, self.xattrs.iter().map(String::as_str));
        line.push_str(",\"ignore\":");
        push_strings(line, self.ignore.iter().map(String::as_str));
        line.push('}');
    }

    /// Whether a first line says that this is a manifest of our type.
    pub(super) fn is_of_type(line: &str) -> bool {
        let mut cursor = Cursor::new(line);
        cursor.take("{\"type\":") && cursor.string().is_ok_and(|it| it == TYPE)
    }

    pub(super) fn parse(line: &str) -> Result<Self, Unexpected> {
        let mut cursor = Cursor::new(line);
        cursor.expect("{\"type\":")?;
        cursor.string()?;
        let release = if cursor.take(",\"release\":") {
            let text = cursor.string()?;
            match ReleaseName::parse(&text) {
                Ok(release) => Some(release),
                Err(_) => return cursor.unexpected("NAME@VERSION before it"),
            }
        } else {
            None
        };
        let serial = if cursor.take(",\"serial\":") {
            Some(cursor.number()?)
        } else {
            None
        };
        cursor.expect(",\"digests\":")?;
        let with_sha512 = match cursor
            .strings(2)?
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()[..]
        {
            ["sha256"] => false,
            ["sha256", "sha512"] => true,
            _ => return cursor.unexpected("sha256, or sha256 and sha512, before it"),
        };
        cursor.expect(",\"attributes\":")?;
        let names = cursor.strings(Attribute::ALL.len())?;
        let attributes: BTreeSet<_> = names
            .iter()
            .filter_map(|it| Attribute::from_name(it))
            .collect();
        if attributes.len() != names.len() {
            return cursor.unexpected("known attributes before it");
        }
        cursor.expect(",\"xattrs\":")?;
        let xattrs = cursor.strings(limits::TREE_PATTERNS)?;
        cursor.expect(",\"ignore\":")?;
        let ignore = cursor.strings(limits::TREE_PATTERNS)?;
        cursor.expect("}")?;
        cursor.end()?;
        Ok(Self {
            release,
            serial,
            with_sha512,
            attributes,
            xattrs: xattrs.into_iter().collect(),
            ignore: ignore.into_iter().collect(),
        })
    }
}
