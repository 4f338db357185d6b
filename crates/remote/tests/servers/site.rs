//! Places for releases on the loopback, in memory: a repository that takes `PUT`, and GitHub's releases as
//! its documentation describes them; or with one fault.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What a site has, and what was asked of it.
#[derive(Default)]
pub(crate) struct State {
    /// Files of the repository by their paths, without the first slash.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// `METHOD path`, and the login that came with it.
    pub(crate) requests: Vec<(String, Option<String>)>,
    pub(crate) faults: Vec<(&'static str, Does, usize)>,
    pub(crate) releases: Vec<Release>,
    /// Where it says that everybody can read files, if that is not here.
    pub(crate) public: Option<String>,
    /// Whether the repository says that nobody reads it without a login.
    pub(crate) private: bool,
    /// Numbers that were given.
    next: u64,
}

/// A release of GitHub.
#[derive(Default)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) draft: bool,
    pub(crate) assets: Vec<Asset>,
}

pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// What its state is called; none: nothing is said.
    pub(crate) state: Option<&'static str>,
}

/// What a site does instead of its work.
#[derive(Clone)]
pub(crate) enum Does {
    Answer(u16, &'static str),
    /// Shows this page to everybody who asks for whatever.
    Page(&'static str),
    Redirect(String),
    Silence,
    Close,
    /// Gives half of what it should.
    Cut,
    OtherBytes,
    Endless,
    /// Does its work, and closes without an answer.
    Mute,
    /// Keeps something else, and closes without an answer.
    Keep(&'static [u8]),
    /// Says that it has kept what it has not.
    Forget,
}

pub(crate) struct Site {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Answer = (u16, String, Vec<u8>);

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (served, own) = (Arc::clone(&state), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (served, own) = (Arc::clone(&served), own.clone());
                thread::spawn(move || serve(stream.unwrap(), &served, &own));
            }
        });
        Self { address, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A fault at requests that begin so, so many times.
    pub(crate) fn fault(&self, begin: &'static str, does: Does, times: usize) {
        self.state().faults.push((begin, does, times));
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, own: &str) {
    let Some(request) = read(&mut stream) else {
        return;
    };
    let line = format!("{} {}", request.method, request.path);
    let login = request.headers.get("authorization").cloned();
    let does = {
        let mut state = state.lock().unwrap();
        state.requests.push((line.clone(), login));
        let mut faults = state.faults.iter_mut();
        let fault = faults.find(|it| it.2 > 0 && line.starts_with(it.0));
        fault.map(|it| {
            it.2 -= 1;
            it.1.clone()
        })
    };
    let (status, headers, body) = match &does {
        Some(Does::Close) => return,
        Some(Does::Silence) => return thread::sleep(Duration::from_secs(20)),
        Some(Does::Answer(status, body)) => (*status, String::new(), body.as_bytes().to_vec()),
        Some(Does::Page(page)) => {
            let header = "Content-Type: text/html; charset=utf-8\r\n".to_owned();
            (200, header, page.as_bytes().to_vec())
        }
        Some(Does::Redirect(to)) => (302, format!("Location: {to}\r\n"), Vec::new()),
        Some(Does::Keep(bytes)) => {
            let key = request.path.trim_start_matches('/').to_owned();
            state.lock().unwrap().files.insert(key, bytes.to_vec());
            return;
        }
        Some(Does::Forget) => (201, String::new(), Vec::new()),
        Some(Does::Endless) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
            return;
        }
        _ => answer(&request, &mut state.lock().unwrap(), own),
    };
    let mut body = body;
    let mut sent = body.len();
    match does {
        Some(Does::Mute) => return,
        Some(Does::Cut) => sent /= 2,
        Some(Does::OtherBytes) => body.iter_mut().for_each(|it| *it ^= 1),
        _ => {}
    }
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body[..sent]);
}

fn answer(request: &Request, state: &mut State, own: &str) -> Answer {
    if request.path == "/repos/octo/hello" {
        return says(200, &json!({ "private": state.private }));
    }
    if let Some(path) = request.path.strip_prefix("/repos/octo/hello/") {
        return api(request, path, state, own);
    }
    if let Some(path) = request.path.strip_prefix("/download/") {
        return download(path, state);
    }
    let key = request.path.trim_start_matches('/').to_owned();
    match (request.method.as_str(), state.files.get(&key)) {
        ("GET", Some(bytes)) => (200, String::new(), bytes.clone()),
        ("PUT", _) => {
            state.files.insert(key, request.body.clone());
            (201, String::new(), Vec::new())
        }
        ("GET", None) => (404, String::new(), b"<html>no".to_vec()),
        _ => (405, String::new(), Vec::new()),
    }
}

/// What everybody reads: nothing of a draft.
fn download(path: &str, state: &State) -> Answer {
    let (tag, name) = path.split_once('/').unwrap();
    let mut shown = state
        .releases
        .iter()
        .filter(|it| !it.draft && it.tag == tag);
    let asset = shown.find_map(|it| it.assets.iter().find(|it| it.name == name));
    match asset {
        Some(asset) => (200, String::new(), asset.bytes.clone()),
        None => (404, String::new(), Vec::new()),
    }
}

fn api(request: &Request, path: &str, state: &mut State, own: &str) -> Answer {
    if request.headers.get("authorization").map(String::as_str) != Some("Bearer ghp_secret") {
        return says(401, &json!({ "message": "Bad credentials" }));
    }
    let public = state.public.clone().unwrap_or_else(|| own.to_owned());
    let parts: Vec<&str> = path.split('/').collect();
    let number = |at: usize| parts.get(at).and_then(|it| it.parse::<u64>().ok());
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["releases", "tags", tag]) => {
            let mut shown = state.releases.iter();
            match shown.find(|it| it.tag == *tag && !it.draft) {
                Some(release) => says(200, &described(release, own)),
                None => says(404, &json!({ "message": "Not Found" })),
            }
        }
        ("GET", ["releases"]) => {
            let all: Vec<Value> = state.releases.iter().map(|it| described(it, own)).collect();
            says(200, &page(&all, request))
        }
        ("POST", ["releases"]) => {
            let wanted: Value = serde_json::from_slice(&request.body).unwrap();
            state.next += 1;
            let release = Release {
                id: state.next,
                tag: wanted["tag_name"].as_str().unwrap().to_owned(),
                draft: wanted["draft"] == true,
                assets: Vec::new(),
            };
            let said = described(&release, own);
            state.releases.push(release);
            says(201, &said)
        }
        ("PATCH", ["releases", _]) => {
            let wanted: Value = serde_json::from_slice(&request.body).unwrap();
            let release = of(state, number(1).unwrap());
            release.draft = wanted["draft"] == true;
            says(200, &described(release, own))
        }
        ("GET", ["releases", "assets", _]) => {
            let id = number(2).unwrap();
            let mut assets = state.releases.iter().flat_map(|it| &it.assets);
            let asset = assets.find(|it| it.id == id).unwrap();
            (200, String::new(), asset.bytes.clone())
        }
        ("DELETE", ["releases", "assets", _]) => {
            let id = number(2).unwrap();
            let all = state.releases.iter_mut();
            all.for_each(|it| it.assets.retain(|it| it.id != id));
            (204, String::new(), Vec::new())
        }
        ("GET", ["releases", _, "assets"]) => {
            let release = of(state, number(1).unwrap());
            let tag = release.tag.clone();
            let all = release.assets.iter().map(|it| asset(it, &tag, &public));
            let all: Vec<Value> = all.collect();
            says(200, &page(&all, request))
        }
        ("POST", ["releases", _, "assets"]) => {
            state.next += 1;
            let id = state.next;
            let name = request
                .query
                .split("name=")
                .nth(1)
                .unwrap()
                .replace("%2B", "+");
            let release = of(state, number(1).unwrap());
            if release.assets.iter().any(|it| it.name == name) {
                return says(422, &json!({ "message": "Validation Failed" }));
            }
            release.assets.push(Asset {
                id,
                name,
                bytes: request.body.clone(),
                state: Some("uploaded"),
            });
            let tag = release.tag.clone();
            says(201, &asset(release.assets.last().unwrap(), &tag, &public))
        }
        _ => says(404, &json!({ "message": "Not Found" })),
    }
}

fn of(state: &mut State, id: u64) -> &mut Release {
    state.releases.iter_mut().find(|it| it.id == id).unwrap()
}

fn described(release: &Release, own: &str) -> Value {
    json!({
        "id": release.id, "tag_name": release.tag, "draft": release.draft,
        "upload_url": format!("{own}/repos/octo/hello/releases/{}/assets{{?name,label}}", release.id),
    })
}

fn asset(asset: &Asset, tag: &str, public: &str) -> Value {
    json!({
        "id": asset.id, "name": asset.name, "size": asset.bytes.len(),
        "state": asset.state.map_or(Value::Null, Value::from),
        "browser_download_url": format!("{public}/download/{tag}/{}", asset.name),
    })
}

fn page(all: &[Value], request: &Request) -> Value {
    let number = request
        .query
        .split("&page=")
        .nth(1)
        .and_then(|it| it.parse().ok());
    let from: usize = (number.unwrap_or(1_usize) - 1) * 100;
    all.iter().skip(from).take(100).cloned().collect()
}

fn says(status: u16, json: &Value) -> Answer {
    let header = "Content-Type: application/json\r\n".to_owned();
    (status, header, json.to_string().into_bytes())
}

fn read(stream: &mut TcpStream) -> Option<Request> {
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
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|it| it.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    // What is cut off is not kept.
    stream.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}
