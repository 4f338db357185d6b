//! `attest trust show`: what a root holds, and what leads to it.

use attest_remote::{Metadata, RoleBytes, TufError, Walk, prove};
use attest_verify::{EmbeddedRoot, MetadataChain, RootItem};
use clap::Args;
use serde_json::{Value, json};

use super::{Read, answer};
use crate::args::Global;
use crate::clock::Now;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::trust;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// An embedded root (@public-good, @staging, @github), or a file
    #[arg(value_name = "@NAME|FILE", default_value = "@public-good")]
    root: String,
}

pub(super) fn run(args: &ShowArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let read = Read::of(&args.root)?;
    let origin = read.embedded.map(|it| Origin::of(it, now)).transpose()?;
    let items = read.root.items();
    if console.is_json() {
        console.json(&answer(
            "show",
            &json!({
                "root": args.root,
                "sha256": hex::encode(read.root.digest().as_bytes()),
                "pin": format!("{}@{}", args.root, read.root.digest()),
                "embedded": origin.as_ref().map(Origin::json),
                "items": items.iter().map(item_json).collect::<Vec<_>>(),
            }),
        ));
        return Ok(Exit::Yes);
    }
    console.say(format!("trusted root {}", escape(&args.root)));
    for item in &items {
        console.say(format!("  {}", item_line(item)));
    }
    for line in origin.iter().flat_map(Origin::lines) {
        console.say(format!("  {line}"));
    }
    console.say(format!(
        "  pin         {}@{}",
        escape(&args.root),
        read.root.digest()
    ));
    if let Some(embedded) = read.embedded {
        let others: Vec<&str> = EmbeddedRoot::ALL
            .iter()
            .map(EmbeddedRoot::name)
            .filter(|it| *it != embedded.name())
            .collect();
        console.say(format!("  also        {}", others.join(", ")));
    }
    Ok(Exit::Yes)
}

/// Where an embedded root comes from.
struct Origin {
    root: &'static EmbeddedRoot,
    days: i64,
    walk: Walk,
    as_of: Option<&'static str>,
}

impl Origin {
    /// The chain is walked every time: that it holds is not taken from a document.
    fn of(root: &'static EmbeddedRoot, now: Now) -> Result<Self, Failure> {
        let broken = |error: TufError| Failure::unknown("internal-error", error);
        let chain = root.chain();
        let as_of = chain.roles.map(|it| it.as_of);
        let time = as_of.and_then(|it| it.parse().ok()).unwrap_or(now.time);
        let walk = prove(&metadata(chain), root.trusted_root(), time).map_err(broken)?;
        Ok(Self {
            root,
            days: trust::days_since(root.taken(), now).unwrap_or_default(),
            walk,
            as_of,
        })
    }

    fn lines(&self) -> Vec<String> {
        let roots = match self.walk.roots {
            (only, last) if only == last => format!("root {only}, which signs itself"),
            (first, last) => format!("root {first} to {last}, each signed by the one before"),
        };
        let mut lines = vec![
            format!(
                "taken       {} ({} days ago), from {}",
                self.root.taken(),
                self.days,
                self.root.source()
            ),
            format!("repository  {}", self.root.mirror()),
            format!("TUF chain   {roots}; expires {}", self.walk.root_expires),
        ];
        lines.push(match (&self.walk.roles, self.as_of) {
            (Some(roles), Some(as_of)) => format!(
                "            timestamp {}, snapshot {}, targets {} lead to these bytes, as of {as_of}",
                roles.timestamp, roles.snapshot, roles.targets
            ),
            _ => "            not proven: that this root.json's keys signed these bytes (the metadata between was not to be had)".to_owned(),
        });
        lines
    }

    fn json(&self) -> Value {
        let roles = self.walk.roles.as_ref();
        json!({
            "name": self.root.name(),
            "taken": self.root.taken(),
            "age_days": self.days,
            "source": self.root.source(),
            "repository": self.root.mirror(),
            "tuf": {
                "first_root": self.walk.roots.0,
                "last_root": self.walk.roots.1,
                "root_expires": self.walk.root_expires.to_string(),
                "proven": roles.is_some(),
                "as_of": self.as_of,
                "timestamp": roles.map(|it| it.timestamp),
                "snapshot": roles.map(|it| it.snapshot),
                "targets": roles.map(|it| it.targets),
            },
        })
    }
}

/// The embedded metadata as what leads to a root.
pub(super) fn metadata(chain: MetadataChain) -> Metadata {
    Metadata {
        roots: chain.roots.iter().map(|it| it.to_vec()).collect(),
        roles: chain.roles.map(|it| RoleBytes {
            timestamp: it.timestamp.to_vec(),
            snapshot: it.snapshot.to_vec(),
            targets: it.targets.to_vec(),
        }),
    }
}

pub(super) fn item_line(item: &RootItem) -> String {
    let uri = item
        .uri
        .as_ref()
        .map(|it| format!("  {it}"))
        .unwrap_or_default();
    let window = item
        .window
        .map_or_else(|| "at any time".to_owned(), |it| it.to_string());
    let certificates = item
        .certificates
        .map(|(from, to)| format!(", certificates {from} to {to}"))
        .unwrap_or_default();
    let unusable = if item.is_usable {
        ""
    } else {
        "  (cannot vouch for anything here)"
    };
    escape(&format!(
        "{:<22} {}{uri}  {window}{certificates}  sha256:{}{unusable}",
        item.kind.words(),
        item.name,
        hex::encode(item.id)
    ))
}

pub(super) fn item_json(item: &RootItem) -> Value {
    json!({
        "kind": item.kind.words(),
        "name": item.name,
        "uri": item.uri,
        "id": hex::encode(item.id),
        "start": item.window.map(|it| it.start().to_string()),
        "end": item.window.and_then(|it| it.end()).map(|it| it.to_string()),
        "certificates": item.certificates.map(|(from, to)| json!({"from": from.to_string(), "to": to.to_string()})),
        "usable": item.is_usable,
    })
}
