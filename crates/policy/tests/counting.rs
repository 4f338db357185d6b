//! How many have approved: people, each once, for one accepted signer only.

use attest_policy::{Denied, KeyValidity, LogRule, Member, Signers, SignersError};
use attest_sign::ArtifactKey;
use attest_verify::{Evidence, ExpectedIdentity, ExpectedSigner, IdentityPattern};

use super::{World, code, expected, key, time};

fn members(keys: &[&ArtifactKey]) -> Vec<Member> {
    let member = |key: &&ArtifactKey| Member {
        signer: expected(key),
        validity: KeyValidity::default(),
    };
    keys.iter().map(member).collect()
}

fn any(keys: &[&ArtifactKey]) -> Signers {
    Signers::any_of(keys.iter().map(|it| expected(it))).unwrap()
}

fn enough(signers: &Signers, approvals: &[&Evidence]) -> &'static str {
    code(&signers.enough(approvals))
}

const RUN: LogRule = LogRule::AsTheRun;

#[test]
fn as_many_different_ones_as_are_required_are_enough() {
    let (world, alice, bob, carol) = (World::get(), key(), key(), key());
    let [a, b] = [&alice, &bob].map(|it| world.message(it, b"x"));
    let again = world.message(&alice, b"y");
    let one = any(&[&alice, &bob]);
    assert_eq!(one.required(), 1);
    assert_eq!(enough(&one, &[]), "signers-too-few");
    assert_eq!(enough(&one, &[&a]), "accepted");
    let two = any(&[&alice, &bob]).requiring(2).unwrap();
    assert_eq!((two.required(), two.accepted().len()), (2, 2));
    assert_eq!(enough(&two, &[&a, &again]), "signers-too-few");
    assert_eq!(enough(&two, &[&a, &again, &b]), "accepted");
    assert_eq!((two.count(&[&a, &again]), two.count(&[&a, &b])), (1, 2));
    // Somebody who is not accepted counts for nothing.
    let others = any(&[&alice, &carol]).requiring(2).unwrap();
    assert_eq!(enough(&others, &[&a, &b]), "signers-too-few");
    assert_eq!(others.count(&[&a, &b]), 1);
    assert_eq!(Signers::people(&[&a, &b, &again]), [vec![0, 2], vec![1]]);
}

#[test]
fn what_can_never_be_enough_is_refused() {
    let (alice, bob) = (key(), key());
    let refused = |result: Result<Signers, SignersError>| result.unwrap_err();
    assert_eq!(refused(Signers::any_of([])), SignersError::Nobody);
    let two = || any(&[&alice, &bob]);
    assert_eq!(refused(two().requiring(0)), SignersError::NoneRequired);
    let too_few = SignersError::TooFew {
        required: 3,
        accepted: 2,
    };
    assert_eq!(refused(two().requiring(3)), too_few);
    assert_eq!(any(&[&alice, &alice]).accepted().len(), 1);
    let group = |unknown, threshold| {
        Signers::nobody().or_group(members(&[&alice, &bob]), unknown, threshold, RUN)
    };
    assert_eq!(refused(group(0, 0)), SignersError::NoneRequired);
    assert_eq!(refused(group(0, 3)), too_few);
    // A key that is not at hand belongs to the group all the same.
    let with_unknown = group(1, 3).unwrap();
    assert_eq!(with_unknown.required(), 3);
    assert!(with_unknown.clone().requiring(3).is_ok());
    assert!(with_unknown.requiring(4).is_err());
    let many = |count: usize| {
        let name = |number| format!("{number}@example.com");
        let signer = |number| ExpectedSigner::exactly(name(number), "https://issuer.example");
        Signers::any_of((0..count).map(signer))
    };
    let most = attest_policy::limits::SIGNERS;
    assert!(many(most).is_ok());
    let found = most + 1;
    assert_eq!(refused(many(found)), SignersError::TooMany { found });
}

#[test]
fn a_group_whose_own_number_is_not_met_adds_nobody() {
    let (world, alice, bob, carol) = (World::get(), key(), key(), key());
    let [a, b, c] = [&alice, &bob, &carol].map(|it| world.message(it, b"x"));
    let groups = || {
        let both = Signers::nobody().or_group(members(&[&alice, &bob]), 0, 2, RUN);
        both.unwrap()
            .or_group(members(&[&carol]), 0, 1, RUN)
            .unwrap()
    };
    assert_eq!(groups().required(), 1);
    assert_eq!(enough(&groups(), &[&a]), "signers-too-few");
    assert_eq!(enough(&groups(), &[&a, &b]), "accepted");
    assert_eq!(enough(&groups(), &[&c]), "accepted");
    let two = groups().requiring(2).unwrap();
    assert_eq!(enough(&two, &[&a, &c]), "signers-too-few");
    assert_eq!(enough(&two, &[&a, &b]), "accepted");
    let three = groups().requiring(3).unwrap();
    assert_eq!(enough(&three, &[&a, &b]), "signers-too-few");
    assert_eq!(enough(&three, &[&a, &b, &c]), "accepted");
}

#[test]
fn who_is_lacking_is_said_for_each_group() {
    let (world, alice, bob, carol) = (World::get(), key(), key(), key());
    let [a, c] = [&alice, &carol].map(|it| world.message(it, b"x"));
    let wanted = |signers: &Signers, approvals: &[&Evidence]| {
        let reason = signers.enough(approvals).unwrap_err();
        (reason.found().to_owned(), reason.wanted().to_owned())
    };
    let name = |key| expected(key).to_string();
    let two = Signers::nobody()
        .or_group(members(&[&alice]), 1, 2, RUN)
        .unwrap();
    let (found, says) = wanted(&two, &[&a]);
    assert_eq!(found, format!("1 signer: {}", name(&alice)));
    let lone = format!(
        "2 different ones of: {} or 1 whose key is not at hand",
        name(&alice)
    );
    assert_eq!(says, lone);
    let either = two.or_group(members(&[&bob]), 0, 1, RUN).unwrap();
    let (_, says) = wanted(&either, &[&a]);
    assert_eq!(
        says,
        format!("{lone}; or 1 different ones of: {}", name(&bob))
    );
    let both = either.requiring(2).unwrap();
    let (_, says) = wanted(&both, &[&a]);
    assert!(says.starts_with("2 different ones, of groups whose own number is met: 2 diff"));
    let (found, says) = wanted(&any(&[&alice, &bob]).requiring(2).unwrap(), &[]);
    assert_eq!(found, "0 signers: ");
    assert_eq!(
        says,
        format!("2 different ones of: {} or {}", name(&alice), name(&bob))
    );
    let apart = any(&[&alice]).or_group(members(&[&carol]), 0, 1, RUN);
    let (_, says) = wanted(&apart.unwrap().requiring(2).unwrap(), &[&c]);
    assert_eq!(
        says,
        format!("2 different ones of: {} or {}", name(&alice), name(&carol))
    );
}

#[test]
fn a_pattern_is_several_and_one_exact_signer_is_not() {
    let identity = |pattern: &str| {
        let pattern = IdentityPattern::parse(pattern).unwrap();
        let identity = ExpectedIdentity::new(pattern, "https://issuer.example");
        Signers::from(ExpectedSigner::Identity(identity))
    };
    assert!(!identity("a@example.com").are_several());
    assert!(identity("*@example.com").are_several());
    let (alice, bob) = (key(), key());
    assert!(!any(&[&alice]).are_several() && any(&[&alice, &bob]).are_several());
    let declared = any(&[&alice]).with_independent(["log.example".to_owned()]);
    assert_eq!(declared.independent(), ["log.example"]);
    assert!(declared.is_independent_log("log.example"));
    assert!(!declared.is_independent_log("other.example"));
    assert!(!any(&[&alice]).is_independent_log("log.example"));
}

#[test]
fn each_group_by_itself_asks_its_own_and_knows_what_any_of_them_knows() {
    let (world, alice, bob, carol) = (World::get(), key(), key(), key());
    let [a, b, c] = [&alice, &bob, &carol].map(|it| world.message(it, b"x"));
    let ended = Member {
        signer: expected(&carol),
        validity: KeyValidity {
            not_after: Some(time("2026-11-21T09:41:06Z")),
            ..KeyValidity::default()
        },
    };
    let mut last = members(&[&bob]);
    last.push(ended);
    let denied = Denied {
        fingerprints: [bob.fingerprint()].into(),
        ..Denied::default()
    };
    let all = Signers::nobody()
        .or_group(members(&[&alice, &bob]), 0, 1, RUN)
        .unwrap()
        .with_one_holder()
        .or_group(members(&[&alice, &bob, &carol]), 0, 2, LogRule::SetOnly)
        .and_then(|it| it.or_group(last, 1, 1, RUN))
        .and_then(|it| it.requiring(3))
        .unwrap()
        .denying(denied)
        .with_independent(["log.example".to_owned()]);
    let groups = all.each_group();
    let [first, second, third] = groups.as_slice() else {
        panic!("{} groups", groups.len());
    };
    // Members, number and what is asked of the log are its own, and the run's number is nobody's.
    assert_eq!(first.accepted(), [expected(&alice), expected(&bob)]);
    assert_eq!(second.accepted().len(), 3);
    assert_eq!(third.accepted(), [expected(&bob), expected(&carol)]);
    let required = groups.iter().map(Signers::required);
    assert_eq!(required.collect::<Vec<_>>(), [1, 2, 1]);
    let promises = groups.iter().map(Signers::take_promises);
    assert_eq!(promises.collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(enough(first, &[&c]), "signers-too-few");
    assert_eq!(enough(first, &[&a]), "accepted");
    assert_eq!(enough(third, &[&a]), "signers-too-few");
    assert_eq!(enough(third, &[&c]), "accepted");
    // The first says that two keys are one person's, the third that one had ended: for all of them.
    assert_eq!(enough(second, &[&a, &b]), "signers-too-few");
    assert_eq!(enough(second, &[&a, &c]), "accepted");
    assert_eq!(code(&second.admit(&a)), "accepted");
    assert_eq!(code(&second.admit(&c)), "key-outside-validity");
    assert_eq!(code(&first.admit(&c)), "signer-mismatch");
    for group in &groups {
        assert_eq!(code(&group.admit(&b)), "signer-denied");
        assert!(group.is_independent_log("log.example"));
    }
}
