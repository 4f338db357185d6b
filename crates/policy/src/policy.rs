//! Expectations from flags, and what of the evidence meets them.

use std::collections::BTreeSet;

use attest_provenance::predicate::Part;
use attest_provenance::predicate::publish::{self, Published};
use attest_provenance::predicate::release::{self, ClaimedRelease};
use attest_provenance::predicate::slsa::{self, ClaimedProvenance};
use attest_provenance::predicate::vsa;
use attest_provenance::{ReleaseName, Statement};
use attest_verify::Evidence;

use crate::reason::Reason;
use crate::signers::Signers;
use crate::slsa::{Builders, SlsaExpectations, SlsaFindings, VsaExpectations, VsaFindings};
use crate::verdict::refuse_bad;

/// What must be true before an artifact is accepted. The signer is mandatory.
///
/// ```
/// fn policy(signer: attest_verify::ExpectedSigner) -> attest_policy::Policy {
///     attest_policy::Policy::expecting(signer)
/// }
/// ```
///
/// A policy that would accept anyone cannot be written:
///
/// ```compile_fail
/// fn policy(_signer: attest_verify::ExpectedSigner) -> attest_policy::Policy {
///     attest_policy::Policy::default()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    signers: Signers,
    types: BTreeSet<String>,
    too: Option<&'static str>,
    /// Whether a message signature approves though types are asked for.
    messages: bool,
    release: Option<ReleaseName>,
    build: Option<(SlsaExpectations, Builders)>,
    summary: Option<VsaExpectations>,
}

/// The answer of a policy: not an error, since "no" is an answer.
#[derive(Debug)]
pub enum Decision<'e> {
    /// The evidence approves.
    Accept(Accepted<'e>),
    /// It does not, for these reasons.
    Reject(Vec<Reason>),
}

/// Evidence that a policy accepted. Only [`Policy::decide`] makes one.
///
/// ```
/// fn hand_out(accepted: &attest_policy::Accepted<'_>) -> String {
///     accepted.evidence().signer().to_string()
/// }
/// ```
///
/// ```compile_fail
/// fn hand_out(evidence: &attest_verify::Evidence) -> String {
///     let accepted = attest_policy::Accepted { evidence, approval: attest_policy::Approval::Message };
///     accepted.evidence().signer().to_string()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Accepted<'e> {
    evidence: &'e Evidence,
    approval: Approval,
}

/// As what the evidence approves.
#[derive(Debug, Clone)]
pub enum Approval {
    /// A signature over the artifact's own bytes.
    Message,
    /// A release statement.
    Release(ClaimedRelease),
    /// SLSA provenance; what it says of the build is read only for version 1.
    Provenance(Option<ClaimedProvenance>),
    /// The publish attestation of a registry, about the one package that it names.
    Published(Published),
    /// A statement of a type that was asked for.
    Requested(String),
}

impl Policy {
    /// Expects these signers, and lets only what approves by default approve: a message signature, a
    /// release statement, SLSA provenance, a registry's publish attestation.
    pub fn expecting(signers: impl Into<Signers>) -> Self {
        Self {
            signers: signers.into(),
            types: BTreeSet::new(),
            too: None,
            messages: false,
            release: None,
            build: None,
            summary: None,
        }
    }

    /// Lets statements of these predicate types approve, and nothing else.
    #[must_use]
    pub fn approving_only(mut self, types: impl IntoIterator<Item = String>) -> Self {
        self.types = types.into_iter().collect();
        self
    }

    /// Lets statements of this predicate type approve as well: for a file of which only such
    /// statements say what it is.
    #[must_use]
    pub fn approving_too(mut self, predicate_type: &'static str) -> Self {
        self.too = Some(predicate_type);
        self
    }

    /// Lets what the rules of a policy file ask for approve. Whether it says what they want, and all of
    /// them, they say themselves: [`Rules::admit`](crate::Rules::admit), [`Inquiry`](crate::Inquiry).
    #[must_use]
    pub fn of_rules(mut self, rules: &crate::Rules) -> Self {
        let kinds = rules.rules().iter().map(crate::Rule::kind);
        self.messages = kinds.clone().any(crate::Kind::is_signature);
        self.types = kinds.flat_map(crate::Kind::uris).cloned().collect();
        self
    }

    /// Asks for a release statement of exactly this release.
    #[must_use]
    pub fn of_release(mut self, release: ReleaseName) -> Self {
        self.release = Some(release);
        self
    }

    /// Asks for provenance of the build that is expected, and lets nothing else approve.
    #[must_use]
    pub fn of_build(mut self, expected: SlsaExpectations, builders: Builders) -> Self {
        self.build = Some((expected, builders));
        self
    }

    /// Asks for a verification summary that says what is expected, and lets nothing else approve.
    #[must_use]
    pub fn by_summary(mut self, expected: VsaExpectations) -> Self {
        self.summary = Some(expected);
        self
    }

    /// Whether a build or a summary is asked for, so that evidence of other kinds says nothing.
    pub const fn is_specific(&self) -> bool {
        self.build.is_some() || self.summary.is_some()
    }

    /// Whether what approves a checksums file approves the files that it lists. A signature and a release
    /// statement mean them, and so does provenance where nobody asked how they were built; every other
    /// statement says of the list what was asked of the files.
    pub fn approves_what_is_listed(&self, accepted: &Accepted<'_>) -> bool {
        let asks = self.is_specific() || !self.types.is_empty();
        match accepted.approval() {
            Approval::Message | Approval::Release(_) => true,
            Approval::Provenance(_) => !asks,
            Approval::Published(_) | Approval::Requested(_) => false,
        }
    }

    /// What evidence shows of the build, if that was asked for and it is the expected one.
    pub fn build_of(&self, evidence: &Evidence) -> Option<SlsaFindings> {
        let (expected, builders) = self.build.as_ref()?;
        expected.judge(evidence, builders).ok()
    }

    /// What a verification summary says, if one was asked for and it is the expected one.
    pub fn summary_of(&self, evidence: &Evidence) -> Option<VsaFindings> {
        self.summary.as_ref()?.judge(evidence).ok()
    }

    /// The expected signers.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// The release that is asked for.
    pub fn release(&self) -> Option<&ReleaseName> {
        self.release.as_ref()
    }

    /// Whether this evidence approves what it is about. Whether enough have approved is asked of
    /// all of it together: [`Signers::enough`].
    pub fn decide<'e>(&self, evidence: &'e Evidence) -> Decision<'e> {
        let one = |reason| vec![reason];
        let approval = self.signers.admit(evidence).map_err(one);
        let approval =
            approval
                .and_then(|()| self.asked_for(evidence))
                .and_then(|asked| match asked {
                    Some(approval) => Ok(approval),
                    None => self.approval(evidence).map_err(one),
                });
        match approval.and_then(|approval| self.release_matches(approval).map_err(one)) {
            Ok(approval) => Decision::Accept(Accepted { evidence, approval }),
            Err(reasons) => Decision::Reject(reasons),
        }
    }

    /// Whether it is what was asked for of a build or a summary.
    fn asked_for(&self, evidence: &Evidence) -> Result<Option<Approval>, Vec<Reason>> {
        if let Some((expected, builders)) = &self.build {
            expected.judge(evidence, builders)?;
        }
        let Some(expected) = &self.summary else {
            return Ok(None);
        };
        expected.judge(evidence)?;
        Ok(Some(Approval::Requested(vsa::TYPE.to_owned())))
    }

    /// Whether this evidence approves an image that it is about: cosign's statement about images does,
    /// and of files it says nothing.
    pub fn decide_image<'e>(&self, evidence: &'e Evidence) -> Decision<'e> {
        let found = evidence.statement().map(Statement::predicate_type);
        let asks = self.messages || self.types.is_empty();
        if found != Some(IMAGE_SIGNED) || !asks || self.is_specific() {
            return self.decide(evidence);
        }
        let approval = self
            .signers
            .admit(evidence)
            .and_then(|()| self.release_matches(Approval::Requested(IMAGE_SIGNED.to_owned())));
        match approval {
            Ok(approval) => Decision::Accept(Accepted { evidence, approval }),
            Err(reason) => Decision::Reject(vec![reason]),
        }
    }

    fn approval(&self, evidence: &Evidence) -> Result<Approval, Reason> {
        let Some(statement) = evidence.statement() else {
            return if self.types.is_empty() || self.messages {
                Ok(Approval::Message)
            } else {
                Err(self.not_requested("a message signature"))
            };
        };
        let found = statement.predicate_type();
        if (!self.types.is_empty() || self.messages) && !self.types.contains(found) {
            return Err(self.not_requested(found));
        }
        match found {
            release::TYPE => ClaimedRelease::from_statement(statement)
                .map(Approval::Release)
                .map_err(|error| {
                    Reason::new(
                        "release-malformed",
                        error,
                        "a release predicate that says which release it is",
                    )
                }),
            slsa::TYPE => ClaimedProvenance::from_statement(statement)
                .map(|provenance| Approval::Provenance(Some(provenance)))
                .map_err(|error| {
                    Reason::new(
                        "provenance-malformed",
                        error,
                        "a SLSA provenance v1 predicate",
                    )
                }),
            slsa::TYPE_V0_2 => Ok(Approval::Provenance(None)),
            publish::NPM | publish::PYPI => Published::from_statement(statement)
                .map(Approval::Published)
                .map_err(|error| {
                    Reason::new(
                        "publish-malformed",
                        error,
                        "the one package that was published",
                    )
                }),
            _ if self.types.contains(found) => {
                refuse_bad(statement).map(|()| Approval::Requested(found.to_owned()))
            }
            _ if self.is_taken_too(found) => Ok(Approval::Requested(found.to_owned())),
            _ => Err(self.not_requested(found)),
        }
    }

    fn is_taken_too(&self, found: &str) -> bool {
        self.types.is_empty() && self.too == Some(found)
    }

    fn not_requested(&self, found: &str) -> Reason {
        let wanted = if self.types.is_empty() {
            "a message signature, a release statement, SLSA provenance or a publish attestation"
                .to_owned()
        } else {
            self.types.iter().cloned().collect::<Vec<_>>().join(" or ")
        };
        Reason::new("predicate-not-requested", found, wanted)
    }

    fn release_matches(&self, approval: Approval) -> Result<Approval, Reason> {
        let Some(wanted) = &self.release else {
            return Ok(approval);
        };
        match &approval {
            Approval::Release(found) if found.name() == Some(wanted) => Ok(approval),
            Approval::Release(found) => {
                Err(Reason::new("release-mismatch", found.purl(), wanted.purl()))
            }
            _ => Err(Reason::new(
                "release-missing",
                "no release statement",
                wanted,
            )),
        }
    }
}

impl<'e> Accepted<'e> {
    /// The proven evidence.
    pub fn evidence(&self) -> &'e Evidence {
        self.evidence
    }

    /// As what it approves.
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// The release that it is about, and which part of its files it names, if it says so.
    pub(crate) fn part(&self) -> Option<(String, &Part)> {
        match &self.approval {
            Approval::Release(release) => Some((release.purl().to_owned(), release.part()?)),
            Approval::Provenance(Some(provenance)) => provenance
                .packaging()
                .map(|(name, part)| (name.purl(), part)),
            _ => None,
        }
    }

    /// The package URL of the release that the statement names.
    pub(crate) fn purl(&self) -> Option<String> {
        match &self.approval {
            Approval::Release(release) => Some(release.purl().to_owned()),
            _ => self.part().map(|(purl, _)| purl),
        }
    }
}

/// The predicate type with which cosign signs images.
pub(crate) const IMAGE_SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
