//! What other projects publish instead of bundles, each read by one adapter.

mod bare_key;
mod bytes;
mod detached;
mod detached_key;
mod minisign;
mod observed;
mod openpgp;
mod ssh;

pub use detached::{Detached, DetachedError};
pub use detached_key::{DetachedKey, DetachedKeyError};
pub use observed::Observed;
pub use openpgp::Fingerprint;
