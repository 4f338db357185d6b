//! `attest archive retain`: how long a release is kept, signed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attest_archive::{RETENTION_CLASSES, Reader, Retention, RetentionClass, Said, Term};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::keeping::{self, Saying};
use super::{damage_failure, parse_release, proof};
use crate::args::{Global, HomeArgs};
use crate::command::init::refuse_given_time;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::trust;

#[derive(Debug, Args)]
pub(super) struct RetainArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    /// Why it is kept: release (what was published), cra (technical documentation under the EU's Cyber
    /// Resilience Act), snapshot (builds that nobody was promised)
    #[arg(long, value_name = "NAME", default_value = "release",
        value_parser = PossibleValuesParser::new(RETENTION_CLASSES.map(|it| it.name)), hide_possible_values = true)]
    class: String,
    /// For how many years from the time of its signature [default: as its class: 10, 10, 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(..=1000))]
    years: Option<u16>,
    /// Another archive than the home's: any OCI image layout
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &RetainArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    let now = global.now()?;
    let name = parse_release(&args.release)?;
    let least = RetentionClass::from_name(&args.class).map_or(u16::MAX, |it| it.years);
    let years = args.years.unwrap_or(least);
    if years < least {
        let message = format!(
            "the class {} keeps for at least {least} years, not {years}",
            args.class
        );
        return Err(Failure::request("bad-arguments", message));
    }
    let home = args.home.home();
    let path = args.archive.clone().unwrap_or_else(|| home.archive());
    let reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    let release = keeping::find(&reader, &name)?;
    let before = keeping::own(&args.home, &reader, &release, now)?;
    let roots = trust::of_home(&home)?.roots;
    let proof = proof::of(&reader, &release, &BTreeMap::new(), None, &roots, now.time);
    let retention = Retention {
        class: args.class.clone(),
        years,
        // Nothing proves when it was signed: then the years count from now, which is later.
        from: proof.signed.unwrap_or(now.time),
    };
    refuse_shorter(&before, &retention)?;
    let saying = Saying {
        home: &args.home,
        archive: &path,
        command: "archive retain",
        event: "archive.retain",
        now,
    };
    let attachment = saying.say(&release, Said::Retention(retention), global)?;
    saying.answer(&name, attachment, console)
}

/// What was promised once is not taken back; of what nobody has promised, less can be said.
fn refuse_shorter(before: &Term, retention: &Retention) -> Result<(), Failure> {
    let until = retention.until().ok_or_else(|| {
        Failure::request("bad-arguments", "so many years are beyond the calendar")
    })?;
    match before.until {
        Some(kept) if before.is_said && until < kept => {
            let message = format!(
                "it is kept until {kept} ({}), and would be until {until}",
                before.class
            );
            Err(Failure::no("retention-shortened", message))
        }
        _ => Ok(()),
    }
}
