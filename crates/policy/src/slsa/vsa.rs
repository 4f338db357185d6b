//! Somebody else's verification summary in place of one's own verification.

use std::fmt;

use attest_provenance::Statement;
use attest_provenance::predicate::vsa::{self, VerificationResult, Vsa};
use attest_verify::Evidence;

use super::SlsaRule;
use crate::reason::Reason;

/// What a verification summary (VSA) must say.
///
/// Of the seven steps of [verifying VSAs](https://slsa.dev/spec/v1.2/verification_summary) the first two,
/// signature and subject, are asked where evidence is verified and bound; here stand the other five.
/// Which key speaks for which verifier is the verifier's word: the signer is expected beside this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VsaExpectations {
    verifier: String,
    resource: String,
    levels: Vec<Level>,
}

/// A summary that says what was expected.
///
/// All texts come from evidence; escape them before showing them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VsaFindings {
    summary: Vsa,
    rules: Vec<SlsaRule>,
}

/// A verified level, or a property beside the levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level {
    /// `SLSA_BUILD_LEVEL_3`: it implies the lower ones of its track.
    Number(Track, u8),
    /// `SLSA_BUILD_LEVEL_UNEVALUATED`: the track was not looked at, so that no level is met.
    Unevaluated(Track),
    /// `SLSA_SOURCE_TWO_PARTY_REVIEWED`, `SLSA_BUILD_REPRODUCED`.
    Property(&'static str),
    /// A word of the verifier's own.
    Custom(String),
}

/// A track of SLSA 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// `SLSA_BUILD_LEVEL_0` to `3`.
    Build,
    /// `SLSA_SOURCE_LEVEL_0` to `4`.
    Source,
}

/// Why a summary cannot be expected to say this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VsaExpectationError {
    /// It is empty or holds control characters.
    #[error("{what} {found:?} is empty or has control characters")]
    Text {
        /// What it is.
        what: &'static str,
        /// The text.
        found: String,
    },
    /// SLSA knows no such level.
    #[error(
        "SLSA knows no level {found:?}: wanted SLSA_BUILD_LEVEL_0 to 3, SLSA_SOURCE_LEVEL_0 to 4, {}, or a word of the verifier's own",
        PROPERTIES.join(", ")
    )]
    Level {
        /// The text.
        found: String,
    },
}

impl VsaExpectations {
    /// Expects a summary by this verifier of this resource.
    ///
    /// # Errors
    /// An empty text, or one with control characters.
    pub fn new(verifier: &str, resource: &str) -> Result<Self, VsaExpectationError> {
        let text = |what, found: &str| {
            if found.is_empty() || found.chars().any(char::is_control) {
                let found = found.to_owned();
                return Err(VsaExpectationError::Text { what, found });
            }
            Ok(found.to_owned())
        };
        Ok(Self {
            verifier: text("verifier id", verifier)?,
            resource: text("resource URI", resource)?,
            levels: Vec::new(),
        })
    }

    /// Expects this level too, or a higher one of its track.
    ///
    /// # Errors
    /// A level that SLSA does not know.
    pub fn of_level(mut self, level: &str) -> Result<Self, VsaExpectationError> {
        let unknown = || VsaExpectationError::Level {
            found: level.to_owned(),
        };
        let parsed = Level::parse(level).ok_or_else(unknown)?;
        if matches!(&parsed, Level::Custom(word) if word.is_empty() || word.chars().any(char::is_control))
        {
            return Err(unknown());
        }
        self.levels.push(parsed);
        Ok(self)
    }

    /// Whether evidence is a summary that says what is expected.
    ///
    /// # Errors
    /// All reasons why not, in the order of the steps.
    pub fn judge(&self, evidence: &Evidence) -> Result<VsaFindings, Vec<Reason>> {
        match evidence.statement() {
            Some(statement) => self.judge_statement(statement),
            None => Err(vec![Reason::new("vsa-required", "no statement", vsa::TYPE)]),
        }
    }

    /// As [`VsaExpectations::judge`], of a statement whose signature is not asked about here.
    ///
    /// # Errors
    /// `vsa-required`, `vsa-malformed`, `vsa-verifier-mismatch`, `vsa-resource-mismatch`, `vsa-failed`,
    /// `vsa-level-missing`.
    pub fn judge_statement(&self, statement: &Statement) -> Result<VsaFindings, Vec<Reason>> {
        // Step 3: the predicate's type.
        if statement.predicate_type() != vsa::TYPE {
            let found = statement.predicate_type();
            return Err(vec![Reason::new("vsa-required", found, vsa::TYPE)]);
        }
        let malformed = |found: String| {
            vec![Reason::new(
                "vsa-malformed",
                found,
                "a verification summary",
            )]
        };
        let summary = Vsa::from_statement(statement).map_err(|it| malformed(words(&it)))?;
        let found = levels_of(&summary).map_err(malformed)?;
        let mut reasons = Vec::new();
        let mut rules = Vec::new();
        let mut ask = |name, code, holds: bool, found: &str, wanted: &str| {
            if holds {
                rules.push(SlsaRule {
                    name,
                    found: found.to_owned(),
                    wanted: wanted.to_owned(),
                });
            } else {
                reasons.push(Reason::new(code, found, wanted));
            }
        };
        // Steps 4 to 6: verifier, resource, result.
        let (verifier, resource) = (&summary.verifier_id, &summary.resource_uri);
        let is_verifier = *verifier == self.verifier;
        ask(
            "verifier",
            "vsa-verifier-mismatch",
            is_verifier,
            verifier,
            &self.verifier,
        );
        let is_resource = *resource == self.resource;
        ask(
            "resource",
            "vsa-resource-mismatch",
            is_resource,
            resource,
            &self.resource,
        );
        let result = summary.result.word();
        let passed = summary.result == VerificationResult::Passed;
        ask("result", "vsa-failed", passed, result, "PASSED");
        // Step 7: the levels.
        let said = summary.verified_levels.join(", ");
        let said = if said.is_empty() { "no level" } else { &said };
        for wanted in &self.levels {
            let holds = found.iter().any(|it| it.implies(wanted));
            ask(
                "level",
                "vsa-level-missing",
                holds,
                said,
                &wanted.to_string(),
            );
        }
        if reasons.is_empty() {
            Ok(VsaFindings { summary, rules })
        } else {
            Err(reasons)
        }
    }
}

impl VsaFindings {
    /// The summary.
    pub const fn summary(&self) -> &Vsa {
        &self.summary
    }

    /// What was asked for, each of which holds.
    pub fn rules(&self) -> &[SlsaRule] {
        &self.rules
    }
}

impl Level {
    /// Reads a level; none if it is written like one of SLSA's and is none.
    pub fn parse(text: &str) -> Option<Self> {
        for (track, prefix, most) in TRACKS {
            if let Some(rest) = text.strip_prefix(prefix) {
                return match rest {
                    "UNEVALUATED" => Some(Self::Unevaluated(*track)),
                    _ if rest.len() == 1 => {
                        let number = rest.parse().ok().filter(|it| it <= most);
                        number.map(|it| Self::Number(*track, it))
                    }
                    _ => None,
                };
            }
        }
        if let Some(property) = PROPERTIES.iter().find(|it| **it == text) {
            return Some(Self::Property(property));
        }
        (!text.starts_with("SLSA_")).then(|| Self::Custom(text.to_owned()))
    }

    /// Whether whoever has this has the other.
    pub(crate) fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(track, number), Self::Number(wanted, least)) => {
                track == wanted && number >= least
            }
            _ => self == other,
        }
    }

    const fn track(&self) -> Option<Track> {
        match self {
            Self::Number(track, _) | Self::Unevaluated(track) => Some(*track),
            _ => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = |track: &Track| {
            TRACKS
                .iter()
                .find(|it| it.0 == *track)
                .map_or("", |it| it.1)
        };
        match self {
            Self::Number(track, number) => write!(f, "{}{number}", prefix(track)),
            Self::Unevaluated(track) => write!(f, "{}UNEVALUATED", prefix(track)),
            Self::Property(word) => f.write_str(word),
            Self::Custom(word) => f.write_str(word),
        }
    }
}

/// The levels of a summary that we know. One that is not SLSA's and looks like it says nothing; two of
/// one track contradict each other.
pub(crate) fn levels_of(summary: &Vsa) -> Result<Vec<Level>, String> {
    let said = summary.verified_levels.iter();
    let levels: Vec<Level> = said.filter_map(|it| Level::parse(it)).collect();
    for track in [Track::Build, Track::Source] {
        let of_track: Vec<&Level> = levels
            .iter()
            .filter(|it| it.track() == Some(track))
            .collect();
        if let [one, other, ..] = of_track.as_slice() {
            return Err(format!("two levels of one track: {one} and {other}"));
        }
    }
    Ok(levels)
}

/// An error and what is behind it, in one line.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", words(source)),
        None => error.to_string(),
    }
}

const TRACKS: &[(Track, &str, u8)] = &[
    (Track::Build, "SLSA_BUILD_LEVEL_", 3),
    (Track::Source, "SLSA_SOURCE_LEVEL_", 4),
];

const PROPERTIES: &[&str] = &["SLSA_SOURCE_TWO_PARTY_REVIEWED", "SLSA_BUILD_REPRODUCED"];

#[cfg(test)]
mod tests {
    use attest_digest::Digest;
    use attest_provenance::Subject;
    use attest_provenance::json::Value;
    use serde_json::json;

    use super::*;

    fn summary(change: impl FnOnce(&mut Value)) -> Statement {
        let mut predicate = json!({
            "verifier": {"id": "https://ci.acme.example/attest"},
            "timeVerified": "2026-11-21T09:41:07Z",
            "resourceUri": "pkg:generic/acme/app@1.4.2",
            "policy": {"uri": "https://ci.acme.example/policy", "digest": {"sha256": "12".repeat(32)}},
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_2", "SLSA_SOURCE_TWO_PARTY_REVIEWED", "ORG_SOURCE_X"],
            "slsaVersion": "1.2",
        });
        change(&mut predicate);
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        Statement::new(vec![subject], vsa::TYPE, predicate).unwrap()
    }

    fn expected() -> VsaExpectations {
        VsaExpectations::new(
            "https://ci.acme.example/attest",
            "pkg:generic/acme/app@1.4.2",
        )
        .unwrap()
    }

    fn codes(expected: &VsaExpectations, statement: &Statement) -> Vec<&'static str> {
        let judged = expected.judge_statement(statement);
        judged.map_or_else(|it| it.iter().map(Reason::code).collect(), |_| Vec::new())
    }

    #[test]
    fn a_level_implies_the_lower_ones_of_its_track_alone() {
        for level in [
            "SLSA_BUILD_LEVEL_0",
            "SLSA_BUILD_LEVEL_1",
            "SLSA_BUILD_LEVEL_2",
            "SLSA_SOURCE_TWO_PARTY_REVIEWED",
            "ORG_SOURCE_X",
        ] {
            let expected = expected().of_level(level).unwrap();
            assert!(codes(&expected, &summary(|_| ())).is_empty(), "{level}");
        }
        for level in [
            "SLSA_BUILD_LEVEL_3",
            "SLSA_SOURCE_LEVEL_0",
            "SLSA_SOURCE_LEVEL_1",
            "SLSA_BUILD_LEVEL_UNEVALUATED",
            "SLSA_BUILD_REPRODUCED",
            "ORG_SOURCE_Y",
        ] {
            let expected = expected().of_level(level).unwrap();
            let found = codes(&expected, &summary(|_| ()));
            assert_eq!(found, ["vsa-level-missing"], "{level}");
        }
    }

    type Change = fn(&mut Value);

    #[test]
    fn a_summary_that_is_changed_in_one_place_is_refused_by_its_code() {
        let expected = expected().of_level("SLSA_BUILD_LEVEL_2").unwrap();
        assert!(codes(&expected, &summary(|_| ())).is_empty());
        let changes: [(Change, &str); 13] = [
            (
                |it| it["verifier"]["id"] = json!("https://ci.evil.example/attest"),
                "vsa-verifier-mismatch",
            ),
            (
                |it| it["verifier"]["id"] = json!("https://ci.acme.example/attest/"),
                "vsa-verifier-mismatch",
            ),
            (
                |it| it["resourceUri"] = json!("pkg:generic/acme/app@1.4.1"),
                "vsa-resource-mismatch",
            ),
            (
                |it| it["verificationResult"] = json!("FAILED"),
                "vsa-failed",
            ),
            (
                |it| it["verificationResult"] = json!("passed"),
                "vsa-malformed",
            ),
            (|it| drop(it["verificationResult"].take()), "vsa-malformed"),
            (|it| it["verifiedLevels"] = json!([]), "vsa-level-missing"),
            (
                |it| it["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_1"]),
                "vsa-level-missing",
            ),
            (
                |it| it["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_UNEVALUATED"]),
                "vsa-level-missing",
            ),
            (
                |it| it["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_03"]),
                "vsa-level-missing",
            ),
            (
                |it| it["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_4"]),
                "vsa-level-missing",
            ),
            (
                |it| it["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_3"]),
                "vsa-malformed",
            ),
            (
                |it| {
                    it["verifiedLevels"] =
                        json!(["SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_UNEVALUATED"]);
                },
                "vsa-malformed",
            ),
        ];
        for (index, (change, code)) in changes.into_iter().enumerate() {
            assert_eq!(codes(&expected, &summary(change)), [code], "change {index}");
        }
    }

    #[test]
    fn another_statement_is_no_summary() {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        let predicate = summary(|_| ()).predicate().clone();
        let old = "https://slsa.dev/verification_summary/v0.2";
        let statement = Statement::new(vec![subject], old, predicate).unwrap();
        assert_eq!(codes(&expected(), &statement), ["vsa-required"]);
    }

    #[test]
    fn a_level_that_slsa_does_not_know_cannot_be_expected() {
        for level in [
            "",
            "SLSA_BUILD_LEVEL_4",
            "SLSA_BUILD_LEVEL_",
            "SLSA_SOURCE_LEVEL_5",
            "SLSA_X",
            "a\n",
        ] {
            assert!(expected().of_level(level).is_err(), "{level:?}");
        }
        assert!(VsaExpectations::new("", "x").is_err() && VsaExpectations::new("x", "").is_err());
    }
}
