//! `attest policy test`: cases with their expected answers. Each is asked as `attest verify` would be.

use std::path::{Path, PathBuf};

use attest_policy::{TestCase, TestTable};
use clap::Args;
use serde_json::{Value, json};

use super::asked;
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::report::{Report, Verdict};
use crate::words::counted;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Tables of tests, or folders with tables that are called *.test.toml
    #[arg(required = true, value_name = "TABLE|DIR")]
    tables: Vec<PathBuf>,
}

/// What came of a case.
struct Ran {
    table: PathBuf,
    case: TestCase,
    exit: u8,
    codes: Vec<String>,
}

impl Ran {
    fn is_as_expected(&self) -> bool {
        let code = self.case.code.as_ref();
        self.exit == self.case.exit && code.is_none_or(|it| self.codes.contains(it))
    }

    /// What was expected and what came.
    fn words(&self) -> String {
        let codes = if self.codes.is_empty() {
            "no code".to_owned()
        } else {
            self.codes.join(", ")
        };
        let wanted = self
            .case
            .code
            .as_ref()
            .map(|it| format!(" with {it}"))
            .unwrap_or_default();
        format!(
            "found exit {} with {codes}, wanted exit {}{wanted}",
            self.exit, self.case.exit
        )
    }
}

pub(super) fn run(args: &TestArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let mut tables = Vec::new();
    for place in &args.tables {
        tables.extend(tables_in(place)?);
    }
    let mut ran = Vec::new();
    for path in tables {
        let table = read(&path)?;
        for case in table.cases.clone() {
            ran.push(run_case(&path, &table, case, global));
        }
    }
    let wrong: Vec<&Ran> = ran.iter().filter(|it| !it.is_as_expected()).collect();
    let exit = if wrong.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    if console.is_json() {
        let cases: Vec<Value> = ran.iter().map(described).collect();
        console.json(&json!({
            "version": 1, "command": "policy test", "answer": exit.word(), "exit": exit.number(),
            "cases": cases,
        }));
        return Ok(exit);
    }
    for one in &ran {
        let word = if one.is_as_expected() { "ok  " } else { "FAIL" };
        let table = one.table.display().to_string();
        console.say(format_args!(
            "{word}  {}: {}",
            escape(&table),
            escape(&one.case.name)
        ));
    }
    if let Some(first) = wrong.first() {
        let many = counted(ran.len(), "case");
        let message = format!(
            "{} of {many}; first {:?}: {}",
            wrong.len(),
            first.case.name,
            first.words()
        );
        return Err(Failure::no("policy-test-failed", message));
    }
    console.say(format_args!("{} as expected", counted(ran.len(), "case")));
    Ok(exit)
}

fn described(ran: &Ran) -> Value {
    json!({
        "table": ran.table.display().to_string(),
        "case": ran.case.name,
        "answer": if ran.is_as_expected() { "yes" } else { "no" },
        "exit": { "found": ran.exit, "wanted": ran.case.exit },
        "code": { "found": ran.codes, "wanted": ran.case.code },
    })
}

fn tables_in(place: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let unreadable = |error: std::io::Error| {
        Failure::request(
            "policy-test-malformed",
            format!("{}: {error}", place.display()),
        )
    };
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(place).map_err(unreadable)? {
        let path = place.join(entry.map_err(unreadable)?.file_name());
        let name = path.file_name().and_then(|it| it.to_str());
        if name.is_some_and(|it| it.ends_with(".test.toml")) {
            tables.push(path);
        }
    }
    tables.sort();
    if tables.is_empty() {
        let message = format!(
            "{} has no *.test.toml: nothing would be tested",
            place.display()
        );
        return Err(Failure::request("policy-test-malformed", message));
    }
    Ok(tables)
}

fn read(path: &Path) -> Result<TestTable, Failure> {
    let refuse = |problem: String| {
        Failure::request(
            "policy-test-malformed",
            format!("{}{problem}", path.display()),
        )
    };
    let limit = attest_policy::limits::POLICY_BYTES as u64;
    let bytes = files::read_limited(path, limit).map_err(|error| refuse(format!(": {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refuse(": not UTF-8".to_owned()))?;
    TestTable::parse(text).map_err(|error| {
        refuse(format!(
            ":{}:{}: {}",
            error.line(),
            error.column(),
            error.problem()
        ))
    })
}

fn run_case(path: &Path, table: &TestTable, case: TestCase, global: &Global) -> Ran {
    let folder = files::folder_of(path);
    let at = |name: &String| folder.join(name).display().to_string();
    let mut flags = vec!["--policy".to_owned(), at(&table.policy)];
    for root in &table.trusted_roots {
        let root = if root.starts_with('@') {
            root.clone()
        } else {
            at(root)
        };
        flags.extend(["--trusted-root".to_owned(), root]);
    }
    for bundle in &case.bundles {
        flags.extend(["--bundle".to_owned(), at(bundle)]);
    }
    if let Some(links) = &case.links {
        flags.extend(["--links".to_owned(), at(links)]);
    }
    if let Some(repository) = &case.source_repository {
        flags.extend(["--source-repository".to_owned(), at(repository)]);
    }
    let subjects: Vec<String> = case
        .subjects
        .iter()
        .map(|it| subject(it, &folder))
        .collect();
    let global = Global {
        at: case.at.clone().or_else(|| global.at.clone()),
        ..global.clone()
    };
    let (exit, codes) = match asked(flags, &subjects, &global) {
        Ok(report) => (report.exit().number(), codes(&report)),
        Err(failure) => (failure.exit.number(), vec![failure.code.to_owned()]),
    };
    Ran {
        table: path.to_owned(),
        case,
        exit,
        codes,
    }
}

/// A subject of a table: what is no digest is relative to the table.
fn subject(text: &str, folder: &Path) -> String {
    for kind in ["sums:", "oci-layout:", "git:", "git-object:"] {
        if let Some(rest) = text.strip_prefix(kind) {
            return format!("{kind}{}", folder.join(rest).display());
        }
    }
    if text.starts_with("sha256:") || text.starts_with("oci://") {
        return text.to_owned();
    }
    folder.join(text).display().to_string()
}

/// Every code of an answer, each once.
fn codes(report: &Report) -> Vec<String> {
    let mut codes = Vec::new();
    for subject in &report.subjects {
        let of_files = subject.files.iter().filter_map(|it| match &it.verdict {
            Verdict::Rejected(why) | Verdict::Unreadable(why) => Some(why.code),
            _ => None,
        });
        let of_rules = subject.rules.iter().flat_map(|it| &it.reasons);
        let reasons = subject.reasons.iter().chain(of_rules).map(|it| it.code);
        for code in of_files.chain(reasons) {
            if !codes.iter().any(|it| it == code) {
                codes.push(code.to_owned());
            }
        }
    }
    codes
}
