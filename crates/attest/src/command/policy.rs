//! `attest policy`: check, explain and test policies, and make them from ready sets.

mod new;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;

use attest_policy::Closure;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::args::{self, Command, Global};
use crate::clock::Now;
use crate::command::verify::{self, VerifyArgs};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::report::Report;
use crate::trust;

#[derive(Debug, Args)]
pub(crate) struct PolicyCommandArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Say whether policies are well formed and whole: what is wrong with file, line and column
    Check(CheckArgs),
    /// Say in a sentence what each rule asks; with subjects, why each passed or failed
    Explain(ExplainArgs),
    /// Run tables of cases, each with the answer that is expected
    Test(table::TestArgs),
    /// Write a policy from a ready set
    New(new::NewArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The policies
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// The policy
    #[arg(value_name = "FILE[@sha256:HEX]")]
    policy: String,
    /// What to judge by it, as attest verify takes it
    #[arg(value_name = "SUBJECT")]
    subjects: Vec<String>,
    /// More evidence
    #[arg(long, value_name = "FILE")]
    bundle: Vec<String>,
    /// A trusted root, as attest verify takes it
    #[arg(long, value_name = "FILE[@sha256:HEX]|@NAME")]
    trusted_root: Vec<String>,
}

pub(crate) fn run(
    args: &PolicyCommandArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    match &args.command {
        PolicyCommand::Check(args) => check(args, global, console),
        PolicyCommand::Explain(args) => explain(args, global, console),
        PolicyCommand::Test(args) => table::run(args, global, console),
        PolicyCommand::New(args) => new::run(args, console),
    }
}

fn check(args: &CheckArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let mut checked = Vec::new();
    for path in &args.files {
        let closure = trust::policy::read(path)?;
        if !console.is_json() {
            let path = path.display().to_string();
            say(&path, &closure, now, console);
        }
        checked.push(described(&path.display().to_string(), &closure, now));
    }
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "policy check", "answer": Exit::Yes.word(), "exit": 0,
            "policies": checked,
        }));
    }
    Ok(Exit::Yes)
}

/// A policy that is past its time is well formed, and judges nothing.
fn expiry(closure: &Closure, now: Now) -> Option<String> {
    let expires = closure.expires()?;
    Some(if expires <= now.time {
        format!("expired {expires}: nothing is judged by it any more")
    } else {
        format!("good until {expires}")
    })
}

fn say(path: &str, closure: &Closure, now: Now, console: &Console) {
    let rules = crate::words::counted(closure.rules().len(), "rule");
    console.say(format_args!(
        "ok  {}  policy {:?}, {rules}",
        escape(path),
        closure.name()
    ));
    console.say(format_args!("  digest   {}", closure.digest()));
    console.say(format_args!(
        "  pinned   --policy {}@{}",
        escape(path),
        closure.digest()
    ));
    if let Some(serial) = closure.serial() {
        console.say(format_args!("  serial   {serial}"));
    }
    if let Some(expires) = expiry(closure, now) {
        console.say(format_args!("  expires  {expires}"));
    }
    for (file, digest) in closure.files() {
        console.say(format_args!("  include  {}, {digest}", escape(file)));
    }
}

fn described(path: &str, closure: &Closure, now: Now) -> Value {
    json!({
        "file": path,
        "name": closure.name(),
        "serial": closure.serial(),
        "expires": closure.expires().map(|it| it.to_string()),
        "expired": closure.expires().is_some_and(|it| it <= now.time),
        "sha256": closure.digest().hex(),
        "includes": closure.files().map(|(file, digest)| json!({ "file": file, "sha256": digest.hex() })).collect::<Vec<_>>(),
        "rules": closure.rules().iter().map(|rule| {
            let (file, line) = rule.place();
            json!({ "rule": rule.title(), "file": file, "line": line, "asks": rule.asks() })
        }).collect::<Vec<_>>(),
    })
}

fn explain(args: &ExplainArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    if !args.subjects.is_empty() {
        let mut words = vec![
            "--explain".to_owned(),
            "--policy".to_owned(),
            args.policy.clone(),
        ];
        let flags = [
            ("--bundle", &args.bundle),
            ("--trusted-root", &args.trusted_root),
        ];
        for (flag, values) in flags {
            words.extend(values.iter().flat_map(|it| [flag.to_owned(), it.clone()]));
        }
        return Ok(asked(words, &args.subjects, global)?.render(console));
    }
    let (path, _) = args
        .policy
        .split_once("@sha256:")
        .unwrap_or((&args.policy, ""));
    let closure = trust::policy::read(path.as_ref())?;
    if console.is_json() {
        let mut object = described(path, &closure, now);
        if let Value::Object(fields) = &mut object {
            fields.insert("version".to_owned(), json!(1));
            fields.insert("command".to_owned(), json!("policy explain"));
            fields.insert("answer".to_owned(), json!(Exit::Yes.word()));
            fields.insert("exit".to_owned(), json!(0));
        }
        console.json(&object);
        return Ok(Exit::Yes);
    }
    say(path, &closure, now, console);
    for (index, rule) in closure.rules().iter().enumerate() {
        let place = match rule.place() {
            (Some(file), line) => format!("{file} line {line}"),
            (None, line) => format!("line {line}"),
        };
        let number = index + 1;
        let title = rule.title();
        console.say(format_args!(
            "{number}. {} ({})",
            escape(&title),
            escape(&place)
        ));
        console.say(format_args!("   there must be {}", escape(&rule.asks())));
    }
    Ok(Exit::Yes)
}

/// What `attest verify` answers to these flags and subjects.
fn asked(flags: Vec<String>, subjects: &[String], global: &Global) -> Result<Report, Failure> {
    let begin = ["attest".to_owned(), "verify".to_owned()];
    let words = begin.into_iter().chain(flags).chain(["--".to_owned()]);
    let words = words.chain(subjects.iter().cloned()).map(OsString::from);
    let parsed = args::parse(words)?;
    match parsed.map(|cli| cli.command) {
        Some(Command::Verify(args)) => verify_with(&args, global),
        _ => Err(Failure::request(
            "bad-arguments",
            "no question to attest verify",
        )),
    }
}

fn verify_with(args: &VerifyArgs, global: &Global) -> Result<Report, Failure> {
    verify::report(args, global)
}
