//! The identity that a CI system gives its jobs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use attest_remote::{Patience, Persistence};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::programs;

/// A job that can ask for tokens.
pub(crate) enum Job {
    /// GitHub Actions: an address, and what opens it.
    GitHub {
        url: String,
        secret: Zeroizing<String>,
    },
    /// Buildkite: its agent.
    Buildkite { agent: PathBuf },
}

impl Job {
    /// # Errors
    /// `identity-token-required` (2): this is no job that we know, or one that was given no identity.
    pub(crate) fn detect() -> Result<Self, Failure> {
        if let (Some(url), Some(secret)) = (
            variable("ACTIONS_ID_TOKEN_REQUEST_URL"),
            variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        ) {
            let secret = Zeroizing::new(secret);
            return Ok(Self::GitHub { url, secret });
        }
        if variable("BUILDKITE").is_some()
            && let Some(agent) = programs::find("buildkite-agent", env::var_os("PATH").as_deref())
        {
            return Ok(Self::Buildkite { agent });
        }
        let failure = Failure::request(
            "identity-token-required",
            "there is no identity token to sign with",
        );
        Err(if variable("GITHUB_ACTIONS").is_some() {
            failure.hint("give the job the permission id-token: write")
        } else if variable("GITLAB_CI").is_some() {
            failure.hint("give the job id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore")
        } else {
            failure.hint(
                "give one with --identity-token or SIGSTORE_ID_TOKEN, log in with --oidc-login, or run in a CI job that has an identity",
            )
        })
    }

    /// A token for this audience.
    ///
    /// # Errors
    /// Exit 3: what the CI system answered, or that it did not.
    pub(crate) fn token(&self, audience: &str) -> Result<Zeroizing<String>, Failure> {
        match self {
            Self::GitHub { url, secret } => {
                let token = attest_remote::ci_token(url, secret, audience, PERSISTENCE);
                token
                    .map(Zeroizing::new)
                    .map_err(|error| Failure::unknown(error.code(), error))
            }
            Self::Buildkite { agent } => by_agent(agent, audience, PERSISTENCE.patience.total),
        }
    }
}

fn by_agent(
    agent: &Path,
    audience: &str,
    patience: Duration,
) -> Result<Zeroizing<String>, Failure> {
    let failed = |problem: String| {
        Failure::unknown(
            "identity-token-unavailable",
            format!("buildkite-agent: {problem}"),
        )
    };
    let mut asking = Command::new(agent);
    asking.args(["oidc", "request-token", "--audience", audience]);
    match attest_remote::run_program(&mut asking, "", (patience, TOKEN_BYTES)) {
        Ok((true, said)) => String::from_utf8(said)
            .map(Zeroizing::new)
            .map_err(|_| failed("gave no token".to_owned())),
        Ok((false, _)) => Err(failed("gave no token, and says that it failed".to_owned())),
        Err(problem) => Err(failed(problem)),
    }
}

/// Whether this is a job of a CI system, where nobody sits at the terminal.
pub(super) fn is_job() -> bool {
    [
        "CI",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "BUILDKITE",
        "JENKINS_URL",
    ]
    .iter()
    .any(|it| variable(it).is_some())
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|it| !it.trim().is_empty())
}

const PERSISTENCE: Persistence = Persistence {
    patience: Patience {
        connect: Duration::from_secs(10),
        total: Duration::from_secs(30),
    },
    total: Duration::from_secs(60),
};
const TOKEN_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::failure::Exit;

    #[test]
    fn an_agent_that_does_not_answer_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let agent = folder.path().join("buildkite-agent");
        std::fs::write(&agent, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
        let patience = Duration::from_millis(700);
        let failure = by_agent(&agent, "sigstore", patience).unwrap_err();
        assert_eq!(failure.code, "identity-token-unavailable");
        assert_eq!(failure.exit, Exit::Unknown);
        assert!(
            failure.message.contains("no answer within 0.7 s"),
            "{failure:?}"
        );
    }
}
