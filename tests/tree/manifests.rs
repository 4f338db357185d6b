//! What somebody did to the manifest, or to the question.

use std::fs;
use std::os::unix::fs::symlink;

use super::Deployed;

#[test]
fn a_manifest_that_was_edited_is_refused_before_the_tree_is_looked_at() {
    let deployed = Deployed::new();
    fs::write(deployed.at("bin/other"), "evil!").unwrap();
    deployed.snapshot("new.tree", "app@1.0.0", &[]).yes();
    fs::copy(deployed.world.at("new.tree"), deployed.world.at("app.tree")).unwrap();
    assert_eq!(deployed.manifest_codes(&[]), ["digest-mismatch"]);
    let ran = deployed.verify(&["--format", "json"]);
    assert_eq!(ran.json()["subjects"].as_array().unwrap().len(), 1);
}

#[test]
fn wider_ignore_rules_are_an_edited_manifest_and_no_flag_has_them() {
    let deployed = Deployed::new();
    let text = String::from_utf8(deployed.world.read("app.tree")).unwrap();
    let wider = text.replacen("[\"log/**\"]", "[\"bin/**\",\"log/**\"]", 1);
    assert_ne!(text, wider);
    deployed.world.write("app.tree", wider);
    assert_eq!(deployed.manifest_codes(&[]), ["digest-mismatch"]);
    deployed
        .verify(&["--ignore", "bin/**"])
        .refused(2, "bad-arguments");
    deployed
        .verify(&["--allow-extra", "**"])
        .refused(2, "bad-arguments");
}

#[test]
fn a_manifest_of_nobody_or_of_somebody_else_is_refused() {
    let deployed = Deployed::new();
    deployed
        .world
        .attest("init --no-password --home other")
        .yes();
    let sign = ["--home", "other", "--force"];
    deployed.snapshot("app.tree", "app@1.0.0", &sign).yes();
    let ran = deployed.verify(&["--format", "json"]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["subjects"].as_array().unwrap().len(), 1);
    fs::remove_file(deployed.world.at("app.tree.sigstore.json")).unwrap();
    assert_eq!(deployed.manifest_codes(&[]), ["bundle-missing"]);
    deployed
        .world
        .attest("tree verify app --manifest app.tree")
        .refused(2, "signer-required");
}

#[test]
fn a_manifest_of_another_release_is_refused_though_it_is_signed() {
    let deployed = Deployed::new();
    assert_eq!(
        deployed.manifest_codes(&["--release", "app@2.0.0"]),
        ["release-mismatch"]
    );
    deployed
        .verify(&["--release", "app"])
        .refused(2, "bad-release");
    // The older one, with the tree that it is of: only what was asked for shows it.
    fs::write(deployed.at("bin/other"), "newer").unwrap();
    deployed.snapshot("new.tree", "app@2.0.0", &[]).yes();
    fs::write(deployed.at("bin/other"), "other").unwrap();
    deployed.verify(&[]).yes();
    assert_eq!(
        deployed.manifest_codes(&["--release", "app@2.0.0"]),
        ["release-mismatch"]
    );
}

#[test]
fn a_manifest_for_another_tree_agrees_with_nothing() {
    let deployed = Deployed::new();
    fs::rename(deployed.world.at("app"), deployed.world.at("elsewhere")).unwrap();
    deployed.world.write("app/something", "else");
    let differences = deployed.differences(1);
    assert!(differences.contains(&"bin/tool tree-missing".to_owned()));
    assert!(differences.contains(&"something tree-added".to_owned()));
    fs::remove_dir_all(deployed.world.at("app")).unwrap();
    assert_eq!(deployed.differences_without_tree(), [". folder-unreadable"]);
}

impl Deployed {
    /// When the tree cannot be looked at.
    #[track_caller]
    fn differences_without_tree(&self) -> Vec<String> {
        let ran = self.verify(&["--format", "json"]);
        assert_eq!(ran.exit, 3, "{ran:#?}");
        let files = ran.json()["subjects"][1]["files"].clone();
        let line = |file: &serde_json::Value| {
            format!(
                "{} {}",
                file["path"].as_str().unwrap(),
                file["code"].as_str().unwrap()
            )
        };
        files.as_array().unwrap().iter().map(line).collect()
    }

    /// Signs these bytes as they are, as a file.
    fn signs_bytes(&self, bytes: &str) {
        self.world.write("app.tree", bytes);
        self.world
            .attest("sign app.tree --no-password --force --out app.tree.sigstore.json")
            .yes();
    }
}

#[test]
fn what_is_signed_and_is_no_manifest_is_refused() {
    let deployed = Deployed::new();
    let text = String::from_utf8(deployed.world.read("app.tree")).unwrap();
    deployed.signs_bytes(&text);
    deployed.verify(&[]).yes();
    let last = text.trim_end().rsplit('\n').next().unwrap();
    for (found, instead, code) in [
        ("\"bin/other\",", "\"../other\",", "tree-manifest-path"),
        ("\"bin/same\",", "\"bin/other\",", "tree-manifest-order"),
        ("\"0755\"", "\"755\"", "tree-manifest-malformed"),
        (last, "", "tree-manifest-incomplete"),
        ("tree/v0.1", "tree/v9.9", "tree-manifest-type"),
        ("\"log/**\"", "\"etc/conf\"", "tree-manifest-malformed"),
        ("\"log/**\"", "\"../**\"", "tree-manifest-malformed"),
    ] {
        assert!(text.contains(found), "{found}");
        let changed = text.replacen(found, instead, 1);
        deployed.signs_bytes(&changed.replace("\n\n", "\n"));
        assert_eq!(deployed.manifest_codes(&[]), [code], "{found} -> {instead}");
    }
}

#[test]
fn a_statement_of_another_kind_does_not_make_a_manifest() {
    let deployed = Deployed::new();
    deployed.world.write(
        "predicate.json",
        r#"{"result":"FAILED","configuration":[]}"#,
    );
    let sign = "sign app.tree --predicate predicate.json --type https://in-toto.io/attestation/test-result/v0.1 \
                --no-password --force --out app.tree.sigstore.json";
    deployed.world.attest(sign).yes();
    assert_eq!(deployed.manifest_codes(&[]), ["predicate-not-requested"]);
}

#[test]
fn a_statement_that_says_something_else_of_its_manifest_is_refused() {
    let deployed = Deployed::new();
    let flags = ["--statement", "s.json", "--force"];
    deployed.snapshot("app.tree", "app@1.0.0", &flags).yes();
    let text = String::from_utf8(deployed.world.read("s.json")).unwrap();
    for (found, instead, code) in [
        (
            "\"entries\":10",
            "\"entries\":11",
            "tree-statement-mismatch",
        ),
        ("app@1.0.0", "app@2.0.0", "tree-statement-mismatch"),
        (
            "\"entries\":10",
            "\"entries\":\"10\"",
            "predicate-malformed",
        ),
    ] {
        assert!(text.contains(found), "{text}");
        deployed
            .world
            .write("changed.json", text.replacen(found, instead, 1));
        let sign =
            "sign --statement changed.json --no-password --force --out app.tree.sigstore.json";
        deployed.world.attest(sign).yes();
        assert_eq!(deployed.manifest_codes(&[]), [code]);
    }
}

#[test]
fn trust_that_lies_in_the_tree_is_refused() {
    let deployed = Deployed::new();
    fs::copy(
        deployed.world.at(".attest/trust/release.pub"),
        deployed.at("release.pub"),
    )
    .unwrap();
    let arguments = "tree verify app --manifest app.tree --key app/release.pub \
                     --trusted-root .attest/trust/trusted_root.json";
    deployed
        .world
        .attest(arguments)
        .refused(2, "trust-beside-subject");
}

#[test]
fn a_snapshot_refuses_what_it_could_not_describe_and_leaves_nothing_behind() {
    let deployed = Deployed::new();
    let snapshot = |flags: &[&str]| deployed.snapshot("x.tree", "app@1.0.0", flags);
    fs::write(deployed.at("a\nb"), "x").unwrap();
    snapshot(&[]).refused(2, "name-control-character");
    snapshot(&["--ignore", "a?b"]).yes();
    fs::remove_file(deployed.at("a\nb")).unwrap();
    snapshot(&[]).refused(2, "file-exists");
    symlink("x\u{7f}", deployed.at("odd")).unwrap();
    deployed
        .snapshot("y.tree", "app@1.0.0", &[])
        .refused(2, "name-control-character");
    fs::remove_file(deployed.at("odd")).unwrap();
    assert!(!deployed.world.at("y.tree").exists());
    for (flags, code) in [
        (["--ignore", "../x"], "bad-pattern"),
        (["--attributes", "color"], "bad-arguments"),
        (["--owner", "root"], "bad-arguments"),
        (["--xattrs", "user.\u{1b}"], "bad-arguments"),
    ] {
        deployed
            .snapshot("y.tree", "app@1.0.0", &flags)
            .refused(2, code);
    }
    deployed
        .snapshot("y.tree", "app", &[])
        .refused(2, "bad-release");
    deployed
        .snapshot("app/y.tree", "app@1.0.0", &[])
        .refused(2, "output-inside-tree");
    deployed.snapshot("app/log/y.tree", "app@1.0.0", &[]).yes();
    let left = fs::read_dir(deployed.world.path()).unwrap().flatten();
    let left: Vec<_> = left
        .map(|it| it.file_name().into_string().unwrap())
        .collect();
    assert!(!left.iter().any(|it| it.contains(".tmp")), "{left:?}");
}

#[test]
fn the_same_tree_has_the_same_manifest_wherever_and_whenever() {
    let deployed = Deployed::new();
    let copied = deployed
        .world
        .shell("cp -a app copy && touch copy/etc/conf")
        .yes();
    assert!(copied.out.is_empty());
    let flags = "--release app@1.0.0 --ignore log/** --owner 0:0 --sha512";
    let attest = |folder: &str, out: &str| {
        deployed
            .world
            .attest(&format!(
                "tree snapshot {folder} -o {out} {flags} --statement {out}.json"
            ))
            .yes()
    };
    attest("app", "one.tree");
    attest("copy", "two.tree");
    let one = deployed.world.read("one.tree");
    assert_eq!(one, deployed.world.read("two.tree"));
    let text = String::from_utf8(one).unwrap();
    assert!(text.contains("\"sha512\":") && text.contains("\"uid\":0,\"gid\":0"));
    deployed
        .world
        .attest("sign --statement one.tree.json one.tree --no-password")
        .yes();
    fs::rename(
        deployed.world.at("one.tree.sigstore.json"),
        deployed.world.at("app.tree.sigstore.json"),
    )
    .unwrap();
    fs::rename(deployed.world.at("one.tree"), deployed.world.at("app.tree")).unwrap();
    deployed.verify(&["--release", "app@1.0.0"]).yes();
}

#[test]
fn times_are_compared_where_the_manifest_says_so() {
    let deployed = Deployed::with(&["--attributes", "mode,mtime"]);
    deployed.verify(&[]).yes();
    let file = fs::File::open(deployed.at("etc/conf")).unwrap();
    let earlier = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 5);
    file.set_modified(earlier).unwrap();
    assert_eq!(deployed.differences(1), ["etc/conf tree-mtime-changed"]);
}

#[test]
fn each_code_of_a_tree_is_described() {
    let page = crate::page::read("docs/tree.md");
    for (code, _) in attest_policy::TREE_CODES {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn the_report_is_valid_by_its_schema() {
    let deployed = Deployed::new();
    fs::write(deployed.at("etc/conf"), "fnoc").unwrap();
    fs::write(deployed.at("etc/new"), "new").unwrap();
    let report = deployed.verify(&["--format", "json"]).json();
    crate::schema::Schema::read("verify-1.json").accepts(&report);
}

#[test]
fn an_older_manifest_is_refused_after_a_newer_one_was_seen() {
    let deployed = Deployed::new();
    let state = ["--state", "state.json"];
    assert_eq!(deployed.manifest_codes(&state), ["tree-serial-missing"]);
    assert!(!deployed.world.at("state.json").exists());
    // Whoever changes the tree could take the memory away with it.
    let inside = deployed.at("state.json");
    let inside = ["--state", inside.to_str().unwrap()];
    deployed.verify(&inside).refused(2, "trust-beside-subject");
    assert!(!deployed.at("state.json.lock").exists());
    let snapshot = |release: &str, serial: &str| {
        deployed
            .snapshot("app.tree", release, &["--force", "--serial", serial])
            .yes();
    };
    snapshot("app@1.0.0", "7");
    let ran = deployed.verify(&state).yes();
    assert!(!ran.out.contains("rollback"), "{ran:#?}");
    deployed.verify(&state).yes();
    for name in ["app.tree", "app.tree.sigstore.json"] {
        fs::copy(
            deployed.world.at(name),
            deployed.world.at(&format!("old.{name}")),
        )
        .unwrap();
    }
    snapshot("app@1.1.0", "8");
    // The tree differs, and still this manifest was seen.
    fs::write(deployed.at("etc/conf"), "fnoc").unwrap();
    assert_eq!(deployed.verify(&state).exit, 1);
    for name in ["app.tree", "app.tree.sigstore.json"] {
        fs::copy(
            deployed.world.at(&format!("old.{name}")),
            deployed.world.at(name),
        )
        .unwrap();
    }
    assert_eq!(deployed.manifest_codes(&state), ["tree-rolled-back"]);
    snapshot("app@1.1.1", "8");
    assert_eq!(deployed.manifest_codes(&state), ["tree-rolled-back"]);
    snapshot("other@1.0.0", "1");
    deployed.verify(&state).yes();
    for text in [
        "",
        "{}",
        r#"{"trees":{"app":{"serial":8}},"version":1}"#,
        r#"{"trees":{},"version":2}"#,
    ] {
        deployed.world.write("state.json", text);
        deployed.verify(&state).refused(2, "tree-state-unusable");
    }
}
