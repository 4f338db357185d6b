//! One function over many items, or over a stream of them, on all cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::limits;

/// Calls `f` on every item, on `jobs` threads (0: one for each core), and returns the results in the
/// order of the items.
///
/// Nothing is queued: memory beside the results is that of `jobs` calls.
///
/// ```
/// assert_eq!(attest_digest::hash_all(0, &[1, 2, 3], |it| it * 2), [2, 4, 6]);
/// ```
pub fn hash_all<T, R, F>(jobs: usize, items: &[T], f: F) -> Vec<R>
where
    T: Sync,
    R: Send,
    F: Fn(&T) -> R + Sync,
{
    let jobs = match jobs {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        _ => jobs,
    };
    let helpers = jobs.min(items.len()).saturating_sub(1);
    if helpers == 0 {
        return items.iter().map(f).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, f(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        // A thread that cannot be had is one fewer; this one works in any case.
        let helpers: Vec<_> = (0..helpers)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for helper in helpers {
            match helper.join() {
                Ok(more) => done.extend(more),
                Err(panic) => resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Takes items from `produce` until there is none, calls `work` on each on all cores while more are
/// produced, and gives the results to `consume` in the order of the items.
///
/// At most [`limits::IN_FLIGHT`] items are between `produce` and `consume`, however slow one of them is.
///
/// ```
/// let mut items = [1, 2, 3].into_iter();
/// let mut sums = Vec::new();
/// attest_digest::pipeline(|| Ok::<_, ()>(items.next()), |it| it * 2, |it| Ok(sums.push(it)))?;
/// assert_eq!(sums, [2, 4, 6]);
/// # Ok::<(), ()>(())
/// ```
///
/// # Errors
/// The first error of `produce` or `consume`, which ends everything.
pub fn pipeline<T, R, E>(
    mut produce: impl FnMut() -> Result<Option<T>, E>,
    work: impl Fn(T) -> R + Sync,
    mut consume: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Send,
    R: Send,
{
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = workers.min(limits::IN_FLIGHT / 8);
    let batch = (limits::IN_FLIGHT / (3 * (workers + 1))).max(1);
    let (to_workers, jobs) = sync_channel::<(usize, Vec<T>)>(workers);
    let (to_us, results) = channel();
    let jobs = Mutex::new(jobs);
    let run = |to_us: std::sync::mpsc::Sender<(usize, Vec<R>)>| {
        while let Some((index, items)) = next_of(&jobs) {
            let done = items.into_iter().map(&work).collect();
            if to_us.send((index, done)).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let started = (0..workers)
            .map_while(|_| {
                let to_us = to_us.clone();
                let worker = thread::Builder::new().spawn_scoped(scope, || run(to_us));
                worker.ok()
            })
            .count();
        drop(to_us);
        let mut order = InOrder::default();
        let mut sent = 0;
        loop {
            let mut items = Vec::with_capacity(batch);
            while items.len() < batch
                && let Some(item) = produce()?
            {
                items.push(item);
            }
            if items.is_empty() {
                break;
            }
            if started == 0 {
                for item in items {
                    consume(work(item))?;
                }
                continue;
            }
            // Those that are done make room; one that is slow holds back everything.
            while sent - order.next > 2 * workers {
                let Ok(done) = results.recv() else { break };
                order.take(done, &mut consume)?;
            }
            if to_workers.send((sent, items)).is_err() {
                break;
            }
            sent += 1;
            while let Ok(done) = results.try_recv() {
                order.take(done, &mut consume)?;
            }
        }
        drop(to_workers);
        results
            .iter()
            .try_for_each(|done| order.take(done, &mut consume))
    })
}

fn next_of<T>(jobs: &Mutex<Receiver<T>>) -> Option<T> {
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    jobs.recv().ok()
}

/// Results that came before their turn.
struct InOrder<R> {
    next: usize,
    early: BTreeMap<usize, Vec<R>>,
}

impl<R> Default for InOrder<R> {
    fn default() -> Self {
        Self {
            next: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<R> InOrder<R> {
    fn take<E>(
        &mut self,
        (index, results): (usize, Vec<R>),
        consume: &mut impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), E> {
        self.early.insert(index, results);
        while let Some(results) = self.early.remove(&self.next) {
            self.next += 1;
            results.into_iter().try_for_each(&mut *consume)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_and_an_error_ends_it() {
        let mut items = 0..10_000_usize;
        let mut seen = Vec::new();
        let work = |it: usize| {
            if it.is_multiple_of(1000) {
                thread::sleep(std::time::Duration::from_millis(2));
            }
            it
        };
        pipeline(
            || Ok::<_, ()>(items.next()),
            work,
            |it| {
                seen.push(it);
                Ok(())
            },
        )
        .unwrap();
        assert!(seen.iter().copied().eq(0..10_000));

        let mut items = 0..10_000_usize;
        let refused = pipeline(
            || Ok(items.next()),
            work,
            |it| if it == 5000 { Err(it) } else { Ok(()) },
        );
        assert_eq!(refused, Err(5000));
        let mut left = 3;
        let failing = || {
            left -= 1;
            if left == 0 {
                Err("no more")
            } else {
                Ok(Some(left))
            }
        };
        assert_eq!(pipeline(failing, |it| it, |_| Ok(())), Err("no more"));
    }
}
