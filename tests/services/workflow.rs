//! Workflows of GitHub Actions as an instance certifies them: the identity, and what Fulcio writes of the
//! job beside it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::der::{extension, utf8};
use super::instance::{Instance, certificate_for};
use super::issuer::{Signer, uri};

pub(crate) const GITHUB: &str = "https://token.actions.githubusercontent.com";
pub(crate) const COMMIT: &str = "d37a7f740ee7404914456f24dcd90e865a0509e8";

/// A job that signs for itself.
#[derive(Clone)]
pub(crate) struct Workflow {
    /// The workflow, without its host: `acme/app/.github/workflows/release.yml`.
    pub(crate) file: &'static str,
    pub(crate) repository: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) runner: &'static str,
    pub(crate) issuer: &'static str,
}

impl Workflow {
    pub(crate) fn identity(&self) -> String {
        format!("https://github.com/{}@{}", self.file, self.reference)
    }

    /// From now on certificates are for this job; the token that asks for them.
    pub(crate) fn takes_over(&self, instance: &Instance) -> String {
        let signer = self.signer();
        instance.certify(|it| *it = signer);
        instance.token(|it| {
            it["iss"] = json!(self.issuer);
            it["sub"] = json!(format!("repo:{}:ref:{}", self.repository, self.reference));
            it["job_workflow_ref"] = json!(format!("{}@{}", self.file, self.reference));
            it.as_object_mut().unwrap().remove("email");
        })
    }

    fn signer(&self) -> Signer {
        let identity = self.identity();
        let mut signer = certificate_for(&identity, self.issuer, Timestamp::now());
        signer.names = vec![uri(&identity)];
        let source = format!("https://github.com/{}", self.repository);
        signer.more = [
            (9, identity.as_str()),
            (10, COMMIT),
            (11, self.runner),
            (12, &source),
            (13, COMMIT),
            (14, self.reference),
            (15, "1"),
            (18, &identity),
            (20, "push"),
        ]
        .iter()
        .map(|(last, text)| extension(&format!("1.3.6.1.4.1.57264.1.{last}"), false, &utf8(text)))
        .collect();
        signer
    }

    /// What the job says about itself, as GitHub's artifact attestations do.
    pub(crate) fn provenance(&self) -> Value {
        let source = format!("https://github.com/{}", self.repository);
        let path = self.file.splitn(3, '/').last();
        json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {
                    "ref": self.reference, "repository": source, "path": path,
                }},
                "internalParameters": {"github": {
                    "event_name": "push", "repository_id": "1", "runner_environment": self.runner,
                }},
                "resolvedDependencies": [{
                    "uri": format!("git+{source}@{}", self.reference),
                    "digest": {"gitCommit": COMMIT},
                }],
            },
            "runDetails": {"builder": {"id": self.identity()}},
        })
    }
}
