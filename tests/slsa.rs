//! SLSA on the command line: what was published by real builders, and summaries of our own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::page::root;
use crate::support::{Ran, World};

mod summary;

/// A folder of `fixtures/slsa`.
struct Case {
    folder: PathBuf,
    expect: toml::Table,
}

impl Case {
    fn all() -> Vec<Self> {
        let folders = fs::read_dir(root().join("fixtures/slsa")).unwrap();
        let mut cases: Vec<Self> = folders
            .map(|it| {
                let folder = it.unwrap().path();
                let expect = fs::read_to_string(folder.join("expect.toml")).unwrap();
                let expect = expect.parse().unwrap();
                Self { folder, expect }
            })
            .collect();
        cases.sort_by(|one, other| one.folder.cmp(&other.folder));
        cases
    }

    fn texts(table: &toml::Table, name: &str) -> Option<Vec<String>> {
        let texts = table.get(name)?.as_array().unwrap().iter();
        Some(texts.map(|it| it.as_str().unwrap().to_owned()).collect())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.expect.get(name).map(|it| it.as_str().unwrap())
    }

    /// What is verified with these flags, from the case's own folder.
    fn verify(&self, flags: &[String]) -> Ran {
        let bundle = self.text("bundle").unwrap();
        let trust = Self::texts(&self.expect, "trust").unwrap();
        let mut arguments = vec!["verify", self.text("subject").unwrap(), "--bundle", bundle];
        arguments.extend(["--format", "json", "--at", "2026-11-21T12:00:00Z"]);
        arguments.extend(trust.iter().map(String::as_str));
        arguments.extend(flags.iter().map(String::as_str));
        let world = World::new();
        let mut command = world.command();
        Ran::of(command.args(arguments).current_dir(&self.folder))
    }

    fn name(&self) -> std::path::Display<'_> {
        self.folder.file_name().map(Path::new).unwrap().display()
    }
}

fn build_of(report: &Value) -> &Value {
    let evidence = report["evidence"].as_array().unwrap().iter();
    let mut builds = evidence.filter(|it| it["build"].is_object());
    &builds.next().unwrap()["build"]
}

#[test]
fn published_provenance_shows_what_its_builder_is_good_for() {
    let mut accepted = 0;
    for case in Case::all() {
        let Some(flags) = Case::texts(&case.expect, "accept") else {
            continue;
        };
        let report = case.verify(&flags).yes().json();
        let build = build_of(&report);
        let level = case.expect.get("level").unwrap().as_integer().unwrap();
        assert_eq!(build["level"], level, "{}", case.name());
        assert_eq!(
            build["commit"],
            case.text("commit").unwrap(),
            "{}",
            case.name()
        );
        assert!(!build["rules"].as_array().unwrap().is_empty());
        accepted += 1;
    }
    assert!(accepted >= 5, "{accepted}");
}

#[test]
fn published_provenance_is_refused_for_another_build_by_its_code() {
    let mut refused = 0;
    for case in Case::all() {
        for table in case.expect.get("refused").unwrap().as_array().unwrap() {
            let table = table.as_table().unwrap();
            let flags = Case::texts(table, "with").unwrap();
            let code = table.get("code").unwrap().as_str().unwrap();
            let ran = case.verify(&flags);
            let found = super::verify::lone_code(&ran);
            assert_eq!(
                (ran.exit, found.as_str()),
                (1, code),
                "{} {flags:?}",
                case.name()
            );
            refused += 1;
        }
    }
    assert!(refused >= 25, "{refused}");
}

#[test]
fn the_page_has_every_builder_with_its_level() {
    let page = fs::read_to_string(root().join("docs/slsa.md")).unwrap();
    let table = fs::read_to_string(root().join("crates/policy/src/slsa/builders.toml")).unwrap();
    let table: toml::Table = table.parse().unwrap();
    let builders = table["builder"].as_array().unwrap();
    for builder in builders {
        let (name, why) = (&builder["name"], &builder["why"]);
        let begin = format!("| `{}` | ", name.as_str().unwrap());
        let row = page.lines().find(|it| it.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("{begin}"));
        let cells: Vec<&str> = row.split(" | ").collect();
        let mut level = builder["level"].as_integer().unwrap().to_string();
        if let Some(named) = builder.get("named") {
            let named = named.as_integer().unwrap();
            level = format!("{level}, {named} when named");
        }
        if let Some(hosted) = builder.get("hosted") {
            level = format!("{level}, 1 unless {}", hosted.as_str().unwrap());
        }
        assert_eq!(cells[3], level, "{begin}");
        assert_eq!(cells[4], format!("{} |", why.as_str().unwrap()), "{begin}");
    }
    let rows = page
        .lines()
        .filter(|it| it.starts_with("| `") && it.matches(" | ").count() == 4);
    assert_eq!(rows.count(), builders.len());
}
