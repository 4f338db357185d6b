//! `attest archive find`: which releases hold a digest, a file, a component, a signature of somebody.
//!
//! Everything that is found is what manifests and bills of materials claim: `archive verify` proves it.

mod components;
mod signers;

use attest_archive::{ArchiveError, Attachment, AttachmentKind, Reader, Release, Role};
use attest_digest::{Algorithm, Digest};
use attest_policy::Pattern;
use clap::Args;
use serde_json::{Value, json};

use super::{PlaceArgs, damage_failure, tombstone};
use crate::args::Global;
use crate::command::verify::is_bundle_name;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::words::counted;
use components::Query;

#[derive(Debug, Args)]
pub(super) struct FindArgs {
    /// The SHA-256 of a file, or of a manifest
    #[arg(value_name = "sha256:HEX", required_unless_present_any = ["name", "component", "signer"])]
    digest: Option<String>,
    /// A file by its path or its name; * and ? stand for other characters
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// A component of a kept bill of materials: its package URL, with or without version, or its name
    #[arg(long, value_name = "PURL|NAME")]
    component: Option<String>,
    /// What somebody signed, as the kept bundles claim: the SHA-256 of a public key, or a part of the
    /// identity in the certificate
    #[arg(long, value_name = "sha256:HEX|TEXT", conflicts_with = "component")]
    signer: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What was found, and where.
struct Hit {
    /// The release; none where it hangs on the archive itself.
    release: Option<String>,
    /// `artifact`, `sbom`, …, `manifest`, or the kind of an attachment.
    what: String,
    path: String,
    sha256: String,
    /// The component, as the bill of materials writes it.
    component: Option<String>,
    /// The signer, as the bundle claims it.
    signer: Option<String>,
}

/// What is asked for: all that is given must be true of one file.
struct Wanted {
    digest: Option<Digest>,
    name: Option<Pattern>,
    component: Option<Query>,
    signer: Option<signers::Query>,
}

/// The answer as it grows.
#[derive(Default)]
struct Found {
    hits: Vec<Hit>,
    /// What could not be read, and is therefore not known to hold nothing.
    unread: Vec<(String, &'static str, String)>,
    releases: usize,
}

pub(super) fn run(args: &FindArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let wanted = Wanted::of(args)?;
    let path = args.place.path();
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    tombstone::accept_place(&mut reader, &args.place, global.now()?)?;
    let mut found = Found::default();
    for summary in reader.list() {
        found.releases += 1;
        match reader.find(&summary.name) {
            Ok(Some(release)) => found.release(&reader, &release, &wanted),
            Ok(None) => {}
            Err(error) => found.unread(summary.name.to_string(), &error),
        }
    }
    match reader.archive_attachments() {
        Ok(attachments) => attachments
            .iter()
            .for_each(|it| found.attachment(None, it, &wanted)),
        Err(error) => found.unread("the archive's attachments".to_owned(), &error),
    }
    let exit = match (found.hits.is_empty(), found.unread.is_empty()) {
        (_, false) => Exit::Unknown,
        (false, true) => Exit::Yes,
        (true, true) => Exit::No,
    };
    if console.is_json() {
        console.json(&object(&found, exit));
    } else {
        say(&found, console);
    }
    Ok(exit)
}

impl Wanted {
    fn of(args: &FindArgs) -> Result<Self, Failure> {
        let digest = args.digest.as_deref().map(|text| {
            let digest = Digest::parse(text).ok();
            let digest = digest.filter(|it| it.algorithm() == Algorithm::Sha256);
            digest.ok_or_else(|| {
                let message =
                    format!("{text:?} is not sha256: and 64 lower-case hexadecimal digits");
                Failure::request("bad-subject", message)
                    .hint("a file is found by --name, a component by --component")
            })
        });
        let name = args.name.as_deref().map(|text| {
            Pattern::parse(text).map_err(|error| Failure::request("bad-pattern", error.to_string()))
        });
        Ok(Self {
            digest: digest.transpose()?,
            name: name.transpose()?,
            component: args.component.as_deref().map(Query::new),
            signer: args
                .signer
                .as_deref()
                .map(signers::Query::parse)
                .transpose()?,
        })
    }

    fn is_file(&self, path: &str, digest: Digest) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let named = |it: &Pattern| it.matches(path) || it.matches(name);
        self.digest.is_none_or(|it| it == digest) && self.name.as_ref().is_none_or(named)
    }
}

impl Found {
    fn release(&mut self, reader: &Reader, release: &Release<'_>, wanted: &Wanted) {
        let name = release.name().to_string();
        if wanted.name.is_none()
            && wanted.component.is_none()
            && wanted.signer.is_none()
            && wanted.digest == Some(release.manifest())
        {
            self.hit(Some(&name), "manifest", "", release.manifest());
        }
        for member in release.members() {
            let path = member.path().as_str();
            if !wanted.is_file(path, member.digest()) {
                continue;
            }
            let deletion = reader.deletion(release.manifest());
            let is_gone = deletion.is_some_and(|it| it.artifacts().contains(&member.digest()));
            if let Some(query) = &wanted.signer {
                if !is_gone && is_bundle_name(path) {
                    let bytes = release.unverified_bytes(member.path(), BUNDLE_BYTES);
                    let what = member.role().name();
                    self.signers(Some(&name), what, path, member.digest(), bytes, query);
                }
                continue;
            }
            match &wanted.component {
                None if is_gone => self.hit(Some(&name), "deleted", path, member.digest()),
                Some(_) if is_gone => {}
                None => self.hit(Some(&name), member.role().name(), path, member.digest()),
                Some(query) if member.role() == Role::Sbom || is_sbom(path) => {
                    let bytes = release.unverified_bytes(member.path(), components::SBOM_BYTES);
                    let what = member.role().name();
                    self.components(Some(&name), what, path, member.digest(), bytes, query);
                }
                Some(_) => {}
            }
        }
        match reader.attachments(release) {
            Ok(attachments) => attachments
                .iter()
                .for_each(|it| self.attachment(Some(&name), it, wanted)),
            Err(error) => self.unread(format!("attachments of {name}"), &error),
        }
    }

    fn attachment(&mut self, release: Option<&str>, attachment: &Attachment<'_>, wanted: &Wanted) {
        let kind = attachment.kind().name();
        for file in attachment.files() {
            let path = file.path().as_str();
            if !wanted.is_file(path, file.digest()) {
                continue;
            }
            if let Some(query) = &wanted.signer {
                if is_bundle_name(path) {
                    let bytes = attachment.unverified_bytes(file.path(), BUNDLE_BYTES);
                    self.signers(release, kind, path, file.digest(), bytes, query);
                }
                continue;
            }
            match &wanted.component {
                None => self.hit(release, kind, path, file.digest()),
                Some(query) if *attachment.kind() == AttachmentKind::Sbom || is_sbom(path) => {
                    let bytes = attachment.unverified_bytes(file.path(), components::SBOM_BYTES);
                    self.components(release, kind, path, file.digest(), bytes, query);
                }
                Some(_) => {}
            }
        }
    }

    /// The components of a bill of materials that are asked for.
    fn components(
        &mut self,
        release: Option<&str>,
        what: &str,
        path: &str,
        digest: Digest,
        bytes: Result<Vec<u8>, ArchiveError>,
        query: &Query,
    ) {
        let place = || format!("{path} of {}", release.unwrap_or("the archive"));
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return self.unread(place(), &error),
        };
        match components::matching(&bytes, query) {
            Ok(components) => {
                for component in components {
                    self.hit(release, what, path, digest);
                    if let Some(hit) = self.hits.last_mut() {
                        hit.component = Some(component);
                    }
                }
            }
            Err(problem) => self.unread.push((place(), "sbom-unreadable", problem)),
        }
    }

    /// The signers of a bundle that are asked for.
    fn signers(
        &mut self,
        release: Option<&str>,
        what: &str,
        path: &str,
        digest: Digest,
        bytes: Result<Vec<u8>, ArchiveError>,
        query: &signers::Query,
    ) {
        let place = || format!("{path} of {}", release.unwrap_or("the archive"));
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return self.unread(place(), &error),
        };
        match signers::matching(path, &bytes, query) {
            Ok(signers) => {
                for signer in signers {
                    self.hit(release, what, path, digest);
                    if let Some(hit) = self.hits.last_mut() {
                        hit.signer = Some(signer);
                    }
                }
            }
            Err(problem) => self.unread.push((place(), "bundle-malformed", problem)),
        }
    }

    fn hit(&mut self, release: Option<&str>, what: &str, path: &str, digest: Digest) {
        self.hits.push(Hit {
            release: release.map(str::to_owned),
            what: what.to_owned(),
            path: path.to_owned(),
            sha256: digest.hex(),
            component: None,
            signer: None,
        });
    }

    fn unread(&mut self, place: String, error: &ArchiveError) {
        self.unread.push((place, error.code(), with_source(error)));
    }
}

/// As much as is read of a bundle that is verified.
const BUNDLE_BYTES: u64 = attest_verify::limits::BUNDLE_BYTES as u64;

fn is_sbom(path: &str) -> bool {
    path.ends_with(".cdx.json") || path.ends_with(".spdx.json")
}

fn say(found: &Found, console: &Console) {
    for hit in &found.hits {
        let release = hit.release.as_deref().unwrap_or("(archive)");
        let component = hit.component.as_ref().or(hit.signer.as_ref());
        let component = component.map_or(String::new(), |it| format!("  {}", escape(it)));
        console.say(format!(
            "{release}  {:<9}  sha256:{}  {}{component}",
            hit.what,
            hit.sha256,
            escape(&hit.path)
        ));
    }
    for (place, code, message) in &found.unread {
        console.say(format!(
            "not read   {}  {code}: {}",
            escape(place),
            escape(message)
        ));
    }
    console.say(format!(
        "{} in {}, claimed by manifests, bundles and bills of materials: attest archive verify proves them",
        counted(found.hits.len(), "hit"),
        counted(found.releases, "release")
    ));
}

fn object(found: &Found, exit: Exit) -> Value {
    let hits = found.hits.iter().map(|hit| {
        json!({
            "release": hit.release,
            "what": hit.what,
            "path": hit.path,
            "sha256": hit.sha256,
            "component": hit.component,
            "signer": hit.signer,
        })
    });
    let unread = found
        .unread
        .iter()
        .map(|(place, code, message)| json!({ "place": place, "code": code, "message": message }));
    json!({
        "version": 1,
        "command": "archive find",
        "answer": exit.word(),
        "exit": exit.number(),
        "state": "claimed",
        "releases": found.releases,
        "hits": hits.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
    })
}
