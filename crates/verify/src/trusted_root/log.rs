//! Transparency logs of a trusted root.

use attest_digest::Algorithm;
use attest_log::LogKey;
use attest_provenance::json::Object;

use crate::asn1::spki::Spki;
use crate::crypto::{self, VerifyingKey};
use crate::key::KeyKind;
use crate::trusted_root::{TimeWindow, TrustedRootError, window};

/// A transparency log that is trusted.
#[derive(Debug, Clone)]
pub struct TrustedLog {
    id: [u8; 32],
    host: String,
    base_url: String,
    window: TimeWindow,
    key: Key,
}

#[derive(Debug, Clone)]
enum Key {
    Ed25519(Box<LogKey>),
    Ecdsa(VerifyingKey),
    /// A kind of key with which we know no log.
    Unsupported,
}

impl TrustedLog {
    /// A log of tiles that is trusted by its key alone, whenever it signed.
    pub fn of_key(key: LogKey, base_url: &str) -> Self {
        Self {
            id: key.log_id(),
            host: key.origin().to_owned(),
            base_url: base_url.to_owned(),
            window: TimeWindow::always(),
            key: Key::Ed25519(Box::new(key)),
        }
    }

    /// The log's id, which entries name.
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// The host of its base URL: the origin of its checkpoints, or their beginning for a Rekor v1 log.
    pub fn origin(&self) -> &str {
        &self.host
    }

    /// Where it is served.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// When its key is valid.
    pub const fn window(&self) -> &TimeWindow {
        &self.window
    }

    /// Its key as that of a tile log with this origin; `None` for an ECDSA log.
    pub fn log_key(&self) -> Option<&LogKey> {
        match &self.key {
            Key::Ed25519(key) => Some(key),
            Key::Ecdsa(_) | Key::Unsupported => None,
        }
    }

    /// The key id of its signature lines in checkpoints.
    pub(crate) fn key_hint(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.id;
        [a, b, c, d]
    }

    /// Whether its key is of a kind that we know.
    pub(crate) const fn is_supported(&self) -> bool {
        !matches!(self.key, Key::Unsupported)
    }

    /// Whether the log signed these bytes, strictly for Ed25519.
    pub(crate) fn verifies_checkpoint(&self, text: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Ed25519(key) => signature.try_into().is_ok_and(|it| key.verifies(text, it)),
            Key::Ecdsa(key) => key.verifies(text, signature),
            Key::Unsupported => false,
        }
    }

    /// Whether the log signed this promise. Only ECDSA logs make promises: cosign takes no others.
    pub(crate) fn verifies_promise(&self, payload: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Ecdsa(key) => key.verifies(payload, signature),
            Key::Ed25519(_) | Key::Unsupported => false,
        }
    }

    pub(super) fn from_object(mut object: Object) -> Result<Self, TrustedRootError> {
        let at = object.path().to_owned();
        let fields = LogFields::take(&mut object)?;
        object.finish()?;
        let problem = |problem: &str| TrustedRootError::item(&at, problem);
        let window = fields
            .window
            .ok_or_else(|| problem("has no start of validity"))?;
        let host = host(&fields.base_url)
            .ok_or_else(|| problem("has a baseUrl that is not https:// or http:// and a host"))?
            .to_owned();
        let spki_id = crypto::sha256(&fields.key);
        let key = match Spki::parse(&fields.key) {
            Ok(spki) => key_of(&host, &fields, &spki)
                .ok_or_else(|| problem("has a key that is not what it says"))?,
            Err(_) => Key::Unsupported,
        };
        let known = match &key {
            // Rekor v2 by origin and key, Rekor v1 by key.
            Key::Ed25519(key) => fields.id == key.log_id() || fields.id == spki_id,
            Key::Ecdsa(_) => fields.id == spki_id,
            Key::Unsupported => true,
        };
        if !known {
            return Err(problem("has a logId that is not its key's"));
        }
        if fields
            .checkpoint_id
            .is_some_and(|it| !fields.id.starts_with(&it))
        {
            return Err(problem("has a checkpointKeyId that is not its logId's"));
        }
        Ok(Self {
            id: fields.id,
            host,
            base_url: fields.base_url,
            window,
            key,
        })
    }
}

/// The fields of a log, of whichever kind.
pub(super) struct LogFields {
    pub(super) base_url: String,
    pub(super) key: Vec<u8>,
    key_details: String,
    pub(super) window: Option<TimeWindow>,
    pub(super) id: [u8; 32],
    checkpoint_id: Option<Vec<u8>>,
}

impl LogFields {
    pub(super) fn take(object: &mut Object) -> Result<Self, TrustedRootError> {
        let at = object.path().to_owned();
        let base_url = object.take_string("baseUrl")?;
        let hash = object.take_string("hashAlgorithm")?;
        if hash != "SHA2_256" {
            return Err(TrustedRootError::item(&at, "does not hash with SHA2_256"));
        }
        let mut key = object.take_object("publicKey")?;
        let window = window::take_optional(&mut key)?;
        let (raw, key_details) = (key.take_bytes("rawBytes")?, key.take_string("keyDetails")?);
        key.finish()?;
        let mut id = object.take_object("logId")?;
        let log_id = id.take_bytes("keyId")?;
        id.finish()?;
        let checkpoint_id = match object.take_optional_object("checkpointKeyId")? {
            Some(mut id) => {
                let bytes = id.take_bytes("keyId")?;
                id.finish()?;
                Some(bytes)
            }
            None => None,
        };
        object.take_optional_string("operator")?;
        let id = log_id
            .as_slice()
            .try_into()
            .map_err(|_| TrustedRootError::item(&at, "has a logId that is not 32 bytes"))?;
        Ok(Self {
            base_url,
            key: raw,
            key_details,
            window,
            id,
            checkpoint_id,
        })
    }
}

/// The key in the form of its kind; none if `keyDetails` says something else.
fn key_of(host: &str, fields: &LogFields, spki: &Spki) -> Option<Key> {
    match (spki.kind, fields.key_details.as_str()) {
        (KeyKind::Ed25519, "PKIX_ED25519") => LogKey::from_spki(host, &fields.key)
            .ok()
            .map(|key| Key::Ed25519(Box::new(key))),
        (KeyKind::P256, "PKIX_ECDSA_P256_SHA_256") => ecdsa(spki, Algorithm::Sha256),
        (KeyKind::P384, "PKIX_ECDSA_P384_SHA_384") => ecdsa(spki, Algorithm::Sha384),
        (KeyKind::Ed25519 | KeyKind::P256 | KeyKind::P384, _) => None,
        (KeyKind::P521 | KeyKind::Rsa { .. }, _) => Some(Key::Unsupported),
    }
}

fn ecdsa(spki: &Spki, algorithm: Algorithm) -> Option<Key> {
    VerifyingKey::new(spki.kind, algorithm, &spki.public_key).map(Key::Ecdsa)
}

/// The host name of a URL, without port and path, as sigstore-go and cosign take it for the origin.
pub(super) fn host(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'));
    let is_port = port.bytes().all(|it| it.is_ascii_digit());
    (is_host && is_port).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_origin_is_the_host_without_port_and_path() {
        assert_eq!(host("https://log.example"), Some("log.example"));
        assert_eq!(host("https://log.example/"), Some("log.example"));
        assert_eq!(host("http://log.example:8080/path?q"), Some("log.example"));
    }

    #[test]
    fn what_has_no_plain_host_is_refused() {
        for url in [
            "log.example",
            "ftp://log.example",
            "https://",
            "https://user@log.example",
            "https://a b",
            "https://a:b",
        ] {
            assert_eq!(host(url), None, "{url}");
        }
    }
}
