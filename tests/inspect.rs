//! `attest inspect` from outside: it names what a file is, shows claims as claims, and proves nothing.

use crate::support::{Ran, World};

fn released() -> World {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    world
}

fn kind(ran: &Ran) -> String {
    ran.json()["files"][0]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn problem(ran: &Ran) -> String {
    ran.json()["files"][0]["problem"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn each_kind_of_file_is_told() {
    let world = released();
    world.attest_with(&["key", "show"]);
    for (file, wanted) in [
        ("dist/release.sigstore.json", "Sigstore bundle"),
        ("dist/SHA256SUMS.sigstore.json", "Sigstore bundle"),
        ("dist/trusted_root.json", "Sigstore trusted root"),
        ("dist/release.pub", "public key"),
        ("dist/SHA256SUMS", "checksums file"),
        (".attest/log/checkpoint", "checkpoint (C2SP signed note)"),
        (".attest/keys/artifact.key", "private key"),
    ] {
        let ran = world
            .attest_with(&["inspect", file, "--format", "json"])
            .yes();
        assert_eq!(kind(&ran), wanted, "{file}");
        assert_eq!(ran.json()["verified"], false);
    }
}

#[test]
fn a_bundle_shows_who_claims_to_have_signed_what() {
    let world = released();
    let ran = world.attest("inspect dist/release.sigstore.json").yes();
    assert!(ran.out.contains("pkg:generic/hello@1.0.0"), "{ran:#?}");
    assert!(ran.out.contains("a.txt"), "{ran:#?}");
    assert!(ran.out.contains("claimed, not verified"), "{ran:#?}");
}

#[test]
fn a_private_key_is_not_shown() {
    let world = released();
    let ran = world.attest("inspect .attest/keys/artifact.key").yes();
    assert!(
        !ran.out.contains("ciphertext") && !ran.out.contains("BEGIN"),
        "{ran:#?}"
    );
}

#[test]
fn hostile_text_is_escaped() {
    let world = World::new();
    let digest = "0".repeat(64);
    world.write(
        "s.json",
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a\u001b[31m\u202eb","digest":{{"sha256":"{digest}"}}}}],"predicateType":"x:\u0007y","predicate":{{}}}}"#
        ),
    );
    let ran = world.attest("inspect s.json");
    assert!(
        !ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}') && !ran.out.contains('\u{7}'),
        "{ran:#?}"
    );
    assert!(!ran.err.contains('\u{1b}'), "{ran:#?}");
}

#[test]
fn what_we_do_not_verify_is_named() {
    let world = World::new();
    for (content, wanted) in [
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
            "clear-signed",
        ),
        ("-----BEGIN SSH SIGNATURE-----\n", "SSH signature"),
        ("untrusted comment: x\nRWQ\n", "minisign"),
        (
            "{\"base64Signature\":\"\",\"cert\":\"\"}",
            "cosign's older bundle",
        ),
    ] {
        world.write("f", content);
        let ran = world.attest("inspect f --format json").yes();
        assert!(kind(&ran).contains(wanted), "{ran:#?}");
        assert!(kind(&ran).contains("does not verify"), "{ran:#?}");
    }
}

#[test]
fn malformed_files_are_a_no_with_a_code() {
    let world = World::new();
    for (content, code) in [
        ("{\"a\":1,\"a\":2}", "json-duplicate-key"),
        (
            "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}",
            "bundle-malformed",
        ),
        ("nothing of the kind", "kind-unknown"),
    ] {
        world.write("f", content);
        let ran = world.attest("inspect f --format json");
        assert_eq!((ran.exit, problem(&ran).as_str()), (1, code), "{ran:#?}");
    }
    assert_eq!(world.attest("inspect none").exit, 3);
    let deep = "[".repeat(100_000);
    world.write("deep", format!("{{\"a\":{deep}"));
    assert_eq!(world.attest("inspect deep").exit, 1);
}
