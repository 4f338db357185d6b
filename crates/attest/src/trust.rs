//! Whom and what a verifying run trusts: the expected signer and the trusted roots, from flags
//! alone, never found by themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_verify::{Accept, Bundle, EmbeddedRoot, ExpectedSigner, PublicKey, TrustedRoot};

use crate::args::{AcceptArg, TrustArgs};
use crate::clock::Now;
use crate::failure::Failure;
use crate::files;
use crate::home::{Home, lies_inside, real};
use crate::report::TrustLine;

/// Resolved trust.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) signer: ExpectedSigner,
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
    args.key.iter().any(|key| key.starts_with("sha256:"))
        || args
            .trusted_root
            .iter()
            .any(|root| root.contains("@sha256:"))
}

/// Resolves the flags.
///
/// # Errors
/// `signer-required`, `trust-beside-subject`, `pin-not-found`, `key-unreadable`, `key-unsupported`,
/// `trusted-root-unreadable`, `trusted-root-unknown`, `trusted-root-malformed`: all exit 2.
pub(crate) fn resolve(args: &TrustArgs, around: &Surroundings, now: Now) -> Result<Trust, Failure> {
    let mut lines = Vec::new();
    let mut pinned = BTreeMap::new();
    let signer = signer(args, around, &mut lines, &mut pinned)?;
    let roots = roots(args, around, now, &mut lines, &mut pinned)?;
    Ok(Trust {
        signer,
        roots,
        lines,
        pinned,
    })
}

/// The trust of our own home, for our own archive.
pub(crate) fn of_home(home: &Home) -> Result<Trust, Failure> {
    home.require()?;
    let (key, line) = key_file(&home.public_key())?;
    let (root, root_line) = root_file(&home.trusted_root())?;
    Ok(Trust {
        signer: ExpectedSigner::Key(key),
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

/// The expected signer in the report's words.
pub(crate) fn signer_words(signer: &ExpectedSigner) -> String {
    match signer {
        ExpectedSigner::Key(key) => format!("key sha256:{}", hex::encode(key.fingerprint())),
        ExpectedSigner::Identity { identity, issuer } => format!("{identity} by {issuer}"),
        ExpectedSigner::Detached(key) => key.to_string(),
    }
}

fn signer(
    args: &TrustArgs,
    around: &Surroundings,
    lines: &mut Vec<TrustLine>,
    pinned: &mut BTreeMap<PathBuf, String>,
) -> Result<ExpectedSigner, Failure> {
    if let (Some(identity), Some(issuer)) = (&args.identity, &args.issuer) {
        if identity.is_empty() || issuer.is_empty() || identity.contains('*') {
            return Err(Failure::request(
                "signer-required",
                "an identity and an issuer are given exactly, and neither is empty",
            ));
        }
        return Ok(ExpectedSigner::Identity {
            identity: identity.clone(),
            issuer: issuer.clone(),
        });
    }
    let Some(key) = &args.key else {
        return Err(Failure::request("signer-required", "nobody is expected to have signed: there is no mode that accepts anyone")
            .hint("name the signer with --key, or with --identity and --issuer; attest inspect shows who claims to have signed"));
    };
    if let Some(pin) = key.strip_prefix("sha256:") {
        let (key, line) = pinned_key(&parse_pin("--key", pin)?, around, pinned)?;
        lines.push(line);
        return Ok(ExpectedSigner::Key(key));
    }
    let path = Path::new(key);
    refuse_beside(path, around, "key")?;
    let (key, line) = key_file(path)?;
    lines.push(line);
    Ok(ExpectedSigner::Key(key))
}

/// The key with this fingerprint: a `*.pub` at the top of a subject's folder, or the key that a log
/// entry carries. The pin makes either as good as the user's own copy.
fn pinned_key(
    pin: &[u8; 32],
    around: &Surroundings,
    pinned: &mut BTreeMap<PathBuf, String>,
) -> Result<(PublicKey, TrustLine), Failure> {
    let line = |place: String| TrustLine {
        what: "key",
        place,
        sha256: hex::encode(pin),
        pinned: true,
        taken: None,
        warning: None,
    };
    for path in around
        .beside
        .iter()
        .flat_map(|folder| public_keys_in(folder))
    {
        let Ok(bytes) = files::read_limited(&path, KEY_BYTES) else {
            continue;
        };
        if let Some(key) = PublicKey::parse(&bytes)
            .ok()
            .filter(|key| key.fingerprint() == *pin)
        {
            if is_key_file(&bytes, &key) {
                pinned.insert(real(&path), "the pinned key".to_owned());
            }
            return Ok((key, line(path.display().to_string())));
        }
    }
    for path in &around.bundles {
        let Ok(bytes) = files::read_limited(path, BUNDLE_BYTES) else {
            continue;
        };
        let Ok(bundle) = Bundle::parse(&bytes) else {
            continue;
        };
        if let Some(key) = bundle
            .claimed_keys()
            .into_iter()
            .find(|key| key.fingerprint() == *pin)
        {
            return Ok((key, line(format!("the log entry in {}", path.display()))));
        }
    }
    for (place, bytes) in &around.archived {
        if let Some(key) = PublicKey::parse(bytes)
            .ok()
            .filter(|key| key.fingerprint() == *pin)
        {
            return Ok((key, line(place.clone())));
        }
    }
    Err(Failure::request("pin-not-found", format!("no key with sha256:{} is at hand", hex::encode(pin)))
        .hint("it is looked for as *.pub at the top of the subject's folder and in the log entries of its bundles; or name its file with --key"))
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

/// Whether a file holds this key and nothing else: trust in the key covers no other bytes.
pub(crate) fn is_key_file(bytes: &[u8], key: &PublicKey) -> bool {
    bytes == key.to_pem().as_bytes() || bytes == key.spki()
}

fn key_file(path: &Path) -> Result<(PublicKey, TrustLine), Failure> {
    let unreadable = |problem: String| {
        Failure::request("key-unreadable", format!("{}: {problem}", path.display()))
    };
    let bytes =
        files::read_limited(path, KEY_BYTES).map_err(|error| unreadable(error.to_string()))?;
    let key = PublicKey::parse(&bytes)
        .map_err(|error| Failure::request(error.code(), format!("{}: {error}", path.display())))?;
    let line = TrustLine {
        what: "key",
        place: path.display().to_string(),
        sha256: hex::encode(key.fingerprint()),
        pinned: false,
        taken: None,
        warning: None,
    };
    Ok((key, line))
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

fn public_keys_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        .take(KEY_FILES)
        .collect();
    paths.sort();
    paths
}

/// A public key file is a few hundred bytes.
const KEY_BYTES: u64 = 64 * 1024;
/// The public-good trusted root is 7 KiB.
const ROOT_BYTES: u64 = 4 * 1024 * 1024;
/// How much of a bundle is read to look for a pinned key.
const BUNDLE_BYTES: u64 = 32 * 1024 * 1024;
/// Days after which an embedded root is called old. Sigstore's roots change a few times a year.
const OLD_DAYS: i64 = 180;
/// How many `*.pub` files of a folder are looked at.
const KEY_FILES: usize = 64;
