//! `OpenID` Connect identity tokens (RFC 7519), as far as they are looked at before they are sent.
//!
//! ```text
//! eyJhbGciOiJSUzI1NiIs….eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwi….c2lnbmF0dXJl
//! ```
//! Whether the provider signed it is for the certificate authority to say. What is checked here saves
//! a request that could only be refused, keeps a token from going where it was not meant to go, and
//! says whose name the certificate must bear.

use std::fmt;

use attest_provenance::base64;
use attest_provenance::json::{self, Value};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::limits;

/// Says to a certificate authority who we are. It is a secret while it is valid: never shown.
#[derive(Clone)]
pub struct IdentityToken {
    text: Zeroizing<String>,
    issuer: String,
    expires: Timestamp,
    identities: Vec<String>,
    issuers: Vec<String>,
    parties: Vec<String>,
    nonce: Option<String>,
}

impl IdentityToken {
    /// Reads a token that is good for this audience at this time.
    ///
    /// # Errors
    /// Not three parts of base64url; a part that is no JSON object; no signature, or an algorithm
    /// that is none; no issuer, subject or expiry; expired, or not yet valid, with half a minute for
    /// clocks that differ; for another audience.
    pub fn parse(text: &str, audience: &str, now: Timestamp) -> Result<Self, IdentityTokenError> {
        let text = text.trim();
        if text.len() > limits::TOKEN_BYTES {
            return Err(IdentityTokenError::TooLarge { found: text.len() });
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err(IdentityTokenError::Parts { found: parts.len() });
        };
        check_header(&object("header", header)?)?;
        if part("signature", signature)?.is_empty() {
            return Err(IdentityTokenError::Unsigned);
        }
        let claims = object("claims", claims)?;
        check_audience(&claims, audience)?;
        let expires = check_times(&claims, now)?;
        let issuer = claim(&claims, "iss")?;
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            identities: identities(&claims)?,
            issuers: issuers(&claims, &issuer),
            parties: parties(&claims),
            nonce: optional(&claims, "nonce"),
            issuer,
            expires,
        })
    }

    /// The token itself, for the one service that it is meant for.
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// Who vouches.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Until when.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The names that a certificate for this token can bear: what an authority makes of the claims
    /// depends on how it reads this issuer's.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The issuers that a certificate for this token can name.
    pub fn issuers(&self) -> &[String] {
        &self.issuers
    }

    /// Everybody that it is for: its audiences, and the client to which it was given (`azp`).
    pub fn parties(&self) -> &[String] {
        &self.parties
    }

    /// What whoever asked for it sent along, so that no answer to another question is taken for this one.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityToken")
            .field("issuer", &self.issuer)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

fn check_header(header: &Value) -> Result<(), IdentityTokenError> {
    match header.get("alg").and_then(Value::as_str) {
        Some(algorithm) if !algorithm.is_empty() && !algorithm.eq_ignore_ascii_case("none") => {
            Ok(())
        }
        _ => Err(IdentityTokenError::Unsigned),
    }
}

fn check_audience(claims: &Value, wanted: &str) -> Result<(), IdentityTokenError> {
    let found = audiences(claims);
    if found.contains(&wanted) {
        return Ok(());
    }
    Err(IdentityTokenError::Audience {
        found: excerpt(&found.join(", ")),
        wanted: wanted.to_owned(),
    })
}

fn audiences(claims: &Value) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn parties(claims: &Value) -> Vec<String> {
    let audiences = audiences(claims).into_iter().map(str::to_owned);
    audiences.chain(optional(claims, "azp")).collect()
}

fn optional(claims: &Value, name: &str) -> Option<String> {
    claims.get(name)?.as_str().map(str::to_owned)
}

fn check_times(claims: &Value, now: Timestamp) -> Result<Timestamp, IdentityTokenError> {
    let expires = time(claims, "exp")?.ok_or(IdentityTokenError::Claim { name: "exp" })?;
    let (seconds, skew) = (now.as_second(), SKEW_SECONDS);
    if expires.as_second() <= seconds {
        return Err(IdentityTokenError::Expired { expires, now });
    }
    for name in ["nbf", "iat"] {
        if let Some(from) = time(claims, name)?
            && from.as_second() > seconds.saturating_add(skew)
        {
            return Err(IdentityTokenError::NotYet { from, now });
        }
    }
    Ok(expires)
}

/// A `NumericDate`: seconds, which may have a fraction.
fn time(claims: &Value, name: &'static str) -> Result<Option<Timestamp>, IdentityTokenError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_f64().filter(|it| (0.0..MOST_SECONDS).contains(it));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a second is left away, and the range is checked"
    )]
    let time = seconds.and_then(|it| Timestamp::from_second(it as i64).ok());
    time.map(Some).ok_or(IdentityTokenError::Claim { name })
}

/// As Fulcio makes names of the claims of the issuers that it knows.
fn identities(claims: &Value) -> Result<Vec<String>, IdentityTokenError> {
    let text = |pointer: &str| claims.pointer(pointer).and_then(Value::as_str);
    let mut found = vec![claim(claims, "sub")?];
    if claims.get("email_verified") != Some(&Value::Bool(false)) {
        found.extend(text("/email").map(str::to_owned));
    }
    found.extend(text("/job_workflow_ref").map(|it| format!("https://github.com/{it}")));
    found.extend(text("/ci_config_ref_uri").map(|it| format!("https://{it}")));
    if let (Some(owner), Some(pipeline)) = (text("/organization_slug"), text("/pipeline_slug")) {
        found.push(format!("https://buildkite.com/{owner}/{pipeline}"));
    }
    let account =
        ["/namespace", "/serviceaccount/name"].map(|it| text(&format!("/kubernetes.io{it}")));
    if let [Some(namespace), Some(name)] = account {
        found.push(format!(
            "https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{name}"
        ));
    }
    found.dedup();
    Ok(found)
}

/// A provider that only passes on what another vouches for names that one.
fn issuers(claims: &Value, issuer: &str) -> Vec<String> {
    let behind = claims
        .pointer("/federated_claims/connector_id")
        .and_then(Value::as_str);
    let mut found = vec![issuer.to_owned()];
    found.extend(behind.map(str::to_owned));
    found
}

fn claim(claims: &Value, name: &'static str) -> Result<String, IdentityTokenError> {
    let found = claims.get(name).and_then(Value::as_str);
    match found.filter(|it| !it.is_empty()) {
        Some(text) => Ok(text.to_owned()),
        None => Err(IdentityTokenError::Claim { name }),
    }
}

fn object(name: &'static str, text: &str) -> Result<Value, IdentityTokenError> {
    let bytes = part(name, text)?;
    let value = json::parse(&bytes, limits::TOKEN).ok();
    value
        .filter(Value::is_object)
        .ok_or(IdentityTokenError::Part { name })
}

/// Base64url without padding (RFC 7515, section 2).
fn part(name: &'static str, text: &str) -> Result<Vec<u8>, IdentityTokenError> {
    let malformed = IdentityTokenError::Part { name };
    if text.contains(['+', '/', '=']) {
        return Err(malformed);
    }
    let mut standard = text.replace('-', "+").replace('_', "/");
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    base64::decode(&standard).map_err(|_| malformed)
}

/// A claim as messages show it: what is wrong with it shows at its beginning.
fn excerpt(text: &str) -> String {
    text.chars().take(120).collect()
}

/// Why a token is not one to be sent. Nothing of the token's secret part is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityTokenError {
    /// More than any token has.
    #[error("it has {found} bytes, at most {} are read", limits::TOKEN_BYTES)]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Not a token.
    #[error("it has {found} parts between dots, wanted 3")]
    Parts {
        /// How many.
        found: usize,
    },
    /// A part that is not what it must be.
    #[error("its {name} is not base64url of what it must be")]
    Part {
        /// Which.
        name: &'static str,
    },
    /// Nobody signed it.
    #[error("nobody signed it")]
    Unsigned,
    /// A claim is absent, or not of its type.
    #[error("its claim {name} is absent or not of its type")]
    Claim {
        /// Which.
        name: &'static str,
    },
    /// No longer valid.
    #[error("it expired at {expires}, now is {now}")]
    Expired {
        /// When.
        expires: Timestamp,
        /// The time of this run.
        now: Timestamp,
    },
    /// Not valid yet.
    #[error("it is valid from {from} on, now is {now}")]
    NotYet {
        /// From when on.
        from: Timestamp,
        /// The time of this run.
        now: Timestamp,
    },
    /// Made for somebody else, who could use it.
    #[error("it is for the audience {found:?}, wanted {wanted:?}")]
    Audience {
        /// For whom.
        found: String,
        /// For whom it must be.
        wanted: String,
    },
}

impl IdentityTokenError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. }
            | Self::Parts { .. }
            | Self::Part { .. }
            | Self::Unsigned
            | Self::Claim { .. } => "identity-token-malformed",
            Self::Expired { .. } | Self::NotYet { .. } => "identity-token-expired",
            Self::Audience { .. } => "identity-token-audience",
        }
    }
}

const SKEW_SECONDS: i64 = 30;
/// The year 9999.
const MOST_SECONDS: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn url(bytes: &[u8]) -> String {
        let text = base64::encode(bytes).replace('+', "-").replace('/', "_");
        text.trim_end_matches('=').to_owned()
    }

    fn token(claims: &Value) -> String {
        let header = url(br#"{"alg":"RS256","kid":"1"}"#);
        format!(
            "{header}.{}.{}",
            url(claims.to_string().as_bytes()),
            url(b"signature")
        )
    }

    fn claims() -> Value {
        json!({
            "iss": "https://issuer.example", "aud": "sigstore", "sub": "user-7",
            "email": "release@example.com", "email_verified": true,
            "iat": 1_795_260_000, "nbf": 1_795_260_000, "exp": 1_795_260_600,
        })
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_260_300).unwrap()
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Result<IdentityToken, IdentityTokenError> {
        let mut claims = claims();
        change(&mut claims);
        IdentityToken::parse(&token(&claims), "sigstore", now())
    }

    fn code(change: impl FnOnce(&mut Value)) -> &'static str {
        changed(change).map_or_else(|error| error.code(), |_| "accepted")
    }

    #[test]
    fn a_token_says_whose_name_the_certificate_bears() {
        let token = changed(|_| {}).unwrap();
        assert_eq!(token.issuer(), "https://issuer.example");
        assert_eq!(token.identities(), ["user-7", "release@example.com"]);
        assert_eq!(token.expires().as_second(), 1_795_260_600);
        let ci = changed(|it| {
            it["email_verified"] = json!(false);
            it["job_workflow_ref"] = json!("o/r/.github/workflows/w.yml@refs/tags/v1");
            it["federated_claims"] = json!({"connector_id": "https://behind.example"});
        });
        let ci = ci.unwrap();
        let wanted = [
            "user-7",
            "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1",
        ];
        assert_eq!(ci.identities(), wanted);
        assert_eq!(
            ci.issuers(),
            ["https://issuer.example", "https://behind.example"]
        );
    }

    #[test]
    fn a_token_says_for_whom_it_is_and_to_which_question() {
        let plain = changed(|_| {}).unwrap();
        assert_eq!(
            (plain.parties(), plain.nonce()),
            (&["sigstore".to_owned()][..], None)
        );
        let several = changed(|it| {
            it["aud"] = json!(["sigstore", "other"]);
            it["azp"] = json!("third");
            it["nonce"] = json!("n");
        });
        let several = several.unwrap();
        assert_eq!(several.parties(), ["sigstore", "other", "third"]);
        assert_eq!(several.nonce(), Some("n"));
    }

    #[test]
    fn a_token_out_of_its_time_is_not_sent() {
        assert_eq!(code(|it| it["exp"] = json!(1_795_260_301)), "accepted");
        assert_eq!(
            code(|it| it["exp"] = json!(1_795_260_300)),
            "identity-token-expired"
        );
        assert_eq!(code(|it| it["nbf"] = json!(1_795_260_330)), "accepted");
        assert_eq!(
            code(|it| it["nbf"] = json!(1_795_260_331)),
            "identity-token-expired"
        );
        assert_eq!(
            code(|it| it["iat"] = json!(1_795_260_331)),
            "identity-token-expired"
        );
        assert_eq!(code(|it| it["exp"] = json!(1_795_260_600.5)), "accepted");
        for wrong in [json!("1795260600"), json!(-1), json!(1e300), json!(null)] {
            assert_eq!(
                code(|it| it["exp"] = wrong.clone()),
                "identity-token-malformed",
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_token_for_another_audience_is_not_sent() {
        for (audience, wanted) in [
            (json!("sigstore"), "accepted"),
            (json!(["other", "sigstore"]), "accepted"),
            (json!("sigstore "), "identity-token-audience"),
            (json!("https://registry.example"), "identity-token-audience"),
            (json!(["other"]), "identity-token-audience"),
            (json!([]), "identity-token-audience"),
            (json!(7), "identity-token-audience"),
        ] {
            assert_eq!(
                code(|it| it["aud"] = audience.clone()),
                wanted,
                "{audience}"
            );
        }
    }

    #[test]
    fn what_is_no_token_is_refused_and_never_repeated() {
        let good = token(&claims());
        let [header, claims, signature]: [&str; 3] =
            good.split('.').collect::<Vec<_>>().try_into().unwrap();
        let none = url(br#"{"alg":"none"}"#);
        let twice = url(br#"{"iss":"a","iss":"b","aud":"sigstore","sub":"s","exp":1795260600}"#);
        let malformed = [
            String::new(),
            "secret".to_owned(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.{signature}.{signature}"),
            format!("{header}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{header}.{twice}.{signature}"),
            format!("{header}.{}.{signature}", url(b"[]")),
            format!("{header}.{claims}=.{signature}"),
            format!("{header}.{claims}.sig+nature"),
            format!("{header}.{claims}.{}", "A".repeat(limits::TOKEN_BYTES)),
        ];
        for text in &malformed {
            let refused = IdentityToken::parse(text, "sigstore", now()).unwrap_err();
            assert_eq!(refused.code(), "identity-token-malformed", "{text:.80}");
            assert!(!format!("{refused} {refused:?}").contains(signature));
        }
        for name in ["iss", "sub", "exp"] {
            let without = code(|it| drop(it.as_object_mut().unwrap().remove(name)));
            assert_eq!(without, "identity-token-malformed", "{name}");
        }
        let read = IdentityToken::parse(&format!(" {good}\n"), "sigstore", now()).unwrap();
        assert_eq!(read.secret(), good);
        assert!(!format!("{read:?}").contains(signature));
    }
}
