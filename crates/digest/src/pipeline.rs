//! From bytes to digests with constant memory, on one thread or two.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::digest::{Algorithm, Digest};
use crate::hasher::{Hasher, Hashes};
use crate::limits;
use crate::signed_form::{Head, SignedForm};

/// Where bytes come from, and where each piece goes after it was hashed.
pub(crate) trait Flow {
    /// What can go wrong on the way.
    type Error;

    /// Fills the buffer and says how many bytes there were; fewer than asked for are the last.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// Takes the bytes that were hashed, in order.
    fn pass(&mut self, _bytes: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// What reading a flow to its end has shown.
pub(crate) struct Observed {
    pub(crate) size: u64,
    pub(crate) signed_form: Option<SignedForm>,
    pub(crate) sha256: Digest,
    pub(crate) beside: Vec<Digest>,
}

/// Reads a flow to its end. `expected` is its size, if it is known.
pub(crate) fn observe<F: Flow>(
    flow: &mut F,
    expected: Option<u64>,
    hashes: Hashes,
) -> Result<Observed, F::Error> {
    let mut hashing = Hashing::new(hashes);
    let on_one_thread = match expected {
        _ if hashing.beside.is_empty() => u64::MAX,
        Some(size) if size > limits::SECOND_THREAD_ABOVE => 0,
        _ => limits::SECOND_THREAD_ABOVE,
    };
    // A byte more than expected, so that one read shows that there is no more.
    let expected = expected.and_then(|size| usize::try_from(size).ok());
    let buffer = expected.map_or(limits::READ_BUFFER, |size| {
        limits::READ_BUFFER.min(size.saturating_add(1))
    });
    match hashing.on_one_thread(flow, buffer, on_one_thread)? {
        Reached::End => {}
        Reached::Limit => hashing.on_two_threads(flow)?,
    }
    Ok(hashing.finish())
}

enum Reached {
    End,
    Limit,
}

/// A buffer, and how many of its bytes are filled.
type Piece = (Vec<u8>, usize);

/// Digests in the making.
pub(crate) struct Hashing {
    size: u64,
    head: Head,
    sha256: Hasher,
    beside: Vec<Hasher>,
}

impl Hashing {
    pub(crate) fn new(hashes: Hashes) -> Self {
        Self {
            size: 0,
            head: Head::default(),
            sha256: Hasher::new(Algorithm::Sha256),
            beside: hashes
                .beside_sha256()
                .iter()
                .copied()
                .map(Hasher::new)
                .collect(),
        }
    }

    fn on_one_thread<F: Flow>(
        &mut self,
        flow: &mut F,
        buffer: usize,
        limit: u64,
    ) -> Result<Reached, F::Error> {
        let mut buffer = vec![0; buffer];
        while self.size < limit {
            let filled = flow.fill(&mut buffer)?;
            let bytes = buffer.get(..filled).unwrap_or(&buffer);
            self.take(bytes);
            update(&mut self.beside, bytes);
            flow.pass(bytes)?;
            if bytes.len() < buffer.len() {
                return Ok(Reached::End);
            }
        }
        Ok(Reached::Limit)
    }

    /// This thread reads and computes SHA-256, the other computes what is wanted beside.
    ///
    /// A fixed count of buffers goes round: filled and hashed here, hashed there, and back.
    fn on_two_threads<F: Flow>(&mut self, flow: &mut F) -> Result<(), F::Error> {
        let (to_second, from_first) = channel();
        let (to_first, from_second) = channel();
        let mut beside = self.beside.clone();
        thread::scope(|scope| {
            let second = thread::Builder::new().spawn_scoped(scope, move || {
                for (buffer, filled) in from_first {
                    let piece: Piece = (buffer, filled);
                    update(&mut beside, piece.0.get(..filled).unwrap_or(&piece.0));
                    // The reader is gone when it met an error; then nobody wants the buffer.
                    to_first.send(piece).unwrap_or(());
                }
                beside
            });
            let Ok(second) = second else {
                // No thread to be had: slower, but the answer is the same.
                return self
                    .on_one_thread(flow, limits::READ_BUFFER, u64::MAX)
                    .map(|_| ());
            };
            let read = self.feed(flow, &to_second, &from_second);
            drop(to_second);
            match second.join() {
                Ok(beside) => self.beside = beside,
                Err(panic) => resume_unwind(panic),
            }
            read
        })
    }

    /// Reads to the end, and returns early if the other thread has panicked.
    fn feed<F: Flow>(
        &mut self,
        flow: &mut F,
        to_second: &Sender<Piece>,
        from_second: &Receiver<Piece>,
    ) -> Result<(), F::Error> {
        let mut made = 0;
        loop {
            let mut buffer = if made < limits::BUFFERS_IN_FLIGHT {
                made += 1;
                vec![0; limits::READ_BUFFER]
            } else {
                match from_second.recv() {
                    Ok((buffer, _)) => buffer,
                    Err(_) => return Ok(()),
                }
            };
            let filled = flow.fill(&mut buffer)?;
            let bytes = buffer.get(..filled).unwrap_or(&buffer);
            self.take(bytes);
            flow.pass(bytes)?;
            let last = filled < buffer.len();
            if to_second.send((buffer, filled)).is_err() || last {
                return Ok(());
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.head.take(bytes);
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Takes the next bytes, on this thread.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.take(bytes);
        update(&mut self.beside, bytes);
    }

    /// Bytes so far.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn finish(self) -> Observed {
        Observed {
            size: self.size,
            signed_form: self.head.form(),
            sha256: self.sha256.finish(),
            beside: self.beside.into_iter().map(Hasher::finish).collect(),
        }
    }
}

fn update(hashers: &mut [Hasher], bytes: &[u8]) {
    for hasher in hashers {
        hasher.update(bytes);
    }
}
