//! `attest completions`: what shells and `man` want to know of the command line, made from it. The only
//! file that names the libraries for it.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use crate::args::Cli;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell, or man for manual pages
    #[arg(value_enum)]
    what: What,
    /// The folder into which manual pages are written; it must exist
    #[arg(long, value_name = "DIR", required_if_eq("what", "man"))]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// A script for bash, on stdout
    Bash,
    /// A script for zsh, on stdout
    Zsh,
    /// A script for fish, on stdout
    Fish,
    /// A manual page for each command, in --out
    Man,
}

pub(crate) fn run(args: &CompletionsArgs, console: &Console) -> Result<Exit, Failure> {
    let shell = match args.what {
        What::Bash => Shell::Bash,
        What::Zsh => Shell::Zsh,
        What::Fish => Shell::Fish,
        What::Man => return manual(args.out.as_deref().unwrap_or(Path::new(".")), console),
    };
    if args.out.is_some() {
        return Err(Failure::request(
            "bad-arguments",
            "--out is for manual pages; a script goes to stdout",
        ));
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    console.bytes(&script)?;
    Ok(Exit::Yes)
}

fn manual(folder: &Path, console: &Console) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    for (name, page) in &pages {
        files::write(&folder.join(name), page, 0o644, Overwrite::Refuse)?;
    }
    if console.is_json() {
        let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
        console.json(&json!({
            "version": 1,
            "command": "completions",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "written": names,
        }));
    } else {
        console.say(format!(
            "written    {} pages in {}",
            pages.len(),
            folder.display()
        ));
    }
    Ok(Exit::Yes)
}

/// The page of a command, and those of the commands below it.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Failure> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)
        .map_err(|error| Failure::unknown("output-failed", error))?;
    pages.push((man.get_filename(), page));
    command
        .get_subcommands()
        .filter(|it| !it.is_hide_set())
        .try_for_each(|it| collect(it, pages))
}

const NAME: &str = "attest";
