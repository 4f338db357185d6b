//! Attacks on the verifier, and what it accepts.

mod accepted;
mod refused;
mod support;
mod timestamps;
