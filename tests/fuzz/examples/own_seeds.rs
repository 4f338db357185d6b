//! Makes a throw-away identity and bundles by it: the seeds that only our own keys can make. Run it
//! again only when a format changes, for every run makes other keys.
//!
//! ```text
//! cargo run --no-default-features --example own_seeds
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use attest_digest::{Artifact, Hashes};
use attest_log::merkle::{HashReader, inclusion_proof, leaf_hash, node_hash, root};
use attest_log::{Checkpoint, CheckpointSigner, Hash, Inclusion, SignedCheckpoint};
use attest_sign::{
    LogAppendError, LogAppender, Password, Signer, Unlock, Unsigned, create_identity,
};
use attest_verify::{Accept, Bundle, TrustedRoot, Verifier};

fn main() -> Result<(), Box<dyn Error>> {
    let now = attest_fuzz::OWN_TIME.parse()?;
    let identity = create_identity(None, now, &mut Unlock::new(), &Password::empty())?;
    let trusted_root = TrustedRoot::parse(&identity.files.trusted_root)?;
    let verifier = Verifier::new(vec![trusted_root], now, Accept::default())?;
    let mut log = MemoryLog {
        signer: &identity.checkpoint_key,
        leaves: Vec::new(),
    };
    let authority = identity.authority.at(now);
    let mut signer = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier);
    let artifact = |bytes| Artifact::of_bytes(bytes, Hashes::Sha256);
    let (hello, other) = (artifact(attest_fuzz::OWN_ARTIFACT), artifact(b"other"));
    let statement = fs::read(seeds().join("statement/release"))?;
    let signed = signer.sign(&[
        Unsigned::Artifact(&other),
        Unsigned::Artifact(&hello),
        Unsigned::Statement(&statement),
    ])?;
    let [_, message, envelope] = signed.as_slice() else {
        return Err("three were to be signed".into());
    };
    let timestamps = Bundle::parse(message.bundle())?;
    let [timestamp] = timestamps.timestamps() else {
        return Err("one timestamp was to be made".into());
    };
    keep("bundle/own-message", message.bundle())?;
    keep("bundle/own-statement", envelope.bundle())?;
    keep("timestamp/own", timestamp)?;
    keep("trusted_root/own", &identity.files.trusted_root)?;
    keep(
        "key_file/own-public",
        identity.artifact_key.public_pem().as_bytes(),
    )
}

fn seeds() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

fn keep(name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = seeds().join(name);
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    Ok(fs::write(path, bytes)?)
}

/// A log that nobody will need again.
struct MemoryLog<'a> {
    signer: &'a dyn CheckpointSigner,
    leaves: Vec<Hash>,
}

impl HashReader for MemoryLog<'_> {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        if level == 0 {
            return Ok(self.leaves[usize::try_from(index).expect("a small log")]);
        }
        let below = |index| self.node(level - 1, index);
        Ok(node_hash(&below(2 * index)?, &below(2 * index + 1)?))
    }
}

impl LogAppender for MemoryLog<'_> {
    fn log_id(&self) -> [u8; 32] {
        self.signer.key().log_id()
    }

    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<Inclusion>, LogAppendError> {
        let first = self.leaves.len() as u64;
        self.leaves
            .extend(bodies.iter().map(|body| leaf_hash(body)));
        let size = self.leaves.len() as u64;
        let Ok(root) = root(size, self);
        let checkpoint = Checkpoint::new(self.signer.key(), size, root);
        let checkpoint =
            SignedCheckpoint::sign(checkpoint, self.signer).expect("our own key signs");
        let inclusion = |index| Inclusion {
            index,
            size,
            root,
            hashes: inclusion_proof(size, index, self).expect("within the log"),
            checkpoint: checkpoint.as_bytes().to_vec(),
        };
        Ok((first..size).map(inclusion).collect())
    }
}
