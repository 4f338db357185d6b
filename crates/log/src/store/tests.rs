//! The store under attack, under start rules, and under interruption.

mod corruption;
mod files;
mod kill;
mod log;
mod power;
mod rules;
pub(crate) mod support;
