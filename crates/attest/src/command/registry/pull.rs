//! `attest registry pull`: the files of a release, verified before they are there.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use attest_digest::{RelativePath, colliding_names};
use attest_remote::registry::{Access, Name, Repository};
use attest_verify::Verifier;
use attest_verify::dialect::image::{Descriptor, Manifest};
use clap::Args;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use crate::args::{Global, RegistryArgs, TrustArgs};
use crate::clock::Now;
use crate::command::archive::parse_release;
use crate::command::verify::{Session, Shelf, surroundings_of_folder, verify_folder};
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::registry;
use crate::trust::{self, Surroundings};
use crate::words::{files as count_of_files, size};

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// The release: oci://HOST/REPOSITORY:TAG or @sha256:HEX
    #[arg(value_name = "FROM")]
    from: String,
    /// The folder for its files, which is not there yet
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// The release that it must be
    #[arg(long, value_name = "NAME@VERSION")]
    release: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) fn run(args: &PullArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let reference = registry::reference(&args.from)?;
    if args.out.symlink_metadata().is_ok() {
        return Err(files::exists_failure(&args.out));
    }
    let verifies = args.trust.signers.is_given();
    if args.release.is_some() && !verifies {
        let message = "--release is proven by a signer: give --key, --identity or --signers";
        return Err(Failure::request("bad-arguments", message));
    }
    let mut session = if verifies {
        at_hand(args, global)?
    } else {
        None
    };
    let registry = registry::open(&args.registry)?;
    let failed = |error| registry::failure(&error);
    let repository = registry
        .repository(&reference, Access::Pull)
        .map_err(failed)?;
    let top = repository.demand(reference.name()).map_err(failed)?;
    let layers = layers(&Manifest::parse(top.bytes()).map_err(|error| {
        Failure::no("manifest-malformed", format!("{}: {error}", top.digest()))
    })?)?;
    let staged = Staged::beside(&args.out)?;
    for (path, layer) in &layers {
        fetch(&repository, &staged.folder, path, layer)?;
    }
    if verifies && session.is_none() {
        let around = surroundings_of_folder(&staged.folder);
        session = Some(open_session(args, global, &around)?);
    }
    if let Some((session, now)) = &session {
        let mut shelf = Shelf::new();
        let mut report = session.report("registry pull", *now, trust::accepted_words(&args.trust));
        let mut subject = verify_folder(&staged.folder, session, &mut shelf);
        subject.subject = reference.to_string();
        report.subjects = vec![subject];
        report.evidence = shelf.into_reports(&session.policy);
        if report.exit() != Exit::Yes {
            return Ok(report.render(console));
        }
    }
    if let Name::Tag(tag) = reference.name() {
        repository.check_tag(tag, top.digest()).map_err(failed)?;
    }
    staged.publish(&args.out)?;
    let bytes: u64 = layers.iter().map(|(_, layer)| layer.size()).sum();
    let signer = session
        .as_ref()
        .map(|(session, _)| trust::signer_words(&session.trust.signers));
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "registry pull",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "from": reference.to_string(),
            "digest": top.digest().to_string(),
            "to": args.out.display().to_string(),
            "files": layers.len(),
            "bytes": bytes,
            "mirror": registry::mirror(&repository),
            "verified": verifies,
            "signer": signer,
        }));
        return Ok(Exit::Yes);
    }
    console.say(format!("digest     {}", top.digest()));
    let count = count_of_files(layers.len());
    console.say(format!(
        "pulled     {count}, {}, to {}",
        size(bytes),
        args.out.display()
    ));
    if let Some(mirror) = registry::mirror(&repository) {
        console.say(format!("read       from the mirror {mirror}"));
    }
    match signer {
        Some(signer) => console.say(format!(
            "verified   signed by {}",
            crate::console::escape(&signer)
        )),
        None => console
            .say("verified   nothing: no signer was named (--key, --identity); attest verify asks"),
    }
    Ok(Exit::Yes)
}

/// The session by trust that is at hand; none while something has a pin that only a file of the release can have.
fn at_hand(args: &PullArgs, global: &Global) -> Result<Option<(Session, Now)>, Failure> {
    match open_session(args, global, &Surroundings::default()) {
        Err(failure) if failure.code == "pin-not-found" => Ok(None),
        session => session.map(Some),
    }
}

/// What verifies the folder before anybody sees it.
fn open_session(
    args: &PullArgs,
    global: &Global,
    around: &Surroundings,
) -> Result<(Session, Now), Failure> {
    let now = global.now()?;
    let trust = trust::resolve(&args.trust, around, now)?;
    let accept = trust::accept(&args.trust, &trust.signers);
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let types = crate::command::verify::requested_types(&args.trust.types)?;
    let mut policy = attest_policy::Policy::expecting(trust.signers.clone()).approving_only(types);
    if let Some(release) = &args.release {
        policy = policy.of_release(parse_release(release)?);
    }
    let mut session = Session::new(verifier, policy, trust);
    session.accept_no_names = args.trust.accept.contains(&crate::args::AcceptArg::NoNames);
    Ok((session, now))
}

/// The files that a manifest names, by paths that lead nowhere else.
fn layers(manifest: &Manifest) -> Result<Vec<(RelativePath, Descriptor)>, Failure> {
    let Manifest::Image { layers, .. } = manifest else {
        let message = "it is an index, and no list of files";
        return Err(Failure::no("files-untitled", message));
    };
    let mut files = Vec::new();
    for layer in layers {
        let title = layer.annotation("org.opencontainers.image.title");
        let title = title.ok_or_else(|| {
            let message = format!(
                "layer {} has no title, and so no name as a file",
                layer.digest()
            );
            Failure::no("files-untitled", message)
        })?;
        let path = RelativePath::parse(title)
            .map_err(|error| Failure::no("files-unsafe-name", format!("{title:?}: {error}")))?;
        files.push((path, layer.clone()));
    }
    if files.is_empty() {
        return Err(Failure::no("files-untitled", "it names no file"));
    }
    if let Some((one, other)) = colliding_names(files.iter().map(|(path, _)| path.as_str())) {
        let message = format!("{one:?} and {other:?} are one file on some systems");
        return Err(Failure::no("files-unsafe-name", message));
    }
    Ok(files)
}

fn fetch(
    repository: &Repository<'_>,
    folder: &Path,
    path: &RelativePath,
    layer: &Descriptor,
) -> Result<(), Failure> {
    let place = folder.join(path.as_str());
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).map_err(|error| files::write_failure(parent, &error))?;
    }
    files::write_with(&place, 0o644, Overwrite::Refuse, |mut file| {
        let found = repository.pull_blob(layer.digest(), layer.size(), &mut file);
        if found.map_err(|error| registry::failure(&error))? {
            return Ok(());
        }
        let message = format!("{} has no {}", repository.reference(), layer.digest());
        Err(Failure::unknown("registry-not-found", message))
    })
}

/// A folder that goes if it does not become the one that was asked for.
struct Staged {
    folder: PathBuf,
}

impl Staged {
    fn beside(out: &Path) -> Result<Self, Failure> {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let folder = files::folder_of(out).join(format!(".{name}.attest-{}", std::process::id()));
        let made = fs::DirBuilder::new().mode(0o755).create(&folder);
        made.map_err(|error| files::write_failure(&folder, &error))?;
        Ok(Self { folder })
    }

    fn publish(self, out: &Path) -> Result<(), Failure> {
        renameat_with(CWD, &self.folder, CWD, out, RenameFlags::NOREPLACE).map_err(|error| {
            let error = std::io::Error::from(error);
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => files::exists_failure(out),
                _ => Failure::unknown(
                    "output-failed",
                    format!("{}: {}", out.display(), with_source(&error)),
                ),
            }
        })?;
        files::sync_folder(&files::folder_of(out))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already if it became what was asked for.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
