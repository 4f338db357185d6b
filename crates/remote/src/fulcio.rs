//! Certificates for identities: Fulcio's API, version 2.
//!
//! ```text
//! POST /api/v2/signingCert
//! {"credentials":{"oidcIdentityToken":"eyJ…"},"certificateSigningRequest":"LS0tLS1CRUdJTiBDRVJU…"}
//! ◄ {"signedCertificateEmbeddedSct":{"chain":{"certificates":["-----BEGIN CERTIFICATE-----…",…]}}}
//! ```

use attest_provenance::base64;
use attest_provenance::json::Value;
use attest_sign::{CertificateIssuer, IdentityToken, IssueError};
use serde_json::json;

use crate::chain;
use crate::http::{Persistence, Runtime, runtime};
use crate::limits::CHAIN_CERTIFICATES;
use crate::service::{Endpoint, ServiceError};

/// A Fulcio behind an HTTP address.
#[derive(Debug)]
pub struct Fulcio {
    endpoint: Endpoint,
    runtime: Runtime,
}

impl Fulcio {
    /// The authority at this address; nothing is sent yet.
    ///
    /// # Errors
    /// `service-address`, or this machine cannot make connections.
    pub fn new(address: &str, persistence: Persistence) -> Result<Self, ServiceError> {
        Ok(Self {
            endpoint: Endpoint::new(KIND, address, persistence)?.confidential()?,
            runtime: runtime().map_err(|source| ServiceError::Dial { kind: KIND, source })?,
        })
    }

    /// The host that is called.
    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    async fn ask(&self, token: &str, request: &str) -> Result<Vec<Vec<u8>>, ServiceError> {
        let body = json!({
            "credentials": {"oidcIdentityToken": token},
            "certificateSigningRequest": base64::encode(request.as_bytes()),
        });
        let reply = self.endpoint.post("api/v2/signingCert", &body).await?;
        let answer = self.endpoint.answer(reply);
        self.chain(&answer.map_err(|it| it.without(token))?)
    }

    /// A timestamp of the certificate log beside the certificate would be in no bundle.
    fn chain(&self, answer: &Value) -> Result<Vec<Vec<u8>>, ServiceError> {
        let malformed = |problem: &str| self.endpoint.malformed(&problem);
        let chain = answer
            .pointer("/signedCertificateEmbeddedSct/chain/certificates")
            .and_then(Value::as_array)
            .ok_or_else(|| {
                malformed("no certificate with a timestamp of a certificate log in it")
            })?;
        if chain.is_empty() || chain.len() > CHAIN_CERTIFICATES {
            return Err(malformed("no chain of certificates"));
        }
        chain
            .iter()
            .map(|it| it.as_str().and_then(chain::certificate_of))
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("a certificate that is no PEM"))
    }
}

impl CertificateIssuer for Fulcio {
    fn issue(&self, token: &IdentityToken, request: &str) -> Result<Vec<Vec<u8>>, IssueError> {
        let answer = self.runtime.block_on(self.ask(token.secret(), request));
        Ok(answer?)
    }
}

const KIND: &str = "certificate authority";
