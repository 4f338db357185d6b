//! A signers file: the groups that it names, with the keys that can be found.

use std::path::{Path, PathBuf};

use attest_policy::{
    Denied, FileGroup, FileSigners, KeySource, KeyValidity, LogRule, Member, Signers, SignersFile,
};
use attest_verify::ExpectedSigner;

use super::{Look, any_key_file, deny, pinned_key};
use crate::failure::Failure;
use crate::files;
use crate::home::real;
use crate::report::TrustLine;
use crate::trust::{parse_pin, refuse_beside, sha256};

/// Adds the groups of a signers file, and whom it denies.
pub(super) fn add(
    place: &str,
    mut signers: Signers,
    run: LogRule,
    denied: &mut Denied,
    look: &mut Look<'_>,
) -> Result<Signers, Failure> {
    let (path, mut file) = read(place, look)?;
    let folder = files::folder_of(&path);
    let groups = std::mem::take(&mut file.groups);
    deny_all(&mut file, &folder, denied, look)?;
    for group in groups {
        signers = add_group(group, &folder, signers, run, &path, look)?;
    }
    if signers.accepted().is_empty() {
        return Err(none_at_hand(&path));
    }
    Ok(signers.with_independent(file.independent))
}

/// The group of that name alone, and whom the file denies.
pub(super) fn group(
    place: &str,
    name: &str,
    run: LogRule,
    denied: &mut Denied,
    look: &mut Look<'_>,
) -> Result<Option<Signers>, Failure> {
    let (path, mut file) = read(place, look)?;
    let folder = files::folder_of(&path);
    let mut groups = std::mem::take(&mut file.groups);
    groups.retain(|it| it.name == name);
    let Some(group) = groups.pop() else {
        return Ok(None);
    };
    deny_all(&mut file, &folder, denied, look)?;
    let signers = add_group(group, &folder, Signers::nobody(), run, &path, look)?;
    if signers.accepted().is_empty() {
        return Err(none_at_hand(&path));
    }
    Ok(Some(signers.with_independent(file.independent)))
}

fn deny_all(
    file: &mut SignersFile,
    folder: &Path,
    denied: &mut Denied,
    look: &mut Look<'_>,
) -> Result<(), Failure> {
    for key in &file.denied_keys {
        match key {
            KeySource::Pin(pin) => {
                denied.fingerprints.insert(*pin);
            }
            KeySource::File(name) => {
                let (signer, line) = key_in(&folder.join(name), look)?;
                deny(denied, signer);
                look.lines.push(TrustLine {
                    what: "denied key",
                    ..line
                });
            }
        }
    }
    denied.identities.append(&mut file.denied_identities);
    Ok(())
}

fn none_at_hand(path: &Path) -> Failure {
    Failure::request(
        "pin-not-found",
        format!("none of the keys that {} pins is at hand", path.display()),
    )
    .hint("a pinned key is looked for beside the subject and in its bundles; name its file instead")
}

fn add_group(
    group: FileGroup,
    folder: &Path,
    mut signers: Signers,
    run: LogRule,
    path: &Path,
    look: &mut Look<'_>,
) -> Result<Signers, Failure> {
    let mut members = Vec::new();
    // Different keys that are not at hand: nothing here can be signed with them.
    let mut unknown: Vec<[u8; 32]> = Vec::new();
    match group.signers {
        FileSigners::Sigstore(identities) => {
            members.extend(identities.into_iter().map(|it| Member {
                signer: ExpectedSigner::Identity(it),
                validity: KeyValidity::default(),
            }));
        }
        FileSigners::Keys(keys) => {
            for key in keys {
                let found = match &key.source {
                    KeySource::File(name) => Some(key_in(&folder.join(name), look)?),
                    KeySource::Pin(pin) => {
                        let found = pinned_key(pin, look.around, look.pinned).ok();
                        if found.is_none() && !unknown.contains(pin) {
                            unknown.push(*pin);
                        }
                        signers = signers.limiting(*pin, key.validity);
                        found.map(|(key, line)| (ExpectedSigner::Key(key), line))
                    }
                };
                let Some((signer, line)) = found else {
                    continue;
                };
                look.lines.push(line);
                members.push(Member {
                    signer,
                    validity: key.validity,
                });
            }
        }
    }
    let log = group.log.unwrap_or(run);
    signers
        .or_group(members, unknown.len(), group.threshold, log)
        .map_err(|error| {
            let place = path.display();
            Failure::request(
                "signers-unsatisfiable",
                format!("{place}: trust.{}: {error}", group.name),
            )
        })
}

/// Whoever can change a file can change whom it names: it is trust, and lies elsewhere or is pinned.
fn read(place: &str, look: &mut Look<'_>) -> Result<(PathBuf, SignersFile), Failure> {
    let (path, pin) = match place.rsplit_once("@sha256:") {
        Some((path, pin)) => (PathBuf::from(path), Some(parse_pin("--signers", pin)?)),
        None => (PathBuf::from(place), None),
    };
    if pin.is_none() {
        refuse_beside(&path, look.around, "signers file")?;
    }
    let unreadable = |problem: String| {
        Failure::request(
            "signers-unreadable",
            format!("{}: {problem}", path.display()),
        )
    };
    let limit = attest_policy::limits::SIGNERS_FILE_BYTES as u64;
    let bytes = files::read_limited(&path, limit).map_err(|it| unreadable(it.to_string()))?;
    let found = sha256(&bytes);
    if pin.is_some_and(|pin| pin != found) {
        let found = hex::encode(found);
        let message = format!(
            "{} has sha256:{found}, another than the pin",
            path.display()
        );
        return Err(Failure::request("pin-not-found", message));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("not UTF-8".to_owned()))?;
    let file = SignersFile::parse(text).map_err(|error| {
        Failure::request("signers-malformed", format!("{}: {error}", path.display()))
    })?;
    if pin.is_some() {
        look.pinned
            .insert(real(&path), "the pinned signers file".to_owned());
    }
    look.lines.push(TrustLine {
        what: "signers",
        place: path.display().to_string(),
        sha256: hex::encode(found),
        pinned: pin.is_some(),
        taken: None,
        warning: None,
    });
    Ok((path, file))
}

/// A key that a signers file names by its own file, which a pin of the former does not cover.
fn key_in(path: &Path, look: &Look<'_>) -> Result<(ExpectedSigner, TrustLine), Failure> {
    refuse_beside(path, look.around, "key")?;
    any_key_file(path)
}
