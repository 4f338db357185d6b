//! Reads files or folders as the command does, to measure time and memory without the rest:
//!
//! ```text
//! cargo run --release -p attest-digest --example observe -- sha256|both PATH…
//! ```

use std::env;
use std::io::{self, Write};
use std::path::Path;

use attest_digest::{Hashes, RelativePath, Root, WalkLimits, hash_all};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let hashes = match arguments.next().as_deref() {
        Some("sha256") => Hashes::Sha256,
        Some("both") => Hashes::Sha256AndSha512,
        _ => return Err("wanted sha256 or both, then paths".into()),
    };
    let mut out = io::stdout().lock();
    for path in arguments {
        let path = Path::new(&path);
        if path.is_dir() {
            let root = Root::open(path)?;
            let tree = root.walk(&WalkLimits::default())?;
            let paths: Vec<&RelativePath> = tree.files().map(|(path, _)| path).collect();
            let read = hash_all(0, &paths, |path| root.read(path, hashes));
            let bytes: u64 = read
                .iter()
                .flatten()
                .map(attest_digest::Artifact::size)
                .sum();
            let failed = read.iter().filter(|it| it.is_err()).count();
            writeln!(out, "{} files, {bytes} bytes, {failed} failed", read.len())?;
        } else {
            let artifact = attest_digest::Artifact::read_path(path, hashes)?;
            writeln!(out, "{}  {}", artifact.sha256().hex(), path.display())?;
        }
    }
    Ok(())
}
