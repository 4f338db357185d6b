//! A conversation with a service that may lead to others: every answer is bounded in time, read as far
//! as the caller wants, and no redirect is followed here.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, Url};
use tokio::runtime::Runtime;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::{Patience, builder, chain, runtime};
use crate::dial::DialError;

/// A client for several hosts, which share connections and what they are trusted by.
#[derive(Debug)]
pub(crate) struct Talk {
    client: Client,
    runtime: Runtime,
    patience: Patience,
    allowance: Mutex<Option<Allowance>>,
}

/// How long all answers together are waited for.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    whole: Duration,
    left: Duration,
}

/// What is done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) verb: Verb,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: Option<Vec<u8>>,
    /// Bytes that are to come back: for so many, and no more, patience grows as they come.
    pub(crate) size: u64,
}

/// An answer whose body was not read yet.
#[derive(Debug)]
pub(crate) struct Answer<'t> {
    talk: &'t Talk,
    host: String,
    response: Response,
    /// How long it is waited for in all, and how long it was.
    limit: Duration,
    waited: Duration,
    /// Bytes for which more time is given when they have come.
    expected: u64,
    rest: Vec<u8>,
    taken: usize,
}

impl Talk {
    /// A client that trusts these certification authorities (PEM) beside the system's.
    ///
    /// # Errors
    /// No PEM certificates, or this machine cannot make connections.
    pub(crate) fn new(patience: Patience, authorities: &[u8]) -> Result<Self, DialError> {
        let client = builder(patience, authorities)?
            .build()
            .map_err(|error| DialError::Client(chain(&error)))?;
        Ok(Self {
            client,
            runtime: runtime()?,
            patience,
            allowance: Mutex::new(None),
        })
    }

    /// From now on all answers together are waited for so long, and longer where much is moved: many
    /// answers, each of them in time, are not.
    pub(crate) fn allow(&self, whole: Duration) {
        let left = whole;
        *self.allowance() = Some(Allowance { whole, left });
    }

    /// Asks, and waits for the head of the answer.
    ///
    /// # Errors
    /// Nobody answers, or not in time.
    pub(crate) fn ask(&self, ask: Ask<'_>) -> Result<Answer<'_>, DialError> {
        let host = ask.url.host_str().unwrap_or_default().to_owned();
        let sent = ask.body.as_ref().map_or(0, |it| it.len() as u64);
        let limit = self.patience.total + self.more(sent);
        let given = self.allowed(&host, limit)?;
        let mut headers = HeaderMap::new();
        for (name, value) in ask.headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                DialError::Client(format!("{name} has a value that no header can have"))
            })?;
            value.set_sensitive(*name == "authorization");
            headers.append(HeaderName::from_static(name), value);
        }
        let mut request = self
            .client
            .request(method(ask.verb), ask.url.clone())
            .headers(headers);
        if let Some(body) = ask.body {
            request = request.body(body);
        }
        let (waited, response) = self.wait(given, request.send());
        let response = match response {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(broken(host, given, &error)),
            Err(_) => return Err(DialError::Slow { host, limit: given }),
        };
        Ok(Answer {
            talk: self,
            host,
            response,
            limit,
            waited,
            expected: ask.size,
            rest: Vec::new(),
            taken: 0,
        })
    }

    /// Waits, where a service asks for it.
    pub(crate) fn pause(&self, time: Duration) {
        let _ = self.wait(time, std::future::pending::<()>());
    }

    /// The time that a slow line needs for bytes that move. An allowance grows with it.
    fn more(&self, bytes: u64) -> Duration {
        let moving = Duration::from_micros(bytes.saturating_mul(1_000_000) / SLOWEST);
        if let Some(allowed) = self.allowance().as_mut() {
            allowed.left += moving;
        }
        moving
    }

    /// So long, or what is left of an allowance.
    fn allowed(&self, host: &str, limit: Duration) -> Result<Duration, DialError> {
        match *self.allowance() {
            Some(allowed) if allowed.left.is_zero() => Err(DialError::Slow {
                host: host.to_owned(),
                limit: allowed.whole,
            }),
            Some(allowed) => Ok(limit.min(allowed.left)),
            None => Ok(limit),
        }
    }

    /// Waits so long at most, says how long it was, and takes it from what is allowed.
    fn wait<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> (Duration, Result<T, Elapsed>) {
        let from = Instant::now();
        let outcome = self.runtime.block_on(async { timeout(limit, work).await });
        let waited = from.elapsed();
        if let Some(allowed) = self.allowance().as_mut() {
            allowed.left = allowed.left.saturating_sub(waited);
        }
        (waited, outcome)
    }

    fn allowance(&self) -> std::sync::MutexGuard<'_, Option<Allowance>> {
        self.allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer<'_> {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The first header of that name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// All headers of that name that are text.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let values = self.response.headers().get_all(name).iter();
        values.filter_map(|it| it.to_str().ok()).collect()
    }

    /// The media type, without parameters, in lower case.
    pub(crate) fn content_type(&self) -> String {
        let found = self.header("content-type").unwrap_or_default();
        let essence = found.split(';').next().unwrap_or_default().trim();
        essence.to_ascii_lowercase()
    }

    /// Reads at most so many bytes; `None` if there are more, or more are announced.
    ///
    /// # Errors
    /// The connection broke, or our patience ended.
    pub(crate) fn body(mut self, most: u64) -> Result<Option<Vec<u8>>, DialError> {
        if self.response.content_length().is_some_and(|it| it > most) {
            return Ok(None);
        }
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk()? {
            if (body.len() + chunk.len()) as u64 > most {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    /// Each piece is waited for as long as our patience lasts, and all of them as long as a slow line
    /// needs for what has come: what is only announced is given no time.
    fn chunk(&mut self) -> Result<Option<Vec<u8>>, DialError> {
        let left = self.limit.saturating_sub(self.waited);
        let (limit, host) = (left.min(self.talk.patience.total), &self.host);
        if limit.is_zero() {
            return Err(slow(host, self.limit));
        }
        let limit = self.talk.allowed(host, limit)?;
        let (waited, next) = self.talk.wait(limit, self.response.chunk());
        self.waited += waited;
        let chunk = match next {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => return Err(broken(host.clone(), limit, &error)),
            Err(_) if limit == left => return Err(slow(host, self.limit)),
            Err(_) => return Err(slow(host, limit)),
        };
        let expected = self.expected.min(chunk.len() as u64);
        self.expected -= expected;
        self.limit += self.talk.more(expected);
        Ok(Some(chunk.to_vec()))
    }
}

/// What goes wrong on the way is a [`DialError`] inside of the error.
impl Read for Answer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.rest.len() {
            match self.chunk().map_err(io::Error::other)? {
                None => return Ok(0),
                Some(chunk) => (self.rest, self.taken) = (chunk, 0),
            }
        }
        let waiting = self.rest.get(self.taken..).unwrap_or_default();
        let count = waiting.len().min(buffer.len());
        buffer
            .iter_mut()
            .zip(waiting)
            .for_each(|(to, it)| *to = *it);
        self.taken += count;
        Ok(count)
    }
}

const fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Head => Method::HEAD,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    }
}

fn slow(host: &str, limit: Duration) -> DialError {
    let host = host.to_owned();
    DialError::Slow { host, limit }
}

fn broken(host: String, limit: Duration, error: &reqwest::Error) -> DialError {
    if error.is_timeout() && !error.is_connect() {
        return DialError::Slow { host, limit };
    }
    DialError::Unreachable {
        host,
        problem: chain(error),
    }
}

/// Bytes in a second below which a line is not waited for.
const SLOWEST: u64 = 64 << 10;
