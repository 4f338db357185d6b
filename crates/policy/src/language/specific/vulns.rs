//! Findings of a scan, and who may say that one does no harm.

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Algorithm, Digest};
use attest_provenance::Statement;
use attest_provenance::predicate::PredicateError;
use attest_provenance::predicate::openvex::{self, OpenVex, Product, Status, VexStatement};
use attest_provenance::predicate::vulns::{Finding, Vulns};
use attest_verify::Evidence;

use super::{DENY, Said};
use crate::reason::Reason;
use crate::signers::Signers;
use crate::toml::{FileError, Item, Table};

/// Which findings are denied, and by whose word they may be there nevertheless.
#[derive(Debug, Clone)]
pub(crate) struct Deny {
    severities: Vec<Severity>,
    unless_vex: Vec<String>,
    product: Option<String>,
}

/// A finding that is denied, if nobody who may says that it does no harm.
#[derive(Debug, Clone)]
pub(crate) struct Denied {
    id: String,
    severity: String,
}

/// What those who may say so say about findings: the documents about one subject.
pub(crate) struct Exceptions<'a> {
    pub(crate) documents: Vec<&'a Evidence>,
    /// Those who may, as many as must.
    pub(crate) signers: Option<&'a Signers>,
    /// The bytes that are judged.
    pub(crate) digests: Vec<Digest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    None,
    Low,
    Medium,
    High,
    Critical,
}

const WORDS: &[(&str, Severity)] = &[
    ("none", Severity::None),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

impl Deny {
    pub(super) fn read(table: &Table<'_>) -> Result<Self, FileError> {
        table.only(DENY)?;
        let list = table.needs("severity")?;
        let mut severities = Vec::new();
        for field in list.texts()? {
            let known = WORDS.iter().find(|(word, _)| *word == field.text);
            let Some((_, severity)) = known else {
                let fault = field.fault(format!("severity {:?} is unknown", field.text));
                return Err(fault.or_nearest(field.text, WORDS.iter().map(|(word, _)| *word)));
            };
            severities.push(*severity);
        }
        if severities.is_empty() {
            return Err(list.fault("no severity is denied: every finding would do"));
        }
        let lowest = severities.iter().min().copied();
        let mut worse = WORDS.iter().filter(|(_, it)| Some(*it) > lowest);
        if let Some((word, _)) = worse.find(|(_, it)| !severities.contains(it)) {
            let fault = format!("{word} is not denied, and less than that is");
            return Err(list.fault(fault));
        }
        let unless_vex = match table.has("unless_vex") {
            Some(item) => super::super::rule::signed_by(&item)?,
            None => Vec::new(),
        };
        let product = |item: Item<'_>| Ok(item.text()?.clean()?.to_owned());
        Ok(Self {
            severities,
            unless_vex,
            product: table.has("product").map(product).transpose()?,
        })
    }

    pub(super) fn excepting(&self) -> &[String] {
        &self.unless_vex
    }

    pub(super) fn words(&self) -> String {
        let words = WORDS.iter().filter(|(_, it)| self.severities.contains(it));
        let words: Vec<&str> = words.map(|(word, _)| *word).collect();
        let unless = match self.unless_vex.as_slice() {
            [] => String::new(),
            names => format!(" unless {} says that it does no harm", names.join(" or ")),
        };
        format!(
            "nothing is {} or of unknown severity{unless}",
            words.join(", ")
        )
    }

    pub(super) fn ask(&self, statement: &Statement) -> Said {
        let scan = match Vulns::from_statement(statement) {
            Ok(scan) => scan,
            Err(error) => return Said::malformed(&error, "a scan for vulnerabilities"),
        };
        let denied = scan
            .findings
            .iter()
            .filter_map(|it| self.denied(it))
            .collect();
        let count = scan.findings.len();
        Said {
            found: vec![format!("{count} findings by {}", scan.scanner_uri)],
            denied,
            ..Said::default()
        }
    }

    fn denied(&self, finding: &Finding) -> Option<Denied> {
        let severities = finding.severities.iter().map(|it| severity(&it.score));
        let all: Option<Vec<Severity>> = severities.collect();
        // The worst of all methods; one that is not understood might be worse.
        let worst = all.and_then(|it| it.into_iter().max());
        if worst.is_some_and(|it| !self.severities.contains(&it)) {
            return None;
        }
        let word = WORDS.iter().find(|(_, it)| Some(*it) == worst);
        Some(Denied {
            id: finding.id.clone(),
            severity: word.map_or("unknown", |(word, _)| word).to_owned(),
        })
    }

    /// What is denied and not excepted; and, in words, what was excepted.
    pub(crate) fn judge(
        &self,
        denied: &[Denied],
        exceptions: &Exceptions<'_>,
    ) -> (Vec<String>, Vec<Reason>) {
        let documents = match documents(exceptions) {
            Ok(documents) => documents,
            // It might be the newest word, and say that it does harm.
            Err(error) => {
                let said = Said::malformed(&error, "an OpenVEX document");
                return (Vec::new(), said.reasons);
            }
        };
        let enough = |by: &[&Evidence]| {
            let signers = exceptions.signers;
            signers.is_some_and(|it| it.enough(by).is_ok())
        };
        let mut excepted = Vec::new();
        let mut reasons = Vec::new();
        let all: Vec<Word<'_>> = documents
            .iter()
            .flat_map(|(evidence, document)| {
                let statements = document.statements.iter();
                statements.map(|it| (*evidence, it))
            })
            .collect();
        let names = Names::of(&all);
        for finding in denied {
            let known = names.of_one(&finding.id);
            let about: Vec<Word<'_>> = all
                .iter()
                .filter(|(_, it)| named(it).any(|it| known.contains(it)))
                .filter(|(_, it)| self.is_of_product(it, exceptions))
                .copied()
                .collect();
            if let Some(word) = harmless(&finding.id, &about, &enough) {
                excepted.push(format!("{} {} ({word})", finding.id, finding.severity));
                continue;
            }
            let said = about
                .iter()
                .map(|(_, it)| it.status.word())
                .collect::<Vec<_>>();
            let said = if said.is_empty() {
                String::new()
            } else {
                format!(", of which is said: {}", said.join(", "))
            };
            let found = format!("{} of severity {}{said}", finding.id, finding.severity);
            reasons.push(Reason::new("vulnerability-found", found, self.words()));
        }
        (excepted, reasons)
    }

    /// Whether a statement is about what is judged. One that names no product is about the subject of
    /// its envelope, which is. That a part does no harm says nothing of the whole; that it does, does.
    fn is_of_product(&self, statement: &VexStatement, exceptions: &Exceptions<'_>) -> bool {
        let mut products = statement.products.iter();
        statement.products.is_empty()
            || products.any(|it| {
                let is_whole = it.subcomponents.is_empty() || !is_harmless(statement);
                is_whole && self.is_product(it, exceptions)
            })
    }

    fn is_product(&self, product: &Product, exceptions: &Exceptions<'_>) -> bool {
        let mut has_digest = false;
        for (name, algorithm) in HASHES {
            let Some(claimed) = product.hashes.get(*name) else {
                continue;
            };
            let mut ours = exceptions
                .digests
                .iter()
                .filter(|it| it.algorithm() == *algorithm);
            match ours.next() {
                Some(digest) if digest.hex() == *claimed => has_digest = true,
                _ => return false,
            }
        }
        let named = |it: &String| Some(it) == self.product.as_ref();
        let is_named = product.id.as_ref().is_some_and(named)
            || product.identifiers.get("purl").is_some_and(named);
        has_digest || is_named
    }
}

const HASHES: &[(&str, Algorithm)] = &[
    ("sha-256", Algorithm::Sha256),
    ("sha-384", Algorithm::Sha384),
    ("sha-512", Algorithm::Sha512),
];

/// A statement, and the evidence that it stands in.
type Word<'a> = (&'a Evidence, &'a VexStatement);

/// The documents of those who may except.
fn documents<'a>(
    exceptions: &Exceptions<'a>,
) -> Result<Vec<(&'a Evidence, OpenVex)>, PredicateError> {
    let of = exceptions.documents.iter().filter_map(|it| {
        let statement = it.statement()?;
        let types = [openvex::TYPE, openvex::TYPE_V0_2];
        types
            .contains(&statement.predicate_type())
            .then_some((*it, statement))
    });
    of.map(|(evidence, statement)| Ok((evidence, OpenVex::from_statement(statement)?)))
        .collect()
}

const fn is_harmless(statement: &VexStatement) -> bool {
    matches!(statement.status, Status::NotAffected | Status::Fixed)
}

/// The names of a vulnerability in one statement.
fn named(statement: &VexStatement) -> impl Iterator<Item = &str> {
    std::iter::once(&statement.vulnerability)
        .chain(&statement.aliases)
        .map(String::as_str)
}

/// Which statements give each name, to follow from one to the next.
struct Names<'a> {
    statements: &'a [Word<'a>],
    by_name: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Names<'a> {
    fn of(statements: &'a [Word<'a>]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, (_, statement)) in statements.iter().enumerate() {
            for name in named(statement) {
                by_name.entry(name).or_default().push(place);
            }
        }
        Self {
            statements,
            by_name,
        }
    }

    /// Every name that statements give the vulnerability of this name, and those that others give these. Each
    /// statement is followed once.
    fn of_one<'n>(&self, name: &'n str) -> BTreeSet<&'n str>
    where
        'a: 'n,
    {
        let mut known = BTreeSet::from([name]);
        let mut followed = BTreeSet::new();
        let mut next = vec![name];
        while let Some(name) = next.pop() {
            for place in self.by_name.get(name).into_iter().flatten() {
                if !followed.insert(*place) {
                    continue;
                }
                let statement = self.statements.get(*place).map(|(_, it)| *it);
                let names = statement.into_iter().flat_map(named);
                next.extend(names.filter(|it| known.insert(*it)));
            }
        }
        known
    }
}

/// The status that excepts a finding, if as many as must say it of that very name after the last word to the
/// contrary; and such a word counts under every other name that the vulnerability is given. So names lead to
/// refusals, and never to an exception that nobody gave.
fn harmless(
    finding: &str,
    about: &[Word<'_>],
    enough: &dyn Fn(&[&Evidence]) -> bool,
) -> Option<&'static str> {
    let harmful = about.iter().filter(|(_, it)| !is_harmless(it));
    let last = harmful.map(|(_, it)| it.timestamp).max();
    let after = about
        .iter()
        .filter(|(_, it)| named(it).any(|it| it == finding))
        .filter(|(_, it)| is_harmless(it) && last.is_none_or(|last| it.timestamp > last));
    let by: Vec<&Evidence> = after.clone().map(|(evidence, _)| *evidence).collect();
    let newest = after.max_by_key(|(_, it)| it.timestamp)?;
    enough(&by).then(|| newest.1.status.word())
}

/// A severity by its word, or a CVSS score by its bands.
fn severity(score: &str) -> Option<Severity> {
    let word = score.to_ascii_lowercase();
    let word = if word == "moderate" { "medium" } else { &word };
    if let Some((_, severity)) = WORDS.iter().find(|(known, _)| *known == word) {
        return Some(*severity);
    }
    let plain = score.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let score: f64 = score.parse().ok().filter(|_| plain)?;
    match score {
        0.0 => Some(Severity::None),
        it if it < 4.0 => Some(Severity::Low),
        it if it < 7.0 => Some(Severity::Medium),
        it if it < 9.0 => Some(Severity::High),
        it if it <= 10.0 => Some(Severity::Critical),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_by_word_and_by_score() {
        for (score, wanted) in [
            ("critical", Some(Severity::Critical)),
            ("HIGH", Some(Severity::High)),
            ("Moderate", Some(Severity::Medium)),
            ("0", Some(Severity::None)),
            ("0.0", Some(Severity::None)),
            ("0.1", Some(Severity::Low)),
            ("3.9", Some(Severity::Low)),
            ("4.0", Some(Severity::Medium)),
            ("6.9", Some(Severity::Medium)),
            ("7.0", Some(Severity::High)),
            ("8.9", Some(Severity::High)),
            ("9.0", Some(Severity::Critical)),
            ("9.8", Some(Severity::Critical)),
            ("10.0", Some(Severity::Critical)),
            ("10.1", None),
            ("100", None),
            ("none", Some(Severity::None)),
            ("low", Some(Severity::Low)),
            ("lowest", None),
            ("NaN", None),
            ("-1", None),
            ("9e0", None),
            ("", None),
            ("CVSS:3.1/AV:N", None),
        ] {
            assert_eq!(severity(score), wanted, "{score}");
        }
    }
}
