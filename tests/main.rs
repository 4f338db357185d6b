//! Integration tests of the command and of the workspace.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests stop where they fail, and say what they counted"
)]

mod approval;
mod architecture;
mod archive;
mod audit;
mod ci;
mod codes;
mod completions;
mod conformance;
mod deployed;
mod detached;
mod dialects;
mod digest;
mod docs;
mod foreign;
mod git;
mod init;
mod inspect;
mod keeping;
mod key;
mod layouts;
mod log;
mod memory;
mod monitor;
mod offline;
mod page;
mod places;
mod policy;
mod publish;
mod readme;
mod record;
mod registries;
pub(crate) mod release;
mod renewal;
mod replicas;
mod sbom;
mod schema;
mod services;
mod shards;
mod sign;
mod slsa;
mod ssdf;
mod statements;
mod succession;
mod support;
mod token;
mod tree;
mod trust;
mod verify;
