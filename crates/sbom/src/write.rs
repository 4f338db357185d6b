//! `CycloneDX` 1.6, in JSON: RFC 8785 bytes, so that one content has one file.
//!
//! See [CycloneDX 1.6](https://cyclonedx.org/docs/1.6/json/).

use attest_digest::{Artifact, Hashes};
use attest_provenance::json::{CanonicalError, Value, canonical};
use serde_json::json;

use crate::bill::Bill;
use crate::component::{Component, Hash};

impl Bill {
    /// The bytes of the document. Its serial number is derived from everything else in it.
    ///
    /// # Errors
    /// None that a bill can bring about.
    pub fn to_cyclonedx(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut document = self.document();
        let digest = Artifact::of_bytes(&canonical(&document)?, Hashes::Sha256).sha256();
        if let (Value::Object(fields), Some(bytes)) =
            (&mut document, digest.as_bytes().first_chunk())
        {
            fields.insert("serialNumber".to_owned(), json!(serial_number(*bytes)));
        }
        canonical(&document)
    }

    fn document(&self) -> Value {
        let components: Vec<Value> = self
            .components
            .values()
            .map(|it| component(it, "library"))
            .collect();
        let mut document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": self.metadata(),
            "components": components,
            "dependencies": self.dependencies(),
        });
        if self.edges_incomplete {
            let untold = self
                .components
                .keys()
                .filter(|it| !self.edges.contains_key(*it));
            let untold: Vec<&String> = untold.collect();
            if !untold.is_empty() {
                put(
                    &mut document,
                    "compositions",
                    json!([{ "aggregate": "unknown", "dependencies": untold }]),
                );
            }
        }
        document
    }

    fn metadata(&self) -> Value {
        let mut root = component(&self.root, "application");
        if let Some(supplier) = &self.naming.supplier {
            put(&mut root, "supplier", json!({ "name": supplier }));
        }
        let mut metadata = json!({
            "component": root,
            "lifecycles": [{ "phase": "pre-build" }],
            "tools": { "components": [{
                "type": "application", "name": "attest", "version": self.naming.tool_version,
            }]},
        });
        if let Some(time) = self.naming.time {
            put(&mut metadata, "timestamp", json!(time.to_string()));
        }
        if let Some(author) = &self.naming.author {
            put(&mut metadata, "authors", json!([{ "name": author }]));
        }
        metadata
    }

    fn dependencies(&self) -> Vec<Value> {
        let known = |it: &&String| **it == self.root.reference || self.components.contains_key(*it);
        let edges = self.edges.iter().filter(|(from, _)| known(from));
        edges
            .map(|(from, to)| {
                let to: Vec<&String> = to.iter().filter(known).collect();
                json!({ "ref": from, "dependsOn": to })
            })
            .collect()
    }
}

fn component(of: &Component, kind: &str) -> Value {
    let (group, name) = match of.name.split_once('/') {
        Some((group, name)) if group.starts_with('@') => (Some(group), name),
        _ => (None, of.name.as_str()),
    };
    let mut value = json!({ "type": kind, "bom-ref": of.reference, "name": name });
    let mut set = |key: &str, of: Value| put(&mut value, key, of);
    if let Some(group) = group {
        set("group", json!(group));
    }
    if let Some(version) = &of.version {
        set("version", json!(version));
    }
    if let Some(purl) = &of.purl {
        set("purl", json!(purl));
    }
    if let (Some(scope), "library") = (of.scope, kind) {
        set("scope", json!(scope.word()));
    }
    if !of.hashes.is_empty() {
        set("hashes", hashes(of.hashes.iter()));
    }
    if let Some(licence) = &of.licence {
        set("licenses", licences(licence));
    }
    let files: Vec<Value> = of
        .files
        .iter()
        .map(|file| {
            let mut reference = json!({ "type": "distribution", "url": file.url });
            if !file.hashes.is_empty() {
                put(&mut reference, "hashes", hashes(file.hashes.iter()));
            }
            reference
        })
        .collect();
    if !files.is_empty() {
        set("externalReferences", json!(files));
    }
    let mut properties: Vec<Value> = of
        .properties
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    if of.is_local {
        properties.push(json!({ "name": "attest:local", "value": "true" }));
    }
    if !properties.is_empty() {
        set("properties", json!(properties));
    }
    value
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(key.to_owned(), value);
    }
}

fn hashes<'h>(all: impl Iterator<Item = &'h Hash>) -> Value {
    all.filter_map(|it| Some(json!({ "alg": it.cyclonedx_name()?, "content": it.value })))
        .collect()
}

/// A licence that we know is given by its identifier, or as an expression of those; any other by its name.
fn licences(text: &str) -> Value {
    if LICENCES.contains(&text) {
        return json!([{ "license": { "id": text } }]);
    }
    let parts = text.split([' ', '(', ')']).filter(|it| !it.is_empty());
    let known = parts.clone().count() > 1
        && parts.enumerate().all(|(at, it)| match it {
            "AND" | "OR" => at > 0,
            it => LICENCES.contains(&it.trim_end_matches('+')),
        });
    let balanced = text.matches('(').count() == text.matches(')').count();
    let doubled = text.replace(['(', ')'], " ");
    let alternates = doubled
        .split_whitespace()
        .enumerate()
        .all(|(at, it)| matches!(it, "AND" | "OR") == (at % 2 == 1));
    let alternates = alternates && doubled.split_whitespace().count() % 2 == 1;
    if known && balanced && alternates {
        return json!([{ "expression": text }]);
    }
    json!([{ "license": { "name": text } }])
}

/// RFC 9562: version 8, whose content is ours to choose.
fn serial_number(mut bytes: [u8; 16]) -> String {
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    format!("urn:uuid:{}", parts.join("-"))
}

/// Identifiers of SPDX that lock files of npm have; what is not here is given by its name.
const LICENCES: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ISC",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OFL-1.1",
    "PSF-2.0",
    "Python-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "WTFPL",
    "Zlib",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_is_none_of_spdx_is_a_name() {
        for (text, wanted) in [
            ("MIT", r#"[{"license":{"id":"MIT"}}]"#),
            ("(MIT OR CC0-1.0)", r#"[{"expression":"(MIT OR CC0-1.0)"}]"#),
            ("UNLICENSED", r#"[{"license":{"name":"UNLICENSED"}}]"#),
            (
                "SEE LICENSE IN x",
                r#"[{"license":{"name":"SEE LICENSE IN x"}}]"#,
            ),
            ("MIT OR", r#"[{"license":{"name":"MIT OR"}}]"#),
            ("MIT ISC", r#"[{"license":{"name":"MIT ISC"}}]"#),
            ("(MIT OR ISC", r#"[{"license":{"name":"(MIT OR ISC"}}]"#),
        ] {
            assert_eq!(licences(text).to_string(), wanted);
        }
    }

    #[test]
    fn a_serial_number_is_a_uuid_of_version_8() {
        let text = serial_number([0xff; 16]);
        assert_eq!(text, "urn:uuid:ffffffff-ffff-8fff-bfff-ffffffffffff");
    }
}
