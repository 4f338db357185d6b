//! Bundles by who signed them, as they claim it.

use attest_verify::{Bundle, Material, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::failure::{Failure, with_source};

/// A signer that is looked for.
pub(super) enum Query {
    /// The SHA-256 of a public key.
    Key([u8; 32]),
    /// A part of an identity.
    Identity(String),
}

impl Query {
    /// # Errors
    /// `bad-signer` (exit 2).
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let Some(hexadecimal) = text.strip_prefix("sha256:") else {
            return if text.is_empty() {
                Err(bad(text))
            } else {
                Ok(Self::Identity(text.to_owned()))
            };
        };
        let is_lower = !hexadecimal.bytes().any(|it| it.is_ascii_uppercase());
        let mut fingerprint = [0; 32];
        match hex::decode_to_slice(hexadecimal, &mut fingerprint) {
            Ok(()) if is_lower => Ok(Self::Key(fingerprint)),
            _ => Err(bad(text)),
        }
    }
}

fn bad(text: &str) -> Failure {
    let message =
        format!("{text:?} is neither sha256: and 64 lower-case hexadecimal digits nor a name");
    Failure::request("bad-signer", message)
        .hint("name the SHA-256 of a public key, or a part of the identity in a certificate")
}

/// The signers in this file that are looked for. A file of several bundles has one on each line.
///
/// # Errors
/// It is no bundle, in words.
pub(super) fn matching(path: &str, bytes: &[u8], query: &Query) -> Result<Vec<String>, String> {
    let parse = |bytes: &[u8]| Bundle::parse(bytes).map_err(|error| with_source(&error));
    let bundles: Vec<Bundle> = if path.ends_with("jsonl") {
        let lines = bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty());
        lines.map(parse).collect::<Result<_, _>>()?
    } else {
        vec![parse(bytes)?]
    };
    Ok(bundles.iter().filter_map(|it| signer(it, query)).collect())
}

fn signer(bundle: &Bundle, query: &Query) -> Option<String> {
    match query {
        Query::Key(fingerprint) => {
            let hinted = match bundle.material() {
                Material::Key { hint } => hint.as_deref() == Some(&STANDARD.encode(fingerprint)),
                Material::Certificate(_) | Material::Chain(_) => false,
            };
            let mut keys = bundle.claimed_keys().into_iter();
            let is_key = hinted || keys.any(|it: PublicKey| it.fingerprint() == *fingerprint);
            is_key.then(|| format!("sha256:{}", hex::encode(fingerprint)))
        }
        Query::Identity(part) => {
            let (identity, issuer) = bundle.claimed_identity()?;
            identity.contains(part).then(|| match issuer {
                Some(issuer) => format!("{identity} ({issuer})"),
                None => identity,
            })
        }
    }
}
