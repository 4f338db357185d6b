//! A bucket on the loopback, in memory: as S3 documents it, or with one fault.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What a bucket has, and what was asked of it.
#[derive(Default)]
pub(crate) struct State {
    /// Objects by their keys.
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    /// `METHOD key`, in their order.
    pub(crate) requests: Vec<String>,
    /// What it does instead of its work; the first whose test says so.
    pub(crate) faults: Vec<Fault>,
    /// It makes and replaces whatever the condition.
    pub(crate) ignores: Ignores,
    /// Names on one page of a list.
    pub(crate) page: usize,
}

/// Which conditions of a write are not looked at.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ignores {
    #[default]
    Nothing,
    Absence,
    Tags,
}

/// One fault.
#[derive(Clone)]
pub(crate) struct Fault {
    /// How the request's line begins: `PUT blobs/`.
    pub(crate) begin: &'static str,
    pub(crate) does: Does,
    /// So many times; then it is mended.
    pub(crate) times: usize,
}

#[derive(Clone)]
pub(crate) enum Does {
    /// Answers with this status and body.
    Answer(u16, &'static str),
    /// Wants to be asked elsewhere.
    Redirect(String),
    /// Says nothing for a while, then goes.
    Silence,
    /// Closes at once.
    Close,
    /// Gives half of the answer's body.
    Cut,
    /// Gives the right head, and other bytes.
    OtherBytes,
    /// Gives bytes without end.
    Endless,
    /// Does its work, and closes without an answer.
    Mute,
}

pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            page: 1000,
            ..State::default()
        }));
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let served = Arc::clone(&served);
                thread::spawn(move || serve(stream.unwrap(), &served));
            }
        });
        Self { endpoint, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fault(&self, begin: &'static str, does: Does) {
        self.fault_times(begin, does, usize::MAX);
    }

    pub(crate) fn fault_times(&self, begin: &'static str, does: Does, times: usize) {
        self.state().faults.push(Fault { begin, does, times });
    }

    /// The keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }
}

struct Request {
    method: String,
    /// Below the bucket.
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = read_head(&mut stream) else {
        return;
    };
    check_signature(&request);
    let line = format!("{} {}", request.method, request.key);
    let does = {
        let mut state = state.lock().unwrap();
        state.requests.push(line.clone());
        let fault = state
            .faults
            .iter_mut()
            .find(|it| it.times > 0 && line.starts_with(it.begin));
        fault.map(|it| {
            it.times -= 1;
            it.does.clone()
        })
    };
    match does {
        Some(Does::Close) => return,
        Some(Does::Silence) => {
            thread::sleep(Duration::from_secs(20));
            return;
        }
        Some(Does::Answer(status, body)) => {
            drain(&mut stream, &request);
            return respond(&mut stream, &request, status, "", body.as_bytes());
        }
        Some(Does::Redirect(to)) => {
            drain(&mut stream, &request);
            let header = format!("Location: {to}\r\n");
            return respond(&mut stream, &request, 307, &header, b"");
        }
        Some(Does::Endless) => {
            let head = "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
            return;
        }
        _ => {}
    }
    let Some((status, headers, mut body)) = answer(&mut stream, &request, state) else {
        return;
    };
    match does {
        Some(Does::Mute) => return,
        Some(Does::OtherBytes) => body.iter_mut().for_each(|it| *it ^= 1),
        Some(Does::Cut) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body[..body.len() / 2]);
            return;
        }
        _ => {}
    }
    respond(&mut stream, &request, status, &headers, &body);
}

fn answer(
    stream: &mut TcpStream,
    request: &Request,
    state: &Mutex<State>,
) -> Option<(u16, String, Vec<u8>)> {
    let body = match request.method.as_str() {
        // What is cut off is not kept.
        "PUT" => read_body(stream, request)?,
        _ => Vec::new(),
    };
    let mut state = state.lock().unwrap();
    let there = state.objects.get(&request.key).cloned();
    Some(match (request.method.as_str(), there) {
        ("PUT", there) => put(&mut state, request, there.as_deref(), body),
        ("GET", _) if request.key.is_empty() => (200, String::new(), list(&state, request)),
        ("GET" | "HEAD", Some(bytes)) => (200, format!("ETag: {}\r\n", tag(&bytes)), bytes),
        ("GET" | "HEAD", None) => (404, String::new(), error("NoSuchKey")),
        _ => (405, String::new(), error("MethodNotAllowed")),
    })
}

fn put(
    state: &mut State,
    request: &Request,
    there: Option<&[u8]>,
    body: Vec<u8>,
) -> (u16, String, Vec<u8>) {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let sum = attest_digest::Artifact::of_bytes(&body, attest_digest::Hashes::Sha256).sha256();
    let sum = attest_provenance::base64::encode(sum.as_bytes());
    if header("x-amz-checksum-sha256") != Some(&sum) {
        return (400, String::new(), error("BadDigest"));
    }
    let wants_absence = header("if-none-match") == Some("*") && state.ignores != Ignores::Absence;
    let is_other = |wanted: &str| there.is_none_or(|it| tag(it) != wanted);
    let wants_other = header("if-match").is_some_and(is_other) && state.ignores != Ignores::Tags;
    if wants_absence && there.is_some() || wants_other {
        return (412, String::new(), error("PreconditionFailed"));
    }
    let headers = format!("ETag: {}\r\n", tag(&body));
    state.objects.insert(request.key.clone(), body);
    (200, headers, Vec::new())
}

fn list(state: &State, request: &Request) -> Vec<u8> {
    let prefix = request.query.get("prefix").map_or("", String::as_str);
    let after = request.query.get("continuation-token");
    let mut keys = state
        .objects
        .keys()
        .filter(|it| it.starts_with(prefix) && after.is_none_or(|after| *it > after));
    let page: Vec<&String> = keys.by_ref().take(state.page).collect();
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
    );
    for key in &page {
        let size = state.objects[*key].len();
        write!(
            text,
            "<Contents><Key>{key}</Key><Size>{size}</Size></Contents>"
        )
        .unwrap();
    }
    if let (Some(last), true) = (page.last(), keys.next().is_some()) {
        write!(
            text,
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
        )
        .unwrap();
    } else {
        text.push_str("<IsTruncated>false</IsTruncated>");
    }
    text.push_str("</ListBucketResult>");
    text.into_bytes()
}

fn error(code: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>")
        .into_bytes()
}

/// A tag is opaque: ours is no MD5.
fn tag(bytes: &[u8]) -> String {
    let sha256 = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256).sha256();
    format!("\"{}\"", &sha256.hex()[..32])
}

/// Every request is signed, and what it depends on is part of what is signed.
fn check_signature(request: &Request) {
    let Some(signed) = request.query.get("X-Amz-SignedHeaders") else {
        return;
    };
    assert!(request.query.contains_key("X-Amz-Signature"));
    for name in request.headers.keys() {
        let matters = name.starts_with("x-amz-") || name.starts_with("if-");
        assert!(!matters || signed.split(';').any(|it| it == name), "{name}");
    }
}

fn read_head(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let method = first.next()?.to_owned();
    let (path, query) = first.next()?.split_once('?').unwrap_or_default();
    let key = path.strip_prefix("/releases").unwrap_or("?");
    let pairs = query.split('&').filter_map(|it| it.split_once('='));
    Some(Request {
        method,
        key: key.trim_start_matches('/').to_owned(),
        query: pairs
            .map(|(name, value)| (name.to_owned(), plain(value)))
            .collect(),
        headers: lines
            .filter_map(|it| it.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
    })
}

/// Without percent signs.
fn plain(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        plain.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        plain.push_str(rest);
    }
    plain
}

fn read_body(stream: &mut TcpStream, request: &Request) -> Option<Vec<u8>> {
    let length = request.headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn drain(stream: &mut TcpStream, request: &Request) {
    if request.method == "PUT" {
        read_body(stream, request);
    }
}

fn respond(stream: &mut TcpStream, request: &Request, status: u16, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    if request.method != "HEAD" {
        let _ = stream.write_all(body);
    }
}
