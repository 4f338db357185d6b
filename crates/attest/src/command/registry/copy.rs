//! `attest registry copy`: an image or a release, with all that is attached to it and to that.

use std::collections::BTreeSet;

use attest_digest::Digest;
use attest_remote::registry::{Access, Name, ReferrersSource, Registry};
use attest_verify::dialect::image::Manifest;
use clap::Args;
use serde_json::json;

use super::place::{Layout, Node, Place, PlaceName};
use crate::args::RegistryArgs;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::registry;
use crate::words::{counted, size};

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct CopyArgs {
    /// From where: oci://HOST/REPOSITORY:TAG, or oci-layout:DIR[@sha256:HEX]
    #[arg(value_name = "FROM")]
    from: String,
    /// To where: oci://HOST/REPOSITORY[:TAG], or oci-layout:DIR, made if it is not there
    #[arg(value_name = "TO")]
    to: String,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// What a copy did.
#[derive(Default)]
pub(super) struct Copied {
    pub(super) manifests: usize,
    pub(super) attached: usize,
    pub(super) blobs: usize,
    pub(super) bytes: u64,
    /// Lists that the target does not keep: a tag stands for each.
    pub(super) by_tag: usize,
    /// The name that was written, and what it named before.
    pub(super) moved: Option<(String, Digest)>,
    /// Whether the name was written.
    pub(super) is_named: bool,
    /// Who was read in the place of the registry that was named.
    pub(super) mirror: Option<String>,
    /// What could not be had or kept: the rest was copied.
    pub(super) lost: Vec<(String, Failure)>,
}

pub(super) fn run(args: &CopyArgs, console: &Console) -> Result<Exit, Failure> {
    let (from, to) = (PlaceName::parse(&args.from)?, PlaceName::parse(&args.to)?);
    let registry = registry::open(&args.registry)?;
    let (source, name) = open(&registry, &from)?;
    let (mut target, tag) = make(&registry, &to, &from)?;
    let (root, copied) = everything(&source, &name, &mut target, tag.as_deref())?;
    Ok(report(
        "registry copy",
        &args.from,
        &args.to,
        root,
        &copied,
        console,
    ))
}

/// Copies a manifest, all of which it consists, and all that is attached to any of it.
pub(super) fn everything(
    source: &Place<'_>,
    name: &Name,
    target: &mut Place<'_>,
    tag: Option<&str>,
) -> Result<(Digest, Copied), Failure> {
    let root = source.node(name)?.ok_or_else(missing)?;
    let mut copied = Copied {
        moved: moved(target, tag, root.digest)?,
        mirror: source.mirror(),
        lost: source.lost(),
        ..Copied::default()
    };
    let mut copying = Copying {
        source,
        target,
        seen: BTreeSet::new(),
        copied: &mut copied,
    };
    copying.manifest(&root, None, DEPTH)?;
    source.check_still(name, root.digest)?;
    // Whoever reads the tag finds everything, and never less than before.
    copied.is_named = target.is_layout() || copied.moved.is_none() || copied.lost.is_empty();
    if tag.is_some() && copied.is_named {
        target.keep(&root, tag)?;
    }
    target.finish()?;
    Ok((root.digest, copied))
}

/// What a name leads to that is about to lead elsewhere.
pub(super) fn moved(
    target: &Place<'_>,
    tag: Option<&str>,
    to: Digest,
) -> Result<Option<(String, Digest)>, Failure> {
    let Some(tag) = tag else { return Ok(None) };
    let before = target.named(tag)?.into_iter().find(|it| *it != to);
    Ok(before.map(|it| (tag.to_owned(), it)))
}

fn missing() -> Failure {
    Failure::unknown("registry-not-found", "there is no such manifest")
}

fn open<'r>(registry: &'r Registry, name: &PlaceName) -> Result<(Place<'r>, Name), Failure> {
    match name {
        PlaceName::Remote(reference) => {
            let repository = registry.repository(reference, Access::Pull);
            let repository = repository.map_err(|error| registry::failure(&error))?;
            if *reference.name() == Name::None {
                let message = format!("{reference}: names no manifest");
                return Err(Failure::request("registry-reference", message));
            }
            Ok((Place::Remote(repository), reference.name().clone()))
        }
        PlaceName::Layout(folder, digest) => {
            let layout = Layout::open(folder)?;
            let digest = match digest {
                Some(digest) => *digest,
                None => layout.only()?,
            };
            Ok((Place::Layout(layout), Name::Digest(digest)))
        }
    }
}

fn make<'r>(
    registry: &'r Registry,
    name: &PlaceName,
    from: &PlaceName,
) -> Result<(Place<'r>, Option<String>), Failure> {
    match name {
        PlaceName::Remote(reference) => {
            let repository = registry.repository(reference, Access::Push);
            let repository = repository.map_err(|error| registry::failure(&error))?;
            let tag = match reference.name() {
                Name::Tag(tag) => Some(tag.clone()),
                Name::None => None,
                Name::Digest(_) => {
                    let message = "what is copied has its digest: name a tag, or nothing";
                    return Err(Failure::request("registry-reference", message));
                }
            };
            Ok((Place::Remote(repository), tag))
        }
        PlaceName::Layout(_, Some(_)) => {
            let message = "what is copied has its digest: name the folder alone";
            Err(Failure::request("bad-subject", message))
        }
        PlaceName::Layout(folder, None) => {
            let name = match from {
                PlaceName::Remote(reference) => reference.to_string(),
                PlaceName::Layout(..) => "copied".to_owned(),
            };
            let name = name.trim_start_matches("oci://").to_owned();
            Ok((Place::Layout(Layout::make(folder)?), Some(name)))
        }
    }
}

struct Copying<'a, 's, 't> {
    source: &'a Place<'s>,
    target: &'a mut Place<'t>,
    seen: BTreeSet<Digest>,
    copied: &'a mut Copied,
}

impl Copying<'_, '_, '_> {
    /// What a manifest needs goes before it, and what is attached to it behind it.
    fn manifest(&mut self, node: &Node, tag: Option<&str>, depth: usize) -> Result<(), Failure> {
        if !self.seen.insert(node.digest) {
            return match tag {
                Some(_) => self.target.keep(node, tag),
                None => Ok(()),
            };
        }
        if depth == 0 || self.seen.len() > attest_verify::limits::IMAGE_MANIFESTS {
            let message = format!("{}: too many manifests on each other", node.digest);
            return Err(Failure::no("manifest-malformed", message));
        }
        match &node.manifest {
            Manifest::Index { manifests, .. } => {
                for child in manifests {
                    let child = self.source.node(&Name::Digest(child.digest()))?;
                    self.manifest(&child.ok_or_else(missing)?, None, depth - 1)?;
                }
            }
            Manifest::Image { .. } => self.blobs(node)?,
        }
        self.target.keep(node, tag)?;
        self.copied.manifests += 1;
        for attached in self.source.attached(node.digest)? {
            if let Err(failure) = self.attached(node.digest, attached, depth) {
                self.copied.lost.push((attached.to_string(), failure));
            }
        }
        for tag in Place::older_tags(node.digest) {
            let Some(older) = self.source.node(&Name::Tag(tag.clone()))? else {
                continue;
            };
            match self.older(&older, &tag, depth) {
                Ok(()) => self.copied.attached += 1,
                Err(failure) => self.copied.lost.push((tag, failure)),
            }
        }
        Ok(())
    }

    fn blobs(&mut self, node: &Node) -> Result<(), Failure> {
        let Manifest::Image { config, layers, .. } = &node.manifest else {
            return Ok(());
        };
        for blob in std::iter::once(config).chain(layers) {
            let (digest, size) = (blob.digest(), blob.size());
            if self.source.copy_blob(self.target, digest, size)? {
                self.copied.blobs += 1;
                self.copied.bytes += size;
            }
        }
        Ok(())
    }

    /// What stands under a tag of cosign's older forms. What others have put there is replaced only by
    /// what holds all of it.
    fn older(&mut self, older: &Node, tag: &str, depth: usize) -> Result<(), Failure> {
        let there = self.target.node(&Name::Tag(tag.to_owned()))?;
        match there.filter(|it| it.digest != older.digest) {
            Some(there) if there.holds_all_of(older) => self.blobs(older)?,
            Some(there) if !older.holds_all_of(&there) => {
                let there = there.digest;
                let message = format!("{there} is there under that tag, and holds something else");
                return Err(Failure::unknown("registry-tag-taken", message));
            }
            _ => self.manifest(older, Some(tag), depth - 1)?,
        }
        Ok(())
    }

    fn attached(&mut self, subject: Digest, digest: Digest, depth: usize) -> Result<(), Failure> {
        let node = self
            .source
            .node(&Name::Digest(digest))?
            .ok_or_else(missing)?;
        if node.manifest.subject() != Some(subject) {
            let message = format!("it is listed as attached to {subject}, and is not");
            return Err(Failure::unknown("registry-referrers", message));
        }
        self.manifest(&node, None, depth - 1)?;
        if self.target.list_as_attached(subject, &node)? == ReferrersSource::Tag {
            self.copied.by_tag += 1;
        }
        self.copied.attached += 1;
        Ok(())
    }
}

/// Says what was copied, and what was not.
pub(super) fn report(
    command: &str,
    from: &str,
    to: &str,
    root: Digest,
    copied: &Copied,
    console: &Console,
) -> Exit {
    let exit = if copied.lost.is_empty() {
        Exit::Yes
    } else if copied.lost.iter().any(|(_, it)| it.exit == Exit::No) {
        Exit::No
    } else {
        Exit::Unknown
    };
    if console.is_json() {
        let lost = copied.lost.iter().map(|(what, failure)| {
            json!({ "what": what, "code": failure.code, "message": failure.message })
        });
        console.json(&json!({
            "version": 1,
            "command": command,
            "answer": exit.word(),
            "exit": exit.number(),
            "from": from,
            "to": to,
            "digest": root.to_string(),
            "manifests": copied.manifests,
            "attached": copied.attached,
            "listed_by_tag": copied.by_tag,
            "moved": copied.moved.as_ref().map(|(name, before)| {
                json!({ "name": name, "before": before.to_string(), "written": copied.is_named })
            }),
            "mirror": copied.mirror,
            "new_blobs": copied.blobs,
            "new_bytes": copied.bytes,
            "lost": lost.collect::<Vec<_>>(),
        }));
        return exit;
    }
    console.say(format!("digest     {root}"));
    console.say(format!(
        "copied     {}, {} of {}",
        counted(copied.manifests, "manifest"),
        counted(copied.blobs, "new blob"),
        size(copied.bytes)
    ));
    console.say(format!(
        "attached   {}",
        counted(copied.attached, "manifest")
    ));
    if copied.by_tag > 0 {
        console.say(
            "listed     by tags (sha256-…): the registry there keeps no lists of what is attached",
        );
    }
    if let Some((name, before)) = &copied.moved {
        let name = escape(name);
        console.say(if copied.is_named {
            format!("moved      {name}: it named {before}")
        } else {
            format!("not moved  {name}: it names {before}, as something was lost")
        });
    }
    if let Some(mirror) = &copied.mirror {
        console.say(format!("read       from the mirror {mirror}"));
    }
    for (what, failure) in &copied.lost {
        let message = escape(&failure.message);
        console.say(format!(
            "lost       {}  {}: {message}",
            escape(what),
            failure.code
        ));
    }
    exit
}

/// What is attached to what is attached, and so on.
const DEPTH: usize = 8;
