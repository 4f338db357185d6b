//! `go.mod` with its `go.sum`.
//!
//! A `go.mod` for Go 1.17 or later names every module of the build, directly needed or not; which
//! module needs which it does not say. `go.sum` has a hash of each, `h1:`, over the list of a module's
//! files: it is no digest of any file, and is never given as one.

use std::collections::{BTreeMap, BTreeSet};

use attest_provenance::base64;

use super::{Lock, shown};
use crate::component::{Component, Ecosystem};
use crate::error::LockError;
use crate::limits;
use crate::toml::{check, text};

pub(super) fn read(go_mod: &[u8], go_sum: Option<&[u8]>) -> Result<Lock, LockError> {
    let file = Module::parse(text(go_mod)?)?;
    let sums = match go_sum {
        Some(bytes) => sums(text(bytes)?)?,
        None if file.requires.is_empty() => BTreeMap::new(),
        None => {
            let problem = "it requires modules, and there is no go.sum beside it";
            return Err(LockError::new("lock-unpaired", None, problem));
        }
    };
    if !file.requires.is_empty() && !file.names_everything() {
        let go = file.go.as_deref().unwrap_or("no version");
        let problem = format_args!("it is for go {go}; only from 1.17 on are all modules named");
        return Err(LockError::new("lock-incomplete", None, problem));
    }
    let mut lock = Lock::new(Ecosystem::Go);
    let mut root = Component::new(Ecosystem::Go, file.path.clone(), None);
    root.localize("");
    let root_reference = root.reference.clone();
    lock.add(None, root)?;
    lock.edges.entry(root_reference.clone()).or_default();
    for require in &file.requires {
        let component = file.component(require, &sums)?;
        let to = component.reference.clone();
        lock.add(Some(require.line), component)?;
        if !require.is_indirect {
            lock.link(&root_reference, &to)?;
        }
    }
    Ok(lock)
}

#[derive(Default)]
struct Module {
    path: String,
    go: Option<String>,
    requires: Vec<Require>,
    replaces: Vec<Replace>,
}

struct Require {
    line: usize,
    path: String,
    version: String,
    is_indirect: bool,
}

struct Replace {
    path: String,
    version: Option<String>,
    by: String,
    by_version: Option<String>,
}

impl Module {
    fn parse(text: &str) -> Result<Self, LockError> {
        let mut module = Self::default();
        let mut block: Option<String> = None;
        for (at, whole) in text.lines().enumerate() {
            let line = at + 1;
            let (content, comment) = whole.split_once("//").unwrap_or((whole, ""));
            let words = words(content, line)?;
            let Some((first, rest)) = words.split_first() else {
                continue;
            };
            match (&block, first.as_str(), rest) {
                (Some(_), ")", []) => block = None,
                (Some(verb), ..) => module.take(&verb.clone(), &words, comment, line)?,
                (None, verb, [open]) if open == "(" => block = Some(verb.to_owned()),
                (None, verb, _) => module.take(verb, rest, comment, line)?,
            }
        }
        if block.is_some() {
            return Err(LockError::malformed(None, "a block is not closed"));
        }
        if module.path.is_empty() {
            return Err(LockError::malformed(None, "it names no module"));
        }
        Ok(module)
    }

    fn take(
        &mut self,
        verb: &str,
        words: &[String],
        comment: &str,
        line: usize,
    ) -> Result<(), LockError> {
        match (verb, words) {
            ("module", [path]) if self.path.is_empty() => self.path.clone_from(path),
            ("go", [version]) if self.go.is_none() => self.go = Some(version.clone()),
            ("require", [path, version]) => {
                if self.requires.len() >= limits::LOCK_PACKAGES {
                    return Err(super::too_many("modules", limits::LOCK_PACKAGES));
                }
                self.requires.push(Require {
                    line,
                    path: path.clone(),
                    version: version.clone(),
                    is_indirect: comment.split([';', ' ']).any(|it| it.trim() == "indirect"),
                });
            }
            ("replace", _) => {
                let arrow = words.iter().position(|it| it == "=>");
                let parts = arrow.and_then(|it| Some((words.get(..it)?, words.get(it + 1..)?)));
                let Some(([path] | [path, _], [by, rest @ ..])) = parts else {
                    return Err(LockError::malformed(line, "replace is not OLD => NEW"));
                };
                if rest.len() > 1 {
                    return Err(LockError::malformed(line, "replace is not OLD => NEW"));
                }
                self.replaces.push(Replace {
                    path: path.clone(),
                    version: parts.and_then(|it| it.0.get(1)).cloned(),
                    by: by.clone(),
                    by_version: rest.first().cloned(),
                });
            }
            ("toolchain" | "exclude" | "retract" | "tool" | "godebug" | "ignore", [_, ..]) => {}
            _ => {
                let problem = format_args!("{verb:?} is unknown, given twice, or has other parts");
                return Err(LockError::malformed(line, problem));
            }
        }
        Ok(())
    }

    fn names_everything(&self) -> bool {
        let mut parts = self.go.iter().flat_map(|it| it.split('.'));
        let mut number = || parts.next().and_then(|it| it.parse::<u32>().ok());
        matches!((number(), number()), (Some(1), Some(17..)) | (Some(2..), _))
    }

    fn component(
        &self,
        require: &Require,
        sums: &BTreeMap<(String, String), String>,
    ) -> Result<Component, LockError> {
        let by = self.replaces.iter().find(|it| {
            it.path == require.path && it.version.as_ref().is_none_or(|it| *it == require.version)
        });
        let (path, version) = match by {
            None => (&require.path, Some(&require.version)),
            Some(by) => (&by.by, by.by_version.as_ref()),
        };
        let mut component = Component::new(Ecosystem::Go, path.clone(), version.cloned());
        if by.is_some() {
            let replaced = format!("{}@{}", require.path, require.version);
            component
                .properties
                .insert(("attest:go:replaces", replaced));
        }
        let Some(version) = version else {
            // A folder of the project in a module's place.
            component.name.clone_from(&require.path);
            component.localize("");
            return Ok(component);
        };
        if !version.starts_with('v') {
            let what = shown(path, Some(version));
            return Err(LockError::malformed(
                require.line,
                format_args!("{what} is no version"),
            ));
        }
        component.identify(&[]);
        if let Some(sum) = sums.get(&(path.clone(), version.clone())) {
            component.properties.insert(("attest:go:h1", sum.clone()));
        }
        Ok(component)
    }
}

/// `MODULE VERSION h1:BASE64` lines; those of `VERSION/go.mod` are about another file.
fn sums(text: &str) -> Result<BTreeMap<(String, String), String>, LockError> {
    let mut sums = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (at, content) in text.lines().enumerate() {
        let line = at + 1;
        let words: Vec<&str> = content.split(' ').collect();
        let [module, version, sum] = words.as_slice() else {
            if content.is_empty() {
                continue;
            }
            return Err(LockError::malformed(line, "wanted MODULE VERSION h1:HASH"));
        };
        for word in [module, version, sum] {
            check(word, Some(line))?;
        }
        let value = sum.strip_prefix("h1:").map(base64::decode);
        if !matches!(value, Some(Ok(bytes)) if bytes.len() == 32) {
            return Err(LockError::malformed(
                line,
                "the hash is not h1: and 32 bytes in base64",
            ));
        }
        if !seen.insert((*module, *version)) {
            let what = shown(module, Some(version));
            return Err(LockError::new(
                "lock-duplicate",
                Some(line),
                format_args!("{what} is there twice"),
            ));
        }
        if !version.ends_with("/go.mod") {
            let key = ((*module).to_owned(), (*version).to_owned());
            sums.insert(key, (*sum).to_owned());
        }
    }
    Ok(sums)
}

/// The words of a line; quoted ones may hold spaces.
fn words(content: &str, line: usize) -> Result<Vec<String>, LockError> {
    let mut words = Vec::new();
    let mut rest = content.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '`') {
            let inner = rest.get(1..).unwrap_or_default();
            let closed = inner.split_once(first);
            closed.ok_or_else(|| LockError::malformed(line, "a text is not closed"))?
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        check(word, Some(line))?;
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}
