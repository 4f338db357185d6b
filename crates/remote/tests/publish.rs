//! Places to publish to, waited for: what is slow is left, and what has no end is read as far as it should
//! go.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

#[path = "servers/site.rs"]
#[expect(dead_code, reason = "the command's tests use the rest")]
mod site;

use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use attest_digest::{Artifact, Hashes};
use attest_remote::{
    Created, Finished, GitHub, GitHubAddress, HttpRepository, Logins, Patience, PlainHttp, Reach,
    Target,
};
use site::{Does, Site};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    total: Duration::from_secs(2),
};

fn reach() -> Reach {
    Reach {
        patience: PATIENCE,
        plain_http: PlainHttp::Loopback,
        authorities: Vec::new(),
    }
}

fn repository(site: &Site) -> HttpRepository {
    let address = format!("{}/raw", site.address);
    HttpRepository::new(&address, &Logins::default(), reach()).unwrap()
}

fn github(site: &Site, token: &str) -> GitHub {
    let address = GitHubAddress::parse("github:octo/hello@v1").unwrap();
    let said = (token, "hello 1");
    GitHub::new(address, &site.address, said, reach()).unwrap()
}

fn what(bytes: &[u8]) -> (attest_digest::Digest, u64) {
    let artifact = Artifact::of_bytes(bytes, Hashes::Sha256);
    (artifact.sha256(), artifact.size())
}

#[test]
fn a_silent_place_is_left() {
    let started = Instant::now();
    for begin in ["GET", "PUT"] {
        let site = Site::start();
        site.fault(begin, Does::Silence, 1);
        let mut target = repository(&site);
        let error = match begin {
            "GET" => target.open("a", 1).err().unwrap(),
            _ => target
                .create("a", what(b"a"), &mut Cursor::new(b"a"))
                .unwrap_err(),
        };
        assert_eq!(error.code(), "place-timeout");
    }
    let site = Site::start();
    site.fault("GET", Does::Silence, 1);
    assert_eq!(
        github(&site, "ghp_secret").begin().unwrap_err().code(),
        "place-timeout"
    );
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// Large files are given hours, if somebody takes them.
#[test]
fn a_place_that_takes_no_byte_of_a_large_file_is_left() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/raw", listener.local_addr().unwrap());
    let mut target = HttpRepository::new(&address, &Logins::default(), reach()).unwrap();
    let bytes = vec![1; 64 << 20];
    let started = Instant::now();
    let made = target.create("a", what(&bytes), &mut Cursor::new(&bytes));
    assert_eq!(made.unwrap_err().code(), "place-timeout");
    assert!(started.elapsed() < Duration::from_secs(60));
    drop(listener);
}

#[test]
fn a_source_with_other_bytes_leaves_nothing() {
    let site = Site::start();
    let mut target = repository(&site);
    let wanted = vec![1; 200_000];
    for other in [vec![2; 200_000], vec![1; 199_999], vec![1; 200_001]] {
        let made = target.create("a", what(&wanted), &mut Cursor::new(other));
        assert_eq!(made.unwrap_err().code(), "place-source");
        assert!(site.state().files.is_empty());
    }
    let made = target.create("a", what(&wanted), &mut Cursor::new(&wanted));
    assert_eq!(made.unwrap(), Created::New);
    assert_eq!(site.state().files["raw/a"], wanted);
    let mut read = Vec::new();
    let mut stream = target.open("a", 200_000).unwrap().unwrap();
    stream.read_to_end(&mut read).unwrap();
    assert_eq!(read, wanted);
}

#[test]
fn a_token_that_is_refused_is_not_repeated() {
    let site = Site::start();
    let error = github(&site, "ghp_wrong").begin().unwrap_err();
    assert_eq!(error.code(), "place-denied");
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("Bad credentials") && !text.contains("ghp_wrong"),
        "{text}"
    );
    assert!(site.state().releases.is_empty());
}

#[test]
fn an_answer_without_end_is_not_read() {
    let site = Site::start();
    site.fault("GET", Does::Endless, 1);
    let error = github(&site, "ghp_secret").begin().unwrap_err();
    assert!(
        matches!(error.code(), "place-too-large" | "place-timeout"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_there_stays_and_a_draft_is_shown_at_the_end() {
    let site = Site::start();
    let mut target = github(&site, "ghp_secret");
    target.begin().unwrap();
    let make = |target: &mut GitHub, bytes: &'static [u8]| {
        target
            .create("a+b", what(bytes), &mut Cursor::new(bytes))
            .unwrap()
    };
    assert_eq!(make(&mut target, b"one"), Created::New);
    assert_eq!(make(&mut target, b"two"), Created::Exists);
    assert_eq!(site.state().releases[0].assets[0].bytes, b"one");
    assert!(site.state().releases[0].draft);
    assert_eq!(target.finish().unwrap(), Finished::Shown);
    assert_eq!(target.finish().unwrap(), Finished::AsItWas);
    assert!(!site.state().releases[0].draft);
}

#[test]
fn nothing_is_read_from_where_there_is_no_tls() {
    let site = Site::start();
    let mut target = github(&site, "ghp_secret");
    target.begin().unwrap();
    target
        .create("a", what(b"one"), &mut Cursor::new(b"one"))
        .unwrap();
    target.finish().unwrap();
    let mut read = Vec::new();
    let mut stream = target.open("a", 3).unwrap().unwrap();
    stream.read_to_end(&mut read).unwrap();
    assert_eq!(read, b"one");
    for place in [
        "http://192.0.2.1",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
    ] {
        site.state().public = Some(place.to_owned());
        let mut target = github(&site, "ghp_secret");
        target.begin().unwrap();
        let asked = site.state().requests.len();
        let error = target.open("a", 3).err().unwrap();
        assert_eq!(error.code(), "place-malformed", "{place}: {error}");
        assert!(error.to_string().contains("without TLS"), "{error}");
        assert_eq!(site.state().requests.len(), asked, "{place}");
    }
}
