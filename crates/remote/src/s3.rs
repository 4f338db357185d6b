//! Buckets of S3 and of what speaks like it: the only file that names `rusty-s3`.
//!
//! The library signs addresses and reads lists; what is sent, and what is believed, is ours. An upload
//! carries its SHA-256, so that the server keeps nothing else, and `If-None-Match: *`, so that it keeps
//! what it has.

mod address;
mod replica;
mod target;

use std::io::Read;
use std::time::{Duration, Instant};

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::base64;
use jiff::{SignedDuration, Timestamp};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use crate::http::Patience;
use crate::http::Url;
use crate::http::exchange::{Answer, Exchange, Request, SendError, Sent, Verb};
use crate::limits::{LISTING_BYTES, LISTING_PAGES, OBJECT_BYTES, PLACE_ANSWER_BYTES};
use crate::place::{PlaceError, PlainHttp, parse_url, said};

pub use address::S3Address;
pub use replica::S3Replica;
pub use target::S3Target;

/// How a bucket is reached.
#[derive(Clone)]
pub struct S3Settings {
    /// Where the service is; none: Amazon's, in that region.
    pub endpoint: Option<String>,
    /// The region, part of every signature; none: the first that Amazon had, which others take too.
    pub region: Option<String>,
    /// Who asks; none: anybody, which is enough to read what is public.
    pub credentials: Option<S3Credentials>,
    /// Whether it may be called without TLS.
    pub plain_http: PlainHttp,
    /// How long it is waited for.
    pub patience: Patience,
    /// PEM certificates of authorities that are trusted beside the system's.
    pub authorities: Vec<u8>,
    /// The time now, which every signature carries.
    pub now: Timestamp,
}

/// Who asks. It is never printed.
#[derive(Clone)]
pub struct S3Credentials(Credentials);

impl S3Credentials {
    /// An access key, its secret, and the token of a session.
    pub fn new(key: &str, secret: &str, token: Option<&str>) -> Self {
        Self(match token {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        })
    }
}

impl std::fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// The objects of a bucket whose names begin with a prefix.
pub(crate) struct ObjectStore {
    name: String,
    prefix: String,
    bucket: Bucket,
    credentials: Option<Credentials>,
    exchange: Exchange,
    started: (Timestamp, Instant),
}

/// What is there under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) size: u64,
    /// What tells this content from another, as the place says.
    pub(crate) tag: String,
}

/// Whether something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was not there.
    New,
    /// There was one, and it stays.
    Exists,
}

/// Under which condition an object is written.
#[derive(Clone, Copy)]
enum Condition<'a> {
    Absent,
    Still(&'a str),
}

impl ObjectStore {
    /// Nothing is sent yet.
    pub(crate) fn new(address: &S3Address, settings: &S3Settings) -> Result<Self, PlaceError> {
        let refused = |place: &str, problem: String| PlaceError::Address {
            place: place.to_owned(),
            problem,
        };
        let region = settings.region.as_deref().unwrap_or("us-east-1");
        let is_region = |it: &str| {
            !it.is_empty()
                && it
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        if !is_region(region) {
            return Err(refused(region, "it is no region".to_owned()));
        }
        let amazon = format!("https://s3.{region}.amazonaws.com");
        let endpoint = settings.endpoint.as_deref().unwrap_or(&amazon);
        let url = parse_url(endpoint, settings.plain_http)?;
        let has_own_host = settings.endpoint.is_none() && !address.bucket().contains('.');
        let style = if has_own_host {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let bucket = Bucket::new(url, style, address.bucket().to_owned(), region.to_owned())
            .map_err(|error| refused(endpoint, error.to_string()))?;
        let name = address.to_string();
        let exchange = Exchange::new(bucket.base_url(), settings.patience, &settings.authorities);
        Ok(Self {
            exchange: exchange.map_err(|source| PlaceError::Dial {
                place: name.clone(),
                source,
            })?,
            name,
            prefix: address.key_prefix(),
            bucket,
            credentials: settings.credentials.as_ref().map(|it| it.0.clone()),
            started: (settings.now, Instant::now()),
        })
    }

    /// As [`Self::new`]; who writes must say who they are.
    pub(crate) fn for_writing(
        address: &S3Address,
        settings: &S3Settings,
    ) -> Result<Self, PlaceError> {
        if settings.credentials.is_none() {
            return Err(PlaceError::Credentials {
                place: address.to_string(),
                problem: "writing needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
            });
        }
        Self::new(address, settings)
    }

    /// `s3://bucket/prefix`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is there under that name, by its head.
    pub(crate) fn head(&self, name: &str) -> Result<Option<Object>, PlaceError> {
        let key = self.key(name);
        let action = self.bucket.head_object(self.credentials.as_ref(), &key);
        let answer = self.ask(Verb::Head, self.sign(&action), Vec::new(), Sent::Nothing, 0)?;
        match answer.status() {
            200 => self.object(&answer).map(Some),
            404 => Ok(None),
            _ => Err(self.refusal(answer)),
        }
    }

    /// A stream of what is there under that name, which should have about so many bytes.
    pub(crate) fn open(
        &self,
        name: &str,
        expected: u64,
    ) -> Result<Option<(Object, impl Read + '_)>, PlaceError> {
        let key = self.key(name);
        let action = self.bucket.get_object(self.credentials.as_ref(), &key);
        let url = self.sign(&action);
        let answer = self.ask(Verb::Get, url, Vec::new(), Sent::Nothing, expected)?;
        match answer.status() {
            200 => Ok(Some((self.object(&answer)?, answer))),
            404 => self.absent(answer),
            _ => Err(self.refusal(answer)),
        }
    }

    /// The bytes that are there under that name.
    pub(crate) fn read(
        &self,
        name: &str,
        most: u64,
    ) -> Result<Option<(Vec<u8>, String)>, PlaceError> {
        let Some((object, stream)) = self.open(name, most)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = stream.take(most.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.malformed(error.to_string()))?;
        if bytes.len() as u64 > most {
            return Err(self.too_large(name.to_owned(), most));
        }
        if bytes.len() as u64 != object.size {
            return Err(self.malformed(format!("{name} ends too early")));
        }
        Ok(Some((bytes, object.tag)))
    }

    /// Makes an object of these very bytes, unless there is one under that name.
    pub(crate) fn create(
        &self,
        name: &str,
        (sha256, size): (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError> {
        if size > OBJECT_BYTES {
            return Err(self.too_large(name.to_owned(), OBJECT_BYTES));
        }
        let body = if size == 0 {
            Sent::Bytes(Vec::new())
        } else {
            Sent::Stream {
                source,
                size,
                sha256,
            }
        };
        self.put(name, sha256, Condition::Absent, body)
    }

    /// Makes a small object, unless there is one under that name.
    pub(crate) fn create_bytes(&self, name: &str, bytes: &[u8]) -> Result<Created, PlaceError> {
        let sha256 = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
        let body = Sent::Bytes(bytes.to_vec());
        self.put(name, sha256, Condition::Absent, body)
    }

    /// Replaces an object, if it is still the one with that tag.
    pub(crate) fn replace(
        &self,
        name: &str,
        tag: &str,
        bytes: &[u8],
    ) -> Result<Created, PlaceError> {
        let sha256 = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
        let body = Sent::Bytes(bytes.to_vec());
        self.put(name, sha256, Condition::Still(tag), body)
    }

    fn put(
        &self,
        name: &str,
        sha256: Digest,
        condition: Condition<'_>,
        body: Sent<'_>,
    ) -> Result<Created, PlaceError> {
        let key = self.key(name);
        let mut action = self.bucket.put_object(self.credentials.as_ref(), &key);
        let checksum = base64::encode(sha256.as_bytes());
        let condition = match condition {
            Condition::Absent => ("if-none-match", "*".to_owned()),
            Condition::Still(tag) => ("if-match", tag.to_owned()),
        };
        let headers = vec![condition, ("x-amz-checksum-sha256", checksum)];
        for (name, value) in &headers {
            action.headers_mut().insert(*name, value.clone());
        }
        let answer = self.ask(Verb::Put, self.sign(&action), headers, body, 0)?;
        match answer.status() {
            200 => Ok(Created::New),
            412 => Ok(Created::Exists),
            _ => Err(self.refusal(answer)),
        }
    }

    /// The names below a folder, as the place lists them.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>, PlaceError> {
        let prefix = self.key(folder);
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..LISTING_PAGES {
            let page = self.page(&prefix, token.as_deref())?;
            let keys = page.contents.into_iter().map(|it| it.key);
            names.extend(keys.filter_map(|it| it.strip_prefix(&prefix).map(str::to_owned)));
            match page.next_continuation_token {
                None => return Ok(names),
                next if next == token => {
                    return Err(self.malformed("its list begins again and again".to_owned()));
                }
                next => token = next,
            }
        }
        Err(self.too_large("its list".to_owned(), LISTING_BYTES))
    }

    fn page(
        &self,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<rusty_s3::actions::ListObjectsV2Response, PlaceError> {
        let mut action = self.bucket.list_objects_v2(self.credentials.as_ref());
        action.with_prefix(prefix);
        if let Some(token) = token {
            action.with_continuation_token(token);
        }
        let answer = self.ask(
            Verb::Get,
            self.sign(&action),
            Vec::new(),
            Sent::Nothing,
            LISTING_BYTES,
        )?;
        if answer.status() != 200 {
            return Err(self.refusal(answer));
        }
        let bytes = answer.bytes(LISTING_BYTES);
        let bytes = bytes.map_err(|source| self.dial(source))?;
        let bytes = bytes.ok_or_else(|| self.too_large("its list".to_owned(), LISTING_BYTES))?;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| self.malformed("its list is not UTF-8".to_owned()))?;
        ListObjectsV2::parse_response(&text)
            .map_err(|_| self.malformed("what should be a list is none".to_owned()))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn sign<'a>(&self, action: &impl S3Action<'a>) -> Url {
        let (time, since) = self.started;
        let passed = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
        let now = time.checked_add(passed).unwrap_or(time);
        action.sign_with_time(VALID, &now)
    }

    fn ask(
        &self,
        method: Verb,
        url: Url,
        headers: Vec<(&'static str, String)>,
        body: Sent<'_>,
        expected: u64,
    ) -> Result<Answer<'_>, PlaceError> {
        let request = Request {
            method,
            url,
            headers,
            body,
            expected,
        };
        self.exchange.send(request).map_err(|error| match error {
            SendError::Dial(source) => self.dial(source),
            SendError::Source(source) => PlaceError::Source {
                place: self.name.clone(),
                source,
            },
        })
    }

    fn object(&self, answer: &Answer<'_>) -> Result<Object, PlaceError> {
        let size = answer
            .header("content-length")
            .and_then(|it| it.parse().ok());
        let tag = answer.header("etag").map(str::to_owned);
        match (size, tag) {
            (Some(size), Some(tag)) => Ok(Object { size, tag }),
            _ => Err(self.malformed("it says neither size nor tag of an object".to_owned())),
        }
    }

    /// An object that is not there, or a bucket that is not.
    fn absent<T>(&self, answer: Answer<'_>) -> Result<Option<T>, PlaceError> {
        let body = answer.bytes(PLACE_ANSWER_BYTES);
        let body = body
            .map_err(|source| self.dial(source))?
            .unwrap_or_default();
        match code_in(&body).as_deref() {
            // Others than Amazon say it in their own words, if at all.
            Some("NoSuchKey" | "NotFound") | None => Ok(None),
            Some(code) => Err(PlaceError::Status {
                place: self.name.clone(),
                status: 404,
                said: said(code),
            }),
        }
    }

    /// Why an answer is none.
    fn refusal(&self, answer: Answer<'_>) -> PlaceError {
        let status = answer.status();
        let place = self.name.clone();
        if (300..400).contains(&status) {
            let host = self.exchange.host().to_owned();
            return self.dial(crate::dial::DialError::Redirect { host, status });
        }
        let body = answer.bytes(PLACE_ANSWER_BYTES).ok().flatten();
        let code = body.and_then(|body| code_in(&body));
        let said = code.map_or_else(String::new, |code| said(&code));
        match status {
            401 | 403 => PlaceError::Denied {
                place,
                status,
                said,
            },
            _ => PlaceError::Status {
                place,
                status,
                said,
            },
        }
    }

    fn dial(&self, source: crate::dial::DialError) -> PlaceError {
        PlaceError::Dial {
            place: self.name.clone(),
            source,
        }
    }

    fn malformed(&self, problem: String) -> PlaceError {
        PlaceError::Malformed {
            place: self.name.clone(),
            problem,
        }
    }

    fn too_large(&self, what: String, most: u64) -> PlaceError {
        PlaceError::TooLarge {
            place: self.name.clone(),
            what,
            most,
        }
    }
}

/// The word that S3 has for an error: `<Error><Code>AccessDenied</Code>…`.
fn code_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    Some(code.to_owned())
}

/// How long a signed address holds.
const VALID: Duration = Duration::from_secs(15 * 60);
