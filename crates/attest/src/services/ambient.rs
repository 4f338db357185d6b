//! The identity that a CI system gives its jobs.

use std::env;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
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
            Self::Buildkite { agent } => by_agent(agent, audience),
        }
    }
}

fn by_agent(agent: &PathBuf, audience: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |problem: String| {
        Failure::unknown(
            "identity-token-unavailable",
            format!("buildkite-agent: {problem}"),
        )
    };
    let mut child = Command::new(agent)
        .args(["oidc", "request-token", "--audience", audience])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut text = Zeroizing::new(String::new());
    let read = child
        .stdout
        .take()
        .map(|stdout| stdout.take(TOKEN_BYTES).read_to_string(&mut text));
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    match read {
        Some(Ok(_)) if status.success() => Ok(text),
        _ => Err(failed(format!("gave no token ({status})"))),
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
const TOKEN_BYTES: u64 = 64 << 10;
