//! Trusted roots: what is read, what is refused, and several in one run.

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_verify::{Accept, Bundle, Subject, TrustedRoot, Verifier};
use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::keys::{Key, sha256};
use crate::support::log::Log;
use crate::support::{NOW, Scene, trusted_root};

fn error_of(root: &Value) -> String {
    TrustedRoot::parse(root.to_string().as_bytes())
        .map_or_else(|it| it.to_string(), |_| "accepted".to_owned())
}

#[test]
fn the_media_types_of_0_1_and_0_2_are_read() {
    let mut scene = Scene::message();
    for media_type in [
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    ] {
        scene.set_root("/mediaType", media_type);
        assert_eq!(scene.code(), "accepted");
    }
    scene.set_root(
        "/mediaType",
        "application/vnd.dev.sigstore.trustedroot+json;version=0.9",
    );
    assert_eq!(scene.code(), "trusted-root-malformed");
}

#[test]
fn a_root_says_what_it_trusts() {
    let scene = Scene::message();
    let bytes = scene.root.to_string();
    let root = TrustedRoot::parse(bytes.as_bytes()).unwrap();
    assert_eq!(root.digest().as_bytes(), sha256(bytes.as_bytes()));
    let [log] = root.logs() else { panic!() };
    assert_eq!(
        (log.origin(), log.base_url(), log.id().as_slice()),
        (
            "log.example",
            "https://log.example",
            scene.log.id().as_slice()
        )
    );
    assert_eq!(log.window().to_string(), "from 2026-01-01T00:00:00Z");
    let [authority] = root.authorities() else {
        panic!()
    };
    assert_eq!(
        (authority.name(), authority.uri()),
        ("time.example", Some("https://time.example"))
    );
    let window = authority.window().unwrap().to_string();
    assert_eq!(window, "from 2026-01-01T00:00:00Z");
    let mut ended = scene.root.clone();
    ended["tlogs"][0]["publicKey"]["validFor"]["end"] = json!("2027-01-01T00:00:00Z");
    let ended = TrustedRoot::parse(ended.to_string().as_bytes()).unwrap();
    for (root, end) in [(&root, None), (&ended, Some("2027-01-01T00:00:00Z"))] {
        let window = root.logs()[0].window();
        assert_eq!(window.start().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(window.end().map(|it| it.to_string()).as_deref(), end);
    }
    // What reads tiles asks for the key by the log's origin.
    assert_eq!(log.log_key().unwrap().origin(), "log.example");
    let v1 = TrustedRoot::parse(
        Scene::message_in(Log::v1("log.example"))
            .root
            .to_string()
            .as_bytes(),
    );
    assert!(v1.unwrap().logs()[0].log_key().is_none());
}

#[test]
fn malformed_roots_are_refused() {
    let good = || Scene::message().root;
    assert_eq!(error_of(&good()), "accepted");
    let cases: [(&str, Value); 19] = [
        ("/unknown", json!(1)),
        ("/tlogs/0/unknown", json!(1)),
        ("/tlogs/0/hashAlgorithm", json!("SHA2_512")),
        ("/tlogs/0/baseUrl", json!("log.example")),
        ("/tlogs/0/baseUrl", json!("https://")),
        ("/tlogs/0/publicKey/validFor", json!({})),
        (
            "/tlogs/0/publicKey/validFor",
            json!({"end": "2026-01-01T00:00:00Z"}),
        ),
        (
            "/tlogs/0/publicKey/validFor",
            json!({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}),
        ),
        ("/tlogs/0/publicKey/validFor", json!({"start": "yesterday"})),
        (
            "/tlogs/0/publicKey/validFor",
            json!({"start": "2026-01-01T00:00:00Z[UTC]"}),
        ),
        (
            "/tlogs/0/publicKey/keyDetails",
            json!("PKIX_ECDSA_P256_SHA_256"),
        ),
        ("/tlogs/0/logId/keyId", json!(base64::encode(&[1; 32]))),
        ("/tlogs/0/logId/keyId", json!(base64::encode(&[1; 31]))),
        (
            "/tlogs/0/checkpointKeyId",
            json!({"keyId": base64::encode(&[1; 32])}),
        ),
        ("/timestampAuthorities/0/certChain/certificates", json!([])),
        (
            "/timestampAuthorities/0/certChain/certificates/0/rawBytes",
            json!("MAA="),
        ),
        ("/timestampAuthorities/0/unknown", json!(1)),
        (
            "/timestampAuthorities/0/validFor",
            json!({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}),
        ),
        (
            "/certificateAuthorities",
            json!([{"certChain": {"certificates": []}}]),
        ),
    ];
    for (pointer, value) in cases {
        let mut scene = Scene::message();
        scene.set_root(pointer, value.clone());
        assert_eq!(scene.code(), "trusted-root-malformed", "{pointer} {value}");
    }
    let mut without_window = Scene::message();
    without_window
        .root
        .pointer_mut("/tlogs/0/publicKey")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("validFor");
    assert_eq!(without_window.code(), "trusted-root-malformed");
    for bytes in ["", "[]", "{}", "null"] {
        assert!(TrustedRoot::parse(bytes.as_bytes()).is_err(), "{bytes}");
    }
    let duplicate = good().to_string().replacen('{', "{\"mediaType\":\"x\",", 1);
    assert!(TrustedRoot::parse(duplicate.as_bytes()).is_err());
    let large = good().to_string() + &" ".repeat(attest_verify::limits::TRUSTED_ROOT_BYTES);
    assert!(TrustedRoot::parse(large.as_bytes()).is_err());
}

#[test]
fn a_log_twice_is_refused() {
    let scene = Scene::message();
    let root = trusted_root(&[&scene.log, &scene.log], &[]);
    assert!(
        error_of(&root).contains("repeats the log"),
        "{}",
        error_of(&root)
    );
}

#[test]
fn null_says_absent_in_a_root() {
    let mut scene = Scene::message();
    scene.set_root("/tlogs/0/checkpointKeyId", Value::Null);
    scene.set_root("/tlogs/0/publicKey/validFor/end", Value::Null);
    scene.set_root("/ctlogs", Value::Null);
    assert_eq!(scene.code(), "accepted");
    scene.set_root("/tlogs", Value::Null);
    assert_eq!(scene.code(), "log-unknown");
}

#[test]
fn a_log_with_a_key_that_we_do_not_know_is_passed_over() {
    let mut scene = Scene::message();
    let rsa = Log {
        host: "rsa.example".to_owned(),
        key: Key::rsa2048(),
        v1: false,
    };
    scene.root = trusted_root(&[&rsa, &scene.log], &[&scene.authority]);
    assert_eq!(scene.code(), "accepted");
    let entry = scene.entry_in(&rsa, 0, 1);
    scene.set(crate::support::ENTRY, entry);
    assert_eq!(scene.code(), "log-unknown");
}

#[test]
fn a_log_named_by_port_and_path_has_its_host_as_origin() {
    let mut scene = Scene::message();
    scene.set_root("/tlogs/0/baseUrl", "http://log.example:3000/path/");
    assert_eq!(scene.code(), "accepted");
    scene.set_root("/tlogs/0/baseUrl", "https://other.example");
    assert_eq!(scene.code(), "trusted-root-malformed");
}

fn verify_with(scene: &Scene, roots: &[Value]) -> &'static str {
    let roots = roots
        .iter()
        .map(|it| TrustedRoot::parse(it.to_string().as_bytes()).unwrap())
        .collect();
    let verifier = match Verifier::new(roots, NOW.parse().unwrap(), Accept::default()) {
        Ok(verifier) => verifier,
        Err(error) => return error.code(),
    };
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
    let result = verifier.verify(&bundle, &Subject::Artifact(&artifact), &scene.expected);
    result.map_or_else(|it| it.code(), |_| "accepted")
}

#[test]
fn log_and_time_may_be_trusted_by_different_roots() {
    let scene = Scene::message();
    let log = trusted_root(&[&scene.log], &[]);
    let time = trusted_root(&[], &[&scene.authority]);
    assert_eq!(
        verify_with(&scene, &[log.clone(), time.clone()]),
        "accepted"
    );
    assert_eq!(
        verify_with(&scene, &[time.clone(), log.clone()]),
        "accepted"
    );
    assert_eq!(verify_with(&scene, &[log]), "time-unknown");
    assert_eq!(verify_with(&scene, &[time]), "log-unknown");
    assert_eq!(verify_with(&scene, &[]), "log-unknown");
}

#[test]
fn a_log_of_two_roots_is_valid_when_either_says_so() {
    let scene = Scene::message_in(Log::v1("log.example"));
    let window = |start: &str, end: &str| {
        let mut root = trusted_root(&[&scene.log], &[&scene.authority]);
        root["tlogs"][0]["publicKey"]["validFor"] = json!({"start": start, "end": end});
        root
    };
    let past = window("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let present = window("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    let future = window("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z");
    assert_eq!(
        verify_with(&scene, &[past.clone(), present.clone()]),
        "accepted"
    );
    assert_eq!(verify_with(&scene, &[present, future.clone()]), "accepted");
    // Nothing between two windows is inside of one.
    assert_eq!(verify_with(&scene, &[past, future]), "log-key-validity");
}

#[test]
fn two_roots_that_give_a_log_two_names_are_refused() {
    let log = Log::v2_p256("log.example");
    let scene = Scene::message_in(log);
    let mut other = trusted_root(&[&scene.log], &[&scene.authority]);
    other["tlogs"][0]["baseUrl"] = "https://other.example".into();
    assert_eq!(
        verify_with(&scene, &[scene.root.clone(), other]),
        "trusted-root-malformed"
    );
}

#[test]
fn the_windows_of_logs_and_authorities_do_not_depend_on_the_systems_clock() {
    // A machine whose clock stands in the past, and a time that is given: the engine must not
    // leave out what has not started by the system's clock.
    let mut scene = Scene::message();
    scene.now = "2091-01-01T00:00:00Z";
    scene.authority = Authority::with(
        "time.example",
        crate::support::authority::Chain {
            leaf_validity: ("20900101000000Z", "20920101000000Z"),
            root_extensions: crate::support::authority::authority_extensions(),
            root_validity: ("20900101000000Z", "20920101000000Z"),
            ..Default::default()
        },
    );
    scene.root = trusted_root(&[&scene.log], &[&scene.authority]);
    scene.set_root(
        "/tlogs/0/publicKey/validFor",
        json!({"start": "2090-01-01T00:00:00Z"}),
    );
    scene.set_root(
        "/timestampAuthorities/0/validFor",
        json!({"start": "2090-01-01T00:00:00Z"}),
    );
    let mut token = scene.token();
    token.time = "20900601000000Z";
    scene.stamp_with(&token);
    assert!(scene.verify().unwrap().skipped().is_empty());
}

#[test]
fn one_verifier_serves_many_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let scene = Scene::message();
    let verifier = scene.verifier().unwrap();
    shared(&verifier);
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    verifier
                        .verify(&bundle, &Subject::Artifact(&artifact), &scene.expected)
                        .unwrap();
                }
            });
        }
    });
}

/// A root in which the item of a field stands several times, once for each window.
fn windows(scene: &Scene, field: &str, windows: &[(&str, Option<&str>)]) -> Value {
    let mut root = scene.root.clone();
    let item = root[field][0].clone();
    let items = windows.iter().map(|(start, end)| {
        let mut item = item.clone();
        item["validFor"] = match end {
            Some(end) => json!({"start": start, "end": end}),
            None => json!({"start": start}),
        };
        item
    });
    root[field] = items.collect();
    root
}

#[test]
fn overlapping_future_and_expired_entries_of_an_authority_are_read_and_judged_alone() {
    let scene = Scene::message();
    let judged = |given: &[(&str, Option<&str>)]| {
        verify_with(&scene, &[windows(&scene, "timestampAuthorities", given)])
    };
    let (past, present, overlapping, future) = (
        ("2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z")),
        ("2026-11-01T00:00:00Z", Some("2026-12-01T00:00:00Z")),
        ("2026-11-15T00:00:00Z", None),
        ("2091-01-01T00:00:00Z", None),
    );
    for order in [
        vec![past, present, overlapping, future],
        vec![future, overlapping, present, past],
        vec![present, present],
    ] {
        assert_eq!(judged(&order), "accepted", "{order:?}");
    }
    for alone in [past, future] {
        assert_eq!(judged(&[alone]), "time-outside-validity", "{alone:?}");
    }
    assert_eq!(judged(&[past, future]), "time-outside-validity");
}

#[test]
fn both_ends_of_a_window_are_inside() {
    // The timestamp's own second.
    let stamped = "2026-11-21T11:30:00Z";
    let (before, after) = ("2026-11-21T11:29:59Z", "2026-11-21T11:30:01Z");
    let scene = Scene::message();
    for (start, end, wanted) in [
        (stamped, stamped, "accepted"),
        (before, stamped, "accepted"),
        (stamped, after, "accepted"),
        (before, before, "outside"),
        (after, after, "outside"),
    ] {
        let outside = |code| if wanted == "accepted" { wanted } else { code };
        let authority = windows(&scene, "timestampAuthorities", &[(start, Some(end))]);
        let code = outside("time-outside-validity");
        assert_eq!(verify_with(&scene, &[authority]), code, "{start} {end}");
        let mut log = scene.root.clone();
        log["tlogs"][0]["publicKey"]["validFor"] = json!({"start": start, "end": end});
        let code = outside("log-key-validity");
        assert_eq!(verify_with(&scene, &[log]), code, "{start} {end}");
    }
}

#[test]
fn every_truncation_of_a_root_is_refused() {
    let text = Scene::message().root.to_string();
    for end in 0..text.len() {
        assert!(
            TrustedRoot::parse(&text.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
    for embedded in attest_verify::EmbeddedRoot::ALL {
        let bytes = embedded.trusted_root();
        let whole = bytes.trim_ascii_end().len();
        for end in (0..whole).step_by(97).chain([whole - 1]) {
            assert!(
                TrustedRoot::parse(&bytes[..end]).is_err(),
                "{} {end}",
                embedded.name()
            );
        }
    }
}

#[test]
fn a_key_twice_is_refused_at_any_depth() {
    let text = Scene::message().root.to_string();
    for (once, twice) in [
        ("\"tlogs\":[", "\"tlogs\":[],\"tlogs\":["),
        ("\"baseUrl\":", "\"baseUrl\":\"https://x\",\"baseUrl\":"),
        ("\"keyId\":", "\"keyId\":\"AA==\",\"keyId\":"),
        (
            "\"start\":",
            "\"start\":\"2026-01-01T00:00:00Z\",\"start\":",
        ),
        ("\"rawBytes\":", "\"rawBytes\":\"MAA=\",\"rawBytes\":"),
    ] {
        let doubled = text.replacen(once, twice, 1);
        assert_ne!(doubled, text, "{once}");
        let error = TrustedRoot::parse(doubled.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "trusted-root-malformed", "{once}");
    }
}

#[test]
fn evidence_names_the_root_whose_window_holds() {
    let scene = Scene::message_in(Log::v1("log.example"));
    let named = |name: &str, start: &str, end: &str| {
        let mut root = trusted_root(&[&scene.log], &[]);
        root["tlogs"][0]["publicKey"]["validFor"] = json!({"start": start, "end": end});
        TrustedRoot::parse(root.to_string().as_bytes())
            .unwrap()
            .named(name)
    };
    let time = trusted_root(&[], &[&scene.authority]);
    let time = TrustedRoot::parse(time.to_string().as_bytes())
        .unwrap()
        .named("time");
    let roots = vec![
        named("past", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        named("present", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        time,
    ];
    let verifier = Verifier::new(roots, NOW.parse().unwrap(), Accept::default()).unwrap();
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
    let evidence = verifier
        .verify(&bundle, &Subject::Artifact(&artifact), &scene.expected)
        .unwrap();
    assert_eq!(evidence.logs()[0].root(), "present");
    let mut roots: Vec<&str> = evidence
        .times()
        .iter()
        .map(attest_verify::ProvenTime::root)
        .collect();
    roots.sort_unstable();
    assert!(
        roots.iter().all(|it| ["present", "time"].contains(it)),
        "{roots:?}"
    );
    assert!(roots.contains(&"time"));
    assert!(evidence.certificate_authority().is_none());
}
