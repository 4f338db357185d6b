//! The audit trail from outside: each command that changes a home leaves its events, and what is done
//! to the trail is noticed.

use std::fs;

use serde_json::Value;

use crate::schema::Schema;
use crate::support::{Ran, World};

const TRAIL: &str = ".attest/audit/events.jsonl";

/// A home with a release.
fn world() -> World {
    let world = World::new();
    world.write("dist/hello", "hello\n");
    world.attest("init --no-password").yes();
    release(&world, "1.0.0").yes();
    world
}

fn release(world: &World, version: &str) -> Ran {
    let place = format!("dist --out out-{version} --name hello --version {version}");
    world.attest(&format!("release {place} --no-password"))
}

/// The events: name, phase or outcome.
fn events(world: &World) -> Vec<(String, String)> {
    let text = String::from_utf8(world.read(TRAIL)).unwrap();
    text.lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let phase = match event["phase"].as_str() {
                Some("begun") => "begun",
                _ => event["outcome"].as_str().unwrap(),
            };
            (
                event["event"].as_str().unwrap().to_owned(),
                phase.to_owned(),
            )
        })
        .collect()
}

fn pair(event: &str, outcome: &str) -> [(String, String); 2] {
    let of = |phase: &str| (event.to_owned(), phase.to_owned());
    [of("begun"), of(outcome)]
}

#[track_caller]
fn refused(world: &World, code: &str) {
    let ran = world.attest("archive log --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let codes: Vec<_> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&code), "wanted {code}: {codes:?}");
}

#[test]
fn each_change_leaves_a_beginning_and_an_end() {
    let world = world();
    world.attest("sign dist/hello --no-password").yes();
    world.attest("key generate k.key --no-password").yes();
    world
        .attest("key import k.key --out l.key --no-password")
        .yes();
    world
        .attest("key password k.key --no-password --no-new-password")
        .yes();
    world
        .attest("key password --no-password --no-new-password")
        .yes();
    world
        .attest("trust export @staging --out .attest/trust/other.json")
        .yes();
    world
        .attest("trust export @staging --out elsewhere.json")
        .yes();
    let wanted: Vec<_> = [
        "init",
        "release",
        "log.append",
        "key.generate",
        "key.import",
        "key.password",
        "key.password",
        "trust.write",
    ]
    .iter()
    .flat_map(|event| pair(event, "yes"))
    .collect();
    assert_eq!(events(&world), wanted);
    world.attest("archive log").yes();
}

#[test]
fn what_is_done_to_the_archive_leaves_events() {
    let world = world();
    world.attest("archive copy --to replica").yes();
    world.attest("archive repair --from replica").yes();
    let before = events(&world).len();
    // What is refused before anything begins, and what reads, leaves none.
    for reading in [
        "archive list",
        "archive verify",
        "archive log",
        "report --ssdf",
    ] {
        world.attest(reading);
    }
    assert_eq!(events(&world).len(), before);
    world.attest("archive add out-1.0.0").yes();
    let wanted: Vec<_> = [
        "init",
        "release",
        "archive.copy",
        "archive.repair",
        "archive.add",
    ]
    .iter()
    .flat_map(|event| pair(event, "yes"))
    .collect();
    assert_eq!(events(&world), wanted);
    world.attest("archive log").yes();
}

#[test]
fn an_event_says_who_did_what_to_what() {
    let world = World::new();
    world.write("dist/hello", "hello\n");
    world.attest("init --no-password").yes();
    let mut command = world.command();
    command
        .args("release dist --name hello --version 1.0.0 --no-password".split(' '))
        .envs([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", "an\u{1b}na"),
            ("GITHUB_RUN_ID", "42"),
        ]);
    Ran::of(&mut command).yes();
    let report = world
        .attest("archive log hello@1.0.0 --format json")
        .yes()
        .json();
    let shown = report["events"].as_array().unwrap();
    assert_eq!(shown.len(), 2);
    let ended = &shown[1];
    assert_eq!(ended["release"], "hello@1.0.0");
    assert_eq!(
        (&ended["ci"], &ended["ci_run"]),
        (&"github".into(), &"42".into())
    );
    assert_eq!(ended["ci_actor"], "an\\u{1b}na");
    let list = world.attest("archive list --format json").yes().json();
    assert_eq!(ended["digest"], list["releases"][0]["manifest"]);
    assert!(ended["uid"].is_u64());
    assert!(ended["time"].as_str().unwrap().ends_with('Z'));
    let none = world
        .attest("archive log other@1.0.0 --format json")
        .yes()
        .json();
    assert_eq!(none["events"], Value::Array(Vec::new()));
}

#[test]
fn what_is_refused_after_it_began_says_so() {
    let world = world();
    world.write("dist/hello", "other\n");
    release(&world, "1.0.0").refused(1, "version-already-released");
    // Nothing was begun.
    assert_eq!(events(&world).len(), 4);
}

#[test]
fn a_trail_that_was_changed_is_refused() {
    let trail = |world: &World| String::from_utf8(world.read(TRAIL)).unwrap();
    let one = world();
    let text = trail(&one);
    one.write(TRAIL, text.replacen("hello@1.0.0", "hello@1.0.1", 1));
    refused(&one, "audit-chain-broken");
    let lines: Vec<&str> = text.lines().collect();
    one.write(TRAIL, [lines[0], lines[2], lines[3], ""].join("\n"));
    refused(&one, "audit-sequence");
    one.write(TRAIL, format!("{text}not an event\n"));
    refused(&one, "audit-event-malformed");
    fs::remove_file(one.at(TRAIL)).unwrap();
    one.attest("archive log").refused(1, "audit-missing");
    one.write(TRAIL, "");
    one.attest("archive log").refused(1, "audit-missing");
    let other = world();
    one.write(TRAIL, trail(&other));
    refused(&one, "audit-event-foreign");
}

#[test]
fn nothing_is_changed_when_the_change_could_leave_no_trace() {
    let world = world();
    world.write(TRAIL, "not an event\n");
    let before = world.listing(".");
    world
        .attest("key generate k.key --no-password")
        .refused(2, "audit-damaged");
    release(&world, "1.1.0").refused(2, "audit-damaged");
    crate::support::assert_same(&before, &world.listing("."), "audit-damaged");
    fs::remove_file(world.at(TRAIL)).unwrap();
    fs::remove_dir(world.at(".attest/audit")).unwrap();
    std::os::unix::fs::symlink("elsewhere", world.at(".attest/audit")).unwrap();
    world
        .attest("key generate k.key --no-password")
        .refused(3, "write-failed");
    assert!(!world.at("k.key").exists());
}

#[test]
fn half_a_line_of_a_run_that_died_is_taken_away_and_told() {
    let world = world();
    let mut text = world.read(TRAIL);
    let whole = text.len();
    text.extend(b"{\"event\":\"key.ge");
    world.write(TRAIL, &text);
    let ran = world.attest("archive log").yes();
    assert!(ran.out.contains("note: audit-line-torn: "), "{ran:#?}");
    world.attest("key generate k.key --no-password").yes();
    assert_eq!(world.read(TRAIL)[..whole], text[..whole]);
    let report = world.attest("archive log --format json").yes().json();
    assert_eq!(report["notes"][0]["code"], "audit-line-torn");
    assert_eq!(report["events"][4]["torn_bytes"], 16);
}

#[test]
fn a_run_that_was_killed_leaves_its_beginning() {
    let world = world();
    let text = String::from_utf8(world.read(TRAIL)).unwrap();
    // As a kill between the change and its end leaves it.
    let begun: Vec<&str> = text.lines().take(3).collect();
    world.write(TRAIL, format!("{}\n", begun.join("\n")));
    let report = world.attest("archive log --format json").yes().json();
    assert_eq!(report["unended"], serde_json::json!([2]));
}

/// Changes the trail as somebody would who can write to the home and has no key: the chain is whole again.
fn rewrite(world: &World, change: impl Fn(&mut Value)) {
    let text = String::from_utf8(world.read(TRAIL)).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        change(&mut event);
        if let Some(last) = lines.last() {
            let hash = sha256(last.as_bytes());
            event["previous"] = Value::from(format!("sha256:{hash}"));
        }
        // Fields of a map are sorted: the form that events have.
        lines.push(event.to_string());
    }
    world.write(TRAIL, format!("{}\n", lines.join("\n")));
}

fn sha256(bytes: &[u8]) -> String {
    attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256)
        .sha256()
        .hex()
}

#[test]
fn a_trail_that_was_rewritten_before_a_release_is_noticed_by_its_signed_head() {
    let world = world();
    rewrite(&world, |_| ());
    let whole = world.attest("archive log --format json").yes().json();
    assert_eq!(whole["heads"], 1);
    rewrite(&world, |event| event["user"] = Value::from("nobody"));
    refused(&world, "audit-rewritten");
}

#[test]
fn a_trail_that_was_cut_off_before_a_release_is_noticed_by_its_signed_head() {
    let world = world();
    let text = String::from_utf8(world.read(TRAIL)).unwrap();
    let two: Vec<&str> = text.lines().take(2).collect();
    world.write(TRAIL, format!("{}\n", two.join("\n")));
    refused(&world, "audit-truncated");
    refused(&world, "audit-release-unrecorded");
}

#[test]
fn a_release_that_is_gone_from_the_archive_is_missed() {
    let world = world();
    release(&world, "1.1.0").yes();
    world.attest("archive log").yes();
    // With its release the head is gone too, and the trail is as it was written.
    let place = ".attest/archive/index.json";
    let mut index: Value = serde_json::from_slice(&world.read(place)).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.retain(|it| !it.to_string().contains("1.1.0"));
    world.write(place, index.to_string());
    refused(&world, "audit-release-missing");
    fs::remove_dir_all(world.at(".attest/archive")).unwrap();
    refused(&world, "audit-release-missing");
}

#[test]
fn a_head_of_another_key_or_home_is_refused() {
    let world = world();
    let mut command = world.command();
    command.args("init --no-password --home other".split(' '));
    Ran::of(&mut command).yes();
    let ran = world.attest(
        "archive log --key other/trust/release.pub --trusted-root other/trust/trusted_root.json --format json",
    );
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["problems"][0]["code"], "audit-head-refused");
    // The archive of one home with the trail of another.
    let ran = world.attest(
        "archive log --home other --archive .attest/archive --key .attest/trust/release.pub --trusted-root .attest/trust/trusted_root.json --format json",
    );
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let codes = ran.json()["problems"].to_string();
    assert!(codes.contains("audit-head-foreign"), "{codes}");
}

#[test]
fn every_command_that_changes_a_home_is_known_to_leave_events() {
    // Each command line with the event that it leaves, or none because it changes no home. A command that
    // is in neither list is new: give it events, and a place here.
    let world = World::new();
    let listed: Vec<&str> = CHANGING.iter().chain(READING).copied().collect();
    for command in commands(&world, "") {
        assert!(
            listed.contains(&command.as_str()),
            "{command}: does it change the home? Then it needs audit::traced, else a line in READING"
        );
    }
}

/// All commands without commands of their own, by their help.
fn commands(world: &World, above: &str) -> Vec<String> {
    let mut arguments: Vec<&str> = above.split_whitespace().collect();
    arguments.push("--help");
    let help = world.attest_with(&arguments).yes().out;
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return vec![above.trim().to_owned()];
    };
    let list = list.split("\n\n").next().unwrap();
    list.lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .flat_map(|name| commands(world, &format!("{above} {name}")))
        .collect()
}

/// Commands that change a home's archive, log, keys or trust: each through `audit::traced` or a log that
/// is `AuditedLog`.
const CHANGING: &[&str] = &[
    "init",
    "release",
    "sign",
    "key generate",
    "key import",
    "key password",
    "key rotate",
    "key retire",
    "log init",
    "log append",
    "log adopt",
    "archive add",
    "archive import",
    "archive attach",
    "archive repair",
    "archive delete",
    "archive renew",
    "archive fixity",
    "archive hold",
    "archive retain",
    "archive copy",
    // These sign, and what they sign is logged.
    "provenance run",
    "provenance record start",
    "provenance record stop",
    "provenance statement",
    "provenance review",
    "provenance deployment",
    "provenance report",
    "tree snapshot",
    "verify",
    // These write a trusted root, which can be the home's.
    "trust export",
    "trust create",
    "trust import",
    "trust refresh",
];

/// Commands that change no home.
const READING: &[&str] = &[
    "inspect",
    "report",
    "key public",
    "key show",
    "key list",
    "log show",
    "log prove",
    "log check",
    "log monitor",
    "archive list",
    "archive log",
    "archive show",
    "archive verify",
    "archive export",
    "archive find",
    "status",
    "digest",
    "sbom make",
    "sbom check",
    // It signs a file with the home's key, and leaves the home as it is.
    "provenance layout sign",
    "provenance layout new",
    "provenance layout show",
    "provenance layout verify",
    "policy check",
    "policy explain",
    "policy test",
    "policy new",
    "tree verify",
    "trust show",
    "trust pin",
    "trust diff",
    "registry push",
    "registry pull",
    "registry copy",
    "registry list",
    "registry tree",
    "completions",
];

#[test]
fn what_the_trail_answers_is_as_the_published_schema_says() {
    let schema = Schema::read("audit-1.json");
    let world = world();
    let log = |more: &str, exit: i32| {
        let ran = world.attest(format!("archive log --format json {more}").trim_end());
        assert_eq!(ran.exit, exit, "{more}: {ran:#?}");
        schema.accepts(&ran.json());
        ran.json()
    };
    // Refused, finished and unfinished changes, a torn line, and a fault.
    world.attest("archive hold hello@9 --reason x --no-password");
    world.attest("key generate .attest --no-password");
    let whole = log("", 0);
    log("hello@1.0.0", 0);
    log("hello@", 2);
    let mut text = world.read(TRAIL);
    text.extend(b"{\"event\":\"key.ge");
    world.write(TRAIL, &text);
    log("", 0);
    world.attest("key generate k.key --no-password").yes();
    log("", 0);
    rewrite(&world, |event| event["user"] = Value::from("nobody"));
    log("", 1);
    fs::remove_file(world.at(TRAIL)).unwrap();
    log("", 1);
    // The schema itself says no.
    for (pointer, value) in [
        ("/answer", Value::from("maybe")),
        ("/count", Value::from(0)),
        ("/last", Value::from("sha256:ab")),
        ("/events/0/phase", Value::from("ended")),
        ("/events/1/outcome", Value::from("maybe")),
        ("/events/1/time", Value::from("yesterday")),
        ("/events/1/arrays", serde_json::json!([])),
    ] {
        let mut bad = whole.clone();
        match bad.pointer_mut(pointer) {
            Some(field) => *field = value,
            None => bad["events"][1]["arrays"] = value,
        }
        assert!(!schema.problems(&bad).is_empty(), "{pointer}");
    }
}

/// A copy of a world, to be killed in.
fn twin(world: &World) -> World {
    let twin = World::new();
    for part in [".attest", "user"] {
        let mut copy = std::process::Command::new("cp");
        copy.arg("-a").arg(world.at(part)).arg(twin.path());
        assert!(copy.status().unwrap().success());
    }
    twin
}

/// A change under strace, which has this effect on the so-manieth call of that name.
fn traced(world: &World, call: &str, effect: &str) -> Ran {
    let mut command = world.program("strace");
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{effect}"));
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject])
        .arg(env!("CARGO_BIN_EXE_attest"))
        .args(["key", "generate", "k.key", "--no-password"]);
    Ran::of(&mut command)
}

/// What a death or a failing call may have left: all that was written before, and of the change its
/// beginning before anything else. The next change goes on.
#[track_caller]
fn check_left(world: &World, before: &[u8], ran: &Ran, at: &str) {
    let trail = world.read(TRAIL);
    assert!(trail.starts_with(before), "{at}: events were lost");
    let log = world.attest("archive log --format json");
    assert_eq!(log.exit, 0, "{at}: {log:#?}");
    let events = events(world);
    let of_change: Vec<&str> = events
        .iter()
        .filter(|(event, _)| event == "key.generate")
        .map(|(_, phase)| phase.as_str())
        .collect();
    let is_made = world.at("k.key").exists();
    match of_change.as_slice() {
        [] => assert!(!is_made && ran.exit != 0, "{at}: no trace: {ran:#?}"),
        ["begun"] => assert!(ran.exit != 0, "{at}: answered without its end"),
        ["begun", "yes"] => assert!(is_made, "{at}: {ran:#?}"),
        ["begun", "unknown"] => assert_eq!(ran.exit, 3, "{at}: {ran:#?}"),
        other => panic!("{at}: {other:?}"),
    }
    world.attest("key generate next.key --no-password").yes();
    world.attest("archive log").yes();
}

/// One run for each occurrence of each call, until there is none; gives how many were hit.
fn at_every(calls: &[&str], effect: &str) -> usize {
    let template = World::new();
    template.attest("init --no-password").yes();
    let before = template.read(TRAIL);
    let mut hit = 0;
    for call in calls {
        for when in 1..200 {
            let world = twin(&template);
            let at = format!("{call} {when}");
            let ran = traced(&world, call, &format!("{effect}:when={when}"));
            if ran.exit == 0 {
                let kill = format!("signal=KILL:when={when}");
                if traced(&twin(&template), call, &kill).exit == 0 {
                    break;
                }
            }
            hit += 1;
            check_left(&world, &before, &ran, &at);
        }
    }
    hit
}

fn has_strace() -> bool {
    let asked = std::process::Command::new("strace").arg("-V").output();
    let has = asked.is_ok_and(|it| it.status.success());
    if !has {
        println!("strace is not installed: nothing was killed");
    }
    has
}

#[test]
fn a_death_at_any_system_call_loses_no_event_and_changes_nothing_without_one() {
    if !has_strace() {
        return;
    }
    let calls = ["write", "fdatasync", "fsync", "flock", "linkat", "rename"];
    let died = at_every(&calls, "signal=KILL");
    println!("{died} deaths of a change with its trail");
    assert!(died >= 10, "{died} deaths");
}

#[test]
fn a_full_disk_at_any_system_call_loses_no_event_and_changes_nothing_without_one() {
    if !has_strace() {
        return;
    }
    let failed = at_every(&["write", "fdatasync", "fsync"], "error=ENOSPC");
    println!("{failed} failures of a change with its trail");
    assert!(failed >= 5, "{failed} failures");
}
