//! `attest sbom check`.

mod evidence;
mod say;

use std::path::PathBuf;

use attest_sbom::{Claim, Comparison, Difference, Element, Profile, Reading, compare, limits};
use clap::Args;

use super::found::Found;
use crate::args::{Global, TrustArgs};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files;

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The bill: CycloneDX 1.3 to 1.6 or SPDX 2.3, in JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Compare it with this lock file, or those at the top of a folder (can be repeated)
    #[arg(long, value_name = "LOCKFILE|DIR")]
    lock: Vec<PathBuf>,
    /// Ask for the minimum elements of a profile: ntia-2021, cisa-2025 (can be repeated)
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// Verify how components were made by these bundles, or those at the top of a folder, against the
    /// signers that --key, --identity and --trusted-root name (can be repeated)
    #[arg(long, value_name = "BUNDLE|DIR")]
    evidence: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What was asked and answered.
struct Checked {
    file: String,
    reading: Reading,
    lock: Option<(Vec<String>, Comparison)>,
    profiles: Vec<(Profile, Vec<Element>)>,
    states: Vec<State>,
    evidence: usize,
    reasons: Vec<Reason>,
}

/// How the provenance of a component stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Evidence that was given proves it.
    Verified,
    /// The bill says where an attestation is; nobody has verified it.
    Claimed(String),
    /// Neither.
    Absent,
}

/// Why the answer is no.
struct Reason {
    code: &'static str,
    text: String,
}

pub(super) fn run(args: &CheckArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    if args.lock.is_empty() && args.profile.is_empty() && args.evidence.is_empty() {
        return Err(Failure::request("bad-arguments", "nothing is asked about the bill").hint(
            "compare it with --lock LOCKFILE, or ask for minimum elements with --profile ntia-2021",
        ));
    }
    let profiles = profiles(&args.profile)?;
    let found = Found::in_all(&args.lock)?;
    let trust = evidence::Trusted::resolve(&args.evidence, &args.trust, global)?;
    for note in &found.notes {
        console.note(format_args!("note: {}", escape(note)));
    }
    let reading = read(&args.file)?;
    let mut reasons = Vec::new();
    if reading.items.is_empty() {
        let text = "it names no component".to_owned();
        reasons.push(Reason {
            code: "sbom-empty",
            text,
        });
    }
    let lock = (!found.locks.is_empty()).then(|| held_against(&reading, &found, &mut reasons));
    let profiles: Vec<(Profile, Vec<Element>)> = profiles
        .into_iter()
        .map(|profile| {
            let elements = score(&profile, &reading, &mut reasons);
            (profile, elements)
        })
        .collect();
    let states = states(&reading, trust.as_ref());
    if trust.is_some() && !states.contains(&State::Verified) {
        let text = "no evidence proves how any component was made".to_owned();
        reasons.push(Reason {
            code: "sbom-evidence-missing",
            text,
        });
    }
    let checked = Checked {
        file: args.file.display().to_string(),
        reading,
        lock,
        profiles,
        states,
        evidence: trust.map_or(0, |it| it.count()),
        reasons,
    };
    Ok(say::say(&checked, console))
}

fn profiles(names: &[String]) -> Result<Vec<Profile>, Failure> {
    let find = |name: &String| match Profile::named(name) {
        Some(Ok(profile)) => Ok(profile),
        Some(Err(error)) => Err(Failure::unknown(
            "internal-error",
            format!("{name}: {error}"),
        )),
        None => {
            let known: Vec<&str> = Profile::names().collect();
            Err(Failure::request(
                "bad-arguments",
                format!("--profile {name:?} is none that is known"),
            )
            .hint(format!("one of {}", known.join(", "))))
        }
    };
    names.iter().map(find).collect()
}

fn read(file: &std::path::Path) -> Result<Reading, Failure> {
    let bytes = files::read_limited(file, limits::SBOM_BYTES as u64).map_err(|error| {
        Failure::unknown("sbom-unreadable", format!("{}: {error}", file.display()))
    })?;
    Reading::parse(&bytes)
        .map_err(|error| Failure::no(error.code(), format!("{}: {error}", file.display())))
}

fn held_against(
    reading: &Reading,
    found: &Found,
    reasons: &mut Vec<Reason>,
) -> (Vec<String>, Comparison) {
    let comparison = compare(reading, &found.locks);
    if comparison.same == 0 && comparison.differences.is_empty() {
        let text = "it has no component in common with the lock files".to_owned();
        reasons.push(Reason {
            code: "sbom-nothing-compared",
            text,
        });
    }
    for difference in &comparison.differences {
        reasons.push(Reason {
            code: difference.code,
            text: words(difference),
        });
    }
    (found.shown(), comparison)
}

fn words(difference: &Difference) -> String {
    let Difference {
        component,
        found,
        wanted,
        ..
    } = difference;
    match (found, wanted) {
        (Some(found), Some(wanted)) => {
            format!("{component}: the bill has {found}, the lock files {wanted}")
        }
        (Some(_), None) => format!("{component}: the bill has it, the lock files do not"),
        _ => format!("{component}: the lock files have it, the bill does not"),
    }
}

fn score(profile: &Profile, reading: &Reading, reasons: &mut Vec<Reason>) -> Vec<Element> {
    let elements = profile.score(reading).elements;
    for element in elements.iter().filter(|it| it.have < it.of || it.of == 0) {
        let some: Vec<&str> = element
            .lacking
            .iter()
            .take(SHOWN)
            .map(String::as_str)
            .collect();
        let more = element.lacking.len().saturating_sub(SHOWN);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let (have, of) = (element.have, element.of);
        reasons.push(Reason {
            code: "sbom-element-missing",
            text: format!(
                "{}: {}: {have} of {of}; not {}{more}",
                profile.name,
                element.title,
                some.join(", ")
            ),
        });
    }
    elements
}

fn states(reading: &Reading, trust: Option<&evidence::Trusted>) -> Vec<State> {
    let mut asked = trust.map(evidence::Trusted::ask);
    let state = |item: &attest_sbom::Item| {
        if asked.as_mut().is_some_and(|it| it.proves(item)) {
            return State::Verified;
        }
        match &item.claim {
            Some(Claim::Reference(url)) => State::Claimed(url.clone()),
            None => State::Absent,
        }
    };
    reading.items.iter().map(state).collect()
}

/// Components that a line for people names.
const SHOWN: usize = 5;
