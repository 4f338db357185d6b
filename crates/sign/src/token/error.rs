//! Why a token gave no key, or no signature.

use std::path::PathBuf;

use super::uri::TokenUriError;

/// What a token says about the tries that remain (`CKF_USER_PIN_*`). No number: PKCS#11 has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinTries {
    /// No wrong PIN since the last right one, or the token does not say.
    Unsaid,
    /// A wrong PIN was given since the last right one.
    Low,
    /// The next wrong PIN locks it.
    Final,
    /// It is locked.
    Locked,
}

impl PinTries {
    /// From the flags of a token, the worst first.
    pub(super) const fn of_flags(count_low: bool, final_try: bool, locked: bool) -> Self {
        if locked {
            Self::Locked
        } else if final_try {
            Self::Final
        } else if count_low {
            Self::Low
        } else {
            Self::Unsaid
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Unsaid => "it says nothing of tries that remain",
            Self::Low => "it counts wrong tries, and will lock after some more",
            Self::Final => "one try remains before it locks",
            Self::Locked => "it is locked now",
        }
    }
}

/// Why a token is refused, or refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a URI that we follow.
    #[error(transparent)]
    Uri(#[from] TokenUriError),
    /// Nothing names the module.
    #[error("no PKCS#11 module is named")]
    NoModule,
    /// The module cannot be loaded, or is none.
    #[error("PKCS#11 module {}: {problem}", path.display())]
    Module {
        /// Its file.
        path: PathBuf,
        /// What the loader or the module says.
        problem: String,
    },
    /// No token of that name.
    #[error("no token fits {wanted}; present: {}", list(found))]
    NoToken {
        /// The URI.
        wanted: String,
        /// The labels of those present, escaped.
        found: Vec<String>,
    },
    /// Several tokens fit.
    #[error("{} tokens fit {wanted}: {}", found.len(), list(found))]
    SeveralTokens {
        /// The URI.
        wanted: String,
        /// Their labels and serial numbers, escaped.
        found: Vec<String>,
    },
    /// No private key of that name.
    #[error("the token holds no private key that fits {wanted}{}", if *logged_in { "" } else { ", as far as it shows without a PIN" })]
    NoKey {
        /// The URI.
        wanted: String,
        /// Whether a user is logged in: without, a token shows no private keys.
        logged_in: bool,
    },
    /// Several private keys fit.
    #[error("{found} private keys fit {wanted}")]
    SeveralKeys {
        /// How many.
        found: usize,
        /// The URI.
        wanted: String,
    },
    /// The key is of a kind that we do not sign with.
    #[error("the token's key is {found}")]
    Unsupported {
        /// What it is, and why that is no use.
        found: String,
    },
    /// No public half.
    #[error("the token holds neither the public half of the key nor a certificate for it")]
    NoPublicHalf,
    /// Public key and certificate, or two of either, are different keys.
    #[error(
        "what the token holds under the key's id are the public halves of {found} different keys"
    )]
    Inconsistent {
        /// How many.
        found: usize,
    },
    /// The PIN is wrong. It is never tried again.
    #[error("the PIN is wrong; of the token: {}", tries.words())]
    WrongPin {
        /// What the token says afterwards.
        tries: PinTries,
    },
    /// One try remains, and it is left to another program.
    #[error("one PIN try remains before the token locks, and attest does not take it")]
    FinalTry,
    /// Too many wrong PINs.
    #[error("the token is locked after too many wrong PINs")]
    Locked,
    /// It needs a PIN, and none was given.
    #[error("the token wants a PIN")]
    PinRequired,
    /// What it gave is no signature by the key: not handed out.
    #[error("what the token gave does not verify under the public half of its key")]
    WrongSignature,
    /// It did not do what it was asked.
    #[error("the token refused to {what}: {problem}")]
    Failed {
        /// What it was asked.
        what: &'static str,
        /// What it says.
        problem: String,
    },
}

impl TokenError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Uri(error) => error.code(),
            Self::NoModule => "token-module-missing",
            Self::Module { .. } => "token-module-unusable",
            Self::NoToken { .. } => "token-missing",
            Self::SeveralTokens { .. } => "token-ambiguous",
            Self::NoKey { .. } => "token-key-missing",
            Self::SeveralKeys { .. } => "token-key-ambiguous",
            Self::Unsupported { .. } => "key-unsupported",
            Self::NoPublicHalf => "token-key-unreadable",
            Self::Inconsistent { .. } => "token-key-inconsistent",
            Self::WrongPin { .. } => "pin-wrong",
            Self::FinalTry => "pin-final-try",
            Self::Locked => "pin-locked",
            Self::PinRequired => "pin-required",
            Self::WrongSignature => "token-signature-wrong",
            Self::Failed { .. } => "token-failed",
        }
    }

    /// Whether the token failed, rather than the request: then nobody can tell.
    pub const fn could_not_tell(&self) -> bool {
        matches!(self, Self::WrongSignature | Self::Failed { .. })
    }
}

fn list(found: &[String]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    found.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_that_a_token_says_of_its_tries_is_told() {
        let said = |low, last, locked| PinTries::of_flags(low, last, locked);
        assert_eq!(said(false, false, false), PinTries::Unsaid);
        assert_eq!(said(true, false, false), PinTries::Low);
        assert_eq!(said(true, true, false), PinTries::Final);
        assert_eq!(said(true, true, true), PinTries::Locked);
        let told = TokenError::WrongPin {
            tries: PinTries::Final,
        };
        assert!(told.to_string().contains("one try remains"));
    }

    #[test]
    fn what_the_device_did_is_told_from_what_was_asked() {
        let failed = TokenError::Failed {
            what: "sign",
            problem: "device removed".to_owned(),
        };
        assert!(failed.could_not_tell() && TokenError::WrongSignature.could_not_tell());
        for asked in [
            TokenError::Locked,
            TokenError::FinalTry,
            TokenError::NoModule,
        ] {
            assert!(!asked.could_not_tell(), "{}", asked.code());
        }
    }
}
