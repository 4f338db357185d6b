//! `SHA256SUMS.asc`: a signature by an OpenPGP key that the gpg agent keeps, for acquirers who have gpg
//! and nothing else.
//!
//! gpg is asked for the one key that is named in full, and what it gives is verified here before it is
//! written: that it ran to its end says nothing.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use attest_digest::{Artifact, Hashes};
use attest_verify::{
    Accept, Detached, DetachedKey, ExpectedSigner, Fingerprint, TrustedRoot, Verifier,
};
use jiff::Timestamp;

use crate::failure::{Failure, with_source};
use crate::programs;

/// An OpenPGP key whose private half gpg has at hand.
#[derive(Debug)]
pub(super) struct GpgKey {
    fingerprint: Fingerprint,
    public: DetachedKey,
}

impl GpgKey {
    /// Asks gpg for the public half of the key with this full fingerprint.
    ///
    /// # Errors
    /// `gpg-key-malformed`, `gpg-missing`, `gpg-key-missing` (2); `gpg-failed` (3).
    pub(super) fn find(fingerprint: &str) -> Result<Self, Failure> {
        let Some(wanted) = Fingerprint::parse(fingerprint) else {
            return Err(Failure::request(
                "gpg-key-malformed",
                format!("--gpg-key {fingerprint:?} is not the full fingerprint of a key"),
            )
            .hint("write its 40 or 64 hexadecimal digits: gpg --list-secret-keys --with-colons; shorter ids can be made to collide"));
        };
        let missing = |found: String| {
            Failure::request(
                "gpg-key-missing",
                format!("gpg has no OpenPGP key {wanted}{found}"),
            )
        };
        let exported = run(&["--export", &wanted.to_string()], b"", KEY_BYTES)?;
        let mut keys = DetachedKey::parse_all(&exported.output).unwrap_or_default();
        let (Some(public), true) = (keys.pop(), keys.is_empty()) else {
            return Err(missing(String::new()));
        };
        if public.openpgp_fingerprint() != Some(wanted) {
            return Err(missing(": that is the fingerprint of a subkey".to_owned())
                .hint("name the primary key; gpg chooses its subkey that signs"));
        }
        Ok(Self {
            fingerprint: wanted,
            public,
        })
    }

    /// The full fingerprint of the primary key.
    pub(super) fn fingerprint(&self) -> String {
        self.fingerprint.to_string()
    }

    /// An armored detached signature over these bytes, verified.
    ///
    /// # Errors
    /// `gpg-failed`, `gpg-signature-wrong`: exit 3.
    pub(super) fn sign(
        &self,
        message: &[u8],
        trusted_root: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let key = self.fingerprint();
        let signing = ["--armor", "--detach-sign", "--local-user", &key];
        let made = run(&signing, message, SIGNATURE_BYTES)?;
        if !made.says("SIG_CREATED D ") {
            return Err(Failure::unknown(
                "gpg-failed",
                format!("gpg signed nothing: {}", made.last_words()),
            ));
        }
        self.check(message, &made.output, trusted_root, now)?;
        Ok(made.output)
    }

    /// As an acquirer who expects this key alone.
    ///
    /// # Errors
    /// `gpg-signature-wrong`: exit 3.
    pub(super) fn check(
        &self,
        message: &[u8],
        signature: &[u8],
        trusted_root: &[u8],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let wrong = |problem: String| {
            Failure::unknown(
                "gpg-signature-wrong",
                format!(
                    "what gpg made does not verify under {}: {problem}",
                    self.fingerprint
                ),
            )
        };
        let root = TrustedRoot::parse(trusted_root).map_err(|error| wrong(with_source(&error)))?;
        let accept = Accept {
            no_log: true,
            no_time: true,
            ..Accept::default()
        };
        let verifier =
            Verifier::new(vec![root], now, accept).map_err(|error| wrong(with_source(&error)))?;
        let detached = Detached::parse(signature).map_err(|error| wrong(error.to_string()))?;
        let observed = detached
            .observe(&mut &message[..])
            .map_err(|error| wrong(error.to_string()))?;
        let artifact = Artifact::of_bytes(message, Hashes::Sha256);
        let expected = ExpectedSigner::Detached(self.public.clone());
        verifier
            .verify_detached(&detached, &observed, &artifact, &expected)
            .map(drop)
            .map_err(|error| wrong(error.to_string()))
    }
}

/// What gpg wrote, and what it said.
struct Ran {
    output: Vec<u8>,
    said: String,
}

impl Ran {
    /// Whether one of the status lines begins so. They are for programs: `--status-fd`.
    fn says(&self, status: &str) -> bool {
        let mut lines = self.said.lines();
        lines.any(|line| {
            line.strip_prefix("[GNUPG:] ")
                .is_some_and(|it| it.starts_with(status))
        })
    }

    fn last_words(&self) -> String {
        let mut lines = self.said.lines().rev();
        let words = lines.find(|line| !line.starts_with("[GNUPG:]") && !line.is_empty());
        words
            .unwrap_or("it said nothing")
            .escape_debug()
            .to_string()
    }
}

/// Runs gpg: in batch mode, so that it asks nothing but through its agent.
fn run(arguments: &[&str], input: &[u8], limit: u64) -> Result<Ran, Failure> {
    let failed = |error: io::Error| Failure::unknown("gpg-failed", format!("gpg: {error}"));
    let gpg = programs::find("gpg", std::env::var_os("PATH").as_deref()).ok_or_else(|| {
        Failure::request("gpg-missing", "there is no program gpg")
            .hint("install GnuPG, or leave --gpg-key away")
    })?;
    let mut child = Command::new(gpg)
        .args(["--batch", "--no-tty", "--status-fd", "2"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let read = |from: Option<&mut dyn Read>, limit: u64| {
        let mut bytes = Vec::new();
        match from {
            Some(from) => from.take(limit).read_to_end(&mut bytes).map(|_| bytes),
            None => Ok(bytes),
        }
    };
    let (output, said) = std::thread::scope(|scope| {
        // gpg that reads nothing closes its end: what it says then is what counts.
        scope.spawn(move || stdin.map(|mut it| it.write_all(input)));
        let said = scope.spawn(move || {
            let mut stderr = stderr;
            read(stderr.as_mut().map(|it| it as &mut dyn Read), SAID_BYTES)
        });
        let mut stdout = stdout;
        let output = read(stdout.as_mut().map(|it| it as &mut dyn Read), limit);
        (output, said.join())
    });
    let output = output.map_err(failed)?;
    let said = said.unwrap_or_else(|_| Ok(Vec::new())).map_err(failed)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let ran = Ran { output, said };
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        let words = ran.last_words();
        return Err(Failure::unknown("gpg-failed", format!("gpg: {words}")));
    }
    Ok(ran)
}

/// A public key with a hundred certifications has 50 KiB.
const KEY_BYTES: u64 = 4 << 20;
const SIGNATURE_BYTES: u64 = 64 << 10;
const SAID_BYTES: u64 = 64 << 10;
