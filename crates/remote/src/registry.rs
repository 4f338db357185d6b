//! OCI registries, by the [distribution specification](https://github.com/opencontainers/distribution-spec).
//!
//! ```text
//! Login ─► Registry ─► Repository ─► Fetched (hashed here) · blobs (hashed here) · Referrers (claimed)
//! ```
//! A registry keeps bytes for us, and that is all that it is trusted with: what it gives under a digest
//! is hashed and counted, what a tag names is what was read and hashed, and what it lists is a claim.

mod challenge;
mod client;
mod error;
mod helper;
mod link;
mod login;
mod push;
mod reference;
mod referrers;
mod replica;
mod repository;

pub use client::{Access, Registry, RegistryOptions};
pub use error::RegistryError;
pub use login::Login;
pub use push::Pushed;
pub use reference::{Name, Reference, SCHEME};
pub use referrers::{Descriptor, Referrers, ReferrersSource, fallback_tag};
pub use replica::{RegistryReplica, ReplicaStart};
pub use repository::{DOCKER_IMAGE, DOCKER_LIST, Fetched, IMAGE, INDEX, Repository};
