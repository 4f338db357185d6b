//! `attest log monitor` on a Rekor v1 whose trees end: what is signed decides, not what stands beside it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use attest_log::{Hash, merkle};
use attest_provenance::base64;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::support::{Ran, World};

/// A tree: the name that is said, the one that is signed, and its leaves.
struct Tree {
    said: &'static str,
    signed: &'static str,
    bodies: Vec<Vec<u8>>,
}

fn tree(name: &'static str, bodies: &[Vec<u8>]) -> Tree {
    Tree {
        said: name,
        signed: name,
        bodies: bodies.to_vec(),
    }
}

/// A Rekor v1 with trees one after the other, the last of them growing.
struct Log {
    url: String,
    world: World,
    trees: Arc<Mutex<Vec<Tree>>>,
    key: Arc<Key>,
}

struct Key {
    pair: EcdsaKeyPair,
    spki: Vec<u8>,
}

impl Key {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let spki = spki.as_ref().to_vec();
        Self { pair, spki }
    }

    fn id(&self) -> Vec<u8> {
        digest(&SHA256, &self.spki).as_ref().to_vec()
    }

    /// A signed checkpoint of the tree.
    fn note(&self, tree: &Tree) -> String {
        let root = base64::encode(root(&tree.bodies).as_bytes());
        let text = format!(
            "127.0.0.1 - {}\n{}\n{root}\n",
            tree.signed,
            tree.bodies.len()
        );
        let signature = self
            .pair
            .sign(&SystemRandom::new(), text.as_bytes())
            .unwrap();
        let line = [&self.id()[..4], signature.as_ref()].concat();
        format!("{text}\n— 127.0.0.1 {}\n", base64::encode(&line))
    }
}

struct Leaves<'a>(&'a [Vec<u8>]);

impl merkle::HashReader for Leaves<'_> {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let begin = usize::try_from(index << level).unwrap();
        Ok(root(&self.0[begin..begin + (1 << level)]))
    }
}

fn root(bodies: &[Vec<u8>]) -> Hash {
    let mut frontier = merkle::Frontier::new();
    for body in bodies {
        frontier.push(merkle::leaf_hash(body));
    }
    frontier.root()
}

impl Log {
    fn new() -> Self {
        let (key, world) = (Arc::new(Key::new()), World::new());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let trusted = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": url, "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": base64::encode(&key.spki), "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": "2020-01-01T00:00:00Z"},
                },
                "logId": {"keyId": base64::encode(&key.id())},
            }],
            "certificateAuthorities": [], "ctlogs": [], "timestampAuthorities": [],
        });
        world.write("root.json", trusted.to_string());
        world.write("ours.pub", pem(&Key::new().spki));
        let trees: Arc<Mutex<Vec<Tree>>> = Arc::default();
        let (shown, signer) = (Arc::clone(&trees), Arc::clone(&key));
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &signer, &shown.lock().unwrap());
            }
        });
        Self {
            url,
            world,
            trees,
            key,
        }
    }

    fn shows(&self, trees: Vec<Tree>) {
        *self.trees.lock().unwrap() = trees;
    }

    fn monitor(&self) -> Ran {
        self.world.attest_with(&[
            "log",
            "monitor",
            "--log",
            &self.url,
            "--log-key",
            "root.json",
            "--from",
            "0",
            "--key",
            "ours.pub",
            "--state",
            "state.json",
        ])
    }

    /// Compares with what others were shown of a tree.
    fn compare(&self, tree: &Tree) -> Ran {
        self.world.write("others.note", self.key.note(tree));
        let (log, key) = (["--log", &self.url], ["--log-key", "root.json"]);
        let others = ["--from", "0", "--compare", "others.note"];
        self.world
            .attest_with(&[&["log", "monitor"], &log[..], &key[..], &others[..]].concat())
    }

    /// What was seen before stays, and says so again.
    fn found(&self, code: &str) {
        let before = self.world.read("state.json");
        for _ in 0..2 {
            let ran = self.monitor();
            assert_eq!(ran.exit, 1, "{}{}", ran.out, ran.err);
            let said = format!("{}{}", ran.out, ran.err);
            assert!(said.contains(code), "{code}: {said}");
            assert_eq!(self.world.read("state.json"), before);
        }
    }

    /// An entry of the key that is watched.
    fn stolen(&self) -> Vec<u8> {
        entry(&String::from_utf8(self.world.read("ours.pub")).unwrap())
    }
}

fn pem(spki: &[u8]) -> String {
    let text = base64::encode(spki);
    let (first, second) = text.split_at(64);
    format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
}

fn entry(key: &str) -> Vec<u8> {
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": "07".repeat(32)}},
        "signature": {"content": "AAAA", "publicKey": {"content": base64::encode(key.as_bytes())}},
    }})
    .to_string()
    .into_bytes()
}

fn others(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|it| entry(it)).collect()
}

fn serve(mut stream: TcpStream, key: &Key, trees: &[Tree]) {
    let mut asked = Vec::new();
    let mut byte = [0];
    while !asked.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        asked.extend(byte);
    }
    let head = String::from_utf8_lossy(&asked).to_lowercase();
    let length = head
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let answer = if path.starts_with("/api/v1/log/proof") {
        proof(path, trees)
    } else if path == "/api/v1/log" {
        let (last, ended) = trees.split_last().unwrap();
        let mut head = head_of(key, last);
        head["inactiveShards"] = ended.iter().map(|it| head_of(key, it)).collect();
        head
    } else {
        let question: Value = serde_json::from_slice(&body).unwrap();
        let places = question["logIndexes"].as_array().unwrap();
        let found = places.iter().map(|it| at(key, trees, it.as_u64().unwrap()));
        found.collect()
    };
    let answer = answer.to_string();
    let length = answer.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{answer}").as_bytes());
}

fn head_of(key: &Key, tree: &Tree) -> Value {
    json!({"treeID": tree.said, "treeSize": tree.bodies.len(), "signedTreeHead": key.note(tree)})
}

fn proof(path: &str, trees: &[Tree]) -> Value {
    let parameter = |name: &str| {
        let (_, rest) = path
            .split_once(&format!("{}=", name.to_lowercase()))
            .unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let number = |name: &str| parameter(name).parse().unwrap();
    let tree = trees
        .iter()
        .find(|it| it.said == parameter("treeID"))
        .unwrap();
    let (old, new) = (number("firstSize"), number("lastSize"));
    let hashes = merkle::consistency_proof(old, new, &Leaves(&tree.bodies)).unwrap();
    json!({"hashes": hashes.iter().map(Hash::to_hex).collect::<Vec<_>>()})
}

/// The entry at a place over all trees.
fn at(key: &Key, trees: &[Tree], place: u64) -> Value {
    let mut index = usize::try_from(place).unwrap();
    for tree in trees {
        let Some(body) = tree.bodies.get(index) else {
            index -= tree.bodies.len();
            continue;
        };
        return json!({"0123": {
            "body": base64::encode(body), "integratedTime": 1, "logID": hex::encode(key.id()), "logIndex": place,
            "verification": {
                "signedEntryTimestamp": "AAAA",
                "inclusionProof": {
                    "checkpoint": key.note(tree), "hashes": [], "logIndex": index,
                    "rootHash": root(&tree.bodies).to_hex(), "treeSize": tree.bodies.len(),
                },
            },
        }});
    }
    json!([])
}

#[test]
fn a_tree_that_ended_is_read_to_its_end_before_the_next_is_followed() {
    let log = Log::new();
    let mut first = others(&["a", "b", "c"]);
    log.shows(vec![tree("1", &first)]);
    log.monitor().yes();
    // It grew, ended, and another one came and ended meanwhile.
    first.extend(others(&["d"]));
    let (second, third) = (others(&["e", "f"]), others(&["g"]));
    log.shows(vec![
        tree("1", &first),
        tree("2", &second),
        tree("3", &third),
    ]);
    let ran = log.monitor().yes();
    assert!(
        ran.out.contains("shard: tree 1 ended with 4 entries") && ran.out.contains("4 new entries"),
        "{}",
        ran.out
    );
    assert!(log.monitor().yes().out.contains("0 new entries"));
}

#[test]
fn an_entry_that_came_into_a_tree_before_it_ended_is_found() {
    for place in [1, 2, 3] {
        let log = Log::new();
        let mut trees = [others(&["a", "b", "c"]), others(&["d"]), others(&["e"])];
        log.shows(vec![tree("1", &trees[0])]);
        log.monitor().yes();
        trees[place - 1].push(log.stolen());
        let [first, second, third] = &trees;
        log.shows(vec![tree("1", first), tree("2", second), tree("3", third)]);
        // The state goes on, and the entry stays found.
        for _ in 0..2 {
            let ran = log.monitor();
            assert_eq!(ran.exit, 1, "{}{}", ran.out, ran.err);
            let index = [3, 4, 5][place - 1];
            assert!(ran.out.contains("log-entry-foreign"), "{}", ran.out);
            assert!(
                ran.out.contains(&format!("entry {index} is of the key")),
                "{}",
                ran.out
            );
        }
    }
}

/// Others were shown tree 1: whatever is shown here must have it, whether or not it ended.
#[test]
fn what_others_were_shown_is_compared_with_that_very_tree() {
    let log = Log::new();
    let (first, second) = (others(&["a", "b", "c"]), others(&["d"]));
    let theirs = tree("1", &first[..2]);
    log.shows(vec![tree("1", &first), tree("2", &second)]);
    let ran = log.compare(&theirs).yes();
    assert!(ran.out.contains("1 checkpoint compared"), "{ran:#?}");
    log.compare(&tree("2", &second)).yes();
    let forked = others(&["a", "x", "c"]);
    for (shown, code) in [
        (vec![tree("1", &forked)], "log-forked"),
        (vec![tree("1", &forked), tree("2", &second)], "log-forked"),
        (
            vec![tree("1", &first[..1]), tree("2", &second)],
            "log-forked",
        ),
        (vec![tree("2", &second)], "log-tree-missing"),
    ] {
        log.shows(shown);
        let ran = log.compare(&theirs);
        assert_eq!(ran.exit, 1, "{code}: {ran:#?}");
        assert!(ran.out.contains(code), "{code}: {ran:#?}");
    }
}

#[test]
fn a_tree_that_was_changed_before_it_ended_is_found() {
    let log = Log::new();
    let first = others(&["a", "b", "c"]);
    log.shows(vec![tree("1", &first)]);
    log.monitor().yes();
    let second = others(&["z"]);
    log.shows(vec![tree("1", &others(&["x"])), tree("2", &second)]);
    log.found("log-shrunk");
    log.shows(vec![tree("1", &first[..2]), tree("2", &second)]);
    log.found("log-shrunk");
    for changed in [&["x", "b", "c"][..], &["a", "b", "x", "d"]] {
        log.shows(vec![tree("1", &others(changed)), tree("2", &second)]);
        log.found("log-forked");
        // The evidence is the checkpoint of that tree, not of the present one.
        let shown = log.monitor().out;
        let (_, evidence) = shown.split_once("as evidence:\n").unwrap();
        assert!(evidence.starts_with("127.0.0.1 - 1\n"), "{shown}");
    }
    log.shows(vec![tree("2", &second)]);
    log.found("log-tree-missing");
    log.shows(vec![tree("1", &first), tree("2", &second)]);
    log.monitor().yes();
}

#[test]
fn the_name_of_a_tree_is_the_one_that_the_log_signed() {
    let log = Log::new();
    let first = others(&["a", "b", "c"]);
    log.shows(vec![tree("1", &first)]);
    log.monitor().yes();
    let named = |said, names: &[&str]| Tree {
        said,
        signed: "1",
        bodies: others(names),
    };
    // An old checkpoint of the same tree by another name, as a mirror without the log's key can show it.
    let old = || tree("1", &first[..0]);
    log.shows(vec![old(), named("2", &["y"])]);
    log.found("checkpoint-origin-mismatch");
    // The same of a tree that is said to have ended.
    log.shows(vec![named("2", &["a"]), tree("1", &first)]);
    log.found("checkpoint-origin-mismatch");
    log.shows(vec![tree("1", &first[..1]), tree("1", &first)]);
    log.found("log-corrupt");
    log.shows(vec![tree("1", &first)]);
    log.monitor().yes();
}
