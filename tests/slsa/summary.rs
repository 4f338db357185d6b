//! Verification summaries: written by one run, enough for the next.

use serde_json::{Value, json};

use crate::policy::images::Layout;
use crate::support::{Ran, World};
use crate::verify::{lone_code, sha256};

const TRUST: &str = "--key trust/release.pub --trusted-root trust/trusted_root.json --format json";
const NAMES: &str =
    "--vsa-verifier-id https://ci.acme.example/attest --vsa-resource-uri pkg:generic/app@1.4.2";
const SOURCE: &str = "--source-uri https://git.acme.example/acme/app";

/// A home, and a file with provenance of a builder that no table knows.
fn built() -> World {
    let world = World::new();
    world.attest("init --no-password --export trust").yes();
    world.write("dist/app", "app\n");
    world.write("provenance.json", provenance(&json!({})).to_string());
    world
        .attest("sign dist/app --predicate provenance.json --type https://slsa.dev/provenance/v1 --out dist/app.provenance --no-password")
        .yes();
    world
}

fn provenance(parameters: &Value) -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://ci.acme.example/type",
            "externalParameters": parameters,
            "resolvedDependencies": [{
                "uri": "git+https://git.acme.example/acme/app@refs/tags/v1.4.2",
                "digest": {"gitCommit": "8f".repeat(20)},
            }],
        },
        "runDetails": {"builder": {"id": "https://ci.acme.example/builder"}},
    })
}

fn emit(world: &World, more: &str) -> Ran {
    world.attest(
        &format!("verify {more} dist/app {TRUST} --emit-vsa app.vsa.json {NAMES} --no-password")
            .replace("  ", " "),
    )
}

fn gate(world: &World, flags: &str) -> Ran {
    world.attest(
        &format!("verify {flags} dist/app --bundle app.vsa.json {TRUST}").replace("  ", " "),
    )
}

fn payload(world: &World) -> Value {
    let bundle: Value = serde_json::from_slice(&world.read("app.vsa.json")).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    world.write("payload", payload);
    let decoded = world.shell("base64 -d payload").yes();
    serde_json::from_str(&decoded.out).unwrap()
}

#[test]
fn a_summary_of_one_run_is_enough_for_the_next() {
    let world = built();
    let report = emit(&world, &format!("{SOURCE} --slsa-level 1"))
        .yes()
        .json();
    assert_eq!(report["emitted"]["level"], "SLSA_BUILD_LEVEL_1");
    let said = payload(&world);
    assert_eq!(
        said["subject"],
        json!([{"name": "app", "digest": {"sha256": sha256(b"app\n")}}])
    );
    let summary = &said["predicate"];
    assert_eq!(summary["verificationResult"], "PASSED");
    assert_eq!(summary["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_1"]));
    assert_eq!(summary["slsaVersion"], "1.2");
    let input = sha256(&world.read("dist/app.provenance"));
    assert_eq!(
        summary["inputAttestations"],
        json!([{"uri": "app.provenance", "digest": {"sha256": input}}])
    );
    assert_eq!(summary["policy"]["annotations"]["build"]["slsa-level"], 1);
    let found = gate(
        &world,
        &format!("{NAMES} --verified-level SLSA_BUILD_LEVEL_1"),
    );
    let report = found.yes().json();
    assert_eq!(
        report["evidence"][0]["summary"]["levels"],
        json!(["SLSA_BUILD_LEVEL_1"])
    );
    // slsa-verifier's names.
    let named = NAMES.replace("--vsa-", "--");
    gate(
        &world,
        &format!("{named} --verified-level SLSA_BUILD_LEVEL_0"),
    )
    .yes();
}

#[test]
fn a_summary_that_says_something_else_is_refused_by_its_code() {
    let world = built();
    emit(&world, SOURCE).yes();
    for (flags, code) in [
        (
            format!("{NAMES} --verified-level SLSA_BUILD_LEVEL_2"),
            "vsa-level-missing",
        ),
        (
            format!("{NAMES} --verified-level SLSA_SOURCE_LEVEL_1"),
            "vsa-level-missing",
        ),
        (NAMES.replace("ci.acme", "ci.evil"), "vsa-verifier-mismatch"),
        (NAMES.replace("1.4.2", "1.4.1"), "vsa-resource-mismatch"),
        (String::new(), "predicate-not-requested"),
        (SOURCE.to_owned(), "provenance-required"),
    ] {
        let ran = gate(&world, &flags);
        assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, code), "{flags}");
    }
    world.write("dist/app", "another\n");
    let ran = gate(&world, NAMES);
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "digest-mismatch"));
}

#[test]
fn only_what_was_asked_for_approves() {
    let world = built();
    world
        .attest("sign dist/app --out app.vsa.json --no-password")
        .yes();
    for (flags, code) in [(SOURCE, "provenance-required"), (NAMES, "vsa-required")] {
        let ran = gate(&world, flags);
        assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, code));
    }
    let contradictions = [
        format!("{SOURCE} {NAMES}"),
        "--verified-level SLSA_BUILD_LEVEL_1".to_owned(),
        "--vsa-verifier-id https://ci.acme.example/attest".to_owned(),
        format!("{NAMES} --emit-vsa x --verified-level SLSA_BUILD_LEVEL_1"),
    ];
    for flags in contradictions {
        gate(&world, &flags).refused(2, "bad-arguments");
    }
    for flags in [
        "--source-uri app",
        "--source-ref main",
        "--source-commit 8f3c",
        "--slsa-level 4",
        "--builder acme",
        "--build-workflow-input x",
    ] {
        gate(&world, flags).refused(2, "bad-expectation");
    }
    let level = format!("{NAMES} --verified-level SLSA_BUILD_LEVEL_4");
    gate(&world, &level).refused(2, "bad-expectation");
}

#[test]
fn a_summary_says_no_more_than_was_shown() {
    let world = built();
    emit(&world, "").yes();
    let levels = &payload(&world)["predicate"]["verifiedLevels"];
    assert_eq!(*levels, json!(["SLSA_BUILD_LEVEL_UNEVALUATED"]));
    let ran = gate(
        &world,
        &format!("{NAMES} --verified-level SLSA_BUILD_LEVEL_0"),
    );
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "vsa-level-missing")
    );
}

#[test]
fn a_verdict_that_is_no_is_not_signed_and_nothing_is_written_over() {
    let world = built();
    let ran = emit(&world, &format!("{SOURCE} --slsa-level 2"));
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "builder-unknown"));
    assert!(ran.json()["emitted"].is_null() && !world.at("app.vsa.json").exists());
    emit(&world, SOURCE).yes();
    let first = world.read("app.vsa.json");
    emit(&world, SOURCE).refused(2, "file-exists");
    assert_eq!(world.read("app.vsa.json"), first);
    emit(&world, &format!("{SOURCE} --force")).yes();
    assert_ne!(world.read("app.vsa.json"), first);
    let into_itself =
        format!("verify dist/app {TRUST} --emit-vsa dist/app {NAMES} --no-password --force");
    world.attest(&into_itself).refused(2, "bad-arguments");
    assert_eq!(world.read("dist/app"), b"app\n");
}

#[test]
fn digests_of_several_subjects_are_not_pooled() {
    let world = built();
    emit(&world, SOURCE).yes();
    let sha512 = |text: &str| {
        world.write("hashed", text);
        let ran = world.shell("sha512sum hashed").yes();
        ran.out.split(' ').next().unwrap().to_owned()
    };
    let mut statement = payload(&world);
    let of = |one: &str, other: &str| json!({"digest": {"sha256": sha256(one.as_bytes()), "sha512": sha512(other)}});
    let verified = |world: &World, statement: &Value| {
        world.write("statement.json", statement.to_string());
        world
            .attest("sign --statement statement.json --out app.vsa.json --force --no-password")
            .yes();
        gate(world, NAMES)
    };
    statement["subject"] = json!([of("app\n", "app\n"), of("x", "x")]);
    verified(&world, &statement).yes();
    statement["subject"] = json!([of("app\n", "x"), of("x", "app\n")]);
    let ran = verified(&world, &statement);
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "subject-missing"));
}

#[test]
fn a_parameter_that_nobody_knows_is_refused_unless_it_is_allowed() {
    let world = built();
    let predicate = provenance(&json!({"target": "x86_64"}));
    world.write("provenance.json", predicate.to_string());
    world
        .attest("sign dist/app --predicate provenance.json --type https://slsa.dev/provenance/v1 --out app.vsa.json --no-password")
        .yes();
    let ran = gate(&world, SOURCE);
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "build-parameter-unknown")
    );
    gate(&world, &format!("{SOURCE} --allow-parameter target")).yes();
}

/// Provenance that packaging writes, which observed no build, and that of a recorded step.
#[test]
fn of_several_images_the_lowest_level_and_all_evidence_are_signed() {
    let world = built();
    let layout = Layout::of(&world, &["a", "b"]);
    let sums = json!({"part": 1, "parts": 1, "sha256sums": {"sha256": "01".repeat(32)}});
    let unobserved = json!({
        "buildDefinition": {
            "buildType": "https://attest.dev/buildtypes/packaging/v1",
            "externalParameters": {"name": "x", "version": "1"},
            "internalParameters": {"attest": sums}, "resolvedDependencies": [],
        },
        "runDetails": {"builder": {"id": "https://attest.dev/builders/unobserved"}},
    });
    let recorded = json!({
        "buildDefinition": {
            "buildType": "https://attest.dev/buildtypes/recorded-step/v1",
            "externalParameters": {"step": "x", "command": ["make"]}, "resolvedDependencies": [],
        },
        "runDetails": {"builder": {"id": "https://attest.dev/builders/recorder"}},
    });
    for (image, predicate) in [unobserved, recorded].iter().enumerate() {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "subject": [layout.subject(image)],
            "predicateType": "https://slsa.dev/provenance/v1", "predicate": predicate,
        });
        world.write("statement.json", statement.to_string());
        let bundle = format!("{image}.json");
        world
            .attest(&format!(
                "sign --statement statement.json --out {bundle} --no-password"
            ))
            .yes();
        layout.attach(image, &bundle);
    }
    let verify = format!(
        "verify oci-layout:image {TRUST} --slsa-level 0 --emit-vsa app.vsa.json {NAMES} --no-password"
    );
    let report = world.attest(&verify).yes().json();
    assert_eq!(
        report["emitted"]["level"], "SLSA_BUILD_LEVEL_0",
        "{report:#}"
    );
    let subject = &report["subjects"][0];
    assert_eq!(subject["decided_by"].as_array().unwrap().len(), 2);
    assert_eq!(subject["signers"]["approvals"].as_array().unwrap().len(), 2);
    let summary = &payload(&world)["predicate"];
    assert_eq!(summary["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_0"]));
    assert_eq!(summary["inputAttestations"].as_array().unwrap().len(), 2);
}

/// A reader pins the policy by its digest: flags that let more pass, or less, are another one.
#[test]
fn what_the_flags_let_pass_is_part_of_the_policys_digest() {
    let world = built();
    world.write("z/a", "a\n");
    world.write("z/b", "b\n");
    world
        .shell("cd z && sha256sum a b > SHA256SUMS && attest sign SHA256SUMS --home ../.attest --no-password")
        .yes();
    let summary = |subject: &str, more: &str| {
        let line = format!(
            "verify {subject} {more} {TRUST} --emit-vsa app.vsa.json --force {NAMES} --no-password"
        );
        world.attest(&line.replace("  ", " ")).yes();
        payload(&world)["predicate"]["policy"].clone()
    };
    let digest = |policy: &Value| policy["digest"]["sha256"].as_str().unwrap().to_owned();
    let plain = summary("z/SHA256SUMS", "");
    assert_eq!(plain["annotations"]["allow_extra"], json!([]));
    assert_eq!(digest(&plain), digest(&summary("z", "")));
    let extra = summary("z", "--allow-extra none-*");
    assert_eq!(extra["annotations"]["allow_extra"], json!(["none-*"]));
    let denied = summary("z", "--deny-identity a@b.example");
    assert_eq!(
        denied["annotations"]["denied_identities"],
        json!(["a@b.example"])
    );
    std::fs::remove_file(world.at("z/b")).unwrap();
    let missing = summary("z/SHA256SUMS", "--ignore-missing");
    assert_eq!(missing["annotations"]["ignore_missing"], true);
    let mut digests = [&plain, &extra, &denied, &missing].map(digest).to_vec();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4);
}

#[test]
fn no_summary_has_two_files_of_one_name() {
    let world = built();
    for (name, text) in [("y1/app", "1\n"), ("y2/app", "2\n"), ("y2/other", "3\n")] {
        world.write(name, text);
        world.attest(&format!("sign {name} --no-password")).yes();
    }
    let emit = |subjects: &str, more: &str| {
        world.attest(&format!(
            "verify {subjects} {TRUST} --emit-vsa app.vsa.json {NAMES} --no-password{more}"
        ))
    };
    let ran = emit("y1/app y2/app", "");
    assert_eq!(ran.exit, 2, "{ran:#?}");
    assert_eq!(ran.json()["error"]["code"], "bad-arguments");
    // Of folders it is known once they have been read.
    let ran = emit("y1 y2", " --accept no-names");
    assert_eq!(ran.exit, 3, "{ran:#?}");
    assert_eq!(ran.json()["error"]["code"], "vsa-not-written");
    assert!(!world.at("app.vsa.json").exists());
    emit("y1/app y2/other", "").yes();
    assert_eq!(payload(&world)["subject"].as_array().unwrap().len(), 2);
}
