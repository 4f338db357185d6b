//! Runs a build step as it would run by itself, and observes what it started from and what it made.
//!
//! - [`Observer`] reads materials before and products after: digests, sizes, permissions, links.
//! - [`Invocation::run`] runs the command, with its terminal, its signals and its exit code.
//! - [`allowed_variables`] picks what may be said of the environment; [`holds_secret`] is asked of the command.
//!
//! Who signs it is not this crate's affair. It prints nothing, and reads neither clock nor environment
//! by itself.

mod codes;
mod environment;
mod exclude;
mod observe;
mod run;
mod signals;
mod streams;

pub mod limits;

pub use codes::CODES;
pub use environment::{EnvironmentError, allowed_variables, holds_secret};
pub use exclude::{DEFAULT_EXCLUDES, Excludes, PatternError};
pub use observe::{Missing, Observation, ObserveError, ObservedFile, Observer};
pub use run::{Ended, Invocation, Outcome, Output, RunError, Streams};
pub use streams::Stream;
