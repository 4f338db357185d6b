//! The cases of `fixtures/archives`: one walker runs them all.
//!
//! A case is a folder: `archive.*`, and in `expect.toml` the members or the exact code. A refused one
//! names its accepted parent. `canonical = true` reads it as one of ours; an accepted case says whether it
//! is. `fixtures/archives/make.py` makes them.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use attest_digest::{CODES, ContainerError, Hashes, Listing, MemberKind, Profile};
use toml::Table;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/archives")
}

fn expected(name: &str) -> Table {
    let path = folder().join(name).join("expect.toml");
    let text = fs::read_to_string(path).unwrap();
    let table: Table = text.parse().unwrap();
    let known = ["accept", "canonical", "parent", "reject"];
    assert!(
        table.keys().all(|it| known.contains(&it.as_str())),
        "{name}"
    );
    table
}

fn list(name: &str, profile: Profile) -> Result<Listing, ContainerError> {
    let entries = fs::read_dir(folder().join(name)).unwrap();
    let path = entries
        .map(|it| it.unwrap().path())
        .find(|path| {
            path.file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("archive")
        })
        .unwrap();
    Listing::read(&File::open(path).unwrap(), profile, Hashes::Sha256AndSha512)
}

fn lines(listing: &Listing) -> Vec<String> {
    let line = |member: &attest_digest::Member| match member.kind() {
        MemberKind::Folder => format!("{}/", member.path()),
        MemberKind::Link { target } => format!("{} -> {target}", member.path()),
        _ => member.path().to_string(),
    };
    listing.members().iter().map(line).collect()
}

fn accepts(name: &str, table: &Table) {
    let wanted: Vec<&str> = table["accept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    let listing = list(name, Profile::Foreign).unwrap_or_else(|it| panic!("{name}: {it}"));
    assert_eq!(lines(&listing), wanted, "{name}");
    let canonical = list(name, Profile::Canonical);
    if let Some(wanted) = table.get("canonical") {
        let found = canonical.as_ref().is_ok_and(|it| *it == listing);
        assert_eq!(found, wanted.as_bool().unwrap(), "{name}: {canonical:?}");
    }
}

fn refuses(name: &str, table: &Table) -> String {
    let wanted = table["reject"].as_str().unwrap();
    let is_canonical = table.contains_key("canonical");
    let profile = if is_canonical {
        Profile::Canonical
    } else {
        Profile::Foreign
    };
    let found = list(name, profile).map_err(|error| error.code());
    assert_eq!(found.as_ref().err(), Some(&wanted), "{name}");
    if !is_canonical {
        assert!(list(name, Profile::Canonical).is_err(), "{name}");
    }
    let parent = table["parent"].as_str().unwrap();
    assert!(
        expected(parent).contains_key("accept"),
        "{name}: its parent"
    );
    wanted.to_owned()
}

#[test]
fn every_case_is_judged_as_it_says() {
    let mut codes = BTreeSet::new();
    let mut cases = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let table = expected(name);
        if table.contains_key("accept") {
            accepts(name, &table);
        } else {
            codes.insert(refuses(name, &table));
        }
        cases += 1;
    }
    assert!(cases > 220, "{cases}");
    // Each way to refuse the content of an archive has its case.
    let prefixes = ["container-", "gzip-", "member-", "tar-", "zip-", "zstd-"];
    for (code, _) in CODES {
        let is_ours = prefixes.iter().any(|it| code.starts_with(it));
        if is_ours && *code != "container-stopped" {
            assert!(codes.contains(*code), "{code} has no case");
        }
    }
}

#[test]
fn a_bomb_is_refused_before_it_costs_anything() {
    let start = Instant::now();
    let error = list("gzip-bomb", Profile::Foreign).unwrap_err();
    assert_eq!(error.code(), "container-bomb");
    // Minutes, if it were unpacked; a slow machine has its seconds.
    assert!(start.elapsed().as_secs() < 20);
}
