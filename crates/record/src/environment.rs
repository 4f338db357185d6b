//! Variables of the environment that a record may repeat: those that somebody named, and no secrets; nor may one
//! stand in the command.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::limits;

/// The variables of these names that are set; `get` is for example `std::env::var_os`.
///
/// # Errors
/// A name is not one, or looks like that of a secret; a value is too long, is not UTF-8, has control
/// characters, or holds a password or a private key.
pub fn allowed_variables(
    names: &[String],
    get: impl Fn(&OsStr) -> Option<OsString>,
) -> Result<BTreeMap<String, String>, EnvironmentError> {
    if names.len() > limits::VARIABLES {
        return Err(EnvironmentError::TooMany {
            found: names.len(),
            limit: limits::VARIABLES,
        });
    }
    let mut variables = BTreeMap::new();
    for name in names {
        if !is_name(name) {
            return Err(EnvironmentError::Name { name: name.clone() });
        }
        if is_secret_name(name) {
            return Err(EnvironmentError::Secret { name: name.clone() });
        }
        let Some(value) = get(OsStr::new(name)) else {
            continue;
        };
        let value = value
            .into_string()
            .ok()
            .filter(|it| it.len() <= limits::VARIABLE_BYTES && !it.chars().any(char::is_control))
            .ok_or_else(|| EnvironmentError::Value { name: name.clone() })?;
        if is_secret_value(&value) {
            return Err(EnvironmentError::Secret { name: name.clone() });
        }
        variables.insert(name.clone(), value);
    }
    Ok(variables)
}

/// Why a variable is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// Not the name of a variable.
    #[error("{name:?} is not the name of a variable: letters, digits and _ are")]
    Name {
        /// The text.
        name: String,
    },
    /// Its name or its value looks like a secret.
    #[error("variable {name} looks like a secret: it is not recorded")]
    Secret {
        /// Its name.
        name: String,
    },
    /// Its value cannot be written down.
    #[error(
        "the value of {name} is not at most {} bytes of UTF-8 without control characters",
        limits::VARIABLE_BYTES
    )]
    Value {
        /// Its name.
        name: String,
    },
    /// More names than a record holds.
    #[error("{found} variables are named, at most {limit} are recorded")]
    TooMany {
        /// How many.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
}

impl EnvironmentError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } | Self::TooMany { .. } => "variable-name",
            Self::Secret { .. } => "variable-secret",
            Self::Value { .. } => "variable-value",
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 256
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    PARTS_OF_SECRETS.iter().any(|part| name.contains(part))
        || name.split('_').any(|word| WORDS_OF_SECRETS.contains(&word))
}

fn is_secret_value(value: &str) -> bool {
    let before_at = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| !user.is_empty())
    };
    value.contains("PRIVATE KEY-----")
        || BEGINNINGS_OF_SECRETS
            .iter()
            .any(|begin| value.starts_with(begin))
        || value.split("://").skip(1).any(before_at)
}

/// Whether a word of a command holds what must stay secret: a private key, a token as its issuer writes them, or
/// a password in an address. A variable in its place is none.
pub fn holds_secret(word: &str) -> bool {
    word.contains("PRIVATE KEY-----")
        || word.split("://").skip(1).any(has_password)
        || word.split(|it: char| !is_of_token(it)).any(is_token)
        || ["Bearer ", "Basic "]
            .iter()
            .any(|it| has_credentials(word, it))
}

/// Whether a token follows the scheme of a header.
fn has_credentials(word: &str, scheme: &str) -> bool {
    let is_of_credentials = |it: char| is_of_token(it) || matches!(it, '+' | '/' | '=');
    let credentials = |rest: &str| {
        rest.find(|it: char| !is_of_credentials(it))
            .unwrap_or(rest.len())
    };
    let mut behind = word.split(scheme).skip(1);
    behind.any(|rest| credentials(rest) >= TOKEN_BYTES)
}

fn is_token(part: &str) -> bool {
    let is_web_token = part.starts_with("eyJ") && part.matches('.').count() == 2;
    let mut beginnings = BEGINNINGS_OF_TOKENS.iter();
    is_web_token
        || beginnings.any(|(begin, is_plain)| {
            let rest = part.strip_prefix(begin).unwrap_or_default();
            let plain = |it: u8| it.is_ascii_alphanumeric();
            rest.len() >= TOKEN_BYTES && (!is_plain || rest.bytes().all(plain))
        })
}

/// Whether what follows `://` names a password, and not where one is found.
fn has_password(rest: &str) -> bool {
    let ends = |it: char| matches!(it, '/' | '?' | '#' | '"' | '\'') || it.is_whitespace();
    let authority = rest.split(ends).next().unwrap_or_default();
    let password = authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'));
    password.is_some_and(|(_, it)| !it.is_empty() && !it.contains(['$', '{', '<', '*']))
}

const fn is_of_token(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.')
}

/// Fewer bytes than any token has behind its beginning.
const TOKEN_BYTES: usize = 16;

/// As their issuers document them, and whether only letters and digits follow: GitHub, GitLab, npm, `PyPI`, Slack.
const BEGINNINGS_OF_TOKENS: [(&str, bool); 11] = [
    ("ghp_", true),
    ("gho_", true),
    ("ghr_", true),
    ("ghs_", true),
    ("ghu_", true),
    ("github_pat_", false),
    ("glpat-", false),
    ("npm_", true),
    ("pypi-AgE", false),
    ("xoxb-", false),
    ("xoxp-", false),
];

const PARTS_OF_SECRETS: [&str; 12] = [
    "ACCESSKEY",
    "APIKEY",
    "AUTHORIZATION",
    "COOKIE",
    "CREDENTIAL",
    "JWT",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATE",
    "SECRET",
    "TOKEN",
];

const WORDS_OF_SECRETS: [&str; 10] = [
    "AUTH", "BEARER", "KEY", "KEYS", "PASS", "PAT", "PIN", "PSK", "SAS", "SESSION",
];

/// As their issuers document them.
const BEGINNINGS_OF_SECRETS: [&str; 12] = [
    "AKIA",
    "ASIA",
    "Bearer ",
    "Basic ",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "npm_",
    "pypi-",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, value: &str) -> Result<usize, &'static str> {
        let get = |_: &OsStr| Some(OsString::from(value));
        allowed_variables(&[name.to_owned()], get)
            .map(|it| it.len())
            .map_err(|error| error.code())
    }

    #[test]
    fn what_is_called_like_a_secret_is_refused_whatever_it_holds() {
        for name in [
            "GITHUB_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "ATTEST_PASSWORD",
            "aws_secret_access_key",
            "DEPLOY_KEY",
            "MYSQL_PASS",
            "GH_PAT",
            "DOCKER_AUTH_CONFIG",
            "NPM_CONFIG__AUTH",
            "SSH_PRIVATE",
        ] {
            assert_eq!(code(name, ""), Err("variable-secret"), "{name}");
        }
    }

    #[test]
    fn what_holds_a_secret_is_refused_whatever_it_is_called() {
        for value in [
            "https://user:secret@host/x",
            "postgres://app@db/x",
            "-----BEGIN EC PRIVATE KEY-----",
            "ghp_0123456789",
            "eyJhbGciOi",
            "a=1 http://t:x@proxy",
        ] {
            assert_eq!(code("SOURCE", value), Err("variable-secret"), "{value}");
        }
    }

    #[test]
    fn a_word_of_a_command_that_holds_a_secret_is_known() {
        let token = "0123456789abcdefghij";
        for word in [
            format!("ghp_{token}"),
            format!("--token=glpat-{token}"),
            format!("curl -H 'PRIVATE-TOKEN: glpat-{token}' x"),
            format!("//registry.npmjs.org/:_authToken=npm_{token}"),
            format!("pypi-AgE{token}"),
            format!("Authorization: Bearer {token}"),
            format!("Authorization: Basic {token}=="),
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl".to_owned(),
            "https://user:secret@host/x".to_owned(),
            "git clone https://oauth2:secret@host/x.git 'y'".to_owned(),
            "a=1 http://t:x@proxy".to_owned(),
            "-----BEGIN EC PRIVATE KEY-----".to_owned(),
        ] {
            assert!(holds_secret(&word), "{word}");
        }
    }

    #[test]
    fn a_word_of_a_command_that_names_where_a_secret_is_holds_none() {
        for word in [
            "make",
            "ssh://git@host/x",
            "git@github.com:acme/app.git",
            "https://host:8080/a@b",
            "https://oauth2:$TOKEN@host/x",
            "https://oauth2:${TOKEN}@host/x",
            "Authorization: Bearer $TOKEN",
            "Authorization: Bearer ${ACTIONS_ID_TOKEN_REQUEST_TOKEN}",
            "--token-file=/run/secrets/token",
            "npm_config_cache=/tmp/cache",
            "npm_config_legacy_peer_deps_42=true",
            "ghp_short",
            "pypi-publish-action-v1.8-and-more",
            "eyJ",
            "https://example.com/eyJhbGciOiJFUzI1NiJ9",
        ] {
            assert!(!holds_secret(word), "{word}");
        }
    }

    #[test]
    fn others_are_recorded_if_they_are_set() {
        for (name, value) in [
            ("CFLAGS", "-O2 -g"),
            ("PATH", "/usr/bin:/bin"),
            ("SOURCE_DATE_EPOCH", "1700000000"),
            ("URL", "https://example.com/a@b"),
            ("MONKEY", "x"),
            ("COMPASS", "x"),
        ] {
            assert_eq!(code(name, value), Ok(1), "{name}");
        }
        assert_eq!(
            allowed_variables(&["CFLAGS".to_owned()], |_| None),
            Ok(BTreeMap::new())
        );
    }

    #[test]
    fn what_is_no_name_or_cannot_be_written_is_refused() {
        for name in ["", "A=B", "1A", "A B", "A-B", "\u{c4}"] {
            assert_eq!(code(name, "x"), Err("variable-name"), "{name:?}");
        }
        assert_eq!(code("CC", "a\u{1b}[2J"), Err("variable-value"));
        let long = "x".repeat(limits::VARIABLE_BYTES + 1);
        assert_eq!(code("CC", &long), Err("variable-value"));
        let many = vec!["CC".to_owned(); limits::VARIABLES + 1];
        let refusal = allowed_variables(&many, |_| None).unwrap_err();
        assert_eq!(refusal.code(), "variable-name");
    }
}
