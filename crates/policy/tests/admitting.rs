//! Whose evidence counts: who is accepted, not denied, and had a good key.

use attest_policy::{Denied, KeyValidity, LogRule, Member, Signers};
use attest_sign::ArtifactKey;
use attest_verify::{Evidence, ExpectedSigner, IdentityPattern};
use serde_json::{Value, json};

use super::{World, code, expected, key, time};

fn group(key: &ArtifactKey, validity: KeyValidity, log: LogRule) -> Signers {
    let signer = expected(key);
    let members = vec![Member { signer, validity }];
    Signers::nobody().or_group(members, 0, 1, log).unwrap()
}

fn limited(key: &ArtifactKey, validity: KeyValidity) -> Signers {
    group(key, validity, LogRule::AsTheRun)
}

fn admits(signers: &Signers, evidence: &Evidence) -> &'static str {
    code(&signers.admit(evidence))
}

fn without(field: &'static str) -> impl Fn(&mut Value) {
    move |material| {
        material[field] = if field == "tlogEntries" {
            json!([])
        } else {
            json!({})
        };
    }
}

const TIMES: &str = "timestampVerificationData";

#[test]
fn who_is_accepted_is_admitted_and_who_is_denied_is_not() {
    let (world, alice, bob) = (World::get(), key(), key());
    let evidence = world.message(&alice, b"x");
    let signers = || Signers::from(expected(&alice));
    assert_eq!(admits(&signers(), &evidence), "accepted");
    assert_eq!(
        admits(&Signers::from(expected(&bob)), &evidence),
        "signer-mismatch"
    );
    let deny = |denied: Denied| admits(&signers().denying(denied), &evidence);
    let by_pin = |key: &ArtifactKey| Denied {
        fingerprints: [key.fingerprint()].into(),
        ..Denied::default()
    };
    assert_eq!(deny(by_pin(&alice)), "signer-denied");
    assert_eq!(deny(by_pin(&bob)), "accepted");
    let by_key = |key: &ArtifactKey| Denied {
        keys: vec![expected(key)],
        ..Denied::default()
    };
    assert_eq!(deny(by_key(&alice)), "signer-denied");
    assert_eq!(deny(by_key(&bob)), "accepted");
    // Denied beats accepted, also where somebody else is denied first.
    let both = Denied {
        fingerprints: [bob.fingerprint()].into(),
        keys: vec![expected(&alice)],
        identities: vec![IdentityPattern::exactly("a@example.com")],
    };
    assert_eq!(deny(both), "signer-denied");
}

#[test]
fn a_window_is_judged_at_its_ends() {
    let (world, alice) = (World::get(), key());
    let evidence = world.message(&alice, b"x");
    let at = "2026-11-21T09:41:07Z";
    for (from, to, wanted) in [
        (Some(at), Some(at), "accepted"),
        (Some("2026-11-21T09:41:08Z"), None, "key-outside-validity"),
        (None, Some("2026-11-21T09:41:06Z"), "key-outside-validity"),
        (Some(at), None, "accepted"),
        (None, Some(at), "accepted"),
    ] {
        let validity = KeyValidity {
            not_before: from.map(time),
            not_after: to.map(time),
            compromised_since: None,
        };
        let signers = limited(&alice, validity);
        assert_eq!(admits(&signers, &evidence), wanted, "{from:?} to {to:?}");
        assert!(signers.have_window(&evidence));
        // The same key without a window, in another group, does not lift it.
        let members = vec![Member {
            signer: expected(&alice),
            validity: KeyValidity::default(),
        }];
        let both = signers.or_group(members, 0, 1, LogRule::AsTheRun).unwrap();
        assert_eq!(admits(&both, &evidence), wanted);
        // Nor does naming the key by another of its forms: its numbers are what counts.
        let named = Signers::from(expected(&alice)).limiting(alice.fingerprint(), validity);
        assert_eq!(admits(&named, &evidence), wanted);
        let anothers = Signers::from(expected(&alice)).limiting(key().fingerprint(), validity);
        assert_eq!(admits(&anothers, &evidence), "accepted");
        assert!(named.have_window(&evidence) && !anothers.have_window(&evidence));
    }
    // No window is none, however it is given.
    let unlimited = Signers::from(expected(&alice));
    let unlimited = unlimited.limiting(alice.fingerprint(), KeyValidity::default());
    assert!(!unlimited.have_window(&evidence));
    assert_eq!(admits(&unlimited, &evidence), "accepted");
    let always = limited(&alice, KeyValidity::default());
    assert!(!always.have_window(&evidence));
    let untimed = world.message_with(&alice, without(TIMES));
    assert_eq!(admits(&always, &untimed), "accepted");
    for (from, to) in [(Some(at), None), (None, Some(at))] {
        let validity = KeyValidity {
            not_before: from.map(time),
            not_after: to.map(time),
            compromised_since: None,
        };
        assert_eq!(admits(&limited(&alice, validity), &untimed), "time-missing");
    }
}

#[test]
fn a_lost_key_needs_an_independent_time_before_the_loss() {
    let (world, alice) = (World::get(), key());
    let evidence = world.message(&alice, b"x");
    let authority = evidence.times()[0].authority().to_owned();
    let uri = evidence.times()[0].authority_uri().unwrap().to_owned();
    let lost = |since: &str| {
        let compromised_since = Some(time(since));
        let validity = KeyValidity {
            compromised_since,
            ..KeyValidity::default()
        };
        limited(&alice, validity)
    };
    let (before, at, after) = (
        "2026-11-21T09:41:06Z",
        "2026-11-21T09:41:07Z",
        "2026-11-21T09:41:08Z",
    );
    assert_eq!(admits(&lost(after), &evidence), "time-not-independent");
    assert_eq!(lost(after).lost_since(&evidence), Some(time(after)));
    assert_eq!(Signers::from(expected(&alice)).lost_since(&evidence), None);
    assert!(lost(after).know_a_loss() && !Signers::from(expected(&alice)).know_a_loss());
    // That it was later, its own authority may say.
    assert_eq!(admits(&lost(at), &evidence), "key-compromised");
    assert_eq!(admits(&lost(before), &evidence), "key-compromised");
    for name in [authority, uri] {
        let declared = |since| lost(since).with_independent([name.clone()]);
        assert!(declared(at).is_independent(&evidence.times()[0]));
        assert_eq!(admits(&declared(after), &evidence), "accepted");
        assert_eq!(admits(&declared(at), &evidence), "key-compromised");
        assert_eq!(admits(&declared(before), &evidence), "key-compromised");
    }
    let another = lost(after).with_independent(["somebody else".to_owned()]);
    assert!(!another.is_independent(&evidence.times()[0]));
    assert_eq!(admits(&another, &evidence), "time-not-independent");
    let untimed = world.message_with(&alice, without(TIMES));
    assert_eq!(admits(&lost(before), &untimed), "time-not-independent");
}

#[test]
fn a_group_asks_of_the_log_what_it_says_and_another_may_ask_less() {
    let (world, alice) = (World::get(), key());
    let (logged, bare) = (
        world.message(&alice, b"x"),
        world.message_with(&alice, without("tlogEntries")),
    );
    let of = |log| group(&alice, KeyValidity::default(), log);
    for (rule, wanted) in [
        (LogRule::AsTheRun, "accepted"),
        (LogRule::Required, "log-missing"),
        (LogRule::SetOnly, "log-missing"),
    ] {
        assert_eq!(admits(&of(rule), &logged), "accepted", "{rule:?}");
        assert_eq!(admits(&of(rule), &bare), wanted, "{rule:?}");
        assert_eq!(of(rule).take_promises(), rule == LogRule::SetOnly);
        let members = vec![Member {
            signer: expected(&alice),
            validity: KeyValidity::default(),
        }];
        let either = of(rule).or_group(members, 0, 1, LogRule::AsTheRun).unwrap();
        assert_eq!(admits(&either, &bare), "accepted", "{rule:?}");
    }
    assert!(!Signers::from(ExpectedSigner::exactly("a", "b")).take_promises());
}

/// Evidence by the identity of a certificate.
#[test]
fn a_denied_identity_is_refused_in_whatever_certificate_it_signs() {
    let case = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/verify/certificate"
    );
    let read = |name: &str| std::fs::read(format!("{case}/{name}")).unwrap();
    let root = attest_verify::TrustedRoot::parse(&read("trusted_root.json")).unwrap();
    let at = time("2026-11-21T12:00:00Z");
    let verifier = attest_verify::Verifier::new(vec![root], at, attest_verify::Accept::default());
    let bundle = attest_verify::Bundle::parse(&read("bundle.sigstore.json")).unwrap();
    let artifact = super::artifact(&read("artifact"));
    let subject = attest_verify::Subject::Artifact(&artifact);
    let signer = ExpectedSigner::exactly("release@example.com", "https://issuer.example");
    let evidence = verifier
        .unwrap()
        .verify(&bundle, &subject, &signer)
        .unwrap();
    let deny = |pattern: &str| {
        let denied = Denied {
            identities: vec![IdentityPattern::parse(pattern).unwrap()],
            ..Denied::default()
        };
        admits(&Signers::from(signer.clone()).denying(denied), &evidence)
    };
    assert_eq!(deny("release@example.com"), "signer-denied");
    assert_eq!(deny("*@example.com"), "signer-denied");
    assert_eq!(deny("other@example.com"), "accepted");
    let signers = Signers::from(signer.clone());
    let [accepted] = signers.as_ref() else {
        panic!("one is accepted")
    };
    assert_eq!(accepted, &signer);
}

/// As a Rekor v1 log answers: a promise, and nothing that proves it.
#[test]
fn a_promise_alone_is_no_proof_for_a_group_that_requires_one() {
    let case = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/verify/message-set-only"
    );
    let read = |name: &str| std::fs::read(format!("{case}/{name}")).unwrap();
    let root = attest_verify::TrustedRoot::parse(&read("trusted_root.json")).unwrap();
    let accept = attest_verify::Accept {
        set_only: true,
        ..attest_verify::Accept::default()
    };
    let at = time("2026-11-21T12:00:00Z");
    let verifier = attest_verify::Verifier::new(vec![root], at, accept).unwrap();
    let bundle = attest_verify::Bundle::parse(&read("bundle.sigstore.json")).unwrap();
    let key = attest_verify::PublicKey::parse(&read("key.pub")).unwrap();
    let signer = ExpectedSigner::Key(key);
    let artifact = super::artifact(&read("artifact"));
    let subject = attest_verify::Subject::Artifact(&artifact);
    let evidence = verifier.verify(&bundle, &subject, &signer).unwrap();
    for (rule, wanted) in [
        (LogRule::AsTheRun, "accepted"),
        (LogRule::Required, "log-proof-missing"),
        (LogRule::SetOnly, "accepted"),
    ] {
        let members = vec![Member {
            signer: signer.clone(),
            validity: KeyValidity::default(),
        }];
        let signers = Signers::nobody().or_group(members, 0, 1, rule).unwrap();
        assert_eq!(admits(&signers, &evidence), wanted, "{rule:?}");
    }
}
