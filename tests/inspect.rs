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
        ("dist/release.tree", "manifest of a tree (tree/v0.1)"),
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
fn a_manifest_of_a_tree_shows_what_it_lists() {
    let world = released();
    let ran = world.attest("inspect dist/release.tree").yes();
    for wanted in [
        "hello@1.0.0",
        "attributes       mode",
        "ignores          release.tree",
    ] {
        assert!(ran.out.contains(wanted), "{wanted}: {ran:#?}");
    }
    let manifest = String::from_utf8(world.read("dist/release.tree")).unwrap();
    let cut = manifest.rsplit_once("{\"entries\"").expect("a last line").0;
    world.write("cut.tree", cut);
    let ran = world.attest("inspect cut.tree --format json");
    assert_eq!(
        (ran.exit, problem(&ran).as_str()),
        (1, "tree-manifest-incomplete")
    );
    assert_eq!(kind(&ran), "manifest of a tree (tree/v0.1)");
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
    let witness = "{\"payload\":\"e30=\",\"payloadType\":\"x\",\"signatures\":[{\"sig\":\"AA==\",\"certificate\":\"AA==\"}]}";
    let metadata =
        |kind: &str| format!("{{\"signed\":{{\"_type\":\"{kind}\"}},\"signatures\":[]}}");
    for (content, wanted) in [
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
            "clear-signed",
        ),
        (
            "{\"payload\":\"\",\"protected\":\"\",\"signature\":\"\"}",
            "JSON Web Signature",
        ),
        ("eyJhbGciOiJQUzI1NiJ9.e30.AAAA", "JSON Web Signature"),
        ("\u{1}", "no kind"),
        ("-----BEGIN PKCS7-----\n", "CMS"),
        (witness, "witness"),
        (&metadata("root"), "TUF root"),
        (&metadata("targets"), "TUF targets"),
        (&metadata("\u{202e}"), "in-toto or TUF"),
        (
            "{\"critical\":{},\"optional\":null}",
            "payload about an image",
        ),
    ] {
        world.write("f", content);
        let ran = world.attest("inspect f --format json");
        assert!(kind(&ran).contains(wanted), "{ran:#?}");
        assert_eq!(ran.exit, i32::from(wanted == "no kind"), "{ran:#?}");
        assert!(
            wanted == "no kind" || kind(&ran).contains("does not verify"),
            "{ran:#?}"
        );
    }
    world.write("f", [0xd2, 0x84, 0x43]);
    let ran = world.attest("inspect f --format json").yes();
    assert!(kind(&ran).contains("COSE"), "{ran:#?}");
}

#[test]
fn each_form_of_evidence_is_named_with_its_pieces_and_with_what_it_cannot_prove() {
    let world = World::new();
    for (file, kind_wanted, claims) in [
        (
            "npm/attestations.json",
            "npm attestations, 2 pieces",
            &[
                "piece=#1",
                "key hint=SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA",
                "predicate=npm's publish attestation",
                "piece=#2",
                "predicate=SLSA provenance",
                "issuer=https://token.actions.githubusercontent.com",
            ][..],
        ),
        (
            "pypi/pypi_attestations-0.0.19.tar.gz.publish.attestation",
            "PyPI attestation (PEP 740)",
            &[
                "identity=jku@goto.fi",
                "predicate=PyPI's publish attestation",
            ],
        ),
        (
            "cosign/artifact.sig",
            "detached signature in base64",
            &["cannot prove=when it was made, nor that a log has it"],
        ),
        (
            "cosign/bundle.json",
            "cosign's older bundle",
            &[
                "cannot prove=that any log has it",
                "cannot prove=when it was signed",
            ],
        ),
    ] {
        let path = crate::page::root().join("fixtures/dialects").join(file);
        let ran = world
            .attest_with(&["inspect", path.to_str().unwrap(), "--format", "json"])
            .yes();
        assert_eq!(kind(&ran), kind_wanted);
        let report = ran.json();
        let found: Vec<String> = report["files"][0]["claims"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                format!(
                    "{}={}",
                    it["name"].as_str().unwrap(),
                    it["value"].as_str().unwrap()
                )
            })
            .collect();
        for claim in claims {
            assert!(found.iter().any(|it| it == claim), "{claim}: {found:#?}");
        }
    }
}

#[test]
fn bundles_on_lines_are_listed_one_by_one() {
    let world = released();
    let bundle: serde_json::Value =
        serde_json::from_slice(&world.read("dist/release.sigstore.json")).unwrap();
    world.write("two.jsonl", format!("{bundle}\n{bundle}\n"));
    let ran = world.attest("inspect two.jsonl --format json").yes();
    assert_eq!(kind(&ran), "Sigstore bundle, 2 pieces");
    assert!(ran.out.contains("\":2\""), "{ran:#?}");
    world.write("two.jsonl", format!("{bundle}\n{{\"a\":1}}\n"));
    assert_eq!(
        problem(&world.attest("inspect two.jsonl --format json")),
        "dialect-unknown"
    );
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
        (
            "{\"base64Signature\":\"\",\"cert\":\"\"}",
            "evidence-malformed",
        ),
        ("{\"attestations\":[]}", "evidence-malformed"),
        ("-----BEGIN SSH SIGNATURE-----\n", "signature-malformed"),
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
