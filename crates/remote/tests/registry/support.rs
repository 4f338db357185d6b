//! The registry on the loopback: one that keeps what it is given, and others that answer as a test says.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use attest_digest::{Artifact, Digest, Hashes};
use attest_remote::Patience;
use attest_remote::registry::{INDEX, Login, Reference, RegistryOptions};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&String> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    announced: Option<usize>,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Endless,
    Dripping,
    Silent,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_vec(),
            announced: None,
            way: Way::Whole,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body that has fewer bytes than it says.
    pub(crate) fn announcing(mut self, bytes: usize) -> Self {
        self.announced = Some(bytes);
        self
    }

    pub(crate) fn endless(mut self) -> Self {
        self.way = Way::Endless;
        self
    }

    pub(crate) fn dripping(mut self) -> Self {
        self.way = Way::Dripping;
        self
    }

    pub(crate) fn silent(mut self) -> Self {
        self.way = Way::Silent;
        self
    }

    fn send(&self, stream: &mut TcpStream, is_head: bool) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += name;
            head += ": ";
            head += value;
            head += "\r\n";
        }
        let length = self.announced.unwrap_or(self.body.len());
        match self.way {
            Way::Silent => {
                thread::sleep(Duration::from_secs(30));
                Ok(())
            }
            Way::Endless | Way::Dripping => {
                write!(stream, "{head}\r\n")?;
                loop {
                    if self.way == Way::Dripping {
                        thread::sleep(Duration::from_millis(200));
                        stream.write_all(b" ")?;
                    } else {
                        stream.write_all(&[b' '; 4096])?;
                    }
                }
            }
            Way::Whole => {
                write!(stream, "{head}Content-Length: {length}\r\n\r\n")?;
                if is_head {
                    return Ok(());
                }
                stream.write_all(&self.body)
            }
        }
    }
}

pub(crate) struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// Whether a registry lists what is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    WithLists,
    WithoutLists,
}

impl Server {
    pub(crate) fn answering(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::answering_with_address(move |request, _| answer(request))
    }

    /// The handler is told where it answers.
    pub(crate) fn answering_with_address(
        answer: impl Fn(&Request, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, kept, home) = (Arc::new(answer), Arc::clone(&seen), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                let (mut stream, home) = (stream.unwrap(), home.clone());
                thread::spawn(move || {
                    let Some(request) = read(&mut stream) else {
                        return;
                    };
                    let mut seen = request.clone();
                    seen.body.truncate(4096);
                    kept.lock().unwrap().push(seen);
                    let is_head = request.method == "HEAD";
                    // Who asked may be gone: that is what many tests are about.
                    let _ = answer(&request, &home).send(&mut stream, is_head);
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn keeping(kept: Kept) -> Self {
        Self::of(&Arc::default(), kept)
    }

    /// A registry whose store the test looks into.
    pub(crate) fn of(store: &Arc<Mutex<Store>>, kept: Kept) -> Self {
        let store = Arc::clone(store);
        Self::answering(move |request| store.lock().unwrap().answer(request, kept))
    }

    /// Nobody.
    pub(crate) fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn host(&self) -> String {
        self.address.trim_start_matches("http://").to_owned()
    }

    pub(crate) fn reference(&self) -> Reference {
        Reference::parse(&format!("{}/team/tool", self.host())).unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
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
    let mut lines = head.trim_end().split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, it)| it.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}

/// A registry as the specification wants it, of one repository.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    pub(crate) tags: BTreeMap<String, String>,
    upload: Vec<u8>,
}

impl Store {
    pub(crate) fn answer(&mut self, request: &Request, kept: Kept) -> Answer {
        let path = request.path.strip_prefix("/v2/team/tool/").unwrap();
        let (kind, rest) = path.split_once('/').unwrap();
        let name = rest.split('?').next().unwrap();
        match (request.method.as_str(), kind) {
            ("POST", "blobs") => {
                self.upload.clear();
                Answer::new(202, b"").with("Location", "/v2/team/tool/upload/1")
            }
            ("PATCH", "upload") => {
                let range = request.header("content-range").unwrap();
                assert!(range.starts_with(&format!("{}-", self.upload.len())));
                self.upload.extend_from_slice(&request.body);
                Answer::new(202, b"").with("Location", "/v2/team/tool/upload/1")
            }
            ("PUT", "upload") => {
                self.upload.extend_from_slice(&request.body);
                let bytes = std::mem::take(&mut self.upload);
                let claimed = rest.split("digest=sha256%3A").nth(1).unwrap().to_owned();
                if claimed != sha256(&bytes).hex() {
                    return Answer::new(400, br#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                }
                self.blobs.insert(format!("sha256:{claimed}"), bytes);
                Answer::new(201, b"")
            }
            ("DELETE", "upload") => Answer::new(204, b""),
            ("GET" | "HEAD", "blobs") => match self.blobs.get(name) {
                Some(bytes) => Answer::new(200, bytes),
                None => Answer::new(404, b"{}"),
            },
            ("PUT", "manifests") => {
                let digest = sha256(&request.body).to_string();
                let kind = request.header("content-type").unwrap().clone();
                let kept = (kind, request.body.clone());
                self.manifests.insert(digest.clone(), kept);
                if !name.starts_with("sha256:") {
                    self.tags.insert(name.to_owned(), digest);
                }
                Answer::new(201, b"")
            }
            ("GET" | "HEAD", "manifests") => {
                let name = self.tags.get(name).map_or(name, String::as_str);
                match self.manifests.get(name) {
                    Some((kind, bytes)) => Answer::new(200, bytes).with("Content-Type", kind),
                    None => Answer::new(404, b"{}"),
                }
            }
            ("GET", "referrers") if kept == Kept::WithLists => self.list(name),
            ("GET", "tags") => {
                let tags: Vec<&String> = self.tags.keys().collect();
                let tags = json!({"name": "team/tool", "tags": tags}).to_string();
                Answer::new(200, tags.as_bytes()).with("Content-Type", "application/json")
            }
            _ => Answer::new(404, b"{}"),
        }
    }

    fn list(&self, subject: &str) -> Answer {
        let mut entries = Vec::new();
        for (digest, (kind, bytes)) in &self.manifests {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            if manifest.pointer("/subject/digest") == Some(&json!(subject)) {
                entries.push(json!({
                    "mediaType": kind,
                    "digest": digest,
                    "size": bytes.len(),
                    "annotations": {"note": "of the registry"},
                }));
            }
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        Answer::new(200, index.to_string().as_bytes()).with("Content-Type", INDEX)
    }
}

/// The same manifest, attached to another.
pub(crate) fn attached(manifest: &[u8], subject: Digest, size: usize) -> Vec<u8> {
    let mut manifest: Value = serde_json::from_slice(manifest).unwrap();
    let kind = manifest.get("mediaType").cloned();
    let subject = json!({"mediaType": kind, "digest": subject.to_string(), "size": size});
    manifest
        .as_object_mut()
        .unwrap()
        .insert("subject".to_owned(), subject);
    manifest.to_string().into_bytes()
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Artifact::of_bytes(bytes, Hashes::Sha256).sha256()
}

pub(crate) fn options() -> RegistryOptions {
    options_with(Login::anonymous())
}

pub(crate) fn options_with(login: Login) -> RegistryOptions {
    RegistryOptions {
        patience: Patience {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(2),
        },
        plain_http: Vec::new(),
        authorities: Vec::new(),
        mirrors: Vec::new(),
        realms: Vec::new(),
        login,
    }
}
