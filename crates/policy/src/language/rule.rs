//! One `[[require]]`: what evidence there must be, of whom, and what it must say.

use std::fmt;

use attest_provenance::predicate::{TypeName, release, review, slsa, test_result, vsa, vulns};
use attest_verify::GitKind;

use super::condition::Condition;
use super::duration::MaxAge;
use super::layout;
use super::specific::Specific;
use super::vocabulary::RULE;
use crate::pattern::Pattern;
use crate::toml::{FileError, Item, Table};

/// A rule, as it stands in a policy.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(crate) name: Option<String>,
    pub(crate) line: usize,
    pub(crate) file: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) signed_by: Vec<String>,
    pub(crate) threshold: Option<usize>,
    pub(crate) each: Each,
    /// Files of a folder or list about which it asks nothing.
    pub(crate) except: Vec<Pattern>,
    pub(crate) max_age: Option<MaxAge>,
    pub(crate) independent_log: bool,
    pub(crate) independent_time: bool,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) specific: Specific,
}

/// Of which type the evidence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    word: String,
    uris: Vec<String>,
    git: Option<GitKind>,
    layout: bool,
}

/// About what there must be evidence when there are several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// About each of them.
    File,
    /// About one of them at least, such as the SBOM of a release.
    Release,
}

impl Rule {
    pub(crate) fn read(table: &Table<'_>, file: Option<&str>) -> Result<Self, FileError> {
        let Some(item) = table.has("type") else {
            table.only(RULE)?;
            return Err(table.fault("type is missing"));
        };
        let kind = Kind::read(&item, table)?;
        let fields: Vec<&str> = RULE
            .iter()
            .chain(Specific::fields(&kind))
            .copied()
            .collect();
        table.only(&fields)?;
        let name = match table.has("name") {
            Some(item) => Some(item.text()?.clean()?.to_owned()),
            None => None,
        };
        let conditions = match table.has("where") {
            Some(item) if kind.uris.is_empty() => {
                return Err(item.fault("a signature has no fields"));
            }
            Some(item) => Condition::read(&item.table()?)?,
            None => Vec::new(),
        };
        kind.check(table, &conditions)?;
        if kind.is_layout() {
            layout::refuse_fields(table)?;
        }
        let each = table
            .has("each")
            .map_or(Ok(Each::File), |it| Each::read(&it))?;
        if let (Some(item), Each::Release) = (table.has("except"), each) {
            return Err(item.fault("a rule about the release asks about no file by itself"));
        }
        let except = if kind.is_layout() {
            Vec::new()
        } else {
            layout::except(table)?
        };
        let (independent_log, independent_time) = match table.has("independent") {
            Some(item) => independent(&item)?,
            None => (false, false),
        };
        Ok(Self {
            name,
            line: table.line(),
            file: file.map(str::to_owned),
            signed_by: signed_by(&table.needs("signed_by")?)?,
            threshold: table.has("threshold").map(|it| count(&it)).transpose()?,
            each,
            except,
            max_age: table
                .has("max_age")
                .map(|it| MaxAge::read(&it))
                .transpose()?,
            independent_log,
            independent_time,
            conditions,
            specific: Specific::read(&kind, table)?,
            kind,
        })
    }

    /// What the rule is called: its name, or its type and signers.
    pub fn title(&self) -> String {
        let named = self.name.clone();
        named.unwrap_or_else(|| format!("{} by {}", self.kind.word, self.signed_by.join(" or ")))
    }

    /// Where it stands: the line, and the file that is included, if it stands in one.
    pub fn place(&self) -> (Option<&str>, usize) {
        (self.file.as_deref(), self.line)
    }

    /// Of which type the evidence is.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// About what there must be evidence.
    pub const fn each(&self) -> Each {
        self.each
    }

    /// Whether it asks nothing about the file at this path of a folder or list. That no step of a layout made it
    /// is for the layout to say.
    pub(crate) fn excepts(&self, path: &str) -> bool {
        self.except.iter().any(|it| it.matches(path))
    }

    /// The names of those who may sign it.
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }

    /// Every signer that the rule names.
    pub(crate) fn signers_named(&self) -> impl Iterator<Item = &str> {
        let excepting = self.specific.excepting();
        self.signed_by.iter().chain(excepting).map(String::as_str)
    }
}

impl Kind {
    fn read(item: &Item<'_>, table: &Table<'_>) -> Result<Self, FileError> {
        let text = item.text()?;
        let word = text.clean()?;
        let git = [(GIT_COMMIT, GitKind::Commit), (GIT_TAG, GitKind::Tag)];
        let git = git.into_iter().find(|(it, _)| *it == word);
        let git = git.map(|(_, kind)| kind);
        let layout = word == LAYOUT;
        let uris = match word {
            SIGNATURE | GIT_COMMIT | GIT_TAG | LAYOUT => Vec::new(),
            SBOM => ["spdx", "cyclonedx"]
                .iter()
                .flat_map(|it| uris(it))
                .collect(),
            _ => uris(word),
        };
        if uris.is_empty() && word != SIGNATURE && !layout && git.is_none() {
            let known = TypeName::known().map(|(name, _)| name);
            let fault = text.fault(format!(
                "type {word:?} is unknown: wanted {SIGNATURE}, a name such as test-result, or a URI"
            ));
            return Err(fault.or_nearest(
                word,
                known.chain([SIGNATURE, SBOM, GIT_COMMIT, GIT_TAG, LAYOUT]),
            ));
        }
        let mut uris = uris;
        let allows = table.has("allow_v02").and_then(|it| it.truth());
        if allows == Some(true) && uris.iter().any(|it| it == slsa::TYPE) {
            uris.push(slsa::TYPE_V0_2.to_owned());
        }
        let word = word.to_owned();
        Ok(Self {
            word,
            uris,
            git,
            layout,
        })
    }

    /// Whether a signature over the bytes themselves is meant.
    pub const fn is_signature(&self) -> bool {
        self.uris.is_empty() && self.git.is_none() && !self.layout
    }

    /// Whether the products of a layout's last step are meant.
    pub const fn is_layout(&self) -> bool {
        self.layout
    }

    /// Whether a bill of materials of any kind is meant.
    pub(crate) fn is_sbom(&self) -> bool {
        self.word == SBOM
    }

    /// Whether git's own signature of a commit or a tag is meant, and of which.
    pub const fn git(&self) -> Option<GitKind> {
        self.git
    }

    /// Whether evidence of this predicate type is meant; of none, if it is a signature over bytes.
    pub fn is(&self, predicate_type: Option<&str>) -> bool {
        match predicate_type {
            Some(found) => self.uris.iter().any(|it| it == found),
            None => self.is_signature(),
        }
    }

    /// The predicate types that are meant.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// Whether any of the predicate types is this one.
    pub(crate) fn has(&self, uri: &str) -> bool {
        self.is(Some(uri))
    }

    /// Whether evidence of this type names the files of a folder.
    pub fn names_files(&self) -> bool {
        [release::TYPE, slsa::TYPE, slsa::TYPE_V0_2]
            .iter()
            .any(|it| self.has(it))
    }

    /// Whether such evidence is about the commit that was built, and not about the artifact.
    pub fn is_about_commit(&self) -> bool {
        self.has(review::TYPE) || self.git.is_some()
    }

    /// A type whose evidence can say no must be asked what it says.
    fn check(&self, table: &Table<'_>, conditions: &[Condition]) -> Result<(), FileError> {
        let verdict = self.verdict_field().is_some();
        if !conditions.is_empty() || verdict || self.uris.is_empty() {
            return Ok(());
        }
        let can = |word: &&str| uris(word).iter().any(|it| self.has(it));
        // Of the version that is read here it is asked by the rule's own fields.
        let is_read = [vsa::TYPE, vulns::TYPE, slsa::TYPE, slsa::TYPE_V0_2];
        let is_version = |family: &&str| self.uris.iter().any(|it| it.starts_with(*family));
        let is_other = !is_read.iter().any(|it| self.has(it)) && VERDICTS.iter().any(is_version);
        if is_other || CAN_SAY_NO.iter().any(can) {
            return Err(table.fault(format!(
                "where is missing: evidence of the type {} can say no",
                self.word
            )));
        }
        Ok(())
    }

    /// The field in which evidence of this type says whether it passed: it must, unless `where` is on
    /// that field.
    pub(crate) fn verdict_field(&self) -> Option<&'static str> {
        self.has(test_result::TYPE).then_some("result")
    }
}

/// The predicate types of a word: a name that the field knows, or a URI.
fn uris(word: &str) -> Vec<String> {
    let name = TypeName::parse(word).ok().filter(|_| !word.contains('*'));
    name.map_or(Vec::new(), |it| it.uris().map(str::to_owned).collect())
}

impl Each {
    fn read(item: &Item<'_>) -> Result<Self, FileError> {
        match item.text()?.text {
            "file" => Ok(Self::File),
            "release" => Ok(Self::Release),
            other => Err(item.unknown("each", other, &["file", "release"])),
        }
    }
}

pub(crate) fn signed_by(item: &Item<'_>) -> Result<Vec<String>, FileError> {
    let mut names: Vec<String> = Vec::new();
    for field in item.clone().texts_of()? {
        let name = field.clean()?;
        if names.iter().any(|it| it == name) {
            return Err(field.fault(format!("{name} is named twice")));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(item.fault("nobody is named: anyone would do"));
    }
    Ok(names)
}

fn count(item: &Item<'_>) -> Result<usize, FileError> {
    match usize::try_from(item.number()?) {
        Ok(0) | Err(_) => Err(item.fault("none would be enough")),
        Ok(count) => Ok(count),
    }
}

fn independent(item: &Item<'_>) -> Result<(bool, bool), FileError> {
    let (mut log, mut time) = (false, false);
    for field in item.clone().texts_of()? {
        match field.text {
            "log" => log = true,
            "time" => time = true,
            other => {
                let fault = field.fault(format!("independent {other:?} is unknown"));
                return Err(fault.or_nearest(other, ["log", "time"]));
            }
        }
    }
    if !log && !time {
        return Err(item.fault("wanted log, time or both"));
    }
    Ok((log, time))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word)
    }
}

/// What a policy calls a signature over the artifact's own bytes.
const SIGNATURE: &str = "signature";

/// What a policy calls a bill of materials, whatever its kind.
const SBOM: &str = "sbom";

/// What a policy calls the products of an in-toto layout.
const LAYOUT: &str = "layout";

/// What a policy calls git's own signature of the commit that was built.
const GIT_COMMIT: &str = "git-commit";

/// What a policy calls git's own signature of the tag that was built.
const GIT_TAG: &str = "git-tag";

/// Types that are asked what they say, in `where`: their evidence can say no.
const CAN_SAY_NO: &[&str] = &["openvex", "scai", "svr", "vuln"];

/// Families of types whose evidence can say no in every version, also in those that we do not read.
const VERDICTS: &[&str] = &[
    "https://cosign.sigstore.dev/attestation/vuln/",
    "https://in-toto.io/Provenance/",
    "https://in-toto.io/attestation/scai/",
    "https://in-toto.io/attestation/svr/",
    "https://in-toto.io/attestation/test-result/",
    "https://in-toto.io/attestation/vulns/",
    "https://openvex.dev/ns",
    "https://slsa.dev/provenance/",
    "https://slsa.dev/verification_summary/",
];
