//! The HTTP client: `reqwest` and `tokio` are named here and below alone.

mod call;
pub(crate) mod exchange;
mod fetch;
mod listener;
mod talk;

use std::time::Duration;

use attest_digest::{Artifact, Digest, Hashes};
use attest_sign::{TimestampError, Timestamper};
use reqwest::{Certificate, Client, ClientBuilder, Response, redirect};
use tokio::runtime::Builder;

use crate::answer::{self, Flaw};
use crate::dial::DialError;
use crate::error::{HttpError, TIMESTAMP_REPLY};
use crate::limits::{ANSWER_BYTES, NONCE_BYTES};
use crate::query::Query;
use crate::tuf_error::MirrorError;

pub use call::Persistence;
pub(crate) use call::{Caller, JSON, Question, Reply, is_passing, several};
pub(crate) use fetch::{Fetch, Said};
pub(crate) use listener::{Listener, Visit};
pub(crate) use reqwest::Url;
pub(crate) use talk::{Answer, Ask, Talk, Verb};
pub(crate) use tokio::runtime::Runtime;

/// How long a service is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For the whole answer, connection included.
    pub total: Duration,
}

/// One service that is called, and nothing that it or the environment names instead.
#[derive(Debug, Clone)]
struct Service {
    host: String,
    client: Client,
    patience: Patience,
}

impl Service {
    fn new(host: String, patience: Patience) -> Result<Self, DialError> {
        Self::trusting(host, patience, &[])
    }

    /// The same, of a host that these certification authorities (PEM) can vouch for beside the system's.
    fn trusting(host: String, patience: Patience, authorities: &[u8]) -> Result<Self, DialError> {
        let client = builder(patience, authorities)?
            .timeout(patience.total)
            .build()
            .map_err(|error| DialError::Client(chain(&error)))?;
        Ok(Self {
            host,
            client,
            patience,
        })
    }

    /// Waits for a conversation to end, as long as our patience lasts.
    async fn hear<T>(&self, work: impl Future<Output = T>) -> Result<T, DialError> {
        tokio::time::timeout(self.patience.total, work)
            .await
            .map_err(|_| self.slow())
    }

    /// Reads at most so many bytes; `None` if there are more.
    async fn body(&self, mut response: Response, most: u64) -> Result<Option<Vec<u8>>, DialError> {
        let mut body = Vec::new();
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|error| self.broken(&error))?;
            let Some(chunk) = chunk else {
                return Ok(Some(body));
            };
            if (body.len() + chunk.len()) as u64 > most {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// Why an answer with this status is none.
    fn refused(&self, status: u16) -> DialError {
        let host = self.host.clone();
        if (300..400).contains(&status) {
            DialError::Redirect { host, status }
        } else {
            DialError::Status { host, status }
        }
    }

    fn broken(&self, error: &reqwest::Error) -> DialError {
        if error.is_timeout() {
            return self.slow();
        }
        DialError::Unreachable {
            host: self.host.clone(),
            problem: chain(error),
        }
    }

    fn slow(&self) -> DialError {
        DialError::Slow {
            host: self.host.clone(),
            limit: self.patience.total,
        }
    }
}

/// A timestamp authority behind an HTTP address (RFC 3161, section 3.4).
#[derive(Debug)]
pub struct HttpAuthority {
    asking: Asking,
    runtime: Runtime,
}

/// What asking takes.
#[derive(Debug, Clone)]
struct Asking {
    url: Url,
    caller: Caller,
}

impl HttpAuthority {
    /// The authority at this address, which is asked once; nothing is sent yet.
    ///
    /// # Errors
    /// `timestamp-address` for what is not `http` or `https`, has no host, or carries credentials;
    /// or this machine cannot make connections.
    pub fn new(address: &str, patience: Patience) -> Result<Self, HttpError> {
        let total = Duration::ZERO;
        Self::persistent(address, Persistence { patience, total })
    }

    /// The authority at this address, which is asked again when it is busy or away.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn persistent(address: &str, persistence: Persistence) -> Result<Self, HttpError> {
        let (url, host) = parse_address(address)?;
        let caller = Caller::new(host, persistence)?;
        Ok(Self {
            asking: Asking { url, caller },
            runtime: runtime()?,
        })
    }

    /// The host that is called.
    pub fn host(&self) -> &str {
        self.asking.caller.host()
    }

    /// A granted DER `TimeStampResp` over this digest.
    ///
    /// # Errors
    /// When no timestamp could be had.
    pub fn timestamp_digest(&self, digest: &Digest) -> Result<Vec<u8>, TimestampError> {
        let query = query(digest)?;
        Ok(self.runtime.block_on(self.asking.ask(&query))?)
    }
}

impl Timestamper for HttpAuthority {
    fn timestamp(&self, message: &[u8]) -> Result<Vec<u8>, TimestampError> {
        self.timestamp_digest(&Artifact::of_bytes(message, Hashes::Sha256).sha256())
    }

    /// Several at once.
    fn timestamp_all(&self, messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, TimestampError> {
        let digests = messages
            .iter()
            .map(|it| Artifact::of_bytes(it, Hashes::Sha256).sha256());
        let queries: Vec<Query> = digests.map(|it| query(&it)).collect::<Result<_, _>>()?;
        let work = queries.into_iter().map(|query| {
            let asking = self.asking.clone();
            async move { asking.ask(&query).await }
        });
        let mut answers: Vec<(usize, Vec<u8>)> = Vec::with_capacity(messages.len());
        let mut refused = None;
        let all = several(work, TIMESTAMPS_AT_ONCE, |at, answer| match answer {
            Ok(answer) => answers.push((at, answer)),
            Err(error) => refused = refused.take().or(Some(error)),
        });
        self.runtime.block_on(all);
        if let Some(error) = refused {
            return Err(error.into());
        }
        answers.sort_unstable_by_key(|(at, _)| *at);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

fn query(digest: &Digest) -> Result<Query, TimestampError> {
    let random =
        attest_sign::random_salt().map_err(|error| TimestampError::new(error.code(), error))?;
    let mut nonce = [0; NONCE_BYTES];
    nonce
        .iter_mut()
        .zip(random)
        .for_each(|(to, from)| *to = from);
    Ok(Query::new(*digest, nonce))
}

impl Asking {
    async fn ask(&self, query: &Query) -> Result<Vec<u8>, HttpError> {
        let ask = Question::Post {
            content_type: "application/timestamp-query",
            body: query.to_der(),
        };
        let reply = self
            .caller
            .call(&self.url, &ask, ANSWER_BYTES as u64)
            .await?;
        self.check_head(&reply)?;
        let host = || self.caller.host().to_owned();
        let answer = reply
            .body
            .ok_or_else(|| HttpError::TooLarge { host: host() })?;
        answer::check(&answer, query).map_err(|flaw| self.flawed(flaw))?;
        Ok(answer)
    }

    fn check_head(&self, reply: &Reply) -> Result<(), HttpError> {
        if reply.status != 200 {
            return Err(self.caller.service.refused(reply.status).into());
        }
        let essence = reply
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if !essence.eq_ignore_ascii_case(TIMESTAMP_REPLY) {
            return Err(HttpError::ContentType {
                host: self.caller.host().to_owned(),
                found: reply.content_type.clone(),
            });
        }
        Ok(())
    }

    fn flawed(&self, flaw: Flaw) -> HttpError {
        let host = self.caller.host().to_owned();
        match flaw {
            Flaw::Malformed(problem) => HttpError::Malformed { host, problem },
            Flaw::Declined(status) => HttpError::Declined { host, status },
            Flaw::OtherMessage => HttpError::OtherMessage { host },
            Flaw::OtherNonce => HttpError::OtherNonce { host },
        }
    }
}

/// What is common to all clients: nobody is called but who was named.
fn builder(patience: Patience, authorities: &[u8]) -> Result<ClientBuilder, DialError> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(patience.connect)
        .user_agent(concat!("attest/", env!("CARGO_PKG_VERSION")));
    if authorities.is_empty() {
        return Ok(builder);
    }
    let certificates = Certificate::from_pem_bundle(authorities)
        .map_err(|error| DialError::Client(chain(&error)))?;
    if certificates.is_empty() {
        let problem = "the file of authorities holds no certificate";
        return Err(DialError::Client(problem.to_owned()));
    }
    Ok(builder.tls_certs_merge(certificates))
}

pub(crate) fn runtime() -> Result<Runtime, DialError> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| DialError::Client(error.to_string()))
}

pub(crate) fn parse_address(address: &str) -> Result<(Url, String), HttpError> {
    let refused = |problem| HttpError::Address {
        url: address.to_owned(),
        problem,
    };
    let url = Url::parse(address).map_err(|_| refused("it is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("http and https are called"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the message: it is a secret.
        return Err(HttpError::Address {
            url: format!(
                "{}://…@{}",
                url.scheme(),
                url.host_str().unwrap_or_default()
            ),
            problem: "it carries credentials",
        });
    }
    let host = url
        .host_str()
        .ok_or_else(|| refused("it has no host"))?
        .to_owned();
    Ok((url, host))
}

/// A TUF repository behind an HTTP address. Only files below that address are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    base: Url,
    service: Service,
}

impl Mirror {
    /// The repository at this address; nothing is sent yet.
    pub(crate) fn new(address: &str, patience: Patience) -> Result<Self, MirrorError> {
        let (mut base, host) = parse_address(address).map_err(|error| MirrorError::Address {
            problem: error.to_string(),
        })?;
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Ok(Self {
            base,
            service: Service::new(host, patience)?,
        })
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        &self.service.host
    }

    /// Drives a conversation to its end, or to the end of our patience.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T, MirrorError> {
        Ok(runtime()?.block_on(self.service.hear(work))?)
    }

    /// The file of that name, `None` if the repository has none.
    pub(crate) async fn get(
        &self,
        folder: &'static str,
        name: &str,
        most: u64,
    ) -> Result<Option<Vec<u8>>, MirrorError> {
        let url = self
            .base
            .join(folder)
            .and_then(|it| it.join(name))
            .map_err(|_| MirrorError::Name {
                name: name.to_owned(),
            })?;
        let response = self.service.client.get(url).send().await;
        let response = response.map_err(|error| self.service.broken(&error))?;
        match response.status().as_u16() {
            200 => {}
            // Object stores answer 403 for what they do not have.
            403 | 404 => return Ok(None),
            status => return Err(self.service.refused(status).into()),
        }
        let body = self.service.body(response, most).await?;
        body.map(Some).ok_or_else(|| MirrorError::TooLarge {
            host: self.service.host.clone(),
            name: name.to_owned(),
            most,
        })
    }
}

/// The message of an error with those that it wraps; reqwest says little in the first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Timestamps that one authority is asked for at once.
const TIMESTAMPS_AT_ONCE: usize = 8;
