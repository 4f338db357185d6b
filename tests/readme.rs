//! The README is run: its commands, one after the other, in a folder that holds the example; what they
//! print is what stands there. So is the job of docs/ci.md.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Ran, World};

/// A fenced block of a document.
struct Block {
    language: String,
    text: String,
}

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

/// Two places that keep what a fresh container needs, as `restore-home` and its kin reach them.
struct Pipeline {
    /// Holds `places/` and the programs of the job; each container is a world of its own.
    world: World,
    job: String,
}

impl Pipeline {
    fn new() -> Self {
        let world = World::new();
        let page = read("docs/ci.md");
        let mut jobs = blocks(&page)
            .into_iter()
            .filter(|block| block.text.contains("restore-home"));
        let job = jobs.next().unwrap().text;
        assert!(jobs.next().is_none(), "which of them is the job?");
        let pipeline = Self { world, job };
        let places = pipeline.world.at("places");
        fs::create_dir_all(&places).unwrap();
        for (name, script) in [
            (
                "restore-home",
                r#"rm -rf "$1" && cp -a "$PLACES/home" "$1""#,
            ),
            ("restore-copy", r#"cp "$PLACES/copy" "$1""#),
            ("store-copy", r#"cp "$1" "$PLACES/copy""#),
            (
                "store-home",
                r#"rm -rf "$PLACES/home" && cp -a "$1" "$PLACES/home""#,
            ),
        ] {
            let path = pipeline.world.write(
                &format!("programs/{name}"),
                format!("#!/bin/sh\nset -eu\n{script}\n"),
            );
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let first = r#"attest init && store-home .attest && cp user/.local/state/attest/*/checkpoint "$PLACES/copy""#;
        pipeline.container(first, "").yes();
        pipeline
    }

    /// Runs a script in a container that starts fresh.
    fn container(&self, script: &str, version: &str) -> Ran {
        let container = World::new();
        container.write("dist/app.txt", format!("app {version}\n"));
        let attest = Path::new(env!("CARGO_BIN_EXE_attest")).parent().unwrap();
        let path = format!(
            "{}:{}:{}",
            self.world.at("programs").display(),
            attest.display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut shell = container.program("/bin/sh");
        shell
            .args(["-c", script])
            .env("PATH", path)
            .env("PLACES", self.world.at("places"))
            .env("ATTEST_PASSWORD", "of the pipeline")
            .env("VERSION", version);
        Ran::of(&mut shell)
    }

    fn job(&self, version: &str) -> Ran {
        self.container(&self.job, version)
    }

    fn keep(&self, name: &str, as_name: &str) {
        let places = self.world.at("places");
        let command = format!("rm -rf '{as_name}' && cp -a '{name}' '{as_name}'");
        Ran::of(
            self.world
                .program("/bin/sh")
                .args(["-c", &command])
                .current_dir(places),
        )
        .yes();
    }
}

#[test]
fn the_job_of_the_ci_page_releases_from_containers_that_start_fresh() {
    let pipeline = Pipeline::new();
    let first = pipeline.job("1.0.0").yes();
    assert!(first.out.contains("entries 0–2 of "), "{first:#?}");
    let second = pipeline.job("1.1.0").yes();
    assert!(second.out.contains("entries 3–5 of "), "{second:#?}");
    pipeline.container("restore-home .attest; restore-copy checkpoint; ATTEST_CHECKPOINT=$PWD/checkpoint attest release dist --name app --version 1.1.0", "1.0.0").refused(1, "version-already-released");
}

#[test]
fn a_job_that_dies_between_copy_and_home_is_noticed_by_the_next() {
    let pipeline = Pipeline::new();
    pipeline.keep("home", "older");
    pipeline.job("1.0.0").yes();
    pipeline.keep("home", "newer");
    pipeline.keep("older", "home");
    pipeline
        .job("1.1.0")
        .refused(2, "checkpoint-newer-than-log");
    pipeline.keep("newer", "home");
    pipeline.job("1.1.0").yes();
}

#[test]
fn a_copy_that_was_lost_is_noticed() {
    let pipeline = Pipeline::new();
    pipeline.job("1.0.0").yes();
    let job = pipeline
        .job
        .lines()
        .filter(|line| !line.starts_with("restore-copy"));
    let job = job.collect::<Vec<_>>().join("\n");
    pipeline
        .container(&job, "1.1.0")
        .refused(2, "checkpoint-copy-missing");
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

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(Block {
            language: language.to_owned(),
            text: text.join("\n") + "\n",
        });
    }
    blocks
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
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
