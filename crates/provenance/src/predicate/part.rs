//! Our own fields inside release and provenance predicates.

use attest_digest::{Algorithm, Digest, DigestError};
use serde_json::{Value, json};

use crate::json::{FieldError, Object};
use crate::limits;

/// Which part of a release a statement is, and the list of all its files.
///
/// A statement names at most 1,024 files, so that large releases come in parts. Every part carries
/// their count and the digest of `SHA256SUMS`, so that a part that is missing, or that belongs to
/// another making of the release, is noticed.
///
/// ```text
/// {"part":1,"parts":3,"sha256sums":{"sha256":"2cf2…"}}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    number: u32,
    count: u32,
    checksums: Digest,
}

impl Part {
    /// Part `number`, counted from 1, of `count`; `checksums` is the SHA-256 digest of `SHA256SUMS`.
    ///
    /// # Errors
    /// A number outside 1 to `count`, a count above [`limits::PARTS`], or a digest of another
    /// algorithm.
    pub fn new(number: u32, count: u32, checksums: Digest) -> Result<Self, PartError> {
        if number == 0 || number > count || count > limits::PARTS {
            return Err(PartError::Number {
                number: number.into(),
                count: count.into(),
            });
        }
        if checksums.algorithm() != Algorithm::Sha256 {
            return Err(PartError::Algorithm {
                found: checksums.algorithm(),
            });
        }
        Ok(Self {
            number,
            count,
            checksums,
        })
    }

    /// The only part of a release.
    ///
    /// # Errors
    /// A digest of another algorithm than SHA-256.
    pub fn only(checksums: Digest) -> Result<Self, PartError> {
        Self::new(1, 1, checksums)
    }

    /// The number of this part, from 1.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// How many parts there are.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The SHA-256 digest of `SHA256SUMS`.
    pub const fn checksums(&self) -> Digest {
        self.checksums
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "part": self.number,
            "parts": self.count,
            "sha256sums": {"sha256": self.checksums.hex()},
        })
    }

    pub(crate) fn from_object(mut object: Object) -> Result<Self, PartError> {
        let number = object.take_u64("part")?;
        let count = object.take_u64("parts")?;
        let mut checksums = object.take_object("sha256sums")?;
        let digest = Digest::from_hex(Algorithm::Sha256, &checksums.take_string("sha256")?)?;
        checksums.finish()?;
        object.finish()?;
        match (u32::try_from(number), u32::try_from(count)) {
            (Ok(number), Ok(count)) => Self::new(number, count, digest),
            _ => Err(PartError::Number { number, count }),
        }
    }
}

/// Why something does not say which part of a release it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// Not the fields of a part.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The digest of `SHA256SUMS` is malformed.
    #[error("digest of SHA256SUMS is malformed")]
    Digest(#[from] DigestError),
    /// The digest of `SHA256SUMS` is of another algorithm.
    #[error("digest of SHA256SUMS is {found}, wanted sha256")]
    Algorithm {
        /// The algorithm.
        found: Algorithm,
    },
    /// A part that cannot be.
    #[error(
        "part {number} of {count}, wanted 1 to {count}, at most {}",
        limits::PARTS
    )]
    Number {
        /// The number of the part.
        number: u64,
        /// The count of parts.
        count: u64,
    },
}

impl PartError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Field(error) => error.code(),
            Self::Digest(error) => error.code(),
            Self::Algorithm { .. } => "part-checksums-algorithm",
            Self::Number { .. } => "part-number",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_cannot_be_is_refused() {
        let accepted = || json!({"part": 2, "parts": 3, "sha256sums": {"sha256": "00".repeat(32)}});
        let read = |value: Value| Part::from_object(Object::new("attest", value)?);
        assert_eq!(read(accepted()).unwrap().to_json(), accepted());
        for (field, value, code) in [
            ("part", json!(0), "part-number"),
            ("part", json!(4), "part-number"),
            ("part", json!(4_294_967_298_u64), "part-number"),
            ("part", json!("2"), "field-type"),
            ("part", json!(1.5), "field-type"),
            ("part", json!(-1), "field-type"),
            ("parts", json!(0), "part-number"),
            ("parts", json!(1), "part-number"),
            ("parts", json!(limits::PARTS + 1), "part-number"),
            (
                "sha256sums",
                json!({"sha512": "00".repeat(64)}),
                "field-missing",
            ),
            ("sha256sums", json!({"sha256": "00"}), "digest-malformed"),
            (
                "sha256sums",
                json!({"sha256": "00".repeat(32), "sha512": "00".repeat(64)}),
                "field-unknown",
            ),
            ("extra", json!(1), "field-unknown"),
        ] {
            let mut changed = accepted();
            changed[field] = value;
            assert_eq!(
                read(changed.clone()).map_err(|it| it.code()),
                Err(code),
                "{changed}"
            );
        }
        let foreign = Part::only(Digest::Sha512([0; 64]));
        assert_eq!(
            foreign.map_err(|it| it.code()),
            Err("part-checksums-algorithm")
        );
    }
}
