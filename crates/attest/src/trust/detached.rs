//! Keys that detached signatures are made with: OpenPGP, minisign, SSH.

use std::fs;
use std::path::{Path, PathBuf};

use attest_verify::{Detached, DetachedKey, DetachedKeyError, Fingerprint};

use super::{Surroundings, sha256};
use crate::failure::Failure;
use crate::files;
use crate::report::TrustLine;

/// A key that is said in full on the command line, or named by its fingerprint. `None` when the text
/// can only be a path.
pub(super) fn named(
    text: &str,
    around: &Surroundings,
) -> Result<Option<(DetachedKey, TrustLine)>, Failure> {
    if let Some(fingerprint) = text.strip_prefix("openpgp:") {
        let pin = Fingerprint::parse(fingerprint).ok_or_else(|| bad_pin(text))?;
        let is_pinned = |key: &DetachedKey| key.openpgp_fingerprint() == Some(pin);
        return beside(text, around, OPENPGP, &is_pinned).map(Some);
    }
    if let Some(fingerprint) = text.strip_prefix("SHA256:") {
        if fingerprint.len() != SSH_FINGERPRINT {
            return Err(bad_pin(text));
        }
        if let Some(found) = in_signatures(fingerprint, around) {
            return Ok(Some(found));
        }
        let is_pinned = |key: &DetachedKey| key.ssh_fingerprint().as_deref() == Some(fingerprint);
        return beside(text, around, SSH, &is_pinned).map(Some);
    }
    // A line of minisign or SSH, unless a file is called so.
    if Path::new(text).exists() || text.len() < SHORTEST_LINE {
        return Ok(None);
    }
    match DetachedKey::parse(text.as_bytes()) {
        Ok(key) => {
            let line = line(&key, "the command line", text.as_bytes());
            Ok(Some((key, line)))
        }
        Err(_) => Ok(None),
    }
}

/// A key in a file that holds nothing else.
pub(super) fn file(
    path: &Path,
    bytes: &[u8],
) -> Result<(DetachedKey, TrustLine), DetachedKeyError> {
    let key = DetachedKey::parse(bytes)?;
    let line = line(&key, &path.display().to_string(), bytes);
    Ok((key, line))
}

/// The key with a fingerprint, in a file at the top of a subject's folder. The pin names the key and
/// not the file: what else is in that is not trusted by it.
fn beside(
    pin: &str,
    around: &Surroundings,
    extensions: &[&str],
    is_pinned: &dyn Fn(&DetachedKey) -> bool,
) -> Result<(DetachedKey, TrustLine), Failure> {
    for path in around.beside.iter().flat_map(|it| keys_in(it, extensions)) {
        let Ok(bytes) = files::read_limited(&path, KEY_BYTES) else {
            continue;
        };
        let keys = DetachedKey::parse_all(&bytes).unwrap_or_default();
        if let Some(key) = keys.into_iter().find(is_pinned) {
            let mut line = line(&key, &path.display().to_string(), &bytes);
            line.pinned = true;
            if key.openpgp_fingerprint().is_some() {
                line.warning = Some(
                    "this copy of the key came with the subject: a revocation that it lacks is not seen"
                        .to_owned(),
                );
            }
            return Ok((key, line));
        }
    }
    let names = extensions.join(" or *.");
    Err(Failure::request("pin-not-found", format!("no key {pin} is at hand")).hint(format!(
        "it is looked for as *.{names} at the top of the subject's folder; or name its file with --key"
    )))
}

/// An SSH signature comes with its key.
fn in_signatures(fingerprint: &str, around: &Surroundings) -> Option<(DetachedKey, TrustLine)> {
    around.bundles.iter().find_map(|path| {
        let bytes = files::read_limited(path, SIGNATURE_BYTES).ok()?;
        let key = Detached::parse(&bytes)
            .ok()?
            .key_with_fingerprint(fingerprint)?;
        let place = format!("the signature in {}", path.display());
        let mut line = line(&key, &place, &bytes);
        line.pinned = true;
        Some((key, line))
    })
}

fn line(key: &DetachedKey, place: &str, bytes: &[u8]) -> TrustLine {
    TrustLine {
        what: key.kind(),
        place: place.to_owned(),
        sha256: hex::encode(sha256(bytes)),
        pinned: false,
        of_home: false,
        taken: None,
        warning: None,
    }
}

fn bad_pin(text: &str) -> Failure {
    Failure::request("bad-pin", format!("--key: {text} is no full fingerprint")).hint(
        "openpgp: and 40 or 64 hexadecimal digits (never a shorter id), or SHA256: as ssh-keygen -l prints it",
    )
}

fn keys_in(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_key = |path: &PathBuf| {
        let extension = path.extension().and_then(|it| it.to_str());
        extension.is_some_and(|it| extensions.contains(&it))
            || path.file_name().is_some_and(|it| it == "KEYS")
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(is_key).take(KEY_FILES).collect();
    paths.sort();
    paths
}

const OPENPGP: &[&str] = &["asc", "gpg", "pgp", "pub", "key"];
const SSH: &[&str] = &["pub"];
/// 32 bytes in base64 without its padding.
const SSH_FINGERPRINT: usize = 43;
/// minisign's line has 56 characters, an SSH key more.
const SHORTEST_LINE: usize = 56;
/// OpenPGP keys that many people have certified have hundreds of KiB.
pub(super) const KEY_BYTES: u64 = attest_verify::limits::OPENPGP_KEY_BYTES as u64;
const SIGNATURE_BYTES: u64 = attest_verify::limits::DETACHED_BYTES as u64;
/// How many files of a folder are looked at.
const KEY_FILES: usize = 64;
