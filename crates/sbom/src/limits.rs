//! The bounds of everything that this crate parses.

/// Bytes of one lock file: the largest that we met has three millions.
pub const LOCK_BYTES: usize = 8 << 20;

/// Bytes of memory that the values of a `package-lock.json` may take beside their text.
pub const LOCK_JSON_MEMORY: usize = 128 << 20;

/// Arrays and objects inside each other in a `package-lock.json`, whose old half nests with the folders.
pub const LOCK_JSON_DEPTH: usize = 100;

/// Packages of one lock file.
pub const LOCK_PACKAGES: usize = 50_000;

/// Dependencies of all packages of one lock file.
pub const LOCK_EDGES: usize = 1_000_000;

/// Lock files under one bill of materials.
pub const LOCK_FILES: usize = 64;

/// Bytes of a name, a version or an address in a lock file.
pub const LOCK_TEXT_BYTES: usize = 4096;

/// Bytes of a bill of materials that is checked.
pub const SBOM_BYTES: usize = 64 << 20;

/// Bytes of memory that the values of a bill of materials may take beside their text.
pub const SBOM_MEMORY: usize = 512 << 20;

/// Arrays and objects inside each other in a bill of materials.
pub const SBOM_DEPTH: usize = 64;

/// Components of a bill of materials that is checked.
pub const SBOM_COMPONENTS: usize = 200_000;
