//! The language of policies: TOML with a closed vocabulary, in which the signer is mandatory and a
//! missing field fails. `docs/policy.md` explains it.
//!
//! ```toml
//! version = 1
//! name    = "prod-promotion"
//! expires = 2027-03-31T00:00:00Z
//!
//! [trust.ci]
//! kind     = "sigstore"
//! issuer   = "https://token.actions.githubusercontent.com"
//! identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
//!
//! [[require]]
//! type      = "test-result"
//! signed_by = "ci"
//! where     = { failedTests = [] }
//! ```
//!
//! | | |
//! |---|---|
//! | [`PolicyFile`] | one file, read |
//! | [`Closure`] | a file with all that it includes, by digest |
//! | [`Rules`] | a closure whose signers are known: it judges evidence |

mod closure;
mod condition;
mod duration;
mod judge;
mod layout;
mod rule;
mod specific;
mod state;
mod table;
pub(crate) mod vocabulary;
mod words;

use std::collections::BTreeSet;

use attest_digest::{Algorithm, Digest};
use attest_verify::IdentityPattern;
use jiff::Timestamp;

use crate::signers::{FileGroup, FileSigners, KeySource};
use crate::toml::{Document, FileError, Item, Table};
use crate::{limits, signers};
pub use closure::{Closure, ClosureError};
pub use condition::{Condition, Glob};
pub use duration::MaxAge;
pub use judge::{
    AskedLayout, Built, GitPiece, Group, Inquiry, LayoutFault, RuleAnswer, Rules, RulesError,
    Subject,
};
pub use layout::LayoutPiece;
pub use rule::{Each, Kind, Rule};
pub use state::{PolicyState, Remembered, StateError};
pub use table::{TestCase, TestTable};
pub use vocabulary::vocabulary;

/// A policy file, read: nothing that it names was looked for yet.
#[derive(Debug, Clone)]
pub struct PolicyFile {
    pub(crate) name: String,
    pub(crate) serial: Option<u64>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) include: Vec<Include>,
    pub(crate) builders: Vec<Include>,
    pub(crate) independent: Vec<String>,
    pub(crate) accept: BTreeSet<Accepts>,
    pub(crate) digests: Vec<Algorithm>,
    pub(crate) git_sha1: bool,
    pub(crate) groups: Vec<FileGroup>,
    pub(crate) denied_keys: Vec<KeySource>,
    pub(crate) denied_identities: Vec<IdentityPattern>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) max_trust_age: Option<MaxAge>,
    pub(crate) emits: Option<Emits>,
}

/// The verification summary that a policy lets be written of a yes: who verified, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emits {
    /// The verifier's id.
    pub verifier: String,
    /// The resource's URI.
    pub resource: String,
}

/// A file that is included, with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Include {
    pub(crate) file: String,
    pub(crate) sha256: [u8; 32],
}

/// What a policy accepts less than the default of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accepts {
    /// No transparency log entry.
    NoLog,
    /// No trusted time.
    NoTime,
    /// A log's signed promise instead of an inclusion proof.
    SetOnly,
    /// Of commits and tags: neither a log entry nor a trusted time, which signatures by SSH and OpenPGP keys
    /// cannot have.
    GitUnlogged,
}

/// As what a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The policy itself.
    Policy,
    /// A file that it includes, by its name.
    Included(&'a str),
}

impl PolicyFile {
    /// Reads a policy by itself. What it includes is only named.
    ///
    /// # Errors
    /// Where it is not TOML, has an unknown key, lacks one, or says what nobody can mean: with line and
    /// column.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        Self::read(text, Part::Policy)
    }

    pub(crate) fn read(text: &str, part: Part<'_>) -> Result<Self, FileError> {
        let document = Document::parse(text)?;
        let root = document.root();
        let included = match part {
            Part::Policy => None,
            Part::Included(file) => Some(file),
        };
        root.only(match part {
            Part::Policy => vocabulary::POLICY,
            Part::Included(_) => vocabulary::INCLUDED,
        })?;
        let version = root.needs("version")?;
        if version.number()? != 1 {
            return Err(version.fault("version is not 1"));
        }
        let groups = groups(&root)?;
        let (denied_keys, denied_identities) = match root.has("deny") {
            Some(deny) => signers::denied(&deny.table()?)?,
            None => (Vec::new(), Vec::new()),
        };
        let file = Self {
            name: match part {
                Part::Policy => name(&root)?,
                Part::Included(_) => String::new(),
            },
            serial: root.has("serial").map(|it| it.number()).transpose()?,
            expires: root.has("expires").map(|it| it.time()).transpose()?,
            include: includes(&root, "include")?,
            builders: includes(&root, "builders")?,
            independent: independent(&root)?,
            accept: accept(&root)?,
            digests: digests(&root)?,
            git_sha1: git_sha1(&root)?,
            rules: rules(&root, included)?,
            max_trust_age: root
                .has("max_trust_age")
                .map(|it| MaxAge::read(&it))
                .transpose()?,
            emits: emits(&root)?,
            groups,
            denied_keys,
            denied_identities,
        };
        if part == Part::Policy && file.include.is_empty() {
            if file.groups.is_empty() {
                return Err(root.fault("trust is missing: nobody is trusted"));
            }
            if file.rules.is_empty() {
                return Err(root.fault("require is missing: nothing would be asked"));
            }
            check_names(&root, &file)?;
        }
        Ok(file)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Every signer that a rule names must be trusted somewhere; here, when nothing is included.
fn check_names(root: &Table<'_>, file: &PolicyFile) -> Result<(), FileError> {
    let rules = root.needs("require")?.items()?;
    for (rule, item) in file.rules.iter().zip(&rules) {
        let known = |name: &String| file.groups.iter().any(|it| it.name == *name);
        if let Some(unknown) = rule.signed_by.iter().find(|it| !known(it)) {
            let place = item.table()?.needs("signed_by")?;
            let names: Vec<&str> = file.groups.iter().map(|it| it.name.as_str()).collect();
            let meant = crate::nearest(unknown, names.iter().copied());
            let fault = match meant {
                Some(meant) => format!("nobody is trusted as {unknown}; did you mean {meant}?"),
                None => format!(
                    "nobody is trusted as {unknown}: there is {}",
                    names.join(", ")
                ),
            };
            return Err(place.fault(fault));
        }
    }
    Ok(())
}

fn name(root: &Table<'_>) -> Result<String, FileError> {
    let field = root.needs("name")?.text()?;
    let name = field.clean()?;
    if name.len() > limits::QUOTED_BYTES {
        return Err(field.fault(format!("a name has at most {} bytes", limits::QUOTED_BYTES)));
    }
    Ok(name.to_owned())
}

fn groups(root: &Table<'_>) -> Result<Vec<FileGroup>, FileError> {
    let Some(trust) = root.has("trust") else {
        return Ok(Vec::new());
    };
    let trust = trust.table()?;
    let group = |(name, item): (&str, &Item<'_>)| {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(item.fault("a signer has a name"));
        }
        let table = item.table()?;
        let group = signers::group(name, &table)?;
        pinned(&group, &table)?;
        Ok(group)
    };
    trust.fields().map(group).collect()
}

/// Keys are named by fingerprint, so that the digest of a policy covers them.
fn pinned(group: &FileGroup, table: &Table<'_>) -> Result<(), FileError> {
    let FileSigners::Keys(keys) = &group.signers else {
        return Ok(());
    };
    let items = table.needs("keys")?.items()?;
    let loose = keys.iter().zip(&items).find(|(key, _)| key.pin.is_none());
    match loose {
        Some((_, item)) => Err(item.fault(
            "a policy names keys by fingerprint: \"sha256:…\", or { file = \"…\", sha256 = \"…\" }",
        )),
        None => Ok(()),
    }
}

fn includes(root: &Table<'_>, name: &str) -> Result<Vec<Include>, FileError> {
    let Some(list) = root.has(name) else {
        return Ok(Vec::new());
    };
    list.items()?.iter().map(one_include).collect()
}

/// A file below the policy's folder, by its digest.
fn one_include(item: &Item<'_>) -> Result<Include, FileError> {
    let table = item.table()?;
    table.only(vocabulary::INCLUDE)?;
    let field = table.needs("file")?.text()?;
    let file = field.clean()?;
    let below = attest_digest::RelativePath::parse(file);
    if let Err(error) = below {
        return Err(field.fault(format!(
            "{error}: a path below the policy's folder is wanted"
        )));
    }
    let pin = table.needs("sha256")?.text()?;
    let Ok(Digest::Sha256(sha256)) = Digest::parse(&format!("sha256:{}", pin.text)) else {
        return Err(pin.fault("wanted 64 lower-case hexadecimal digits"));
    };
    let file = file.to_owned();
    Ok(Include { file, sha256 })
}

fn independent(root: &Table<'_>) -> Result<Vec<String>, FileError> {
    let Some(list) = root.has("independent") else {
        return Ok(Vec::new());
    };
    let fields = list.texts()?;
    fields.iter().map(|it| Ok(it.clean()?.to_owned())).collect()
}

fn accept(root: &Table<'_>) -> Result<BTreeSet<Accepts>, FileError> {
    let Some(list) = root.has("accept") else {
        return Ok(BTreeSet::new());
    };
    let words = |field: &crate::toml::Field<'_>| match field.text {
        "no-log" => Ok(Accepts::NoLog),
        "no-time" => Ok(Accepts::NoTime),
        "set-only" => Ok(Accepts::SetOnly),
        "git-unlogged" => Ok(Accepts::GitUnlogged),
        other => {
            let fault = field.fault(format!("accept {other:?} is unknown"));
            Err(fault.or_nearest(other, ["no-log", "no-time", "set-only", "git-unlogged"]))
        }
    };
    list.texts()?.iter().map(words).collect()
}

fn digests(root: &Table<'_>) -> Result<Vec<Algorithm>, FileError> {
    let Some(artifact) = root.has("artifact") else {
        return Ok(Algorithm::ALL.to_vec());
    };
    let artifact = artifact.table()?;
    artifact.only(vocabulary::ARTIFACT)?;
    let Some(list) = artifact.has("digests") else {
        return Ok(Algorithm::ALL.to_vec());
    };
    let fields = list.texts()?;
    if fields.is_empty() {
        return Err(list.fault("no digest would be accepted"));
    }
    let algorithm = |field: &crate::toml::Field<'_>| {
        Algorithm::from_name(field.text).ok_or_else(|| {
            let names = Algorithm::ALL.map(Algorithm::name);
            let fault = field.fault(format!("{:?} is no digest that suffices", field.text));
            fault.or_nearest(field.text, names)
        })
    };
    fields.iter().map(algorithm).collect()
}

/// Whether a commit may be named by its SHA-1, as most are.
fn git_sha1(root: &Table<'_>) -> Result<bool, FileError> {
    let Some(artifact) = root.has("artifact") else {
        return Ok(false);
    };
    let allowed = artifact.table()?.has("git_sha1");
    allowed.map_or(Ok(false), |it| it.boolean())
}

/// What is written of a yes.
fn emits(root: &Table<'_>) -> Result<Option<Emits>, FileError> {
    let Some(emit) = root.has("emit") else {
        return Ok(None);
    };
    let emit = emit.table()?;
    emit.only(vocabulary::EMIT)?;
    let vsa = emit.needs("vsa")?.table()?;
    vsa.only(vocabulary::EMIT_VSA)?;
    let text = |name| Ok::<_, FileError>(vsa.needs(name)?.text()?.clean()?.to_owned());
    Ok(Some(Emits {
        verifier: text("verifier_id")?,
        resource: text("resource_uri")?,
    }))
}

fn rules(root: &Table<'_>, file: Option<&str>) -> Result<Vec<Rule>, FileError> {
    let Some(list) = root.has("require") else {
        return Ok(Vec::new());
    };
    let items = list.items()?;
    if items.len() > limits::POLICY_RULES {
        return Err(list.fault(format!("more than {} rules", limits::POLICY_RULES)));
    }
    items
        .iter()
        .map(|item| Rule::read(&item.table()?, file))
        .collect()
}

#[cfg(test)]
mod tests;
