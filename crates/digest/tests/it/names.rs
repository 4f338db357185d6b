//! Relative paths, and names that clash.

use std::path::{Component, Path};

use attest_digest::{NameProblem, RelativePath, colliding_names};
use proptest::prelude::*;

fn refusal(name: &str) -> &'static str {
    RelativePath::parse(name).unwrap_err().code()
}

#[test]
fn a_name_that_climbs_is_refused() {
    for name in ["..", "../a", "a/..", "a/../b", "a/b/../../../c"] {
        assert_eq!(refusal(name), "name-parent-component", "{name}");
    }
}

#[test]
fn an_absolute_name_is_refused() {
    for name in ["/", "/etc/passwd", "//a"] {
        assert_eq!(refusal(name), "name-absolute", "{name}");
    }
}

#[test]
fn a_second_spelling_of_a_path_is_refused() {
    for name in [".", "./a", "a/.", "a/./b"] {
        assert_eq!(refusal(name), "name-dot-component", "{name}");
    }
    for name in ["a/", "a//b", "a/b//"] {
        assert_eq!(refusal(name), "name-empty-component", "{name}");
    }
    assert_eq!(refusal(""), "name-empty");
}

#[test]
fn a_name_that_tools_take_for_standard_input_is_refused() {
    assert_eq!(refusal("-"), "name-dash");
    RelativePath::parse("a/-").unwrap();
    RelativePath::parse("--").unwrap();
}

#[test]
fn a_name_that_controls_the_terminal_is_refused() {
    for name in [
        "a\0b",
        "a\nb",
        "a\rb",
        "a\tb",
        "\x1b[2K",
        "\x7f",
        "\u{85}",
        "\u{9b}2K",
        "\u{2028}",
        "a\u{202e}fdp.exe",
        "\u{2066}a",
        "a/b\n",
    ] {
        assert_eq!(refusal(name), "name-control-character", "{name:?}");
    }
}

#[test]
fn a_name_that_is_not_utf8_is_refused() {
    let error = RelativePath::from_bytes(b"a\xff").unwrap_err();
    assert_eq!(error.code(), "name-not-utf8");
    // An overlong encoding of `/`, and half of a surrogate pair.
    for bytes in [&b"a\xc0\xafb"[..], b"\xed\xa0\x80"] {
        assert_eq!(RelativePath::from_bytes(bytes), Err(NameProblem::NotUtf8));
    }
}

#[test]
fn a_name_that_is_too_long_or_too_deep_is_refused() {
    RelativePath::parse(&"a".repeat(4095)).unwrap();
    assert_eq!(refusal(&"a".repeat(4096)), "name-too-long");
    RelativePath::parse(&["a"; 256].join("/")).unwrap();
    assert_eq!(refusal(&["a"; 257].join("/")), "name-too-deep");
}

#[test]
fn odd_names_that_are_nothing_worse_are_taken() {
    for name in [
        "..a", "a..", "...", " ", "a b", "-rf", "*", "~", "a\\b", "C:\\x", "😀", "é", ".git",
    ] {
        assert_eq!(RelativePath::parse(name).unwrap().as_str(), name);
    }
}

#[test]
fn joining_does_not_climb() {
    let path = RelativePath::parse("a").unwrap();
    assert_eq!(path.join("b/c").unwrap().as_str(), "a/b/c");
    assert_eq!(
        path.join("../b").unwrap_err().code(),
        "name-parent-component"
    );
    assert_eq!(path.join("/b").unwrap_err().code(), "name-absolute");
    assert_eq!(path.join("").unwrap_err().code(), "name-empty");
}

#[test]
fn the_parts_of_a_path_are_what_they_are_called() {
    let path = RelativePath::parse("a/b/c").unwrap();
    assert_eq!(path.first_component(), "a");
    assert_eq!(path.file_name(), "c");
    assert_eq!(path.parent().unwrap().as_str(), "a/b");
    assert_eq!(path.components().collect::<Vec<_>>(), ["a", "b", "c"]);
    let top = RelativePath::parse("a").unwrap();
    assert_eq!(
        (top.first_component(), top.file_name(), top.parent()),
        ("a", "a", None)
    );
}

#[track_caller]
fn clash(names: &[&str]) -> (String, String) {
    colliding_names(names.iter().copied()).unwrap()
}

#[test]
fn names_that_differ_in_case_clash() {
    assert_eq!(
        clash(&["README", "x", "readme"]),
        ("README".into(), "readme".into())
    );
    // Full folding: one letter may stand for two, and a final sigma for a sigma.
    clash(&["stra\u{df}e", "STRASSE"]);
    clash(&["\u{3c2}", "\u{3a3}"]);
    clash(&["\u{212a}", "k"]);
}

#[test]
fn names_that_differ_in_normalisation_clash() {
    clash(&["caf\u{e9}", "cafe\u{301}"]);
    clash(&["CAF\u{c9}", "cafe\u{301}"]);
    // Marks in another order.
    clash(&["a\u{323}\u{307}", "a\u{307}\u{323}"]);
    // Folding may bring a mark that must then be ordered.
    clash(&["\u{3b1}\u{345}\u{313}", "\u{1f80}"]);
}

#[test]
fn folders_that_differ_in_case_or_normalisation_clash() {
    assert_eq!(clash(&["Src/a", "src/b"]), ("Src/a".into(), "src/b".into()));
    clash(&["a/b/X/c", "a/b/x/d"]);
    clash(&["\u{e9}/1", "e\u{301}/2"]);
}

#[test]
fn a_file_where_another_needs_a_folder_clashes() {
    clash(&["a", "a/b"]);
    clash(&["a/b", "a"]);
    clash(&["A", "a/b/c"]);
    clash(&["a/b/c/d", "a/B"]);
}

#[test]
fn one_name_twice_clashes() {
    clash(&["a/b", "a/b"]);
}

#[test]
fn names_that_differ_everywhere_do_not_clash() {
    for names in [
        &["a", "b", "ab", "a b", "dir/a", "dir/b", "dir/sub/a"][..],
        &["\u{131}", "i"],
        &["\u{fb01}x", "fi"],
        &["a", "\u{430}"],
        &[],
    ] {
        assert_eq!(colliding_names(names.iter().copied()), None, "{names:?}");
    }
}

proptest! {
    #[test]
    fn a_path_that_is_taken_stays_below(text in "[./a\\\\é-]{0,12}") {
        if let Ok(path) = RelativePath::parse(&text) {
            let components: Vec<_> = Path::new(path.as_str()).components().collect();
            prop_assert!(components.iter().all(|it| matches!(it, Component::Normal(_))));
            prop_assert_eq!(components.len(), path.components().count());
            prop_assert_eq!(path.as_str(), text);
        }
    }

    #[test]
    fn a_clash_does_not_depend_on_the_order(names in prop::collection::vec("[aAéÉßs]{1,2}(/[aAbB]){0,2}", 0..6)) {
        let forwards = colliding_names(names.iter().map(String::as_str));
        let backwards = colliding_names(names.iter().rev().map(String::as_str));
        prop_assert_eq!(forwards.is_some(), backwards.is_some());
    }

    #[test]
    fn every_name_clashes_with_its_upper_case(name in "[a-zà-öø-ÿα-ωа-я]{1,8}") {
        let upper = name.to_uppercase();
        prop_assert!(colliding_names([name.as_str(), &upper]).is_some());
    }
}
