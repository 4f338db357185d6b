//! What one piece of evidence claims.

use std::path::Path;

use attest_digest::{Algorithm, Digest, Hashes};
use attest_verify::dialect::{self, Claim, Dialect, DialectError, Piece};
use attest_verify::{Bundle, Content, Detached};

use crate::files;

/// The claims of one piece.
#[derive(Debug)]
pub(super) enum Claims {
    /// A bundle, or what was written as one.
    Bundle(Box<Bundle>),
    /// One OpenPGP, minisign or SSH signature.
    Detached(Box<Detached>),
}

impl Claims {
    /// What a piece claims; `beside` is where the certificate of a signature is looked for.
    pub(super) fn of(piece: Piece, beside: Option<&Path>) -> Result<Self, DialectError> {
        let dialect = piece.dialect();
        match piece.into_claim() {
            Claim::Bundle(bundle) => Ok(Self::Bundle(bundle)),
            Claim::Detached(signature) => Ok(Self::Detached(signature)),
            Claim::Signature(signature) => {
                let certificate = beside.and_then(certificate_beside);
                let bundle = dialect::with_certificate(signature, certificate.as_deref())?;
                Ok(Self::Bundle(Box::new(bundle)))
            }
            _ => Err(DialectError::Unsupported { dialect }),
        }
    }

    /// Whether a statement is signed, and not a message.
    pub(super) fn are_a_statement(&self) -> bool {
        match self {
            Self::Bundle(bundle) => matches!(bundle.content(), Content::Envelope(_)),
            Self::Detached(_) => false,
        }
    }

    /// The digest of the file that a message signature says it is over.
    pub(super) fn message_digest(&self) -> Option<Digest> {
        match self {
            Self::Bundle(bundle) => match bundle.content() {
                Content::Message { digest, .. } => *digest,
                Content::Envelope(_) => None,
            },
            Self::Detached(_) => None,
        }
    }

    /// What must be computed of files to compare them with a statement: SHA-384 is given by few, which is told without
    /// reading them. What escapes this look is not computed, and what is not computed is refused.
    pub(super) fn statement_hashes(&self) -> Hashes {
        let Self::Bundle(bundle) = self else {
            return Hashes::Sha256;
        };
        let Content::Envelope(envelope) = bundle.content() else {
            return Hashes::Sha256;
        };
        match std::str::from_utf8(envelope.unverified_payload()) {
            Ok(payload) if payload.contains(Algorithm::Sha384.name()) => Hashes::All,
            _ => Hashes::Sha256AndSha512,
        }
    }

    /// Whether they are of a form that signs a file under its very name (PEP 740).
    pub(super) fn name_the_file(&self) -> bool {
        match self {
            Self::Bundle(bundle) => matches!(
                bundle.dialect(),
                Dialect::PypiProvenance | Dialect::PypiAttestation
            ),
            Self::Detached(_) => false,
        }
    }
}

/// The certificate beside `X.sig`, as cosign writes it: `X.pem`, `X.crt` or `X.cert`.
fn certificate_beside(signature: &Path) -> Option<Vec<u8>> {
    let name = signature.file_name()?.to_str()?.strip_suffix(".sig")?;
    let paths = ["pem", "crt", "cert"].map(|it| signature.with_file_name(format!("{name}.{it}")));
    let found = paths.iter().find(|path| path.is_file())?;
    // What cannot be read is no certificate: the signature is then a key's, or nobody's.
    files::read_limited(found, CERTIFICATES_BYTES).ok()
}

/// A chain of certificates in PEM.
const CERTIFICATES_BYTES: u64 = 256 << 10;
