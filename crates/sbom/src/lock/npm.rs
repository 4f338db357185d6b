//! `package-lock.json` and `npm-shrinkwrap.json`, versions 2 and 3.

use std::collections::{BTreeMap, BTreeSet};

use attest_provenance::base64;
use attest_provenance::json::{self, Limits, Value};
use serde_json::Map;

use super::address::{git_place, without_secret};
use super::{Lock, shown};
use crate::component::{Component, Distribution, Ecosystem, Hash, Scope};
use crate::error::LockError;
use crate::limits;
use crate::toml::{check, text};

pub(super) fn read(bytes: &[u8]) -> Result<Lock, LockError> {
    let text = text(bytes)?;
    let document = parse(bytes)?;
    let document = Entry::new(text, "", &document)?;
    match document
        .fields
        .get("lockfileVersion")
        .and_then(Value::as_u64)
    {
        Some(2 | 3) => {}
        found => {
            let found = found.map_or_else(|| "none".to_owned(), |it| it.to_string());
            let line = line_of(text, "lockfileVersion");
            let problem = format_args!("its version is {found}; 2 and 3 are read");
            return Err(LockError::new("lock-version-unknown", line, problem));
        }
    }
    let packages = document.fields.get("packages").and_then(Value::as_object);
    let packages = packages.ok_or_else(|| document.fault("packages is missing"))?;
    if packages.len() > limits::LOCK_PACKAGES {
        return Err(super::too_many("packages", limits::LOCK_PACKAGES));
    }
    let mut entries = BTreeMap::new();
    for (path, value) in packages {
        entries.insert(path.as_str(), Entry::new(text, path, value)?);
    }
    let mut lock = Lock::new(Ecosystem::Npm);
    let mut references = BTreeMap::new();
    for (path, entry) in &entries {
        if entry.truth("link")? {
            continue;
        }
        let component = component(entry, path, &document)?;
        references.insert(*path, component.reference.clone());
        merge(&mut lock, entry, component)?;
    }
    for (path, entry) in &entries {
        if let Some(from) = references.get(path) {
            link(&mut lock, &entries, &references, (path, from), entry)?;
        }
    }
    Ok(lock)
}

fn parse(bytes: &[u8]) -> Result<Value, LockError> {
    let bounds = Limits {
        bytes: limits::LOCK_BYTES,
        depth: limits::LOCK_JSON_DEPTH,
    };
    json::parse_within(bytes, bounds, limits::LOCK_JSON_MEMORY).map_err(|error| {
        let code = match error.code() {
            "json-too-large" | "json-too-many-values" | "json-too-deep" => "lock-too-large",
            "json-duplicate-key" => "lock-duplicate",
            _ => "lock-malformed",
        };
        LockError::new(code, None, error)
    })
}

/// One object, and where to look for it.
struct Entry<'a> {
    text: &'a str,
    path: &'a str,
    fields: &'a Map<String, Value>,
}

impl<'a> Entry<'a> {
    fn new(text: &'a str, path: &'a str, value: &'a Value) -> Result<Self, LockError> {
        match value {
            Value::Object(fields) => Ok(Self { text, path, fields }),
            _ => Err(LockError::malformed(
                line_of(text, path),
                format_args!("{path:?} is not an object"),
            )),
        }
    }

    fn line(&self) -> Option<usize> {
        line_of(self.text, self.path)
    }

    fn fault(&self, problem: impl std::fmt::Display) -> LockError {
        let place = if self.path.is_empty() {
            String::new()
        } else {
            format!("{:?}: ", self.path)
        };
        LockError::malformed(self.line(), format_args!("{place}{problem}"))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, LockError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => self.checked(text).map(Some),
            Some(_) => Err(self.fault(format_args!("{name} is not a text"))),
        }
    }

    /// A text that can be shown. Its line is looked for when something is wrong alone.
    fn checked<'b>(&self, text: &'b str) -> Result<&'b str, LockError> {
        check(text, None).map_err(|error| error.at(self.line()))?;
        Ok(text)
    }

    fn truth(&self, name: &str) -> Result<bool, LockError> {
        match self.fields.get(name) {
            None => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(_) => Err(self.fault(format_args!("{name} is neither true nor false"))),
        }
    }

    /// The names under a field that maps names to ranges.
    fn names(&self, field: &str) -> Result<Vec<&'a str>, LockError> {
        match self.fields.get(field) {
            None => Ok(Vec::new()),
            Some(Value::Object(names)) => Ok(names.keys().map(String::as_str).collect()),
            Some(_) => Err(self.fault(format_args!("{field} is not an object"))),
        }
    }

    /// The texts of a list, or none.
    fn texts(&self, field: &str) -> Vec<&'a str> {
        let values = self.fields.get(field).and_then(Value::as_array);
        values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

fn component(entry: &Entry<'_>, path: &str, document: &Entry<'_>) -> Result<Component, LockError> {
    let is_local = !path.contains("node_modules/");
    let fallback = if path.is_empty() {
        document.text("name")?
    } else {
        None
    };
    let own = entry.text("name")?.or(fallback);
    let folder = path.rsplit_once("node_modules/").map_or(path, |it| it.1);
    let name = own.unwrap_or(if folder.is_empty() { "project" } else { folder });
    entry.checked(name)?;
    if !is_local && name.matches('/').count() > usize::from(name.starts_with('@')) {
        return Err(entry.fault("it is not the place of a package"));
    }
    let version = entry.text("version")?.or(if path.is_empty() {
        document.text("version")?
    } else {
        None
    });
    if version.is_none() && !is_local {
        return Err(entry.fault("version is missing"));
    }
    let mut component = Component::new(Ecosystem::Npm, name.to_owned(), version.map(str::to_owned));
    component.licence = licence(entry)?;
    component.hashes = integrity(entry)?;
    if is_local {
        component.localize(if path.is_empty() { "" } else { "#workspace" });
    } else {
        place(&mut component, entry)?;
    }
    describe(&mut component, entry, path)?;
    Ok(component)
}

fn licence(entry: &Entry<'_>) -> Result<Option<String>, LockError> {
    Ok(match entry.fields.get("license") {
        // What old packages have: {"type": "MIT", "url": …}.
        Some(Value::Object(old)) => old.get("type").and_then(Value::as_str).map(str::to_owned),
        Some(Value::String(text)) if text.is_empty() => None,
        _ => entry.text("license")?.map(str::to_owned),
    })
}

fn place(component: &mut Component, entry: &Entry<'_>) -> Result<(), LockError> {
    let resolved = entry.text("resolved")?;
    match resolved {
        Some(address) if address.starts_with("git") => {
            let place = git_place(address, None).map_err(|error| error.at(entry.line()))?;
            component.identify(&[("vcs_url", &place)]);
        }
        Some(address) if address.starts_with("http") => {
            let address = without_secret(address, None).map_err(|error| error.at(entry.line()))?;
            if address.starts_with(NPM_REGISTRY) {
                component.identify(&[]);
            } else {
                component.identify(&[("download_url", address)]);
            }
            let file = Distribution {
                url: address.to_owned(),
                hashes: BTreeSet::new(),
            };
            component.files.insert(file);
        }
        // A tarball in the project: no registry's name would be its name.
        Some(address) if address.starts_with("file:") => component.localize(""),
        Some(_) => return Err(entry.fault("resolved is no address that is known")),
        None => component.identify(&[]),
    }
    Ok(())
}

/// `sha512-BASE64 sha1-BASE64`, options after `?` left out. See Subresource Integrity 3.5.
fn integrity(entry: &Entry<'_>) -> Result<BTreeSet<Hash>, LockError> {
    let mut hashes: BTreeSet<Hash> = BTreeSet::new();
    for word in entry
        .text("integrity")?
        .unwrap_or_default()
        .split_ascii_whitespace()
    {
        let word = word.split('?').next().unwrap_or(word);
        let (algorithm, value) = word
            .split_once('-')
            .ok_or_else(|| entry.fault("integrity has no algorithm"))?;
        let wanted = match algorithm {
            "sha512" => 64,
            "sha384" => 48,
            "sha256" => 32,
            "sha1" => 20,
            _ => {
                return Err(
                    entry.fault(format_args!("integrity by {algorithm:?}, which is unknown"))
                );
            }
        };
        let bytes = base64::decode(value).map_err(|error| entry.fault(error))?;
        if bytes.len() != wanted {
            let found = bytes.len();
            return Err(entry.fault(format_args!(
                "{algorithm} has {found} bytes, wanted {wanted}"
            )));
        }
        let hash = Hash::new(algorithm, hex::encode(bytes));
        if hashes
            .iter()
            .any(|it| it.algorithm == hash.algorithm && *it != hash)
        {
            let problem = format_args!("{} has two values", hash.algorithm);
            return Err(LockError::new("lock-contradiction", entry.line(), problem));
        }
        hashes.insert(hash);
    }
    Ok(hashes)
}

fn describe(component: &mut Component, entry: &Entry<'_>, path: &str) -> Result<(), LockError> {
    let dev = entry.truth("dev")? || entry.truth("devOptional")?;
    let optional = entry.truth("optional")? || entry.truth("devOptional")?;
    let is_dev = dev && !entry.truth("devOptional")?;
    component.scope = Some(match (is_dev, optional) {
        (true, _) => Scope::Excluded,
        (false, true) => Scope::Optional,
        (false, false) => Scope::Required,
    });
    let mut say = |name, value: &str| {
        component.properties.insert((name, value.to_owned()));
    };
    if !path.is_empty() {
        say("cdx:npm:package:path", path);
    }
    if is_dev {
        say("cdx:npm:package:development", "true");
    }
    if entry.truth("inBundle")? {
        say("cdx:npm:package:bundled", "true");
    }
    if entry.truth("extraneous")? {
        say("cdx:npm:package:extraneous", "true");
    }
    if entry.truth("hasInstallScript")? {
        say("attest:npm:install-script", "true");
    }
    for (field, name) in [
        ("os", "attest:npm:os"),
        ("cpu", "attest:npm:cpu"),
        ("libc", "attest:npm:libc"),
    ] {
        for value in entry.texts(field) {
            say(name, entry.checked(value)?);
        }
    }
    Ok(())
}

/// One package in several folders is one component.
fn merge(lock: &mut Lock, entry: &Entry<'_>, new: Component) -> Result<(), LockError> {
    let Some(known) = lock.components.get_mut(&new.reference) else {
        return lock.add(None, new);
    };
    let differs = |it: &Hash| {
        new.hashes
            .iter()
            .find(|new| new.algorithm == it.algorithm && *new != it)
    };
    if let Some(other) = known.hashes.iter().find_map(differs) {
        let what = shown(&new.name, new.version());
        let problem = format_args!("{what} has another {} in another folder", other.algorithm);
        return Err(LockError::new("lock-contradiction", entry.line(), problem));
    }
    known.hashes.extend(new.hashes);
    known.files.extend(new.files);
    known.scope = known.scope.min(new.scope);
    known.properties.extend(new.properties);
    if known.scope != Some(Scope::Excluded) {
        known
            .properties
            .retain(|it| it.0 != "cdx:npm:package:development");
    }
    known.licence = known.licence.take().or(new.licence);
    Ok(())
}

fn link(
    lock: &mut Lock,
    entries: &BTreeMap<&str, Entry<'_>>,
    references: &BTreeMap<&str, String>,
    (path, from): (&str, &str),
    entry: &Entry<'_>,
) -> Result<(), LockError> {
    lock.edges.entry(from.to_owned()).or_default();
    let is_local = !path.contains("node_modules/");
    let optional = entry.names("optionalDependencies")?;
    for (field, must) in [
        ("dependencies", true),
        ("devDependencies", is_local),
        ("optionalDependencies", false),
        ("peerDependencies", false),
    ] {
        if field == "devDependencies" && !is_local {
            continue;
        }
        for name in entry.names(field)? {
            let found = resolve(path, name, entries)?;
            if let Some(to) = found.and_then(|it| references.get(it.as_str())) {
                lock.link(from, to)?;
            } else if must && !optional.contains(&name) {
                let problem = format_args!("{path:?} depends on {name}, which is not in the file");
                return Err(LockError::new(
                    "lock-dependency-missing",
                    entry.line(),
                    problem,
                ));
            }
        }
    }
    if path.is_empty() {
        // The workspaces of a project belong to it, though nothing depends on them.
        let members: Vec<String> = entries
            .values()
            .filter(|it| !it.path.is_empty() && !it.path.contains("node_modules/"))
            .filter_map(|it| references.get(it.path).cloned())
            .collect();
        for member in members {
            lock.link(from, &member)?;
        }
    }
    Ok(())
}

/// Where Node looks for a package: in the `node_modules` of each folder upwards.
fn resolve(
    from: &str,
    name: &str,
    entries: &BTreeMap<&str, Entry<'_>>,
) -> Result<Option<String>, LockError> {
    let mut folder = Some(from);
    while let Some(here) = folder {
        let place = match here {
            "" => format!("node_modules/{name}"),
            _ => format!("{here}/node_modules/{name}"),
        };
        if let Some(entry) = entries.get(place.as_str()) {
            if entry.truth("link")? {
                let target = entry.text("resolved")?.unwrap_or_default();
                return Ok(Some(target.trim_start_matches("./").to_owned()));
            }
            return Ok(Some(place));
        }
        folder = match here.rsplit_once('/') {
            Some((above, _)) => Some(above.strip_suffix("/node_modules").unwrap_or(above)),
            None if here.is_empty() => None,
            None => Some(""),
        };
        folder = folder.map(|it| if it == "node_modules" { "" } else { it });
    }
    Ok(None)
}

/// The line on which a key stands: its first place, which for the paths of packages is the right one.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let quoted = Value::from(key).to_string();
    let at = text.match_indices(&quoted).map(|it| it.0).find(|at| {
        let after = text.get(at + quoted.len()..).unwrap_or_default();
        after.trim_start().starts_with(':')
    })?;
    Some(text.get(..at)?.matches('\n').count() + 1)
}

const NPM_REGISTRY: &str = "https://registry.npmjs.org/";
