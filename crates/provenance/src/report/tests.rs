use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::*;

/// What a fixture wants: `expect.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    accept: Option<String>,
    reject: Option<String>,
    #[serde(default)]
    passed: BTreeSet<String>,
    #[serde(default)]
    warned: BTreeSet<String>,
    #[serde(default)]
    failed: BTreeSet<String>,
    target: Option<String>,
    parent: Option<String>,
    change: Option<String>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/reports")
}

fn tool(name: &str) -> Tool {
    match name {
        "sarif" => Tool::Sarif,
        "oscap-arf" => Tool::OscapArf,
        "zap" => Tool::Zap,
        "nikto" => Tool::Nikto,
        "wapiti" => Tool::Wapiti,
        "aide" => Tool::Aide,
        other => panic!("{other}"),
    }
}

fn expected(case: &Path) -> Expected {
    toml::from_str(&fs::read_to_string(case.join("expect.toml")).unwrap()).unwrap()
}

fn read(case: &Path) -> Result<ToolReport, ReportError> {
    let name = case.parent().unwrap().file_name().unwrap();
    let bytes = fs::read(case.join("report")).unwrap();
    ToolReport::parse(tool(name.to_str().unwrap()), &bytes)
}

fn check(case: &Path) {
    let wanted = expected(case);
    let name = case.display();
    assert!(case.join("SOURCE.md").exists(), "{name}");
    assert_eq!(wanted.parent.is_some(), wanted.change.is_some(), "{name}");
    if let Some(parent) = &wanted.parent {
        let parent = case.parent().unwrap().join(parent);
        assert!(read(&parent).is_ok(), "{name}: its parent is refused");
    }
    let report = match (read(case), &wanted.reject) {
        (Ok(report), None) => report,
        (Err(error), Some(code)) => {
            assert!(wanted.parent.is_some(), "{name} has no parent");
            assert_eq!(error.code(), code, "{name}: {error:?}");
            return;
        }
        (read, _) => panic!("{name}: {read:?}"),
    };
    let result = report.test_result(Vec::new(), None);
    let set = |names: Vec<String>| names.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(
        Some(result.result.word()),
        wanted.accept.as_deref(),
        "{name}"
    );
    assert_eq!(set(result.failed), wanted.failed, "{name}");
    assert_eq!(set(result.warned), wanted.warned, "{name}");
    if !wanted.passed.is_empty() {
        assert_eq!(set(result.passed), wanted.passed, "{name}");
    }
    if let Some(target) = wanted.target {
        assert!(report.targets().contains(&target), "{name}");
    }
}

#[test]
fn reports_come_to_what_they_say_and_no_more() {
    let mut cases = 0;
    for tool in fs::read_dir(fixtures()).unwrap() {
        for case in fs::read_dir(tool.unwrap().path()).unwrap() {
            check(&case.unwrap().path());
            cases += 1;
        }
    }
    assert!(cases >= 60, "{cases}");
}

/// A report of one tool is none of another: nothing passes because a reader did not look.
#[test]
fn a_report_of_another_tool_is_refused() {
    let names = ["sarif", "oscap-arf", "zap", "nikto", "wapiti", "aide"];
    for name in names {
        for case in fs::read_dir(fixtures().join(name)).unwrap() {
            let bytes = fs::read(case.unwrap().path().join("report")).unwrap();
            for other in names.iter().filter(|it| **it != name) {
                let refusal = ToolReport::parse(tool(other), &bytes).map_err(|it| it.code());
                let code = refusal.expect_err("accepted");
                assert!(code.starts_with("report-"), "{name} as {other}: {code}");
            }
        }
    }
}

#[test]
fn what_is_empty_never_passes() {
    for tool in [
        Tool::Sarif,
        Tool::OscapArf,
        Tool::Zap,
        Tool::Nikto,
        Tool::Wapiti,
        Tool::Aide,
    ] {
        for empty in ["", "{}", "[]", "null", "[{}]", "<a/>", "<a></a>", " "] {
            assert!(
                ToolReport::parse(tool, empty.as_bytes()).is_err(),
                "{tool:?}: {empty}"
            );
        }
    }
}

#[test]
fn a_name_is_in_one_list_only_the_worst() {
    let mut report = ToolReport::of("x".to_owned());
    for list in [&mut report.passed, &mut report.warned, &mut report.failed] {
        list.insert("a".to_owned());
    }
    report.passed.insert("b".to_owned());
    let result = report.test_result(Vec::new(), None);
    assert_eq!(result.result, Outcome::Failed);
    assert_eq!(
        (result.passed, result.warned),
        (vec!["b".to_owned()], vec![])
    );
    assert_eq!(result.failed, ["a"]);
}

#[test]
fn a_report_that_is_too_large_is_not_read() {
    let bytes = vec![b' '; limits::REPORT.bytes + 1];
    let refusal = ToolReport::parse(Tool::Sarif, &bytes).unwrap_err();
    assert_eq!(refusal.code(), "report-too-large");
}
