//! Services that speak JSON: certificate authorities, logs, identity providers.

use std::net::IpAddr;

use attest_provenance::json::{self, Limits, Value};
use attest_sign::{IssueError, LogAppendError};

use crate::dial::DialError;
use crate::error::HttpError;
use crate::http::{Caller, JSON, Persistence, Question, Reply, Url, parse_address};
use crate::limits::{SERVICE_ANSWER_BYTES, SERVICE_WORDS};

/// One of them behind an address.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    kind: &'static str,
    base: Url,
    caller: Caller,
}

impl Endpoint {
    /// Nothing is sent yet. Everything is asked below this address.
    pub(crate) fn new(
        kind: &'static str,
        address: &str,
        persistence: Persistence,
    ) -> Result<Self, ServiceError> {
        let (mut base, host) = parse_address(address).map_err(|error| match error {
            HttpError::Address { url, problem } => ServiceError::Address { kind, url, problem },
            _ => ServiceError::Address {
                kind,
                url: String::new(),
                problem: "it is no URL",
            },
        })?;
        base.set_query(None);
        base.set_fragment(None);
        let caller =
            Caller::new(host, persistence).map_err(|source| ServiceError::Dial { kind, source })?;
        Ok(Self { kind, base, caller })
    }

    /// The same, if nobody on the way can read along: a secret is sent.
    pub(crate) fn confidential(self) -> Result<Self, ServiceError> {
        let host = self.host().trim_matches(['[', ']']);
        let address: Option<IpAddr> = host.parse().ok();
        let is_here = host == "localhost"
            || host.ends_with(".localhost")
            || address.is_some_and(|it| it.is_loopback());
        if self.base.scheme() == "https" || is_here {
            return Ok(self);
        }
        Err(ServiceError::Address {
            kind: self.kind,
            url: self.base.to_string(),
            problem: "an identity token is sent over https, or to this machine",
        })
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        self.caller.host()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Reply, ServiceError> {
        let ask = Question::Post {
            content_type: JSON,
            body: body.to_string().into_bytes(),
        };
        self.call(&self.below(path), &ask).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply, ServiceError> {
        self.call(&self.below(path), &Question::Get { bearer: None })
            .await
    }

    /// What the service says to this.
    pub(crate) async fn call(&self, url: &Url, ask: &Question) -> Result<Reply, ServiceError> {
        let kind = self.kind;
        let reply = self.caller.call(url, ask, SERVICE_ANSWER_BYTES).await;
        reply.map_err(|source| ServiceError::Dial { kind, source })
    }

    /// The body of an answer that says yes.
    pub(crate) fn body(&self, reply: Reply) -> Result<Vec<u8>, ServiceError> {
        let (kind, host) = (self.kind, self.host().to_owned());
        match reply.status {
            200 | 201 => reply.body.ok_or(ServiceError::TooLarge { kind, host }),
            status => Err(ServiceError::Status {
                kind,
                host,
                status,
                says: words(reply.body.as_deref().unwrap_or_default()),
            }),
        }
    }

    /// The JSON of an answer that says yes.
    pub(crate) fn answer(&self, reply: Reply) -> Result<Value, ServiceError> {
        self.json(&self.body(reply)?)
    }

    /// Reads JSON of one meaning.
    pub(crate) fn json(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let limits = Limits {
            bytes: body.len(),
            depth: 24,
        };
        json::parse(body, limits).map_err(|error| self.malformed(&error))
    }

    pub(crate) fn malformed(&self, problem: &dyn std::fmt::Display) -> ServiceError {
        ServiceError::Malformed {
            kind: self.kind,
            host: self.host().to_owned(),
            problem: problem.to_string(),
        }
    }

    /// The address of something below the service's own.
    fn below(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        url
    }
}

/// What a service says in its refusal, cut: JSON with a message, or text.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let message = serde_json::from_slice::<Value>(body).ok();
    let message = message.as_ref().and_then(|it| {
        ["message", "error_description", "error"]
            .iter()
            .find_map(|name| it.get(name)?.as_str())
    });
    let said = message.unwrap_or(&text).trim();
    said.chars().take(SERVICE_WORDS).collect()
}

/// Why a service gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The address is not one that we call.
    #[error("{url:?} is not an address of a {kind}: {problem}")]
    Address {
        /// What is looked for there.
        kind: &'static str,
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It was not heard to the end.
    #[error("{kind}: {source}")]
    Dial {
        /// Which service.
        kind: &'static str,
        /// What went wrong.
        source: DialError,
    },
    /// It answers with an error.
    #[error("the {kind} at {host} answers {status}: {says:?}")]
    Status {
        /// Which service.
        kind: &'static str,
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        says: String,
    },
    /// Its answer does not end.
    #[error("the {kind} at {host} answers with more than {SERVICE_ANSWER_BYTES} bytes")]
    TooLarge {
        /// Which service.
        kind: &'static str,
        /// The host.
        host: String,
    },
    /// Its answer is something else than was asked for.
    #[error("the {kind} at {host} answers with something that it should not: {problem}")]
    Malformed {
        /// Which service.
        kind: &'static str,
        /// The host.
        host: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The log has the entry, and does not prove it again.
    #[error("the log at {host} has this entry already {}", place_words(*index))]
    Exists {
        /// The host.
        host: String,
        /// Where it is, as the log says without proof.
        index: Option<u64>,
    },
}

fn place_words(index: Option<u64>) -> String {
    match index {
        Some(index) => format!("as entry {index}, as it says, and does not prove it again"),
        None => "and does not say where".to_owned(),
    }
}

impl ServiceError {
    /// This error, without words of the service that repeat a piece of the secret that it was told, however it
    /// writes the characters between the pieces.
    pub(crate) fn without(self, secret: &str) -> Self {
        let is_long = |part: &str| part.len() >= PIECE_OF_A_SECRET;
        let is_other = |it: char| !(it.is_ascii_alphanumeric() || "-_".contains(it));
        let repeats = |says: &str| {
            let mut said = says.split(is_other);
            let mut pieces = secret.split(is_other);
            said.any(|it| it == secret || is_long(it) && secret.contains(it))
                || pieces.any(|it| is_long(it) && says.contains(it))
        };
        match self {
            Self::Status {
                kind,
                host,
                status,
                says,
            } if repeats(&says) => Self::Status {
                kind,
                host,
                status,
                says: REPEATED.to_owned(),
            },
            // A yes that cannot be read is repeated in part as well, such as a key that is given twice.
            Self::Malformed {
                kind,
                host,
                problem,
            } if repeats(&problem) => Self::Malformed {
                kind,
                host,
                problem: REPEATED.to_owned(),
            },
            other => other,
        }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "service-address",
            Self::Dial { source, .. } => match source {
                DialError::Client(_) | DialError::Unreachable { .. } => "service-unreachable",
                DialError::Slow { .. } => "service-timeout",
                DialError::Redirect { .. } => "service-redirect",
                DialError::Status { .. } => "service-http-status",
            },
            Self::Status { status, .. } if *status < 500 && *status != 429 => "service-refused",
            Self::Status { .. } => "service-http-status",
            Self::TooLarge { .. } => "service-too-large",
            Self::Malformed { .. } => "service-malformed",
            Self::Exists { .. } => "log-entry-exists",
        }
    }
}

impl From<ServiceError> for IssueError {
    fn from(error: ServiceError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<ServiceError> for LogAppendError {
    fn from(error: ServiceError) -> Self {
        Self::new(error.code(), error)
    }
}

const REPEATED: &str = "(it repeats the token)";
/// Characters by which a piece of a secret is told from a word.
const PIECE_OF_A_SECRET: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_does_not_repeat_a_secret() {
        let said = |says: &str| {
            let error = ServiceError::Status {
                kind: "identity provider",
                host: "ci.example".to_owned(),
                status: 401,
                says: says.to_owned(),
            };
            error
                .without("eyJhbGci.eyJzdWIiOiJ4In0.c2lnbmF0dXJl")
                .to_string()
        };
        assert!(said("not this time").contains("not this time"));
        for says in [
            "token eyJhbGci.x",
            "eyJzdWIi!",
            "the end is nbmF0dXJl",
            "code%2EeyJhbGci%2EeyJzdWIiOiJ4In0",
        ] {
            assert!(said(says).contains("it repeats the token"), "{says}");
        }
        let short = |says: &str| {
            let error = ServiceError::Status {
                kind: "identity provider",
                host: "ci.example".to_owned(),
                status: 400,
                says: says.to_owned(),
            };
            error.without("c0de").to_string()
        };
        assert!(short("form: code=c0de&x").contains("it repeats the token"));
        assert!(short("no c0de1 here").contains("no c0de1 here"));
    }

    #[test]
    fn an_answer_that_cannot_be_read_does_not_repeat_a_secret() {
        let read = |body: &str, secret: &str| {
            let endpoint = Endpoint::new("log", "https://ci.example", ONCE).unwrap();
            let error = endpoint.json(body.as_bytes()).unwrap_err().without(secret);
            assert_eq!(error.code(), "service-malformed");
            error.to_string()
        };
        let secret = "eyJhbGci.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        for key in [secret, "eyJzdWIiOiJ4In0", "x c2lnbmF0dXJl"] {
            let said = read(&format!(r#"{{"{key}":1,"{key}":2}}"#), secret);
            assert!(said.contains(REPEATED) && !said.contains(key), "{said}");
        }
        assert!(read(r#"{"c0de":1,"c0de":2}"#, "c0de").contains(REPEATED));
        assert!(read(r#"{"a":1,"a":2}"#, secret).contains("is given twice"));
    }

    const ONCE: Persistence = Persistence {
        patience: crate::Patience {
            connect: std::time::Duration::ZERO,
            total: std::time::Duration::ZERO,
        },
        total: std::time::Duration::ZERO,
    };
}
