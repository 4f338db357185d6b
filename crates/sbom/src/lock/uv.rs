//! `uv.lock`, version 1.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{git_place, is_lower_hex, without_secret};
use super::{Lock, shown};
use crate::component::{Component, Distribution, Ecosystem, Hash, Scope};
use crate::error::LockError;
use crate::toml::{Document, Node};

pub(super) fn read(bytes: &[u8]) -> Result<Lock, LockError> {
    let document = Document::parse(bytes)?;
    let root = document.root();
    let version = root.get("version")?;
    match version.map(Node::number).transpose()? {
        Some(1) => {}
        found => {
            let found = found.map_or_else(|| "none".to_owned(), |it| it.to_string());
            let problem = format_args!("its version is {found}; 1 is read");
            return Err(LockError::new(
                "lock-version-unknown",
                version.map(Node::line),
                problem,
            ));
        }
    }
    root.only(TOP)?;
    let packages = root.items_of("package")?;
    let mut lock = Lock::new(Ecosystem::Python);
    let mut known = Known::default();
    for package in &packages {
        let component = component(*package)?;
        known.add(&component, *package)?;
        lock.add(Some(package.line()), component)?;
    }
    let mut needs = Needs::default();
    for (package, reference) in packages.iter().zip(known.references.clone()) {
        link(*package, &reference, &known, &mut lock, &mut needs)?;
    }
    needs.mark(&mut lock);
    Ok(lock)
}

fn component(package: Node<'_>) -> Result<Component, LockError> {
    package.only(FIELDS)?;
    let name = package.needs_text("name")?;
    let version = package.text_of("version")?;
    let source = package.get("source")?;
    let source = source.ok_or_else(|| package.fault("source is missing"))?;
    let mut component = Component::new(
        Ecosystem::Python,
        name.to_owned(),
        version.map(str::to_owned),
    );
    let (kind, place) = source_of(source)?;
    let line = Some(source.line());
    match kind {
        "registry" => match without_secret(place, line)? {
            PYPI => component.identify(&[]),
            other => component.identify(&[("repository_url", other)]),
        },
        "git" => component.identify(&[("vcs_url", &git_place(place, line)?)]),
        "url" => component.identify(&[("download_url", without_secret(place, line)?)]),
        "path" => component.localize("#file"),
        _ => component.localize(""),
    }
    for file in package
        .get("sdist")?
        .into_iter()
        .chain(package.items_of("wheels")?)
    {
        if let Some(file) = distribution(file)? {
            component.files.insert(file);
        }
    }
    Ok(component)
}

fn source_of(source: Node<'_>) -> Result<(&str, &str), LockError> {
    let known = [
        "registry",
        "git",
        "url",
        "path",
        "directory",
        "editable",
        "virtual",
    ];
    let mut found = source
        .fields()?
        .into_iter()
        .filter(|(name, _)| known.contains(name));
    match (found.next(), found.next()) {
        (Some((kind, place)), None) => Ok((kind, place.text()?)),
        _ => Err(source.fault("the source is not one of those that are known")),
    }
}

/// A file with its hash; one from a folder of the project has no address to give.
fn distribution(file: Node<'_>) -> Result<Option<Distribution>, LockError> {
    let Some(hash) = file.get("hash")? else {
        return Ok(None);
    };
    let text = hash.text()?;
    let (algorithm, value) = text
        .split_once(':')
        .ok_or_else(|| hash.fault("a hash has no algorithm"))?;
    let digits = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(hash.fault(format_args!("a hash by {algorithm:?}, which is unknown"))),
    };
    if value.len() != digits || !value.bytes().all(is_lower_hex) {
        return Err(hash.fault(format_args!(
            "{algorithm} is not {digits} lower-case hexadecimal digits"
        )));
    }
    let line = Some(file.line());
    let place = match file.text_of("url")? {
        Some(url) => without_secret(url, line)?,
        None => match file.text_of("path")? {
            Some(path) => path,
            None => file.needs_text("filename")?,
        },
    };
    Ok(Some(Distribution {
        url: place.to_owned(),
        hashes: BTreeSet::from([Hash::new(algorithm, value)]),
    }))
}

/// The packages by name.
#[derive(Default)]
struct Known {
    by_name: BTreeMap<String, Vec<Package>>,
    references: Vec<String>,
}

struct Package {
    version: Option<String>,
    source: (String, String),
    reference: String,
    is_local: bool,
}

impl Known {
    fn add(&mut self, component: &Component, package: Node<'_>) -> Result<(), LockError> {
        let source = package.get("source")?.map(source_of).transpose()?;
        let (kind, place) = source.unwrap_or_default();
        self.references.push(component.reference.clone());
        let all = self.by_name.entry(component.name.clone()).or_default();
        all.push(Package {
            version: component.version.clone(),
            source: (kind.to_owned(), place.to_owned()),
            reference: component.reference.clone(),
            is_local: component.is_local,
        });
        Ok(())
    }

    fn find(&self, dependency: Node<'_>) -> Result<&Package, LockError> {
        let name = dependency.needs_text("name")?;
        let version = dependency.text_of("version")?;
        let source = dependency.get("source")?.map(source_of).transpose()?;
        let all = self.by_name.get(name).into_iter().flatten();
        let mut found = all.filter(|it| {
            version.is_none_or(|version| it.version.as_deref() == Some(version))
                && source.is_none_or(|(kind, place)| it.source.0 == kind && it.source.1 == place)
        });
        let line = Some(dependency.line());
        match (found.next(), found.next()) {
            (Some(package), None) => Ok(package),
            (None, _) => Err(LockError::new(
                "lock-dependency-missing",
                line,
                format_args!("{} is not in the file", shown(name, version)),
            )),
            _ => Err(LockError::new(
                "lock-dependency-ambiguous",
                line,
                format_args!("{} could be several packages", shown(name, version)),
            )),
        }
    }
}

/// Who needs whom for what.
#[derive(Default)]
struct Needs {
    edges: BTreeMap<String, Vec<(String, Scope)>>,
    /// The markers of all edges to a package; `None` where one has no marker.
    markers: BTreeMap<String, Option<BTreeSet<String>>>,
}

fn link(
    package: Node<'_>,
    from: &str,
    known: &Known,
    lock: &mut Lock,
    needs: &mut Needs,
) -> Result<(), LockError> {
    lock.edges.entry(from.to_owned()).or_default();
    let is_local = lock.components.get(from).is_some_and(|it| it.is_local);
    // The extras of others are in the file because somebody asked for them.
    let of_extras = if is_local {
        Scope::Optional
    } else {
        Scope::Required
    };
    let mut all = Vec::new();
    for dependency in package.items_of("dependencies")? {
        all.push((dependency, Scope::Required));
    }
    for (field, scope) in [
        ("optional-dependencies", of_extras),
        ("dev-dependencies", Scope::Excluded),
    ] {
        for (_, group) in package.get(field)?.map_or(Ok(Vec::new()), Node::fields)? {
            for dependency in group.items()? {
                all.push((dependency, scope));
            }
        }
    }
    for (dependency, scope) in all {
        let to = known.find(dependency)?;
        lock.link(from, &to.reference)?;
        needs.add(from, to, scope, dependency.text_of("marker")?);
    }
    Ok(())
}

impl Needs {
    fn add(&mut self, from: &str, to: &Package, scope: Scope, marker: Option<&str>) {
        let edges = self.edges.entry(from.to_owned()).or_default();
        edges.push((to.reference.clone(), scope));
        if to.is_local {
            return;
        }
        let markers = self.markers.entry(to.reference.clone());
        let markers = markers.or_insert_with(|| Some(BTreeSet::new()));
        match (markers.as_mut(), marker) {
            (Some(all), Some(marker)) => drop(all.insert(marker.to_owned())),
            _ => *markers = None,
        }
    }

    /// What can be reached from the project by what it needs; by its extras too; by its groups alone.
    fn mark(self, lock: &mut Lock) {
        let own = lock.components.values().filter(|it| it.is_local);
        let own: Vec<String> = own.map(|it| it.reference.clone()).collect();
        for scope in [Scope::Required, Scope::Optional, Scope::Excluded] {
            let mut open = own.clone();
            let mut seen = BTreeSet::new();
            while let Some(here) = open.pop() {
                if !seen.insert(here.clone()) {
                    continue;
                }
                let edges = self.edges.get(&here).into_iter().flatten();
                open.extend(edges.filter(|it| it.1 <= scope).map(|it| it.0.clone()));
                if let Some(component) = lock.components.get_mut(&here) {
                    component.scope.get_or_insert(scope);
                }
            }
        }
        for (reference, markers) in self.markers {
            let component = lock.components.get_mut(&reference);
            if let (Some(component), Some(markers)) = (component, markers) {
                let markers = markers.into_iter().map(|it| ("attest:uv:marker", it));
                component.properties.extend(markers);
            }
        }
    }
}

const PYPI: &str = "https://pypi.org/simple";

const TOP: &[&str] = &[
    "version",
    "revision",
    "requires-python",
    "resolution-markers",
    "supported-markers",
    "required-markers",
    "conflicts",
    "options",
    "manifest",
    "package",
    "distribution",
];

const FIELDS: &[&str] = &[
    "name",
    "version",
    "source",
    "resolution-markers",
    "dependencies",
    "optional-dependencies",
    "dev-dependencies",
    "sdist",
    "wheels",
    "metadata",
];
