//! Digests and sizes of files and trees, observed by reading them; checksum files.
