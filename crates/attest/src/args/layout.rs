//! The flags of a layout and its links.

use std::path::PathBuf;

use clap::Args;

/// What a chain of links is measured against.
#[derive(Debug, Clone, Args)]
pub(crate) struct ChainArgs {
    /// A key that must have signed the layout, with the pin of its SubjectPublicKeyInfo where it comes
    /// along; given several times, all of them must have
    #[expect(clippy::doc_markdown, reason = "these comments are the help text")]
    #[arg(long, value_name = "FILE[@sha256:HEX]")]
    pub(crate) layout_key: Vec<String>,
    /// The folder of the links, with one folder inside for each sublayout
    #[arg(long, value_name = "DIR")]
    pub(crate) links: Option<PathBuf>,
    /// A value for `{NAME}` in the rules and commands of the layout
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) parameter: Vec<String>,
    /// Let steps pass whose command returned something else than zero
    #[arg(long)]
    pub(crate) allow_failed_step: bool,
    /// Refuse steps that were done with another command than the layout expects (else it is told)
    #[arg(long)]
    pub(crate) strict_command: bool,
    /// Run the inspections of the layout, on a copy of the files at hand, with your rights: this is no
    /// sandbox
    #[arg(long)]
    pub(crate) run_inspections: bool,
    /// Seconds that each inspection may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) inspection_timeout: u64,
}

impl ChainArgs {
    /// Whether any was given beside the folder of links, which is evidence.
    pub(crate) fn asks_more_than_links(&self) -> bool {
        let links = None;
        Self {
            links,
            ..self.clone()
        }
        .is_given()
    }

    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        !self.layout_key.is_empty()
            || self.links.is_some()
            || !self.parameter.is_empty()
            || self.allow_failed_step
            || self.strict_command
            || self.run_inspections
    }
}

/// A layout by which files are verified.
#[derive(Debug, Clone, Args)]
pub(crate) struct LayoutArgs {
    /// Verify files as the products of the last step of this in-toto layout (with --layout-key and
    /// --links), in the place of evidence beside them; with its digest, of no other that its owner has signed
    #[arg(
        long,
        value_name = "FILE[@sha256:HEX]",
        requires = "layout_key",
        requires = "links"
    )]
    pub(crate) layout: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
}
