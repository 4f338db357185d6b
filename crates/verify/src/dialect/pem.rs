//! Certificates beside a signature: PEM, or the base64 of PEM.

use attest_provenance::base64;

use crate::dialect::DialectError;
use crate::dialect::draft::DraftSigner;
use crate::key::{PublicKey, pem_block};
use crate::limits;

/// Reads whose signature it is said to be: a certificate with its issuers, or a public key.
///
/// # Errors
/// Neither, or both; more certificates than a chain has; anything between them.
pub(super) fn signer(bytes: &[u8]) -> Result<DraftSigner, DialectError> {
    let malformed = |problem: &str| DialectError::problem("the certificate", problem);
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("is not text"))?;
    let decoded = match text {
        it if it.trim_ascii_start().starts_with(BEGIN) => None,
        it => Some(base64::decode(it).map_err(|_| malformed("is neither PEM nor base64"))?),
    };
    let text = match &decoded {
        Some(pem) => std::str::from_utf8(pem).map_err(|_| malformed("is not PEM in base64"))?,
        None => text,
    };
    let mut certificates = Vec::new();
    for block in blocks(text) {
        if certificates.len() == limits::CHAIN_CERTIFICATES {
            return Err(malformed("has more issuers than a chain has"));
        }
        match pem_block(block).ok_or_else(|| malformed("is malformed PEM"))? {
            ("CERTIFICATE", der) => certificates.push(der),
            ("PUBLIC KEY", der)
                if certificates.is_empty() && block.len() == text.trim_ascii().len() =>
            {
                let key =
                    PublicKey::from_spki(&der).map_err(|_| malformed("is no key that we know"))?;
                return Ok(DraftSigner::Key {
                    hint: Some(key.hint()),
                });
            }
            _ => return Err(malformed("is PEM of something else")),
        }
    }
    if certificates.is_empty() {
        return Err(malformed("is empty"));
    }
    Ok(DraftSigner::Certificates(certificates))
}

/// The text cut before each block but the first.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_ascii();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = rest
            .get(1..)
            .and_then(|it| it.find(BEGIN))
            .map_or(rest.len(), |it| it + 1);
        let (block, more) = rest.split_at(next);
        rest = more;
        Some(block.trim_ascii())
    })
}

const BEGIN: &str = "-----BEGIN ";
