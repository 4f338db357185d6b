//! `--bundle`: what is named must be readable, and of several one that satisfies suffices.

use std::fs;

use super::{Released, lone_code};

impl Released {
    fn by(&self, subject: &str, bundles: &[&str]) -> crate::support::Ran {
        let mut arguments = vec!["verify", subject, "--format", "json"];
        arguments.extend(["--key", ".attest/trust/release.pub"]);
        arguments.extend(["--trusted-root", ".attest/trust/trusted_root.json"]);
        for bundle in bundles {
            arguments.extend(["--bundle", bundle]);
        }
        self.world.attest_with(&arguments)
    }
}

const GOOD: &str = "dist/release.sigstore.json";

#[test]
fn a_named_bundle_that_cannot_be_opened_leaves_it_open_whatever_another_says() {
    let released = Released::new();
    fs::create_dir(released.world.at("a-folder")).unwrap();
    let digest = format!("sha256:{}", super::sha256(b"alpha\n"));
    for subject in ["dist/a.txt", "dist/SHA256SUMS", &digest] {
        released.by(subject, &[GOOD]).yes();
        for unread in ["nowhere.json", "a-folder"] {
            for bundles in [[GOOD, unread], [unread, GOOD]] {
                let ran = released.by(subject, &bundles);
                assert_eq!(ran.exit, 3, "{subject}: {ran:#?}");
                assert_eq!(lone_code(&ran), "bundle-unreadable", "{ran:#?}");
                let approved = &ran.json()["subjects"][0]["decided_by"];
                assert_eq!(*approved, serde_json::json!([]), "{ran:#?}");
            }
        }
    }
    let folder = |bundles: &[&str]| {
        let mut more = Vec::new();
        for bundle in bundles {
            more.extend(["--bundle", bundle]);
        }
        released.verify("dist", &more)
    };
    folder(&[GOOD, "dist/provenance.sigstore.json"]).yes();
    assert_eq!(folder(&[GOOD, "nowhere.json"]).exit, 3);
    // One file that is refused is a no, as ever.
    released.world.write("dist/a.txt", "changed");
    assert_eq!(folder(&[GOOD, "nowhere.json"]).exit, 1);
}

#[test]
fn nothing_is_handed_over_while_a_named_bundle_cannot_be_read() {
    let released = Released::new();
    let ran = released.verify(
        "dist",
        &[
            "--bundle",
            GOOD,
            "--bundle",
            "nowhere.json",
            "--copy-to",
            "out",
        ],
    );
    assert_eq!(ran.exit, 3, "{ran:#?}");
    assert!(!released.world.at("out").exists());
}

#[test]
fn of_several_named_bundles_one_suffices_and_the_other_is_listed() {
    let released = Released::new();
    released.world.write("bad.json", "{}");
    for bundles in [[GOOD, "bad.json"], ["bad.json", GOOD]] {
        released.by("dist/a.txt", &bundles).yes();
    }
    let report = released.by("dist/a.txt", &["bad.json", GOOD]).json();
    assert_eq!(report["evidence"][0]["state"], "rejected", "{report:#}");
    let ran = released.by("dist/a.txt", &["bad.json"]);
    assert_eq!(
        ran.exit, 1,
        "what lies beside the file is not asked: {ran:#?}"
    );
}

/// The list is the folder's own, wherever its signature lies and whatever that is called.
#[test]
fn a_folder_is_bound_by_its_list_whose_named_signature_lies_elsewhere() {
    let released = Released::new();
    let world = &released.world;
    world.write("b/a", "a\n");
    world.write("b/c", "c\n");
    world
        .shell("cd b && sha256sum a c > SHA256SUMS && attest sign SHA256SUMS --home ../.attest --no-password")
        .yes();
    world
        .shell("mkdir sigs && mv b/SHA256SUMS.sigstore.json sigs && cp sigs/* sigs/x.json")
        .yes();
    let reason = |ran: &crate::support::Ran| super::reason(ran);
    for bundle in ["sigs/SHA256SUMS.sigstore.json", "sigs/x.json"] {
        released.by("b", &[bundle]).yes();
        // Beside it lies another list, which says nothing here.
        world.write("sigs/SHA256SUMS", "nothing");
        released.by("b", &[bundle]).yes();
        world.write("b/a", "changed");
        let ran = released.by("b", &[bundle]);
        assert_eq!(
            super::code_of(&ran.json(), "a").as_deref(),
            Some("digest-mismatch")
        );
        world.write("b/a", "a\n");
        let list = world.read("b/SHA256SUMS");
        world.write("b/SHA256SUMS", [list.as_slice(), b"\n"].concat());
        let ran = released.by("b", &[bundle]);
        assert_eq!((ran.exit, reason(&ran).as_str()), (1, "digest-mismatch"));
        fs::remove_file(world.at("b/SHA256SUMS")).unwrap();
        let ran = released.by("b", &[bundle]);
        assert_eq!(ran.exit, 1);
        assert_ne!(reason(&ran), "bundle-missing", "one was named: {ran:#?}");
        world.write("b/SHA256SUMS", list);
    }
    // What nobody named is looked for by its name alone.
    fs::rename(world.at("sigs/x.json"), world.at("b/x.sigstore.json")).unwrap();
    assert_eq!(released.by("b", &[]).exit, 1);
}
