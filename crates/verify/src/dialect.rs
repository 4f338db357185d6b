//! Evidence in the forms in which the field writes it, told apart by content alone.
//!
//! ```text
//! bytes ─► recognise ─► Vec<Piece> ─► Bundle ─► Verifier
//! ```
//!
//! A file holds one piece of evidence or several. What it is, its content decides: never its name,
//! never a flag, and never by trying one reading after another. A file that could be read in two
//! ways, and one of which a part cannot be read, is refused as a whole.

mod bare_key;
mod bytes;
mod cosign;
mod detached;
mod detached_key;
pub(crate) mod draft;
mod envelope;
mod error;
pub mod image;
mod minisign;
mod npm;
mod observed;
mod openpgp;
mod outline;
mod pem;
mod pypi;
mod ssh;

use std::fmt;

pub use cosign::with_certificate;
pub use detached::{Detached, DetachedError};
pub use detached_key::{DetachedKey, DetachedKeyError};
pub use error::DialectError;
pub use observed::Observed;
pub use openpgp::Fingerprint;

use crate::bundle::Bundle;
use crate::limits;
use outline::Document;

/// A form in which evidence is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Sigstore's bundle.
    Bundle,
    /// cosign's bundle before version 3: a signature, a certificate, and a Rekor entry's promise.
    CosignBundle,
    /// The base64 of a signature, as cosign writes it beside the file.
    Signature,
    /// A DSSE envelope that stands alone.
    Envelope,
    /// The attestations of a package, as npm's registry answers with them.
    Npm,
    /// The provenance file of a distribution, as `PyPI` serves it (PEP 740).
    PypiProvenance,
    /// One attestation of a distribution (PEP 740).
    PypiAttestation,
    /// What cosign attached to an image before version 3.
    Image,
    /// An OpenPGP signature.
    OpenPgp,
    /// A minisign signature.
    Minisign,
    /// An SSH signature.
    Ssh,
    /// A JSON Web Signature, such as Notary's.
    Jws,
    /// A COSE signature, such as Notary's.
    Cose,
    /// A PKCS #7 or CMS signature.
    Cms,
    /// An envelope of witness, with certificates and timestamps of its own.
    Witness,
    /// Metadata of in-toto or TUF: `signed` with `signatures`.
    Metablock,
    /// A statement that nobody signed.
    Statement,
    /// cosign's payload about an image, which nobody signed.
    SimpleSigning,
    /// A certificate or key by itself.
    Pem,
}

impl Dialect {
    /// Its name in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "Sigstore bundle",
            Self::CosignBundle => "cosign's older bundle",
            Self::Signature => "detached signature in base64",
            Self::Envelope => "DSSE envelope",
            Self::Npm => "npm attestations",
            Self::PypiProvenance => "PyPI provenance (PEP 740)",
            Self::PypiAttestation => "PyPI attestation (PEP 740)",
            Self::Image => "cosign's older image signature",
            Self::OpenPgp => "OpenPGP signature",
            Self::Minisign => "minisign signature",
            Self::Ssh => "SSH signature",
            Self::Jws => "JSON Web Signature (Notary)",
            Self::Cose => "COSE signature (Notary)",
            Self::Cms => "PKCS #7 or CMS signature",
            Self::Witness => "witness envelope",
            Self::Metablock => "in-toto or TUF metadata",
            Self::Statement => "in-toto statement, unsigned",
            Self::SimpleSigning => "cosign payload, unsigned",
            Self::Pem => "certificate or key",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One piece of evidence of a file, as claimed.
#[derive(Debug, Clone)]
pub struct Piece {
    at: At,
    dialect: Dialect,
    claim: Claim,
}

/// Where in a file a piece stands: on a line, and as which of several, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    line: Option<usize>,
    number: Option<usize>,
}

/// What a piece claims.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Claim {
    /// A bundle, or what was written as one.
    Bundle(Box<Bundle>),
    /// A signature by itself. Whose it is, another file says: see [`with_certificate`].
    Signature(Vec<u8>),
    /// One OpenPGP, minisign or SSH signature.
    Detached(Box<Detached>),
}

impl Piece {
    /// Where it stands.
    pub const fn at(&self) -> At {
        self.at
    }

    /// How it was written.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What it claims.
    pub const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What it claims.
    pub fn into_claim(self) -> Claim {
        self.claim
    }
}

impl At {
    const fn line(line: usize) -> Self {
        Self {
            line: Some(line),
            number: None,
        }
    }

    const fn numbered(self, number: usize) -> Self {
        Self {
            line: self.line,
            number: Some(number),
        }
    }
}

impl fmt::Display for At {
    /// What is put behind the name of a file: nothing, `:3`, `#2` or `:3#2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(number) = self.number {
            write!(f, "#{number}")?;
        }
        Ok(())
    }
}

/// Reads the evidence in a file: at least one piece, all of one dialect.
///
/// # Errors
/// Beyond a limit; of no form that we know, of one that we do not read, or of two; any piece that is
/// malformed.
pub fn recognise(bytes: &[u8]) -> Result<Vec<Piece>, DialectError> {
    if bytes.len() > limits::BUNDLE_BYTES {
        return Err(DialectError::TooLarge {
            found: bytes.len(),
            limit: limits::BUNDLE_BYTES,
        });
    }
    match bytes.trim_ascii().first() {
        Some(b'{') => json(bytes),
        _ if Detached::looks_like(bytes) => detached(bytes),
        _ => text(bytes),
    }
}

/// One document, or one on each line.
fn json(bytes: &[u8]) -> Result<Vec<Piece>, DialectError> {
    let Some(lines) = outline::lines(bytes) else {
        let dialect = of_document(&outline::document(bytes)?)?;
        check_size(dialect, bytes)?;
        return document(dialect, bytes, At::default());
    };
    if lines.len() > limits::EVIDENCE_PIECES {
        return Err(DialectError::TooMany);
    }
    let dialect = one_dialect(&lines)?;
    check_size(dialect, bytes)?;
    let mut pieces: Vec<Piece> = Vec::new();
    for (line, at) in numbered(&lines) {
        pieces.extend(document(dialect, line, at).map_err(|error| error.at(at))?);
    }
    if pieces.len() > limits::EVIDENCE_PIECES {
        return Err(DialectError::TooMany);
    }
    Ok(pieces)
}

fn check_size(dialect: Dialect, bytes: &[u8]) -> Result<(), DialectError> {
    let limit = match dialect {
        Dialect::Bundle => limits::BUNDLE_BYTES,
        _ => limits::EVIDENCE_BYTES,
    };
    if bytes.len() > limit {
        return Err(DialectError::TooLarge {
            found: bytes.len(),
            limit,
        });
    }
    Ok(())
}

fn numbered<'t>(lines: &[&'t [u8]]) -> impl Iterator<Item = (&'t [u8], At)> {
    let lines = lines.iter().enumerate();
    lines.map(|(index, line)| (*line, At::line(index + 1)))
}

/// The form of all lines.
fn one_dialect(lines: &[&[u8]]) -> Result<Dialect, DialectError> {
    let mut values = 0;
    let mut found = None;
    for (line, at) in numbered(lines) {
        let here = outline::document(line).map_err(|error| error.at(at))?;
        values += here.values();
        if values > limits::BUNDLE_VALUES {
            return Err(DialectError::TooManyValues);
        }
        let other = of_document(&here).map_err(|error| error.at(at))?;
        let one = *found.get_or_insert(other);
        if one != other {
            return Err(DialectError::Mixed { one, other }.at(at));
        }
    }
    found.ok_or(DialectError::Unknown)
}

fn document(dialect: Dialect, bytes: &[u8], at: At) -> Result<Vec<Piece>, DialectError> {
    let bundles = match dialect {
        Dialect::Bundle => vec![Bundle::parse(bytes)?],
        Dialect::CosignBundle => vec![cosign::bundle(bytes)?],
        Dialect::Envelope => envelope::bundles(bytes)?,
        Dialect::Npm => npm::bundles(bytes)?,
        Dialect::PypiProvenance => pypi::provenance(bytes)?,
        Dialect::PypiAttestation => vec![pypi::attestation(bytes)?],
        other => return Err(DialectError::Unsupported { dialect: other }),
    };
    let several = bundles.len() > 1;
    let pieces = bundles
        .into_iter()
        .enumerate()
        .map(|(index, bundle)| Piece {
            at: if several { at.numbered(index + 1) } else { at },
            dialect,
            claim: Claim::Bundle(Box::new(bundle)),
        });
    Ok(pieces.collect())
}

/// The one form to which a document's fields belong. Its fields say what it is, and are all read
/// later: this only finds out by whom.
fn of_document(document: &Document<'_>) -> Result<Dialect, DialectError> {
    let mut found: Option<Dialect> = None;
    for (_, dialect) in FIELDS.iter().filter(|(field, _)| document.has(field)) {
        match found {
            Some(one) if one != *dialect => {
                return Err(DialectError::Ambiguous {
                    one,
                    other: *dialect,
                });
            }
            _ => found = Some(*dialect),
        }
    }
    match found {
        Some(dialect) => Ok(dialect),
        // It says what it is, and the bundle's reader says what is wrong with that.
        None if document.has("mediaType") => Ok(Dialect::Bundle),
        None => Err(DialectError::Unknown),
    }
}

/// Fields at the top of a document that belong to one form alone.
const FIELDS: &[(&str, Dialect)] = &[
    ("verificationMaterial", Dialect::Bundle),
    ("messageSignature", Dialect::Bundle),
    ("dsseEnvelope", Dialect::Bundle),
    ("base64Signature", Dialect::CosignBundle),
    ("rekorBundle", Dialect::CosignBundle),
    ("payloadType", Dialect::Envelope),
    ("attestations", Dialect::Npm),
    ("attestation_bundles", Dialect::PypiProvenance),
    ("verification_material", Dialect::PypiAttestation),
    ("protected", Dialect::Jws),
    ("signed", Dialect::Metablock),
    ("predicateType", Dialect::Statement),
    ("critical", Dialect::SimpleSigning),
];

/// Each signature of a file of OpenPGP, minisign or SSH.
fn detached(bytes: &[u8]) -> Result<Vec<Piece>, DialectError> {
    let signatures = Detached::parse(bytes)?;
    let dialect = signatures.dialect();
    let signatures = signatures.split();
    let several = signatures.len() > 1;
    let pieces = signatures.into_iter().enumerate();
    let pieces = pieces.map(|(index, signature)| Piece {
        at: if several {
            At::default().numbered(index + 1)
        } else {
            At::default()
        },
        dialect,
        claim: Claim::Detached(Box::new(signature)),
    });
    Ok(pieces.collect())
}

/// What is not JSON, by what it begins with; else a signature in base64.
fn text(bytes: &[u8]) -> Result<Vec<Piece>, DialectError> {
    let begins = |with: &&(&[u8], Dialect)| bytes.trim_ascii_start().starts_with(with.0);
    if let Some((_, dialect)) = BEGINNINGS.iter().find(begins) {
        return Err(DialectError::Unsupported { dialect: *dialect });
    }
    let signature = cosign::signature(bytes).ok_or(DialectError::Unknown)?;
    Ok(vec![Piece {
        at: At::default(),
        dialect: Dialect::Signature,
        claim: Claim::Signature(signature),
    }])
}

const BEGINNINGS: &[(&[u8], Dialect)] = &[
    (b"-----BEGIN PKCS7-----", Dialect::Cms),
    (b"-----BEGIN CMS-----", Dialect::Cms),
    (b"-----BEGIN ", Dialect::Pem),
    // COSE_Sign1 (RFC 9052 §4.2): tag 18, an array of four.
    (&[0xd2, 0x84], Dialect::Cose),
    // DER: a SEQUENCE whose length takes one or two bytes more.
    (&[0x30, 0x81], Dialect::Cms),
    (&[0x30, 0x82], Dialect::Cms),
    // The base64 of `{"`: a compact JSON Web Signature.
    (b"eyJ", Dialect::Jws),
];
