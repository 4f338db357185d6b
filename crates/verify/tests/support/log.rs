//! A transparency log that says whatever it is asked to.

use attest_provenance::base64;
use serde_json::{Value, json};

use super::keys::{Key, sha256};

/// A log: its key, its host, and how it is named.
pub(crate) struct Log {
    pub(crate) host: String,
    pub(crate) key: Key,
    /// Rekor v1 names itself by its key alone, adds a tree to its origin, and makes promises.
    pub(crate) v1: bool,
}

impl Log {
    pub(crate) fn v2(host: &str, seed: u8) -> Self {
        Self {
            host: host.to_owned(),
            key: Key::ed25519(seed),
            v1: false,
        }
    }

    pub(crate) fn v2_p256(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            key: Key::p256(),
            v1: false,
        }
    }

    pub(crate) fn v1(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            key: Key::p256(),
            v1: true,
        }
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        match &self.key {
            Key::Ed25519(_) if !self.v1 => {
                let spki = self.key.spki();
                sha256(&[self.host.as_bytes(), b"\n\x01", &spki[spki.len() - 32..]].concat())
            }
            _ => sha256(&self.key.spki()),
        }
    }

    pub(crate) fn origin(&self) -> String {
        if self.v1 {
            format!("{} - 1193050959916656506", self.host)
        } else {
            self.host.clone()
        }
    }

    /// The entry of this log in a trusted root.
    pub(crate) fn trusted(&self) -> Value {
        json!({
            "baseUrl": format!("https://{}", self.host),
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": base64::encode(&self.key.spki()),
                "keyDetails": self.key.details(),
                "validFor": {"start": "2026-01-01T00:00:00Z"},
            },
            "logId": {"keyId": base64::encode(&self.id())},
        })
    }

    /// A signature line over a checkpoint's text.
    pub(crate) fn line(&self, text: &str) -> String {
        self.line_named(text, &self.host)
    }

    pub(crate) fn line_named(&self, text: &str, name: &str) -> String {
        let signature = [&self.id()[..4], &self.key.sign(text.as_bytes())].concat();
        format!("\u{2014} {name} {}\n", base64::encode(&signature))
    }

    pub(crate) fn checkpoint(&self, size: u64, root: &[u8]) -> String {
        self.checkpoint_of(&self.origin(), size, root)
    }

    pub(crate) fn checkpoint_of(&self, origin: &str, size: u64, root: &[u8]) -> String {
        let text = format!("{origin}\n{size}\n{}\n", base64::encode(root));
        format!("{text}\n{}", self.line(&text))
    }

    /// Rekor v1's promise for an entry.
    pub(crate) fn promise(&self, body: &[u8], time: u64, index: u64) -> Vec<u8> {
        let payload = format!(
            r#"{{"body":"{}","integratedTime":{time},"logID":"{}","logIndex":{index}}}"#,
            base64::encode(body),
            hex::encode(self.id()),
        );
        self.key.sign(payload.as_bytes())
    }

    /// An entry of a bundle: the body is leaf `index` of a tree of `size` leaves.
    pub(crate) fn entry(
        &self,
        kind: &str,
        version: &str,
        body: &[u8],
        index: u64,
        size: u64,
    ) -> Value {
        let tree = Tree::with(body, index, size);
        let (root, hashes) = (tree.root(), tree.path(index));
        json!({
            "logIndex": index.to_string(),
            "logId": {"keyId": base64::encode(&self.id())},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": "0",
            "inclusionProof": {
                "logIndex": index.to_string(),
                "rootHash": base64::encode(&root),
                "treeSize": size.to_string(),
                "hashes": hashes.iter().map(|it| base64::encode(it)).collect::<Vec<_>>(),
                "checkpoint": {"envelope": self.checkpoint(size, &root)},
            },
            "canonicalizedBody": base64::encode(body),
        })
    }
}

/// A tree as RFC 6962 §2.1 defines it, word by word: no code is shared with the verifier.
pub(crate) struct Tree(Vec<Vec<u8>>);

impl Tree {
    pub(crate) fn with(body: &[u8], index: u64, size: u64) -> Self {
        let leaf = |at: u64| {
            if at == index {
                body.to_vec()
            } else {
                format!("other leaf {at}").into_bytes()
            }
        };
        Self((0..size).map(leaf).collect())
    }

    pub(crate) fn root(&self) -> Vec<u8> {
        hash(&self.0)
    }

    pub(crate) fn path(&self, index: u64) -> Vec<Vec<u8>> {
        path(usize::try_from(index).unwrap(), &self.0)
    }
}

fn hash(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => sha256(b""),
        [leaf] => sha256(&[&[0], leaf.as_slice()].concat()),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            sha256(&[&[1], hash(left).as_slice(), &hash(right)].concat())
        }
    }
}

fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut hashes, sibling) = if index < left.len() {
        (path(index, left), hash(right))
    } else {
        (path(index - left.len(), right), hash(left))
    };
    hashes.push(sibling);
    hashes
}

/// The largest power of two below `size`.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}
