//! The key that signs artifacts and statements.

use attest_digest::{Algorithm, Artifact, Digest, Hashes};
use attest_verify::{KeyKind, PublicKey};

use crate::crypto::{LibraryRefused, P256};
use crate::key_file::{self, KeyError, KeyFile, KeyKind as FileKind};
use crate::password::{Password, Unlock};
use crate::pem;
use crate::token::{TokenError, TokenKey};

/// A key that signs artifacts and statements: ECDSA P-256 over SHA-256, the pair that every Sigstore
/// client reads, from a file; or whatever of ECDSA and RSA a token holds.
#[derive(Debug)]
pub struct ArtifactKey {
    private: Private,
    public: PublicKey,
}

#[derive(Debug)]
enum Private {
    Pair(P256),
    Token(Box<TokenKey>),
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The cryptographic library failed.
    #[error(transparent)]
    Library(#[from] LibraryRefused),
    /// The token failed, or gave what is no signature.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl SignatureError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Library(refused) => refused.code(),
            Self::Token(error) => error.code(),
        }
    }
}

impl ArtifactKey {
    /// A new key.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, LibraryRefused> {
        Self::new(P256::generate()?)
    }

    /// Opens a key file: cosign's encrypted PEM under both of its labels, PKCS#8 or SEC 1.
    ///
    /// # Errors
    /// `password-wrong`; `key-unsupported` for any other kind of key, naming what was found;
    /// `key-unreadable` for what is not a key file.
    pub fn from_pem(
        file: &[u8],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<Self, KeyError> {
        let key = KeyFile::parse(file)?.open(unlock, password)?;
        Ok(Self::new(key.into_p256()?)?)
    }

    /// The key file that cosign writes and reads: PKCS#8, encrypted under the password.
    ///
    /// # Errors
    /// `key-unsupported` for a key in a token, which stays there; or when the operating system gives
    /// no random bytes.
    pub fn to_pem(
        &self,
        salt: [u8; 32],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<String, KeyError> {
        match &self.private {
            Private::Pair(pair) => key_file::seal(&pair.to_pkcs8()?, salt, unlock, password),
            Private::Token(_) => Err(KeyError::Unsupported {
                found: FileKind::Label("a key in a token".to_owned()),
                wanted: FileKind::P256,
            }),
        }
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The DER `SubjectPublicKeyInfo` of the public half.
    pub fn spki(&self) -> &[u8] {
        self.public.spki()
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`: the key's pin.
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.public.fingerprint()
    }

    /// The public half as PEM.
    pub fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", self.spki())
    }

    /// Whether it is of the kind that in-toto links bear: ECDSA P-256.
    pub fn is_p256(&self) -> bool {
        self.public.kind() == KeyKind::P256
    }

    /// Whether it stays in a token, which may be slow.
    pub const fn is_in_token(&self) -> bool {
        matches!(self.private, Private::Token(_))
    }

    /// The digest that it signs.
    pub const fn digest_algorithm(&self) -> Algorithm {
        self.public.kind().digest_algorithm()
    }

    /// A signature over the digest of the message: a DER `ECDSA-Sig-Value`, or PKCS#1 v1.5.
    ///
    /// # Errors
    /// When the cryptographic library or the token fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.sign_digest(&self.digest_of(message)?)
    }

    /// A signature over a digest that was computed before.
    ///
    /// # Errors
    /// When the digest is not of the key's algorithm, or the cryptographic library or the token
    /// fails.
    pub fn sign_digest(&self, digest: &Digest) -> Result<Vec<u8>, SignatureError> {
        if digest.algorithm() != self.digest_algorithm() {
            return Err(OTHER_DIGEST.into());
        }
        match (&self.private, digest) {
            (Private::Pair(pair), Digest::Sha256(digest)) => Ok(pair.sign_digest(digest)?),
            (Private::Pair(_), _) => Err(OTHER_DIGEST.into()),
            (Private::Token(key), digest) => {
                let signature = key.sign(digest)?;
                if !self.public.verifies_digest(digest, &signature) {
                    return Err(TokenError::WrongSignature.into());
                }
                Ok(signature)
            }
        }
    }

    /// Whether this very key made the signature over the message: to know again what it wrote.
    pub fn made(&self, message: &[u8], signature: &[u8]) -> bool {
        self.digest_of(message)
            .is_ok_and(|digest| self.public.verifies_digest(&digest, signature))
    }

    /// The digest of a message that this key signs.
    pub(crate) fn digest_of(&self, message: &[u8]) -> Result<Digest, LibraryRefused> {
        let algorithm = self.digest_algorithm();
        Artifact::of_bytes(message, Hashes::Sha256.with(algorithm))
            .digest(algorithm)
            .ok_or(OTHER_DIGEST)
    }

    pub(crate) fn in_token(key: TokenKey, public: PublicKey) -> Self {
        Self {
            private: Private::Token(Box::new(key)),
            public,
        }
    }

    fn new(pair: P256) -> Result<Self, LibraryRefused> {
        let public = PublicKey::from_spki(&pair.spki()?).map_err(|_| LibraryRefused {
            what: "encode a P-256 public key",
        })?;
        Ok(Self {
            private: Private::Pair(pair),
            public,
        })
    }
}

const OTHER_DIGEST: LibraryRefused = LibraryRefused {
    what: "sign a digest of another algorithm than the key's",
};
