//! What a snapshot compares and leaves out, from flags; it becomes the manifest's first line.

use std::collections::BTreeSet;

use attest_provenance::ReleaseName;
use attest_provenance::tree::{Attribute, TreeHeader};
use clap::Args;

use super::left_out::LeftOut;
use crate::failure::Failure;

/// What is written down. The manifest says it, so that the signature covers it.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct WhatArgs {
    /// The release that this tree is of; `tree verify --release` asks for it
    #[arg(long, value_name = "NAME@VERSION")]
    release: Option<String>,
    /// A number that rises with each manifest of that release name: `tree verify --state` refuses an
    /// older one after a newer
    #[arg(long, value_name = "N", requires = "release")]
    serial: Option<u64>,
    /// Leave out what this pattern covers, with all below it (`*` crosses no `/`, `**` does); can be
    /// repeated
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<String>,
    /// What is compared beside path, type, content and targets of links: links, mode, mounts, mtime,
    /// owner [default: links,mode,mounts,owner]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    attributes: Option<Vec<String>>,
    /// Compare extended attributes of this name, or beginning (NAME*) [default: security.capability,
    /// system.posix_acl_access, system.posix_acl_default, user.*]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    xattrs: Option<Vec<String>>,
    /// Write down this owner for everything, by number: that of the tree once it is installed
    #[arg(long, value_name = "UID:GID")]
    owner: Option<String>,
    /// Write down SHA-512 beside SHA-256
    #[arg(long)]
    sha512: bool,
}

impl WhatArgs {
    /// The manifest's first line.
    ///
    /// # Errors
    /// `bad-release`, `bad-pattern`, `bad-arguments` (exit 2).
    pub(super) fn header(&self) -> Result<TreeHeader, Failure> {
        let release = self.release.as_deref().map(release).transpose()?;
        LeftOut::covering(self.ignore.iter().map(String::as_str))
            .map_err(|error| Failure::request("bad-pattern", format!("--ignore: {error}")))?;
        let attributes = match &self.attributes {
            None => DEFAULT.into_iter().collect(),
            Some(names) => names
                .iter()
                .map(|name| {
                    Attribute::from_name(name).ok_or_else(|| {
                        Failure::request("bad-arguments", format!("--attributes: {name:?} is none"))
                            .hint("it takes links, mode, mounts, mtime and owner")
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        let xattrs: BTreeSet<String> = match &self.xattrs {
            None => DEFAULT_XATTRS.map(str::to_owned).into_iter().collect(),
            Some(names) => names.iter().filter(|it| !it.is_empty()).cloned().collect(),
        };
        let texts = xattrs.iter().chain(&self.ignore);
        for text in texts {
            attest_digest::check_text(text.as_bytes())
                .map_err(|error| Failure::request("bad-arguments", format!("{text:?}: {error}")))?;
        }
        Ok(TreeHeader {
            release,
            serial: self.serial,
            with_sha512: self.sha512,
            attributes,
            xattrs,
            ignore: self.ignore.iter().cloned().collect(),
        })
    }

    /// The owner that is written down for everything.
    ///
    /// # Errors
    /// `bad-arguments` (exit 2).
    pub(super) fn owner(&self) -> Result<Option<(u32, u32)>, Failure> {
        let Some(text) = &self.owner else {
            return Ok(None);
        };
        let parsed = text
            .split_once(':')
            .and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
        parsed.map(Some).ok_or_else(|| {
            Failure::request("bad-arguments", format!("--owner {text:?} is not UID:GID"))
                .hint("both are numbers, such as 0:0")
        })
    }
}

/// `NAME@VERSION` of a flag.
pub(super) fn release(text: &str) -> Result<ReleaseName, Failure> {
    ReleaseName::parse(text).map_err(|error| {
        Failure::request("bad-release", format!("--release {text:?}: {error}"))
            .hint("write it as NAME@VERSION")
    })
}

const DEFAULT: [Attribute; 4] = [
    Attribute::Links,
    Attribute::Mode,
    Attribute::Mounts,
    Attribute::Owner,
];

const DEFAULT_XATTRS: [&str; 4] = [
    "security.capability",
    "system.posix_acl_access",
    "system.posix_acl_default",
    "user.*",
];
