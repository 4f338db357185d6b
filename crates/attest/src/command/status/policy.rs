//! What a policy says of each release: what it wants and is not kept is named.

use std::collections::BTreeMap;

use attest_archive::Reader;
use attest_archive::renewal::Stamps;
use attest_provenance::ReleaseName;
use serde_json::{Value, json};

use super::StatusArgs;
use crate::clock::Now;
use crate::command::archive::verify::{by_policy, judging_here};
use crate::command::verify::Session;
use crate::failure::{Exit, Failure};
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};
use crate::trust::Trust;

/// A policy and the keys that it names.
pub(super) struct Judging(Session);

/// The answer about one release.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) exit: Exit,
    /// The rules that it does not satisfy: what they ask, where they stand, and what was found.
    missing: Vec<(String, String, Vec<Refusal>)>,
    /// What else is wrong with it.
    reasons: Vec<Refusal>,
    /// By which timestamps the evidence counts that decided.
    pub(super) stamps: Option<Vec<Stamps>>,
}

impl Judging {
    /// What flags name; none without a policy.
    pub(super) fn of(
        args: &StatusArgs,
        reader: &Reader,
        names: &[ReleaseName],
        now: Now,
    ) -> Result<Option<Self>, Failure> {
        if args.policy.policy.is_none() {
            if args.policy.state.is_some() {
                let message = "--state remembers policies: name one with --policy";
                return Err(Failure::request("bad-arguments", message));
            }
            return Ok(None);
        }
        let (place, policy, trust) = (&args.place, &args.policy, &args.trust);
        let session = judging_here(place, policy, trust, &args.independent, reader, names, now)?;
        Ok(Some(Self(session)))
    }

    /// The trust that the policy and the flags beside it name.
    pub(super) fn into_trust(self) -> Trust {
        self.0.trust
    }

    /// The answer about each of these releases, by their names.
    pub(super) fn ask(
        &mut self,
        args: &StatusArgs,
        reader: &Reader,
        names: &[ReleaseName],
    ) -> Result<BTreeMap<String, Judged>, Failure> {
        let subjects = by_policy(&mut self.0, &args.trust, reader, names)?;
        Ok(subjects
            .into_iter()
            .map(|subject| (subject.subject.clone(), Judged::of(subject)))
            .collect())
    }
}

impl Judged {
    fn of(subject: SubjectReport) -> Self {
        let exit = subject.exit();
        let refused = |file: FileReport| match file.verdict {
            Verdict::Rejected(refusal) | Verdict::Unreadable(refusal) => Some(Refusal {
                found: format!("{}: {}", file.path, refusal.found),
                ..refusal
            }),
            _ => None,
        };
        let rules = subject.rules.into_iter().filter(|rule| !rule.passed);
        let missing: Vec<_> = rules
            .map(|rule| (rule.title, rule.place, rule.reasons))
            .collect();
        let mut reasons = subject.reasons;
        // Each file says again what a rule says of all.
        if missing.is_empty() {
            reasons.extend(subject.files.into_iter().filter_map(refused));
        }
        Self {
            exit,
            missing,
            reasons,
            stamps: subject.stamps,
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        if self.exit == Exit::Yes {
            return vec!["policy   everything that it wants is kept".to_owned()];
        }
        let rules = self.missing.iter().map(|(asks, place, reasons)| {
            let why: Vec<&str> = reasons.iter().map(|it| it.found.as_str()).collect();
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(": {}", why.join("; "))
            };
            format!("MISSING  {asks} ({place}){why}")
        });
        let reasons = self.reasons.iter();
        let reasons = reasons.map(|it| format!("POLICY   {}: {}", it.code, it.found));
        rules.chain(reasons).take(LINES).collect()
    }

    pub(super) fn object(&self) -> Value {
        let refusals = |list: &[Refusal]| -> Vec<Value> {
            let one =
                |it: &Refusal| json!({"code": it.code, "found": it.found, "wanted": it.wanted});
            list.iter().map(one).collect()
        };
        let missing = self.missing.iter().map(|(asks, place, reasons)| {
            json!({"asks": asks, "place": place, "reasons": refusals(reasons)})
        });
        json!({
            "answer": self.exit.word(),
            "missing": missing.collect::<Vec<_>>(),
            "reasons": refusals(&self.reasons),
        })
    }
}

/// As much as people read of one release.
const LINES: usize = 20;
