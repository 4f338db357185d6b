//! Policies of several files.

use std::collections::BTreeMap;

use attest_digest::{Artifact, Hashes};

use super::*;

const TRUST: &str = "version = 1\n[trust.ci]\nkind = \"keys\"\nkeys = [\"sha256:0000000000000000000000000000000000000000000000000000000000000001\"]\n";
const RULES: &str = "[[require]]\ntype = \"signature\"\nsigned_by = \"ci\"\n";

fn include(file: &str, text: &str) -> String {
    let sha256 = Artifact::of_bytes(text.as_bytes(), Hashes::Sha256)
        .sha256()
        .hex();
    format!("{{ file = \"{file}\", sha256 = \"{sha256}\" }}")
}

fn load(policy: &str, files: &[(&str, &str)]) -> Result<Closure, ClosureError> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    Closure::load(policy.as_bytes(), &mut |name| {
        let file = files.get(name).ok_or_else(|| "not there".to_owned())?;
        Ok(file.as_bytes().to_vec())
    })
}

fn policy(includes: &[String]) -> String {
    let list = includes.join(", ");
    format!("version = 1\nname = \"p\"\ninclude = [{list}]\n{RULES}")
}

#[test]
fn what_is_included_counts_as_if_it_stood_there() {
    let text = policy(&[include("trust/ci.toml", TRUST)]);
    let closure = load(&text, &[("trust/ci.toml", TRUST)]).unwrap();
    assert_eq!(
        closure.groups().map(|it| it.1).collect::<Vec<_>>(),
        ["trust"]
    );
    assert_eq!(closure.rules().len(), 1);
    assert_eq!(closure.files().count(), 1);
}

#[test]
fn the_digest_covers_what_is_included() {
    let text = policy(&[include("ci.toml", TRUST)]);
    let other = TRUST.replace("0001", "0002");
    let error = load(&text, &[("ci.toml", &other)]).unwrap_err();
    assert!(matches!(error, ClosureError::Digest { .. }), "{error}");
    let changed = policy(&[include("ci.toml", &other)]);
    let digest = |text: &str, trust| load(text, &[("ci.toml", trust)]).unwrap().digest();
    assert_ne!(digest(&text, TRUST), digest(&changed, &other));
}

#[test]
fn what_cannot_be_put_together_is_refused() {
    let twice = policy(&[include("a.toml", TRUST), include("b.toml", TRUST)]);
    let files = [("a.toml", TRUST), ("b.toml", TRUST)];
    assert!(matches!(
        load(&twice, &files),
        Err(ClosureError::Twice { .. })
    ));
    let second = format!("{TRUST}# another file\n");
    let both = policy(&[include("a.toml", TRUST), include("b.toml", &second)]);
    let files = [("a.toml", TRUST), ("b.toml", &second)];
    assert!(matches!(
        load(&both, &files),
        Err(ClosureError::SignerTwice { .. })
    ));
    let missing = policy(&[include("a.toml", TRUST)]);
    assert!(matches!(
        load(&missing, &[]),
        Err(ClosureError::Unreadable { .. })
    ));
    let stranger = policy(&[include("a.toml", "version = 1\n")]);
    let error = load(&stranger, &[("a.toml", "version = 1\n")]).unwrap_err();
    assert!(
        matches!(error, ClosureError::SignerUnknown { line: 4, .. }),
        "{error}"
    );
    let named = format!("name = \"x\"\n{TRUST}");
    let error = load(&policy(&[include("a.toml", &named)]), &[("a.toml", &named)]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("a.toml: line 1, column 1: name is unknown here"),
        "{error}"
    );
    for path in [
        "../a.toml",
        "/a.toml",
        "a//b.toml",
        "a\\\\b.toml",
        "./a.toml",
    ] {
        assert!(
            load(&policy(&[include(path, TRUST)]), &[]).is_err(),
            "{path}"
        );
    }
}

#[test]
fn whoever_is_denied_in_one_file_is_denied_and_the_earliest_end_counts() {
    let later = format!(
        "{TRUST}[deny]\nidentities = [\"mallory@example.com\"]\nkeys = [\"sha256:{}\"]\n",
        "0".repeat(64)
    );
    let later = later.replace("version = 1", "version = 1\nexpires = 2027-01-01T00:00:00Z");
    let root = policy(&[include("a/ci.toml", &later)]);
    let load = |root: &str| load(root, &[("a/ci.toml", &later)]).unwrap();
    let end = |text: &str| Some(text.parse().unwrap());
    let closure = load(&root);
    assert_eq!(closure.expires(), end("2027-01-01T00:00:00Z"));
    assert_eq!(closure.denied_identities().len(), 1);
    let denied: Vec<&str> = closure.denied_keys().map(|it| it.1).collect();
    assert_eq!(denied, ["a"]);
    for (root_ends, ends) in [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2028-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ] {
        let ends_too = format!("name = \"p\"\nexpires = {root_ends}");
        let closure = load(&root.replace("name = \"p\"", &ends_too));
        assert_eq!(closure.expires(), end(ends), "{root_ends}");
    }
}

#[test]
fn as_many_files_and_rules_as_the_limits_say() {
    let files = |count: usize| -> Vec<(String, String)> {
        let file = |it: usize| (format!("{it}.toml"), format!("version = 1\n# {it}\n"));
        let mut files: Vec<(String, String)> = (1..count).map(file).collect();
        files.push(("ci.toml".to_owned(), TRUST.to_owned()));
        files
    };
    let of = |files: &[(String, String)]| {
        let includes: Vec<String> = files.iter().map(|it| include(&it.0, &it.1)).collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|it| (it.0.as_str(), it.1.as_str()))
            .collect();
        load(&policy(&includes), &files)
    };
    assert!(of(&files(limits::POLICY_INCLUDES)).is_ok());
    assert!(matches!(
        of(&files(limits::POLICY_INCLUDES + 1)),
        Err(ClosureError::TooMany)
    ));
    // The rules of all files together.
    let rules = |count: usize| {
        let text = format!("{TRUST}{}", RULES.repeat(count));
        load(&policy(&[include("ci.toml", &text)]), &[("ci.toml", &text)])
    };
    assert_eq!(
        rules(limits::POLICY_RULES - 1).unwrap().rules().len(),
        limits::POLICY_RULES
    );
    assert!(matches!(
        rules(limits::POLICY_RULES),
        Err(ClosureError::TooManyRules)
    ));
    // None in any file.
    let nothing = policy(&[include("ci.toml", TRUST)]).replace(RULES, "");
    assert!(matches!(
        load(&nothing, &[("ci.toml", TRUST)]),
        Err(ClosureError::NoRules)
    ));
}

#[test]
fn what_a_policy_includes_is_text_of_its_kind() {
    let bytes = b"version = 1\n# \xff\n".to_vec();
    let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256().hex();
    let root = policy(&[format!("{{ file = \"a.toml\", sha256 = \"{digest}\" }}")]);
    let error = Closure::load(root.as_bytes(), &mut |_| Ok(bytes.clone())).unwrap_err();
    assert!(matches!(error, ClosureError::NotText { file: Some(_) }));
    let error = Closure::load(b"\xff", &mut |_| Err(String::new())).unwrap_err();
    assert!(matches!(error, ClosureError::NotText { file: None }));
    let table = "version = 1\n[[builder]]\nname = \"x\"\n";
    let root = format!(
        "{}{TRUST}",
        policy(&[]).replace(
            "include = []",
            &format!("builders = [{}]", include("b", table))
        )
    )
    .replacen(&format!("{RULES}version = 1\n"), RULES, 1);
    let error = load(&root, &[("b", table)]).unwrap_err();
    assert!(matches!(error, ClosureError::Builders { .. }), "{error}");
}

#[test]
fn as_deep_as_the_limit_says_includes_are_followed() {
    let root = |depth: usize| {
        let mut text = TRUST.to_owned();
        let mut files = BTreeMap::new();
        for depth in 0..depth {
            let name = format!("{depth}.toml");
            let next = format!("version = 1\ninclude = [{}]\n", include(&name, &text));
            files.insert(name, text);
            text = next;
        }
        let root = text.replace("version = 1", "version = 1\nname = \"p\"") + RULES;
        Closure::load(root.as_bytes(), &mut |name| {
            Ok(files[name].as_bytes().to_vec())
        })
    };
    assert!(root(limits::INCLUDE_DEPTH).is_ok());
    assert!(matches!(
        root(limits::INCLUDE_DEPTH + 1),
        Err(ClosureError::TooDeep { .. })
    ));
}

#[test]
fn includes_that_go_too_deep_are_refused() {
    let mut text = TRUST.to_owned();
    let mut files = Vec::new();
    for depth in 0..=limits::INCLUDE_DEPTH {
        let name = format!("{depth}.toml");
        let next = format!("version = 1\ninclude = [{}]\n", include(&name, &text));
        files.push((name, text));
        text = next;
    }
    let root = text.replace("version = 1", "version = 1\nname = \"p\"") + RULES;
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert!(matches!(
        load(&root, &files),
        Err(ClosureError::TooDeep { .. })
    ));
}
