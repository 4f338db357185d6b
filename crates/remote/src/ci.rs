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
        let answer = endpoint.answer(reply).map_err(|it| it.without(secret))?;
        let token = answer.get("value").and_then(Value::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| endpoint.malformed(&"no token"))
    };
    let runtime = runtime().map_err(|source| ServiceError::Dial { kind: KIND, source })?;
    runtime.block_on(work)
}

const KIND: &str = "identity provider";

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::Patience;

    #[test]
    fn a_secret_that_a_yes_repeats_is_in_no_message() {
        let secret = "s3cretOfTheJob";
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/?x=1", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = format!(r#"{{"{secret}":1,"{secret}":2}}"#);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        });
        let patience = Patience {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(5),
        };
        let total = Duration::ZERO;
        let persistence = Persistence { patience, total };
        let error = ci_token(&address, secret, "sigstore", persistence).unwrap_err();
        assert_eq!(error.code(), "service-malformed");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}
