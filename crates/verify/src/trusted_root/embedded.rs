//! Trusted roots that come with the program, each with the TUF metadata that leads to it.
//!
//! The files stand in `crates/verify/roots/<name>`, byte for byte as their publishers signed them;
//! `SOURCE.md` beside them says where they were taken. Nothing here decides that they are fresh: a
//! root that is embedded is a snapshot of its date, and reports say which.

use crate::trusted_root::{TrustedRoot, TrustedRootError};

/// A trusted root that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedRoot {
    name: &'static str,
    taken: &'static str,
    source: &'static str,
    mirror: &'static str,
    trusted_root: &'static [u8],
    signing_config: Option<&'static [u8]>,
    chain: MetadataChain,
}

/// The TUF metadata of a trusted root, as its repository published it.
#[derive(Debug, Clone, Copy)]
pub struct MetadataChain {
    /// Consecutive versions of `root.json`, the oldest first; never empty.
    pub roots: &'static [&'static [u8]],
    /// The roles that lead to the target, where they could be had.
    pub roles: Option<Roles>,
}

/// `timestamp.json`, `snapshot.json` and `targets.json` of one moment.
#[derive(Debug, Clone, Copy)]
pub struct Roles {
    /// A moment at which all of them were in force (RFC 3339).
    pub as_of: &'static str,
    /// `timestamp.json`.
    pub timestamp: &'static [u8],
    /// `snapshot.json`.
    pub snapshot: &'static [u8],
    /// `targets.json`, which holds the digest of `trusted_root.json`.
    pub targets: &'static [u8],
}

impl EmbeddedRoot {
    /// All of them; the first is the one that is meant when none is named.
    pub const ALL: &[Self] = &[PUBLIC_GOOD, STAGING, GITHUB];

    /// The root that is meant when none is named: Sigstore's public-good instance.
    pub const DEFAULT: &Self = &PUBLIC_GOOD;

    /// The root of that name, `@` included.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|it| it.name == name)
    }

    /// Its name, which begins with `@`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The day on which it was taken (RFC 3339, UTC).
    pub const fn taken(&self) -> &'static str {
        self.taken
    }

    /// From where it was taken.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Where its TUF repository is served.
    pub const fn mirror(&self) -> &'static str {
        self.mirror
    }

    /// The bytes of its `trusted_root.json`.
    pub const fn trusted_root(&self) -> &'static [u8] {
        self.trusted_root
    }

    /// The bytes of the instance's `signing_config.json`, version 0.2, as of the same day.
    pub const fn signing_config(&self) -> Option<&'static [u8]> {
        self.signing_config
    }

    /// The metadata that leads to it.
    pub const fn chain(&self) -> MetadataChain {
        self.chain
    }

    /// Reads it.
    ///
    /// # Errors
    /// None that a test has not seen: all of them are read there.
    pub fn read(&self) -> Result<TrustedRoot, TrustedRootError> {
        Ok(TrustedRoot::parse(self.trusted_root)?.named(self.name))
    }
}

/// Sigstore's public-good instance.
const PUBLIC_GOOD: EmbeddedRoot = EmbeddedRoot {
    name: "@public-good",
    taken: "2026-10-23",
    source: "sigstore-trust-root 0.15.1",
    mirror: "https://tuf-repo-cdn.sigstore.dev",
    trusted_root: include_bytes!("../../roots/public-good/trusted_root.json"),
    signing_config: Some(include_bytes!(
        "../../roots/public-good/signing_config.v0.2.json"
    )),
    chain: MetadataChain {
        roots: &[
            include_bytes!("../../roots/public-good/14.root.json"),
            include_bytes!("../../roots/public-good/15.root.json"),
            include_bytes!("../../roots/public-good/16.root.json"),
        ],
        roles: Some(Roles {
            as_of: "2026-08-30T15:07:03Z",
            timestamp: include_bytes!("../../roots/public-good/timestamp.json"),
            snapshot: include_bytes!("../../roots/public-good/165.snapshot.json"),
            targets: include_bytes!("../../roots/public-good/14.targets.json"),
        }),
    },
};

/// Sigstore's staging instance: for trying things out, not for trust.
const STAGING: EmbeddedRoot = EmbeddedRoot {
    name: "@staging",
    taken: "2026-10-23",
    source: "sigstore-trust-root 0.15.1",
    mirror: "https://tuf-repo-cdn.sigstage.dev",
    trusted_root: include_bytes!("../../roots/staging/trusted_root.json"),
    signing_config: Some(include_bytes!(
        "../../roots/staging/signing_config.v0.2.json"
    )),
    chain: MetadataChain {
        roots: &[
            include_bytes!("../../roots/staging/14.root.json"),
            include_bytes!("../../roots/staging/15.root.json"),
        ],
        roles: None,
    },
};

/// GitHub's own instance, for attestations of private repositories and of GitHub's releases.
const GITHUB: EmbeddedRoot = EmbeddedRoot {
    name: "@github",
    taken: "2026-10-23",
    source: "sigstore-trust-root 0.15.1",
    mirror: "https://tuf-repo.github.com",
    trusted_root: include_bytes!("../../roots/github/trusted_root.json"),
    signing_config: None,
    chain: MetadataChain {
        roots: &[include_bytes!("../../roots/github/9.root.json")],
        roles: None,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_root_is_read_under_its_name() {
        for embedded in EmbeddedRoot::ALL {
            let root = embedded.read().unwrap();
            assert_eq!(root.name(), embedded.name());
            assert!(
                EmbeddedRoot::find(embedded.name()).is_some(),
                "{}",
                embedded.name()
            );
            assert!(!root.authorities().is_empty(), "{}", embedded.name());
        }
        assert_eq!(EmbeddedRoot::DEFAULT.name(), "@public-good");
    }

    #[test]
    fn names_are_exact() {
        for name in ["public-good", "@", "@Staging", "@github ", "@public-good@"] {
            assert!(EmbeddedRoot::find(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_verifier_works_with_each_and_with_all_together() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let all: Vec<TrustedRoot> = EmbeddedRoot::ALL
            .iter()
            .map(|it| it.read().unwrap())
            .collect();
        for root in &all {
            crate::Verifier::new(vec![root.clone()], now, crate::Accept::default()).unwrap();
        }
        crate::Verifier::new(all, now, crate::Accept::default()).unwrap();
    }
}
