//! What is claimed about software: strict JSON, in-toto statements and predicates, DSSE envelopes.
//!
//! Everything in this crate is a *claim*: it was parsed, and nothing about it was verified. Proof is
//! the business of the crates to the right.
//!
//! ```text
//! bytes ─ json::parse ─► Envelope ─ unverified_payload ─► Statement ─► predicate::release::ClaimedRelease
//!                                                                      predicate::slsa::ClaimedProvenance
//!                                                                      predicate::reference::Reference
//! ```
//!
//! Making goes the other way: a predicate of [`predicate`] and its [`Subject`]s make a [`Statement`],
//! whose bytes are signed as [`pae`] and travel in an [`Envelope`].
//!
//! | module | standard |
//! |---|---|
//! | [`json`] | RFC 8259 without its ambiguities (RFC 7493), RFC 8785 |
//! | [`base64`] | RFC 4648 §4, canonical form only |
//! | [`Envelope`], [`pae`] | DSSE 1.0 |
//! | [`Statement`], [`ResourceDescriptor`] | in-toto attestation framework, Statement v0.1 and v1 |
//! | [`in_toto`] | in-toto specification 1.0: layouts and links, classic and in DSSE |
//! | [`ReleaseName`] | package-url (ECMA-427), type `generic` |
//! | [`tree`] | our own tree manifests, `docs/tree.md` |
//! | [`predicate`] | in-toto's vetted predicates, SLSA provenance v0.2 and v1 and summaries, OpenVEX, CycloneDX, SPDX, cosign's own; our own review and deployment v0.1 |

pub mod base64;
pub mod ci;
pub mod in_toto;
pub mod json;
pub mod limits;
pub mod predicate;
pub mod report;
pub mod tree;

mod codes;
mod dsse;
mod excerpt;
mod release_name;
mod resource;
mod source;
mod statement;
mod subject;

pub use codes::CODES;
pub use dsse::{Envelope, EnvelopeError, EnvelopeSignature, PAE_PREFIX, PAYLOAD_TYPE, pae};
pub use release_name::{ReleaseName, ReleaseNameError};
pub use resource::{ResourceDescriptor, ResourceError, relative_uri};
pub use source::{GitCommit, RepositoryUri, Source, SourceError};
pub use statement::{Statement, StatementError, StatementVersion};
pub use subject::Subject;
