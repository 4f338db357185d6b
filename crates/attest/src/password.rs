//! Where a password comes from: `--no-password`, the environment, or the terminal.

use std::env;
use std::io::{self, IsTerminal};

use zeroize::Zeroizing;

use crate::failure::Failure;

/// What this run knows about the password before anybody is asked.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// `--no-password`, or a variable that is set but empty.
    Empty,
    /// `ATTEST_PASSWORD`, else cosign's `COSIGN_PASSWORD`.
    Given(Zeroizing<Vec<u8>>),
    /// Nothing is known: ask on the terminal.
    Ask,
}

impl Source {
    /// Reads the flag and the environment, once.
    pub(crate) fn read(no_password: bool) -> Self {
        if no_password {
            return Self::Empty;
        }
        let variable = env::var_os("ATTEST_PASSWORD").or_else(|| env::var_os("COSIGN_PASSWORD"));
        match variable {
            None => Self::Ask,
            Some(value) if value.is_empty() => Self::Empty,
            Some(value) => Self::Given(Zeroizing::new(value.into_encoded_bytes())),
        }
    }

    /// The password of a recovery key is its own: `ATTEST_RECOVERY_PASSWORD`, else the terminal.
    pub(crate) fn recovery() -> Self {
        match env::var_os("ATTEST_RECOVERY_PASSWORD") {
            None => Self::Ask,
            Some(value) if value.is_empty() => Self::Empty,
            Some(value) => Self::Given(Zeroizing::new(value.into_encoded_bytes())),
        }
    }

    /// The password that takes the place of another: `ATTEST_NEW_PASSWORD`, else the terminal.
    pub(crate) fn replacing(no_password: bool) -> Self {
        if no_password {
            return Self::Empty;
        }
        match env::var_os("ATTEST_NEW_PASSWORD") {
            None => Self::Ask,
            Some(value) if value.is_empty() => Self::Empty,
            Some(value) => Self::Given(Zeroizing::new(value.into_encoded_bytes())),
        }
    }

    /// The password for a new key: asked twice on the terminal.
    pub(crate) fn choose(&self, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match self {
            Self::Empty => Ok(Zeroizing::default()),
            Self::Given(password) => Ok(password.clone()),
            Self::Ask => {
                let first = ask(&format!("password for {what} (empty for none): "))?;
                let second = ask("the same again: ")?;
                if *first == *second {
                    return Ok(first);
                }
                Err(Failure::request(
                    "password-differs",
                    "the two passwords differ",
                ))
            }
        }
    }

    /// The password of an existing key that the empty password does not open.
    pub(crate) fn unlock(&self, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match self {
            Self::Given(password) => Ok(password.clone()),
            Self::Ask => ask(&format!("password of {what}: ")),
            Self::Empty => Err(Failure::request(
                "password-wrong",
                format!("{what} is protected by a password, and the empty one was given"),
            )),
        }
    }
}

/// Asks on the terminal.
///
/// # Errors
/// `password-required` where there is none.
pub(crate) fn ask(prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::request(
            "password-required",
            "a password is needed and there is no terminal to ask on",
        )
        .hint("set ATTEST_PASSWORD, or pass --no-password for keys without one"));
    }
    rpassword::prompt_password(prompt)
        .map(|password| Zeroizing::new(password.into_bytes()))
        .map_err(|error| Failure::request("password-required", format!("terminal: {error}")))
}
