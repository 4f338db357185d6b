//! `attest archive import`: an exported release is verified, then kept.

use std::path::PathBuf;

use attest_archive::{Added, Bag, Kept, Outcome};
use clap::Args;
use serde_json::json;

use super::{PlaceArgs, add, archive_failure, bag, parse_release, roles, union};
use crate::args::{Global, PolicyArgs, TrustArgs};
use crate::audit::{self, Change};
use crate::command::verify::{Session, Shelf};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::report::{Report, SubjectReport};
use crate::trust;
use crate::words::{counted, files, size};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// What attest archive export has written
    #[arg(value_name = "PATH")]
    bag: PathBuf,
    #[command(flatten)]
    scratch: bag::ScratchArgs,
    /// The release that it must be
    #[arg(long, value_name = "NAME@VERSION")]
    release: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
}

pub(super) fn run(args: &ImportArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let wanted = args.release.as_deref().map(parse_release).transpose()?;
    let path = args.place.path();
    // An archive that is there is taken before the work; a new one is made after it.
    let store = if add::is_nothing(&path) {
        None
    } else {
        Some(add::open(&path)?)
    };
    let asked = bag::Asked {
        scratch: &args.scratch,
        home: &args.place,
        trust: &args.trust,
        policy: &args.policy,
        independent: &args.independent,
        now,
    };
    let (bag, mut session) = asked.open(&args.bag)?;
    if let Some(release) = wanted {
        session.policy = session.policy.of_release(release);
    }
    let roles = |shelf: &Shelf, subject: &mut SubjectReport| {
        roles::judge(&bag, &session, shelf, subject);
    };
    let report = asked.judge("archive import", &args.bag, &bag, &session, roles);
    if report.exit() != Exit::Yes {
        // What can no longer be proven is taken in all the same: archive verify says so.
        let not_asked = "until when its time can be proven".to_owned();
        let not_checked = report.not_checked.iter().cloned().chain([not_asked]);
        let report = Report {
            not_checked: not_checked.collect(),
            verbose: global.verbose,
            ..report
        };
        return Ok(report.render(console));
    }
    if let Some(store) = &store {
        union::refuse_too_much(store.reader(), &bag, &session)?;
    }
    let input = bag.input().map_err(|error| archive_failure(&error))?;
    let attached = bag.attachments().map_err(|error| archive_failure(&error))?;
    let mut store = match store {
        Some(store) => store,
        None => add::open(&path)?,
    };
    let change = Change::new("archive.import")
        .release(&input.name)
        .path(&path);
    let added = audit::traced(&args.place.own_home(), change, |change| {
        let added = store.add(&input).map_err(|error| archive_failure(&error))?;
        change.made(added.manifest);
        store
            .attach_all(&attached)
            .map_err(|error| archive_failure(&error))?;
        Ok(added)
    })?;
    say(
        args,
        &path.display().to_string(),
        &bag,
        &added,
        &session,
        console,
    );
    Ok(Exit::Yes)
}

fn say(
    args: &ImportArgs,
    archive: &str,
    bag: &Bag,
    added: &Added,
    session: &Session,
    console: &Console,
) {
    let outcome = match added.outcome {
        Outcome::New => "new",
        Outcome::Already => "already",
    };
    let signer = trust::signer_words(&session.trust.signers);
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "archive import",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "archive": archive,
            "from": args.bag.display().to_string(),
            "release": bag.name().to_string(),
            "manifest": added.manifest.to_string(),
            "outcome": outcome,
            "files": bag.members().len(),
            "attachments": bag.attachment_count(),
            "bytes": bag.bytes(),
            "new_blobs": added.new_blobs,
            "reused_blobs": added.reused_blobs,
            "signer": signer,
        }));
        return;
    }
    console.say(format!(
        "{}  {}, {}",
        bag.name(),
        files(bag.members().len()),
        size(bag.bytes())
    ));
    console.say(format!("verified   signed by {}", escape(&signer)));
    let kept = match added.outcome {
        Outcome::New => format!(
            "{} new blobs, {} were there already",
            added.new_blobs, added.reused_blobs
        ),
        Outcome::Already => "the same release was there already".to_owned(),
    };
    console.say(format!("archived   {}, {kept}", escape(archive)));
    if bag.attachment_count() > 0 {
        console.say(format!(
            "attached   {}, as it was exported: who made them nobody has checked here",
            counted(bag.attachment_count(), "attachment")
        ));
    }
    console.say(format!("manifest   {}", added.manifest));
}
