//! Talking to a place over HTTP: with a login that stays with its host, and redirects of reading alone.

use std::io::Read;

use attest_digest::Digest;

use crate::dial::DialError;
use crate::http::exchange::{self, Exchange, Request, SendError, Sent};
use crate::http::{Answer, Ask, Talk, Url, Verb};
use crate::limits::{PLACE_ANSWER_BYTES, PLACE_REDIRECTS};
use crate::place::{PlaceError, Reach, is_called, said};

/// Headers, by names in lower case.
pub(super) type Headers = Vec<(&'static str, String)>;

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// We do, with our login.
    We,
    /// Somebody without a login.
    Anybody,
}

/// A place over HTTP.
pub(super) struct Web {
    name: String,
    talk: Talk,
    reach: Reach,
    /// Where the login goes, and what it is.
    login: Option<(Url, String)>,
}

impl Web {
    pub(super) fn new(
        name: String,
        reach: Reach,
        login: Option<(Url, String)>,
    ) -> Result<Self, PlaceError> {
        let talk = Talk::new(reach.patience, &reach.authorities);
        Ok(Self {
            talk: talk.map_err(|source| PlaceError::Dial {
                place: name.clone(),
                source,
            })?,
            name,
            reach,
            login,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks, and takes a redirect for an answer.
    pub(super) fn ask(
        &self,
        verb: Verb,
        url: &Url,
        headers: &[(&'static str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer<'_>, PlaceError> {
        self.once(verb, url, &self.with_login(url, headers), body, 0)
    }

    /// Reads, wherever the place leads; the login stays with its own host.
    pub(super) fn get(
        &self,
        reader: Reader,
        url: &Url,
        headers: &[(&'static str, String)],
        size: u64,
    ) -> Result<Answer<'_>, PlaceError> {
        let mut url = url.clone();
        // The place may have named it.
        if !is_called(&url, self.reach.plain_http) {
            let host = url.host_str().unwrap_or_default();
            return Err(self.malformed(format!(
                "it names {host} as a place to read from without TLS"
            )));
        }
        for _ in 0..PLACE_REDIRECTS {
            let headers = match reader {
                Reader::We => self.with_login(&url, headers),
                Reader::Anybody => headers.to_vec(),
            };
            let answer = self.once(Verb::Get, &url, &headers, None, size)?;
            if !matches!(answer.status(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let to = answer.header("location").and_then(|it| url.join(it).ok());
            let is_downgrade = |to: &Url| url.scheme() == "https" && to.scheme() != "https";
            match to {
                Some(to) if is_called(&to, self.reach.plain_http) && !is_downgrade(&to) => url = to,
                _ => return Err(self.redirect(&url, answer.status())),
            }
        }
        Err(self.redirect(&url, 302))
    }

    /// Sends these very bytes; a redirect is no answer to that.
    pub(super) fn upload<'e>(
        &self,
        to: &'e Exchange,
        method: exchange::Verb,
        url: Url,
        mut headers: Headers,
        ((sha256, size), source): ((Digest, u64), &mut dyn Read),
    ) -> Result<exchange::Answer<'e>, PlaceError> {
        headers.extend(self.authorization(&url));
        let body = if size == 0 {
            Sent::Bytes(Vec::new())
        } else {
            Sent::Stream {
                source,
                size,
                sha256,
            }
        };
        let request = Request {
            method,
            url,
            headers,
            body,
            expected: 0,
        };
        to.send(request).map_err(|error| match error {
            SendError::Dial(source) => self.dial(source),
            SendError::Source(source) => PlaceError::Source {
                place: self.name.clone(),
                source,
            },
        })
    }

    /// A connection for uploads to the host of that address.
    pub(super) fn exchange(&self, url: &Url) -> Result<Exchange, PlaceError> {
        let exchange = Exchange::new(url, self.reach.patience, &self.reach.authorities);
        exchange.map_err(|source| self.dial(source))
    }

    fn once(
        &self,
        verb: Verb,
        url: &Url,
        headers: &[(&'static str, String)],
        body: Option<Vec<u8>>,
        size: u64,
    ) -> Result<Answer<'_>, PlaceError> {
        let ask = Ask {
            verb,
            url,
            headers,
            body,
            size,
        };
        self.talk.ask(ask).map_err(|source| self.dial(source))
    }

    fn with_login(&self, url: &Url, headers: &[(&'static str, String)]) -> Headers {
        let mut headers = headers.to_vec();
        headers.extend(self.authorization(url));
        headers
    }

    fn authorization(&self, url: &Url) -> Option<(&'static str, String)> {
        let (host, login) = self.login.as_ref()?;
        let is_its_own = host.origin() == url.origin();
        is_its_own.then(|| ("authorization", login.clone()))
    }

    /// Why an answer is none.
    pub(super) fn refusal(&self, url: &Url, answer: Answer<'_>) -> PlaceError {
        let status = answer.status();
        let body = answer.body(PLACE_ANSWER_BYTES).ok().flatten();
        self.refused(url, status, &body.unwrap_or_default())
    }

    /// Why an answer to an upload is none.
    pub(super) fn upload_refusal(&self, url: &Url, answer: exchange::Answer<'_>) -> PlaceError {
        let status = answer.status();
        let body = answer.bytes(PLACE_ANSWER_BYTES).ok().flatten();
        self.refused(url, status, &body.unwrap_or_default())
    }

    fn refused(&self, url: &Url, status: u16, body: &[u8]) -> PlaceError {
        let place = self.name.clone();
        // GitHub and others say it in JSON; a page is nothing to repeat.
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let word = json.as_ref().and_then(|it| it.get("message")?.as_str());
        let said = word.map_or_else(String::new, said);
        match status {
            300..=399 => self.redirect(url, status),
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

    fn redirect(&self, url: &Url, status: u16) -> PlaceError {
        let host = url.host_str().unwrap_or_default().to_owned();
        self.dial(DialError::Redirect { host, status })
    }

    pub(super) fn dial(&self, source: DialError) -> PlaceError {
        PlaceError::Dial {
            place: self.name.clone(),
            source,
        }
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> PlaceError {
        PlaceError::Malformed {
            place: self.name.clone(),
            problem: problem.into(),
        }
    }
}
