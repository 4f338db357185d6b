//! Measures how many bundles one process verifies each second, and prints a row of a table.
//!
//! ```text
//! cargo run --release -p attest-verify --example rate -- BUNDLE ARTIFACT ROOT IDENTITY ISSUER [SECONDS]
//! ```
//!
//! Each bundle is parsed and verified anew, with the one root that was parsed at the start; on one
//! thread, and on as many as there are cores.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails has no result")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use attest_digest::{Artifact, Hashes};
use attest_verify::{Accept, Bundle, ExpectedSigner, Subject, TrustedRoot, Verifier};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut next = arguments.iter();
    let mut read = || std::fs::read(next.next().unwrap()).unwrap();
    let (bundle, artifact, root) = (read(), read(), read());
    let (identity, issuer) = (next.next().unwrap(), next.next().unwrap());
    let seconds = next.next().map_or(5, |it| it.parse().unwrap());

    let root = TrustedRoot::parse(&root).unwrap();
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let verifier = Verifier::new(vec![root], now, Accept::default()).unwrap();
    let artifact = Artifact::of_bytes(&artifact, Hashes::Sha256);
    let signer = ExpectedSigner::exactly(identity, issuer);
    let once = || {
        let bundle = Bundle::parse(&bundle).unwrap();
        let subject = Subject::Artifact(&artifact);
        verifier.verify(&bundle, &subject, &signer).unwrap();
    };
    once();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("| keyless bundles, one process | per second |");
    println!("|---|---|");
    for threads in [1, cores] {
        let rate = rate(threads, Duration::from_secs(seconds), &once);
        println!("| on {threads} threads of {cores} cores | {rate:.0} |");
    }
}

fn rate(threads: usize, time: Duration, once: &(impl Fn() + Sync)) -> f64 {
    let count = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while start.elapsed() < time {
                    once();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let count = u32::try_from(count.into_inner()).unwrap_or(u32::MAX);
    f64::from(count) / start.elapsed().as_secs_f64()
}
