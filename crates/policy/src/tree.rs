//! What stands in a tree, measured against what was signed.

use std::fmt::Display;

use attest_digest::Digest;
use attest_provenance::tree::{Attribute, TreeContent, TreeEntry, TreeHeader};

use crate::reason::Reason;

/// Every code of a tree's differences with its meaning.
pub const TREE_CODES: &[(&str, &str)] = &[
    (
        "tree-added",
        "something stands in the tree that was not signed",
    ),
    (
        "tree-content-changed",
        "a file has other bytes than those that were signed",
    ),
    (
        "tree-device-changed",
        "a device has another number than the one that was signed",
    ),
    (
        "tree-links-changed",
        "a file has other names, in the tree or outside of it, than when it was signed",
    ),
    ("tree-missing", "something that was signed is not there"),
    (
        "tree-mode-changed",
        "something has other permission bits than those that were signed",
    ),
    (
        "tree-mount-changed",
        "something is mounted where nothing was, or the reverse",
    ),
    (
        "tree-mtime-changed",
        "a file was written at another time than the one that was signed",
    ),
    (
        "tree-owner-changed",
        "something has another owner or group than those that were signed",
    ),
    (
        "tree-target-changed",
        "a symbolic link leads elsewhere than what was signed",
    ),
    (
        "tree-type-changed",
        "something of another kind stands where something was signed",
    ),
    (
        "tree-xattr-changed",
        "an extended attribute, such as a capability or an access list, is not as it was signed",
    ),
];

/// How something differs from what was signed for its path: in nothing, or in several ways.
///
/// A file whose size differs need not have been read: then it has no digests.
pub fn tree_differences(header: &TreeHeader, signed: &TreeEntry, found: &TreeEntry) -> Vec<Reason> {
    let mut reasons = Vec::new();
    content(&signed.content, &found.content, &mut reasons);
    if let (Some(wanted), Some(mode)) = (signed.mode, found.mode)
        && wanted != mode
    {
        let octal = |mode: u16| format!("mode {mode:04o}");
        reasons.push(Reason::new("tree-mode-changed", octal(mode), octal(wanted)));
    }
    if signed.owner != found.owner {
        let words = |owner: Option<(u32, u32)>| {
            let (uid, gid) = owner.unwrap_or_default();
            format!("owner {uid}:{gid}")
        };
        let (found, wanted) = (words(found.owner), words(signed.owner));
        reasons.push(Reason::new("tree-owner-changed", found, wanted));
    }
    if signed.mount != found.mount {
        let words = |mount| if mount { "a mount" } else { "no mount" };
        let (found, wanted) = (words(found.mount), words(signed.mount));
        reasons.push(Reason::new("tree-mount-changed", found, wanted));
    }
    let are_files = matches!(
        (&signed.content, &found.content),
        (TreeContent::File { .. }, TreeContent::File { .. })
    );
    if are_files && header.compares(Attribute::Links) {
        links(signed, found, &mut reasons);
    }
    if let (Some(wanted), Some(time)) = (signed.mtime, found.mtime)
        && wanted != time
    {
        let words =
            |(seconds, nanoseconds): (i64, u32)| format!("mtime {seconds}.{nanoseconds:09}");
        reasons.push(Reason::new(
            "tree-mtime-changed",
            words(time),
            words(wanted),
        ));
    }
    xattrs(signed, found, &mut reasons);
    reasons
}

/// Something that nobody signed; `problem` is what is wrong with its name.
pub fn tree_added(found: &TreeEntry, problem: Option<&dyn Display>) -> Reason {
    let words = words(found);
    match problem {
        Some(problem) => Reason::new("tree-added", format!("{words}; {problem}"), "nothing"),
        None => Reason::new("tree-added", words, "nothing"),
    }
}

/// Something that was signed and is not there.
pub fn tree_missing(signed: &TreeEntry) -> Reason {
    Reason::new("tree-missing", "nothing", words(signed))
}

fn content(signed: &TreeContent, found: &TreeContent, reasons: &mut Vec<Reason>) {
    let mut differ = |code, found: String, wanted: String| {
        reasons.push(Reason::new(code, found, wanted));
    };
    match (signed, found) {
        (
            TreeContent::File {
                size: wanted,
                digests,
            },
            TreeContent::File {
                size,
                digests: read,
            },
        ) => {
            if size != wanted {
                let words = |size: &u64| format!("{size} bytes");
                differ("tree-content-changed", words(size), words(wanted));
            } else if digests != read {
                let pair = digests.iter().zip(read).find(|(one, other)| one != other);
                let words = |digest: Option<&Digest>| {
                    digest.map_or_else(|| "no digest".to_owned(), ToString::to_string)
                };
                let (wanted, found) = (words(pair.map(|it| it.0)), words(pair.map(|it| it.1)));
                differ("tree-content-changed", found, wanted);
            }
        }
        (TreeContent::Symlink { target: wanted }, TreeContent::Symlink { target }) => {
            if target != wanted {
                let words = |target: &String| format!("a link to {target}");
                differ("tree-target-changed", words(target), words(wanted));
            }
        }
        (
            TreeContent::Device { kind, number },
            TreeContent::Device {
                kind: other,
                number: found,
            },
        ) if kind == other => {
            if number != found {
                let words = |number: &(u32, u32)| format!("device {}:{}", number.0, number.1);
                differ("tree-device-changed", words(found), words(number));
            }
        }
        _ if signed.kind() == found.kind() => {}
        _ => differ("tree-type-changed", kind_words(found), kind_words(signed)),
    }
}

fn links(signed: &TreeEntry, found: &TreeEntry, reasons: &mut Vec<Reason>) {
    if (signed.links, &signed.same) == (found.links, &found.same) {
        return;
    }
    let words = |entry: &TreeEntry| {
        let links = entry.links.unwrap_or_default();
        let names = format!("{links} name{}", if links == 1 { "" } else { "s" });
        match &entry.same {
            Some(same) => format!("{names}, the same file as {same}"),
            None => names,
        }
    };
    reasons.push(Reason::new(
        "tree-links-changed",
        words(found),
        words(signed),
    ));
}

fn xattrs(signed: &TreeEntry, found: &TreeEntry, reasons: &mut Vec<Reason>) {
    if signed.xattrs == found.xattrs {
        return;
    }
    let names = signed.xattrs.keys().chain(found.xattrs.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    for name in names {
        let (wanted, value) = (signed.xattrs.get(name), found.xattrs.get(name));
        if wanted != value {
            let words = |value: Option<&String>| {
                value.map_or_else(|| format!("no {name}"), |value| format!("{name}={value}"))
            };
            let (found, wanted) = (words(value), words(wanted));
            reasons.push(Reason::new("tree-xattr-changed", found, wanted));
        }
    }
}

fn kind_words(content: &TreeContent) -> String {
    match content {
        TreeContent::Symlink { target } => format!("a symlink to {target}"),
        other => format!("a {}", other.kind().name()),
    }
}

/// A thing in a few words.
fn words(entry: &TreeEntry) -> String {
    let mut words = vec![kind_words(&entry.content)];
    if let TreeContent::File { size, .. } = entry.content {
        words.push(format!("{size} bytes"));
    }
    words.extend(entry.mode.map(|mode| format!("mode {mode:04o}")));
    words.extend(entry.owner.map(|(uid, gid)| format!("owner {uid}:{gid}")));
    words.join(", ")
}
