//! `README.txt` and `VERIFY.md`: how a bag is checked with coreutils and OpenSSL, by somebody who has
//! never heard of attest. Every command works as pasted at the top of the bag; the tests paste them.
//!
//! The words are part of the bag's form: another text is another [`BAG_FORMAT`](super::BAG_FORMAT).

use std::fmt::Write as _;
use std::path::Path;

use attest_provenance::ReleaseName;

use super::names::{AUTHORITIES, RELEASE_TREE, VERIFY};
use super::unpack::{Check, Entry, Later, Method, Signature, StepFile, Unpacked, Verifier};
use crate::manifest::Member;

/// The text of `README.txt`.
pub(super) fn readme(release: &ReleaseName) -> String {
    format!(
        "This folder holds one release of software, {release}, with what is needed to show who released
it and when. It is a BagIt bag (RFC 8493).

  data/       the release as it was published, byte by byte
  archive/    the archive's own list of these files, and what was added to the release later
  evidence/   the signatures of data/, the bytes that were signed, and the statements in them
  log/        entries of transparency logs, the proofs that they are in the logs
  time/       timestamps (RFC 3161) over the signatures, and the authorities' certificates
  trust/      keys and trusted roots as the publisher gave them out; evidence of what was used
              then, not a reason to trust it now

Everything outside of data/ and archive/ is cut out of these two, so that OpenSSL can read it.
{VERIFY} has the commands that check all of it with sha256sum and openssl. None needs the network.
"
    )
}

/// The text of `VERIFY.md`.
pub(super) fn verify(release: &ReleaseName, members: &[Member], unpacked: &Unpacked) -> String {
    let mut text = String::new();
    head(&mut text, release, unpacked);
    bytes(&mut text, members);
    signatures(&mut text, unpacked);
    times(&mut text, unpacked);
    logs(&mut text, unpacked);
    tail(&mut text, release, members, unpacked);
    text
}

fn head(text: &mut String, release: &ReleaseName, unpacked: &Unpacked) {
    put(text, format_args!(
"# How to check {release}

Paste the commands at the top of this folder, where this file stands. They need a shell, coreutils, find,
grep, sed and OpenSSL 3, and no network.

## Whose keys

Whoever can change this folder can change this text and the keys in it. Compare these digests with what
the publisher says elsewhere, or said then: without that, all else only shows that the folder fits
together.

"));
    if unpacked.trust.is_empty() {
        put(
            text,
            format_args!(
                "The release carries no key and no trusted root: they must come from elsewhere.\n"
            ),
        );
        return;
    }
    put(text, format_args!("```sh\n"));
    for file in &unpacked.trust {
        if Path::new(file).extension().is_some_and(|it| it == "json") {
            put(text, format_args!("sha256sum {}\n", quoted(file)));
        } else {
            put(
                text,
                format_args!(
                    "openssl pkey -pubin -in {} -outform DER | sha256sum\n",
                    quoted(file)
                ),
            );
        }
    }
    put(text, format_args!("```\n"));
}

fn bytes(text: &mut String, members: &[Member]) {
    put(
        text,
        format_args!(
            "
## The bytes

Each file is as it was packed, and there is no other file.

```sh
"
        ),
    );
    let has_percent = members.iter().any(|it| it.path.as_str().contains('%'));
    for (tool, algorithm) in [("sha256sum", "sha256"), ("sha512sum", "sha512")] {
        if has_percent {
            put(
                text,
                format_args!(
                    "sed 's/%25/%/g' manifest-{algorithm}.txt | {tool} -c --strict --quiet -\n"
                ),
            );
        } else {
            put(
                text,
                format_args!("{tool} -c --strict --quiet manifest-{algorithm}.txt\n"),
            );
        }
        put(
            text,
            format_args!("{tool} -c --strict --quiet tagmanifest-{algorithm}.txt\n"),
        );
    }
    put(text, format_args!(
"[ \"$(find . ! -type d | wc -l)\" -eq \"$(($(cat manifest-sha256.txt tagmanifest-sha256.txt | wc -l) + 2))\" ]
```

These lists are not signed. What follows is.
"));
    if members.iter().any(|it| it.path.as_str() == SUMS) {
        put(
            text,
            format_args!(
                "
```sh
(cd data && sha256sum -c --strict --quiet {SUMS})
```
"
            ),
        );
    }
}

fn signatures(text: &mut String, unpacked: &Unpacked) {
    put(
        text,
        format_args!(
            "
## Who signed it

"
        ),
    );
    let mut commands = String::new();
    for check in &unpacked.checks {
        if let Some(signature) = &check.signature {
            put(
                &mut commands,
                format_args!("{}\n", signature_command(signature, &check.signature_file)),
            );
        }
    }
    block(
        text,
        &commands,
        "No signature of this release can be checked with openssl alone.",
    );
    put(text, format_args!(
"
What was signed stands in `evidence/*/statement.json`: the files by name and digest, and what is said of
them.
"));
}

fn signature_command(signature: &Signature, file: &str) -> String {
    let (signed, file) = (quoted(&signature.signed), quoted(file));
    let (before, key) = match &signature.verifier {
        Verifier::Key(key) => (String::new(), quoted(key)),
        Verifier::Certificate(certificate) => (
            format!("openssl x509 -in {} -noout -pubkey | ", quoted(certificate)),
            "/dev/stdin".to_owned(),
        ),
    };
    format!(
        "{before}{}",
        verify_command(signature.method, &key, &signed, &file)
    )
}

fn verify_command(method: Method, key: &str, signed: &str, signature: &str) -> String {
    match method {
        Method::Digest(digest) => {
            format!("openssl dgst -{digest} -verify {key} -signature {signature} {signed}")
        }
        Method::Ed25519 => format!(
            "openssl pkeyutl -verify -pubin -inkey {key} -rawin -in {signed} -sigfile {signature}"
        ),
    }
}

fn times(text: &mut String, unpacked: &Unpacked) {
    put(text, format_args!(
"
## When

Each timestamp is over a signature: the signature was there at that time, if the authority's certificates
in `{AUTHORITIES}` are the ones to trust.

"));
    let mut commands = String::new();
    let has_authorities = unpacked.files.contains_key(AUTHORITIES);
    for check in unpacked.checks.iter().filter(|_| has_authorities) {
        for token in &check.times {
            put(
                &mut commands,
                format_args!(
                    "openssl ts -verify -in {} -data {} -CAfile {AUTHORITIES} -untrusted {AUTHORITIES}\n",
                    quoted(token),
                    quoted(&check.signature_file)
                ),
            );
        }
    }
    block(
        text,
        &commands,
        "The release has no timestamp with an authority's certificates.",
    );
    put(text, format_args!(
"
Once a certificate has ended, openssl says so and fails. `-attime` with a moment in which it was valid
shows that the token is sound; that nobody has made it later, with a key that has leaked since, is then
shown only by a newer timestamp over it, in `archive/attachments/`, if the archive was renewed in time.
`openssl ts -reply -text -in FILE` prints the time of a token.
"));
}

fn logs(text: &mut String, unpacked: &Unpacked) {
    put(
        text,
        format_args!(
            "
## In which logs

The log's key has signed a checkpoint; the entry leads to the checkpoint's root; the entry holds the
signature.

"
        ),
    );
    let mut commands = String::new();
    for check in &unpacked.checks {
        for entry in &check.entries {
            entry_commands(&mut commands, check, entry);
        }
    }
    block(
        text,
        &commands,
        "The release has no log entry with a proof.",
    );
    if unpacked.later.is_empty() {
        return;
    }
    put(
        text,
        format_args!(
            "
Later the log had grown. Its key has signed the later checkpoint as well; from a part that both have, one
way leads to the root of the earlier checkpoint, and one to that of the later: what was there is there
still, in its place.

"
        ),
    );
    let mut commands = String::new();
    for later in &unpacked.later {
        later_commands(&mut commands, later);
    }
    block(text, &commands, "");
}

fn later_commands(text: &mut String, later: &Later) {
    let of = |name: &str| quoted(&format!("{}/{name}", later.folder));
    if let Some((key, method)) = &later.log_key {
        let (signed, signature) = (of("checkpoint.signed"), of("checkpoint.signature"));
        let command = verify_command(*method, &quoted(key), &signed, &signature);
        put(text, format_args!("{command}\n"));
    }
    for growth in &later.growths {
        let seed = format!("cat {}", quoted(&growth.seed));
        let old = growth.steps.iter().filter(|it| it.is_left);
        let ways = [
            (way(seed.clone(), old), quoted(&growth.from)),
            (way(seed, growth.steps.iter()), of("checkpoint.signed")),
        ];
        for (way, root) in ways {
            put(
                text,
                format_args!("[ \"$({way} | base64)\" = \"$(sed -n 3p {root})\" ]\n"),
            );
        }
    }
}

/// From a hash up, with those beside the way.
fn way<'s>(mut way: String, steps: impl Iterator<Item = &'s StepFile>) -> String {
    for step in steps {
        let file = quoted(&step.file);
        let order = if step.is_left {
            format!("{file} -")
        } else {
            format!("- {file}")
        };
        let _ = write!(
            way,
            " \\\n  | {{ printf '\\001'; cat {order}; }} | openssl dgst -sha256 -binary"
        );
    }
    way
}

fn entry_commands(text: &mut String, check: &Check, entry: &Entry) {
    let folder = &entry.folder;
    let of = |name: &str| quoted(&format!("{folder}/{name}"));
    if !entry.is_proven {
        return;
    }
    if let Some((key, method)) = &entry.log_key {
        let command = verify_command(
            *method,
            &quoted(key),
            &of("checkpoint.signed"),
            &of("checkpoint.signature"),
        );
        put(text, format_args!("{command}\n"));
    }
    let entry_hash = format!(
        "{{ printf '\\000'; cat {}; }} | openssl dgst -sha256 -binary",
        of("entry")
    );
    let way = way(entry_hash, entry.steps.iter());
    put(
        text,
        format_args!(
            "[ \"$({way} | base64)\" = \"$(sed -n 3p {})\" ]\n",
            of("checkpoint.signed")
        ),
    );
    if entry.names_signature {
        put(
            text,
            format_args!(
                "grep -qF \"$(base64 -w0 {})\" {}\n",
                quoted(&check.signature_file),
                of("entry")
            ),
        );
    }
}

fn tail(text: &mut String, release: &ReleaseName, members: &[Member], unpacked: &Unpacked) {
    put(text, format_args!(
"
## What this shows, and what not

With the keys that the publisher names: these bytes were signed as {release}, not later than the time in
the timestamps. Where log and clock are the publisher's own, nobody else vouches for them.
"));
    if !members.iter().any(|it| it.path.as_str() == RELEASE_TREE) {
        put(text, format_args!(
"
The release has no signed list of its files' modes (`{RELEASE_TREE}`): which of them were programs that can be run
is not shown.
"));
    }
    if !unpacked.left_out.is_empty() {
        put(
            text,
            format_args!("\nThese commands say nothing about:\n\n"),
        );
        for path in &unpacked.left_out {
            put(text, format_args!("- {}\n", quoted(path)));
        }
    }
}

/// Commands, or why there are none.
fn block(text: &mut String, commands: &str, otherwise: &str) {
    if commands.is_empty() {
        put(text, format_args!("{otherwise}\n"));
    } else {
        put(text, format_args!("```sh\n{commands}```\n"));
    }
}

/// A path as one word of a shell. No path in a bag begins with a dash.
fn quoted(path: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "/._+-=@%,:".contains(character);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

const SUMS: &str = "SHA256SUMS";
