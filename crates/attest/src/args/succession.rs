//! The flag that names what recovery keys said.

use std::path::PathBuf;

use clap::Args;

/// Successions of keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct SuccessionArgs {
    /// A record of attest key rotate or retire: believed only if the recovery key signed it that the signers
    /// file or the policy pins; all of its records are needed (can be repeated)
    #[arg(long = "succession", value_name = "FILE")]
    pub(crate) succession: Vec<PathBuf>,
}
