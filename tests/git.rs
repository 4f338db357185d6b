//! Commits and tags of git: every fixture, and repositories that git makes here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::page::{read, root};
use crate::support::{Ran, World};

/// `expect.toml` of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    accept: Option<bool>,
    at: Option<String>,
    flags: Option<String>,
    reject: Option<String>,
    parent: Option<String>,
    change: Option<String>,
}

fn cases() -> PathBuf {
    root().join("fixtures/git")
}

fn expect(case: &str) -> Expect {
    let text = fs::read_to_string(cases().join(case).join("expect.toml")).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{case}: {error}"))
}

/// A case's own file, else its parent's.
fn file(case: &str, parent: Option<&str>, name: &str) -> Option<Vec<u8>> {
    let of = |case: &str| fs::read(cases().join(case).join(name)).ok();
    of(case).or_else(|| of(parent?))
}

fn verify(world: &World, case: &str) -> Ran {
    let expect = expect(case);
    let parent = expect.parent.as_deref();
    for name in ["object", "key"] {
        if let Some(bytes) = file(case, parent, name) {
            world.write(&format!("{case}/{name}"), bytes);
        }
    }
    let of_parent = parent.map(self::expect);
    let inherited = |own: Option<String>, of: fn(&Expect) -> Option<String>| {
        own.or_else(|| of_parent.as_ref().and_then(of)).unwrap()
    };
    let flags = inherited(expect.flags, |it| it.flags.clone());
    let flags = flags.replace("--key key", &format!("--key {case}/key"));
    let at = inherited(expect.at, |it| it.at.clone());
    let line = format!("verify git-object:{case}/object --format json --at {at} {flags}");
    world.attest(&line)
}

#[track_caller]
fn refused(ran: &Ran, code: &str) {
    assert_eq!(ran.exit, 1, "wanted {code}: {ran:#?}");
    let found = &ran.json()["subjects"][0]["files"][0]["code"];
    assert_eq!(found, code, "{ran:#?}");
}

#[test]
fn every_fixture_is_answered_as_it_says() {
    let world = World::new();
    let (mut accepted, mut attacks) = (0, 0);
    let mut wrong = Vec::new();
    for entry in fs::read_dir(cases()).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("expect.toml").exists() {
            continue;
        }
        let case = path.file_name().unwrap().to_str().unwrap().to_owned();
        let wanted = expect(&case);
        assert!(path.join("SOURCE.md").exists(), "{case}");
        let ran = verify(&world, &case);
        match (wanted.accept, wanted.reject) {
            (Some(true), None) => {
                if ran.exit != 0 {
                    wrong.push(format!("{case}: {ran:#?}"));
                }
                accepted += 1;
            }
            (None, Some(code)) => {
                let parent = expect(wanted.parent.as_deref().unwrap());
                assert_eq!(parent.accept, Some(true), "{case}: an accepted parent");
                assert!(wanted.change.is_some(), "{case}");
                let found = ran.json()["subjects"][0]["files"][0]["code"].clone();
                if ran.exit != 1 || found != code {
                    wrong.push(format!("{case}: {} {found}, wanted {code}", ran.exit));
                }
                attacks += 1;
            }
            _ => panic!("{case}: neither accepted nor refused"),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{accepted} accepted, {attacks} refused");
    assert!(accepted >= 12 && attacks >= 35);
}

/// CVE-2026-44310.
#[test]
fn a_gitsign_signature_without_certificates_is_refused() {
    let world = World::new();
    for case in ["gitsign-without-certificates", "gitsign-no-certificates"] {
        refused(&verify(&world, case), "signature-malformed");
    }
}

/// CVE-2026-44309.
#[test]
fn the_commit_is_verified_as_it_stands_and_never_written_anew() {
    refused(&verify(&World::new(), "two-trees"), "git-object-malformed");
}

/// CVE-2024-51746.
#[test]
fn a_gitsign_entry_of_another_commit_is_refused() {
    let ran = verify(&World::new(), "gitsign-entry-of-another-commit");
    refused(&ran, "log-proof-invalid");
}

/// A repository, signed by an SSH key that lies outside of it.
fn repository(form: &str) -> World {
    let world = World::new();
    let made = world.shell(&format!(
        "ssh-keygen -q -t ed25519 -N '' -C alice -f alice && mkdir keys && cp alice.pub keys/
         git init -q -b main --object-format={form} repo && cd repo
         git config user.name Alice && git config user.email alice@example.org
         git config gpg.format ssh && git config user.signingkey {}
         echo hello > file && git add file && git commit -q -S -m 'Say hello' && git tag -s -m one v1.0",
        world.at("alice.pub").display()
    ));
    assert_eq!(made.exit, 0, "{made:#?}");
    world
}

fn ask(world: &World, revision: &str, flags: &str) -> Ran {
    let flags = format!("--key keys/alice.pub --accept no-log,no-time{flags}");
    world.attest(&format!("verify git:repo@{revision} --format json {flags}"))
}

fn shell(world: &World, line: &str) -> String {
    let ran = world.shell(line);
    assert_eq!(ran.exit, 0, "{ran:#?}");
    ran.out.trim().to_owned()
}

#[test]
fn commits_and_tags_of_a_repository_are_verified_under_every_name() {
    for (form, accept) in [("sha256", ""), ("sha1", ",sha1-git")] {
        let world = repository(form);
        let commit = shell(&world, "git -C repo rev-parse HEAD");
        let tag = shell(&world, "git -C repo rev-parse v1.0");
        for revision in [
            "HEAD",
            "main",
            "refs/heads/main",
            "v1.0",
            "refs/tags/v1.0",
            &commit,
            &tag,
        ] {
            let report = ask(&world, revision, accept).yes().json();
            assert_eq!(report["subjects"][0]["kind"], "git", "{revision}");
        }
        let text = world
            .attest(&format!(
                "verify git:repo@v1.0 --key keys/alice.pub --accept no-log,no-time{accept}"
            ))
            .yes()
            .out;
        for wanted in [&commit, &tag, "v1.0", "alice@example.org"] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }
}

#[test]
fn a_name_by_sha1_must_be_asked_for() {
    let world = repository("sha1");
    refused(&ask(&world, "HEAD", ""), "git-sha1");
    let report = ask(&world, "HEAD", ",sha1-git").yes().json();
    assert!(report["accepted"].to_string().contains("sha1-git"));
}

#[test]
fn a_tag_under_another_name_is_not_that_tag() {
    let world = repository("sha256");
    let tag = shell(&world, "git -C repo rev-parse v1.0");
    shell(
        &world,
        &format!("git -C repo update-ref refs/tags/v2.0 {tag}"),
    );
    refused(&ask(&world, "v2.0", ""), "git-tag-name");
    ask(&world, "v1.0", "").yes();
}

/// Whoever moves references replaces a signed tag by an older signed commit, or puts a tag where no names
/// of tags are compared.
#[test]
fn a_commit_in_the_place_of_a_tag_is_not_that_tag() {
    for (form, accept) in [("sha256", ""), ("sha1", ",sha1-git")] {
        let world = repository(form);
        let older = shell(&world, "git -C repo rev-parse HEAD");
        let line = "cd repo && git commit -q -S --allow-empty -m more && git tag -s -m two v2.0";
        shell(&world, line);
        ask(&world, "v2.0", accept).yes();
        shell(
            &world,
            &format!("git -C repo update-ref refs/tags/v2.0 {older}"),
        );
        for revision in ["v2.0", "tags/v2.0", "refs/tags/v2.0"] {
            let ran = ask(&world, revision, accept);
            refused(&ran, "git-tag-name");
            assert!(ran.out.contains("by its own whole name"), "{ran:#?}");
        }
        // The commit itself is signed.
        let report = ask(&world, &older, accept).yes().json();
        let notes = report["subjects"][0]["notes"].to_string();
        assert!(!notes.contains("nobody signed"), "{notes}");
        let report = ask(&world, "main", accept).yes().json();
        let notes = report["subjects"][0]["notes"].to_string();
        assert!(
            notes.contains("nobody signed that refs/heads/main leads to this commit"),
            "{notes}"
        );
        // The tag of another release under a name at which git looks first, or where it lies for a branch.
        for place in ["refs/v2.0", "refs/heads/v2.0"] {
            let line = format!(
                "cd repo && rm -rf .git/refs/tags/v2.0 .git/refs/v2.0 .git/refs/heads/v2.0
                 git rev-parse v1.0 > .git/{place}"
            );
            shell(&world, &line);
            refused(&ask(&world, "v2.0", accept), "git-tag-name");
        }
        ask(&world, "v1.0", accept).yes();
    }
}

#[test]
fn a_reference_to_another_is_judged_by_the_name_that_was_asked_for() {
    let world = repository("sha256");
    let link = |name: &str, to: &str| {
        let line = format!("git -C repo symbolic-ref {name} {to}");
        shell(&world, &line);
    };
    shell(&world, "git -C repo branch old");
    for to in ["refs/heads/old", "refs/tags/v1.0"] {
        link("refs/tags/v2.0", to);
        for revision in ["v2.0", "refs/tags/v2.0"] {
            refused(&ask(&world, revision, ""), "git-tag-name");
        }
    }
    // A branch that git finds where a tag is asked for by its full name.
    shell(
        &world,
        "git -C repo update-ref refs/heads/refs/tags/v3.0 HEAD",
    );
    refused(&ask(&world, "refs/tags/v3.0", ""), "git-tag-name");
    // What leads to a branch is a branch: the checked out one, and that of a remote.
    link("refs/remotes/origin/HEAD", "refs/heads/main");
    for revision in ["HEAD", "origin", "refs/remotes/origin/HEAD"] {
        ask(&world, revision, "").yes();
    }
}

#[test]
fn a_tag_that_is_not_for_a_commit_is_no_tag_of_a_release() {
    let world = repository("sha256");
    shell(
        &world,
        "cd repo && git tag -s -m tree of-tree HEAD^{tree} && git tag -s -m tag of-tag v1.0",
    );
    refused(&ask(&world, "of-tree", ""), "git-tag-target");
    refused(&ask(&world, "of-tag", ""), "git-tag-target");
}

/// A signed tag that says `type commit` and names a tree: git itself shows it as a tag of a commit.
#[test]
fn a_tag_that_calls_a_tree_a_commit_is_refused() {
    let world = repository("sha256");
    let line = "cd repo && tree=$(git rev-parse 'HEAD^{tree}')
        git cat-file tag v1.0 | sed '/^-----BEGIN/,$d' | sed \"1s/.*/object $tree/;3s/.*/tag bent/\" > ../bent
        ssh-keygen -q -Y sign -f ../alice -n git < ../bent > ../bent.sig 2> /dev/null
        git update-ref refs/tags/bent $(cat ../bent ../bent.sig | git hash-object -t tag -w --literally --stdin)";
    shell(&world, line);
    refused(&ask(&world, "bent", ""), "git-tag-target");
}

#[test]
fn bytes_that_are_not_those_of_the_name_are_refused() {
    let world = repository("sha256");
    // A second good commit under the name of the first, as a loose object.
    let line = "cd repo && git commit -q -S --allow-empty -m more
        first=$(git rev-parse HEAD~) second=$(git rev-parse HEAD)
        place() { echo .git/objects/$(echo $1 | cut -c1-2)/$(echo $1 | cut -c3-); }
        chmod u+w $(place $first) && cp $(place $second) $(place $first) && echo $first";
    let first = shell(&world, line);
    let ran = ask(&world, &first, "");
    // git notices it, too: what it does not hand over cannot be told.
    assert!(matches!(ran.exit, 1 | 3), "{ran:#?}");
    let code = &ran.json()["subjects"][0]["files"][0]["code"];
    let known = ["git-object-mismatch", "git-unreadable"];
    assert!(known.iter().any(|it| code == it), "{ran:#?}");
}

/// A git that hands over another object than the one that is asked for, which only we can notice.
#[test]
fn a_git_that_lies_about_an_object_is_noticed() {
    let world = repository("sha256");
    let line = "cd repo && git commit -q -S --allow-empty -m more && git rev-parse HEAD~";
    let first = shell(&world, line);
    let second = shell(&world, "git -C repo rev-parse HEAD");
    let real = shell(&world, "command -v git");
    world.shell(&format!(
        "mkdir liar && printf '#!/bin/sh\\ncase \"$*\" in *cat-file*) sed s/{first}/{second}/ | {real} \"$@\" | sed s/{second}/{first}/;; *) exec {real} \"$@\";; esac\\n' > liar/git && chmod +x liar/git"
    ));
    let path = format!(
        "{}:{}",
        world.at("liar").display(),
        std::env::var("PATH").unwrap()
    );
    let words = format!(
        "verify git:repo@{first} --format json --key keys/alice.pub --accept no-log,no-time"
    );
    let ran = Ran::of(world.command().args(words.split(' ')).env("PATH", path));
    refused(&ran, "git-object-mismatch");
}

#[test]
fn what_is_calculated_or_abbreviated_names_nothing() {
    let world = repository("sha256");
    for revision in [
        "HEAD~1",
        "HEAD^",
        "v1.0^{commit}",
        "-x",
        "@{0}",
        ":/hello",
        "",
    ] {
        let subject = format!("git:repo@{revision}");
        let words = ["verify", &subject, "--key", "keys/alice.pub"];
        world.attest_with(&words).refused(2, "bad-subject");
    }
    let commit = shell(&world, "git -C repo rev-parse HEAD");
    for revision in [&commit[..12], "nothing", "v1.0-0-g0000000"] {
        let ran = ask(&world, revision, "");
        assert_eq!(ran.exit, 3, "{ran:#?}");
        let code = &ran.json()["subjects"][0]["files"][0]["code"];
        assert_eq!(code, "git-unreadable", "{ran:#?}");
    }
}

#[test]
fn nothing_that_a_repository_configures_is_run() {
    let world = repository("sha256");
    let ran = world.at("ran");
    let script = format!("touch {}", ran.display());
    world.write("hook", format!("#!/bin/sh\n{script}\n"));
    shell(&world, "chmod +x hook; cp hook git; cp hook repo/git");
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.alternateRefsCommand",
        "gpg.program",
        "gpg.ssh.program",
        "remote.origin.uploadpack",
        "core.editor",
    ] {
        shell(
            &world,
            &format!("git -C repo config {key} {}", world.at("hook").display()),
        );
    }
    // A repository that would fetch what it does not have.
    let line = format!(
        "cd repo && git config core.repositoryFormatVersion 1 && git config extensions.partialClone origin &&
         git config remote.origin.promisor true && git config protocol.allow always &&
         git config protocol.ext.allow always && git config remote.origin.url 'ext::{} %S'",
        world.at("hook").display()
    );
    shell(&world, &line);
    ask(&world, "HEAD", "").yes();
    let absent = ask(&world, &("0".repeat(63) + "1"), "");
    assert_eq!(absent.exit, 3, "{absent:#?}");
    let code = &absent.json()["subjects"][0]["files"][0]["code"];
    assert_eq!(code, "git-unreadable");
    let from_inside = Ran::of(
        world
            .command()
            .current_dir(world.at("repo"))
            .args(["verify", "git:.@HEAD", "--key"])
            .arg(world.at("keys/alice.pub"))
            .args(["--accept", "no-log,no-time"]),
    );
    assert_eq!(from_inside.exit, 0, "{from_inside:#?}");
    assert!(
        !ran.exists(),
        "something that the repository configured was run"
    );
}

#[test]
fn a_key_that_lies_in_the_repository_needs_a_pin() {
    let world = repository("sha256");
    shell(&world, "cp alice.pub repo/");
    world
        .attest("verify git:repo@HEAD --key repo/alice.pub --accept no-log,no-time")
        .refused(2, "trust-beside-subject");
}

#[test]
fn an_object_larger_than_any_honest_one_is_refused() {
    let world = World::new();
    world.write("object", vec![b'a'; (4 << 20) + 2]);
    world.write("key", fs::read(cases().join("ssh-commit/key")).unwrap());
    let ran = world.attest("verify git-object:object --format json --key key");
    refused(&ran, "git-object-too-large");
}

#[test]
fn a_file_that_is_not_there_could_not_be_told() {
    let world = World::new();
    world.write("key", fs::read(cases().join("ssh-commit/key")).unwrap());
    let ran = world.attest("verify git-object:nothing --format json --key key");
    assert_eq!(ran.exit, 3, "{ran:#?}");
}

#[test]
fn a_statement_is_asked_of_no_commit() {
    let world = repository("sha256");
    let ran = ask(&world, "HEAD", " --type https://slsa.dev/provenance/v1");
    refused(&ran, "predicate-not-requested");
    refused(&ask(&world, "HEAD", " --release a@1"), "release-missing");
    refused(
        &ask(&world, "HEAD", " --require 1 --deny-key keys/alice.pub"),
        "signer-denied",
    );
}

/// The page has every code, with an attack that is refused with it.
#[test]
fn the_page_about_git_has_every_code_and_an_attack() {
    let page = read("docs/git.md");
    let source = include_str!("git.rs");
    let rows: Vec<(&str, Vec<&str>)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| {
            let (code, rest) = row.split_once("` | ")?;
            let (_, attacks) = rest.rsplit_once(" | ")?;
            Some((code, attacks.split('`').skip(1).step_by(2).collect()))
        })
        .collect();
    let listed: BTreeSet<&str> = rows.iter().map(|(code, _)| *code).collect();
    for (code, _) in attest_verify::GIT_CODES {
        assert!(listed.contains(code), "{code} is not in docs/git.md");
    }
    for (code, attacks) in rows.iter().filter(|(code, _)| code.starts_with("git-")) {
        assert!(!attacks.is_empty(), "{code} has no attack");
        for attack in attacks {
            let is_case = Path::new(&cases()).join(attack).exists()
                && expect(attack).reject.as_deref() == Some(*code);
            let is_test = source.contains(&format!("fn {attack}()"))
                || include_str!("../crates/verify/src/git/name.rs")
                    .contains(&format!("fn {attack}()"));
            assert!(is_case || is_test, "{code}: {attack}");
        }
    }
}
