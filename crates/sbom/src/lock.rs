//! Lock files: what a package manager wrote down before the build.

mod address;
mod cargo;
mod go;
mod npm;
mod uv;

use std::collections::{BTreeMap, BTreeSet};

use crate::component::{Component, Ecosystem};
use crate::error::LockError;
use crate::limits;

/// The packages of one lock file and what depends on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub(crate) ecosystem: Ecosystem,
    pub(crate) components: BTreeMap<String, Component>,
    /// What each package depends on; a package that is no key has edges that the file does not tell.
    pub(crate) edges: BTreeMap<String, BTreeSet<String>>,
    pub(crate) edge_count: usize,
}

/// The names of the lock files that are read; a `go.sum` is read together with its `go.mod`.
pub const FILE_NAMES: [&str; 5] = [
    "Cargo.lock",
    "go.mod",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "uv.lock",
];

/// The names of lock files that are known and not read.
pub const OTHER_FILE_NAMES: [&str; 14] = [
    "Gemfile.lock",
    "Package.resolved",
    "Pipfile.lock",
    "Podfile.lock",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "deno.lock",
    "gradle.lockfile",
    "mix.lock",
    "packages.lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "yarn.lock",
];

impl Lock {
    /// Reads a lock file by its name. A `go.mod` needs the bytes of the `go.sum` beside it.
    ///
    /// # Errors
    /// Every way in which it is not what its package manager writes, with the line.
    pub fn read(name: &str, bytes: &[u8], go_sum: Option<&[u8]>) -> Result<Self, LockError> {
        match name {
            "Cargo.lock" => cargo::read(bytes),
            "package-lock.json" | "npm-shrinkwrap.json" => npm::read(bytes),
            "go.mod" => go::read(bytes, go_sum),
            "uv.lock" => uv::read(bytes),
            _ => Err(LockError::new(
                "lock-unknown",
                None,
                format_args!(
                    "{name:?} is not the name of a lock file that is read: {}",
                    FILE_NAMES.join(", ")
                ),
            )),
        }
    }

    /// Whose packages it has.
    pub const fn ecosystem(&self) -> Ecosystem {
        self.ecosystem
    }

    /// Its packages.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    pub(crate) const fn new(ecosystem: Ecosystem) -> Self {
        Self {
            ecosystem,
            components: BTreeMap::new(),
            edges: BTreeMap::new(),
            edge_count: 0,
        }
    }

    /// Puts a package in its place.
    pub(crate) fn add(
        &mut self,
        line: Option<usize>,
        component: Component,
    ) -> Result<(), LockError> {
        if self.components.len() >= limits::LOCK_PACKAGES {
            return Err(too_many("packages", limits::LOCK_PACKAGES));
        }
        let what = shown(&component.name, component.version());
        let known = self
            .components
            .insert(component.reference.clone(), component);
        match known {
            None => Ok(()),
            Some(_) => Err(LockError::new(
                "lock-duplicate",
                line,
                format_args!("{what} is there twice"),
            )),
        }
    }

    /// Says that one package depends on another.
    pub(crate) fn link(&mut self, from: &str, to: &str) -> Result<(), LockError> {
        self.edge_count += 1;
        if self.edge_count > limits::LOCK_EDGES {
            return Err(too_many("dependencies", limits::LOCK_EDGES));
        }
        let edges = self.edges.entry(from.to_owned()).or_default();
        edges.insert(to.to_owned());
        Ok(())
    }

    /// Packages of the project that no other of them needs.
    pub(crate) fn roots(&self) -> Vec<&Component> {
        let locals = self.components.values().filter(|it| it.is_local);
        let locals: Vec<&Component> = locals.collect();
        let is_needed = |it: &Component| {
            locals.iter().any(|other| {
                other.reference != it.reference
                    && self
                        .edges
                        .get(&other.reference)
                        .is_some_and(|edges| edges.contains(&it.reference))
            })
        };
        let unneeded = locals.iter().filter(|it| !is_needed(it));
        let unneeded: Vec<&Component> = unneeded.copied().collect();
        // Those that need each other, as tests do, are all needed.
        if unneeded.is_empty() {
            locals
        } else {
            unneeded
        }
    }
}

pub(crate) fn too_many(what: &str, limit: usize) -> LockError {
    let problem = format_args!("it has more than {limit} {what}");
    LockError::new("lock-too-large", None, problem)
}

pub(crate) fn shown(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |it| format!("{name} {it}"))
}
