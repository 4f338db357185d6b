//! Writes all mutants that cargo-mutants lists into the sources, each behind a switch.
//!
//! ```text
//! a == b       becomes   (match crate::mutants::of(&[17]) { 17 => (a) != (b), _ => a == b })
//! a && b       becomes   ({ let left = a; if left == crate::mutants::on(18) { left } else { b } })
//! fn f() { …   becomes   fn f() { if crate::mutants::on(19) { return Ok(()); } …
//! ```
//!
//! So one build serves for all of them: `ATTEST_MUTANT=17` chooses. Mutants of which the compiler
//! complains are left out in the next round; a function's value that it does not take is *unviable*.
//!
//! `attest-mutants LIST.json SKIP.json`, in a copy of the sources. It prints where each switch stands.

mod edit;
mod visit;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::edit::Edits;
use crate::visit::{Mutant, Visitor};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [list, skip] = &arguments[..] else {
        panic!("attest-mutants LIST.json SKIP.json");
    };
    let list = read(list);
    let skip: BTreeSet<u64> = read(skip).as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let mut files: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for (id, mutant) in (1..).zip(list.as_array().unwrap()) {
        if !skip.contains(&id) {
            let file = mutant["file"].as_str().unwrap().to_owned();
            files.entry(file).or_default().push(Mutant::read(id, mutant));
        }
    }
    let mut placed = serde_json::Map::new();
    let mut lost = Vec::new();
    for (path, mutants) in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let file = syn::parse_file(&source).unwrap();
        let mut visitor = Visitor::new(&source, mutants);
        syn::visit::visit_file(&mut visitor, &file);
        let (edits, left): (Edits, Vec<u64>) = visitor.finish();
        let (written, places) = edits.apply(&source);
        std::fs::write(&path, written).unwrap();
        placed.insert(path, json!(places));
        lost.extend(left);
    }
    println!("{}", json!({ "placed": placed, "lost": lost }));
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
