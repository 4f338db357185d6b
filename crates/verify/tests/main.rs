//! Attacks on the verifier, and what it accepts.

mod accepted;
mod limits;
mod mutation;
mod refused;
mod support;
mod timestamps;
