//! One request and its answer, asked again while there is patience and hope.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Url};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Patience, Service};
use crate::dial::DialError;

/// How long a service that fails is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence {
    /// For one answer.
    pub patience: Patience,
    /// For all of them together. Zero asks once.
    pub total: Duration,
}

/// A service that is asked again when it is busy, out of order or away.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(super) service: Service,
    total: Duration,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Get {
        /// A token for this service alone.
        bearer: Option<String>,
    },
    Post {
        content_type: &'static str,
        body: Vec<u8>,
    },
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) location: Option<String>,
    retry_after: Option<Duration>,
    /// `None` if it was longer than wanted.
    pub(crate) body: Option<Vec<u8>>,
}

impl Caller {
    /// Nothing is sent yet.
    pub(crate) fn new(host: String, persistence: Persistence) -> Result<Self, DialError> {
        Ok(Self {
            service: Service::new(host, persistence.patience)?,
            total: persistence.total,
        })
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        &self.service.host
    }

    /// Asks until there is an answer that another try would not change, or until patience ends; then
    /// the last answer counts. A redirect is none.
    pub(crate) async fn call(
        &self,
        url: &Url,
        ask: &Question,
        most: u64,
    ) -> Result<Reply, DialError> {
        let end = Instant::now() + self.total;
        let mut wait = FIRST_WAIT;
        loop {
            let reply = match self.service.hear(self.once(url, ask, most)).await {
                Ok(reply) => reply,
                Err(slow) => Err(slow),
            };
            let pause = match &reply {
                Ok(reply) if is_passing(reply.status) => {
                    reply.retry_after.unwrap_or(wait).max(wait)
                }
                Err(DialError::Unreachable { .. }) => wait,
                _ => return reply,
            };
            // As long as a service may say: centuries, too.
            let next = Instant::now().checked_add(pause);
            if next.is_none_or(|next| next >= end) {
                return reply;
            }
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn once(&self, url: &Url, ask: &Question, most: u64) -> Result<Reply, DialError> {
        let response = self.request(url, ask).send().await;
        let response = response.map_err(|error| self.service.broken(&error))?;
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            return Err(self.service.refused(status));
        }
        let headers = response.headers();
        let retry_after = text(headers, &RETRY_AFTER).and_then(|it| it.parse().ok());
        Ok(Reply {
            status,
            content_type: text(headers, &CONTENT_TYPE).unwrap_or_default(),
            location: text(headers, &LOCATION),
            retry_after: retry_after.map(Duration::from_secs),
            body: self.service.body(response, most).await?,
        })
    }

    fn request(&self, url: &Url, ask: &Question) -> RequestBuilder {
        let client = &self.service.client;
        match ask {
            Question::Get { bearer } => {
                let request = client.get(url.clone()).header(ACCEPT, JSON);
                match bearer {
                    Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
                    None => request,
                }
            }
            Question::Post { content_type, body } => client
                .post(url.clone())
                .header(CONTENT_TYPE, *content_type)
                .body(body.clone()),
        }
    }
}

/// Does all of this, so many at once, and says what came of each as soon as it is known.
pub(crate) async fn several<T, F>(
    work: impl IntoIterator<Item = F>,
    at_once: usize,
    mut heard: impl FnMut(usize, T),
) where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut waiting = work.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < at_once
            && let Some((at, one)) = waiting.next()
        {
            running.spawn(async move { (at, one.await) });
        }
        match running.join_next().await {
            Some(Ok((at, answer))) => heard(at, answer),
            // A task that panicked has said nothing: whoever counts the answers sees it.
            Some(Err(_)) => {}
            None => return,
        }
    }
}

/// Busy, or out of order for the moment.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
pub(crate) const JSON: &str = "application/json";
