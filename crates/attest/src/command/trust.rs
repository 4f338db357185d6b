//! `attest trust`: trusted roots, embedded and of the user's own making.

mod create;
mod diff;
mod import;
mod refresh;
mod show;

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_verify::{EmbeddedRoot, TrustedRoot, TrustedRootError};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::args::Global;
use crate::audit::{self, Change};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};
use crate::home::{Home, lies_inside};
use crate::trust;

#[derive(Debug, Args)]
pub(crate) struct TrustCommandArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Subcommand)]
enum TrustCommand {
    /// Say what a trusted root holds, from when it is, and what leads to it
    Show(show::ShowArgs),
    /// Print FILE@sha256:HEX, for --trusted-root
    Pin(PinArgs),
    /// Write a trusted root byte for byte to a file
    Export(ExportArgs),
    /// Make a trusted_root.json from keys and certificates in PEM
    Create(create::CreateArgs),
    /// Make one trusted_root.json of trusted_root.json, .jsonl and PEM files
    Import(import::ImportArgs),
    /// Say in what two trusted roots differ: exit 0 if in nothing
    Diff(diff::DiffArgs),
    /// Fetch the newest trusted root of a TUF repository: the one part that dials
    Refresh(refresh::RefreshArgs),
}

#[derive(Debug, Args)]
struct PinArgs {
    /// The trusted roots
    #[arg(required = true, value_name = "FILE|@NAME")]
    roots: Vec<String>,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// An embedded root (@public-good, @staging, @github), or a file
    #[arg(value_name = "@NAME|FILE")]
    root: String,
    #[command(flatten)]
    out: OutArgs,
}

/// Where a trusted root is written.
#[derive(Debug, Args)]
struct OutArgs {
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(
    args: &TrustCommandArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    match &args.command {
        TrustCommand::Show(args) => show::run(args, global, console),
        TrustCommand::Pin(args) => pin(args, console),
        TrustCommand::Export(args) => export(args, console),
        TrustCommand::Create(args) => create::run(args, console),
        TrustCommand::Import(args) => import::run(args, console),
        TrustCommand::Diff(args) => diff::run(args, console),
        TrustCommand::Refresh(args) => refresh::run(args, global, console),
    }
}

fn pin(args: &PinArgs, console: &Console) -> Result<Exit, Failure> {
    let mut pins = Vec::new();
    for place in &args.roots {
        let read = Read::of(place)?;
        pins.push((place, read.root.digest()));
    }
    if console.is_json() {
        let pins: Vec<Value> = pins
            .iter()
            .map(|(place, digest)| json!({"root": place, "pin": format!("{place}@{digest}"), "sha256": hex::encode(digest.as_bytes())}))
            .collect();
        console.json(&answer("pin", &json!({"pins": pins})));
    } else {
        for (place, digest) in pins {
            console.say(format!("{}@{digest}", escape(place)));
        }
    }
    Ok(Exit::Yes)
}

fn export(args: &ExportArgs, console: &Console) -> Result<Exit, Failure> {
    let read = Read::of(&args.root)?;
    args.out.write(&read.bytes)?;
    args.out.report("export", &read.bytes, &[], console)
}

/// A trusted root with its bytes.
struct Read {
    bytes: Vec<u8>,
    root: TrustedRoot,
    embedded: Option<&'static EmbeddedRoot>,
}

impl Read {
    /// The root that is called or lies there. It is what the command is about: one that is not a
    /// trusted root is a no, one that cannot be opened is unknown.
    fn of(place: &str) -> Result<Self, Failure> {
        if place.starts_with('@') {
            let embedded = trust::known(place)?;
            let bytes = embedded.trusted_root().to_vec();
            let root = parse(place, &bytes)?;
            return Ok(Self {
                bytes,
                root,
                embedded: Some(embedded),
            });
        }
        let bytes = read(Path::new(place))?;
        let root = parse(place, &bytes)?;
        Ok(Self {
            bytes,
            root,
            embedded: None,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, trust::ROOT_BYTES).map_err(|error| {
        Failure::unknown(
            "trusted-root-unreadable",
            format!("{}: {error}", path.display()),
        )
    })
}

fn parse(place: &str, bytes: &[u8]) -> Result<TrustedRoot, Failure> {
    TrustedRoot::parse(bytes)
        .map(|root| root.named(place))
        .map_err(|error| malformed(place, &error))
}

fn malformed(place: &str, error: &TrustedRootError) -> Failure {
    Failure::no(error.code(), format!("{place}: {error}"))
}

/// One JSON object for each answer of these commands.
fn answer(command: &str, more: &Value) -> Value {
    let mut object = json!({
        "version": 1,
        "command": format!("trust {command}"),
        "answer": Exit::Yes.word(),
        "exit": Exit::Yes.number(),
    });
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    object
}

impl OutArgs {
    /// Refuses before anything is read or fetched what could not be written after it.
    fn check(&self) -> Result<(), Failure> {
        if !self.force && self.out.symlink_metadata().is_ok() {
            return Err(files::exists_failure(&self.out));
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let overwrite = if self.force {
            Overwrite::Force
        } else {
            Overwrite::Refuse
        };
        let write = || files::write(&self.out, bytes, 0o644, overwrite);
        let home = Home::new(
            std::env::var_os("ATTEST_HOME").as_deref().map(Path::new),
            None,
        );
        if !lies_inside(&self.out, home.path()) {
            return write();
        }
        let digest = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
        let change = Change::new("trust.write").path(&self.out).digest(digest);
        audit::traced(&home, change, |_| write())
    }

    /// Says what was written, with its pin.
    fn report(
        &self,
        command: &str,
        bytes: &[u8],
        notes: &[String],
        console: &Console,
    ) -> Result<Exit, Failure> {
        let place = self.out.display().to_string();
        let root = parse(&place, bytes)?;
        let pin = format!("{place}@{}", root.digest());
        if console.is_json() {
            console.json(&answer(
                command,
                &json!({
                    "file": place,
                    "sha256": hex::encode(root.digest().as_bytes()),
                    "pin": pin,
                    "items": root.items().iter().map(show::item_json).collect::<Vec<_>>(),
                    "notes": notes,
                }),
            ));
            return Ok(Exit::Yes);
        }
        console.say(format!("written    {}", escape(&place)));
        for item in root.items() {
            console.say(format!("  {}", show::item_line(&item)));
        }
        for note in notes {
            console.say(format!("  note: {}", escape(note)));
        }
        console.say(format!("pin        {}", escape(&pin)));
        Ok(Exit::Yes)
    }
}
