//! Rules about the files of a release or a list: which of them a rule asks, and what provenance of its
//! packaging says beside that of its build.

use serde_json::{Value, json};

use super::images::Layout;
use super::sets::{PROVENANCE, RELEASE};
use super::{Desk, TESTED, TESTS};
use crate::verify::{lone_code, sha256};

fn file(name: &str) -> Value {
    // In these folders a file holds its own name.
    json!({"name": name, "digest": {"sha256": sha256(name.as_bytes())}})
}

fn passed() -> Value {
    json!({"result": "PASSED", "configuration": [], "failedTests": []})
}

const RELEASED: &str = "[[require]]\ntype = \"release\"\nsigned_by = \"alice\"\n";

/// A folder of a release with these files, of which the first alone was tested.
fn half_tested(files: &[&str]) -> Desk {
    let desk = Desk::new();
    for name in files {
        desk.people.world.write(&format!("d/{name}"), name);
    }
    let all: Vec<Value> = files.iter().map(|it| file(it)).collect();
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    desk.says_of("alice", "d/release.sigstore.json", RELEASE, &release, &all);
    desk.says_of("alice", "d/test.sigstore.json", TESTS, &passed(), &all[..1]);
    desk
}

#[test]
fn a_rule_asks_nothing_of_what_it_excepts_and_something_of_the_rest() {
    let desk = half_tested(&["a", "b.txt"]);
    let ask = |except: &str, subject: &str| {
        let rules = format!("{RELEASED}{TESTED}except = {except}\n");
        desk.policy(&["alice"], "", &rules);
        desk.ask(subject)
    };
    let ran = ask("[\"*.txt\"]", "d");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let rules = ran.json()["subjects"][0]["rules"].clone();
    assert_eq!(
        rules[1]["asks"],
        "evidence of the type test-result by alice, but not about files like *.txt; it says that result is \"PASSED\"",
    );
    assert_eq!(
        rules[1]["files"],
        json!({"passed": 1, "of": 1}),
        "{rules:#}"
    );
    for (except, subject, code) in [
        // Not excepted, nor one that stands somewhere else.
        ("[\"c.txt\"]", "d", "attestation-missing"),
        ("[\"sub/*.txt\"]", "d", "attestation-missing"),
        // What is left is nothing.
        ("[\"a\", \"*.txt\"]", "d", "nothing-verified"),
        // A file by itself stands in no folder.
        ("[\"*.txt\"]", "d/b.txt", "attestation-missing"),
    ] {
        let ran = ask(except, subject);
        assert_eq!(ran.exit, 1, "{except} {subject}: {ran:#?}");
        assert!(
            ran.out.contains(&format!("\"{code}\"")),
            "{except} {subject}: {ran:#?}"
        );
    }
    // That nothing is asked of it does not put it into the release.
    desk.people.world.write("d/c.txt", "c.txt");
    let ran = ask("[\"*.txt\"]", "d");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"file-unattested\""), "{ran:#?}");
    for (more, problem) in [
        ("except = [\"*\"]", "every file would be excepted"),
        ("except = [\"**/*\"]", "every file would be excepted"),
        ("except = [\"../x\"]", "leaves the folder"),
        (
            "each = \"release\"\nexcept = [\"x\"]",
            "asks about no file by itself",
        ),
    ] {
        desk.policy(&["alice"], "", &format!("{RELEASED}{TESTED}{more}\n"));
        let message = desk.bad("d", "policy-malformed");
        assert!(message.contains(problem), "{more}: {message}");
    }
}

/// A rule that excepts what it must refuse would be one that anyone widens by a name.
#[test]
fn what_is_excepted_by_one_rule_is_asked_by_the_others() {
    let desk = half_tested(&["a", "b.txt"]);
    let rules = format!("{RELEASED}{TESTED}except = [\"b.txt\"]\n{TESTED}name = \"all\"\n");
    desk.policy(&["alice"], "", &rules);
    let ran = desk.ask("d");
    let rules = ran.json()["subjects"][0]["rules"].clone();
    assert_eq!(
        (ran.exit, &rules[1]["answer"], &rules[2]["answer"]),
        (1, &json!("yes"), &json!("no")),
        "{ran:#?}"
    );
}

#[test]
fn a_list_without_what_a_rule_wants_is_a_no_by_that_rule() {
    let desk = Desk::new();
    let world = &desk.people.world;
    for name in ["a", "b.txt"] {
        world.write(&format!("d/{name}"), name);
    }
    let line = |name: &str| format!("{}  {name}\n", sha256(name.as_bytes()));
    world.write("d/SHA256SUMS", line("a") + &line("b.txt"));
    let (list, test) = ("d/SHA256SUMS.sigstore.json", "d/test.sigstore.json");
    let signature = "[[require]]\ntype = \"signature\"\nsigned_by = \"alice\"\n";
    let tested = "[[require]]\ntype = \"test-result\"\nsigned_by = \"bob\"\n";
    desk.policy(&["alice", "bob"], "", &format!("{signature}{tested}"));
    let put = || {
        desk.people.sign("alice", "d/SHA256SUMS", list);
        desk.says_of("bob", test, TESTS, &passed(), &[file("a"), file("b.txt")]);
    };
    for subject in ["d/SHA256SUMS", "sums:d/SHA256SUMS"] {
        put();
        let ran = desk.ask(subject);
        assert_eq!(ran.exit, 0, "{subject}: {ran:#?}");
        for (gone, code) in [
            (list, "bundle-missing"),
            (test, "attestation-missing"),
            ("d/b.txt", "file-missing"),
        ] {
            let kept = world.read(gone);
            std::fs::remove_file(world.at(gone)).unwrap();
            let ran = desk.ask(subject);
            assert_eq!(ran.exit, 1, "{subject} without {gone}: {ran:#?}");
            assert!(
                ran.out.contains(&format!("\"{code}\"")),
                "{subject} without {gone}: {ran:#?}"
            );
            world.write(gone, kept);
        }
        // About one of the files only; excepted, the other is asked nothing.
        desk.says_of("bob", test, TESTS, &passed(), &[file("a")]);
        let ran = desk.ask(subject);
        assert_eq!(ran.exit, 1, "{ran:#?}");
    }
    let except = format!("{signature}{tested}except = [\"*.txt\"]\n");
    desk.policy(&["alice", "bob"], "", &except);
    let ran = desk.ask("d/SHA256SUMS");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

/// Provenance of ours: what was built while we watched, and what was only put together.
fn ours(kind: &str, builder: &str, source: &str) -> Value {
    let parameters = match kind {
        "packaging" => json!({"name": "hello", "version": "1.0"}),
        _ => json!({"step": "build", "command": ["make"]}),
    };
    let source = json!({"uri": format!("git+{source}"), "digest": {"gitCommit": "1".repeat(40)}});
    json!({
        "buildDefinition": {
            "buildType": format!("https://attest.dev/buildtypes/{kind}/v1"),
            "externalParameters": parameters, "resolvedDependencies": [source],
        },
        "runDetails": {"builder": {"id": format!("https://attest.dev/builders/{builder}")}},
    })
}

#[test]
fn who_packaged_what_was_built_contradicts_no_build_and_proves_none() {
    let desk = Desk::new();
    let (app, other) = (
        "https://git.example/acme/app",
        "https://git.example/mallory/app",
    );
    let built = ours("recorded-step", "recorder", app);
    let packaged = |source: &str| ours("packaging", "unobserved", source);
    let ask = |wants: &str, said: &[&Value]| {
        for number in 0..3 {
            let _ = std::fs::remove_file(desk.people.world.at(&format!("{number}.sigstore.json")));
        }
        for (number, predicate) in said.iter().enumerate() {
            desk.says(
                "alice",
                &format!("{number}.sigstore.json"),
                PROVENANCE,
                predicate,
            );
        }
        let rule = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\n";
        desk.policy(&["alice"], "", &format!("{rule}{wants}\n"));
        desk.ask("x")
    };
    let level = "level = 1";
    let recorder = "builder = \"https://attest.dev/builders/recorder\"";
    let source = format!("level = 1\nsource = \"{app}\"");
    for wants in [level, recorder, &source] {
        for said in [
            &[&built][..],
            &[&built, &packaged(app)],
            &[&packaged(app), &built],
        ] {
            let ran = ask(wants, said);
            assert_eq!(ran.exit, 0, "{wants}: {ran:#?}");
        }
    }
    for (wants, said, code) in [
        // By itself it is no account of a build.
        (level, &[&packaged(app)][..], "slsa-level-low"),
        (recorder, &[&packaged(app)], "builder-mismatch"),
        // What it does say must not be something else.
        (&source, &[&built, &packaged(other)], "source-mismatch"),
        (
            &source,
            &[&ours("recorded-step", "recorder", other), &packaged(app)],
            "source-mismatch",
        ),
        // Who says to have built it is heard, whatever he calls himself.
        (
            level,
            &[&built, &ours("recorded-step", "unobserved", app)],
            "build-type-unknown",
        ),
        (
            level,
            &[&built, &ours("packaging", "recorder", app)],
            "build-type-unknown",
        ),
    ] {
        let ran = ask(wants, said);
        assert_eq!(ran.exit, 1, "{wants}: {ran:#?}");
        assert!(
            ran.out.contains(&format!("\"{code}\"")),
            "{wants}: {code}: {ran:#?}"
        );
    }
}

/// Two people must have released it: who released something else with the same bytes is not one of them.
#[test]
fn statements_about_another_release_count_for_nothing_where_one_is_asked_for() {
    let desk = Desk::new();
    let world = &desk.people.world;
    desk.policy(&["alice", "bob"], "", TWO);
    world.write("lone/a", "a");
    world.write("d/a", "a");
    let list = format!("{}  a\n", sha256(b"a"));
    world.write("l/a", "a");
    world.write("l/SHA256SUMS", &list);
    let layout = Layout::of(world, &["a"]);
    let listed = json!({"name": "SHA256SUMS", "digest": {"sha256": sha256(list.as_bytes())}});
    let released = |who: &str, version: &str| {
        let predicate = json!({"purl": format!("pkg:generic/hello@{version}")});
        let says = |out: &str, subjects: &[Value]| {
            desk.says_of(who, out, RELEASE, &predicate, subjects);
        };
        says(&format!("lone/{who}.sigstore.json"), &[file("a")]);
        says(&format!("d/release-{who}.sigstore.json"), &[file("a")]);
        let both = [file("a"), listed.clone()];
        says(&format!("l/release-{who}.sigstore.json"), &both);
        says("image.json", &[layout.subject(0)]);
        layout.attach(0, "image.json");
    };
    let subjects = ["lone/a", "d", "l/SHA256SUMS", "oci-layout:image"];
    let ask = |version: &str, code: Option<&str>| {
        for subject in subjects {
            let ran = desk.ask(&format!("{subject} --release hello@{version}"));
            let wanted = i32::from(code.is_some());
            assert_eq!(ran.exit, wanted, "{subject} {version}: {ran:#?}");
            if let Some(code) = code {
                let said = ran.out.contains(&format!("\"{code}\""));
                assert!(said, "{subject} {version}: {code}: {ran:#?}");
            }
        }
    };
    released("alice", "2.0");
    released("bob", "1.0");
    ask("2.0", Some("signers-too-few"));
    ask("1.0", Some("signers-too-few"));
    ask("3.0", Some("release-mismatch"));
    // Bob released that one, too.
    released("bob", "2.0");
    ask("2.0", None);
}

const TWO: &str =
    "[[require]]\ntype = \"release\"\nsigned_by = [\"alice\", \"bob\"]\nthreshold = 2\n";

#[test]
fn a_packaging_of_another_release_counts_for_nothing_where_one_is_asked_for() {
    let desk = Desk::new();
    let released = json!({"purl": "pkg:generic/hello@1.0"});
    desk.says("bob", "r.sigstore.json", RELEASE, &released);
    let packaged = |version: &str| {
        let mut predicate = ours("packaging", "unobserved", "https://git.example/acme/app");
        let definition = &mut predicate["buildDefinition"];
        definition["externalParameters"]["version"] = json!(version);
        let part = json!({"part": 1, "parts": 1, "sha256sums": {"sha256": "1".repeat(64)}});
        definition["internalParameters"] = json!({"attest": part});
        desk.says("alice", "p.sigstore.json", PROVENANCE, &predicate);
        desk.ask("x --release hello@1.0")
    };
    let rules = "[[require]]\ntype = \"release\"\nsigned_by = \"bob\"\n\
        [[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\n\
        source = \"https://git.example/acme/app\"\n";
    desk.policy(&["alice", "bob"], "", rules);
    let ran = packaged("1.0");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let ran = packaged("2.0");
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "release-mismatch"),
        "{ran:#?}"
    );
}

#[test]
fn a_release_has_provenance_of_each_file_a_bill_and_two_signatures() {
    let desk = Desk::new();
    let world = &desk.people.world;
    let both = [file("a"), file("b")];
    let rules = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\nlevel = 1\n\
                 [[require]]\ntype = \"sbom\"\nsigned_by = \"alice\"\neach = \"release\"\n\
                 [[require]]\ntype = \"release\"\nsigned_by = [\"alice\", \"bob\"]\nthreshold = 2\n";
    desk.policy(&["alice", "bob"], "", rules);
    let built = ours("recorded-step", "recorder", "https://git.example/acme/app");
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let reference = json!({
        "name": "bill.cdx.json", "downloadLocation": "bill.cdx.json", "digest": {"sha256": sha256(b"a bill")},
        "mediaType": "application/vnd.cyclonedx+json",
    });
    let bill = json!({"attester": {"id": "https://ci.example"}, "references": [reference]});
    for name in ["a", "b"] {
        world.write(&format!("d/{name}"), name);
    }
    let state = |who: &str, name: &str, files: &[Value]| {
        let (of, predicate) = match name {
            "provenance" => (PROVENANCE, &built),
            "bill" => (REFERENCE, &bill),
            _ => (RELEASE, &release),
        };
        let out = format!("d/{name}.sigstore.json");
        desk.says_of(who, &out, of, predicate, files);
    };
    let whole = || {
        state("alice", "provenance", &both);
        state("alice", "bill", &both[..1]);
        state("alice", "release", &both);
        state("bob", "release-2", &both);
    };
    whole();
    let ran = desk.ask("d");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let no = |code: &str| {
        let ran = desk.ask("d");
        assert_eq!(ran.exit, 1, "{code}: {ran:#?}");
        assert!(ran.out.contains(&format!("\"{code}\"")), "{code}: {ran:#?}");
    };
    // Provenance of one of the files, or by somebody else.
    state("alice", "provenance", &both[..1]);
    no("attestation-missing");
    state("bob", "provenance", &both);
    no("attestation-missing");
    whole();
    // A bill of nobody, of none of the files, or none at all.
    state("bob", "bill", &both[..1]);
    no("attestation-missing");
    state(
        "alice",
        "bill",
        &[json!({"name": "c", "digest": {"sha256": sha256(b"c")}})],
    );
    no("attestation-missing");
    std::fs::remove_file(world.at("d/bill.sigstore.json")).unwrap();
    no("attestation-missing");
    whole();
    // One of two, or the same one twice.
    state("alice", "release-2", &both);
    no("signers-too-few");
    std::fs::remove_file(world.at("d/release-2.sigstore.json")).unwrap();
    no("signers-too-few");
    whole();
    let ran = desk.ask("d");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

#[test]
fn a_bill_of_materials_is_one_that_is_signed_or_referred_to_by_its_digest() {
    let desk = Desk::new();
    let rule = "[[require]]\ntype = \"sbom\"\nsigned_by = \"alice\"\n";
    desk.policy(&["alice"], "", rule);
    let refer = |media_type: &str, digest: Value| {
        let bill = json!({
            "name": "bill.cdx.json", "downloadLocation": "bill.cdx.json", "digest": digest, "mediaType": media_type,
        });
        let predicate = json!({"attester": {"id": "https://ci.example"}, "references": [bill]});
        desk.says("alice", "bill.sigstore.json", REFERENCE, &predicate);
    };
    let digest = || json!({"sha256": sha256(b"a bill")});
    for media_type in ["application/vnd.cyclonedx+json", "application/spdx+json"] {
        refer(media_type, digest());
        desk.yes();
    }
    // A rule about its fields asks the bill itself.
    let fields = format!("{rule}where = {{ attester = {{ id = \"https://ci.example\" }} }}\n");
    desk.policy(&["alice"], "", &fields);
    desk.no("attestation-missing");
    desk.policy(&["alice"], "", rule);
    refer("application/sarif+json", digest());
    desk.no("attestation-missing");
    refer("application/vnd.cyclonedx+json", json!({}));
    desk.no("attestation-missing");
    refer(
        "application/vnd.cyclonedx+json",
        json!({"md5": "0".repeat(32)}),
    );
    desk.no("attestation-missing");
    // Who asks for CycloneDX by its name asks for the bill as the predicate.
    refer("application/vnd.cyclonedx+json", digest());
    desk.policy(&["alice"], "", &rule.replace("sbom", "cyclonedx"));
    desk.no("attestation-missing");
}

const REFERENCE: &str = "https://in-toto.io/attestation/reference/v0.1";
