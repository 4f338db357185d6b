//! What one piece of evidence claims.

use std::path::Path;

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
