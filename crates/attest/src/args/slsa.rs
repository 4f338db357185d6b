//! What is expected of how something was built, or of a summary that says so.

use attest_policy::slsa::{Builders, ExpectedRef, SlsaExpectations, VsaExpectations};
use attest_policy::{Policy, Rules};
use clap::Args;

use crate::failure::Failure;

/// Expectations of the build. With any of them only SLSA provenance that meets all of them approves.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What it was built from (only provenance that shows it approves)")]
pub(crate) struct BuildArgs {
    /// The repository: https://github.com/acme/app
    #[arg(long, value_name = "URI")]
    source_uri: Option<String>,
    /// The ref: refs/tags/v1.2.3, or refs/tags/v*
    #[arg(long, value_name = "REF")]
    source_ref: Option<String>,
    /// The branch
    #[arg(long, value_name = "NAME", conflicts_with_all = ["source_tag", "source_versioned_tag"])]
    source_branch: Option<String>,
    /// The tag
    #[arg(long, value_name = "NAME")]
    source_tag: Option<String>,
    /// A tag of this version: v1.2 is met by v1.2.7
    #[arg(long, value_name = "VERSION", conflicts_with = "source_tag")]
    source_versioned_tag: Option<String>,
    /// The commit, whole
    #[arg(long, value_name = "SHA")]
    source_commit: Option<String>,
    /// The builder's id, with or without its @REF, or with the @COMMIT of its workflow
    #[arg(long, value_name = "URI", alias = "builder-id")]
    builder: Option<String>,
    /// The least SLSA build level that signer and builder must be known to be good for
    #[arg(long, value_name = "0-3")]
    slsa_level: Option<u64>,
    /// An input that whoever started the build gave it; those that are not expected are refused
    #[arg(long, value_name = "NAME=VALUE")]
    build_workflow_input: Vec<String>,
    /// Let an external parameter of the build be anything (`inputs`: all inputs)
    #[arg(long, value_name = "NAME")]
    allow_parameter: Vec<String>,
}

/// Expectations of a verification summary. With any of them only such a summary approves.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Somebody else's verification (only a summary, a VSA, approves)")]
pub(crate) struct SummaryArgs {
    /// Who verified: the id that the summary must have, and --emit-vsa writes
    #[arg(long, value_name = "URI", alias = "verifier-id")]
    pub(crate) vsa_verifier_id: Option<String>,
    /// As what it was verified: the URI that the summary must have, and --emit-vsa writes
    #[arg(long, value_name = "URI", alias = "resource-uri")]
    pub(crate) vsa_resource_uri: Option<String>,
    /// A level or property that the summary must say: SLSA_BUILD_LEVEL_2, met by 3
    #[arg(long, value_name = "LEVEL")]
    verified_level: Vec<String>,
}

impl BuildArgs {
    /// Whether any of these flags was given.
    pub(crate) fn is_given(&self) -> bool {
        self.source_uri.is_some()
            || self.source_ref.is_some()
            || self.source_branch.is_some()
            || self.source_tag.is_some()
            || self.source_versioned_tag.is_some()
            || self.source_commit.is_some()
            || self.builder.is_some()
            || self.slsa_level.is_some()
            || !self.build_workflow_input.is_empty()
            || !self.allow_parameter.is_empty()
    }

    /// The policy, with these expectations.
    pub(crate) fn add_to(&self, policy: Policy) -> Result<Policy, Failure> {
        if !self.is_given() {
            return Ok(policy);
        }
        let expected = self.added_to(SlsaExpectations::new())?;
        Ok(policy.of_build(expected, Builders::embedded()))
    }

    /// The flags and their values, for a summary's policy.
    pub(crate) fn words(&self) -> Vec<(&'static str, &str)> {
        let texts = [
            ("source-uri", &self.source_uri),
            ("source-ref", &self.source_ref),
            ("source-branch", &self.source_branch),
            ("source-tag", &self.source_tag),
            ("source-versioned-tag", &self.source_versioned_tag),
            ("source-commit", &self.source_commit),
            ("builder", &self.builder),
        ];
        let texts = texts.into_iter();
        let texts = texts.filter_map(|(name, it)| Some((name, it.as_deref()?)));
        let inputs = self.build_workflow_input.iter();
        let inputs = inputs.map(|it| ("build-workflow-input", it.as_str()));
        let allowed = self.allow_parameter.iter();
        let allowed = allowed.map(|it| ("allow-parameter", it.as_str()));
        texts.chain(inputs).chain(allowed).collect()
    }

    /// The level that is asked for.
    pub(crate) const fn level(&self) -> Option<u64> {
        self.slsa_level
    }

    /// Whether what a policy says of parameters would be widened.
    pub(crate) fn allows_more(&self) -> bool {
        !self.allow_parameter.is_empty()
    }

    /// Asks every rule of a policy about builds for what these flags say as well.
    pub(crate) fn tighten(&self, rules: &mut Rules) -> Result<(), Failure> {
        if !self.is_given() {
            return Ok(());
        }
        let mut words: Vec<String> = self
            .words()
            .into_iter()
            .map(|(flag, value)| format!("--{flag} {value} holds too"))
            .collect();
        words.extend(
            self.slsa_level
                .map(|it| format!("--slsa-level {it} holds too")),
        );
        match rules.tighten(&words, &|it| self.added_to(it))? {
            0 => Err(Failure::request(
                "policy-conflict",
                "the policy has no rule about builds of which these flags could ask more",
            )
            .hint("add a [[require]] of the type slsa-provenance")),
            _ => Ok(()),
        }
    }

    fn added_to(&self, mut expected: SlsaExpectations) -> Result<SlsaExpectations, Failure> {
        let bad = |error| Failure::request("bad-expectation", error);
        if let Some(uri) = &self.source_uri {
            expected = expected.of_source(uri).map_err(bad)?;
        }
        let refs = [
            self.source_ref.clone().map(ExpectedRef::Ref),
            self.source_branch.clone().map(ExpectedRef::Branch),
            self.source_tag.clone().map(ExpectedRef::Tag),
            self.source_versioned_tag.clone().map(ExpectedRef::Version),
        ];
        for reference in refs.into_iter().flatten() {
            expected = expected.of_ref(reference).map_err(bad)?;
        }
        if let Some(commit) = &self.source_commit {
            expected = expected.of_commit(commit).map_err(bad)?;
        }
        if let Some(builder) = &self.builder {
            expected = expected.by_builder(builder).map_err(bad)?;
        }
        if let Some(level) = self.slsa_level {
            expected = expected.of_level(level).map_err(bad)?;
        }
        for input in &self.build_workflow_input {
            let Some((name, value)) = input.split_once('=').filter(|it| !it.0.is_empty()) else {
                let message = format!("--build-workflow-input {input:?} is not NAME=VALUE");
                return Err(Failure::request("bad-expectation", message));
            };
            expected = expected.with_input(name, value);
        }
        for parameter in &self.allow_parameter {
            expected = expected.allowing(parameter);
        }
        Ok(expected)
    }
}

impl SummaryArgs {
    /// Whether any of these flags was given.
    pub(crate) fn is_given(&self) -> bool {
        self.vsa_verifier_id.is_some()
            || self.vsa_resource_uri.is_some()
            || !self.verified_level.is_empty()
    }

    /// Whether a level is asked of a summary, and not only written into one.
    pub(crate) fn asks_levels(&self) -> bool {
        !self.verified_level.is_empty()
    }

    /// The policy, with these expectations. When a summary is written, verifier and resource are its
    /// own, and none is asked for.
    pub(crate) fn add_to(
        &self,
        policy: Policy,
        build: &BuildArgs,
        emits: bool,
    ) -> Result<Policy, Failure> {
        let names = (&self.vsa_verifier_id, &self.vsa_resource_uri);
        let is_asked = !self.verified_level.is_empty() || (names != (&None, &None) && !emits);
        if !is_asked {
            return Ok(policy);
        }
        let request = |message: &str| Failure::request("bad-arguments", message);
        if build.is_given() {
            return Err(request(
                "provenance and a summary cannot both be asked for: expect the build or the summary",
            ));
        }
        if emits {
            return Err(request("a summary of a summary is not written"));
        }
        let (Some(verifier), Some(resource)) = names else {
            return Err(request(
                "a summary says nothing without --vsa-verifier-id and --vsa-resource-uri",
            ));
        };
        let bad = |error| Failure::request("bad-expectation", error);
        let mut expected = VsaExpectations::new(verifier, resource).map_err(bad)?;
        for level in &self.verified_level {
            expected = expected.of_level(level).map_err(bad)?;
        }
        Ok(policy.by_summary(expected))
    }
}
