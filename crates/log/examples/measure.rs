//! Measures the log in files and prints a table: durable appends, opening, growth.
//!
//! ```text
//! cargo run --release -p attest-log --example measure -- FOLDER [ENTRIES]
//! ```
//!
//! FOLDER lies on the disk to be measured and is left behind. ENTRIES is the size of the large log,
//! a million by default.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that fails has no result"
)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attest_digest::Digest;
use attest_log::entry::{Entry, KeyDetails, Verifier};
use attest_log::{CheckpointSigner, Log, LogKey, LogReader, SignerError};
use ed25519_dalek::{Signer as _, SigningKey};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "measured-log".into()));
    let entries = arguments.next().and_then(|it| it.to_str()?.parse().ok());
    let signer = Key::new();
    println!("| log | measured |");
    println!("|---|---|");
    appends(&folder.join("small"), &signer, "to a new log");
    large(&folder.join("large"), &signer, entries.unwrap_or(1_000_000));
    row("peak memory of all this", &peak_memory());
}

/// Durable appends of one entry and of batches of 256, one after the other.
fn appends(home: &Path, signer: &Key, to: &str) {
    let mut log = if home.exists() {
        open(home, signer)
    } else {
        create(home, signer)
    };
    for (batch, rounds) in [(1_u64, 300_u64), (256, 60)] {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let first = log.size();
            let bodies = bodies(first..first + batch);
            let start = Instant::now();
            let appended = log.append(&bodies).unwrap();
            times.push(start.elapsed());
            assert_eq!(appended.len() as u64, batch);
        }
        let middle = median(&mut times);
        let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap();
        row(
            &format!("durable append of {batch} {to}"),
            &format!(
                "{} median, {} mean, {:.0} entries/s",
                milliseconds(middle),
                milliseconds(mean),
                per_second(batch, mean)
            ),
        );
    }
}

fn large(home: &Path, signer: &Key, entries: u64) {
    let mut log = create(home, signer);
    let (start, cpu) = (Instant::now(), cpu_time());
    while log.size() < entries {
        let first = log.size();
        log.append(&bodies(first..entries.min(first + BATCH)))
            .unwrap();
    }
    let (took, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    drop(log);
    row(
        &format!("filling with {entries} entries, {BATCH} at a time"),
        &format!(
            "{:.1} s, {:.0} entries/s, {:.0} per second of CPU",
            took.as_secs_f64(),
            per_second(entries, took),
            per_second(entries, cpu)
        ),
    );

    let mut times: Vec<_> = (0..11)
        .map(|_| timed(|| drop(open(home, signer))))
        .collect();
    row(
        &format!("opening at {entries} entries"),
        &milliseconds(median(&mut times)),
    );
    let mut times: Vec<_> = (0..11)
        .map(|_| {
            timed(|| {
                let mut log = open(home, signer);
                let first = log.size();
                log.append(&bodies(first..first + 1)).unwrap();
            })
        })
        .collect();
    row(
        "opening and one durable append there",
        &milliseconds(median(&mut times)),
    );
    appends(home, signer, &format!("at {entries} entries"));
    growth(home, signer);
    let (start, cpu) = (Instant::now(), cpu_time());
    let report = LogReader::check(&log_folder(home), signer.key()).unwrap();
    assert_eq!(report.findings, []);
    let (took, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    row(
        "check: everything recomputed",
        &format!(
            "{:.1} s, {:.0} entries/s, {:.0} per second of CPU",
            took.as_secs_f64(),
            per_second(report.size, took),
            per_second(report.size, cpu)
        ),
    );
    let state = log_folder(home).join(".state");
    fs::remove_dir_all(&state).unwrap();
    let took = timed(|| drop(open(home, signer)));
    row(
        "opening from the public files alone",
        &format!("{:.1} s", took.as_secs_f64()),
    );
}

fn growth(home: &Path, signer: &Key) {
    let size = open(home, signer).size();
    for (name, part) in [
        ("tiles", "tile"),
        ("checkpoints", "checkpoints"),
        ("private state", ".state"),
    ] {
        let used = usage(&log_folder(home).join(part));
        row(
            &format!("growth: {name}, per entry"),
            &format!(
                "{:.1} bytes, {:.1} on disk, {} files in all",
                per_entry(used.bytes, size),
                per_entry(used.allocated, size),
                used.files
            ),
        );
    }
    row(
        "growth: an entry's own body",
        &format!("{} bytes", bodies(0..1)[0].len()),
    );
}

#[derive(Default)]
struct Usage {
    files: u64,
    bytes: u64,
    allocated: u64,
}

fn usage(folder: &Path) -> Usage {
    let mut used = Usage::default();
    for item in fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let metadata = item.metadata().unwrap();
        used.allocated += metadata.blocks() * 512;
        if metadata.is_dir() {
            let inner = usage(&item.path());
            used.files += inner.files;
            used.bytes += inner.bytes;
            used.allocated += inner.allocated;
        } else {
            used.files += 1;
            used.bytes += metadata.len();
        }
    }
    used
}

/// Bodies as large as those of a P-256 key.
fn bodies(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let body = |number: u64| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let (signature, verifier) = (vec![0x30; 71], Verifier::PublicKey(vec![0x30; 91]));
        let details = KeyDetails::EcdsaP256Sha256;
        Entry::new(Digest::Sha256(digest), signature, details, verifier)
            .unwrap()
            .body()
    };
    numbers.map(body).collect()
}

fn log_folder(home: &Path) -> PathBuf {
    home.join("log")
}

fn create<'s>(home: &Path, signer: &'s Key) -> Log<'s> {
    Log::create(&log_folder(home), &home.join("copy/checkpoint"), signer).unwrap()
}

fn open<'s>(home: &Path, signer: &'s Key) -> Log<'s> {
    Log::open(&log_folder(home), &home.join("copy/checkpoint"), signer).unwrap()
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_entry(bytes: u64, entries: u64) -> f64 {
    bytes as f64 / entries as f64
}

/// User and system time of this process, in steps of 10 ms.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<_> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(10 * ticks)
}

/// `VmHWM` of this process.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |it| it.trim().to_owned())
}

fn row(what: &str, measured: &str) {
    println!("| {what} | {measured} |");
}

struct Key {
    secret: SigningKey,
    key: LogKey,
}

impl Key {
    fn new() -> Self {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let key = LogKey::new("log.example", secret.verifying_key().as_bytes()).unwrap();
        Self { secret, key }
    }
}

impl CheckpointSigner for Key {
    fn key(&self) -> &LogKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        Ok(self.secret.sign(message).to_bytes())
    }
}

/// Entries of one append when filling.
const BATCH: u64 = 8192;
