//! A signers file: the groups that it names, with the keys that can be found.

use std::path::{Path, PathBuf};

use attest_policy::{
    Denied, FileGroup, FileKey, FileSigners, Group, KeySource, KeyValidity, LogRule, Member,
    Signers, SignersFile,
};
use attest_verify::ExpectedSigner;

use super::{
    Look, Window, any_key, any_key_bytes, any_key_file, deny, is_key_file, pinned_key,
    pinned_key_file,
};
use crate::failure::Failure;
use crate::files;
use crate::home::real;
use crate::report::TrustLine;
use crate::trust::{PinnedFile, parse_pin, refuse_beside, sha256, succession};

/// Adds the groups of a signers file, and whom it denies. The names of the groups, in the order in which
/// they were added.
pub(super) fn add(
    place: &str,
    mut signers: Signers,
    run: LogRule,
    denied: &mut Denied,
    look: &mut Look<'_>,
) -> Result<(Signers, Vec<String>), Failure> {
    let (path, mut file) = read(place, look)?;
    let folder = files::folder_of(&path);
    let groups = std::mem::take(&mut file.groups);
    deny_all(&mut file, &folder, denied, look)?;
    let mut windows = Vec::new();
    for group in &groups {
        signers = add_group(group, &folder, signers, run, &path, &mut windows, look)?;
    }
    for (pin, validity) in look.of_named(&windows) {
        signers = signers.limiting(pin, validity);
    }
    if signers.accepted().is_empty() {
        return Err(none_at_hand(&path));
    }
    let names = groups.into_iter().map(|it| it.name).collect();
    Ok((signers.with_independent(file.independent), names))
}

fn deny_all(
    file: &mut SignersFile,
    folder: &Path,
    denied: &mut Denied,
    look: &mut Look<'_>,
) -> Result<(), Failure> {
    for key in &file.denied_keys {
        deny_key(key, folder, denied, look)?;
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
    group: &FileGroup,
    folder: &Path,
    mut signers: Signers,
    run: LogRule,
    path: &Path,
    windows: &mut Vec<Window>,
    look: &mut Look<'_>,
) -> Result<Signers, Failure> {
    let found = find_group(group, folder, run, look)?;
    for (pin, validity) in found.windows {
        signers = signers.limiting(pin, validity);
        windows.push((pin, validity));
    }
    let signers = signers
        .or_group(found.members, found.unknown, found.threshold, found.log)
        .map_err(|error| {
            let place = path.display();
            Failure::request(
                "signers-unsatisfiable",
                format!("{place}: trust.{}: {error}", group.name),
            )
        })?;
    Ok(if found.has_one_holder {
        signers.with_one_holder()
    } else {
        signers
    })
}

/// Refuses the evidence of a key.
pub(in crate::trust) fn deny_key(
    key: &KeySource,
    folder: &Path,
    denied: &mut Denied,
    look: &mut Look<'_>,
) -> Result<(), Failure> {
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
    Ok(())
}

/// Who belongs to a group, and which of its keys are at hand.
pub(in crate::trust) fn find_group(
    group: &FileGroup,
    folder: &Path,
    run: LogRule,
    look: &mut Look<'_>,
) -> Result<Group, Failure> {
    let mut members = Vec::new();
    // Different keys that are not at hand: nothing here can be signed with them.
    let mut unknown: Vec<[u8; 32]> = Vec::new();
    let mut windows = Vec::new();
    match &group.signers {
        FileSigners::Sigstore(identities) => {
            members.extend(identities.iter().cloned().map(|it| Member {
                signer: ExpectedSigner::Identity(it),
                validity: KeyValidity::default(),
            }));
        }
        FileSigners::Keys(keys) => {
            for key in keys {
                windows.extend(key.pin.map(|pin| (pin, key.validity)));
                let Some((signer, line)) = find_key(key, folder, &mut unknown, look)? else {
                    continue;
                };
                look.name(&signer, &line, key.pin);
                look.lines.push(line);
                members.push(Member {
                    signer,
                    validity: key.validity,
                });
            }
        }
    }
    let mut found = Group {
        name: group.name.clone(),
        members,
        unknown: unknown.len(),
        threshold: group.threshold,
        log: group.log.unwrap_or(run),
        windows,
        has_one_holder: group.recovery.is_some(),
    };
    if let Some(recovery) = &group.recovery {
        succession::apply(&mut found, recovery, folder, &unknown, look)?;
    }
    Ok(found)
}

fn find_key(
    key: &FileKey,
    folder: &Path,
    unknown: &mut Vec<[u8; 32]>,
    look: &mut Look<'_>,
) -> Result<Option<(ExpectedSigner, TrustLine)>, Failure> {
    match (&key.source, key.pin) {
        (KeySource::File(name), None) => key_in(&folder.join(name), look).map(Some),
        (KeySource::File(name), Some(pin)) => pinned_file(&folder.join(name), pin, look).map(Some),
        (KeySource::Pin(pin), _) => {
            let found = pinned_key(pin, look.around, look.pinned).ok();
            if found.is_none() && !unknown.contains(pin) {
                unknown.push(*pin);
            }
            Ok(found.map(|(key, line)| (ExpectedSigner::Key(key), line)))
        }
    }
}

/// A key in a file that is named with its fingerprint: of a key of another kind than X.509 knows, the
/// SHA-256 of the file.
fn pinned_file(
    path: &Path,
    pin: [u8; 32],
    look: &mut Look<'_>,
) -> Result<(ExpectedSigner, TrustLine), Failure> {
    // Read once: what is compared with the pin is what the key is taken from.
    let bytes = any_key_bytes(path)?;
    let (signer, line) = any_key(path, &bytes)?;
    let by_bytes = sha256(&bytes) == pin;
    if signer.fingerprint() != Some(pin) && !by_bytes {
        let message = format!(
            "{} has another fingerprint than sha256:{}",
            path.display(),
            hex::encode(pin)
        );
        return Err(Failure::request("pin-not-found", message));
    }
    // The pin of a key's numbers covers no other bytes that its file may have.
    if by_bytes || matches!(&signer, ExpectedSigner::Key(key) if is_key_file(&bytes, key)) {
        look.pinned.insert(real(path), pinned_key_file(&bytes));
    }
    let line = TrustLine {
        pinned: true,
        ..line
    };
    Ok((signer, line))
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
        let file = PinnedFile {
            why: "the pinned signers file",
            sha256: found,
        };
        look.pinned.insert(real(&path), file);
    }
    look.lines.push(TrustLine {
        what: "signers",
        place: path.display().to_string(),
        sha256: hex::encode(found),
        pinned: pin.is_some(),
        of_home: false,
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
