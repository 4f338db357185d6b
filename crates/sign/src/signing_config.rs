//! Which services sign with us: Sigstore's `signing_config.json`, version 0.2.
//!
//! ```text
//! {"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",
//!  "caUrls":[{"url":"https://fulcio.example","majorApiVersion":1,"validFor":{"start":"2026-…Z"},"operator":"example"}],
//!  "oidcUrls":[…],"rekorTlogUrls":[…],"tsaUrls":[…],
//!  "rekorTlogConfig":{"selector":"ANY"},"tsaConfig":{"selector":"EXACT","count":2}}
//! ```
//! See protobuf-specs, `sigstore_trustroot.proto`.

use std::cmp::Reverse;

use attest_provenance::json::{self, FieldError, JsonError, Object, Value};
use jiff::Timestamp;

use crate::limits;

/// The services of one instance, as its operator lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningConfig {
    issuers: Vec<Service>,
    providers: Vec<Service>,
    logs: Vec<Service>,
    authorities: Vec<Service>,
    log_rule: SelectionRule,
    authority_rule: SelectionRule,
}

/// One service of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    url: String,
    version: u32,
    start: Timestamp,
    end: Option<Timestamp>,
    operator: String,
}

/// How many of the services of a list are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionRule {
    /// One of each operator.
    All,
    /// One.
    Any,
    /// So many, each of another operator.
    Exact(usize),
}

/// The kinds of services that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// Issues certificates: Fulcio.
    CertificateAuthority,
    /// Vouches for identities: an `OpenID` provider.
    IdentityProvider,
    /// Keeps entries: Rekor.
    Log,
    /// Gives RFC 3161 timestamps.
    TimestampAuthority,
}

impl SigningConfig {
    /// Reads a signing config.
    ///
    /// # Errors
    /// Too large; not JSON of one meaning; another media type than version 0.2; a field that is
    /// absent, unknown or of another type; a selector that says nothing; a count that no selection
    /// can meet.
    pub fn parse(bytes: &[u8]) -> Result<Self, SigningConfigError> {
        Self::from_value(json::parse(bytes, limits::SIGNING_CONFIG)?)
    }

    /// Reads one that is a value of another document.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_value(value: Value) -> Result<Self, SigningConfigError> {
        let mut object = Object::new("", value)?;
        let media_type = object.take_string("mediaType")?;
        if media_type != MEDIA_TYPE {
            return Err(SigningConfigError::MediaType { found: media_type });
        }
        let config = Self {
            issuers: services(&mut object, "caUrls")?,
            providers: services(&mut object, "oidcUrls")?,
            logs: services(&mut object, "rekorTlogUrls")?,
            authorities: services(&mut object, "tsaUrls")?,
            log_rule: rule(&mut object, "rekorTlogConfig")?,
            authority_rule: rule(&mut object, "tsaConfig")?,
        };
        object.finish()?;
        Ok(config)
    }

    /// The certificate authority to ask: of those in force the one of the highest version that we
    /// speak, the newest first.
    ///
    /// # Errors
    /// There is none.
    pub fn certificate_authority(&self, now: Timestamp) -> Result<&Service, SelectionError> {
        first(
            ServiceKind::CertificateAuthority,
            &self.issuers,
            FULCIO,
            now,
        )
    }

    /// The provider of identities to ask.
    ///
    /// # Errors
    /// There is none.
    pub fn identity_provider(&self, now: Timestamp) -> Result<&Service, SelectionError> {
        first(ServiceKind::IdentityProvider, &self.providers, OIDC, now)
    }

    /// The logs to write to: at least one, each of another operator.
    ///
    /// # Errors
    /// There are fewer than the config asks for.
    pub fn logs(&self, now: Timestamp) -> Result<Vec<&Service>, SelectionError> {
        let kind = ServiceKind::Log;
        let found = self.log_rule.select(kind, &self.logs, REKOR, now)?;
        if found.is_empty() {
            return Err(none(kind, &self.logs));
        }
        Ok(found)
    }

    /// The timestamp authorities to ask; none if the config lists none.
    ///
    /// # Errors
    /// There are fewer than the config asks for, or none that we can use.
    pub fn timestamp_authorities(&self, now: Timestamp) -> Result<Vec<&Service>, SelectionError> {
        let kind = ServiceKind::TimestampAuthority;
        let found = self
            .authority_rule
            .select(kind, &self.authorities, TSA, now)?;
        if found.is_empty() && !self.authorities.is_empty() {
            return Err(none(kind, &self.authorities));
        }
        Ok(found)
    }
}

impl Service {
    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The major version of its API.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Who runs it.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    fn from_object(mut object: Object) -> Result<Self, SigningConfigError> {
        let at = object.path().to_owned();
        let url = object.take_text("url")?;
        let version = object.take_u64("majorApiVersion")?;
        let operator = object.take_optional_string("operator")?;
        let mut window = object.take_object("validFor")?;
        let start = window.take_time("start")?;
        let end = window.take_optional_time("end")?;
        window.finish()?;
        object.finish()?;
        if url.len() > limits::SERVICE_URL_BYTES {
            return Err(SigningConfigError::UrlLength {
                at,
                found: url.len(),
            });
        }
        if end.is_some_and(|end| end < start) {
            return Err(SigningConfigError::Window { at });
        }
        Ok(Self {
            url,
            // A version that does not fit is one that we do not speak.
            version: u32::try_from(version).unwrap_or(u32::MAX),
            start,
            end,
            operator: operator.unwrap_or_default(),
        })
    }

    fn is_in_force(&self, now: Timestamp) -> bool {
        self.start <= now && self.end.is_none_or(|end| now <= end)
    }
}

impl SelectionRule {
    /// Of each operator the best service; of these as many as the rule says.
    fn select<'a>(
        self,
        kind: ServiceKind,
        services: &'a [Service],
        spoken: &[u32],
        now: Timestamp,
    ) -> Result<Vec<&'a Service>, SelectionError> {
        let mut found: Vec<&Service> = Vec::new();
        for service in ranked(services, spoken, now) {
            if !found.iter().any(|it| it.operator == service.operator) {
                found.push(service);
            }
        }
        match self {
            Self::All => {}
            Self::Any => found.truncate(1),
            Self::Exact(wanted) if found.len() < wanted => {
                return Err(SelectionError::TooFew {
                    kind,
                    found: found.len(),
                    wanted,
                });
            }
            Self::Exact(wanted) => found.truncate(wanted),
        }
        Ok(found)
    }
}

/// Those that can be used: the highest version first, the newest of these first, else as listed.
fn ranked<'a>(services: &'a [Service], spoken: &[u32], now: Timestamp) -> Vec<&'a Service> {
    let mut found: Vec<&Service> = services
        .iter()
        .filter(|it| spoken.contains(&it.version) && it.is_in_force(now))
        .collect();
    found.sort_by_key(|it| (Reverse(it.version), Reverse(it.start)));
    found
}

fn first<'a>(
    kind: ServiceKind,
    services: &'a [Service],
    spoken: &[u32],
    now: Timestamp,
) -> Result<&'a Service, SelectionError> {
    let ranked = ranked(services, spoken, now);
    ranked.first().copied().ok_or_else(|| none(kind, services))
}

fn none(kind: ServiceKind, listed: &[Service]) -> SelectionError {
    SelectionError::None {
        kind,
        listed: listed.len(),
    }
}

fn services(object: &mut Object, field: &'static str) -> Result<Vec<Service>, SigningConfigError> {
    let services = object.take_optional_objects(field, limits::SERVICES)?;
    services.into_iter().map(Service::from_object).collect()
}

/// Absent is one, as the reference clients have it.
fn rule(object: &mut Object, field: &'static str) -> Result<SelectionRule, SigningConfigError> {
    let Some(mut rule) = object.take_optional_object(field)? else {
        return Ok(SelectionRule::Any);
    };
    let at = rule.path().to_owned();
    // cosign writes an empty rule where it lists no service.
    let selector = rule.take_optional_string("selector")?;
    let count = if rule.has("count") {
        Some(rule.take_u64("count")?)
    } else {
        None
    };
    rule.finish()?;
    let count = count.filter(|it| *it > 0);
    match (selector.as_deref(), count) {
        (Some("ALL"), None) => Ok(SelectionRule::All),
        (Some("ANY") | None, None) => Ok(SelectionRule::Any),
        (Some("EXACT"), Some(count)) => usize::try_from(count)
            .ok()
            .filter(|it| *it <= limits::SERVICES)
            .map(SelectionRule::Exact)
            .ok_or(SigningConfigError::Count { at, found: count }),
        _ => Err(SigningConfigError::Selector {
            at,
            found: selector.unwrap_or_default(),
            count,
        }),
    }
}

/// Why something is not a signing config.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningConfigError {
    /// Not JSON of one meaning.
    #[error("signing config is not readable: {0}")]
    Json(#[from] JsonError),
    /// Not the fields of a signing config.
    #[error("signing config is malformed: {0}")]
    Field(#[from] FieldError),
    /// Another format.
    #[error("media type is {found:?}, wanted {MEDIA_TYPE}")]
    MediaType {
        /// The media type found.
        found: String,
    },
    /// An address that no service has.
    #[error(
        "{at}.url has {found} bytes, at most {} are read",
        limits::SERVICE_URL_BYTES
    )]
    UrlLength {
        /// The path of the service.
        at: String,
        /// The bytes of the address.
        found: usize,
    },
    /// A window that ends before it starts.
    #[error("{at}.validFor ends before it starts")]
    Window {
        /// The path of the service.
        at: String,
    },
    /// A rule that says nothing.
    #[error("{at} has the selector {found:?} with count {}, wanted ALL or ANY without one, or EXACT with one", count.unwrap_or_default())]
    Selector {
        /// The path of the rule.
        at: String,
        /// The selector.
        found: String,
        /// The count, unless it is absent or 0.
        count: Option<u64>,
    },
    /// More services than a config can list.
    #[error("{at}.count is {found}, at most {} can be listed", limits::SERVICES)]
    Count {
        /// The path of the rule.
        at: String,
        /// The count.
        found: u64,
    },
}

impl SigningConfigError {
    /// The stable code of this refusal.
    pub fn code(&self) -> &'static str {
        "signing-config-malformed"
    }
}

/// Why a signing config names no services to sign with now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// None that is in force and speaks a version that we speak.
    #[error(
        "the signing config lists {listed} of the kind {kind}, none of which is in force now and speaks a version that we speak"
    )]
    None {
        /// What was looked for.
        kind: ServiceKind,
        /// How many there are.
        listed: usize,
    },
    /// Fewer than it asks for.
    #[error(
        "the signing config asks for {wanted} of the kind {kind}, each of another operator, and has {found}"
    )]
    TooFew {
        /// What was looked for.
        kind: ServiceKind,
        /// How many can be used.
        found: usize,
        /// How many are asked for.
        wanted: usize,
    },
}

impl SelectionError {
    /// The stable code of this refusal.
    pub fn code(&self) -> &'static str {
        "signing-config-unsatisfiable"
    }
}

impl std::fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CertificateAuthority => "certificate authority",
            Self::IdentityProvider => "identity provider",
            Self::Log => "log",
            Self::TimestampAuthority => "timestamp authority",
        })
    }
}

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
/// The major versions that we speak. Fulcio's second API is called version 1 here.
const FULCIO: &[u32] = &[1];
const OIDC: &[u32] = &[1];
const REKOR: &[u32] = &[1, 2];
const TSA: &[u32] = &[1];

#[cfg(test)]
mod tests;
