//! Somebody else's timestamp authority: `--tsa URL --tsa-chain PEM`.

use std::path::Path;
use std::time::Duration;

use attest_remote::{Chain, HttpAuthority, Patience};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::files;

/// An authority that is called for each signature, and the chain under which it will be trusted.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub(crate) service: HttpAuthority,
    url: String,
    chain: Chain,
}

impl Foreign {
    /// Reads the chain and makes ready; nothing is sent yet.
    ///
    /// # Errors
    /// `timestamp-address`, `timestamp-chain-malformed`, `timestamp-chain-unreadable`: exit 2.
    pub(crate) fn open(url: &str, chain: &Path) -> Result<Self, Failure> {
        let at = |problem: String| format!("--tsa-chain {}: {problem}", chain.display());
        let pem = files::read_limited(chain, CHAIN_BYTES).map_err(|error| {
            Failure::request("timestamp-chain-unreadable", at(error.to_string()))
        })?;
        let parsed = Chain::from_pem(&pem)
            .map_err(|error| Failure::request(error.code(), at(error.to_string())))?;
        Ok(Self {
            service: Self::service(url)?,
            url: url.to_owned(),
            chain: parsed,
        })
    }

    /// The authority at this address; nothing is sent yet.
    ///
    /// # Errors
    /// `timestamp-address`: exit 2.
    pub(crate) fn service(url: &str) -> Result<HttpAuthority, Failure> {
        HttpAuthority::new(url, PATIENCE).map_err(|error| Failure::request(error.code(), error))
    }

    /// The trusted root with this authority in it; unchanged if it is there already.
    pub(crate) fn add_to(&self, trusted_root: &[u8]) -> Result<Vec<u8>, Failure> {
        let malformed = || {
            Failure::request(
                "trusted-root-malformed",
                "the home's trusted root is no trusted root",
            )
        };
        let mut root: Value = serde_json::from_slice(trusted_root).map_err(|_| malformed())?;
        let authorities = root
            .get_mut("timestampAuthorities")
            .and_then(Value::as_array_mut)
            .ok_or_else(malformed)?;
        let certificates = self.certificates();
        if authorities
            .iter()
            .any(|one| one.pointer("/certChain/certificates") == Some(&certificates))
        {
            return Ok(trusted_root.to_vec());
        }
        authorities.push(self.entry(&certificates)?);
        let mut json = serde_json::to_vec_pretty(&root).map_err(|_| malformed())?;
        json.push(b'\n');
        Ok(json)
    }

    fn certificates(&self) -> Value {
        let raw = |der: &Vec<u8>| json!({ "rawBytes": STANDARD.encode(der) });
        self.chain.certificates().iter().map(raw).collect()
    }

    fn entry(&self, certificates: &Value) -> Result<Value, Failure> {
        let from = i64::try_from(self.chain.valid_from())
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or_else(|| {
                Failure::request(
                    "timestamp-chain-malformed",
                    "the leaf's validity cannot be read",
                )
            })?;
        Ok(json!({
            "subject": {
                "organization": self.chain.organization(),
                "commonName": self.chain.common_name(),
            },
            "uri": self.url,
            "certChain": { "certificates": certificates },
            "validFor": { "start": from.to_string() },
        }))
    }
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    total: Duration::from_secs(30),
};
const CHAIN_BYTES: u64 = 256 << 10;
