//! The strict reader: members one behind the other from the first byte, the directory, its end, nothing else.
//!
//! The directory at the end is read first, because it alone says what a member is. Then everything is read
//! from the front, and each member must stand where the directory has it. So those who read from the front
//! and those who begin at the end see the same.

use std::io::{self, Read};

use super::content::Content;
use super::directory::{
    DESCRIPTOR_BYTES, END_BYTES, END_MAGIC, End, Entry, EntryKind, LOCAL_BYTES,
};
use super::error::ZipProblem;
use crate::artifact::Artifact;
use crate::container::Unpacking;
use crate::container::error::{ContainerError, ContainerProblem};
use crate::container::source::Source;
use crate::limits;
use crate::path::{NameProblem, RelativePath};
use crate::read_error::ReadError;

/// Reads a zip archive to its last byte; returns the archive's own bytes.
pub(crate) fn read_zip(
    mut source: Source<'_>,
    unpacking: &mut Unpacking<'_>,
) -> Result<Artifact, ContainerError> {
    let (directory, end) = directory(&source)?;
    let mut zip = Zip {
        source: &mut source,
        unpacking,
        unpacked: 0,
    };
    let mut rest = directory.as_slice();
    for _ in 0..end.count {
        let entry = Entry::next(&mut rest)?.map_err(|(name, problem)| {
            ContainerError::from(problem).at(&String::from_utf8_lossy(name))
        })?;
        zip.member(&entry)?;
    }
    if !rest.is_empty() {
        let what = "it holds more than its members";
        return Err(ZipProblem::Directory { what }.into());
    }
    if source.position() != u64::from(end.offset) {
        return Err(ZipProblem::Gap.into());
    }
    // The bytes that count are those that are hashed.
    let mut again = vec![0; directory.len()];
    read_whole(&mut source, &mut again)?;
    if again != directory {
        return Err(ReadError::Changed { path: None }.into());
    }
    let mut again = [0; END_BYTES];
    read_whole(&mut source, &mut again)?;
    Ok(source.finish()?.ok_or(ZipProblem::Trailing)?)
}

/// The directory's bytes, and its end.
fn directory(source: &Source<'_>) -> Result<(Vec<u8>, End), ContainerError> {
    let size = source.size();
    let mut end = [0; END_BYTES];
    let at = size.checked_sub(END_BYTES as u64);
    source.read_at(&mut end, at.ok_or(ContainerProblem::Truncated)?)?;
    let end = End::parse(&end, size).map_err(|problem| end_problem(source, problem))?;
    if end.size > limits::ZIP_DIRECTORY_BYTES {
        let what = "it is too large";
        return Err(ZipProblem::Directory { what }.into());
    }
    let mut directory = vec![0; usize::try_from(end.size).unwrap_or_default()];
    source.read_at(&mut directory, end.offset.into())?;
    Ok((directory, end))
}

/// Without any end an archive was cut off.
fn end_problem(source: &Source<'_>, problem: ZipProblem) -> ContainerProblem {
    let most = (END_BYTES + usize::from(u16::MAX)) as u64;
    let bytes = source.size().min(most);
    let mut tail = vec![0; usize::try_from(bytes).unwrap_or_default()];
    match source.read_at(&mut tail, source.size() - bytes) {
        Err(error) => error,
        Ok(()) if tail.windows(4).any(|it| it == END_MAGIC.to_le_bytes()) => problem.into(),
        Ok(()) => ContainerProblem::Truncated,
    }
}

struct Zip<'a, 'b, 'c> {
    source: &'a mut Source<'b>,
    unpacking: &'a mut Unpacking<'c>,
    /// Bytes of all contents so far.
    unpacked: u64,
}

impl Zip<'_, '_, '_> {
    fn member(&mut self, entry: &Entry<'_>) -> Result<(), ContainerError> {
        let name = str::from_utf8(entry.name).map_err(|_| {
            ContainerError::from(NameProblem::NotUtf8).at(&String::from_utf8_lossy(entry.name))
        })?;
        self.judged(entry, name).map_err(|error| error.at(name))
    }

    fn judged(&mut self, entry: &Entry<'_>, name: &str) -> Result<(), ContainerError> {
        self.header(entry)?;
        let is_folder = entry.kind == EntryKind::Folder;
        let shown = name.strip_suffix('/').filter(|_| is_folder).unwrap_or(name);
        let path = RelativePath::parse(shown)?;
        let mut content = Content::new(self.source, &entry.common, &mut self.unpacked);
        match entry.kind {
            EntryKind::Folder => self.unpacking.folder(path, entry.mode)?,
            EntryKind::File => {
                let size = entry.common.size.into();
                self.unpacking.file(path, entry.mode, size, &mut content)?;
            }
            EntryKind::Link => {
                let target = target(&mut content, entry.common.size)?;
                self.unpacking.link(path, entry.mode, target)?;
            }
        }
        content.finish()?;
        if entry.common.has_descriptor() {
            let mut descriptor = [0; DESCRIPTOR_BYTES];
            read_whole(self.source, &mut descriptor)?;
            entry.check_descriptor(&descriptor)?;
        }
        Ok(())
    }

    /// What stands before the content, where the directory says that it does.
    fn header(&mut self, entry: &Entry<'_>) -> Result<(), ContainerError> {
        if self.source.position() != entry.offset {
            return Err(ZipProblem::Gap.into());
        }
        let mut header = [0; LOCAL_BYTES];
        read_whole(self.source, &mut header)?;
        let mut name = vec![0; entry.check_local(&header)?];
        read_whole(self.source, &mut name)?;
        Ok(entry.check_local_name(&name)?)
    }
}

/// Where a link says that it leads.
fn target(content: &mut Content<'_, '_>, size: u32) -> Result<String, ContainerError> {
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    if bytes > limits::PATH_BYTES {
        return Err(NameProblem::TooLong { bytes }.into());
    }
    let mut target = vec![0; bytes];
    read_whole(content, &mut target)?;
    Ok(String::from_utf8(target).map_err(|_| NameProblem::NotUtf8)?)
}

fn read_whole(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), ContainerProblem> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ContainerProblem::Truncated,
        _ => error.into(),
    })
}
