//! The roots half of a run's trust: embedded ones, files, and pinned files beside the subject.

use std::path::Path;

use attest_digest::Digest;
use attest_verify::{EmbeddedRoot, TrustedRoot, TrustedRootError};

use super::{PinnedFile, PinnedFiles, Surroundings, environment, parse_pin, refuse_beside, sha256};
use crate::args::TrustArgs;
use crate::clock::Now;
use crate::failure::Failure;
use crate::files;
use crate::home::real;
use crate::report::TrustLine;

/// The roots that flags name, else the embedded one of Sigstore's public-good instance.
pub(super) fn resolve(
    args: &TrustArgs,
    around: &Surroundings,
    now: Now,
    lines: &mut Vec<TrustLine>,
    pinned: &mut PinnedFiles,
) -> Result<Vec<TrustedRoot>, Failure> {
    let mut found = Vec::new();
    for text in &args.trusted_root {
        let (place, pin) = match text.rsplit_once("@sha256:") {
            Some((place, pin)) => (place, Some(parse_pin("--trusted-root", pin)?)),
            None => (text.as_str(), None),
        };
        let (roots, line) = if place.starts_with('@') {
            embedded(known(place)?, pin, now)?
        } else if let Some(pin) = pin {
            pinned_file(Path::new(place), &pin, around, pinned)?
        } else {
            refuse_beside(Path::new(place), around, "trusted root")?;
            of_file(Path::new(place))?
        };
        lines.push(line);
        found.extend(roots);
    }
    if args.trust_env {
        found.extend(environment::root(around, lines)?);
    }
    if found.is_empty() {
        let (roots, line) = embedded(EmbeddedRoot::DEFAULT, None, now)?;
        lines.push(line);
        found.extend(roots);
    }
    Ok(found)
}

/// The embedded root of that name.
pub(crate) fn known(name: &str) -> Result<&'static EmbeddedRoot, Failure> {
    EmbeddedRoot::find(name).ok_or_else(|| {
        let names: Vec<&str> = EmbeddedRoot::ALL.iter().map(EmbeddedRoot::name).collect();
        Failure::request(
            "trusted-root-unknown",
            format!("no trusted root is called {name:?}"),
        )
        .hint(format!(
            "embedded are {}; a file of that name is ./{name}",
            names.join(", ")
        ))
    })
}

type Found = (Vec<TrustedRoot>, TrustLine);

fn embedded(root: &EmbeddedRoot, pin: Option<[u8; 32]>, now: Now) -> Result<Found, Failure> {
    let read = root
        .read()
        .map_err(|error| Failure::unknown("internal-error", error))?;
    let sha256 = hex::encode(read.digest().as_bytes());
    if pin.is_some_and(|pin| read.digest() != Digest::Sha256(pin)) {
        return Err(Failure::request(
            "pin-not-found",
            format!(
                "the embedded trusted root {} is sha256:{sha256}",
                root.name()
            ),
        )
        .hint("another version of attest embeds another; attest trust export writes this one"));
    }
    let line = TrustLine {
        what: "trusted root",
        place: root.name().to_owned(),
        sha256,
        pinned: pin.is_some(),
        of_home: false,
        taken: Some(root.taken()),
        warning: age_warning(root, now),
    };
    Ok((vec![read], line))
}

/// An old root still proves what it proves; that it may miss what came since is worth a word.
fn age_warning(root: &EmbeddedRoot, now: Now) -> Option<String> {
    let days = days_since(root.taken(), now)?;
    (days > OLD_DAYS).then(|| {
        format!(
            "the trusted root {} was taken {days} days ago, and may not know newer logs and authorities: attest trust refresh, or a newer attest",
            root.name()
        )
    })
}

/// Whole days since a day.
pub(crate) fn days_since(day: &str, now: Now) -> Option<i64> {
    let then: jiff::Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(now.time.as_second().saturating_sub(then.as_second()) / 86_400)
}

fn pinned_file(
    path: &Path,
    pin: &[u8; 32],
    around: &Surroundings,
    pinned: &mut PinnedFiles,
) -> Result<Found, Failure> {
    let candidates = std::iter::once(path.to_owned()).chain(
        around
            .beside
            .iter()
            .map(|folder| folder.join("trusted_root.json")),
    );
    for path in candidates {
        let Ok(bytes) = files::read_limited(&path, ROOT_BYTES) else {
            continue;
        };
        if sha256(&bytes) == *pin {
            let roots = read(&path, &bytes)?;
            let file = PinnedFile {
                why: "the pinned trusted root",
                sha256: *pin,
            };
            pinned.insert(real(&path), file);
            return Ok((roots, line(&path, pin, true)));
        }
    }
    for (place, bytes) in &around.archived {
        if sha256(bytes) == *pin {
            let place = Path::new(place);
            return Ok((read(place, bytes)?, line(place, pin, true)));
        }
    }
    Err(Failure::request(
        "pin-not-found",
        format!(
            "no trusted root with sha256:{} is at hand",
            hex::encode(pin)
        ),
    )
    .hint(format!(
        "it was looked for at {} and as trusted_root.json at the top of the subject's folder",
        path.display()
    )))
}

/// The roots of a file that was named.
pub(super) fn of_file(path: &Path) -> Result<Found, Failure> {
    let bytes = files::read_limited(path, ROOT_BYTES).map_err(|error| {
        Failure::request(
            "trusted-root-unreadable",
            format!("{}: {error}", path.display()),
        )
    })?;
    Ok((read(path, &bytes)?, line(path, &sha256(&bytes), false)))
}

fn line(path: &Path, sha256: &[u8; 32], pinned: bool) -> TrustLine {
    TrustLine {
        what: "trusted root",
        place: path.display().to_string(),
        sha256: hex::encode(sha256),
        pinned,
        of_home: false,
        taken: None,
        warning: None,
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Vec<TrustedRoot>, Failure> {
    parse(path, bytes)
        .map_err(|error| Failure::request(error.code(), format!("{}: {error}", path.display())))
}

/// The roots of a file: one, or as `gh` writes them one on each line of a `.jsonl`.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<TrustedRoot>, TrustedRootError> {
    let place = path.display().to_string();
    if path.extension().is_none_or(|it| it != "jsonl") {
        return Ok(vec![TrustedRoot::parse(bytes)?.named(&place)]);
    }
    let lines = bytes
        .split(|it| *it == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty());
    let mut roots = Vec::new();
    for (number, line) in lines.take(LINES + 1) {
        let root = TrustedRoot::parse(line)?;
        roots.push(root.named(&format!("{place}:{}", number + 1)));
    }
    if roots.is_empty() || roots.len() > LINES {
        return Err(TrustedRootError::Lines {
            found: roots.len(),
            most: LINES,
        });
    }
    Ok(roots)
}

/// The public-good trusted root is 7 KiB.
pub(crate) const ROOT_BYTES: u64 = 4 * 1024 * 1024;
/// Days after which an embedded root is called old. Sigstore's roots change a few times a year.
const OLD_DAYS: i64 = 180;
/// Roots in one file; gh writes two.
const LINES: usize = 32;
