//! A bag as one file: its folder in `attest-tar/1`.
//!
//! There is one way to write it, so reading makes each header again and compares. A bag that another
//! tar has packed is refused: unpacked it is a folder, and read as one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use attest_digest::{
    Artifact, FileMode, Hashes, Hashing, NameSet, Place, PortablePath, RelativePath, TAR_BLOCK,
    TarMember, TarTime, tar_header,
};

use super::plan::File as KeptFile;
use super::write::Sink;
use crate::error::ArchiveError;
use crate::limits;
use crate::tar::TarWriter;
use crate::tar_error::TarError;

/// The folder of a bag, in the making as a tar.
pub(super) struct TarSink<W> {
    tar: TarWriter<W>,
    top: PortablePath,
}

impl<W: Write> TarSink<W> {
    /// Begins with the bag's folder.
    pub(super) fn new(out: W, top: &str) -> Result<Self, ArchiveError> {
        let mut tar = TarWriter::new(out, time());
        let top = portable(top)?;
        tar.directory(&top).map_err(ArchiveError::Tar)?;
        Ok(Self { tar, top })
    }

    pub(super) fn finish(self) -> Result<W, ArchiveError> {
        self.tar.finish().map_err(ArchiveError::Tar)
    }

    /// A file of so many bytes.
    pub(super) fn member(
        &mut self,
        path: &RelativePath,
        size: u64,
        content: &mut impl Read,
    ) -> Result<(), ArchiveError> {
        let place = self.place(path)?;
        self.tar
            .file(&place, FileMode::Plain, size, content)
            .map_err(ArchiveError::Tar)
    }

    /// Where a path of the bag stands in the tar.
    fn place(&self, path: &RelativePath) -> Result<PortablePath, ArchiveError> {
        portable(&format!("{}/{path}", self.top))
    }
}

/// Whether a tar can hold this file, before anything is written.
pub(super) fn check(top: &str, path: &RelativePath, size: u64) -> Result<(), ArchiveError> {
    let path = portable(&format!("{top}/{path}"))?;
    let limit = attest_digest::limits::TAR_MEMBER_BYTES;
    if size > limit {
        return Err(ArchiveError::Tar(TarError::TooLarge { path, limit }));
    }
    Ok(())
}

impl<W: Write> Sink for TarSink<W> {
    fn folder(&mut self, path: &RelativePath) -> Result<(), ArchiveError> {
        let place = self.place(path)?;
        self.tar.directory(&place).map_err(ArchiveError::Tar)
    }

    fn bytes(&mut self, path: &RelativePath, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        self.member(path, bytes.len() as u64, &mut bytes)
    }

    fn kept(
        &mut self,
        path: &RelativePath,
        file: &KeptFile,
        blob: &File,
    ) -> Result<Artifact, ArchiveError> {
        let mut passing = Hashing::new(blob, Hashes::Sha256AndSha512);
        self.member(path, file.blob.size, &mut passing)?;
        Ok(passing.finish())
    }
}

/// The bytes of a file within a tar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// What a tar holds of a bag.
#[derive(Debug)]
pub(super) struct Contents {
    /// The name of the bag's folder.
    pub(super) top: String,
    /// Where each file of the bag stands.
    pub(super) files: BTreeMap<RelativePath, Range>,
    pub(super) folders: Vec<RelativePath>,
}

/// Reads the headers of a tar, down to its last byte.
pub(super) fn contents(file: &File, place: &Path) -> Result<Contents, ArchiveError> {
    let length = file
        .metadata()
        .map_err(|error| ArchiveError::io("read", place, error))?
        .len();
    Headers {
        file,
        place,
        length,
        at: 0,
        names: NameSet::default(),
        last: None,
    }
    .read()
}

struct Headers<'a> {
    file: &'a File,
    place: &'a Path,
    length: u64,
    at: u64,
    names: NameSet,
    last: Option<PortablePath>,
}

impl Headers<'_> {
    fn read(mut self) -> Result<Contents, ArchiveError> {
        let top = match self.next()? {
            Some((path, None)) if path.as_relative().parent().is_none() => path,
            _ => return Err(self.malformed("it does not begin with the folder of a bag")),
        };
        let mut contents = Contents {
            top: top.to_string(),
            files: BTreeMap::new(),
            folders: Vec::new(),
        };
        while let Some((path, size)) = self.next()? {
            let inside = path
                .as_str()
                .strip_prefix(top.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
                .and_then(|rest| RelativePath::parse(rest).ok())
                .ok_or_else(|| self.malformed("a member stands beside the folder of the bag"))?;
            if contents.files.len() + contents.folders.len() >= limits::BAG_MEMBERS {
                return Err(self.malformed("it has more members than a bag"));
            }
            let Some(size) = size else {
                contents.folders.push(inside);
                continue;
            };
            let range = Range {
                offset: self.at,
                size,
            };
            self.skip(size)?;
            contents.files.insert(inside, range);
        }
        Ok(contents)
    }

    /// The next member; a folder has no size. None at the end, which must be the end of the file.
    fn next(&mut self) -> Result<Option<(PortablePath, Option<u64>)>, ArchiveError> {
        let start = self.at;
        let block = self.block()?;
        if block == [0; TAR_BLOCK] {
            if self.block()? != [0; TAR_BLOCK] || self.at != self.length {
                return Err(self.malformed("it does not end behind two blocks of zeros"));
            }
            return Ok(None);
        }
        let (name, block) = if kind(&block) == b'x' {
            (self.long_name(&block)?, self.block()?)
        } else {
            (short_name(&block), block)
        };
        let unreadable = || self.malformed("a header is not that of a file or folder");
        let (text, size) = match kind(&block) {
            b'0' => (name.as_str(), Some(octal(&block).ok_or_else(unreadable)?)),
            b'5' => (name.trim_end_matches('/'), None),
            _ => return Err(unreadable()),
        };
        let path = PortablePath::parse(text)
            .map_err(|_| self.malformed("a name is not one that every system can have"))?;
        let member = size.map_or(TarMember::Folder, |size| TarMember::File {
            mode: FileMode::Plain,
            size,
        });
        // The one way to write this member is this.
        let wanted = tar_header(&path, member, time()).ok_or_else(unreadable)?;
        if self.bytes(start, wanted.len())? != wanted {
            return Err(self.malformed("a header is not written as attest-tar/1 has it"));
        }
        self.enter(&path, size.is_none())?;
        Ok(Some((path, size)))
    }

    /// In the order of paths, each behind its folder, none twice.
    fn enter(&mut self, path: &PortablePath, is_folder: bool) -> Result<(), ArchiveError> {
        let place = if is_folder {
            Place::Folder
        } else {
            Place::File
        };
        let is_new = self.names.insert(path.as_relative(), place).is_ok();
        let is_behind = self.last.as_ref().is_none_or(|last| last < path);
        let parent = path.as_relative().parent();
        let has_parent = parent.is_none_or(|it| self.names.has_folder(it.as_str()));
        if !(is_new && is_behind && has_parent) {
            return Err(
                self.malformed("its members are not sorted, or not all behind their folders")
            );
        }
        self.last = Some(path.clone());
        Ok(())
    }

    fn long_name(&mut self, block: &[u8; TAR_BLOCK]) -> Result<String, ArchiveError> {
        let unreadable = |this: &Self| this.malformed("a long name is not readable");
        let size = octal(block).filter(|size| *size <= limits::TAR_RECORDS);
        let size = size.ok_or_else(|| unreadable(self))?;
        let bytes = self.bytes(self.at, usize::try_from(size).unwrap_or_default())?;
        self.at += size.next_multiple_of(TAR_BLOCK as u64);
        let text = String::from_utf8(bytes).map_err(|_| unreadable(self))?;
        let path = text
            .split_once(" path=")
            .and_then(|(_, rest)| rest.strip_suffix('\n'));
        path.map(str::to_owned).ok_or_else(|| unreadable(self))
    }

    /// Passes over a content and the zeros behind it.
    fn skip(&mut self, size: u64) -> Result<(), ArchiveError> {
        let padded = size.next_multiple_of(TAR_BLOCK as u64);
        let padding = usize::try_from(padded - size).unwrap_or_default();
        if self
            .bytes(self.at + size, padding)?
            .iter()
            .any(|it| *it != 0)
        {
            return Err(self.malformed("there are bytes behind a file"));
        }
        self.at += padded;
        Ok(())
    }

    fn block(&mut self) -> Result<[u8; TAR_BLOCK], ArchiveError> {
        let bytes = self.bytes(self.at, TAR_BLOCK)?;
        self.at += TAR_BLOCK as u64;
        bytes
            .try_into()
            .map_err(|_| self.malformed("it ends too early"))
    }

    fn bytes(&self, at: u64, count: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = vec![0; count];
        if at.saturating_add(count as u64) > self.length {
            return Err(self.malformed("it ends too early"));
        }
        self.file
            .read_exact_at(&mut bytes, at)
            .map_err(|error| ArchiveError::io("read", self.place, error))?;
        Ok(bytes)
    }

    fn malformed(&self, problem: &'static str) -> ArchiveError {
        ArchiveError::BagTar {
            path: self.place.to_owned(),
            offset: self.at,
            problem,
        }
    }
}

/// Reads the bytes of one file within a tar.
pub(crate) struct Within<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Within<'a> {
    pub(crate) const fn new(file: &'a File, offset: u64, size: u64) -> Self {
        Self {
            file,
            at: offset,
            end: offset.saturating_add(size),
        }
    }
}

impl Read for Within<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let part = left.min(buffer.len());
        let read = self
            .file
            .read_at(buffer.get_mut(..part).unwrap_or_default(), self.at)?;
        if read == 0 && part > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

fn portable(text: &str) -> Result<PortablePath, ArchiveError> {
    PortablePath::parse(text).map_err(|problem| ArchiveError::NotPortable {
        path: text.to_owned(),
        problem,
    })
}

fn kind(block: &[u8; TAR_BLOCK]) -> u8 {
    block.get(156).copied().unwrap_or_default()
}

/// The size in a header, in octal digits.
fn octal(block: &[u8; TAR_BLOCK]) -> Option<u64> {
    let digits = str::from_utf8(block.get(124..135)?).ok()?;
    u64::from_str_radix(digits, 8).ok()
}

/// Prefix and name of a header.
fn short_name(block: &[u8; TAR_BLOCK]) -> String {
    let text = |from: usize, to: usize| {
        let bytes = block.get(from..to).unwrap_or_default();
        let end = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
    };
    let (prefix, name) = (text(345, 500), text(0, 100));
    if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    }
}

/// The time of every member: 1980-01-01, before which some readers warn. A bag has no date.
fn time() -> TarTime {
    TarTime::new(SECONDS).unwrap_or_else(|| unreachable!("the constant is in range"))
}

const SECONDS: u64 = 315_532_800;
