//! Names of predicate types: one table for every flag and every policy.

use super::{custom, deployment, link, openvex, publish, reference, release, review};
use super::{sbom, scai, slsa, succession, svr, test_result, vsa, vulns};
use crate::excerpt::Excerpt;

/// A predicate type as a person names it: by a short name, cosign's or ours, or by its URI.
///
/// ```
/// # use attest_provenance::predicate::TypeName;
/// let name = TypeName::parse("slsaprovenance1")?;
/// assert_eq!(name.written(), "https://slsa.dev/provenance/v1");
/// let own = TypeName::parse("https://example.com/review/v1")?;
/// assert!(own.is("https://example.com/review/v1"));
/// assert!(TypeName::parse("slsa-provenanse").is_err());
/// # Ok::<(), attest_provenance::predicate::TypeNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    uris: Uris,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Uris {
    Known(&'static [&'static str]),
    Other(String),
}

impl TypeName {
    /// Reads a short name or a URI. A URI means itself only, without its older versions.
    ///
    /// # Errors
    /// Neither a name that is known nor a URI.
    pub fn parse(text: &str) -> Result<Self, TypeNameError> {
        if let Some((_, uris)) = TYPES.iter().find(|(name, _)| *name == text) {
            return Ok(Self {
                uris: Uris::Known(uris),
            });
        }
        if !is_uri(text) {
            return Err(TypeNameError {
                found: text.to_owned(),
            });
        }
        Ok(Self {
            uris: Uris::Other(text.to_owned()),
        })
    }

    /// The URI that is written into a statement of this type.
    pub fn written(&self) -> &str {
        self.uris().next().unwrap_or_default()
    }

    /// The URIs that it means: the one that is written, then the other versions that are read.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        let (known, other) = match &self.uris {
            Uris::Known(known) => (*known, None),
            Uris::Other(other) => (&[] as &[_], Some(other.as_str())),
        };
        known.iter().copied().chain(other)
    }

    /// Whether a statement of that predicate type is meant.
    pub fn is(&self, predicate_type: &str) -> bool {
        self.uris().any(|it| it == predicate_type)
    }

    /// Every short name, and the URI that is written for it.
    pub fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
        TYPES
            .iter()
            .filter_map(|(name, uris)| Some((*name, *uris.first()?)))
    }
}

/// Why a text does not name a predicate type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is neither a name of a predicate type nor a URI", Excerpt(found))]
pub struct TypeNameError {
    found: String,
}

/// An absolute URI: a scheme, and something behind it that needs no escape.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
    let is_graphic = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    is_scheme && !rest.is_empty() && rest.bytes().all(is_graphic)
}

/// cosign's names mean what they mean to cosign, plus the versions of the same document that its flag
/// does not know; the names in the second half are ours.
const TYPES: &[(&str, &[&str])] = &[
    ("custom", &[custom::TYPE]),
    ("cyclonedx", CYCLONEDX),
    ("link", &[link::TYPE_V1, link::TYPE, link::TYPE_V0_2]),
    ("openvex", &[openvex::TYPE, openvex::TYPE_V0_2]),
    ("slsaprovenance", &[slsa::TYPE_V0_2]),
    ("slsaprovenance02", &[slsa::TYPE_V0_2]),
    ("slsaprovenance1", &[slsa::TYPE]),
    ("spdx", SPDX),
    ("spdxjson", SPDX),
    ("vuln", &[vulns::COSIGN_TYPE]),
    // Ours.
    ("deployment", &[deployment::TYPE]),
    ("in-toto-link", &[link::TYPE]),
    ("key-succession", &[succession::TYPE]),
    ("npm-publish", &[publish::NPM]),
    ("pypi-publish", &[publish::PYPI]),
    ("reference", &[reference::TYPE]),
    ("release", &[release::TYPE, release::TYPE_V0_1]),
    ("review", &[review::TYPE]),
    (
        "runtime-trace",
        &["https://in-toto.io/attestation/runtime-trace/v0.1"],
    ),
    ("scai", &[scai::TYPE, scai::TYPE_V0_2]),
    ("slsa-provenance", &[slsa::TYPE]),
    ("svr", &[svr::TYPE, svr::TYPE_V0_1]),
    ("test-result", &[test_result::TYPE]),
    ("vsa", &[vsa::TYPE]),
    ("vulns", &[vulns::TYPE, vulns::TYPE_V0_1]),
];

const CYCLONEDX: &[&str] = &[
    sbom::CYCLONEDX,
    "https://cyclonedx.org/bom/v1.4",
    "https://cyclonedx.org/bom/v1.5",
    "https://cyclonedx.org/bom/v1.6",
    "https://cyclonedx.org/bom/v1.7",
];

const SPDX: &[&str] = &[
    sbom::SPDX,
    "https://spdx.dev/Document/v2.2",
    "https://spdx.dev/Document/v2.3",
    "https://spdx.dev/Document/v3",
    "https://spdx.dev/Document/v3.0",
    "https://spdx.dev/Document/v3.0.1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosigns_names_mean_what_they_mean_to_cosign() {
        for (name, uri) in [
            ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
            ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
            ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
            ("spdx", "https://spdx.dev/Document"),
            ("spdxjson", "https://spdx.dev/Document"),
            ("cyclonedx", "https://cyclonedx.org/bom"),
            ("link", "https://in-toto.io/Link/v1"),
            ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
            ("openvex", "https://openvex.dev/ns"),
            ("custom", "https://cosign.sigstore.dev/attestation/v1"),
        ] {
            assert_eq!(TypeName::parse(name).unwrap().written(), uri);
        }
    }

    #[test]
    fn a_name_is_known_or_a_uri() {
        let uri = TypeName::parse("https://slsa.dev/provenance/v1").unwrap();
        assert!(uri.is("https://slsa.dev/provenance/v1"));
        assert!(!uri.is("https://slsa.dev/provenance/v0.2"));
        assert!(TypeName::parse("svr").unwrap().is(svr::TYPE_V0_1));
        for text in [
            "",
            "SVR",
            "vulns ",
            "slsa",
            ":",
            "https:",
            "1:x",
            "a b:c",
            "https://e.com/a b",
            "https://e.com/\u{1b}",
        ] {
            let refusal = TypeName::parse(text).unwrap_err();
            assert!(refusal.to_string().contains("neither"), "{text}");
        }
    }

    #[test]
    fn names_are_unique_and_every_uri_is_one() {
        let mut names: Vec<&str> = TypeName::known().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TYPES.len());
        assert!(
            TYPES
                .iter()
                .flat_map(|(_, uris)| *uris)
                .all(|it| is_uri(it))
        );
    }
}
