//! Known inputs: `seeds/` and `regressions/` of this folder, and what the project's fixtures hold.

use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::checksums_algorithm_of_name;
use attest_provenance::base64;
use serde_json::Value;

/// An input that is worth starting from.
pub struct Seed {
    /// The target that reads it.
    pub target: &'static str,
    /// Where it comes from.
    pub source: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// All known inputs. `further` are folders that do not belong to the project, such as a checkout of
/// the Sigstore conformance cases.
pub fn all(further: &[PathBuf]) -> Vec<Seed> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    for (target, _) in crate::TARGETS {
        for kept in ["seeds", "regressions"] {
            for file in files_below(&here.join(kept).join(target)) {
                seeds.push(seed(target, &file, read(&file)));
            }
        }
    }
    seeds.push(Seed {
        target: "bag",
        source: "made here".to_owned(),
        bytes: crate::archive::small_bag(),
    });
    let fixtures = here.join("../../fixtures");
    for folder in further.iter().chain([&fixtures]) {
        for file in files_below(folder) {
            let bytes = read(&file);
            if bytes.len() <= LARGEST {
                seeds.extend(inside(&file, bytes));
            }
        }
    }
    seeds
}

/// What can be fuzzed in a fixture.
fn inside(file: &Path, bytes: Vec<u8>) -> Vec<Seed> {
    let name = file
        .file_name()
        .and_then(|it| it.to_str())
        .unwrap_or_default();
    let mut seeds = Vec::new();
    if checksums_algorithm_of_name(name).is_some() {
        seeds.push(seed("checksums", file, bytes.clone()));
    }
    if name.contains("checkpoint") {
        seeds.push(seed("checkpoint", file, bytes.clone()));
    }
    match name {
        "signature" => seeds.push(seed("detached", file, bytes.clone())),
        "object" => seeds.push(seed("git_object", file, bytes.clone())),
        "key" => seeds.push(seed("detached_key", file, bytes.clone())),
        "report" => seeds.extend(tool_report(file, &bytes)),
        _ => {}
    }
    if attest_sbom::FILE_NAMES.contains(&name) {
        let mut behind = [name.as_bytes(), b"\n", &bytes].concat();
        if let (true, Ok(sums)) = (name == "go.mod", fs::read(file.with_file_name("go.sum"))) {
            behind.push(0);
            behind.extend(sums);
        }
        seeds.push(seed("lock", file, behind));
    }
    if name.starts_with("archive.") {
        seeds.push(seed("container", file, bytes.clone()));
    }
    if name.ends_with(".layout") {
        seeds.push(seed("layout", file, bytes.clone()));
    }
    if name.ends_with(".link") {
        seeds.push(seed("link", file, bytes.clone()));
    }
    if bytes.windows(10).any(|it| it == b"-----BEGIN") {
        seeds.push(seed("key_file", file, bytes.clone()));
        seeds.push(seed("root_parts", file, bytes.clone()));
    }
    if name.contains("sigstore") || attest_verify::dialect::recognise(&bytes).is_ok() {
        seeds.push(seed("dialect", file, bytes.clone()));
    }
    if bytes.first() == Some(&b'{') {
        if let Ok(value) = serde_json::from_slice(&bytes) {
            seeds.extend(inside_json(file, &value, &bytes));
        }
        seeds.push(seed("json", file, bytes));
    }
    seeds
}

/// A report behind the name of its tool, which is that of the folder above its own.
fn tool_report(file: &Path, bytes: &[u8]) -> Option<Seed> {
    let tool = file.parent()?.parent()?.file_name()?.to_str()?;
    let behind = [tool.as_bytes(), b"\n", bytes].concat();
    Some(seed("report", file, behind))
}

/// A statement's predicate behind its type.
fn predicate_of(statement: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(statement).ok()?;
    let kind = value["predicateType"].as_str()?;
    Some(format!("{kind}\n{}", value.get("predicate")?).into_bytes())
}

fn inside_json(file: &Path, value: &Value, bytes: &[u8]) -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |target, bytes: &[u8]| seeds.push(seed(target, file, bytes.to_owned()));
    let media_type = value["mediaType"].as_str().unwrap_or_default();
    if media_type.contains("trustedroot") {
        add("trusted_root", bytes);
    }
    if media_type.contains("bundle") {
        add("bundle", bytes);
    }
    if value.get("_type").is_some() {
        add("statement", bytes);
        predicate_of(bytes).inspect(|it| add("predicate", it));
    }
    if ["manifests", "layers", "critical"]
        .iter()
        .any(|it| value.get(*it).is_some())
    {
        add("image", bytes);
    }
    if value.get("payloadType").is_some() {
        add("envelope", bytes);
    }
    if let Some(envelope) = value.get("dsseEnvelope") {
        add("envelope", envelope.to_string().as_bytes());
        if let Some(payload) = decoded(&envelope["payload"]) {
            add("statement", &payload);
            predicate_of(&payload).inspect(|it| add("predicate", it));
        }
    }
    let material = &value["verificationMaterial"];
    for entry in material["tlogEntries"].as_array().into_iter().flatten() {
        decoded(&entry["canonicalizedBody"]).inspect(|it| add("log_entry", it));
        if let Some(note) = entry["inclusionProof"]["checkpoint"]["envelope"].as_str() {
            add("checkpoint", note.as_bytes());
        }
    }
    let timestamps = &material["timestampVerificationData"]["rfc3161Timestamps"];
    for timestamp in timestamps.as_array().into_iter().flatten() {
        decoded(&timestamp["signedTimestamp"]).inspect(|it| add("timestamp", it));
    }
    seeds
}

fn decoded(text: &Value) -> Option<Vec<u8>> {
    base64::decode(text.as_str()?).ok()
}

fn seed(target: &'static str, file: &Path, bytes: Vec<u8>) -> Seed {
    Seed {
        target,
        source: file.display().to_string(),
        bytes,
    }
}

/// Regular files in a stable order; an absent folder has none.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    paths.sort();
    let below = |path: PathBuf| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    };
    paths
        .into_iter()
        .flat_map(below)
        .filter(|it| it.is_file())
        .collect()
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Larger inputs make fuzzing slow and find nothing more.
const LARGEST: usize = 256 << 10;
