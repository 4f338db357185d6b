//! What the tests of this crate share.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::{CheckpointSigner, LogKey, SignerError};

/// A checkpoint key that lies in the open.
pub(crate) struct TestSigner {
    secret: SigningKey,
    key: LogKey,
}

impl TestSigner {
    pub(crate) fn new(origin: &str, seed: u8) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let key = LogKey::new(origin, secret.verifying_key().as_bytes()).unwrap();
        Self { secret, key }
    }
}

impl CheckpointSigner for TestSigner {
    fn key(&self) -> &LogKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        Ok(self.secret.sign(message).to_bytes())
    }
}
