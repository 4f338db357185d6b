//! Minimum elements, as data: `profiles/*.toml`.

use crate::error::LockError;
use crate::read::{Item, Reading};
use crate::toml::{Document, Node};

/// A set of elements that a bill of materials must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `ntia-2021`.
    pub name: String,
    /// Whose it is.
    pub title: String,
    elements: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    name: String,
    title: String,
    of_document: bool,
    any: Vec<String>,
}

/// How far a bill has the elements of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// Each element.
    pub elements: Vec<Element>,
}

/// How far a bill has one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its short name.
    pub name: String,
    /// Its name in the profile's own words.
    pub title: String,
    /// Of how many it is wanted: all components and the root, or the document alone.
    pub of: usize,
    /// How many have it.
    pub have: usize,
    /// The components that lack it.
    pub lacking: Vec<String>,
}

impl Profile {
    /// The names of those that we have.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROFILES.iter().map(|it| it.0)
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// A profile that is no data of ours: none that we ship.
    pub fn named(name: &str) -> Option<Result<Self, LockError>> {
        let found = PROFILES.iter().find(|it| it.0 == name);
        found.map(|(name, text)| Self::parse(name, text))
    }

    fn parse(name: &str, text: &str) -> Result<Self, LockError> {
        let document = Document::parse(text.as_bytes())?;
        let root = document.root();
        root.only(&["title", "source", "element"])?;
        let elements = root.items_of("element")?;
        Ok(Self {
            name: name.to_owned(),
            title: root.needs_text("title")?.to_owned(),
            elements: elements.into_iter().map(rule).collect::<Result<_, _>>()?,
        })
    }

    /// Asks the document and each component for each element.
    pub fn score(&self, reading: &Reading) -> Score {
        let elements = self.elements.iter().map(|it| it.score(reading)).collect();
        Score { elements }
    }
}

impl Score {
    /// Whether nothing is lacking.
    pub fn is_full(&self) -> bool {
        self.elements.iter().all(|it| it.have == it.of && it.of > 0)
    }
}

fn rule(element: Node<'_>) -> Result<Rule, LockError> {
    element.only(&["name", "title", "of", "any"])?;
    let of_document = match element.needs_text("of")? {
        "document" => true,
        "component" => false,
        _ => return Err(element.fault("of is document or component")),
    };
    let any = element.items_of("any")?.into_iter().map(|it| {
        let word = it.text()?;
        let known = if of_document { DOCUMENT } else { COMPONENT };
        if known.contains(&word) {
            Ok(word.to_owned())
        } else {
            Err(it.fault(format_args!("{word:?} is unknown here")))
        }
    });
    Ok(Rule {
        name: element.needs_text("name")?.to_owned(),
        title: element.needs_text("title")?.to_owned(),
        of_document,
        any: any.collect::<Result<_, _>>()?,
    })
}

impl Rule {
    fn score(&self, reading: &Reading) -> Element {
        let has = |says: &std::collections::BTreeSet<&'static str>| {
            self.any.iter().any(|it| says.contains(it.as_str()))
        };
        let (of, lacking) = if self.of_document {
            let lacks = !has(&reading.says);
            (
                1,
                lacks
                    .then(|| "the document".to_owned())
                    .into_iter()
                    .collect(),
            )
        } else {
            let lacking = reading.all().filter(|it| !has(&it.says)).map(Item::shown);
            (reading.all().count(), lacking.collect::<Vec<String>>())
        };
        Element {
            name: self.name.clone(),
            title: self.title.clone(),
            of,
            have: of - lacking.len(),
            lacking,
        }
    }
}

const DOCUMENT: &[&str] = &["author", "timestamp", "tool", "context"];
const COMPONENT: &[&str] = &[
    "supplier",
    "manufacturer",
    "publisher",
    "maker",
    "name",
    "version",
    "purl",
    "cpe",
    "swid",
    "omnibor",
    "hash",
    "licence",
    "relationship",
];

const PROFILES: &[(&str, &str)] = &[
    ("cisa-2025", include_str!("../profiles/cisa-2025.toml")),
    ("ntia-2021", include_str!("../profiles/ntia-2021.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_is_well_formed() {
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap().unwrap();
            assert!(profile.elements.len() >= 7, "{name}");
            assert!(
                profile.elements.iter().all(|it| !it.any.is_empty()),
                "{name}"
            );
        }
        assert!(Profile::named("other").is_none());
    }

    #[test]
    fn a_word_that_no_reader_says_is_refused() {
        let text = "title = \"x\"\n[[element]]\nname = \"a\"\ntitle = \"a\"\nof = \"document\"\nany = [\"hash\"]\n";
        let error = Profile::parse("x", text).unwrap_err();
        assert_eq!(error.to_string(), "line 6: \"hash\" is unknown here");
    }
}
