//! Everything that dials: timestamp authorities over HTTP.
//!
//! The traits of `attest-sign` are implemented here for services behind a network, so that no other
//! library opens a socket. A service is not trusted: its answers are bounded in size and time, its
//! redirects are not followed, and what it returns is verified by the signer before it is used.

mod answer;
mod chain;
mod codes;
mod error;
mod http;
pub mod limits;
mod query;

pub use chain::{Chain, ChainError};
pub use codes::CODES;
pub use error::HttpError;
pub use http::{HttpAuthority, Patience};
