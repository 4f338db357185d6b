//! Bills of materials as their makers gave them: recognised, never changed.

use std::path::Path;

use attest_digest::RelativePath;
use attest_provenance::ReleaseName;
use attest_sbom::Naming;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::command::sbom::found::Found;
use crate::command::sbom::make;
use crate::console::escape;
use crate::failure::Failure;
use crate::files;

/// A bill of materials that `--sbom` named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sbom {
    /// Its name at the release's top.
    pub(super) path: RelativePath,
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Sbom {
    /// Reads the file and recognises what it is.
    ///
    /// # Errors
    /// `sbom-unreadable`, `sbom-unknown`, `name-reserved`: exit 2.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let refused = |code, problem: String| {
            Failure::request(code, format!("--sbom {}: {problem}", file.display()))
        };
        let bytes = files::read_limited(file, LIMIT)
            .map_err(|error| refused("sbom-unreadable", error.to_string()))?;
        let name = file
            .file_name()
            .map(Path::new)
            .ok_or_else(|| refused("sbom-unreadable", "it has no name".to_owned()))?;
        let path = RelativePath::try_from(name)
            .map_err(|problem| refused(problem.code(), problem.to_string()))?;
        if super::reserved::is_reserved(path.as_str()) {
            return Err(refused("name-reserved", "the name is ours".to_owned()));
        }
        let media_type = media_type(&bytes).ok_or_else(|| {
            refused(
                "sbom-unknown",
                "it is neither CycloneDX nor SPDX".to_owned(),
            )
        })?;
        Ok(Self {
            path,
            media_type,
            bytes,
        })
    }

    /// Makes one from the lock files at the top of a folder, about the release. The same lock files and
    /// the same release make the same bytes: the time is that of `SOURCE_DATE_EPOCH`, or none.
    ///
    /// # Errors
    /// `lock-missing` and what is wrong with a lock file: exit 2.
    pub(super) fn made(
        source: &Path,
        name: &ReleaseName,
        notes: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let found = Found::in_all(&[source.to_owned()])?;
        notes.extend(found.notes.iter().map(|it| format!("note: {}", escape(it))));
        let places = found.shown().join(", ");
        let naming = Naming {
            name: Some(name.name().to_owned()),
            version: Some(name.version().to_owned()),
            time: make::epoch()?,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Naming::default()
        };
        let bill = make::bill(found, naming)?;
        let bytes = make::bytes(&bill)?;
        let count = bill.components().count();
        notes.push(format!(
            "{MADE}: {count} components from {}",
            escape(&places)
        ));
        let path = RelativePath::try_from(Path::new(MADE))
            .map_err(|problem| Failure::request(problem.code(), problem))?;
        Ok(Self {
            path,
            media_type: "application/vnd.cyclonedx+json",
            bytes,
        })
    }
}

/// The media type of a bill of materials, by the content: names lie.
pub(crate) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace())? {
        b'{' => json_media_type(text),
        b'<' => contains_early(text, b"http://cyclonedx.org/schema/bom/")
            .then_some("application/vnd.cyclonedx+xml"),
        _ => text
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(b"SPDXVersion:"))
            .then_some("text/spdx"),
    }
}

fn json_media_type(text: &[u8]) -> Option<&'static str> {
    let head: Head = serde_json::from_slice(text).ok()?;
    if head.bom_format.as_deref() == Some("CycloneDX") {
        return Some("application/vnd.cyclonedx+json");
    }
    let spdx3 = head
        .context
        .as_ref()
        .is_some_and(|context| context.to_string().contains("https://spdx.org/rdf/3"));
    (spdx3 || head.spdx_version.is_some()).then_some("application/spdx+json")
}

fn contains_early(text: &[u8], wanted: &[u8]) -> bool {
    let head = text.get(..4096).unwrap_or(text);
    head.windows(wanted.len()).any(|window| window == wanted)
}

/// The fields that tell the formats apart.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "bomFormat")]
    bom_format: Option<String>,
    #[serde(rename = "spdxVersion")]
    spdx_version: Option<IgnoredAny>,
    #[serde(rename = "@context")]
    context: Option<serde_json::Value>,
}

/// The name of a bill that is made here.
const MADE: &str = "sbom.cdx.json";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bills of large systems have tens of megabytes.
const LIMIT: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised_by_content() {
        for (text, wanted) in [
            (
                r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#,
                Some("application/vnd.cyclonedx+json"),
            ),
            (
                r#" {"spdxVersion":"SPDX-2.3"}"#,
                Some("application/spdx+json"),
            ),
            (
                r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#,
                Some("application/spdx+json"),
            ),
            (
                "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n",
                Some("text/spdx"),
            ),
            (
                r#"<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6">"#,
                Some("application/vnd.cyclonedx+xml"),
            ),
            (r#"{"bomFormat":"other"}"#, None),
            ("{", None),
            ("<html>", None),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(media_type(text.as_bytes()), wanted, "{text}");
        }
    }
}
