//! Logins for hosts, from a `netrc` file.

use std::fmt;

use attest_provenance::base64;

/// Who we are, for each host.
///
/// ```text
/// machine repo.example.com login release password s3cret
/// ```
/// As curl and git read it: words, in any number of lines. `macdef` and `default` are not for us: a login is
/// sent to the host that it is written for, and to no other.
#[derive(Clone, Default)]
pub struct Logins {
    logins: Vec<Login>,
}

#[derive(Clone, Default)]
struct Login {
    host: String,
    name: Option<String>,
    password: Option<String>,
}

impl Logins {
    /// Reads the text of such a file; what is not understood is left out.
    pub fn parse(text: &str) -> Self {
        let mut logins: Vec<Login> = Vec::new();
        let mut words = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(str::split_whitespace);
        let mut is_ours = false;
        while let Some(word) = words.next() {
            match word {
                "machine" => {
                    is_ours = true;
                    logins.push(Login {
                        host: words.next().unwrap_or_default().to_owned(),
                        ..Login::default()
                    });
                }
                "default" | "macdef" => is_ours = false,
                "login" | "password" => {
                    let value = words.next().map(str::to_owned);
                    let Some(login) = logins.last_mut().filter(|_| is_ours) else {
                        continue;
                    };
                    if word == "login" {
                        login.name = value;
                    } else {
                        login.password = value;
                    }
                }
                _ => {}
            }
        }
        Self { logins }
    }

    /// The value of the header that logs in at a host (RFC 7617).
    pub(crate) fn basic(&self, host: &str) -> Option<String> {
        let login = self.logins.iter().find(|it| it.host == host)?;
        let (name, password) = (login.name.as_ref()?, login.password.as_ref()?);
        let pair = base64::encode(format!("{name}:{password}").as_bytes());
        Some(format!("Basic {pair}"))
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logins({})", self.logins.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_for_its_host_and_no_other() {
        let logins = Logins::parse(
            "# machine commented.example login x password y\n\
             machine a.example login me password pw\nmachine b.example\n  login you\n\
             default login anybody password everything\n",
        );
        assert_eq!(logins.basic("a.example").unwrap(), "Basic bWU6cHc=");
        for host in [
            "b.example",
            "c.example",
            "commented.example",
            "x.a.example",
            "A.example",
            "",
        ] {
            assert_eq!(logins.basic(host), None, "{host}");
        }
        assert!(!format!("{logins:?}").contains("pw"));
    }
}
