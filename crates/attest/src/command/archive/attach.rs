//! `attest archive attach`: evidence that came after a release is kept with it, if it is about it.
//!
//! 1. The statements that the release was kept with are proven: what it was built from is theirs to say.
//! 2. Every piece of what is offered as evidence is proven to be an expected signer's, and names a file of
//!    the release or that commit.
//! 3. Anything else is a document, and is taken only if such a statement names it by its SHA-256; a manifest
//!    only if the release has the files that it names, and no others.
//! 4. All are attached at once, with the bytes that were judged, or none.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use attest_archive::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Member, Reader, Release, Source, Store,
};
use attest_digest::{Artifact, Digest, Hashes, RelativePath};
use attest_provenance::predicate::tree;
use attest_provenance::{ReleaseName, Statement};
use attest_verify::limits::BUNDLE_BYTES;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::about::About;
use super::keeping::{BUNDLE_TYPE, find};
use super::{PlaceArgs, archive_failure, around, damage_failure, parse_release, session};
use super::{bills, later_tree};
use crate::args::{Global, TrustArgs};
use crate::audit::{self, Change};
use crate::command::verify::{Session, Shelf, archived, is_bundle_name, signed_name};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files;
use crate::trust;
use crate::words::counted;

#[derive(Debug, Args)]
pub(super) struct AttachArgs {
    /// The release, which must be in the archive
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    /// Bundles of an expected signer about it (*.sigstore.json, *.intoto.jsonl): a scan, a VEX statement, a
    /// review, a summary; and documents that a reference statement, among them or kept before, names by
    /// digest: a bill of materials, a report
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
}

pub(super) fn run(args: &AttachArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let name = parse_release(&args.release)?;
    if !args.trust.types.is_empty() {
        let message = "--type says what approves a release, and what is attached approves none";
        return Err(Failure::request("bad-arguments", message));
    }
    let paths = named(&args.files)?;
    let place = args.place.path();
    let reader = Reader::open(&place).map_err(|error| damage_failure(&error))?;
    let release = find(&reader, &name)?;
    let mut around = around(vec![place.clone()], None);
    if trust::has_pins(&args.trust) {
        around.archived = archived::trust_files(&reader, std::slice::from_ref(&name));
    }
    let trust = args.place.trust(&args.trust, &around, now)?;
    let session = session(trust, &args.trust, &args.independent, now)?;

    let mut shelf = Shelf::new();
    archived::prove_statements(&release, &session, &mut shelf);
    let mut offered = Vec::new();
    for (path, name) in paths {
        offered.push(Offered::read(path, name, &release, &session, &mut shelf)?);
    }
    let members = release.members().iter().map(Member::digest);
    let about = About::of(&shelf, &session, members);
    let mut desk = Desk {
        session: &session,
        shelf: &shelf,
        about: &about,
        manifests: BTreeSet::new(),
    };
    desk.find_manifests(&offered, &release)?;
    let judged = offered.iter().map(|it| it.judge(&desk));
    let judged = judged.collect::<Result<Vec<_>, _>>()?;
    let kept = kept(&release, &reader)?;
    let new: Vec<(&Offered, &Judged)> = offered
        .iter()
        .zip(&judged)
        .filter(|(it, _)| !kept.contains(&it.digest))
        .collect();
    let inputs = inputs(&new, &name, now.time);
    if !inputs.is_empty() {
        keep(&args.place, &name, &inputs)?;
    }
    let all: Vec<Line<'_>> = offered.iter().zip(&judged).collect();
    say(&release, &all, &kept, &session, console);
    Ok(Exit::Yes)
}

fn keep(
    place: &PlaceArgs,
    release: &ReleaseName,
    inputs: &[AttachmentInput<'_>],
) -> Result<(), Failure> {
    let path = place.path();
    let change = Change::new("archive.attach").release(release).path(&path);
    audit::traced(&place.own_home(), change, |change| {
        let mut store = Store::open(&path).map_err(|error| archive_failure(&error))?;
        let added = store.attach_all(inputs);
        let added = added.map_err(|error| archive_failure(&error))?;
        if let Some((manifest, _)) = added.manifests.first() {
            change.made(manifest);
        }
        let files: usize = inputs.iter().map(|it| it.files.len()).sum();
        change.say(counted(files, "file"));
        Ok(())
    })
}

type Line<'a> = (&'a Offered, &'a Judged);

/// The files with the names that they are kept by: each its own.
fn named(files: &[PathBuf]) -> Result<Vec<(&Path, RelativePath)>, Failure> {
    let mut taken = BTreeSet::new();
    let name = |path: &PathBuf| {
        let name = path.file_name().and_then(|it| it.to_str());
        let name = name.and_then(|it| RelativePath::parse(it).ok());
        name.ok_or_else(|| {
            let message = format!("{} has no name that can be kept", path.display());
            Failure::request("bad-arguments", message)
        })
    };
    let mut named = Vec::new();
    for path in files {
        let name = name(path)?;
        if !taken.insert(name.clone()) {
            let message = format!("two files are called {name}: attach them one after the other");
            return Err(Failure::request("bad-arguments", message));
        }
        named.push((path.as_path(), name));
    }
    Ok(named)
}

/// What files are judged by.
struct Desk<'a> {
    session: &'a Session,
    shelf: &'a Shelf,
    about: &'a About<'a>,
    /// The offered files that are manifests of the release, as proven statements say.
    manifests: BTreeSet<Digest>,
}

impl Desk<'_> {
    fn find_manifests(
        &mut self,
        offered: &[Offered],
        release: &Release<'_>,
    ) -> Result<(), Failure> {
        let documents = offered.iter().filter(|it| it.evidence.is_none());
        for it in documents.filter(|it| has_extension(&it.name, later_tree::EXTENSION)) {
            if later_tree::judge(&it.path, &it.digest, release, self.about, self.shelf)? {
                self.manifests.insert(it.digest);
            }
        }
        Ok(())
    }

    /// Whether a statement is about the release, or about its manifest.
    fn is_about(&self, statement: &Statement) -> bool {
        let mut manifests = self.manifests.iter();
        self.about.is_about(statement) || manifests.any(|it| later_tree::is_about(statement, it))
    }
}

/// A file that is to be attached.
struct Offered {
    path: PathBuf,
    name: RelativePath,
    digest: Digest,
    /// Its bytes and pieces, if it is named like evidence; a document may have any size.
    evidence: Option<(Vec<u8>, Vec<usize>)>,
}

/// What a file was found to be.
struct Judged {
    kind: AttachmentKind,
    media_type: &'static str,
    /// The types of its statements; what names the document.
    says: Vec<String>,
}

impl Offered {
    fn read(
        path: &Path,
        name: RelativePath,
        release: &Release<'_>,
        session: &Session,
        shelf: &mut Shelf,
    ) -> Result<Self, Failure> {
        let evidence = if is_bundle_name(name.as_str()) {
            let limit = BUNDLE_BYTES as u64;
            let bytes =
                files::read_limited(path, limit).map_err(|error| unread(path, &error, limit))?;
            let numbers = shelf.take(path, Ok(bytes.clone()));
            for number in &numbers {
                prove(*number, &name, release, session, shelf);
            }
            Some((bytes, numbers))
        } else {
            None
        };
        let digest = match &evidence {
            Some((bytes, _)) => Artifact::of_bytes(bytes, Hashes::Sha256).sha256(),
            None => Artifact::read_path(path, Hashes::Sha256)
                .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?
                .sha256(),
        };
        Ok(Self {
            path: path.to_owned(),
            name,
            digest,
            evidence,
        })
    }

    fn judge(&self, desk: &Desk<'_>) -> Result<Judged, Failure> {
        let Some((_, numbers)) = &self.evidence else {
            return self.document(desk);
        };
        let mut says = Vec::new();
        for number in numbers {
            says.push(self.piece(*number, desk)?);
        }
        Ok(Judged {
            kind: AttachmentKind::Evidence,
            media_type: self.bundle_type(),
            says,
        })
    }

    /// What a piece of evidence says: of an expected signer, and about the release.
    fn piece(&self, number: usize, desk: &Desk<'_>) -> Result<String, Failure> {
        let Desk { shelf, session, .. } = desk;
        let Some(evidence) = shelf.evidence(number) else {
            let refusal = shelf.refusals(number).into_iter().next();
            let Some(refusal) = refusal else {
                return Err(self.unrelated("it signs no file of the release by that name"));
            };
            let path = self.path.display();
            let message = format!("{path}: {}; wanted {}", refusal.found, refusal.wanted);
            return Err(if shelf.is_unreadable(number) {
                Failure::unknown(refusal.code, message)
            } else {
                Failure::no(refusal.code, message)
            });
        };
        if session.policy.signers().count(&[evidence]) == 0 {
            return Err(self.unrelated(&format!("it is signed by {}", evidence.signer())));
        }
        match evidence.statement() {
            None => Ok("signature".to_owned()),
            Some(it) if desk.is_about(it) => Ok(it.predicate_type().to_owned()),
            Some(it) => Err(self.unrelated(&format!(
                "its {} names no file of the release, and not the commit that it was built from",
                it.predicate_type()
            ))),
        }
    }

    /// A document counts by the statement that names it.
    fn document(&self, desk: &Desk<'_>) -> Result<Judged, Failure> {
        if desk.manifests.contains(&self.digest) {
            return Ok(Judged {
                kind: AttachmentKind::Report,
                media_type: tree::MEDIA_TYPE,
                says: vec!["the manifest of the release's files".to_owned()],
            });
        }
        let mut documents = desk.about.documents();
        let Some(named) = documents.find(|it| it.sha256 == Some(self.digest)) else {
            let problem = "no proven statement about the release names it by its SHA-256";
            return Err(self.unrelated(problem).hint(
                "attest provenance report makes such a statement; sign a predicate with attest provenance statement",
            ));
        };
        let is = |wanted: &&&str| named.media_type.as_deref() == Some(**wanted);
        let (kind, media_type) = match bills::TYPES.iter().find(is) {
            Some(bill) => (AttachmentKind::Sbom, *bill),
            None if has_extension(&self.name, "json") => {
                (AttachmentKind::Report, "application/json")
            }
            None => (AttachmentKind::Report, "application/octet-stream"),
        };
        Ok(Judged {
            kind,
            media_type,
            says: vec!["named by a reference".to_owned()],
        })
    }

    fn unrelated(&self, problem: &str) -> Failure {
        let message = format!("{}: {problem}", self.path.display());
        Failure::no("attachment-unrelated", message)
    }

    fn bundle_type(&self) -> &'static str {
        if has_extension(&self.name, "jsonl") {
            "application/jsonl"
        } else {
            BUNDLE_TYPE
        }
    }

    fn input(&self, judged: &Judged) -> AttachedFileInput<'_> {
        AttachedFileInput {
            path: self.name.clone(),
            media_type: judged.media_type.to_owned(),
            source: match &self.evidence {
                Some((bytes, _)) => Source::Bytes(bytes),
                None => Source::Path(self.path.clone()),
            },
            expected: Some(self.digest),
        }
    }
}

/// Verifies a piece: a statement by itself, a message signature over the file that it is named after.
fn prove(
    number: usize,
    name: &RelativePath,
    release: &Release<'_>,
    session: &Session,
    shelf: &mut Shelf,
) {
    if shelf.is_statement(number) {
        return shelf.prove_statement(number, session);
    }
    let signed = signed_name(name.as_str()).and_then(|it| RelativePath::parse(it).ok());
    if let Some(member) = signed.and_then(|it| release.member(&it)) {
        let subject = attest_verify::Subject::Digest(member.digest());
        shelf.prove_message(number, &subject, session);
    }
}

fn unread(path: &Path, error: &std::io::Error, limit: u64) -> Failure {
    let path = path.display();
    if error.kind() == ErrorKind::FileTooLarge {
        let message = format!("{path}: {error}; wanted at most {limit} bytes");
        return Failure::no("bundle-too-large", message);
    }
    Failure::unknown("bundle-unreadable", format!("{path}: {error}"))
}

/// What is kept with the release already: its files, and what is attached.
fn kept(release: &Release<'_>, reader: &Reader) -> Result<BTreeSet<Digest>, Failure> {
    let attached = reader.attachments(release);
    let attached = attached.map_err(|error| damage_failure(&error))?;
    let attached = attached.iter().flat_map(attest_archive::Attachment::files);
    let members = release.members().iter().map(Member::digest);
    Ok(members
        .chain(attached.map(attest_archive::AttachedFile::digest))
        .collect())
}

/// One attachment of each kind.
fn inputs<'a>(
    new: &[Line<'a>],
    release: &ReleaseName,
    created: Timestamp,
) -> Vec<AttachmentInput<'a>> {
    let kinds = [
        AttachmentKind::Evidence,
        AttachmentKind::Sbom,
        AttachmentKind::Report,
    ];
    let of = |kind: AttachmentKind| {
        let files = new.iter().filter(|(_, judged)| judged.kind == kind);
        let files: Vec<_> = files.map(|(it, judged)| it.input(judged)).collect();
        AttachmentInput {
            subject: Some(release.clone()),
            kind,
            created,
            files,
        }
    };
    let inputs = kinds.into_iter().map(of);
    inputs.filter(|it| !it.files.is_empty()).collect()
}

fn say(
    release: &Release<'_>,
    files: &[Line<'_>],
    kept: &BTreeSet<Digest>,
    session: &Session,
    console: &Console,
) {
    let outcome = |it: &Offered| {
        if kept.contains(&it.digest) {
            "already"
        } else {
            "new"
        }
    };
    let signer = trust::signer_words(&session.trust.signers);
    if console.is_json() {
        let files = files.iter().map(|(it, judged)| {
            json!({
                "path": it.name.as_str(),
                "kind": judged.kind.name(),
                "sha256": it.digest.hex(),
                "says": judged.says,
                "outcome": outcome(it),
            })
        });
        return console.json(&json!({
            "version": 1,
            "command": "archive attach",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "release": release.name().to_string(),
            "manifest": release.manifest().to_string(),
            "signer": signer,
            "files": files.collect::<Vec<_>>(),
        }));
    }
    console.say(release.name().to_string());
    console.say(format!("verified   signed by {}", escape(&signer)));
    for (it, judged) in files {
        let there = match outcome(it) {
            "already" => ", was there already",
            _ => "",
        };
        console.say(format!(
            "{:<9}  {}: {}{there}",
            judged.kind.name(),
            escape(it.name.as_str()),
            escape(&judged.says.join(", "))
        ));
    }
}

fn has_extension(name: &RelativePath, wanted: &str) -> bool {
    Path::new(name.as_str())
        .extension()
        .is_some_and(|it| it == wanted)
}
