//! Whom and what a verifying run trusts: the expected signers and the trusted roots, from flags
//! alone, never found by themselves.

mod detached;
mod environment;
mod home;
pub(crate) mod policy;
mod roots;
mod signers;
pub(crate) mod succession;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_policy::{LogRule, Signers};
use attest_verify::{Accept, ExpectedSigner, TrustedRoot};

use crate::args::{AcceptArg, TrustArgs};
use crate::clock::Now;
use crate::failure::Failure;
use crate::home::lies_inside;
use crate::report::TrustLine;

pub(crate) use home::{of_home, of_keeper, of_named};
pub(crate) use roots::{ROOT_BYTES, days_since, known, parse as parse_roots};
pub(crate) use signers::{is_key_file, words as signer_words};
use succession::{Heard, Shelf};

/// Files of pinned trust that need no signature of their own, by their real path.
pub(crate) type PinnedFiles = BTreeMap<PathBuf, PinnedFile>;

/// Trust that was read from a file: these bytes of it are trusted, and no others that stand there later.
#[derive(Debug, Clone)]
pub(crate) struct PinnedFile {
    /// As what it is trusted.
    pub(crate) why: &'static str,
    /// The SHA-256 of the bytes that were read.
    pub(crate) sha256: [u8; 32],
}

/// Resolved trust.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) signers: Signers,
    /// The groups of the signers file, each by itself.
    pub(crate) groups: Option<Vec<(String, Signers)>>,
    pub(crate) roots: Vec<TrustedRoot>,
    /// What proves besides when something that a home keeps was signed or renewed, and no signature.
    pub(crate) keeping: Vec<TrustedRoot>,
    pub(crate) lines: Vec<TrustLine>,
    pub(crate) pinned: PinnedFiles,
    /// What recovery keys said.
    pub(crate) heard: Vec<Heard>,
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
/// `trusted-root-malformed`: all exit 2; and what a succession is not: exit 1.
pub(crate) fn resolve(args: &TrustArgs, around: &Surroundings, now: Now) -> Result<Trust, Failure> {
    let mut lines = Vec::new();
    let mut pinned = PinnedFiles::new();
    let mut root_lines = Vec::new();
    let roots = roots::resolve(args, around, now, &mut root_lines, &mut pinned)?;
    let mut shelf = Shelf::open(args, &roots, now)?;
    let mut look = signers::Look {
        around,
        lines: &mut lines,
        pinned: &mut pinned,
        shelf: &mut shelf,
        named: &mut Vec::new(),
    };
    let (signers, groups) = signers::resolve(&args.signers, log_rule(args), &mut look)?;
    lines.append(&mut root_lines);
    Ok(Trust {
        signers,
        groups,
        roots,
        keeping: Vec::new(),
        lines,
        pinned,
        heard: shelf.close()?,
    })
}

impl Trust {
    /// The signers of one role: the group of that name in the signers file, or without a file those whom the
    /// flags name. `None` when the file has no such group.
    pub(crate) fn role(&self, name: &str) -> Option<&Signers> {
        let Some(groups) = &self.groups else {
            return Some(&self.signers);
        };
        let found = groups.iter().find(|(it, _)| it == name);
        found.map(|(_, signers)| signers)
    }
}

/// The key that must have signed a policy.
pub(crate) fn policy_key(text: &str, around: &Surroundings) -> Result<ExpectedSigner, Failure> {
    let (signer, _) = signers::key_signer(text, around, &mut BTreeMap::new())?;
    Ok(signer)
}

/// What `--accept` lets pass.
pub(crate) fn flag_accept(args: &TrustArgs) -> Accept {
    flags(args)
}

/// What the flags ask of the log.
fn log_rule(args: &TrustArgs) -> LogRule {
    let accept = flags(args);
    if accept.no_log || accept.set_only {
        LogRule::AsTheRun
    } else {
        LogRule::Required
    }
}

/// Refuses names of independent logs and authorities that mean different keys in different roots:
/// whoever made one of the roots could call his own authority by another's name.
///
/// # Errors
/// `independent-ambiguous` (exit 2).
pub(crate) fn refuse_ambiguous(names: &[String], roots: &[TrustedRoot]) -> Result<(), Failure> {
    for name in names {
        let mut bearers: Vec<_> = roots.iter().map(|root| root.keys_called(name)).collect();
        bearers.retain(|keys| !keys.is_empty());
        bearers.dedup();
        if bearers.len() > 1 {
            let found = format!(
                "{name:?} is declared independent, and the trusted roots call different keys so"
            );
            return Err(Failure::request("independent-ambiguous", found)
                .hint("name the trusted root alone whose log or authority is meant"));
        }
    }
    Ok(())
}

/// What `--accept` lets pass, and what the signers do.
pub(crate) fn accept(args: &TrustArgs, signers: &Signers) -> Accept {
    let accept = flags(args);
    Accept {
        set_only: accept.set_only || signers.take_promises(),
        ..accept
    }
}

fn flags(args: &TrustArgs) -> Accept {
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
            AcceptArg::Sha1Git => "sha1-git",
        })
        .collect()
}

/// Locks what is remembered in a file, which must not lie in what is verified: whoever changes that would forget it
/// too.
///
/// # Errors
/// `trust-beside-subject`: exit 2; `state-locked`: exit 3.
pub(crate) fn lock_state(state: &Path, around: &Surroundings) -> Result<fs::File, Failure> {
    refuse_beside(state, around, "state")?;
    policy::lock(state)
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

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    match Artifact::of_bytes(bytes, Hashes::Sha256).sha256() {
        Digest::Sha256(bytes) => bytes,
        _ => [0; 32],
    }
}
