//! What is common to all places that keep files.

mod error;

pub use error::PlaceError;

use crate::http::{Patience, Url};

/// Whether a place may be called without TLS when it lies on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only this machine itself.
    Loopback,
    /// Wherever it lies: who listens can read and change what goes by.
    Anywhere,
}

/// How a place is reached.
#[derive(Debug, Clone)]
pub struct Reach {
    /// How long it is waited for.
    pub patience: Patience,
    /// Whether it may be called without TLS.
    pub plain_http: PlainHttp,
    /// PEM certificates of authorities that are trusted beside the system's.
    pub authorities: Vec<u8>,
}

/// An address that is called as it is: `http` or `https`, with a host and without credentials, a query or
/// a fragment.
pub(crate) fn parse_url(address: &str, plain: PlainHttp) -> Result<Url, PlaceError> {
    let refused = |place: String, problem: &str| PlaceError::Address {
        place,
        problem: problem.to_owned(),
    };
    let url = Url::parse(address);
    let url = url.map_err(|_| refused(address.to_owned(), "it is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the message: it is a secret.
        let host = url.host_str().unwrap_or_default();
        let place = format!("{}://…@{host}", url.scheme());
        return Err(refused(place, "it carries credentials"));
    }
    let refused = |problem| refused(address.to_owned(), problem);
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    if url.host_str().is_none() {
        return Err(refused("it has no host"));
    }
    match url.scheme() {
        "https" | "http" if is_called(&url, plain) => Ok(url),
        "http" => Err(refused(
            "it is plain HTTP to another machine: who listens can read and change what goes by",
        )),
        _ => Err(refused("http and https are called")),
    }
}

/// Whether an address is called at all: without TLS only on this machine.
pub(crate) fn is_called(url: &Url, plain: PlainHttp) -> bool {
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => plain == PlainHttp::Anywhere || is_loopback(host),
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |it: std::net::IpAddr| it.is_loopback();
    host == "localhost" || address.parse().is_ok_and(is_loopback)
}

/// A word that a place says about itself, short and without anything that a terminal would obey; with a
/// blank before it.
pub(crate) fn said(word: &str) -> String {
    let is_plain = |it: &char| it.is_ascii_alphanumeric() || " -_.,:'/".contains(*it);
    let word: String = word.chars().filter(is_plain).take(SAID).collect();
    if word.is_empty() {
        word
    } else {
        format!(" {word}")
    }
}

const SAID: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone_and_secrets_are_not_repeated() {
        for address in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://[2001:db8::1]/",
            "ftp://127.0.0.1/",
            "https://user:secret@example.com/",
            "https://token@example.com/",
            "https://example.com/?sig=secret",
            "https://example.com/#x",
            "example.com",
            "",
        ] {
            let error = parse_url(address, PlainHttp::Loopback).unwrap_err();
            assert_eq!(error.code(), "place-address", "{address}");
            assert!(!error.to_string().contains("user"));
        }
        for address in [
            "https://example.com/",
            "http://127.0.0.1:7/",
            "http://[::1]:7/",
            "http://localhost/",
        ] {
            parse_url(address, PlainHttp::Loopback).unwrap();
        }
        parse_url("http://example.com/", PlainHttp::Anywhere).unwrap();
    }

    #[test]
    fn what_a_place_says_cannot_command_a_terminal() {
        assert_eq!(said("Access\u{1b}[31mDenied\n"), " Access31mDenied");
        assert_eq!(said("\u{7}"), "");
        assert_eq!(said(&"x".repeat(1000)).len(), 1 + SAID);
    }
}
