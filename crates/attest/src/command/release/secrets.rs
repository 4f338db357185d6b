//! Private keys that were about to be published.

use std::io::Read;

/// The header of the first private key in a small file: PEM of any kind (PKCS#8, SEC1, OpenSSH,
/// cosign, `OpenPGP`) or `PuTTY`.
pub(crate) fn private_key_header(bytes: &[u8]) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').find_map(header_in)
}

/// Reads what is looked through: nothing of a file that is larger than [`LIMIT`].
pub(crate) fn read_small(file: &mut impl Read, size: u64) -> std::io::Result<Option<Vec<u8>>> {
    if size > LIMIT {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn header_in(line: &[u8]) -> Option<String> {
    if line.starts_with(PUTTY) {
        return Some(String::from_utf8_lossy(PUTTY).into_owned());
    }
    let start = find(line, BEGIN)?;
    let rest = line.get(start..)?;
    let label = rest.get(BEGIN.len()..)?;
    let end = find(label, b"-----")?;
    let label = label.get(..end)?;
    find(label, b"PRIVATE KEY")?;
    let header = rest.get(..BEGIN.len() + end + 5)?;
    Some(String::from_utf8_lossy(header).into_owned())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const PUTTY: &[u8] = b"PuTTY-User-Key-File-";

/// Larger files are not looked through: keys are small, and artifacts may be of any size.
pub(crate) const LIMIT: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_of_every_kind_are_found() {
        for label in [
            "PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "ENCRYPTED SIGSTORE PRIVATE KEY",
            "ENCRYPTED COSIGN PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            let text = format!("junk\r\n  -----BEGIN {label}-----\nAAAA\n");
            let header = private_key_header(text.as_bytes()).unwrap();
            assert_eq!(header, format!("-----BEGIN {label}-----"));
        }
        assert!(private_key_header(b"PuTTY-User-Key-File-3: ssh-ed25519\n").is_some());
        let in_json = br#"{"private_key": "-----BEGIN PRIVATE KEY-----\nMIIE"}"#;
        assert!(private_key_header(in_json).is_some());
    }

    #[test]
    fn public_keys_certificates_and_prose_are_not() {
        for text in [
            "-----BEGIN PUBLIC KEY-----\nAAAA\n",
            "-----BEGIN CERTIFICATE-----\n",
            "how to protect a PRIVATE KEY",
            "-----BEGIN ",
            "",
        ] {
            assert_eq!(private_key_header(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_large_file_is_not_looked_through() {
        let mut bytes: &[u8] = b"x";
        assert_eq!(read_small(&mut bytes, LIMIT + 1).unwrap(), None);
        assert_eq!(read_small(&mut bytes, 1).unwrap(), Some(b"x".to_vec()));
    }
}
