//! Attacks on the verifier, and what it accepts.

mod accepted;
mod mutation;
mod refused;
mod support;
mod timestamps;
