//! The public half of an identity, for acquirers.

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_verify::PublicKey;

use crate::failure::Failure;
use crate::files::{self, Overwrite};
use crate::home::Home;

/// A file that was exported, and the pin under which acquirers know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exported {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// `sha256:HEX`: of a key its `SubjectPublicKeyInfo`, of the trusted root its bytes.
    pub(crate) pin: String,
    /// Whether it stood there already with these bytes.
    pub(crate) kept: bool,
}

/// Writes `release.pub`, `trusted_root.json` and, where there is one, `recovery.pub`.
///
/// # Errors
/// `file-exists` (2) where another file stands, before anything is written; `write-failed` (3).
pub(crate) fn export(
    home: &Home,
    folder: &Path,
    overwrite: Overwrite,
) -> Result<Vec<Exported>, Failure> {
    home.require()?;
    let mut planned = vec![
        plan(PUBLIC_KEY, &home.public_key(), folder)?,
        plan(TRUSTED_ROOT, &home.trusted_root(), folder)?,
    ];
    if home.recovery_public_key().exists() {
        planned.push(plan(RECOVERY_KEY, &home.recovery_public_key(), folder)?);
    }
    for file in &planned {
        if overwrite == Overwrite::Refuse
            && !file.exported.kept
            && super::exists(&file.exported.path)
        {
            let path = file.exported.path.display();
            return Err(Failure::request(
                "file-exists",
                format!("{path} exists with other content"),
            )
            .hint("name another folder, or pass --force to replace it"));
        }
    }
    files::make_folder(folder)?;
    for file in planned.iter().filter(|file| !file.exported.kept) {
        files::write(&file.exported.path, &file.bytes, 0o644, overwrite)?;
    }
    Ok(planned.into_iter().map(|file| file.exported).collect())
}

/// The pin of the home's trusted root.
pub(crate) fn root_pin(bytes: &[u8]) -> String {
    Artifact::of_bytes(bytes, Hashes::Sha256)
        .sha256()
        .to_string()
}

struct Planned {
    exported: Exported,
    bytes: Vec<u8>,
}

fn plan(name: &'static str, from: &Path, folder: &Path) -> Result<Planned, Failure> {
    let unreadable = |problem: String| {
        Failure::request(
            "identity-unreadable",
            format!("{}: {problem}", from.display()),
        )
    };
    let bytes = files::read_limited(from, LIMIT).map_err(|error| unreadable(error.to_string()))?;
    let pin = if name == TRUSTED_ROOT {
        root_pin(&bytes)
    } else {
        let key = PublicKey::parse(&bytes).map_err(|error| unreadable(error.to_string()))?;
        format!("sha256:{}", hex::encode(key.fingerprint()))
    };
    let path = folder.join(name);
    let kept = files::read_limited(&path, LIMIT).is_ok_and(|found| found == bytes);
    Ok(Planned {
        exported: Exported {
            name,
            path,
            pin,
            kept,
        },
        bytes,
    })
}

const PUBLIC_KEY: &str = "release.pub";
const TRUSTED_ROOT: &str = "trusted_root.json";
const RECOVERY_KEY: &str = "recovery.pub";
const LIMIT: u64 = 4 << 20;
