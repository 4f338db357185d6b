//! Whether a product is affected by vulnerabilities, in the words of `OpenVEX`.
//!
//! ```text
//! {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://openvex.dev/docs/example/vex-9fb3463de1b57",
//!  "author": "Wolfi J Inkinson", "timestamp": "2023-01-08T18:02:03.647787998-06:00", "version": 1,
//!  "statements": [{"vulnerability": {"name": "CVE-2014-123456"},
//!                  "products": [{"@id": "pkg:apk/distro/git@2.39.0-r1?arch=armv7"}],
//!                  "status": "not_affected", "justification": "component_not_present"}]}
//! ```
//! See the [OpenVEX specification](https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::PredicateError;
use crate::json::{FieldError, Object};
use crate::{Statement, limits};

/// The predicate type as cosign writes it.
pub const TYPE: &str = "https://openvex.dev/ns";

/// The predicate type with the version of the document.
pub const TYPE_V0_2: &str = "https://openvex.dev/ns/v0.2.0";

/// An `OpenVEX` document, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenVex {
    /// The URI of the document.
    pub id: String,
    /// Who says it, in its own words.
    pub author: String,
    /// When the document was issued.
    pub timestamp: Timestamp,
    /// When it was last changed.
    pub last_updated: Option<Timestamp>,
    /// Its version.
    pub version: u64,
    /// What it says, at least one.
    pub statements: Vec<VexStatement>,
}

/// What is said of one vulnerability in some products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VexStatement {
    /// The name of the vulnerability, such as `CVE-2014-123456`.
    pub vulnerability: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// The products; when there are none, the subjects of the in-toto statement.
    pub products: Vec<Product>,
    /// Whether they are affected.
    pub status: Status,
    /// Why not, in a word of `OpenVEX`.
    pub justification: Option<Justification>,
    /// Why not, in words of the author.
    pub impact: Option<String>,
    /// When this was known to be true: the statement's own time or the document's.
    pub timestamp: Timestamp,
}

/// A product, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Its URI, often a package URL.
    pub id: Option<String>,
    /// Other names, such as `purl` and `cpe23`.
    pub identifiers: BTreeMap<String, String>,
    /// Its digests under `OpenVEX`'s names, such as `sha-256`.
    pub hashes: BTreeMap<String, String>,
    /// The parts of it that are meant; none means the whole.
    pub subcomponents: Vec<Product>,
}

/// Whether a product is affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `not_affected`
    NotAffected,
    /// `affected`
    Affected,
    /// `fixed`
    Fixed,
    /// `under_investigation`
    UnderInvestigation,
}

/// Why a product is not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Justification {
    /// `component_not_present`
    ComponentNotPresent,
    /// `vulnerable_code_not_present`
    CodeNotPresent,
    /// `vulnerable_code_not_in_execute_path`
    CodeNotInExecutePath,
    /// `vulnerable_code_cannot_be_controlled_by_adversary`
    CodeNotControlledByAdversary,
    /// `inline_mitigations_already_exist`
    InlineMitigations,
}

impl Status {
    /// The word of the document.
    pub fn word(self) -> &'static str {
        word_of(self, STATUSES)
    }
}

impl Justification {
    /// The word of the document.
    pub fn word(self) -> &'static str {
        word_of(self, JUSTIFICATIONS)
    }
}

impl OpenVex {
    /// Reads the predicate. Fields that we do not know are ignored. Names of vulnerabilities and
    /// products may be plain strings, as before version 0.2.0.
    ///
    /// # Errors
    /// Another predicate type; a required field that is absent or empty; a context of another
    /// vocabulary; no statement; a status or justification that is not known; `not_affected` without
    /// a reason, `affected` without an action; a product without any name.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let found = statement.predicate_type();
        if found != TYPE && found != TYPE_V0_2 {
            return Err(PredicateError::Type {
                found: found.to_owned(),
                wanted: TYPE,
            });
        }
        let mut document = Object::new("predicate", statement.predicate().clone())?;
        let context = document.take_string("@context")?;
        if context != TYPE && !context.starts_with(CONTEXTS) {
            return Err(document
                .wrong_value(
                    "@context",
                    context,
                    "a context below https://openvex.dev/ns",
                )
                .into());
        }
        let timestamp = document.take_time("timestamp")?;
        let version = document.take_optional_int64("version")?;
        let statements = document.take_objects("statements", limits::PREDICATE_ITEMS)?;
        if statements.is_empty() {
            return Err(document.missing("statements").into());
        }
        Ok(Self {
            id: document.take_text("@id")?,
            author: document.take_text("author")?,
            timestamp,
            last_updated: document.take_optional_time("last_updated")?,
            version: version.ok_or_else(|| document.missing("version"))?,
            statements: statements
                .into_iter()
                .map(|it| vex_statement(it, timestamp))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn vex_statement(mut object: Object, issued: Timestamp) -> Result<VexStatement, PredicateError> {
    let (vulnerability, aliases) = vulnerability(&mut object)?;
    let status = object.take_one_of("status", STATUSES, "a status of OpenVEX")?;
    let justification = if object.has("justification") {
        let wanted = "a justification of OpenVEX";
        Some(object.take_one_of("justification", JUSTIFICATIONS, wanted)?)
    } else {
        None
    };
    let impact = object.take_optional_string("impact_statement")?;
    if status == Status::NotAffected && justification.is_none() && impact.is_none() {
        return Err(object.missing("justification").into());
    }
    if status == Status::Affected {
        object.take_string("action_statement")?;
    }
    let products = object.take_optional_array("products", limits::PREDICATE_ITEMS)?;
    Ok(VexStatement {
        vulnerability,
        aliases,
        products: products_of(&object.path_of("products"), products)?,
        status,
        justification,
        impact,
        timestamp: object.take_optional_time("timestamp")?.unwrap_or(issued),
    })
}

fn vulnerability(object: &mut Object) -> Result<(String, Vec<String>), PredicateError> {
    let at = object.path_of("vulnerability");
    let (name, aliases) = match object.take("vulnerability")? {
        Value::String(name) => (name, Vec::new()),
        other => {
            let mut object = Object::new(at.clone(), other)?;
            let aliases = object.take_optional_strings("aliases", limits::PREDICATE_ITEMS)?;
            (object.take_string("name")?, aliases)
        }
    };
    if name.is_empty() {
        return Err(nameless(at));
    }
    Ok((name, aliases))
}

fn products_of(at: &str, products: Vec<Value>) -> Result<Vec<Product>, PredicateError> {
    let numbered = products.into_iter().enumerate();
    numbered
        .map(|(index, value)| product(format!("{at}[{index}]"), value, true))
        .collect()
}

fn product(at: String, value: Value, may_have_parts: bool) -> Result<Product, PredicateError> {
    let product = match value {
        Value::String(id) => Product {
            id: Some(id),
            ..Product::default()
        },
        other => {
            let mut object = Object::new(at.clone(), other)?;
            let parts = if may_have_parts {
                object.take_optional_array("subcomponents", limits::PREDICATE_ITEMS)?
            } else {
                Vec::new()
            };
            let numbered = parts.into_iter().enumerate();
            let parts = numbered
                .map(|(index, it)| product(format!("{at}.subcomponents[{index}]"), it, false));
            Product {
                subcomponents: parts.collect::<Result<_, _>>()?,
                id: object.take_optional_string("@id")?,
                identifiers: texts(&mut object, "identifiers")?,
                hashes: texts(&mut object, "hashes")?,
            }
        }
    };
    let is_nameless = product.id.as_deref().unwrap_or_default().is_empty()
        && product.identifiers.is_empty()
        && product.hashes.is_empty();
    if is_nameless {
        return Err(nameless(at));
    }
    Ok(product)
}

fn texts(
    object: &mut Object,
    field: &'static str,
) -> Result<BTreeMap<String, String>, PredicateError> {
    let Some(texts) = object.take_optional_object(field)? else {
        return Ok(BTreeMap::new());
    };
    let at = texts.path().to_owned();
    let texts = texts
        .into_rest()
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            other => Err(FieldError::wrong_type(at.clone(), &other, "texts").into()),
        });
    texts.collect()
}

fn nameless(at: String) -> PredicateError {
    FieldError::Value {
        at,
        found: String::new(),
        wanted: "a name",
    }
    .into()
}

fn word_of<T: Copy + PartialEq>(meaning: T, words: &[(&'static str, T)]) -> &'static str {
    let found = words.iter().find(|(_, it)| *it == meaning);
    found.map_or("", |(word, _)| word)
}

const CONTEXTS: &str = "https://openvex.dev/ns/";

const STATUSES: &[(&str, Status)] = &[
    ("not_affected", Status::NotAffected),
    ("affected", Status::Affected),
    ("fixed", Status::Fixed),
    ("under_investigation", Status::UnderInvestigation),
];

const JUSTIFICATIONS: &[(&str, Justification)] = &[
    ("component_not_present", Justification::ComponentNotPresent),
    ("vulnerable_code_not_present", Justification::CodeNotPresent),
    (
        "vulnerable_code_not_in_execute_path",
        Justification::CodeNotInExecutePath,
    ),
    (
        "vulnerable_code_cannot_be_controlled_by_adversary",
        Justification::CodeNotControlledByAdversary,
    ),
    (
        "inline_mitigations_already_exist",
        Justification::InlineMitigations,
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::{refusals, statement};

    fn accepted() -> Value {
        json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://openvex.dev/docs/example/vex-9fb3463de1b57",
            "author": "Wolfi J Inkinson",
            "role": "Document Creator",
            "timestamp": "2023-01-08T18:02:03.647787998-06:00",
            "version": 1,
            "statements": [{
                "vulnerability": {"name": "CVE-2014-123456", "aliases": ["GHSA-x"]},
                "products": [{
                    "@id": "pkg:apk/distro/git@2.39.0-r1?arch=armv7",
                    "identifiers": {"purl": "pkg:apk/distro/git@2.39.0-r1"},
                    "hashes": {"sha-256": "00".repeat(32)},
                    "subcomponents": [{"@id": "pkg:apk/distro/zlib@1"}],
                }],
                "status": "not_affected",
                "justification": "component_not_present",
            }],
        })
    }

    #[test]
    fn a_document_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE,
            &accepted(),
            OpenVex::from_statement,
            &[
                ("/@context", None),
                ("/@context", Some(json!("https://openvex.dev/nsx"))),
                ("/@id", None),
                ("/author", None),
                ("/author", Some(json!(""))),
                ("/timestamp", None),
                ("/timestamp", Some(json!("2023-01-08"))),
                ("/version", None),
                ("/version", Some(json!("one"))),
                ("/statements", None),
                ("/statements", Some(json!([]))),
            ],
        );
    }

    #[test]
    fn a_statement_of_it_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE_V0_2,
            &accepted(),
            OpenVex::from_statement,
            &[
                ("/statements/0/vulnerability", None),
                ("/statements/0/vulnerability", Some(json!(""))),
                ("/statements/0/vulnerability", Some(json!({"@id": "x"}))),
                ("/statements/0/vulnerability", Some(json!({"name": ""}))),
                ("/statements/0/status", None),
                ("/statements/0/status", Some(json!("Fixed"))),
                ("/statements/0/status", Some(json!("affected"))),
                ("/statements/0/justification", None),
                ("/statements/0/justification", Some(json!("because"))),
                ("/statements/0/justification", Some(json!(null))),
                ("/statements/0/products", Some(json!([{}]))),
                ("/statements/0/products", Some(json!([""]))),
                ("/statements/0/products", Some(json!("pkg:a/b"))),
                (
                    "/statements/0/products",
                    Some(json!([{"@id": "a", "hashes": {"sha-256": 1}}])),
                ),
                (
                    "/statements/0/products",
                    Some(json!([{"@id": "a", "subcomponents": [{}]}])),
                ),
                ("/statements/0/timestamp", Some(json!("now"))),
            ],
        );
    }

    #[test]
    fn the_older_plain_names_are_read() {
        let mut old = accepted();
        old["@context"] = json!("https://openvex.dev/ns");
        old["version"] = json!("1");
        old["statements"][0]["vulnerability"] = json!("CVE-2014-123456");
        old["statements"][0]["products"] = json!(["pkg:apk/distro/git@2.39.0-r1?arch=armv7"]);
        old["statements"][0]["timestamp"] = json!("2023-02-01T00:00:00Z");
        let read = OpenVex::from_statement(&statement(TYPE, old)).unwrap();
        let [only] = &read.statements[..] else {
            panic!("{read:?}")
        };
        assert_eq!(only.vulnerability, "CVE-2014-123456");
        assert_eq!(only.timestamp.to_string(), "2023-02-01T00:00:00Z");
        assert_eq!(only.status.word(), "not_affected");
        assert_eq!(
            only.justification.map(Justification::word),
            Some("component_not_present")
        );
        let new = OpenVex::from_statement(&statement(TYPE, accepted())).unwrap();
        assert_eq!(new.statements[0].timestamp, new.timestamp);
        assert_eq!(new.statements[0].products[0].id, only.products[0].id);
    }
}
