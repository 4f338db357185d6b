//! How replicas are reached: folders, buckets, and repositories of registries.

use std::path::PathBuf;

use attest_remote::PlainHttp;
use attest_remote::registry::{RegistryReplica, ReplicaStart, SCHEME};
use clap::Args;

use super::RegistryArgs;
use super::places::{PlaceFlags, place_failure};
use crate::failure::Failure;
use crate::registry;

/// How a replica on the network is reached.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Args)]
pub(crate) struct ReplicaFlags {
    #[command(flatten)]
    pub(crate) places: PlaceFlags,
    /// Trust these certification authorities (PEM) for registries, beside the system's; loopback is then
    /// called with TLS
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    registry_ca: Option<PathBuf>,
    /// Read from MIRROR what HOST should have; digests hold all the same
    #[arg(long, value_name = "HOST=MIRROR", help_heading = "Registries")]
    registry_mirror: Vec<String>,
    /// Give the credentials for HOST to REALM too, if HOST says that its tokens are had there; needed
    /// where that is another host (a GitLab of your own: registry.example.org=gitlab.example.org)
    #[arg(long, value_name = "HOST=REALM", help_heading = "Registries")]
    registry_realm: Vec<String>,
    /// Docker's configuration, with credentials and credential helpers
    /// [default: $DOCKER_CONFIG/config.json, then ~/.docker/config.json]
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    registry_config: Option<PathBuf>,
}

impl ReplicaFlags {
    /// A replica in a registry, to read from or to write to, if a text is meant as one.
    pub(crate) fn repository(
        &self,
        text: &str,
        writes: bool,
    ) -> Option<Result<RegistryReplica, Failure>> {
        text.starts_with(SCHEME)
            .then(|| self.open_repository(text, writes))
    }

    fn open_repository(&self, text: &str, writes: bool) -> Result<RegistryReplica, Failure> {
        let reference = registry::reference(text)?;
        let mut arguments = RegistryArgs {
            plain_http: Vec::new(),
            registry_ca: self.registry_ca.clone(),
            registry_mirror: self.registry_mirror.clone(),
            registry_realm: self.registry_realm.clone(),
            registry_config: self.registry_config.clone(),
        };
        if self.places.plain_http() == PlainHttp::Anywhere {
            let mirrors = self.registry_mirror.iter();
            let mirrors = mirrors.filter_map(|it| it.split_once('='));
            let hosts = mirrors.map(|(_, to)| to.to_owned());
            arguments.plain_http = hosts.chain([reference.host().to_owned()]).collect();
        }
        let registry = registry::open(&arguments)?;
        let replica = if writes {
            RegistryReplica::init(registry, reference)
        } else {
            RegistryReplica::open(registry, reference).map_err(ReplicaStart::from)
        };
        replica.map_err(|error| match error {
            ReplicaStart::Registry(error) => registry::failure(&error),
            ReplicaStart::Unfit(error) => place_failure(&error),
        })
    }
}
