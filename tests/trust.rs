//! Trusted roots: those that are embedded, those that are named, and `attest trust`.

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
    }
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
