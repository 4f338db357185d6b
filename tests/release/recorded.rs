//! A release says how its files were made only with a record of these very files.

use attest_digest::{Algorithm, Artifact, Hashes};
use serde_json::{Value, json};

use super::evidence::{statement, subjects};
use super::line;
use crate::support::{Ran, World};

const RECORDED: &str = "provenance-build.sigstore.json";

/// A world in which a recorded step has made `dist/app` and `dist/lib`.
fn built() -> (World, String) {
    let world = World::new();
    world.attest("init --no-password").yes();
    world.write("src/main.c", "int main;\n");
    let link = record(&world, "cp src/main.c dist/app && echo lib > dist/lib");
    (world, link)
}

/// Records a step, whatever it returns, and gives the name of the link.
fn record(world: &World, script: &str) -> String {
    let script = format!("mkdir -p dist && {script}");
    let run = [
        "provenance",
        "run",
        "-n",
        "build",
        "-m",
        "src",
        "-p",
        "dist",
        "--force",
        "--",
    ];
    let ran = world.attest_with(&[&run[..], &["sh", "-c", &script]].concat());
    let line = ran
        .err
        .lines()
        .find_map(|it| it.strip_prefix("recorded   "));
    line.unwrap().trim_start_matches("./").to_owned()
}

fn release(world: &World, flags: &str) -> Ran {
    let line = format!("release dist --name demo --version 1.0 {flags}");
    world.attest(line.trim_end())
}

#[track_caller]
fn refused(world: &World, flags: &str, code: &str) {
    release(world, flags).refused(2, code);
    assert!(!world.at("dist/release.sigstore.json").exists());
    let archived = world.attest("archive list").out;
    assert!(!archived.contains("demo"), "{archived}");
}

#[test]
fn a_release_of_what_was_recorded_says_how_it_was_made() {
    let (world, link) = built();
    let ran = release(&world, &format!("--provenance {link}")).yes();
    let statement = statement(&world, RECORDED);
    assert_eq!(subjects(&statement), ["app", "lib"]);
    let predicate = &statement["predicate"];
    assert_eq!(
        predicate["runDetails"]["builder"]["id"],
        json!("https://attest.dev/builders/recorder")
    );
    assert_eq!(
        predicate["buildDefinition"]["resolvedDependencies"][0]["name"],
        json!("src/main.c")
    );
    assert_eq!(
        predicate["runDetails"]["byproducts"][0]["name"],
        json!(link)
    );
    world.shell(line(&ran)).yes();
}

#[test]
fn without_a_record_nothing_is_said_about_how_it_was_made() {
    let (world, _) = built();
    release(&world, "").yes();
    assert!(!world.at(&format!("dist/{RECORDED}")).exists());
    let statement = statement(&world, "provenance.sigstore.json");
    assert_eq!(
        statement["predicate"]["runDetails"]["builder"]["id"],
        json!("https://attest.dev/builders/unobserved")
    );
}

#[test]
fn what_was_not_recorded_is_only_packaged() {
    let (world, link) = built();
    world.write("dist/README", "read me\n");
    let ran = release(&world, &format!("--provenance {link}")).yes();
    assert_eq!(subjects(&statement(&world, RECORDED)), ["app", "lib"]);
    let packaged = statement(&world, "provenance.sigstore.json");
    assert_eq!(subjects(&packaged), ["README", "app", "lib"]);
    world.shell(line(&ran)).yes();
}

#[test]
fn a_file_that_was_changed_after_it_was_made_is_refused() {
    let (world, link) = built();
    world.write("dist/app", "another\n");
    refused(
        &world,
        &format!("--provenance {link}"),
        "record-other-digests",
    );
    refused(
        &world,
        &format!("--provenance {link} --out out"),
        "record-other-digests",
    );
}

#[test]
fn two_files_that_changed_places_are_refused() {
    let (world, link) = built();
    world
        .shell("mv dist/app x && mv dist/lib dist/app && mv x dist/lib")
        .yes();
    refused(
        &world,
        &format!("--provenance {link}"),
        "record-other-digests",
    );
}

#[test]
fn a_record_about_none_of_the_files_is_refused() {
    let (world, link) = built();
    world.shell("rm dist/* && echo new > dist/other").yes();
    refused(
        &world,
        &format!("--provenance {link}"),
        "record-other-digests",
    );
}

#[test]
fn a_step_that_failed_is_refused() {
    let (world, _) = built();
    let link = record(&world, "echo lib > dist/lib; exit 3");
    refused(&world, &format!("--provenance {link}"), "record-failed");
}

#[test]
fn a_record_that_was_altered_or_is_somebody_elses_is_refused() {
    let (world, link) = built();
    let honest = String::from_utf8(world.read(&link)).unwrap();
    world.write(
        &link,
        honest.replace("\"return-value\": 0", "\"return-value\": -0"),
    );
    refused(&world, &format!("--provenance {link}"), "record-unreadable");
    world.write(
        &link,
        honest
            .replace("int main", "int Main")
            .replace("src/main.c", "src/Main.c"),
    );
    refused(&world, &format!("--provenance {link}"), "record-altered");
    let mut block: Value = serde_json::from_str(&honest).unwrap();
    block["signatures"] = json!([]);
    world.write(&link, block.to_string());
    refused(&world, &format!("--provenance {link}"), "record-altered");
    world.write(&link, &honest);
    world.attest("init --no-password --home other").yes();
    refused(
        &world,
        &format!("--provenance {link} --home other"),
        "record-altered",
    );
    refused(
        &world,
        &format!("--provenance {link} --home new --init --no-password"),
        "record-altered",
    );
    release(&world, &format!("--provenance {link}")).yes();
}

#[test]
fn what_is_no_record_is_refused() {
    let (world, _) = built();
    for file in [
        "src/main.c",
        "nowhere",
        "src",
        "provenance.build.sigstore.json",
    ] {
        refused(&world, &format!("--provenance {file}"), "record-unreadable");
    }
}

/// A record of the home's that names these products, whatever was made.
fn naming(world: &World, link: &str, products: &Value) -> String {
    let mut block: Value = serde_json::from_slice(&world.read(link)).unwrap();
    block["signed"]["products"] = products.clone();
    block["signatures"] = json!([]);
    world.write("made.link", block.to_string());
    // What is no link is not signed, and is refused for that.
    world.attest("provenance layout sign made.link --no-password");
    "--provenance made.link".to_owned()
}

/// The same, to release once more: a release is made once.
fn copied(world: &World) -> World {
    let copy = World::new();
    for part in ["dist", ".attest", "made.link", "user"] {
        let from = world.at(part);
        copy.shell(&format!("cp -a {} .", from.display())).yes();
    }
    copy
}

fn digests(bytes: &[u8]) -> (String, String) {
    let artifact = Artifact::of_bytes(bytes, Hashes::Sha256AndSha512);
    let sha512 = artifact.digest(Algorithm::Sha512).unwrap();
    (artifact.sha256().hex(), sha512.hex())
}

const APP: &[u8] = b"int main;\n";
const LIB: &[u8] = b"lib\n";

#[test]
fn a_record_counts_for_the_files_that_it_names_and_for_no_others() {
    let (world, link) = built();
    let (app, lib) = (digests(APP).0, digests(LIB).0);
    for (products, covered) in [
        // Both; fewer than are released; more; under the name that it has in the folder alone.
        (
            json!({"dist/app": {"sha256": app}, "dist/lib": {"sha256": lib}}),
            &["app", "lib"][..],
        ),
        (json!({"dist/app": {"sha256": app}}), &["app"]),
        (
            json!({"dist/app": {"sha256": app}, "dist/gone": {"sha256": lib}, "log.txt": {"sha256": lib}}),
            &["app"],
        ),
        (json!({"lib": {"sha256": lib}}), &["lib"]),
        // The bytes of a file under another name are another file.
        (
            json!({"dist/app": {"sha256": app}, "dist/copy": {"sha256": lib}}),
            &["app"],
        ),
    ] {
        let flags = naming(&world, &link, &products);
        let copy = copied(&world);
        let ran = release(&copy, &flags).yes();
        assert_eq!(subjects(&statement(&copy, RECORDED)), covered, "{products}");
        copy.shell(line(&ran)).yes();
        let packaged = statement(&copy, "provenance.sigstore.json");
        assert_eq!(subjects(&packaged), ["app", "lib"]);
    }
    // Of nothing that is released, though the bytes are the same.
    for products in [
        json!({}),
        json!({"dist/gone": {"sha256": app}}),
        json!({"other/app": {"sha256": app}, "sub/lib": {"sha256": lib}}),
    ] {
        let flags = naming(&world, &link, &products);
        refused(&world, &flags, "record-other-digests");
    }
}

#[test]
fn every_digest_of_a_record_is_that_of_the_file() {
    let (world, link) = built();
    let ((app, app512), (lib, lib512)) = (digests(APP), digests(LIB));
    for (digests, code) in [
        (json!({"sha256": lib}), "record-other-digests"),
        (json!({"sha512": lib512}), "record-other-digests"),
        (
            json!({"sha256": app, "sha512": lib512}),
            "record-other-digests",
        ),
        (
            json!({"sha256": lib, "sha512": app512}),
            "record-other-digests",
        ),
        // Not computed, so that it cannot be told.
        (
            json!({"sha256": app, "sha384": "0".repeat(96)}),
            "record-other-digests",
        ),
        (json!({}), "record-unreadable"),
        (json!({"sha1": "0".repeat(40)}), "record-unreadable"),
        (json!({"sha256": app.to_uppercase()}), "record-unreadable"),
        (json!({"sha256": app[..62]}), "record-unreadable"),
    ] {
        // What another file is is no reason to pass over this one.
        let products = json!({"dist/app": digests, "dist/lib": {"sha256": lib}});
        let flags = naming(&world, &link, &products);
        refused(&world, &flags, code);
    }
    for digests in [
        json!({"sha512": app512}),
        json!({"sha256": app, "sha512": app512}),
        json!({"sha256": app, "sha1": "0".repeat(40)}),
    ] {
        let flags = naming(&world, &link, &json!({"dist/app": digests}));
        let copy = copied(&world);
        release(&copy, &flags).yes();
        assert_eq!(subjects(&statement(&copy, RECORDED)), ["app"], "{digests}");
    }
}

#[test]
fn of_two_records_about_one_file_both_must_be_of_its_digest() {
    let (world, link) = built();
    let (app, lib) = (digests(APP).0, digests(LIB).0);
    let good = naming(&world, &link, &json!({"dist/app": {"sha256": app}}));
    world.shell("cp made.link good.link").yes();
    let good = good.replace("made", "good");
    let bad = naming(&world, &link, &json!({"dist/app": {"sha256": lib}}));
    for flags in [format!("{good} {bad}"), format!("{bad} {good}")] {
        refused(&world, &flags, "record-other-digests");
    }
    release(&world, &good).yes();
}

/// The policy of the ready set about releases, for this home's key.
fn ready_set(world: &World) -> Ran {
    let key = attest_verify::PublicKey::parse(&world.read("dist/release.pub")).unwrap();
    let pin = hex::encode(key.fingerprint());
    world
        .attest(&format!(
            "policy new ssdf-ps --key sha256:{pin} -o ps.toml --force"
        ))
        .yes();
    let root = Artifact::of_bytes(&world.read("dist/trusted_root.json"), Hashes::Sha256);
    world.attest(&format!(
        "verify dist --policy ps.toml --trusted-root trusted_root.json@{} --format json",
        root.sha256()
    ))
}

#[test]
fn the_ready_set_about_releases_takes_one_whose_files_were_all_recorded() {
    let (world, link) = built();
    world.write("bill.cdx.json", BILL);
    release(&world, &format!("--provenance {link} --sbom bill.cdx.json")).yes();
    let ran = ready_set(&world);
    assert_eq!(ran.exit, 0, "{ran:#?}");
    // Whatever the set excepts must be part of the release.
    for name in ["mallory.pub", "mallory.cdx.json", "sub/VERIFY.md"] {
        world.write(&format!("dist/{name}"), "x");
        let ran = ready_set(&world);
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert!(ran.out.contains("\"file-unattested\""), "{ran:#?}");
        std::fs::remove_file(world.at(&format!("dist/{name}"))).unwrap();
    }
    world.write("dist/VERIFY.md", "x");
    let ran = ready_set(&world);
    assert!(ran.out.contains("\"digest-mismatch\""), "{ran:#?}");
}

#[test]
fn the_ready_set_about_releases_takes_none_of_which_nobody_saw_how_it_was_made() {
    let (world, _) = built();
    release(&world, "").yes();
    let ran = ready_set(&world);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"slsa-level-low\""), "{ran:#?}");
    let (world, link) = built();
    world.write("dist/README", "read me\n");
    release(&world, &format!("--provenance {link}")).yes();
    let ran = ready_set(&world);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let files = ran.json()["subjects"][0]["files"]
        .as_array()
        .unwrap()
        .clone();
    let refused = files.iter().filter(|it| it["verdict"] == "rejected");
    let refused: Vec<&str> = refused.map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(refused, ["README"], "{ran:#?}");
}

const BILL: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#;

/// Every file has provenance, and the release a bill of materials and two signatures: no without any of them.
#[test]
fn a_release_has_all_that_a_policy_asks_of_it_as_a_whole() {
    let (world, link) = built();
    world.write("bill.cdx.json", BILL);
    release(&world, &format!("--provenance {link} --sbom bill.cdx.json")).yes();
    world.attest("key generate second.key --no-password").yes();
    let released = statement(&world, "release.sigstore.json");
    world.write("released.json", released.to_string());
    world
        .attest("sign --statement released.json --key second.key --no-password --out dist/release-2.sigstore.json")
        .yes();
    let key = |file: &str| {
        let key = attest_verify::PublicKey::parse(&world.read(file)).unwrap();
        let pin = hex::encode(key.fingerprint());
        format!("{{ file = \"{file}\", sha256 = \"{pin}\" }}")
    };
    let (us, second) = (key("dist/release.pub"), key("second.pub"));
    world.write(
        "p.toml",
        format!(
            "version = 1\nname = \"whole\"\n\
             [trust.us]\nkind = \"keys\"\nkeys = [{us}]\n\
             [trust.second]\nkind = \"keys\"\nkeys = [{second}]\n\
             [[require]]\ntype = \"release\"\nsigned_by = [\"us\", \"second\"]\nthreshold = 2\n\
             [[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"us\"\nlevel = 1\n\
             except = [\"SHA256SUMS\", \"VERIFY.md\", \"release.pub\", \"release.tree\", \"trusted_root.json\", \"bill.cdx.json\"]\n\
             [[require]]\ntype = \"sbom\"\nsigned_by = \"us\"\neach = \"release\"\n"
        ),
    );
    let root = Artifact::of_bytes(&world.read("dist/trusted_root.json"), Hashes::Sha256).sha256();
    let ask = || {
        world.attest(&format!(
            "verify dist --policy p.toml --trusted-root trusted_root.json@{root} --release demo@1.0 --format json"
        ))
    };
    let ran = ask();
    assert_eq!(ran.exit, 0, "{ran:#?}");
    for (gone, code) in [
        ("release-2.sigstore.json", "signers-too-few"),
        ("release.sigstore.json", "signers-too-few"),
        (RECORDED, "slsa-level-low"),
        ("sbom.sigstore.json", "attestation-missing"),
        ("lib", "file-missing"),
    ] {
        let file = format!("dist/{gone}");
        let kept = world.read(&file);
        std::fs::remove_file(world.at(&file)).unwrap();
        let ran = ask();
        assert_eq!(ran.exit, 1, "without {gone}: {ran:#?}");
        let found = ran.out.contains(&format!("\"{code}\""));
        assert!(found, "without {gone}: {ran:#?}");
        world.write(&file, kept);
    }
    assert_eq!(ask().exit, 0);
}
