//! Trusted roots: those that are embedded, those that are named, and `attest trust`.

mod command;

use crate::page::root as repository;
use crate::support::{Ran, World};

/// A bundle of a public instance, with what its signer is expected to be.
struct Case {
    bundle: String,
    subject: String,
    identity: &'static str,
    issuer: &'static str,
}

impl Case {
    fn public_good() -> Self {
        Self {
            bundle: fixture("public-good/bundle.sigstore.json"),
            subject: "sha256:54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f"
                .to_owned(),
            identity: "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main",
            issuer: "https://token.actions.githubusercontent.com",
        }
    }

    fn staging() -> Self {
        Self {
            bundle: fixture("staging/bundle.sigstore.json"),
            subject: fixture("staging/artifact"),
            identity: "jku@goto.fi",
            issuer: "https://github.com/login/oauth",
        }
    }

    fn verify(&self, more: &[&str]) -> Ran {
        let mut arguments = vec![
            "verify",
            &self.subject,
            "--bundle",
            &self.bundle,
            "--identity",
            self.identity,
            "--issuer",
            self.issuer,
            "--type",
            "https://schemas.conda.org/attestations-publish-1.schema.json",
            "--format",
            "json",
        ];
        if self.subject.ends_with("artifact") {
            arguments.retain(|it| *it != "--type" && !it.starts_with("https://schemas"));
        }
        arguments.extend(more);
        World::new().attest_with(&arguments)
    }

    /// The first code of the refused bundle.
    #[track_caller]
    fn code(&self, more: &[&str]) -> String {
        let ran = self.verify(more);
        assert_eq!(ran.exit, 1, "{ran:#?}");
        let report = ran.json();
        report["evidence"][0]["reasons"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A file of a world, for a run in another.
fn in_place(world: &World, name: &str) -> String {
    format!("{}/{name}", world.path().display())
}

fn fixture(name: &str) -> String {
    let path = repository().join("fixtures/trust").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_a_named_root_the_public_good_one_is_used_and_named() {
    let report = Case::public_good().verify(&[]).yes().json();
    let line = &report["trust"][0];
    assert_eq!(line["place"], "@public-good");
    assert_eq!(line["taken"], "2026-10-23");
    assert_eq!(
        line["sha256"],
        "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66"
    );
    assert_eq!(report["trust"].as_array().unwrap().len(), 1);
}

#[test]
fn an_embedded_root_serves_its_own_instance_alone() {
    let (public, staging) = (Case::public_good(), Case::staging());
    public.verify(&["--trusted-root", "@public-good"]).yes();
    staging.verify(&["--trusted-root", "@staging"]).yes();
    for (case, other) in [
        (&public, "@staging"),
        (&staging, "@public-good"),
        (&staging, "@github"),
    ] {
        assert_eq!(case.code(&["--trusted-root", other]), "log-unknown");
    }
    assert_eq!(staging.code(&[]), "log-unknown");
}

#[test]
fn several_roots_serve_one_run() {
    let both = [
        "--trusted-root",
        "@staging",
        "--trusted-root",
        "@public-good",
    ];
    for case in [Case::public_good(), Case::staging()] {
        let report = case.verify(&both).yes().json();
        assert_eq!(report["trust"].as_array().unwrap().len(), 2);
        let proven = &report["evidence"][0];
        let root = if case.subject.starts_with("sha256:") {
            "@public-good"
        } else {
            "@staging"
        };
        assert_eq!(proven["logs"][0]["root"], root);
        assert_eq!(proven["times"][0]["root"], root);
        assert_eq!(proven["certificate_authority"]["root"], root);
    }
}

#[test]
fn what_no_root_knows_is_told_apart_from_what_is_forged() {
    let staging = Case::staging();
    let report = staging.verify(&["--trusted-root", "@public-good"]).json();
    let codes: Vec<&str> = report["evidence"][0]["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["log-unknown", "time-unknown"], "{report:#}");
    let found = |index: usize| {
        report["evidence"][0]["reasons"][index]["found"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // What to look for: the log by its id and origin, the authority by its name.
    assert!(found(0).contains("f30d5a999d92e662"), "{}", found(0));
    assert!(
        found(0).contains("log2025-alpha1.rekor.sigstage.dev"),
        "{}",
        found(0)
    );
    assert!(found(1).contains("sigstore-tsa"), "{}", found(1));
    let human = World::new().attest_with(&[
        "verify",
        &staging.subject,
        "--bundle",
        &staging.bundle,
        "--identity",
        staging.identity,
        "--issuer",
        staging.issuer,
    ]);
    assert!(
        human
            .out
            .contains("hint        no trusted root of this run knows"),
        "{human:#?}"
    );
    // The certificate authority: a root that has the log and the time, and not the issuer.
    let world = World::new();
    let mut root: serde_json::Value = serde_json::from_slice(
        &std::fs::read(repository().join("crates/verify/roots/staging/trusted_root.json")).unwrap(),
    )
    .unwrap();
    root["certificateAuthorities"] = serde_json::json!([]);
    world.write("root.json", root.to_string());
    let without = in_place(&world, "root.json");
    assert_eq!(
        staging.code(&["--trusted-root", &without]),
        "certificate-authority-unknown"
    );
    // Forged: the same log and the same authority, another signature.
    let text = std::fs::read_to_string(fixture("staging/bundle.sigstore.json")).unwrap();
    let mut bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let checkpoint = bundle
        .pointer_mut("/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope")
        .unwrap();
    let note = checkpoint.as_str().unwrap().trim_end();
    let (head, line) = note.rsplit_once(' ').unwrap();
    let last = if line.as_bytes()[20] == b'A' {
        "B"
    } else {
        "A"
    };
    let forged = format!("{head} {}{last}{}\n", &line[..20], &line[21..]);
    *checkpoint = forged.into();
    let file = world.write("forged.sigstore.json", bundle.to_string());
    let mut case = Case::staging();
    case.bundle = file.display().to_string();
    assert_eq!(
        case.code(&["--trusted-root", "@staging"]),
        "checkpoint-signature-invalid"
    );
}

#[test]
fn an_embedded_root_can_be_pinned() {
    let case = Case::public_good();
    let pinned =
        "@public-good@sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66";
    let report = case.verify(&["--trusted-root", pinned]).yes().json();
    assert_eq!(report["trust"][0]["pinned"], true);
    let other = format!("@public-good@sha256:{}", "0".repeat(64));
    case.verify(&["--trusted-root", &other])
        .refused(2, "pin-not-found");
}

#[test]
fn embedded_roots_are_named_exactly() {
    for name in ["@", "@Staging", "@public", "@staging "] {
        Case::staging()
            .verify(&["--trusted-root", name])
            .refused(2, "trusted-root-unknown");
    }
}

#[test]
fn an_old_root_is_a_warning_with_its_age() {
    let case = Case::public_good();
    let young = case.verify(&["--at", "2027-04-20"]).yes().json();
    assert!(young["trust"][0]["warning"].is_null(), "{young:#}");
    let old = case.verify(&["--at", "2027-11-21"]).yes().json();
    let warning = old["trust"][0]["warning"].as_str().unwrap();
    assert!(warning.contains("394 days"), "{warning}");
}
