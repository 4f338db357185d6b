//! Where in which bucket.

use std::fmt;

use crate::place::PlaceError;

/// A folder in a bucket.
///
/// ```text
/// s3://releases/archive/hello
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Address {
    bucket: String,
    prefix: String,
}

impl S3Address {
    /// Whether a text is meant as such an address.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The address that a text says.
    ///
    /// # Errors
    /// `place-address` for a name that no bucket has, or a prefix that would not be the same in a URL.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let refused = |problem: &str| PlaceError::Address {
            place: text.to_owned(),
            problem: problem.to_owned(),
        };
        let rest = text.strip_prefix(SCHEME);
        let rest = rest.ok_or_else(|| refused("it does not begin with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(refused(
                "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens",
            ));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
            return Err(refused(
                "a prefix has names of letters, digits and -_.+=@,~ with single slashes between them",
            ));
        }
        if prefix.len() > PREFIX {
            return Err(refused("the prefix is longer than 512 bytes"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the names of objects begin with.
    pub(crate) fn key_prefix(&self) -> String {
        if self.prefix.is_empty() {
            String::new()
        } else {
            format!("{}/", self.prefix)
        }
    }
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        if self.prefix.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.prefix)
        }
    }
}

fn is_bucket(name: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|it| is_plain(*it) || b".-".contains(it))
        && bytes.first().is_some_and(|it| is_plain(*it))
        && bytes.last().is_some_and(|it| is_plain(*it))
        && !name.contains("..")
}

/// A name that means itself in a URL, and in a folder into which somebody copies the bucket.
fn is_segment(name: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.+=@,~".contains(&it);
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(is_plain)
}

const SCHEME: &str = "s3://";
const PREFIX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_the_same_everywhere_is_an_address() {
        for text in [
            "s3://",
            "s3://a/b",
            "s3://Upper/x",
            "s3://-abc/x",
            "s3://a..b/x",
            "s3://abc//x",
            "s3://abc/../x",
            "s3://abc/./x",
            "s3://abc/x//",
            "s3://abc/a b",
            "s3://abc/a%2e",
            "s3://abc/ä",
            "s3://abc/x?y",
            "s3://user:secret@abc/x",
            "S3://abc",
            "https://abc",
        ] {
            assert_eq!(
                S3Address::parse(text).unwrap_err().code(),
                "place-address",
                "{text}"
            );
        }
        for (text, shown, prefix) in [
            ("s3://abc", "s3://abc", ""),
            ("s3://abc/", "s3://abc", ""),
            ("s3://a.b-c/x/y/", "s3://a.b-c/x/y", "x/y/"),
        ] {
            let address = S3Address::parse(text).unwrap();
            assert_eq!(
                (address.to_string(), address.key_prefix()),
                (shown.into(), prefix.into())
            );
        }
    }
}
