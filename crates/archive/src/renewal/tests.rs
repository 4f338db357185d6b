//! Renewal: attacks first.

mod attacks;
mod chains;
mod scene;
mod trees;
