//! Every bound of this crate, in one place.

/// Bytes of a relative path: Linux's `PATH_MAX` less its NUL.
pub const PATH_BYTES: usize = 4095;

/// Components of a relative path.
pub const PATH_DEPTH: usize = 256;

/// Files, links and refused names below a walked folder.
pub const TREE_ITEMS: usize = 1_000_000;

/// Folders below a walked folder.
pub const TREE_DIRECTORIES: usize = 1_000_000;

/// Folders on the way to the deepest file of a walked folder.
pub const TREE_DEPTH: usize = PATH_DEPTH;

/// Bytes of all paths below a walked folder.
pub const TREE_PATH_BYTES: usize = 512 << 20;

/// Things in a surveyed tree, of all folders together.
pub const SURVEY_NODES: usize = 16_000_000;

/// Names in one folder of a surveyed tree: they are sorted in memory.
pub const SURVEY_FOLDER_NAMES: usize = 2_000_000;

/// Bytes of a checksums file: fewer than a million lines, for the shortest has 68 bytes.
pub const CHECKSUMS_BYTES: usize = 64 << 20;

/// Bytes of the name of a digest algorithm in a [`DigestSet`](crate::DigestSet).
pub const ALGORITHM_NAME_BYTES: usize = 64;

/// Bytes of the value of a digest that we cannot compare.
pub const OTHER_DIGEST_BYTES: usize = 1024;

/// Digests in one [`DigestSet`](crate::DigestSet).
pub const DIGESTS: usize = 32;

/// Bytes of one read.
///
/// Large enough that system calls do not count, small enough to stay in a core's cache between the
/// read and the hash. See `docs/benchmarks.md`.
pub const READ_BUFFER: usize = 64 << 10;

/// Files above this many bytes have their second digest computed on a second thread.
pub const SECOND_THREAD_ABOVE: u64 = 1 << 20;

/// Buffers in flight between the two threads.
pub const BUFFERS_IN_FLIGHT: usize = 4;

/// Items that a [`pipeline`](crate::pipeline) holds at once: each thing of a tree can hold a folder
/// open, and a process may open 1,024 files.
pub const IN_FLIGHT: usize = 384;

/// Bytes of one component of a path in an archive: what every file system holds.
pub const COMPONENT_BYTES: usize = 255;

/// Names in one archive, with the folders on their way.
pub const ARCHIVE_NAMES: usize = 100_000;

/// Bytes of all names in one archive.
pub const ARCHIVE_NAME_BYTES: usize = 8 << 20;

/// Bytes of one file in a tar archive: what eleven octal digits hold, 8 GiB less one.
pub const TAR_MEMBER_BYTES: u64 = (8 << 30) - 1;

/// Bytes of one extended header or long name of a tar archive.
pub const TAR_EXTENSION_BYTES: u64 = 64 << 10;

/// Bytes of zeros behind a foreign tar archive: records of up to a MiB.
pub const TAR_PADDING_BYTES: u64 = 1 << 20;

/// Bytes that one archive unpacks to, of all members together.
pub const UNPACKED_BYTES: u64 = 1 << 40;

/// Bytes that a compressed archive may unpack to whatever its size; beyond it the ratio counts.
pub const UNPACKED_FREE_BYTES: u64 = 16 << 20;

/// Bytes that one compressed byte may unpack to, on the whole.
pub const UNPACKED_RATIO: u64 = 250;

/// Bytes of the window of a zstd frame that we made.
pub const ZSTD_WINDOW: u64 = 8 << 20;

/// Bytes of the window of a zstd frame that others made: `zstd -20`.
pub const ZSTD_FOREIGN_WINDOW: u64 = 32 << 20;

/// Bytes of the header of a gzip file: its name, comment and extra field.
pub const GZIP_HEADER_BYTES: usize = 64 << 10;

/// Bytes of the directory of a zip archive.
pub const ZIP_DIRECTORY_BYTES: u32 = 16 << 20;
