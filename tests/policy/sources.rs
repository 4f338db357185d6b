//! Where a policy comes from: well formed, whole, pinned, signed, not expired, not older than another.

use super::{Desk, TESTED};

fn desk() -> Desk {
    let desk = Desk::new();
    desk.policy(&["alice"], "serial = 7", TESTED);
    desk.tested("alice", "PASSED");
    desk
}

#[test]
fn a_policy_that_is_wrong_is_a_bad_request_with_its_place() {
    let desk = desk();
    desk.policy(&["alice"], "", &TESTED.replace("signed_by", "singed_by"));
    let message = desk.bad("x", "policy-malformed");
    assert!(
        message.starts_with("p.toml:10:1: singed_by is unknown here; did you mean signed_by?"),
        "{message}"
    );
    let world = &desk.people.world;
    let ran = world
        .attest("policy check p.toml")
        .refused(2, "policy-malformed");
    assert!(ran.err.contains("p.toml:10:1"), "{ran:#?}");
    world
        .attest("policy check none.toml")
        .refused(2, "policy-unreadable");
    desk.policy(&["alice"], "", "");
    desk.bad("x", "policy-malformed");
    desk.policy(&["alice"], "expires = 2020-01-01T00:00:00Z", TESTED);
    desk.bad("x", "policy-expired");
    let checked = world.attest("policy check p.toml").yes();
    assert!(checked.out.contains("expired 2020-01-01"), "{checked:#?}");
}

#[test]
fn a_pinned_policy_is_that_policy_and_all_that_it_includes() {
    let desk = desk();
    let world = &desk.people.world;
    let trust = format!("version = 1\n{}", desk.trust("alice"));
    world.write("trust.toml", &trust);
    let digest = super::sha256(trust.as_bytes());
    let text = format!(
        "version = 1\nname = \"p\"\ninclude = [{{ file = \"trust.toml\", sha256 = \"{digest}\" }}]\n{TESTED}"
    );
    world.write("p.toml", &text);
    desk.yes();
    let pin = super::sha256(text.as_bytes());
    let ran = desk
        .people
        .verify(&format!("x --policy p.toml@sha256:{pin}"));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let other = "0".repeat(64);
    let ran = desk
        .people
        .verify(&format!("x --policy p.toml@sha256:{other}"));
    assert_eq!(
        (ran.exit, ran.json()["error"]["code"].as_str()),
        (2, Some("pin-not-found"))
    );
    world.write("trust.toml", trust.replace("alice", "carol"));
    desk.bad("x", "policy-malformed");
    std::fs::remove_file(world.at("trust.toml")).unwrap();
    desk.bad("x", "policy-unreadable");
    // The key's file is pinned too.
    desk.policy(&["alice"], "", TESTED);
    std::fs::copy(world.at("carol.pub"), world.at("alice.pub")).unwrap();
    desk.bad("x", "pin-not-found");
}

#[test]
fn a_signed_policy_is_signed_by_that_key() {
    let desk = desk();
    desk.bad("x --policy-key carol.pub", "policy-unsigned");
    desk.people.sign("bob", "p.toml", "p.toml.sigstore.json");
    desk.bad("x --policy-key carol.pub", "policy-unsigned");
    let ran = desk.ask("x --policy-key bob.pub");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert!(ran.json()["policy"]["signed_by"].is_string());
    desk.policy(&["carol"], "serial = 7", &TESTED.replace("alice", "carol"));
    desk.bad("x --policy-key bob.pub", "policy-unsigned");
}

/// Anybody who can read the file of the lock can hold it: no gate waits for that without an end.
#[test]
fn a_state_that_another_holds_is_not_waited_for_without_an_end() {
    let desk = desk();
    desk.policy(&["alice"], "serial = 7", TESTED);
    assert_eq!(desk.ask("x --state seen.json").exit, 0);
    let lock = std::fs::File::open(desk.people.world.at("seen.json.lock")).unwrap();
    lock.lock().unwrap();
    let ran = desk.ask("x --state seen.json");
    let code = ran.json()["error"]["code"].clone();
    assert_eq!(
        (ran.exit, code.as_str()),
        (3, Some("state-locked")),
        "{ran:#?}"
    );
    lock.unlock().unwrap();
    assert_eq!(desk.ask("x --state seen.json").exit, 0);
}

#[test]
fn an_older_policy_is_refused_after_a_newer_one() {
    let desk = desk();
    let ask = |serial: u32| {
        desk.policy(&["alice"], &format!("serial = {serial}"), TESTED);
        desk.ask("x --state seen.json")
    };
    assert_eq!(ask(7).exit, 0);
    assert_eq!(
        ask(8).json()["policy"]["rollback"],
        "newer than 7, seen last in seen.json"
    );
    let ran = ask(7);
    assert_eq!(
        (ran.exit, ran.json()["error"]["code"].as_str()),
        (2, Some("policy-rolled-back"))
    );
    assert_eq!(ask(8).exit, 0);
    // Another one under the same number.
    desk.policy(&["alice"], "serial = 8\n# other", TESTED);
    desk.bad("x --state seen.json", "policy-rolled-back");
    desk.policy(&["alice"], "", TESTED);
    desk.bad("x --state seen.json", "policy-serial-missing");
    desk.policy(&["alice"], "serial = 9", TESTED);
    desk.people.world.write("seen.json", "{}");
    desk.bad("x --state seen.json", "state-unreadable");
    // Without a state nothing is remembered, and the report says so.
    let report = desk.ask("x").json();
    assert_eq!(report["policy"]["rollback"], "not checked");
    assert!(
        report["not_checked"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it == "rollback")
    );
}

#[test]
fn a_request_that_is_refused_is_not_remembered() {
    let desk = desk();
    desk.policy(&["alice"], "serial = 7", TESTED);
    let seen = desk.people.world.at("seen.json");
    for (more, code) in [
        ("--release bad", "bad-release"),
        ("--emit-vsa v.json", "bad-arguments"),
    ] {
        desk.bad(&format!("x --state seen.json {more}"), code);
        assert!(!seen.exists(), "{more}");
    }
    assert_eq!(desk.ask("x --state seen.json").exit, 0);
    assert!(seen.exists());
}

#[test]
fn a_policy_of_another_name_is_not_the_one_that_was_asked_for() {
    let desk = desk();
    desk.policy(&["alice"], "serial = 7", TESTED);
    let ask = |more: &str| desk.ask(&format!("x --state seen.json {more}"));
    assert_eq!(ask("--policy-name p").exit, 0);
    // An older and weaker one would do under another name.
    desk.policy(&["alice"], "serial = 1", TESTED);
    let text = String::from_utf8(desk.people.world.read("p.toml")).unwrap();
    desk.people
        .world
        .write("p.toml", text.replace("name = \"p\"", "name = \"q\""));
    let before = desk.people.world.read("seen.json");
    desk.bad(
        "x --state seen.json --policy-name p",
        "policy-name-mismatch",
    );
    assert_eq!(before, desk.people.world.read("seen.json"));
    let ran = desk.ask("x --state seen.json");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let rollback = ran.json()["policy"]["rollback"].clone();
    assert_eq!(rollback, "the first policy of this name in seen.json");
}

#[test]
fn a_policy_inside_what_it_judges_needs_a_pin() {
    let desk = desk();
    let world = &desk.people.world;
    world.write("d/x", "x");
    let text = world.read("p.toml");
    world.write("d/p.toml", text);
    let ran = desk.people.verify("d --policy d/p.toml");
    assert_eq!(
        (ran.exit, ran.json()["error"]["code"].as_str()),
        (2, Some("trust-beside-subject"))
    );
}
