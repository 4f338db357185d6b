//! A log in memory whose signer remembers everything that it signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use crate::store::error::LogError;
use crate::store::layout::Layout;
use crate::store::memory::{Loss, Memory};
use crate::store::reader::LogReader;
use crate::store::writer::{How, Log};
use crate::testing::TestSigner;
use crate::{CheckReport, CheckpointSigner, Hash, LogKey, SignedCheckpoint, SignerError, merkle};

pub(crate) const DIR: &str = "/home/log";
pub(crate) const COPY: &str = "/state/checkpoint";

/// Remembers which roots it signed for each size, over all lives of a log.
pub(crate) struct Witness {
    signer: TestSigner,
    signed: Mutex<BTreeMap<u64, BTreeSet<Hash>>>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        Self {
            signer: TestSigner::new("log.example", 7),
            signed: Mutex::default(),
        }
    }

    /// The same past, for another future.
    pub(crate) fn fork(&self) -> Self {
        let signed = Mutex::new(self.signed.lock().unwrap().clone());
        Self {
            signed,
            ..Self::new()
        }
    }

    /// Sizes for which more than one root was signed.
    pub(crate) fn forks(&self) -> Vec<u64> {
        let signed = self.signed.lock().unwrap();
        signed
            .iter()
            .filter(|(_, roots)| roots.len() > 1)
            .map(|(size, _)| *size)
            .collect()
    }
}

impl CheckpointSigner for Witness {
    fn key(&self) -> &LogKey {
        self.signer.key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        let text = str::from_utf8(message).unwrap();
        let mut lines = text.lines().skip(1);
        let size = lines.next().unwrap().parse().unwrap();
        let root = Hash::from_base64(lines.next().unwrap()).unwrap();
        self.signed
            .lock()
            .unwrap()
            .entry(size)
            .or_default()
            .insert(root);
        self.signer.sign(message)
    }
}

pub(crate) fn entry(number: usize) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

pub(crate) fn entries(numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    numbers.map(entry).collect()
}

/// The checkpoint that a log of these entries signs.
pub(crate) fn checkpoint(witness: &Witness, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tree = merkle::Frontier::new();
    for entry in entries {
        tree.push(merkle::leaf_hash(entry));
    }
    let checkpoint = crate::Checkpoint::new(witness.key(), tree.size(), tree.root());
    let signed = SignedCheckpoint::sign(checkpoint, &witness.signer).unwrap();
    signed.as_bytes().to_owned()
}

pub(crate) fn create<'w>(memory: &Memory, witness: &'w Witness) -> Result<Log<'w>, LogError> {
    Log::create_on(memory.disk(), Path::new(DIR), Path::new(COPY), witness)
}

pub(crate) fn open<'w>(memory: &Memory, witness: &'w Witness) -> Result<Log<'w>, LogError> {
    Log::open_on(
        memory.disk(),
        Path::new(DIR),
        Path::new(COPY),
        witness,
        &How::Normally,
    )
}

pub(crate) fn adopt<'w>(
    memory: &Memory,
    witness: &'w Witness,
    checkpoint: &[u8],
    missing: &[Vec<u8>],
) -> Result<Log<'w>, LogError> {
    let how = How::Adopting {
        checkpoint,
        missing,
    };
    Log::open_on(
        memory.disk(),
        Path::new(DIR),
        Path::new(COPY),
        witness,
        &how,
    )
}

pub(crate) fn reader(memory: &Memory, witness: &Witness) -> Result<LogReader, LogError> {
    LogReader::open_on(Layout::new(memory.disk(), Path::new(DIR)), witness.key())
}

pub(crate) fn check(memory: &Memory, witness: &Witness) -> CheckReport {
    LogReader::check_on(&Layout::new(memory.disk(), Path::new(DIR)), witness.key()).unwrap()
}

/// A log of the entries 0 to `count`, in batches.
pub(crate) fn log_of(count: usize, batch: usize, witness: &Witness) -> Memory {
    let memory = Memory::new();
    let mut log = create(&memory, witness).unwrap();
    for begin in (0..count).step_by(batch) {
        log.append(&entries(begin..count.min(begin + batch)))
            .unwrap();
    }
    drop(log);
    memory.after(Loss::Nothing)
}

#[track_caller]
pub(crate) fn refused<T>(result: Result<T, LogError>, code: &str) -> LogError {
    match result {
        Ok(_) => panic!("accepted, {code} was wanted"),
        Err(error) => {
            assert_eq!(error.code(), code, "{error}");
            error
        }
    }
}

/// Everything that must hold whenever a log can be opened.
#[track_caller]
pub(crate) fn assert_sound(memory: &Memory, witness: &Witness, acknowledged: &[(u64, Vec<u8>)]) {
    let reader = reader(memory, witness).unwrap();
    let report = check(memory, witness);
    assert_eq!(report.findings, []);
    assert_eq!(report.size, reader.size());
    for (index, entry) in acknowledged {
        assert_eq!(reader.entry(*index).unwrap(), *entry, "entry {index}");
    }
    assert_eq!(
        witness.forks(),
        [] as [u64; 0],
        "two checkpoints of one size"
    );
    let copy = memory.files().get(Path::new(COPY)).cloned();
    assert_eq!(copy.as_deref(), Some(reader.checkpoint().as_bytes()));
}

/// Says how much a test did.
#[expect(
    clippy::print_stdout,
    reason = "counts are to be read in the test's output"
)]
pub(crate) fn say(what: &str) {
    println!("{what}");
}
