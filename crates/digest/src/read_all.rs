//! Many files below a folder, each hashed once, however many names lead to it.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use crate::artifact::Artifact;
use crate::hasher::Hashes;
use crate::limits;
use crate::parallel::hash_all;
use crate::path::RelativePath;
use crate::read_error::ReadError;
use crate::sys::{FileId, Root, Snapshot};

impl Root {
    /// Reads regular files below the folder, on all cores, in the order of the paths.
    ///
    /// A large file to which several names lead, by symbolic or hard links, is hashed once. That it is
    /// one file is what the kernel says of each *open* file, by device and inode; that its bytes are
    /// those that were hashed is what makes any reading valid: size, and times of modification and
    /// change to the nanosecond, are the same before, after, and at each further name. What differs in
    /// any of them has changed while it was read.
    pub fn read_all(
        &self,
        paths: &[RelativePath],
        hashes: Hashes,
    ) -> Vec<Result<Artifact, ReadError>> {
        let known = Known::default();
        hash_all(0, paths, |path| {
            known
                .read(self, path, hashes)
                .map_err(|error| error.at(path.as_str()))
        })
    }
}

/// What was read of each large file.
#[derive(Default)]
struct Known(Mutex<HashMap<FileId, Arc<Mutex<Reading>>>>);

/// One file: whoever comes second waits for the first.
enum Reading {
    Pending,
    Read(Snapshot, Artifact),
    /// It changed, or failed: reading it once more for each name would be endless.
    Failed,
}

impl Known {
    fn read(
        &self,
        root: &Root,
        path: &RelativePath,
        hashes: Hashes,
    ) -> Result<Artifact, ReadError> {
        let (file, before) = root.open_file_inner(path)?;
        if before.size() <= limits::READ_BUFFER as u64 {
            let artifact = Artifact::read_since(&file, &before, hashes)?;
            root.check_leads_to(path, &before)?;
            return Ok(artifact);
        }
        let artifact = self.read_once(&file, before, hashes)?;
        root.check_leads_to(path, &before)?;
        Ok(artifact)
    }

    fn read_once(
        &self,
        file: &File,
        before: Snapshot,
        hashes: Hashes,
    ) -> Result<Artifact, ReadError> {
        let reading = Arc::clone(
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(before.id())
                .or_insert_with(|| Arc::new(Mutex::new(Reading::Pending))),
        );
        let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        match &*reading {
            Reading::Read(then, artifact) if *then == before => return Ok(artifact.clone()),
            Reading::Read(..) | Reading::Failed => return Err(ReadError::Changed { path: None }),
            Reading::Pending => {}
        }
        let read = Artifact::read_since(file, &before, hashes);
        *reading = match &read {
            Ok(artifact) => Reading::Read(before, artifact.clone()),
            Err(_) => Reading::Failed,
        };
        read
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(names: &[&str]) -> Vec<RelativePath> {
        let parse = |name: &&str| RelativePath::parse(name).unwrap();
        names.iter().map(parse).collect()
    }

    #[test]
    fn every_name_of_one_file_has_its_digest_and_others_have_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let big = vec![b'a'; limits::READ_BUFFER + 1];
        fs::write(folder.path().join("file"), &big).unwrap();
        fs::write(folder.path().join("other"), [&big[1..], b"b"].concat()).unwrap();
        symlink("file", folder.path().join("link")).unwrap();
        fs::hard_link(folder.path().join("file"), folder.path().join("hard")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let names = paths(&["file", "hard", "link", "other"]);
        let read = root.read_all(&names, Hashes::Sha256AndSha512);
        let digest = |index: usize| read[index].as_ref().unwrap().sha256();
        let wanted = Artifact::of_bytes(&big, Hashes::Sha256).sha256();
        assert_eq!([digest(0), digest(1), digest(2)], [wanted; 3]);
        assert_ne!(digest(3), wanted);
    }

    #[test]
    fn a_file_that_was_written_between_two_of_its_names_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![b'a'; limits::READ_BUFFER + 1]).unwrap();
        symlink("file", folder.path().join("link")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let known = Known::default();
        let read = |name: &str| {
            let path = RelativePath::parse(name).unwrap();
            known
                .read(&root, &path, Hashes::Sha256)
                .map_err(|it| it.code())
        };
        assert!(read("file").is_ok());
        // Longer than a coarse clock ticks.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, vec![b'b'; limits::READ_BUFFER + 1]).unwrap();
        assert_eq!(read("link"), Err("file-changed"));
    }

    #[test]
    fn a_link_out_of_the_folder_is_refused_whatever_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        let big = vec![b'a'; limits::READ_BUFFER + 1];
        fs::write(folder.path().join("out"), &big).unwrap();
        fs::hard_link(folder.path().join("out"), folder.path().join("in/file")).unwrap();
        symlink("../out", folder.path().join("in/link")).unwrap();
        let root = Root::open(&folder.path().join("in")).unwrap();
        let read = root.read_all(&paths(&["file", "link"]), Hashes::Sha256);
        assert!(read[0].is_ok());
        assert_eq!(read[1].as_ref().unwrap_err().code(), "link-outside");
    }
}
