//! Signing with services that others run, against a whole instance on the loopback that does what it
//! is told: right, or wrong in one way.

mod append;
#[expect(
    dead_code,
    reason = "the forger's workshop can do more than is needed here"
)]
#[path = "../crates/verify/tests/support/authority.rs"]
mod authority;
#[path = "../crates/verify/tests/support/der.rs"]
mod der;
mod images;
pub(crate) mod instance;
#[expect(
    dead_code,
    reason = "the forger's workshop can do more than is needed here"
)]
#[path = "../crates/verify/tests/support/issuer.rs"]
mod issuer;
#[expect(
    dead_code,
    reason = "the forger's workshop can do more than is needed here"
)]
#[path = "../crates/verify/tests/support/keys.rs"]
mod keys;
#[expect(
    dead_code,
    reason = "the forger's workshop can do more than is needed here"
)]
#[path = "../crates/verify/tests/support/log.rs"]
mod log;
mod login;
mod provider;
mod release;
mod servers;
mod sign;
mod tokens;
pub(crate) mod workflow;
