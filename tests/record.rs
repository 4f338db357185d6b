//! `attest provenance run` and `record` from outside: a command runs as it would by itself.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::{Ran, World};

/// A world with an identity, and one source file.
fn world() -> World {
    let world = World::new();
    world.attest("init --no-password --export trust").yes();
    world.write("src/main.c", "int main;\n");
    world
}

/// Runs a line of shell as step `build`, with these flags.
fn run(world: &World, flags: &str, script: &str) -> Ran {
    let flags = flags.split(' ').filter(|it| !it.is_empty());
    let mut arguments = vec!["provenance", "run", "-n", "build"];
    arguments.extend(flags);
    arguments.extend(["--", "sh", "-c", script]);
    world.attest_with(&arguments)
}

/// The only link in the folder.
#[track_caller]
fn link(world: &World) -> Value {
    let links = links(world);
    assert_eq!(links.len(), 1, "{links:?}");
    let block: Value = serde_json::from_slice(&world.read(&links[0])).unwrap();
    block["signed"].clone()
}

fn links(world: &World) -> Vec<String> {
    names(world, |name| name.contains(".link"))
}

fn bundles(world: &World) -> Vec<String> {
    names(world, |name| name.ends_with(".sigstore.json"))
}

fn names(world: &World, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(world.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| wanted(name))
        .collect();
    names.sort();
    names
}

fn clear(world: &World) {
    for name in links(world).into_iter().chain(bundles(world)) {
        fs::remove_file(world.at(&name)).unwrap();
    }
}

fn log_size(world: &World) -> u64 {
    let checkpoint = String::from_utf8(world.read(".attest/log/checkpoint")).unwrap();
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

/// The statement in a bundle.
fn statement(world: &World, bundle: &str) -> Value {
    let bundle: Value = serde_json::from_slice(&world.read(bundle)).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(payload)
        .unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// A recorded command that is still running, after it has said `ready`.
fn started(world: &World, script: &str) -> Child {
    // Whoever runs the tests may ignore signals (nohup does), and what is ignored stays so.
    let mut child = world
        .program("env")
        .args(["--default-signal", env!("CARGO_BIN_EXE_attest")])
        .args([
            "provenance",
            "run",
            "-n",
            "build",
            "--link-only",
            "--",
            "sh",
        ])
        .args(["-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn send(world: &World, signal: &str, process: u32) {
    world.shell(&format!("kill -{signal} {process}")).yes();
}

#[test]
fn whatever_fails_before_the_command_runs_is_125_and_nothing_is_left() {
    let world = world();
    symlink("/etc/passwd", world.at("src/out")).unwrap();
    world.write("src/bell\u{7}", "x");
    world.write("taken/build", "x");
    world.write("odd/a\\b", "x");
    let absolute = world.at("taken").display().to_string();
    for (flags, code) in [
        ("-m src/none", "recorded-path-missing"),
        ("-m taken/../src/main.c", "name-parent-component"),
        (&format!("-m {absolute}"), "name-absolute"),
        ("-m src/out", "link-outside"),
        ("-m src --exclude out", "name-control-character"),
        ("-m src --exclude [", "exclude-malformed"),
        ("-m src --exclude a\nb", "exclude-malformed"),
        ("-m odd", "artifact-path-ambiguous"),
        // What would quietly take off nothing.
        (
            "-m src/main.c --lstrip-paths ../src",
            "name-parent-component",
        ),
        ("-m src/main.c --lstrip-paths ./src", "name-dot-component"),
        ("-m src/main.c --lstrip-paths a//b", "name-empty-component"),
        (
            "-m src/main.c --lstrip-paths a\u{1b}b",
            "name-control-character",
        ),
        (
            "-m src/main.c --lstrip-paths a\\b",
            "artifact-path-ambiguous",
        ),
        ("--env GITHUB_TOKEN", "variable-secret"),
        ("--env A=B", "variable-name"),
        ("--home nowhere", "no-identity"),
        ("--base-path nowhere", "folder-unreadable"),
        ("-d nowhere", "folder-unreadable"),
        ("--signing-key src/main.c", "key-unreadable"),
        ("--format json", "format-unsupported"),
        ("--at 2026-01-01", "time-not-asserted"),
        ("-n ../x", "bad-arguments"),
        ("--no-such-flag", "bad-arguments"),
    ] {
        run(&world, flags, "touch ran").refused(125, code);
        assert!(!world.at("ran").exists(), "{flags}");
        assert_eq!(links(&world), [""; 0], "{flags}");
    }
    for (line, code) in [
        ("provenance run -n build", "bad-arguments"),
        ("provenance run -- true", "bad-arguments"),
        ("provenance run -n ../x -- true", "step-name-malformed"),
        (
            "provenance run -n build -- /no/such/program",
            "command-not-started",
        ),
        (
            "provenance run -n build -- src/main.c",
            "command-not-started",
        ),
    ] {
        world.attest(line).refused(125, code);
        assert_eq!(links(&world), [""; 0], "{line}");
    }
    assert_eq!(log_size(&world), 0);
}

#[test]
fn a_secret_in_the_command_is_refused_and_never_repeated() {
    let world = world();
    for secret in [
        "curl https://ci:hunter2hunter2@example.com/upload; touch ran",
        "curl -H 'Authorization: Bearer hunter2hunter2hunter2' https://example.com; touch ran",
        "GH_TOKEN=ghp_hunter2hunter2hunter2 gh release list; touch ran",
    ] {
        let ran = run(&world, "-p src", secret).refused(125, "command-secret");
        assert!(ran.err.contains("word 3"), "{ran:#?}");
        assert!(!ran.err.contains("hunter2"), "{ran:#?}");
        assert!(!world.at("ran").exists());
        assert_eq!(links(&world), [""; 0]);
    }
    // Where it is found is no secret.
    run(
        &world,
        "-p src",
        "test -n 'https://ci:$TOKEN@example.com' -a -n 'Authorization: Bearer $TOKEN'",
    )
    .yes();
}

#[test]
fn a_record_that_exists_is_not_replaced_and_the_command_does_not_run() {
    let world = world();
    run(&world, "-p src", "true").yes();
    run(&world, "-p src", "touch ran").refused(125, "file-exists");
    assert!(!world.at("ran").exists());
    run(&world, "-p src --force", "true").yes();
}

#[test]
fn a_product_that_is_not_there_is_125_and_nothing_is_left() {
    let world = world();
    let ran = run(&world, "-m src -p app", "true").refused(125, "recorded-path-missing");
    assert!(
        ran.err.contains("the command itself ended with 0"),
        "{ran:#?}"
    );
    symlink("/etc/passwd", world.at("app")).unwrap();
    run(&world, "-p app", "true").refused(125, "link-outside");
    assert_eq!((links(&world), bundles(&world)), (vec![], vec![]));
    assert_eq!(log_size(&world), 0);
}

#[test]
fn a_product_that_is_still_written_to_is_125_and_nothing_is_left() {
    let world = world();
    // Somebody the command left behind goes on writing, for longer than it takes to read the file.
    let script = "head -c 300000000 /dev/zero > big; (i=0; while [ $i -lt 500 ]; do printf x >> big; sleep 0.01; i=$((i+1)); done) >/dev/null 2>&1 </dev/null & sleep 0.1";
    run(&world, "-p big", script).refused(125, "file-changed");
    assert_eq!((links(&world), bundles(&world)), (vec![], vec![]));
}

#[test]
fn every_exit_code_is_the_commands_own() {
    let world = world();
    for code in [0, 1, 2, 3, 7, 42, 124, 125, 126, 127, 128, 200, 255] {
        let ran = run(&world, "-m src -p src", &format!("exit {code}"));
        assert_eq!(ran.exit, code, "{ran:#?}");
        assert_eq!(link(&world)["byproducts"]["return-value"], json!(code));
        // Provenance says that something was made, and knows no failure.
        assert_eq!(bundles(&world).len(), usize::from(code == 0), "{code}");
        clear(&world);
    }
    assert_eq!(log_size(&world), 1);
}

#[test]
fn a_command_that_fails_need_not_have_made_anything() {
    let world = world();
    let ran = run(&world, "-m src -p app src", "exit 9");
    assert_eq!(ran.exit, 9, "{ran:#?}");
    let link = link(&world);
    let details = &link["byproducts"]["attest"];
    assert_eq!(details["products"]["missing"], json!(["app"]));
    assert!(link["products"]["src/main.c"].is_object());
}

#[test]
fn a_command_that_is_killed_gives_128_and_the_signal() {
    let world = world();
    for (signal, number) in [("KILL", 9), ("TERM", 15), ("INT", 2), ("ABRT", 6)] {
        let ran = run(&world, "--link-only", &format!("kill -{signal} $$"));
        assert_eq!(ran.exit, 128 + number, "{ran:#?}");
        assert_eq!(link(&world)["byproducts"]["return-value"], json!(-number));
        clear(&world);
    }
}

#[test]
fn what_is_sent_to_us_goes_to_the_command() {
    let world = world();
    for (signal, trapped, exit, value) in [
        ("TERM", "trap 'exit 7' TERM;", 7, 7),
        ("INT", "trap 'exit 8' INT;", 8, 8),
        ("HUP", "trap 'exit 9' HUP;", 9, 9),
        ("USR1", "trap 'exit 10' USR1;", 10, 10),
        ("TERM", "", 143, -15),
        ("QUIT", "ulimit -c 0;", 131, -3),
    ] {
        let script = format!("{trapped} echo ready; while :; do sleep 0.05; done");
        let mut child = started(&world, &script);
        send(&world, signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(exit), "{signal}");
        assert_eq!(link(&world)["byproducts"]["return-value"], json!(value));
        clear(&world);
    }
}

#[test]
fn a_command_that_hangs_is_ended_by_ending_us() {
    let world = world();
    let begin = Instant::now();
    let mut child = started(&world, "echo ready; exec sleep 600");
    send(&world, "TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn killed_outright_we_leave_nothing() {
    let world = world();
    let before = names(&world, |_| true);
    let mut child = started(&world, "echo $$ > pid; echo ready; exec sleep 600");
    send(&world, "KILL", child.id());
    assert_eq!(child.wait().unwrap().code(), None);
    let process = String::from_utf8(world.read("pid")).unwrap();
    send(&world, "KILL", process.trim().parse().unwrap());
    fs::remove_file(world.at("pid")).unwrap();
    assert_eq!(names(&world, |_| true), before);
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let world = world();
    let line = "trap '' INT; exec attest provenance run -n build --link-only -- sh -c 'kill -INT $$; exit 5'";
    assert_eq!(world.shell(line).exit, 5);
    let line =
        "exec attest provenance run -n build --link-only --force -- sh -c 'kill -INT $$; exit 5'";
    assert_eq!(world.shell(line).exit, 130);
}

#[test]
fn the_terminal_is_the_commands_and_its_signals_come_once() {
    let world = world();
    let attest = env!("CARGO_BIN_EXE_attest");
    let run = |script: &str, typed: &str| {
        let line = format!(
            "exec {attest} -q provenance run -n build --link-only --force -- sh -c '{script}'"
        );
        world.write("line", line);
        let typed = format!("{typed} | script -qec 'exec sh line' /dev/null");
        world.shell(&typed)
    };
    let ran = run("test -t 0 && test -t 1 && test -t 2 && exit 6", "sleep 1");
    assert_eq!(ran.exit, 6, "{ran:#?}");
    // Ctrl-C: the terminal sends it to both of us, and nobody passes it on a second time.
    let script = "trap \"echo one\" INT; touch up; sleep 2; sleep 1; touch down; exit 6";
    let until = |file: &str| format!("while [ ! -e {file} ]; do sleep 0.05; done");
    let typed = format!("({}; printf '\\003'; {})", until("up"), until("down"));
    let ran = run(script, &typed);
    assert_eq!(ran.exit, 6, "{ran:#?}");
    assert_eq!(ran.out.matches("one").count(), 1, "{ran:#?}");
}

#[test]
fn without_a_terminal_and_without_streams_it_runs_all_the_same() {
    let world = world();
    let line = "setsid attest provenance run -n build --link-only -- sh -c 'exit 4' <&- >&- 2>&-";
    assert_eq!(world.shell(line).exit, 4);
    assert_eq!(link(&world)["byproducts"]["return-value"], json!(4));
}

#[test]
fn input_output_and_errors_are_the_commands_own() {
    let world = world();
    for flags in ["", "--record-streams"] {
        let line = format!(
            "printf 'in\\n' | attest -q provenance run -n build --force --link-only {flags} -- sh -c 'cat; echo err >&2'"
        );
        let ran = world.shell(&line).yes();
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("in\n", "err\n"));
        let byproducts = link(&world)["byproducts"].clone();
        let wanted = if flags.is_empty() {
            ["", ""]
        } else {
            ["in\n", "err\n"]
        };
        assert_eq!(byproducts["stdout"], json!(wanted[0]));
        assert_eq!(byproducts["stderr"], json!(wanted[1]));
    }
}

#[test]
fn somebody_who_keeps_the_output_open_is_not_waited_for() {
    let world = world();
    let begin = Instant::now();
    run(
        &world,
        "--record-streams --link-only",
        "echo out; sleep 600 & echo $! > pid",
    )
    .yes();
    assert!(begin.elapsed() < Duration::from_secs(60));
    let process = String::from_utf8(world.read("pid")).unwrap();
    send(&world, "KILL", process.trim().parse().unwrap());
    let streams = link(&world)["byproducts"]["attest"]["streams"].clone();
    assert_eq!(
        streams["stdout"],
        json!({"bytes": 4, "kept": 4, "whole": false, "left_open": true})
    );
}

#[test]
fn a_huge_output_is_passed_on_whole_and_its_beginning_kept() {
    let world = world();
    let mut child = world
        .command()
        .args("-q provenance run -n build --link-only -s -- head -c 100000000 /dev/zero".split(' '))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut count = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match out.read(&mut buffer).unwrap() {
            0 => break,
            read => count += read,
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(count, 100_000_000);
    let streams = link(&world)["byproducts"]["attest"]["streams"].clone();
    assert_eq!(
        streams["stdout"],
        json!({"bytes": 100_000_000, "kept": 1 << 20, "whole": false, "left_open": false})
    );
}

#[test]
fn output_that_nobody_takes_ends_the_command_as_it_would_without_us() {
    let world = world();
    let line =
        "attest -q provenance run -n build --link-only -s -- sh -c 'yes; echo $? >&2' | head -n 1";
    let ran = world.shell(line).yes();
    assert_eq!(ran.out, "y\n");
    assert_eq!(ran.err.trim(), "141");
}

#[test]
fn the_record_says_what_was_there_before_and_after() {
    let world = world();
    world.write("src/run.sh", "echo\n");
    fs::set_permissions(world.at("src/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("main.c", world.at("src/link")).unwrap();
    symlink("..", world.at("src/cycle")).unwrap();
    let ran = Ran::of(
        world
            .command()
            .args(["provenance", "run", "-n", "build", "-m", "src", "-p", "app"])
            .args([
                "--env",
                "CFLAGS",
                "--env",
                "UNSET",
                "--",
                "cp",
                "src/main.c",
                "app",
            ])
            .env("CFLAGS", "-O2"),
    )
    .yes();
    assert_eq!(ran.out, "");
    let link = link(&world);
    let digest = |bytes: &[u8]| json!({"sha256": crate::verify::sha256(bytes)});
    let main = digest(b"int main;\n");
    assert_eq!(
        link["materials"],
        json!({"src/link": main, "src/main.c": main, "src/run.sh": digest(b"echo\n")})
    );
    assert_eq!(link["products"], json!({"app": main}));
    assert_eq!(link["command"], json!(["cp", "src/main.c", "app"]));
    assert_eq!(link["environment"], json!({"variables": ["CFLAGS=-O2"]}));
    let details = &link["byproducts"]["attest"];
    assert_eq!(
        details["materials"]["files"]["src/run.sh"],
        json!({"mode": "0755", "size": 5})
    );
    assert_eq!(
        details["materials"]["links"],
        json!({"src/cycle": "..", "src/link": "main.c"})
    );

    let statement = statement(&world, "provenance.build.sigstore.json");
    assert_eq!(
        statement["subject"],
        json!([{"name": "app", "digest": main}])
    );
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(
        definition["externalParameters"],
        json!({"step": "build", "command": ["cp", "src/main.c", "app"], "environment": {"CFLAGS": "-O2"}})
    );
    assert_eq!(
        definition["resolvedDependencies"].as_array().unwrap().len(),
        3
    );
    let name = &links(&world)[0];
    assert_eq!(
        statement["predicate"]["runDetails"]["byproducts"],
        json!([{"name": name, "digest": digest(&world.read(name))}])
    );
    world
        .attest("verify app --key trust/release.pub --trusted-root trust/trusted_root.json")
        .yes();
}

#[test]
fn git_says_which_commit_it_was_and_whether_it_was_changed() {
    let world = world();
    world
        .shell("git init -q . && git add src && git -c user.name=a -c user.email=a@b commit -qm a")
        .yes();
    for (script, dirty) in [("", false), ("echo x >> src/main.c", true)] {
        world.shell(script);
        run(&world, "-m src -p src --force", "true").yes();
        let source = &link(&world)["byproducts"]["attest"]["source"];
        assert_eq!(source["annotations"]["dirty"], json!(dirty));
        let commit = source["digest"]["gitCommit"].as_str().unwrap();
        assert_eq!(commit, world.shell("git rev-parse HEAD").out.trim());
    }
}

#[test]
fn a_step_of_several_commands_says_where_it_began() {
    let world = world();
    world
        .shell("git init -q . && git add src && git -c user.name=a -c user.email=a@b commit -qm a")
        .yes();
    let commit = world.shell("git rev-parse HEAD").out.trim().to_owned();
    Ran::of(
        world
            .command()
            .args(["provenance", "record", "start", "-n", "edit", "-m", "src"])
            .env("GITLAB_CI", "true")
            .env("CI_JOB_ID", "7"),
    )
    .yes();
    world.write("src/main.c", "int main(void);\n");
    world.attest("provenance record stop -n edit -p src").yes();
    let details = link(&world)["byproducts"]["attest"].clone();
    let source = &details["source"];
    assert_eq!(source["digest"]["gitCommit"], json!(commit));
    // As it was before the step changed anything.
    assert_eq!(source["annotations"]["dirty"], json!(false));
    assert_eq!(
        details["ci"],
        json!({"provider": "gitlab", "authenticated": false, "variables": {"CI_JOB_ID": "7"}})
    );
}

#[test]
fn our_own_files_are_never_recorded() {
    let world = world();
    run(&world, "-m . -p . --exclude user trust", "touch made").yes();
    let link = link(&world);
    let paths =
        |field: &str| -> Vec<String> { link[field].as_object().unwrap().keys().cloned().collect() };
    assert_eq!(paths("materials"), ["src/main.c"]);
    assert_eq!(paths("products"), ["made", "src/main.c"]);
}

#[test]
fn paths_are_stripped_and_left_out_as_in_toto_does() {
    let world = world();
    world.write("a/src/x.o", "x");
    world.write("a/src/y.c", "y");
    world.write("a/src/z.pyc", "z");
    run(
        &world,
        "--link-only --base-path a -m src --lstrip-paths src/ --exclude *.o",
        "true",
    )
    .yes();
    let materials = link(&world)["materials"].clone();
    let paths: Vec<&String> = materials.as_object().unwrap().keys().collect();
    // A pattern takes the place of the usual ones.
    assert_eq!(paths, ["y.c", "z.pyc"]);
}

#[test]
fn our_password_is_not_the_commands() {
    let world = World::new();
    Ran::of(world.command().arg("init").env("ATTEST_PASSWORD", "secret")).yes();
    let script = "test -z \"${ATTEST_PASSWORD+set}\" && test \"$OTHER\" = kept";
    Ran::of(
        world
            .command()
            .args(["provenance", "run", "-n", "build", "--", "sh", "-c", script])
            .env("ATTEST_PASSWORD", "secret")
            .env("OTHER", "kept"),
    )
    .yes();
    world
        .attest("provenance run -n other -- touch ran")
        .refused(125, "password-required");
    assert!(!world.at("ran").exists());
}

#[test]
fn a_link_is_written_in_both_forms_and_under_both_key_ids() {
    let world = world();
    run(&world, "--dsse --link-only", "true").yes();
    let envelope: Value = serde_json::from_slice(&world.read(&links(&world)[0])).unwrap();
    assert_eq!(
        envelope["payloadType"],
        json!("application/vnd.in-toto+json")
    );
    let reference = links(&world);
    clear(&world);
    run(&world, "--keyid golang --link-only", "true").yes();
    assert_ne!(links(&world), reference);
}

#[test]
fn many_products_have_several_bundles() {
    let world = world();
    let script = "mkdir out; i=0; while [ $i -lt 1025 ]; do echo $i > out/$i; i=$((i+1)); done";
    run(&world, "-p out", script).yes();
    let wanted = [
        "provenance.build.1.sigstore.json",
        "provenance.build.2.sigstore.json",
    ];
    assert_eq!(bundles(&world), wanted);
    let second = statement(&world, wanted[1]);
    assert_eq!(second["subject"].as_array().unwrap().len(), 1);
    world
        .attest("verify out/7 --key trust/release.pub --trusted-root trust/trusted_root.json")
        .yes();
}

#[test]
fn a_step_of_several_commands_has_a_link_too() {
    let world = world();
    let ran = world
        .attest("provenance record start -n edit -m src --format json")
        .yes();
    assert_eq!(ran.json()["materials"], json!(1));
    let unfinished = links(&world);
    assert!(unfinished[0].starts_with(".edit.") && unfinished[0].ends_with(".link-unfinished"));
    world.write("src/main.c", "int main(void);\n");
    world.attest("provenance record stop -n edit -p src").yes();
    let link = link(&world);
    assert_eq!(link["name"], json!("edit"));
    assert_eq!(link["command"], json!([]));
    assert_ne!(link["materials"], link["products"]);
    assert!(link["byproducts"]["attest"]["started"].is_string());
    assert!(!world.at(&unfinished[0]).exists());
}

#[test]
fn what_was_begun_is_ended_only_as_it_was_by_the_key_that_began_it() {
    let world = world();
    world
        .attest("provenance record stop -n edit -p src")
        .refused(2, "record-not-started");
    world.attest("provenance record start -n edit -m src").yes();
    world
        .attest("provenance record start -n edit -m src")
        .refused(2, "file-exists");
    let name = links(&world)[0].clone();
    let honest = world.read(&name);

    // Another material than the one that was there.
    let text = String::from_utf8(honest.clone()).unwrap();
    world.write(&name, text.replace("src/main.c", "src/other"));
    world
        .attest("provenance record stop -n edit -p src")
        .refused(1, "record-altered");
    // Without a signature there is nothing to check.
    let mut block: Value = serde_json::from_slice(&honest).unwrap();
    block["signatures"] = json!([]);
    world.write(&name, block.to_string());
    world
        .attest("provenance record stop -n edit -p src")
        .refused(1, "record-altered");
    // Another step.
    world.write(&name.replace(".edit.", ".build."), &honest);
    world
        .attest("provenance record stop -n build -p src")
        .refused(1, "record-other-step");
    // Another key, under the name that its files have.
    fs::rename(world.at(".attest"), world.at("first")).unwrap();
    world.attest("init --no-password").yes();
    world.attest("provenance record start -n mine -m src").yes();
    let mine = names(&world, |it| it.starts_with(".mine."))[0].clone();
    world.write(&mine.replace(".mine.", ".edit."), &honest);
    world
        .attest("provenance record stop -n edit -p src")
        .refused(1, "record-altered");
    // As it was, by whom it was.
    world.write(&name, &honest);
    world
        .attest("provenance record stop -n edit -p src --home first")
        .yes();
}

/// The chain alone, against a layout that wants one step by our key.
fn chain(world: &World, flags: &str) -> Ran {
    if !world.at("root.layout").exists() {
        world.attest("key generate owner.key --no-password").yes();
        let step = "--step build:trust/release.pub --expires 2099-01-01 -o root.layout";
        world.attest(&format!("provenance layout new {step}")).yes();
        world
            .attest("provenance layout sign root.layout --key owner.key --no-password")
            .yes();
    }
    let line =
        format!("provenance layout verify root.layout --layout-key owner.pub --links . {flags}");
    world.attest(line.trim_end())
}

#[test]
fn a_link_of_ours_satisfies_a_layout_unless_the_step_failed() {
    let world = world();
    for form in ["", "--dsse"] {
        let flags = format!("-m src -p app --force --link-only {form}");
        run(&world, &flags, "cp src/main.c app").yes();
        chain(&world, "").yes();
        assert_eq!(run(&world, &flags, "exit 3").exit, 3);
        let ran = chain(&world, "");
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert!(ran.out.contains("step-failed"), "{ran:#?}");
        chain(&world, "--allow-failed-step").yes();
    }
    // Of several commands none was watched: there is no value, and none that says no.
    clear(&world);
    world
        .attest("provenance record start -n build -m src")
        .yes();
    world.attest("provenance record stop -n build -p app").yes();
    chain(&world, "").yes();
}
