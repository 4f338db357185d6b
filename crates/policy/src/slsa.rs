//! SLSA: what provenance shows about a build, and whether it is the build that is expected.
//!
//! [`Builders`] is the table of signers, builders and build types; [`SlsaExpectations::judge`] asks
//! evidence for a build, and [`VsaExpectations::judge`] for what somebody else's verification came to.

mod build;
mod builders;
mod expectations;
mod findings;
mod judge;
mod origin;
mod vsa;

pub use builders::{BuildType, Builder, Builders, BuildersError};
pub use expectations::{ExpectationError, ExpectedRef, SlsaExpectations};
pub use findings::{SlsaFindings, SlsaRule};
pub use origin::Origin;
pub(crate) use vsa::levels_of;
pub use vsa::{Level, Track, VsaExpectationError, VsaExpectations, VsaFindings};
