//! The flags that say with which services, and for whom, something is signed.

use std::path::PathBuf;

use clap::Args;

use super::LoginArgs;
use crate::failure::Failure;

/// Signing with services that others run: certificates for identities, public logs and timestamps.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    /// Sign without a key, as whom this OpenID token names: the token, a file that holds it, or - for
    /// standard input. A token on the command line is seen by every process of the machine
    #[arg(long, value_name = "TOKEN|FILE|-", help_heading = "Services")]
    pub(crate) identity_token: Option<String>,
    /// Sign without a key: the token is SIGSTORE_ID_TOKEN, or what GitHub Actions, GitLab or Buildkite
    /// give this job, or at a terminal that of a login in the browser
    #[arg(long, conflicts_with = "identity_token", help_heading = "Services")]
    pub(crate) keyless: bool,
    /// Sign without a key, with a token of this OpenID provider and of no other: it comes from
    /// --identity-token, SIGSTORE_ID_TOKEN, the CI job, or a login there
    #[arg(long, value_name = "URL", help_heading = "Services")]
    pub(crate) oidc_issuer: Option<String>,
    /// The audience that tokens must be for, and the client that logs in, as the provider knows them
    #[arg(
        long,
        value_name = "ID",
        default_value = "sigstore",
        help_heading = "Services"
    )]
    pub(crate) oidc_client_id: String,
    #[command(flatten)]
    pub(crate) login: LoginArgs,
    /// The services to sign with (signing_config.json 0.2) [default: those of Sigstore's public-good
    /// instance, as of the day that attest was made]
    #[arg(
        long,
        value_name = "FILE|@NAME",
        conflicts_with = "trust_config",
        help_heading = "Services"
    )]
    pub(crate) signing_config: Option<String>,
    /// The trusted root by which everything that they answer is verified [default: @public-good]
    #[arg(
        long,
        value_name = "FILE|@NAME",
        conflicts_with = "trust_config",
        help_heading = "Services"
    )]
    pub(crate) trusted_root: Option<String>,
    /// A private instance in one file: trusted root and signing config, as sigstore-python takes it
    #[arg(long, value_name = "FILE", help_heading = "Services")]
    pub(crate) trust_config: Option<PathBuf>,
    /// How long each service is asked again when it is busy or away
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 120,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Services"
    )]
    pub(crate) service_timeout: u64,
}

impl ServiceArgs {
    /// Whether something is signed as an identity and not with a key.
    pub(crate) fn is_keyless(&self) -> bool {
        self.identity_token.is_some()
            || self.keyless
            || self.oidc_issuer.is_some()
            || self.login.is_asked()
    }

    /// Whether services are asked that others run.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_keyless() || self.signing_config.is_some() || self.trust_config.is_some()
    }

    /// A trusted root of services that nobody asks verifies nothing.
    pub(crate) fn refuse_alone(&self) -> Result<(), Failure> {
        if self.trusted_root.is_none() {
            return Ok(());
        }
        Err(Failure::request(
            "bad-arguments",
            "--trusted-root is for --identity-token, --keyless, --oidc-issuer and --signing-config, none of which is given",
        ))
    }
}
