//! Addresses of packages: what of them may be published.

use crate::error::LockError;

/// The address without its query and fragment, which may hold a token; refused if it carries a user's name
/// or password: a bill of materials is signed, published and kept for decades.
pub(super) fn without_secret(address: &str, line: Option<usize>) -> Result<&str, LockError> {
    let place = address.split(['?', '#']).next().unwrap_or(address);
    let user = match place.split_once("://") {
        Some((_, rest)) => rest.split('/').next().and_then(|it| it.rsplit_once('@')),
        // git's short form, `user@host:path`; nothing that begins with a scheme has a user there.
        None => place.split('/').next().and_then(|it| it.split_once('@')),
    };
    match user {
        None | Some(("git", _)) => Ok(place),
        Some((_, host)) => Err(LockError::new(
            "lock-secret",
            line,
            format_args!("the address at {host} holds a user name or password"),
        )),
    }
}

/// `git+https://host/path?query#commit` as its place, `git+https://host/path@commit`.
pub(super) fn git_place(address: &str, line: Option<usize>) -> Result<String, LockError> {
    let (before, commit) = address
        .rsplit_once('#')
        .ok_or_else(|| LockError::malformed(line, "a git address names no commit"))?;
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(is_lower_hex) {
        let problem = "a commit is not 40 or 64 lower-case hexadecimal digits";
        return Err(LockError::malformed(line, problem));
    }
    let place = without_secret(before.split('?').next().unwrap_or(before), line)?;
    let prefix = if place.starts_with("git+") {
        ""
    } else {
        "git+"
    };
    Ok(format!("{prefix}{place}@{commit}"))
}

pub(super) const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_door_is_never_copied() {
        for text in [
            "https://user:password@host/x.tgz",
            "https://token@host/x.tgz",
            "git+https://x@host/a",
            "git+ssh://git:secret@host/a",
            "user:token@host:a/b",
        ] {
            assert_eq!(
                without_secret(text, None).unwrap_err().code(),
                "lock-secret",
                "{text}"
            );
        }
        for text in [
            "https://host/@scope/x.tgz",
            "git+ssh://git@host/a",
            "file:../x",
            "git@host:a/b",
        ] {
            assert_eq!(without_secret(text, None).unwrap(), text);
        }
        for text in [
            "https://host/x.tgz?access_token=SECRET",
            "https://host/x.tgz#token=SECRET",
            "https://host/x.tgz?a@b",
        ] {
            assert_eq!(without_secret(text, None).unwrap(), "https://host/x.tgz");
        }
    }

    #[test]
    fn a_git_place_names_its_commit() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let address = format!("git+https://host/a?branch=x#{commit}");
        assert_eq!(
            git_place(&address, None).unwrap(),
            format!("git+https://host/a@{commit}")
        );
        for text in [
            "git+https://host/a",
            "git+https://host/a#main",
            "git+https://host/a#0123456789ABCDEF0123456789abcdef01234567",
        ] {
            assert_eq!(git_place(text, None).unwrap_err().code(), "lock-malformed");
        }
    }
}
