//! Provenance measured against what is expected of a build.
//!
//! The three parts of [verifying artifacts](https://slsa.dev/spec/v1.2/verifying-artifacts): who may
//! speak for the builder, whether the build is the expected one, and whether what it names as its
//! source is the source. What the signature proves has been proven before.

mod parameters;
mod source;

use attest_verify::Evidence;

use super::build::Build;
use super::builders::{BuildType, Builder, Builders, IdRule, Signer, is_release, without_ref};
use super::expectations::SlsaExpectations;
use super::findings::{SlsaFindings, SlsaRule};
use super::origin::is_commit;
use crate::reason::Reason;

impl SlsaExpectations {
    /// Whether evidence is provenance of the build that is expected, and what level it shows.
    ///
    /// That the artifact is among its subjects is not asked here.
    ///
    /// # Errors
    /// All reasons why not, the first being the most telling.
    pub fn judge(
        &self,
        evidence: &Evidence,
        builders: &Builders,
    ) -> Result<SlsaFindings, Vec<Reason>> {
        let build = Build::of(evidence.statement()).map_err(|reason| vec![reason])?;
        self.judge_build(&build, &Signer::of(evidence), builders)
    }

    pub(super) fn judge_build(
        &self,
        build: &Build,
        signer: &Signer<'_>,
        builders: &Builders,
    ) -> Result<SlsaFindings, Vec<Reason>> {
        if self.refuses_v0_2() && build.is_v0_2() {
            let (found, wanted) = ("SLSA provenance 0.2", "SLSA provenance 1");
            return Err(vec![Reason::new("provenance-version", found, wanted)]);
        }
        let mut judging = Judging::default();
        let builder = builders.find(build, signer).unwrap_or_else(|reason| {
            judging.reasons.push(reason);
            None
        });
        let build_type = judging.build_type(build, builder, builders);
        judging.check_builder(self, build, signer, builder);
        let origin = judging.origin(build, build_type, signer);
        judging.check_origin(self, origin.as_ref());
        judging.check_claims(build, build_type, origin.as_ref(), signer);
        judging.check_parameters(self, build, build_type);
        let (level, why) = level(self, build, build_type, signer, builder);
        judging.check_level(self, level, &why, builder);
        if !judging.reasons.is_empty() {
            return Err(judging.reasons);
        }
        Ok(SlsaFindings {
            level,
            why,
            known_as: builder.map(|it| it.name().to_owned()),
            builder_id: build.builder_id().to_owned(),
            build_type: build.build_type().to_owned(),
            is_v0_2: build.is_v0_2(),
            origin,
            rules: judging.rules,
            unproven: judging.unproven,
        })
    }

    /// Whether a build's builder is the expected one, and named by its workflow and not by the kind
    /// of machine alone.
    fn expects_builder(&self, build: &Build, signer: &Signer<'_>) -> Option<Named> {
        let wanted = self.builder()?;
        let id = build.builder_id();
        if wanted == id || wanted == without_ref(id) {
            return Some(Named::ById);
        }
        let digest = signer.claim("build-signer-digest");
        let pinned = wanted.split_once('@').filter(|(path, commit)| {
            is_commit(commit) && *path == without_ref(id) && digest == Some(*commit)
        });
        if pinned.is_some() && signer.is_identity(id) {
            return Some(Named::ById);
        }
        let runner = signer.claim("runner-environment");
        let prefix = "https://github.com/actions/runner/";
        let by_runner = signer.is_of_github() && wanted.strip_prefix(prefix) == runner;
        (by_runner && runner.is_some()).then_some(Named::ByRunner)
    }
}

/// How the expected builder was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    ById,
    ByRunner,
}

/// What was asked so far, and what of it does not hold.
#[derive(Debug, Default)]
struct Judging {
    rules: Vec<SlsaRule>,
    reasons: Vec<Reason>,
    unproven: Vec<String>,
}

impl Judging {
    fn refuse(&mut self, code: &'static str, found: impl Into<String>, wanted: impl Into<String>) {
        self.reasons
            .push(Reason::new(code, found.into(), wanted.into()));
    }

    fn holds(&mut self, name: &'static str, found: impl Into<String>, wanted: impl Into<String>) {
        self.rules.push(SlsaRule {
            name,
            found: found.into(),
            wanted: wanted.into(),
        });
    }

    /// The build type as the table knows it: of a known builder it must be one of that builder's.
    fn build_type<'b>(
        &mut self,
        build: &Build,
        builder: Option<&Builder>,
        builders: &'b Builders,
    ) -> Option<&'b BuildType> {
        let found = builders.build_type(build);
        let Some(builder) = builder else {
            return found;
        };
        if found.is_some_and(|it| builder.build_types.contains(&it.name)) {
            return found;
        }
        let uris: Vec<&str> = builders.uris_of(builder).collect();
        let wanted = format!("a build type of {}: {}", builder.name(), uris.join(", "));
        self.refuse("build-type-unknown", build.build_type(), wanted);
        found
    }

    fn check_builder(
        &mut self,
        expected: &SlsaExpectations,
        build: &Build,
        signer: &Signer<'_>,
        builder: Option<&Builder>,
    ) {
        let Some(wanted) = expected.builder() else {
            return;
        };
        if expected.expects_builder(build, signer).is_none() {
            self.refuse("builder-mismatch", build.builder_id(), wanted);
        } else if builder.is_none() && self.reasons.is_empty() {
            // Without an entry, anybody who is accepted as a signer could state any builder.
            let found = format!("{signer}, who states the builder {}", build.builder_id());
            self.refuse(
                "builder-unknown",
                found,
                "a signer and builder of the table",
            );
        } else {
            self.holds("builder", build.builder_id(), wanted);
        }
    }

    fn check_level(
        &mut self,
        expected: &SlsaExpectations,
        level: u8,
        why: &str,
        builder: Option<&Builder>,
    ) {
        let Some(wanted) = expected.level() else {
            return;
        };
        let wanted_words = format!("SLSA build level {wanted}");
        if level >= wanted {
            self.holds("level", format!("SLSA build level {level}"), wanted_words);
        } else if builder.is_none() && level == 1 {
            if self.reasons.is_empty() {
                self.refuse("builder-unknown", format!("level 1: {why}"), wanted_words);
            }
        } else {
            self.refuse(
                "slsa-level-low",
                format!("level {level}: {why}"),
                wanted_words,
            );
        }
    }
}

/// The level that a build's provenance shows, and why not more.
fn level(
    expected: &SlsaExpectations,
    build: &Build,
    build_type: Option<&BuildType>,
    signer: &Signer<'_>,
    builder: Option<&Builder>,
) -> (u8, String) {
    let Some(builder) = builder else {
        let why = "the table does not know this signer with this builder";
        return (1, why.to_owned());
    };
    let name = builder.name();
    if let Some(hosted) = &builder.hosted
        && signer.claim("runner-environment") != Some(hosted)
    {
        let found = signer.claim("runner-environment").unwrap_or("unknown");
        let why = format!("{name}: the runner is {found}, and not {hosted}");
        return (builder.level.min(1), why);
    }
    if let Some(most) = build_type.and_then(|it| it.most)
        && most < builder.level
    {
        let why = format!("{name}: what this build type records is good for no more");
        return (most, why);
    }
    match builder.named {
        Some(named) if is_isolated(expected, build, signer, builder) => {
            (named, format!("{name}: {}", builder.why()))
        }
        Some(named) => {
            let why = format!(
                "{name}: {}; level {named} needs a builder of another repository, at a release or commit, that --builder names",
                builder.why()
            );
            (builder.level, why)
        }
        None => (builder.level, format!("{name}: {}", builder.why())),
    }
}

/// Whether the verifier named this very workflow, it cannot be changed unnoticed, and it is not the
/// source's own.
fn is_isolated(
    expected: &SlsaExpectations,
    build: &Build,
    signer: &Signer<'_>,
    builder: &Builder,
) -> bool {
    let id = build.builder_id();
    let Some((path, reference)) = id.split_once('@') else {
        return false;
    };
    let is_fixed = is_release(reference)
        || (is_commit(reference) && signer.claim("build-signer-digest") == Some(reference));
    let source = signer.claim("source-repository");
    let is_foreign = source.is_some_and(|it| !path.starts_with(&format!("{it}/")));
    let of_another = match builder.id {
        IdRule::Identity => signer
            .claim("build-config-uri")
            .is_some_and(|it| without_ref(it) != path),
        _ => true,
    };
    expected.expects_builder(build, signer) == Some(Named::ById)
        && is_fixed
        && is_foreign
        && of_another
}

#[cfg(test)]
mod tests;
