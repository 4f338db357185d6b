//! `attest archive delete`: the artifacts of a release whose time is over, with a signed tombstone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use attest_archive::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Deletion, Forgotten, Reader, Release,
    Source, Store, Term, Tombstone,
};
use attest_digest::{Digest, Hashes, RelativePath};
use attest_provenance::ReleaseName;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::keeping::{self, BUNDLE_TYPE};
use super::tombstone::{self, Tombstones};
use super::{archive_failure, damage_failure, parse_release, proof, roles};
use crate::args::{Global, HomeArgs};
use crate::audit::{self, Change};
use crate::clock::Now;
use crate::command::init::refuse_given_time;
use crate::command::sign::sign_to_bytes;
use crate::command::verify::Session;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::trust;
use crate::words::{counted, size};

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    /// Why it is deleted: one line
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Say what would be deleted, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Another archive than the home's: any OCI image layout
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &DeleteArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    let now = global.now()?;
    let name = parse_release(&args.release)?;
    let home = args.home.home();
    let path = args.archive.clone().unwrap_or_else(|| home.archive());
    // Nobody attaches a hold between the question and the answer.
    let mut store = Store::open(&path).map_err(|error| archive_failure(&error))?;
    let session = keeping::session(trust::of_home(&home)?, now.time)?;
    let desk = Desk {
        args,
        name: &name,
        session: &session,
        now,
    };
    let before = desk.tombstones(store.reader())?;
    let found = desk.ask(store.reader(), &before)?;
    store.accept_deletions(before.accepted());
    if args.dry_run {
        let reader = store.reader();
        let forgotten = reader.forgettable(found.manifest, &found.artifacts);
        let forgotten = forgotten.map_err(|error| damage_failure(&error))?;
        desk.say(&forgotten, found.already.as_ref(), console);
        return Ok(Exit::Yes);
    }
    let bundle = match &found.already {
        Some(_) => None,
        None => Some(sign_to_bytes(&args.home, global, &found.statement)?),
    };
    let change = Change::new("archive.delete")
        .release(&name)
        .path(&path)
        .detail(&args.reason);
    let (forgotten, deletion) = audit::traced(&home, change, |change| {
        if let Some(bundle) = &bundle {
            change.made(desk.attach(&mut store, bundle)?);
        }
        let tombstones = desk.tombstones(store.reader())?;
        let deletion = tombstones.of(found.manifest).cloned();
        // What was just signed and does not count is a reason to stop, not to delete.
        let deletion = deletion.ok_or_else(|| desk.not_counted(&tombstones, found.manifest))?;
        store.accept_deletions(tombstones.accepted());
        let forgotten = store.forget(&deletion, &found.spared);
        let forgotten = forgotten.map_err(|error| damage_failure(&error))?;
        change.say(counted(forgotten.removed.len(), "artifact"));
        Ok((forgotten, deletion))
    })?;
    desk.say(&forgotten, Some(&deletion), console);
    Ok(Exit::Yes)
}

struct Desk<'a> {
    args: &'a DeleteArgs,
    name: &'a ReleaseName,
    session: &'a Session,
    now: Now,
}

/// A release that may be deleted.
struct Found {
    manifest: Digest,
    artifacts: BTreeSet<Digest>,
    /// What is no artifact, whatever the manifest says: it stays, whoever deleted it elsewhere.
    spared: BTreeSet<Digest>,
    statement: Vec<u8>,
    already: Option<Deletion>,
}

impl Desk<'_> {
    fn tombstones(&self, reader: &Reader) -> Result<Tombstones, Failure> {
        Tombstones::read(
            reader,
            self.session,
            &self.session.trust.roots,
            self.now.time,
        )
    }

    /// Whether the release may be deleted: nothing keeps it, and what is kept of it is whole.
    fn ask(&self, reader: &Reader, before: &Tombstones) -> Result<Found, Failure> {
        let release = keeping::find(reader, self.name)?;
        let tombstone = Tombstone {
            by: audit::who(),
            reason: self.args.reason.clone(),
            time: self.now.time,
        };
        let spared = roles::spared(&release, self.session);
        let artifacts = Tombstone::artifacts(&release, &spared);
        let statement = tombstone
            .statement(&release, &artifacts)
            .map_err(|error| Failure::request("bad-arguments", with_source(&error)))?;
        let already = before.of(release.manifest()).cloned();
        if already.is_none() {
            self.refuse_kept(reader, &release)?;
            self.refuse_damaged(reader, &artifacts)?;
        }
        Ok(Found {
            manifest: release.manifest(),
            artifacts,
            spared,
            statement: statement.to_bytes(),
            already,
        })
    }

    fn refuse_kept(&self, reader: &Reader, release: &Release<'_>) -> Result<(), Failure> {
        let kept = keeping::kept(reader, release, Some(self.session))?;
        let roots = &self.session.trust.roots;
        let now = self.now.time;
        let proof = proof::of(reader, release, &BTreeMap::new(), None, roots, now);
        let term = Term::of(proof.signed, &kept);
        if let Some((_, reason)) = term.holds.first() {
            let message = format!("{} is on hold: {reason}", self.name);
            return Err(Failure::no("release-on-hold", message));
        }
        match term.until {
            Some(until) if until <= now => Ok(()),
            Some(until) => Err(self.not_over(&until)),
            None => {
                Err(self.not_over(&"further notice: nothing proves since when its years count"))
            }
        }
    }

    fn not_over(&self, until: &dyn std::fmt::Display) -> Failure {
        let message = format!("{} is kept until {until}", self.name);
        Failure::no("retention-not-over", message)
    }

    /// The evidence that stays must be whole: the artifacts are gone for good.
    fn refuse_damaged(&self, reader: &Reader, gone: &BTreeSet<Digest>) -> Result<(), Failure> {
        let names = std::slice::from_ref(self.name);
        let checked = reader.check_releases(names, Hashes::Sha256);
        let checked = checked.map_err(|error| damage_failure(&error))?;
        let problems = checked.releases.iter().flat_map(|it| &it.problems);
        let stays = |digest: &Digest| !gone.contains(digest);
        let mut damaged = problems.filter(|it| it.error.blob().is_none_or(|blob| stays(&blob)));
        match damaged.next() {
            None => Ok(()),
            Some(problem) => Err(damage_failure(&problem.error)
                .hint("bring it back first: attest archive repair --from REPLICA")),
        }
    }

    fn attach(&self, store: &mut Store, bundle: &[u8]) -> Result<Digest, Failure> {
        let path = RelativePath::parse("tombstone.sigstore.json")
            .map_err(|problem| Failure::unknown("internal-error", problem.to_string()))?;
        let added = store.attach(&AttachmentInput {
            subject: Some(self.name.clone()),
            kind: AttachmentKind::Tombstone,
            created: self.now.time,
            files: vec![AttachedFileInput {
                path,
                media_type: BUNDLE_TYPE.to_owned(),
                source: Source::Bytes(bundle),
                expected: None,
            }],
        });
        let added = added.map_err(|error| archive_failure(&error))?;
        let made = added.manifests.first().map(|(made, _)| *made);
        made.ok_or_else(|| Failure::unknown("internal-error", "nothing was attached"))
    }

    fn not_counted(&self, tombstones: &Tombstones, manifest: Digest) -> Failure {
        let why = tombstones.refusals(manifest).next();
        let (code, found) = why.map_or(("internal-error", String::new()), |it| (it.code, it.found));
        let message = format!("{}: {found}; no artifact was deleted", self.name);
        Failure::unknown(code, message)
    }

    fn say(&self, forgotten: &Forgotten, deletion: Option<&Deletion>, console: &Console) {
        let time = |it: &Deletion| -> Timestamp { it.proven() };
        if console.is_json() {
            console.json(&json!({
                "version": 1,
                "command": "archive delete",
                "answer": Exit::Yes.word(),
                "exit": Exit::Yes.number(),
                "release": self.name.to_string(),
                "dry_run": self.args.dry_run,
                "tombstone": deletion.map(|it| it.attachment().to_string()),
                "time": deletion.map(|it| time(it).to_string()),
                "deleted": forgotten.removed.iter().map(Digest::to_string).collect::<Vec<_>>(),
                "bytes": forgotten.bytes,
                "shared": forgotten.shared.iter().map(Digest::to_string).collect::<Vec<_>>(),
                "absent": forgotten.absent,
            }));
            return;
        }
        console.say(self.name.to_string());
        let count = counted(forgotten.removed.len(), "artifact");
        let verb = if self.args.dry_run {
            "would go   "
        } else {
            "deleted    "
        };
        console.say(format!("{verb}{count}, {}", size(forgotten.bytes)));
        if !forgotten.shared.is_empty() {
            let count = counted(forgotten.shared.len(), "artifact");
            console.say(format!("stays      {count}, which others need"));
        }
        if let Some(deletion) = deletion {
            console.say(format!(
                "signed     {}",
                escape(&tombstone::words(deletion))
            ));
        }
        console.say("kept       its manifest, signatures, statements, lists of components, and the tombstone");
        console.say("replicas and backups have it still: delete it there too, with --archive");
    }
}
