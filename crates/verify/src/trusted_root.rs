//! Trusted roots: the keys of logs and the certificates of authorities, with their validity.

mod assembly;
mod authority;
mod certificate_log;
mod embedded;
mod issuer;
mod item;
mod log;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use attest_digest::{Algorithm, Digest};
use attest_provenance::json::{self, FieldError, JsonError, Object, Value};

pub use assembly::{Assembly, ChainUse};
pub(crate) use authority::ChainProblem;
pub use authority::TimestampAuthority;
pub use certificate_log::CertificateLog;
pub use embedded::{EmbeddedRoot, MetadataChain, Roles};
pub use issuer::CertificateAuthority;
pub use item::{ItemKind, RootItem};
pub use log::TrustedLog;
pub use window::TimeWindow;

use crate::asn1::certificate::Certificate;
use crate::key::KeyKind;
use crate::{crypto, limits};

/// Whom a verifier trusts: Sigstore's `trusted_root.json`, parsed once.
///
/// ```text
/// {"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1",
///  "tlogs":[{"baseUrl":"https://log.example","hashAlgorithm":"SHA2_256",
///            "publicKey":{"rawBytes":"MCow…","keyDetails":"PKIX_ED25519","validFor":{"start":"2026-…Z"}},
///            "logId":{"keyId":"zxGZ…"}}],
///  "certificateAuthorities":[…],"ctlogs":[…],
///  "timestampAuthorities":[{"subject":{…},"uri":"…","certChain":{"certificates":[{"rawBytes":"MIIB…"}]},"validFor":{…}}]}
/// ```
/// See protobuf-specs, `sigstore_trustroot.proto`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    name: Arc<str>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    digest: Digest,
    json: Value,
    logs: Vec<TrustedLog>,
    authorities: Vec<TimestampAuthority>,
    issuers: Vec<CertificateAuthority>,
    certificate_logs: Vec<CertificateLog>,
    asks_for_certificate_logs: bool,
}

impl TrustedRoot {
    /// Reads a trusted root.
    ///
    /// # Errors
    /// Too large; not JSON of one meaning; another media type than versions 0.1 and 0.2; a field that
    /// is absent, unknown or of another type; a log without a start of validity, with another id than
    /// its key's, or twice; a key or certificate that is none; an empty chain; a window that ends
    /// before it starts.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustedRootError> {
        let mut json = json::parse(bytes, limits::TRUSTED_ROOT)?;
        drop_nulls(&mut json);
        let Read {
            logs,
            authorities,
            issuers,
            certificate_logs,
            asks_for_certificate_logs,
        } = read(json.clone())?;
        let digest = crypto::hash(Algorithm::Sha256, bytes);
        Ok(Self {
            name: digest.to_string().into(),
            inner: Arc::new(Inner {
                digest,
                json,
                logs,
                authorities,
                issuers,
                certificate_logs,
                asks_for_certificate_logs,
            }),
        })
    }

    /// The same root under another name, which evidence repeats as the root that proved it.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self {
            name: name.into(),
            inner: self.inner,
        }
    }

    /// What it is called: its digest, unless it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 of the bytes that were read: what a pin holds.
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// The transparency logs.
    pub fn logs(&self) -> &[TrustedLog] {
        &self.inner.logs
    }

    /// The timestamp authorities.
    pub fn authorities(&self) -> &[TimestampAuthority] {
        &self.inner.authorities
    }

    /// The SHA-256 of the keys of what is called this: logs by origin or address, timestamp authorities
    /// by name or address. A name is whatever the root's maker wrote; only the keys tell two bearers of
    /// one name apart.
    pub fn keys_called(&self, name: &str) -> BTreeSet<[u8; 32]> {
        let logs = self.logs().iter();
        let logs = logs.filter(|it| [it.origin(), it.base_url()].contains(&name));
        let authorities = self.authorities().iter();
        let authorities = authorities.filter(|it| it.name() == name || it.uri() == Some(name));
        let leaves = authorities.filter_map(TimestampAuthority::leaf);
        logs.map(|it| *it.id())
            .chain(leaves.map(|it| crypto::sha256(it.spki())))
            .collect()
    }

    /// The authorities that issue certificates for code signing.
    pub fn certificate_authorities(&self) -> &[CertificateAuthority] {
        &self.inner.issuers
    }

    /// The logs of certificates; not those that cannot sign anything that we take.
    pub fn certificate_logs(&self) -> &[CertificateLog] {
        &self.inner.certificate_logs
    }

    /// Whether it lists certificate logs, so that certificates of its authorities must be in one: also
    /// if none of them can be used.
    pub fn asks_for_certificate_logs(&self) -> bool {
        self.inner.asks_for_certificate_logs
    }

    /// The JSON as it was read, for the engine.
    pub(crate) fn json(&self) -> &Value {
        &self.inner.json
    }
}

/// Why something is not a trusted root that we use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedRootError {
    /// Not JSON of one meaning.
    #[error("trusted root is not readable: {0}")]
    Json(#[from] JsonError),
    /// Not the fields of a trusted root.
    #[error("trusted root is malformed: {0}")]
    Field(#[from] FieldError),
    /// Another format.
    #[error("media type is {found:?}, wanted {} or version 0.2", MEDIA_TYPES[0])]
    MediaType {
        /// The media type found.
        found: String,
    },
    /// A log or authority that cannot be used as what it says it is.
    #[error("{at} {problem}")]
    Item {
        /// Its path.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key of a kind with which no such log is read: its signatures would be an unknown log's.
    #[error("{at} has a key of the kind {found}, wanted {wanted}")]
    KeyUnsupported {
        /// The log's URL.
        at: String,
        /// The kind of its key.
        found: KeyKind,
        /// The kinds that are read.
        wanted: &'static str,
    },
    /// A log that is there already.
    #[error("{at} repeats the log {id}")]
    DuplicateLog {
        /// The path of the second.
        at: String,
        /// The log id in hexadecimal.
        id: String,
    },
    /// A file of several trusted roots that has none, or more than anyone needs.
    #[error("{found} trusted roots, one on each line, wanted 1 to {most}")]
    Lines {
        /// How many were read.
        found: usize,
        /// How many may be there.
        most: usize,
    },
    /// Two trusted roots say different things about one log.
    #[error("two trusted roots give different keys for the log {id}")]
    Conflict {
        /// The log id in hexadecimal.
        id: String,
    },
    /// The engine cannot work with it.
    #[error("the Sigstore engine refuses the trusted root: {reason}")]
    Engine {
        /// What the engine says.
        reason: String,
    },
}

impl TrustedRootError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::KeyUnsupported { .. } => "key-unsupported",
            _ => "trusted-root-malformed",
        }
    }

    pub(crate) fn item(at: &str, problem: impl Into<String>) -> Self {
        Self::Item {
            at: at.to_owned(),
            problem: problem.into(),
        }
    }
}

/// In protobuf's JSON `null` says that a field is absent, and writers of trusted roots use it.
fn drop_nulls(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Read {
    logs: Vec<TrustedLog>,
    authorities: Vec<TimestampAuthority>,
    issuers: Vec<CertificateAuthority>,
    certificate_logs: Vec<CertificateLog>,
    asks_for_certificate_logs: bool,
}

fn read(json: Value) -> Result<Read, TrustedRootError> {
    let mut object = Object::new("", json)?;
    let media_type = object.take_string("mediaType")?;
    if !MEDIA_TYPES.contains(&media_type.as_str()) {
        return Err(TrustedRootError::MediaType { found: media_type });
    }
    let most = limits::TRUSTED_ROOT_ITEMS;
    let logs = object.take_optional_objects("tlogs", most)?;
    let authorities = object.take_optional_objects("timestampAuthorities", most)?;
    let issuers = object.take_optional_objects("certificateAuthorities", most)?;
    let certificate_logs = object.take_optional_objects("ctlogs", most)?;
    object.finish()?;
    let logs = read_logs(logs)?;
    let authorities = authorities
        .into_iter()
        .map(TimestampAuthority::from_object)
        .collect::<Result<_, _>>()?;
    let issuers = issuers
        .into_iter()
        .map(CertificateAuthority::from_object)
        .collect::<Result<_, _>>()?;
    let asks_for_certificate_logs = !certificate_logs.is_empty();
    let certificate_logs = certificate_logs
        .into_iter()
        .filter_map(|it| CertificateLog::from_object(it).transpose())
        .collect::<Result<_, _>>()?;
    Ok(Read {
        logs,
        authorities,
        issuers,
        certificate_logs,
        asks_for_certificate_logs,
    })
}

fn read_logs(objects: Vec<Object>) -> Result<Vec<TrustedLog>, TrustedRootError> {
    let mut logs: Vec<TrustedLog> = Vec::new();
    for object in objects {
        let at = object.path().to_owned();
        let log = TrustedLog::from_object(object)?;
        if logs.iter().any(|it| it.id() == log.id()) {
            return Err(TrustedRootError::DuplicateLog {
                at,
                id: hex::encode(log.id()),
            });
        }
        logs.push(log);
    }
    Ok(logs)
}

/// The certificates of a chain, at least one, leaf first.
fn take_chain(object: &mut Object) -> Result<Vec<Certificate>, TrustedRootError> {
    let mut chain = object.take_object("certChain")?;
    let at = chain.path().to_owned();
    let entries = chain.take_objects("certificates", limits::CHAIN_CERTIFICATES)?;
    chain.finish()?;
    if entries.is_empty() {
        return Err(TrustedRootError::item(&at, "has no certificates"));
    }
    entries
        .into_iter()
        .map(|mut entry| {
            let der = entry.take_bytes("rawBytes")?;
            let at = entry.path().to_owned();
            entry.finish()?;
            Certificate::parse(&der)
                .map_err(|error| TrustedRootError::item(&at, format!("is {error}")))
        })
        .collect()
}

/// Sigstore's clients write the first; the specification asks for the last, which some of them refuse.
const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
