//! The documents say what the code does: every dependency, step and code is in them, and what they
//! mention exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use attest_verify::{CODES, STEPS};

use crate::page::{read, root};
use crate::support::World;

/// What `[workspace.dependencies]` declares: the requirement of each, none for our own crates.
fn declared() -> BTreeMap<String, Option<String>> {
    let manifest = read("Cargo.toml");
    let table = manifest.split("[workspace.dependencies]\n").nth(1).unwrap();
    let lines = table.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.split_once(" = ").unwrap();
            let version = value.strip_prefix("{ version = ").unwrap_or(value);
            let version = version
                .strip_prefix('"')
                .map(|it| it.split('"').next().unwrap().to_owned());
            (name.to_owned(), version)
        })
        .collect()
}

#[test]
fn each_dependency_has_its_reason_and_its_version() {
    let page = read("docs/dependencies.md");
    let declared = declared();
    assert!(declared.len() > 30, "{declared:?}");
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, version, purpose, reason] = cells.as_slice() else {
            panic!("{line}");
        };
        assert!(!purpose.is_empty() && !reason.is_empty(), "{line}");
        rows.insert(name.trim_matches('`').to_owned(), (*version).to_owned());
    }
    for (name, version) in &declared {
        let Some(version) = version else {
            assert!(
                page.contains(&format!("`{name}`")),
                "{name} is not in docs/dependencies.md"
            );
            continue;
        };
        let found = rows
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no row in docs/dependencies.md"));
        assert!(
            found.starts_with(&format!("`{version}`,")),
            "{name}: {found} beside {version}"
        );
    }
    for name in rows.keys() {
        assert!(
            declared.contains_key(name),
            "{name} is no dependency any more"
        );
    }
}

#[test]
fn each_declared_dependency_is_one() {
    let manifests: Vec<String> = crates()
        .into_iter()
        .map(|folder| fs::read_to_string(folder.join("Cargo.toml")).unwrap())
        .collect();
    for name in declared().keys() {
        let used = format!("\n{name}.workspace = true\n");
        assert!(
            manifests.iter().any(|it| it.contains(&used)),
            "no crate uses {name}"
        );
    }
}

#[test]
fn each_crate_says_what_it_is_and_inherits_the_rest() {
    for folder in crates() {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let name = folder.display();
        let described = manifest.split("\ndescription = \"").nth(1);
        let described = described.unwrap_or_else(|| panic!("{name} has no description"));
        assert!(described.find('"').is_some_and(|it| it > 20), "{name}");
        for field in [
            "version",
            "edition",
            "rust-version",
            "license",
            "repository",
            "publish",
        ] {
            let inherited = format!("\n{field}.workspace = true\n");
            assert!(manifest.contains(&inherited), "{name}: {field}");
        }
        assert!(
            manifest.contains("\n[lints]\nworkspace = true\n"),
            "{name}: lints"
        );
    }
}

/// The section of `docs/verification.md` under a heading.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let begin = page
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no section {heading:?}"));
    let rest = &page[begin + heading.len() + 2..];
    rest.split("\n## ")
        .next()
        .unwrap()
        .split("\n### ")
        .next()
        .unwrap()
}

#[test]
fn each_step_of_the_verifier_is_described_with_its_standard_and_codes() {
    let page = read("docs/verification.md");
    for step in STEPS {
        let section = section(&page, &format!("### {}. {}", step.number, step.name));
        for wanted in [step.meaning, step.standard] {
            let in_one_line = section.replace('\n', " ");
            assert!(in_one_line.contains(wanted), "step {}: {wanted}", step.name);
        }
        let listed = codes_of(section);
        let wanted: BTreeSet<&str> = CODES
            .iter()
            .filter(|it| it.step == step.number)
            .map(|it| it.code)
            .collect();
        let listed: BTreeSet<&str> = listed.into_iter().map(|(code, _)| code).collect();
        assert_eq!(listed, wanted, "step {}", step.name);
    }
}

#[test]
fn each_code_of_the_policy_is_described() {
    let page = read("docs/verification.md");
    let begin = page.find("\n## Approval and names\n").unwrap();
    let listed = codes_of(&page[begin..]);
    for (code, _) in attest_policy::CODES {
        assert!(
            listed.iter().any(|(listed, _)| listed == code),
            "{code} is not in docs/verification.md"
        );
    }
}

#[test]
fn each_code_of_the_verification_page_has_an_attack_that_is_refused_with_it() {
    let page = read("docs/verification.md");
    let sources = test_sources();
    let mut attacks = 0;
    for (code, tests) in codes_of(&page) {
        assert!(!tests.is_empty(), "{code} has no attack");
        for test in tests {
            let found = is_fixture_refused_with(test, code)
                || sources.iter().any(|text| is_refused_with(text, test, code));
            assert!(found, "no fixture or test {test} that wants {code}");
            attacks += 1;
        }
    }
    assert!(attacks > 150, "{attacks}");
}

/// The rows of tables whose first column is a code, with the fixtures and tests after its meaning.
/// The rows of docs/attacks.md: what covers the flaw, and with which code.
fn attacks() -> Vec<(String, String)> {
    let page = read("docs/attacks.md");
    let rows = page.lines().filter(|it| it.starts_with("| "));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let name = |cell: &str| Some(cell.split('`').nth(1)?.to_owned());
        match cells.as_slice() {
            [_, _, _, covered, code] => Some((name(covered)?, name(code)?)),
            _ => None,
        }
    })
    .collect()
}

#[test]
fn each_attack_that_shipped_is_covered_with_the_code_that_its_page_says() {
    let sources = test_sources();
    let attacks = attacks();
    assert!(attacks.len() >= 35, "{}", attacks.len());
    for (covered, code) in &attacks {
        let ok = if covered.contains('/') {
            let path = root().join("fixtures/attacks").join(covered);
            fs::read_to_string(path.join("expect.toml"))
                .is_ok_and(|it| it.contains(&format!("reject = \"{code}\"")))
        } else {
            sources.iter().any(|it| is_refused_with(it, covered, code))
        };
        assert!(ok, "{covered}: not refused with {code}");
    }
    for id in fs::read_dir(root().join("fixtures/attacks")).unwrap() {
        for case in fs::read_dir(id.unwrap().path()).unwrap() {
            let path = case.unwrap().path();
            let name = path.strip_prefix(root().join("fixtures/attacks")).unwrap();
            let listed = attacks.iter().any(|(it, _)| Path::new(it) == name);
            assert!(listed, "{}: in no row of docs/attacks.md", name.display());
        }
    }
}

fn codes_of(section: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (code, rest) = row.split_once("` | ").unwrap();
        let (_, attacks) = rest.split_once(" | ").unwrap();
        (code, attacks.split('`').skip(1).step_by(2).collect())
    })
    .collect()
}

/// Whether there is a fixture of that name that must be refused with the code.
fn is_fixture_refused_with(name: &str, code: &str) -> bool {
    let path = root()
        .join(if name.contains('/') {
            "fixtures"
        } else {
            "fixtures/verify"
        })
        .join(name)
        .join("expect.toml");
    fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("reject = \"{code}\"\n")))
}

/// Whether a source has a test of that name, as a function or a line of a table, that wants the code.
fn is_refused_with(source: &str, test: &str, code: &str) -> bool {
    let forms = [format!("fn {test}("), format!("    {test}: ")];
    forms.iter().any(|form| {
        source.match_indices(form.as_str()).any(|(begin, _)| {
            let rest = &source[begin..];
            let end = ["\n}\n", ";\n    "]
                .iter()
                .filter_map(|it| rest.find(it))
                .min();
            let end = if form.starts_with("fn") {
                rest.find("\n}\n")
            } else {
                end
            };
            wants(&rest[..end.unwrap_or(rest.len())], code)
        })
    })
}

/// Whether a test has the code as a word in quotes, escaped ones included.
fn wants(test: &str, code: &str) -> bool {
    let quoted = |(begin, _): (usize, &str)| {
        test[..begin].ends_with('"') && test[begin + code.len()..].starts_with(['"', '\\'])
    };
    test.match_indices(code).any(quoted)
}

/// The sources of all tests: those of the crates and those from outside.
pub(crate) fn test_sources() -> Vec<String> {
    let mut paths = Vec::new();
    for folder in crates() {
        collect(&folder.join("src"), &mut paths);
        collect(&folder.join("tests"), &mut paths);
    }
    collect(&root().join("tests"), &mut paths);
    assert!(paths.len() > 100, "{}", paths.len());
    paths
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|it| it == "rs") {
            paths.push(path);
        }
    }
}

/// Pages for users and contributors.
fn pages() -> Vec<(String, String)> {
    let top = ["README", "CONTRIBUTING", "SECURITY", "CHANGELOG"];
    let mut names: Vec<String> = top.iter().map(|name| format!("{name}.md")).collect();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if Path::new(&name).extension().is_some_and(|it| it == "md") {
            names.push(format!("docs/{name}"));
        }
    }
    let read = |name: String| (name.clone(), read(&name));
    names.into_iter().map(read).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut links = 0;
    for (name, text) in pages() {
        let folder = root().join(&name).parent().unwrap().to_owned();
        for target in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = target.split('#').next().unwrap();
            assert!(folder.join(file).exists(), "{name} leads to {target}");
            links += 1;
        }
    }
    assert!(links > 20, "{links}");
}

/// The commands of `attest` with the flags of each, from its own help.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let world = World::new();
    let mut commands = BTreeMap::new();
    let mut left = vec![String::new()];
    while let Some(command) = left.pop() {
        let help = world.attest(format!("{command} --help").trim()).yes().out;
        let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        let names = listed.lines().take_while(|line| !line.is_empty());
        let names = names.filter_map(|line| {
            line.strip_prefix("  ")?
                .split(' ')
                .next()
                .filter(|it| !it.is_empty())
        });
        left.extend(names.map(|name| format!("{command} {name}").trim().to_owned()));
        commands.insert(command, flags(&help).collect());
    }
    assert!(commands.len() > 12, "{commands:?}");
    commands
}

fn flags(text: &str) -> impl Iterator<Item = String> {
    let words =
        text.split(|it: char| !(it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-'));
    words
        .filter(|word| word.len() > 2 && word.starts_with("--"))
        .map(str::to_owned)
}

#[test]
fn every_command_line_of_attest_in_the_documents_has_commands_and_flags_that_exist() {
    let commands = commands();
    let mut lines = 0;
    for (name, text) in pages() {
        for line in command_lines(&text) {
            let words: Vec<&str> = line.split(' ').collect();
            let known = (0..=words.len().min(3))
                .rev()
                .map(|it| words[..it].join(" "));
            let mut known = known.filter(|it| commands.contains_key(it));
            let command = known.next().unwrap();
            let is_named = words
                .first()
                .is_none_or(|it| !it.starts_with(|it: char| it.is_ascii_lowercase()));
            assert!(
                is_named || !command.is_empty(),
                "{name}: attest {line}: no such command"
            );
            for flag in flags(&line) {
                assert!(
                    commands[&command].contains(&flag),
                    "{name}: attest {line}: attest {command} has no {flag}"
                );
            }
            lines += 1;
        }
    }
    assert!(lines > 12, "{lines}");
}

/// What follows `attest ` where code begins with it, in blocks and in spans.
fn command_lines(text: &str) -> Vec<String> {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    for (number, part) in text.split("```").enumerate() {
        if number % 2 == 1 {
            blocks.extend(
                part.lines()
                    .map(|line| line.trim_start().trim_start_matches("$ ").to_owned()),
            );
        } else {
            prose.push_str(&part.replace('\n', " "));
        }
    }
    let spans = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    blocks
        .into_iter()
        .chain(spans)
        .filter_map(|code| code.strip_prefix("attest ").map(str::to_owned))
        .collect()
}

fn crates() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("crates")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
