//! One function over many items, on all cores.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

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
