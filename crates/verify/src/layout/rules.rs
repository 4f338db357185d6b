//! The rules about files, applied.

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Algorithm, DigestSet, RelativePath};
use attest_provenance::in_toto::{ArtifactKind, Artifacts, Link, Pattern, Rule, StepName};

/// The files before and after a step or an inspection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Before.
    pub materials: Artifacts,
    /// After.
    pub products: Artifacts,
}

impl Files {
    pub(super) fn of(&self, kind: ArtifactKind) -> &Artifacts {
        match kind {
            ArtifactKind::Materials => &self.materials,
            ArtifactKind::Products => &self.products,
        }
    }
}

impl From<Link> for Files {
    fn from(link: Link) -> Self {
        Self {
            materials: link.materials,
            products: link.products,
        }
    }
}

/// The rule that failed, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFailure {
    /// `rule-disallowed` or `rule-required`.
    pub code: &'static str,
    /// The rule, as it is written.
    pub rule: String,
    /// The files that are left and disallowed, or the one that is required and not left.
    pub paths: Vec<String>,
}

/// Applies rules in their order to the materials or products of an item, and gives the paths that are
/// left at the end, which no rule consumed: they are allowed.
///
/// Each rule sees only what no rule before it has consumed. A comparison with a step or inspection that
/// is not among `items` consumes nothing.
///
/// # Errors
/// A file is left that a rule disallows; a file is not left that a rule requires.
pub fn apply(
    rules: &[Rule],
    kind: ArtifactKind,
    item: &Files,
    items: &BTreeMap<StepName, Files>,
) -> Result<Vec<String>, RuleFailure> {
    let paths = item.of(kind).paths();
    let mut queue: BTreeSet<&str> = paths.map(RelativePath::as_str).collect();
    for rule in rules {
        match rule {
            Rule::Allow(pattern) => queue.retain(|path| !pattern.matches(path)),
            Rule::Create(pattern) => queue.retain(|path| {
                let created = item.products.contains(path) && !item.materials.contains(path);
                !(created && pattern.matches(path))
            }),
            Rule::Delete(pattern) => queue.retain(|path| {
                let deleted = item.materials.contains(path) && !item.products.contains(path);
                !(deleted && pattern.matches(path))
            }),
            Rule::Modify(pattern) => {
                queue.retain(|path| !(is_modified(item, path) && pattern.matches(path)));
            }
            Rule::Disallow(pattern) => disallow(rule, pattern, &queue)?,
            Rule::Require(path) => {
                if !queue.contains(path.as_str()) {
                    return Err(RuleFailure {
                        code: "rule-required",
                        rule: rule.to_string(),
                        paths: vec![path.as_str().to_owned()],
                    });
                }
            }
            Rule::Match {
                pattern,
                source,
                kind: other,
                destination,
                step,
            } => {
                let Some(there) = items.get(step).map(|it| it.of(*other)) else {
                    continue;
                };
                let here = item.of(kind);
                let source = source.as_ref().map(RelativePath::as_str);
                let destination = destination.as_ref().map(RelativePath::as_str);
                queue.retain(|path| {
                    let Some(rest) = below(source, path).filter(|it| pattern.matches(it)) else {
                        return true;
                    };
                    let found = match destination {
                        Some(folder) => there.get(&format!("{folder}/{rest}")),
                        None => there.get(rest),
                    };
                    // Whole sets of digests, as the reference compares them; none is empty.
                    found.is_none() || found != here.get(path)
                });
            }
        }
    }
    Ok(queue.into_iter().map(str::to_owned).collect())
}

fn disallow(rule: &Rule, pattern: &Pattern, queue: &BTreeSet<&str>) -> Result<(), RuleFailure> {
    let left = queue.iter().filter(|path| pattern.matches(path));
    let paths: Vec<String> = left.map(|path| (*path).to_owned()).collect();
    if paths.is_empty() {
        return Ok(());
    }
    Err(RuleFailure {
        code: "rule-disallowed",
        rule: rule.to_string(),
        paths,
    })
}

/// The rest of a path that lies below a folder; no folder is the whole path.
pub(super) fn below<'a>(folder: Option<&str>, path: &'a str) -> Option<&'a str> {
    match folder {
        Some(folder) => path.strip_prefix(folder)?.strip_prefix('/'),
        None => Some(path),
    }
}

/// Whether a digest that both sides give is another one. The reference takes any difference of the
/// sets, so that one algorithm more on one side is a change to it.
fn is_modified(item: &Files, path: &str) -> bool {
    let before = item.materials.get(path);
    let after = item.products.get(path);
    before.zip(after).is_some_and(|(before, after)| {
        before
            .iter()
            .any(|digest| differs(digest.algorithm(), before, after))
    })
}

fn differs(algorithm: Algorithm, one: &DigestSet, other: &DigestSet) -> bool {
    let both = one.get(algorithm).zip(other.get(algorithm));
    both.is_some_and(|(one, other)| one != other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(files: &[(&str, &str)]) -> Artifacts {
        let mut artifacts = Artifacts::new();
        for (path, digit) in files {
            let mut digests = DigestSet::new();
            digests.insert("sha256", &digit.repeat(64)).unwrap();
            artifacts
                .insert(RelativePath::parse(path).unwrap(), digests)
                .unwrap();
        }
        artifacts
    }

    fn files(materials: &[(&str, &str)], products: &[(&str, &str)]) -> Files {
        Files {
            materials: artifacts(materials),
            products: artifacts(products),
        }
    }

    fn rules(texts: &[&str]) -> Vec<Rule> {
        let words = |text: &&str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        texts
            .iter()
            .map(|it| Rule::parse(&words(it)).unwrap())
            .collect()
    }

    fn left(texts: &[&str], kind: ArtifactKind) -> Result<Vec<String>, &'static str> {
        let other = files(&[], &[("foo", "1"), ("dst/deep/bar", "2"), ("odd", "9")]);
        let items = BTreeMap::from([(StepName::parse("other").unwrap(), other)]);
        let item = files(
            &[("foo", "1"), ("gone", "3"), ("changed", "4"), ("odd", "8")],
            &[
                ("foo", "1"),
                ("new", "5"),
                ("changed", "6"),
                ("src/deep/bar", "2"),
                ("odd", "8"),
            ],
        );
        apply(&rules(texts), kind, &item, &items).map_err(|it| it.code)
    }

    #[test]
    fn each_rule_consumes_its_own() {
        let products = |texts: &[&str]| left(texts, ArtifactKind::Products);
        assert_eq!(products(&["CREATE *"]).unwrap(), ["changed", "foo", "odd"]);
        assert_eq!(
            products(&["MODIFY *"]).unwrap(),
            ["foo", "new", "odd", "src/deep/bar"]
        );
        assert_eq!(
            left(&["DELETE *"], ArtifactKind::Materials).unwrap(),
            ["changed", "foo", "odd"]
        );
        assert_eq!(products(&["DELETE *"]).unwrap().len(), 5);
        assert!(products(&["ALLOW *"]).unwrap().is_empty());
        let matched = products(&["MATCH * WITH PRODUCTS FROM other"]).unwrap();
        assert_eq!(matched, ["changed", "new", "odd", "src/deep/bar"]);
        let matched = products(&["MATCH */bar IN src WITH PRODUCTS IN dst FROM other"]).unwrap();
        assert_eq!(matched, ["changed", "foo", "new", "odd"]);
        assert_eq!(
            products(&["MATCH * WITH PRODUCTS FROM nobody"])
                .unwrap()
                .len(),
            5
        );
    }

    #[test]
    fn a_folder_in_a_rule_is_not_optional_and_not_a_pattern() {
        let products = |texts: &[&str]| left(texts, ArtifactKind::Products);
        assert_eq!(
            products(&["MATCH foo IN src WITH PRODUCTS FROM other"])
                .unwrap()
                .len(),
            5
        );
        assert_eq!(
            products(&["MATCH bar IN sr* WITH PRODUCTS FROM other"])
                .unwrap()
                .len(),
            5
        );
    }

    #[test]
    fn what_is_disallowed_or_required_is_told() {
        let products = |texts: &[&str]| left(texts, ArtifactKind::Products);
        assert_eq!(products(&["DISALLOW new"]), Err("rule-disallowed"));
        assert!(products(&["CREATE new", "DISALLOW new"]).is_ok());
        assert!(products(&["REQUIRE new"]).is_ok());
        assert_eq!(
            products(&["ALLOW new", "REQUIRE new"]),
            Err("rule-required")
        );
        assert_eq!(products(&["REQUIRE n?w"]), Err("rule-required"));
    }

    #[test]
    fn one_digest_more_is_no_change_and_no_match() {
        let digests = |two: bool| {
            let mut digests = DigestSet::new();
            digests.insert("sha256", &"1".repeat(64)).unwrap();
            if two {
                digests.insert("sha512", &"2".repeat(128)).unwrap();
            }
            digests
        };
        let one = |two| {
            let mut artifacts = Artifacts::new();
            artifacts
                .insert(RelativePath::parse("foo").unwrap(), digests(two))
                .unwrap();
            artifacts
        };
        let item = Files {
            materials: one(false),
            products: one(true),
        };
        let items = BTreeMap::from([(StepName::parse("self").unwrap(), item.clone())]);
        for rule in ["MODIFY *", "MATCH * WITH MATERIALS FROM self"] {
            let left = apply(&rules(&[rule]), ArtifactKind::Products, &item, &items).unwrap();
            assert_eq!(left, ["foo"], "{rule}");
        }
    }
}
