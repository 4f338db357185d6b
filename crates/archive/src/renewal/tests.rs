//! Renewal: attacks first.

mod attacks;
mod chains;
pub(crate) mod scene;
mod standing;
mod trees;
