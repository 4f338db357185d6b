//! One conversation with a registry: who is asked, as whom, and where it may lead.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use attest_provenance::json::{self, Object};

use super::challenge::{self, Challenge};
use super::error::RegistryError;
use super::login::{Credentials, Login};
use super::reference::{DOCKER, Reference, host_called, is_host};
use super::repository::Repository;
use crate::http::{Answer, Ask, Patience, Talk, Url, Verb};
use crate::limits;

/// How registries are called.
#[derive(Debug)]
pub struct RegistryOptions {
    /// How long each answer is waited for; longer where much is moved.
    pub patience: Patience,
    /// Hosts that are called without TLS. Loopback is, unless there are authorities of our own.
    pub plain_http: Vec<String>,
    /// PEM certificates of authorities that are trusted beside the system's.
    pub authorities: Vec<u8>,
    /// Hosts that are asked in place of others, for all that is read.
    pub mirrors: Vec<(String, String)>,
    /// Hosts, and others that give tokens for them and get the credentials that are theirs.
    pub realms: Vec<(String, String)>,
    /// Who we are.
    pub login: Login,
}

/// What is to be done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read.
    Pull,
    /// Read and write.
    Push,
}

/// Registries, called in one way.
///
/// Nothing that they say is believed: bytes are hashed, sizes counted, lists bounded. Redirects are
/// followed for what its digest names alone, and no credentials go to another host than the one they
/// are for.
pub struct Registry {
    talk: Talk,
    options: RegistryOptions,
    /// What hosts have asked for and taken, by host, repository and access.
    shown: Mutex<BTreeMap<(String, String, Access), String>>,
}

/// One request to a registry.
pub(super) struct Question<'a> {
    pub(super) verb: Verb,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<&'a [u8]>,
    pub(super) size: u64,
    /// What messages call it.
    pub(super) what: String,
    /// Whether the answer proves itself, so that it may come from anywhere.
    pub(super) follow: bool,
}

impl Registry {
    /// Registries, called with these options; nothing is sent yet.
    ///
    /// # Errors
    /// `registry-reference`: a host of the options is none. The authorities are no certificates, or this
    /// machine cannot make connections.
    pub fn new(mut options: RegistryOptions) -> Result<Self, RegistryError> {
        let pairs = options.mirrors.iter().chain(&options.realms);
        let paired = pairs.flat_map(|(one, other)| [one, other]);
        for host in options.plain_http.iter().chain(paired) {
            if !is_host(host) {
                return Err(RegistryError::Reference {
                    text: host.clone(),
                    problem: "it is no host",
                });
            }
        }
        // As references name them.
        let mirrored = options.mirrors.iter_mut().flat_map(|(from, to)| [from, to]);
        let named = mirrored.chain(options.realms.iter_mut().map(|(host, _)| host));
        for host in options.plain_http.iter_mut().chain(named) {
            let called = host_called(host).to_owned();
            *host = called;
        }
        Ok(Self {
            talk: Talk::new(options.patience, &options.authorities)?,
            options,
            shown: Mutex::default(),
        })
    }

    /// The repository of a reference, for one kind of access.
    ///
    /// # Errors
    /// `registry-reference`: it has no address.
    pub fn repository(
        &self,
        reference: &Reference,
        access: Access,
    ) -> Result<Repository<'_>, RegistryError> {
        let host = match access {
            Access::Pull => self.mirror(reference.host()),
            Access::Push => reference.host(),
        };
        let scheme = if self.is_plain(host) { "http" } else { "https" };
        let address = format!("{scheme}://{host}/v2/{}/", reference.repository());
        let base = Url::parse(&address).map_err(|_| RegistryError::Reference {
            text: reference.to_string(),
            problem: "it has no address",
        })?;
        Ok(Repository::new(
            self,
            reference,
            host.to_owned(),
            base,
            access,
        ))
    }

    /// From now on everything that is asked is waited for so long in all, and longer where much is moved.
    /// Each answer has a bound of its own: this one is for whoever gives very many, each in time.
    pub fn allow(&self, whole: Duration) {
        self.talk.allow(whole);
    }

    fn mirror<'a>(&'a self, host: &'a str) -> &'a str {
        let mirrors = self.options.mirrors.iter();
        let found = mirrors.into_iter().find(|(from, _)| from == host);
        found.map_or(host, |(_, to)| to)
    }

    /// Whether a host is called without TLS: on this machine, or because somebody said so.
    fn is_plain(&self, host: &str) -> bool {
        let said = self.options.plain_http.iter().any(|it| it == host);
        said || (self.options.authorities.is_empty() && is_loopback(host))
    }

    /// Asks, shows who we are if that is wanted, and follows where that is safe.
    pub(super) fn send(
        &self,
        place: &Repository<'_>,
        question: &Question<'_>,
    ) -> Result<Answer<'_>, RegistryError> {
        let mut url = question.url.clone();
        let mut renewed = false;
        let (mut waits, mut led) = (0, 0);
        loop {
            let answer = self.ask(place, question, &url)?;
            let at_home = is_same_place(&url, place.base());
            match answer.status() {
                401 if at_home && !renewed => {
                    renewed = true;
                    self.authenticate(place, &answer, &question.what)?;
                }
                429 | 503 if waits < WAITS => match retry_after(&answer) {
                    Some(time) => {
                        waits += 1;
                        self.talk.pause(time);
                    }
                    None => return Ok(answer),
                },
                301..=303 | 307 | 308 => {
                    led += 1;
                    url = self.led(place, question, &answer, &url, led)?;
                }
                _ => return Ok(answer),
            }
        }
    }

    fn ask(
        &self,
        place: &Repository<'_>,
        question: &Question<'_>,
        url: &Url,
    ) -> Result<Answer<'_>, RegistryError> {
        let mut headers = question.headers.clone();
        if let Some(accept) = question.accept {
            headers.push(("accept", accept.to_owned()));
        }
        if is_same_place(url, place.base())
            && let Some(shown) = self.shown(place)
        {
            headers.push(("authorization", shown));
        }
        Ok(self.talk.ask(Ask {
            verb: question.verb,
            url,
            headers: &headers,
            body: question.body.map(<[u8]>::to_vec),
            size: question.size,
        })?)
    }

    /// Where an answer leads to, if that may be followed.
    fn led(
        &self,
        place: &Repository<'_>,
        question: &Question<'_>,
        answer: &Answer<'_>,
        from: &Url,
        count: usize,
    ) -> Result<Url, RegistryError> {
        let to = answer.header("location").unwrap_or_default();
        let refused = |problem| RegistryError::Redirect {
            host: from.host_str().unwrap_or_default().to_owned(),
            to: shown_address(to),
            what: question.what.clone(),
            problem,
        };
        if !question.follow {
            return Err(refused("only what a digest names may come from elsewhere"));
        }
        if count > limits::REGISTRY_REDIRECTS {
            return Err(refused("it leads on and on"));
        }
        let to = from.join(to).map_err(|_| refused("it is no address"))?;
        self.check_address(place, &to).map_err(refused)?;
        Ok(to)
    }

    /// Whether an address that a registry names is one that we call.
    pub(super) fn check_address(
        &self,
        place: &Repository<'_>,
        url: &Url,
    ) -> Result<(), &'static str> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it carries credentials");
        }
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map(|port| format!("{host}:{port}"));
        let is_plain = self.is_plain(with_port.as_deref().unwrap_or(host));
        match url.scheme() {
            "https" => Ok(()),
            // Who speaks TLS does not lead out of it.
            "http" if is_plain && place.base().scheme() == "http" => Ok(()),
            _ => Err("it is not https"),
        }
    }

    /// What messages call the credentials for a host.
    pub(super) fn credentials_in_words(&self, host: &str) -> &'static str {
        let found = self.options.login.credentials(host);
        found.unwrap_or(Credentials::Anonymous).words()
    }

    /// Waits a moment.
    pub(super) fn pause(&self, time: Duration) {
        self.talk.pause(time);
    }

    fn shown(&self, place: &Repository<'_>) -> Option<String> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.get(&place.key()).cloned()
    }

    /// Meets the challenge of the registry itself.
    fn authenticate(
        &self,
        place: &Repository<'_>,
        answer: &Answer<'_>,
        what: &str,
    ) -> Result<(), RegistryError> {
        let credentials = self.options.login.credentials(place.host())?;
        let denied = || RegistryError::Denied {
            host: place.host().to_owned(),
            status: 401,
            said: String::new(),
            what: what.to_owned(),
            credentials: credentials.words(),
        };
        let challenge = challenge::parse(&answer.headers("www-authenticate"));
        let shown = match (challenge.ok_or_else(denied)?, &credentials) {
            (Challenge::Bearer { .. }, Credentials::Bearer(token)) => format!("Bearer {token}"),
            (Challenge::Bearer { realm, service }, _) => {
                let token = self.token(place, &realm, service.as_deref(), &credentials)?;
                format!("Bearer {token}")
            }
            (Challenge::Basic, _) => credentials.basic().ok_or_else(denied)?,
        };
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(place.key(), shown);
        Ok(())
    }

    /// Exchanges credentials for a token: for this repository, and for no more than is to be done.
    fn token(
        &self,
        place: &Repository<'_>,
        realm: &str,
        service: Option<&str>,
        credentials: &Credentials,
    ) -> Result<String, RegistryError> {
        let refused = |problem| RegistryError::Realm {
            host: place.host().to_owned(),
            realm: shown_address(realm),
            problem,
        };
        let mut url = Url::parse(realm).map_err(|_| refused("it is no address"))?;
        self.check_address(place, &url).map_err(refused)?;
        let trusted = gives_tokens(&url, place.host(), &self.options.realms);
        if *credentials != Credentials::Anonymous && !trusted {
            return Err(refused(
                "our credentials are for the registry, not for that host",
            ));
        }
        let service: Vec<(&str, &str)> = service.map(|it| ("service", it)).into_iter().collect();
        let scope = place.scope();
        let mut headers = Vec::new();
        let (verb, body) = if let Credentials::Refresh(token) = credentials {
            let mut form = Url::parse("form:").map_err(|_| refused("it is no address"))?;
            form.query_pairs_mut()
                .extend_pairs(&service)
                .extend_pairs([("grant_type", "refresh_token"), ("client_id", "attest")])
                .extend_pairs([("scope", scope.as_str()), ("refresh_token", token)]);
            headers.push((
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            ));
            let form = form.query().unwrap_or_default().as_bytes().to_vec();
            (Verb::Post, Some(form))
        } else {
            headers.extend(credentials.basic().map(|it| ("authorization", it)));
            url.query_pairs_mut()
                .extend_pairs(&service)
                .append_pair("scope", &scope);
            (Verb::Get, None)
        };
        let answer = self.talk.ask(Ask {
            verb,
            url: &url,
            headers: &headers,
            body,
            size: 0,
        })?;
        read_token(place.host(), answer, credentials)
    }
}

fn read_token(
    host: &str,
    answer: Answer<'_>,
    credentials: &Credentials,
) -> Result<String, RegistryError> {
    let refused = |problem: String| RegistryError::Token {
        host: host.to_owned(),
        problem,
    };
    match answer.status() {
        200 => {}
        301..=303 | 307 | 308 => {
            return Err(RegistryError::Redirect {
                host: host.to_owned(),
                to: shown_address(answer.header("location").unwrap_or_default()),
                what: "a token".to_owned(),
                problem: "only what a digest names may come from elsewhere",
            });
        }
        status @ (401 | 403) => {
            return Err(RegistryError::Denied {
                host: host.to_owned(),
                status,
                said: String::new(),
                what: "a token".to_owned(),
                credentials: credentials.words(),
            });
        }
        status => return Err(refused(format!("the place for tokens answers {status}"))),
    }
    let body = answer.body(limits::REGISTRY_TOKEN_BYTES)?;
    let body = body.ok_or_else(|| refused("the answer does not end".to_owned()))?;
    let within = json::Limits {
        bytes: body.len(),
        depth: 4,
    };
    let token = json::parse(&body, within).ok().and_then(|value| {
        let mut object = Object::new("", value).ok()?;
        let token = object.take_optional_string("token").ok()?;
        let other = object.take_optional_string("access_token").ok()?;
        token.or(other)
    });
    token
        .filter(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| refused("the answer holds none".to_owned()))
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    let bare = without_port(host);
    if bare == "localhost" || bare.ends_with(".localhost") {
        return true;
    }
    let address = bare.trim_start_matches('[').trim_end_matches(']');
    address
        .parse::<std::net::IpAddr>()
        .is_ok_and(|it| it.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|it| it.is_ascii_digit()) => bare,
        _ => host,
    }
}

/// Whether an address is of the registry itself: credentials go nowhere else.
pub(super) fn is_same_place(one: &Url, other: &Url) -> bool {
    let place = |it: &Url| {
        let host = it.host_str().map(str::to_owned);
        (it.scheme().to_owned(), host, it.port_or_known_default())
    };
    place(one) == place(other)
}

/// Whether the credentials for a registry may go to that place for tokens: on the registry's own host, or
/// where it is known or said to have it. That names are alike is no proof: below `co.uk` and `azurecr.io`
/// everybody has one.
fn gives_tokens(realm: &Url, registry: &str, said: &[(String, String)]) -> bool {
    let host = realm.host_str().unwrap_or_default();
    let with_port = realm.port().map(|port| format!("{host}:{port}"));
    if host == without_port(registry) {
        return true;
    }
    let host = with_port.as_deref().unwrap_or(host);
    let said = said.iter().map(|(of, to)| (of.as_str(), to.as_str()));
    said.chain(REALMS).any(|it| it == (registry, host))
}

/// An address without what may be secret in it.
fn shown_address(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let shown = text.get(..end).unwrap_or_default();
    if shown.contains('@') {
        return "an address with credentials".to_owned();
    }
    shown.chars().take(200).collect()
}

/// How long a service asks to wait, if that is not long.
fn retry_after(answer: &Answer<'_>) -> Option<Duration> {
    let seconds: u64 = answer.header("retry-after")?.trim().parse().ok()?;
    (seconds <= LONGEST_WAIT).then(|| Duration::from_secs(seconds))
}

/// Registries whose tokens are known to be had of another host of the same owner.
const REALMS: [(&str, &str); 2] = [
    (DOCKER, "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];
const WAITS: usize = 3;
/// Seconds.
const LONGEST_WAIT: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_the_registry_and_to_whom_it_is_known_or_said_to_belong() {
        let said = [("r.example.org".to_owned(), "login.example.org".to_owned())];
        for (registry, realm, wanted) in [
            ("quay.io", "https://quay.io/v2/auth", true),
            ("r.example.org:5000", "https://r.example.org/token", true),
            ("[::1]:5000", "http://[::1]:6000/token", true),
            (DOCKER, "https://auth.docker.io/token", true),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("r.example.org", "https://login.example.org/token", true),
            // Names that anybody can have beside the registry's.
            (
                "registry.shop.co.uk",
                "https://evil.shop.co.uk/token",
                false,
            ),
            ("registry.shop.co.uk", "https://evil.co.uk/token", false),
            ("victim.azurecr.io", "https://evil.azurecr.io/token", false),
            ("victim.jfrog.io", "https://evil.jfrog.io/token", false),
            ("a.example.org", "https://b.example.org/token", false),
            ("example.org", "https://evil.example.org/token", false),
            // What was said is of that registry, that host and that port.
            ("x.example.org", "https://login.example.org/token", false),
            ("r.example.org", "https://login.example.org:81/token", false),
            ("gitlab.com", "https://registry.gitlab.com/token", false),
            (DOCKER, "https://auth.docker.io.evil.example/token", false),
        ] {
            let address = Url::parse(realm).unwrap();
            let found = gives_tokens(&address, registry, &said);
            assert_eq!(found, wanted, "{registry} {realm}");
        }
    }
}
