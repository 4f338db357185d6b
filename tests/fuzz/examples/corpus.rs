//! Writes the known inputs where `cargo fuzz` looks for them: `corpus/TARGET/`.
//!
//! ```text
//! cargo run --no-default-features --example corpus [FOLDER_WITH_FURTHER_FIXTURES…]
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use attest_digest::{Artifact, Hashes};

fn main() -> std::io::Result<()> {
    let further: Vec<_> = std::env::args_os().skip(1).map(Into::into).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut counts = BTreeMap::new();
    for seed in attest_fuzz::seeds::all(&further) {
        let folder = corpus.join(seed.target);
        fs::create_dir_all(&folder)?;
        // Named by content, as libFuzzer does, so that nothing is there twice.
        let digest = Artifact::of_bytes(&seed.bytes, Hashes::Sha256).sha256();
        fs::write(folder.join(digest.hex()), &seed.bytes)?;
        *counts.entry(seed.target).or_insert(0_usize) += 1;
    }
    for (target, count) in counts {
        println!("{count:6} {target}");
    }
    Ok(())
}
