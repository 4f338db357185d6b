//! One answer in five formats: the same exit code in each, and untrusted text obeyed by none.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::Released;
use crate::schema::Schema;
use crate::support::{Ran, World};

const FORMATS: [&str; 5] = ["human", "json", "sarif", "junit", "github"];

impl Released {
    fn verify_as(&self, format: &str, subject: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["verify", subject, "--format", format];
        arguments.extend(self.trust.iter().map(String::as_str));
        arguments.extend(more);
        self.world.attest_with(&arguments)
    }
}

/// Runs of every answer, each by its name: what is asked, and the exit code.
fn runs(each: impl Fn(&str, &dyn Fn(&str) -> Ran, i32)) {
    let released = Released::new();
    let folder = |format: &str| released.verify_as(format, "dist", &["--release", "hello@1.0.0"]);
    each("accepted", &folder, 0);
    each(
        "a lone file",
        &|format| released.verify_as(format, "dist/a.txt", &[]),
        0,
    );
    each(
        "checksums",
        &|format| released.verify_as(format, "dist/SHA256SUMS", &[]),
        0,
    );
    each(
        "unreadable",
        &|format| released.verify_as(format, "dist/none.txt", &[]),
        3,
    );
    each(
        "a wrong request",
        &|format| released.verify_as(format, "dist", &["--release", "no version"]),
        2,
    );
    each(
        "wrong arguments",
        &|format| released.verify_as(format, "dist", &["--no-such-flag"]),
        2,
    );
    each(
        "no signer",
        &|format| {
            released
                .world
                .attest(&format!("verify dist --format {format}"))
        },
        2,
    );
    released.world.write("empty/.keep", "");
    fs::remove_file(released.world.at("empty/.keep")).unwrap();
    each(
        "an archive",
        &|format| {
            released
                .world
                .attest(&format!("archive verify --format={format}"))
        },
        0,
    );
    let bundle = released.world.read("dist/release.sigstore.json");
    released.world.write("dist/a.txt", "changed");
    released.world.write("dist/extra.txt", "unsigned");
    each("refused", &folder, 1);
    released.world.write("dist/release.sigstore.json", "{");
    each("malformed evidence", &folder, 1);
    released.world.write("dist/release.sigstore.json", bundle);
}

#[test]
fn every_format_has_the_same_exit_code() {
    runs(|name, ask, exit| {
        for format in FORMATS {
            let ran = ask(format);
            assert_eq!(ran.exit, exit, "{name} as {format}: {ran:#?}");
        }
    });
}

#[test]
fn reports_of_every_kind_are_as_the_published_schema_says() {
    let schema = Schema::read("verify-1.json");
    runs(|_, ask, exit| {
        let report = ask("json").json();
        schema.accepts(&report);
        assert_eq!(report["exit"], exit);
    });
}

#[test]
fn sarif_has_a_result_for_each_refusal_and_none_for_a_yes() {
    runs(|name, ask, exit| {
        let log = ask("sarif").json();
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        let errors = results.iter().filter(|it| it["level"] == "error").count();
        let notices = run["invocations"][0]["toolExecutionNotifications"]
            .as_array()
            .unwrap();
        assert_eq!(run["invocations"][0]["exitCode"], exit, "{name}");
        assert_eq!(
            run["invocations"][0]["executionSuccessful"],
            exit < 2,
            "{name}"
        );
        assert_eq!(errors + notices.len() > 0, exit != 0, "{name}: {log:#}");
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in results {
            let Some(index) = result["ruleIndex"].as_u64() else {
                continue;
            };
            let index = usize::try_from(index).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"], "{name}");
        }
    });
    let released = Released::new();
    released.world.write("dist/a.txt", "changed");
    let log = released.verify_as("sarif", "dist", &[]).json();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "digest-mismatch");
    let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "dist/a.txt");
}

#[test]
fn junit_counts_what_it_lists_and_a_yes_has_no_failure() {
    runs(|name, ask, exit| {
        let xml = ask("junit").out;
        let count = |tag: &str| xml.matches(&format!("<{tag} ")).count();
        let said = |attribute: &str| {
            let begin = format!("{attribute}=\"");
            let head = xml
                .lines()
                .find(|line| line.starts_with("<testsuites"))
                .unwrap();
            let value = head
                .split(&begin)
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            value.parse::<usize>().unwrap()
        };
        assert_eq!(said("tests"), count("testcase"), "{name}: {xml}");
        assert_eq!(said("failures"), count("failure"), "{name}: {xml}");
        assert_eq!(said("errors"), count("error"), "{name}: {xml}");
        assert!(said("tests") > 0, "{name}: {xml}");
        assert_eq!(said("failures") > 0, exit == 1, "{name}: {xml}");
        assert_eq!(said("errors") > 0, exit >= 2, "{name}: {xml}");
    });
}

#[test]
fn github_has_an_error_for_each_refusal_and_none_for_a_yes() {
    runs(|name, ask, exit| {
        let out = ask("github").out;
        let errors = out
            .lines()
            .filter(|line| line.starts_with("::error "))
            .count();
        assert_eq!(errors > 0, exit != 0, "{name}: {out}");
    });
    let released = Released::new();
    released.world.write("dist/a.txt", "changed");
    let out = released.verify_as("github", "dist", &[]).out;
    assert!(
        out.lines()
            .any(|line| line.starts_with("::error file=dist/a.txt,title=attest digest-mismatch::")),
        "{out}"
    );
}

/// Names that a terminal, a build server, XML or a SARIF viewer would obey.
const HOSTILE: [&[u8]; 9] = [
    b"\x1b[2K\x1b[1Averified",
    b"a\r\n::add-mask::x",
    b"::error::x",
    b"##[set-env name=A]b",
    b"##vso[task.complete result=Succeeded]",
    b"]]><system-out><x>",
    b"[link](http:x) {0} \"'&",
    b"\xe2\x80\xaetxt.exe \xc2\x9b31m",
    b"\xff\xef\xbf\xbf\x01",
];

#[test]
fn untrusted_names_are_shown_and_obeyed_by_nobody() {
    let released = Released::new();
    for name in HOSTILE {
        fs::write(released.world.at("dist").join(OsStr::from_bytes(name)), "x").unwrap();
    }
    for format in FORMATS {
        let ran = released.verify_as(format, "dist", &["--verbose", "--explain"]);
        assert_eq!(ran.exit, 1, "{format}");
        assert_harmless(format, &ran);
    }
    // As the subject of a request, and in what is said about it.
    for name in HOSTILE {
        let Ok(name) = str::from_utf8(name) else {
            continue;
        };
        for format in FORMATS {
            let ran = released.verify_as(format, name, &[]);
            assert!(ran.exit >= 2, "{format}: {ran:#?}");
            assert_harmless(format, &ran);
            let ran = released.verify_as(format, "dist", &["--release", name]);
            assert_eq!(ran.exit, 2, "{format}: {ran:#?}");
            assert_harmless(format, &ran);
        }
    }
}

/// What stands in a certificate is the signer's; a report that obeys it shows another identity than it refuses.
#[test]
fn the_names_in_a_certificate_are_shown_and_obeyed_by_nobody() {
    let fixtures = crate::page::root().join("fixtures/verify");
    let file = |folder: &str, name: &str| {
        let path = fixtures.join(folder).join(name);
        path.to_str().unwrap().to_owned()
    };
    let certificate = |name: &str| file("certificate", name);
    for (case, code) in [
        ("identity-with-control-characters", "identity-mismatch"),
        ("identity-bidirectional", "certificate-malformed"),
        ("issuer-bidirectional", "issuer-mismatch"),
    ] {
        let bundle = file(case, "bundle.sigstore.json");
        for format in FORMATS {
            let ran = World::new().attest_with(&[
                "verify",
                &certificate("artifact"),
                "--bundle",
                &bundle,
                "--trusted-root",
                &certificate("trusted_root.json"),
                "--identity",
                "release@example.com",
                "--issuer",
                "https://issuer.example",
                "--verbose",
                "--explain",
                "--format",
                format,
            ]);
            assert_eq!(ran.exit, 1, "{case}: {ran:#?}");
            assert!(ran.out.contains(code), "{case}: {ran:#?}");
            assert_harmless(format, &ran);
        }
        let inspected = World::new().attest_with(&["inspect", &bundle]);
        assert_harmless("human", &inspected);
    }
}

#[track_caller]
fn assert_harmless(format: &str, ran: &Ran) {
    for text in [&ran.out, &ran.err] {
        let is_bad = |it: char| {
            (it.is_control() && it != '\n') || matches!(it, '\u{202e}' | '\u{9b}' | '\u{ffff}')
        };
        assert!(!text.contains(is_bad), "{format}: {text:?}");
        for line in text.lines() {
            let line = line.trim_start();
            let ours = ["::error ", "::notice "]
                .iter()
                .any(|it| line.starts_with(it));
            assert!(
                !line.starts_with("::") || (ours && format == "github"),
                "{line}"
            );
            assert!(!line.starts_with("::error::"), "{line}");
        }
        assert!(
            matches!(format, "json" | "sarif") || !text.contains("##"),
            "{format}: {text}"
        );
    }
    if matches!(format, "json" | "sarif") {
        assert!(ran.json().is_object());
    }
    if format == "junit" {
        assert_eq!(
            ran.out.matches("</system-out>").count(),
            ran.out.matches("<system-out>").count()
        );
        assert!(!ran.out.contains("<x>"), "{}", ran.out);
    }
}

#[test]
fn what_has_no_verdicts_about_files_answers_as_human_or_json() {
    let world = World::new();
    for format in ["sarif", "junit", "github"] {
        let ran = world.attest(&format!("init --no-password --format {format}"));
        ran.refused(2, "format-unsupported");
        let ran = world.attest(&format!("archive list --format {format}"));
        ran.refused(2, "format-unsupported");
        assert!(!world.at(".attest").exists());
    }
}

#[test]
fn quiet_keeps_the_exit_code_and_the_formats_for_machines() {
    let released = Released::new();
    for format in FORMATS {
        let ran = released.verify_as(format, "dist", &["--quiet"]).yes();
        assert_eq!(ran.out.is_empty(), format == "human", "{format}: {ran:#?}");
    }
}

#[test]
fn the_answer_says_what_was_not_checked() {
    let released = Released::new();
    let out = released.verify_as("human", "dist", &[]).yes().out;
    assert!(out.contains("\n  rollback: not checked\n"), "{out}");
    assert!(
        out.contains("which release this is (no --release): not checked"),
        "{out}"
    );
    let world = World::new();
    world.write("one/only.txt", "1");
    world
        .attest("release one --name one --version 1 --init --no-password")
        .yes();
    released.world.write("one/.keep", "");
    let trust = super::trust_of(&world, "one");
    let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
    let out = world
        .attest_with(&[&["verify", "one/SHA256SUMS"][..], &trust].concat())
        .yes()
        .out;
    assert!(
        !out.contains(" 1 files") && !out.contains("of 1 files"),
        "{out}"
    );
}

#[test]
fn explain_numbers_the_steps_of_each_bundle_with_what_was_found() {
    let released = Released::new();
    let out = released
        .verify_as("human", "dist", &["--explain"])
        .yes()
        .out;
    let of_release = out
        .split("explained dist/release.sigstore.json\n")
        .nth(1)
        .unwrap();
    let steps: Vec<&str> = of_release
        .lines()
        .take(attest_verify::STEPS.len())
        .collect();
    for (index, step) in attest_verify::STEPS.iter().enumerate() {
        let begin = format!("  {:>2}. {}", step.number, step.name);
        assert!(steps[index].starts_with(&begin), "{begin}: {of_release}");
    }
    assert!(
        steps[5].contains("passed: ") && steps[5].contains("leaves"),
        "{}",
        steps[5]
    );
    assert!(steps[7].contains("nothing to check"), "{}", steps[7]);
    let bundle = String::from_utf8(released.world.read("dist/release.sigstore.json")).unwrap();
    let mut bundle: Value = serde_json::from_str(&bundle).unwrap();
    bundle["dsseEnvelope"]["payload"] = attest_provenance::base64::encode(b"{}").into();
    released
        .world
        .write("dist/release.sigstore.json", bundle.to_string());
    let out = released.verify_as("human", "dist", &["--explain"]).out;
    let of_release = out
        .split("explained dist/release.sigstore.json\n")
        .nth(1)
        .unwrap();
    let steps: Vec<&str> = of_release
        .lines()
        .take(attest_verify::STEPS.len())
        .collect();
    assert!(
        steps[2].contains("FAILED: signature-invalid: found "),
        "{of_release}"
    );
    assert!(steps[3].ends_with("not reached"), "{of_release}");
}
