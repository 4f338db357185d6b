//! `Cargo.lock`, versions 3 and 4.
//!
//! It says nothing of which packages only tests, builds or other platforms need: all are there.

use std::collections::BTreeMap;

use super::address::{git_place, is_lower_hex, without_secret};
use super::{Lock, shown};
use crate::component::{Component, Ecosystem, Hash};
use crate::error::LockError;
use crate::toml::{Document, Node};

pub(super) fn read(bytes: &[u8]) -> Result<Lock, LockError> {
    let document = Document::parse(bytes)?;
    let root = document.root();
    let version = root.get("version")?;
    match version.map(Node::number).transpose()? {
        Some(3 | 4) => {}
        found => {
            let found =
                found.map_or_else(|| "none, as 1 and 2 have".to_owned(), |it| it.to_string());
            let problem = format_args!("its version is {found}; 3 and 4 are read");
            return Err(LockError::new(
                "lock-version-unknown",
                version.map(Node::line),
                problem,
            ));
        }
    }
    root.only(&["version", "package", "patch"])?;
    let packages = root.items_of("package")?;
    let mut lock = Lock::new(Ecosystem::Cargo);
    let mut known = Known::default();
    for package in &packages {
        let (component, source) = component(*package)?;
        known.add(&component, source);
        lock.add(Some(package.line()), component)?;
    }
    for package in &packages {
        link(*package, &known, &mut lock)?;
    }
    Ok(lock)
}

fn component(package: Node<'_>) -> Result<(Component, Option<&str>), LockError> {
    package.only(&[
        "name",
        "version",
        "source",
        "checksum",
        "dependencies",
        "replace",
    ])?;
    let name = package.needs_text("name")?;
    let version = package.needs_text("version")?;
    let source = package.text_of("source")?;
    let mut component = Component::new(Ecosystem::Cargo, name.to_owned(), Some(version.to_owned()));
    place(&mut component, source, package.line())?;
    if let Some(field) = package.get("checksum")? {
        let value = field.text()?;
        if value.len() != 64 || !value.bytes().all(is_lower_hex) {
            return Err(field.fault("a checksum is not 64 lower-case hexadecimal digits"));
        }
        if component.is_local {
            return Err(field.fault("a package of the project itself has a checksum"));
        }
        component.hashes.insert(Hash::new("sha256", value));
    }
    Ok((component, source))
}

fn place(component: &mut Component, source: Option<&str>, line: usize) -> Result<(), LockError> {
    let Some(source) = source else {
        component.localize("");
        return Ok(());
    };
    if source.starts_with("git+") {
        let place = git_place(source, Some(line))?;
        component.identify(&[("vcs_url", &place)]);
        return Ok(());
    }
    if CRATES_IO.contains(&source) {
        component.identify(&[]);
        return Ok(());
    }
    let registry = ["registry+", "sparse+"];
    let Some(url) = registry.iter().find_map(|it| source.strip_prefix(it)) else {
        let problem = "the source is neither a registry nor git";
        return Err(LockError::malformed(line, problem));
    };
    component.identify(&[("repository_url", without_secret(url, Some(line))?)]);
    Ok(())
}

/// The packages by the words that tell them: a name; with a version; with both and a source.
#[derive(Default)]
struct Known {
    by_words: BTreeMap<(String, Option<String>, Option<String>), Told>,
}

/// What some words tell.
enum Told {
    /// One package, by its reference.
    One(String),
    /// Not which of several.
    Several,
}

impl Known {
    fn add(&mut self, component: &Component, source: Option<&str>) {
        let version = Some(component.version.clone().unwrap_or_default());
        let source = source.unwrap_or_default();
        let mut words = vec![
            (None, None),
            (version.clone(), None),
            (version.clone(), Some(source.to_owned())),
        ];
        // A commit may be left out.
        let plain = source.split('#').next().unwrap_or_default();
        if plain != source {
            words.push((version, Some(plain.to_owned())));
        }
        for (version, source) in words {
            let words = (component.name.clone(), version, source);
            self.by_words
                .entry(words)
                .and_modify(|it| *it = Told::Several)
                .or_insert_with(|| Told::One(component.reference.clone()));
        }
    }

    /// `name`, `name version` or `name version (source)`, as few of them as tell it from others.
    fn find(&self, text: &str, line: usize) -> Result<&str, LockError> {
        let mut words = text.splitn(3, ' ');
        let name = words.next().unwrap_or_default();
        let version = words.next();
        let source = words.next().map(|it| {
            let inner = it.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
            inner.ok_or_else(|| LockError::malformed(line, "a source is not in parentheses"))
        });
        let source = source.transpose()?;
        let words = (
            name.to_owned(),
            version.map(str::to_owned),
            source.map(str::to_owned),
        );
        match self.by_words.get(&words) {
            Some(Told::One(reference)) => Ok(reference),
            None => Err(LockError::new(
                "lock-dependency-missing",
                Some(line),
                format_args!("{} is not in the file", shown(name, version)),
            )),
            Some(Told::Several) => Err(LockError::new(
                "lock-dependency-ambiguous",
                Some(line),
                format_args!("{} could be several packages", shown(name, version)),
            )),
        }
    }
}

fn link(package: Node<'_>, known: &Known, lock: &mut Lock) -> Result<(), LockError> {
    let (component, _) = component(package)?;
    let from = component.reference;
    lock.edges.entry(from.clone()).or_default();
    for dependency in package.items_of("dependencies")? {
        let to = known.find(dependency.text()?, dependency.line())?;
        lock.link(&from, to)?;
    }
    Ok(())
}

const CRATES_IO: [&str; 2] = [
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
];
