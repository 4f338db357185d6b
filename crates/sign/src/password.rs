//! Passwords, and the keys that scrypt derives from them, each derived once in a process.

use std::fmt;

use scrypt::Params;
use zeroize::Zeroizing;

/// What protects a private key at rest. Wiped from memory when dropped; never shown.
///
/// The empty password is a password: with it anyone who can read the file has the key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// The password of these bytes.
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self(bytes.into())
    }

    /// The empty password, as cosign has it.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether this is the empty password.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Derived keys, so that the keys of a home, which share one salt, cost one derivation in a process.
///
/// A derivation takes about 180 ms of CPU and 64 MiB. The derived keys are wiped when this is dropped.
#[derive(Default)]
pub struct Unlock {
    derived: Vec<Derived>,
}

struct Derived {
    password: Password,
    salt: [u8; 32],
    cost: Cost,
    key: Zeroizing<[u8; 32]>,
}

impl Unlock {
    /// Nothing derived yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often scrypt ran.
    pub fn derivations(&self) -> usize {
        self.derived.len()
    }

    pub(crate) fn key(
        &mut self,
        password: &Password,
        salt: &[u8; 32],
        cost: Cost,
    ) -> Zeroizing<[u8; 32]> {
        let known = self
            .derived
            .iter()
            .find(|one| one.cost == cost && one.salt == *salt && one.password == *password);
        if let Some(known) = known {
            return known.key.clone();
        }
        let key = derive(password, salt, cost);
        self.derived.push(Derived {
            password: password.clone(),
            salt: *salt,
            cost,
            key: key.clone(),
        });
        key
    }
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlock({} derived)", self.derived.len())
    }
}

/// The cost parameter N of scrypt, always with r = 8 and p = 1: the three that cosign,
/// securesystemslib and go-tuf know. Others are refused before anything is derived, so that a key
/// file cannot ask for more memory than the largest of these needs (128 MiB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// N = 2^15: key files of older tools.
    Legacy,
    /// N = 2^16: what cosign writes, and we.
    Standard,
    /// N = 2^17: OWASP's recommendation.
    Owasp,
}

impl Cost {
    pub(crate) const R: u32 = 8;
    pub(crate) const P: u32 = 1;

    pub(crate) fn from_parameters(n: u64, r: u64, p: u64) -> Option<Self> {
        if r != u64::from(Self::R) || p != u64::from(Self::P) {
            return None;
        }
        [Self::Legacy, Self::Standard, Self::Owasp]
            .into_iter()
            .find(|cost| cost.n() == n)
    }

    pub(crate) const fn n(self) -> u64 {
        1 << self.log_n()
    }

    const fn log_n(self) -> u8 {
        match self {
            Self::Legacy => 15,
            Self::Standard => 16,
            Self::Owasp => 17,
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "the three parameter sets and the length are constants that scrypt accepts"
)]
fn derive(password: &Password, salt: &[u8; 32], cost: Cost) -> Zeroizing<[u8; 32]> {
    let params = Params::new(cost.log_n(), Cost::R, Cost::P).expect("valid parameters");
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(&password.0, salt, &params, key.as_mut()).expect("32 bytes is a valid length");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_outside_the_three_known_sets_are_refused() {
        for (n, r, p) in [
            (16_384, 8, 1),
            (65_537, 8, 1),
            (262_144, 8, 1),
            (1 << 40, 8, 1),
            (65_536, 9, 1),
            (65_536, 8, 2),
            (65_536, 0, 0),
            (0, 8, 1),
        ] {
            assert_eq!(Cost::from_parameters(n, r, p), None, "N={n} r={r} p={p}");
        }
        assert_eq!(Cost::from_parameters(65_536, 8, 1), Some(Cost::Standard));
    }

    #[test]
    fn one_password_and_salt_are_derived_once_and_others_separately() {
        let mut unlock = Unlock::new();
        let password = Password::new(b"one".to_vec());
        let key = unlock.key(&password, &[7; 32], Cost::Legacy);
        assert_eq!(*unlock.key(&password, &[7; 32], Cost::Legacy), *key);
        assert_eq!(unlock.derivations(), 1);
        assert_ne!(
            *unlock.key(&Password::empty(), &[7; 32], Cost::Legacy),
            *key
        );
        assert_ne!(*unlock.key(&password, &[8; 32], Cost::Legacy), *key);
        assert_eq!(unlock.derivations(), 3);
    }

    #[test]
    fn a_password_is_not_printed() {
        let password = Password::new(b"hunter2".to_vec());
        let mut unlock = Unlock::new();
        unlock.key(&password, &[7; 32], Cost::Legacy);
        assert!(!format!("{password:?} {unlock:?}").contains("hunter"));
    }
}
