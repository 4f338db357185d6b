//! Any request of one host, with bodies that are streamed in both directions.

use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use attest_digest::{Digest, Hashes, Hashing};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Method, Response, Url};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Patience, Service, runtime};
use crate::dial::DialError;
use crate::limits::SLOWEST_BYTES_PER_SECOND;

/// A host that is asked one thing after the other.
#[derive(Debug)]
pub(crate) struct Exchange {
    service: Service,
    runtime: Runtime,
}

/// What is asked.
pub(crate) struct Request<'a> {
    pub(crate) method: Verb,
    pub(crate) url: Url,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Sent<'a>,
    /// Bytes of an answer that is expected to be large: it is given time for them.
    pub(crate) expected: u64,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Head,
    Put,
    Post,
}

/// The body of a request.
pub(crate) enum Sent<'a> {
    Nothing,
    Bytes(Vec<u8>),
    /// So many bytes with that digest: anything else breaks the request before its last byte.
    Stream {
        source: &'a mut dyn Read,
        size: u64,
        sha256: Digest,
    },
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    Dial(DialError),
    /// What was to be sent cannot be read, or is something else.
    Source(io::Error),
}

impl From<DialError> for SendError {
    fn from(error: DialError) -> Self {
        Self::Dial(error)
    }
}

/// An answer whose body is not read yet.
pub(crate) struct Answer<'e> {
    exchange: &'e Exchange,
    response: Response,
    unread: Bytes,
}

impl Exchange {
    /// Nothing is sent yet.
    pub(crate) fn new(
        url: &Url,
        patience: Patience,
        authorities: &[u8],
    ) -> Result<Self, DialError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            service: Service::trusting(host, patience, authorities)?,
            runtime: runtime()?,
        })
    }

    /// The host that is asked.
    pub(crate) fn host(&self) -> &str {
        &self.service.host
    }

    /// Asks, whatever the status of the answer.
    pub(crate) fn send(&self, request: Request<'_>) -> Result<Answer<'_>, SendError> {
        let response = self.runtime.block_on(self.sending(request))?;
        Ok(Answer {
            exchange: self,
            response,
            unread: Bytes::new(),
        })
    }

    async fn sending(&self, request: Request<'_>) -> Result<Response, SendError> {
        let size = match &request.body {
            Sent::Nothing => 0,
            Sent::Bytes(bytes) => bytes.len() as u64,
            Sent::Stream { size, .. } => *size,
        };
        let limit = self.limit(size.max(request.expected));
        let mut building = self
            .service
            .client
            .request(request.method.into(), request.url)
            .timeout(limit);
        for (name, value) in request.headers {
            building = building.header(name, value);
        }
        let outcome = match request.body {
            Sent::Nothing => tokio::time::timeout(limit, building.send()).await,
            Sent::Bytes(bytes) => {
                // Left out of an empty body, and some servers insist on it.
                let length = bytes.len().to_string();
                let building = building.header("content-length", length).body(bytes);
                tokio::time::timeout(limit, building.send()).await
            }
            Sent::Stream {
                source,
                size,
                sha256,
            } => {
                let (sender, receiver) = channel(PIECES_IN_FLIGHT);
                let body = reqwest::Body::wrap(Upload { receiver, size });
                let upload = pump(source, (size, sha256), sender, self.service.patience.total);
                let last = self.limit(BUFFERED);
                let both = both(building.body(body).send(), upload, last);
                match tokio::time::timeout(limit, both).await {
                    Ok((_, Err(Stopped::Source(error)))) => return Err(SendError::Source(error)),
                    Ok((Some(answer), Ok(()))) => Ok(answer),
                    _ => return Err(self.service.slow().into()),
                }
            }
        };
        let answer = outcome.map_err(|_| self.service.slow())?;
        Ok(answer.map_err(|error| self.service.broken(&error))?)
    }

    /// How long so many bytes may take.
    fn limit(&self, bytes: u64) -> Duration {
        let for_bytes = Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
        self.service.patience.total.saturating_add(for_bytes)
    }
}

impl Answer<'_> {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The body, if it has at most so many bytes.
    pub(crate) fn bytes(self, most: u64) -> Result<Option<Vec<u8>>, DialError> {
        let service = &self.exchange.service;
        let body = service.hear(service.body(self.response, most));
        self.exchange.runtime.block_on(body)?
    }

    async fn next(&mut self) -> Result<Option<Bytes>, DialError> {
        let service = &self.exchange.service;
        let chunk = service.hear(self.response.chunk()).await?;
        chunk.map_err(|error| service.broken(&error))
    }
}

/// Each piece is waited for as long as our patience lasts, and all of them as long as the request said.
impl Read for Answer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            let exchange = self.exchange;
            let next = exchange.runtime.block_on(self.next());
            match next.map_err(io::Error::other)? {
                Some(bytes) => self.unread = bytes,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.unread.len());
        let bytes = self.unread.split_to(count);
        buffer
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = from);
        Ok(count)
    }
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::GET,
            Verb::Head => Self::HEAD,
            Verb::Put => Self::PUT,
            Verb::Post => Self::POST,
        }
    }
}

/// Why a request is fed no more.
enum Stopped {
    Source(io::Error),
    /// Nobody takes what is sent.
    Slow,
}

/// Drives a request and what feeds it. An answer ends both: a server need not read what it refuses. So does
/// one that takes nothing more, and one that has all and says nothing for so long.
async fn both<T>(
    request: impl Future<Output = T>,
    upload: impl Future<Output = Result<(), Stopped>>,
    last: Duration,
) -> (Option<T>, Result<(), Stopped>) {
    let (mut request, mut upload) = (pin!(request), pin!(upload));
    let (mut uploaded, mut waiting) = (None, None);
    std::future::poll_fn(|context| {
        if uploaded.is_none()
            && let Poll::Ready(result) = upload.as_mut().poll(context)
        {
            if matches!(result, Err(Stopped::Slow)) {
                return Poll::Ready((None, result));
            }
            uploaded = Some(result);
            waiting = Some(Box::pin(tokio::time::sleep(last)));
        }
        if let Poll::Ready(answer) = request.as_mut().poll(context) {
            return Poll::Ready((Some(answer), uploaded.take().unwrap_or(Ok(()))));
        }
        match waiting.as_mut().map(|it| it.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Poll::Ready((None, uploaded.take().unwrap_or(Ok(())))),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Feeds a request; each piece must be taken in time. The last is held back until all of it was hashed.
async fn pump(
    source: &mut dyn Read,
    (size, sha256): (u64, Digest),
    to: Sender<io::Result<Bytes>>,
    patience: Duration,
) -> Result<(), Stopped> {
    let give = async |piece| match tokio::time::timeout(patience, to.send(piece)).await {
        // Nobody listens any more: the answer says why.
        Ok(taken) => Ok(taken.is_ok()),
        Err(_) => Err(Stopped::Slow),
    };
    let mut source = Hashing::new(source.take(size.saturating_add(1)), Hashes::Sha256);
    let mut held = Bytes::new();
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut source).take(PIECE as u64).read_to_end(&mut piece);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                give(Err(io::Error::other("the source cannot be read"))).await?;
                return Err(Stopped::Source(error));
            }
        }
        let piece = std::mem::replace(&mut held, piece.into());
        if !piece.is_empty() && !give(Ok(piece)).await? {
            return Ok(());
        }
    }
    let passed = source.finish();
    if passed.size() != size || passed.sha256() != sha256 {
        let other = || io::Error::other("it has other bytes than it should have");
        give(Err(other())).await?;
        return Err(Stopped::Source(other()));
    }
    give(Ok(held)).await?;
    Ok(())
}

/// A body of a known size that comes piece by piece.
struct Upload {
    receiver: Receiver<io::Result<Bytes>>,
    size: u64,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.receiver.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size)
    }
}

/// Bytes of one piece of an upload.
const PIECE: usize = 128 << 10;
const PIECES_IN_FLIGHT: usize = 2;
/// Bytes that may still be on their way when the last was taken.
const BUFFERED: u64 = 8 << 20;
