//! What is archived, by the rules of a policy: what the policy wants and is not kept is named.

use std::fs;

use super::export::exported;
use super::{HELLO, codes, pins, with_pins};
use crate::support::{Ran, World};

/// A policy that trusts the release's key, with this rule beside one about the release itself.
fn policy(world: &World, name: &str, rule: &str) {
    let key = attest_verify::PublicKey::parse(&world.read("dist/release.pub")).unwrap();
    let pin = hex::encode(key.fingerprint());
    let text = format!(
        "version = 1\nname = \"{name}\"\n[trust.us]\nkind = \"keys\"\nkeys = [\"sha256:{pin}\"]\n\
         [[require]]\ntype = \"release\"\nsigned_by = \"us\"\n{rule}"
    );
    world.write(&format!("{name}.toml"), text);
}

/// Runs a command with a policy and the pinned trusted root.
fn judged(world: &World, command: &str, policy: &str) -> Ran {
    let pins = pins(world);
    let at = pins.iter().position(|it| it == "--trusted-root").unwrap();
    let root = &pins[at + 1];
    world.attest(&format!(
        "archive {command} --policy {policy}.toml --trusted-root {root} --format json"
    ))
}

#[test]
fn what_a_policy_wants_and_is_not_kept_is_named() {
    let world = exported();
    world
        .attest("archive export hello@1.0.0 --as tar --out bag.tar")
        .yes();
    policy(&world, "good", "");
    let wants = "[[require]]\ntype = \"test-result\"\nsigned_by = \"us\"\n";
    policy(&world, "more", wants);
    for what in ["hello@1.0.0", "--explain", "bag", "bag.tar"] {
        let ran = judged(&world, &format!("verify {what}"), "more");
        assert_eq!(ran.exit, 1, "{what}: {ran:#?}");
        let rules = &ran.json()["subjects"][0]["rules"];
        assert_eq!(
            (&rules[0]["answer"], &rules[1]["answer"]),
            (&"yes".into(), &"no".into()),
            "{what}: {rules:#}"
        );
        // The parent: the same policy without that rule.
        let ran = judged(&world, &format!("verify {what}"), "good");
        assert_eq!(ran.exit, 0, "{what}: {ran:#?}");
        assert_eq!(ran.json()["policy"]["name"], "good");
    }
    let ran = judged(&world, "import bag --archive vault", "more");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(!codes(&ran.json(), HELLO).is_empty());
    assert!(!world.at("vault").exists());
    let ran = judged(&world, "import bag --archive vault", "good");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

#[test]
fn a_policy_says_whom_to_accept_and_no_flag_beside_it() {
    let world = exported();
    policy(&world, "good", "");
    for what in ["hello@1.0.0", "bag"] {
        for flag in [
            "--key dist/release.pub",
            "--accept no-log",
            "--independent log",
        ] {
            judged(&world, &format!("verify {what} {flag}"), "good").refused(2, "policy-conflict");
        }
        judged(&world, &format!("verify {what} --state seen"), "good")
            .refused(2, "policy-serial-missing");
    }
    with_pins(&world, &["archive", "verify", "bag", "--state", "seen"]).refused(2, "bad-arguments");
    // Who can write into the bag can write a policy.
    fs::copy(world.at("good.toml"), world.at("bag/good.toml")).unwrap();
    judged(&world, "verify bag", "bag/good").refused(2, "trust-beside-subject");
    // Another key: what it pins is nowhere.
    let text = String::from_utf8(world.read("good.toml")).unwrap();
    let at = text.find("sha256:").unwrap() + 7;
    let other = [&text[..at], &"ab".repeat(32), &text[at + 64..]].concat();
    world.write("other.toml", other);
    judged(&world, "verify hello@1.0.0", "other").refused(2, "pin-not-found");
}
