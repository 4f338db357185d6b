//! Keys in tokens: which module, and where the PIN comes from.
//!
//! The module is one that the user named, in the URI or by a variable, and never one that lies about
//! somewhere. The PIN comes from the file or the value that the URI names, else from a variable, else
//! from the terminal or the token's own keypad; it is tried once.

use std::env;
use std::path::{Path, PathBuf};

use attest_sign::{ArtifactKey, Token, TokenError, TokenUri};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files;
use crate::password;

/// Whether a key is named by a URI instead of a file.
pub(crate) fn is_uri(key: &Path) -> bool {
    key.to_str().is_some_and(TokenUri::is_meant)
}

/// What to say about how a key is named, if there is something.
pub(crate) fn caution(key: Option<&Path>) -> Option<&'static str> {
    let uri = TokenUri::parse(key?.to_str()?).ok()?;
    uri.pin_value()?;
    Some(
        "note: the PIN stands in the command line, where every user of this machine can read it; \
         pin-source=file:/… names a file instead",
    )
}

/// The key that a URI names, ready to sign.
///
/// # Errors
/// What a token refuses: exit 2, and 3 when it failed.
pub(crate) fn artifact_key(uri: &Path) -> Result<ArtifactKey, Failure> {
    let uri = uri.to_str().unwrap_or_default();
    find(uri)?.into_key().map_err(|error| refused(&error))
}

/// The token that a URI names, with somebody logged in if it wants that.
///
/// # Errors
/// As [`artifact_key`].
pub(crate) fn find(uri: &str) -> Result<Token, Failure> {
    let uri = TokenUri::parse(uri).map_err(|error| refused(&error.into()))?;
    let token = Token::find(&uri, module()?.as_deref()).map_err(|error| refused(&error))?;
    if token.wants_pin().map_err(|error| refused(&error))? {
        let pin = pin(&uri, &token)?;
        token.login(pin.as_ref()).map_err(|error| refused(&error))?;
    }
    Ok(token)
}

/// The failure that a token's refusal is.
pub(crate) fn refused(error: &TokenError) -> Failure {
    if error.could_not_tell() {
        return Failure::unknown(error.code(), error);
    }
    let failure = Failure::request(error.code(), error);
    match error {
        TokenError::NoModule => failure.hint(
            "name its file: pkcs11:…?module-path=/usr/lib/softhsm/libsofthsm2.so, or ATTEST_PKCS11_MODULE",
        ),
        TokenError::SeveralTokens { .. } => failure.hint("add serial= to the URI"),
        TokenError::SeveralKeys { .. } => {
            failure.hint("add id= to the URI; attest key list pkcs11:… shows the ids")
        }
        TokenError::NoKey { .. } | TokenError::NoToken { .. } => {
            failure.hint("attest key list pkcs11:token=… shows what a token holds")
        }
        TokenError::FinalTry => failure.hint(
            "log in once with the token's own program, which resets the count; then run this again",
        ),
        TokenError::Locked => failure.hint("its security officer can set a new PIN"),
        TokenError::PinRequired => {
            failure.hint("name a file by pin-source=file:/… in the URI, or set ATTEST_PKCS11_PIN")
        }
        _ => failure,
    }
}

/// The module of the environment, where the URI names none.
fn module() -> Result<Option<PathBuf>, Failure> {
    let Some((name, value)) = variable(["ATTEST_PKCS11_MODULE", "COSIGN_PKCS11_MODULE_PATH"])
    else {
        return Ok(None);
    };
    let path = PathBuf::from(value);
    if !path.is_absolute() {
        return Err(Failure::request(
            "token-module-unusable",
            format!("{name} is {}, not an absolute path", path.display()),
        ));
    }
    Ok(Some(path))
}

fn pin(uri: &TokenUri, token: &Token) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    if let Some(path) = uri.pin_source() {
        let read = files::read_limited(path, PIN_BYTES).map(Zeroizing::new);
        let pin = read.map_err(|error| {
            Failure::request("pin-required", format!("{}: {error}", path.display()))
        })?;
        let text = pin.strip_suffix(b"\n").unwrap_or(&pin);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // An empty try is a try.
        if text.is_empty() {
            let message = format!("{} is empty", path.display());
            return Err(Failure::request("pin-required", message));
        }
        return Ok(Some(Zeroizing::new(text.to_vec())));
    }
    if let Some(pin) = uri.pin_value() {
        return Ok(Some(Zeroizing::new(pin.as_bytes().to_vec())));
    }
    if let Some((_, pin)) = variable(["ATTEST_PKCS11_PIN", "COSIGN_PKCS11_PIN"]) {
        return Ok(Some(Zeroizing::new(pin.into_encoded_bytes())));
    }
    if token.has_keypad() {
        return Ok(None);
    }
    let what = format!("PIN of the token {}: ", token.label().escape_debug());
    match password::ask(&what) {
        Ok(pin) => Ok(Some(pin)),
        Err(_) => Err(refused(&TokenError::PinRequired)),
    }
}

/// The first of these variables that is set and not empty.
fn variable(names: [&'static str; 2]) -> Option<(&'static str, std::ffi::OsString)> {
    names.into_iter().find_map(|name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(|value| (name, value))
    })
}

/// PINs have a few characters; PKCS#11 tokens allow at most 255.
const PIN_BYTES: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_on_the_command_line_is_cautioned_against() {
        let said = |key: &str| caution(Some(Path::new(key))).is_some();
        assert!(said("pkcs11:token=a?pin-value=1"));
        assert!(!said("pkcs11:token=a?pin-source=/run/pin"));
        assert!(!said("release.key"));
        assert!(caution(None).is_none());
    }
}
