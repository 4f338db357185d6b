//! A bill of materials against lock files: what is missing, what is extra, what is another.

use std::collections::{BTreeMap, BTreeSet};

use attest_provenance::base64;

use crate::component::{Component, Hash};
use crate::lock::{Lock, shown};
use crate::purl::{Parts, normal_name};
use crate::read::{Item, Reading};

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// Components that both have.
    pub same: usize,
    /// Of these, those of which a strong hash was compared.
    pub same_hash: usize,
    /// Components for development alone that the bill leaves out.
    pub left_out: usize,
    /// Components of the bill that are of no lock file's ecosystem, or that no package URL ties to one.
    pub not_compared: usize,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The stable code.
    pub code: &'static str,
    /// The component.
    pub component: String,
    /// What the bill has.
    pub found: Option<String>,
    /// What the lock files have.
    pub wanted: Option<String>,
}

type Key = (String, String);

/// Holds a bill against lock files. Packages of the project itself may be in it or not.
pub fn compare(reading: &Reading, locks: &[Lock]) -> Comparison {
    let mut comparison = Comparison::default();
    let mut wanted: BTreeMap<Key, BTreeMap<String, Vec<&Component>>> = BTreeMap::new();
    for component in locks.iter().flat_map(Lock::components) {
        let versions = wanted.entry(key(component)).or_default();
        let version = component.version().unwrap_or_default().to_owned();
        let components = versions.entry(version).or_default();
        // One package in two lock files is one; two from two places are two, though called the same.
        if !components.iter().any(|it| is_same(it, component)) {
            components.push(component);
        }
    }
    let kinds: BTreeSet<&str> = locks.iter().map(|it| it.ecosystem().purl_type()).collect();
    let mut found: BTreeMap<Key, BTreeMap<String, Vec<&Item>>> = BTreeMap::new();
    for item in &reading.items {
        match item.parts().filter(|it| kinds.contains(it.kind.as_str())) {
            Some(Parts {
                kind,
                name,
                version,
            }) => {
                let versions = found.entry((kind, name)).or_default();
                let version = version.or_else(|| item.version.clone());
                // One that stands there twice is compared twice: the second does not hide the first.
                let items = versions.entry(version.unwrap_or_default()).or_default();
                items.push(item);
            }
            None => comparison.not_compared += 1,
        }
    }
    let names: BTreeSet<&Key> = wanted.keys().chain(found.keys()).collect();
    let (no_components, no_items) = (BTreeMap::new(), BTreeMap::new());
    for name in names {
        let wanted = wanted.get(name).unwrap_or(&no_components);
        let found = found.get(name).unwrap_or(&no_items);
        comparison.versions(&name.1, wanted, found);
    }
    comparison
}

impl Comparison {
    /// Whether nothing differs, and something was compared.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty() && self.same > 0
    }

    fn versions(
        &mut self,
        name: &str,
        wanted: &BTreeMap<String, Vec<&Component>>,
        found: &BTreeMap<String, Vec<&Item>>,
    ) {
        for (version, components) in wanted {
            if let Some(items) = found.get(version) {
                self.same += 1;
                self.hashes(components, items);
                self.each_is_there(components, items);
                let other = items.iter().filter_map(|it| contradiction(it));
                self.differences.extend(other);
            }
        }
        let missing = wanted
            .iter()
            .filter(|(version, _)| !found.contains_key(*version));
        let (optional, missing): (Vec<_>, Vec<_>) =
            missing.partition(|(_, it)| is_all(it, |it| it.is_local() || it.is_for_development()));
        let extra: Vec<_> = found
            .iter()
            .filter(|(version, _)| !wanted.contains_key(*version))
            .collect();
        let mut extra = extra.into_iter();
        for (version, _) in missing {
            let found = extra.next().map(|(found, _)| found.clone());
            let code = match found {
                Some(_) => "sbom-component-version",
                None => "sbom-component-missing",
            };
            self.differences.push(Difference {
                code,
                component: shown(name, Some(version)),
                found,
                wanted: Some(version.clone()),
            });
        }
        let mut optional = optional
            .into_iter()
            .filter(|(_, it)| !is_all(it, Component::is_local));
        for (version, _) in extra {
            let other = optional.next();
            self.differences.push(Difference {
                code: if other.is_some() {
                    "sbom-component-version"
                } else {
                    "sbom-component-extra"
                },
                component: shown(name, Some(version)),
                found: Some(version.clone()),
                wanted: other.map(|(version, _)| version.clone()),
            });
        }
        self.left_out += optional.count();
    }

    /// Of several packages with one name and version, none stands for another, as far as hashes tell them
    /// apart.
    fn each_is_there(&mut self, components: &[&Component], items: &[&Item]) {
        if components.len() < 2 {
            return;
        }
        let theirs: BTreeSet<&Hash> = items.iter().flat_map(|it| &it.hashes).collect();
        for component in components {
            let ours: Vec<&Hash> = component.all_hashes().collect();
            let is_hashed = ours
                .iter()
                .any(|it| theirs.iter().any(|one| one.algorithm == it.algorithm));
            if !is_hashed || ours.iter().any(|it| theirs.contains(it)) {
                continue;
            }
            let place = component.purl.as_ref().unwrap_or(&component.reference);
            self.differences.push(Difference {
                code: "sbom-component-missing",
                component: shown(component.name(), component.version()),
                found: None,
                wanted: Some(format!("{place}, one of {}", components.len())),
            });
        }
    }

    fn hashes(&mut self, components: &[&Component], items: &[&Item]) {
        let Some(component) = components.first() else {
            return;
        };
        let ours: BTreeSet<&Hash> = components.iter().flat_map(|it| it.all_hashes()).collect();
        let dirhash = dirhash(component);
        let mut compared = false;
        let hashes: BTreeSet<&Hash> = items.iter().flat_map(|it| &it.hashes).collect();
        for hash in hashes {
            let same: Vec<&&Hash> = ours
                .iter()
                .filter(|it| it.algorithm == hash.algorithm)
                .collect();
            let wanted = if dirhash.as_ref() == Some(hash) {
                "no digest: these are the bytes of h1, which is over the list of files".to_owned()
            } else if same.is_empty() {
                continue;
            } else if same.iter().any(|it| **it == hash) {
                compared |= hash.is_strong();
                continue;
            } else {
                same.iter()
                    .map(|it| it.value.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            self.differences.push(Difference {
                code: "sbom-component-hash",
                component: shown(component.name(), component.version()),
                found: Some(format!("{}:{}", hash.algorithm, hash.value)),
                wanted: Some(wanted),
            });
        }
        self.same_hash += usize::from(compared);
    }
}

/// A component that is called one thing and has the package URL of another: it must not pass as that one.
fn contradiction(item: &Item) -> Option<Difference> {
    let parts = item.parts()?;
    // Namespaces stand in a name or beside it, and registries take names by other rules than people.
    let plain = |name: &str| -> String {
        let last = name.rsplit('/').next().unwrap_or(name).chars();
        last.filter(char::is_ascii_alphanumeric)
            .map(|it| it.to_ascii_lowercase())
            .collect()
    };
    let number = |version: &str| version.trim_start_matches('v').to_owned();
    let same_name = plain(&item.name) == plain(&parts.name);
    let same_version = match (&item.version, &parts.version) {
        (Some(one), Some(other)) => number(one) == number(other),
        _ => true,
    };
    (!same_name || !same_version).then(|| Difference {
        code: "sbom-component-version",
        component: item.shown(),
        found: item.purl.clone(),
        wanted: Some("a package URL of the component itself".to_owned()),
    })
}

fn is_same(one: &Component, other: &Component) -> bool {
    one.purl == other.purl && one.all_hashes().eq(other.all_hashes())
}

fn is_all(components: &[&Component], is: impl Fn(&Component) -> bool) -> bool {
    components.iter().all(|it| is(it))
}

fn key(component: &Component) -> Key {
    match component.ecosystem {
        Some(ecosystem) => (
            ecosystem.purl_type().to_owned(),
            normal_name(ecosystem, component.name()),
        ),
        None => (String::new(), component.name().to_owned()),
    }
}

/// The bytes of `h1:`, which some tools give as the SHA-256 of a module.
fn dirhash(component: &Component) -> Option<Hash> {
    let property = component
        .properties
        .iter()
        .find(|it| it.0 == "attest:go:h1")?;
    let bytes = base64::decode(property.1.strip_prefix("h1:")?).ok()?;
    Some(Hash::new("sha256", hex::encode(bytes)))
}
