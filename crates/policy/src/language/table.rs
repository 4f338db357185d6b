//! A table of tests for a policy: subjects with their evidence, and the answer that is expected.
//!
//! ```toml
//! version      = 1
//! policy       = "attest.policy.toml"
//! trusted_root = ["trusted_root.json"]
//!
//! [[case]]
//! name    = "tests failed"
//! subject = "app.tar.gz"
//! bundle  = ["failed.sigstore.json"]
//! at      = 2026-11-21T00:00:00Z
//! expect  = "no"
//! code    = "predicate-field-mismatch"
//! ```

use super::vocabulary::{CASE, TABLE};
use crate::limits;
use crate::toml::{Document, FileError, Item, Table};

/// A table of tests, read.
#[derive(Debug, Clone)]
pub struct TestTable {
    /// The policy's file, relative to the table.
    pub policy: String,
    /// Trusted roots, as `--trusted-root` takes them, files relative to the table.
    pub trusted_roots: Vec<String>,
    /// The cases.
    pub cases: Vec<TestCase>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// What is verified, relative to the table.
    pub subjects: Vec<String>,
    /// Bundles beside those that are found, relative to the table.
    pub bundles: Vec<String>,
    /// The folder of the links that a layout asks for, relative to the table.
    pub links: Option<String>,
    /// The repository of what was built, which rules about commits and tags ask for, relative to the table.
    pub source_repository: Option<String>,
    /// As of when, if not now.
    pub at: Option<String>,
    /// The exit code that is expected.
    pub exit: u8,
    /// A code that the answer must have.
    pub code: Option<String>,
}

impl TestTable {
    /// Reads a table.
    ///
    /// # Errors
    /// Where it is not TOML, has an unknown key, lacks one, or has no case: with line and column.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let document = Document::parse(text)?;
        let root = document.root();
        root.only(TABLE)?;
        let version = root.needs("version")?;
        if version.number()? != 1 {
            return Err(version.fault("version is not 1"));
        }
        let at = root.has("at").map(|it| it.time()).transpose()?;
        let list = root.needs("case")?;
        let items = list.items()?;
        if items.is_empty() {
            return Err(list.fault("there is no case: nothing would be tested"));
        }
        if items.len() > limits::TEST_CASES {
            return Err(list.fault(format!("more than {} cases", limits::TEST_CASES)));
        }
        let at = at.map(|it| it.to_string());
        let cases = items.iter().map(|item| case(&item.table()?, at.as_ref()));
        Ok(Self {
            policy: root.needs("policy")?.text()?.clean()?.to_owned(),
            trusted_roots: texts(root.has("trusted_root"))?,
            cases: cases.collect::<Result<_, _>>()?,
        })
    }
}

fn case(table: &Table<'_>, at: Option<&String>) -> Result<TestCase, FileError> {
    table.only(CASE)?;
    let expect = table.needs("expect")?;
    let exit = match expect.text()?.text {
        "yes" => 0,
        "no" => 1,
        "bad-request" => 2,
        "unknown" => 3,
        other => {
            let known = ["yes", "no", "bad-request", "unknown"];
            return Err(expect.unknown("answer", other, &known));
        }
    };
    let code = match table.has("code") {
        Some(item) if exit == 0 => return Err(item.fault("a yes has no code")),
        Some(item) => Some(item.text()?.clean()?.to_owned()),
        None if exit != 0 => {
            return Err(table.fault("code is missing: a case that is refused says with which code"));
        }
        None => None,
    };
    let subjects = texts(Some(table.needs("subject")?))?;
    if subjects.is_empty() {
        return Err(table.fault("a case has a subject"));
    }
    let own = table.has("at").map(|it| it.time()).transpose()?;
    Ok(TestCase {
        name: table.needs("name")?.text()?.clean()?.to_owned(),
        subjects,
        bundles: texts(table.has("bundle"))?,
        links: one(table.has("links"))?,
        source_repository: one(table.has("source_repository"))?,
        at: own.map(|it| it.to_string()).or_else(|| at.cloned()),
        exit,
        code,
    })
}

fn one(item: Option<Item<'_>>) -> Result<Option<String>, FileError> {
    match item {
        Some(item) => Ok(Some(item.text()?.clean()?.to_owned())),
        None => Ok(None),
    }
}

fn texts(item: Option<Item<'_>>) -> Result<Vec<String>, FileError> {
    let Some(item) = item else {
        return Ok(Vec::new());
    };
    let fields = item.texts_of()?;
    fields.iter().map(|it| Ok(it.clean()?.to_owned())).collect()
}
