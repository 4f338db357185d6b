//! Ready sets about evidence that identities have signed: certificates, logs and times of an instance on
//! the loopback, which certifies whatever it is asked to.

use serde_json::{Value, json};

use super::sets::{PROVENANCE, RELEASE, REVIEW, case};
use super::{Desk, TESTS};
use crate::services::instance::{Instance, certificate_for};
use crate::services::workflow::{COMMIT, GITHUB, Workflow};
use crate::support::Ran;
use crate::verify::sha256;

const CI: Workflow = Workflow {
    file: "acme/app/.github/workflows/release.yml",
    repository: "acme/app",
    reference: "refs/tags/v1.0.0",
    runner: "github-hosted",
    issuer: GITHUB,
};
const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*";
const SOURCE: &str = "https://github.com/acme/app";

/// Who is not the CI that a policy names, though each differs from it in one thing alone.
fn others() -> Vec<(&'static str, Workflow)> {
    vec![
        (
            "another workflow of the repository",
            Workflow {
                file: "acme/app/.github/workflows/lint.yml",
                ..CI
            },
        ),
        (
            "the workflow at a branch",
            Workflow {
                reference: "refs/heads/main",
                ..CI
            },
        ),
        (
            "the workflow of a fork",
            Workflow {
                file: "mallory/app/.github/workflows/release.yml",
                ..CI
            },
        ),
        (
            "the workflow, vouched for by another issuer",
            Workflow {
                issuer: "https://token.example",
                ..CI
            },
        ),
    ]
}

/// A desk at which identities sign as well.
struct Signed {
    desk: Desk,
    instance: Instance,
}

impl Signed {
    fn new() -> Self {
        let (desk, instance) = (Desk::new(), Instance::new());
        instance.export(&desk.people.world);
        Self { desk, instance }
    }

    /// Writes the policy of a ready set.
    fn policy(&self, set: &str) {
        let line = format!("policy new {set} -o p.toml --force");
        self.desk.people.world.attest(&line).yes();
    }

    /// A folder with the artifact, and nothing about it yet.
    fn place(&self, folder: &str) {
        self.desk.people.world.write(&format!("{folder}/x"), "x");
    }

    /// Whoever holds this token says something about the file `x`.
    fn says(&self, token: &str, out: &str, of: &str, predicate: &Value) {
        let subject = json!([{"name": "x", "digest": {"sha256": sha256(b"x")}}]);
        self.says_of(token, out, of, predicate, &subject);
    }

    fn says_of(&self, token: &str, out: &str, of: &str, predicate: &Value, subject: &Value) {
        let world = &self.desk.people.world;
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": of, "predicate": predicate,
        });
        world.write("statement.json", statement.to_string());
        world.write("token", token);
        world
            .attest(&format!(
                "sign --statement statement.json --identity-token token --signing-config v2.json --trusted-root root.json --out {out}"
            ))
            .yes();
    }

    fn job(&self, job: &Workflow, out: &str, of: &str, predicate: &Value) {
        let token = job.takes_over(&self.instance);
        self.says(&token, out, of, predicate);
    }

    fn person(&self, email: &str, out: &str, of: &str, predicate: &Value) {
        let token = self.is(email, &self.instance.address);
        self.says(&token, out, of, predicate);
    }

    /// The token of somebody for whom this issuer vouches, and who is certified so.
    fn is(&self, email: &str, issuer: &str) -> String {
        let certificate = certificate_for(email, issuer, jiff::Timestamp::now());
        self.instance.certify(|it| *it = certificate);
        self.instance.token(|it| {
            it["iss"] = json!(issuer);
            it["email"] = json!(email);
        })
    }

    #[track_caller]
    fn passes(&self, cases: &[String]) -> Ran {
        let head = "version = 1\npolicy = \"p.toml\"\ntrusted_root = [\"root.json\", \"out/trusted_root.json\"]\n";
        let world = &self.desk.people.world;
        world.write("p.test.toml", format!("{head}{}", cases.concat()));
        world.attest("policy test p.test.toml").yes()
    }
}

fn released() -> Value {
    json!({"purl": "pkg:generic/hello@1.0"})
}

fn tested(result: &str) -> Value {
    json!({"result": result, "configuration": [], "failedTests": []})
}

fn missing(name: &str, subject: &str) -> String {
    case(name, subject, "no", "attestation-missing")
}

#[test]
fn provenance_of_the_expected_workflow_is_level_1() {
    let signed = Signed::new();
    signed.policy(&format!("slsa-build-l1 --identity {IDENTITY}"));
    let mut cases = vec![
        case("by the workflow", "good/x", "yes", ""),
        missing("nothing", "none/x"),
        case("another builder", "forged/x", "no", "builder-forged"),
        case("not provenance", "other/x", "no", "provenance-malformed"),
        case(
            "of another repository than the certificate's",
            "contradicts/x",
            "no",
            "provenance-contradicts-certificate",
        ),
    ];
    for folder in ["good", "none", "forged", "other", "contradicts"] {
        signed.place(folder);
    }
    signed.job(&CI, "good/x.sigstore.json", PROVENANCE, &CI.provenance());
    signed.job(&CI, "other/x.sigstore.json", PROVENANCE, &json!({}));
    let mut forged = CI.provenance();
    forged["runDetails"]["builder"]["id"] = json!(
        "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0"
    );
    signed.job(&CI, "forged/x.sigstore.json", PROVENANCE, &forged);
    let fork = Workflow {
        repository: "mallory/app",
        ..CI
    };
    signed.job(
        &fork,
        "contradicts/x.sigstore.json",
        PROVENANCE,
        &CI.provenance(),
    );
    for (place, (name, other)) in others().into_iter().enumerate() {
        signed.place(&format!("{place}"));
        let out = format!("{place}/x.sigstore.json");
        signed.job(&other, &out, PROVENANCE, &other.provenance());
        cases.push(missing(name, &format!("{place}/x")));
    }
    signed.passes(&cases);
}

#[test]
fn provenance_of_a_hosted_workflow_is_level_2_and_no_more_unless_it_is_named() {
    let signed = Signed::new();
    let place = |folder: &str, job: &Workflow| {
        signed.place(folder);
        let out = format!("{folder}/x.sigstore.json");
        signed.job(job, &out, PROVENANCE, &job.provenance());
    };
    place("good", &CI);
    place(
        "self-hosted",
        &Workflow {
            runner: "self-hosted",
            ..CI
        },
    );
    place(
        "fork",
        &Workflow {
            repository: "mallory/app",
            ..CI
        },
    );
    let flags = format!("--identity {IDENTITY} --source {SOURCE}");
    for set in ["slsa-build-l2", "github-actions"] {
        signed.policy(&format!("{set} {flags}"));
        // The repository is in the certificate too, of which the set about GitHub asks it as well.
        let fork = if set == "github-actions" {
            missing("for a fork", "fork/x")
        } else {
            case("for a fork", "fork/x", "no", "source-mismatch")
        };
        signed.passes(&[
            case("hosted", "good/x", "yes", ""),
            case("own machine", "self-hosted/x", "no", "slsa-level-low"),
            fork,
        ]);
    }
    signed.policy(&format!("slsa-build-l3 {flags}"));
    signed.passes(&[case("for itself", "good/x", "no", "slsa-level-low")]);
}

#[test]
fn a_release_and_its_provenance_are_by_the_workflow_that_releases() {
    let signed = Signed::new();
    signed.policy(&format!("ssdf-ps --identity {IDENTITY}"));
    let stranger = others().remove(0).1;
    for (folder, releases, builds) in [
        ("good", Some(&CI), Some(&CI)),
        ("unbuilt", Some(&CI), None),
        ("unreleased", None, Some(&CI)),
        ("elsewhere", Some(&CI), Some(&stranger)),
        ("theirs", Some(&stranger), Some(&CI)),
    ] {
        signed.place(folder);
        if let Some(job) = releases {
            let out = format!("{folder}/release.sigstore.json");
            signed.job(job, &out, RELEASE, &released());
        }
        if let Some(job) = builds {
            let out = format!("{folder}/provenance.sigstore.json");
            signed.job(job, &out, PROVENANCE, &job.provenance());
        }
    }
    let world = &signed.desk.people.world;
    for name in ["release", "provenance"] {
        let file = format!("{name}.sigstore.json");
        world.write(
            &format!("added/{file}"),
            world.read(&format!("good/{file}")),
        );
    }
    world.write("added/x", "x");
    world.write("added/y", "y");
    signed.passes(&[
        case("a release and its provenance", "good", "yes", ""),
        case("one file of it", "good/x", "yes", ""),
        missing("no provenance", "unbuilt"),
        missing("no release", "unreleased/x"),
        missing("provenance of another workflow", "elsewhere"),
        missing("released by another workflow", "theirs/x"),
        case("a file that was added", "added", "no", "file-unattested"),
    ]);
}

#[test]
fn two_people_are_two_identities() {
    let signed = Signed::new();
    let issuer = &signed.instance.address;
    signed.policy(&format!(
        "two-person-release --identity alice@example.com --identity bob@example.com --issuer {issuer}"
    ));
    for (folder, people) in [
        ("both", &["alice@example.com", "bob@example.com"][..]),
        ("one", &["alice@example.com"]),
        ("twice", &["alice@example.com", "alice@example.com"]),
        ("other", &["alice@example.com", "carol@example.com"]),
    ] {
        signed.place(folder);
        for (number, email) in people.iter().enumerate() {
            let out = format!("{folder}/release-{number}.sigstore.json");
            signed.person(email, &out, RELEASE, &released());
        }
    }
    // Bob, as somebody else vouches for.
    signed.place("issuer");
    let world = &signed.desk.people.world;
    let alice = world.read("one/release-0.sigstore.json");
    world.write("issuer/release-0.sigstore.json", alice);
    let token = signed.is("bob@example.com", "https://other.example");
    let out = "issuer/release-1.sigstore.json";
    signed.says(&token, out, RELEASE, &released());
    signed.passes(&[
        case("two", "both/x", "yes", ""),
        case("one of two", "one/x", "no", "signers-too-few"),
        case(
            "one of them twice, with two certificates",
            "twice/x",
            "no",
            "signers-too-few",
        ),
        case("one and a stranger", "other/x", "no", "signers-too-few"),
        case(
            "a name that another issuer vouches for",
            "issuer/x",
            "no",
            "signers-too-few",
        ),
    ]);
    // One person cannot be two, and a pattern is as many as it has names.
    for flags in [
        "--identity alice@example.com",
        "--identity alice@example.com --key sha256:0000000000000000000000000000000000000000000000000000000000000001",
    ] {
        let line = format!("policy new two-person-release -o q.toml --issuer {issuer} {flags}");
        let ran = world.attest(&line);
        assert_eq!(ran.exit, 2, "{ran:#?}");
        assert!(!world.at("q.toml").exists());
    }
}

#[test]
fn what_is_used_was_built_and_tested_by_ci_and_its_commit_reviewed() {
    let signed = Signed::new();
    let bob = signed.desk.pin("bob");
    signed.policy(&format!(
        "ssdf-pw2 --key sha256:{bob} --source {SOURCE} --identity {IDENTITY}"
    ));
    let review = |out: &str, commit: &str| {
        let predicate = json!({
            "scope": "code", "result": "APPROVED", "reviewedOn": "2026-11-01T00:00:00Z",
            "reviewer": {"id": "mailto:bob@example.com"}, "independentOfAuthor": true,
        });
        let subject = [json!({"name": "app", "digest": {"gitCommit": commit}})];
        signed
            .desk
            .says_of("bob", out, REVIEW, &predicate, &subject);
    };
    let place =
        |folder: &str, builds: &Workflow, tests: Option<(&Workflow, &str)>, commit: &str| {
            signed.place(folder);
            let out = |name: &str| format!("{folder}/{name}.sigstore.json");
            signed.job(builds, &out("build"), PROVENANCE, &builds.provenance());
            if let Some((job, result)) = tests {
                signed.job(job, &out("test"), TESTS, &tested(result));
            }
            review(&out("review"), commit);
        };
    let passed = Some((&CI, "PASSED"));
    place("good", &CI, passed, COMMIT);
    place("untested", &CI, None, COMMIT);
    place("failed", &CI, Some((&CI, "FAILED")), COMMIT);
    place("another", &CI, passed, &"2".repeat(40));
    let mut cases = vec![
        case("built, tested, reviewed", "good/x", "yes", ""),
        missing("not tested", "untested/x"),
        case("tests failed", "failed/x", "no", "predicate-field-mismatch"),
        missing("another commit was reviewed", "another/x"),
    ];
    let mut strangers = others();
    strangers.push((
        "the workflow, run by another repository",
        Workflow {
            repository: "mallory/app",
            ..CI
        },
    ));
    for (number, (name, other)) in strangers.iter().enumerate() {
        place(&format!("built-{number}"), other, passed, COMMIT);
        cases.push(missing(
            &format!("built by {name}"),
            &format!("built-{number}/x"),
        ));
        place(
            &format!("tested-{number}"),
            &CI,
            Some((other, "PASSED")),
            COMMIT,
        );
        cases.push(missing(
            &format!("tested by {name}"),
            &format!("tested-{number}/x"),
        ));
    }
    // The key of the reviewer is nobody's identity, and the other way round.
    signed.place("by-key");
    let out = "by-key/build.sigstore.json";
    signed.desk.says("bob", out, PROVENANCE, &CI.provenance());
    cases.push(missing("provenance by the reviewer's key", "by-key/x"));
    signed.passes(&cases);
}

#[test]
fn who_reviews_is_an_identity_too() {
    let signed = Signed::new();
    let issuer = &signed.instance.address;
    signed.policy(&format!(
        "ssdf-pw2 --source {SOURCE} --identity {IDENTITY} --reviewer bob@example.com --reviewer carol@example.com --reviewer-issuer {issuer}"
    ));
    let review = |independent: bool| {
        json!({
            "scope": "code", "result": "APPROVED", "reviewedOn": "2026-11-01T00:00:00Z",
            "reviewer": {"id": "mailto:bob@example.com"}, "independentOfAuthor": independent,
        })
    };
    let place = |folder: &str| {
        signed.place(folder);
        let out = |name: &str| format!("{folder}/{name}.sigstore.json");
        signed.job(&CI, &out("build"), PROVENANCE, &CI.provenance());
        signed.job(&CI, &out("test"), TESTS, &tested("PASSED"));
        out("review")
    };
    let commit = json!([{"name": "app", "digest": {"gitCommit": COMMIT}}]);
    let other = json!([{"name": "app", "digest": {"gitCommit": "2".repeat(40)}}]);
    for (folder, email, independent, subject) in [
        ("good", "carol@example.com", true, &commit),
        ("stranger", "mallory@example.com", true, &commit),
        ("author", "bob@example.com", false, &commit),
        ("another", "bob@example.com", true, &other),
    ] {
        let out = place(folder);
        let token = signed.is(email, issuer);
        signed.says_of(&token, &out, REVIEW, &review(independent), subject);
    }
    // Bob, as somebody else vouches for; and CI, which says that it has reviewed.
    let out = place("issuer");
    let token = signed.is("bob@example.com", "https://other.example");
    signed.says_of(&token, &out, REVIEW, &review(true), &commit);
    let out = place("ci");
    let token = CI.takes_over(&signed.instance);
    signed.says_of(&token, &out, REVIEW, &review(true), &commit);
    place("unreviewed");
    signed.passes(&[
        case("reviewed by Carol", "good/x", "yes", ""),
        missing("not reviewed", "unreviewed/x"),
        missing("by a stranger", "stranger/x"),
        missing("by a name that another issuer vouches for", "issuer/x"),
        missing("by CI itself", "ci/x"),
        missing("of another commit", "another/x"),
        case(
            "by the author",
            "author/x",
            "no",
            "predicate-field-mismatch",
        ),
    ]);
    // By keys or by identities, and by somebody.
    let world = &signed.desk.people.world;
    let key = "--key sha256:0000000000000000000000000000000000000000000000000000000000000001";
    let people = "--reviewer bob@example.com --reviewer-issuer https://i.example";
    for (flags, code) in [
        (format!("{key} {people}"), "set-incomplete"),
        ("--reviewer bob@example.com".to_owned(), "bad-arguments"),
        (
            "--reviewer-issuer https://i.example".to_owned(),
            "bad-arguments",
        ),
        (people.replace("bob@example.com", "*@*"), "policy-malformed"),
        (people.replace("https://i", "https://*"), "policy-malformed"),
    ] {
        let line = format!(
            "policy new ssdf-pw2 -o q.toml --source {SOURCE} --identity {IDENTITY} {flags}"
        );
        world.attest(&line).refused(2, code);
        assert!(!world.at("q.toml").exists());
    }
    let line = format!("policy new slsa-build-l1 -o q.toml {key} {people}");
    world.attest(&line).refused(2, "set-incomplete");
}

/// An identity that a policy denies counts for nothing, whoever trusts it.
#[test]
fn an_identity_that_is_denied_counts_for_nothing() {
    let signed = Signed::new();
    let world = &signed.desk.people.world;
    signed.policy(&format!("slsa-build-l1 --identity {IDENTITY}"));
    signed.place("good");
    let out = "good/x.sigstore.json";
    signed.job(&CI, out, PROVENANCE, &CI.provenance());
    let policy = String::from_utf8(world.read("p.toml")).unwrap();
    let denying = |identity: &str| {
        let text = format!("{policy}\n[deny]\nidentities = [\"{identity}\"]\n");
        world.write("p.toml", text);
    };
    denying("https://github.com/acme/app/.github/workflows/other.yml@refs/tags/v*");
    signed.passes(&[case("another is denied", "good/x", "yes", "")]);
    denying("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0");
    signed.passes(&[missing("it is denied", "good/x")]);
    denying(IDENTITY);
    signed.passes(&[missing("it is among those that are denied", "good/x")]);
}

/// What anyone can take off a bundle takes its yes away.
#[test]
fn without_its_log_entry_or_its_time_keyless_evidence_counts_for_nothing() {
    let signed = Signed::new();
    signed.policy(&format!("slsa-build-l1 --identity {IDENTITY}"));
    signed.place("good");
    let out = "good/x.sigstore.json";
    signed.job(&CI, out, PROVENANCE, &CI.provenance());
    let world = &signed.desk.people.world;
    let bundle: Value = serde_json::from_slice(&world.read(out)).unwrap();
    for (folder, field) in [
        ("unlogged", "tlogEntries"),
        ("untimed", "timestampVerificationData"),
    ] {
        let mut less = bundle.clone();
        let material = less["verificationMaterial"].as_object_mut().unwrap();
        assert!(material.remove(field).is_some(), "{bundle:#}");
        signed.place(folder);
        world.write(&format!("{folder}/x.sigstore.json"), less.to_string());
    }
    signed.passes(&[
        case("whole", "good/x", "yes", ""),
        missing("no log entry", "unlogged/x"),
        missing("no time", "untimed/x"),
    ]);
}
