//! `attest registry tree`: what an image consists of, and what is attached to it. It proves nothing.

use std::collections::BTreeSet;

use attest_digest::Digest;
use attest_remote::registry::{Access, Name, Repository, fallback_tag};
use attest_verify::dialect::image::Manifest;
use clap::Args;
use serde_json::{Value, json};

use crate::args::RegistryArgs;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::registry;

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct TreeArgs {
    /// The image or release: oci://HOST/REPOSITORY:TAG or @sha256:HEX
    #[arg(value_name = "IMAGE")]
    image: String,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// One manifest, and what hangs on it.
struct Node {
    digest: Digest,
    /// What it is, as it claims.
    kind: String,
    notes: Vec<(String, String)>,
    children: Vec<Node>,
    attached: Vec<Node>,
}

pub(super) fn run(args: &TreeArgs, console: &Console) -> Result<Exit, Failure> {
    let reference = registry::reference(&args.image)?;
    let registry = registry::open(&args.registry)?;
    let repository = registry
        .repository(&reference, Access::Pull)
        .map_err(|error| registry::failure(&error))?;
    let mut seen = BTreeSet::new();
    let tree = node(&repository, reference.name(), &mut seen, DEPTH)?;
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "registry tree",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "image": reference.to_string(),
            "mirror": registry::mirror(&repository),
            "tree": object(&tree),
        }));
    } else {
        if let Some(mirror) = registry::mirror(&repository) {
            console.note(format!("read from the mirror {mirror}"));
        }
        say(&tree, 0, "", console);
        console.note("nothing here is proven: attest verify does that");
    }
    Ok(Exit::Yes)
}

fn node(
    repository: &Repository<'_>,
    name: &Name,
    seen: &mut BTreeSet<Digest>,
    depth: usize,
) -> Result<Node, Failure> {
    let failed = |error| registry::failure(&error);
    let fetched = repository.demand(name).map_err(failed)?;
    let digest = fetched.digest();
    let malformed =
        |problem: String| Failure::no("manifest-malformed", format!("{digest}: {problem}"));
    let manifest =
        Manifest::parse(fetched.bytes()).map_err(|error| malformed(error.to_string()))?;
    let value: Value =
        serde_json::from_slice(fetched.bytes()).map_err(|error| malformed(error.to_string()))?;
    let mut node = Node {
        digest,
        kind: kind(&value, fetched.media_type()),
        notes: notes(&value),
        children: Vec::new(),
        attached: Vec::new(),
    };
    // What was shown is not shown again, and nothing is followed without end.
    if !seen.insert(digest) {
        return Ok(node);
    }
    if depth == 0 || seen.len() > attest_verify::limits::IMAGE_MANIFESTS {
        return Err(malformed("too many manifests on each other".to_owned()));
    }
    if let Manifest::Index { manifests, .. } = &manifest {
        for child in manifests {
            let name = Name::Digest(child.digest());
            node.children
                .push(self::node(repository, &name, seen, depth - 1)?);
        }
    }
    for one in repository.referrers(digest).map_err(failed)?.list {
        let name = Name::Digest(one.digest);
        node.attached
            .push(self::node(repository, &name, seen, depth - 1)?);
    }
    for kind in ["sig", "att", "sbom"] {
        let name = Name::Tag(format!("{}.{kind}", fallback_tag(digest)));
        if repository.manifest(&name).map_err(failed)?.is_some() {
            node.attached
                .push(self::node(repository, &name, seen, depth - 1)?);
        }
    }
    Ok(node)
}

/// The type of what a manifest holds.
pub(super) fn kind(manifest: &Value, media_type: &str) -> String {
    let text = |at: &str| manifest.pointer(at).and_then(Value::as_str);
    let config = text("/config/mediaType").filter(|it| !it.contains("oci.empty"));
    let kind = text("/artifactType").or(config).unwrap_or(media_type);
    kind.to_owned()
}

fn notes(manifest: &Value) -> Vec<(String, String)> {
    let annotations = manifest.get("annotations").and_then(Value::as_object);
    let shown = annotations
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            let shown = SHOWN.contains(&name.as_str());
            shown.then(|| Some((name.clone(), value.as_str()?.to_owned())))?
        });
    shown.collect()
}

fn object(node: &Node) -> Value {
    json!({
        "digest": node.digest.to_string(),
        "type": node.kind,
        "annotations": node.notes.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "manifests": node.children.iter().map(object).collect::<Vec<_>>(),
        "attached": node.attached.iter().map(object).collect::<Vec<_>>(),
    })
}

fn say(node: &Node, depth: usize, mark: &str, console: &Console) {
    let notes: Vec<&str> = node.notes.iter().map(|(_, value)| value.as_str()).collect();
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!("  {}", escape(&notes.join(", ")))
    };
    let indent = "  ".repeat(depth);
    console.say(format!(
        "{indent}{mark}{}  {}{notes}",
        node.digest,
        escape(&node.kind)
    ));
    for child in &node.children {
        say(child, depth + 1, "", console);
    }
    for attached in &node.attached {
        say(attached, depth + 1, "attached ", console);
    }
}

const DEPTH: usize = 8;
/// What is worth a place on the line.
const SHOWN: [&str; 4] = [
    "dev.sigstore.bundle.predicateType",
    "dev.attest.release.name",
    "dev.attest.attachment.kind",
    "org.opencontainers.image.version",
];
