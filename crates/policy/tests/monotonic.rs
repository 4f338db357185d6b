//! What adding and deleting evidence changes, over generated sets of evidence and generated policies: a
//! stranger's changes nothing, and deleting turns no "no" into a "yes" unless what is deleted said no.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

use attest_policy::{Bytes, Closure, Denied, Group, KeyValidity, LogRule, Member, Rules, Subject};
use attest_sign::ArtifactKey;
use attest_verify::Evidence;
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

use super::{NOW, World, artifact, expected, key, time};

const TESTS: &str = "https://in-toto.io/attestation/test-result/v0.1";
const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const REVIEW: &str = "https://attest.dev/predicates/review/v0.1";
const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// Something that somebody said about `x`, or about a commit that it was built from.
struct Piece {
    who: usize,
    /// It says no to some rule: that it is deleted may gain a yes, as `docs/policy.md` says.
    says_no: bool,
    evidence: Evidence,
}

struct Pool {
    keys: Vec<ArtifactKey>,
    pieces: Vec<Piece>,
}

/// What is said, of which type, and whether that is a no.
fn sayings() -> Vec<(&'static str, Value, bool)> {
    let test = |result: &str, failed: Value| json!({"result": result, "configuration": [], "failedTests": failed});
    let time = "2026-11-20T00:00:00Z";
    let scan = |findings: Value| {
        json!({
            "scanner": {"uri": "https://scanner.example", "db": {"lastUpdate": time}, "result": findings},
            "metadata": {"scanStartedOn": time, "scanFinishedOn": time},
        })
    };
    let critical =
        || scan(json!([{"id": "CVE-1", "severity": [{"method": "nvd", "score": "critical"}]}]));
    let vex = |at: &str, status: &str| {
        let mut statement = json!({"vulnerability": {"name": "CVE-1"}, "status": status});
        match status {
            "not_affected" => statement["justification"] = json!("component_not_present"),
            _ => statement["action_statement"] = json!("update"),
        }
        json!({
            "@context": VEX, "@id": format!("https://vex.example/{status}"), "author": "a",
            "timestamp": at, "version": 1, "statements": [statement],
        })
    };
    let summary = |result: &str, level: &str| {
        json!({
            "verifier": {"id": "https://verifier.example"}, "timeVerified": time,
            "resourceUri": "pkg:generic/x", "policy": {"uri": "https://policy.example"},
            "verificationResult": result, "verifiedLevels": [level],
        })
    };
    vec![
        (TESTS, test("PASSED", json!([])), false),
        (TESTS, test("FAILED", json!(["a"])), true),
        (TESTS, test("PASSED", json!(["a"])), true),
        (TESTS, json!({"configuration": []}), true),
        (VULNS, scan(json!([])), false),
        (VULNS, critical(), true),
        (VEX, vex("2026-11-19T00:00:00Z", "not_affected"), false),
        (VEX, vex("2026-11-20T00:00:00Z", "affected"), true),
        (VSA, summary("PASSED", "SLSA_BUILD_LEVEL_3"), false),
        (VSA, summary("PASSED", "SLSA_BUILD_LEVEL_1"), true),
        (VSA, summary("FAILED", "FAILED"), true),
        (RELEASE, json!({"purl": "pkg:generic/x@1.0"}), false),
        (PROVENANCE, built('1'), false),
        // Another commit: what is asked of the commit that was built is then asked of both.
        (PROVENANCE, built('2'), true),
    ]
}

fn built(commit: char) -> Value {
    let commit = commit.to_string().repeat(64);
    json!({
        "buildDefinition": {
            "buildType": "https://ci.example/type/v1", "externalParameters": {},
            "resolvedDependencies": [{"uri": "git+https://git.example/a/b", "digest": {"gitCommit": commit}}],
        },
        "runDetails": {"builder": {"id": "https://ci.example/builder"}},
    })
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let world = World::get();
        let keys: Vec<ArtifactKey> = PEOPLE.iter().map(|_| key()).collect();
        let mut pieces = Vec::new();
        for (who, key) in keys.iter().enumerate() {
            let mut add = |says_no, evidence| {
                pieces.push(Piece {
                    who,
                    says_no,
                    evidence,
                });
            };
            for (kind, predicate, says_no) in sayings() {
                add(says_no, world.statement(key, kind, &predicate, &[("x", b"x")]));
            }
            add(false, world.message(key, b"x"));
            for (result, says_no) in [("APPROVED", false), ("REJECTED", true)] {
                let review = json!({
                    "scope": "code", "result": result, "reviewedOn": "2026-11-20T00:00:00Z",
                    "reviewer": {"id": "mailto:r@example.com"}, "independentOfAuthor": true,
                });
                let statement = json!({
                    "_type": "https://in-toto.io/Statement/v1", "predicateType": REVIEW, "predicate": review,
                    "subject": [{"name": "a/b", "digest": {"gitCommit": "1".repeat(64)}}],
                });
                let statement = statement.to_string();
                let unsigned = attest_sign::Unsigned::Statement(statement.as_bytes());
                add(says_no, world.signed(key, unsigned).1);
            }
        }
        Pool { keys, pieces }
    })
}

/// What may stand in a policy, with a place for who signs and for how fresh it must be.
const RULES: &[&str] = &[
    "type = \"test-result\"",
    "type = \"test-result\"\nwhere = { result = \"PASSED\", failedTests = [] }",
    "type = \"vulns\"\ndeny = { severity = [\"critical\"], unless_vex = \"bob\" }",
    "type = \"vulns\"\ndeny = { severity = [\"critical\"], unless_vex = [\"alice\", \"bob\"] }",
    "type = \"vulns\"\ndeny = { severity = [\"critical\"] }",
    "type = \"vsa\"\nverifier = \"https://verifier.example\"\nresource_uri = \"pkg:generic/x\"\nlevels = [\"SLSA_BUILD_LEVEL_2\"]",
    "type = \"slsa-provenance\"\nlevel = 1",
    "type = \"review\"\nindependent_of_author = true",
    "type = \"signature\"",
    "type = \"release\"",
];

#[derive(Debug, Clone)]
struct Written {
    text: String,
    /// Who is named by each rule.
    named: Vec<BTreeSet<usize>>,
    /// Rules that are about the commit, which the rules about provenance name.
    of_commits: Vec<bool>,
}

fn rule() -> impl Strategy<Value = (usize, Vec<usize>, bool, bool)> {
    let signers = prop_oneof![Just(vec![0]), Just(vec![1]), Just(vec![0, 1]),];
    (0..RULES.len(), signers, any::<bool>(), any::<bool>())
}

fn policy() -> impl Strategy<Value = Written> {
    prop::collection::vec(rule(), 1..5).prop_map(|rules| {
        let mut text = head();
        let (mut named, mut of_commits) = (Vec::new(), Vec::new());
        for (which, who, fresh, both) in rules {
            let body = RULES[which];
            let people: Vec<String> = who
                .iter()
                .map(|it| format!("\"{}\"", PEOPLE[*it]))
                .collect();
            let _ = write!(
                text,
                "[[require]]\n{body}\nsigned_by = [{}]\n",
                people.join(", ")
            );
            if both && who.len() == 2 {
                text += "threshold = 2\n";
            }
            if fresh {
                text += "max_age = \"7d\"\n";
            }
            let mut all: BTreeSet<usize> = who.into_iter().collect();
            for (index, name) in PEOPLE.iter().enumerate() {
                if body.contains(&format!("\"{name}\"")) {
                    all.insert(index);
                }
            }
            named.push(all);
            of_commits.push(body.contains("\"review\""));
        }
        Written {
            text,
            named,
            of_commits,
        }
    })
}

/// A policy that names everybody, and asks nothing yet.
fn head() -> String {
    let mut text = "version = 1\nname = \"p\"\n".to_owned();
    for (name, key) in PEOPLE.iter().zip(&pool().keys) {
        let pin = attest_digest::Digest::Sha256(key.fingerprint()).hex();
        let _ = write!(
            text,
            "[trust.{name}]\nkind = \"keys\"\nkeys = [\"sha256:{pin}\"]\n"
        );
    }
    text
}

fn rules(written: &Written) -> Rules {
    let closure = Closure::load(written.text.as_bytes(), &mut |_| Err(String::new())).unwrap();
    let group = |(name, key): (&&str, &ArtifactKey)| Group {
        name: (*name).to_owned(),
        members: vec![Member {
            signer: expected(key),
            validity: KeyValidity::default(),
        }],
        unknown: 0,
        threshold: 1,
        log: LogRule::Required,
        windows: Vec::new(),
        has_one_holder: false,
    };
    let groups: Vec<Group> = PEOPLE.iter().zip(&pool().keys).map(group).collect();
    Rules::new(closure, &groups, &Denied::default(), &[]).unwrap()
}

/// Of each rule whether it passed, and the codes of why not.
fn ask(rules: &Rules, set: &[usize], days: i64) -> Vec<(bool, Vec<&'static str>)> {
    let of: Vec<&Evidence> = set.iter().map(|it| &pool().pieces[*it].evidence).collect();
    let bytes = artifact(b"x");
    let subject = Subject {
        bytes: Bytes::Read(&bytes),
        path: None,
    };
    let about: Vec<usize> = (0..of.len())
        .filter(|it| rules.is_about(of[*it], subject).is_ok())
        .collect();
    let now = time(NOW) + SignedDuration::from_hours(24 * days);
    let inquiry = rules.inquire(of, now, false);
    let answers = inquiry.answers(&about, &[bytes.sha256()], None);
    let codes = |it: &attest_policy::RuleAnswer| {
        let codes: BTreeSet<&'static str> =
            it.reasons.iter().map(attest_policy::Reason::code).collect();
        codes.into_iter().collect()
    };
    answers.iter().map(|it| (it.passed(), codes(it))).collect()
}

fn sets() -> impl Strategy<Value = Vec<usize>> {
    let all: Vec<usize> = (0..pool().pieces.len()).collect();
    let most = all.len();
    subsequence(all, 0..=most).prop_shuffle()
}

fn days() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(8)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whoever a rule does not name can add, delete or reorder what they like: its answer is the same.
    #[test]
    fn a_strangers_evidence_changes_nothing(written in policy(), set in sets(), more in sets(), days in days()) {
        let rules = rules(&written);
        let before = ask(&rules, &set, days);
        let mut grown = set.clone();
        // Carol is named by no rule at all.
        grown.extend(more.iter().filter(|it| pool().pieces[**it].who == 2 && !set.contains(it)));
        prop_assert_eq!(&before, &ask(&rules, &grown, days));
        let shrunk: Vec<usize> = set.iter().copied().filter(|it| pool().pieces[*it].who != 2).collect();
        prop_assert_eq!(&before, &ask(&rules, &shrunk, days));
        // A signer whom another rule names is a stranger to this one; rules about the commit hear those
        // about the build.
        for (place, named) in written.named.iter().enumerate().filter(|(it, _)| !written.of_commits[*it]) {
            let mut grown = set.clone();
            grown.extend(more.iter().filter(|it| !named.contains(&pool().pieces[**it].who) && !set.contains(it)));
            prop_assert_eq!(&before[place], &ask(&rules, &grown, days)[place]);
        }
    }

    /// What says yes, or nothing, can be deleted: that turns no "no" into a "yes".
    #[test]
    fn deleting_what_says_no_no_gains_no_yes(written in policy(), set in sets(), keep in sets(), days in days()) {
        let rules = rules(&written);
        let left: Vec<usize> = set
            .iter()
            .copied()
            .filter(|it| pool().pieces[*it].says_no || keep.contains(it))
            .collect();
        let before = ask(&rules, &set, days);
        let after = ask(&rules, &left, days);
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(before.0 || !after.0, "{:?} became a yes\n{}", before.1, written.text);
        }
    }

    /// Where an accepted signer said no to a rule, no evidence beside it turns that into a yes, but an
    /// exception by those who may make one, or a review of what was built.
    #[test]
    fn a_no_is_not_outvoted(written in policy(), set in sets(), days in days()) {
        let rules = rules(&written);
        let kinds = rules.rules().iter().map(|it| it.kind().uris().to_vec()).collect::<Vec<_>>();
        let answers = ask(&rules, &set, days);
        for (place, kinds) in kinds.iter().enumerate() {
            let is_plain = kinds.iter().any(|it| it == TESTS || it == VSA);
            let said_no = set.iter().any(|it| {
                let piece = &pool().pieces[*it];
                let kind = piece.evidence.statement().map(attest_provenance::Statement::predicate_type);
                piece.says_no
                    && written.named[place].contains(&piece.who)
                    && kind.is_some_and(|it| kinds.iter().any(|kind| kind == it))
            });
            if is_plain && said_no {
                prop_assert!(!answers[place].0, "outvoted\n{}", written.text);
            }
        }
    }

    #[test]
    fn the_order_says_nothing_and_nothing_says_no(written in policy(), set in sets(), days in days()) {
        let rules = rules(&written);
        let mut sorted = set.clone();
        sorted.sort_unstable();
        prop_assert_eq!(ask(&rules, &set, days), ask(&rules, &sorted, days));
        prop_assert!(ask(&rules, &[], days).iter().all(|it| !it.0));
    }
}

/// Else a summary that is dated ahead would be fresh until then.
#[test]
fn what_the_signer_dates_into_the_future_is_not_fresh() {
    let world = World::get();
    let mut text = head();
    text += "[[require]]\ntype = \"vsa\"\nsigned_by = \"alice\"\nverifier = \"https://verifier.example\"\nresource_uri = \"pkg:generic/x\"\nmax_age = \"7d\"\n";
    let rules = rules(&Written {
        text,
        named: Vec::new(),
        of_commits: Vec::new(),
    });
    let bytes = artifact(b"x");
    for (said, passed) in [
        ("2026-11-21T09:41:00Z", true),
        ("2026-11-21T09:45:00Z", true),
        ("2026-11-21T09:47:00Z", false),
        ("2099-01-01T00:00:00Z", false),
        ("2026-11-01T00:00:00Z", false),
    ] {
        let summary = json!({
            "verifier": {"id": "https://verifier.example"}, "timeVerified": said,
            "resourceUri": "pkg:generic/x", "policy": {"uri": "https://policy.example"},
            "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_1"],
        });
        let evidence = world.statement(&pool().keys[0], VSA, &summary, &[("x", b"x")]);
        let inquiry = rules.inquire(vec![&evidence], time(NOW), false);
        let answer = inquiry.answers(&[0], &[bytes.sha256()], None).remove(0);
        let code = answer.reasons.first().map(attest_policy::Reason::code);
        let wanted = (!passed).then_some("evidence-too-old");
        assert_eq!(code, wanted, "{said}");
    }
}

/// The generator reaches yes and no of every kind of rule: else the properties would say nothing.
#[test]
fn every_kind_of_rule_is_met_by_some_evidence_and_missed_by_other() {
    let yes: Vec<usize> = (0..pool().pieces.len())
        .filter(|it| !pool().pieces[*it].says_no)
        .collect();
    for (which, body) in RULES.iter().enumerate() {
        let built = if body.contains("\"review\"") {
            "[[require]]\ntype = \"slsa-provenance\"\nlevel = 1\nsigned_by = \"alice\"\n"
        } else {
            ""
        };
        let mut text = head();
        let _ = write!(text, "{built}[[require]]\n{body}\nsigned_by = \"alice\"\n");
        let written = Written {
            text,
            named: Vec::new(),
            of_commits: Vec::new(),
        };
        let rules = rules(&written);
        assert!(
            ask(&rules, &yes, 0).iter().all(|it| it.0),
            "{which}: {body}"
        );
        assert!(
            ask(&rules, &[], 0).iter().all(|it| !it.0),
            "{which}: {body}"
        );
    }
}
