//! Everything that dials: timestamp authorities over HTTP, certificate authorities, public logs that
//! are written and read, TUF repositories of trusted roots, OCI registries, object stores.
//!
//! The traits of `attest-sign` are implemented here for services behind a network, so that no other
//! library opens a socket. A service is not trusted: its answers are bounded in size and time, its
//! redirects are not followed, and what it returns is verified by the signer before it is used. A
//! repository is trusted as far as its signatures lead: [`refresh`] and, without network, [`prove`].

mod answer;
mod chain;
mod ci;
mod codes;
mod dial;
mod error;
mod fulcio;
mod http;
pub mod limits;
mod log_reader;
mod login;
mod login_error;
mod place;
mod program;
mod publish;
mod query;
pub mod registry;
mod rekor;
mod s3;
mod service;
mod tuf;
mod tuf_error;
mod tuf_state;

pub use chain::{Chain, ChainError};
pub use ci::ci_token;
pub use codes::CODES;
pub use dial::DialError;
pub use error::HttpError;
pub use fulcio::Fulcio;
pub use http::{HttpAuthority, Patience, Persistence};
pub use log_reader::{ClaimedEntry, ClaimedHead, LogReadError, RekorV1, TileServer};
pub use login::{Login, Provider};
pub use login_error::LoginError;
pub use place::{PlaceError, PlainHttp, Reach};
pub use program::run_program;
pub use publish::{Finished, GitHub, GitHubAddress, HttpRepository, Logins, Target};
pub use rekor::{Rekor, RekorVersion};
pub use s3::{Created, S3Address, S3Credentials, S3Replica, S3Settings, S3Target};
pub use service::ServiceError;
pub use tuf::{Refreshed, RoleVersions, Walk, prove, refresh};
pub use tuf_error::{MirrorError, TufError};
pub use tuf_state::{Metadata, RoleBytes};
