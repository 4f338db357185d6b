//! A login in the browser: the code flow of `OpenID` Connect, for a program on the user's own machine.
//!
//! ```text
//! we      ► GET  {issuer}/.well-known/openid-configuration
//! browser ► GET  {authorization_endpoint}?response_type=code&client_id=sigstore&scope=openid+email
//!                &redirect_uri=http://localhost:PORT/auth/callback&state=…&nonce=…
//!                &code_challenge=…&code_challenge_method=S256
//! browser ► GET  http://localhost:PORT/auth/callback?code=…&state=…
//! we      ► POST {token_endpoint}  grant_type=authorization_code&code=…&code_verifier=…
//!         ◄ {"id_token":"eyJ…"}
//! ```
//! See `OpenID` Connect Core 1.0, section 3.1; RFC 7636 for the challenge, which makes a code useless to
//! whoever else reads it; RFC 8252 for the way back; RFC 9207 for the provider's name in it. The token
//! comes from the provider itself over TLS, so that its signature need not be looked at here (section
//! 3.1.3.7, 6): the certificate authority does.

use std::time::Duration;

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_provenance::json::Value;
use attest_sign::{IdentityToken, IdentityTokenError};
use jiff::Timestamp;

use crate::dial::DialError;
use crate::http::{Listener, Persistence, Question, Runtime, Url, Visit, runtime};
use crate::limits::SERVICE_WORDS;
use crate::login_error::LoginError;
use crate::service::{Endpoint, ServiceError};

/// An `OpenID` provider, as it describes itself.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    client: String,
    authorization: Url,
    token: Endpoint,
    token_url: Url,
    /// It says who it is when it sends a browser back.
    names_itself: bool,
    runtime: Runtime,
}

/// One login that was begun.
#[derive(Debug)]
pub struct Login<'a> {
    provider: &'a Provider,
    listener: Listener,
    redirect: String,
    url: Url,
    state: String,
    nonce: String,
    verifier: String,
}

impl Provider {
    /// Asks the provider where it lets people in. A client is known to it by its name.
    ///
    /// # Errors
    /// `service-address` for an issuer that is neither `https` nor this machine; `login-issuer` if it
    /// says that it is another; `login-unfit` if it cannot do this; or why it was not heard.
    pub fn discover(
        issuer: &str,
        client: &str,
        persistence: Persistence,
    ) -> Result<Self, LoginError> {
        let endpoint = Endpoint::new(KIND, issuer, persistence)?.confidential()?;
        if issuer.contains(['?', '#']) {
            return Err(LoginError::Service(ServiceError::Address {
                kind: KIND,
                url: issuer.to_owned(),
                problem: "an issuer has no query",
            }));
        }
        let runtime = runtime().map_err(dial)?;
        let described = runtime.block_on(async {
            let reply = endpoint.get(".well-known/openid-configuration").await?;
            endpoint.json(&endpoint.body(reply)?)
        })?;
        let text = |name: &'static str| {
            let text = described.get(name).and_then(Value::as_str);
            text.ok_or_else(|| endpoint.malformed(&format!("no {name}")))
        };
        check_issuer("what answers there", text("issuer")?, issuer)?;
        if lists(&described, "response_types_supported").is_some_and(|it| !it.contains(&"code")) {
            return Err(unfit(issuer, "gives no codes"));
        }
        if lists(&described, "code_challenge_methods_supported")
            .is_some_and(|it| !it.contains(&"S256"))
        {
            return Err(unfit(issuer, "takes no challenges of SHA-256 (PKCE, S256)"));
        }
        let address = text("authorization_endpoint")?;
        Endpoint::new(KIND, address, persistence)?.confidential()?;
        let mut authorization = parse(&endpoint, address)?;
        authorization.set_fragment(None);
        let address = text("token_endpoint")?;
        // A code is good once: it is not sent a second time.
        let once = Persistence {
            total: Duration::ZERO,
            ..persistence
        };
        let names_itself = described.get("authorization_response_iss_parameter_supported");
        Ok(Self {
            issuer: issuer.to_owned(),
            client: client.to_owned(),
            authorization,
            token_url: parse(&endpoint, address)?,
            token: Endpoint::new(KIND, address, once)?.confidential()?,
            names_itself: names_itself.and_then(Value::as_bool) == Some(true),
            runtime,
        })
    }

    /// Listens for a browser, and says where to send it.
    ///
    /// # Errors
    /// `login-listener`, or this machine has no random numbers.
    pub fn begin(&self) -> Result<Login<'_>, LoginError> {
        let listener = self.runtime.block_on(Listener::open());
        let listener = listener.map_err(LoginError::Listener)?;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let redirect = listener.address();
        let mut url = self.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client)
            .append_pair("scope", "openid email")
            .append_pair("redirect_uri", &redirect)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(Login {
            provider: self,
            listener,
            redirect,
            url,
            state,
            nonce,
            verifier,
        })
    }

    /// The token that a code is good for.
    async fn redeem(&self, code: &str, from: &Asked) -> Result<String, LoginError> {
        let mut form = self.token_url.clone();
        form.set_query(None);
        form.query_pairs_mut()
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &from.redirect)
            .append_pair("client_id", &self.client)
            .append_pair("code_verifier", &from.verifier);
        let ask = Question::Post {
            content_type: "application/x-www-form-urlencoded",
            body: form.query().unwrap_or_default().as_bytes().to_vec(),
        };
        let reply = self.token.call(&self.token_url, &ask).await?;
        // A code that was refused may still be good for whoever reads it with its verifier.
        let answer = self.token.answer(reply);
        let answer = answer.map_err(|it| it.without(code).without(&from.verifier))?;
        let token = answer.get("id_token").and_then(Value::as_str);
        let token = token.ok_or_else(|| self.token.malformed(&"no id_token"))?;
        Ok(token.to_owned())
    }
}

/// What is kept of a login while a browser is waited for.
struct Asked {
    redirect: String,
    state: String,
    nonce: String,
    verifier: String,
}

impl Login<'_> {
    /// Where the user logs in, with a browser on this machine.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The token of whoever comes back first, if they come in time. `now` tells the time then.
    ///
    /// # Errors
    /// Nobody came; who came answers another login; the provider refuses; what it gives is no token for
    /// this login, or not good at this time.
    pub fn finish(
        self,
        limit: Duration,
        now: &dyn Fn() -> Timestamp,
    ) -> Result<IdentityToken, LoginError> {
        let provider = self.provider;
        let asked = Asked {
            redirect: self.redirect,
            state: self.state,
            nonce: self.nonce,
            verifier: self.verifier,
        };
        let token = provider.runtime.block_on(async {
            let visit = self.listener.first(limit).await;
            let visit = visit.ok_or(LoginError::Nobody { limit })?;
            let judged = asked.code(&visit, provider);
            let (status, page) = match &judged {
                Ok(_) => ("200 OK", CAME),
                Err(_) => ("400 Bad Request", CAME_WRONG),
            };
            visit.show(status, page).await;
            provider.redeem(&judged?, &asked).await
        })?;
        let token = IdentityToken::parse(&token, &provider.client, now())?;
        check_issuer("the identity token", token.issuer(), &provider.issuer)?;
        if token.nonce() != Some(&asked.nonce) {
            return Err(LoginError::Nonce);
        }
        if token.parties().iter().any(|it| *it != provider.client) {
            return Err(LoginError::Token(IdentityTokenError::Audience {
                found: cut(&token.parties().join(", ")),
                wanted: provider.client.clone(),
            }));
        }
        Ok(token)
    }
}

impl Asked {
    /// The code that a browser brings, if it comes from this login. The state is looked at before anything else.
    fn code(&self, visit: &Visit, provider: &Provider) -> Result<String, LoginError> {
        match all(visit, "state").as_slice() {
            [state] if *state == self.state => {}
            [] => return Err(LoginError::State("it has no state")),
            _ => return Err(LoginError::State("its state is not the one that was sent")),
        }
        match all(visit, "iss").as_slice() {
            [] if !provider.names_itself => {}
            [issuer] => check_issuer("what the browser brings", issuer, &provider.issuer)?,
            found => {
                let found = found.join(", ");
                return Err(other_issuer(
                    "what the browser brings",
                    &found,
                    &provider.issuer,
                ));
            }
        }
        if let Some(error) = all(visit, "error").first() {
            let described = all(visit, "error_description");
            let said: Vec<&str> = std::iter::once(*error).chain(described).collect();
            return Err(LoginError::Refused {
                says: cut(&said.join(": ")),
            });
        }
        match all(visit, "code").as_slice() {
            [code] if !code.is_empty() => Ok((*code).to_owned()),
            [_] | [] => Err(LoginError::Malformed("no code")),
            _ => Err(LoginError::Malformed("several codes")),
        }
    }
}

/// Every value of a parameter.
fn all<'a>(visit: &'a Visit, name: &str) -> Vec<&'a str> {
    let pairs = visit.query.iter().filter(|(it, _)| it == name);
    pairs.map(|(_, value)| value.as_str()).collect()
}

fn check_issuer(place: &'static str, found: &str, wanted: &str) -> Result<(), LoginError> {
    if found == wanted {
        return Ok(());
    }
    Err(other_issuer(place, found, wanted))
}

fn other_issuer(place: &'static str, found: &str, wanted: &str) -> LoginError {
    LoginError::Issuer {
        place,
        found: cut(found),
        wanted: wanted.to_owned(),
    }
}

/// A list that a provider may leave away.
fn lists<'a>(described: &'a Value, name: &str) -> Option<Vec<&'a str>> {
    let list = described.get(name)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

fn unfit(issuer: &str, problem: &'static str) -> LoginError {
    LoginError::Unfit {
        issuer: issuer.to_owned(),
        problem,
    }
}

fn parse(endpoint: &Endpoint, address: &str) -> Result<Url, LoginError> {
    Url::parse(address).map_err(|error| endpoint.malformed(&error).into())
}

fn dial(source: DialError) -> ServiceError {
    ServiceError::Dial { kind: KIND, source }
}

/// 256 bits that nobody can guess, as text.
fn random() -> Result<String, LoginError> {
    let random = attest_sign::random_salt();
    let random = random.map_err(|error| dial(DialError::Client(error.to_string())))?;
    Ok(base64url(&random))
}

/// RFC 7636, section 4.2.
fn challenge(verifier: &str) -> String {
    let digest = Artifact::of_bytes(verifier.as_bytes(), Hashes::Sha256).sha256();
    base64url(digest.as_bytes())
}

/// Without padding (RFC 7515, section 2).
fn base64url(bytes: &[u8]) -> String {
    let text = base64::encode(bytes).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

fn cut(text: &str) -> String {
    text.chars().take(SERVICE_WORDS).collect()
}

const KIND: &str = "identity provider";
const CAME: &str = "attest has the provider's answer. You can close this page: what becomes of it is said in the terminal.";
const CAME_WRONG: &str = "attest cannot use this answer. Why is said in the terminal.";

#[cfg(test)]
mod tests {
    use super::challenge;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_the_digest_of_its_verifier() {
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
