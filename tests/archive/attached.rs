//! What others attached to a release, and what that hides: nothing.

use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source, Store};
use attest_digest::RelativePath;
use attest_verify::limits::BUNDLE_BYTES;

use super::export::exported;
use super::judged::{judged, policy, tested_as};
use super::{HELLO, archive, named, pins};
use crate::support::{Ran, World};

/// Attaches files as evidence, as whoever can write to the archive does, or gives a bag to import.
pub(crate) fn attach(world: &World, created: &str, files: &[(&str, &[u8])]) {
    let files = files.iter().map(|(path, bytes)| AttachedFileInput {
        path: RelativePath::parse(path).unwrap(),
        media_type: "application/octet-stream".to_owned(),
        source: Source::Bytes(bytes),
        expected: None,
    });
    let attachment = AttachmentInput {
        subject: Some(named(HELLO)),
        kind: AttachmentKind::Evidence,
        created: format!("2026-01-01T00:00:{created}Z").parse().unwrap(),
        files: files.collect(),
    };
    let mut store = Store::open(&archive(world)).unwrap();
    store.attach(&attachment).unwrap();
}

/// The answers of the archive, of the exported release and of `status`, by the policy that wants a passed test.
fn answers(world: &World) -> [Ran; 3] {
    world
        .attest("archive export hello@1.0.0 --out tested --force")
        .yes();
    let pins = pins(world);
    let at = pins.iter().position(|it| it == "--trusted-root").unwrap();
    let root = &pins[at + 1];
    let status = format!("status --policy tests.toml --trusted-root {root} --format json");
    [
        judged(world, &format!("verify {HELLO}"), "tests"),
        judged(world, "verify ./tested", "tests"),
        world.attest(&status),
    ]
}

#[test]
fn an_attachment_that_nobody_can_read_hides_no_result_that_came_later() {
    let world = exported();
    let rule = "[[require]]\ntype = \"test-result\"\nsigned_by = \"us\"\n";
    policy(&world, "tests", rule);
    let passed = tested_as(&world, ".attest", "PASSED");
    let failed = tested_as(&world, ".attest", "FAILED");
    let large = vec![b'x'; BUNDLE_BYTES + 1];
    attach(&world, "01", &[("log.txt", &large)]);
    attach(&world, "02", &[("large.sigstore.json", &large)]);
    attach(&world, "03", &[("passed.sigstore.json", &passed)]);
    // The parent: what nobody can read says nothing, and hides nothing.
    for ran in answers(&world) {
        assert_eq!(ran.exit, 0, "{ran:#?}");
    }
    attach(&world, "04", &[("failed.sigstore.json", &failed)]);
    for ran in answers(&world) {
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert!(ran.out.contains("predicate-field-mismatch"), "{ran:#?}");
    }
}

/// A blob costs its bytes once, under however many names it was attached.
#[test]
fn one_blob_under_many_names_is_read_once() {
    let world = exported();
    policy(&world, "tests", "");
    let zeros = vec![0; BUNDLE_BYTES - 1];
    let names: Vec<String> = (0..300).map(|it| format!("{it}.sigstore.json")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), zeros.as_slice()))
        .collect();
    attach(&world, "01", &files);
    let ran = judged(&world, &format!("verify {HELLO}"), "tests");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let evidence = ran.json()["evidence"].clone();
    let places = evidence.as_array().unwrap().iter();
    let attached = places.filter(|it| it["place"].as_str().unwrap().contains("/attached/"));
    assert_eq!(attached.count(), 1, "{evidence:#}");
}

/// Each bag is below the bound, and what is attached stays for good.
#[test]
fn a_bag_that_would_be_too_much_with_what_is_there_is_not_imported() {
    let signature = crate::page::root().join("fixtures/verify/message/bundle.sigstore.json");
    let signature = std::fs::read(signature).unwrap();
    let (world, other) = (super::released(), super::released());
    for (number, world) in [(1, &world), (2, &other)] {
        let padded = [0, 1, 2].map(|nth| {
            let blanks = vec![b' '; (1 << 20) + 10 * number + nth];
            let bytes = [signature.as_slice(), &blanks].concat();
            (format!("x{nth}.sigstore.json"), bytes)
        });
        let files = padded
            .each_ref()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        attach(world, "01", &files);
        world
            .attest(&format!(
                "archive export {HELLO} --as tar --out bag-{number}.tar"
            ))
            .yes();
    }
    world.write("bag-2.tar", other.read("bag-2.tar"));
    let trust = "--key .attest/trust/release.pub --trusted-root .attest/trust/trusted_root.json";
    let import = |number: u8| {
        world.attest(&format!(
            "archive import bag-{number}.tar --archive vault {trust}"
        ))
    };
    for number in [1, 2] {
        world
            .attest(&format!("archive verify ./bag-{number}.tar {trust}"))
            .yes();
    }
    import(1).yes();
    let before = world.listing("vault");
    import(2).refused(1, "bundle-too-large");
    assert_eq!(before, world.listing("vault"));
    // What is there already is not counted twice.
    import(1).yes();
    world
        .attest(&format!("archive verify --archive vault {trust}"))
        .yes();
}
