//! What is wrong with a zip archive.

/// What is wrong with a zip archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZipProblem {
    /// The end of the archive, or its directory.
    #[error("the directory of the zip archive is malformed: {what}")]
    Directory {
        /// What of it.
        what: &'static str,
    },
    /// Something behind the end.
    #[error("there is something behind the end of the zip archive, a comment perhaps")]
    Trailing,
    /// Members that do not follow one another.
    #[error("there is something before, between or behind members, or they overlap")]
    Gap,
    /// The header before the content differs from the directory.
    #[error("the header before the content has another {field} than the directory")]
    Mismatch {
        /// The field.
        field: &'static str,
    },
    /// Encrypted.
    #[error("an encrypted member is refused")]
    Encrypted,
    /// A flag that we do not know.
    #[error("a member has the flags {flags:04x}, whose meaning is not known")]
    Flags {
        /// The flags.
        flags: u16,
    },
    /// Another compression.
    #[error("a member is compressed by method {method}: neither stored nor deflated")]
    Method {
        /// The method.
        method: u16,
    },
    /// A member needs a newer reader.
    #[error("a member needs version {version} of the format, 20 is read")]
    Version {
        /// The version.
        version: u16,
    },
    /// Sizes of 64 bits.
    #[error("zip64 is refused: readers differ in which of two sizes counts")]
    Zip64,
    /// An extra field.
    #[error("an extra field is malformed, there twice, or of an unknown meaning")]
    Extra,
    /// A second name.
    #[error("an extra field gives another name")]
    UnicodePath,
    /// A name whose characters depend on the reader.
    #[error("a name beyond ASCII is not declared to be UTF-8")]
    NameEncoding,
    /// What a member is.
    #[error("the attributes of a member contradict its name or one another")]
    Attributes,
    /// A comment.
    #[error("a member has a comment")]
    Comment,
    /// A folder that is not empty.
    #[error("a folder has content")]
    FolderContent,
    /// What stands behind a content.
    #[error("the descriptor behind a content is malformed, or differs from the directory")]
    Descriptor,
    /// The compressed bytes.
    #[error("the compressed bytes are malformed")]
    Data,
    /// The content has another size.
    #[error("a content is shorter or longer than the directory says")]
    Size,
    /// The content has another checksum.
    #[error("a content has another checksum than the directory says")]
    Checksum,
}

impl ZipProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "zip-directory",
            Self::Trailing => "zip-trailing",
            Self::Gap => "zip-gap",
            Self::Mismatch { .. } => "zip-mismatch",
            Self::Encrypted => "zip-encrypted",
            Self::Flags { .. } => "zip-flags",
            Self::Method { .. } => "zip-method",
            Self::Version { .. } => "zip-version",
            Self::Zip64 => "zip-zip64",
            Self::Extra => "zip-extra",
            Self::UnicodePath => "zip-unicode-path",
            Self::NameEncoding => "zip-name-encoding",
            Self::Attributes => "zip-attributes",
            Self::Comment => "zip-comment",
            Self::FolderContent => "zip-folder-content",
            Self::Descriptor => "zip-descriptor",
            Self::Data => "zip-data",
            Self::Size => "zip-size",
            Self::Checksum => "zip-checksum",
        }
    }
}
