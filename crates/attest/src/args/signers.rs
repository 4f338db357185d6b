//! The flags that say who is expected to have signed.

use clap::Args;

/// Who is expected to have signed: any of these, or as many as `--require` says.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Args)]
pub(crate) struct SignerArgs {
    /// An expected key: a file (PEM, OpenPGP, minisign, SSH), sha256:HEX of its SubjectPublicKeyInfo,
    /// openpgp:FINGERPRINT, or SHA256:… of an SSH key
    #[arg(long, value_name = "FILE|PIN")]
    pub(crate) key: Vec<String>,
    /// An expected certificate identity (needs --issuer); `*` crosses neither `/` nor `@`, and host
    /// and owner are literal
    #[arg(
        long,
        value_name = "ID",
        alias = "certificate-identity",
        requires = "issuer"
    )]
    pub(crate) identity: Vec<String>,
    /// Its OIDC issuer, exactly: one for all identities, or one for each in their order
    #[arg(
        long,
        value_name = "URL",
        alias = "certificate-oidc-issuer",
        requires = "identity"
    )]
    pub(crate) issuer: Vec<String>,
    /// What the certificate of each identity must claim, such as source-repository or
    /// source-repository-ref=refs/tags/v*; all must hold
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) claim: Vec<String>,
    /// Accept the groups of signers that this file names (TOML; pinned where it comes along with the
    /// subject)
    #[arg(long, value_name = "FILE[@sha256:HEX]")]
    pub(crate) signers: Option<String>,
    /// Refuse the evidence of this key, even if it is accepted; also if a certificate holds it
    #[arg(long, value_name = "FILE|sha256:HEX")]
    pub(crate) deny_key: Vec<String>,
    /// Refuse the evidence of this identity, even if it is accepted, whoever vouches for it
    #[arg(long, value_name = "ID")]
    pub(crate) deny_identity: Vec<String>,
    /// How many different ones of them must have approved [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) require: Option<usize>,
}

impl SignerArgs {
    /// Whether any of these flags was given.
    pub(crate) fn is_given(&self) -> bool {
        !self.key.is_empty()
            || !self.identity.is_empty()
            || !self.claim.is_empty()
            || self.signers.is_some()
            || !self.deny_key.is_empty()
            || !self.deny_identity.is_empty()
            || self.require.is_some()
    }
}
