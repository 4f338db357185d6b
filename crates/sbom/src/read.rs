//! Bills of materials of others, read as they are: `CycloneDX` 1.3 to 1.6 and SPDX 2.3, in JSON.

mod cyclonedx;
mod spdx;

use std::collections::BTreeSet;

use attest_provenance::json::{self, Limits, Value};

use crate::component::Hash;
use crate::limits;
use crate::purl::Parts;

/// A bill of materials, read. What it says is what its maker claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// `CycloneDX 1.6`, `SPDX-2.3`.
    pub format: String,
    /// What it is about, if it says so.
    pub root: Option<Item>,
    /// What it names, the root left out.
    pub items: Vec<Item>,
    /// What it says of itself: `author`, `timestamp`, `tool`, `context`.
    pub says: BTreeSet<&'static str>,
}

/// A component as a bill has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// What the bill calls it.
    pub reference: String,
    /// Its name with its namespace, as written.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL, as written.
    pub purl: Option<String>,
    /// Its hashes, and those of the files that it is handed out as.
    pub hashes: BTreeSet<Hash>,
    /// What it says of it: `supplier`, `manufacturer`, `publisher`, `maker`, `name`, `version`, `purl`,
    /// `cpe`, `swid`, `omnibor`, `hash`, `licence`, `relationship`.
    pub says: BTreeSet<&'static str>,
    /// Where evidence of its making is said to be.
    pub claim: Option<Claim>,
}

/// What a bill says of the provenance of a component, without proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A reference to an attestation, with its address.
    Reference(String),
}

impl Item {
    /// The name and version, to be shown.
    pub fn shown(&self) -> String {
        crate::lock::shown(&self.name, self.version.as_deref())
    }

    /// Which package it is, if its package URL can be read.
    pub fn parts(&self) -> Option<Parts> {
        self.purl.as_deref().and_then(Parts::parse)
    }
}

/// Why bytes are no bill of materials that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadingError {
    /// Not JSON of one meaning, or a field is not what its format says.
    #[error("{problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
    /// A version that is not read.
    #[error("it is {found}, and CycloneDX 1.3 to 1.6 and SPDX 2.3 are read")]
    Version {
        /// The version.
        found: String,
    },
    /// Neither `CycloneDX` nor SPDX in JSON.
    #[error("it is neither CycloneDX nor SPDX in JSON")]
    Unknown,
}

impl ReadingError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "sbom-malformed",
            Self::Version { .. } => "sbom-version-unknown",
            Self::Unknown => "sbom-unknown",
        }
    }

    fn at(place: &str, problem: &str) -> Self {
        Self::Malformed {
            problem: format!("{place} is {problem}"),
        }
    }
}

impl Reading {
    /// Reads the bytes and changes nothing in them.
    ///
    /// # Errors
    /// [`ReadingError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadingError> {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(ReadingError::Unknown);
        }
        let bounds = Limits {
            bytes: limits::SBOM_BYTES,
            depth: limits::SBOM_DEPTH,
        };
        let document = json::parse_within(bytes, bounds, limits::SBOM_MEMORY);
        let document = document.map_err(|error| ReadingError::Malformed {
            problem: error.to_string(),
        })?;
        let text = |key: &str| document.get(key).and_then(Value::as_str);
        let reading = match (text("bomFormat"), text("spdxVersion")) {
            (Some("CycloneDX"), None) => cyclonedx::read(&document)?,
            (None, Some(version)) => spdx::read(&document, version)?,
            _ => return Err(ReadingError::Unknown),
        };
        if reading.items.len() > limits::SBOM_COMPONENTS {
            return Err(ReadingError::Malformed {
                problem: format!("it has more than {} components", limits::SBOM_COMPONENTS),
            });
        }
        Ok(reading)
    }

    /// The root and all others.
    pub fn all(&self) -> impl Iterator<Item = &Item> {
        self.root.iter().chain(&self.items)
    }
}

/// A text that says something.
fn said<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    let text = value.get(key)?.as_str()?.trim();
    (!matches!(text, "" | "NOASSERTION" | "NONE")).then_some(text)
}

/// The list under a key: none if it is absent, refused if it is something else.
fn list<'v>(value: &'v Value, key: &str, place: &str) -> Result<&'v [Value], ReadingError> {
    match value.get(key) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(ReadingError::at(&format!("{place}{key}"), "not a list")),
    }
}

/// A hash by its algorithm's name in either format.
fn hash(algorithm: &str, value: &str, place: &str) -> Result<Hash, ReadingError> {
    let is_hex = value.len() >= 8 && value.bytes().all(|it| it.is_ascii_hexdigit());
    let plain: String = algorithm
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let plain = plain.to_ascii_lowercase();
    let wanted = match plain.as_str() {
        "md5" => Some(32),
        "sha1" => Some(40),
        "sha256" => Some(64),
        "sha384" => Some(96),
        "sha512" => Some(128),
        _ => None,
    };
    if !is_hex || wanted.is_some_and(|it| it != value.len()) {
        return Err(ReadingError::at(
            place,
            "a hash that its algorithm cannot have",
        ));
    }
    Ok(Hash::new(&plain, value.to_ascii_lowercase()))
}
