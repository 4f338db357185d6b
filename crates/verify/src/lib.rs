//! Strict verification of Sigstore bundles against a trusted root and an expected signer.
//!
//! ```text
//! claimed ── Bundle ──┐
//! observed ─ Artifact ┼─► Verifier::verify ─► Evidence (proven) or Rejection (codes)
//! trusted ── TrustedRoot, ExpectedSigner ┘
//! ```
//!
//! Every check is made here, in the order of [`STEPS`]; then the Sigstore organisation's own verifier
//! must accept as well, wherever it can judge. Nothing that is not signed makes a check go away.
//!
//! | to find | look at |
//! |---|---|
//! | what is read, and how strictly | [`Bundle`], [`TrustedRoot`], [`PublicKey`], [`limits`] |
//! | other forms of evidence, told apart by content | [`dialect`] |
//! | in-toto layouts and links | [`layout`] |
//! | how it says no | [`Rejection`], [`CODES`] |
//! | what it proves when it says yes | [`Evidence`] |

mod appended;
mod asn1;
mod body;
mod bundle;
mod chain;
mod check;
mod claims;
mod codes;
mod crypto;
pub mod dialect;
mod engine;
mod evidence;
mod expected;
mod git;
mod identity;
mod inclusion;
mod issued;
mod key;
pub mod layout;
pub mod limits;
mod logged;
mod signature;
mod signer;
mod stamp;
mod time;
mod transparency;
mod trusted_root;
mod verifier;

pub use appended::{AddedEntry, ProvenPlace};
pub use bundle::{
    Bundle, BundleEntry, BundleError, BundleVersion, ClaimedProof, Content, Material,
};
pub use check::{Check, Rejection};
pub use claims::{ClaimError, ExpectedClaim, claim_names};
pub use codes::{CODES, Code, STEPS, Step};
pub use dialect::{Detached, DetachedError, DetachedKey, DetachedKeyError, Fingerprint, Observed};
pub use evidence::{Evidence, ProvenLog, ProvenSigner, ProvenTime, Skipped, TimeSource};
pub use expected::{ExpectedIdentity, ExpectedSigner};
pub use git::{
    GIT_CODES, GitError, GitEvidence, GitFormat, GitKind, GitName, GitObject, Person, Sha1Names,
};
pub use identity::{IdentityPattern, IdentityPatternError};
pub use issued::IssuedCertificate;
pub use key::{KeyError, KeyKind, KeyNumbers, PublicKey};
pub use logged::{LoggedEntry, LoggedHolder, LoggedName};
pub use signature::Subject;
pub use stamp::{ClaimedTimestamp, TimestampProof, UsedAlgorithm};
pub use trusted_root::{
    Assembly, CertificateAuthority, CertificateLog, ChainUse, EmbeddedRoot, ItemKind,
    MetadataChain, Roles, RootItem, TimeWindow, TimestampAuthority, TrustedLog, TrustedRoot,
    TrustedRootError,
};
pub use verifier::{Accept, Verifier};
