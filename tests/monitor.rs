//! `attest log` on logs that somebody else keeps, over HTTP: what is proven, what is found, and what
//! happens when a server lies, stammers or falls silent.

mod known;
mod reading;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use attest_provenance::base64;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::support::{Ran, World};

/// A home whose log has these files, signed one after the other.
fn logged(names: &[&str]) -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    sign(&world, ".attest", names);
    world
}

fn sign(world: &World, home: &str, names: &[&str]) {
    for name in names {
        world.write(name, name);
        let arguments = ["sign", name, "--no-password", "--force", "--home", home];
        world.attest_with(&arguments).yes();
    }
}

/// A copy of the home with a second copy of its checkpoint of its own: the log can fork.
fn fork(world: &World, names: &[&str]) {
    let copied = Command::new("cp")
        .arg("-a")
        .args([world.at(".attest"), world.at("fork")])
        .status();
    assert!(copied.unwrap().success());
    for name in names {
        world.write(name, name);
        let arguments = ["sign", name, "--no-password", "--force", "--home", "fork"];
        let mut command = world.command();
        command.args(arguments);
        command.env("ATTEST_CHECKPOINT", world.at("fork-checkpoint"));
        let first = world.at("fork-checkpoint");
        if !first.exists() {
            fs::copy(world.at("fork/log/checkpoint"), &first).unwrap();
        }
        Ran::of(&mut command).yes();
    }
}

/// How a server answers for a path: the bytes of the whole answer, or none for the file itself.
type Answer = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// A folder behind a web server, and how it misbehaves.
struct Server {
    url: String,
    folder: Arc<Mutex<PathBuf>>,
    answer: Arc<Mutex<Answer>>,
}

impl Server {
    fn of(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            url,
            folder: Arc::new(Mutex::new(folder)),
            answer: Arc::new(Mutex::new(Box::new(|_| None))),
        };
        let (folder, answer) = (Arc::clone(&server.folder), Arc::clone(&server.answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(
                    stream.unwrap(),
                    &folder.lock().unwrap(),
                    &answer.lock().unwrap(),
                );
            }
        });
        server
    }

    fn shows(&self, folder: PathBuf) {
        *self.folder.lock().unwrap() = folder;
    }

    fn answers(&self, answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }
}

fn serve(mut stream: TcpStream, folder: &Path, answer: &Answer) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .trim_start_matches('/');
    let whole = answer(path).unwrap_or_else(|| match fs::read(folder.join(path)) {
        Ok(bytes) => http("200 OK", "", &bytes),
        Err(_) => http("404 Not Found", "", b""),
    });
    let _ = stream.write_all(&whole);
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

const ROOT: &str = ".attest/trust/trusted_root.json";

fn monitor(world: &World, log: &str, more: &[&str]) -> Ran {
    let first = ["log", "monitor", "--log", log, "--log-key", ROOT];
    world.attest_with(&[first.as_slice(), more].concat())
}

#[test]
fn a_log_that_grows_is_followed_from_run_to_run() {
    let world = logged(&["a", "b"]);
    let server = Server::of(world.at(".attest/log"));
    let state = ["--state", "state.json"];
    let begun = monitor(&world, &server.url, &state).yes();
    assert!(begun.out.contains("2 entries; 0 new"), "{}", begun.out);
    sign(&world, ".attest", &["c", "d", "e"]);
    let grown = monitor(
        &world,
        &server.url,
        &[&state[..], &["--format", "json"]].concat(),
    );
    let grown = grown.yes().json();
    assert_eq!(grown["entries"]["begin"], 2);
    assert_eq!(grown["entries"]["end"], 5);
    let same = monitor(&world, &server.url, &state).yes();
    assert!(same.out.contains("5 entries; 0 new"), "{}", same.out);
    // Without a network, on a copy of its files.
    monitor(&world, ".attest/log", &state).yes();
}

#[test]
fn a_forked_log_is_found_and_what_was_seen_before_is_kept() {
    let world = logged(&["a", "b"]);
    fork(&world, &["x", "y"]);
    sign(&world, ".attest", &["c"]);
    let server = Server::of(world.at(".attest/log"));
    let state = ["--state", "state.json"];
    monitor(&world, &server.url, &state).yes();
    let before = world.read("state.json");
    server.shows(world.at("fork/log"));
    for _ in 0..2 {
        let ran = monitor(&world, &server.url, &state);
        assert_eq!(ran.exit, 1, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("log-forked"), "{}", ran.out);
        assert_eq!(world.read("state.json"), before);
    }
    // Of the same size with another root, and smaller than before.
    server.shows(world.at(".attest/log"));
    let ran = monitor(&world, &server.url, &["--compare", "fork/log/checkpoint"]);
    assert!(
        ran.exit == 1 && ran.out.contains("log-forked"),
        "{}",
        ran.out
    );
    let kept = world.at("fork/log/checkpoints/2");
    monitor(&world, &server.url, &["--compare", kept.to_str().unwrap()]).yes();
}

#[test]
fn a_log_that_shrinks_is_found() {
    let world = logged(&["a", "b"]);
    fork(&world, &[]);
    sign(&world, ".attest", &["c"]);
    let state = ["--state", "state.json"];
    monitor(&world, ".attest/log", &state).yes();
    let before = world.read("state.json");
    let ran = monitor(&world, "fork/log", &state);
    assert!(
        ran.exit == 1 && ran.out.contains("log-shrunk"),
        "{}",
        ran.out
    );
    assert_eq!(world.read("state.json"), before);
}

#[test]
fn an_entry_of_our_key_that_we_did_not_make_is_found_until_it_is_known() {
    let world = logged(&["a", "b"]);
    fs::create_dir(world.at("ours")).unwrap();
    fs::rename(
        world.at("a.sigstore.json"),
        world.at("ours/a.sigstore.json"),
    )
    .unwrap();
    let key = [
        "--key",
        ".attest/trust/release.pub",
        "--from",
        "0",
        "--known",
        "ours",
    ];
    let state = ["--state", "state.json"];
    let all = [&key[..], &state[..]].concat();
    for _ in 0..2 {
        let ran = monitor(&world, ".attest/log", &all);
        assert_eq!(ran.exit, 1, "{}{}", ran.out, ran.err);
        assert!(
            ran.out.contains("log-entry-foreign") && ran.out.contains("entry 1 is of the key"),
            "{}",
            ran.out
        );
        assert!(!ran.out.contains("entry 0"), "{}", ran.out);
    }
    // Another key has no entries there.
    let other = logged(&[]);
    let key = other.at(".attest/trust/release.pub");
    monitor(
        &world,
        ".attest/log",
        &["--from", "0", "--key", key.to_str().unwrap()],
    )
    .yes();
    // Looked into, or found to be ours after all.
    let after = [&all[..], &["--acknowledge", "1"]].concat();
    monitor(&world, ".attest/log", &after).yes();
    monitor(&world, ".attest/log", &all).yes();
    fs::remove_file(world.at("state.json")).unwrap();
    monitor(
        &world,
        ".attest/log",
        &[&all[..], &["--known", "b.sigstore.json"]].concat(),
    )
    .yes();
}

#[test]
fn a_key_that_is_new_to_the_monitor_is_not_called_searched_for() {
    let world = logged(&["a", "b"]);
    let state = ["--state", "state.json"];
    monitor(
        &world,
        ".attest/log",
        &[&state[..], &["--from", "0"]].concat(),
    )
    .yes();
    // Both entries were read before anybody looked for this key.
    let ours = [&state[..], &["--key", ".attest/trust/release.pub"]].concat();
    for _ in 0..2 {
        let late = monitor(&world, ".attest/log", &ours).yes();
        assert!(
            late.out.contains("not searched for the key sha256:")
                && late.out.contains("the first 2 entries"),
            "{}",
            late.out
        );
    }
    // Going back finds them, once, and then there is nothing that was not searched.
    let back = [&ours[..], &["--from", "0"]].concat();
    let found = monitor(
        &world,
        ".attest/log",
        &[&back[..], &["--known", "a.sigstore.json"]].concat(),
    );
    assert_eq!(found.exit, 1, "{}{}", found.out, found.err);
    assert!(found.out.contains("entry 1 is of the key"), "{}", found.out);
    assert!(!found.out.contains("entry 0"), "{}", found.out);
    assert!(!found.out.contains("not searched"), "{}", found.out);
    let again = monitor(&world, ".attest/log", &back);
    assert_eq!(again.exit, 1, "{}{}", again.out, again.err);
    assert_eq!(
        again.out.matches("entry 1 is of the key").count(),
        1,
        "{}",
        again.out
    );
    assert!(again.out.contains("0 new entries"), "{}", again.out);
}

#[test]
fn a_state_that_was_changed_or_is_of_another_log_is_refused() {
    let world = logged(&["a"]);
    let state = ["--state", "state.json"];
    monitor(&world, ".attest/log", &state).yes();
    let text = String::from_utf8(world.read("state.json")).unwrap();
    for (from, to) in [
        ("\"size\": 1", "\"size\": 2"),
        ("\"version\": 1", "\"version\": 2"),
        ("{", "["),
    ] {
        world.write("state.json", text.replacen(from, to, 1));
        monitor(&world, ".attest/log", &state).refused(2, "monitor-state-unusable");
    }
    // Of a state in which no keys are remembered, none counts as looked for.
    let (begin, _) = text.split_once(",\n  \"watched\"").unwrap();
    world.write("state.json", format!("{begin}\n}}\n"));
    monitor(&world, ".attest/log", &state).yes();
    let other = logged(&["a"]);
    other.write("state.json", &text);
    monitor(&other, ".attest/log", &state).refused(2, "monitor-state-unusable");
}

#[test]
fn what_a_tile_server_answers_wrong_is_named_and_nothing_is_remembered() {
    let world = logged(&["a", "b", "c"]);
    let server = Server::of(world.at(".attest/log"));
    let state = ["--state", "state.json", "--from", "0"];
    let checkpoint = world.read(".attest/log/checkpoint");
    let long = http("200 OK", "", &vec![b'x'; 300_000]);
    let mut cut = http("200 OK", "", &checkpoint);
    cut.truncate(cut.len() - 5);
    let text = String::from_utf8(checkpoint).unwrap();
    let other = logged(&["a"]);
    let other = String::from_utf8(other.read(".attest/log/checkpoint")).unwrap();
    let plain = |text: String| http("200 OK", "", text.as_bytes());
    let cases = [
        (
            "checkpoint",
            http("429 Too Many Requests", "", b""),
            3,
            "log-http-status",
        ),
        (
            "checkpoint",
            http("500 Oops", "", b""),
            3,
            "log-http-status",
        ),
        (
            "checkpoint",
            http("302 Found", "Location: http://127.0.0.1:1/\r\n", b""),
            3,
            "log-redirect",
        ),
        (
            "checkpoint",
            http("404 Not Found", "", b""),
            3,
            "log-not-found",
        ),
        (
            "checkpoint",
            http("200 OK", "Content-Type: text/html\r\n", b"<html>"),
            3,
            "log-answer-malformed",
        ),
        (
            "checkpoint",
            http("200 OK", "", b"<html>"),
            3,
            "checkpoint-malformed",
        ),
        ("checkpoint", long, 3, "log-answer-too-large"),
        ("checkpoint", cut, 3, "log-unreachable"),
        ("checkpoint", plain(other), 1, "checkpoint-origin-mismatch"),
        (
            "checkpoint",
            plain(text.replacen("\n3\n", "\n4\n", 1)),
            1,
            "checkpoint-signature-invalid",
        ),
        (
            "tile/0/000.p/3",
            http("200 OK", "", &[7; 96]),
            1,
            "checkpoint-root-differs",
        ),
        (
            "tile/0/000.p/3",
            http("200 OK", "", &[7; 95]),
            1,
            "log-corrupt",
        ),
        (
            "tile/entries/000.p/3",
            http("200 OK", "", b"\x00\x01a\x00\x01b\x00\x01c"),
            1,
            "log-corrupt",
        ),
        (
            "tile/entries/000.p/3",
            http("500 Oops", "", b""),
            3,
            "log-http-status",
        ),
    ];
    for (place, whole, exit, code) in cases {
        server.answers(move |path| (path == place).then(|| whole.clone()));
        monitor(&world, &server.url, &state).refused(exit, code);
        assert!(!world.at("state.json").exists(), "{code}");
    }
    server.answers(|_| None);
    monitor(&world, &server.url, &state).yes();
    let nobody = "http://127.0.0.1:1";
    monitor(&world, nobody, &state).refused(3, "log-unreachable");
    monitor(&world, "ftp://127.0.0.1", &state).refused(2, "log-address");
}

#[test]
fn a_log_behind_a_server_is_shown_proven_and_checked_with_the_same_words() {
    let world = logged(&["a", "b", "c"]);
    let server = Server::of(world.at(".attest/log"));
    let there = |arguments: &[&str]| {
        let log = ["--log", server.url.as_str(), "--key", ROOT];
        world.attest_with(&[&["log"], arguments, &log].concat())
    };
    for arguments in [
        &["show"][..],
        &["show", "2"],
        &["prove", "1"],
        &["prove", "--from", "1"],
    ] {
        let here = world.attest_with(&[&["log"], arguments].concat()).yes().out;
        assert_eq!(there(arguments).yes().out, here, "{arguments:?}");
    }
    there(&["check"]).yes();
    there(&["show", "3"]).refused(2, "log-index-unknown");
    let found = there(&["show", "--artifact", "b"]).yes().out;
    assert!(found.starts_with("1 {"), "{found}");
    world.write("d", "d");
    assert_eq!(there(&["show", "--artifact", "d"]).exit, 1);
    let leaf = there(&["show", "1", "--format", "json"]).yes().json();
    let leaf = leaf["leaf_hash"].as_str().unwrap();
    assert!(
        there(&["show", "--leaf", leaf])
            .yes()
            .out
            .starts_with("1 {")
    );
    server.answers(|path| {
        (path == "tile/entries/000.p/3").then(|| http("200 OK", "", b"\x00\x01a\x00\x01b\x00\x01c"))
    });
    there(&["show", "1"]).refused(1, "log-corrupt");
    assert_eq!(there(&["check"]).exit, 1);
}

/// As Rekor v2 serves its tiles, below the address by which trusted roots name it.
fn below_api(
    server: &Server,
    folder: PathBuf,
    more: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
) {
    server.answers(move |path| {
        more(path).or_else(|| {
            let file = fs::read(folder.join(path.strip_prefix("api/v2/")?)).ok()?;
            Some(http("200 OK", "", &file))
        })
    });
}

#[test]
fn the_tiles_of_a_rekor_v2_are_found_where_it_has_them() {
    let world = logged(&["a", "b", "c"]);
    let server = Server::of(PathBuf::from("/nonexistent"));
    let log = ["--log", server.url.as_str(), "--key", ROOT];
    let there = |arguments: &[&str]| world.attest_with(&[&["log"], arguments, &log].concat());
    there(&["show"]).refused(3, "log-not-found");
    below_api(&server, world.at(".attest/log"), |_| None);
    for arguments in [
        &["show"][..],
        &["show", "2"],
        &["prove", "1"],
        &["prove", "--from", "1"],
    ] {
        let here = world.attest_with(&[&["log"], arguments].concat()).yes().out;
        assert_eq!(there(arguments).yes().out, here, "{arguments:?}");
    }
    there(&["check"]).yes();
    monitor(&world, &server.url, &["--from", "0"]).yes();
}

#[test]
fn an_entry_that_a_rekor_v2_has_already_is_proven_by_its_tiles() {
    let world = logged(&["a", "b", "c"]);
    let server = Server::of(PathBuf::from("/nonexistent"));
    let says = |index: u64| {
        let message = format!(
            "an equivalent entry already exists in the transparency log with index {index}"
        );
        let body = json!({"code": 6, "message": message}).to_string();
        below_api(&server, world.at(".attest/log"), move |path| {
            (path == "api/v2/log/entries").then(|| http("409 Conflict", "", body.as_bytes()))
        });
    };
    let append = |more: &[&str]| {
        let log = [
            "--log",
            &server.url,
            "--key",
            ROOT,
            "--service-timeout",
            "2",
        ];
        world.attest_with(&[&["log", "append", "b.sigstore.json"], more, &log].concat())
    };
    says(1);
    let ran = append(&["--format", "json"]).yes().json();
    assert_eq!(
        (&ran["entries"][0]["index"], &ran["entries"][0]["known"]),
        (&1.into(), &true.into())
    );
    assert_eq!(ran["size"], 3);
    append(&["--out", "again.json"]).yes();
    // Another entry, and none, stand where it says.
    for index in [0, 3] {
        says(index);
        append(&[]).refused(3, "log-entry-exists");
    }
}

#[test]
fn witnesses_that_did_not_cosign_are_missed() {
    let world = logged(&["a"]);
    // Somebody who never saw this log.
    let vkey = "witness.example/w1+0cdf08f6+BJ1680vMFcR9M/kNaycty9VR4qxngsB8WbpRQXcU2XuZ";
    world.write("policy", format!("witness W {vkey}\nquorum W\n"));
    let ran = monitor(&world, ".attest/log", &["--witness-policy", "policy"]);
    assert_eq!(ran.exit, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("witness-quorum-missing"), "{}", ran.out);
    world.write("bad", "witness W x\nquorum W\n");
    monitor(&world, ".attest/log", &["--witness-policy", "bad"])
        .refused(2, "witness-policy-malformed");
    world.write("none", "quorum none\n");
    monitor(&world, ".attest/log", &["--witness-policy", "none"]).yes();
}

/// A view that somebody froze shows the cosignatures that were made before, for ever.
#[test]
fn cosignatures_of_long_ago_are_told_and_may_be_refused() {
    let world = logged(&["a"]);
    let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let name = "witness.example/w1";
    let key = [&[4], pair.public_key().as_ref()].concat();
    let named = [name.as_bytes(), b"\n", &key].concat();
    let hash = digest(&SHA256, &named);
    let id = &hash.as_ref()[..4];
    let vkey = format!("{name}+{}+{}", hex::encode(id), base64::encode(&key));
    world.write("policy", format!("witness W {vkey}\nquorum W\n"));
    let path = ".attest/log/checkpoint";
    let note = String::from_utf8(world.read(path)).unwrap();
    let (text, _) = note.split_once("\n\n").unwrap();
    // On 2026-11-21, at midnight.
    let time = 1_795_219_200_u64;
    let signed = pair.sign(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes());
    let line = [id, &time.to_be_bytes(), signed.as_ref()].concat();
    world.write(
        path,
        format!("{note}\u{2014} {name} {}\n", base64::encode(&line)),
    );
    let ask = |more: &[&str]| {
        let policy = ["--witness-policy", "policy"];
        monitor(&world, ".attest/log", &[&policy[..], more].concat())
    };
    let ran = ask(&["--at", "2036-11-22"]).yes();
    assert!(
        ran.out.contains("cosigned by W at 2026-11-21T00:00:00Z"),
        "{ran:#?}"
    );
    assert!(ran.out.contains("not checked: how long ago"), "{ran:#?}");
    ask(&["--at", "2026-11-22", "--witness-age", "1"]).yes();
    let ran = ask(&["--at", "2026-11-22T00:00:01Z", "--witness-age", "1"]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("witness-cosignature-old"), "{ran:#?}");
}

/// A Rekor v1 of one entry, made of a bundle of the fixtures; `change` spoils what it answers.
fn rekor_v1(change: impl Fn(&mut Value, &mut Value) + Send + Sync + 'static) -> Server {
    let bundle = fs::read(fixture("bundle.sigstore.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let logged = bundle["verificationMaterial"]["tlogEntries"][0].clone();
    let number = |value: &Value| value.as_str().unwrap_or("0").parse::<u64>().unwrap();
    let hex_of = |value: &Value| hex(value.as_str().unwrap());
    let proof = &logged["inclusionProof"];
    let hashes = proof["hashes"].as_array().cloned().unwrap_or_default();
    let entry = json!({
        "body": logged["canonicalizedBody"],
        "integratedTime": number(&logged["integratedTime"]),
        "logID": hex_of(&logged["logId"]["keyId"]),
        "logIndex": number(&logged["logIndex"]),
        "verification": {
            "inclusionProof": {
                "checkpoint": proof["checkpoint"]["envelope"],
                "hashes": hashes.iter().map(hex_of).collect::<Vec<_>>(),
                "logIndex": number(&proof["logIndex"]),
                "rootHash": hex_of(&proof["rootHash"]),
                "treeSize": number(&proof["treeSize"]),
            },
            "signedEntryTimestamp": logged["inclusionPromise"]["signedEntryTimestamp"],
        },
    });
    let head = json!({
        "inactiveShards": null,
        "signedTreeHead": proof["checkpoint"]["envelope"],
        "treeID": "7",
        "treeSize": 1,
    });
    let (mut head, mut entry) = (head, entry);
    change(&mut head, &mut entry);
    let server = Server::of(PathBuf::from("/nonexistent"));
    server.answers(move |path| {
        let answer = match path.split('?').next().unwrap() {
            "api/v1/log" => head.clone(),
            "api/v1/log/entries" => json!({ "0123": entry }),
            "api/v1/index/retrieve" => json!(["0123"]),
            "api/v1/log/entries/retrieve" => json!([{ "0123": entry }]),
            path if path.starts_with("api/v1/log/entries/") => json!({ "0123": entry }),
            _ => return None,
        };
        let headers = "Content-Type: application/json\r\n";
        Some(http("200 OK", headers, answer.to_string().as_bytes()))
    });
    server
}

fn fixture(name: &str) -> PathBuf {
    crate::page::root()
        .join("fixtures/verify/message-v1")
        .join(name)
}

fn hex(base64: &str) -> String {
    let bytes = attest_provenance::base64::decode(base64).unwrap();
    hex::encode(bytes)
}

fn on_v1(world: &World, server: &Server, arguments: &[&str]) -> Ran {
    let root = fixture("trusted_root.json");
    let log = [
        "--log",
        server.url.as_str(),
        "--key",
        root.to_str().unwrap(),
    ];
    world.attest_with(&[&["log"], arguments, &log].concat())
}

#[test]
fn a_rekor_v1_is_shown_and_proven_with_the_same_words() {
    let world = World::new();
    let index = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&index);
    let server =
        rekor_v1(move |_, entry| *seen.lock().unwrap() = entry["logIndex"].as_u64().unwrap());
    let index = index.lock().unwrap().to_string();
    let shown = on_v1(&world, &server, &["show", &index, "--format", "json"])
        .yes()
        .json();
    let leaf = shown["leaf_hash"].as_str().unwrap();
    on_v1(&world, &server, &["show", "--leaf", leaf]).yes();
    let other = "07".repeat(32);
    on_v1(&world, &server, &["show", "--leaf", &other]).refused(1, "log-entry-mismatch");
    on_v1(&world, &server, &["show"]).yes();
    on_v1(&world, &server, &["check"]).yes();
    let proof = on_v1(&world, &server, &["prove", &index]).yes().out;
    assert!(
        proof.starts_with("c2sp.org/tlog-proof@v1\nindex "),
        "{proof}"
    );
    on_v1(&world, &server, &["prove", "--from", "1"]).refused(2, "log-size-unknown");
    on_v1(&world, &server, &["show", "999999"]).refused(1, "log-index-mismatch");
}

/// What is spoiled of a tree head and of an entry.
type Change = fn(&mut Value, &mut Value);

#[test]
fn what_a_rekor_v1_answers_wrong_is_named() {
    let world = World::new();
    let cases: [(Change, i32, &str); 9] = [
        (
            |_, it| it["integratedTime"] = json!(1),
            1,
            "log-promise-invalid",
        ),
        (
            |_, it| it["logID"] = json!("07".repeat(32)),
            1,
            "log-unknown",
        ),
        (|_, it| it["body"] = json!("e30="), 1, "log-proof-invalid"),
        (
            |_, it| it["verification"]["inclusionProof"]["rootHash"] = json!("07".repeat(32)),
            1,
            "checkpoint-root-mismatch",
        ),
        (
            |_, it| it["verification"]["inclusionProof"]["treeSize"] = json!(99),
            1,
            "checkpoint-size-mismatch",
        ),
        (
            |_, it| it["verification"]["inclusionProof"]["checkpoint"] = json!("x\n"),
            3,
            "checkpoint-malformed",
        ),
        (
            |_, it| it["verification"]["inclusionProof"]["hashes"] = json!("x"),
            3,
            "log-answer-malformed",
        ),
        (|_, it| it["body"] = json!("?"), 3, "log-answer-malformed"),
        (|_, it| *it = json!([]), 3, "log-answer-malformed"),
    ];
    for (change, exit, code) in cases {
        let index = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&index);
        let server = rekor_v1(move |head, entry| {
            *seen.lock().unwrap() = entry["logIndex"].as_u64().unwrap();
            change(head, entry);
        });
        let index = index.lock().unwrap().to_string();
        on_v1(&world, &server, &["show", &index]).refused(exit, code);
    }
    let other = |head: &mut Value, _: &mut Value| {
        let note = head["signedTreeHead"]
            .as_str()
            .unwrap()
            .replace("log.example", "other.example");
        head["signedTreeHead"] = json!(note);
    };
    on_v1(&world, &rekor_v1(other), &["show"]).refused(1, "checkpoint-origin-mismatch");
    let server = rekor_v1(|_, _| ());
    server.answers(|_| Some(http("429 Too Many Requests", "", b"")));
    on_v1(&world, &server, &["show", "1"]).refused(3, "log-http-status");
    server.answers(|_| Some(http("200 OK", "Content-Type: text/html\r\n", b"<html>")));
    on_v1(&world, &server, &["show", "1"]).refused(3, "log-answer-malformed");
    server.answers(|_| Some(http("200 OK", "", &vec![b' '; 5 << 20])));
    on_v1(&world, &server, &["show", "1"]).refused(3, "log-answer-too-large");
    server.answers(|_| None);
    on_v1(&world, &server, &["show", "1"]).refused(2, "log-index-unknown");
}

#[test]
fn a_monitor_that_cannot_remember_says_so_alone() {
    let world = logged(&["a"]);
    let absent = ["--from", "0", "--state", "absent/state.json"];
    monitor(&world, ".attest/log", &absent).refused(3, "write-failed");
    let json = [&absent[..], &["--format", "json"]].concat();
    let ran = monitor(&world, ".attest/log", &json);
    assert_eq!(ran.exit, 3, "{ran:#?}");
    assert_eq!(ran.json()["error"]["code"], "write-failed");
    // After a fork the state stays, and is not called remembered.
    fork(&world, &["x"]);
    sign(&world, ".attest", &["b"]);
    let state = ["--state", "state.json", "--format", "json"];
    let first = monitor(&world, ".attest/log", &state).yes();
    assert_eq!(first.json()["remembered"], true);
    let forked = monitor(&world, "fork/log", &state);
    assert_eq!(
        (forked.exit, &forked.json()["remembered"]),
        (1, &false.into())
    );
    let listing = world.listing(".");
    assert!(!listing.iter().any(|it| it.contains(".tmp")), "{listing:?}");
}
