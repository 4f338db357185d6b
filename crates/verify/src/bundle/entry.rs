//! Log entries of a bundle, as claimed.

use attest_log::Hash;
use attest_provenance::json::{Object, Value};

use crate::bundle::BundleError;
use crate::limits;

/// An entry of a transparency log, and what is said to prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleEntry {
    index: u64,
    log_id: [u8; 32],
    kind: String,
    version: String,
    integrated_time: Option<u64>,
    promise: Option<Vec<u8>>,
    proof: Option<ClaimedProof>,
    body: Vec<u8>,
}

/// What is said to prove that an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedProof {
    pub(crate) index: u64,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) hashes: Vec<Hash>,
    pub(crate) checkpoint: String,
}

impl BundleEntry {
    /// The place in the log; for a Rekor v1 log across its shards.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The log that it names.
    pub const fn log_id(&self) -> &[u8; 32] {
        &self.log_id
    }

    /// The kind of the body, for example `hashedrekord`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The version of the kind, for example `0.0.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Seconds since 1970 at which a Rekor v1 log says that it took the entry. Nothing but a promise
    /// proves it.
    pub const fn integrated_time(&self) -> Option<u64> {
        self.integrated_time
    }

    /// The log's signed promise to include the entry.
    pub fn promise(&self) -> Option<&[u8]> {
        self.promise.as_deref()
    }

    /// The inclusion proof.
    pub const fn proof(&self) -> Option<&ClaimedProof> {
        self.proof.as_ref()
    }

    /// The leaf of the log, in its canonical form.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads an entry by itself, as it stands in the `tlogEntries` of a bundle.
    ///
    /// # Errors
    /// A field that is absent, unknown or of another type.
    pub fn from_value(value: Value) -> Result<Self, BundleError> {
        Self::from_object(Object::new("", value)?)
    }

    pub(super) fn from_object(mut object: Object) -> Result<Self, BundleError> {
        let at = object.path().to_owned();
        let index = object.take_optional_int64("logIndex")?.unwrap_or(0);
        let mut log_id = object.take_object("logId")?;
        let key_id = log_id.take_bytes("keyId")?;
        log_id.finish()?;
        let mut kind = object.take_object("kindVersion")?;
        let (name, version) = (kind.take_string("kind")?, kind.take_string("version")?);
        kind.finish()?;
        // Zero is how protobuf says that there is none.
        let integrated_time = object
            .take_optional_int64("integratedTime")?
            .filter(|it| *it != 0);
        let promise = match object.take_optional_object("inclusionPromise")? {
            Some(mut promise) => {
                let signed = promise.take_bytes("signedEntryTimestamp")?;
                promise.finish()?;
                Some(signed)
            }
            None => None,
        };
        let proof = object.take_optional_object("inclusionProof")?;
        let proof = proof.map(ClaimedProof::from_object).transpose()?;
        let body = object.take_bytes("canonicalizedBody")?;
        object.finish()?;
        let log_id = key_id
            .as_slice()
            .try_into()
            .map_err(|_| BundleError::problem(&at, "has a logId that is not 32 bytes"))?;
        if body.is_empty() {
            return Err(BundleError::problem(&at, "has an empty canonicalizedBody"));
        }
        Ok(Self {
            index,
            log_id,
            kind: name,
            version,
            integrated_time,
            promise,
            proof,
            body,
        })
    }
}

impl ClaimedProof {
    /// The place in the tree.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Leaves of the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes beside the way from the entry to the root, from below.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The checkpoint, a signed note; empty if there is none.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    fn from_object(mut object: Object) -> Result<Self, BundleError> {
        let at = object.path().to_owned();
        let index = object.take_optional_int64("logIndex")?.unwrap_or(0);
        let size = object.take_optional_int64("treeSize")?.unwrap_or(0);
        let root = hash(&at, &object.take_bytes("rootHash")?)?;
        let hashes = object.take_optional_array("hashes", limits::PROOF_HASHES)?;
        let hashes = hashes
            .into_iter()
            .map(|it| hash_of_value(&at, &it))
            .collect::<Result<_, _>>()?;
        // Absent in some bundles of version 0.1: then there is nothing that the proof leads to.
        let envelope = match object.take_optional_object("checkpoint")? {
            Some(mut checkpoint) => {
                let envelope = checkpoint
                    .take_optional_string("envelope")?
                    .unwrap_or_default();
                checkpoint.finish()?;
                envelope
            }
            None => String::new(),
        };
        object.finish()?;
        Ok(Self {
            index,
            size,
            root,
            hashes,
            checkpoint: envelope,
        })
    }
}

fn hash(at: &str, bytes: &[u8]) -> Result<Hash, BundleError> {
    Hash::try_from(bytes)
        .map_err(|error| BundleError::problem(at, format!("has a malformed hash: {error}")))
}

fn hash_of_value(at: &str, value: &attest_provenance::json::Value) -> Result<Hash, BundleError> {
    let text = value.as_str().unwrap_or_default();
    Hash::from_base64(text)
        .map_err(|error| BundleError::problem(at, format!("has a malformed hash: {error}")))
}
