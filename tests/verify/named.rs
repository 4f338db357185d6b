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
