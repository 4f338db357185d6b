//! What a policy accepts less than the default of: that alone, said in the policy, and repeated in the report. The
//! bundles are fixtures of the verifier's.

use crate::page::root;
use crate::support::{Ran, World};

/// A world with a case of `fixtures/verify`.
fn world(case: &str) -> World {
    let world = World::new();
    let folder = root().join("fixtures/verify").join(case);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        world.write(&name, std::fs::read(path).unwrap());
    }
    world
}

fn key(world: &World) -> String {
    let key = attest_verify::PublicKey::parse(&world.read("key.pub")).unwrap();
    let pin = hex::encode(key.fingerprint());
    format!("kind = \"keys\"\nkeys = [{{ file = \"key.pub\", sha256 = \"{pin}\" }}]")
}

fn ask(world: &World, accept: &str, trust: &str, rule: &str) -> Ran {
    let text = format!(
        "version = 1\nname = \"p\"\naccept = [{accept}]\nindependent = [\"nobody.example\"]\n\
         [trust.s]\n{trust}\n[[require]]\ntype = \"signature\"\nsigned_by = \"s\"\n{rule}\n"
    );
    world.write("p.toml", text);
    world.attest(
        "verify artifact --bundle bundle.sigstore.json --policy p.toml --trusted-root trusted_root.json --at 2026-11-21T12:00:00Z --format json",
    )
}

/// Whatever is accepted must be said, and nothing else is by it.
#[track_caller]
fn only_with(world: &World, trust: &str, wanted: &[&str]) {
    let words = [
        "\"no-log\"",
        "\"no-time\"",
        "\"set-only\"",
        "\"git-unlogged\"",
    ];
    for chosen in 0..1 << words.len() {
        let accept: Vec<&str> = words
            .iter()
            .enumerate()
            .filter(|(place, _)| chosen & (1 << place) != 0)
            .map(|(_, it)| *it)
            .collect();
        let is_enough = wanted
            .iter()
            .all(|it| accept.iter().any(|word| word.trim_matches('"') == *it));
        let ran = ask(world, &accept.join(", "), trust, "");
        assert_eq!(ran.exit, i32::from(!is_enough), "{accept:?}: {ran:#?}");
        if is_enough {
            let told = ran.json()["accepted"].to_string();
            assert!(wanted.iter().all(|it| told.contains(it)), "{told}");
        }
    }
}

#[test]
fn a_policy_takes_a_signature_alone_only_without_log_and_time() {
    let world = world("message-signature-only");
    let trust = key(&world);
    only_with(&world, &trust, &["no-log", "no-time"]);
    // What then has no time has no age, and nobody independent has seen it.
    let accept = "\"no-log\", \"no-time\"";
    for rule in [
        "max_age = \"500w\"",
        "independent = \"time\"",
        "independent = \"log\"",
    ] {
        assert_eq!(ask(&world, accept, &trust, rule).exit, 1, "{rule}");
    }
    let limited = trust.replace("\" }]", "\", not_after = 2099-01-01T00:00:00Z }]");
    assert_eq!(ask(&world, accept, &limited, "").exit, 1);
}

#[test]
fn a_policy_takes_a_timestamp_alone_only_without_log() {
    let world = world("certificate-timestamp-only");
    let trust = "kind = \"sigstore\"\nissuer = \"https://issuer.example\"\nidentity = \"release@example.com\"";
    only_with(&world, trust, &["no-log"]);
    // Whoever else signs is nobody, whatever is accepted.
    for (from, to) in [
        ("release@", "other@"),
        ("https://issuer.", "https://other."),
    ] {
        let other = trust.replace(from, to);
        assert_eq!(ask(&world, "\"no-log\"", &other, "").exit, 1, "{to}");
    }
}

#[test]
fn a_policy_takes_a_promise_alone_only_where_it_says_so() {
    let world = world("message-set-only");
    let trust = key(&world);
    only_with(&world, &trust, &["set-only"]);
    // A group says it for itself, or against the rest.
    let group = |log: &str| format!("{trust}\nlog = \"{log}\"");
    assert_eq!(ask(&world, "", &group("set-only"), "").exit, 0);
    assert_eq!(ask(&world, "\"set-only\"", &group("required"), "").exit, 1);
}
