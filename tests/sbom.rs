//! `attest sbom make` and `check`, and `attest release --sbom auto`.

use std::fs;

use serde_json::{Value, json};

use crate::page::root;
use crate::schema::Schema;
use crate::support::{Ran, World};

/// A world with the lock files of `fixtures/sbom`.
fn world() -> World {
    let world = World::new();
    for place in [
        "cargo/Cargo.lock",
        "go/go.mod",
        "go/go.sum",
        "npm/package-lock.json",
        "uv/uv.lock",
    ] {
        let bytes = fs::read(root().join("fixtures/sbom").join(place)).unwrap();
        world.write(place, bytes);
    }
    world
}

/// A world with a bill of one of them.
fn world_with_bill(of: &str) -> World {
    let world = world();
    let make = format!("sbom make {of} -o bom.json --author Us --supplier Us --at 2026-11-21");
    world.attest(&make).yes();
    world
}

/// Changes the bill.
fn change(world: &World, change: impl FnOnce(&mut Value)) {
    let mut bill: Value = serde_json::from_slice(&world.read("bom.json")).unwrap();
    change(&mut bill);
    world.write("bom.json", bill.to_string());
}

#[track_caller]
fn expect(ran: Ran, exit: i32) -> Ran {
    assert_eq!(ran.exit, exit, "{ran:#?}");
    ran
}

/// Checks the bill, whose answer is of the schema, and gives the codes of its reasons.
#[track_caller]
fn reasons(world: &World, flags: &str, exit: i32) -> Vec<String> {
    let ran = world.attest(&format!("sbom check bom.json {flags} --format json"));
    let answer = expect(ran, exit).json();
    Schema::read("sbom-1.json").accepts(&answer);
    let reasons = answer["reasons"].as_array().unwrap();
    let code = |it: &Value| it["code"].as_str().unwrap().to_owned();
    reasons.iter().map(code).collect()
}

/// What is in the bill is compared, wherever it stands in it and whatever it is called.
#[test]
fn what_is_inside_the_root_or_has_the_package_url_of_another_hides_nothing() {
    let extra =
        json!({"type": "library", "name": "evil", "version": "6", "purl": "pkg:cargo/evil@6"});
    let nested = world_with_bill("cargo");
    change(&nested, |bill| {
        let root = &mut bill["metadata"]["component"];
        root["components"] =
            json!([{"type": "library", "name": "inner", "components": [extra.clone()]}]);
    });
    // The one without a package URL is of no lock file.
    assert_eq!(
        reasons(&nested, "--lock cargo", 1),
        ["sbom-component-extra"]
    );
    for (field, value) in [("name", "evil"), ("version", "9.9.9")] {
        let other = world_with_bill("cargo");
        change(&other, |bill| {
            let components = bill["components"].as_array_mut().unwrap();
            let with_purl = components.iter_mut().find(|it| it["purl"].is_string());
            with_purl.unwrap()[field] = json!(value);
        });
        let codes = reasons(&other, "--lock cargo", 1);
        assert_eq!(codes, ["sbom-component-version"], "{field}");
    }
}

#[test]
fn a_bill_agrees_with_the_lock_file_that_it_was_made_from() {
    for of in ["cargo", "go", "npm", "uv"] {
        let world = world_with_bill(of);
        assert!(
            reasons(&world, &format!("--lock {of}"), 0).is_empty(),
            "{of}"
        );
    }
}

#[test]
fn a_component_that_is_missing_extra_or_another_is_named() {
    let missing = world_with_bill("cargo");
    change(&missing, |bill| {
        bill["components"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(
        reasons(&missing, "--lock cargo", 1),
        ["sbom-component-missing"]
    );

    let extra = world_with_bill("cargo");
    change(&extra, |bill| {
        let one = json!({ "type": "library", "name": "evil", "purl": "pkg:cargo/evil@1.0.0" });
        bill["components"].as_array_mut().unwrap().push(one);
    });
    assert_eq!(reasons(&extra, "--lock cargo", 1), ["sbom-component-extra"]);

    let version = world_with_bill("cargo");
    change(&version, |bill| {
        bill["components"][0]["purl"] = json!("pkg:cargo/cfg-if@0.0.1");
    });
    assert_eq!(
        reasons(&version, "--lock cargo", 1),
        ["sbom-component-version"]
    );

    let hash = world_with_bill("cargo");
    change(&hash, |bill| {
        bill["components"][0]["hashes"][0]["content"] = json!("0".repeat(64));
    });
    assert_eq!(reasons(&hash, "--lock cargo", 1), ["sbom-component-hash"]);
    let said = expect(hash.attest("sbom check bom.json --lock cargo"), 1);
    assert!(
        said.out.contains("sbom-component-hash: cfg-if "),
        "{said:#?}"
    );
}

/// Some generators give the hash of a module of Go as the SHA-256 of a file, which no file has.
#[test]
fn the_hash_of_a_module_of_go_as_a_digest_is_refused() {
    let world = world_with_bill("go");
    change(&world, |bill| {
        let components = bill["components"].as_array_mut().unwrap();
        let is_it = |it: &&mut Value| it["name"] == "github.com/spf13/cobra";
        let cobra = components.iter_mut().find(is_it).unwrap();
        // h1:e5/vxKd/rZsfSJMUX1agtjeTDf+qv1/JdBF8gg5k9ZM=
        let bytes = "7b9fefc4a77fad9b1f4893145f56a0b637930dffaabf5fc974117c820e64f593";
        cobra["hashes"] = json!([{ "alg": "SHA-256", "content": bytes }]);
    });
    assert_eq!(reasons(&world, "--lock go", 1), ["sbom-component-hash"]);
}

#[test]
fn a_bill_of_something_else_is_not_compared_and_no_yes() {
    let world = world_with_bill("cargo");
    let codes = reasons(&world, "--lock uv", 1);
    assert!(
        codes.contains(&"sbom-component-missing".to_owned()),
        "{codes:?}"
    );
    change(&world, |bill| bill["components"] = json!([]));
    let codes = reasons(&world, "--lock cargo --profile ntia-2021", 1);
    assert!(codes.contains(&"sbom-empty".to_owned()), "{codes:?}");
}

/// The same component twice: the second, with the right hash, does not hide the first.
#[test]
fn a_component_that_is_there_twice_is_compared_twice() {
    for at in [0, 1] {
        let world = world_with_bill("cargo");
        change(&world, |bill| {
            let components = bill["components"].as_array_mut().unwrap();
            let mut evil = components[0].clone();
            evil["bom-ref"] = json!("evil");
            evil["hashes"][0]["content"] = json!("0".repeat(64));
            components.insert(at, evil);
        });
        assert_eq!(reasons(&world, "--lock cargo", 1), ["sbom-component-hash"]);
    }
}

/// Two lock files with packages of one name and version and other bytes: one does not stand for the other.
#[test]
fn of_two_packages_with_one_name_and_version_each_must_be_there() {
    let world = World::new();
    for (folder, digit) in [("one", "1"), ("other", "2")] {
        let hash = digit.repeat(64);
        let lock = format!(
            "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\
             dependencies = [\n \"dep\",\n]\n\n[[package]]\nname = \"dep\"\nversion = \"1.0.0\"\n\
             source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{hash}\"\n"
        );
        world.write(&format!("{folder}/Cargo.lock"), lock);
    }
    for folder in ["one", "other"] {
        world
            .attest(&format!("sbom make {folder} -o bom.json --force"))
            .yes();
        world
            .attest(&format!("sbom check bom.json --lock {folder}"))
            .yes();
        assert_eq!(
            reasons(&world, "--lock one --lock other", 1),
            ["sbom-component-missing"]
        );
    }
    change(&world, |bill| {
        let components = bill["components"].as_array_mut().unwrap();
        let mut dep = components[0].clone();
        assert_eq!(dep["name"], "dep");
        dep["bom-ref"] = json!("one");
        dep["hashes"][0]["content"] = json!("1".repeat(64));
        components.push(dep);
    });
    world
        .attest("sbom check bom.json --lock one --lock other")
        .yes();
}

#[test]
fn against_a_project_without_dependencies_nothing_is_compared() {
    let world = world_with_bill("npm");
    world.write(
        "alone/Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"alone\"\nversion = \"0.1.0\"\n",
    );
    let codes = reasons(&world, "--lock alone", 1);
    assert_eq!(codes, ["sbom-nothing-compared"]);
}

#[test]
fn what_a_profile_asks_for_and_a_bill_lacks_is_named() {
    let world = world_with_bill("npm");
    let codes = reasons(&world, "--profile ntia-2021", 1);
    // No lock file knows who supplies a package, and what lies in the project has no package URL.
    assert_eq!(codes, ["sbom-element-missing"; 2]);
    let said = expect(world.attest("sbom check bom.json --profile cisa-2025"), 1);
    assert!(said.out.contains("Generation Context"), "{said:#?}");
    change(&world, |bill| {
        drop(
            bill["metadata"]
                .as_object_mut()
                .unwrap()
                .remove("timestamp"),
        );
    });
    assert_eq!(reasons(&world, "--profile ntia-2021", 1).len(), 3);
}

#[test]
fn a_bill_that_has_every_element_is_a_yes_in_either_format() {
    let world = World::new();
    let component = |name: &str| {
        json!({
            "type": "library", "bom-ref": name, "name": name, "version": "1", "purl": format!("pkg:npm/{name}@1"),
            "supplier": { "name": "S" }, "licenses": [{ "license": { "id": "MIT" } }],
            "hashes": [{ "alg": "SHA-256", "content": "0".repeat(64) }],
        })
    };
    let bill = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {
            "timestamp": "2026-01-01T00:00:00Z", "authors": [{ "name": "A" }], "component": component("app"),
            "tools": { "components": [{ "type": "application", "name": "T" }] },
            "lifecycles": [{ "phase": "build" }],
        },
        "components": [component("one")],
        "dependencies": [{ "ref": "app", "dependsOn": ["one"] }],
    });
    world.write("bom.json", bill.to_string());
    assert!(reasons(&world, "--profile ntia-2021 --profile cisa-2025", 0).is_empty());
    change(&world, |bill| {
        bill["components"][0]["hashes"][0] = json!({ "alg": "MD5", "content": "0".repeat(32) });
    });
    assert_eq!(
        reasons(&world, "--profile cisa-2025", 1),
        ["sbom-element-missing"]
    );

    let package = |id: &str| {
        json!({
            "SPDXID": id, "name": "one", "versionInfo": "1", "supplier": "Organization: S",
            "licenseDeclared": "MIT", "downloadLocation": "NOASSERTION",
            "checksums": [{ "algorithm": "SHA256", "checksumValue": "0".repeat(64) }],
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/one@1",
            }],
        })
    };
    let spdx = json!({
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT",
        "creationInfo": {
            "created": "2026-01-01T00:00:00Z", "creators": ["Organization: A", "Tool: T-1"], "comment": "built",
        },
        "packages": [package("SPDXRef-a"), package("SPDXRef-b")],
        "relationships": [
            { "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-a" },
            { "spdxElementId": "SPDXRef-a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-b" },
        ],
    });
    world.write("bom.json", spdx.to_string());
    assert!(reasons(&world, "--profile ntia-2021 --profile cisa-2025", 0).is_empty());
    change(&world, |bill| {
        bill["packages"][1]["supplier"] = json!("NOASSERTION");
    });
    assert_eq!(
        reasons(&world, "--profile ntia-2021", 1),
        ["sbom-element-missing"]
    );
}

#[test]
fn what_is_no_bill_is_refused_by_its_own_code() {
    let world = World::new();
    for (text, code) in [
        ("hello", "sbom-unknown"),
        ("{}", "sbom-unknown"),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.7"}"#,
            "sbom-version-unknown",
        ),
        (r#"{"spdxVersion":"SPDX-2.2"}"#, "sbom-version-unknown"),
        (
            r#"{"bomFormat":"CycloneDX","bomFormat":"CycloneDX"}"#,
            "sbom-malformed",
        ),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":{}}"#,
            "sbom-malformed",
        ),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a","hashes":[{"alg":"SHA-256","content":"00"}]}]}"#,
            "sbom-malformed",
        ),
    ] {
        world.write("bom.json", text);
        world
            .attest("sbom check bom.json --profile ntia-2021")
            .refused(1, code);
    }
    world
        .attest("sbom check none.json --profile ntia-2021")
        .refused(3, "sbom-unreadable");
    world
        .attest("sbom check bom.json")
        .refused(2, "bad-arguments");
    world
        .attest("sbom check bom.json --profile other")
        .refused(2, "bad-arguments");
    world
        .attest("sbom check bom.json --lock user")
        .refused(2, "lock-missing");
    world
        .attest("sbom check bom.json --lock none/Cargo.lock")
        .refused(2, "lock-unreadable");
    world
        .attest("sbom check bom.json --profile ntia-2021 --key x")
        .refused(2, "bad-arguments");
}

/// Real evidence of npm: the workflow that made a package, proven for the component with its digest.
#[test]
fn the_share_of_components_with_proven_provenance_is_counted() {
    let world = World::new();
    let attestations = fs::read(root().join("fixtures/dialects/npm/attestations.json")).unwrap();
    world.write("evidence/attestations.json", attestations);
    let digest = "f06fbf5c353cc0db093904b9cac0d53b412d83dff6b80e6047d9786708a38e5c3105cad4e913dfc22dbe8c999b3fe029d47969fe75406843b8163db6fd22f681";
    let bill = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "components": [
            { "type": "library", "name": "sigstore", "version": "2.3.1", "purl": "pkg:npm/sigstore@2.3.1",
              "hashes": [{ "alg": "SHA-512", "content": digest }] },
            { "type": "library", "name": "claims", "externalReferences":
                [{ "type": "attestation", "url": "https://example.com/a" }] },
            { "type": "library", "name": "silent" },
        ],
    });
    world.write("bom.json", bill.to_string());
    let signer = "--evidence evidence --identity https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main --issuer https://token.actions.githubusercontent.com";
    assert!(reasons(&world, signer, 0).is_empty());
    let said = world.attest(&format!("sbom check bom.json {signer}")).yes();
    let wanted = "1 verified (33.3 %), 1 claimed (33.3 %), 1 absent (33.3 %)";
    assert!(said.out.contains(wanted), "{said:#?}");

    // Another signer, and another digest: nothing is proven, which is no yes.
    let other = signer.replace("sigstore-js", "sigstore-py");
    assert_eq!(reasons(&world, &other, 1), ["sbom-evidence-missing"]);
    change(&world, |bill| {
        bill["components"][0]["hashes"][0]["content"] = json!("0".repeat(128));
    });
    assert_eq!(reasons(&world, signer, 1), ["sbom-evidence-missing"]);
    world
        .attest("sbom check bom.json --evidence evidence")
        .refused(2, "signer-required");
}

#[test]
fn making_is_the_same_each_time_and_says_what_it_left_out() {
    let world = world();
    let one = world.attest("sbom make cargo").yes().out.clone();
    assert_eq!(one, world.attest("sbom make cargo/Cargo.lock").yes().out);
    assert!(!one.contains("timestamp"), "the clock is not in it");
    world.write("cargo/web/package-lock.json", "{}");
    world.write("cargo/yarn.lock", "");
    let said = world.attest("sbom make cargo -o out.json").yes();
    assert!(said.err.contains("yarn.lock is not read"), "{said:#?}");
    assert!(
        said.err.contains("package-lock.json is not in the bill"),
        "{said:#?}"
    );
    world
        .attest("sbom make cargo -o out.json")
        .refused(2, "file-exists");
    world
        .attest("sbom make cargo uv")
        .refused(2, "sbom-root-unclear");
    world
        .attest("sbom make cargo uv --name both --version 1 -o both.json")
        .yes();
    world.attest("sbom make user").refused(2, "lock-missing");
    let epoch = world
        .command()
        .args(["sbom", "make", "cargo"])
        .env("SOURCE_DATE_EPOCH", "0")
        .output();
    let bill: Value = serde_json::from_slice(&epoch.unwrap().stdout).unwrap();
    assert_eq!(bill["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
}

#[test]
fn a_release_makes_its_own_bill_and_signs_it() {
    let world = world();
    world.write("dist/tool", "the tool");
    let release = "release dist --name demo --version 1.0 --no-password --init --sbom auto";
    world
        .attest(&format!("{release} --source user"))
        .refused(2, "lock-missing");
    assert!(!world.at("dist/sbom.cdx.json").exists());
    let said = world.attest(&format!("{release} --source cargo")).yes();
    assert!(
        said.err.contains("components from cargo/Cargo.lock"),
        "{said:#?}"
    );
    let bill: Value = serde_json::from_slice(&world.read("dist/sbom.cdx.json")).unwrap();
    assert_eq!(bill["metadata"]["component"]["name"], "demo");
    assert!(world.at("dist/sbom.sigstore.json").exists());
    let trusted = "--key dist/release.pub --trusted-root dist/trusted_root.json";
    world
        .attest(&format!("verify dist/sbom.cdx.json {trusted}"))
        .yes();
    // The same lock file makes the same release: nothing new is recorded.
    world.attest(&format!("{release} --source cargo")).yes();
    world
        .attest("release dist --name demo --version 1.1 --no-password --source cargo")
        .refused(2, "bad-arguments");
}
