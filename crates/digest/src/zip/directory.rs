//! The directory at the end, and the headers before the contents, as somebody claims them.

use super::error::ZipProblem;
use super::extra::check_extra;
use crate::container::error::ContainerProblem;

/// Bytes of the end of an archive that has no comment.
pub(crate) const END_BYTES: usize = 22;

/// Bytes of the header before a content, without its name.
pub(crate) const LOCAL_BYTES: usize = 30;

/// Bytes of the descriptor behind a content.
pub(crate) const DESCRIPTOR_BYTES: usize = 16;

/// Where the directory is.
#[derive(Debug)]
pub(crate) struct End {
    disks: [u16; 2],
    count_here: u16,
    pub(crate) count: u16,
    pub(crate) size: u32,
    pub(crate) offset: u32,
    comment: u16,
}

impl End {
    /// Reads the last bytes of an archive of so many bytes.
    pub(crate) fn parse(bytes: &[u8; END_BYTES], archive: u64) -> Result<Self, ZipProblem> {
        let end = Fields(bytes).end().ok_or(ZipProblem::Trailing)?;
        if end.comment != 0 {
            return Err(ZipProblem::Trailing);
        }
        if end.count == u16::MAX || end.size == u32::MAX || end.offset == u32::MAX {
            return Err(ZipProblem::Zip64);
        }
        if end.disks != [0, 0] || end.count_here != end.count {
            let what = "it is on several disks";
            return Err(ZipProblem::Directory { what });
        }
        if u64::from(end.offset) + u64::from(end.size) + END_BYTES as u64 != archive {
            return Err(ZipProblem::Gap);
        }
        Ok(end)
    }
}

/// A member, as the directory has it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) common: Common,
    pub(crate) offset: u64,
    pub(crate) mode: u32,
    pub(crate) kind: EntryKind,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
    Link,
}

/// What stands in the directory and again before the content.
#[derive(Debug)]
pub(crate) struct Common {
    version: u16,
    flags: u16,
    method: u16,
    time: u32,
    pub(crate) crc: u32,
    pub(crate) packed: u32,
    pub(crate) size: u32,
}

impl Common {
    pub(crate) const fn is_stored(&self) -> bool {
        self.method == STORED
    }

    /// Whether sizes and checksum stand behind the content.
    pub(crate) const fn has_descriptor(&self) -> bool {
        self.flags & DESCRIPTOR != 0
    }

    fn check(&self, name: &[u8]) -> Result<(), ZipProblem> {
        if self.flags & ENCRYPTED != 0 {
            return Err(ZipProblem::Encrypted);
        }
        if self.flags & !(SPEED | DESCRIPTOR | UTF_8) != 0 {
            return Err(ZipProblem::Flags { flags: self.flags });
        }
        if self.packed == u32::MAX || self.size == u32::MAX {
            return Err(ZipProblem::Zip64);
        }
        if !matches!(self.method, STORED | DEFLATED) {
            let method = self.method;
            return Err(ZipProblem::Method { method });
        }
        if self.version > VERSION {
            let version = self.version;
            return Err(ZipProblem::Version { version });
        }
        // Whoever reads from the front could not tell where it ends.
        if self.is_stored() && self.has_descriptor() {
            return Err(ZipProblem::Descriptor);
        }
        if self.is_stored() && self.packed != self.size {
            return Err(ZipProblem::Size);
        }
        if !name.is_ascii() && self.flags & UTF_8 == 0 {
            return Err(ZipProblem::NameEncoding);
        }
        Ok(())
    }

    /// Compares with the header before the content.
    fn check_local(&self, local: &Self) -> Result<(), ZipProblem> {
        let later = self.has_descriptor();
        let same = |ours: u32, theirs: u32| ours == theirs || later && theirs == 0;
        let fields = [
            (self.version == local.version, "version"),
            (self.flags == local.flags, "flags"),
            (self.method == local.method, "method"),
            (self.time == local.time, "time"),
            (same(self.crc, local.crc), "checksum"),
            (same(self.packed, local.packed), "compressed size"),
            (same(self.size, local.size), "size"),
        ];
        match fields.iter().find(|(is_same, _)| !is_same) {
            Some((_, field)) => Err(ZipProblem::Mismatch { field }),
            None => Ok(()),
        }
    }
}

impl<'a> Entry<'a> {
    /// Takes the next member off the directory; the name, too, where it is refused.
    pub(crate) fn next(
        directory: &mut &'a [u8],
    ) -> Result<Result<Self, (&'a [u8], ContainerProblem)>, ZipProblem> {
        let what = "a member";
        let mut fields = Fields(directory);
        let raw = fields.entry().ok_or(ZipProblem::Directory { what })?;
        let Fields(rest) = fields;
        *directory = rest;
        let name = raw.name;
        Ok(raw.judged().map_err(|problem| (name, problem)))
    }

    /// Checks the header before the content; returns how many bytes of name and extra fields follow it.
    pub(crate) fn check_local(&self, bytes: &[u8; LOCAL_BYTES]) -> Result<usize, ZipProblem> {
        let mut fields = Fields(bytes);
        let (local, lengths) = fields.local().ok_or(ZipProblem::Gap)?;
        self.common.check_local(&local)?;
        let [name, extra] = lengths.map(usize::from);
        if name != self.name.len() {
            return Err(ZipProblem::Mismatch { field: "name" });
        }
        Ok(name + extra)
    }

    /// Checks the name and extra fields before the content.
    pub(crate) fn check_local_name(&self, bytes: &[u8]) -> Result<(), ZipProblem> {
        let Some(extra) = bytes.strip_prefix(self.name) else {
            return Err(ZipProblem::Mismatch { field: "name" });
        };
        check_extra(extra, self.name)
    }

    /// Checks what stands behind the content.
    pub(crate) fn check_descriptor(
        &self,
        bytes: &[u8; DESCRIPTOR_BYTES],
    ) -> Result<(), ZipProblem> {
        let Common {
            crc, packed, size, ..
        } = self.common;
        let wanted = [DESCRIPTOR_MAGIC, crc, packed, size].map(u32::to_le_bytes);
        if wanted.as_flattened() != bytes {
            return Err(ZipProblem::Descriptor);
        }
        Ok(())
    }
}

/// A member of the directory, not yet judged.
struct Raw<'a> {
    made_by: u16,
    common: Common,
    disk: u16,
    internal: u16,
    external: u32,
    offset: u32,
    name: &'a [u8],
    extra: &'a [u8],
    comment: &'a [u8],
}

impl<'a> Raw<'a> {
    fn judged(self) -> Result<Entry<'a>, ContainerProblem> {
        self.common.check(self.name)?;
        check_extra(self.extra, self.name)?;
        if !self.comment.is_empty() {
            return Err(ZipProblem::Comment.into());
        }
        if self.offset == u32::MAX {
            return Err(ZipProblem::Zip64.into());
        }
        // Bit 0: text.
        if self.disk != 0 || self.internal > 1 {
            return Err(ZipProblem::Attributes.into());
        }
        let (kind, mode) = self.kind()?;
        let common = self.common;
        let is_empty = (common.crc, common.packed, common.size) == (0, 0, 0);
        if kind == EntryKind::Folder && !(is_empty && common.is_stored()) {
            return Err(ZipProblem::FolderContent.into());
        }
        Ok(Entry {
            name: self.name,
            common,
            offset: self.offset.into(),
            mode,
            kind,
        })
    }

    /// What it is, by its name and its attributes; they must agree.
    fn kind(&self) -> Result<(EntryKind, u32), ContainerProblem> {
        let [dos, _, low, high] = self.external.to_le_bytes();
        let unix = u32::from(u16::from_le_bytes([low, high]));
        let by_name = match self.name {
            [.., b'/'] => EntryKind::Folder,
            _ => EntryKind::File,
        };
        let is_folder = by_name == EntryKind::Folder;
        let contradicts = dos & VOLUME != 0 || dos & FOLDER != 0 && !is_folder;
        let system = self.made_by >> 8;
        // Some readers ask who made it before they look at these bits, and others do not.
        let foreign = !matches!(system, UNIX | DOS) || system == DOS && unix != 0;
        if contradicts || foreign {
            return Err(ZipProblem::Attributes.into());
        }
        let kind = match (unix >> 12, by_name) {
            (0, _) => by_name,
            (0o10, EntryKind::File) => EntryKind::File,
            (0o4, EntryKind::Folder) => EntryKind::Folder,
            (0o12, EntryKind::File) => EntryKind::Link,
            (0o10 | 0o4 | 0o12, _) => return Err(ZipProblem::Attributes.into()),
            _ => return Err(ContainerProblem::Special { what: "device" }),
        };
        let mode = match unix & 0o7777 {
            // Nothing is said.
            0 if is_folder => 0o755,
            0 => 0o644,
            mode => mode,
        };
        Ok((kind, mode))
    }
}

/// Bytes of which numbers are taken off.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn u16(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*number))
    }

    fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn take(&mut self, count: u16) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count.into())?;
        self.0 = rest;
        Some(taken)
    }

    fn magic(&mut self, magic: u32) -> Option<()> {
        (self.u32()? == magic).then_some(())
    }

    fn end(&mut self) -> Option<End> {
        self.magic(END_MAGIC)?;
        Some(End {
            disks: [self.u16()?, self.u16()?],
            count_here: self.u16()?,
            count: self.u16()?,
            size: self.u32()?,
            offset: self.u32()?,
            comment: self.u16()?,
        })
    }

    fn common(&mut self) -> Option<Common> {
        Some(Common {
            version: self.u16()?,
            flags: self.u16()?,
            method: self.u16()?,
            time: self.u32()?,
            crc: self.u32()?,
            packed: self.u32()?,
            size: self.u32()?,
        })
    }

    fn entry(&mut self) -> Option<Raw<'a>> {
        self.magic(ENTRY_MAGIC)?;
        let made_by = self.u16()?;
        let common = self.common()?;
        let [name, extra, comment] = [self.u16()?, self.u16()?, self.u16()?];
        Some(Raw {
            made_by,
            common,
            disk: self.u16()?,
            internal: self.u16()?,
            external: self.u32()?,
            offset: self.u32()?,
            name: self.take(name)?,
            extra: self.take(extra)?,
            comment: self.take(comment)?,
        })
    }

    fn local(&mut self) -> Option<(Common, [u16; 2])> {
        self.magic(LOCAL_MAGIC)?;
        Some((self.common()?, [self.u16()?, self.u16()?]))
    }
}

const LOCAL_MAGIC: u32 = 0x0403_4b50;
const ENTRY_MAGIC: u32 = 0x0201_4b50;
pub(crate) const END_MAGIC: u32 = 0x0605_4b50;
const DESCRIPTOR_MAGIC: u32 = 0x0807_4b50;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The version that knows folders and deflate.
const VERSION: u16 = 20;

/// Encrypted, by either method, or with masked headers.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// How hard the compressor tried.
const SPEED: u16 = 0b110;
const DESCRIPTOR: u16 = 1 << 3;
const UTF_8: u16 = 1 << 11;

const DOS: u16 = 0;
const UNIX: u16 = 3;

/// Attributes of DOS.
const VOLUME: u8 = 1 << 3;
const FOLDER: u8 = 1 << 4;
