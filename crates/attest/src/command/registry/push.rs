//! `attest registry push`: a folder's files, or a release of the archive with all that is attached.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use attest_archive::Reader;
use attest_digest::{Artifact, Digest, Hashes, RelativePath, colliding_names};
use attest_remote::registry::{Access, IMAGE, Name, Reference, Registry};
use clap::Args;

use super::copy::{self, Copied};
use super::files::{self, Layer};
use super::place::{Layout, Node, Place};
use crate::args::RegistryArgs;
use crate::command::archive::{damage_failure, parse_release};
use crate::command::release::secrets;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::home::Home;
use crate::registry;

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// A folder, whose files become the layers, or a release of the archive
    #[arg(value_name = "DIR|NAME@VERSION")]
    what: String,
    /// To where: oci://HOST/REPOSITORY:TAG
    #[arg(value_name = "TO")]
    to: String,
    /// The folder of the local identity and its archive [default: .attest]
    #[arg(long, value_name = "DIR", env = "ATTEST_HOME")]
    home: Option<PathBuf>,
    /// The archive, if it is not in the home
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) fn run(args: &PushArgs, console: &Console) -> Result<Exit, Failure> {
    let reference = registry::reference(&args.to)?;
    let registry = registry::open(&args.registry)?;
    let folder = Path::new(&args.what);
    let (digest, copied) = if folder.is_dir() {
        push_folder(folder, &reference, &registry)?
    } else {
        let archive = args.archive.clone();
        let home = Home::new(args.home.as_deref(), None);
        let archive = archive.unwrap_or_else(|| home.archive());
        push_release(&args.what, &archive, &reference, &registry)?
    };
    Ok(copy::report(
        "registry push",
        &args.what,
        &args.to,
        digest,
        &copied,
        console,
    ))
}

fn tag_of(reference: &Reference) -> Result<&str, Failure> {
    match reference.name() {
        Name::Tag(tag) => Ok(tag),
        Name::None | Name::Digest(_) => Err(Failure::request(
            "registry-reference",
            format!("{reference}: a tag is wanted, by which it is found"),
        )),
    }
}

/// The release's own manifest, its files, and what the archive keeps beside it, as they are.
fn push_release(
    name: &str,
    archive: &Path,
    reference: &Reference,
    registry: &Registry,
) -> Result<(Digest, Copied), Failure> {
    let tag = tag_of(reference)?;
    let name = parse_release(name)?;
    let reader = Reader::open(archive).map_err(|error| damage_failure(&error))?;
    let release = reader.find(&name).map_err(|error| damage_failure(&error))?;
    let release = release.ok_or_else(|| {
        Failure::request("release-missing", format!("{name} is not in the archive"))
            .hint("attest archive list shows what is there; a folder is pushed by its path")
    })?;
    let source = Place::Layout(Layout::open(archive)?);
    let target = registry.repository(reference, Access::Push);
    let mut target = Place::Remote(target.map_err(|error| registry::failure(&error))?);
    let root = Name::Digest(release.manifest());
    copy::everything(&source, &root, &mut target, Some(tag))
}

/// Every file of a folder as a layer with its path as the title.
///
/// # Errors
/// The folder cannot be read, holds what is no file, or a private key; the registry does not take it.
fn push_folder(
    folder: &Path,
    reference: &Reference,
    registry: &Registry,
) -> Result<(Digest, Copied), Failure> {
    let tag = tag_of(reference)?;
    let failed = |error| registry::failure(&error);
    let mut paths = Vec::new();
    collect(folder, "", &mut paths)?;
    if paths.is_empty() {
        let message = format!("{} holds no file", folder.display());
        return Err(Failure::request("bad-arguments", message));
    }
    if paths.len() >= attest_verify::limits::IMAGE_DESCRIPTORS {
        let most = attest_verify::limits::IMAGE_DESCRIPTORS;
        let message = format!(
            "{} holds {} files, an image at most {most} layers",
            folder.display(),
            paths.len()
        );
        return Err(Failure::request("bad-arguments", message)
            .hint("pack them: attest archive export writes a release as one file"));
    }
    if let Some((one, other)) = colliding_names(paths.iter().map(RelativePath::as_str)) {
        let message = format!("{one:?} and {other:?} are one name on some systems");
        return Err(Failure::request("bad-arguments", message));
    }
    refuse_private_keys(folder, &paths)?;
    let repository = registry
        .repository(reference, Access::Push)
        .map_err(failed)?;
    let mut copied = Copied::default();
    let mut layers = Vec::new();
    for path in &paths {
        let place = folder.join(path.as_str());
        let artifact = Artifact::read_path(&place, Hashes::Sha256)
            .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
        let (digest, size) = (artifact.sha256(), artifact.size());
        let mut file = File::open(&place).map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", place.display()))
        })?;
        let pushed = repository
            .push_blob(digest, size, &mut file)
            .map_err(failed)?;
        if pushed == attest_remote::registry::Pushed::New {
            copied.blobs += 1;
            copied.bytes += size;
        }
        layers.push((path.as_str(), Layer { digest, size }));
    }
    let (empty, size) = files::empty();
    let mut bytes = files::EMPTY;
    repository
        .push_blob(empty, size, &mut bytes)
        .map_err(failed)?;
    let manifest = files::manifest(layers);
    let mut target = Place::Remote(repository);
    let node = Node::new(manifest, Some(IMAGE))?;
    copied.moved = copy::moved(&target, Some(tag), node.digest)?;
    target.keep(&node, Some(tag))?;
    copied.is_named = true;
    copied.manifests = 1;
    Ok((node.digest, copied))
}

/// What is in a registry has been read by others before it can be taken out again.
fn refuse_private_keys(folder: &Path, paths: &[RelativePath]) -> Result<(), Failure> {
    for path in paths {
        let place = folder.join(path.as_str());
        let small = File::open(&place).and_then(|mut file| {
            let size = file.metadata()?.len();
            secrets::read_small(&mut file, size)
        });
        let small = small.map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", place.display()))
        })?;
        if small
            .as_deref()
            .and_then(secrets::private_key_header)
            .is_some()
        {
            let message = format!("the folder holds a private key: {path}");
            return Err(
                Failure::request("private-key-inside", message).hint("take it out of the folder")
            );
        }
    }
    Ok(())
}

/// The files of a folder in the order of their paths. Links and devices have no bytes of their own.
fn collect(folder: &Path, below: &str, paths: &mut Vec<RelativePath>) -> Result<(), Failure> {
    let place = folder.join(below);
    let unread = |error: std::io::Error| {
        Failure::unknown("file-unreadable", format!("{}: {error}", place.display()))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(&place).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let kind = entry.file_type().map_err(unread)?;
        let name = entry.file_name().into_string().map_err(|name| {
            let message = format!("{} has no name that a registry can keep", name.display());
            Failure::request("name-not-utf8", message)
        })?;
        names.push((name, kind));
    }
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, kind) in names {
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if kind.is_dir() {
            collect(folder, &path, paths)?;
            continue;
        }
        if !kind.is_file() {
            let message = format!(
                "{}: neither a file nor a folder",
                folder.join(path).display()
            );
            return Err(Failure::request("bad-arguments", message));
        }
        let path = RelativePath::parse(&path)
            .map_err(|error| Failure::request("bad-arguments", format!("{path:?}: {error}")))?;
        if paths.len() > attest_verify::limits::IMAGE_DESCRIPTORS {
            return Ok(());
        }
        paths.push(path);
    }
    Ok(())
}
