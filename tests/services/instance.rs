//! An instance: Fulcio with its certificate log, Rekor v1 and v2, a timestamp authority, an `OpenID`
//! provider, all in one server on one port.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use attest_provenance::base64;
use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::issuer::{Issuer, Signer, email};
use super::keys::{Key, sha256};
use super::log::{Log, Tree};
use crate::support::World;

pub(crate) const IDENTITY: &str = "release@example.com";
pub(crate) const FULCIO: &str = "/fulcio/api/v2/signingCert";
pub(crate) const V1: &str = "/v1/api/v1/log/entries";
pub(crate) const V2: &str = "/v2/api/v2/log/entries";
pub(crate) const TSA: &str = "/tsa";
/// Another authority, which no signing config names by itself.
pub(crate) const OTHER_TSA: &str = "/other-tsa";

/// What the server does instead of answering, as often as the number says.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Closes the connection.
    Drop,
    /// Announces more than it sends.
    Cut,
    /// Says nothing for so many seconds.
    Silent(u64),
    /// Sends without an end.
    Endless,
    /// Answers this instead: status line, headers, body.
    Answer(&'static str, &'static str, String),
    /// Answers, and changes what it answers.
    Change(fn(&mut Value)),
    /// Answers what it answered before.
    Replay,
    /// Timestamps the same message for another request: with another nonce.
    OtherNonce,
}

pub(crate) struct Instance {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    url: String,
    issuer: Issuer,
    v1: Log,
    v2: Log,
    authority: Authority,
    other_authority: Authority,
    /// What is asked of a certificate, changed by tests.
    signer: Signer,
    /// How often a path still answers, then how often it fails, and how.
    faults: BTreeMap<&'static str, (usize, usize, Fault)>,
    calls: Vec<String>,
    last: BTreeMap<String, Vec<u8>>,
    /// Entries that are in a log, by their signature.
    known: BTreeMap<String, Vec<u8>>,
    /// The files of Rekor v2's log with what it took last, if it serves them.
    tiles: Option<BTreeMap<String, Vec<u8>>>,
}

impl Instance {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let now = Timestamp::now();
        let name = |text| AuthorityName::new("instance", text).unwrap();
        let valid = Period {
            from: now - SignedDuration::from_hours(24),
            until: now + SignedDuration::from_hours(24),
        };
        let authority = |text| {
            let root = AuthorityRoot::create(&name("tsa root"), valid).unwrap();
            root.issue(&name(text), valid).unwrap()
        };
        let state = Arc::new(Mutex::new(State {
            url: url.clone(),
            issuer: Issuer::new(),
            v1: Log::v1("rekor1.example"),
            v2: Log::v2("rekor2.example", 9),
            authority: authority("tsa"),
            other_authority: authority("other tsa"),
            signer: certificate_for(IDENTITY, &url, now),
            faults: BTreeMap::new(),
            calls: Vec::new(),
            last: BTreeMap::new(),
            known: BTreeMap::new(),
            tiles: None,
        }));
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&serving);
                thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        Self {
            address: url,
            state,
        }
    }

    /// From now on the path fails so many times in this way.
    pub(crate) fn fail(&self, path: &'static str, times: usize, fault: Fault) {
        self.fail_after(path, 0, times, fault);
    }

    /// The path answers so many times, then fails so many times in this way.
    pub(crate) fn fail_after(&self, path: &'static str, good: usize, times: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.faults.insert(path, (good, times, fault));
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// From now on Rekor v2 serves the tiles of what it takes.
    pub(crate) fn serve_tiles(&self) {
        self.state.lock().unwrap().tiles = Some(BTreeMap::new());
    }

    /// Changes what certificates say.
    pub(crate) fn certify(&self, change: impl FnOnce(&mut Signer)) {
        change(&mut self.state.lock().unwrap().signer);
    }

    /// How often a path was asked.
    pub(crate) fn calls(&self, path: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.calls.iter().filter(|it| *it == path).count()
    }

    /// Writes `root.json`, `v1.json`, `v2.json` and `both.json` into a world, and `trust.json` of both.
    pub(crate) fn export(&self, world: &World) {
        let root = self.trusted_root();
        world.write("root.json", root.to_string());
        for (name, versions, rule) in [
            ("v1", &[1][..], json!({"selector": "ANY"})),
            ("v2", &[2], json!({"selector": "ANY"})),
            ("both", &[1, 2], json!({"selector": "EXACT", "count": 2})),
        ] {
            let config = self.config(versions, &rule);
            world.write(&format!("{name}.json"), config.to_string());
            let trust = json!({
                "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                "trustedRoot": root,
                "signingConfig": config,
            });
            world.write(&format!("trust-{name}.json"), trust.to_string());
        }
    }

    pub(crate) fn config(&self, versions: &[u32], rule: &Value) -> Value {
        let service = |path: &str, version: u32, operator: &str| {
            json!({
                "url": format!("{}{path}", self.address), "majorApiVersion": version,
                "operator": operator, "validFor": {"start": "2026-01-01T00:00:00Z"},
            })
        };
        let logs: Vec<Value> = versions
            .iter()
            .map(|it| service(&format!("/v{it}"), *it, &format!("operator {it}")))
            .collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service("/fulcio", 1, "a")],
            "oidcUrls": [service("/oidc", 1, "a")],
            "rekorTlogUrls": logs,
            "tsaUrls": [service(TSA, 1, "a")],
            "rekorTlogConfig": rule,
            "tsaConfig": {"selector": "ANY"},
        })
    }

    fn trusted_root(&self) -> Value {
        let state = self.state.lock().unwrap();
        let authorities = [(&state.authority, TSA), (&state.other_authority, OTHER_TSA)];
        let authorities = authorities.map(|(authority, path)| trusted(authority, &state.url, path));
        let mut root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [state.v1.trusted(), state.v2.trusted()],
            "certificateAuthorities": [],
            "ctlogs": [],
            "timestampAuthorities": authorities,
        });
        state.issuer.trust_in(&mut root);
        root
    }

    /// A token of this provider, changed.
    pub(crate) fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": self.address, "aud": "sigstore", "sub": "7", "email": IDENTITY,
            "email_verified": true, "iat": now - 5, "nbf": now - 5, "exp": now + 300,
        });
        change(&mut claims);
        token_of(&claims)
    }
}

/// A timestamp authority in a trusted root.
fn trusted(authority: &Authority, url: &str, path: &str) -> Value {
    let pem = authority.chain_pem();
    let certificates = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let certificates = certificates.map(|it| {
        let data = it.split("-----END").next().unwrap();
        let data: String = data.split_whitespace().collect();
        json!({ "rawBytes": data })
    });
    json!({
        "subject": {"organization": "instance", "commonName": &path[1..]},
        "uri": format!("{url}{path}"),
        "certChain": {"certificates": certificates.collect::<Vec<_>>()},
        "validFor": {"start": "2026-01-01T00:00:00Z"},
    })
}

/// Anything can be claimed: nobody but a certificate authority checks who signed.
pub(crate) fn token_of(claims: &Value) -> String {
    let part = |bytes: &[u8]| {
        let text = base64::encode(bytes).replace('+', "-").replace('/', "_");
        text.trim_end_matches('=').to_owned()
    };
    let header = part(br#"{"alg":"ES256"}"#);
    format!(
        "{header}.{}.{}",
        part(claims.to_string().as_bytes()),
        part(b"nobody checks this")
    )
}

/// As Fulcio writes them, valid for ten minutes.
pub(crate) fn certificate_for(identity: &str, issuer: &str, now: Timestamp) -> Signer {
    let time = |seconds: i64| -> &'static str {
        let time = now + SignedDuration::from_secs(seconds);
        time.strftime("%Y%m%d%H%M%SZ").to_string().leak()
    };
    let issuer: &'static str = issuer.to_owned().leak();
    Signer {
        names: vec![email(identity)],
        issuer: Some(issuer),
        old_issuer: Some(issuer),
        validity: (time(-10), time(590)),
        ..Signer::default()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some((path, body)) = request(&mut stream) else {
        return;
    };
    let fault = {
        let mut state = state.lock().unwrap();
        state.calls.push(path.clone());
        let fault = state.faults.get_mut(path.as_str());
        fault.and_then(|(good, left, fault)| {
            if *good > 0 {
                *good -= 1;
                return None;
            }
            *left = left.checked_sub(1)?;
            Some(fault.clone())
        })
    };
    match fault {
        Some(Fault::Drop) => {}
        Some(Fault::Silent(seconds)) => thread::sleep(Duration::from_secs(seconds)),
        Some(Fault::Cut) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{\"cut\":");
        }
        Some(Fault::Endless) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nConnection: close\r\n\r\n");
            while stream.write_all(&vec![b' '; 65536]).is_ok() {}
        }
        Some(Fault::Answer(status, headers, body)) => {
            send(&mut stream, status, headers, body.as_bytes());
        }
        Some(Fault::Change(change)) => answer(&mut stream, state, &path, &body, Some(change)),
        Some(Fault::Replay) => {
            let last = state.lock().unwrap().last.get(&path).cloned().unwrap();
            let kind = if path == TSA {
                "Content-Type: application/timestamp-reply\r\n"
            } else {
                ""
            };
            send(&mut stream, "200 OK", kind, &last);
        }
        Some(Fault::OtherNonce) => {
            // `TimeStampReq` (RFC 3161) ends with the nonce and `certReq TRUE`.
            let mut body = body;
            assert!(path == TSA && body.ends_with(&[0x01, 0x01, 0xff]));
            let last = body.len() - 4;
            body[last] ^= 1;
            answer(&mut stream, state, &path, &body, None);
        }
        None => answer(&mut stream, state, &path, &body, None),
    }
}

fn answer(
    stream: &mut TcpStream,
    state: &Mutex<State>,
    path: &str,
    body: &[u8],
    change: Option<fn(&mut Value)>,
) {
    let mut state = state.lock().unwrap();
    if path == TSA || path == OTHER_TSA {
        let authority = if path == TSA {
            &state.authority
        } else {
            &state.other_authority
        };
        let answer = authority.respond(body, Timestamp::now()).unwrap();
        state.last.insert(path.to_owned(), answer.clone());
        send(
            stream,
            "200 OK",
            "Content-Type: application/timestamp-reply\r\n",
            &answer,
        );
        return;
    }
    if let Some(id) = path.strip_prefix(&format!("{V1}/")) {
        let known = state.known.get(id).cloned();
        let known = known.unwrap_or_else(|| b"{}".to_vec());
        send(stream, "200 OK", "", &known);
        return;
    }
    if let (Some(tiles), true) = (&state.tiles, body.is_empty()) {
        match tiles.get(path) {
            Some(tile) => send(stream, "200 OK", "", tile),
            None => send(stream, "404 Not Found", "", b""),
        }
        return;
    }
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        send(stream, "400 Bad Request", "", b"{\"message\":\"no JSON\"}");
        return;
    };
    let mut answer = match path {
        FULCIO => certificate(&state, &asked),
        V1 => entry_v1(&mut state, &asked),
        V2 => entry_v2(&mut state, &asked),
        _ => {
            send(stream, "404 Not Found", "", b"{}");
            return;
        }
    };
    if let Some(change) = change {
        change(&mut answer);
    }
    let answer = answer.to_string().into_bytes();
    state.last.insert(path.to_owned(), answer.clone());
    send(
        stream,
        "201 Created",
        "Content-Type: application/json\r\n",
        &answer,
    );
}

fn certificate(state: &State, asked: &Value) -> Value {
    assert!(asked["credentials"]["oidcIdentityToken"].is_string());
    let request = base64::decode(asked["certificateSigningRequest"].as_str().unwrap()).unwrap();
    let request = String::from_utf8(request).unwrap();
    let lines: Vec<&str> = request.lines().filter(|it| !it.starts_with('-')).collect();
    let request = base64::decode(&lines.concat()).unwrap();
    // A P-256 SubjectPublicKeyInfo has 91 bytes; its first 27 are always the same.
    let start = Key::p256().spki()[..27].to_vec();
    let at = request.windows(27).position(|it| it == start).unwrap();
    let certificate = state
        .issuer
        .issue(&state.signer, request[at..at + 91].to_vec());
    let pem = |der: &[u8]| {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            base64::encode(der)
        )
    };
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [
        pem(&certificate), pem(&state.issuer.root),
    ]}}})
}

fn entry_v2(state: &mut State, asked: &Value) -> Value {
    let request = &asked["hashedRekordRequestV002"];
    let verifier = &request["signature"]["verifier"];
    let kind = if verifier.get("publicKey").is_some() {
        "publicKey"
    } else {
        "x509Certificate"
    };
    let body = format!(
        concat!(
            r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"#,
            r#""data":{{"algorithm":"SHA2_256","digest":{}}},"signature":{{"content":{},"#,
            r#""verifier":{{"keyDetails":{},"{}":{{"rawBytes":{}}}}}}}}}}}}}"#
        ),
        request["digest"],
        request["signature"]["content"],
        verifier["keyDetails"],
        kind,
        verifier[kind]["rawBytes"],
    );
    if let Some(tiles) = &mut state.tiles {
        *tiles = tiles_of(&state.v2, body.as_bytes(), 5, 11);
    }
    state
        .v2
        .entry("hashedrekord", "0.0.2", body.as_bytes(), 5, 11)
}

/// The files of the tree that has this body at that place (C2SP tlog-tiles), of at most 256 leaves.
fn tiles_of(log: &Log, body: &[u8], index: u64, size: u64) -> BTreeMap<String, Vec<u8>> {
    let others = |at| format!("other leaf {at}").into_bytes();
    let leaf = |at| {
        if at == index {
            body.to_vec()
        } else {
            others(at)
        }
    };
    let leaves: Vec<Vec<u8>> = (0..size).map(leaf).collect();
    let hashes = leaves
        .iter()
        .map(|it| sha256(&[&[0], it.as_slice()].concat()));
    let entries = leaves.iter().map(|it| {
        let length = u16::try_from(it.len()).unwrap();
        [&length.to_be_bytes()[..], it].concat()
    });
    let root = Tree::with(body, index, size).root();
    let files = [
        (
            "checkpoint".to_owned(),
            log.checkpoint(size, &root).into_bytes(),
        ),
        (format!("tile/0/000.p/{size}"), hashes.flatten().collect()),
        (
            format!("tile/entries/000.p/{size}"),
            entries.flatten().collect(),
        ),
    ];
    files
        .map(|(name, bytes)| (format!("/v2/{name}"), bytes))
        .into()
}

fn entry_v1(state: &mut State, asked: &Value) -> Value {
    let kind = asked["kind"].as_str().unwrap();
    let body = if kind == "hashedrekord" {
        asked.clone()
    } else {
        let content = &asked["spec"]["proposedContent"];
        let text = content["envelope"].as_str().unwrap();
        let envelope: Value = serde_json::from_str(text).unwrap();
        let payload = base64::decode(envelope["payload"].as_str().unwrap()).unwrap();
        let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex::encode(super::keys::sha256(bytes))});
        json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": hash(text.as_bytes()),
            "payloadHash": hash(&payload),
            "signatures": [{
                "signature": envelope["signatures"][0]["sig"],
                "verifier": content["verifiers"][0],
            }],
        }})
    };
    // serde_json sorts the keys, which is the canonical form of this.
    let body = body.to_string().into_bytes();
    let time = u64::try_from(Timestamp::now().as_second()).unwrap();
    let entry = state.v1.entry(kind, "0.0.1", &body, 5, 11);
    let proof = &entry["inclusionProof"];
    let unbase = |it: &Value| hex::encode(base64::decode(it.as_str().unwrap()).unwrap());
    let hashes: Vec<String> = proof["hashes"]
        .as_array()
        .unwrap()
        .iter()
        .map(unbase)
        .collect();
    let answer = json!({ "24296fb24b8ad77a": {
        "body": base64::encode(&body),
        "integratedTime": time,
        "logID": hex::encode(state.v1.id()),
        "logIndex": 1005,
        "verification": {
            "inclusionProof": {
                "checkpoint": proof["checkpoint"]["envelope"],
                "hashes": hashes, "logIndex": 5, "treeSize": 11, "rootHash": unbase(&proof["rootHash"]),
            },
            "signedEntryTimestamp": base64::encode(&state.v1.promise(&body, time, 1005)),
        },
    }});
    state
        .known
        .insert(ENTRY_ID.to_owned(), answer.to_string().into_bytes());
    answer
}

/// Where the last entry of the Rekor v1 log is found.
pub(crate) const ENTRY_ID: &str =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1)?.to_owned();
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|it| it.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((path, body))
}

fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}
