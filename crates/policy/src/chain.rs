//! The chain of what is deployed: from its digest over provenance to the commit, and to what was said of
//! that very commit. Each question is about statements that were proven to be by the signers of that link.

use std::collections::BTreeSet;

use attest_provenance::predicate::deployment::Deployment;
use attest_provenance::predicate::review::{self, Review, ReviewResult};
use attest_provenance::predicate::slsa::{self, ClaimedProvenance};
use attest_provenance::predicate::test_result::{self, TestResult};
use attest_provenance::predicate::vulns::{self, CosignVuln, Vulns};
use attest_provenance::{GitCommit, ResourceDescriptor, Statement};
use attest_verify::{Evidence, GitEvidence, ProvenSigner};

use crate::reason::Reason;
use crate::signers::Signers;

/// A link of the chain behind what is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// What was built, and from which commit.
    Build,
    /// That somebody reviewed the commit.
    Review,
    /// That tests of it passed.
    Test,
    /// That it was scanned for known vulnerabilities.
    Scan,
}

impl Link {
    /// Its name, which is also that of the signers who may make it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Review => "review",
            Self::Test => "test",
            Self::Scan => "scan",
        }
    }

    /// The predicate types that it is made of.
    pub const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Build => &[slsa::TYPE, slsa::TYPE_V0_2],
            Self::Review => &[review::TYPE],
            Self::Test => &[test_result::TYPE],
            Self::Scan => &[vulns::TYPE, vulns::TYPE_V0_1, vulns::COSIGN_TYPE],
        }
    }

    /// Why the chain ends here when nothing that counts is there.
    pub fn missing(self, found: impl std::fmt::Display) -> Reason {
        let (code, wanted) = match self {
            Self::Build => (
                "provenance-missing",
                "provenance of what is deployed, by a signer of builds",
            ),
            Self::Review => (
                "review-missing",
                "a review of that commit, by a signer of reviews",
            ),
            Self::Test => (
                "test-missing",
                "a test result of that commit or of what is deployed, by a signer of tests",
            ),
            Self::Scan => (
                "scan-missing",
                "a scan of that commit or of what is deployed, by a signer of scans",
            ),
        };
        Reason::new(code, found, wanted)
    }
}

/// The commit from which all of these, each provenance of the artifact, say that it was built.
///
/// # Errors
/// `provenance-malformed`; `commit-missing`, `commit-ambiguous`; `commit-dirty` when the work tree differed
/// from the commit.
pub fn built_from(provenance: &[&Statement]) -> Result<GitCommit, Reason> {
    let mut commits: BTreeSet<String> = BTreeSet::new();
    for statement in provenance {
        let named = commits_of(statement)?;
        // One that names none cannot stand behind another's.
        if named.is_empty() {
            return Err(missing_commit());
        }
        commits.extend(named);
    }
    let commit = commits.first().and_then(|it| GitCommit::parse(it).ok());
    match (commit, commits.len()) {
        (Some(commit), 1) => Ok(commit),
        (None, _) => Err(missing_commit()),
        (Some(_), _) => Err(Reason::new(
            "commit-ambiguous",
            commits.into_iter().collect::<Vec<_>>().join(", "),
            "one commit",
        )),
    }
}

fn missing_commit() -> Reason {
    Reason::new(
        "commit-missing",
        "no commit among what it was built from",
        "the commit of its source",
    )
}

fn commits_of(statement: &Statement) -> Result<Vec<String>, Reason> {
    let provenance = ClaimedProvenance::from_statement(statement).map_err(|error| {
        Reason::new(
            "provenance-malformed",
            error,
            "what its version of SLSA provenance requires",
        )
    })?;
    let mut commits = Vec::new();
    for dependency in provenance.dependencies() {
        if is_dirty(dependency) {
            return Err(Reason::new(
                "commit-dirty",
                "a work tree that differed from its commit",
                "the files of a commit, and no others",
            ));
        }
        commits.extend(commit_of(dependency));
    }
    if let Some(older) = provenance.v0_2() {
        let source = older.config_source.as_ref();
        let digest = source.and_then(|it| git_digest(&it.digests));
        commits.extend(digest);
    }
    Ok(commits)
}

fn is_dirty(dependency: &ResourceDescriptor) -> bool {
    let annotations = dependency.annotations.as_ref();
    annotations
        .and_then(|it| it.get("dirty"))
        .is_some_and(|it| it.as_bool() != Some(false))
}

/// Under `gitCommit`; under `sha1`, as older builders write it, only of a repository.
fn commit_of(dependency: &ResourceDescriptor) -> Option<String> {
    let is_repository = dependency
        .uri
        .as_deref()
        .is_some_and(|it| it.starts_with("git+"));
    let named = |name: &str| {
        let mut other = dependency.digests.other();
        other
            .find(|(it, _)| *it == name)
            .map(|(_, it)| it.to_owned())
    };
    let commit = named("gitCommit").or_else(|| named("sha1").filter(|_| is_repository))?;
    GitCommit::parse(&commit).ok().map(|it| it.to_string())
}

fn git_digest(digests: &attest_digest::DigestSet) -> Option<String> {
    let mut other = digests.other();
    let (_, found) = other.find(|(name, _)| matches!(*name, "gitCommit" | "sha1"))?;
    GitCommit::parse(found).ok().map(|it| it.to_string())
}

/// What a deployment record says.
///
/// # Errors
/// `deployment-malformed`.
pub fn deployment(statement: &Statement) -> Result<Deployment, Reason> {
    Deployment::from_statement(statement)
        .map_err(|error| Reason::new("deployment-malformed", error, "a deployment record"))
}

/// Whether a statement is about that very commit.
pub fn is_about_commit(statement: &Statement, commit: &GitCommit) -> bool {
    let mut subjects = statement.subjects().iter();
    subjects.any(|it| review::commit_of(it).as_ref() == Some(commit))
}

/// A review that counts.
#[derive(Debug)]
pub struct Counted {
    /// Its place among those that were asked.
    pub place: usize,
    /// What it says.
    pub review: Review,
    /// Whether its independence of the author was shown, and how; in words.
    pub independence: &'static str,
}

/// What the reviews of a commit come to: every one of them approves, and at least one is by somebody else
/// than its author as far as that can be told.
///
/// # Errors
/// `review-malformed`, `review-not-approved`, `review-not-independent`.
pub fn reviewed(
    reviews: &[&Evidence],
    commit: Option<&GitEvidence>,
) -> Result<Vec<Counted>, Reason> {
    let mut counted = Vec::new();
    let mut by_author = None;
    for (place, evidence) in reviews.iter().enumerate() {
        let Some(statement) = evidence.statement() else {
            continue;
        };
        let review = Review::from_statement(statement)
            .map_err(|error| Reason::new("review-malformed", error, "a review statement"))?;
        if review.result != ReviewResult::Approved {
            let found = format!("{} by {}", review.result.word(), evidence.signer());
            return Err(Reason::new(
                "review-not-approved",
                found,
                "APPROVED by every reviewer",
            ));
        }
        match independence(&review, evidence, commit) {
            Ok(independence) => counted.push(Counted {
                place,
                review,
                independence,
            }),
            Err(found) => by_author = by_author.or(Some(format!("{found}: {}", evidence.signer()))),
        }
    }
    match by_author {
        Some(found) if counted.is_empty() => Err(Reason::new(
            "review-not-independent",
            found,
            "a review by somebody else than the author",
        )),
        _ => Ok(counted),
    }
}

/// How far a review's independence is shown, or why it is not independent.
fn independence(
    review: &Review,
    evidence: &Evidence,
    commit: Option<&GitEvidence>,
) -> Result<&'static str, &'static str> {
    if review.independent == Some(false) {
        return Err("a reviewer who says to be no other than the author");
    }
    let claimed = if review.independent.is_some() {
        "claimed by the reviewer, not proven"
    } else {
        "not said by the reviewer, and not proven"
    };
    let Some(commit) = commit else {
        return Ok(claimed);
    };
    if Signers::people(&[evidence, commit.evidence()]).len() < 2 {
        return Err("the signer of the commit");
    }
    let object = commit.object();
    let is_email = |text: &str| {
        let text = text.strip_prefix("mailto:").unwrap_or(text);
        let people = [object.author(), object.committer()];
        people.iter().any(|it| it.email.eq_ignore_ascii_case(text))
    };
    let by_identity = match evidence.signer() {
        ProvenSigner::Identity { identity, .. } => is_email(identity),
        _ => false,
    };
    if by_identity || is_email(&review.reviewer) {
        return Err("the address of the author or committer");
    }
    Ok("another signer than the commit's; that they are two people is not proven")
}

/// What test results come to: every one of them has passed.
///
/// # Errors
/// `test-malformed`, `test-failed`.
pub fn tested(results: &[&Evidence]) -> Result<(), Reason> {
    for evidence in results {
        let Some(statement) = evidence.statement() else {
            continue;
        };
        let result = TestResult::from_statement(statement)
            .map_err(|error| Reason::new("test-malformed", error, "a test result"))?;
        if !result.has_passed() {
            let failed = result.failed.len();
            let found = format!("{}, {failed} tests failed", result.result.word());
            return Err(Reason::new(
                "test-failed",
                found,
                "PASSED, and no test that failed",
            ));
        }
    }
    Ok(())
}

/// How many vulnerabilities each scan found. Whether they may be is the question of a policy.
///
/// # Errors
/// `scan-malformed`.
pub fn scanned(scans: &[&Evidence]) -> Result<Vec<usize>, Reason> {
    let malformed = |error| Reason::new("scan-malformed", error, "a scan for vulnerabilities");
    let statements = scans.iter().filter_map(|it| it.statement());
    statements
        .map(|statement| {
            if statement.predicate_type() == vulns::COSIGN_TYPE {
                // The scanner's own form: that it is one is all that is read here.
                return CosignVuln::from_statement(statement)
                    .map(|_| 0)
                    .map_err(malformed);
            }
            let scan = Vulns::from_statement(statement).map_err(malformed)?;
            Ok(scan.findings.len())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use attest_digest::Digest;
    use attest_provenance::Subject;
    use attest_provenance::json::Value;
    use serde_json::json;

    use super::*;

    const GIT: &str = "git+https://github.com/acme/app";

    fn statement(of: &str, predicate: Value) -> Statement {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        Statement::new(vec![subject], of, predicate).unwrap()
    }

    fn commit(digit: &str) -> String {
        digit.repeat(40)
    }

    /// Provenance 1 of a build from these.
    fn built(dependencies: &[Value]) -> Statement {
        let predicate = json!({
            "buildDefinition": {
                "buildType": "https://example.com/build/v1", "externalParameters": {},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": "https://ci.example/builder"}},
        });
        statement(slsa::TYPE, predicate)
    }

    fn older(materials: &Value, source: &Value) -> Statement {
        let predicate = json!({
            "builder": {"id": "https://ci.example/builder"}, "buildType": "https://example.com/build/v1",
            "invocation": {"configSource": source}, "materials": materials,
        });
        statement(slsa::TYPE_V0_2, predicate)
    }

    fn from(statements: &[&Statement]) -> Result<String, &'static str> {
        let built = built_from(statements);
        built.map(|it| it.to_string()).map_err(|it| it.code())
    }

    #[test]
    fn all_provenance_names_one_commit_and_the_same() {
        let of =
            |digit: &str| built(&[json!({"uri": GIT, "digest": {"gitCommit": commit(digit)}})]);
        let (one, two, none) = (of("1"), of("2"), built(&[]));
        assert_eq!(from(&[&one]), Ok(commit("1")));
        assert_eq!(from(&[&one, &one]), Ok(commit("1")));
        assert_eq!(from(&[&one, &two]), Err("commit-ambiguous"));
        assert_eq!(from(&[&none]), Err("commit-missing"));
        assert_eq!(from(&[&one, &none]), Err("commit-missing"));
        assert_eq!(from(&[&none, &one]), Err("commit-missing"));
        assert_eq!(from(&[]), Err("commit-missing"));
        let both = built(&[
            json!({"uri": GIT, "digest": {"gitCommit": commit("1")}}),
            json!({"uri": GIT, "digest": {"gitCommit": commit("2")}}),
        ]);
        assert_eq!(from(&[&both]), Err("commit-ambiguous"));
        let other = statement(slsa::TYPE, json!({}));
        assert_eq!(from(&[&one, &other]), Err("provenance-malformed"));
    }

    #[test]
    fn by_its_sha1_alone_only_a_repository_names_a_commit() {
        let of = |uri: &str, name: &str| {
            let digest = json!({name: commit("1"), "sha256": "12".repeat(32)});
            built(&[json!({"uri": uri, "digest": digest})])
        };
        assert_eq!(from(&[&of(GIT, "sha1")]), Ok(commit("1")));
        assert_eq!(
            from(&[&of("https://x.example", "gitCommit")]),
            Ok(commit("1"))
        );
        for (uri, name) in [("https://x.example/a.tgz", "sha1"), (GIT, "gitTree")] {
            assert_eq!(
                from(&[&of(uri, name)]),
                Err("commit-missing"),
                "{uri} {name}"
            );
        }
        let materials = json!([{"uri": GIT, "digest": {"sha1": commit("1")}}]);
        let source = |digit: &str| json!({"uri": GIT, "digest": {"sha1": commit(digit)}});
        assert_eq!(from(&[&older(&materials, &source("1"))]), Ok(commit("1")));
        assert_eq!(from(&[&older(&json!([]), &source("1"))]), Ok(commit("1")));
        let other = older(&materials, &source("2"));
        assert_eq!(from(&[&other]), Err("commit-ambiguous"));
    }

    #[test]
    fn a_work_tree_that_may_differ_from_its_commit_is_none() {
        let of = |dirty: Value| {
            built(&[json!({
                "uri": GIT, "digest": {"gitCommit": commit("1")}, "annotations": {"dirty": dirty},
            })])
        };
        assert_eq!(from(&[&of(json!(false))]), Ok(commit("1")));
        for dirty in [json!(true), json!("false"), json!(0), json!({})] {
            assert_eq!(from(&[&of(dirty.clone())]), Err("commit-dirty"), "{dirty}");
        }
    }

    #[test]
    fn a_statement_is_about_the_commit_that_it_names() {
        let wanted = GitCommit::parse(&commit("1")).unwrap();
        let about = |digit: &str| {
            let mut digests = attest_digest::DigestSet::new();
            digests.insert("gitCommit", &commit(digit)).unwrap();
            let subject = Subject::new("app", digests).unwrap();
            let statement = Statement::new(vec![subject], review::TYPE, json!({})).unwrap();
            is_about_commit(&statement, &wanted)
        };
        assert!(about("1"));
        assert!(!about("2"));
        assert!(!is_about_commit(&built(&[]), &wanted));
    }
}
