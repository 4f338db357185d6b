//! The store under attack, under start rules, and under interruption.

mod corruption;
mod log;
mod power;
mod rules;
mod support;
