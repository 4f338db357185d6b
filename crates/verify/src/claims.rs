//! What a certificate says about the build that asked for it: Fulcio's extensions, as documented in
//! Sigstore's OID information.

use std::fmt;

use const_oid::ObjectIdentifier;

use crate::asn1::certificate::{Certificate, CertificateError};
use crate::check::Check;
use crate::identity::{self, IdentityPatternError};

/// One claim that an expected identity must carry: a name, and a value or a pattern of values.
///
/// ```
/// use attest_verify::ExpectedClaim;
///
/// let claim = ExpectedClaim::parse("source-repository-ref=refs/tags/v*").unwrap();
/// assert!(claim.matches("refs/tags/v1.0.0"));
/// assert!(ExpectedClaim::parse("source-repository=https://github.com/*").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedClaim {
    name: &'static str,
    value: String,
    is_glob: bool,
}

/// Why a text is no expected claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// There is no `=`.
    #[error("a claim is written NAME=VALUE")]
    Shapeless,
    /// No claim has that name.
    #[error("no claim is called {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The value cannot be one.
    #[error("{name}: {error}")]
    Value {
        /// The claim.
        name: &'static str,
        /// Why not.
        error: IdentityPatternError,
    },
    /// A `*` stands in a value that is compared exactly.
    #[error("{name} is compared exactly: `*` stands for nothing there")]
    Exact {
        /// The claim.
        name: &'static str,
    },
    /// A `*` stands where a ref says of which kind it is.
    #[error("{name}: `*` may stand after refs/heads/, refs/tags/ or refs/pull/ alone")]
    Ref {
        /// The claim.
        name: &'static str,
    },
}

impl ExpectedClaim {
    /// Reads `NAME=VALUE`.
    ///
    /// # Errors
    /// When no claim has that name, or the value can be none of it.
    pub fn parse(text: &str) -> Result<Self, ClaimError> {
        let (name, value) = text.split_once('=').ok_or(ClaimError::Shapeless)?;
        Self::new(name, value)
    }

    /// A claim by its documented name.
    ///
    /// # Errors
    /// As [`ExpectedClaim::parse`].
    pub fn new(name: &str, value: &str) -> Result<Self, ClaimError> {
        let known = known(name).ok_or_else(|| ClaimError::Unknown {
            name: name.to_owned(),
        })?;
        let is_glob = value.contains('*');
        known.check(value, is_glob)?;
        Ok(Self {
            name: known.name,
            value: value.to_owned(),
            is_glob,
        })
    }

    /// The documented name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this value is the one that is expected.
    pub fn matches(&self, value: &str) -> bool {
        if self.is_glob {
            identity::covers_below(&self.value, value)
        } else {
            self.value == value
        }
    }
}

impl fmt::Display for ExpectedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// The names of all claims, and other names for them.
pub fn claim_names() -> impl Iterator<Item = &'static str> {
    let names = |it: &'static Known| [Some(it.name), it.alias];
    KNOWN.iter().flat_map(names).flatten()
}

/// What a certificate claims: each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims(Vec<(&'static str, String)>);

impl Claims {
    /// Reads all claims that we know; whoever expects none does not take a malformed one either.
    pub(crate) fn of(certificate: &Certificate) -> Result<Self, Check> {
        let mut claims = Vec::new();
        for known in KNOWN {
            if let Some(value) = known.read(certificate)? {
                claims.push((known.name, value));
            }
        }
        Ok(Self(claims))
    }

    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// Whether all that are expected are there, each as expected.
    pub(crate) fn satisfy(&self, expected: &[ExpectedClaim]) -> Result<(), Check> {
        for wanted in expected {
            let found = self.0.iter().find(|(name, _)| *name == wanted.name);
            match found {
                Some((_, value)) if wanted.matches(value) => {}
                Some((name, value)) => {
                    let found = format!("{name}={value}");
                    return Err(Check::new("claim-mismatch", found, wanted));
                }
                None => {
                    let found = format!("no {}", wanted.name);
                    return Err(Check::new("claim-missing", found, wanted));
                }
            }
        }
        Ok(())
    }
}

/// A claim that we know.
struct Known {
    name: &'static str,
    alias: Option<&'static str>,
    /// The last number of its extension, whose content is DER of a `UTF8String`.
    extension: Option<u32>,
    /// The old extension, whose content is the text itself.
    old: Option<Old>,
    values: Values,
}

/// An old extension, and how it must agree with the new one.
struct Old {
    extension: u32,
    agreement: Agreement,
}

enum Agreement {
    /// They are the same.
    Same,
    /// The old one is the new one's path: `acme/app` of `https://github.com/acme/app`.
    Path,
}

/// What a claim's values look like.
enum Values {
    /// URIs, whose host and owner a pattern says literally.
    Uri,
    /// Refs of git, of which a pattern says literally what kind they are.
    Ref,
    /// Anything, compared exactly.
    Text,
}

impl Known {
    fn check(&self, value: &str, is_glob: bool) -> Result<(), ClaimError> {
        let name = self.name;
        let refused = |error| ClaimError::Value { name, error };
        match self.values {
            Values::Text if is_glob => Err(ClaimError::Exact { name }),
            Values::Text => identity::check_plain(value).map_err(refused),
            Values::Uri | Values::Ref if !is_glob => identity::check_text(value).map_err(refused),
            Values::Uri => {
                identity::check_text(value).map_err(refused)?;
                if !value.contains("://") {
                    return Err(refused(IdentityPatternError::Shapeless));
                }
                identity::check_owner(value).map_err(refused)
            }
            Values::Ref => {
                identity::check_text(value).map_err(refused)?;
                let literal = |kind: &&str| value.strip_prefix(*kind).is_some();
                let kinds = ["refs/heads/", "refs/tags/", "refs/pull/"];
                if !kinds.iter().any(literal) {
                    return Err(ClaimError::Ref { name });
                }
                identity::check_segments(value).map_err(refused)
            }
        }
    }

    /// The value; the new extension and the old one must agree where both are there.
    fn read(&self, certificate: &Certificate) -> Result<Option<String>, Check> {
        let new = match self.extension {
            Some(last) => certificate.text_extension(below_fulcio(last)?),
            None => Ok(None),
        };
        let new = new.map_err(|error| self.malformed(error))?;
        let Some(of_old) = &self.old else {
            return Ok(new);
        };
        let old = certificate
            .raw_text_extension(below_fulcio(of_old.extension)?)
            .map_err(|error| self.malformed(error))?;
        if let (Some(new), Some(old)) = (&new, &old)
            && !of_old.agreement.holds(new, old)
        {
            let found = format!("{} {new} and {old}", self.name);
            return Err(Check::new("certificate-malformed", found, "one value"));
        }
        Ok(match of_old.agreement {
            Agreement::Same => new.or(old),
            Agreement::Path => new,
        })
    }

    fn malformed(&self, error: CertificateError) -> Check {
        let found = format!("{}: {error}", self.name);
        let wanted = "an extension as Fulcio writes it";
        Check::new("certificate-malformed", found, wanted)
    }
}

impl Agreement {
    fn holds(&self, new: &str, old: &str) -> bool {
        match self {
            Self::Same => new == old,
            Self::Path => {
                let rest = new.split_once("://").map_or("", |(_, rest)| rest);
                rest.split_once('/').is_some_and(|(_, path)| path == old)
            }
        }
    }
}

fn known(name: &str) -> Option<&'static Known> {
    KNOWN
        .iter()
        .find(|it| it.name == name || it.alias == Some(name))
}

/// An extension of Fulcio's.
fn below_fulcio(last: u32) -> Result<ObjectIdentifier, Check> {
    FULCIO.push_arc(last).map_err(|_| {
        let found = format!("extension {last}");
        Check::new("certificate-malformed", found, "an extension of Fulcio's")
    })
}

const fn claim(name: &'static str, extension: u32, values: Values) -> Known {
    Known {
        name,
        alias: None,
        extension: Some(extension),
        old: None,
        values,
    }
}

impl Known {
    const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    const fn once(mut self, extension: u32, agreement: Agreement) -> Self {
        self.old = Some(Old {
            extension,
            agreement,
        });
        self
    }
}

const FULCIO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

/// All claims but the issuer, which is always expected.
const KNOWN: &[Known] = &[
    claim("build-signer-uri", 9, Values::Uri),
    claim("build-signer-digest", 10, Values::Text),
    claim("runner-environment", 11, Values::Text),
    claim("source-repository", 12, Values::Uri)
        .or("source-repository-uri")
        .once(5, Agreement::Path),
    claim("source-repository-digest", 13, Values::Text).once(3, Agreement::Same),
    claim("source-repository-ref", 14, Values::Ref).once(6, Agreement::Same),
    claim("source-repository-identifier", 15, Values::Text),
    claim("source-repository-owner", 16, Values::Text).or("source-repository-owner-uri"),
    claim("source-repository-owner-identifier", 17, Values::Text),
    claim("build-config-uri", 18, Values::Uri),
    claim("build-config-digest", 19, Values::Text),
    claim("build-trigger", 20, Values::Text).once(2, Agreement::Same),
    claim("run-invocation-uri", 21, Values::Uri),
    claim("source-repository-visibility-at-signing", 22, Values::Text),
    claim("deployment-environment", 23, Values::Text),
    claim("token-subject", 24, Values::Text),
    // Of old certificates alone.
    Known {
        name: "github-workflow-name",
        alias: None,
        extension: None,
        old: Some(Old {
            extension: 4,
            agreement: Agreement::Same,
        }),
        values: Values::Text,
    },
    Known {
        name: "github-workflow-repository",
        alias: None,
        extension: None,
        old: Some(Old {
            extension: 5,
            agreement: Agreement::Same,
        }),
        values: Values::Text,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_has_its_own_names_and_extensions() {
        let mut names: Vec<&str> = claim_names().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let mut extensions: Vec<u32> = KNOWN.iter().filter_map(|it| it.extension).collect();
        extensions.sort_unstable();
        assert_eq!(extensions, (9..=24).collect::<Vec<u32>>());
        for name in names {
            assert!(ExpectedClaim::new(name, "x").is_ok(), "{name}");
        }
    }

    #[test]
    fn a_pattern_says_of_what_kind_and_whose_it_is() {
        for text in [
            "source-repository=https://github.com/*",
            "source-repository=*",
            "source-repository=*@example.com",
            "source-repository-ref=*",
            "source-repository-ref=refs/*",
            "source-repository-ref=refs/*/v1",
            "source-repository-owner=https://github.com/*",
            "source-repository-digest=*",
            "runner-environment=*-hosted",
            "build-trigger=",
            "source-repository",
            "no-such-claim=x",
            "source-repository-ref=^refs/tags/v1$",
            "source-repository-ref=refs/tags/../heads/*",
            "source-repository-ref=refs/tags//v*",
            "source-repository=https://github.com/acme/../other/*",
        ] {
            assert!(ExpectedClaim::parse(text).is_err(), "{text}");
        }
        let matches = |text: &str, value: &str| ExpectedClaim::parse(text).unwrap().matches(value);
        assert!(matches(
            "source-repository-ref=refs/tags/v*",
            "refs/tags/v1"
        ));
        assert!(!matches(
            "source-repository-ref=refs/tags/v*",
            "refs/tags/v1/x"
        ));
        assert!(!matches(
            "source-repository-ref=refs/tags/*",
            "refs/tags/.."
        ));
        assert!(matches(
            "source-repository-uri=https://github.com/acme/*",
            "https://github.com/acme/app"
        ));
        assert!(!matches("build-trigger=push", "pusher"));
    }
}
