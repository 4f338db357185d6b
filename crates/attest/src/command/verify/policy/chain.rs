//! What is deployed by the rules of a policy: the chain behind it has shown what is about it.

use std::collections::BTreeSet;

use attest_policy::{Built, Each, Link, Subject as About, is_about_commit};
use attest_provenance::GitCommit;
use attest_verify::Evidence;

use super::files::Tally;
use super::{Judge, digests, level, lowest, refusal};
use crate::command::verify::deployed::What;
use crate::report::{Refusal, SubjectReport, Verdict};

/// Something deployed, and the commit that the chain behind it leads to.
pub(in super::super) struct Followed {
    /// Its place among the files of the report.
    pub(in super::super) file: usize,
    pub(in super::super) what: What,
    /// Where it stands in a folder.
    pub(in super::super) path: Option<String>,
    pub(in super::super) commit: GitCommit,
}

/// What each rule says of each thing whose chain is whole.
pub(in super::super) fn of_chain(
    followed: &[Followed],
    proven: &[(usize, &Evidence)],
    judge: &Judge,
    report: &mut SubjectReport,
) {
    // `--release` is refused beside `--deployed`.
    let inquiry = judge.inquire(proven, false, None);
    let mut built = inquiry.built();
    for one in followed {
        let commit = one.commit.as_str();
        if !built.iter().any(|it| it.commit == commit) {
            let (commit, reference) = (commit.to_owned(), None);
            built.insert(Built { commit, reference });
        }
    }
    let sources = judge.sources_of(&built);
    let inquiry = inquiry.with_git(&sources.pieces);
    let mut tallies = Tally::of(&judge.rules);
    let (mut anywhere, mut commits) = (BTreeSet::new(), BTreeSet::new());
    // A rule about the release as a whole is about the one thing that there is.
    let each = (followed.len() > 1).then_some(Each::File);
    let mut level_shown = None;
    for (place, one) in followed.iter().enumerate() {
        let about: Vec<usize> = (0..proven.len())
            .filter(|it| {
                proven
                    .get(*it)
                    .is_some_and(|(_, it)| is_about(it, one, judge))
            })
            .collect();
        let commit = one.commit.as_str();
        let answers = inquiry.answers_of_source(
            &about,
            &digests(one.what.bytes()),
            one.path.as_deref(),
            each,
            &[commit],
        );
        anywhere.extend(about);
        commits.insert(commit);
        level_shown = lowest(level_shown, level(&answers), place == 0);
        let mut refused = not_accepted(one, judge);
        for answer in answers {
            let of_git = judge.rules.rules().get(answer.rule);
            let of_git = of_git.is_some_and(|it| it.kind().git().is_some());
            if let Some(why) = refusal(&judge.rules, &answer) {
                refused = refused.or(Some(match &sources.unread {
                    Some(unread) if of_git => Verdict::Unreadable(unread.clone()),
                    _ => Verdict::Rejected(why),
                }));
            }
            tallies.add(answer, one.path.as_deref().unwrap_or_default());
        }
        if let (Some(file), Some(refused)) = (report.files.get_mut(one.file), refused) {
            file.verdict = refused;
        }
    }
    if each.is_some() {
        let anywhere: Vec<usize> = anywhere.into_iter().collect();
        let commits: Vec<&str> = commits.into_iter().collect();
        for answer in inquiry.answers_of_source(&anywhere, &[], None, Some(Each::Release), &commits)
        {
            report.reasons.extend(refusal(&judge.rules, &answer));
            tallies.add(answer, "");
        }
    }
    if !followed.is_empty() {
        report
            .reasons
            .extend(tallies.asked_of_nothing(&judge.rules));
    }
    report.built = level_shown;
    let decided = tallies.decided(proven);
    report.decided_by.retain(|it| !decided.contains(it));
    report.decided_by.extend(decided);
    report.rules = tallies.into_reports(&judge.rules, proven);
}

/// Evidence about the bytes; tests and scans also about the commit that they were built from, as the chain
/// takes them.
fn is_about(evidence: &Evidence, one: &Followed, judge: &Judge) -> bool {
    let subject = About {
        bytes: one.what.bytes(),
        path: one.path.as_deref(),
    };
    if judge.rules.is_about(evidence, subject).is_ok() {
        return true;
    }
    let of_commit = |it: &str| Link::Test.types().contains(&it) || Link::Scan.types().contains(&it);
    evidence
        .statement()
        .is_some_and(|it| of_commit(it.predicate_type()) && is_about_commit(it, &one.commit))
}

/// A commit may be named by its SHA-1 if the policy says so, whether or not a rule is about it.
fn not_accepted(one: &Followed, judge: &Judge) -> Option<Verdict> {
    let is_short = one.commit.as_str().len() == SHA1_DIGITS;
    (is_short && !judge.rules.closure().allows_git_sha1()).then(|| {
        Verdict::Rejected(Refusal {
            code: "commit-not-accepted",
            found: one.commit.to_string(),
            wanted: "a commit named by its SHA-256, or git_sha1 = true in the policy".to_owned(),
        })
    })
}

const SHA1_DIGITS: usize = 40;
