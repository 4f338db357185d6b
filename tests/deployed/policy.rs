//! `--deployed` together with `--policy`: the chain shows what is about what is deployed, and every rule of the
//! policy judges that.

use serde_json::{Value, json};

use super::{Chain, ROLES, notes, refused};
use crate::support::Ran;

const RULES: &str = "
[[require]]
type = \"slsa-provenance\"
signed_by = \"build\"
source = \"https://example.com/hello\"
external_parameters = {}

[[require]]
type = \"review\"
signed_by = \"review\"
independent_of_author = true
scope = \"code\"

[[require]]
type = \"test-result\"
signed_by = \"test\"

[[require]]
type = \"vulns\"
signed_by = \"scan\"
deny = { severity = [\"critical\"] }
";

impl Chain {
    fn trust_of(&self, role: &str) -> String {
        let key = attest_verify::PublicKey::parse(&self.world.read(&format!("{role}.pub")));
        let pin = hex::encode(key.unwrap().fingerprint());
        format!(
            "[trust.{role}]\nkind = \"keys\"\nkeys = [{{ file = \"{role}.pub\", sha256 = \"{pin}\" }}]\n"
        )
    }

    /// Writes a policy that trusts these and has these rules.
    fn policy(&self, trusted: &[&str], top: &str, rules: &str) {
        let trust: String = trusted.iter().map(|it| self.trust_of(it)).collect();
        let text = format!("version = 1\nname = \"p\"\n{top}\n{trust}\n{rules}\n");
        self.world.write("p.toml", text);
    }

    fn judged(&self, subject: &str, more: &str) -> Ran {
        self.world.attest(&format!(
            "verify --deployed {subject} --evidence evidence --policy p.toml --trusted-root out/trusted_root.json --format json{more}"
        ))
    }
}

const LINKS: [&str; 5] = ["deploy", "build", "review", "test", "scan"];

/// A scan of the commit, with a finding.
fn found(chain: &Chain, score: &str) -> Value {
    let mut scan = chain.scan();
    scan["subject"][0] = chain.source();
    scan["predicate"]["scanner"]["result"] = json!([
        {"id": "CVE-2026-1", "severity": [{"method": "nvd", "score": score}]},
    ]);
    scan
}

/// What provenance says that a rule about builds reads.
fn built(chain: &Chain) -> Value {
    let mut provenance = chain.provenance();
    let definition = &mut provenance["predicate"]["buildDefinition"];
    definition["buildType"] = json!("https://attest.dev/buildtypes/command/v1");
    provenance
}

#[test]
fn a_whole_chain_is_judged_by_every_rule() {
    let chain = Chain::new();
    chain.policy(&LINKS, "", RULES);
    let digest = chain.artifact()["digest"]["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    for subject in [
        "hello",
        &format!("sha256:{digest}"),
        "evidence/deploy.sigstore.json",
    ] {
        let ran = chain.judged(subject, "").yes();
        let rules = ran.json()["subjects"][0]["rules"].clone();
        assert_eq!(rules.as_array().unwrap().len(), 4, "{ran:#?}");
        assert!(
            rules
                .as_array()
                .unwrap()
                .iter()
                .all(|it| it["answer"] == "yes")
        );
    }
}

#[test]
fn what_the_chain_lets_pass_a_rule_may_refuse() {
    let chain = Chain::new();
    chain.policy(&LINKS, "", RULES);
    // A scan of the commit satisfies the link, whatever it found; the rule reads what.
    chain.state("scan", "scan", &found(&chain, "3.1"));
    chain.judged("hello", "").yes();
    chain.state("scan", "scan", &found(&chain, "9.8"));
    chain.ask("").yes();
    refused(&chain.judged("hello", ""), "vulnerability-found");
    refused(
        &chain.judged("evidence/deploy.sigstore.json", ""),
        "vulnerability-found",
    );
    chain.state("scan", "scan", &chain.scan());
    let design = RULES.replace("\"code\"", "\"design\"");
    chain.policy(&LINKS, "", &design);
    refused(&chain.judged("hello", ""), "predicate-field-mismatch");
    let other = RULES.replace("https://example.com/hello", "https://example.com/other");
    chain.policy(&LINKS, "", &other);
    refused(&chain.judged("hello", ""), "source-mismatch");
}

#[test]
fn what_the_policy_lets_pass_the_chain_may_refuse() {
    let chain = Chain::new();
    let only_tests = "[[require]]\ntype = \"test-result\"\nsigned_by = \"test\"\n";
    chain.policy(&LINKS, "", only_tests);
    chain.judged("hello", "").yes();
    for (link, code) in [
        ("build", "provenance-missing"),
        ("review", "review-missing"),
        ("scan", "scan-missing"),
    ] {
        let chain = Chain::new();
        chain.policy(&LINKS, "", only_tests);
        chain.without(link);
        refused(&chain.judged("hello", ""), code);
    }
}

#[test]
fn a_test_of_another_commit_satisfies_no_rule() {
    let chain = Chain::new();
    // Two testers: the link is satisfied by one, the rule asks the other.
    let rule = "[[require]]\ntype = \"test-result\"\nsigned_by = \"mallory\"\n";
    chain.policy(&["build", "review", "test", "scan", "mallory"], "", rule);
    refused(&chain.judged("hello", ""), "attestation-missing");
    let mut other = chain.test();
    other["subject"][0]["digest"]["gitCommit"] = json!("0".repeat(64));
    chain.state("other", "mallory", &other);
    refused(&chain.judged("hello", ""), "attestation-missing");
    chain.state("other", "mallory", &chain.test());
    chain.judged("hello", "").yes();
}

#[test]
fn provenance_of_a_commit_is_not_provenance_of_what_is_deployed() {
    let chain = Chain::new();
    let rule = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"mallory\"\nsource = \"https://example.com/hello\"\n";
    chain.policy(&["build", "review", "test", "scan", "mallory"], "", rule);
    let mut of_commit = built(&chain);
    of_commit["subject"][0] = chain.source();
    chain.state("second", "mallory", &of_commit);
    refused(&chain.judged("hello", ""), "attestation-missing");
    chain.state("second", "mallory", &chain.provenance());
    chain.judged("hello", "").yes();
}

#[test]
fn a_rule_about_reviews_asks_the_commit_that_the_chain_leads_to() {
    let chain = Chain::new();
    let rule =
        "[[require]]\ntype = \"review\"\nsigned_by = \"mallory\"\nindependent_of_author = true\n";
    chain.policy(&["build", "review", "test", "scan", "mallory"], "", rule);
    refused(&chain.judged("hello", ""), "attestation-missing");
    let mut other = chain.review();
    other["subject"][0]["digest"]["gitCommit"] = json!("0".repeat(64));
    chain.state("second", "mallory", &other);
    refused(&chain.judged("hello", ""), "attestation-missing");
    chain.state("second", "mallory", &chain.review());
    chain.judged("hello", "").yes();
}

#[test]
fn the_policy_names_who_may_sign_each_link() {
    let chain = Chain::new();
    let rule = "[[require]]\ntype = \"test-result\"\nsigned_by = \"test\"\n";
    for role in ["build", "review", "scan"] {
        let roles: Vec<&str> = LINKS.into_iter().filter(|it| *it != role).collect();
        chain.policy(&roles, "", rule);
        chain.judged("hello", "").refused(2, "role-missing");
    }
    chain.policy(&["build", "review", "test"], "", rule);
    chain.judged("hello", " --deployed-links review,test").yes();
    // Flags do not say a second time whom to believe.
    chain.policy(&LINKS, "", rule);
    for flag in [
        " --signers signers.toml",
        " --key build.pub",
        " --accept no-log",
    ] {
        chain.judged("hello", flag).refused(2, "policy-conflict");
    }
    // Whom the policy denies signs no link.
    let pin = chain.trust_of("build");
    let pin = pin.rsplit('"').nth(1).unwrap();
    let deny = format!("[deny]\nkeys = [\"sha256:{pin}\"]");
    chain.policy(&LINKS, &deny, rule);
    refused(&chain.judged("hello", ""), "provenance-missing");
}

#[test]
fn what_a_policy_knows_of_a_key_holds_in_each_group() {
    let chain = Chain::new();
    let other = chain
        .trust_of("build")
        .replace("[trust.build]", "[trust.other]");
    let stolen = other.replace("\" }]", "\", compromised_since = 2026-01-01T00:00:00Z }]");
    chain.policy(&LINKS, "", &format!("{RULES}\n{other}"));
    chain.judged("hello", "").yes();
    chain.policy(&LINKS, "", &format!("{RULES}\n{stolen}"));
    refused(&chain.judged("hello", ""), "provenance-missing");
}

#[test]
fn evidence_that_cannot_be_opened_may_say_no() {
    let chain = Chain::new();
    chain.policy(&LINKS, "", RULES);
    chain.judged("hello", "").yes();
    let link = chain.world.at("evidence/second-scan.sigstore.json");
    std::os::unix::fs::symlink("nowhere", link).unwrap();
    assert_eq!(chain.judged("hello", "").exit, 3);
}

#[test]
fn a_commit_is_signed_as_the_policy_accepts_it() {
    let chain = Chain::new();
    let rule = "[[require]]\ntype = \"git-commit\"\nsigned_by = \"author\"\n";
    let keys = attest_digest::Artifact::of_bytes(
        &chain.world.read("author.pub"),
        attest_digest::Hashes::Sha256,
    );
    let pin = keys.sha256().hex();
    let author = format!(
        "[trust.author]\nkind = \"keys\"\nkeys = [{{ file = \"author.pub\", sha256 = \"{pin}\" }}]\n"
    );
    let source = " --source-repository repo";
    let rules = format!("{author}\n{rule}");
    chain.policy(&LINKS, "accept = [\"git-unlogged\"]", &rules);
    chain.judged("hello", "").refused(2, "repository-required");
    let ran = chain.judged("hello", source).yes();
    assert!(
        super::notes(&ran).contains("commit: signed by SSH key"),
        "{ran:#?}"
    );
    chain.policy(&LINKS, "", &rules);
    refused(&chain.judged("hello", source), "log-missing");
    // Whom the policy accepts by a pin it denies by the same one.
    let denied = format!("accept = [\"git-unlogged\"]\ndeny = {{ keys = [\"sha256:{pin}\"] }}");
    chain.policy(&LINKS, &denied, &rules);
    refused(&chain.judged("hello", source), "signer-denied");
    assert!(ROLES.contains(&"author"));
}

#[test]
fn a_commit_named_by_its_sha1_needs_leave() {
    let chain = Chain::new();
    let rule = "[[require]]\ntype = \"test-result\"\nsigned_by = \"test\"\n";
    let sha1 = json!("8f3c".repeat(10));
    let mut provenance = chain.provenance();
    let definition = &mut provenance["predicate"]["buildDefinition"];
    definition["resolvedDependencies"][0]["digest"]["gitCommit"] = sha1.clone();
    chain.state("build", "build", &provenance);
    for (link, mut statement) in [("review", chain.review()), ("test", chain.test())] {
        statement["subject"][0]["digest"]["gitCommit"] = sha1.clone();
        chain.state(link, link, &statement);
    }
    // Without a policy by a flag, and then it is told.
    refused(&chain.ask(""), "commit-not-accepted");
    let ran = chain.ask(" --accept sha1-git").yes();
    assert!(notes(&ran).contains("is a SHA-1"), "{ran:#?}");
    chain.policy(&LINKS, "", rule);
    refused(&chain.judged("hello", ""), "commit-not-accepted");
    chain.policy(&LINKS, "artifact.git_sha1 = true", rule);
    chain.judged("hello", "").yes();
}
