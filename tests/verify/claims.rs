//! What a certificate claims of its build, asked for on the command line: a fixture of the verifier's.

use crate::page::root;
use crate::support::{Ran, World};

const ISSUER: &str = "https://issuer.example";
const WORKFLOWS: &str = "https://github.com/acme/app/.github/workflows/*.yml@refs/tags/v*";

fn verify(arguments: &str) -> Ran {
    let case = root().join("fixtures/verify/certificate-of-a-build");
    let case = case.display();
    World::new().attest(&format!(
        "verify {case}/artifact --bundle {case}/bundle.sigstore.json --trusted-root {case}/trusted_root.json --at 2026-11-21T12:00:00Z {arguments}"
    ))
}

fn by_workflow(more: &str) -> Ran {
    verify(&format!(
        "--identity {WORKFLOWS} --issuer {ISSUER} --format json {more}"
    ))
}

fn code(ran: &Ran) -> String {
    super::lone_code(ran)
}

#[test]
fn proven_claims_are_in_the_report() {
    let report = by_workflow("--claim source-repository=https://github.com/acme/app")
        .yes()
        .json();
    let claims = &report["evidence"][0]["claims"];
    assert_eq!(claims["source-repository-ref"], "refs/tags/v1.0.0");
    assert_eq!(claims["runner-environment"], "github-hosted");
    let judged = &report["evidence"][0]["judged"][0];
    assert_eq!(judged["what"], "certificate and its chain");
    assert_eq!(judged["time"], report["evidence"][0]["times"][0]["time"]);
    let ran = verify(&format!("--identity {WORKFLOWS} --issuer {ISSUER}")).yes();
    assert_eq!(
        ran.line("claim  source-repository="),
        "https://github.com/acme/app"
    );
}

#[test]
fn every_claim_that_is_asked_for_must_hold() {
    by_workflow("--claim source-repository-ref=refs/tags/v* --claim build-trigger=push").yes();
    let ran =
        by_workflow("--claim source-repository-ref=refs/tags/v* --claim build-trigger=manual");
    assert_eq!((ran.exit, code(&ran).as_str()), (1, "claim-mismatch"));
    let ran = by_workflow("--claim deployment-environment=production");
    assert_eq!((ran.exit, code(&ran).as_str()), (1, "claim-missing"));
}

#[test]
fn claims_are_asked_of_certificates_alone() {
    let key = root().join("fixtures/verify/message/key.pub");
    verify(&format!(
        "--key {} --claim build-trigger=push",
        key.display()
    ))
    .refused(2, "bad-claim");
    for claim in [
        "build-trigger",
        "build-triger=push",
        "build-trigger=*",
        "source-repository=https://github.com/*",
        "source-repository-ref=*",
        "source-repository-ref=^refs/tags/.*$",
    ] {
        let ran = by_workflow(&format!("--claim {claim}"));
        assert_eq!(ran.exit, 2, "{claim}");
        assert_eq!(ran.json()["error"]["code"], "bad-claim", "{claim}");
    }
    let ran = by_workflow("--claim build-triger=push");
    assert_eq!(ran.json()["error"]["hint"], "did you mean build-trigger?");
}

#[test]
fn a_denied_identity_or_the_key_in_its_certificate_is_refused() {
    let denied =
        "--deny-identity https://github.com/acme/app/.github/workflows/*.yml@refs/tags/v1.*";
    let ran = by_workflow(denied);
    assert_eq!((ran.exit, code(&ran).as_str()), (1, "signer-denied"));
    by_workflow(
        "--deny-identity https://github.com/acme/app/.github/workflows/*.yml@refs/tags/v2.*",
    )
    .yes();
    by_workflow("--deny-identity a@*").refused(2, "bad-identity");
}
