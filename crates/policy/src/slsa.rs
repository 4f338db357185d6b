//! SLSA: what provenance shows about a build, and whether it is the build that is expected.
//!
//! [`Builders`] is the table of signers, builders and build types; [`SlsaExpectations::judge`] asks
//! evidence for a build.

mod build;
mod builders;
mod expectations;
mod findings;
mod judge;
mod origin;

pub use builders::{BuildType, Builder, Builders, BuildersError};
pub use expectations::{ExpectationError, ExpectedRef, SlsaExpectations};
pub use findings::{SlsaFindings, SlsaRule};
pub use origin::Origin;
