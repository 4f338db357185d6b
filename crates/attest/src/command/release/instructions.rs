//! `VERIFY.md`: how to check a release without attest. Every command works as pasted inside the
//! folder; the tests paste them.

use std::fmt::Write as _;

use attest_digest::{Algorithm, Digest};
use attest_provenance::ReleaseName;

use super::compose::SignedBy;
use super::reserved::{
    CHECKSUMS, CHECKSUMS_BUNDLE, CHECKSUMS_OPENPGP, CHECKSUMS_SIGNATURE, INSTRUCTIONS, PUBLIC_KEY,
    TRUSTED_ROOT,
};

/// What the instructions speak about.
pub(super) struct Subject<'a> {
    pub(super) release: &'a ReleaseName,
    pub(super) signer: SignedBy<'a>,
    /// Whether RFC 3161 tokens prove the times.
    pub(super) has_tokens: bool,
    /// What the key signs.
    pub(super) digest: Algorithm,
    /// The OpenPGP key that signed the checksums as well.
    pub(super) openpgp: Option<String>,
    /// What is released, sorted by path, with the bundles that name it.
    pub(super) files: &'a [Named<'a>],
    pub(super) has_sboms: bool,
}

/// A file, and in which bundles it is named.
pub(super) struct Named<'a> {
    pub(super) path: &'a str,
    pub(super) size: u64,
    pub(super) sha256: Digest,
    pub(super) release_bundle: String,
    pub(super) provenance_bundle: String,
}

pub(super) fn write(subject: &Subject<'_>) -> String {
    let mut text = String::new();
    head(&mut text, subject);
    checksums(&mut text, subject);
    // Of a key cosign asks SHA-256, whatever its curve.
    if subject.digest == Algorithm::Sha256 {
        cosign(&mut text, subject);
    }
    tail(&mut text, subject);
    text
}

fn head(text: &mut String, subject: &Subject<'_>) {
    let release = subject.release;
    if let SignedBy::Identity(holder) = subject.signer {
        put(text, format_args!(
"# How to check {release}

It is signed by {}, for whom {} vouched. Whoever can change this folder can change this text and the
trusted root in it: compare who should have signed, and the digest, with what the publisher says elsewhere,
then paste the commands inside this folder. None of them needs the network, or attest.

```sh
sha256sum {TRUSTED_ROOT}
```
", code(&holder.identity), code(&holder.issuer)));
        return;
    }
    put(text, format_args!(
"# How to check {release}

Whoever can change this folder can change this text, the key and the trusted root in it. Compare their
digests with what the publisher says elsewhere, then paste the commands inside this folder. None of
them needs the network, or attest.

```sh
openssl pkey -pubin -in {PUBLIC_KEY} -outform DER | sha256sum
sha256sum {TRUSTED_ROOT}
```
"));
}

fn checksums(text: &mut String, subject: &Subject<'_>) {
    let digest = subject.digest;
    if subject.signer.key().is_none() {
        put(
            text,
            format_args!(
                "
## The files, with coreutils

`{CHECKSUMS}` lists every file of the release; who signed it is checked below.

```sh
sha256sum -c --strict {CHECKSUMS}
```
"
            ),
        );
    } else {
        put(
            text,
            format_args!(
                "
## The files, with coreutils and OpenSSL

The signature is over `{CHECKSUMS}`, which lists every file of the release.

```sh
openssl dgst -{digest} -verify {PUBLIC_KEY} -signature {CHECKSUMS_SIGNATURE} {CHECKSUMS}
sha256sum -c --strict {CHECKSUMS}
```
"
            ),
        );
    }
    put(text, format_args!(
"
What `{CHECKSUMS}` does not list, other than `*.sigstore.json` and `{CHECKSUMS}.*`, was not released.
"));
    let Some(fingerprint) = &subject.openpgp else {
        return;
    };
    put(text, format_args!(
"
`{CHECKSUMS_OPENPGP}` signs the same list by the OpenPGP key `{fingerprint}`. With that key from elsewhere, in a keyring
of its own, since gpg's exit code names no key:

```sh
gpgv --keyring ./publisher.gpg {CHECKSUMS_OPENPGP} {CHECKSUMS}
```
"));
}

fn cosign(text: &mut String, subject: &Subject<'_>) {
    // With a key cosign looks at no token unless it is told to; with a certificate it always does.
    let times = match subject.signer {
        SignedBy::Key(_) if subject.has_tokens => " --use-signed-timestamps",
        _ => "",
    };
    let signer = match subject.signer {
        SignedBy::Key(_) => format!("--key {PUBLIC_KEY}"),
        SignedBy::Identity(holder) => format!(
            "--certificate-identity {} --certificate-oidc-issuer {}",
            quoted(&holder.identity),
            quoted(&holder.issuer)
        ),
    };
    put(text, format_args!(
"
## Signature, log entry and time, with cosign 3

```sh
cosign verify-blob {signer} --trusted-root {TRUSTED_ROOT}{times} \\
  --bundle {CHECKSUMS_BUNDLE} {CHECKSUMS}
```

Which release a file belongs to (`release*.sigstore.json`), and where it comes from as far as that is
known (`provenance*.sigstore.json`):

```sh
"));
    let shown = shown(subject.files);
    for file in &shown {
        let (size, blob) = (file.size, blob(file));
        put(
            text,
            format_args!(
                "cosign verify-blob-attestation {signer} --trusted-root {TRUSTED_ROOT}{times} \\
  --type {RELEASE_TYPE} --bundle {} {blob}
cosign verify-blob-attestation {signer} --trusted-root {TRUSTED_ROOT}{times} \\
  --type slsaprovenance1 --bundle {} {blob}
",
                file.release_bundle, file.provenance_bundle
            ),
        );
        debug_assert!(size <= BLOB_LIMIT || blob.starts_with("--digest"));
    }
    put(text, format_args!("```\n"));
    if shown.iter().any(|file| file.size > BLOB_LIMIT) {
        put(text, format_args!(
"
cosign reads files of up to 128 MiB; for larger ones the command carries the digest that `sha256sum -c`
compared with the file.
"));
    }
    if shown.len() < subject.files.len() {
        other_files(text, subject.files);
    }
}

/// Every part of a large release, with the range of names that it holds.
fn other_files(text: &mut String, files: &[Named<'_>]) {
    put(
        text,
        format_args!(
            "
These are examples. The same commands check the other files, with the bundle that names them:

| bundle | names |
|---|---|
"
        ),
    );
    for bundle in [
        |file: &Named<'_>| file.release_bundle.clone(),
        |file: &Named<'_>| file.provenance_bundle.clone(),
    ] {
        for part in files.chunk_by(|one, next| bundle(one) == bundle(next)) {
            if let (Some(first), Some(last)) = (part.first(), part.last()) {
                put(
                    text,
                    format_args!(
                        "| `{}` | {} to {} |\n",
                        bundle(first),
                        code(first.path),
                        code(last.path)
                    ),
                );
            }
        }
    }
}

fn tail(text: &mut String, subject: &Subject<'_>) {
    if subject.has_sboms {
        put(text, format_args!(
"
`sbom*.sigstore.json` ties the bills of materials to the files; they are listed in `{CHECKSUMS}` too.
"));
    }
    let signer = match subject.signer {
        SignedBy::Key(_) => "The key's holder".to_owned(),
        SignedBy::Identity(holder) => format!(
            "Who could show {} to be {}",
            code(&holder.issuer),
            code(&holder.identity)
        ),
    };
    put(
        text,
        format_args!(
            "
## What this shows, and what not

{signer} signed these files as {} and kept a log entry and a time for each signature. The log
and the clock are those that `{TRUSTED_ROOT}` names. Where they are the publisher's own, nobody else
vouches for them. The build itself was not watched: SLSA build level 0.

This file is `{INSTRUCTIONS}`; it is signed as well.
",
            subject.release
        ),
    );
}

/// All files of a small release; of a large one the first of each part, and a few large files.
fn shown<'a>(files: &'a [Named<'a>]) -> Vec<&'a Named<'a>> {
    if files.len() <= ALL_SHOWN {
        return files.iter().collect();
    }
    let first_of_part = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| files.get(before));
        files.get(at).is_some_and(|file| {
            before.is_none_or(|before| {
                before.release_bundle != file.release_bundle
                    || before.provenance_bundle != file.provenance_bundle
            })
        })
    };
    let mut large = 0;
    let mut shown = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let is_large = file.size > BLOB_LIMIT && large < LARGE_SHOWN;
        if is_large {
            large += 1;
        }
        if is_large || (first_of_part(at) && shown.len() < PARTS_SHOWN) {
            shown.push(file);
        }
    }
    shown
}

/// How cosign is told which file: by name, or by digest where it would not read it.
fn blob(file: &Named<'_>) -> String {
    if file.size > BLOB_LIMIT {
        format!("--digest {} --digestAlg sha256", file.sha256.hex())
    } else {
        quoted(file.path)
    }
}

/// A path as one word of a shell, never taken for a flag.
pub(super) fn quoted(path: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "/._+-=@%,:".contains(character);
    let path = if path.starts_with('-') {
        format!("./{path}")
    } else {
        path.to_owned()
    };
    if !path.is_empty() && path.chars().all(plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// A path as Markdown code, whatever backticks it holds.
fn code(path: &str) -> String {
    let longest = path
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", path.replace('|', "\\|"))
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

const RELEASE_TYPE: &str = attest_provenance::predicate::release::TYPE;
/// cosign refuses larger files.
const BLOB_LIMIT: u64 = 128 << 20;
/// Releases of up to this many files have a command for each.
const ALL_SHOWN: usize = 20;
const PARTS_SHOWN: usize = 20;
const LARGE_SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, wanted) in [
            ("bin/hello", "bin/hello"),
            ("-rf", "./-rf"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a;b", "'a;b'"),
            ("größe", "'größe'"),
            ("~root", "'~root'"),
        ] {
            assert_eq!(quoted(path), wanted);
        }
    }

    #[test]
    fn code_survives_backticks_and_bars() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("a|b"), "`a\\|b`");
    }
}
