//! Platforms: which manifests of an index are meant, and what an image says that it runs on.

use std::fmt;

use attest_digest::Digest;
use serde_json::Value;

use crate::failure::Failure;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Which manifests of an image are asked about.
#[derive(Debug, Clone, Default)]
pub(crate) enum Platforms {
    /// The one that its name leads to, whatever it is.
    #[default]
    AsNamed,
    /// Those for these platforms, each by itself.
    These(Vec<Platform>),
    /// The index, and every one in it by itself.
    All,
}

impl Platforms {
    /// Reads the flags.
    ///
    /// # Errors
    /// `bad-arguments`: not `OS/ARCH[/VARIANT]`.
    pub(crate) fn of(texts: &[String], all: bool) -> Result<Self, Failure> {
        if all {
            return Ok(Self::All);
        }
        if texts.is_empty() {
            return Ok(Self::AsNamed);
        }
        let read = |text: &String| {
            Platform::parse(text).ok_or_else(|| {
                let message = format!("--platform {text:?} is not OS/ARCH[/VARIANT]");
                Failure::request("bad-arguments", message).hint("for example linux/arm64")
            })
        };
        texts
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self::These)
    }

    pub(crate) const fn is_given(&self) -> bool {
        !matches!(self, Self::AsNamed)
    }
}

impl Platform {
    fn parse(text: &str) -> Option<Self> {
        let part = |it: &str| {
            let named = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
            (!it.is_empty() && it.chars().all(named)).then(|| it.to_owned())
        };
        let mut parts = text.split('/');
        let platform = Self {
            os: part(parts.next()?)?,
            architecture: part(parts.next()?)?,
            variant: match parts.next() {
                Some(text) => Some(part(text)?),
                None => None,
            },
        };
        parts.next().is_none().then_some(platform)
    }

    /// As the configuration of an image, or an entry of an index, says it.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            os: text("os")?,
            architecture: text("architecture")?,
            variant: text("variant").filter(|it| !it.is_empty()),
        })
    }

    /// Whether an image for that platform is meant. No variant means any.
    pub(super) fn means(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }

    /// Whether both cannot be of one image. Many say no variant.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let both = self.variant.as_ref().zip(other.variant.as_ref());
        self.os != other.os
            || self.architecture != other.architecture
            || both.is_some_and(|(one, other)| one != other)
    }

    /// Builders put what they say about an image into its index, as if it were one.
    pub(super) fn is_none(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// What each entry of an index is for.
pub(super) fn of_index(bytes: &[u8]) -> Vec<(Digest, Option<Platform>)> {
    let Ok(index) = serde_json::from_slice::<Value>(bytes) else {
        return Vec::new();
    };
    let entries = index.get("manifests").and_then(Value::as_array);
    let entry = |it: &Value| {
        let digest = it.get("digest").and_then(Value::as_str)?;
        let platform = it.get("platform").and_then(Platform::read);
        Some((Digest::parse(digest).ok()?, platform))
    };
    entries.into_iter().flatten().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_without_a_variant_means_any() {
        let read = |text: &str| Platform::parse(text).unwrap();
        assert!(read("linux/arm64").means(&read("linux/arm64/v8")));
        assert!(!read("linux/arm64/v8").means(&read("linux/arm64")));
        assert!(!read("linux/arm64").means(&read("linux/arm")));
        assert!(!read("linux/arm64").contradicts(&read("linux/arm64/v8")));
        assert!(read("linux/arm/v6").contradicts(&read("linux/arm/v7")));
        assert!(read("linux/arm64").contradicts(&read("linux/arm")));
        assert!(read("windows/arm64").contradicts(&read("linux/arm64")));
        for text in [
            "", "linux", "linux/", "/amd64", "a/b/c/d", "a/b/", "a/b c", "a//c",
        ] {
            assert!(Platform::parse(text).is_none(), "{text}");
        }
    }
}
