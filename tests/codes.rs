//! Every stable code in one list: `docs/codes.md`, made from the lists of the crates. A code that is
//! new, gone, or means something else shows up here.
//!
//! `ATTEST_BLESS=1 cargo test -p attest codes` writes the page anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::page::root;

#[path = "../crates/attest/src/codes.rs"]
mod registry;

/// What is known of one code in all crates.
struct Code {
    meaning: &'static str,
    places: Vec<&'static str>,
    exits: &'static [u8],
}

fn codes() -> BTreeMap<&'static str, Code> {
    let mut codes = BTreeMap::new();
    for listed in registry::all() {
        let code = codes.entry(listed.code).or_insert_with(|| Code {
            meaning: listed.meaning,
            places: Vec::new(),
            exits: registry::exits(listed.code),
        });
        assert_eq!(
            code.meaning, listed.meaning,
            "{} has two meanings: in {:?} and in {}",
            listed.code, code.places, listed.place
        );
        code.places.push(listed.place);
    }
    assert!(codes.len() > 200, "only {} codes", codes.len());
    codes
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (name, code) in codes() {
        let exits: Vec<String> = code.exits.iter().map(u8::to_string).collect();
        let exits = if exits.is_empty() {
            "–".to_owned()
        } else {
            exits.join(", ")
        };
        let places = code.places.join(", ");
        writeln!(
            page,
            "| `{name}` | {exits} | {} | {places} |",
            code.meaning.replace('|', "\\|")
        )
        .unwrap();
    }
    page
}

#[test]
fn the_page_of_codes_is_what_the_crates_list() {
    let path = root().join("docs/codes.md");
    let wanted = page();
    if std::env::var_os("ATTEST_BLESS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differing = wanted
        .lines()
        .zip(found.lines())
        .find(|(one, other)| one != other);
    assert!(
        found == wanted,
        "docs/codes.md is not what the crates list: {differing:?}. Codes are part of the interface; \
         if the change is meant, write the page anew with ATTEST_BLESS=1, and say so in CHANGELOG.md"
    );
}

#[test]
fn codes_are_in_kebab_case_and_say_what_they_mean() {
    for (code, known) in codes() {
        let is_kebab = code.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        });
        assert!(is_kebab, "{code}");
        assert!(
            !known.meaning.is_empty() && !known.meaning.contains('\n'),
            "{code}"
        );
    }
}

#[test]
fn the_command_lists_its_own_codes_once_and_no_others() {
    let own: Vec<&str> = registry::OWN.iter().map(|it| it.code).collect();
    assert!(own.is_sorted_by(|one, next| one < next), "{own:?}");
    for (code, known) in codes() {
        let is_own = own.contains(&code);
        assert!(
            !is_own || known.places == ["attest"],
            "{code} is a code of {:?}",
            known.places
        );
    }
    for own in registry::OWN {
        assert!(!own.exits.is_empty(), "{} is never answered", own.code);
    }
}

#[test]
fn what_is_passed_on_is_a_code_of_another_crate_and_stands_once() {
    let known = codes();
    let mut seen = BTreeSet::new();
    for (exits, passed) in registry::PASSED_ON {
        assert!(
            exits.is_sorted() && exits.iter().all(|it| *it <= 3),
            "{exits:?}"
        );
        for code in *passed {
            assert!(seen.insert(code), "{code} stands twice");
            let places = &known
                .get(code)
                .unwrap_or_else(|| panic!("nobody lists {code}"))
                .places;
            assert!(!places.contains(&"attest"), "{code} is the command's own");
        }
    }
}

/// Words in kebab case of the command's sources that are no codes.
const NO_CODES: &[&str] = &[
    "actor-uuid",
    "allow-parameter",
    "archived-release",
    "assessment-objective",
    "assessment-results",
    "audit-head",
    "back-matter",
    "bad-request",
    "build-workflow-input",
    "builder-id",
    "buildkite-agent",
    "cat-file",
    "certificate-identity",
    "certificate-oidc-issuer",
    "commit-review",
    "control-id",
    "control-selections",
    "design-review",
    "dsse-envelope",
    "ecdsa-sha2-nistp256",
    "empty-password",
    "git-unlogged",
    "github-actions",
    "import-ap",
    "in-toto",
    "include-controls",
    "last-modified",
    "local-definitions",
    "log-proof",
    "metadata-directory",
    "no-failure",
    "no-log",
    "no-names",
    "no-time",
    "not-looked-at",
    "not-reached",
    "not-satisfied",
    "objective-id",
    "objectives-and-methods",
    "observation-uuid",
    "oci-layout",
    "oscal-version",
    "password-protected",
    "provenance-build",
    "provenance-path",
    "related-observations",
    "release-statement",
    "relevant-evidence",
    "request-token",
    "resource-uri",
    "return-value",
    "rev-list",
    "rev-parse",
    "reviewed-controls",
    "self-asserted",
    "set-only",
    "sha-256",
    "sha1-git",
    "slsa-build-l1",
    "slsa-build-l2",
    "slsa-build-l3",
    "slsa-level",
    "slsa-provenance",
    "source-branch",
    "source-commit",
    "source-ref",
    "source-tag",
    "source-uri",
    "source-versioned-tag",
    "ssdf-ps",
    "ssdf-pw2",
    "step-name",
    "subject-uuid",
    "target-id",
    "test-result",
    "two-person-release",
    "use-dsse",
    "verifier-id",
    "xdg-open",
];

#[test]
fn every_code_in_the_commands_sources_is_listed_and_every_listed_one_is_there() {
    let known = codes();
    let mut written = BTreeSet::new();
    for path in sources(&root().join("crates/attest/src")) {
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap();
        for word in literals(product).filter(|word| word.contains('-')) {
            let name = path.display();
            assert!(
                known.contains_key(word) || NO_CODES.contains(&word),
                "{word} in {name} is in no list of codes: crates/attest/src/codes.rs has those of the command"
            );
            written.insert(word.to_owned());
        }
    }
    for own in registry::OWN {
        assert!(
            written.contains(own.code),
            "{} is listed and never given",
            own.code
        );
    }
    for word in NO_CODES {
        assert!(written.contains(*word), "{word} is not there any more");
    }
}

/// The sources of the command, without its lists of codes.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(sources(&path));
        } else if path.file_name().is_some_and(|name| name != "codes.rs") {
            paths.push(path);
        }
    }
    assert!(!paths.is_empty(), "{}", folder.display());
    paths
}

/// String literals that are words in kebab case.
fn literals(source: &str) -> impl Iterator<Item = &str> {
    let is_word = |text: &&str| {
        text.len() > 3
            && text
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(is_word)
}

/// The code of a refusal on stderr, and whether it comes with this exit code.
///
/// # Panics
/// When the command answers with a code that is in no list, or with another exit code than listed.
#[track_caller]
pub(crate) fn assert_listed(exit: i32, err: &str) {
    let refused = err.lines().find_map(|line| line.strip_prefix("error["));
    let Some((code, _)) = refused.and_then(|line| line.split_once("]: ")) else {
        return;
    };
    // Whatever fails while a command is run for the caller comes with one that is not the command's.
    let is_own = exit == 125 && !registry::exits(code).is_empty();
    assert!(
        is_own
            || registry::exits(code)
                .iter()
                .any(|it| i32::from(*it) == exit),
        "{code} came with exit {exit}; crates/attest/src/codes.rs has {:?}",
        registry::exits(code)
    );
}

const INTRODUCTION: &str = "\
# Codes

Every refusal has a code: in `error[CODE]` on stderr, at each file and bundle of a report, and in the
JSON of `--format json`. Codes are part of the interface. They do not change their meaning, and scripts
may rely on them; the words around them may change.

The exit code says what kind of answer it is: 1 the evidence does not say so, 2 the request is wrong, 3
could not tell; 0 is a note beside another answer. A code has several when it is met in several places: a
key that cannot be read is a bad request in `--key`, and a no when `attest inspect` looks at it. With –
a code is not an answer of the command: it stands in the words of another, or is for users of the crate.
`attest provenance run` gives the exit code of the command that it runs, and 125 beside any of these codes.

Made from the crates' own lists by `tests/codes.rs`; written anew by
`ATTEST_BLESS=1 cargo test -p attest codes`. The steps of the verifier and their codes are in
[verification.md](verification.md).

| code | exit | means | crates |
|---|---|---|---|
";
