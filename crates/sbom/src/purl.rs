//! Package URLs (`pkg:npm/%40angular/animation@12.3.1`), written and taken apart.
//!
//! See [purl-spec](https://github.com/package-url/purl-spec).

use crate::component::Ecosystem;

/// The URL of a package: its qualifiers sorted, empty ones left out.
///
/// ```
/// # use attest_sbom::{Ecosystem, purl::purl};
/// assert_eq!(
///     purl(Ecosystem::Npm, "@angular/animation", Some("12.3.1"), &[]),
///     "pkg:npm/%40angular/animation@12.3.1"
/// );
/// ```
pub fn purl(
    ecosystem: Ecosystem,
    name: &str,
    version: Option<&str>,
    qualifiers: &[(&str, &str)],
) -> String {
    let mut text = format!("pkg:{}", ecosystem.purl_type());
    for part in normal_name(ecosystem, name).split('/') {
        text.push('/');
        encode(part, b"", &mut text);
    }
    if let Some(version) = version {
        text.push('@');
        encode(version, b"", &mut text);
    }
    let mut qualifiers: Vec<_> = qualifiers.iter().filter(|it| !it.1.is_empty()).collect();
    qualifiers.sort();
    for (at, (key, value)) in qualifiers.into_iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        encode(value, b"/", &mut text);
    }
    text
}

/// What a package URL names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parts {
    /// `cargo`, `npm`, …
    pub kind: String,
    /// The name with its namespace, as its registry compares names.
    pub name: String,
    /// The version.
    pub version: Option<String>,
}

impl Parts {
    /// Takes a package URL apart; its qualifiers and subpath say no more about which package it is.
    pub fn parse(purl: &str) -> Option<Self> {
        let rest = purl.strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split('#').next()?;
        let rest = rest.split('?').next()?;
        let (kind, rest) = rest.split_once('/')?;
        let (name, version) = match rest.rsplit_once('@') {
            // An @ that begins a scope, which some leave as it is.
            Some((before, _)) if before.is_empty() || before.ends_with('/') => (rest, None),
            Some((_, after)) if after.contains('/') => (rest, None),
            Some((name, version)) => (name, Some(decode(version)?)),
            None => (rest, None),
        };
        let kind = kind.to_ascii_lowercase();
        let parts = name.split('/').filter(|it| !it.is_empty());
        let name = parts.map(decode).collect::<Option<Vec<_>>>()?.join("/");
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let name = match Ecosystem::of_purl_type(&kind) {
            Some(ecosystem) => normal_name(ecosystem, &name),
            None => name,
        };
        Some(Self {
            kind,
            name,
            version,
        })
    }
}

/// A name as the package URLs of its ecosystem have it.
pub fn normal_name(ecosystem: Ecosystem, name: &str) -> String {
    match ecosystem {
        Ecosystem::Cargo | Ecosystem::Npm => name.to_owned(),
        Ecosystem::Go => name.to_lowercase(),
        Ecosystem::Python => {
            let mut normal = String::with_capacity(name.len());
            for character in name.to_lowercase().chars() {
                let separates = matches!(character, '-' | '_' | '.');
                if separates && normal.ends_with('-') {
                    continue;
                }
                normal.push(if separates { '-' } else { character });
            }
            normal
        }
    }
}

fn encode(text: &str, also_plain: &[u8], to: &mut String) {
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
        if plain || also_plain.contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push_str(&hex::encode_upper([byte]));
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair = [rest.next()?, rest.next()?];
        bytes.extend(hex::decode(pair).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_are_written_as_the_specification_writes_them() {
        let version = |version| Some(version);
        for (ecosystem, name, version, qualifiers, wanted) in [
            (
                Ecosystem::Cargo,
                "rand",
                version("0.7.2"),
                vec![],
                "pkg:cargo/rand@0.7.2",
            ),
            (
                Ecosystem::Cargo,
                "a",
                version("1.0.0+sdk-1"),
                vec![],
                "pkg:cargo/a@1.0.0%2Bsdk-1",
            ),
            (
                Ecosystem::Npm,
                "mypackage",
                version("12.4.5"),
                vec![("vcs_url", "git://host.com/path/to/repo.git@4345abcd34343")],
                "pkg:npm/mypackage@12.4.5?vcs_url=git://host.com/path/to/repo.git%404345abcd34343",
            ),
            (
                Ecosystem::Go,
                "github.com/Sirupsen/logrus/v2",
                version("v2.0.0+incompatible"),
                vec![],
                "pkg:golang/github.com/sirupsen/logrus/v2@v2.0.0%2Bincompatible",
            ),
            (
                Ecosystem::Python,
                "Ruamel.Yaml__clib",
                version("1!2.0"),
                vec![("b", "2 3"), ("a", "x&y=z"), ("c", "")],
                "pkg:pypi/ruamel-yaml-clib@1%212.0?a=x%26y%3Dz&b=2%203",
            ),
        ] {
            assert_eq!(purl(ecosystem, name, version, &qualifiers), wanted);
        }
    }

    #[test]
    fn what_was_written_is_taken_apart_again() {
        for (text, name, version) in [
            (
                "pkg:npm/%40angular/animation@12.3.1",
                "@angular/animation",
                Some("12.3.1"),
            ),
            (
                "pkg:npm/@angular/animation@12.3.1",
                "@angular/animation",
                Some("12.3.1"),
            ),
            ("pkg:npm/@angular/animation", "@angular/animation", None),
            (
                "pkg:GOLANG/google.golang.org/genproto#/googleapis/api/",
                "google.golang.org/genproto",
                None,
            ),
            (
                "pkg:cargo/a@1.0.0%2Bx?vcs_url=git%2Bhttps://b@c",
                "a",
                Some("1.0.0+x"),
            ),
            ("pkg:pypi/Jinja2_x@1", "jinja2-x", Some("1")),
        ] {
            let parts = Parts::parse(text).unwrap();
            assert_eq!(
                (parts.name.as_str(), parts.version.as_deref()),
                (name, version),
                "{text}"
            );
        }
        for text in [
            "",
            "cargo/a@1",
            "pkg:cargo",
            "pkg:cargo/",
            "pkg:cargo/%zz@1",
            "pkg:cargo/a@%ff",
        ] {
            assert_eq!(Parts::parse(text), None, "{text}");
        }
    }
}
