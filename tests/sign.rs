//! `attest sign` from outside.

use base64::Engine as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Ran, World};

/// A world with an identity without password, and a file.
fn world() -> World {
    let world = World::new();
    world.attest("init --no-password --export out").yes();
    world.write("hello.txt", "hello\n");
    world
}

fn verify(world: &World, arguments: &str) -> Ran {
    let trust = "--key out/release.pub --trusted-root out/trusted_root.json --format json";
    world.attest(&format!("verify {arguments} {trust}"))
}

/// How many entries the log has.
fn log_size(world: &World) -> u64 {
    let checkpoint = String::from_utf8(world.read(".attest/log/checkpoint")).unwrap();
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

#[test]
fn what_opens_as_a_signed_statement_is_not_signed_nor_is_anything_beside_it() {
    let world = world();
    world.write("trap", "DSSEv1 28 application/vnd.in-toto+json 2 {}");
    world
        .attest("sign hello.txt trap")
        .refused(2, "pae-as-message");
    assert!(!world.at("hello.txt.sigstore.json").exists());
    assert_eq!(log_size(&world), 0);
}

/// in-toto's classic form signs bare canonical JSON, gitsign bare attributes: a file that is one would be a
/// link, a layout or a commit by whoever signs it as a file.
#[test]
fn a_file_that_is_signed_as_a_link_or_a_commit_is_not_signed_as_a_file() {
    let world = world();
    let link = r#"{"_type":"link","byproducts":{},"command":[],"environment":{},"materials":{},"name":"build","products":{}}"#;
    let attributes = b"\x31\x49\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
    world.write("notes.json", link);
    world.write("plan.json", link.replace("link", "layout"));
    world.write("data", attributes);
    for file in ["notes.json", "plan.json", "data"] {
        let ran = world.attest(&format!("sign hello.txt {file}"));
        ran.refused(2, "pae-as-message");
        assert!(!world.at("hello.txt.sigstore.json").exists());
    }
    assert_eq!(log_size(&world), 0);
    // The file in which a link is kept, and one that is written otherwise, are files.
    world.write(
        "build.link",
        format!("{{\"signatures\":[],\"signed\":{link}}}"),
    );
    world.write("spaced.json", link.replace(':', ": "));
    world.attest("sign build.link spaced.json").yes();
    assert_eq!(verify(&world, "build.link").exit, 0);
    assert_eq!(verify(&world, "spaced.json").exit, 0);
}

#[test]
fn a_bundle_that_exists_is_not_overwritten_and_nothing_is_logged() {
    let world = world();
    world.write("other.txt", "other\n");
    world.write("other.txt.sigstore.json", "mine");
    world
        .attest("sign hello.txt other.txt")
        .refused(2, "file-exists");
    assert_eq!(world.read("other.txt.sigstore.json"), b"mine");
    assert!(!world.at("hello.txt.sigstore.json").exists());
    assert_eq!(log_size(&world), 0);
    world.attest("sign hello.txt other.txt --force").yes();
    assert_eq!(verify(&world, "other.txt").exit, 0);
}

#[test]
fn a_file_that_cannot_be_read_signs_nothing() {
    let world = world();
    for missing in ["nowhere", "out"] {
        let ran = world.attest(&format!("sign hello.txt {missing}"));
        assert_eq!(ran.exit, 3, "{ran:#?}");
        assert!(!world.at("hello.txt.sigstore.json").exists());
    }
    assert_eq!(log_size(&world), 0);
}

#[test]
fn a_folder_that_cannot_be_written_leaves_no_bundle_of_this_run() {
    let world = world();
    let locked = world.write("locked/x", "x\n");
    fs::set_permissions(locked.parent().unwrap(), fs::Permissions::from_mode(0o555)).unwrap();
    let writable = fs::write(world.at("locked/probe"), "").is_ok();
    let ran = world.attest("sign hello.txt locked/x");
    fs::set_permissions(locked.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    if writable {
        // The administrator writes anywhere: there is nothing to see.
        ran.yes();
        return;
    }
    ran.refused(3, "write-failed");
    assert!(!world.at("hello.txt.sigstore.json").exists());
}

#[test]
fn without_an_identity_or_its_password_nothing_is_signed() {
    let world = World::new();
    world.write("hello.txt", "hello\n");
    world.attest("sign hello.txt").refused(2, "no-identity");
    Ran::of(
        world
            .command()
            .arg("init")
            .env("ATTEST_PASSWORD", "hunter2"),
    )
    .yes();
    world
        .attest("sign hello.txt")
        .refused(2, "password-required");
    world
        .attest("sign hello.txt --no-password")
        .refused(2, "password-wrong");
    Ran::of(
        world
            .command()
            .args(["sign", "hello.txt"])
            .env("COSIGN_PASSWORD", "hunter3"),
    )
    .refused(2, "password-wrong");
    Ran::of(
        world
            .command()
            .args(["sign", "hello.txt"])
            .env("COSIGN_PASSWORD", "hunter2"),
    )
    .yes();
}

#[test]
fn a_time_that_a_flag_gives_is_not_asserted() {
    let world = world();
    world
        .attest("sign hello.txt --at 2020-01-01")
        .refused(2, "time-not-asserted");
}

#[test]
fn arguments_that_name_one_output_twice_are_refused() {
    let world = world();
    world
        .attest("sign hello.txt hello.txt")
        .refused(2, "bad-arguments");
    world.write("other.txt", "other\n");
    world
        .attest("sign hello.txt other.txt --out one.json")
        .refused(2, "bad-arguments");
    world.attest("sign").refused(2, "bad-arguments");
}

#[test]
fn many_files_are_one_batch_and_each_verifies_alone() {
    let world = world();
    world.write("sub/other.txt", "other\n");
    let signed = world
        .attest("sign hello.txt sub/other.txt --format json")
        .yes()
        .json();
    let index = |at: usize| signed["bundles"][at]["log_index"].as_u64().unwrap();
    assert_eq!((index(0), index(1)), (0, 1));
    assert_eq!(log_size(&world), 2);
    let bundle = |name: &str| -> Value { serde_json::from_slice(&world.read(name)).unwrap() };
    for name in ["hello.txt.sigstore.json", "sub/other.txt.sigstore.json"] {
        let proof = &bundle(name)["verificationMaterial"]["tlogEntries"][0]["inclusionProof"];
        assert_eq!(proof["treeSize"], "2", "{name}: one batch, one checkpoint");
    }
    assert_eq!(verify(&world, "hello.txt sub/other.txt").exit, 0);
    world.write("hello.txt", "hello!\n");
    assert_eq!(verify(&world, "hello.txt").exit, 1);
}

#[test]
fn a_key_of_a_file_signs_in_place_of_the_homes() {
    let world = world();
    let theirs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys/pkcs8");
    let key = theirs.join("key.pem");
    world
        .attest(&format!("sign hello.txt --key {}", key.display()))
        .yes();
    assert_eq!(verify(&world, "hello.txt").exit, 1, "not the home's key");
    let ran = world.attest(&format!(
        "verify hello.txt --key {} --trusted-root out/trusted_root.json",
        theirs.join("public.pem").display()
    ));
    ran.yes();
    let rsa =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys/rsa-pkcs8/key.pem");
    world
        .attest(&format!("sign hello.txt --force --key {}", rsa.display()))
        .refused(2, "key-unsupported");
}

#[test]
fn a_predicate_is_signed_about_each_file_by_its_name() {
    let world = world();
    world.write("sub/other.txt", "other\n");
    world.write(
        "predicate.json",
        r#"{"buildDefinition":{"buildType":"https://e.com/t","externalParameters":{}},"runDetails":{"builder":{"id":"https://e.com/b"}}}"#,
    );
    world
        .attest(&format!(
            "sign hello.txt sub/other.txt --predicate predicate.json --type {PROVENANCE}"
        ))
        .yes();
    let bundle: Value = serde_json::from_slice(&world.read("sub/other.txt.sigstore.json")).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(payload)
        .unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement["subject"].as_array().unwrap().len(), 1);
    assert_eq!(statement["subject"][0]["name"], "other.txt");
    assert_eq!(statement["predicateType"], PROVENANCE);
}

#[test]
fn a_predicate_that_is_no_object_or_has_no_type_is_refused() {
    let world = world();
    for (contents, code) in [
        ("[]", "predicate-malformed"),
        ("{", "predicate-malformed"),
        (r#"{"a":1,"a":2}"#, "predicate-malformed"),
        // Of a type that we know, and not what that type says.
        (
            r#"{"buildDefinition":{},"runDetails":{}}"#,
            "predicate-malformed",
        ),
    ] {
        world.write("predicate.json", contents);
        world
            .attest(&format!(
                "sign hello.txt --predicate predicate.json --type {PROVENANCE}"
            ))
            .refused(2, code);
    }
    world.write("predicate.json", "{}");
    world
        .attest("sign hello.txt --predicate predicate.json --type slsa")
        .refused(2, "bad-arguments");
    world
        .attest("sign hello.txt --predicate predicate.json")
        .refused(2, "bad-arguments");
    world
        .attest("sign hello.txt --predicate nowhere --type a:b")
        .refused(2, "statement-unreadable");
}

/// A name and version means one content, also for who writes the statement of a release himself.
#[test]
fn a_second_release_of_one_version_is_not_signed_by_hand() {
    let world = world();
    world.write("dist/app", "the app\n");
    world
        .attest("release dist --name app --version 1.0 --no-password")
        .yes();
    let bundle: Value = serde_json::from_slice(&world.read("dist/release.sigstore.json")).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(payload)
        .unwrap();
    let sign = |statement: &[u8]| {
        world.write("s.json", statement);
        world.attest("sign --statement s.json --force")
    };
    sign(&payload).yes();
    let other = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let mut changed: Value = serde_json::from_slice(&payload).unwrap();
    let subjects = changed["subject"].as_array_mut().unwrap();
    let app = subjects.iter_mut().find(|it| it["name"] == "app").unwrap();
    app["digest"] = serde_json::json!({"sha256": other});
    sign(changed.to_string().as_bytes()).refused(1, "version-already-released");
    let app = changed["subject"].as_array_mut().unwrap();
    app.retain(|it| it["name"] == "app");
    app[0]["name"] = "tool".into();
    sign(changed.to_string().as_bytes()).refused(1, "version-already-released");
    let text = changed.to_string().replace("app@1.0", "app@2.0");
    sign(text.as_bytes()).yes();
}

#[test]
fn what_is_signed_is_not_overwritten_and_not_named_twice() {
    let world = world();
    for line in [
        "sign hello.txt --out hello.txt --force",
        "sign hello.txt --out ./hello.txt --force",
        "sign hello.txt ./hello.txt",
    ] {
        world.attest(line).refused(2, "bad-arguments");
    }
    assert_eq!(world.read("hello.txt"), b"hello\n");
    assert_eq!(log_size(&world), 0);
}

#[test]
fn a_statement_is_signed_as_it_is_and_only_about_its_subjects() {
    let world = world();
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let statement = format!(
        "{{\"_type\":\"https://in-toto.io/Statement/v1\",\n \"subject\":[{{\"name\":\"hello.txt\",\"digest\":{{\"sha256\":\"{sha256}\"}}}}],\"predicateType\":\"https://example.com/review\",\"predicate\":{{}}}}"
    );
    world.write("s.json", &statement);
    world.write("other.txt", "other\n");
    world
        .attest("sign --statement s.json other.txt")
        .refused(2, "subject-missing");
    assert_eq!(log_size(&world), 0);
    world.attest("sign --statement s.json").yes();
    let bundle: Value = serde_json::from_slice(&world.read("s.json.sigstore.json")).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(payload)
        .unwrap();
    assert_eq!(String::from_utf8(payload).unwrap(), statement);
    world.attest("sign --statement s.json hello.txt").yes();
    assert_eq!(
        verify(&world, "hello.txt").exit,
        1,
        "a review approves nothing unasked"
    );
    verify(&world, "hello.txt --type https://example.com/review").yes();
    world.write("s.json", "{}");
    world
        .attest("sign --statement s.json --force")
        .refused(2, "statement-malformed");
}
