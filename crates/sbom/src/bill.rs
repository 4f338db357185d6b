//! Lock files under one root.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::component::{Component, Ecosystem};
use crate::error::BillError;
use crate::limits;
use crate::lock::{Lock, shown};

/// What a bill says of itself, beside what the lock files say.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    /// What it is about. Without it, the lock files must have one package of their own that no other needs.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Who makes the bill.
    pub author: Option<String>,
    /// Who makes what it is about.
    pub supplier: Option<String>,
    /// When it is made.
    pub time: Option<Timestamp>,
    /// The version of this tool.
    pub tool_version: String,
}

/// A bill of materials that is to be written.
#[derive(Debug, Clone)]
pub struct Bill {
    pub(crate) root: Component,
    pub(crate) components: BTreeMap<String, Component>,
    pub(crate) edges: BTreeMap<String, BTreeSet<String>>,
    /// Whether a lock file leaves edges unsaid.
    pub(crate) edges_incomplete: bool,
    pub(crate) naming: Naming,
}

impl Bill {
    /// Puts the packages of all lock files under one root.
    ///
    /// # Errors
    /// [`BillError`].
    pub fn of(locks: Vec<Lock>, naming: Naming) -> Result<Self, BillError> {
        if locks.len() > limits::LOCK_FILES {
            let (found, limit) = (locks.len(), limits::LOCK_FILES);
            return Err(BillError::TooMany { found, limit });
        }
        check(&naming)?;
        let roots: Vec<Component> = locks.iter().flat_map(Lock::roots).cloned().collect();
        let root = root(&roots, &locks, &naming)?;
        let mut bill = Self {
            root,
            components: BTreeMap::new(),
            edges: BTreeMap::new(),
            edges_incomplete: locks.iter().any(|it| it.ecosystem == Ecosystem::Go),
            naming,
        };
        for lock in locks {
            bill.take(lock)?;
        }
        let reference = bill.root.reference.clone();
        bill.components.remove(&reference);
        let under = bill.edges.entry(reference.clone()).or_default();
        under.extend(roots.into_iter().map(|it| it.reference));
        under.remove(&reference);
        Ok(bill)
    }

    /// The name and version of what it is about.
    pub fn subject(&self) -> String {
        shown(&self.root.name, self.root.version())
    }

    /// What it names, the root left out.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    fn take(&mut self, lock: Lock) -> Result<(), BillError> {
        for (reference, component) in lock.components {
            match self.components.get_mut(&reference) {
                None => drop(self.components.insert(reference, component)),
                Some(known) => merge(known, component)?,
            }
        }
        for (from, to) in lock.edges {
            self.edges.entry(from).or_default().extend(to);
        }
        Ok(())
    }
}

/// One package of two lock files.
fn merge(known: &mut Component, new: Component) -> Result<(), BillError> {
    for one in &known.hashes {
        let differs = new
            .hashes
            .iter()
            .find(|it| it.algorithm == one.algorithm && *it != one);
        if let Some(other) = differs {
            return Err(BillError::Contradiction {
                package: shown(&known.name, known.version()),
                algorithm: one.algorithm.clone(),
                one: one.value.clone(),
                other: other.value.clone(),
            });
        }
    }
    for one in &known.files {
        let other = new
            .files
            .iter()
            .find(|it| it.url == one.url && it.hashes != one.hashes);
        if let (Some(one_hash), Some(other)) =
            (one.hashes.first(), other.and_then(|it| it.hashes.first()))
        {
            return Err(BillError::Contradiction {
                package: one.url.clone(),
                algorithm: one_hash.algorithm.clone(),
                one: one_hash.value.clone(),
                other: other.value.clone(),
            });
        }
    }
    known.hashes.extend(new.hashes);
    known.files.extend(new.files);
    known.properties.extend(new.properties);
    known.scope = known.scope.min(new.scope);
    known.licence = known.licence.take().or(new.licence);
    Ok(())
}

fn root(roots: &[Component], locks: &[Lock], naming: &Naming) -> Result<Component, BillError> {
    let Some(name) = &naming.name else {
        let [only] = roots else {
            let found = roots.iter().map(|it| it.name.clone()).collect();
            return Err(BillError::RootUnclear { found });
        };
        let mut root = only.clone();
        root.version = naming.version.clone().or(root.version);
        return Ok(root);
    };
    let mut own = locks.iter().flat_map(|it| it.components.values());
    let same = own.find(|it| it.is_local && it.name == *name);
    let mut root = same.cloned().unwrap_or_else(|| Component {
        reference: "root".to_owned(),
        ecosystem: None,
        is_local: true,
        ..Component::new(Ecosystem::Cargo, name.clone(), None)
    });
    root.version = naming.version.clone().or(root.version);
    Ok(root)
}

fn check(naming: &Naming) -> Result<(), BillError> {
    for (what, text) in [
        ("name", &naming.name),
        ("version", &naming.version),
        ("author", &naming.author),
        ("supplier", &naming.supplier),
    ] {
        if text
            .as_ref()
            .is_some_and(|it| crate::toml::check(it, None).is_err())
        {
            return Err(BillError::Naming { what });
        }
    }
    Ok(())
}
