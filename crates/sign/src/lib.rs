//! Everything that holds a private key: artifact keys, the checkpoint key, the timestamp authority.
//!
//! The way through: a [`Password`] and an [`Unlock`] open key files ([`ArtifactKey`],
//! [`CheckpointKey`], [`Authority`]), a [`Token`] finds keys that stay in hardware; a [`Signer`] turns messages and statements into bundles, all
//! signatures first, then all timestamps, then one batch of log entries, and hands out only what
//! `attest-verify` accepts; a [`ServiceSigner`] does the same with services that others run, chosen by
//! a [`SigningConfig`], and with keys that a [`Certifier`] has certified for the holder of an
//! [`IdentityToken`]. [`create_identity`] makes all keys of a home at once.
//!
//! Nothing here reads a clock, a file or the environment: time and bytes are arguments.

mod artifact_key;
mod authority;
mod bundle;
mod checkpoint_key;
mod codes;
mod container;
mod crypto;
mod identity;
mod identity_token;
mod key_file;
pub mod limits;
mod origin;
mod password;
mod pem;
mod secretbox;
mod service;
mod services;
mod signer;
mod signing_config;
mod token;
mod trusted_root;

pub use artifact_key::{ArtifactKey, SignatureError};
pub use authority::{
    Authority, AuthorityAt, AuthorityError, AuthorityName, AuthorityRoot, EncodeError, NameError,
    Period, RequestRefusal, RespondError, TimestampRequest,
};
pub use bundle::BundleError;
pub use checkpoint_key::{CheckpointKey, CheckpointKeyError};
pub use codes::CODES;
pub use crypto::LibraryRefused;
pub use identity::{
    Identity, IdentityError, IdentityFiles, RecoveryKey, create_identity, create_recovery_key,
};
pub use identity_token::{IdentityToken, IdentityTokenError};
pub use key_file::{
    KeyError, KeyKind, Protection, check_password, protection, random_salt, reseal,
};
pub use origin::{Origin, OriginError};
pub use password::{Password, Unlock};
pub use pem::PemError;
pub use service::{LogAppendError, LogAppender, TimestampError, Timestamper};
pub use services::{
    CertificateIssuer, CertifiedKey, Certifier, Clock, Credential, DraftError, Drafts,
    ENTRY_EXISTS, EntryAnswerError, EntryLog, Holder, IssueError, LogEntry, NamedTimestamper,
    NoDrafts, Proposal, ProposedVerifier, ServiceSigner,
};
pub use signer::{SignError, Signed, Signer, Unsigned};
pub use signing_config::{
    SelectionError, SelectionRule, Service, ServiceKind, SigningConfig, SigningConfigError,
};
pub use token::{PinTries, Token, TokenEntry, TokenError, TokenUri, TokenUriError, token_uri};
pub use trusted_root::{TrustedAuthority, TrustedLog, trusted_root_json};
