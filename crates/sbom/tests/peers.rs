//! What package managers themselves say of the same lock files: the same packages, hashes and edges.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lock_files::{bill, text};

#[test]
fn npm_finds_the_same_in_its_lock_file() {
    let theirs = serde_json::from_str(&text("npm/npm-sbom.cdx.json")).unwrap();
    let ours = bill("npm/package-lock.json");
    let (ours, theirs) = (Graph::of(&ours), Graph::of(&theirs));
    assert_eq!(ours.hashes, theirs.hashes);
    assert_eq!(ours.edges, theirs.edges);
    assert!(ours.edges.len() > 100, "{}", ours.edges.len());
}

#[test]
fn uv_finds_the_same_in_its_lock_file() {
    let theirs = serde_json::from_str(&text("uv/uv-export.cdx.json")).unwrap();
    let ours = bill("uv/uv.lock");
    let (ours, theirs) = (Graph::of(&ours), Graph::of(&theirs));
    assert_eq!(ours.hashes, theirs.hashes);
    assert_eq!(ours.edges, theirs.edges);
    assert!(ours.edges.len() > 10, "{}", ours.edges.len());
}

/// Packages by name and version.
struct Graph {
    hashes: BTreeMap<String, BTreeSet<String>>,
    edges: BTreeSet<(String, String)>,
}

impl Graph {
    fn of(bill: &Value) -> Self {
        let root = &bill["metadata"]["component"];
        let all = bill["components"].as_array().unwrap();
        let mut names = BTreeMap::new();
        let mut hashes = BTreeMap::new();
        for component in all.iter().chain([root]) {
            let name = if std::ptr::eq(component, root) {
                "root".to_owned()
            } else {
                name(component)
            };
            names.insert(component["bom-ref"].as_str().unwrap(), name.clone());
            let of = component["hashes"].as_array().into_iter().flatten();
            hashes.insert(name, of.map(Value::to_string).collect());
        }
        let mut edges = BTreeSet::new();
        for dependency in bill["dependencies"].as_array().unwrap() {
            let from = &names[dependency["ref"].as_str().unwrap()];
            for to in dependency["dependsOn"].as_array().into_iter().flatten() {
                edges.insert((from.clone(), names[to.as_str().unwrap()].clone()));
            }
        }
        Self { hashes, edges }
    }
}

/// The last part of the name, and the version: npm writes scopes in another place, and calls the root by its
/// folder.
fn name(component: &Value) -> String {
    let name = component["name"].as_str().unwrap();
    let version = component["version"].as_str().unwrap_or_default();
    format!("{}@{version}", name.rsplit('/').next().unwrap())
}
