//! The scripts of docs/ci.md are run, in containers that start fresh: folders that know nothing of
//! each other but what the two places keep.

use std::fs;
use std::path::Path;

use crate::page::{blocks, read};
use crate::support::{Ran, World};

/// Two places that keep what a fresh container needs, and the programs of the page that reach them.
struct Pipeline {
    world: World,
    job: String,
}

/// What a job meets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    /// The place of homes cannot be reached any more.
    DiesBeforeTheHomeIsStored,
}

impl Pipeline {
    fn new() -> Self {
        let pipeline = Self {
            world: World::new(),
            job: script_with("restore-home"),
        };
        fs::create_dir_all(pipeline.world.at("places")).unwrap();
        for (name, script) in [
            ("restore-home", r#"cp -a "$PLACES/home" "$1""#),
            ("restore-copy", r#"cp "$PLACES/copy" "$1""#),
            ("store-copy", r#"cp "$1" "$PLACES/copy""#),
            (
                "store-home",
                r#"[ -z "${DIES-}" ]; rm -rf "$PLACES/home"; cp -a "$1" "$PLACES/home""#,
            ),
        ] {
            let text = format!("#!/bin/sh\nset -eu\n{script}\n");
            pipeline
                .world
                .write_program(&format!("programs/{name}"), &text);
        }
        let first =
            "attest init && store-home .attest && store-copy user/.local/state/attest/*/checkpoint";
        pipeline.container(first, "0", Fate::Lives).yes();
        pipeline
    }

    /// Runs the job for a version, and publishes what it wrote.
    fn job(&self, version: &str, fate: Fate) -> Ran {
        let publish = r#"rm -rf "$PLACES/published"; cp -a dist "$PLACES/published""#;
        let script = format!("({})\nexit=$?\n{publish}\nexit $exit\n", self.job);
        self.container(&script, version, fate)
    }

    /// Runs a script beside what is kept and what was published, and stores both again.
    fn mend(&self, script: &str) -> Ran {
        let script = format!(
            "set -eu\nrestore-home .attest\ncp -a \"$PLACES/published\" published\n\
             if [ -e \"$PLACES/copy\" ]; then restore-copy checkpoint; fi\n\
             export ATTEST_CHECKPOINT=\"$PWD/checkpoint\"\n\
             {script}\nstore-copy checkpoint\nstore-home .attest\n"
        );
        self.container(&script, "0", Fate::Lives)
    }

    /// Runs a script in a container that starts fresh.
    fn container(&self, script: &str, version: &str, fate: Fate) -> Ran {
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
        if fate == Fate::DiesBeforeTheHomeIsStored {
            shell.env("DIES", "yes");
        }
        Ran::of(&mut shell)
    }

    fn copy(&self) -> Vec<u8> {
        self.world.read("places/copy")
    }

    fn checkpoint(&self) -> Vec<u8> {
        self.world.read("places/home/log/checkpoint")
    }
}

/// The one script of the page that has this in it.
fn script_with(words: &str) -> String {
    let found: Vec<String> = blocks(&read("docs/ci.md"))
        .into_iter()
        .filter(|block| block.language == "sh" && block.text.contains(words))
        .map(|block| block.text)
        .collect();
    let [script] = found.as_slice() else {
        panic!("{} scripts with {words}", found.len());
    };
    script.clone()
}

#[test]
fn the_job_releases_from_containers_that_start_fresh() {
    let pipeline = Pipeline::new();
    let first = pipeline.job("1.0.0", Fate::Lives).yes();
    assert!(first.out.contains("entries 0–3 of "), "{first:#?}");
    assert_eq!(pipeline.copy(), pipeline.checkpoint());
    let second = pipeline.job("1.1.0", Fate::Lives).yes();
    assert!(second.out.contains("entries 4–7 of "), "{second:#?}");
    assert_eq!(pipeline.copy(), pipeline.checkpoint());
}

#[test]
fn a_version_is_released_once_over_all_containers() {
    let pipeline = Pipeline::new();
    pipeline.job("1.0.0", Fate::Lives).yes();
    let other = format!("echo other >> dist/app.txt\n{}", pipeline.job);
    pipeline
        .container(&other, "1.0.0", Fate::Lives)
        .refused(1, "version-already-released");
}

#[test]
fn a_job_that_dies_before_it_stores_the_home_is_noticed_and_the_newer_home_mends_it() {
    let pipeline = Pipeline::new();
    let older = pipeline.checkpoint();
    let keep = pipeline.job.replace(
        "\nstore-home",
        "\ncp -a .attest \"$PLACES/newer\"; store-home",
    );
    let died = pipeline.container(&keep, "1.0.0", Fate::DiesBeforeTheHomeIsStored);
    assert_ne!(died.exit, 0, "{died:#?}");
    assert_eq!(pipeline.checkpoint(), older);
    assert_ne!(pipeline.copy(), older);
    pipeline
        .job("1.1.0", Fate::Lives)
        .refused(2, "checkpoint-newer-than-log");
    let back = "rm -r \"$PLACES/home\"; cp -a \"$PLACES/newer\" \"$PLACES/home\"";
    pipeline.container(back, "0", Fate::Lives).yes();
    pipeline.job("1.1.0", Fate::Lives).yes();
}

#[test]
fn a_home_that_is_lost_is_mended_from_what_was_published() {
    let pipeline = Pipeline::new();
    let died = pipeline.job("1.0.0", Fate::DiesBeforeTheHomeIsStored);
    assert_ne!(died.exit, 0, "{died:#?}");
    pipeline.mend(&script_with("--missing")).yes();
    assert_eq!(pipeline.copy(), pipeline.checkpoint());
    let again = format!("echo other >> dist/app.txt\n{}", pipeline.job);
    pipeline
        .container(&again, "1.0.0", Fate::Lives)
        .refused(1, "version-already-released");
    let next = pipeline.job("1.1.0", Fate::Lives).yes();
    assert!(next.out.contains("entries 4–7 of "), "{next:#?}");
}

#[test]
fn a_copy_that_is_lost_is_noticed_and_a_published_bundle_mends_it() {
    let pipeline = Pipeline::new();
    pipeline.job("1.0.0", Fate::Lives).yes();
    fs::remove_file(pipeline.world.at("places/copy")).unwrap();
    let without = pipeline.job.replace("restore-copy ", "true ");
    pipeline
        .container(&without, "1.1.0", Fate::Lives)
        .refused(2, "checkpoint-copy-missing");
    let adopt = blocks(&read("docs/ci.md"))
        .into_iter()
        .find(|block| block.text.contains("adopt") && !block.text.contains("--missing"));
    pipeline.mend(&adopt.unwrap().text).yes();
    assert_eq!(pipeline.copy(), pipeline.checkpoint());
    pipeline.job("1.1.0", Fate::Lives).yes();
}

#[test]
fn a_report_that_cannot_be_written_is_no_answer() {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    let script = crate::page::root().join("packaging/ci/verify.sh");
    let run = |report: &str| {
        world.shell(&format!(
            "ATTEST_SUBJECTS=dist ATTEST_KEYS=.attest/trust/release.pub \
             ATTEST_TRUSTED_ROOTS=.attest/trust/trusted_root.json ATTEST_REPORT={report} bash {}",
            script.display()
        ))
    };
    let ran = run("report.txt").yes();
    assert_eq!(ran.out.as_bytes(), world.read("report.txt"));
    let ran = run("nowhere/report.txt");
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.err.contains("cannot be written"), "{ran:?}");
    world.write("dist/a.txt", "beta\n");
    assert_eq!(run("report.txt").exit, 1);
}

/// pre-commit gives a hook all files at once.
#[test]
fn the_hook_checks_each_list_of_checksums() {
    let world = World::new();
    let hooks = read(".pre-commit-hooks.yaml");
    let mut entries = hooks
        .lines()
        .filter_map(|it| it.trim().strip_prefix("entry: "));
    let entry = entries.next_back().unwrap();
    let run = |lists: &str| world.shell(&format!("{entry} {lists}"));
    for folder in ["one", "two"] {
        world.write(&format!("{folder}/a.txt"), folder);
        world
            .shell(&format!("cd {folder} && sha256sum a.txt > SHA256SUMS"))
            .yes();
    }
    let ran = run("one/SHA256SUMS two/SHA256SUMS").yes();
    assert!(
        ran.out.contains("one/a.txt: OK") && ran.out.contains("two/a.txt: OK"),
        "{ran:?}"
    );
    world.write("two/a.txt", "another");
    for lists in [
        "one/SHA256SUMS two/SHA256SUMS",
        "two/SHA256SUMS one/SHA256SUMS",
        "two/SHA256SUMS none",
    ] {
        let ran = run(lists);
        assert_eq!(ran.exit, 1, "{lists}: {ran:?}");
        assert!(
            ran.out.contains("two/a.txt: digest-mismatch"),
            "{lists}: {ran:?}"
        );
    }
    let ran = run("one/SHA256SUMS none");
    assert!(
        ran.exit == 3 && ran.out.contains("none: file-unreadable"),
        "{ran:?}"
    );
}
