//! Layouts and links through the command: every case of `fixtures/layouts`, and the files at hand.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::page::root;
use crate::support::{Ran, World};

/// What a case expects.
struct Case {
    name: String,
    folder: PathBuf,
    expect: toml::Table,
}

impl Case {
    fn all() -> Vec<Self> {
        let entries = fs::read_dir(root().join("fixtures/layouts")).unwrap();
        let mut cases: Vec<Self> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|folder| Self::read(&folder))
            .collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        cases
    }

    fn named(name: &str) -> Self {
        Self::read(&root().join("fixtures/layouts").join(name))
    }

    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(folder.join("SOURCE.md").exists(), "{name} has no SOURCE.md");
        let expect = fs::read_to_string(folder.join("expect.toml")).unwrap();
        Self {
            expect: expect
                .parse()
                .unwrap_or_else(|error| panic!("{name}: {error}")),
            folder: folder.to_owned(),
            name,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.expect.get(key).map(|it| it.as_str().unwrap())
    }

    fn is_accepted(&self) -> bool {
        self.expect
            .get("accept")
            .is_some_and(|it| it.as_bool().unwrap())
    }

    /// A world with its files.
    fn world(&self) -> World {
        let world = World::new();
        copy(&self.folder, world.path());
        world
    }

    fn run(&self) -> Ran {
        let mut arguments = vec![
            "provenance",
            "layout",
            "verify",
            "root.layout",
            "--layout-key",
            "owner.pub",
        ];
        arguments.extend(["--links", "links", "--format", "json"]);
        arguments.extend(["--at", self.text("at").unwrap_or("2026-06-01")]);
        let more = self
            .expect
            .get("args")
            .map(|it| it.as_array().unwrap().clone());
        let more = more.unwrap_or_default();
        arguments.extend(more.iter().map(|it| it.as_str().unwrap()));
        self.world().attest_with(&arguments)
    }

    /// Exit code and code of a run.
    fn answer(&self) -> (i32, Option<String>) {
        let ran = self.run();
        let json = ran.json();
        let code = match ran.exit {
            0 => &Value::Null,
            1 => &json["reasons"][0]["code"],
            _ => &json["error"]["code"],
        };
        (ran.exit, code.as_str().map(str::to_owned))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn every_layout_is_judged_as_its_case_says() {
    let mut wrong = Vec::new();
    let cases = Case::all();
    for case in &cases {
        let wanted = match case.text("reject") {
            None => (0, None),
            Some(code) => {
                let exit = case
                    .expect
                    .get("exit")
                    .map_or(1, |it| it.as_integer().unwrap());
                (i32::try_from(exit).unwrap(), Some(code.to_owned()))
            }
        };
        assert_eq!(case.is_accepted(), wanted.0 == 0, "{}", case.name);
        let found = case.answer();
        if found != wanted {
            wrong.push(format!("{}: {found:?}, wanted {wanted:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() > 100, "{}", cases.len());
}

#[test]
fn what_is_refused_has_a_parent_that_is_accepted() {
    for case in Case::all().iter().filter(|it| !it.is_accepted()) {
        let parent = Case::named(case.text("parent").unwrap());
        assert!(parent.is_accepted(), "{}: {}", case.name, parent.name);
        assert!(!case.text("change").unwrap().is_empty(), "{}", case.name);
    }
}

/// A world with the two steps of `chain`, and the files that its last step made.
fn with_products() -> World {
    let world = Case::named("chain").world();
    world.write("dist/foo.py", "print('hello')\n");
    world.write("dist/foo.tgz", "a package");
    world
}

const BY_LAYOUT: &str =
    "--layout root.layout --layout-key owner.pub --links links --at 2026-06-01 --format json";

fn verify(world: &World, subjects: &str) -> Ran {
    world.attest(&format!("verify {subjects} {BY_LAYOUT}"))
}

#[track_caller]
fn file_code(ran: &Ran, path: &str) -> String {
    let json = ran.json();
    let files = json["subjects"][0]["files"].as_array().unwrap().clone();
    let file = files.iter().find(|it| it["path"] == path).unwrap();
    file["code"].as_str().unwrap_or("verified").to_owned()
}

#[test]
fn files_at_hand_are_the_products_of_the_last_step() {
    let world = with_products();
    verify(&world, "dist").yes();
    verify(&world, "dist/foo.tgz dist/foo.py").yes();
    let sha256 = "sha256:d52774984e8fa8cc6e6161e3fe59e7f9f4d8c3e50cc8f3bd3f42f68ce0cd5ea1";
    assert_eq!(verify(&world, sha256).exit, 1);
}

/// GHSA-p86f-xmg6-9q4x: the links are in order, and the file at hand is another.
#[test]
fn a_file_that_is_not_what_the_links_say_is_refused() {
    let world = with_products();
    world.write("dist/foo.tgz", "another package");
    let ran = verify(&world, "dist");
    assert_eq!(
        (ran.exit, file_code(&ran, "foo.tgz").as_str()),
        (1, "digest-mismatch")
    );
    let ran = verify(&world, "dist/foo.tgz");
    assert_eq!(
        (ran.exit, file_code(&ran, "dist/foo.tgz").as_str()),
        (1, "digest-mismatch")
    );
    world.attest("provenance layout verify root.layout --layout-key owner.pub --links links --at 2026-06-01").yes();
}

#[test]
fn every_file_of_a_folder_is_a_product_and_every_product_is_there() {
    let world = with_products();
    world.write("dist/extra", "nobody's");
    let ran = verify(&world, "dist");
    assert_eq!(
        (ran.exit, file_code(&ran, "extra").as_str()),
        (1, "file-unattested")
    );
    verify(&world, "dist --allow-extra extra").yes();
    fs::rename(world.at("dist/foo.py"), world.at("dist/extra")).unwrap();
    let ran = verify(&world, "dist");
    assert_eq!(file_code(&ran, "extra"), "name-mismatch");
    assert_eq!(file_code(&ran, "foo.py"), "file-missing");
}

#[test]
fn links_and_layout_in_the_folder_are_its_evidence_and_nothing_else_is() {
    let world = with_products();
    copy(&world.at("links"), &world.at("dist/links"));
    world.write("dist/root.layout", world.read("root.layout"));
    let by = BY_LAYOUT
        .replace("root.layout", "dist/root.layout")
        .replace("links links", "links dist/links");
    world.attest(&format!("verify dist {by}")).yes();
    world.write("dist/links/write.00000000.link", "{}");
    let ran = world.attest(&format!("verify dist {by}"));
    assert_eq!(
        file_code(&ran, "links/write.00000000.link"),
        "file-unattested"
    );
}

#[test]
fn a_chain_that_does_not_hold_verifies_no_file() {
    let world = Case::named("threshold-two-disagree").world();
    world.write("dist/foo.tgz", "a package");
    let ran = verify(&world, "dist/foo.tgz");
    assert_eq!(ran.exit, 1);
    assert_eq!(
        ran.json()["subjects"][0]["reasons"][0]["code"],
        "links-disagree"
    );
}

#[test]
fn a_layout_key_in_the_folder_needs_its_pin() {
    let world = with_products();
    world.write("dist/owner.pub", world.read("owner.pub"));
    let by = BY_LAYOUT.replace("owner.pub", "dist/owner.pub");
    world
        .attest(&format!("verify dist {by}"))
        .refused(2, "trust-beside-subject");
    let said = world
        .attest("key show owner.pub --format json")
        .yes()
        .json();
    let pin = said.to_string();
    let (_, pin) = pin.split_once("sha256:").unwrap();
    let pin = &pin[..64];
    let pinned = by.replace("dist/owner.pub", &format!("dist/owner.pub@sha256:{pin}"));
    world.attest(&format!("verify dist {pinned}")).yes();
    let wrong = by.replace(
        "dist/owner.pub",
        &format!("dist/owner.pub@sha256:{}", "0".repeat(64)),
    );
    world
        .attest(&format!("verify dist {wrong}"))
        .refused(2, "pin-not-found");
}

/// GHSA-73jv-h86v-c2vh: a layout that its owner has signed before, and that has not expired.
#[test]
fn a_layout_that_is_pinned_is_no_other_of_its_owner() {
    let world = with_products();
    let digest = crate::verify::sha256(&world.read("root.layout"));
    let by = |pin: &str| BY_LAYOUT.replace("root.layout", &format!("root.layout@sha256:{pin}"));
    let ran = world.attest(&format!("verify dist {}", by(&digest))).yes();
    let trust = ran.json()["trust"][0].clone();
    assert_eq!(
        (&trust["what"], &trust["sha256"], &trust["pinned"]),
        (
            &Value::from("layout"),
            &Value::from(digest.as_str()),
            &Value::from(true)
        ),
        "{ran:#?}"
    );
    let chain =
        format!("root.layout@sha256:{digest} --layout-key owner.pub --links links --at 2026-06-01");
    world
        .attest(&format!("provenance layout verify {chain}"))
        .yes();
    // The same in other bytes, and another one.
    let text = String::from_utf8(world.read("root.layout")).unwrap();
    for other in [
        format!("{text}\n"),
        String::from_utf8(Case::named("threshold-two").world().read("root.layout")).unwrap(),
    ] {
        world.write("root.layout", other);
        world
            .attest(&format!("provenance layout verify {chain}"))
            .refused(2, "pin-not-found");
        world
            .attest(&format!("verify dist {}", by(&digest)))
            .refused(2, "pin-not-found");
    }
    world.write("root.layout", text);
    for pin in ["", "0", &digest.to_uppercase()] {
        world
            .attest(&format!("verify dist {}", by(pin)))
            .refused(2, "pin-not-found");
    }
}

#[test]
fn what_is_wrong_with_the_request_is_told_before_any_file_is_read() {
    let world = with_products();
    let layout = "provenance layout verify root.layout --links links";
    world.attest(layout).refused(2, "layout-unsigned");
    world
        .attest(&format!("{layout} --layout-key nobody.pub"))
        .refused(2, "key-unreadable");
    world
        .attest("provenance layout verify nothing --links links --layout-key owner.pub")
        .refused(2, "layout-unreadable");
    world
        .attest("provenance layout verify root.layout --layout-key owner.pub --links nowhere")
        .refused(3, "links-unreadable");
    world
        .attest("verify dist --links links")
        .refused(2, "bad-arguments");
    world
        .attest(&format!("verify dist {BY_LAYOUT} --key owner.pub"))
        .refused(2, "bad-arguments");
}

#[test]
fn what_a_layout_does_not_ask_is_not_ignored() {
    let world = with_products();
    verify(&world, "dist").yes();
    for flag in [
        "--succession root.layout",
        "--state state.json",
        "--trusted-root root.layout",
        "--trust-env",
        "--accept no-log",
        "--independent someone",
        "--force",
        "--ignore-missing",
        "--evidence links",
        "--deployed-links test",
        "--manifest root.layout",
        "--source-repository links",
        "--platform linux/amd64",
        "--all-platforms",
        "--plain-http localhost",
        "--registry-ca owner.pub",
        "--registry-mirror a.example=b.example",
        "--registry-realm a.example=b.example",
        "--registry-config root.layout",
    ] {
        world
            .attest(&format!("verify dist {BY_LAYOUT} {flag}"))
            .refused(2, "bad-arguments");
    }
    assert!(!world.at("state.json").exists());
}

#[test]
fn a_layout_is_made_signed_explained_and_verified() {
    let world = World::new();
    for name in ["owner", "alice", "bob"] {
        world
            .attest(&format!("key generate {name}.key --no-password"))
            .yes();
    }
    let public = |name: &str| {
        if world.at(&format!("{name}.key.pub")).exists() {
            format!("{name}.key.pub")
        } else {
            format!("{name}.pub")
        }
    };
    let (owner, alice, bob) = (public("owner"), public("alice"), public("bob"));
    world
        .attest(&format!("provenance layout new --step write:{alice},{bob} --threshold write=2 --step ship:{bob} --expires 2099-01-01 -o root.layout"))
        .yes();
    let unsigned =
        format!("provenance layout verify root.layout --layout-key {owner} --links links");
    fs::create_dir(world.at("links")).unwrap();
    world.attest(&unsigned).refused(2, "layout-unsigned");
    world
        .attest("provenance layout sign root.layout --key owner.key --no-password")
        .yes();
    let shown = world.attest("provenance layout show root.layout").yes();
    assert!(
        shown.out.contains("done by 2 different ones of the keys"),
        "{}",
        shown.out
    );
    let ran = world.attest(&format!("{unsigned} --format json"));
    assert_eq!(ran.json()["reasons"][0]["code"], "link-missing");
    // The same with an envelope.
    world.attest("provenance layout sign root.layout --key owner.key --no-password --dsse -o dsse.layout").yes();
    let dsse = unsigned.replace("root.layout", "dsse.layout");
    let ran = world.attest(&format!("{dsse} --format json"));
    assert_eq!(ran.json()["reasons"][0]["code"], "link-missing");
    // A threshold that the step's keys cannot meet is not written.
    world
        .attest(&format!("provenance layout new --step write:{alice} --threshold write=2 --expires 2099-01-01 -o x"))
        .refused(2, "bad-arguments");
    world
        .attest(&format!(
            "provenance layout new --step ../x:{alice} --expires 2099-01-01 -o x"
        ))
        .refused(2, "step-name-malformed");
    world
        .attest(&format!(
            "provenance layout new --step x:{alice} --expires 2020-01-01 -o x"
        ))
        .refused(2, "layout-expired");
}

/// What is inspected does not become the program that inspects it.
#[test]
fn an_inspection_finds_its_program_in_no_folder_that_is_relative() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = Case::named("inspection").world();
    world.write("products/true", "#!/bin/sh\nexit 1\n");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(world.at("products/true"), executable).unwrap();
    let path = std::env::var("PATH").unwrap();
    let line = "provenance layout verify root.layout --layout-key owner.pub --links links --at 2026-06-01 --format json --run-inspections --products products";
    let ran = Ran::of(
        world
            .command()
            .args(line.split(' '))
            .env("PATH", format!(".:{path}")),
    );
    // It ran, and told of a file that no rule lets be there.
    let code = ran.json()["reasons"][0]["code"].clone();
    assert_eq!(
        (ran.exit, code.as_str()),
        (1, Some("rule-disallowed")),
        "{ran:#?}"
    );
}

#[test]
fn inspect_says_what_a_layout_and_a_link_claim() {
    for (case, form) in [("chain", "metablock"), ("chain-dsse", "DSSE envelope")] {
        let world = Case::named(case).world();
        let said = world.attest("inspect root.layout").yes().out;
        assert!(said.contains(&format!("in-toto layout ({form})")), "{said}");
        assert!(said.contains("package, by 1 of 1 keys"), "{said}");
        let links = fs::read_dir(world.at("links")).unwrap();
        for link in links {
            let name = link.unwrap().file_name().into_string().unwrap();
            let said = world.attest(&format!("inspect links/{name}")).yes().out;
            assert!(said.contains(&format!("in-toto link ({form})")), "{said}");
        }
    }
    let world = Case::named("hybrid-layout").world();
    assert_eq!(world.attest("inspect root.layout").exit, 1);
}

#[test]
fn where_another_implementation_reads_a_rule_otherwise_it_is_told() {
    let json = Case::named("pattern-class").run().yes().json();
    let notes = json["proven"]["notes"].as_array().unwrap().clone();
    assert!(
        notes
            .iter()
            .any(|it| it["code"] == "implementations-differ"),
        "{json:#}"
    );
    let json = Case::named("chain").run().yes().json();
    assert_eq!(json["proven"]["notes"], serde_json::json!([]));
}
