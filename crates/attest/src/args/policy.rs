//! The flags that name a policy.

use std::path::PathBuf;

use clap::Args;

/// The policy to judge by: it says who must have signed what, and which fields say what.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicyArgs {
    /// Judge by this policy, which names the signers (pinned where it comes along with the subject);
    /// flags beside it can only ask for more
    #[arg(long, value_name = "FILE[@sha256:HEX]")]
    pub(crate) policy: Option<String>,
    /// What the policy must be called: one of another name is refused, though it is as well signed
    #[arg(long, value_name = "NAME", requires = "policy")]
    pub(crate) policy_name: Option<String>,
    /// The key that must have signed the policy, in a signature beside it
    #[arg(long, value_name = "FILE|PIN", requires = "policy")]
    pub(crate) policy_key: Option<String>,
    /// Remember in this file the newest policy of each name and how much each recovery key has said, and
    /// refuse an older policy and a shorter succession
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}
