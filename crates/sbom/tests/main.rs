//! Lock files as their package managers wrote them, and with one change.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop where they fail"
)]

mod lock_files;
mod peers;
