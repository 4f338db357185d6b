//! What a build service says about itself in the environment.
//!
//! Whoever started the process could set these variables: a record of them is an unauthenticated
//! claim and says so.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use serde_json::{Value, json};

use crate::{RepositoryUri, limits};

/// The build services that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Jenkins.
    Jenkins,
}

impl Provider {
    /// The name in provenance.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Jenkins => "jenkins",
        }
    }

    /// The only variables that are recorded. No tokens, no people, no text that a contributor can
    /// write freely, such as commit messages.
    const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::GitHub => GITHUB,
            Self::GitLab => GITLAB,
            Self::Jenkins => JENKINS,
        }
    }
}

/// The unauthenticated account of a build service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    provider: Provider,
    variables: BTreeMap<&'static str, String>,
}

impl Record {
    /// Picks the known variables of the service that `environment` names, for example of
    /// `std::env::vars_os()`; the first of GitHub, GitLab and Jenkins, if several seem to be there.
    ///
    /// Values that are empty, longer than [`limits::CI_VALUE_BYTES`], not UTF-8 or that hold control
    /// characters are left out; from URLs everything is removed that could be a secret.
    pub fn from_environment<K, V>(environment: impl IntoIterator<Item = (K, V)>) -> Option<Self>
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let known: BTreeMap<&'static str, String> = environment
            .into_iter()
            .filter_map(|(name, value)| {
                let name = known_name(name.as_ref().to_str()?)?;
                let value = value.as_ref().to_str()?;
                Some((name, value.to_owned()))
            })
            .collect();
        let is = |name: &str, wanted: &str| known.get(name).is_some_and(|it| it == wanted);
        let provider = if is("GITHUB_ACTIONS", "true") {
            Provider::GitHub
        } else if is("GITLAB_CI", "true") {
            Provider::GitLab
        } else if known.get("JENKINS_URL").is_some_and(|it| !it.is_empty()) {
            Provider::Jenkins
        } else {
            return None;
        };
        let variables = provider
            .variables()
            .iter()
            .filter_map(|name| Some((*name, recorded(name, known.get(name)?)?)))
            .collect();
        Some(Self {
            provider,
            variables,
        })
    }

    /// The build service.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// Names and values, by name.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// The record as it stands in provenance.
    pub fn to_json(&self) -> Value {
        json!({
            "provider": self.provider.name(),
            "authenticated": false,
            "variables": self.variables,
        })
    }
}

const MARKERS: &[&str] = &["GITHUB_ACTIONS", "GITLAB_CI"];

/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
const GITHUB: &[&str] = &[
    "GITHUB_EVENT_NAME",
    "GITHUB_JOB",
    "GITHUB_REF",
    "GITHUB_REF_TYPE",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_NUMBER",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_WORKFLOW_SHA",
    "RUNNER_ARCH",
    "RUNNER_ENVIRONMENT",
    "RUNNER_OS",
];

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
const GITLAB: &[&str] = &[
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_REF_PROTECTED",
    "CI_COMMIT_SHA",
    "CI_COMMIT_TAG",
    "CI_CONFIG_PATH",
    "CI_JOB_ID",
    "CI_JOB_URL",
    "CI_PIPELINE_ID",
    "CI_PIPELINE_SOURCE",
    "CI_PIPELINE_URL",
    "CI_PROJECT_ID",
    "CI_PROJECT_PATH",
    "CI_PROJECT_URL",
    "CI_RUNNER_EXECUTABLE_ARCH",
    "CI_RUNNER_ID",
    "CI_SERVER_URL",
];

/// <https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables> and its git
/// plugin.
const JENKINS: &[&str] = &[
    "BRANCH_NAME",
    "BUILD_ID",
    "BUILD_NUMBER",
    "BUILD_TAG",
    "BUILD_URL",
    "GIT_BRANCH",
    "GIT_COMMIT",
    "GIT_URL",
    "JENKINS_URL",
    "JOB_NAME",
];

fn known_name(name: &str) -> Option<&'static str> {
    let all = [MARKERS, GITHUB, GITLAB, JENKINS];
    all.into_iter().flatten().find(|it| **it == name).copied()
}

fn recorded(name: &str, value: &str) -> Option<String> {
    if value.is_empty()
        || value.len() > limits::CI_VALUE_BYTES
        || value.chars().any(char::is_control)
    {
        return None;
    }
    if name == "GIT_URL" {
        return RepositoryUri::from_remote(value)
            .ok()
            .map(|it| it.to_string());
    }
    if name.ends_with("_URL") {
        return without_secrets(value);
    }
    Some(value.to_owned())
}

/// A web address without user, password, query and fragment.
fn without_secrets(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next()?;
    // An at sign in the path may end a password that holds a slash.
    if path.contains('@') {
        return None;
    }
    Some(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use proptest::prelude::*;

    use super::*;

    fn variables(record: &Record) -> Vec<(&str, &str)> {
        record.variables().collect()
    }

    #[test]
    fn a_secret_in_the_environment_is_never_recorded() {
        let record = Record::from_environment([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_TOKEN", "ghs_secret"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"),
            ("ATTEST_PASSWORD", "secret"),
            ("GITHUB_ACTOR", "somebody"),
            (
                "GITHUB_SERVER_URL",
                "https://user:secret@github.example/?t=secret#secret",
            ),
            ("GITHUB_SHA", "8f3c"),
        ]);
        let record = record.unwrap();
        assert_eq!(
            variables(&record),
            [
                ("GITHUB_SERVER_URL", "https://github.example/"),
                ("GITHUB_SHA", "8f3c")
            ]
        );
    }

    #[test]
    fn the_credentials_in_a_jenkins_git_url_are_left_out() {
        let record = Record::from_environment([
            ("JENKINS_URL", "https://ci.example/"),
            ("GIT_URL", "https://bot:secret@git.example/a.git"),
            ("BUILD_URL", "https://bot:sec/ret@ci.example/job/1/"),
        ]);
        let record = record.unwrap();
        assert_eq!(record.provider(), Provider::Jenkins);
        let shown = record.to_json().to_string();
        assert!(shown.contains("git+https://git.example/a.git"), "{shown}");
        assert!(!shown.contains("sec"), "{shown}");
    }

    #[test]
    fn a_value_that_cannot_be_shown_as_it_is_is_left_out() {
        let long = "x".repeat(limits::CI_VALUE_BYTES + 1);
        let pairs: [(&str, OsString); 6] = [
            ("GITLAB_CI", "true".into()),
            ("CI_COMMIT_TAG", "v1\u{1b}[2J".into()),
            ("CI_COMMIT_REF_NAME", OsString::from_vec(vec![0xff])),
            ("CI_PROJECT_PATH", long.into()),
            ("CI_JOB_ID", "".into()),
            ("CI_PIPELINE_ID", "42".into()),
        ];
        let record = Record::from_environment(pairs).unwrap();
        assert_eq!(variables(&record), [("CI_PIPELINE_ID", "42")]);
    }

    #[test]
    fn without_a_build_service_there_is_no_record() {
        assert_eq!(Record::from_environment::<&str, &str>([]), None);
        let foreign = [
            ("CI", "true"),
            ("GITHUB_SHA", "8f3c"),
            ("GITLAB_CI", "false"),
            ("JENKINS_URL", ""),
        ];
        assert_eq!(Record::from_environment(foreign), None);
    }

    #[test]
    fn a_record_says_that_nobody_authenticated_it() {
        let record = Record::from_environment([("GITLAB_CI", "true"), ("CI_JOB_ID", "7")]).unwrap();
        let wanted =
            json!({"provider": "gitlab", "authenticated": false, "variables": {"CI_JOB_ID": "7"}});
        assert_eq!(record.to_json(), wanted);
    }

    proptest! {
        #[test]
        fn no_web_address_keeps_what_stands_before_an_at_sign(user in "[^@/?#]{0,8}", path in "[a-z/]{0,8}") {
            let shown = without_secrets(&format!("https://{user}@ci.example/{path}")).unwrap();
            prop_assert_eq!(shown, format!("https://ci.example/{path}"));
        }
    }
}
