//! `attest verify --deployed`: a chain from what is deployed back to the review of its source, and the same
//! chain with one link changed.

mod folder;
mod policy;
mod started;

use serde_json::{Value, json};

use crate::support::{Ran, World};

const ROLES: [&str; 6] = ["deploy", "build", "review", "test", "scan", "author"];
const SHA256: &str = "sha256:2c8c57bf7cbdb1d1c9d5ed64fd8a7d5ab32a61e0bb3a5dc51ea1e6a5ee0d6ce7";

/// Who signs what, each with a key of their own, and one log.
struct Chain {
    world: World,
    commit: String,
}

impl Chain {
    /// A chain with every link, and a repository whose commit `author` signed.
    fn new() -> Self {
        let world = World::new();
        world.attest("init --no-password --export out").yes();
        let keys = world.shell(
            "mkdir evidence; for role in deploy build review test scan mallory; do
               openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $role.key 2> /dev/null &&
               openssl pkey -in $role.key -pubout -out $role.pub; done",
        );
        keys.yes();
        let group =
            |role: &str| format!("[trust.{role}]\nkind = \"keys\"\nkeys = [\"{role}.pub\"]\n");
        let groups: String = ROLES.iter().map(|it| group(it)).collect();
        let file = format!("version = 1\n{groups}");
        world.write("signers.toml", file);
        let made = world.shell(&format!(
            "ssh-keygen -q -t ed25519 -N '' -C alice -f author
             git init -q -b main --object-format=sha256 repo && cd repo
             git config user.name Alice && git config user.email alice@example.org
             git config gpg.format ssh && git config user.signingkey {}
             git commit -q -S --allow-empty -m 'Say hello' && git rev-parse HEAD",
            world.at("author.pub").display()
        ));
        let commit = made.yes().out.trim().to_owned();
        world.write("hello", "hello\n");
        let chain = Self { world, commit };
        chain.state("build", "build", &chain.provenance());
        chain.state("review", "review", &chain.review());
        chain.state("test", "test", &chain.test());
        chain.state("scan", "scan", &chain.scan());
        chain.state("deploy", "deploy", &chain.deployment());
        chain
    }

    /// Signs a statement as somebody, as a file of evidence.
    fn state(&self, name: &str, signer: &str, statement: &Value) {
        self.world.write("statement.json", statement.to_string());
        self.world
            .attest(&format!(
                "sign --statement statement.json --key {signer}.key --out evidence/{name}.sigstore.json --no-password --force"
            ))
            .yes();
    }

    fn statement(subject: &Value, predicate_type: &str, predicate: &Value) -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
            "predicateType": predicate_type,
            "predicate": predicate,
        })
    }

    fn artifact(&self) -> Value {
        let bytes = self.world.read("hello");
        let hashes = attest_digest::Hashes::Sha256;
        let digest = attest_digest::Artifact::of_bytes(&bytes, hashes).sha256();
        json!({"name": "hello", "digest": {"sha256": digest.hex()}})
    }

    fn source(&self) -> Value {
        json!({"digest": {"gitCommit": self.commit}})
    }

    fn provenance(&self) -> Value {
        let predicate = json!({
            "buildDefinition": {
                "buildType": "https://example.com/build", "externalParameters": {},
                "resolvedDependencies": [
                    {"uri": "git+https://example.com/hello", "digest": {"gitCommit": self.commit}},
                    {"uri": "pkg:generic/compiler@1", "digest": {"sha256": "00".repeat(32)}},
                ],
            },
            "runDetails": {"builder": {"id": "https://example.com/builder"}},
        });
        Self::statement(
            &self.artifact(),
            "https://slsa.dev/provenance/v1",
            &predicate,
        )
    }

    fn review(&self) -> Value {
        let predicate = json!({
            "scope": "code", "result": "APPROVED", "reviewedOn": "2026-11-20T10:00:00Z",
            "reviewer": {"id": "mailto:bob@example.org"}, "independentOfAuthor": true,
            "findings": [{"summary": "a name is too short", "severity": "low", "resolved": false}],
        });
        let kind = "https://attest.dev/predicates/review/v0.1";
        Self::statement(&self.source(), kind, &predicate)
    }

    fn test(&self) -> Value {
        let predicate = json!({"result": "PASSED", "configuration": [], "passedTests": ["unit"]});
        let kind = "https://in-toto.io/attestation/test-result/v0.1";
        Self::statement(&self.source(), kind, &predicate)
    }

    fn scan(&self) -> Value {
        let time = "2026-11-20T10:00:00Z";
        let predicate = json!({
            "scanner": {"uri": "pkg:generic/scanner@1", "db": {"lastUpdate": time}, "result": []},
            "metadata": {"scanStartedOn": time, "scanFinishedOn": time},
        });
        let kind = "https://in-toto.io/attestation/vulns/v0.2";
        Self::statement(&self.artifact(), kind, &predicate)
    }

    fn deployment(&self) -> Value {
        let predicate = json!({
            "environment": "production", "deployedOn": "2026-11-21T09:00:00Z",
            "deployer": {"id": "https://ci.example.com/deploy"},
        });
        let kind = "https://attest.dev/predicates/deployment/v0.1";
        Self::statement(&self.artifact(), kind, &predicate)
    }

    fn without(&self, name: &str) {
        std::fs::remove_file(self.world.at(&format!("evidence/{name}.sigstore.json"))).unwrap();
    }

    fn ask(&self, more: &str) -> Ran {
        self.ask_of("hello", more)
    }

    fn ask_of(&self, subject: &str, more: &str) -> Ran {
        self.world.attest(&format!(
            "verify --deployed {subject} --evidence evidence --signers signers.toml --trusted-root out/trusted_root.json --format json{more}"
        ))
    }

    fn with_source(&self) -> Ran {
        self.ask(" --source-repository repo --accept no-log,no-time")
    }
}

#[test]
fn the_two_ends_of_a_chain_are_stated_by_commands() {
    let chain = Chain::new();
    chain.world.write("design.md", "# Design\n");
    chain
        .world
        .attest_with(&[
            "provenance",
            "review",
            "--commit",
            &chain.commit,
            "--repository",
            "git+https://example.com/hello",
            "--scope",
            "design",
            "--result",
            "approved",
            "--reviewer",
            "mailto:bob@example.org",
            "--independent",
            "yes",
            "--basis",
            "design.md",
            "--resolved",
            "high=keys are never rotated",
            "--finding",
            "low=a name is too short",
            "--key",
            "review.key",
            "--no-password",
            "--force",
            "--out",
            "evidence/review.sigstore.json",
        ])
        .yes();
    chain
        .world
        .attest_with(&[
            "provenance",
            "deployment",
            "--subject",
            "hello",
            "--environment",
            "staging",
            "--deployer",
            "https://ci.example.com",
            "--key",
            "deploy.key",
            "--no-password",
            "--force",
            "--out",
            "evidence/deploy.sigstore.json",
        ])
        .yes();
    let ran = chain.ask_of("evidence/deploy.sigstore.json", "").yes();
    for wanted in [
        "deployed to staging",
        "design review by mailto:bob@example.org",
        "1 open findings",
    ] {
        assert!(notes(&ran).contains(wanted), "{wanted}: {ran:#?}");
    }
    // A wrong request leaves nothing behind.
    let commit = chain.commit.as_str();
    for (change, code) in [
        (["--commit", "HEAD"], "bad-subject"),
        (["--finding", "terrible=x"], "bad-arguments"),
        (["--basis", "gitCommit:00=x"], "bad-subject"),
        (["--reviewer", " "], "predicate-malformed"),
    ] {
        let mut words = vec![
            "provenance",
            "review",
            "--scope",
            "code",
            "--result",
            "approved",
            "--no-password",
        ];
        words.extend(["--out", "new.sigstore.json"]);
        if change[0] != "--commit" {
            words.extend(["--commit", commit]);
        }
        if change[0] != "--reviewer" {
            words.extend(["--reviewer", "mailto:bob@example.org"]);
        }
        words.extend(change);
        chain.world.attest_with(&words).refused(2, code);
        assert!(!chain.world.at("new.sigstore.json").exists());
    }
}

#[track_caller]
fn refused(ran: &Ran, code: &str) {
    assert_eq!(ran.exit, 1, "wanted {code}: {ran:#?}");
    let found = &ran.json()["subjects"][0]["files"][0]["code"];
    assert_eq!(found, code, "{ran:#?}");
}

fn notes(ran: &Ran) -> String {
    ran.json()["subjects"][0]["notes"].to_string()
}

#[test]
fn a_whole_chain_is_followed_from_a_file_a_digest_and_a_deployment_record() {
    let chain = Chain::new();
    let digest = chain.artifact()["digest"]["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    let ran = chain.ask("").yes();
    for wanted in [
        chain.commit.as_str(),
        "build: ",
        "code review by mailto:bob@example.org",
        "1 open findings",
        "test: PASSED",
        "scan: 0 vulnerabilities",
        "claimed by the reviewer, not proven",
        "not the design review that SSDF PW.2.1 asks for",
    ] {
        assert!(notes(&ran).contains(wanted), "{wanted}: {ran:#?}");
    }
    chain.ask_of(&format!("sha256:{digest}"), "").yes();
    let ran = chain.ask_of("evidence/deploy.sigstore.json", "").yes();
    assert!(notes(&ran).contains("deployed to production"), "{ran:#?}");
    let ran = chain.with_source().yes();
    assert!(
        notes(&ran).contains("commit: signed by SSH key"),
        "{ran:#?}"
    );
    assert!(
        notes(&ran).contains("another signer than the commit's"),
        "{ran:#?}"
    );
}

#[test]
fn the_first_link_that_is_missing_is_named() {
    for (link, code) in [
        ("build", "provenance-missing"),
        ("review", "review-missing"),
        ("test", "test-missing"),
        ("scan", "scan-missing"),
    ] {
        let chain = Chain::new();
        chain.without(link);
        refused(&chain.ask(""), code);
        if link == "scan" {
            chain.ask(" --deployed-links review,test").yes();
        }
    }
    refused(&Chain::new().ask_of(SHA256, ""), "provenance-missing");
}

#[test]
fn a_link_by_somebody_else_is_no_link() {
    let chain = Chain::new();
    // Mallory is nobody; the tester may sign tests and no reviews.
    for (link, statement, code) in [
        ("build", chain.provenance(), "provenance-missing"),
        ("review", chain.review(), "review-missing"),
        ("test", chain.test(), "test-missing"),
        ("scan", chain.scan(), "scan-missing"),
    ] {
        for signer in ["mallory", if link == "test" { "review" } else { "test" }] {
            chain.state(link, signer, &statement);
            refused(&chain.ask(""), code);
        }
        chain.state(link, link, &statement);
    }
    chain.ask("").yes();
    chain.state("deploy", "mallory", &chain.deployment());
    refused(
        &chain.ask_of("evidence/deploy.sigstore.json", ""),
        "signer-mismatch",
    );
}

#[test]
fn a_review_of_another_commit_is_none_of_this_one() {
    let chain = Chain::new();
    for (link, code) in [("review", "review-missing"), ("test", "test-missing")] {
        let mut other = if link == "review" {
            chain.review()
        } else {
            chain.test()
        };
        other["subject"][0]["digest"]["gitCommit"] = json!("0".repeat(64));
        chain.state(link, link, &other);
        refused(&chain.ask(""), code);
        other["subject"][0] = chain.source();
        chain.state(link, link, &other);
    }
    // A review is about the source, and never about what was built from it.
    let mut review = chain.review();
    review["subject"][0] = chain.artifact();
    chain.state("review", "review", &review);
    refused(&chain.ask(""), "review-missing");
}

#[test]
fn what_says_no_is_not_outweighed_by_what_says_yes() {
    let chain = Chain::new();
    let mut rejected = chain.review();
    for result in ["REJECTED", "CHANGES_REQUESTED"] {
        rejected["predicate"]["result"] = json!(result);
        chain.state("second-review", "review", &rejected);
        refused(&chain.ask(""), "review-not-approved");
    }
    chain.without("second-review");
    let mut failed = chain.test();
    for (result, tests) in [
        ("FAILED", json!(["unit"])),
        ("WARNED", json!([])),
        ("PASSED", json!(["unit"])),
    ] {
        failed["predicate"]["result"] = json!(result);
        failed["predicate"]["failedTests"] = tests;
        chain.state("second-test", "test", &failed);
        refused(&chain.ask(""), "test-failed");
    }
    chain.without("second-test");
    chain.ask("").yes();
}

#[test]
fn a_statement_that_is_not_what_its_type_says_is_no_link() {
    let chain = Chain::new();
    let mut review = chain.review();
    review["predicate"]["result"] = json!("approved");
    chain.state("review", "review", &review);
    refused(&chain.ask(""), "review-malformed");
    chain.state("review", "review", &chain.review());
    let mut test = chain.test();
    test["predicate"]["result"] = json!("OK");
    chain.state("test", "test", &test);
    refused(&chain.ask(""), "test-malformed");
    chain.state("test", "test", &chain.test());
    let mut scan = chain.scan();
    scan["predicate"]["scanner"]["db"] = json!({});
    chain.state("scan", "scan", &scan);
    refused(&chain.ask(""), "scan-malformed");
    let mut deployment = chain.deployment();
    deployment["predicate"]["environment"] = json!("");
    chain.state("deploy", "deploy", &deployment);
    let ran = chain.ask_of("evidence/deploy.sigstore.json", "");
    refused(&ran, "deployment-malformed");
}

#[test]
fn provenance_that_does_not_lead_to_one_clean_commit_ends_the_chain() {
    let chain = Chain::new();
    let sources = "/predicate/buildDefinition/resolvedDependencies";
    let with = |value: Value| {
        let mut provenance = chain.provenance();
        *provenance.pointer_mut(sources).unwrap() = value;
        chain.state("build", "build", &provenance);
        chain.ask("")
    };
    let other =
        json!({"uri": "git+https://example.com/b", "digest": {"gitCommit": "0".repeat(64)}});
    let here = json!({"uri": "git+https://example.com/a", "digest": {"gitCommit": chain.commit}});
    let dirty = json!({"uri": "git+https://example.com/a", "digest": {"gitCommit": chain.commit}, "annotations": {"dirty": true}});
    let file = json!({"uri": "https://example.com/a.tar", "digest": {"sha1": "0".repeat(40)}});
    refused(&with(json!([])), "commit-missing");
    refused(&with(json!([file])), "commit-missing");
    refused(&with(json!([here, other])), "commit-ambiguous");
    refused(&with(json!([dirty])), "commit-dirty");
    with(json!([here])).yes();
    // Two builders who say different things, both accepted.
    let mut second = chain.provenance();
    *second.pointer_mut(sources).unwrap() = json!([other]);
    chain.state("second-build", "build", &second);
    refused(&chain.ask(""), "commit-ambiguous");
    // One who names none does not stand behind the other's.
    *second.pointer_mut(sources).unwrap() = json!([]);
    chain.state("second-build", "build", &second);
    refused(&chain.ask(""), "commit-missing");
}

#[test]
fn a_review_by_the_author_does_not_count() {
    let chain = Chain::new();
    let mut own = chain.review();
    own["predicate"]["independentOfAuthor"] = json!(false);
    chain.state("review", "review", &own);
    refused(&chain.ask(""), "review-not-independent");
    // The address that the commit gives its author.
    own["predicate"]["independentOfAuthor"] = json!(true);
    own["predicate"]["reviewer"]["id"] = json!("mailto:Alice@example.org");
    chain.state("review", "review", &own);
    chain.ask("").yes();
    refused(&chain.with_source(), "review-not-independent");
    // Beside another's it does no harm.
    chain.state("second-review", "review", &chain.review());
    chain.with_source().yes();
}

#[test]
fn a_review_by_the_author_is_none_of_two() {
    let chain = Chain::new();
    let signers = String::from_utf8(chain.world.read("signers.toml")).unwrap();
    let two = "threshold = 2\nkeys = [\"review.pub\", \"author.pub\", \"mallory.pub\"]";
    let signers = signers.replace("keys = [\"review.pub\"]", two);
    chain.world.write("signers.toml", signers);
    refused(&chain.with_source(), "signers-too-few");
    let mut own = chain.review();
    own["predicate"]["reviewer"]["id"] = json!("mailto:alice@example.org");
    chain.state("own-review", "mallory", &own);
    refused(&chain.with_source(), "signers-too-few");
    own["predicate"]["reviewer"]["id"] = json!("mailto:carol@example.org");
    chain.state("own-review", "mallory", &own);
    chain.with_source().yes();
}

#[test]
fn the_commit_must_be_signed_when_its_repository_is_asked() {
    let chain = Chain::new();
    let signers = String::from_utf8(chain.world.read("signers.toml")).unwrap();
    refused(&chain.ask(" --source-repository repo"), "log-missing");
    let other = signers.replace("author.pub", "review.pub");
    chain.world.write("signers.toml", other);
    refused(&chain.with_source(), "signer-mismatch");
    let nobody = signers.split("[trust.author]").next().unwrap().to_owned();
    chain.world.write("signers.toml", nobody);
    chain.with_source().refused(2, "role-missing");
}

#[test]
fn a_commit_needs_as_many_authors_as_their_group_says() {
    let chain = Chain::new();
    let signers = String::from_utf8(chain.world.read("signers.toml")).unwrap();
    let two = "threshold = 2\nkeys = [\"author.pub\", \"mallory.pub\"]";
    let signers = signers.replace("keys = [\"author.pub\"]", two);
    chain.world.write("signers.toml", signers);
    chain.ask("").yes();
    refused(&chain.with_source(), "signers-too-few");
}

/// What is known of a key holds in each group, wherever it is known from.
#[test]
fn a_key_that_was_stolen_signs_no_link() {
    let chain = Chain::new();
    let signers = String::from_utf8(chain.world.read("signers.toml")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let now = jiff::Timestamp::now().to_string();
    for (since, out) in [("2026-01-01T00:00:00Z", "long"), (now.as_str(), "now")] {
        // A recovery key that has said something says no other first thing: each is another key's.
        let (key, public) = (format!("{out}.r.key"), format!("{out}.r.pub"));
        let generate = format!("key generate {key} --no-password");
        chain.world.attest(&generate).yes();
        assert!(chain.world.at(&public).exists());
        let line = format!(
            "key retire --reason compromised --since {since} --key build.pub --recovery-key {key} --out {out} --no-password"
        );
        let mut command = chain.world.command();
        command.args(line.split_whitespace());
        Ran::of(command.env("ATTEST_RECOVERY_PASSWORD", "")).yes();
        let pinned = format!("keys = [\"build.pub\"]\nrecovery = \"{public}\"");
        let same = signers.replace("keys = [\"build.pub\"]", &pinned);
        let other = format!("{signers}[trust.other]\nkind = \"keys\"\n{pinned}\n");
        for signers in [same, other] {
            chain.world.write("signers.toml", signers);
            chain.ask("").yes();
            refused(
                &chain.ask(&format!(" --succession {out}")),
                "provenance-missing",
            );
        }
    }
    // Only an independent time shows that it was signed before.
    let root: Value = serde_json::from_slice(&chain.world.read("out/trusted_root.json")).unwrap();
    let name = root["timestampAuthorities"][0]["uri"].as_str().unwrap();
    let independent = format!(" --succession now --independent {name}");
    chain.ask(&independent).yes();
}

#[test]
fn every_link_needs_its_signers() {
    let chain = Chain::new();
    let signers = String::from_utf8(chain.world.read("signers.toml")).unwrap();
    for role in ["build", "review", "test", "scan"] {
        let renamed = signers.replace(&format!("trust.{role}]"), &format!("trust.{role}ers]"));
        chain.world.write("signers.toml", renamed);
        chain.ask("").refused(2, "role-missing");
    }
    let no_deployer = signers.replace("trust.deploy]", "trust.deployers]");
    chain.world.write("signers.toml", no_deployer);
    chain.ask("").yes();
    refused(
        &chain.ask_of("evidence/deploy.sigstore.json", ""),
        "role-missing",
    );
    let both = chain.ask(" --key build.pub");
    both.refused(2, "bad-arguments");
    // What is about one release is asked of no chain, and not passed over either.
    for flags in [
        " --release hello@1.0",
        " --type test-result",
        " --allow-extra x",
        " --ignore-missing",
    ] {
        chain.ask(flags).refused(2, "bad-arguments");
    }
    let flags = "--evidence evidence --trusted-root out/trusted_root.json --format json";
    let nobody = chain
        .world
        .attest(&format!("verify --deployed hello {flags}"));
    nobody.refused(2, "signer-required");
    let one = chain
        .world
        .attest(&format!("verify --deployed hello {flags} --key build.pub"));
    refused(&one, "review-missing");
}

#[test]
fn what_cannot_be_read_could_not_be_told() {
    let chain = Chain::new();
    assert_eq!(chain.ask(" --bundle nothing.sigstore.json").exit, 3);
    assert_eq!(chain.ask(" --evidence nothing").exit, 3);
    assert_eq!(chain.ask_of("nothing", "").exit, 3);
    let absent = chain.ask(" --source-repository user --accept no-log,no-time");
    assert_eq!(absent.exit, 3, "{absent:#?}");
    // What lies among the evidence and is none says nothing.
    chain.world.write("evidence/other.jsonl", "{}");
    chain.ask("").yes();
    // What cannot be opened there may be the one that says no.
    let link = chain.world.at("evidence/second-test.sigstore.json");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert_eq!(chain.ask("").exit, 3);
    std::fs::remove_file(link).unwrap();
    for flag in [" --allow-extra *", " --ignore-missing"] {
        chain.ask(flag).refused(2, "bad-arguments");
    }
    for subject in ["oci-layout:repo", "git:repo@HEAD"] {
        chain.ask_of(subject, "").refused(2, "subject-unsupported");
    }
}

/// Replacements, grafts, another repository's objects and what the environment says of git.
#[test]
fn what_surrounds_a_repository_changes_nothing_of_its_commit() {
    let chain = Chain::new();
    let commit = &chain.commit;
    let holds = |what: &str| {
        let ran = chain.with_source();
        assert_eq!(ran.exit, 0, "{what}: {ran:#?}");
        assert!(
            notes(&ran).contains("commit: signed by SSH key"),
            "{what}: {ran:#?}"
        );
    };
    holds("as it is");
    // A commit that nobody signed, in the place of the signed one.
    let replaced = chain.world.shell(&format!(
        "cd repo && other=$(git commit-tree -m 'Say nothing' HEAD^{{tree}}) && git replace -f {commit} $other
         git -c core.useReplaceRefs=true log -1 --format=%s {commit}"
    ));
    assert_eq!(replaced.yes().out.trim(), "Say nothing");
    holds("a replacement");
    chain
        .world
        .shell(&format!(
            "cd repo && git replace -d {commit} && mkdir -p .git/info && echo {commit} > .git/info/grafts"
        ))
        .yes();
    holds("a graft");
    // The environment leads to a repository that does not have it.
    let elsewhere = chain
        .world
        .shell("git init -q --object-format=sha256 empty && cd empty && pwd");
    let elsewhere = elsewhere.yes().out.trim().to_owned();
    let git = format!("{elsewhere}/.git");
    let ask = |repository: &str, surroundings: &[(&str, &str)]| {
        let mut command = chain.world.command();
        command
            .args("verify --deployed hello --evidence evidence --signers signers.toml".split(' '));
        command.args("--trusted-root out/trusted_root.json --format json".split(' '));
        command.args([
            "--accept",
            "no-log,no-time",
            "--source-repository",
            repository,
        ]);
        command.envs(surroundings.iter().copied());
        Ran::of(&mut command)
    };
    let objects = format!("{git}/objects");
    for surroundings in [
        [
            ("GIT_DIR", git.as_str()),
            ("GIT_WORK_TREE", elsewhere.as_str()),
        ],
        [
            ("GIT_OBJECT_DIRECTORY", objects.as_str()),
            ("GIT_NAMESPACE", "x"),
        ],
        [
            ("GIT_REPLACE_REF_BASE", "refs/heads/"),
            ("GIT_GRAFT_FILE", "signers.toml"),
        ],
    ] {
        let ran = ask("repo", &surroundings);
        assert_eq!(ran.exit, 0, "{surroundings:?}: {ran:#?}");
    }
    // And to one that has it, while the one that was named does not.
    let own = chain.world.at("repo/.git").display().to_string();
    let objects = format!("{own}/objects");
    for surroundings in [
        ("GIT_DIR", own.as_str()),
        ("GIT_OBJECT_DIRECTORY", objects.as_str()),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects.as_str()),
    ] {
        let ran = ask("empty", &[surroundings]);
        assert_eq!(ran.exit, 3, "{surroundings:?}: {ran:#?}");
    }
    // Objects that another repository keeps are what their names say.
    chain
        .world
        .write("empty/.git/objects/info/alternates", format!("{objects}\n"));
    let ran = ask("empty", &[]);
    assert_eq!(ran.exit, 0, "{ran:#?}");
}
