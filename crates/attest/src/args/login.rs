//! The flags that say how a person logs in, where no token is given.

use clap::{Args, ValueEnum};

/// A login at an `OpenID` provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoginArgs {
    /// Sign without a key, as who you are at the provider of --oidc-issuer, else of the signing config.
    /// "browser" opens its page, and prints where it is; "url" only prints it, for a browser on this
    /// machine that you open; "never" asks nobody. Without this flag a terminal that is no CI job's is
    /// asked when there is no token
    #[arg(
        long,
        value_name = "browser|url|never",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "browser",
        conflicts_with = "identity_token",
        hide_possible_values = true,
        help_heading = "Services"
    )]
    pub(crate) oidc_login: Option<LoginWay>,
    /// How long somebody may take to log in
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 180,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Services"
    )]
    pub(crate) oidc_login_timeout: u64,
}

/// How the user gets to the provider's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoginWay {
    /// A browser is opened.
    Browser,
    /// The page's address is printed.
    Url,
    /// Not at all.
    Never,
}

impl LoginArgs {
    /// Whether the user wants to log in rather than to use a token that is lying about.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self.oidc_login, Some(LoginWay::Browser | LoginWay::Url))
    }
}
