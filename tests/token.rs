//! Keys in tokens, as far as no token is needed: what names them wrongly. `tests/interop` has a token.

use crate::support::{Ran, World};

fn sign(world: &World, key: &str) -> Ran {
    world.write("file", "content");
    let ran = world.attest_with(&["sign", "--no-password", "--key", key, "file"]);
    assert!(!world.at("file.sigstore.json").exists(), "{key}");
    ran
}

fn with_home() -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    world
}

#[test]
fn a_uri_that_could_mean_more_than_one_key_is_refused() {
    let world = with_home();
    for key in [
        "pkcs11:token=a;token=b",
        "pkcs11:colour=red",
        "PKCS11:object=a%2",
        "pkcs11:object=a?module-path=relative.so",
        "pkcs11:object=a?pin-source=%7C/bin/true",
    ] {
        sign(&world, key).refused(2, "token-uri-malformed");
        let list = world.attest_with(&["key", "list", key]);
        list.refused(2, "token-uri-malformed");
    }
}

#[test]
fn a_module_is_loaded_only_from_where_the_user_says() {
    let world = with_home();
    sign(&world, "pkcs11:object=a").refused(2, "token-module-missing");
    world.write("module.so", "no program");
    let here = format!(
        "pkcs11:object=a?module-path={}",
        world.at("module.so").display()
    );
    sign(&world, &here).refused(2, "token-module-unusable");
    for (name, value) in [
        ("ATTEST_PKCS11_MODULE", "module.so"),
        ("COSIGN_PKCS11_MODULE_PATH", "./module.so"),
        ("ATTEST_PKCS11_MODULE", "/nonexistent/module.so"),
    ] {
        let mut command = world.command();
        command
            .args(["key", "list", "pkcs11:token=a"])
            .env(name, value);
        Ran::of(&mut command).refused(2, "token-module-unusable");
    }
}

#[test]
fn a_release_is_not_begun_with_a_key_that_is_not_there() {
    let world = with_home();
    world.write("dist/tool", "content");
    let key = "pkcs11:object=a?module-path=/nonexistent/module.so";
    let line = [
        "release",
        "dist",
        "--name",
        "app",
        "--version",
        "1",
        "--no-password",
    ];
    let ran = world.attest_with(&[&line[..], &["--key", key]].concat());
    ran.refused(2, "token-module-unusable");
    assert_eq!(world.listing("dist").len(), 1);
    // A home that is made on the way has a key of its own.
    let other = [&line[..], &["--init", "--home", "other", "--key", key]].concat();
    world.attest_with(&other).refused(2, "bad-arguments");
    assert!(!world.at("other").exists());
}

#[test]
fn a_release_is_signed_by_the_key_that_the_flag_names() {
    let world = with_home();
    world.attest("key generate other.key --no-password").yes();
    world.write("dist/tool", "content");
    let line = "release dist --name app --version 1 --no-password --key other.key";
    world.attest(line).yes();
    let verify = |key: &str| {
        let root = "--trusted-root .attest/trust/trusted_root.json";
        world.attest(&format!("verify dist --key {key} {root}"))
    };
    verify("other.pub").yes();
    assert_eq!(verify(".attest/trust/release.pub").exit, 1);
    assert_eq!(world.read("dist/release.pub"), world.read("other.pub"));
}

#[test]
fn a_pin_in_the_command_line_is_cautioned_against_and_not_repeated() {
    let world = with_home();
    let ran = sign(
        &world,
        "pkcs11:object=a?pin-value=hunter2&module-path=/nonexistent.so",
    );
    assert!(
        ran.err.contains("every user of this machine"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    ran.refused(2, "token-module-unusable");
}

#[test]
fn an_empty_pin_is_not_tried_and_a_pin_is_not_repeated() {
    let world = with_home();
    world.write("pin", "\n");
    let uri = format!(
        "pkcs11:object=a?pin-source=file:{}&module-path=/nonexistent.so",
        world.at("pin").display()
    );
    sign(&world, &uri).refused(2, "token-module-unusable");
    let ran = world.attest("verify x --key pkcs11:object=a?pin-value=hunter2");
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    ran.refused(2, "key-unreadable");
}
