//! One visit of a browser on this machine: what comes back from a login.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use reqwest::Url;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::limits::{LOGIN_CONNECTIONS, LOGIN_REQUEST_BYTES, LOGIN_REQUEST_SECONDS};

/// Listens on the loopback, at a port that nobody knows before.
#[derive(Debug)]
pub(crate) struct Listener {
    inner: TcpListener,
    port: u16,
}

/// A browser that came to the one page that there is, and waits for it.
#[derive(Debug)]
pub(crate) struct Visit {
    stream: TcpStream,
    /// The parameters that it brings, as they stand in the address.
    pub(crate) query: Vec<(String, String)>,
}

impl Listener {
    pub(crate) async fn open() -> io::Result<Self> {
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = inner.local_addr()?.port();
        Ok(Self { inner, port })
    }

    /// Where the page is, as browsers are sent there. Providers have `localhost` in their lists, and not
    /// all of them the address (RFC 8252, section 7.3).
    pub(crate) fn address(&self) -> String {
        format!("http://localhost:{}{PATH}", self.port)
    }

    /// The first visit, if there is one in time; nobody is let in after it. Whoever wants another page is
    /// told that there is none. However many come, those who were there longest make room: who only holds
    /// connections keeps no browser out.
    pub(crate) async fn first(self, limit: Duration) -> Option<Visit> {
        let (tell, mut hear) = mpsc::channel(1);
        let accepting = tokio::spawn(async move {
            let mut talks = Talks::default();
            loop {
                let Ok((stream, _)) = self.inner.accept().await else {
                    // This machine has no more of something: what ends meanwhile gives it back.
                    sleep(PAUSE).await;
                    continue;
                };
                talks.make_room().await;
                talks.begin(converse(stream, self.port, tell.clone()));
            }
        });
        let visit = timeout(limit, hear.recv()).await.ok().flatten();
        accepting.abort();
        let _ = accepting.await;
        visit
    }
}

/// The connections that are open, by how long they are.
#[derive(Default)]
struct Talks {
    tasks: JoinSet<()>,
    begun: VecDeque<(Instant, AbortHandle)>,
}

impl Talks {
    fn begin(&mut self, conversation: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(conversation);
        self.begun.push_back((Instant::now(), task));
    }

    /// Until fewer are open than may be: those end that were given their time.
    async fn make_room(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.begun.retain(|(_, task)| !task.is_finished());
        while self.begun.len() >= LOGIN_CONNECTIONS
            && let Some((begun, task)) = self.begun.front()
        {
            let left = LEAST_TIME.saturating_sub(begun.elapsed());
            if left.is_zero() {
                task.abort();
                self.begun.pop_front();
            } else {
                let _ = timeout(left, self.tasks.join_next()).await;
            }
            self.begun.retain(|(_, task)| !task.is_finished());
        }
    }
}

impl Visit {
    /// Shows a page, if the browser still wants it.
    pub(crate) async fn show(self, status: &str, text: &str) {
        let _ = timeout(REQUEST_TIME, answer(&self.stream, status, text)).await;
    }
}

async fn converse(stream: TcpStream, port: u16, tell: mpsc::Sender<Visit>) {
    let Ok(Some(head)) = timeout(REQUEST_TIME, read_head(&stream)).await else {
        return;
    };
    if let Some(query) = wanted(&head, port) {
        let _ = tell.send(Visit { stream, query }).await;
    } else {
        let page = answer(&stream, "404 Not Found", "There is no such page.");
        let _ = timeout(REQUEST_TIME, page).await;
    }
}

async fn read_head(stream: &TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        stream.readable().await.ok()?;
        match stream.try_read(&mut piece) {
            Ok(0) => return None,
            Ok(read) => head.extend_from_slice(piece.get(..read)?),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        if head.len() > LOGIN_REQUEST_BYTES {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// The parameters of a request for the page. By another name than ours nobody means us: a page of the
/// web whose name leads to this machine.
fn wanted(head: &str, port: u16) -> Option<Vec<(String, String)>> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?;
    let target = target.strip_suffix(" HTTP/1.1")?;
    let hosts: Vec<&str> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim())
        .collect();
    let ours = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    if !matches!(hosts.as_slice(), [host] if ours.iter().any(|it| it == host)) {
        return None;
    }
    let url = Url::parse(&format!("http://localhost{target}")).ok()?;
    if !target.starts_with('/') || url.path() != PATH {
        return None;
    }
    let pairs = url.query_pairs();
    Some(
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    )
}

async fn answer(stream: &TcpStream, status: &str, text: &str) -> Option<()> {
    let page = format!("<!doctype html><title>attest</title><p>{text}</p>\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let mut left = answer.as_bytes();
    while !left.is_empty() {
        stream.writable().await.ok()?;
        match stream.try_write(left) {
            Ok(written) => left = left.get(written..)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(())
}

/// As other clients of Sigstore have it, so that what a provider lets them do it lets us.
const PATH: &str = "/auth/callback";
/// However many come, a connection is open for so long if it wants to: a browser asks at once.
const LEAST_TIME: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);
const REQUEST_TIME: Duration = Duration::from_secs(LOGIN_REQUEST_SECONDS);

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn only_a_browser_that_means_us_and_this_page_is_heard() {
        let asked = |line: &str, host: &str| wanted(&format!("{line}\r\nHost: {host}\r\n\r\n"), 7);
        let line = "GET /auth/callback?code=a%26b&state=c HTTP/1.1";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let wanted = vec![pair("code", "a&b"), pair("state", "c")];
        assert_eq!(asked(line, "localhost:7"), Some(wanted.clone()));
        assert_eq!(asked(line, "127.0.0.1:7"), Some(wanted));
        for host in [
            "localhost:8",
            "localhost",
            "rebound.example:7",
            "localhost:7\r\nHost: localhost:7",
        ] {
            assert_eq!(asked(line, host), None, "{host}");
        }
        for line in [
            "POST /auth/callback?code=a HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "GET /auth/callback/?code=a HTTP/1.1",
            "GET @evil.example/auth/callback?code=a HTTP/1.1",
            "GET http://localhost/auth/callback?code=a HTTP/1.1",
            "GET /auth/callback?code=a",
            "",
        ] {
            assert_eq!(asked(line, "localhost:7"), None, "{line}");
        }
    }
}
