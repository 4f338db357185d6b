//! gzip and zstd around an archive, always the same way. With `digest`'s readers the only file that names
//! these libraries.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use zstd::stream::write::Encoder;

/// Writes a gzip file: no name, no time, system 255.
///
/// The same bytes with the same version of this program; what identifies an archive is what is within.
#[derive(Debug)]
pub struct GzipWriter<W: Write>(GzEncoder<W>);

impl<W: Write> GzipWriter<W> {
    /// Begins a file.
    pub fn new(out: W) -> Self {
        let header = GzBuilder::new().mtime(0).operating_system(255);
        Self(header.write(out, Compression::best()))
    }

    /// Writes the end, and gives back what was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a zstd file: one frame that states its size and has a checksum, made on one thread.
pub struct ZstdWriter<W: Write>(Encoder<'static, W>);

impl<W: Write> ZstdWriter<W> {
    /// Begins a frame of exactly that many bytes.
    ///
    /// # Errors
    /// The library has no memory.
    pub fn new(out: W, size: u64) -> io::Result<Self> {
        let mut encoder = Encoder::new(out, LEVEL)?;
        encoder.set_pledged_src_size(Some(size))?;
        encoder.include_contentsize(true)?;
        encoder.include_checksum(true)?;
        Ok(Self(encoder))
    }

    /// Writes the end, and gives back what was written to.
    ///
    /// # Errors
    /// It cannot be written, or there were not as many bytes as was said.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for ZstdWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// Nothing: a flush would begin a new block, and so other bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Its window has 4 MiB; the canonical reader takes 8.
const LEVEL: i32 = 9;

#[cfg(test)]
mod tests {
    use std::fs::File;

    use attest_digest::{FileMode, Format, Hashes, Listing, PortablePath, Profile, TarTime};
    use proptest::prelude::*;

    use super::*;
    use crate::tar::{TarWriter, tar_order};

    fn tar(files: &[(String, Vec<u8>, bool)]) -> Vec<u8> {
        let files = files.iter().filter_map(|(name, content, executable)| {
            Some((PortablePath::parse(name).ok()?, (content, executable)))
        });
        let mut tar = TarWriter::new(Vec::new(), TarTime::new(7).unwrap());
        for (path, file) in tar_order(files) {
            match file {
                None => tar.directory(&path).unwrap(),
                Some((content, executable)) => {
                    let mode = [FileMode::Plain, FileMode::Executable][usize::from(*executable)];
                    tar.file(&path, mode, content.len() as u64, &mut content.as_slice())
                        .unwrap();
                }
            }
        }
        tar.finish().unwrap()
    }

    fn list(bytes: &[u8]) -> Listing {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let open = File::open(file.path()).unwrap();
        Listing::read(&open, Profile::Canonical, Hashes::Sha256).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzipWriter::new(Vec::new());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn zstd(bytes: &[u8], size: u64) -> io::Result<Vec<u8>> {
        let mut zstd = ZstdWriter::new(Vec::new(), size)?;
        zstd.write_all(bytes)?;
        zstd.finish()
    }

    #[test]
    fn a_frame_of_another_size_than_was_said_is_refused() {
        assert!(zstd(b"abc", 3).is_ok());
        assert!(zstd(b"abc", 2).is_err());
        assert!(zstd(b"abc", 4).is_err());
    }

    #[test]
    fn the_window_of_a_large_frame_is_one_that_we_read() {
        // Of little order, so that it is not taken for a bomb.
        let content: Vec<u8> = (0..5_u32 << 20)
            .flat_map(|it| (it >> 2).wrapping_mul(0x9e37_79b1).to_be_bytes())
            .collect();
        let bytes = tar(&[("large".to_owned(), content, false)]);
        let packed = zstd(&bytes, bytes.len() as u64).unwrap();
        assert_eq!(list(&packed).format(), Format::TarZstd);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_written_again(
            names in proptest::collection::btree_set("[a-c]{1,60}(/[d-f]{1,60}){0,4}\\.x", 0..12),
            content in proptest::collection::vec(any::<u8>(), 0..3000),
        ) {
            let files: Vec<(String, Vec<u8>, bool)> = names
                .into_iter()
                .enumerate()
                .map(|(number, name)| {
                    (name, content[..content.len() * number / 12].to_vec(), number % 2 == 0)
                })
                .collect();
            let bytes = tar(&files);
            let listing = list(&bytes);
            let again: Vec<(String, Vec<u8>, bool)> = listing
                .members()
                .iter()
                .filter_map(|member| {
                    let found = files.iter().find(|(name, _, _)| *name == member.path().as_str())?;
                    Some((found.0.clone(), found.1.clone(), member.mode() == 0o755))
                })
                .collect();
            prop_assert_eq!(&tar(&again), &bytes);
            let packed = list(&gzip(&bytes));
            prop_assert_eq!(packed.members(), listing.members());
            let packed = list(&zstd(&bytes, bytes.len() as u64).unwrap());
            prop_assert_eq!(packed.members(), listing.members());
        }
    }
}
