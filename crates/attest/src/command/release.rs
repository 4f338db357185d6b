//! `attest release`: a build folder becomes a signed, logged, timestamped, archived release.
//!
//! Walk and refuse; hash; write statements; sign, timestamp, log; stage; let a fresh process verify
//! the stage; record it in the archive, which is the commit; give the files their names.

mod authority;
mod by_services;
mod compose;
mod content;
mod gpg;
mod instructions;
mod journal;
mod make;
mod ours;
mod plan;
mod publish;
mod publishing;
mod record;
mod recover;
mod registry;
mod report;
mod repository;
mod request;
mod reserved;
mod restore;
mod run;
pub(crate) mod sbom;
pub(crate) mod secrets;
mod selfcheck;
mod stage;
mod survey;
mod targets;
mod tree;

use std::path::PathBuf;

use clap::Args;

use crate::args::{Global, HomeArgs, ServiceArgs, SigningKeyArgs};
use crate::command::init::{new_identity, refuse_given_time};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::home::Home;
use crate::identity::{self, Identity, NewIdentity};

pub(crate) use authority::Foreign;
use by_services::ByServices;
use content::Content;
use make::Making;
pub(crate) use ours::refuse_other_content;
use publishing::Published;
pub(crate) use repository::Repository;
use request::Request;
use survey::Survey;

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The folder that the build wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The version of the release
    #[arg(long, value_name = "V")]
    version: String,
    /// The name of the release [default: the git remote's repository]
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Make an identity if the home has none
    #[arg(long)]
    init: bool,
    /// Write a complete release folder here and leave DIR alone
    #[arg(long, value_name = "OUT")]
    out: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        help = "A bill of materials, CycloneDX or SPDX, copied as it is; auto makes one from the lock files of --source \
                (can be repeated)"
    )]
    sbom: Vec<PathBuf>,
    /// The folder whose lock files --sbom auto reads [default: the current folder]
    #[arg(long, value_name = "DIR", requires = "sbom")]
    source: Option<PathBuf>,
    #[arg(
        long,
        value_name = "LINK",
        help = "The link of the step that made these very files, from attest provenance run (can be repeated): \
                only with it does the release say how they were made"
    )]
    provenance: Vec<PathBuf>,
    /// Take the time from this RFC 3161 authority
    #[arg(long, value_name = "URL", requires = "tsa_chain")]
    tsa: Option<String>,
    /// The authority's certificates, leaf to root
    #[arg(long, value_name = "PEM", requires = "tsa")]
    tsa_chain: Option<PathBuf>,
    /// Replace files that bear our names and are not ours; never the record of a release
    #[arg(long)]
    force: bool,
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Let files be released that this pattern covers though they hold a private key
    #[arg(long, value_name = "GLOB")]
    allow_private_key: Vec<String>,
    #[command(flatten)]
    publishing: targets::PublishArgs,
    #[command(flatten)]
    signing: SigningKeyArgs,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    home: HomeArgs,
}

pub(crate) fn run(args: &ReleaseArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    let home = args.home.home();
    if !args.init {
        home.require().map_err(|failure| {
            failure.hint("make one with attest init or with --init, or name its folder with --home")
        })?;
    }
    let request = Request::resolve(args)?;
    for note in &request.notes {
        console.note(note);
    }
    if let Some(note) = args.signing.caution() {
        console.note(note);
    }
    let others = [request.folder.as_path(), home.path()];
    let targets = args
        .publishing
        .targets(&request.name, request.target(), &others)?;
    let by = ByServices::open(args, global.now()?.time, console)?;
    let by = by.as_ref();
    let survey = Survey::take(&request, &home)?;
    if args.dry_run {
        report::say_plan(console, &request, &survey, &home);
        for target in args.publishing.texts() {
            console.note(format!("publishes  to {target}"));
        }
        return Ok(Exit::Yes);
    }
    let outcome = match open(args, &home)? {
        Opened::Existing(identity) => {
            with_existing(&request, &survey, &identity, by, global, console)?
        }
        Opened::New(new) => with_new(&request, &survey, (&home, &new), by, global, console)?,
    };
    let published = publishing::publish(
        targets,
        args.publishing.persistence(),
        &home,
        &outcome,
        console,
    );
    report::say(console, &request, &outcome, &published, args.init);
    Ok(Published::exit(&published))
}

enum Opened {
    Existing(Box<Identity>),
    New(Box<NewIdentity>),
}

/// Passwords are asked for before anything is read.
fn open(args: &ReleaseArgs, home: &Home) -> Result<Opened, Failure> {
    let source = args.home.password();
    if home.exists() {
        let key = args.signing.open(args.home.password())?;
        let identity = Identity::open(home, source)?.signing_with(key);
        return Ok(Opened::Existing(Box::new(identity)));
    }
    args.signing.refuse_with_a_new_home()?;
    let new = new_identity(home, None, &source, None)?;
    Ok(Opened::New(Box::new(new)))
}

/// The log starts, or refuses to, before the first file is read.
fn with_existing(
    request: &Request,
    survey: &Survey,
    identity: &Identity,
    by: Option<&ByServices>,
    global: &Global,
    console: &Console,
) -> Result<report::Outcome, Failure> {
    for record in &request.records {
        record.check(identity.signing_key())?;
    }
    let mut log = identity.open_bare_log()?;
    let notes = recover::recover(identity, &log, &request.name)?;
    for note in &notes {
        console.note(note);
    }
    let making = Making {
        request,
        survey,
        identity,
        by,
        is_new: false,
        notes,
        console,
    };
    let kept = survey.kept.find(&request.name)?;
    if let Some(kept) = kept {
        let contents = making.observe()?;
        return restore::restore(&making, &kept, &contents);
    }
    // A copy is hashed while it is made; what stays where it is, is hashed first.
    let contents = if request.out.is_some() {
        None
    } else {
        Some(making.observe()?)
    };
    make::release(&making, &mut log, contents.as_deref(), global.now()?.time)
}

/// Nothing is made before every file could be read.
fn with_new(
    request: &Request,
    survey: &Survey,
    (home, new): (&Home, &NewIdentity),
    by: Option<&ByServices>,
    global: &Global,
    console: &Console,
) -> Result<report::Outcome, Failure> {
    if !request.records.is_empty() {
        return Err(Failure::request(
            "record-altered",
            "a key that is yet to be made has signed no record",
        ));
    }
    let contents: Vec<Content> = content::observe(&survey.plan, console)?;
    let now = global.now()?.time;
    let created = identity::create(home, new, now)?;
    let identity = created.identity;
    let mut log = identity.open_bare_log()?;
    let making = Making {
        request,
        survey,
        identity: &identity,
        by,
        is_new: true,
        notes: Vec::new(),
        console,
    };
    let contents = making.with_roles(contents)?;
    make::release(&making, &mut log, Some(&contents), now)
}
