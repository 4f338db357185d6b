//! What of the evidence approves, and as what.

use attest_policy::slsa::{Builders, SlsaExpectations, VsaExpectations};
use attest_policy::{Approval, Decision, Policy};
use attest_provenance::ReleaseName;
use serde_json::json;

use super::{OTHER, RELEASE, SLSA, World, decided, expected, key, provenance, release, word};

const SLSA_0_2: &str = "https://slsa.dev/provenance/v0.2";
const NPM: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
const PYPI: &str = "https://docs.pypi.org/attestations/publish/v1";
const IMAGE: &str = "https://sigstore.dev/cosign/sign/v1";

#[test]
fn by_default_few_statements_approve_and_of_a_release_that_is_wanted_one() {
    let (world, alice) = (World::get(), key());
    let policy = || Policy::expecting(expected(&alice));
    let asks = |types: &[&str]| policy().approving_only(types.iter().map(|it| (*it).to_owned()));
    let files: &[(&str, &[u8])] = &[("x", b"x")];
    let state = |kind, predicate| world.statement(&alice, kind, &predicate, files);
    let message = world.message(&alice, b"x");
    let released = state(RELEASE, release("1.0.0"));
    let built = state(SLSA, provenance());
    let tested = state(OTHER, json!({}));
    for (evidence, wanted) in [
        (&message, "accepted"),
        (&released, "accepted"),
        (&built, "accepted"),
        (&state(SLSA_0_2, json!({})), "accepted"),
        (&tested, "predicate-not-requested"),
        (&state(IMAGE, json!({})), "predicate-not-requested"),
        (&state(RELEASE, json!({})), "release-malformed"),
        (&state(SLSA, json!({})), "provenance-malformed"),
    ] {
        assert_eq!(decided(&policy(), evidence), wanted);
    }
    // A registry's own statement approves the one package that it names.
    let npm = |predicate| world.statement(&alice, NPM, &predicate, &[("pkg:npm/x@1.0.0", b"x")]);
    let package =
        |name: &str| json!({"name": name, "version": "1.0.0", "registry": "https://r.example"});
    let pypi = |name| world.statement(&alice, PYPI, &json!({}), &[(name, &b"x"[..])]);
    for (evidence, wanted) in [
        (npm(package("x")), "accepted"),
        (npm(package("y")), "publish-malformed"),
        (pypi("x-1.0.0.tar.gz"), "accepted"),
        (pypi("a/x-1.0.0.tar.gz"), "publish-malformed"),
    ] {
        assert_eq!(decided(&policy(), &evidence), wanted);
    }
    // One type more, as long as none is asked for.
    assert_eq!(decided(&policy().approving_too(OTHER), &tested), "accepted");
    assert_eq!(
        decided(&policy().approving_too(OTHER), &message),
        "accepted"
    );
    let others = policy().approving_too("https://example.com/other");
    assert_eq!(decided(&others, &tested), "predicate-not-requested");
    let asked = asks(&[RELEASE]).approving_too(OTHER);
    assert_eq!(decided(&asked, &tested), "predicate-not-requested");
    // What is asked for approves, and nothing else does.
    assert_eq!(decided(&asks(&[OTHER]), &tested), "accepted");
    for evidence in [&message, &released, &built] {
        assert_eq!(
            decided(&asks(&[OTHER]), evidence),
            "predicate-not-requested"
        );
    }
    assert_eq!(decided(&asks(&[RELEASE, OTHER]), &released), "accepted");
    // Another signer approves nothing.
    let another = Policy::expecting(expected(&key()));
    assert_eq!(decided(&another, &message), "signer-mismatch");
    let wanted = |name: &str| policy().of_release(ReleaseName::parse(name).unwrap());
    assert_eq!(decided(&wanted("hello@1.0.0"), &released), "accepted");
    assert_eq!(
        decided(&wanted("hello@1.0.1"), &released),
        "release-mismatch"
    );
    for evidence in [&message, &built] {
        assert_eq!(decided(&wanted("hello@1.0.0"), evidence), "release-missing");
    }
    assert!(policy().release().is_none() && wanted("hello@1.0.0").release().is_some());
}

#[test]
fn of_images_cosigns_statement_approves_as_well() {
    let (world, alice) = (World::get(), key());
    let files: &[(&str, &[u8])] = &[("x", b"x")];
    let policy = || Policy::expecting(expected(&alice));
    let image = world.statement(&alice, IMAGE, &json!({}), files);
    assert_eq!(word(&policy().decide_image(&image)), "accepted");
    let other = world.statement(&alice, OTHER, &json!({}), files);
    assert_eq!(
        word(&policy().decide_image(&other)),
        "predicate-not-requested"
    );
    let asked = policy().approving_only([OTHER.to_owned()]);
    assert_eq!(word(&asked.decide_image(&image)), "predicate-not-requested");
    let another = Policy::expecting(expected(&key()));
    assert_eq!(word(&another.decide_image(&image)), "signer-mismatch");
    let released = policy().of_release(ReleaseName::parse("hello@1.0.0").unwrap());
    assert_eq!(word(&released.decide_image(&image)), "release-missing");
}

#[test]
fn as_what_it_approves_is_said() {
    let (world, alice) = (World::get(), key());
    let files: &[(&str, &[u8])] = &[("x", b"x")];
    let policy = Policy::expecting(expected(&alice));
    let message = world.message(&alice, b"x");
    let released = world.statement(&alice, RELEASE, &release("1.0.0"), files);
    let old = world.statement(&alice, SLSA_0_2, &json!({}), files);
    let is = |evidence, wanted: fn(&Approval) -> bool| matches!(policy.decide(evidence), Decision::Accept(it) if wanted(it.approval()));
    assert!(is(&message, |it| matches!(it, Approval::Message)));
    assert!(is(&released, |it| matches!(it, Approval::Release(_))));
    assert!(is(&old, |it| matches!(it, Approval::Provenance(None))));
}

/// What is asked of a build or a summary is asked of all evidence: a signature alone says nothing of it.
#[test]
fn what_is_asked_of_a_build_or_a_summary_no_other_evidence_answers() {
    let (world, alice) = (World::get(), key());
    let files: &[(&str, &[u8])] = &[("x", b"x")];
    let message = world.message(&alice, b"x");
    let built = world.statement(&alice, SLSA, &provenance(), files);
    let expecting = || Policy::expecting(expected(&alice));
    let source = SlsaExpectations::new().of_source("https://github.com/acme/app");
    let of_build = expecting().of_build(source.unwrap(), Builders::embedded());
    let summary = VsaExpectations::new("https://verifier.example", "pkg:generic/hello@1.0.0");
    let by_summary = expecting().by_summary(summary.unwrap());
    assert!(of_build.is_specific() && by_summary.is_specific() && !expecting().is_specific());
    for evidence in [&message, &built] {
        assert_ne!(decided(&of_build, evidence), "accepted");
        assert_ne!(decided(&by_summary, evidence), "accepted");
        assert_eq!(decided(&expecting(), evidence), "accepted");
    }
}
