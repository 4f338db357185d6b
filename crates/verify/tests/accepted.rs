//! What is accepted, and what it proves.

use crate::support::log::Log;
use crate::support::{INDEX, SIZE, Scene};

#[test]
fn a_message_signature_proves_signer_log_and_time() {
    let scene = Scene::message();
    let evidence = scene.verify().unwrap();
    assert!(evidence.signer().is(&scene.expected));
    assert_eq!(evidence.signature(), scene.signature());
    assert!(evidence.statement().is_none());
    let [log] = evidence.logs() else {
        panic!("{:?}", evidence.logs())
    };
    assert_eq!(
        (log.origin(), log.index(), log.tree_size()),
        ("log.example", INDEX, SIZE)
    );
    let [time] = evidence.times() else {
        panic!("{:?}", evidence.times())
    };
    assert_eq!(
        (time.time().to_string().as_str(), time.authority()),
        ("2026-11-21T11:30:00Z", "time.example")
    );
    assert!(evidence.skipped().is_empty());
    let steps: Vec<_> = evidence
        .checks()
        .iter()
        .map(attest_verify::Check::code)
        .collect();
    let wanted = [
        "bundle",
        "signer",
        "signature",
        "subject",
        "entry",
        "checkpoint",
        "inclusion",
        "time",
        "validity",
        "engine",
    ];
    assert_eq!(steps, wanted);
}

#[test]
fn a_statement_is_bound_to_the_artifact_that_it_names() {
    let evidence = Scene::statement().verify().unwrap();
    let statement = evidence.statement().unwrap();
    assert_eq!(statement.predicate_type(), "https://slsa.dev/provenance/v1");
    assert!(evidence.message_digest().is_none());
    assert!(evidence.skipped().is_empty());
}

#[test]
fn logs_of_every_kind_are_accepted() {
    for log in [
        Log::v2("log.example", 7),
        Log::v2_p256("log.example"),
        Log::v1("log.example"),
    ] {
        let evidence = Scene::message_in(log).verify().unwrap();
        assert!(evidence.skipped().is_empty(), "{:?}", evidence.skipped());
    }
}

#[test]
fn every_tree_size_is_accepted() {
    let mut scene = Scene::message();
    for size in 1..20 {
        for index in 0..size {
            let entry = scene.entry_in(&scene.log, index, size);
            scene.set(crate::support::ENTRY, entry);
            scene
                .verify()
                .unwrap_or_else(|it| panic!("{index} of {size}: {it:?}"));
        }
    }
}
