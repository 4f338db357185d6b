//! The identity token of a job of GitHub Actions.
//!
//! ```text
//! GET $ACTIONS_ID_TOKEN_REQUEST_URL&audience=sigstore
//! Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN
//! ◄ {"value":"eyJ…"}
//! ```

use attest_provenance::json::Value;

use crate::http::{Persistence, Question, Url, runtime};
use crate::service::{Endpoint, ServiceError};

/// A token for this audience.
///
/// # Errors
/// `service-address` for what is neither `https` nor this machine, or why there was no token.
pub fn ci_token(
    address: &str,
    secret: &str,
    audience: &str,
    persistence: Persistence,
) -> Result<String, ServiceError> {
    let endpoint = Endpoint::new(KIND, address, persistence)?.confidential()?;
    let mut url = Url::parse(address).map_err(|error| endpoint.malformed(&error))?;
    url.query_pairs_mut().append_pair("audience", audience);
    let ask = Question::Get {
        bearer: Some(secret.to_owned()),
    };
    let work = async {
        let reply = endpoint.call(&url, &ask).await?;
        let body = endpoint.body(reply).map_err(|it| it.without(secret))?;
        let answer = endpoint.json(&body)?;
        let token = answer.get("value").and_then(Value::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| endpoint.malformed(&"no token"))
    };
    let runtime = runtime().map_err(|source| ServiceError::Dial { kind: KIND, source })?;
    runtime.block_on(work)
}

const KIND: &str = "identity provider";
