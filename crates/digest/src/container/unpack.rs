//! Members as they come: checked, hashed, handed on.

use std::io::{self, Read};

use super::error::{ContainerError, ContainerProblem};
use super::{Begins, Member, MemberKind, MemberSink, Stopped};
use crate::artifact::Artifact;
use crate::hasher::Hashes;
use crate::path::{RelativePath, escaped};
use crate::pipeline::Flow;
use crate::portable::{NameSet, Place, check_plain, link_target};

/// The members so far, and who takes their bytes.
pub(crate) struct Unpacking<'a> {
    hashes: Hashes,
    sink: &'a mut dyn MemberSink,
    names: NameSet,
    members: Vec<Member>,
}

impl<'a> Unpacking<'a> {
    pub(crate) fn new(hashes: Hashes, sink: &'a mut dyn MemberSink) -> Self {
        Self {
            hashes,
            sink,
            names: NameSet::default(),
            members: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Vec<Member> {
        self.members
    }

    /// The member before.
    pub(crate) fn last(&self) -> Option<&Member> {
        self.members.last()
    }

    /// Whether the folder was a member.
    pub(crate) fn has_folder(&self, path: &RelativePath) -> bool {
        self.names.has_folder(path.as_str())
    }

    /// A folder.
    pub(crate) fn folder(&mut self, path: RelativePath, mode: u32) -> Result<(), ContainerError> {
        self.enter(&path, mode, Place::Folder)?;
        self.sink.begin(&path, Begins::Folder)?;
        self.keep(path, mode, MemberKind::Folder);
        Ok(())
    }

    /// A symbolic link.
    pub(crate) fn link(
        &mut self,
        path: RelativePath,
        mode: u32,
        target: String,
    ) -> Result<(), ContainerError> {
        self.enter(&path, mode, Place::File)?;
        if link_target(&path, &target).is_none() {
            let target = escaped(&target);
            return Err(ContainerProblem::LinkOutside { target }.into());
        }
        self.sink.begin(&path, Begins::Link(&target))?;
        self.keep(path, mode, MemberKind::Link { target });
        Ok(())
    }

    /// A file, whose `size` bytes come next.
    pub(crate) fn file(
        &mut self,
        path: RelativePath,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<&Artifact, ContainerError> {
        self.enter(&path, mode, Place::File)?;
        self.sink.begin(&path, Begins::File(size))?;
        let mut flow = Content {
            from: content,
            left: size,
            sink: self.sink,
        };
        let artifact = Artifact::observe(&mut flow, Some(size), self.hashes)?;
        self.sink.end(&artifact)?;
        self.keep(path, mode, MemberKind::File(artifact));
        match self.members.last().map(Member::kind) {
            Some(MemberKind::File(artifact)) => Ok(artifact),
            _ => Err(ContainerProblem::Truncated.into()),
        }
    }

    fn enter(
        &mut self,
        path: &RelativePath,
        mode: u32,
        place: Place,
    ) -> Result<(), ContainerError> {
        check_plain(path.as_str())?;
        if mode & !0o777 != 0 {
            return Err(ContainerProblem::SetId { mode }.into());
        }
        Ok(self.names.insert(path, place)?)
    }

    fn keep(&mut self, path: RelativePath, mode: u32, kind: MemberKind) {
        self.members.push(Member { path, mode, kind });
    }
}

impl From<Stopped> for ContainerProblem {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// The bytes of one file.
struct Content<'a> {
    from: &'a mut dyn Read,
    left: u64,
    sink: &'a mut dyn MemberSink,
}

impl Flow for Content<'_> {
    type Error = ContainerProblem;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ContainerProblem> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let mut filled = 0;
        while let Some(part) = buffer.get_mut(filled..most).filter(|it| !it.is_empty()) {
            match self.from.read(part) {
                Ok(0) => return Err(ContainerProblem::Truncated),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.left -= filled as u64;
        Ok(filled)
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), ContainerProblem> {
        Ok(self.sink.bytes(bytes)?)
    }
}
