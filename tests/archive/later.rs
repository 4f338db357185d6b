//! What the log became: kept with an exported release, and checked wherever it is read.

use attest_archive::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Kept, Reader, Source, Store,
};
use attest_digest::RelativePath;

use super::export::failing;
use super::{HELLO, archive, codes, copy, named, released, with_pins};
use crate::support::World;

/// Paths and bytes.
type Files = Vec<(String, Vec<u8>)>;

const EXPORT: &str = "archive export hello@1.0.0 --later-checkpoint --out bag";

/// A home whose log went on after `hello@1.0.0`.
fn grown() -> World {
    let world = released();
    world.write("next/n.txt", "next\n");
    world
        .attest("release next --name hello --version 2.0.0 --no-password")
        .yes();
    world
}

/// The files of what is kept of the later log.
fn kept(world: &World, release: &str) -> Files {
    let reader = Reader::open(&archive(world)).unwrap();
    let release = reader.find(&named(release)).unwrap().unwrap();
    let kept = release.attached_as(&AttachmentKind::Consistency);
    let files = kept.flat_map(|it| release.attached_whole(&it.unwrap(), 1 << 16).unwrap());
    files
        .map(|(path, bytes)| (path.to_string(), bytes))
        .collect()
}

/// Attaches these files, as whoever can write to the archive does.
fn attach(world: &World, release: &str, files: &[(String, Vec<u8>)]) {
    let files = files.iter().map(|(path, bytes)| AttachedFileInput {
        path: RelativePath::parse(path).unwrap(),
        media_type: "text/plain".to_owned(),
        source: Source::Bytes(bytes),
        expected: None,
    });
    let attachment = AttachmentInput {
        subject: Some(named(release)),
        kind: AttachmentKind::Consistency,
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        files: files.collect(),
    };
    let mut store = Store::open(&archive(world)).unwrap();
    store.attach(&attachment).unwrap();
}

#[test]
fn a_bag_carries_what_the_log_became_and_openssl_checks_it() {
    let world = grown();
    world.attest(EXPORT).yes();
    let text = String::from_utf8(world.read("bag/VERIFY.md")).unwrap();
    assert!(text.contains("Later the log had grown."), "{text}");
    assert!(text.contains("cat log/later.1/from-4/seed"), "{text}");
    assert!(failing(&world, "bag").is_empty());
    let said = "had 8 entries later, and still began with those that the release's evidence saw";
    for subject in [HELLO, "./bag"] {
        let ran = with_pins(&world, &["archive", "verify", subject, "--verbose"]).yes();
        assert!(ran.out.contains(said), "{ran:#?}");
    }
    // The log has not changed: nothing is attached again, and the bag is the same.
    world
        .attest("archive export hello@1.0.0 --later-checkpoint --as tar --out one.tar")
        .yes();
    world
        .attest("archive export hello@1.0.0 --as tar --out two.tar")
        .yes();
    assert_eq!(world.read("one.tar"), world.read("two.tar"));
    assert_eq!(kept(&world, HELLO).len(), 2);
    let log = world.attest("archive log").yes();
    assert!(log.out.contains("archive.consistency"), "{log:#?}");
    // It travels with the release.
    with_pins(
        &world,
        &["archive", "import", "one.tar", "--archive", "vault"],
    )
    .yes();
    world
        .attest("archive export hello@1.0.0 --archive vault --as tar --out again.tar")
        .yes();
    assert_eq!(world.read("one.tar"), world.read("again.tar"));
}

#[test]
fn a_log_that_has_not_grown_is_said_to_be_as_it_was() {
    let world = released();
    world.attest(EXPORT).yes();
    assert!(failing(&world, "bag").is_empty());
    let ran = with_pins(&world, &["archive", "verify", "./bag", "--verbose"]).yes();
    assert!(ran.out.contains("had 4 entries later"), "{ran:#?}");
}

#[test]
fn the_commands_in_a_bag_find_a_log_that_was_rewritten() {
    let world = grown();
    world.attest(EXPORT).yes();
    for change in [
        "head -c 32 /dev/zero > log/later.1/from-4/01.right",
        "head -c 32 /dev/zero > log/later.1/from-4/seed",
        "sed -i 2s/8/9/ log/later.1/checkpoint.signed",
    ] {
        world
            .shell(&format!("rm -rf c && cp -a bag c && cd c && {change}"))
            .yes();
        let failing = failing(&world, "c");
        let of_later = |it: &String| it.contains("log/later.1/") && !it.contains("manifest");
        assert!(failing.iter().any(of_later), "{change}: {failing:#?}");
    }
}

/// Each case is what is kept, with one change.
#[test]
fn a_later_checkpoint_that_shows_nothing_is_refused_with_its_code() {
    let world = grown();
    world.attest(EXPORT).yes();
    let good = kept(&world, HELLO);
    let [(checkpoint, note), (proof, hashes)] = good.as_slice() else {
        panic!("{good:?}");
    };
    assert_eq!(
        (checkpoint.as_str(), proof.as_str()),
        ("checkpoint", "from-4.proof")
    );
    let note = String::from_utf8(note.clone()).unwrap();
    world.write("o/o.txt", "o\n");
    world
        .attest("release o --name o --version 1 --init --home other --no-password")
        .yes();
    let foreign = String::from_utf8(world.read("other/log/checkpoint")).unwrap();
    let root = note.lines().nth(2).unwrap();
    let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let with = |note: String, name: &str, hashes: &[u8]| {
        vec![
            ("checkpoint".to_owned(), note.into_bytes()),
            (name.to_owned(), hashes.to_vec()),
        ]
    };
    let more = [good.clone(), vec![("x".to_owned(), b"x".to_vec())]].concat();
    let other_root = format!("{zero}\n").into_bytes();
    let cases: Vec<(Files, &str)> = vec![
        (
            with(note.replace(root, zero), proof, hashes),
            "consistency-forged",
        ),
        (
            with(note.replacen("\n8\n", "\n9\n", 1), proof, hashes),
            "consistency-forged",
        ),
        (with(foreign, proof, hashes), "consistency-other-log"),
        (with(note.clone(), proof, b""), "consistency-broken"),
        (with(note.clone(), proof, &other_root), "consistency-broken"),
        (
            with(note.clone(), "from-5.proof", hashes),
            "consistency-missing",
        ),
        (
            with(note.clone(), "from-04.proof", hashes),
            "consistency-malformed",
        ),
        (
            with(note.clone(), proof, b"AAAA\n"),
            "consistency-malformed",
        ),
        (
            with(note.clone(), proof, &hashes[..hashes.len() - 1]),
            "consistency-malformed",
        ),
        (with("x".to_owned(), proof, hashes), "consistency-malformed"),
        (
            good.iter().take(1).cloned().collect(),
            "consistency-malformed",
        ),
        (more, "consistency-malformed"),
    ];
    let template = world;
    for (files, code) in cases {
        let world = World::new();
        for part in ["dist", ".attest", "user"] {
            copy(&template.at(part), world.path());
        }
        attach(&world, HELLO, &files);
        refused_everywhere(&world, HELLO, code);
    }
}

fn refused_everywhere(world: &World, release: &str, code: &str) {
    world
        .attest(&format!("archive export {release} --out refused --force"))
        .yes();
    for place in [release, "./refused"] {
        let ran = world.attest(&format!(
            "archive verify {place} --home .attest --format json"
        ));
        assert_eq!(ran.exit, 1, "{code}: {ran:#?}");
        let codes = codes(&ran.json(), release);
        assert_eq!(codes, [code], "{ran:#?}");
    }
    let import = ["archive", "import", "./refused", "--archive", "vault"];
    let ran = with_pins(world, &import);
    assert_eq!(ran.exit, 1, "{code}: {ran:#?}");
    assert!(!world.at("vault").exists());
}

#[test]
fn a_log_that_went_backwards_is_refused() {
    let world = grown();
    let earlier = kept_of_one(&world);
    let files = vec![
        ("checkpoint".to_owned(), earlier),
        ("from-8.proof".to_owned(), Vec::new()),
    ];
    attach(&world, "hello@2.0.0", &files);
    refused_everywhere(&world, "hello@2.0.0", "consistency-shrunk");
}

/// The checkpoint of the log when it had four entries.
fn kept_of_one(world: &World) -> Vec<u8> {
    let bundle = world.read("dist/release.sigstore.json");
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let note = &entry["inclusionProof"]["checkpoint"]["envelope"];
    note.as_str().unwrap().as_bytes().to_vec()
}

#[test]
fn a_release_that_is_not_in_the_log_of_the_home_has_no_later_checkpoint() {
    let world = grown();
    world.write("o/o.txt", "o\n");
    world
        .attest("release o --name o --version 1 --init --home other --no-password")
        .yes();
    world
        .attest("archive export o@1 --home other --out bag")
        .yes();
    world
        .attest("archive export o@1 --archive other/archive --later-checkpoint --out no")
        .refused(2, "consistency-other-log");
    assert!(!world.at("no").exists());
}
