//! `attest key rotate` and `attest key retire`: a record of the recovery key about another key, logged
//! and timestamped like everything that is signed.

use std::path::{Path, PathBuf};

use attest_provenance::predicate::succession::{Succession, SuccessionReason};
use attest_sign::{ArtifactKey, SignError, Signer, Unsigned};
use attest_verify::{Bundle, Content, PublicKey};
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{KeyFile, PUBLIC_MODE, pin};
use crate::args::{Global, HomeArgs};
use crate::audit::{self, Change};
use crate::command::init::refuse_given_time;
use crate::command::sign::verifier;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::home::{Home, lies_inside};
use crate::identity::{Identity, Keyring, token};
use crate::password::Source;

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The public half of the key that takes its place, or the pkcs11: URI of one in a token
    #[arg(long, value_name = "FILE|URI")]
    successor: PathBuf,
    #[command(flatten)]
    record: RecordArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    #[command(flatten)]
    record: RecordArgs,
}

/// What a record says, and who says it.
#[derive(Debug, Args)]
struct RecordArgs {
    /// Why the key goes
    #[arg(long, value_enum)]
    reason: ReasonArg,
    /// From when on it no longer counts; for a compromised key the time from which somebody else may have
    /// had it [default for a superseded one: now]
    #[arg(long, value_name = "TIME", required_if_eq("reason", "compromised"))]
    since: Option<Timestamp>,
    /// The recovery key, which signs the record: its password is `ATTEST_RECOVERY_PASSWORD`, or asked for
    #[arg(long, value_name = "FILE|URI")]
    recovery_key: PathBuf,
    /// The public half of the key that goes [default: the home's signing key]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The last record that this recovery key has signed, if it has signed one
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Where the record is written: acquirers need all of them
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    home: HomeArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReasonArg {
    /// Another key is used; nobody else has this one
    Superseded,
    /// Somebody else may have it
    Compromised,
}

pub(super) fn rotate(args: &RotateArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    let successor = if token::is_uri(&args.successor) {
        token::artifact_key(&args.successor)?.public().clone()
    } else {
        KeyFile::read(&args.successor)?.public()?
    };
    record(
        &args.record,
        Some(&successor),
        "key.rotate",
        global,
        console,
    )
}

pub(super) fn retire(args: &RetireArgs, global: &Global, console: &Console) -> Result<(), Failure> {
    record(&args.record, None, "key.retire", global, console)
}

fn record(
    args: &RecordArgs,
    successor: Option<&PublicKey>,
    event: &'static str,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    refuse_given_time(global)?;
    if args.out.symlink_metadata().is_ok() {
        return Err(files::exists_failure(&args.out));
    }
    let home = args.home.home();
    home.require()?;
    let key = match &args.key {
        Some(path) => KeyFile::read(path)?.public()?,
        None => KeyFile::read(&home.public_key())?.public()?,
    };
    let recovery = recovery_key(&args.recovery_key, &home)?;
    refuse_own_successor(&key, &recovery, successor)?;
    let identity = Identity::open(&home, args.home.password())?;
    let now = global.now()?.time;
    let claim = claim(args, &key, &recovery, successor, now)?;
    refuse_fork(&home, &recovery, &claim)?;
    let change = Change::new(event)
        .digest(pin(&key))
        .path(&args.out)
        .detail(format_args!("record {}", claim.sequence));
    audit::traced(&home, change, |_| {
        let bundle = sign(&identity, &recovery, &claim, now)?;
        // Kept first, so that this home signs no second record of the same number, whatever comes.
        let kept = kept(&home, &recovery, claim.sequence);
        files::write(&kept, &bundle, PUBLIC_MODE, Overwrite::Refuse)?;
        files::write(&args.out, &bundle, PUBLIC_MODE, Overwrite::Refuse).map_err(|failure| {
            failure.hint(format!(
                "the record is made, and lies at {}",
                kept.display()
            ))
        })
    })?;
    let command = event.trim_start_matches("key.");
    say(args, &claim, &key, &recovery, successor, command, console);
    Ok(())
}

/// The private half of the recovery key never lies in the home: who takes the home would take both.
fn recovery_key(path: &Path, home: &Home) -> Result<ArtifactKey, Failure> {
    if !token::is_uri(path) && lies_inside(path, home.path()) {
        return Err(Failure::request(
            "recovery-inside",
            format!("the recovery key {} lies inside the home", path.display()),
        )
        .hint("who takes the home would take both keys; keep it offline"));
    }
    Keyring::new(Source::recovery()).artifact_key(path)
}

/// A key that answers for itself could be the thief's word.
fn refuse_own_successor(
    key: &PublicKey,
    recovery: &ArtifactKey,
    successor: Option<&PublicKey>,
) -> Result<(), Failure> {
    let refuse = |what: &str| Err(Failure::request("bad-arguments", what));
    if recovery.public() == key {
        return refuse("the recovery key is the key that goes: it cannot answer for itself");
    }
    if successor == Some(key) {
        return refuse("the successor is the key that goes");
    }
    if successor == Some(recovery.public()) {
        return refuse("the successor is the recovery key, which would then answer for itself");
    }
    Ok(())
}

fn claim(
    args: &RecordArgs,
    key: &PublicKey,
    recovery: &ArtifactKey,
    successor: Option<&PublicKey>,
    now: Timestamp,
) -> Result<Succession, Failure> {
    let before = match &args.previous {
        Some(path) => Some(previous(path, recovery)?),
        None => None,
    };
    let since = args.since.unwrap_or(now);
    if since > now.saturating_add(SKEW).unwrap_or(now) {
        return Err(Failure::request(
            "bad-arguments",
            format!("--since {since} is in the future"),
        ));
    }
    Ok(Succession {
        key: key.fingerprint(),
        sequence: before
            .as_ref()
            .map_or(1, |(claim, _)| claim.sequence.saturating_add(1)),
        previous: before.map(|(_, statement)| statement),
        reason: match args.reason {
            ReasonArg::Superseded => SuccessionReason::Superseded,
            ReasonArg::Compromised => SuccessionReason::Compromised,
        },
        since,
        successor: successor.map(PublicKey::to_pem),
    })
}

/// The record before, if this recovery key signed it. Whether it was logged is for acquirers to check.
fn previous(path: &Path, recovery: &ArtifactKey) -> Result<(Succession, [u8; 32]), Failure> {
    let refuse = |problem: String| {
        Failure::request(
            "record-altered",
            format!("--previous {}: {problem}", path.display()),
        )
    };
    let bytes = files::read_limited(path, BUNDLE_BYTES).map_err(|it| refuse(it.to_string()))?;
    let bundle = Bundle::parse(&bytes).map_err(|it| refuse(with_source(&it)))?;
    let Content::Envelope(envelope) = bundle.content() else {
        return Err(refuse("it is no statement".to_owned()));
    };
    if !recovery.made(&envelope.pae(), bundle.signature()) {
        return Err(refuse("this recovery key did not sign it".to_owned()));
    }
    let payload = envelope.unverified_payload();
    let statement =
        attest_provenance::Statement::parse(payload).map_err(|it| refuse(with_source(&it)))?;
    let claim = Succession::from_statement(&statement).map_err(|it| refuse(with_source(&it)))?;
    Ok((claim, crate::trust::sha256(payload)))
}

/// Where a home keeps the records that it made.
fn kept(home: &Home, recovery: &ArtifactKey, sequence: u64) -> PathBuf {
    let recovery = hex::encode(recovery.fingerprint());
    let short = recovery.get(..16).unwrap_or(&recovery);
    home.trust()
        .join(format!("succession-{short}-{sequence}.sigstore.json"))
}

fn refuse_fork(home: &Home, recovery: &ArtifactKey, claim: &Succession) -> Result<(), Failure> {
    let kept = kept(home, recovery, claim.sequence);
    if !kept.exists() {
        return Ok(());
    }
    let sequence = claim.sequence;
    Err(Failure::request(
        "succession-forked",
        format!(
            "record {sequence} of this recovery key was signed before: it is {}",
            kept.display()
        ),
    )
    .hint("name the last record with --previous; acquirers refuse two of one number"))
}

fn sign(
    identity: &Identity,
    recovery: &ArtifactKey,
    claim: &Succession,
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let statement = claim
        .statement()
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let verifier = verifier(identity.home(), now)?;
    let authority = identity.authority.at(now);
    let mut log = identity.open_log()?;
    let failed = |error: SignError| Failure::unknown(error.code(), with_source(&error));
    let signed = Signer::new(recovery, &authority, &mut log, &verifier)
        .sign(&[Unsigned::Statement(&statement.to_bytes())])
        .map_err(failed)?;
    let bundle = signed.first().map(|it| it.bundle().to_vec());
    bundle.ok_or_else(|| Failure::unknown("internal-error", "nothing was signed"))
}

fn say(
    args: &RecordArgs,
    claim: &Succession,
    key: &PublicKey,
    recovery: &ArtifactKey,
    successor: Option<&PublicKey>,
    command: &str,
    console: &Console,
) {
    let by = pin(recovery.public());
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": format!("key {command}"),
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "record": {
                "path": args.out.display().to_string(),
                "sequence": claim.sequence,
                "reason": claim.reason.word(),
                "since": claim.since.to_string(),
                "key": pin(key),
                "successor": successor.map(pin),
                "recovery": by,
            },
        }));
        return;
    }
    let (reason, since) = (claim.reason.word(), claim.since);
    console.say(format!("key        {}, {reason} since {since}", pin(key)));
    match successor {
        Some(successor) => console.say(format!("successor  {}", pin(successor))),
        None => console.say("successor  none"),
    }
    console.say(format!("signed by  the recovery key {by}"));
    let (path, sequence) = (args.out.display(), claim.sequence);
    console.say(format!(
        "written    {path}, record {sequence} of this recovery key"
    ));
    console.say("publish    it, with the records before it: acquirers name them with --succession");
}

/// Clocks differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
const BUNDLE_BYTES: u64 = 4 << 20;
