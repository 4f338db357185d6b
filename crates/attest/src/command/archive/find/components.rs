//! The components that a bill of materials names: of `CycloneDX` and SPDX 2, as far as finding needs them.

use attest_provenance::json;
use serde_json::Value;

/// A component that is asked for.
pub(super) enum Query {
    /// A package URL: with its version exactly that, without one any.
    Purl(String),
    /// A name.
    Name(String),
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        if text.starts_with("pkg:") {
            Self::Purl(text.to_owned())
        } else {
            Self::Name(text.to_owned())
        }
    }

    fn is(&self, name: Option<&str>, purl: Option<&str>) -> bool {
        match self {
            Self::Name(wanted) => name == Some(wanted),
            Self::Purl(wanted) => purl.is_some_and(|purl| {
                // After it stand a version, qualifiers, a path, or nothing.
                let rest = purl.strip_prefix(wanted.as_str());
                rest.is_some_and(|it| it.is_empty() || it.starts_with(['@', '?', '#']))
            }),
        }
    }
}

/// The components that are asked for, each as `purl`, or as `name version` where it has none.
pub(super) fn matching(bytes: &[u8], query: &Query) -> Result<Vec<String>, String> {
    let limits = json::Limits {
        bytes: usize::try_from(SBOM_BYTES).unwrap_or(usize::MAX),
        depth: DEPTH,
    };
    let sbom = json::parse(bytes, limits).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    if sbom.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX") {
        let root = sbom.pointer("/metadata/component");
        cyclonedx(root.into_iter(), query, &mut found);
        cyclonedx(items(&sbom, "components"), query, &mut found);
    } else if sbom.get("spdxVersion").is_some() {
        items(&sbom, "packages").for_each(|it| spdx(it, query, &mut found));
    } else {
        return Err("it is neither CycloneDX nor SPDX 2 in JSON".to_owned());
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Components can hold components; the nesting is bounded by that of the document.
fn cyclonedx<'v>(
    components: impl Iterator<Item = &'v Value>,
    query: &Query,
    found: &mut Vec<String>,
) {
    for component in components {
        let text = |field| component.get(field).and_then(Value::as_str);
        // The group is part of the name that people use: `@scope/name`, `org/name`.
        let name = match (text("group"), text("name")) {
            (Some(group), Some(name)) if !group.is_empty() => Some(format!("{group}/{name}")),
            (_, name) => name.map(str::to_owned),
        };
        if query.is(name.as_deref(), text("purl")) || query.is(text("name"), None) {
            found.push(shown(name.as_deref(), text("version"), text("purl")));
        }
        let inner: Vec<&Value> = items(component, "components").collect();
        cyclonedx(inner.into_iter(), query, found);
    }
}

fn spdx(package: &Value, query: &Query, found: &mut Vec<String>) {
    let text = |field| package.get(field).and_then(Value::as_str);
    let purl = items(package, "externalRefs")
        .filter(|it| it.get("referenceType").and_then(Value::as_str) == Some("purl"))
        .find_map(|it| it.get("referenceLocator").and_then(Value::as_str));
    if query.is(text("name"), purl) {
        found.push(shown(text("name"), text("versionInfo"), purl));
    }
}

fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.get(field).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn shown(name: Option<&str>, version: Option<&str>, purl: Option<&str>) -> String {
    match purl {
        Some(purl) => purl.to_owned(),
        None => [name, version]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Bytes of a bill of materials that is searched.
pub(super) const SBOM_BYTES: u64 = 64 << 20;
const DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLONEDX: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": {"component": {"name": "app", "version": "1"}},
        "components": [
            {"name": "lodash", "version": "4.17.21", "purl": "pkg:npm/lodash@4.17.21"},
            {"name": "lodash-es", "version": "4", "purl": "pkg:npm/lodash-es@4", "components": [
                {"group": "@babel", "name": "core", "version": "7", "purl": "pkg:npm/%40babel/core@7"}]}]}"#;
    const SPDX: &str = r#"{"spdxVersion": "SPDX-2.3", "packages": [
        {"name": "serde", "versionInfo": "1.0.1", "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
             "referenceLocator": "pkg:cargo/serde@1.0.1"}]},
        {"name": "zlib", "versionInfo": "1.3"}]}"#;

    fn find(sbom: &str, query: &str) -> Vec<String> {
        matching(sbom.as_bytes(), &Query::new(query)).unwrap()
    }

    #[test]
    fn a_component_is_found_by_its_name_and_by_its_package_url() {
        assert_eq!(find(CYCLONEDX, "lodash"), ["pkg:npm/lodash@4.17.21"]);
        assert_eq!(
            find(CYCLONEDX, "pkg:npm/lodash"),
            ["pkg:npm/lodash@4.17.21"]
        );
        assert_eq!(find(CYCLONEDX, "pkg:npm/lodash@4.17.21").len(), 1);
        assert_eq!(find(CYCLONEDX, "@babel/core"), ["pkg:npm/%40babel/core@7"]);
        assert_eq!(find(CYCLONEDX, "core"), ["pkg:npm/%40babel/core@7"]);
        assert_eq!(find(CYCLONEDX, "app"), ["app 1"]);
        assert_eq!(find(SPDX, "pkg:cargo/serde"), ["pkg:cargo/serde@1.0.1"]);
        assert_eq!(find(SPDX, "zlib"), ["zlib 1.3"]);
    }

    #[test]
    fn another_version_and_a_longer_name_are_not_it() {
        for query in [
            "pkg:npm/lodash@4.17.2",
            "pkg:npm/lod",
            "lod",
            "pkg:npm/lodash-e",
        ] {
            assert!(find(CYCLONEDX, query).is_empty(), "{query}");
        }
    }

    #[test]
    fn what_is_no_bill_of_materials_is_an_error_and_not_empty() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}"#,
        ] {
            assert!(
                matching(text.as_bytes(), &Query::new("x")).is_err(),
                "{text}"
            );
        }
    }
}
