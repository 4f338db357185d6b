//! The table of signers, builders and build types, and the highest level that each pair is good for.

mod reading;

use attest_verify::{Evidence, ProvenSigner};

use crate::reason::Reason;
use crate::slsa::build::Build;
pub use reading::BuildersError;

/// Which signer may speak for which builder, and for how much.
///
/// A pair that is not in it is good for build level 1 and nothing more: provenance exists.
/// See [SLSA, verifying artifacts](https://slsa.dev/spec/v1.2/verifying-artifacts).
#[derive(Debug, Clone)]
pub struct Builders {
    builders: Vec<Builder>,
    build_types: Vec<BuildType>,
}

/// A signer, the builder ids that it may state, and what that is worth.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) name: String,
    pub(super) why: String,
    pub(super) signer: SignerRule,
    pub(super) id: IdRule,
    pub(super) needs_release: bool,
    pub(super) hosted: Option<String>,
    pub(super) build_types: Vec<String>,
    pub(super) level: u8,
    pub(super) named: Option<u8>,
}

/// Who must have signed.
#[derive(Debug, Clone)]
pub(super) enum SignerRule {
    /// One of these workflows, by their identity without its ref.
    Identities {
        issuer: String,
        identities: Vec<String>,
    },
    /// Any workflow of this host.
    Workflows { issuer: String, host: String },
    /// The holder of a key, by the SHA-256 of its `SubjectPublicKeyInfo`.
    Keys(Vec<[u8; 32]>),
    /// Whoever the verifier expects.
    Anyone,
}

/// What a builder's id must be.
#[derive(Debug, Clone)]
pub(super) enum IdRule {
    /// The identity in the certificate.
    Identity,
    /// A reusable workflow at a release, which the signer vouches for.
    Workflow,
    /// A runner of the project that the certificate names as the source.
    Runner,
    /// One of these.
    Exact(Vec<String>),
}

/// Where predicates of a build type say what was built from what.
#[derive(Debug, Clone, Default)]
pub struct BuildType {
    pub(super) name: String,
    pub(super) uris: Vec<String>,
    pub(super) is_v0_2: bool,
    pub(super) most: Option<u8>,
    pub(super) uri: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) path: Option<String>,
    pub(super) inputs: Option<String>,
    pub(super) parameters: String,
    pub(super) bound: Vec<String>,
    pub(super) written: Vec<String>,
    pub(super) free: Vec<String>,
    pub(super) claims: Vec<(String, String)>,
}

impl Builders {
    /// The table that is part of this program.
    #[expect(
        clippy::expect_used,
        reason = "the table is part of the program, and a test reads it"
    )]
    pub fn embedded() -> Self {
        let nothing = Self {
            builders: Vec::new(),
            build_types: Vec::new(),
        };
        reading::read(EMBEDDED, &nothing, reading::Origin::Embedded)
            .expect("the embedded table is well-formed")
    }

    /// This table with the entries of a policy, which come first.
    ///
    /// What is added names its signers exactly: identities of workflows or fingerprints of keys. It
    /// cannot change what the table says of a builder that it has.
    ///
    /// # Errors
    /// Not TOML of the form of the embedded table, with line and column.
    pub fn extended(self, text: &str) -> Result<Self, BuildersError> {
        let added = reading::read(text, &self, reading::Origin::Policy)?;
        let mut builders = added.builders;
        builders.extend(self.builders);
        let mut build_types = added.build_types;
        build_types.extend(self.build_types);
        Ok(Self {
            builders,
            build_types,
        })
    }

    /// All builders, in the order in which they are asked.
    pub fn all(&self) -> &[Builder] {
        &self.builders
    }

    /// The URIs of the build types of a builder.
    pub fn uris_of<'b>(&'b self, builder: &'b Builder) -> impl Iterator<Item = &'b str> {
        let types = self.build_types.iter();
        let of_builder = types.filter(|it| builder.build_types.contains(&it.name));
        of_builder.flat_map(|it| it.uris.iter().map(String::as_str))
    }

    /// The entry of this signer and builder; none if the pair is unknown.
    ///
    /// # Errors
    /// `builder-forged` when the builder is known and the signer may not speak for it,
    /// `builder-ref` when the signing workflow was not at a release.
    pub(super) fn find(
        &self,
        build: &Build,
        signer: &Signer<'_>,
    ) -> Result<Option<&Builder>, Reason> {
        let fits = |it: &&Builder| it.signer.is(signer) && it.id.is(build.builder_id(), signer);
        if let Some(builder) = self.builders.iter().find(fits) {
            if builder.needs_release && !signer.reference().is_some_and(is_release) {
                return Err(Reason::new(
                    "builder-ref",
                    format!("a builder at {}", signer.reference().unwrap_or("no ref")),
                    "refs/tags/vX.Y.Z: anything else can be changed after it was looked at",
                ));
            }
            return Ok(Some(builder));
        }
        let claimed = |it: &&Builder| it.is_stated_by(build.builder_id());
        match self.builders.iter().find(claimed) {
            Some(builder) => Err(Reason::new(
                "builder-forged",
                format!("{} states the builder {}", signer, build.builder_id()),
                format!("a signer of {}", builder.name),
            )),
            None => Ok(None),
        }
    }

    /// How predicates of this type are read; none if it is unknown.
    pub(super) fn build_type(&self, build: &Build) -> Option<&BuildType> {
        self.build_types.iter().find(|it| {
            it.is_v0_2 == build.is_v0_2()
                && it.uris.iter().any(|uri| covers(uri, build.build_type()))
        })
    }

    pub(super) fn has_builder(&self, name: &str) -> bool {
        self.builders.iter().any(|it| it.name == name)
    }

    pub(super) fn has_build_type(&self, name: &str) -> bool {
        self.build_types.iter().any(|it| it.name == name)
    }

    pub(super) fn of(builders: Vec<Builder>, build_types: Vec<BuildType>) -> Self {
        Self {
            builders,
            build_types,
        }
    }
}

impl Builder {
    /// What the entry is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The highest level, however it is asked for.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The level when the verifier names the builder at a release or commit.
    pub const fn level_when_named(&self) -> Option<u8> {
        self.named
    }

    /// Why it is good for that much.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Whether the id alone says that it means this builder.
    fn is_stated_by(&self, id: &str) -> bool {
        match (&self.id, &self.signer) {
            (IdRule::Exact(ids), _) => {
                !matches!(self.signer, SignerRule::Anyone) && ids.iter().any(|it| it == id)
            }
            (IdRule::Identity, SignerRule::Identities { identities, .. }) => {
                identities.iter().any(|it| it == without_ref(id))
            }
            _ => false,
        }
    }
}

/// Who signed, as the table asks for it.
#[derive(Debug, Clone)]
pub(super) enum Signer<'e> {
    Identity {
        identity: &'e str,
        issuer: &'e str,
        claims: &'e [(&'static str, String)],
    },
    Key([u8; 32]),
    Other(String),
}

impl<'e> Signer<'e> {
    pub(super) fn of(evidence: &'e Evidence) -> Self {
        match (evidence.signer(), evidence.key()) {
            (ProvenSigner::Identity { identity, issuer }, _) => Self::Identity {
                identity,
                issuer,
                claims: evidence.claims(),
            },
            (ProvenSigner::Key(key), _) => Self::Key(key.fingerprint()),
            (other, _) => Self::Other(other.to_string()),
        }
    }

    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        let Self::Identity { claims, .. } = self else {
            return None;
        };
        let found = claims.iter().find(|(it, _)| *it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a certificate says who signed.
    pub(super) const fn is_certified(&self) -> bool {
        matches!(self, Self::Identity { .. })
    }

    /// Whether the certificate's identity is this.
    pub(super) fn is_identity(&self, id: &str) -> bool {
        matches!(self, Self::Identity { identity, .. } if *identity == id)
    }

    /// Whether GitHub vouches for the signer.
    pub(super) fn is_of_github(&self) -> bool {
        matches!(self, Self::Identity { issuer, .. }
            if *issuer == "https://token.actions.githubusercontent.com")
    }

    /// The ref of the workflow that signed. The name of a branch may have an `@` in it.
    pub(super) fn reference(&self) -> Option<&str> {
        match self {
            Self::Identity { identity, .. } => identity.split_once('@').map(|(_, it)| it),
            _ => None,
        }
    }
}

impl std::fmt::Display for Signer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity {
                identity, issuer, ..
            } => write!(f, "{identity} by {issuer}"),
            Self::Key(fingerprint) => {
                f.write_str("key sha256:")?;
                fingerprint.iter().try_for_each(|it| write!(f, "{it:02x}"))
            }
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl SignerRule {
    fn is(&self, signer: &Signer<'_>) -> bool {
        match (self, signer) {
            (Self::Anyone, _) => true,
            (Self::Keys(keys), Signer::Key(key)) => keys.contains(key),
            (
                Self::Identities { issuer, identities },
                Signer::Identity {
                    identity,
                    issuer: found,
                    ..
                },
            ) => issuer == found && identities.iter().any(|it| it == without_ref(identity)),
            (
                Self::Workflows { issuer, host },
                Signer::Identity {
                    identity,
                    issuer: found,
                    ..
                },
            ) => issuer == found && is_workflow(identity, host),
            _ => false,
        }
    }
}

impl IdRule {
    fn is(&self, id: &str, signer: &Signer<'_>) -> bool {
        match self {
            Self::Exact(ids) => ids.iter().any(|it| it == id),
            Self::Identity => {
                matches!(signer, Signer::Identity { identity, .. } if *identity == id)
            }
            Self::Workflow => is_workflow(id, "https://github.com"),
            Self::Runner => signer.claim("source-repository").is_some_and(|project| {
                let rest = id.strip_prefix(project);
                let number = rest.and_then(|it| it.strip_prefix("/-/runners/"));
                number.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
            }),
        }
    }
}

/// Whether it is the URI of a workflow file at a ref: `HOST/OWNER/REPO/….yml@REF`.
fn is_workflow(uri: &str, host: &str) -> bool {
    let Some((path, reference)) = uri.strip_prefix(host).and_then(|it| it.split_once('@')) else {
        return false;
    };
    let segments: Vec<&str> = path.split('/').collect();
    let climbs = segments.iter().any(|it| matches!(*it, "." | ".."));
    let is_file = [".yml", ".yaml"].iter().any(|it| path.ends_with(it));
    path.starts_with('/') && segments.len() >= 4 && !climbs && is_file && !reference.is_empty()
}

/// An identity or builder id without its `@REF`.
pub(super) fn without_ref(uri: &str) -> &str {
    uri.split_once('@').map_or(uri, |(path, _)| path)
}

/// Whether a ref is the tag of a release: `refs/tags/vX.Y.Z`, three numbers and nothing else.
pub(super) fn is_release(reference: &str) -> bool {
    let Some(version) = reference.strip_prefix("refs/tags/v") else {
        return false;
    };
    let number = |it: &str| {
        !it.is_empty()
            && it.bytes().all(|it| it.is_ascii_digit())
            && (it == "0" || !it.starts_with('0'))
    };
    let parts: Vec<&str> = version.split('.').collect();
    parts.len() == 3 && parts.into_iter().all(number)
}

/// Whether a pattern with at most one `*`, which crosses no `/`, covers a text.
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text
            .strip_prefix(start)
            .and_then(|it| it.strip_suffix(end))
            .is_some_and(|it| !it.is_empty() && !it.contains('/')),
    }
}

const EMBEDDED: &str = include_str!("builders.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_is_read() {
        let builders = Builders::embedded();
        assert!(builders.all().len() >= 8);
        for builder in builders.all() {
            assert!(builders.uris_of(builder).next().is_some(), "{builder:?}");
            assert!(builder.level() <= 3);
            if matches!(builder.signer, SignerRule::Anyone) {
                assert!(
                    builder.level() <= 1 && builder.named.is_none(),
                    "{builder:?}"
                );
            }
        }
    }

    #[test]
    fn a_release_is_three_numbers() {
        for it in [
            "refs/tags/v1.2.3",
            "refs/tags/v0.0.0",
            "refs/tags/v10.20.30",
        ] {
            assert!(is_release(it), "{it}");
        }
        for it in [
            "refs/heads/main",
            "refs/heads/v1.2.3",
            "refs/tags/v1",
            "refs/tags/v1.2",
            "refs/tags/1.2.3",
            "refs/tags/v1.2.3-rc.0",
            "refs/tags/v1.2.3.4",
            "refs/tags/v1.2.03",
            "refs/tags/v1.2.",
            "refs/tags/v1.2.3/x",
            "v1.2.3",
            "",
        ] {
            assert!(!is_release(it), "{it}");
        }
    }

    #[test]
    fn a_workflow_is_a_file_of_that_host_at_a_ref() {
        let host = "https://github.com";
        assert!(is_workflow(
            "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main",
            host
        ));
        for it in [
            "https://github.com.evil.example/acme/app/.github/workflows/release.yml@refs/heads/main",
            "https://github.com/acme/app/.github/workflows/release.yml",
            "https://github.com/acme/app/.github/workflows/release.yml@",
            "https://github.com/acme/../app/.github/workflows/release.yml@x",
            "https://github.com/acme/app@x.yml",
            "http://github.com/acme/app/.github/workflows/release.yml@x",
            "someone@example.com",
        ] {
            assert!(!is_workflow(it, host), "{it}");
        }
    }
}
