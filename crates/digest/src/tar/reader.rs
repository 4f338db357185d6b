//! The strict reader: what two readers could understand differently is refused, and nothing skipped.

use std::io::{self, Read};

use super::canonical::{FileMode, TAR_BLOCK, TarMember, TarTime, tar_header};
use super::header::Header;
use super::pax::Pax;
use crate::container::error::{ContainerError, ContainerProblem, TarProblem};
use crate::container::{Profile, Unpacking};
use crate::limits;
use crate::path::{NameProblem, RelativePath};
use crate::portable::PortablePath;

/// Reads a tar archive to the end of the stream.
pub(crate) fn read_tar<R: Read>(
    stream: &mut R,
    profile: Profile,
    unpacking: &mut Unpacking<'_>,
) -> Result<(), ContainerError> {
    let mut tar = Tar {
        stream,
        profile,
        unpacking,
        time: None,
        root_seen: false,
    };
    while let Some(block) = tar.next_header()? {
        tar.member(block)?;
    }
    tar.end()
}

type Block = [u8; TAR_BLOCK];

struct Tar<'a, 'b, R> {
    stream: &'a mut R,
    profile: Profile,
    unpacking: &'a mut Unpacking<'b>,
    /// The one time of a canonical archive.
    time: Option<TarTime>,
    /// `./` was a member: the folder that was archived.
    root_seen: bool,
}

/// What stands before a member's own header.
#[derive(Default)]
struct Before {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    /// A pax header was there, which excludes all others.
    pax: bool,
    /// Every block so far: what is compared with what we would have written.
    raw: Vec<u8>,
}

impl<R: Read> Tar<'_, '_, R> {
    /// The next header; `None` at the end, when its first block of zeros was read.
    fn next_header(&mut self) -> Result<Option<Block>, ContainerError> {
        let block = self.block()?.ok_or(ContainerProblem::Truncated)?;
        Ok((!is_zero(&block)).then_some(block))
    }

    /// Reads a member, beginning with the first of its headers.
    fn member(&mut self, mut block: Block) -> Result<(), ContainerError> {
        let mut before = Before::default();
        loop {
            let header = Header::parse(&block)?;
            before.raw.extend(block);
            match header.kind {
                b'x' | b'L' | b'K' => self.extension(header.kind, header.size, &mut before)?,
                b'g' => return Err(TarProblem::Global.into()),
                _ => return self.own(&header, before),
            }
            block = self.next_header()?.ok_or(TarProblem::Dangling)?;
        }
    }

    /// Reads an extended header, or a long name in the manner of GNU.
    fn extension(
        &mut self,
        kind: u8,
        size: u64,
        before: &mut Before,
    ) -> Result<(), ContainerError> {
        if size > limits::TAR_EXTENSION_BYTES {
            return Err(TarProblem::ExtensionTooLong.into());
        }
        let length = usize::try_from(size).unwrap_or_default();
        let mut bytes = vec![0; length];
        self.exactly(&mut bytes)?;
        let padding = self.padding(size)?;
        before.raw.extend(&bytes);
        before.raw.resize(before.raw.len() + padding, 0);
        let slot = match kind {
            b'x' => {
                if before.pax || before.path.is_some() || before.target.is_some() {
                    return Err(TarProblem::NameTwice.into());
                }
                before.pax = true;
                Pax {
                    path: before.path,
                    target: before.target,
                } = Pax::parse(&bytes)?;
                return Ok(());
            }
            b'L' => &mut before.path,
            _ => &mut before.target,
        };
        if before.pax || slot.is_some() {
            return Err(TarProblem::NameTwice.into());
        }
        let name = bytes.strip_suffix(b"\0").ok_or(TarProblem::LongName)?;
        if name.is_empty() || name.contains(&0) {
            return Err(TarProblem::LongName.into());
        }
        *slot = Some(name.to_vec());
        Ok(())
    }

    /// Reads what a member's own header begins.
    fn own(&mut self, header: &Header<'_>, before: Before) -> Result<(), ContainerError> {
        let name = before.path.unwrap_or_else(|| full_name(header));
        let name = str::from_utf8(&name).map_err(|_| {
            ContainerError::from(NameProblem::NotUtf8).at(&String::from_utf8_lossy(&name))
        })?;
        let target = before.target.unwrap_or_else(|| header.target.to_vec());
        self.judged(header, name, &target, &before.raw)
            .map_err(|error| error.at(name))
    }

    fn judged(
        &mut self,
        header: &Header<'_>,
        name: &str,
        target: &[u8],
        raw: &[u8],
    ) -> Result<(), ContainerError> {
        check_kind(header, target)?;
        let is_folder = header.kind == b'5';
        if name.ends_with('/') && !is_folder {
            return Err(TarProblem::FileSlash.into());
        }
        let shown = name.strip_suffix('/').filter(|_| is_folder).unwrap_or(name);
        let Some(path) = self.path(shown)? else {
            return self.root(header);
        };
        if self.profile == Profile::Canonical {
            self.check_canonical(&path, header, target, raw)?;
        }
        match header.kind {
            b'5' => self.unpacking.folder(path, header.mode),
            b'2' => {
                let target = str::from_utf8(target).map_err(|_| NameProblem::NotUtf8)?;
                self.unpacking.link(path, header.mode, target.to_owned())
            }
            _ => {
                let (mode, size) = (header.mode, header.size);
                self.unpacking.file(path, mode, size, self.stream)?;
                self.padding(size).map(drop)
            }
        }
    }

    /// The path that a name means; `None`: the folder that was archived.
    fn path(&self, name: &str) -> Result<Option<RelativePath>, ContainerError> {
        if self.profile == Profile::Canonical {
            return Ok(Some(RelativePath::parse(name)?));
        }
        match name.strip_prefix("./") {
            // `tar -C folder -c .`
            Some("") => Ok(None),
            None if name == "." => Ok(None),
            rest => Ok(Some(RelativePath::parse(rest.unwrap_or(name))?)),
        }
    }

    fn root(&mut self, header: &Header<'_>) -> Result<(), ContainerError> {
        if header.kind != b'5' {
            return Err(NameProblem::DotComponent.into());
        }
        if header.mode & !0o777 != 0 {
            let mode = header.mode;
            return Err(ContainerProblem::SetId { mode }.into());
        }
        if std::mem::replace(&mut self.root_seen, true) {
            return Err(crate::portable::Clash::Duplicate.into());
        }
        Ok(())
    }

    /// Compares with what we would have written for this member.
    fn check_canonical(
        &mut self,
        path: &RelativePath,
        header: &Header<'_>,
        target: &[u8],
        raw: &[u8],
    ) -> Result<(), ContainerError> {
        let not = |what| Err(TarProblem::NotCanonical { what }.into());
        let portable = PortablePath::try_from(path.clone())?;
        let time = TarTime::new(header.time);
        let Some(time) = time.filter(|time| *time == *self.time.get_or_insert(*time)) else {
            return not("the time of a member");
        };
        let member = match (header.kind, header.mode) {
            (b'5', _) => TarMember::Folder,
            (b'2', _) => TarMember::Link {
                target: str::from_utf8(target).map_err(|_| NameProblem::NotUtf8)?,
            },
            (_, 0o755) => TarMember::File {
                mode: FileMode::Executable,
                size: header.size,
            },
            _ => TarMember::File {
                mode: FileMode::Plain,
                size: header.size,
            },
        };
        if tar_header(&portable, member, time).as_deref() != Some(raw) {
            return not("a header");
        }
        if self.unpacking.last().is_some_and(|last| last.path() > path) {
            return not("the order of the members");
        }
        match path.parent() {
            Some(parent) if !self.unpacking.has_folder(&parent) => {
                not("a member without its folder")
            }
            _ => Ok(()),
        }
    }

    /// Reads what is behind the first block of zeros.
    fn end(&mut self) -> Result<(), ContainerError> {
        match self.block()? {
            Some(block) if is_zero(&block) => {}
            _ => return Err(TarProblem::LoneZero.into()),
        }
        let mut padding = 0;
        while let Some(block) = self.block()? {
            padding += TAR_BLOCK as u64;
            if !is_zero(&block) || padding > limits::TAR_PADDING_BYTES {
                return Err(TarProblem::Trailing.into());
            }
            if self.profile == Profile::Canonical {
                let what = "what is behind the end";
                return Err(TarProblem::NotCanonical { what }.into());
            }
        }
        Ok(())
    }

    /// The zeros behind a content, and how many.
    fn padding(&mut self, size: u64) -> Result<usize, ContainerError> {
        let count = (TAR_BLOCK as u64 - size % TAR_BLOCK as u64) % TAR_BLOCK as u64;
        let count = usize::try_from(count).unwrap_or_default();
        let mut bytes = vec![0; count];
        self.exactly(&mut bytes)?;
        if bytes.iter().any(|it| *it != 0) {
            return Err(TarProblem::Padding.into());
        }
        Ok(count)
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), ContainerError> {
        let read = self.stream.read_exact(bytes);
        Ok(read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ContainerProblem::Truncated,
            _ => error.into(),
        })?)
    }

    /// One block; `None` where the stream ends before it.
    fn block(&mut self) -> Result<Option<Block>, ContainerError> {
        let mut block = [0; TAR_BLOCK];
        let mut first = [0];
        loop {
            match self.stream.read(&mut first) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ContainerProblem::from(error).into()),
            }
        }
        let [to, rest @ ..] = &mut block;
        let [from] = first;
        *to = from;
        self.exactly(rest)?;
        Ok(Some(block))
    }
}

/// Refuses every kind but files, folders and links, and what such a member cannot have.
fn check_kind(header: &Header<'_>, target: &[u8]) -> Result<(), ContainerProblem> {
    match header.kind {
        b'0' | 0 | b'2' | b'5' => {}
        b'1' => return Err(ContainerProblem::HardLink),
        b'3' | b'4' => return Err(ContainerProblem::Special { what: "device" }),
        b'6' => return Err(ContainerProblem::Special { what: "named pipe" }),
        b'S' => return Err(TarProblem::Sparse.into()),
        kind => return Err(TarProblem::Type { kind }.into()),
    }
    if matches!(header.kind, b'2' | b'5') && header.size > 0 {
        return Err(TarProblem::Hidden.into());
    }
    if header.kind != b'2' && !target.is_empty() {
        let field = "link target";
        return Err(TarProblem::Garbage { field }.into());
    }
    Ok(())
}

fn full_name(header: &Header<'_>) -> Vec<u8> {
    if header.prefix.is_empty() {
        return header.name.to_vec();
    }
    [header.prefix, b"/", header.name].concat()
}

fn is_zero(block: &Block) -> bool {
    block.iter().all(|it| *it == 0)
}
