//! The name of a release, for people and as a package URL.

use std::fmt;
use std::str::FromStr;

use crate::excerpt::Excerpt;
use crate::limits;

/// `NAME@VERSION`, split at the last `@`.
///
/// ```
/// # use attest_provenance::ReleaseName;
/// let release = ReleaseName::parse("@acme/tool@1.2.0+linux")?;
/// assert_eq!((release.name(), release.version()), ("@acme/tool", "1.2.0+linux"));
/// assert_eq!(release.purl(), "pkg:generic/%40acme/tool@1.2.0%2Blinux");
/// assert_eq!(ReleaseName::from_purl(&release.purl())?, release);
/// # Ok::<(), attest_provenance::ReleaseNameError>(())
/// ```
///
/// A name has 1 to 214 of `A-Z a-z 0-9 @ / . _ ~ + -` in segments between `/` that are neither empty
/// nor `.` nor `..`; a version has 1 to 128 of `A-Z a-z 0-9 . _ ~ + : -` and is neither `.` nor `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName {
    name: String,
    version: String,
}

impl ReleaseName {
    /// A release of that name and version.
    ///
    /// # Errors
    /// A name or version of another length or with other characters than allowed.
    pub fn new(name: &str, version: &str) -> Result<Self, ReleaseNameError> {
        check_length("name", name, limits::RELEASE_NAME_BYTES)?;
        check_length("version", version, limits::RELEASE_VERSION_BYTES)?;
        check_characters("name", name, "@/._~+-")?;
        check_characters("version", version, "._~+:-")?;
        if name.split('/').any(|it| matches!(it, "" | "." | "..")) {
            return Err(ReleaseNameError::Segment {
                name: name.to_owned(),
            });
        }
        if matches!(version, "." | "..") {
            return Err(ReleaseNameError::Segment {
                name: version.to_owned(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    /// Reads `NAME@VERSION`.
    ///
    /// # Errors
    /// No `@`, or as [`Self::new`].
    pub fn parse(text: &str) -> Result<Self, ReleaseNameError> {
        let (name, version) = text
            .rsplit_once('@')
            .ok_or_else(|| ReleaseNameError::NoVersion {
                found: text.to_owned(),
            })?;
        Self::new(name, version)
    }

    /// Reads exactly what [`Self::purl`] writes, so that one release has one package URL.
    ///
    /// # Errors
    /// Another package type, qualifiers, a subpath, or another spelling than the canonical one.
    pub fn from_purl(purl: &str) -> Result<Self, ReleaseNameError> {
        let not_canonical = || ReleaseNameError::PurlNotCanonical {
            found: purl.to_owned(),
        };
        let coordinates =
            purl.strip_prefix(PURL_GENERIC)
                .ok_or_else(|| ReleaseNameError::PurlNotGeneric {
                    found: purl.to_owned(),
                })?;
        let (name, version) = coordinates.rsplit_once('@').ok_or_else(not_canonical)?;
        let release = Self::new(&percent_decoded(name), &percent_decoded(version))?;
        if release.purl() != purl {
            return Err(not_canonical());
        }
        Ok(release)
    }

    /// The package URL: `pkg:generic/NAME@VERSION`, percent-encoded as ECMA-427 says.
    pub fn purl(&self) -> String {
        let (name, version) = (percent_encoded(&self.name), percent_encoded(&self.version));
        format!("{PURL_GENERIC}{name}@{version}")
    }

    /// What is released.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which one.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for ReleaseName {
    type Err = ReleaseNameError;

    fn from_str(text: &str) -> Result<Self, ReleaseNameError> {
        Self::parse(text)
    }
}

/// Why a text does not name a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseNameError {
    /// There is no `@`.
    #[error("release is {}, wanted NAME@VERSION", Excerpt(found))]
    NoVersion {
        /// The text.
        found: String,
    },
    /// Empty or too long.
    #[error("{what} of the release has {found} bytes, wanted 1 to {limit}")]
    Length {
        /// `name` or `version`.
        what: &'static str,
        /// Its bytes.
        found: usize,
        /// The bytes that are allowed.
        limit: usize,
    },
    /// A character that is not allowed.
    #[error("{what} of the release holds {found:?}, wanted letters, digits and {allowed}")]
    Character {
        /// `name` or `version`.
        what: &'static str,
        /// The character.
        found: char,
        /// What is allowed beside letters and digits.
        allowed: &'static str,
    },
    /// An empty segment, `.` or `..`.
    #[error("release holds an empty, '.' or '..' segment: {}", Excerpt(name))]
    Segment {
        /// The name or version.
        name: String,
    },
    /// A package URL of another type than ours.
    #[error("package URL is {}, wanted {PURL_GENERIC}NAME@VERSION", Excerpt(found))]
    PurlNotGeneric {
        /// The package URL, as claimed.
        found: String,
    },
    /// A package URL that is not spelled as it should be.
    #[error("package URL {} is not in its canonical spelling", Excerpt(found))]
    PurlNotCanonical {
        /// The package URL, as claimed.
        found: String,
    },
}

impl ReleaseNameError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoVersion { .. }
            | Self::Length { .. }
            | Self::Character { .. }
            | Self::Segment { .. } => "release-name-malformed",
            Self::PurlNotGeneric { .. } => "purl-type-unknown",
            Self::PurlNotCanonical { .. } => "purl-malformed",
        }
    }
}

/// The package URLs that are release names of ours.
pub(crate) const PURL_GENERIC: &str = "pkg:generic/";

fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), ReleaseNameError> {
    match text.len() {
        0 => Err(ReleaseNameError::Length {
            what,
            found: 0,
            limit,
        }),
        found if found > limit => Err(ReleaseNameError::Length { what, found, limit }),
        _ => Ok(()),
    }
}

fn check_characters(
    what: &'static str,
    text: &str,
    allowed: &'static str,
) -> Result<(), ReleaseNameError> {
    match text
        .chars()
        .find(|it| !it.is_ascii_alphanumeric() && !allowed.contains(*it))
    {
        Some(found) => Err(ReleaseNameError::Character {
            what,
            found,
            allowed,
        }),
        None => Ok(()),
    }
}

/// Of the characters that a release may hold, ECMA-427 wants only these two encoded: `:` never is, and
/// `/` separates.
fn percent_encoded(text: &str) -> String {
    text.replace('@', "%40").replace('+', "%2B")
}

fn percent_decoded(text: &str) -> String {
    text.replace("%40", "@").replace("%2B", "+")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal<T: fmt::Debug>(result: Result<T, ReleaseNameError>) -> &'static str {
        result.unwrap_err().code()
    }

    #[test]
    fn a_package_url_in_another_spelling_is_refused() {
        for purl in [
            "pkg:generic/a@b@1",      // an at sign in the name
            "pkg:generic/a%40b",      // no version
            "pkg:generic/a%40b%401",  // no version either
            "pkg:generic/a%2b@1",     // lower-case hexadecimal
            "pkg:generic/a@1+b",      // plus is to be encoded
            "pkg:generic/a@1%3A2",    // colon is not
            "pkg:generic/%61@1",      // nor a letter
            "pkg:generic/a@1.0%2E1",  // nor a dot
            "pkg:generic/a%2Fb@1",    // nor a slash that separates
            "pkg:generic/a@",         // an empty version
            "pkg:generic/@1",         // an empty name
            "pkg:generic/a@1?arch=x", // qualifiers
            "pkg:generic/a@1#sub",    // a subpath
            "pkg:generic/a@1@",       //
            "pkg:generic//a@1",       //
            "pkg:generic/a/@1",       //
            "pkg:generic/../x@1",     //
            "pkg:generic/./x@1",      //
            "pkg:generic/a/..@1",     //
            "pkg:generic/%2E%2E/x@1", //
            "pkg:generic/a%00@1",     //
            "pkg:generic/a%@1",       //
            "pkg:generic/a%2%42B@1",  //
            "pkg:generic/a@1 ",       //
            "pkg:generic/a@..",       //
            "pkg:generic/\u{430}@1",  // a Cyrillic letter
        ] {
            let code = refusal(ReleaseName::from_purl(purl));
            assert!(
                matches!(code, "purl-malformed" | "release-name-malformed"),
                "{purl}: {code}"
            );
        }
    }

    #[test]
    fn a_package_url_of_another_type_names_no_release_of_ours() {
        for purl in [
            "",
            "pkg:npm/a@1",
            "PKG:generic/a@1",
            "pkg:Generic/a@1",
            "pkg://generic/a@1",
            "pkg:generic",
            "a@1",
        ] {
            assert_eq!(
                refusal(ReleaseName::from_purl(purl)),
                "purl-type-unknown",
                "{purl}"
            );
        }
    }

    #[test]
    fn letters_keep_their_case() {
        let release = ReleaseName::from_purl("pkg:generic/Tool@1.0-RC1").unwrap();
        assert_eq!(release.to_string(), "Tool@1.0-RC1");
        assert_ne!(release, ReleaseName::parse("tool@1.0-rc1").unwrap());
    }

    #[test]
    fn a_release_is_split_at_the_last_at_sign() {
        for (text, name, version) in [
            ("hello@1.0.0", "hello", "1.0.0"),
            ("@acme/tool@2", "@acme/tool", "2"),
            ("a@b@1", "a@b", "1"),
            ("a@@1", "a@", "1"),
            ("x/y/z@1:2~3+4", "x/y/z", "1:2~3+4"),
        ] {
            let release = ReleaseName::parse(text).unwrap();
            assert_eq!(
                (release.name(), release.version()),
                (name, version),
                "{text}"
            );
            assert_eq!(release.to_string(), text);
        }
    }

    #[test]
    fn a_name_that_could_be_mistaken_for_something_else_is_refused() {
        let long_name = "a".repeat(limits::RELEASE_NAME_BYTES + 1) + "@1";
        let long_version = "a@".to_owned() + &"1".repeat(limits::RELEASE_VERSION_BYTES + 1);
        for text in [
            "",
            "a",
            "@",
            "@1",
            "a@",
            "/a@1",
            "a/@1",
            "a//b@1",
            "../a@1",
            "a/../b@1",
            "./a@1",
            "a@.",
            "a@..",
            "a b@1",
            "a@1 ",
            "a\n@1",
            "a@1\n",
            "a\0@1",
            "é@1",
            "a@é",
            "a%40@1",
            "a:b@1",
            "a@1/2",
            "a\\b@1",
            "a\u{202e}@1",
            &long_name,
            &long_version,
        ] {
            assert_eq!(
                refusal(ReleaseName::parse(text)),
                "release-name-malformed",
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_release_has_exactly_one_package_url(
            name in "[A-Za-z0-9@._~+-]{1,8}(/[A-Za-z0-9@_~+-]{1,8}){0,2}", version in "[A-Za-z0-9._~+:-]{1,12}",
        ) {
            if let Ok(release) = ReleaseName::new(&name, &version) {
                prop_assert_eq!(&ReleaseName::from_purl(&release.purl()).unwrap(), &release);
                prop_assert_eq!(ReleaseName::parse(&release.to_string()).unwrap(), release);
            }
        }

        #[test]
        fn what_is_read_from_a_package_url_writes_it_again(rest in "[A-Za-z0-9@/%42B0+:._~-]{0,16}") {
            let purl = format!("{PURL_GENERIC}{rest}");
            if let Ok(release) = ReleaseName::from_purl(&purl) {
                prop_assert_eq!(release.purl(), purl);
            }
        }
    }
}
