//! Bills of materials: made from lock files, read from others, compared and scored.
//!
//! [`Lock::read`] reads what a package manager wrote down before the build; [`Bill::of`] puts one or
//! several of them under one root, and [`Bill::to_cyclonedx`] writes `CycloneDX` 1.6, the same bytes each
//! time. [`Reading::parse`] reads anyone's `CycloneDX` 1.3 to 1.6 or SPDX 2.3 as it is; [`compare`] holds
//! it against lock files, and [`Profile::score`] against minimum elements, which are data.
//!
//! What a lock file says is a claim of whoever wrote it: nothing here proves that a component was built
//! from it. Nothing here reads files, the clock, or the environment.

mod bill;
mod codes;
mod compare;
mod component;
mod error;
pub mod limits;
mod lock;
mod profile;
pub mod purl;
mod read;
mod toml;
mod write;

pub use bill::{Bill, Naming};
pub use codes::CODES;
pub use compare::{Comparison, Difference, compare};
pub use component::{Component, Ecosystem, Hash};
pub use error::{BillError, LockError};
pub use lock::{FILE_NAMES, Lock, OTHER_FILE_NAMES};
pub use profile::{Element, Profile, Score};
pub use read::{Claim, Item, Reading, ReadingError};
