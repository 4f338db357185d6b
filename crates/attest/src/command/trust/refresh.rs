//! `attest trust refresh`: the newest trusted root of a TUF repository.

use std::path::PathBuf;
use std::time::Duration;

use attest_remote::{Metadata, MirrorError, Patience, Refreshed, TufError, refresh};
use attest_verify::EmbeddedRoot;
use clap::Args;

use super::{OutArgs, malformed, parse, show};
use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};
use crate::home::real;
use crate::trust;

#[derive(Debug, Args)]
pub(super) struct RefreshArgs {
    /// The embedded root whose repository is asked
    #[arg(
        value_name = "@NAME",
        default_value = "@public-good",
        conflicts_with = "root"
    )]
    name: String,
    /// Start from this root.json instead, which you trust as it is
    #[arg(long, value_name = "FILE", requires = "mirror")]
    root: Option<PathBuf>,
    /// The address of the repository [default: that of the embedded root]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Remember here what was seen, so that older metadata is refused the next time
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &RefreshArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    if global.at.is_some() {
        return Err(Failure::request(
            "bad-arguments",
            "a refresh asks what is in force now: --at is not for it",
        ));
    }
    let now = global.now()?;
    args.out.check()?;
    args.check_state()?;
    let (known, mirror, floor) = args.start()?;
    let kept = args.kept()?;
    let refreshed = refresh(&known, kept.as_ref(), &mirror, PATIENCE, now.time)
        .map_err(|error| refused(&error))?;
    let place = args.out.out.display().to_string();
    parse(&mirror, &refreshed.target)?;
    attest_verify::TrustedRoot::parse(&refreshed.target).map_err(|it| malformed(&place, &it))?;
    // First what older versions are known from: a root that nobody remembers is not handed out.
    if let Some(path) = &args.state {
        files::write(path, &refreshed.metadata.to_json(), 0o644, Overwrite::Force)?;
    }
    args.out.write(&refreshed.target)?;
    args.out.report(
        "refresh",
        &refreshed.target,
        &notes(&mirror, &refreshed, args.rollback(kept.is_some(), floor)),
        console,
    )
}

impl RefreshArgs {
    /// What is trusted to begin with, who is asked, and what older versions are known from.
    fn start(&self) -> Result<(Metadata, String, Option<&'static str>), Failure> {
        if let (Some(path), Some(mirror)) = (&self.root, &self.mirror) {
            let root = files::read_limited(path, ROOT_BYTES).map_err(|error| {
                Failure::request(
                    "trusted-root-unreadable",
                    format!("{}: {error}", path.display()),
                )
            })?;
            return Ok((Metadata::of_root(root), mirror.clone(), None));
        }
        let embedded: &EmbeddedRoot = trust::known(&self.name)?;
        let mirror = self.mirror.as_deref().unwrap_or(embedded.mirror());
        let floor = embedded.chain().roles.map(|_| embedded.name());
        Ok((show::metadata(embedded.chain()), mirror.to_owned(), floor))
    }

    /// Refuses before anything is fetched what could not be remembered after it.
    fn check_state(&self) -> Result<(), Failure> {
        let Some(path) = &self.state else {
            return Ok(());
        };
        if real(path) == real(&self.out.out) {
            let message = format!("{}: --out and --state are one file", path.display());
            return Err(Failure::request("bad-arguments", message));
        }
        let folder = files::folder_of(path);
        let found = folder.metadata();
        found.map_err(|error| files::write_failure(path, &error))?;
        Ok(())
    }

    /// Against what older metadata was refused.
    fn rollback(&self, remembered: bool, floor: Option<&'static str>) -> String {
        let why = if self.state.is_some() {
            "the first run with this --state"
        } else {
            "no --state"
        };
        match (remembered, floor) {
            (true, _) => "rollback: nothing older than what --state kept was taken".to_owned(),
            (false, Some(name)) => {
                format!("rollback: nothing older than the embedded {name} was taken ({why})")
            }
            (false, None) => format!("rollback: not checked ({why})"),
        }
    }

    /// What an earlier refresh kept; a file that is not there yet keeps nothing.
    fn kept(&self) -> Result<Option<Metadata>, Failure> {
        let Some(path) = &self.state else {
            return Ok(None);
        };
        let bytes = match files::read_limited(path, STATE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                return Err(Failure::request("tuf-state-unusable", message));
            }
        };
        Metadata::parse(&bytes)
            .map(Some)
            .map_err(|error| Failure::request(error.code(), format!("{}: {error}", path.display())))
    }
}

fn notes(mirror: &str, refreshed: &Refreshed, rollback: String) -> Vec<String> {
    let (first, last) = refreshed.walk.roots;
    let mut notes = vec![format!("from {mirror}, root {first} to {last}")];
    if let Some(roles) = &refreshed.walk.roles {
        notes.push(format!(
            "timestamp {} (in force until {}), snapshot {}, targets {}",
            roles.timestamp, roles.timestamp_expires, roles.snapshot, roles.targets
        ));
    }
    notes.push(rollback);
    notes
}

/// A repository that lies is a no; one that was not heard is unknown; a wrong start is a wrong request.
fn refused(error: &TufError) -> Failure {
    match error {
        TufError::Root(_) | TufError::State(_) | TufError::Mirror(MirrorError::Address { .. }) => {
            Failure::request(error.code(), error)
        }
        TufError::Mirror(MirrorError::Name { .. }) => Failure::no(error.code(), error),
        TufError::Mirror(_) => Failure::unknown(error.code(), error),
        _ => Failure::no(error.code(), error),
    }
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(60),
};
/// Bytes of a root.json that is named.
const ROOT_BYTES: u64 = 512 * 1024;
/// Bytes of what a refresh keeps.
const STATE_BYTES: u64 = 16 * 1024 * 1024;
