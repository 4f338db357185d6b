//! A login at a provider on the loopback that does what it is told, and browsers that bring back what
//! they should not.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_remote::{LoginError, Patience, Persistence, Provider};
use attest_sign::IdentityToken;
use jiff::Timestamp;
use serde_json::{Value, json};

const PERSISTENCE: Persistence = Persistence {
    patience: Patience {
        connect: Duration::from_secs(2),
        total: Duration::from_secs(2),
    },
    total: Duration::from_secs(1),
};
const LIMIT: Duration = Duration::from_secs(5);

type Pairs = Vec<(String, String)>;
type Change = fn(&mut Value);

/// What a provider does otherwise than it should.
#[derive(Clone, Copy, Default)]
struct Odd {
    discovery: Option<Change>,
    claims: Option<Change>,
    /// Instead of an answer to whoever redeems a code; `FORM` is what they sent.
    token: Option<&'static str>,
    /// Instead of an answer to whoever asks what it is.
    described: Option<&'static str>,
}

/// A provider; it keeps what was asked of it.
struct Server {
    address: String,
    /// The login that it was last told of, by whoever plays the browser.
    asked: Arc<Mutex<Pairs>>,
    /// The forms that it got.
    forms: Arc<Mutex<Vec<Pairs>>>,
}

impl Server {
    fn new(odd: Odd) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            address: address.clone(),
            asked: Arc::default(),
            forms: Arc::default(),
        };
        let (asked, forms) = (Arc::clone(&server.asked), Arc::clone(&server.forms));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some((path, body)) = request(&mut stream) else {
                    continue;
                };
                if path.starts_with("/realm/.well-known") {
                    let mut described = json!({
                        "issuer": format!("{address}/realm"),
                        "authorization_endpoint": format!("{address}/login?kept=1"),
                        "token_endpoint": format!("{address}/token"),
                        "response_types_supported": ["code"],
                        "code_challenge_methods_supported": ["plain", "S256"],
                    });
                    odd.discovery.inspect(|change| change(&mut described));
                    answer(&mut stream, odd.described, &described);
                } else {
                    let said = String::from_utf8(body).unwrap();
                    let form = pairs(&said);
                    forms.lock().unwrap().push(form.clone());
                    let mut claims = claims(&address, &asked.lock().unwrap());
                    odd.claims.inspect(|change| change(&mut claims));
                    check_form(&form, &asked.lock().unwrap());
                    let echoed = |it: &str| it.replace("FORM", &said);
                    let instead = odd.token.map(echoed);
                    answer(
                        &mut stream,
                        instead.as_deref(),
                        &json!({"id_token": token_of(&claims)}),
                    );
                }
            }
        });
        server
    }

    fn issuer(&self) -> String {
        format!("{}/realm", self.address)
    }

    fn provider(&self) -> Result<Provider, LoginError> {
        Provider::discover(&self.issuer(), "sigstore", PERSISTENCE)
    }

    /// A login for which `browser` goes to the address, and what became of it.
    fn login<T: Send + 'static>(
        &self,
        browser: impl FnOnce(Way) -> T + Send + 'static,
    ) -> (Result<IdentityToken, LoginError>, T) {
        let provider = self.provider().unwrap();
        let login = provider.begin().unwrap();
        let way = Way::new(login.url());
        self.asked.lock().unwrap().clone_from(&way.asked);
        let browser: JoinHandle<T> = thread::spawn(move || browser(way));
        let ended = login.finish(LIMIT, &Timestamp::now);
        (ended, browser.join().unwrap())
    }

    fn code(&self, bring: fn(&Way) -> String) -> &'static str {
        let (ended, _) = self.login(move |way| way.come(&bring(&way)));
        ended.map_or_else(|error| error.code(), |_| "logged in")
    }
}

/// Where a browser was sent, and with what.
struct Way {
    asked: Pairs,
    state: String,
    back: String,
}

impl Way {
    fn new(url: &str) -> Self {
        let (place, query) = url.split_once('?').unwrap();
        assert!(place.ends_with("/login"), "{url}");
        let asked = pairs(query);
        let one = |name: &str| value(&asked, name).to_owned();
        assert_eq!(one("kept"), "1");
        assert_eq!(one("response_type"), "code");
        assert_eq!(one("client_id"), "sigstore");
        assert_eq!(one("scope"), "openid+email");
        assert_eq!(one("code_challenge_method"), "S256");
        let random = [one("state"), one("nonce"), one("code_challenge")];
        assert!(random.iter().all(|it| it.len() == 43), "{random:?}");
        let back = one("redirect_uri").replace("%3A", ":").replace("%2F", "/");
        assert!(back.starts_with("http://localhost:"), "{back}");
        Self {
            state: one("state"),
            back: back.trim_start_matches("http://").to_owned(),
            asked,
        }
    }

    /// Brings these parameters to where the provider sends browsers; what is answered, if anybody does.
    fn come(&self, query: &str) -> Option<String> {
        self.ask(&format!("GET /auth/callback?{query} HTTP/1.1"))
    }

    fn ask(&self, line: &str) -> Option<String> {
        let (host, _) = self.back.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).ok()?;
        write!(stream, "{line}\r\nHost: {host}\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        (!answer.is_empty()).then_some(answer)
    }

    fn good(&self) -> String {
        format!("code=c0de&state={}", self.state)
    }
}

fn claims(address: &str, asked: &[(String, String)]) -> Value {
    let now = Timestamp::now().as_second();
    json!({
        "iss": format!("{address}/realm"), "aud": "sigstore", "sub": "7", "email": "release@example.com",
        "email_verified": true, "iat": now, "exp": now + 60, "nonce": value(asked, "nonce"),
    })
}

/// RFC 7636, section 4.6.
fn check_form(form: &[(String, String)], asked: &[(String, String)]) {
    assert_eq!(value(form, "grant_type"), "authorization_code");
    assert_eq!(value(form, "code"), "c0de");
    assert_eq!(value(form, "client_id"), "sigstore");
    assert_eq!(value(form, "redirect_uri"), value(asked, "redirect_uri"));
    let verifier = value(form, "code_verifier").as_bytes();
    let digest = Artifact::of_bytes(verifier, Hashes::Sha256).sha256();
    assert_eq!(url64(digest.as_bytes()), value(asked, "code_challenge"));
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = pairs.iter().filter(|(it, _)| it == name);
    found.next().map_or("", |(_, value)| value)
}

fn pairs(query: &str) -> Pairs {
    let pairs = query.split('&').filter_map(|it| it.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn url64(bytes: &[u8]) -> String {
    let text = base64::encode(bytes).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

fn token_of(claims: &Value) -> String {
    let header = url64(br#"{"alg":"ES256"}"#);
    let claims = url64(claims.to_string().as_bytes());
    format!("{header}.{claims}.{}", url64(b"nobody checks this here"))
}

fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1)?.to_owned();
    let length = head.to_lowercase();
    let length = length.split("content-length: ").nth(1);
    let length = length.and_then(|it| it.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((path, body))
}

/// `endless` and `silent` are done; anything else is a status and a body.
fn answer(stream: &mut TcpStream, instead: Option<&str>, body: &Value) {
    let (status, body) = match instead {
        Some("endless") => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\":\"");
            while stream.write_all(&vec![b' '; 1 << 16]).is_ok() {}
            return;
        }
        Some("silent") => return thread::sleep(Duration::from_secs(4)),
        Some(answer) => answer.split_once('|').unwrap(),
        None => ("200 OK", &*body.to_string()),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn described(discovery: Change) -> &'static str {
    let odd = Odd {
        discovery: Some(discovery),
        ..Odd::default()
    };
    let found = Server::new(odd).provider();
    found.map_or_else(|error| error.code(), |_| "taken")
}

#[test]
fn whoever_logs_in_has_a_token_and_is_told_to_go_back() {
    let server = Server::new(Odd::default());
    let (token, page) = server.login(|way| way.come(&way.good()));
    let token = token.unwrap();
    assert_eq!(token.issuer(), server.issuer());
    assert_eq!(token.identities(), ["7", "release@example.com"]);
    let page = page.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(
        page.contains("default-src 'none'") && !page.contains("c0de"),
        "{page}"
    );
    assert_eq!(server.forms.lock().unwrap().len(), 1);
}

#[test]
fn an_answer_to_another_login_is_refused_and_its_code_not_sent() {
    let server = Server::new(Odd::default());
    for bring in [
        (|_| "code=c0de".to_owned()) as fn(&Way) -> String,
        |_| "code=c0de&state=".to_owned(),
        |_| "code=c0de&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        |way| format!("code=c0de&state={}", way.state.to_lowercase()),
        |way| format!("code=c0de&state={0}&state={0}", way.state),
        |way| format!("code=c0de&state={}&state=other", way.state),
        |_| "error=access_denied".to_owned(),
        |_| String::new(),
    ] {
        assert_eq!(server.code(bring), "login-state");
    }
    let (ended, page) = server.login(|way| way.come("code=c0de&state=other"));
    assert!(ended.unwrap_err().is_wrong_answer());
    assert!(page.unwrap().starts_with("HTTP/1.1 400 "));
    assert!(server.forms.lock().unwrap().is_empty());
    assert_eq!(server.code(Way::good), "logged in");
}

#[test]
fn a_provider_that_refuses_is_repeated_cut_and_quoted() {
    let server = Server::new(Odd::default());
    let (ended, _) = server.login(|way| {
        let long = "x".repeat(1000);
        way.come(&format!(
            "error=access_denied&error_description=%1b%5B31mno{long}&state={}&code=c0de",
            way.state
        ))
    });
    let error = ended.unwrap_err();
    assert_eq!(
        (error.code(), error.is_wrong_answer()),
        ("login-refused", false)
    );
    let said = error.to_string();
    assert!(
        said.contains("access_denied: \\u{1b}[31mno") && said.len() < 300,
        "{said}"
    );
    assert!(server.forms.lock().unwrap().is_empty());
}

#[test]
fn what_brings_no_code_is_no_answer() {
    let server = Server::new(Odd::default());
    let malformed = "login-malformed";
    assert_eq!(server.code(|way| format!("state={}", way.state)), malformed);
    assert_eq!(
        server.code(|way| format!("state={}&code=", way.state)),
        malformed
    );
    assert_eq!(
        server.code(|way| format!("{}&code=other", way.good())),
        malformed
    );
    assert!(server.forms.lock().unwrap().is_empty());
}

#[test]
fn a_provider_that_names_itself_on_the_way_back_is_the_one_that_was_asked() {
    let plain = Server::new(Odd::default());
    assert_eq!(
        plain.code(|way| format!("{}&iss=https://evil.example", way.good())),
        "login-issuer"
    );
    let (ended, _) = plain.login(|way| way.come(&format!("{}&iss=x&iss=y", way.good())));
    assert!(ended.unwrap_err().is_wrong_answer());
    let named = Server::new(Odd {
        discovery: Some(|it| it["authorization_response_iss_parameter_supported"] = json!(true)),
        ..Odd::default()
    });
    assert_eq!(named.code(Way::good), "login-issuer");
    let issuer = named.issuer();
    let (ended, _) = named.login(move |way| way.come(&format!("{}&iss={issuer}", way.good())));
    ended.unwrap();
}

#[test]
fn a_token_for_another_login_client_provider_or_time_is_refused() {
    let cases: [(&str, Change); 11] = [
        ("login-nonce", |it| it["nonce"] = json!("AAAA")),
        ("login-nonce", |it| it["nonce"] = Value::Null),
        ("login-issuer", |it| {
            it["iss"] = json!("https://issuer.example");
        }),
        ("login-issuer", |it| {
            let other = format!("{}/", it["iss"].as_str().unwrap());
            it["iss"] = json!(other);
        }),
        ("identity-token-audience", |it| it["aud"] = json!("other")),
        ("identity-token-audience", |it| {
            it["aud"] = json!(["sigstore", "other"]);
        }),
        ("identity-token-audience", |it| it["azp"] = json!("other")),
        ("identity-token-expired", |it| {
            it["exp"] = json!(1_700_000_000);
        }),
        ("identity-token-expired", |it| {
            it["nbf"] = json!(4_000_000_000_u64);
        }),
        ("identity-token-malformed", |it| it["sub"] = Value::Null),
        ("logged in", |it| {
            it["aud"] = json!(["sigstore"]);
            it["azp"] = json!("sigstore");
        }),
    ];
    for (code, claims) in cases {
        let server = Server::new(Odd {
            claims: Some(claims),
            ..Odd::default()
        });
        let (ended, _) = server.login(|way| way.come(&way.good()));
        let wrong = ended.as_ref().is_err_and(LoginError::is_wrong_answer);
        assert_eq!(wrong, code != "logged in", "{code}");
        assert_eq!(
            ended.map_or_else(|error| error.code(), |_| "logged in"),
            code
        );
    }
}

#[test]
fn a_description_of_another_provider_or_of_one_that_cannot_is_refused() {
    let cases: [(&str, Change); 11] = [
        ("login-issuer", |it| {
            it["issuer"] = json!("https://issuer.example");
        }),
        ("login-issuer", |it| {
            let other = format!("{}/", it["issuer"].as_str().unwrap());
            it["issuer"] = json!(other);
        }),
        ("service-malformed", |it| it["issuer"] = Value::Null),
        ("service-malformed", |it| it["token_endpoint"] = json!(7)),
        ("service-malformed", |it| {
            it["authorization_endpoint"] = Value::Null;
        }),
        ("service-address", |it| {
            it["token_endpoint"] = json!("http://issuer.example/token");
        }),
        ("service-address", |it| {
            it["authorization_endpoint"] = json!("http://issuer.example/");
        }),
        ("service-address", |it| {
            it["authorization_endpoint"] = json!("javascript:alert(1)");
        }),
        ("service-address", |it| {
            it["authorization_endpoint"] = json!("https://u:p@issuer.example/");
        }),
        ("login-unfit", |it| {
            it["code_challenge_methods_supported"] = json!(["plain"]);
        }),
        ("login-unfit", |it| {
            it["response_types_supported"] = json!(["id_token"]);
        }),
    ];
    for (code, change) in cases {
        assert_eq!(described(change), code);
    }
    // A provider may leave the lists away.
    let silent = described(|it| {
        let it = it.as_object_mut().unwrap();
        it.remove("code_challenge_methods_supported");
        it.remove("response_types_supported");
    });
    assert_eq!(silent, "taken");
}

#[test]
fn an_issuer_is_called_over_tls_or_here() {
    for issuer in [
        "http://issuer.example",
        "ftp://localhost",
        "https://",
        "issuer",
    ] {
        let refused = Provider::discover(issuer, "sigstore", PERSISTENCE);
        assert_eq!(refused.unwrap_err().code(), "service-address", "{issuer}");
    }
    let server = Server::new(Odd::default());
    for more in ["?tenant=x", "#x"] {
        let issuer = format!("{}{more}", server.issuer());
        let refused = Provider::discover(&issuer, "sigstore", PERSISTENCE);
        assert_eq!(refused.unwrap_err().code(), "service-address", "{issuer}");
    }
}

#[test]
fn a_provider_that_answers_badly_is_not_waited_for() {
    for (answer, code) in [
        ("endless", "service-too-large"),
        ("silent", "service-timeout"),
        ("500 Internal Server Error|{}", "service-http-status"),
        ("404 Not Found|<html>", "service-refused"),
        ("200 OK|<html>", "service-malformed"),
        (
            "200 OK|{\"issuer\":\"a\",\"issuer\":\"b\"}",
            "service-malformed",
        ),
        ("302 Found|", "service-redirect"),
    ] {
        let started = Instant::now();
        let described = Server::new(Odd {
            described: Some(answer),
            ..Odd::default()
        });
        assert_eq!(described.provider().unwrap_err().code(), code, "{answer}");
        let server = Server::new(Odd {
            token: Some(answer),
            ..Odd::default()
        });
        assert_eq!(server.code(Way::good), code, "{answer}");
        // A code is not sent twice, whatever the answer.
        assert_eq!(server.forms.lock().unwrap().len(), 1, "{answer}");
        assert!(started.elapsed() < Duration::from_secs(20), "{answer}");
    }
    let refusing = Server::new(Odd {
        token: Some("400 Bad Request|{\"error\":\"invalid_grant\"}"),
        ..Odd::default()
    });
    assert_eq!(refusing.code(Way::good), "service-refused");
}

#[test]
fn a_refusal_that_repeats_what_it_was_sent_is_not_shown() {
    for said in ["400 Bad Request|no: FORM", "500 Oops|{\"error\":\"FORM\"}"] {
        let server = Server::new(Odd {
            token: Some(said),
            ..Odd::default()
        });
        let (ended, _) = server.login(|way| way.come(&way.good()));
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("it repeats the token"), "{said}: {error}");
        let form = server.forms.lock().unwrap()[0].clone();
        for name in ["code", "code_verifier"] {
            assert!(!error.contains(value(&form, name)), "{name}: {error}");
        }
    }
    let plain = Server::new(Odd {
        token: Some("400 Bad Request|{\"error\":\"invalid_grant\"}"),
        ..Odd::default()
    });
    let (ended, _) = plain.login(|way| way.come(&way.good()));
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("invalid_grant"), "{error}");
}

/// Any program on the machine, or a page that looks for open ports, can connect as often as it likes.
#[test]
fn connections_without_end_do_not_end_the_login() {
    let server = Server::new(Odd::default());
    let started = Instant::now();
    let (ended, held) = server.login(|way| {
        let (host, _) = way.back.split_once('/').unwrap();
        let here = host.replace("localhost", "127.0.0.1");
        for _ in 0..200 {
            drop(TcpStream::connect(&here).unwrap());
        }
        // These stay, and say nothing.
        let held: Vec<TcpStream> = (0..100)
            .map(|_| TcpStream::connect(&here).unwrap())
            .collect();
        way.come(&way.good()).unwrap();
        held.len()
    });
    ended.unwrap();
    assert_eq!(held, 100);
    assert!(started.elapsed() < LIMIT);
}

#[test]
fn nobody_who_comes_second_is_heard() {
    let server = Server::new(Odd {
        token: Some("silent"),
        ..Odd::default()
    });
    let (ended, (first, second)) = server.login(|way| {
        let first = way.come("code=c0de&state=other");
        (first, way.come(&way.good()))
    });
    assert_eq!(ended.unwrap_err().code(), "login-state");
    assert!(first.is_some() && second.is_none(), "{second:?}");
    assert!(server.forms.lock().unwrap().is_empty());
}

#[test]
fn whoever_wants_something_else_or_says_nothing_does_not_end_the_login() {
    let server = Server::new(Odd::default());
    let (ended, pages) = server.login(|way| {
        let (host, _) = way.back.split_once('/').unwrap();
        let here = host.replace("localhost", "127.0.0.1");
        // Browsers open connections before they need them.
        let idle = TcpStream::connect(&here).unwrap();
        let icon = way.ask("GET /favicon.ico HTTP/1.1").unwrap();
        let posted = way
            .ask(&format!("POST /auth/callback?{} HTTP/1.1", way.good()))
            .unwrap();
        let mut rebound = TcpStream::connect(&here).unwrap();
        let line = format!(
            "GET /auth/callback?{} HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            way.good()
        );
        rebound.write_all(line.as_bytes()).unwrap();
        let mut other = String::new();
        rebound.read_to_string(&mut other).unwrap();
        let mut endless = TcpStream::connect(&here).unwrap();
        endless
            .set_write_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        while endless.write_all(&[b'x'; 4096]).is_ok() {}
        way.come(&way.good()).unwrap();
        drop(idle);
        [icon, posted, other]
    });
    ended.unwrap();
    for page in pages {
        assert!(page.starts_with("HTTP/1.1 404 "), "{page}");
    }
}

#[test]
fn nobody_is_waited_for_longer_than_was_said() {
    let server = Server::new(Odd::default());
    let provider = server.provider().unwrap();
    let started = Instant::now();
    let login = provider.begin().unwrap();
    let ended = login.finish(Duration::from_millis(300), &Timestamp::now);
    let error = ended.unwrap_err();
    assert_eq!(
        (error.code(), error.is_wrong_answer()),
        ("login-timeout", false)
    );
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn no_two_logins_share_anything() {
    let server = Server::new(Odd::default());
    let provider = server.provider().unwrap();
    let (one, other) = (provider.begin().unwrap(), provider.begin().unwrap());
    let (one, other) = (Way::new(one.url()), Way::new(other.url()));
    for name in ["state", "nonce", "code_challenge", "redirect_uri"] {
        assert_ne!(value(&one.asked, name), value(&other.asked, name), "{name}");
    }
}
