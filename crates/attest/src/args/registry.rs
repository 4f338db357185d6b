//! How registries are called, and which platforms of an image are meant.

use std::path::PathBuf;

use clap::Args;

/// How registries are called.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RegistryArgs {
    /// Call this registry without TLS (loopback is called so anyway)
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Registries")]
    pub(crate) plain_http: Vec<String>,
    /// Trust these certification authorities (PEM) for registries, beside the system's; loopback is then
    /// called with TLS
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    pub(crate) registry_ca: Option<PathBuf>,
    /// Read from MIRROR what HOST should have; digests hold all the same
    #[arg(long, value_name = "HOST=MIRROR", help_heading = "Registries")]
    pub(crate) registry_mirror: Vec<String>,
    /// Give the credentials for HOST to REALM too, if HOST says that its tokens are had there; needed
    /// where that is another host (a GitLab of your own: registry.example.org=gitlab.example.org)
    #[arg(long, value_name = "HOST=REALM", help_heading = "Registries")]
    pub(crate) registry_realm: Vec<String>,
    /// Docker's configuration, with credentials and credential helpers
    /// [default: $DOCKER_CONFIG/config.json, then ~/.docker/config.json]
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    pub(crate) registry_config: Option<PathBuf>,
}

/// Which manifests of an image for several platforms are asked about.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlatformArgs {
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Of an oci:// image for several platforms: this one must be signed itself; can be repeated
    #[arg(
        long,
        value_name = "OS/ARCH[/VARIANT]",
        conflicts_with = "all_platforms",
        help_heading = "Registries"
    )]
    pub(crate) platform: Vec<String>,
    /// Of an oci:// image for several platforms: the index and every one of them must be signed
    #[arg(long, help_heading = "Registries")]
    pub(crate) all_platforms: bool,
}
