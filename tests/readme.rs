//! The README is run: its commands, one after the other, in a folder that holds the example; what they
//! print is what stands there.

use std::fs;

use crate::page::{blocks, read, root};
use crate::support::{Ran, World};

/// A command of the README with the output that stands below it, if any does.
struct Step {
    command: String,
    output: Option<String>,
}

/// What stands in the place of building the command first.
const BUILT: &str = "cargo run --release -- ";
/// A command that these tests are run by.
const NOT_RUN: &str = "cargo test --workspace";

#[test]
fn the_commands_of_the_readme_print_what_it_says() {
    let world = with_example();
    let mut printed = String::new();
    let mut exit = 0;
    let steps = steps(&read("README.md"));
    assert!(steps.len() >= 8, "only {} commands", steps.len());
    for step in steps {
        let line = published_line(&printed).unwrap_or_default();
        let command = the_one_that_runs(&step.command, &line);
        let ran = shell(&world, &format!("({command}) 2>&1"), exit);
        exit = ran.exit;
        if let Some(output) = &step.output {
            assert_shown(output, &ran.out, &command);
        }
        if published_line(&ran.out).is_some() {
            printed = ran.out;
        }
    }
}

#[test]
fn each_way_to_break_a_release_has_the_code_that_the_readme_gives_it() {
    let world = with_example();
    let release = the_one_that_runs(&steps(&read("README.md"))[0].command, "");
    let line = published_line(&shell(&world, &release, 0).yes().out).unwrap();
    shell(&world, "cp -a examples whole", 0).yes();
    let text = read("README.md");
    let rows: Vec<(&str, &str)> = text
        .lines()
        .skip_while(|line| !line.starts_with("| do this in `examples/hello/dist` |"))
        .skip(2)
        .map_while(|line| line.strip_prefix("| `"))
        .map(|row| row.split_once("` | `").unwrap())
        .collect();
    assert!(rows.len() >= 4, "{rows:?}");
    for (change, says) in rows {
        let code = says.split('`').next().unwrap();
        shell(&world, "rm -r examples && cp -a whole examples", 0).yes();
        shell(&world, &line, 0).yes();
        shell(&world, &format!("cd examples/hello/dist && {change}"), 0).yes();
        let ran = shell(&world, &line, 0);
        assert_eq!(ran.exit, 1, "{change}: {ran:#?}");
        assert!(ran.out.contains(&format!("{code}: ")), "{change}: {ran:#?}");
    }
}

#[test]
fn the_files_that_the_readme_lists_are_what_a_release_writes() {
    let world = with_example();
    let before = world.listing("examples/hello/dist");
    let release = the_one_that_runs(&steps(&read("README.md"))[0].command, "");
    shell(&world, &release, 0).yes();
    let text = read("README.md");
    let section = text.split("## What was written").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut listed: Vec<&str> = rows
        .flat_map(|row| {
            row.split(" | ")
                .next()
                .unwrap()
                .split('`')
                .skip(1)
                .step_by(2)
        })
        .filter(|name| *name != ".attest/")
        .collect();
    listed.sort_unstable();
    let is_new = |line: &&String| !before.contains(line);
    let after = world.listing("examples/hello/dist");
    let written: Vec<&str> = after
        .iter()
        .filter(is_new)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(listed, written);
    assert!(world.at(".attest/keys").is_dir());
}

/// A world with the example that the README releases.
fn with_example() -> World {
    let world = World::new();
    let from = root().join("examples");
    let tracked = [
        "hello/dist/NOTES.md",
        "hello/dist/hello.txt",
        "hello/dist/bin/hello",
    ];
    for file in tracked {
        let to = world.write(
            &format!("examples/{file}"),
            fs::read(from.join(file)).unwrap(),
        );
        fs::set_permissions(to, fs::metadata(from.join(file)).unwrap().permissions()).unwrap();
    }
    world
}

/// Runs a line of shell in which `$?` is that of the line before.
fn shell(world: &World, line: &str, before: i32) -> Ran {
    world.shell(&format!("(exit {before})\n{line}"))
}

/// What is run for a command of the README. One with `…` in it is the line that was printed.
fn the_one_that_runs(command: &str, printed: &str) -> String {
    if !command.contains('…') {
        return command.replace(BUILT, "attest ");
    }
    assert_eq!(
        normal(command),
        normal(printed),
        "this is not the line that was printed"
    );
    printed.to_owned()
}

/// The line that acquirers paste.
fn published_line(output: &str) -> Option<String> {
    let mut lines = output.lines();
    lines.find(|line| line.starts_with("Publish this line"))?;
    lines.next().map(|line| line.trim().to_owned())
}

/// Asserts that the output is what stands in the document; a line `…` stands for any lines.
#[track_caller]
fn assert_shown(document: &str, output: &str, command: &str) {
    let found = normal(output);
    let wanted = normal(document);
    let (begin, end) = match wanted.split_once("\n…\n") {
        Some((begin, end)) => (format!("{begin}\n"), end.to_owned()),
        None => (wanted.clone(), wanted.clone()),
    };
    assert!(
        found.starts_with(&begin)
            && found.ends_with(&end)
            && (begin.len() < wanted.len() || found == wanted),
        "{command}\nprints:\n{output}\nthe document has:\n{document}"
    );
}

/// Text with what differs from run to run replaced: digests and other long hexadecimal numbers,
/// whether whole or cut off by `…`, and times.
fn normal(text: &str) -> String {
    let mut normal = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest
            .find(|it: char| !matches!(it, '0'..='9' | 'a'..='f'))
            .unwrap_or(rest.len());
        let after = &rest[digits..];
        if digits >= 16 || (digits >= 4 && after.starts_with('…')) {
            normal.push_str("HEX");
            rest = after.strip_prefix('…').unwrap_or(after);
        } else if is_time(rest) {
            normal.push_str("TIME");
            rest = &rest[TIME.len()..];
        } else {
            let end = digits.max(first.len_utf8());
            normal.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    normal
}

const TIME: &str = "0000-00-00T00:00:00Z";

fn is_time(text: &str) -> bool {
    text.len() >= TIME.len()
        && text
            .bytes()
            .zip(TIME.bytes())
            .all(|(it, wanted)| match wanted {
                b'0' => it.is_ascii_digit(),
                _ => it == wanted,
            })
}

/// The commands of the console blocks; a text block is the output of the command before it.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(document) {
        match block.language.as_str() {
            "console" => {
                for line in block.text.lines() {
                    if let Some(command) = line.strip_prefix("$ ") {
                        steps.push(Step {
                            command: command.to_owned(),
                            output: None,
                        });
                    } else {
                        let output = &mut steps.last_mut().unwrap().output;
                        let output = output.get_or_insert_default();
                        output.push_str(line);
                        output.push('\n');
                    }
                }
            }
            "text" => steps.last_mut().unwrap().output = Some(block.text),
            other => panic!("what is a block of {other:?}?"),
        }
    }
    steps.retain(|step| step.command != NOT_RUN);
    steps
}

#[test]
fn what_differs_from_run_to_run_is_told_from_what_does_not() {
    let long = "sha256:0123456789abcdef0123 at 2026-11-21T09:41:07Z, 404 bytes";
    assert_eq!(normal(long), "sha256:HEX at TIME, 404 bytes");
    assert_eq!(
        normal("sha256:0123… at 2027-01-01T00:00:00Z, 404 bytes"),
        normal(long)
    );
    assert_ne!(
        normal("sha256:0123… at 2027-01-01T00:00:00Z, 405 bytes"),
        normal(long)
    );
    assert_eq!(normal("…\nfeed\n"), "…\nfeed\n");
}
