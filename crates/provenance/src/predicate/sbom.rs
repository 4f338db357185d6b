//! Bills of materials: only what tells which document it is. Its content is its own format's.
//!
//! See [CycloneDX](https://cyclonedx.org/specification/overview/) and
//! [SPDX](https://spdx.github.io/spdx-spec/).

use serde_json::Value;

use super::PredicateError;
use crate::Statement;
use crate::json::Object;

/// The predicate type of `CycloneDX`.
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";

/// The predicate type of SPDX.
pub const SPDX: &str = "https://spdx.dev/Document";

/// A bill of materials, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedBom {
    /// The format.
    pub format: BomFormat,
    /// The version of the format, such as `1.6` or `SPDX-2.3`.
    pub version: String,
    /// What tells the document from others: `CycloneDX`'s serial number, SPDX's namespace.
    pub id: Option<String>,
    /// The name of what it describes, or of the document.
    pub name: Option<String>,
    /// How many components, packages or elements it lists.
    pub components: usize,
}

/// A format of bills of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BomFormat {
    /// `CycloneDX` in JSON.
    CycloneDx,
    /// SPDX 2 in JSON.
    Spdx2,
    /// SPDX 3 in JSON-LD.
    Spdx3,
}

impl ClaimedBom {
    /// Whether a predicate type is one of a bill of materials: with or without a version.
    pub fn is_type(predicate_type: &str) -> bool {
        of_family(predicate_type, CYCLONEDX) || of_family(predicate_type, SPDX)
    }

    /// Reads what tells which document it is.
    ///
    /// # Errors
    /// Another predicate type, or a document that does not say that it is of the format.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let found = statement.predicate_type();
        let document = Object::new("predicate", statement.predicate().clone())?;
        if of_family(found, CYCLONEDX) {
            return cyclonedx(document);
        }
        if !of_family(found, SPDX) {
            return Err(PredicateError::Type {
                found: found.to_owned(),
                wanted: CYCLONEDX,
            });
        }
        if document.has("spdxVersion") {
            return spdx2(document);
        }
        spdx3(document)
    }
}

fn cyclonedx(mut document: Object) -> Result<ClaimedBom, PredicateError> {
    document.take_one_of("bomFormat", &[("CycloneDX", ())], "CycloneDX")?;
    let metadata = document.take_optional("metadata").unwrap_or_default();
    let name = metadata.pointer("/component/name").and_then(Value::as_str);
    Ok(ClaimedBom {
        format: BomFormat::CycloneDx,
        version: document.take_text("specVersion")?,
        id: document.take_optional_string("serialNumber")?,
        name: name.map(str::to_owned),
        components: count(document.take_optional("components")),
    })
}

fn spdx2(mut document: Object) -> Result<ClaimedBom, PredicateError> {
    document.take_one_of("SPDXID", &[("SPDXRef-DOCUMENT", ())], "SPDXRef-DOCUMENT")?;
    let version = document.take_text("spdxVersion")?;
    if !version.starts_with("SPDX-2.") {
        let wanted = "a version SPDX-2.x";
        return Err(document.wrong_value("spdxVersion", version, wanted).into());
    }
    Ok(ClaimedBom {
        format: BomFormat::Spdx2,
        version,
        id: Some(document.take_text("documentNamespace")?),
        name: Some(document.take_string("name")?),
        components: count(document.take_optional("packages")),
    })
}

/// One JSON-LD document; its elements are in `@graph`, and the creation information of any of them says
/// the version.
fn spdx3(mut document: Object) -> Result<ClaimedBom, PredicateError> {
    let context = document.take_text("@context")?;
    if !context.starts_with(SPDX3_CONTEXTS) {
        let wanted = "a context of SPDX 3";
        return Err(document.wrong_value("@context", context, wanted).into());
    }
    let graph = document.take_array("@graph", usize::MAX)?;
    let text = |element: &Value, field: &str| {
        let text = element.get(field).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    let of_type = |wanted: &str| {
        let mut elements = graph.iter();
        elements.find(|it| text(it, "type").as_deref() == Some(wanted))
    };
    let version = of_type("CreationInfo").and_then(|it| text(it, "specVersion"));
    let described = of_type("SpdxDocument");
    Ok(ClaimedBom {
        format: BomFormat::Spdx3,
        version: version.ok_or_else(|| document.missing("@graph"))?,
        id: described.and_then(|it| text(it, "spdxId")),
        name: described.and_then(|it| text(it, "name")),
        components: graph.len(),
    })
}

/// The URI itself, or one with a version behind it.
fn of_family(found: &str, uri: &str) -> bool {
    let rest = found.strip_prefix(uri);
    rest.is_some_and(|rest| {
        let version = rest.strip_prefix("/v");
        rest.is_empty()
            || version.is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()))
    })
}

fn count(items: Option<Value>) -> usize {
    match items {
        Some(Value::Array(items)) => items.len(),
        _ => 0,
    }
}

const SPDX3_CONTEXTS: &str = "https://spdx.org/rdf/3.";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::{refusals, statement};

    #[test]
    fn documents_of_another_format_are_refused() {
        let cyclonedx = json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:1", "version": 1,
            "metadata": {"component": {"name": "hello"}}, "components": [{}, {}],
        });
        let read = ClaimedBom::from_statement(&statement(CYCLONEDX, cyclonedx.clone())).unwrap();
        assert_eq!((read.components, read.name.as_deref()), (2, Some("hello")));
        refusals(
            CYCLONEDX,
            &cyclonedx,
            ClaimedBom::from_statement,
            &[
                ("/bomFormat", None),
                ("/bomFormat", Some(json!("SPDX"))),
                ("/specVersion", None),
            ],
        );
        let spdx = json!({
            "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "hello",
            "documentNamespace": "https://example.com/hello-1", "packages": [{}],
        });
        refusals(
            "https://spdx.dev/Document/v2.3",
            &spdx,
            ClaimedBom::from_statement,
            &[
                ("/SPDXID", None),
                ("/spdxVersion", Some(json!("2.3"))),
                ("/documentNamespace", None),
                ("/spdxVersion", None),
            ],
        );
        let spdx3 = json!({
            "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
            "@graph": [{"type": "CreationInfo", "specVersion": "3.0.1"},
                       {"type": "SpdxDocument", "spdxId": "https://example.com/1", "name": "hello"}],
        });
        refusals(
            SPDX,
            &spdx3,
            ClaimedBom::from_statement,
            &[
                ("/@context", None),
                ("/@context", Some(json!("https://schema.org/"))),
                ("/@graph", Some(json!([]))),
            ],
        );
    }

    #[test]
    fn a_type_of_the_family_has_a_version_or_none() {
        for (uri, wanted) in [
            (CYCLONEDX, true),
            ("https://cyclonedx.org/bom/v1.4", true),
            ("https://cyclonedx.org/bomb", false),
            ("https://cyclonedx.org/bom/vex", false),
            ("https://spdx.dev/Document/v3", true),
            ("https://spdx.dev/Document2", false),
        ] {
            assert_eq!(ClaimedBom::is_type(uri), wanted, "{uri}");
        }
    }
}
