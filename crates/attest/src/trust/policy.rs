//! A policy, from the flag that names it: read with all that it includes, not expired, not older than
//! one that was seen, and its signers found.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use attest_digest::Digest;
use attest_policy::{
    Accepts, Closure, ClosureError, Denied, LogRule, PolicyState, Remembered, Rules, StateError,
};
use attest_verify::Accept;

use super::signers::{self, Look};
use super::succession::Shelf;
use super::{PinnedFile, PinnedFiles, Surroundings, Trust, parse_pin, refuse_beside, roots};
use crate::args::{PolicyArgs, TrustArgs};
use crate::clock::Now;
use crate::failure::{Failure, with_source};
use crate::files;
use crate::home::real;
use crate::report::TrustLine;

/// A policy that may be judged by.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: PathBuf,
    pub(crate) closure: Closure,
    /// Whether the flag has the digest of its bytes.
    pub(crate) pinned: bool,
    /// What is known of older and newer ones, in words.
    pub(crate) rollback: String,
}

/// Reads a policy file with all that it includes.
///
/// # Errors
/// `policy-unreadable`, `policy-malformed`: exit 2.
pub(crate) fn read(path: &Path) -> Result<Closure, Failure> {
    let limit = attest_policy::limits::POLICY_BYTES as u64;
    let unreadable = |problem: String| {
        Failure::request(
            "policy-unreadable",
            format!("{}: {problem}", path.display()),
        )
    };
    let bytes = files::read_limited(path, limit).map_err(|it| unreadable(it.to_string()))?;
    let folder = files::folder_of(path);
    let mut fetch = |name: &str| {
        files::read_limited(&folder.join(name), limit).map_err(|error| error.to_string())
    };
    Closure::load(&bytes, &mut fetch).map_err(|error| malformed(path, &error))
}

/// Where a policy is wrong: `FILE:LINE:COLUMN: what`.
fn malformed(path: &Path, error: &ClosureError) -> Failure {
    let text = match error {
        ClosureError::Malformed { file, error } => {
            let file = file
                .as_ref()
                .map_or_else(|| path.to_owned(), |file| files::folder_of(path).join(file));
            let (line, column) = (error.line(), error.column());
            format!("{}:{line}:{column}: {}", file.display(), error.problem())
        }
        ClosureError::Unreadable { .. } => {
            let place = path.display();
            return Failure::request("policy-unreadable", format!("{place}: {error}"));
        }
        other => format!("{}: {other}", path.display()),
    };
    Failure::request("policy-malformed", text)
}

/// The policy that the flags name, if it may be judged by now.
///
/// # Errors
/// As [`read`]; `trust-beside-subject`, `bad-pin`, `pin-not-found`, `policy-name-mismatch`, `policy-expired`: exit 2.
pub(crate) fn named(
    args: &PolicyArgs,
    place: &str,
    around: &Surroundings,
    now: Now,
) -> Result<Named, Failure> {
    let (path, pin) = match place.rsplit_once("@sha256:") {
        Some((path, pin)) => (PathBuf::from(path), Some(parse_pin("--policy", pin)?)),
        None => (PathBuf::from(place), None),
    };
    if pin.is_none() && args.policy_key.is_none() {
        refuse_beside(&path, around, "policy")?;
    }
    let closure = read(&path)?;
    if let Some(pin) = pin {
        let wanted = Digest::Sha256(pin);
        let found = closure.digest();
        if found != wanted {
            let message = format!("{} has {found}, another than the pin", path.display());
            return Err(Failure::request("pin-not-found", message));
        }
    }
    if let Some(wanted) = args
        .policy_name
        .as_deref()
        .filter(|it| *it != closure.name())
    {
        let message = format!(
            "{} is called {:?}, and {wanted:?} is asked for",
            path.display(),
            closure.name()
        );
        return Err(Failure::request("policy-name-mismatch", message));
    }
    if let Some(expires) = closure.expires().filter(|it| *it <= now.time) {
        let message = format!("{} expired {expires}, it is {}", path.display(), now.time);
        return Err(Failure::request("policy-expired", message)
            .hint("whoever maintains the policy must look at it again and move its expires"));
    }
    Ok(Named {
        path,
        closure,
        pinned: pin.is_some(),
        rollback: "not checked".to_owned(),
    })
}

impl Named {
    /// What the report says of it.
    pub(crate) fn line(&self) -> TrustLine {
        TrustLine {
            what: "policy",
            place: self.path.display().to_string(),
            sha256: self.closure.digest().hex(),
            pinned: self.pinned,
            of_home: false,
            taken: None,
            warning: None,
        }
    }

    /// Finds its signers, and the trusted roots that flags name.
    ///
    /// # Errors
    /// As [`super::resolve`].
    pub(crate) fn resolve(
        &self,
        args: &TrustArgs,
        around: &Surroundings,
        now: Now,
    ) -> Result<(Trust, Rules), Failure> {
        let mut lines = vec![self.line()];
        let mut pinned = PinnedFiles::new();
        if let (true, Digest::Sha256(sha256)) = (self.pinned, self.closure.digest()) {
            let why = "the pinned policy";
            pinned.insert(real(&self.path), PinnedFile { why, sha256 });
        }
        let mut root_lines = Vec::new();
        let roots = roots::resolve(args, around, now, &mut root_lines, &mut pinned)?;
        let mut records = Shelf::open(args, &roots, now)?;
        let mut look = Look {
            around,
            lines: &mut lines,
            pinned: &mut pinned,
            shelf: &mut records,
            named: &mut Vec::new(),
        };
        let mut denied = signers::denied_by_flags(args, &mut look)?;
        let rules = self.rules(&mut denied, &mut look)?;
        lines.append(&mut root_lines);
        let trust = Trust {
            signers: rules.everybody().clone(),
            groups: None,
            roots,
            lines,
            pinned,
            keeping: Vec::new(),
            heard: records.close()?,
        };
        Ok((trust, rules))
    }

    fn rules(&self, denied: &mut Denied, look: &mut Look<'_>) -> Result<Rules, Failure> {
        let folder = files::folder_of(&self.path);
        let run = if self.closure.accepts(Accepts::NoLog) || self.closure.accepts(Accepts::SetOnly)
        {
            LogRule::AsTheRun
        } else {
            LogRule::Required
        };
        for (key, below) in self.closure.denied_keys() {
            signers::deny_key(key, &folder.join(below), denied, look)?;
        }
        denied
            .identities
            .extend(self.closure.denied_identities().iter().cloned());
        let mut groups = self
            .closure
            .groups()
            .map(|(group, below)| signers::find_group(group, &folder.join(below), run, look))
            .collect::<Result<Vec<_>, _>>()?;
        look.deny_named(denied);
        for group in &mut groups {
            let named = look.of_named(&group.windows);
            group.windows.extend(named);
        }
        let unsatisfiable = |error: attest_policy::RulesError| {
            Failure::request(
                "signers-unsatisfiable",
                format!("{}: {error}", self.path.display()),
            )
        };
        let rules =
            Rules::new(self.closure.clone(), &groups, denied, &[]).map_err(unsatisfiable)?;
        if rules.everybody().accepted().is_empty() {
            return Err(Failure::request(
                "pin-not-found",
                format!("none of the keys that {} pins is at hand", self.path.display()),
            )
            .hint("write { file = \"alice.pub\", sha256 = \"…\" }; a key without a file is looked for beside the subject and in its bundles"));
        }
        Ok(rules)
    }

    /// What it accepts less than the default of.
    pub(crate) fn accept(&self, rules: &Rules) -> Accept {
        Accept {
            no_log: self.closure.accepts(Accepts::NoLog),
            no_time: self.closure.accepts(Accepts::NoTime),
            set_only: self.closure.accepts(Accepts::SetOnly) || rules.everybody().take_promises(),
        }
    }

    /// The same in the words of the report.
    pub(crate) fn accepted_words(&self) -> Vec<&'static str> {
        let all = [
            (Accepts::NoLog, "no-log"),
            (Accepts::NoTime, "no-time"),
            (Accepts::SetOnly, "set-only"),
            (Accepts::GitUnlogged, "git-unlogged"),
        ];
        let accepted = all
            .into_iter()
            .filter(|(what, _)| self.closure.accepts(*what));
        accepted.map(|(_, word)| word).collect()
    }

    /// Compares it with what is remembered, and remembers it.
    ///
    /// # Errors
    /// `policy-rolled-back`, `policy-serial-missing`, `state-unreadable`, `trust-beside-subject`: exit 2;
    /// `state-locked`, `output-failed`: exit 3.
    pub(crate) fn remember(&mut self, state: &Path, around: &Surroundings) -> Result<(), Failure> {
        let closure = &self.closure;
        let seen = with_state(state, around, |known| {
            known
                .see(closure.name(), closure.serial(), closure.digest())
                .map_err(|error| refused(&self.path, &error))
        })?;
        self.rollback = match seen {
            Remembered::First => format!("the first policy of this name in {}", state.display()),
            Remembered::Same => format!("the same as seen last in {}", state.display()),
            Remembered::Newer { before } => {
                format!("newer than {before}, seen last in {}", state.display())
            }
        };
        Ok(())
    }
}

/// Compares something with what is remembered, and keeps what changed.
///
/// # Errors
/// Those of `see`; `state-unreadable`, `trust-beside-subject`: exit 2; `state-locked`,
/// `output-failed`: exit 3.
pub(super) fn with_state<T>(
    state: &Path,
    around: &Surroundings,
    see: impl FnOnce(&mut PolicyState) -> Result<T, Failure>,
) -> Result<T, Failure> {
    refuse_beside(state, around, "state")?;
    let _lock = lock(state)?;
    let unreadable = |problem: String| {
        Failure::request(
            "state-unreadable",
            format!("{}: {problem}", state.display()),
        )
    };
    let limit = attest_policy::limits::STATE_BYTES as u64;
    let before = match files::read_limited(state, limit) {
        Ok(bytes) => PolicyState::parse(&bytes).map_err(|error| unreadable(with_source(&error)))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => PolicyState::default(),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mut known = before.clone();
    let seen = see(&mut known)?;
    if known != before {
        files::write(state, &known.to_bytes(), 0o644, files::Overwrite::Force)?;
    }
    Ok(seen)
}

fn refused(path: &Path, error: &StateError) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error {
        StateError::NoSerial => Failure::request("policy-serial-missing", message)
            .hint("give the policy a serial = 1, and raise it with each change"),
        _ => Failure::request("policy-rolled-back", message),
    }
}

/// Two runs that remember at once must not forget what is newer. Anybody who can read the file of the lock can hold
/// it: it is waited for as long as an honest run has it, and no longer.
pub(super) fn lock(state: &Path) -> Result<fs::File, Failure> {
    let mut name = state.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let unlocked = |problem: &dyn std::fmt::Display| {
        Failure::unknown("state-locked", format!("{}: {problem}", path.display()))
    };
    let file = open.map_err(|error| unlocked(&error))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(fs::TryLockError::WouldBlock) => {
                let held = format!("held by another run for {} s", LOCK_PATIENCE.as_secs());
                return Err(unlocked(&held));
            }
            Err(fs::TryLockError::Error(error)) => return Err(unlocked(&error)),
        }
    }
}

/// A run has it while it reads and writes one small file, or checks one tree.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
