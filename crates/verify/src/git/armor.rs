//! How signatures of git objects are armored: the first line says whose they are.

use attest_provenance::base64;

/// Who makes such signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Armor {
    OpenPgp,
    Ssh,
    /// CMS: gitsign, gpgsm, smimesign.
    Cms,
    /// An OpenPGP message, which git takes for a signature.
    Message,
}

/// Whether git takes a line for the beginning of a signature.
pub(super) fn begins(line: &[u8]) -> bool {
    BEGINNINGS.iter().any(|(begin, _)| line.starts_with(begin))
}

/// What a signature is, and the one armored block that it must be.
pub(super) fn of(signature: &[u8]) -> Option<Armor> {
    let begin = |it: &&(&[u8], Armor)| signature.starts_with(it.0);
    BEGINNINGS.iter().find(begin).map(|(_, armor)| *armor)
}

/// How many blocks begin in a text.
pub(super) fn blocks(signature: &[u8]) -> usize {
    let lines = signature.split(|it| *it == b'\n');
    lines
        .filter(|line| line.starts_with(b"-----BEGIN "))
        .count()
}

/// The bytes in the armor of a CMS signature.
pub(super) fn cms(signature: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(signature).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let body = text.strip_prefix(CMS_BEGIN)?.strip_prefix('\n')?;
    let body = body.strip_suffix(CMS_END)?.strip_suffix('\n')?;
    let lines: Vec<&str> = body.split('\n').collect();
    let (last, full) = lines.split_last()?;
    let whole = |line: &&str| line.len() == 64;
    if !full.iter().all(whole) || last.is_empty() || last.len() > 64 {
        return None;
    }
    base64::decode(&lines.concat()).ok()
}

const BEGINNINGS: &[(&[u8], Armor)] = &[
    (b"-----BEGIN PGP SIGNATURE-----", Armor::OpenPgp),
    (b"-----BEGIN PGP MESSAGE-----", Armor::Message),
    (b"-----BEGIN SSH SIGNATURE-----", Armor::Ssh),
    (b"-----BEGIN SIGNED MESSAGE-----", Armor::Cms),
];
const CMS_BEGIN: &str = "-----BEGIN SIGNED MESSAGE-----";
const CMS_END: &str = "-----END SIGNED MESSAGE-----";
