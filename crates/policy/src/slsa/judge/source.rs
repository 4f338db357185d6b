//! From which repository, ref and commit it was built.

use super::Judging;
use crate::slsa::build::Build;
use crate::slsa::builders::{BuildType, Signer, without_ref};
use crate::slsa::expectations::SlsaExpectations;
use crate::slsa::origin::{Origin, commit_of};

impl Judging {
    /// The source: what started the build and the dependency must be the same, and the certificate
    /// must agree.
    pub(super) fn origin(
        &mut self,
        build: &Build,
        build_type: Option<&BuildType>,
        signer: &Signer<'_>,
    ) -> Option<Origin> {
        let trigger = build_type.and_then(|it| trigger(build, it));
        let dependencies = build.repositories();
        let found = match &trigger {
            Some(trigger) => self.agreed(trigger, &dependencies),
            None => chosen(&dependencies, signer),
        };
        let mut origin = found?;
        self.check_certificate(&mut origin, signer);
        Some(origin)
    }

    /// What the trigger and the dependencies say together.
    fn agreed(&mut self, trigger: &Origin, dependencies: &[Origin]) -> Option<Origin> {
        let same = |it: &&Origin| it.repository == trigger.repository;
        let Some(dependency) = dependencies.iter().find(same) else {
            let found = match dependencies.first() {
                Some(other) => format!("a build of {trigger} that depends on {other}"),
                None => format!("a build of {trigger} without that dependency"),
            };
            self.refuse(
                "source-inconsistent",
                found,
                "the built repository among the resolved dependencies",
            );
            return None;
        };
        let commits = [&trigger.commit, &dependency.commit];
        let other_commit = matches!(commits, [Some(one), Some(other)] if one != other);
        let other_ref = trigger.reference.is_some() && trigger.reference != dependency.reference;
        if other_ref || other_commit {
            let found = format!("a build of {trigger} that depends on {dependency}");
            self.refuse("source-inconsistent", found, "the same ref and commit");
            return None;
        }
        Some(Origin {
            repository: trigger.repository.clone(),
            reference: dependency.reference.clone(),
            commit: dependency.commit.clone().or_else(|| trigger.commit.clone()),
        })
    }

    /// What the certificate says of the source, which the predicate must not contradict.
    fn check_certificate(&mut self, origin: &mut Origin, signer: &Signer<'_>) {
        if !signer.is_certified() {
            self.unproven
                .push("source: only the signer says so, no certificate does".to_owned());
            return;
        }
        if let Some(repository) = signer.claim("source-repository") {
            self.compare("source-repository", &origin.repository, repository);
        } else if let Some(path) = signer.claim("github-workflow-repository") {
            let host = "https://github.com/";
            let found = origin
                .repository
                .strip_prefix(host)
                .unwrap_or(&origin.repository);
            self.compare("github-workflow-repository", found, path);
        } else {
            self.unproven
                .push("source: the certificate does not say which repository it is".to_owned());
        }
        for (name, found) in [
            ("source-repository-ref", &mut origin.reference),
            ("source-repository-digest", &mut origin.commit),
        ] {
            match (signer.claim(name), found.as_deref()) {
                (Some(claimed), Some(text)) => self.compare(name, text, claimed),
                (Some(claimed), None) => *found = Some(claimed.to_owned()),
                (None, _) => {}
            }
        }
    }

    fn compare(&mut self, name: &str, found: &str, claimed: &str) {
        if found != claimed {
            self.refuse(
                "provenance-contradicts-certificate",
                format!("{name} {found}"),
                format!("{claimed}, as the certificate says"),
            );
        }
    }

    /// What the predicate repeats of the certificate is what the certificate says.
    pub(super) fn check_claims(
        &mut self,
        build: &Build,
        build_type: Option<&BuildType>,
        origin: Option<&Origin>,
        signer: &Signer<'_>,
    ) {
        let Some(build_type) = build_type else {
            return;
        };
        for (name, path) in &build_type.claims {
            if let (Some(claimed), Some(found)) = (signer.claim(name), build.text_at(path)) {
                self.compare(name, &found, claimed);
            }
        }
        let path = build_type.path.as_ref().and_then(|it| build.text_at(it));
        if let (Some(claimed), Some(path), Some(origin)) =
            (signer.claim("build-config-uri"), path, origin)
        {
            let found = format!("{}/{path}", origin.repository);
            self.compare("build-config-uri", &found, without_ref(claimed));
        }
    }

    /// Whether the source is the expected one.
    pub(super) fn check_origin(&mut self, expected: &SlsaExpectations, origin: Option<&Origin>) {
        let refs = expected.refs();
        let is_asked =
            expected.source().is_some() || !refs.is_empty() || expected.commit().is_some();
        let Some(origin) = origin else {
            if is_asked && self.reasons.is_empty() {
                self.refuse(
                    "source-missing",
                    "no source",
                    "the repository that was built",
                );
            }
            return;
        };
        if let Some(wanted) = expected.source() {
            if origin.repository == wanted {
                self.holds("source", origin.repository(), wanted);
            } else {
                self.refuse("source-mismatch", origin.repository(), wanted);
            }
        }
        for wanted in refs {
            match &origin.reference {
                Some(found) if wanted.is_met_by(found) => {
                    self.holds("ref", found.as_str(), wanted.to_string());
                }
                found => {
                    let found = found.as_deref().unwrap_or("no ref");
                    self.refuse("ref-mismatch", found, wanted.to_string());
                }
            }
        }
        if let Some(wanted) = expected.commit() {
            match &origin.commit {
                Some(found) if found == wanted => self.holds("commit", found.as_str(), wanted),
                found => {
                    let found = found.as_deref().unwrap_or("no commit");
                    self.refuse("commit-mismatch", found, wanted);
                }
            }
        }
    }
}

/// What started the build, where its type says so.
fn trigger(build: &Build, build_type: &BuildType) -> Option<Origin> {
    let text = |path: &Option<String>| path.as_ref().and_then(|it| build.text_at(it));
    let mut origin =
        Origin::parse(&text(&build_type.uri).or_else(|| text(&build_type.repository))?);
    if let Some(reference) = text(&build_type.reference) {
        origin.reference = Some(reference);
    }
    let digest = build_type.commit.as_ref().and_then(|it| build.at(it));
    origin.commit = digest.and_then(commit_of);
    Some(origin)
}

/// The dependency that is the source, where the build type does not say what started it: the one that
/// the certificate names, or the only one.
fn chosen(dependencies: &[Origin], signer: &Signer<'_>) -> Option<Origin> {
    let claimed = signer.claim("source-repository");
    let named = claimed.and_then(|it| dependencies.iter().find(|found| found.repository == it));
    match (named, dependencies) {
        (Some(found), _) => Some(found.clone()),
        (None, [only]) => Some(only.clone()),
        _ => None,
    }
}
