//! Progress for people who wait: on a terminal only, after half a second, and gone at the end.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Counts what was done; safe to step from many threads.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: AtomicUsize,
    /// None where nobody watches.
    started: Option<Instant>,
    /// Milliseconds after the start at which a line was last shown; 0 for never.
    shown: AtomicU64,
}

impl Progress {
    pub(super) fn new(what: &'static str, total: usize, is_watched: bool) -> Self {
        Self {
            what,
            total,
            done: AtomicUsize::new(0),
            started: is_watched.then(Instant::now),
            shown: AtomicU64::new(0),
        }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(started) = self.started else {
            return;
        };
        let now = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.is_due(now) {
            let _ = write!(
                io::stderr(),
                "\r\x1b[K{} {done} of {}",
                self.what,
                self.total
            );
        }
    }

    /// Whether it is time for a line; says so to one thread alone.
    fn is_due(&self, now: u64) -> bool {
        let shown = self.shown.load(Ordering::Relaxed);
        let due = if shown == 0 { FIRST } else { shown + EVERY };
        now >= due
            && self
                .shown
                .compare_exchange(shown, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if *self.shown.get_mut() > 0 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Milliseconds until the first line, and between lines.
const FIRST: u64 = 500;
const EVERY: u64 = 100;

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn nothing_is_shown_before_half_a_second_and_then_not_too_often() {
        let mut progress = Progress::new("reading", 10, false);
        let due: Vec<bool> = [0, 499, 500, 501, 599, 600, 650, 700]
            .map(|now| progress.is_due(now))
            .to_vec();
        assert_eq!(due, [false, false, true, false, false, true, false, true]);
        // Nothing was shown that has to be taken away.
        *progress.shown.get_mut() = 0;
    }
}
