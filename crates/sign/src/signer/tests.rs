use std::cell::Cell;

use attest_digest::Hashes;
use attest_log::{
    Checkpoint, CheckpointSigner, Hash, SignedCheckpoint,
    merkle::{HashReader, inclusion_proof, leaf_hash, node_hash, root},
};
use attest_verify::{Accept, TrustedRoot};
use jiff::Timestamp;

use super::*;
use crate::{Identity, Password, Unlock, create_identity};

/// A log in memory that counts its batches.
struct MemoryLog<'a> {
    signer: &'a dyn CheckpointSigner,
    leaves: Vec<Hash>,
    batches: usize,
}

impl HashReader for MemoryLog<'_> {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        if level == 0 {
            return Ok(self.leaves[usize::try_from(index).unwrap()]);
        }
        Ok(node_hash(
            &self.node(level - 1, 2 * index)?,
            &self.node(level - 1, 2 * index + 1)?,
        ))
    }
}

impl LogAppender for MemoryLog<'_> {
    fn log_id(&self) -> [u8; 32] {
        self.signer.key().log_id()
    }

    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<Inclusion>, LogAppendError> {
        self.batches += 1;
        let first = self.leaves.len() as u64;
        self.leaves
            .extend(bodies.iter().map(|body| leaf_hash(body)));
        let size = self.leaves.len() as u64;
        let Ok(root) = root(size, self);
        let checkpoint = Checkpoint::new(self.signer.key(), size, root);
        let checkpoint = SignedCheckpoint::sign(checkpoint, self.signer).unwrap();
        Ok((first..size)
            .map(|index| Inclusion {
                index,
                size,
                root,
                hashes: inclusion_proof(size, index, self).unwrap(),
                checkpoint: checkpoint.as_bytes().to_vec(),
            })
            .collect())
    }
}

/// A timestamper that counts what it is asked for.
struct Counting<'a> {
    inner: &'a dyn Timestamper,
    asked: Cell<usize>,
}

impl Timestamper for Counting<'_> {
    fn timestamp(&self, message: &[u8]) -> Result<Vec<u8>, TimestampError> {
        self.asked.set(self.asked.get() + 1);
        self.inner.timestamp(message)
    }
}

struct Broken;

impl Timestamper for Broken {
    fn timestamp(&self, _message: &[u8]) -> Result<Vec<u8>, TimestampError> {
        Err(TimestampError::new("time-unreachable", "no route"))
    }
}

fn now() -> Timestamp {
    "2026-11-21T09:41:07Z".parse().unwrap()
}

fn identity() -> Identity {
    create_identity(None, now(), &mut Unlock::new(), &Password::empty()).unwrap()
}

fn memory_log(identity: &Identity) -> MemoryLog<'_> {
    MemoryLog {
        signer: &identity.checkpoint_key,
        leaves: Vec::new(),
        batches: 0,
    }
}

/// The trust that the identity exports.
fn verifier(identity: &Identity) -> Verifier {
    let root = TrustedRoot::parse(&identity.files.trusted_root).unwrap();
    Verifier::new(vec![root], now(), Accept::default()).unwrap()
}

fn artifact(bytes: &[u8]) -> Artifact {
    Artifact::of_bytes(bytes, Hashes::Sha256)
}

const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"hello","digest":{"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}],"predicateType":"https://example.com/p","predicate":{}}"#;

/// The code of the refusal, and that neither log nor authority was asked.
fn refused(unsigned: &[Unsigned<'_>]) -> &'static str {
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let authority = identity.authority.at(now());
    let counting = Counting {
        inner: &authority,
        asked: Cell::new(0),
    };
    let mut signer = Signer::new(&identity.artifact_key, &counting, &mut log, &verifier);
    let error = signer.sign(unsigned).unwrap_err();
    assert_eq!((counting.asked.get(), log.batches), (0, 0));
    error.code()
}

#[test]
fn bytes_that_are_signed_as_something_else_are_refused() {
    let good = artifact(b"hello");
    for bytes in [
        &b"DSSEv1 "[..],
        &pae(PAYLOAD_TYPE, STATEMENT),
        br#"{"_type":"link","byproducts":{},"command":[]"#,
        br#"{"_type":"layout","expires":"2030-01-01T00:00:00Z""#,
        b"\x31\x49\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03",
    ] {
        let bad = artifact(bytes);
        assert_eq!(
            refused(&[Unsigned::Artifact(&good), Unsigned::Artifact(&bad)]),
            "pae-as-message"
        );
    }
}

#[test]
fn what_is_no_statement_is_not_signed_as_one() {
    for payload in [
        &b""[..],
        b"{}",
        b"hello",
        &STATEMENT[1..],
        &[STATEMENT, b"x"].concat(),
    ] {
        assert_eq!(
            refused(&[Unsigned::Statement(payload)]),
            "statement-malformed"
        );
    }
    let other = String::from_utf8_lossy(STATEMENT).replace("Statement/v1", "Statement/v9");
    assert_eq!(
        refused(&[Unsigned::Statement(other.as_bytes())]),
        "statement-type-unknown"
    );
}

#[test]
fn a_statement_with_more_subjects_than_others_read_is_not_signed() {
    let digest = "0".repeat(64);
    let subjects = |count: usize| {
        let subjects: Vec<String> = (0..count)
            .map(|index| format!(r#"{{"name":"{index}","digest":{{"sha256":"{digest}"}}}}"#))
            .collect();
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{}],"predicateType":"t","predicate":{{}}}}"#,
            subjects.join(",")
        )
    };
    assert_eq!(
        refused(&[Unsigned::Statement(subjects(1025).as_bytes())]),
        "statement-malformed"
    );
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let authority = identity.authority.at(now());
    let mut signer = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier);
    signer
        .sign(&[Unsigned::Statement(subjects(1024).as_bytes())])
        .unwrap();
}

#[test]
fn without_a_timestamp_nothing_is_logged() {
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let mut signer = Signer::new(&identity.artifact_key, &Broken, &mut log, &verifier);
    let error = signer
        .sign(&[Unsigned::Artifact(&artifact(b"hello"))])
        .unwrap_err();
    assert_eq!(error.code(), "time-unreachable");
    assert_eq!(log.batches, 0);
}

#[test]
fn many_are_one_batch_and_nothing_is_none() {
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let authority = identity.authority.at(now());
    let artifacts: Vec<Artifact> = (0..5_u8).map(|byte| artifact(&[byte])).collect();
    let mut unsigned: Vec<Unsigned<'_>> = artifacts.iter().map(Unsigned::Artifact).collect();
    unsigned.push(Unsigned::Statement(STATEMENT));
    let mut signer = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier);
    let made = signer.sign(&unsigned).unwrap();
    assert!(signer.sign(&[]).unwrap().is_empty());
    assert_eq!(log.batches, 1);
    assert_eq!(
        made.iter().map(Signed::log_index).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
}

#[test]
fn the_first_entry_of_a_log_writes_its_zeroes_in_full() {
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let authority = identity.authority.at(now());
    let hello = artifact(b"hello");
    let mut signer = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier);
    let made = signer.sign(&[Unsigned::Artifact(&hello)]).unwrap();
    let json = String::from_utf8(made[0].bundle().to_vec()).unwrap();
    assert!(json.starts_with(r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","#));
    assert_eq!(json.matches(r#""logIndex":"0""#).count(), 2);
    assert!(json.contains(r#""treeSize":"1","hashes":[],"#));
    assert!(json.contains(r#""messageDigest":{"algorithm":"SHA2_256","digest":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}"#));
}

#[test]
fn a_statement_is_carried_byte_for_byte() {
    use base64::Engine as _;
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let authority = identity.authority.at(now());
    let mut signer = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier);
    let made = signer.sign(&[Unsigned::Statement(STATEMENT)]).unwrap();
    let json = String::from_utf8(made[0].bundle().to_vec()).unwrap();
    let payload = base64::engine::general_purpose::STANDARD.encode(STATEMENT);
    assert!(json.contains(&format!(r#""payload":"{payload}""#)));
    assert_eq!(json.matches(r#""sig":"#).count(), 1);
}

/// The code with which the verifier rejects what is made with other parts than its trust names.
fn rejected(
    timestamper: &dyn Timestamper,
    log_of: &Identity,
    identity: &Identity,
    unsigned: Unsigned<'_>,
) -> &'static str {
    let mut log = memory_log(log_of);
    let verifier = verifier(identity);
    let mut signer = Signer::new(&identity.artifact_key, timestamper, &mut log, &verifier);
    match signer.sign(&[unsigned]).unwrap_err() {
        SignError::Rejected {
            position: 0,
            rejection,
        } => rejection.code(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_bundle_that_acquirers_would_refuse_is_not_handed_out() {
    let identity = identity();
    let stranger = self::identity();
    let authority = identity.authority.at(now());
    let hello = artifact(b"hello");
    for unsigned in [Unsigned::Artifact(&hello), Unsigned::Statement(STATEMENT)] {
        assert_eq!(
            rejected(&authority, &stranger, &identity, unsigned),
            "log-unknown"
        );
        let foreign = stranger.authority.at(now());
        assert_eq!(
            rejected(&foreign, &identity, &identity, unsigned),
            "time-unknown"
        );
        let late = identity
            .authority
            .at("2026-11-21T10:41:07Z".parse().unwrap());
        assert_eq!(
            rejected(&late, &identity, &identity, unsigned),
            "time-in-future"
        );
    }
}

#[test]
fn what_is_handed_out_carries_its_evidence() {
    let identity = identity();
    let mut log = memory_log(&identity);
    let verifier = verifier(&identity);
    let authority = identity.authority.at(now());
    let hello = artifact(b"hello");
    let mut signer = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier);
    let made = signer
        .sign(&[Unsigned::Artifact(&hello), Unsigned::Statement(STATEMENT)])
        .unwrap();
    for (index, one) in made.iter().enumerate() {
        let evidence = one.evidence();
        assert_eq!(evidence.signature(), one.signature());
        assert_eq!(evidence.times()[0].time(), now());
        assert_eq!(evidence.logs()[0].index(), index as u64);
        assert_eq!(
            evidence.logs()[0].origin(),
            identity.checkpoint_key.key().origin()
        );
        assert!(evidence.skipped().is_empty(), "{:?}", evidence.skipped());
    }
    assert_eq!(
        made[1].evidence().statement().unwrap().predicate_type(),
        "https://example.com/p"
    );
}
