//! Writes `attest-tar/1`: the one archive of a tree.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use attest_digest::{
    Clash, FileMode, NameSet, Place, PortablePath, TAR_BLOCK, TarMember, TarTime, limits,
    tar_header,
};

use crate::tar_error::TarError;

/// A canonical tar archive in the making: the same tree gives the same bytes, everywhere.
///
/// Members come sorted by the bytes of their paths, and the folders on the way to each are members
/// too; [`tar_order`] puts any tree into this order. There is no other way to write it: owners are 0 and
/// without names, permissions 0644 or 0755, all times are one, the names are [`PortablePath`]s, and
/// behind the last member stand two blocks of zeros and nothing more. The whole format is in
/// `docs/archive-format.md`.
///
/// Contents are passed on as they are read: memory grows with the names alone.
///
/// ```
/// use attest_archive::TarWriter;
/// use attest_digest::{FileMode, PortablePath, TarTime};
///
/// let time = TarTime::new(1_700_000_000).unwrap();
/// let mut tar = TarWriter::new(Vec::new(), time);
/// tar.directory(&PortablePath::parse("bin").unwrap())?;
/// let tool = PortablePath::parse("bin/tool").unwrap();
/// tar.file(&tool, FileMode::Executable, 5, &mut b"hello".as_slice())?;
/// assert_eq!(tar.finish()?.len(), 5 * 512);
/// # Ok::<(), attest_archive::TarError>(())
/// ```
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
    time: TarTime,
    names: NameSet,
    last: Option<PortablePath>,
    /// A member is half written, or was: nothing can make this an archive any more.
    broken: bool,
}

impl<W: Write> TarWriter<W> {
    /// Begins an archive; every member gets this time.
    pub fn new(out: W, time: TarTime) -> Self {
        Self {
            out,
            time,
            names: NameSet::default(),
            last: None,
            broken: false,
        }
    }

    /// Writes a folder.
    ///
    /// # Errors
    /// `tar-order`, `tar-parent-missing`, `member-duplicate`, `member-collision`,
    /// `archive-too-many-members`; `archive-disk-full`, `archive-io`; `tar-unfinished` after any error.
    pub fn directory(&mut self, path: &PortablePath) -> Result<(), TarError> {
        self.member(path, TarMember::Folder, Place::Folder, |_| Ok(()))
    }

    /// Writes a file of exactly `size` bytes, all that the reader has.
    ///
    /// # Errors
    /// As [`TarWriter::directory`]; `tar-member-too-large`; `tar-member-size` if the reader has fewer or
    /// more bytes, `file-unreadable` if it fails.
    pub fn file(
        &mut self,
        path: &PortablePath,
        mode: FileMode,
        size: u64,
        content: &mut impl Read,
    ) -> Result<(), TarError> {
        let member = TarMember::File { mode, size };
        self.member(path, member, Place::File, |out| {
            copy(out, path, size, content)
        })
    }

    /// Writes a symbolic link to something of the archive; the target is relative, and stays below the
    /// top.
    ///
    /// # Errors
    /// As [`TarWriter::directory`]; `tar-link-outside`.
    pub fn link(&mut self, path: &PortablePath, target: &str) -> Result<(), TarError> {
        if attest_digest::link_target(path.as_relative(), target).is_none() {
            return Err(TarError::LinkOutside {
                path: path.clone(),
                target: target.to_owned(),
            });
        }
        let member = TarMember::Link { target };
        self.member(path, member, Place::File, |_| Ok(()))
    }

    /// Writes the end, and gives back what was written to; it is flushed, not synced.
    ///
    /// # Errors
    /// `archive-disk-full`, `archive-io`; `tar-unfinished` if a member could not be written.
    pub fn finish(mut self) -> Result<W, TarError> {
        if self.broken {
            return Err(TarError::Unfinished);
        }
        self.out
            .write_all(&[0; 2 * TAR_BLOCK])
            .and_then(|()| self.out.flush())
            .map_err(TarError::Write)?;
        Ok(self.out)
    }

    fn member(
        &mut self,
        path: &PortablePath,
        member: TarMember<'_>,
        place: Place,
        content: impl FnOnce(&mut W) -> Result<(), TarError>,
    ) -> Result<(), TarError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(TarError::Unfinished);
        }
        self.enter(path, place)?;
        let header = tar_header(path, member, self.time).ok_or_else(|| TarError::TooLarge {
            path: path.clone(),
            limit: limits::TAR_MEMBER_BYTES,
        })?;
        self.out.write_all(&header).map_err(TarError::Write)?;
        content(&mut self.out)?;
        self.broken = false;
        Ok(())
    }

    fn enter(&mut self, path: &PortablePath, place: Place) -> Result<(), TarError> {
        let clash = |clash: Clash| TarError::Clash {
            path: path.clone(),
            clash,
        };
        let path_ref = path.as_relative();
        self.names.insert(path_ref, place).map_err(clash)?;
        if let Some(last) = self.last.replace(path.clone())
            && last >= *path
        {
            return Err(TarError::Order {
                path: path.clone(),
                last,
            });
        }
        match path_ref.parent() {
            Some(parent) if !self.names.has_folder(parent.as_str()) => {
                Err(TarError::ParentMissing { path: path.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// These paths and the folders on their way, in the order of a canonical archive; a folder has `None`.
///
/// Of a path that is given twice the last counts; and one that is also a folder stays what it is, for
/// [`TarWriter`] to refuse.
pub fn tar_order<T>(
    members: impl IntoIterator<Item = (PortablePath, T)>,
) -> BTreeMap<PortablePath, Option<T>> {
    let mut ordered = BTreeMap::new();
    for (path, member) in members {
        for parent in path.parents() {
            ordered.entry(parent).or_insert(None);
        }
        ordered.insert(path, Some(member));
    }
    ordered
}

/// Writes exactly that many bytes, and the zeros behind them.
fn copy(
    out: &mut impl Write,
    path: &PortablePath,
    size: u64,
    content: &mut impl Read,
) -> Result<(), TarError> {
    let mut buffer = vec![0; limits::READ_BUFFER];
    let mut found = 0;
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => {
                let path = path.clone();
                return Err(TarError::Read { path, source });
            }
        };
        found += read as u64;
        if found > size {
            break;
        }
        let bytes = buffer.get(..read).unwrap_or(&buffer);
        out.write_all(bytes).map_err(TarError::Write)?;
    }
    if found != size {
        return Err(TarError::Size {
            path: path.clone(),
            wanted: size,
        });
    }
    let padding = size.next_multiple_of(TAR_BLOCK as u64) - size;
    io::copy(&mut io::repeat(0).take(padding), out).map_err(TarError::Write)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use attest_digest::{Artifact, Hashes};

    use super::*;

    fn path(text: &str) -> PortablePath {
        PortablePath::parse(text).unwrap()
    }

    fn writer() -> TarWriter<Vec<u8>> {
        TarWriter::new(Vec::new(), TarTime::new(1_700_000_000).unwrap())
    }

    fn plain(tar: &mut TarWriter<Vec<u8>>, name: &str) -> Option<&'static str> {
        tar.file(&path(name), FileMode::Plain, 0, &mut io::empty())
            .err()
            .map(|error| error.code())
    }

    /// The digest is part of the format: it changes with a new `attest-tar/2` alone.
    #[test]
    fn a_tree_has_these_bytes() {
        let mut tar = writer();
        tar.directory(&path("a")).unwrap();
        tar.file(&path("a.txt"), FileMode::Plain, 3, &mut b"abc".as_slice())
            .unwrap();
        tar.file(&path("a/tool"), FileMode::Executable, 0, &mut io::empty())
            .unwrap();
        tar.link(&path("a/up"), "../a.txt").unwrap();
        let long = path(&"\u{fc}".repeat(120));
        tar.file(&long, FileMode::Plain, 512, &mut [7; 512].as_slice())
            .unwrap();
        let bytes = tar.finish().unwrap();
        assert_eq!(bytes.len(), 512 * (1 + 2 + 1 + 1 + 4 + 2));
        let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        assert_eq!(
            digest.hex(),
            "b55332b6a59f3e21acb8d5d1a3f685d760e017b4800f76fb5ab7abf9572d7e61"
        );
    }

    #[test]
    fn members_out_of_order_are_refused() {
        let mut tar = writer();
        assert_eq!(plain(&mut tar, "b"), None);
        assert_eq!(plain(&mut tar, "a"), Some("tar-order"));
        assert_eq!(plain(&mut tar, "c"), Some("tar-unfinished"));
        assert_eq!(tar.finish().unwrap_err().code(), "tar-unfinished");
    }

    #[test]
    fn a_member_without_its_folder_is_refused() {
        assert_eq!(plain(&mut writer(), "a/b"), Some("tar-parent-missing"));
    }

    #[test]
    fn two_names_that_some_system_takes_for_one_are_refused() {
        for (one, other, code) in [
            ("a", "a", "member-duplicate"),
            ("A", "a", "member-collision"),
            ("a", "a/b", "member-collision"),
        ] {
            let mut tar = writer();
            plain(&mut tar, one);
            assert_eq!(plain(&mut tar, other), Some(code));
        }
    }

    #[test]
    fn a_reader_with_fewer_or_more_bytes_than_it_should_have_is_refused() {
        for content in [b"ab".as_slice(), b"abcd", &[0; 9000]] {
            let mut content = content;
            let mut tar = writer();
            let error = tar.file(&path("a"), FileMode::Plain, 3, &mut content);
            assert_eq!(error.unwrap_err().code(), "tar-member-size");
        }
    }

    #[test]
    fn a_file_of_eight_gibibytes_is_refused_before_it_is_read() {
        let mut tar = writer();
        let size = limits::TAR_MEMBER_BYTES + 1;
        let error = tar.file(&path("a"), FileMode::Plain, size, &mut io::repeat(0));
        assert_eq!(error.unwrap_err().code(), "tar-member-too-large");
        assert!(tar.out.is_empty());
    }

    #[test]
    fn links_stay_inside() {
        for target in [
            "../x",
            "/x",
            "",
            "a/../../x",
            "b/../a",
            "./a",
            "a//b",
            "a\\b",
        ] {
            let error = writer().link(&path("l"), target).unwrap_err();
            assert_eq!(error.code(), "tar-link-outside", "{target}");
        }
        writer().link(&path("l"), "a/b").unwrap();
    }

    #[test]
    fn a_tree_is_put_in_order_with_its_folders() {
        let members = ["a/b/c", "a.txt", "a/b/d"].map(|name| (path(name), ()));
        let ordered: Vec<(String, bool)> = tar_order(members)
            .into_iter()
            .map(|(path, member)| (path.to_string(), member.is_some()))
            .collect();
        let wanted = [
            ("a", false),
            ("a.txt", true),
            ("a/b", false),
            ("a/b/c", true),
            ("a/b/d", true),
        ];
        assert_eq!(ordered, wanted.map(|(name, file)| (name.to_owned(), file)));
        let mut tar = writer();
        for (name, file) in &ordered {
            match file {
                true => assert_eq!(plain(&mut tar, name), None),
                false => tar.directory(&path(name)).unwrap(),
            }
        }
    }
}
