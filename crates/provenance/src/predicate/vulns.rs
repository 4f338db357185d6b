//! Which known vulnerabilities a scanner found.
//!
//! ```text
//! {"scanner": {"uri": "pkg:github/aquasecurity/trivy@0.19.2", "version": "0.19.2",
//!              "db": {"uri": "…", "version": "v1", "lastUpdate": "2021-08-06T17:45:50.52Z"},
//!              "result": [{"id": "CVE-123", "severity": [{"method": "nvd", "score": "medium"}]}]},
//!  "metadata": {"scanStartedOn": "2021-08-06T17:45:50.52Z", "scanFinishedOn": "2021-08-06T17:50:50.52Z"}}
//! ```
//! See in-toto's [vulns](https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md);
//! cosign's older type, whose result is the scanner's own document, is [`CosignVuln`].

use jiff::Timestamp;
use serde_json::Value;

use super::{PredicateError, refuse_other_type};
use crate::json::Object;
use crate::{Statement, limits};

/// The predicate type of version 0.1.
pub const TYPE_V0_1: &str = "https://in-toto.io/attestation/vulns/v0.1";

/// The predicate type of version 0.2.
pub const TYPE: &str = "https://in-toto.io/attestation/vulns/v0.2";

/// cosign's predicate type.
pub const COSIGN_TYPE: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

/// A scan for vulnerabilities, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vulns {
    /// The scanner.
    pub scanner_uri: String,
    /// Its version.
    pub scanner_version: Option<String>,
    /// The database that it asked.
    pub database_uri: Option<String>,
    /// The version of the database.
    pub database_version: Option<String>,
    /// When the database was last updated.
    pub database_updated: Timestamp,
    /// What was found; empty says that there is nothing.
    pub findings: Vec<Finding>,
    /// When the scan began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// One vulnerability that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name, such as `CVE-2017-5645`.
    pub id: String,
    /// How severe it is, by one or more methods; none says nothing.
    pub severities: Vec<Severity>,
}

/// How severe a vulnerability is, by one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severity {
    /// The method, such as `nvd` or `cvss_score`.
    pub method: String,
    /// Its word or number, such as `medium` or `5.2`.
    pub score: String,
}

impl Vulns {
    /// Reads the predicate of either version. Fields that we do not know are ignored. Version 0.1
    /// describes a finding as `{"vulnerability": {…}}` and shows it without; both are read there.
    ///
    /// # Errors
    /// Another predicate type, or a required field that is absent, empty or malformed.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let found = statement.predicate_type();
        if found != TYPE && found != TYPE_V0_1 {
            return Err(PredicateError::Type {
                found: found.to_owned(),
                wanted: TYPE,
            });
        }
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let mut scanner = predicate.take_object("scanner")?;
        let mut database = scanner.take_object("db")?;
        let mut metadata = predicate.take_object("metadata")?;
        let findings = scanner
            .take_objects("result", limits::PREDICATE_ITEMS)?
            .into_iter()
            .map(|it| finding(it, found == TYPE_V0_1))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            scanner_uri: scanner.take_text("uri")?,
            scanner_version: scanner.take_optional_string("version")?,
            database_uri: database.take_optional_string("uri")?,
            database_version: database.take_optional_string("version")?,
            database_updated: database.take_time("lastUpdate")?,
            findings,
            started: metadata.take_time("scanStartedOn")?,
            finished: metadata.take_time("scanFinishedOn")?,
        })
    }
}

fn finding(mut object: Object, may_be_nested: bool) -> Result<Finding, PredicateError> {
    if may_be_nested && object.has("vulnerability") {
        object = object.take_object("vulnerability")?;
    }
    let severities = object.take_objects("severity", limits::PREDICATE_ITEMS)?;
    let severities = severities.into_iter().map(|mut it| {
        Ok(Severity {
            method: it.take_text("method")?,
            score: it.take_text("score")?,
        })
    });
    Ok(Finding {
        severities: severities.collect::<Result<_, PredicateError>>()?,
        id: object.take_text("id")?,
    })
}

/// A scan in cosign's older form, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignVuln {
    /// The scanner.
    pub scanner_uri: String,
    /// Its version.
    pub scanner_version: Option<String>,
    /// The scanner's own document, whatever its form.
    pub result: Value,
    /// When the scan began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

impl CosignVuln {
    /// Reads the predicate. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; no scanner, no result, or a malformed time.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, COSIGN_TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let mut scanner = predicate.take_object("scanner")?;
        let mut metadata = predicate.take_optional_object("metadata")?;
        let mut time = |field| match &mut metadata {
            Some(metadata) => metadata.take_optional_time(field),
            None => Ok(None),
        };
        Ok(Self {
            scanner_uri: scanner.take_text("uri")?,
            scanner_version: scanner.take_optional_string("version")?,
            result: scanner.take("result")?,
            started: time("scanStartedOn")?,
            finished: time("scanFinishedOn")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::{refusals, statement};

    fn accepted() -> Value {
        json!({
            "invocation": {"parameters": null},
            "scanner": {
                "uri": "pkg:github/aquasecurity/trivy@0.19.2",
                "version": "0.19.2",
                "db": {"uri": "pkg:github/aquasecurity/trivy-db", "version": "v1", "lastUpdate": "2021-08-06T17:45:50.52Z"},
                "result": [{"id": "CVE-123", "severity": [
                    {"method": "nvd", "score": "medium"}, {"method": "cvss_score", "score": "5.2"},
                ]}],
            },
            "metadata": {"scanStartedOn": "2021-08-06T17:45:50.52Z", "scanFinishedOn": "2021-08-06T17:50:50.52Z"},
        })
    }

    #[test]
    fn a_scan_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE,
            &accepted(),
            Vulns::from_statement,
            &[
                ("/scanner", None),
                ("/metadata", None),
                ("/scanner/uri", Some(json!(""))),
                ("/scanner/uri", Some(json!(null))),
                ("/scanner/db", Some(json!({}))),
                ("/scanner/db", Some(json!({"lastUpdate": ""}))),
                ("/scanner/result", Some(json!(null))),
                ("/scanner/result", Some(json!({}))),
                ("/scanner/result", Some(json!([{}]))),
                ("/scanner/result", Some(json!([{"id": "CVE-1"}]))),
                ("/scanner/result", Some(json!([{"severity": []}]))),
                ("/scanner/result", Some(json!([{"id": "", "severity": []}]))),
                (
                    "/scanner/result",
                    Some(json!([{"id": "CVE-1", "severity": [{"method": "nvd"}]}])),
                ),
                (
                    "/scanner/result",
                    Some(json!([{"id": "CVE-1", "severity": [{"score": "high"}]}])),
                ),
                (
                    "/scanner/result",
                    Some(json!([{"id": "CVE-1", "severity": [{"method": "cvss", "score": 5.2}]}])),
                ),
                (
                    "/scanner/result",
                    Some(json!([{"vulnerability": {"id": "CVE-1", "severity": []}}])),
                ),
                (
                    "/metadata",
                    Some(json!({"scanStartedOn": "2021-08-06T17:45:50.52Z"})),
                ),
            ],
        );
    }

    #[test]
    fn both_forms_of_the_first_version_are_read() {
        let read = Vulns::from_statement(&statement(TYPE, accepted())).unwrap();
        assert_eq!(read.findings[0].severities[1].score, "5.2");
        let flat = Vulns::from_statement(&statement(TYPE_V0_1, accepted())).unwrap();
        assert_eq!(flat, read);
        let mut nested = accepted();
        nested["scanner"]["result"] =
            json!([{"vulnerability": accepted()["scanner"]["result"][0]}]);
        let nested = Vulns::from_statement(&statement(TYPE_V0_1, nested)).unwrap();
        assert_eq!(nested, read);
    }

    #[test]
    fn cosigns_form_is_read() {
        let scan = || {
            json!({
                "invocation": {"parameters": null, "uri": "", "event_id": "", "builder.id": ""},
                "scanner": {"uri": "pkg:github/aquasecurity/trivy@0.40", "version": "0.40",
                            "db": {"uri": "", "version": ""}, "result": {"SchemaVersion": 2}},
                "metadata": {"scanStartedOn": "2021-08-06T17:45:50.52Z", "scanFinishedOn": "2021-08-06T17:50:50.52Z"},
            })
        };
        let read = CosignVuln::from_statement(&statement(COSIGN_TYPE, scan())).unwrap();
        assert_eq!(read.result, json!({"SchemaVersion": 2}));
        refusals(
            COSIGN_TYPE,
            &scan(),
            CosignVuln::from_statement,
            &[
                ("/scanner", None),
                ("/scanner", Some(json!({"uri": "x"}))),
                ("/scanner", Some(json!({"result": {}}))),
                ("/metadata", Some(json!({"scanFinishedOn": "now"}))),
            ],
        );
    }
}
