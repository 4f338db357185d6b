//! OpenPGP, minisign and SSH signatures through the command: found beside a file, in a folder, and by
//! the keys that flags name.

use std::fs;

use serde_json::Value;

use crate::page::root;
use crate::support::{Ran, World};

const ACCEPT: [&str; 2] = ["--accept", "no-log,no-time"];

/// A file with the signature of a fixture beside it, and the keys of others.
fn with_fixture(area: &str, name: &str, suffix: &str) -> World {
    let world = World::new();
    let from = root().join("fixtures").join(area).join(name);
    world.write("tool", fs::read(from.join("file")).unwrap());
    let signature = fs::read(from.join("signature")).unwrap();
    world.write(&format!("tool{suffix}"), signature);
    world.write("keys/signer", fs::read(from.join("key")).unwrap());
    world
}

/// The folder of `fixtures/signed-list`, with the signature of one kind alone.
fn with_list(suffix: &str) -> World {
    let world = World::new();
    let from = root().join("fixtures/signed-list");
    for name in ["README", "tool", "SHA256SUMS"] {
        world.write(
            &format!("dist/{name}"),
            fs::read(from.join("dist").join(name)).unwrap(),
        );
    }
    let name = format!("dist/SHA256SUMS{suffix}");
    let bytes = fs::read(from.join(&name)).unwrap();
    world.write(&name, bytes);
    for key in ["openpgp.asc", "minisign.pub", "ssh.pub"] {
        world.write(&format!("keys/{key}"), fs::read(from.join(key)).unwrap());
    }
    world
}

fn verify(world: &World, subject: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["verify", subject, "--format", "json"];
    arguments.extend(more);
    world.attest_with(&arguments)
}

fn accepted(world: &World, subject: &str, key: &str) -> Value {
    let ran = verify(world, subject, &[&["--key", key][..], &ACCEPT].concat());
    ran.yes().json()
}

#[track_caller]
fn refused(ran: &Ran, code: &str) {
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let subject = &report["subjects"][0];
    let found = [&subject["files"][0]["code"], &subject["reasons"][0]["code"]];
    assert!(
        found.contains(&&Value::from(code)),
        "wanted {code}: {ran:#?}"
    );
}

/// The first key of a fixture's certificate, as gpg prints it.
fn fingerprint(world: &World, key: &str) -> String {
    let said = world.attest(&format!("inspect {key}")).yes().out;
    let (_, rest) = said.split_once("OpenPGP key ").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_signature_beside_a_file_is_found_whatever_its_kind() {
    for (area, name, suffix) in [
        ("openpgp", "subkey", ".asc"),
        ("openpgp", "binary", ".sig"),
        ("openpgp", "version-6", ".gpg"),
        ("minisign", "signed", ".minisig"),
        ("ssh", "p256", ".sig"),
    ] {
        let world = with_fixture(area, name, suffix);
        let report = accepted(&world, "tool", "keys/signer");
        assert_eq!(report["accepted"], serde_json::json!(["no-log", "no-time"]));
        world.write("tool", "other bytes");
        let ran = verify(
            &world,
            "tool",
            &[&["--key", "keys/signer"][..], &ACCEPT].concat(),
        );
        refused(&ran, "signature-invalid");
    }
}

#[test]
fn a_signature_without_log_and_time_must_be_asked_for() {
    let world = with_fixture("openpgp", "ed25519", ".asc");
    refused(
        &verify(&world, "tool", &["--key", "keys/signer"]),
        "log-missing",
    );
    let no_log = ["--key", "keys/signer", "--accept", "no-log"];
    refused(&verify(&world, "tool", &no_log), "time-missing");
}

#[test]
fn the_report_says_that_the_time_is_the_signers_own() {
    let world = with_fixture("openpgp", "ed25519", ".asc");
    let ran = world
        .attest("verify tool --key keys/signer --accept no-log,no-time")
        .yes();
    assert!(
        ran.out.contains("asserted by the signer alone"),
        "{}",
        ran.out
    );
}

#[test]
fn an_openpgp_key_is_named_by_its_full_fingerprint() {
    let world = with_fixture("openpgp", "ed25519", ".asc");
    let pin = format!("openpgp:{}", fingerprint(&world, "keys/signer"));
    // Not beside the file yet.
    let missing = verify(&world, "tool", &[&["--key", &pin][..], &ACCEPT].concat());
    missing.refused(2, "pin-not-found");
    world.write("signer.asc", world.read("keys/signer"));
    accepted(&world, "tool", &pin);
    accepted(&world, "tool", &pin.to_lowercase());
    for short in [
        &pin[..pin.len() - 1],
        &format!("openpgp:{}", &pin[pin.len() - 16..]),
    ] {
        verify(&world, "tool", &["--key", short]).refused(2, "bad-pin");
    }
}

#[test]
fn an_ssh_key_is_taken_from_the_signature_that_has_its_fingerprint() {
    let world = with_fixture("ssh", "ed25519", ".sig");
    let said = world.attest("inspect tool.sig").yes().out;
    let (_, rest) = said.split_once("SHA256:").unwrap();
    let pin = format!("SHA256:{}", &rest[..43]);
    accepted(&world, "tool", &pin);
    let other = format!("SHA256:{}", "A".repeat(43));
    verify(&world, "tool", &["--key", &other]).refused(2, "pin-not-found");
    verify(&world, "tool", &["--key", "SHA256:short"]).refused(2, "bad-pin");
}

/// OpenPGP signs a commit as it signs a file: the text of one is no file that its author has signed.
#[test]
fn the_signature_of_a_commit_is_none_over_a_file_of_its_text() {
    for kind in ["commit-sha1", "tag-sha1"] {
        let world = World::new();
        let from = root().join(format!("fixtures/git/openpgp-{kind}"));
        let object = String::from_utf8(fs::read(from.join("object")).unwrap()).unwrap();
        world.write("dev.key", fs::read(from.join("key")).unwrap());
        let (begin, end) = ("-----BEGIN", "-----END PGP SIGNATURE-----\n");
        let (before, rest) = object.split_once(begin).unwrap();
        let (signature, after) = rest.split_once(end).unwrap();
        let signed = format!("{}{after}", before.trim_end_matches("gpgsig "));
        let signature = format!("{begin}{}{end}", signature.replace("\n ", "\n"));
        world.write("release.cfg", &signed);
        world.write("release.cfg.asc", &signature);
        let more = [&["--key", "dev.key"][..], &ACCEPT].concat();
        refused(&verify(&world, "release.cfg", &more), "pae-as-message");
        // Over other bytes it is none at all.
        world.write("release.cfg", format!(" {signed}"));
        refused(&verify(&world, "release.cfg", &more), "signature-invalid");
    }
}

#[test]
fn a_minisign_key_is_given_as_its_one_line() {
    let world = with_fixture("minisign", "signed", ".minisig");
    let key = String::from_utf8(world.read("keys/signer")).unwrap();
    accepted(&world, "tool", key.lines().nth(1).unwrap());
    accepted(&world, "tool", "keys/signer");
}

#[test]
fn a_signed_list_binds_the_files_of_a_folder() {
    for (suffix, key) in [
        (".asc", "keys/openpgp.asc"),
        (".minisig", "keys/minisign.pub"),
        (".sig", "keys/ssh.pub"),
    ] {
        let world = with_list(suffix);
        accepted(&world, "dist", key);
        accepted(&world, "dist/SHA256SUMS", key);
        accepted(&world, "dist/tool", key);
        let arguments = [&["--key", key][..], &ACCEPT].concat();
        world.write("dist/extra", "nobody signed this");
        let extra = verify(&world, "dist", &arguments).json();
        assert!(extra.to_string().contains("file-unattested"), "{extra}");
        fs::remove_file(world.at("dist/extra")).unwrap();
        let tool = world.read("dist/tool");
        world.write("dist/tool", world.read("dist/README"));
        world.write("dist/README", tool);
        let swapped = verify(&world, "dist", &arguments).json();
        assert!(swapped.to_string().contains("name-mismatch"), "{swapped}");
    }
}

#[test]
fn a_signature_of_one_file_names_no_path_of_a_folder() {
    let world = with_fixture("openpgp", "ed25519", ".asc");
    for name in ["tool", "tool.asc"] {
        world.write(&format!("dist/{name}"), world.read(name));
    }
    let arguments = [&["--key", "keys/signer"][..], &ACCEPT].concat();
    let ran = verify(&world, "dist", &arguments);
    assert!(ran.out.contains("name-unbound"), "{}", ran.out);
    let arguments = [
        "--key",
        "keys/signer",
        "--accept",
        "no-log,no-time,no-names",
    ];
    verify(&world, "dist", &arguments).yes();
}

/// Of a file with several signatures each is judged; one signer counts once.
#[test]
fn two_signers_in_one_file_are_two() {
    let world = with_fixture("openpgp", "two-signers", ".sig");
    let other = root().join("fixtures/openpgp/other-key/key");
    world.write("keys/other", fs::read(other).unwrap());
    let stranger = root().join("fixtures/openpgp/p256/key");
    world.write("keys/stranger", fs::read(stranger).unwrap());
    let both = |second: &str| {
        let keys = ["--key", "keys/signer", "--key", second, "--require", "2"];
        verify(&world, "tool", &[&keys[..], &ACCEPT].concat())
    };
    both("keys/other").yes();
    refused(&both("keys/stranger"), "signers-too-few");
    both("keys/signer").refused(2, "signers-unsatisfiable");
}

/// The id in a minisign key is nobody's word, and the signature does not cover it.
#[test]
fn one_key_under_two_ids_of_minisign_is_one_signer() {
    let world = with_fixture("minisign", "signed", ".minisig");
    let with_other_id = |name: &str| {
        let text = String::from_utf8(world.read(name)).unwrap();
        let encoded = text.lines().nth(1).unwrap();
        let mut bytes = attest_provenance::base64::decode(encoded).unwrap();
        bytes[5] ^= 1;
        text.replace(encoded, &attest_provenance::base64::encode(&bytes))
    };
    world.write("keys/other", with_other_id("keys/signer"));
    world.write("tool.sig", with_other_id("tool.minisig"));
    let keys = ["--key", "keys/signer", "--key", "keys/other"];
    verify(&world, "tool", &[&keys[..], &ACCEPT].concat()).yes();
    let two = [&keys[..], &["--require", "2"], &ACCEPT].concat();
    refused(&verify(&world, "tool", &two), "signers-too-few");
    // And who is denied under one is denied under the other.
    let denied = [&keys[..], &["--deny-key", "keys/other"], &ACCEPT].concat();
    refused(&verify(&world, "tool", &denied), "signer-denied");
}

#[test]
fn a_denied_pin_is_the_keys_in_whatever_form_it_signs() {
    let world = with_fixture("ssh", "ed25519", ".sig");
    let pin = "sha256:1ab4c625062e0f99959eb19146c864850302abf22737e74ffcf4bc63da8cd4e5";
    let arguments = [&["--key", "keys/signer"][..], &ACCEPT].concat();
    verify(&world, "tool", &arguments).yes();
    let denied = [&arguments[..], &["--deny-key", pin]].concat();
    refused(&verify(&world, "tool", &denied), "signer-denied");
}

/// A policy and a signers file pin such a key by its file: what pins it denies it.
#[test]
fn the_pin_of_a_keys_file_denies_the_key() {
    for (kind, case, extension) in [
        ("ssh", "ed25519", ".sig"),
        ("openpgp", "subkey", ".asc"),
        ("minisign", "signed", ".minisig"),
    ] {
        let world = with_fixture(kind, case, extension);
        let pin = crate::verify::sha256(&world.read("keys/signer"));
        let write = |deny: &str| {
            let text = format!(
                "version = 1\n[trust.dev]\nkind = \"keys\"\nkeys = [{{ file = \"keys/signer\", sha256 = \"{pin}\" }}]\n\
                 [deny]\nkeys = [\"sha256:{deny}\"]\n"
            );
            world.write("signers.toml", text);
        };
        let by_file = [&["--signers", "signers.toml"][..], &ACCEPT].concat();
        write(&"0".repeat(64));
        verify(&world, "tool", &by_file).yes();
        let denied = format!("sha256:{pin}");
        let flag = [&by_file[..], &["--deny-key", &denied]].concat();
        refused(&verify(&world, "tool", &flag), "signer-denied");
        write(&pin);
        refused(&verify(&world, "tool", &by_file), "signer-denied");
        let by_key = ["--key", "keys/signer", "--deny-key", &denied];
        let by_key = [&by_key[..], &ACCEPT].concat();
        refused(&verify(&world, "tool", &by_key), "signer-denied");
    }
}

#[test]
fn a_revoked_key_is_refused_where_gpg_exits_0() {
    let world = with_fixture("openpgp", "not-revoked-compromised", ".asc");
    accepted(&world, "tool", "keys/signer");
    let revoked = root().join("fixtures/openpgp/revoked-compromised/key");
    world.write("keys/signer", fs::read(revoked).unwrap());
    let arguments = [&["--key", "keys/signer"][..], &ACCEPT].concat();
    refused(&verify(&world, "tool", &arguments), "key-revoked");
}

/// Whichever copy is named first, and in whatever group.
#[test]
fn a_revocation_that_one_copy_of_a_key_has_holds_for_every_copy() {
    let world = with_fixture("openpgp", "not-revoked-compromised", ".asc");
    let revoked = root().join("fixtures/openpgp/revoked-compromised/key");
    world.write("keys/revoked", fs::read(revoked).unwrap());
    let copies = ["keys/signer", "keys/revoked"];
    for [one, other] in [copies, [copies[1], copies[0]]] {
        let arguments = ["--key", one, "--key", other];
        let ran = verify(&world, "tool", &[&arguments[..], &ACCEPT].concat());
        refused(&ran, "key-revoked");
    }
    let group = |name: &str, file: &str| {
        let pin = crate::verify::sha256(&world.read(file));
        format!(
            "[trust.{name}]\nkind = \"keys\"\nkeys = [{{ file = \"{file}\", sha256 = \"{pin}\" }}]\n"
        )
    };
    let rule = "[[require]]\ntype = \"signature\"\nsigned_by = \"old\"\n";
    let top = "version = 1\nname = \"p\"\naccept = [\"no-log\", \"no-time\"]\n";
    let old = group("old", copies[0]);
    world.write("p.toml", format!("{top}{old}{rule}"));
    verify(&world, "tool", &["--policy", "p.toml"]).yes();
    let new = group("new", copies[1]);
    world.write("p.toml", format!("{top}{old}{new}{rule}"));
    assert_eq!(verify(&world, "tool", &["--policy", "p.toml"]).exit, 1);
    world.write("signers.toml", format!("version = 1\n{old}{new}"));
    let arguments = ["--signers", "signers.toml"];
    let ran = verify(&world, "tool", &[&arguments[..], &ACCEPT].concat());
    refused(&ran, "key-revoked");
}

#[test]
fn clear_signed_text_in_place_of_a_signature_is_refused() {
    let world = with_fixture("openpgp", "ed25519", ".asc");
    for (name, code) in [
        ("clear-signed", "signature-not-detached"),
        ("inline-signed", "signature-not-detached"),
        ("sha1", "signature-hash-weak"),
    ] {
        let from = root().join("fixtures/openpgp").join(name);
        world.write("tool.asc", fs::read(from.join("signature")).unwrap());
        if name == "sha1" {
            let key = root().join("fixtures/openpgp/rsa3072/key");
            world.write("keys/signer", fs::read(key).unwrap());
        }
        let arguments = [&["--key", "keys/signer"][..], &ACCEPT].concat();
        refused(&verify(&world, "tool", &arguments), code);
    }
}

#[test]
fn a_signature_needs_the_bytes_and_not_their_digest() {
    let world = with_fixture("ssh", "ed25519", ".sig");
    let digest = format!("sha256:{}", crate::verify::sha256(&world.read("tool")));
    let arguments = ["--key", "keys/signer", "--bundle", "tool.sig"];
    let ran = verify(&world, &digest, &[&arguments[..], &ACCEPT].concat());
    refused(&ran, "digest-incomparable");
}

#[test]
fn a_key_inside_the_folder_needs_a_pin() {
    let world = with_list(".asc");
    world.write("dist/openpgp.asc", world.read("keys/openpgp.asc"));
    let arguments = [&["--key", "dist/openpgp.asc"][..], &ACCEPT].concat();
    verify(&world, "dist", &arguments).refused(2, "trust-beside-subject");
    let pin = format!("openpgp:{}", fingerprint(&world, "keys/openpgp.asc"));
    let pinned = ["--key", &pin, "--allow-extra", "openpgp.asc"];
    let report = verify(&world, "dist", &[&pinned[..], &ACCEPT].concat()).yes();
    assert!(report.out.contains("revocation"), "{}", report.out);
}

#[test]
fn private_and_several_keys_are_bad_requests() {
    let world = with_fixture("openpgp", "ed25519", ".asc");
    let other = fs::read(root().join("fixtures/openpgp/p256/key")).unwrap();
    let both = [world.read("keys/signer"), other].concat();
    world.write("keys/both", &both);
    verify(&world, "tool", &["--key", "keys/both"]).refused(2, "key-unsupported");
    let armor = "PGP PRIVATE KEY BLOCK-----\n";
    let private = format!("-----BEGIN {armor}\nAAAA\n-----END {armor}");
    world.write("keys/private", private);
    verify(&world, "tool", &["--key", "keys/private"]).refused(2, "key-unsupported");
}

/// An SSH or minisign key cannot be revoked by itself: denying it is how.
#[test]
fn a_denied_key_approves_nothing() {
    let world = with_fixture("ssh", "ed25519", ".sig");
    let arguments = ["--key", "keys/signer", "--deny-key", "keys/signer"];
    refused(
        &verify(&world, "tool", &[&arguments[..], &ACCEPT].concat()),
        "signer-denied",
    );
    let world = with_fixture("openpgp", "subkey", ".asc");
    refused(
        &verify(&world, "tool", &[&arguments[..], &ACCEPT].concat()),
        "signer-denied",
    );
}

#[test]
fn a_signers_file_may_name_openpgp_keys() {
    let world = with_fixture("openpgp", "two-signers", ".sig");
    let other = fs::read(root().join("fixtures/openpgp/other-key/key")).unwrap();
    world.write("keys/other", other);
    let signers = |keys: &str| {
        let text =
            format!("version = 1\n[trust.team]\nkind = \"keys\"\nthreshold = 2\nkeys = [{keys}]\n");
        world.write("keys/signers.toml", text);
        let arguments = ["--signers", "keys/signers.toml"];
        verify(&world, "tool", &[&arguments[..], &ACCEPT].concat())
    };
    signers("\"signer\", \"other\"").yes();
    // The signer's own word about the time proves nothing against a compromise, or for a window.
    let compromised = "{ file = \"other\", compromised_since = 2030-01-01T00:00:00Z }";
    let ran = signers(&format!("\"signer\", {compromised}"));
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("time-not-independent"), "{}", ran.out);
    let window = "{ file = \"other\", not_after = 2030-01-01T00:00:00Z }";
    let ran = signers(&format!("\"signer\", {window}"));
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("time-missing"), "{}", ran.out);
}
