//! Who we are to a registry: docker's `config.json` and the credential helpers that it names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use attest_provenance::{base64, json};
use serde_json::{Map, Value};

use super::error::RegistryError;
use super::helper;
use super::reference::DOCKER;
use crate::limits;

/// What docker's configuration says of registries.
///
/// ```text
/// {"auths": {"registry.example.org": {"auth": "dXNlcjpwYXNzd29yZA=="}},
///  "credHelpers": {"eu.example.org": "cloud"}, "credsStore": "pass"}
/// ```
#[derive(Default)]
pub struct Login {
    auths: BTreeMap<String, Credentials>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
    /// Folders in which helpers are looked for.
    search: Vec<PathBuf>,
}

/// What a registry is shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    Anonymous,
    Password {
        user: String,
        password: String,
    },
    /// For the place of tokens alone.
    Refresh(String),
    /// Shown as it is.
    Bearer(String),
}

impl Login {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Reads docker's `config.json`. Helpers are looked for in these folders, and nowhere else.
    ///
    /// # Errors
    /// `registry-login`: it is not of that form.
    pub fn parse(
        place: &str,
        bytes: &[u8],
        search: impl IntoIterator<Item = PathBuf>,
    ) -> Result<Self, RegistryError> {
        let refused = |problem: String| RegistryError::Login {
            place: place.to_owned(),
            problem,
        };
        let within = json::Limits {
            bytes: usize::try_from(limits::REGISTRY_LOGIN_BYTES).unwrap_or(usize::MAX),
            depth: 8,
        };
        let value = json::parse(bytes, within).map_err(|error| refused(error.to_string()))?;
        let Value::Object(mut all) = value else {
            return Err(refused("it is no JSON object".to_owned()));
        };
        let mut login = Self {
            search: search.into_iter().filter(|it| it.is_absolute()).collect(),
            ..Self::default()
        };
        for (key, entry) in object(&mut all, "auths").map_err(refused)? {
            let credentials = read(&entry)
                .ok_or_else(|| refused(format!("auths of {key:?} hold no credentials")))?;
            login.auths.insert(host_of(&key), credentials);
        }
        for (key, name) in object(&mut all, "credHelpers").map_err(refused)? {
            let name = name.as_str().filter(|it| helper::is_name(it));
            let name = name.ok_or_else(|| refused(format!("the helper of {key:?} has no name")))?;
            login.helpers.insert(host_of(&key), name.to_owned());
        }
        match all.remove("credsStore") {
            None | Some(Value::Null) => {}
            Some(Value::String(name)) if name.is_empty() => {}
            Some(Value::String(name)) if helper::is_name(&name) => login.store = Some(name),
            Some(_) => return Err(refused("credsStore is no name of a helper".to_owned())),
        }
        Ok(login)
    }

    /// What to show to that host: the first that knows it, of a helper for it, the store, the file.
    pub(super) fn credentials(&self, host: &str) -> Result<Credentials, RegistryError> {
        let helper = self.helpers.get(host).or(self.store.as_ref());
        if let Some(name) = helper {
            let server = if host == DOCKER { HUB } else { host };
            if let Some(found) = helper::get(name, server, &self.search)? {
                return Ok(match found.user.as_str() {
                    "<token>" => Credentials::Refresh(found.secret),
                    _ => Credentials::Password {
                        user: found.user,
                        password: found.secret,
                    },
                });
            }
        }
        let known = self.auths.get(host).cloned();
        Ok(known.unwrap_or(Credentials::Anonymous))
    }
}

impl Credentials {
    /// What messages call them; never what they are.
    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::Anonymous => "we are nobody to it: no credentials for this host were found",
            Self::Password { .. } => "with the user and password that were found for it",
            Self::Refresh(_) | Self::Bearer(_) => "with the token that was found for it",
        }
    }

    /// As `Authorization` of HTTP's basic scheme.
    pub(super) fn basic(&self) -> Option<String> {
        let Self::Password { user, password } = self else {
            return None;
        };
        let pair = base64::encode(format!("{user}:{password}").as_bytes());
        Some(format!("Basic {pair}"))
    }
}

/// Secrets are not printed.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("hosts", &self.auths.keys().collect::<Vec<_>>())
            .field("helpers", &self.helpers)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

fn object(all: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, String> {
    match all.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(format!("{name} is no JSON object")),
    }
}

/// One entry of `auths`. Docker leaves an empty one where a store has the credentials.
fn read(entry: &Value) -> Option<Credentials> {
    let entry = entry.as_object()?;
    let text = |name: &str| match entry.get(name) {
        None | Some(Value::Null) => Some(""),
        Some(Value::String(text)) => Some(text.as_str()),
        Some(_) => None,
    };
    let (bearer, refresh) = (text("registrytoken")?, text("identitytoken")?);
    if !bearer.is_empty() {
        return Some(Credentials::Bearer(bearer.to_owned()));
    }
    if !refresh.is_empty() {
        return Some(Credentials::Refresh(refresh.to_owned()));
    }
    let pair = text("auth")?;
    let (user, password) = (text("username")?, text("password")?);
    if pair.is_empty() && user.is_empty() {
        return Some(Credentials::Anonymous);
    }
    if pair.is_empty() {
        return Some(Credentials::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        });
    }
    let pair = String::from_utf8(base64::decode(pair.trim_end()).ok()?).ok()?;
    // Docker's own files have had a NUL behind the password.
    let (user, password) = pair.trim_end_matches('\0').split_once(':')?;
    Some(Credentials::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// `https://host/v1/` and `host` are one key.
fn host_of(key: &str) -> String {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let host = bare.split('/').next().unwrap_or(bare);
    match host {
        "docker.io" | "index.docker.io" => DOCKER.to_owned(),
        host => host.to_ascii_lowercase(),
    }
}

/// Under which name Docker keeps the credentials of its hub.
const HUB: &str = "https://index.docker.io/v1/";

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> Login {
        Login::parse("config.json", text.as_bytes(), []).unwrap()
    }

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn every_host_has_its_own_credentials() {
        let login = login(
            r#"{"auths": {"one.example": {"auth": "dTpwOnc="}, "https://index.docker.io/v1/":
                {"username": "h", "password": "hub"}, "two.example:5000": {"identitytoken": "t"},
                "three.example": {}}, "HttpHeaders": {"X": "y"}}"#,
        );
        let shown = |host: &str| login.credentials(host).unwrap();
        assert!(shown("one.example") == password("u", "p:w"));
        assert!(shown(DOCKER) == password("h", "hub"));
        assert!(shown("two.example:5000") == Credentials::Refresh("t".to_owned()));
        for host in [
            "two.example",
            "three.example",
            "x.one.example",
            "one.example:443",
        ] {
            assert!(shown(host) == Credentials::Anonymous, "{host}");
        }
        assert!(!format!("{login:?}").contains("p:w"));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in [
            "",
            "[]",
            r#"{"auths": []}"#,
            r#"{"auths": {"h": "x"}}"#,
            r#"{"auths": {"h": {"auth": "not base64"}}}"#,
            r#"{"auths": {"h": {"auth": 1}}}"#,
            r#"{"credsStore": "../../bin/sh"}"#,
            r#"{"credHelpers": {"h": "a b"}}"#,
            r#"{"credHelpers": {"h": 1}}"#,
            r#"{"auths": {}, "auths": {}}"#,
        ] {
            let refused = Login::parse("config.json", text.as_bytes(), []).unwrap_err();
            assert_eq!(refused.code(), "registry-login", "{text}");
        }
    }
}
