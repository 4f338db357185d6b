//! What a registry of packages says of one that was published there.
//!
//! npm's is the registry's own word, `PyPI`'s that of the publisher whom the registry trusts:
//!
//! ```text
//! {"name":"sigstore","version":"2.3.1","registry":"https://registry.npmjs.org"}
//! ```
//! See [npm's publish attestation](https://github.com/npm/attestation/tree/main/specs/publish/v0.1) and
//! [PEP 740](https://peps.python.org/pep-0740/).

use super::{PredicateError, refuse_other_type};
use crate::Statement;
use crate::json::Object;

/// npm's predicate type.
pub const NPM: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";

/// `PyPI`'s predicate type.
pub const PYPI: &str = "https://docs.pypi.org/attestations/publish/v1";

/// A package that was published, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    subject: String,
}

impl Published {
    /// Reads either kind.
    ///
    /// # Errors
    /// Another predicate type; not exactly one subject with a name; for npm a package URL that is
    /// not that of the name and version in the predicate, or a field that we do not know; for `PyPI` a
    /// predicate that says anything, or a name that is no file's.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let [subject] = statement.subjects() else {
            return Err(PredicateError::Package);
        };
        let subject = subject.name().ok_or(PredicateError::Package)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        if statement.predicate_type() == PYPI {
            predicate.finish()?;
            if subject.is_empty() || subject.contains(['/', '\\']) {
                return Err(PredicateError::Package);
            }
        } else {
            refuse_other_type(statement, NPM)?;
            let name = predicate.take_string("name")?;
            let version = predicate.take_string("version")?;
            predicate.take_string("registry")?;
            predicate.finish()?;
            if name.is_empty() || version.is_empty() || subject != purl(&name, &version) {
                return Err(PredicateError::Package);
            }
        }
        Ok(Self {
            subject: subject.to_owned(),
        })
    }

    /// The package: npm's package URL, `PyPI`'s file name.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// As npm writes it: the `@` of a scope is encoded, the slash behind the scope is not.
fn purl(name: &str, version: &str) -> String {
    let name = match name.strip_prefix('@') {
        Some(scoped) => format!("%40{scoped}"),
        None => name.to_owned(),
    };
    format!("pkg:npm/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn statement(kind: &str, name: &str, predicate: &Value) -> Statement {
        let text = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha512": "00".repeat(64)}}],
            "predicateType": kind,
            "predicate": predicate,
        });
        Statement::parse(text.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_package_is_the_one_that_the_predicate_names() {
        let predicate =
            json!({"name": "@a/b", "version": "1.0.0", "registry": "https://r.example"});
        let good = statement(NPM, "pkg:npm/%40a/b@1.0.0", &predicate);
        let published = Published::from_statement(&good).unwrap();
        assert_eq!(published.subject(), "pkg:npm/%40a/b@1.0.0");
        for other in [
            "pkg:npm/%40a/c@1.0.0",
            "pkg:npm/@a/b@1.0.0",
            "pkg:npm/%40a/b@1.0.1",
            "b",
        ] {
            let other = statement(NPM, other, &predicate);
            let refused = Published::from_statement(&other).unwrap_err();
            assert_eq!(refused.code(), "predicate-malformed");
        }
        let mut more = predicate;
        more["more"] = json!(1);
        assert!(Published::from_statement(&statement(NPM, "pkg:npm/%40a/b@1.0.0", &more)).is_err());
    }

    #[test]
    fn a_distribution_is_a_file_name_and_nothing_is_said_of_it() {
        let good = statement(PYPI, "a-1.0.whl", &Value::Null);
        assert_eq!(
            Published::from_statement(&good).unwrap().subject(),
            "a-1.0.whl"
        );
        assert!(Published::from_statement(&statement(PYPI, "../a-1.0.whl", &Value::Null)).is_err());
        assert!(Published::from_statement(&statement(PYPI, "a", &json!({"x": 1}))).is_err());
        assert!(Published::from_statement(&statement("x", "a", &json!({}))).is_err());
    }
}
