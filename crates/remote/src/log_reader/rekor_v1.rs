//! What Rekor v1 answers to readers: its tree heads, proofs and entries.

use attest_log::Hash;
use attest_provenance::json::{self, Limits, Object, Value};
use serde_json::json;

use super::{LogReadError, address};
use crate::http::{Fetch, Said};
use crate::{Patience, limits};

/// A Rekor v1 log behind its address. Its log has one growing tree, and others that ended.
#[derive(Debug)]
pub struct RekorV1(Fetch);

/// A tree head as the log states it beside its checkpoint. Only the checkpoint is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedHead {
    /// The tree.
    pub tree: String,
    /// The signed note.
    pub checkpoint: String,
    /// Trees that ended, oldest first: entries are counted on from one to the next.
    pub ended: Vec<ClaimedHead>,
}

/// An entry as the log hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEntry {
    /// The leaf.
    pub body: Vec<u8>,
    /// The log: SHA-256 of its key.
    pub log_id: [u8; 32],
    /// The place in the whole log, over all its trees.
    pub index: u64,
    /// Seconds since 1970 at which the log says that it took the entry.
    pub integrated_time: u64,
    /// The signed promise.
    pub promise: Vec<u8>,
    /// The place in its tree.
    pub tree_index: u64,
    /// Leaves of the tree that the proof leads to.
    pub tree_size: u64,
    /// Its root.
    pub root: Hash,
    /// The proof, the leaf's sibling first.
    pub hashes: Vec<Hash>,
    /// The signed note of that tree.
    pub checkpoint: String,
}

impl RekorV1 {
    /// The log at this address; nothing is sent yet.
    ///
    /// # Errors
    /// As [`super::TileServer::new`].
    pub fn new(url: &str, patience: Patience) -> Result<Self, LogReadError> {
        Fetch::new(url, patience)
            .map(Self)
            .map_err(|error| address(error, url))
    }

    /// The present tree head.
    ///
    /// # Errors
    /// The log was not heard, or answers something else.
    pub fn head(&self) -> Result<ClaimedHead, LogReadError> {
        let what = "the state of the log";
        let mut object = self.object(what, self.0.get("api/v1/log", &[], ANSWER)?)?;
        // Go writes an empty list as null.
        object.take_null("inactiveShards");
        let ended = object
            .take_optional_objects("inactiveShards", limits::LOG_TREES)
            .map_err(|error| self.malformed(what, error))?;
        let mut head = self.take_head(what, &mut object)?;
        for mut object in ended {
            head.ended.push(self.take_head(what, &mut object)?);
        }
        Ok(head)
    }

    /// The hashes that are to prove that one size of a tree is a prefix of another.
    ///
    /// # Errors
    /// As [`RekorV1::head`].
    pub fn consistency(&self, tree: &str, old: u64, new: u64) -> Result<Vec<Hash>, LogReadError> {
        let what = "a consistency proof";
        let (old, new) = (old.to_string(), new.to_string());
        let query = [
            ("firstSize", old.as_str()),
            ("lastSize", new.as_str()),
            ("treeID", tree),
        ];
        let mut object = self.object(what, self.0.get("api/v1/log/proof", &query, ANSWER)?)?;
        object.take_null("hashes");
        let hashes = object
            .take_optional_array("hashes", limits::LOG_PROOF_HASHES)
            .map_err(|error| self.malformed(what, error))?;
        hashes.iter().map(|it| self.hash(what, it)).collect()
    }

    /// The entry at a place in the whole log; none if there is no such place.
    ///
    /// # Errors
    /// As [`RekorV1::head`].
    pub fn entry(&self, index: u64) -> Result<Option<ClaimedEntry>, LogReadError> {
        let index = index.to_string();
        let said = self
            .0
            .get("api/v1/log/entries", &[("logIndex", &index)], ANSWER)?;
        self.one_entry(said)
    }

    /// The entry with a leaf of this hash; none if the log has none.
    ///
    /// # Errors
    /// As [`RekorV1::head`].
    pub fn entry_of_leaf(&self, leaf: &Hash) -> Result<Option<ClaimedEntry>, LogReadError> {
        let path = format!("api/v1/log/entries/{}", leaf.to_hex());
        let said = self.0.get(&path, &[], ANSWER)?;
        self.one_entry(said)
    }

    /// Entries at these places, at most ten, in the order of their places. Which are missing is for the
    /// caller to see.
    ///
    /// # Errors
    /// As [`RekorV1::head`].
    pub fn entries(&self, places: &[u64]) -> Result<Vec<ClaimedEntry>, LogReadError> {
        self.retrieve(&json!({ "logIndexes": places }))
    }

    /// Entries that the log's index of searches has for an artifact: a help to find them, not a proof that
    /// there are no others. At most [`limits::LOG_FOUND`] are asked for.
    ///
    /// # Errors
    /// As [`RekorV1::head`]; `log-answer-missing` of a log without such an index.
    pub fn search(&self, sha256: &[u8; 32]) -> Result<Vec<ClaimedEntry>, LogReadError> {
        let what = "a search";
        let question = json!({ "hash": format!("sha256:{}", hex::encode(sha256)) });
        let question = question.to_string().into_bytes();
        let said = self.0.post("api/v1/index/retrieve", question, ANSWER)?;
        let names = self.list(what, said, ANSWER)?;
        let mut entries = Vec::new();
        let names: Vec<_> = names.into_iter().take(limits::LOG_FOUND).collect();
        for names in names.chunks(AT_ONCE) {
            entries.extend(self.retrieve(&json!({ "entryUUIDs": names }))?);
        }
        Ok(entries)
    }

    fn retrieve(&self, question: &Value) -> Result<Vec<ClaimedEntry>, LogReadError> {
        let question = question.to_string().into_bytes();
        let path = "api/v1/log/entries/retrieve";
        let said = self.0.post(path, question, ENTRIES)?;
        let mut entries = Vec::new();
        for value in self.list("entries", said, ENTRIES)? {
            entries.extend(self.take_entry(value)?);
        }
        entries.sort_by_key(|it| it.index);
        Ok(entries)
    }

    fn list(&self, what: &str, said: Said, most: usize) -> Result<Vec<Value>, LogReadError> {
        match self.value(what, said, most)? {
            Value::Array(found) => Ok(found),
            _ => Err(self.malformed(what, "not a list")),
        }
    }

    fn one_entry(&self, said: Said) -> Result<Option<ClaimedEntry>, LogReadError> {
        if matches!(said, Said::Nothing) {
            return Ok(None);
        }
        let value = self.value("an entry", said, ANSWER)?;
        self.take_entry(value)
    }

    /// `{"UUID": {"body": …, "verification": {…}}}`
    fn take_entry(&self, value: Value) -> Result<Option<ClaimedEntry>, LogReadError> {
        let what = "an entry";
        let Value::Object(named) = value else {
            return Err(self.malformed(what, "not an object"));
        };
        let mut values = named.into_iter();
        let (Some((_, entry)), None) = (values.next(), values.next()) else {
            return Err(self.malformed(what, "not one entry by its name"));
        };
        self.entry_of(entry).map(Some)
    }

    fn entry_of(&self, value: Value) -> Result<ClaimedEntry, LogReadError> {
        let what = "an entry";
        let wrong = |error: attest_provenance::json::FieldError| self.malformed(what, error);
        let mut entry = Object::new("entry", value).map_err(wrong)?;
        let mut proofs = entry.take_object("verification").map_err(wrong)?;
        let mut proof = proofs.take_object("inclusionProof").map_err(wrong)?;
        proof.take_null("hashes");
        let hashes = proof
            .take_optional_array("hashes", limits::LOG_PROOF_HASHES)
            .map_err(wrong)?;
        let log_id = hex::decode(entry.take_string("logID").map_err(wrong)?).unwrap_or_default();
        let root = proof.take("rootHash").map_err(wrong)?;
        Ok(ClaimedEntry {
            body: entry.take_bytes("body").map_err(wrong)?,
            log_id: log_id
                .try_into()
                .map_err(|_| self.malformed(what, "a logID that is not 32 bytes"))?,
            index: entry.take_u64("logIndex").map_err(wrong)?,
            integrated_time: entry.take_u64("integratedTime").map_err(wrong)?,
            promise: proofs.take_bytes("signedEntryTimestamp").map_err(wrong)?,
            tree_index: proof.take_u64("logIndex").map_err(wrong)?,
            tree_size: proof.take_u64("treeSize").map_err(wrong)?,
            root: self.hash(what, &root)?,
            hashes: hashes
                .iter()
                .map(|it| self.hash(what, it))
                .collect::<Result<_, _>>()?,
            checkpoint: proof.take_text("checkpoint").map_err(wrong)?,
        })
    }

    fn take_head(&self, what: &str, object: &mut Object) -> Result<ClaimedHead, LogReadError> {
        let mut text = |field| {
            object
                .take_text(field)
                .map_err(|error| self.malformed(what, error))
        };
        Ok(ClaimedHead {
            tree: text("treeID")?,
            checkpoint: text("signedTreeHead")?,
            ended: Vec::new(),
        })
    }

    fn object(&self, what: &str, said: Said) -> Result<Object, LogReadError> {
        let value = self.value(what, said, ANSWER)?;
        Object::new("answer", value).map_err(|error| self.malformed(what, error))
    }

    fn value(&self, what: &str, said: Said, most: usize) -> Result<Value, LogReadError> {
        let (host, asked) = (self.0.host().to_owned(), what.to_owned());
        let bytes = match said {
            Said::Yes(bytes) => bytes,
            Said::Nothing => return Err(LogReadError::Missing { host, what: asked }),
            Said::WebPage => return Err(self.malformed(what, "a web page")),
            Said::TooLarge => {
                return Err(LogReadError::TooLarge {
                    host,
                    what: asked,
                    most,
                });
            }
        };
        let limits = Limits {
            bytes: most,
            depth: DEPTH,
        };
        json::parse(&bytes, limits).map_err(|error| self.malformed(what, error))
    }

    fn hash(&self, what: &str, value: &Value) -> Result<Hash, LogReadError> {
        let bytes = value.as_str().and_then(|it| hex::decode(it).ok());
        bytes
            .and_then(|it| Hash::try_from(it.as_slice()).ok())
            .ok_or_else(|| self.malformed(what, "a hash that is not 32 bytes in hexadecimal"))
    }

    fn malformed(&self, what: &str, problem: impl std::fmt::Display) -> LogReadError {
        LogReadError::Malformed {
            host: self.0.host().to_owned(),
            what: what.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// Entries that one question can ask for.
pub(crate) const AT_ONCE: usize = 10;
const ANSWER: usize = limits::LOG_ANSWER_BYTES;
const ENTRIES: usize = AT_ONCE * limits::LOG_ANSWER_BYTES;
const DEPTH: usize = 8;
