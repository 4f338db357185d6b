//! Whom and what a verifying run trusts: the expected signers and the trusted roots, from flags
//! alone, never found by themselves.

mod signers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_policy::Signers;
use attest_verify::{Accept, EmbeddedRoot, ExpectedSigner, TrustedRoot};

use crate::args::{AcceptArg, TrustArgs};
use crate::clock::Now;
use crate::failure::Failure;
use crate::files;
use crate::home::{Home, lies_inside, real};
use crate::report::TrustLine;

pub(crate) use signers::{is_key_file, words as signer_words};

/// Resolved trust.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) signers: Signers,
    pub(crate) roots: Vec<TrustedRoot>,
    pub(crate) lines: Vec<TrustLine>,
    /// Pinned files by their real path, and why they need no signature.
    pub(crate) pinned: BTreeMap<PathBuf, String>,
}

/// Where the subjects are: what may hold pinned trust, and what may not hold trust without a pin.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Folders that are being verified themselves.
    pub(crate) verified: Vec<PathBuf>,
    /// Folders at whose top pinned trust is looked for.
    pub(crate) beside: Vec<PathBuf>,
    /// Bundles whose log entries may carry a pinned key.
    pub(crate) bundles: Vec<PathBuf>,
    /// Keys and trusted roots that lie in an archive, by their place: only a pin takes them.
    pub(crate) archived: Vec<(String, Vec<u8>)>,
}

/// Whether a flag names trust by its digest, so that it may lie beside or in what is verified.
pub(crate) fn has_pins(args: &TrustArgs) -> bool {
    args.signers
        .key
        .iter()
        .any(|key| key.starts_with("sha256:"))
        || args
            .trusted_root
            .iter()
            .any(|root| root.contains("@sha256:"))
}

/// Resolves the flags.
///
/// # Errors
/// `signer-required`, `signers-unsatisfiable`, `bad-identity`, `trust-beside-subject`, `pin-not-found`,
/// `key-unreadable`, `key-unsupported`, `trusted-root-unreadable`, `trusted-root-unknown`,
/// `trusted-root-malformed`: all exit 2.
pub(crate) fn resolve(args: &TrustArgs, around: &Surroundings, now: Now) -> Result<Trust, Failure> {
    let mut lines = Vec::new();
    let mut pinned = BTreeMap::new();
    let signers = signers::resolve(&args.signers, around, &mut lines, &mut pinned)?;
    let roots = roots(args, around, now, &mut lines, &mut pinned)?;
    Ok(Trust {
        signers,
        roots,
        lines,
        pinned,
    })
}

/// The trust of our own home, for our own archive.
pub(crate) fn of_home(home: &Home) -> Result<Trust, Failure> {
    home.require()?;
    let (key, line) = signers::key_file(&home.public_key())?;
    let (root, root_line) = root_file(&home.trusted_root())?;
    Ok(Trust {
        signers: ExpectedSigner::Key(key).into(),
        roots: vec![root],
        lines: vec![line, root_line],
        pinned: BTreeMap::new(),
    })
}

/// What `--accept` lets pass.
pub(crate) fn accept(args: &TrustArgs) -> Accept {
    let has = |what| args.accept.contains(&what);
    Accept {
        no_log: has(AcceptArg::NoLog),
        no_time: has(AcceptArg::NoTime),
        set_only: has(AcceptArg::SetOnly),
    }
}

/// The words of `--accept` as the report repeats them.
pub(crate) fn accepted_words(args: &TrustArgs) -> Vec<&'static str> {
    let mut sorted = args.accept.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
        .iter()
        .map(|what| match what {
            AcceptArg::NoLog => "no-log",
            AcceptArg::NoTime => "no-time",
            AcceptArg::SetOnly => "set-only",
            AcceptArg::NoNames => "no-names",
        })
        .collect()
}

/// The roots that flags name, else the embedded one of Sigstore's public-good instance.
fn roots(
    args: &TrustArgs,
    around: &Surroundings,
    now: Now,
    lines: &mut Vec<TrustLine>,
    pinned: &mut BTreeMap<PathBuf, String>,
) -> Result<Vec<TrustedRoot>, Failure> {
    if args.trusted_root.is_empty() {
        let (root, line) = embedded(EmbeddedRoot::DEFAULT, None, now)?;
        lines.push(line);
        return Ok(vec![root]);
    }
    let mut found = Vec::new();
    for text in &args.trusted_root {
        let (place, pin) = match text.rsplit_once("@sha256:") {
            Some((place, pin)) => (place, Some(parse_pin("--trusted-root", pin)?)),
            None => (text.as_str(), None),
        };
        let (root, line) = if place.starts_with('@') {
            embedded(known(place)?, pin, now)?
        } else if let Some(pin) = pin {
            pinned_root(Path::new(place), &pin, around, pinned)?
        } else {
            refuse_beside(Path::new(place), around, "trusted root")?;
            root_file(Path::new(place))?
        };
        lines.push(line);
        found.push(root);
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

fn embedded(
    root: &EmbeddedRoot,
    pin: Option<[u8; 32]>,
    now: Now,
) -> Result<(TrustedRoot, TrustLine), Failure> {
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
        taken: Some(root.taken()),
        warning: age_warning(root, now),
    };
    Ok((read, line))
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

fn pinned_root(
    path: &Path,
    pin: &[u8; 32],
    around: &Surroundings,
    pinned: &mut BTreeMap<PathBuf, String>,
) -> Result<(TrustedRoot, TrustLine), Failure> {
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
        if sha256(&bytes) != *pin {
            continue;
        }
        let root = parse_root(&path, &bytes)?;
        pinned.insert(real(&path), "the pinned trusted root".to_owned());
        let line = TrustLine {
            what: "trusted root",
            place: path.display().to_string(),
            sha256: hex::encode(pin),
            pinned: true,
            taken: None,
            warning: None,
        };
        return Ok((root, line));
    }
    for (place, bytes) in &around.archived {
        if sha256(bytes) == *pin {
            let root = parse_root(Path::new(place), bytes)?;
            let line = TrustLine {
                what: "trusted root",
                place: place.clone(),
                sha256: hex::encode(pin),
                pinned: true,
                taken: None,
                warning: None,
            };
            return Ok((root, line));
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

fn root_file(path: &Path) -> Result<(TrustedRoot, TrustLine), Failure> {
    let bytes = files::read_limited(path, ROOT_BYTES).map_err(|error| {
        Failure::request(
            "trusted-root-unreadable",
            format!("{}: {error}", path.display()),
        )
    })?;
    let root = parse_root(path, &bytes)?;
    let line = TrustLine {
        what: "trusted root",
        place: path.display().to_string(),
        sha256: hex::encode(sha256(&bytes)),
        pinned: false,
        taken: None,
        warning: None,
    };
    Ok((root, line))
}

fn parse_root(path: &Path, bytes: &[u8]) -> Result<TrustedRoot, Failure> {
    let place = path.display().to_string();
    TrustedRoot::parse(bytes)
        .map(|root| root.named(&place))
        .map_err(|error| Failure::request("trusted-root-malformed", format!("{place}: {error}")))
}

/// Whoever can change a folder can change the trust that lies in it.
fn refuse_beside(path: &Path, around: &Surroundings, what: &str) -> Result<(), Failure> {
    let Some(folder) = around
        .verified
        .iter()
        .find(|folder| lies_inside(path, folder))
    else {
        return Ok(());
    };
    Err(Failure::request(
        "trust-beside-subject",
        format!("the {what} {} lies inside {}, which is being verified", path.display(), folder.display()),
    )
    .hint("pin it (sha256:HEX, or FILE@sha256:HEX) with a value from elsewhere, or name a copy that you keep elsewhere"))
}

fn parse_pin(flag: &str, hex: &str) -> Result<[u8; 32], Failure> {
    match Digest::parse(&format!("sha256:{hex}")) {
        Ok(Digest::Sha256(bytes)) => Ok(bytes),
        _ => Err(Failure::request(
            "bad-pin",
            format!("{flag}: sha256:{hex} is not a SHA-256 pin"),
        )
        .hint("a pin is sha256: and 64 lower-case hexadecimal digits")),
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    match Artifact::of_bytes(bytes, Hashes::Sha256).sha256() {
        Digest::Sha256(bytes) => bytes,
        _ => [0; 32],
    }
}

/// The public-good trusted root is 7 KiB.
const ROOT_BYTES: u64 = 4 * 1024 * 1024;
/// Days after which an embedded root is called old. Sigstore's roots change a few times a year.
const OLD_DAYS: i64 = 180;
