//! Ready sets, and tables of tests.

use serde_json::{Value, json};

use super::{Desk, TESTED, TESTS};
use crate::page::root;
use crate::support::World;
use crate::verify::sha256;

pub(super) const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
pub(super) const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";

/// A case of a table.
pub(super) fn case(name: &str, subject: &str, expect: &str, code: &str) -> String {
    let code = if code.is_empty() {
        String::new()
    } else {
        format!("code = \"{code}\"\n")
    };
    format!("[[case]]\nname = \"{name}\"\nsubject = \"{subject}\"\nexpect = \"{expect}\"\n{code}\n")
}

fn table(cases: &[String]) -> String {
    let head = "version = 1\npolicy = \"p.toml\"\ntrusted_root = [\"out/trusted_root.json\"]\n";
    format!("{head}{}", cases.concat())
}

#[track_caller]
fn passes(desk: &Desk, cases: &[String]) {
    let world = &desk.people.world;
    world.write("p.test.toml", table(cases));
    let ran = world.attest("policy test p.test.toml").yes();
    assert!(ran.out.contains("as expected"), "{ran:#?}");
}

#[test]
fn a_table_says_where_the_answer_is_another() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    desk.tested("alice", "FAILED");
    passes(
        &desk,
        &[case("failed", "x", "no", "predicate-field-mismatch")],
    );
    let world = &desk.people.world;
    for (expect, code) in [
        ("yes", ""),
        ("no", "attestation-missing"),
        ("unknown", "file-not-found"),
    ] {
        world.write("p.test.toml", table(&[case("wrong", "x", expect, code)]));
        world
            .attest("policy test p.test.toml")
            .refused(1, "policy-test-failed");
    }
    for text in [
        "",
        "version = 1\npolicy = \"p.toml\"\n",
        "version = 1\npolicy = \"p.toml\"\ncase = []\n",
    ] {
        world.write("p.test.toml", text);
        world
            .attest("policy test p.test.toml")
            .refused(2, "policy-test-malformed");
    }
    world.write("empty/x", "");
    world
        .attest("policy test empty")
        .refused(2, "policy-test-malformed");
}

#[test]
fn a_set_that_lacks_what_only_the_user_knows_is_not_written() {
    let desk = Desk::new();
    let world = &desk.people.world;
    for set in [
        "ssdf-ps",
        "ssdf-pw2",
        "slsa-build-l1",
        "slsa-build-l2",
        "slsa-build-l3",
        "github-actions",
        "two-person-release",
    ] {
        world
            .attest(&format!("policy new {set} -o new.toml"))
            .refused(2, "set-incomplete");
    }
    world
        .attest("policy new ssdf-pss -o new.toml")
        .refused(2, "set-incomplete");
    let pin = desk.pin("alice");
    // One person cannot be two.
    world
        .attest(&format!(
            "policy new two-person-release -o new.toml --key sha256:{pin}"
        ))
        .refused(2, "policy-malformed");
    world
        .attest(&format!(
            "policy new ssdf-ps -o new.toml --key sha256:{pin} --source https://github.com/acme/app"
        ))
        .refused(2, "set-incomplete");
    assert!(!world.at("new.toml").exists());
    for set in ["slsa-build-l2", "slsa-build-l3", "github-actions"] {
        world
            .attest(&format!(
                "policy new {set} -o {set}.toml --source https://github.com/acme/app --identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
            ))
            .yes();
        world.attest(&format!("policy check {set}.toml")).yes();
    }
    world
        .attest(&format!(
            "policy new ssdf-pw2 -o pw2.toml --key sha256:{pin} --source https://github.com/acme/app --identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
        ))
        .yes();
    world.attest("policy check pw2.toml").yes();
}

#[test]
fn two_person_release() {
    let desk = Desk::new();
    let (alice, bob) = (desk.pin("alice"), desk.pin("bob"));
    let world = &desk.people.world;
    world
        .attest(&format!(
            "policy new two-person-release -o p.toml --key sha256:{alice} --key sha256:{bob}"
        ))
        .yes();
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let subject = [json!({"name": "a", "digest": {"sha256": sha256(b"a")}})];
    for folder in ["none", "one", "both", "twice", "other"] {
        world.write(&format!("{folder}/a"), "a");
        for who in ["alice", "bob"] {
            let key = world.read(&format!("{who}.pub"));
            world.write(&format!("{folder}/{who}.pub"), key);
        }
    }
    for (who, out) in [
        ("alice", "one/release.sigstore.json"),
        ("alice", "both/release.sigstore.json"),
        ("bob", "both/release-2.sigstore.json"),
        ("alice", "twice/release.sigstore.json"),
        ("alice", "twice/release-2.sigstore.json"),
        ("alice", "other/release.sigstore.json"),
        ("carol", "other/release-2.sigstore.json"),
    ] {
        desk.says_of(who, out, RELEASE, &release, &subject);
    }
    passes(
        &desk,
        &[
            case("two", "both", "yes", ""),
            case("one of two", "one", "no", "signers-too-few"),
            case("one of them twice", "twice", "no", "signers-too-few"),
            case("one and a stranger", "other", "no", "signers-too-few"),
            case("nobody", "none", "no", "bundle-missing"),
            case("one file", "both/a", "yes", ""),
        ],
    );
}

#[test]
fn slsa_build_l1() {
    let desk = Desk::new();
    let pin = desk.pin("alice");
    let world = &desk.people.world;
    let builder = "https://ci.example/builder";
    world
        .attest(&format!(
            "policy new slsa-build-l1 -o p.toml --key sha256:{pin}"
        ))
        .yes();
    let by = |id: &str| {
        json!({
            "buildDefinition": { "buildType": "https://example.com/build/v1", "externalParameters": {} },
            "runDetails": { "builder": { "id": id } },
        })
    };
    for folder in ["good", "other", "stranger", "none"] {
        world.write(&format!("{folder}/x"), "x");
        let key = world.read("alice.pub");
        world.write(&format!("{folder}/alice.pub"), key);
    }
    desk.says("alice", "good/x.sigstore.json", PROVENANCE, &by(builder));
    desk.says("alice", "other/x.sigstore.json", PROVENANCE, &json!({}));
    desk.says(
        "carol",
        "stranger/x.sigstore.json",
        PROVENANCE,
        &by(builder),
    );
    passes(
        &desk,
        &[
            case("provenance", "good/x", "yes", ""),
            case(
                "provenance that is none",
                "other/x",
                "no",
                "provenance-malformed",
            ),
            case("somebody else", "stranger/x", "no", "attestation-missing"),
            case("no provenance", "none/x", "no", "attestation-missing"),
        ],
    );
}

/// Each folder has a policy, which `attest policy new` writes of its `flags`, and a table about evidence of
/// GitHub, slsa-github-generator and npm.
#[test]
fn ready_sets_answer_about_real_evidence_as_their_tables_say() {
    let cases = root().join("fixtures/policy");
    let world = World::new();
    let (mut yes, mut no) = (0, 0);
    for entry in std::fs::read_dir(&cases).unwrap() {
        let folder = entry.unwrap().path();
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(folder.join("SOURCE.md").exists(), "{}", folder.display());
        let flags = text("flags").replace('\n', " ");
        world
            .attest(&format!(
                "policy new {} -o new.toml --force",
                flags.trim_end()
            ))
            .yes();
        let written = String::from_utf8(world.read("new.toml")).unwrap();
        assert_eq!(written, text("policy.toml"), "{}", folder.display());
        world
            .attest(&format!("policy test {}", folder.display()))
            .yes();
        let table = text("set.test.toml");
        yes += table.matches("expect  = \"yes\"").count();
        no += table.matches("expect  = \"no\"").count();
    }
    assert!(yes >= 4 && no >= 14, "{yes} {no}");
}

fn provenance(commit: &str) -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://ci.example/type/v1", "externalParameters": {},
            "resolvedDependencies": [{
                "uri": "git+https://github.com/acme/app@refs/tags/v1.0.0", "digest": {"gitCommit": commit},
            }],
        },
        "runDetails": {"builder": {"id": "https://ci.example/builder"}},
    })
}

#[test]
fn ssdf_ps() {
    let desk = Desk::new();
    let pin = desk.pin("alice");
    let world = &desk.people.world;
    world
        .attest(&format!("policy new ssdf-ps -o p.toml --key sha256:{pin}"))
        .yes();
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let subject = [json!({"name": "a", "digest": {"sha256": sha256(b"a")}})];
    let built = provenance(&"1".repeat(40));
    for (folder, released, proved) in [
        ("good", "alice", "alice"),
        ("unbuilt", "alice", ""),
        ("unreleased", "", "alice"),
        ("elsewhere", "alice", "carol"),
    ] {
        world.write(&format!("{folder}/a"), "a");
        world.write(&format!("{folder}/alice.pub"), world.read("alice.pub"));
        if !released.is_empty() {
            let out = format!("{folder}/release.sigstore.json");
            desk.says_of(released, &out, RELEASE, &release, &subject);
        }
        if !proved.is_empty() {
            let out = format!("{folder}/provenance.sigstore.json");
            desk.says_of(proved, &out, PROVENANCE, &built, &subject);
        }
    }
    world.write("added/a", "a");
    for name in [
        "alice.pub",
        "release.sigstore.json",
        "provenance.sigstore.json",
    ] {
        world.write(
            &format!("added/{name}"),
            world.read(&format!("good/{name}")),
        );
    }
    world.write("added/b", "b");
    passes(
        &desk,
        &[
            case("a release and its provenance", "good", "yes", ""),
            case("one file of it", "good/a", "yes", ""),
            case("no provenance", "unbuilt", "no", "attestation-missing"),
            case("no release", "unreleased/a", "no", "attestation-missing"),
            case(
                "provenance of somebody else",
                "elsewhere",
                "no",
                "attestation-missing",
            ),
            case("a file that was added", "added", "no", "file-unattested"),
        ],
    );
}

/// The rules of the set, with a key in the place of the identity that CI has in its certificates: what those
/// are asked is in the tables of `fixtures/policy`.
#[test]
fn ssdf_pw2() {
    let desk = Desk::new();
    let (alice, bob) = (desk.pin("alice"), desk.pin("bob"));
    let world = &desk.people.world;
    world
        .attest(&format!(
            "policy new ssdf-pw2 -o p.toml --key sha256:{bob} --source https://github.com/acme/app --identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
        ))
        .yes();
    let text = String::from_utf8(world.read("p.toml")).unwrap();
    let (head, rest) = text.split_once("[trust.ci]").unwrap();
    let (_, tail) = rest.split_once("[trust.reviewers]").unwrap();
    let ci = format!("[trust.ci]\nkind = \"keys\"\nkeys = [\"sha256:{alice}\"]\n");
    world.write("p.toml", format!("{head}{ci}[trust.reviewers]{tail}"));
    let commit = "1".repeat(40);
    let tests = |result: &str| json!({"result": result, "configuration": [], "failedTests": []});
    let review = |result: &str, independent: bool| {
        json!({
            "scope": "code", "result": result, "reviewedOn": "2026-11-01T00:00:00Z",
            "reviewer": {"id": "mailto:bob@example.com"}, "independentOfAuthor": independent,
        })
    };
    let other = "2".repeat(40);
    for (folder, tested, reviewed) in [
        (
            "good",
            Some(tests("PASSED")),
            Some((&commit, review("APPROVED", true))),
        ),
        ("untested", None, Some((&commit, review("APPROVED", true)))),
        (
            "failed",
            Some(tests("FAILED")),
            Some((&commit, review("APPROVED", true))),
        ),
        ("unreviewed", Some(tests("PASSED")), None),
        (
            "rejected",
            Some(tests("PASSED")),
            Some((&commit, review("REJECTED", true))),
        ),
        (
            "author",
            Some(tests("PASSED")),
            Some((&commit, review("APPROVED", false))),
        ),
        (
            "another",
            Some(tests("PASSED")),
            Some((&other, review("APPROVED", true))),
        ),
    ] {
        world.write(&format!("{folder}/x"), "x");
        for who in ["alice", "bob"] {
            world.write(
                &format!("{folder}/{who}.pub"),
                world.read(&format!("{who}.pub")),
            );
        }
        let out = |name: &str| format!("{folder}/{name}.sigstore.json");
        desk.says("alice", &out("build"), PROVENANCE, &provenance(&commit));
        if let Some(tested) = tested {
            desk.says("alice", &out("test"), TESTS, &tested);
        }
        if let Some((of, review)) = reviewed {
            let subject = [json!({"name": "app", "digest": {"gitCommit": of}})];
            desk.says_of("bob", &out("review"), REVIEW, &review, &subject);
        }
    }
    passes(
        &desk,
        &[
            case("built, tested, reviewed", "good/x", "yes", ""),
            case("not tested", "untested/x", "no", "attestation-missing"),
            case("tests failed", "failed/x", "no", "predicate-field-mismatch"),
            case("not reviewed", "unreviewed/x", "no", "attestation-missing"),
            case("rejected", "rejected/x", "no", "predicate-field-mismatch"),
            case(
                "by the author",
                "author/x",
                "no",
                "predicate-field-mismatch",
            ),
            case("another commit", "another/x", "no", "attestation-missing"),
        ],
    );
}

pub(super) const REVIEW: &str = "https://attest.dev/predicates/review/v0.1";
