//! `attest archive hold`: a release is kept until the hold is lifted, whatever its retention.

use std::path::PathBuf;

use attest_archive::{Reader, Said};
use clap::Args;

use super::keeping::{self, Saying};
use super::{damage_failure, parse_release};
use crate::args::{Global, HomeArgs};
use crate::command::init::refuse_given_time;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(super) struct HoldArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    /// Why it is held, or why no more: one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Lift every hold that the release has now
    #[arg(long)]
    release_hold: bool,
    /// Another archive than the home's: any OCI image layout
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &HoldArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    let now = global.now()?;
    let name = parse_release(&args.release)?;
    let path = args.archive.clone();
    let path = path.unwrap_or_else(|| args.home.home().archive());
    let reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    let release = keeping::find(&reader, &name)?;
    let before = keeping::own(&args.home, &reader, &release, now)?;
    let reason = args.reason.clone();
    let time = now.time;
    let said = if args.release_hold {
        if before.holds.is_empty() {
            let message = format!("{name} is not on hold");
            return Err(Failure::no("hold-missing", message));
        }
        let lifts = before.holds.iter().map(|(attachment, _)| *attachment);
        Said::Lift {
            reason,
            time,
            lifts: lifts.collect(),
        }
    } else {
        Said::Hold { reason, time }
    };
    let saying = Saying {
        home: &args.home,
        archive: &path,
        command: "archive hold",
        event: "archive.hold",
        now,
    };
    let attachment = saying.say(&release, said, global)?;
    saying.answer(&name, attachment, console)
}
