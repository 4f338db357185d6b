//! What is remembered of policies, so that an older one is not taken for a newer.
//!
//! ```text
//! {"policies":{"prod-promotion":{"serial":7,"sha256":"6ba0…"}},
//!  "successions":{"31f0…":{"serial":2,"sha256":"9c1e…"}},"version":1}
//! ```
//! The second is of recovery keys: how many records of each were seen.

use std::collections::BTreeMap;

use attest_digest::Digest;
use attest_provenance::json::{self, FieldError, JsonError, Object, Value};

use crate::limits;
use crate::succession::{SuccessionError, Successions};

/// The newest policy of each name that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyState {
    policies: BTreeMap<String, (u64, Digest)>,
    /// Of each recovery key, by its fingerprint, how many records it has signed, and the last one.
    successions: BTreeMap<String, (u64, Digest)>,
}

/// How a policy stands to what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// None of that name was seen.
    First,
    /// It is the one that was seen last.
    Same,
    /// It is newer than the one that was seen last.
    Newer {
        /// The serial number of that.
        before: u64,
    },
}

/// Why a state cannot be read, or does not let a policy pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Not JSON.
    #[error("not JSON")]
    Json(#[from] JsonError),
    /// Not the fields of a state.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Of another version, or with a digest that is none.
    #[error("{0}")]
    Malformed(&'static str),
    /// The policy has no serial number.
    #[error("the policy has no serial number: nobody can say whether it is older than another")]
    NoSerial,
    /// The policy is older than one that was seen.
    #[error("{name:?} has the serial number {found}, and {seen} was seen")]
    RolledBack {
        /// The policy's name.
        name: String,
        /// Its serial number.
        found: u64,
        /// That of the one that was seen.
        seen: u64,
    },
    /// Another policy of the same number was seen.
    #[error("{name:?} {serial} has {found}, and was seen with {seen}")]
    Changed {
        /// The policy's name.
        name: String,
        /// The serial number.
        serial: u64,
        /// Its digest.
        found: String,
        /// That of the one that was seen.
        seen: String,
    },
}

impl PolicyState {
    /// Reads a state.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, StateError> {
        let value = json::parse(bytes, SHAPE)?;
        let mut state = Object::new("state", value)?;
        if state.take_u64("version")? != 1 {
            return Err(StateError::Malformed("version is not 1"));
        }
        let policies = numbered("policies", state.take_object("policies")?)?;
        let successions = match state.take_optional_object("successions")? {
            Some(object) => numbered("successions", object)?,
            None => BTreeMap::new(),
        };
        state.finish()?;
        Ok(Self {
            policies,
            successions,
        })
    }

    /// Whether what a recovery key said goes on from what is remembered of it, which it is from now on.
    ///
    /// # Errors
    /// `succession-rolled-back`, `succession-forked`.
    pub fn hear(&mut self, recovery: &[u8; 32], said: &Successions) -> Result<(), SuccessionError> {
        let name = Digest::Sha256(*recovery).hex();
        if let Some((seen, Digest::Sha256(digest))) = self.successions.get(&name) {
            said.follow(*seen, *digest)?;
        }
        if let Some(last) = said.records().last() {
            let last = Digest::Sha256(last.statement);
            self.successions.insert(name, (said.count(), last));
        }
        Ok(())
    }

    /// How a policy stands to what is remembered; a newer one is remembered from now on.
    ///
    /// # Errors
    /// It has no serial number, is older, or is another one of the same number.
    pub fn see(
        &mut self,
        name: &str,
        serial: Option<u64>,
        digest: Digest,
    ) -> Result<Remembered, StateError> {
        let serial = serial.ok_or(StateError::NoSerial)?;
        let remembered = match self.policies.get(name) {
            None => Remembered::First,
            Some((seen, _)) if serial < *seen => {
                return Err(StateError::RolledBack {
                    name: name.to_owned(),
                    found: serial,
                    seen: *seen,
                });
            }
            Some((seen, before)) if serial == *seen => {
                if digest != *before {
                    return Err(StateError::Changed {
                        name: name.to_owned(),
                        serial,
                        found: digest.to_string(),
                        seen: before.to_string(),
                    });
                }
                Remembered::Same
            }
            Some((before, _)) => Remembered::Newer { before: *before },
        };
        self.policies.insert(name.to_owned(), (serial, digest));
        Ok(remembered)
    }

    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        let policy = |(name, (serial, digest)): (&String, &(u64, Digest))| {
            let fields = [
                ("serial", Value::from(*serial)),
                ("sha256", Value::from(digest.hex())),
            ];
            (name.clone(), Value::from_iter(fields))
        };
        let policies: Value = self.policies.iter().map(policy).collect();
        let mut fields = vec![("policies", policies), ("version", Value::from(1))];
        if !self.successions.is_empty() {
            fields.push(("successions", self.successions.iter().map(policy).collect()));
        }
        let state = Value::from_iter(fields);
        let mut bytes = state.to_string().into_bytes();
        bytes.push(b'\n');
        bytes
    }
}

fn numbered(
    at: &'static str,
    object: Object,
) -> Result<BTreeMap<String, (u64, Digest)>, StateError> {
    let mut seen = BTreeMap::new();
    for (name, value) in object.into_rest() {
        let mut one = Object::new(at, value)?;
        let serial = one.take_u64("serial")?;
        let digest = format!("sha256:{}", one.take_string("sha256")?);
        one.finish()?;
        let digest =
            Digest::parse(&digest).map_err(|_| StateError::Malformed("sha256 is no SHA-256"))?;
        seen.insert(name, (serial, digest));
    }
    Ok(seen)
}

const SHAPE: json::Limits = json::Limits {
    bytes: limits::STATE_BYTES,
    depth: 3,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::Sha256([byte; 32])
    }

    #[test]
    fn an_older_policy_is_refused_after_a_newer_one() {
        let mut state = PolicyState::default();
        let mut see = |name, serial, byte| state.see(name, serial, digest(byte));
        assert_eq!(see("a", Some(7), 1).unwrap(), Remembered::First);
        assert_eq!(see("a", Some(7), 1).unwrap(), Remembered::Same);
        assert!(matches!(
            see("a", Some(7), 2),
            Err(StateError::Changed { .. })
        ));
        assert!(matches!(
            see("a", Some(6), 1),
            Err(StateError::RolledBack { .. })
        ));
        assert!(matches!(see("a", None, 1), Err(StateError::NoSerial)));
        assert_eq!(see("b", Some(1), 3).unwrap(), Remembered::First);
        assert_eq!(
            see("a", Some(9), 4).unwrap(),
            Remembered::Newer { before: 7 }
        );
        let again = PolicyState::parse(&state.to_bytes()).unwrap();
        assert_eq!(again, state);
    }

    #[test]
    fn a_state_that_is_none_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"version":2,"policies":{}}"#,
            r#"{"version":1,"policies":{},"x":1}"#,
            r#"{"version":1,"policies":{"a":{"serial":-1,"sha256":"00"}}}"#,
            r#"{"version":1,"policies":{"a":{"serial":1,"sha256":"00"}}}"#,
        ] {
            assert!(PolicyState::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
