//! `attest verify --policy` and `attest policy`: each field of the language has the case where changing
//! it, or what it asks about, is refused.

mod ages;
mod attacks;
mod builders;
mod fields;
mod flags;
mod git;
pub(crate) mod images;
mod keyless;
mod layouts;
mod less;
mod lists;
mod many;
mod releases;
mod sets;
mod shipped;
mod sources;

use serde_json::{Value, json};

use crate::support::Ran;
use crate::verify::signers::People;
use crate::verify::{lone_code, sha256};

const TESTS: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// A world with an artifact `x`, and what people say about it.
struct Desk {
    people: People,
}

impl Desk {
    fn new() -> Self {
        let people = People::new();
        people.world.write("x", "x");
        Self { people }
    }

    fn pin(&self, who: &str) -> String {
        let key = attest_verify::PublicKey::parse(&self.people.world.read(&format!("{who}.pub")));
        hex::encode(key.unwrap().fingerprint())
    }

    /// A trust table for a person.
    fn trust(&self, who: &str) -> String {
        let pin = self.pin(who);
        format!(
            "[trust.{who}]\nkind = \"keys\"\nkeys = [{{ file = \"{who}.pub\", sha256 = \"{pin}\" }}]\n"
        )
    }

    /// Writes a policy that trusts these people and has these rules.
    fn policy(&self, people: &[&str], top: &str, rules: &str) {
        let trust: String = people.iter().map(|it| self.trust(it)).collect();
        let text = format!("version = 1\nname = \"p\"\n{top}\n{trust}\n{rules}\n");
        self.people.world.write("p.toml", text);
    }

    /// Someone says something about `x`.
    fn says(&self, who: &str, out: &str, of: &str, predicate: &Value) {
        let digest = json!({"sha256": sha256(b"x")});
        self.says_of(
            who,
            out,
            of,
            predicate,
            &[json!({"name": "x", "digest": digest})],
        );
    }

    fn says_of(&self, who: &str, out: &str, of: &str, predicate: &Value, subjects: &[Value]) {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "subject": subjects,
            "predicateType": of, "predicate": predicate,
        });
        self.people
            .world
            .write("statement.json", statement.to_string());
        self.people
            .world
            .attest(&format!(
                "sign --statement statement.json --key {who}.key --out {out} --no-password --force"
            ))
            .yes();
    }

    fn tested(&self, who: &str, result: &str) {
        let predicate = json!({"result": result, "configuration": [], "failedTests": []});
        self.says(who, &format!("{who}-test.sigstore.json"), TESTS, &predicate);
    }

    fn ask(&self, more: &str) -> Ran {
        self.people.verify(&format!("{more} --policy p.toml"))
    }

    #[track_caller]
    fn yes(&self) {
        let ran = self.ask("x");
        assert_eq!(ran.exit, 0, "{ran:#?}");
    }

    #[track_caller]
    fn no(&self, code: &str) {
        let ran = self.ask("x");
        assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, code), "{ran:#?}");
    }

    #[track_caller]
    fn bad(&self, more: &str, code: &str) -> String {
        let ran = self.ask(more);
        let error = ran.json()["error"].clone();
        assert_eq!(
            (ran.exit, error["code"].as_str().unwrap_or_default()),
            (2, code),
            "{ran:#?}"
        );
        error["message"].as_str().unwrap_or_default().to_owned()
    }
}

const TESTED: &str = "[[require]]\ntype = \"test-result\"\nsigned_by = \"alice\"\n";

#[test]
fn a_file_passes_when_every_rule_does() {
    let desk = Desk::new();
    desk.policy(
        &["alice", "bob"],
        "",
        &format!("{TESTED}[[require]]\ntype = \"signature\"\nsigned_by = \"bob\"\n"),
    );
    desk.no("attestation-missing");
    desk.tested("alice", "PASSED");
    desk.no("attestation-missing");
    desk.people.sign("bob", "x", "x.sigstore.json");
    desk.yes();
    let report = desk.ask("x").json();
    let rules = report["subjects"][0]["rules"].as_array().unwrap().clone();
    assert_eq!(rules.len(), 2, "{report:#}");
    assert!(rules.iter().all(|it| it["answer"] == "yes"), "{report:#}");
    assert_eq!(report["policy"]["name"], "p");
    desk.people.world.write("x", "y");
    desk.no("attestation-missing");
}

#[test]
fn evidence_that_says_no_is_never_outvoted() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    desk.tested("alice", "FAILED");
    desk.no("predicate-field-mismatch");
    let passed = json!({"result": "PASSED", "configuration": []});
    desk.says("alice", "again.sigstore.json", TESTS, &passed);
    desk.no("predicate-field-mismatch");
}

#[test]
fn strangers_change_nothing() {
    let desk = Desk::new();
    desk.policy(
        &["alice", "bob"],
        "",
        &format!("{TESTED}[[require]]\ntype = \"signature\"\nsigned_by = \"bob\"\n"),
    );
    desk.people.sign("bob", "x", "x.sigstore.json");
    // Bob is trusted, and not for tests; Carol is not trusted at all.
    for who in ["bob", "carol"] {
        desk.tested(who, "PASSED");
        desk.no("attestation-missing");
    }
    desk.tested("alice", "PASSED");
    desk.yes();
    for who in ["bob", "carol"] {
        desk.tested(who, "FAILED");
        desk.yes();
    }
    desk.people.world.write("junk.sigstore.json", "{}");
    desk.people.world.write("junk.intoto.jsonl", "\u{0}");
    desk.yes();
}

#[test]
fn two_people_are_two_whatever_they_sign_with() {
    let desk = Desk::new();
    let rule =
        "[[require]]\ntype = \"test-result\"\nsigned_by = [\"alice\", \"bob\"]\nthreshold = 2\n";
    desk.policy(&["alice", "bob"], "", rule);
    desk.tested("alice", "PASSED");
    desk.no("signers-too-few");
    let passed = json!({"result": "PASSED", "configuration": []});
    desk.says("alice", "again.sigstore.json", TESTS, &passed);
    desk.no("signers-too-few");
    desk.tested("bob", "PASSED");
    desk.yes();
}

#[test]
fn flags_beside_a_policy_can_only_ask_for_more() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    desk.tested("alice", "PASSED");
    for flags in [
        "--key carol.pub",
        "--identity a@example.com --issuer https://i.example",
        "--accept no-log",
        "--type https://example.com/x",
        "--independent time.example",
        "--allow-extra *",
        "--ignore-missing",
    ] {
        desk.bad(&format!("x {flags}"), "policy-conflict");
    }
    let ran = desk.ask("x --deny-key alice.pub");
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "attestation-missing"),
        "{ran:#?}"
    );
    let ran = desk.ask("x --release hello@1.0");
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "release-missing"),
        "{ran:#?}"
    );
}

#[test]
fn a_folder_needs_every_rule_for_every_file() {
    let desk = Desk::new();
    let world = &desk.people.world;
    world.write("d/a", "a");
    world.write("d/b", "b");
    let file =
        |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": sha256(bytes)}});
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let both = [file("a", b"a"), file("b", b"b")];
    let of = "https://in-toto.io/attestation/release/v0.2";
    desk.says_of("alice", "d/release.sigstore.json", of, &release, &both);
    let rules = format!("[[require]]\ntype = \"release\"\nsigned_by = \"alice\"\n{TESTED}");
    desk.policy(&["alice"], "", &rules);
    let passed = json!({"result": "PASSED", "configuration": []});
    desk.says_of("alice", "d/test.sigstore.json", TESTS, &passed, &both[..1]);
    let ran = desk.ask("d");
    let files = ran.json()["subjects"][0]["files"].clone();
    assert_eq!(
        (ran.exit, files[1]["code"].as_str()),
        (1, Some("attestation-missing")),
        "{ran:#?}"
    );
    assert_eq!(files[0]["verdict"], "verified");
    // About the release, one of its files is enough.
    let rules = rules.replace(
        "type = \"test-result\"",
        "each = \"release\"\ntype = \"test-result\"",
    );
    desk.policy(&["alice"], "", &rules);
    let ran = desk.ask("d");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    world.write("d/c", "c");
    let ran = desk.ask("d");
    assert_eq!(ran.exit, 1, "{ran:#?}");
}

#[test]
fn every_format_has_an_answer_for_each_rule() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    desk.tested("alice", "FAILED");
    for (format, wanted) in [
        ("human", "FAIL  test-result by alice (line"),
        ("sarif", "predicate-field-mismatch"),
        ("junit", "rule test-result by alice"),
        ("github", "predicate-field-mismatch"),
    ] {
        let ran = desk.people.world.attest(&format!(
            "verify x --policy p.toml --trusted-root out/trusted_root.json --explain --format {format}"
        ));
        assert_eq!(ran.exit, 1, "{format}: {ran:#?}");
        assert!(ran.out.contains(wanted), "{format}: {ran:#?}");
    }
    let explained = desk.people.world.attest("policy explain p.toml").yes();
    assert!(
        explained
            .out
            .contains("evidence of the type test-result by alice"),
        "{explained:#?}"
    );
    let explained = desk
        .people
        .world
        .attest("policy explain p.toml x --trusted-root out/trusted_root.json");
    assert_eq!(explained.exit, 1, "{explained:#?}");
    assert!(
        explained
            .out
            .contains("asks   evidence of the type test-result by alice"),
        "{explained:#?}"
    );
}

/// A list by itself names the files; every rule is asked of each of them.
#[test]
fn the_files_of_a_checksums_file_need_every_rule() {
    let desk = Desk::new();
    let world = &desk.people.world;
    world.write("d/a", "a");
    world.write("d/b", "b");
    let line = |name: &str, bytes: &[u8]| format!("{}  {name}\n", sha256(bytes));
    let list = line("a", b"a") + &line("b", b"b");
    world.write("d/SHA256SUMS", &list);
    desk.people
        .sign("alice", "d/SHA256SUMS", "d/SHA256SUMS.sigstore.json");
    let signature = "[[require]]\ntype = \"signature\"\nsigned_by = \"alice\"\n";
    desk.policy(&["alice", "bob"], "", signature);
    let ask = || desk.ask("d/SHA256SUMS");
    assert_eq!(ask().exit, 0, "{:#?}", ask());
    // Another byte in a file that is listed.
    world.write("d/b", "c");
    let ran = ask();
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"digest-mismatch\""), "{ran:#?}");
    world.write("d/b", "b");
    // A rule that only one of the files satisfies.
    let rules = format!("{signature}[[require]]\ntype = \"test-result\"\nsigned_by = \"bob\"\n");
    desk.policy(&["alice", "bob"], "", &rules);
    let file =
        |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": sha256(bytes)}});
    let passed = json!({"result": "PASSED", "configuration": []});
    let of = |files: &[Value]| {
        desk.says_of("bob", "d/test.sigstore.json", TESTS, &passed, files);
    };
    of(&[file("a", b"a")]);
    let ran = ask();
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"attestation-missing\""), "{ran:#?}");
    of(&[file("a", b"a"), file("b", b"b")]);
    let ran = ask();
    assert_eq!(ran.exit, 0, "{ran:#?}");
    // Whom the policy does not name signs no list.
    desk.people
        .sign("carol", "d/SHA256SUMS", "d/SHA256SUMS.sigstore.json");
    let ran = ask();
    assert_eq!(ran.exit, 1, "{ran:#?}");
}
