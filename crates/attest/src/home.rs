//! The home: where a local identity, its log, its trust and its archive live.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The folder of `--home` or `ATTEST_HOME`, default `.attest`. It may not exist yet.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    path: PathBuf,
    second_copy: Option<PathBuf>,
}

impl Home {
    pub(crate) fn new(path: Option<&Path>, second_copy: Option<&Path>) -> Self {
        Self {
            path: path.unwrap_or_else(|| Path::new(".attest")).to_owned(),
            second_copy: second_copy.map(Path::to_owned),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    pub(crate) fn artifact_key(&self) -> PathBuf {
        self.keys().join("artifact.key")
    }

    pub(crate) fn checkpoint_key(&self) -> PathBuf {
        self.keys().join("checkpoint.key")
    }

    pub(crate) fn authority_root_key(&self) -> PathBuf {
        self.keys().join("tsa-root.key")
    }

    pub(crate) fn authority_key(&self) -> PathBuf {
        self.keys().join("tsa.key")
    }

    pub(crate) fn authority_chain(&self) -> PathBuf {
        self.trust().join("tsa-chain.pem")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.path.join("identity.json")
    }

    pub(crate) fn trust(&self) -> PathBuf {
        self.path.join("trust")
    }

    pub(crate) fn public_key(&self) -> PathBuf {
        self.trust().join("release.pub")
    }

    pub(crate) fn trusted_root(&self) -> PathBuf {
        self.trust().join("trusted_root.json")
    }

    /// The authorities that renewed what is in the archive, as a trusted root of its own.
    pub(crate) fn renewal_root(&self) -> PathBuf {
        self.trust().join("renewal_root.json")
    }

    /// The trusted roots of services that signed releases with us, by their digests.
    pub(crate) fn service_roots(&self) -> PathBuf {
        self.trust().join("services")
    }

    pub(crate) fn recovery_public_key(&self) -> PathBuf {
        self.trust().join("recovery.pub")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// What is signed of releases that are not yet recorded.
    pub(crate) fn drafts(&self) -> PathBuf {
        self.path.join("drafts")
    }

    /// What `attest sign` has signed by services, and not yet written.
    pub(crate) fn sign_drafts(&self) -> PathBuf {
        self.drafts().join("sign")
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.path.join("archive")
    }

    /// Whether an identity was made here. `identity.json` is written last.
    pub(crate) fn exists(&self) -> bool {
        self.identity().exists()
    }

    /// # Errors
    /// `no-identity` (exit 2) when nobody made one here.
    pub(crate) fn require(&self) -> Result<(), Failure> {
        if self.exists() {
            return Ok(());
        }
        Err(Failure::request(
            "no-identity",
            format!("there is no identity in {}", self.path.display()),
        )
        .hint("make one with attest init, or name its folder with --home"))
    }

    /// Where the checkpoint's second copy lives, so that a restored backup is noticed:
    /// `--checkpoint-copy`, else `$XDG_STATE_HOME/attest/<log id>/checkpoint`. Never inside the home.
    pub(crate) fn second_copy(&self, log_id: &[u8; 32]) -> Result<PathBuf, Failure> {
        let path = match &self.second_copy {
            Some(path) => path.clone(),
            None => state_folder()?
                .join("attest")
                .join(hex::encode(log_id))
                .join("checkpoint"),
        };
        if lies_inside(&path, &self.path) {
            return Err(Failure::request(
                "checkpoint-copy-inside",
                format!("the checkpoint's second copy {} lies inside the home {}", path.display(), self.path.display()),
            )
            .hint("a backup of the home would carry it along; name another place with --checkpoint-copy"));
        }
        Ok(path)
    }
}

/// Whether `path` lies in `folder`, by their real places; what does not exist yet is judged by the
/// nearest parent that does.
pub(crate) fn lies_inside(path: &Path, folder: &Path) -> bool {
    real(path).starts_with(real(folder))
}

/// The absolute path without links, as far as it exists.
pub(crate) fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = Vec::new();
    let mut existing = absolute.as_path();
    loop {
        if let Ok(found) = existing.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(found, |path, part| path.join(part));
        }
        let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
            return absolute;
        };
        missing.push(name.to_owned());
        existing = parent;
    }
}

fn state_folder() -> Result<PathBuf, Failure> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| from("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| {
            Failure::request("checkpoint-copy-missing", "there is no place for the checkpoint's second copy: neither XDG_STATE_HOME nor HOME is set")
                .hint("name one with --checkpoint-copy or ATTEST_CHECKPOINT")
        })
}
