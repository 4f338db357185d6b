//! `attest init`: makes a local identity, and exports its public half.

use std::path::{Path, PathBuf};

use attest_sign::{Origin, Password};
use clap::Args;
use serde_json::{Value, json};

use crate::args::{Global, HomeArgs};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files::Overwrite;
use crate::home::Home;
use crate::identity::{self, Card, Created, Exported, Identity, NewIdentity, Recovery};
use crate::password;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    home: HomeArgs,
    /// The log's origin, a bare host name [default: log-<16 hex of the key id>.invalid]
    #[arg(long, value_name = "HOST")]
    origin: Option<String>,
    /// Make an offline recovery key in this file, outside the home, with a password of its own
    /// (`ATTEST_RECOVERY_PASSWORD`, or the terminal)
    #[arg(long, value_name = "FILE")]
    recovery: Option<PathBuf>,
    /// Write what acquirers need into this folder, also from an identity that exists
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Let --export replace files
    #[arg(long, requires = "export")]
    force: bool,
}

pub(crate) fn run(args: &InitArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    let home = args.home.home();
    let reuse = home.exists() && args.export.is_some();
    if reuse {
        refuse_changes(args, &home)?;
    }
    let created = if reuse {
        None
    } else {
        Some(create(args, &home, global)?)
    };
    let exported = match &args.export {
        Some(folder) => identity::export(&home, folder, overwrite(args))?,
        None => Vec::new(),
    };
    if console.is_json() {
        console.json(&report(&home, created.as_ref(), &exported)?);
        return Ok(Exit::Yes);
    }
    match &created {
        Some(created) => say_created(console, &home, created, args.recovery.as_deref()),
        None => console.say(format!("identity   {} as it is", home.path().display())),
    }
    say_exported(console, &exported);
    Ok(Exit::Yes)
}

/// A timestamp authority that takes its time from a flag asserts what nobody saw.
pub(crate) fn refuse_given_time(global: &Global) -> Result<(), Failure> {
    if global.at.is_none() {
        return Ok(());
    }
    Err(Failure::request(
        "time-not-asserted",
        "--at gives a time to judge by; what is made bears the time of the clock",
    ))
}

/// Asks for what a new identity needs, before anything is made.
pub(crate) fn new_identity(
    home: &Home,
    origin: Option<&str>,
    source: &password::Source,
    recovery: Option<&Path>,
) -> Result<NewIdentity, Failure> {
    let origin = origin.map(Origin::parse).transpose().map_err(|error| {
        Failure::request(error.code(), error)
            .hint("write a bare host name, such as log.example.com")
    })?;
    NewIdentity::check_places(home, recovery)?;
    let password = Password::new(source.choose("the new identity")?);
    let recovery = match recovery {
        Some(path) => Some(Recovery {
            path: path.to_owned(),
            password: recovery_password()?,
        }),
        None => None,
    };
    Ok(NewIdentity {
        origin,
        password,
        recovery,
    })
}

fn recovery_password() -> Result<Password, Failure> {
    password::Source::recovery()
        .choose("the recovery key")
        .map(Password::new)
        .map_err(|failure| match failure.code {
            "password-required" => failure
                .hint("set ATTEST_RECOVERY_PASSWORD; the recovery key has a password of its own"),
            _ => failure,
        })
}

fn create(args: &InitArgs, home: &Home, global: &Global) -> Result<Created, Failure> {
    let source = args.home.password();
    let new = new_identity(
        home,
        args.origin.as_deref(),
        &source,
        args.recovery.as_deref(),
    )?;
    identity::create(home, &new, global.now()?.time)
}

fn refuse_changes(args: &InitArgs, home: &Home) -> Result<(), Failure> {
    if args.origin.is_none() && args.recovery.is_none() {
        return Ok(());
    }
    Err(Failure::request(
        "identity-exists",
        format!("{} holds an identity already", home.path().display()),
    )
    .hint("--origin and --recovery are decided when it is made; another identity needs another --home"))
}

fn overwrite(args: &InitArgs) -> Overwrite {
    if args.force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    }
}

fn say_created(console: &Console, home: &Home, created: &Created, recovery: Option<&Path>) {
    let identity = &created.identity;
    console.say(format!(
        "identity   new, {}, key {} ({})",
        home.path().display(),
        identity.key_pin(),
        protection(identity)
    ));
    console.say(format!("log        {}, kept by you", identity.origin()));
    match (recovery, &created.recovery_pin) {
        (Some(path), Some(pin)) => console.say(format!(
            "recovery   {}, {pin}: keep it offline, apart from the home",
            path.display()
        )),
        _ => console.say("recovery   none: a stolen key has no successor"),
    }
}

fn say_exported(console: &Console, exported: &[Exported]) {
    for file in exported {
        let kept = if file.kept { " (was there)" } else { "" };
        console.say(format!("exported   {}{kept}", file.path.display()));
    }
    for file in exported {
        console.say(format!("pin        {} {}", file.name, file.pin));
    }
}

/// Words for how the keys are kept.
pub(crate) fn protection(identity: &Identity) -> &'static str {
    if identity.protected {
        "password-protected"
    } else {
        "not password-protected"
    }
}

fn report(home: &Home, created: Option<&Created>, exported: &[Exported]) -> Result<Value, Failure> {
    let card = Card::read(home)?;
    let exported: Vec<Value> = exported
        .iter()
        .map(|file| json!({ "name": file.name, "path": file.path.display().to_string(), "pin": file.pin, "kept": file.kept }))
        .collect();
    Ok(json!({
        "version": 1,
        "command": "init",
        "answer": Exit::Yes.word(),
        "exit": Exit::Yes.number(),
        "identity": {
            "new": created.is_some(),
            "home": home.path().display().to_string(),
            "key": card.key,
            "password_protected": created.map(|it| it.identity.protected),
            "created": card.created.to_string(),
        },
        "log": { "origin": card.origin, "id": card.log, "kept_by": "signer" },
        "recovery": created.and_then(|it| it.recovery_pin.clone()),
        "exported": exported,
    }))
}
