//! The output of a command: passed through as it comes, the beginning kept.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::{io, thread};

use crate::limits;

/// One stream of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    kept: Vec<u8>,
    bytes: u64,
    open: bool,
    broken: bool,
}

impl Stream {
    /// Its beginning: at most [`limits::STREAM_BYTES`].
    pub fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How many bytes were read of it.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether all of it is kept: it did not grow over the limit, ended with its command, and could be
    /// passed through to its end.
    pub const fn is_whole(&self) -> bool {
        self.bytes == self.kept.len() as u64 && !self.open && !self.broken
    }

    /// Whether something else still held it when its command had ended for
    /// [`limits::STREAM_GRACE_SECONDS`].
    pub const fn was_left_open(&self) -> bool {
        self.open
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = limits::STREAM_BYTES.saturating_sub(self.kept.len());
        self.kept
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// A stream that is being read.
pub(crate) struct Tap {
    stream: Arc<Mutex<Stream>>,
    end: Receiver<()>,
}

impl Tap {
    /// Passes `from` on to `to` on a thread of its own. When nobody takes it any more, `from` is
    /// closed, so that its writer learns of it as it would without us.
    pub(crate) fn open(
        mut from: impl Read + Send + 'static,
        mut to: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let stream = Arc::new(Mutex::new(Stream::default()));
        let shared = Arc::clone(&stream);
        let (sender, end) = mpsc::channel();
        thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || {
                if !pass(&mut from, &mut to, &shared) {
                    lock(&shared).broken = true;
                }
                drop(from);
                // Nobody waits any more: the grace is over.
                let _ = sender.send(());
            })?;
        Ok(Self { stream, end })
    }

    /// What was read until the stream ended, or until then. What comes later is still passed through.
    pub(crate) fn close(&self, until: Instant) -> Stream {
        let left = until.saturating_duration_since(Instant::now());
        let ended = self.end.recv_timeout(left).is_ok();
        let mut stream = lock(&self.stream).clone();
        stream.open = !ended;
        stream
    }
}

fn pass(from: &mut impl Read, to: &mut Box<dyn Write + Send>, stream: &Mutex<Stream>) -> bool {
    let mut buffer = vec![0; BUFFER];
    loop {
        let filled = match from.read(&mut buffer) {
            Ok(0) => return true,
            Ok(filled) => filled,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return false,
        };
        let bytes = buffer.get(..filled).unwrap_or(&buffer);
        lock(stream).take(bytes);
        if to.write_all(bytes).and_then(|()| to.flush()).is_err() {
            return false;
        }
    }
}

fn lock(stream: &Mutex<Stream>) -> std::sync::MutexGuard<'_, Stream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a pipe holds.
const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, shared with the thread that writes it.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn soon() -> Instant {
        Instant::now() + std::time::Duration::from_secs(20)
    }

    #[test]
    fn a_stream_over_the_limit_is_passed_on_whole_and_its_beginning_kept() {
        let bytes: Vec<u8> = (0..limits::STREAM_BYTES + 7)
            .map(|it| u8::try_from(it % 251).unwrap())
            .collect();
        let sink = Sink::default();
        let tap = Tap::open(io::Cursor::new(bytes.clone()), Box::new(sink.clone())).unwrap();
        let stream = tap.close(soon());
        assert_eq!(*sink.0.lock().unwrap(), bytes);
        assert_eq!(stream.kept(), &bytes[..limits::STREAM_BYTES]);
        assert_eq!(stream.bytes(), bytes.len() as u64);
        assert!(!stream.is_whole() && !stream.was_left_open());
    }

    #[test]
    fn a_stream_that_nobody_takes_is_closed_and_not_whole() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let tap = Tap::open(io::repeat(b'a'), Box::new(Closed)).unwrap();
        let stream = tap.close(soon());
        assert!(!stream.is_whole() && !stream.was_left_open());
    }

    #[test]
    fn a_stream_that_stays_open_is_given_up() {
        let (reader, _writer) = io::pipe().unwrap();
        let tap = Tap::open(reader, Box::new(io::sink())).unwrap();
        let stream = tap.close(Instant::now());
        assert!(stream.was_left_open() && !stream.is_whole());
    }

    #[test]
    fn a_short_stream_is_whole() {
        let tap = Tap::open(io::Cursor::new(b"out\n"), Box::new(io::sink())).unwrap();
        let stream = tap.close(soon());
        assert!(stream.is_whole());
        assert_eq!(stream.kept(), b"out\n");
    }
}
