//! The steps of docs/verification.md with what each found in one piece of evidence.
//!
//! What is not known is not claimed: a refusal says which checks failed, and of the steps beside them
//! no more than that no failure was reported.

use attest_verify::{CODES, Evidence, STEPS, Skipped, Step};

use super::Refusal;

/// One step, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct StepLine {
    /// Its number and name; none for a check that is no step of a bundle.
    pub(crate) number: Option<u8>,
    pub(crate) name: &'static str,
    pub(crate) state: StepState,
    /// What was found, or why nothing was checked. It may quote evidence.
    pub(crate) found: String,
    pub(crate) wanted: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepState {
    Passed,
    /// With its code.
    Failed(&'static str),
    /// Something is there, or should be, and was not checked: the line says why.
    Skipped,
    /// There is nothing of it in this evidence.
    Absent,
    /// Other steps failed; of this one no failure was reported.
    NoFailure,
    /// An earlier step failed, without which this one means nothing.
    NotReached,
}

impl StepState {
    /// The word of the JSON report.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
            Self::Absent => "absent",
            Self::NoFailure => "no-failure",
            Self::NotReached => "not-reached",
        }
    }
}

/// Of evidence that was verified.
pub(crate) fn of_evidence(evidence: &Evidence) -> Vec<StepLine> {
    let mut lines = Vec::new();
    for step in STEPS {
        let before = lines.len();
        let checks = evidence.checks().iter();
        lines.extend(
            checks
                .filter(|it| it.code() == step.name)
                .map(|check| line(step, StepState::Passed, check.found(), Some(check.wanted()))),
        );
        let skipped = evidence.skipped().iter();
        let skipped = skipped.filter(|it| steps_of(it).contains(&step.name));
        lines.extend(skipped.map(|it| line(step, StepState::Skipped, &it.to_string(), None)));
        if lines.len() == before {
            let (state, why) = absent(step, evidence);
            lines.push(line(step, state, why, None));
        }
    }
    // Other dialects have checks of their own.
    let known = |code: &str| STEPS.iter().any(|step| step.name == code);
    let others = evidence.checks().iter().filter(|it| !known(it.code()));
    lines.extend(others.map(|check| StepLine {
        number: None,
        name: check.code(),
        state: StepState::Passed,
        found: check.found().to_owned(),
        wanted: Some(check.wanted().to_owned()),
    }));
    lines
}

/// Of evidence that was refused. Steps 1 to 4 stop at the first failure, of steps 5 to 10 all failures
/// are reported, and those behind stop again.
pub(crate) fn of_refusals(refusals: &[Refusal]) -> Vec<StepLine> {
    let failed: Vec<(Option<u8>, &Refusal)> =
        refusals.iter().map(|it| (number_of(it.code), it)).collect();
    let Some(first) = failed.iter().filter_map(|(number, _)| *number).min() else {
        return failed
            .iter()
            .map(|(_, it)| refused(None, it.code, it))
            .collect();
    };
    let mut lines = Vec::new();
    for step in STEPS {
        let of_step: Vec<_> = failed
            .iter()
            .filter(|(number, _)| *number == Some(step.number))
            .collect();
        if of_step.is_empty() {
            lines.push(line(step, beside(step.number, first), "", None));
        }
        lines.extend(
            of_step
                .into_iter()
                .map(|(number, it)| refused(*number, step.name, it)),
        );
    }
    let others = failed.iter().filter(|(number, _)| number.is_none());
    lines.extend(others.map(|(_, it)| refused(None, it.code, it)));
    lines
}

/// What is known of a step that did not fail, when the first that did is `first`.
fn beside(number: u8, first: u8) -> StepState {
    match first {
        // Steps 1 to 4 are taken in an order of their own; the first alone comes before all.
        ..STOPPING if number == 1 => StepState::Passed,
        ..STOPPING if number < first => StepState::NoFailure,
        ..STOPPING => StepState::NotReached,
        // All that stops has passed.
        _ if number < STOPPING => StepState::Passed,
        // What comes behind is taken one after the other.
        _ if number > COLLECTED && number > first => StepState::NotReached,
        _ => StepState::NoFailure,
    }
}

fn line(step: &Step, state: StepState, found: &str, wanted: Option<&str>) -> StepLine {
    StepLine {
        number: Some(step.number),
        name: step.name,
        state,
        found: found.to_owned(),
        wanted: wanted.map(str::to_owned),
    }
}

fn refused(number: Option<u8>, name: &'static str, refusal: &Refusal) -> StepLine {
    StepLine {
        number,
        name,
        state: StepState::Failed(refusal.code),
        found: refusal.found.clone(),
        wanted: Some(refusal.wanted.clone()),
    }
}

fn number_of(code: &str) -> Option<u8> {
    CODES.iter().find(|it| it.code == code).map(|it| it.step)
}

/// The steps that something left out would have been checked in.
fn steps_of(skipped: &Skipped) -> &'static [&'static str] {
    match skipped {
        Skipped::Log | Skipped::LogUnknown { .. } => &["entry", "checkpoint", "inclusion"],
        Skipped::Proof => &["checkpoint", "inclusion"],
        Skipped::IntegratedTime => &["promise"],
        Skipped::Time | Skipped::TimeUnknown | Skipped::SignerTime { .. } => &["time"],
        Skipped::CertificateLog => &["transparency"],
        Skipped::LogKeyValidity => &["validity"],
        Skipped::Bytes => &["subject"],
        Skipped::Engine { .. } => &["engine"],
        _ => &[],
    }
}

fn absent(step: &Step, evidence: &Evidence) -> (StepState, &'static str) {
    match step.name {
        "subject" if evidence.statement().is_some() => (
            StepState::Absent,
            "a statement: the policy binds its subjects to the files",
        ),
        "promise" => (StepState::Absent, "no promise proves a time here"),
        "time" => (StepState::Absent, "no timestamp of an authority"),
        _ => (StepState::Absent, "nothing of it in this evidence"),
    }
}

/// Steps below this number stop at the first failure.
const STOPPING: u8 = 5;
/// The last step of those of which all failures are reported.
const COLLECTED: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn states(codes: &[&'static str]) -> Vec<String> {
        let refusals: Vec<Refusal> = codes
            .iter()
            .map(|code| Refusal {
                code,
                found: "this".to_owned(),
                wanted: "that".to_owned(),
            })
            .collect();
        let lines = of_refusals(&refusals);
        let number = |line: &StepLine| line.number.map_or("-".to_owned(), |it| it.to_string());
        lines
            .iter()
            .map(|line| format!("{} {}", number(line), line.state.word()))
            .collect()
    }

    #[test]
    fn behind_a_step_that_stops_nothing_is_reached() {
        let found = states(&["signature-invalid"]);
        assert_eq!(
            found[..5],
            [
                "1 passed",
                "2 no-failure",
                "3 failed",
                "4 not-reached",
                "5 not-reached"
            ]
        );
        assert_eq!(found.len(), STEPS.len());
        assert_eq!(
            states(&["bundle-malformed"])[..2],
            ["1 failed", "2 not-reached"]
        );
    }

    #[test]
    fn beside_a_failure_of_the_log_nothing_is_claimed_that_is_not_known() {
        let found = states(&["checkpoint-signature-invalid", "time-invalid"]);
        let (collected, behind) = found.split_at(usize::from(COLLECTED));
        assert_eq!(
            collected,
            [
                "1 passed",
                "2 passed",
                "3 passed",
                "4 passed",
                "5 no-failure",
                "6 failed",
                "7 no-failure",
                "8 no-failure",
                "9 failed",
                "10 no-failure"
            ]
        );
        assert!(
            behind.iter().all(|it| it.ends_with("not-reached")),
            "{behind:?}"
        );
    }

    #[test]
    fn a_refusal_that_is_of_no_step_stands_alone() {
        assert_eq!(states(&["of-no-step"]), ["- failed"]);
    }

    #[test]
    fn behind_the_steps_that_are_collected_each_stops() {
        let found = states(&["engine-rejected"]);
        assert_eq!(found.first().map(String::as_str), Some("1 passed"));
        assert!(
            found.last().is_some_and(|it| it.ends_with("failed")),
            "{found:?}"
        );
        assert!(
            !found.iter().any(|it| it.ends_with("not-reached")),
            "{found:?}"
        );
        let found = states(&["certificate-chain-invalid"]);
        assert!(
            found.last().is_some_and(|it| it.ends_with("not-reached")),
            "{found:?}"
        );
    }

    #[test]
    fn the_groups_of_steps_are_those_of_the_verifier() {
        let number = |name: &str| STEPS.iter().find(|it| it.name == name).map(|it| it.number);
        assert_eq!(number("entry"), Some(STOPPING));
        assert_eq!(number("validity"), Some(COLLECTED));
    }
}
