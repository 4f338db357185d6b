//! The flags of `attest verify --deployed`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// From what is deployed back to its source.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeployedArgs {
    /// Follow what is deployed (a file, a folder, a sha256: digest, a deployment record) over its provenance
    /// to its commit, and to the review, tests and scan of that very commit; with --policy its rules judge
    /// what the chain has shown
    #[arg(long, conflicts_with_all = ["copy_to", "layout", "release", "types"])]
    pub(crate) deployed: bool,
    /// With --deployed: a folder with bundles, beside those of --bundle
    #[arg(long, value_name = "DIR", requires = "deployed")]
    pub(crate) evidence: Vec<PathBuf>,
    /// With --deployed: the links that are asked for behind the commit [default: review,test,scan]
    #[arg(
        long,
        value_name = "LINK",
        value_delimiter = ',',
        value_enum,
        requires = "deployed"
    )]
    pub(crate) deployed_links: Vec<LinkArg>,
    /// With --deployed and a folder: the tree manifest that was built with it (see attest tree snapshot).
    /// The manifest is followed, and the folder must be as it says
    #[arg(long, value_name = "FILE", requires = "deployed")]
    pub(crate) manifest: Option<PathBuf>,
    /// The git repository of the source. With --deployed the commit must be signed by the signers
    /// called `author`, and a review by the same signer does not count; with --policy its rules about
    /// git look there for what was built
    #[arg(long, value_name = "DIR")]
    pub(crate) source_repository: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum LinkArg {
    /// A review of the commit
    Review,
    /// A test result of the commit or of the artifact
    Test,
    /// A scan for vulnerabilities of the commit or of the artifact
    Scan,
}
