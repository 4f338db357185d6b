//! Evidence in the forms of the field: what is recognised, what is refused, and how.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ran, World};

/// A file, and an identity that signs.
struct Signing(World);

impl Signing {
    fn new() -> Self {
        let world = World::new();
        world.attest("init --no-password --export trust").yes();
        world.write("dist/a.txt", "alpha\n");
        Self(world)
    }

    /// A bundle over `a.txt`, in one line.
    fn bundle(&self) -> String {
        self.0
            .attest("sign dist/a.txt --out signed.json --force")
            .yes();
        let bundle: Value = serde_json::from_slice(&self.0.read("signed.json")).unwrap();
        bundle.to_string()
    }

    fn verify(&self, arguments: &str) -> Ran {
        let trust = "--key trust/release.pub --trusted-root trust/trusted_root.json --format json";
        self.0.attest(&format!("verify {arguments} {trust}"))
    }

    /// The code with which `a.txt` is refused by this evidence beside it.
    #[track_caller]
    fn code(&self, file: &str, evidence: impl AsRef<[u8]>) -> String {
        let file = format!("dist/a.txt{file}");
        self.0.write(&file, evidence);
        let ran = self.verify("dist/a.txt");
        fs::remove_file(self.0.at(&file)).unwrap();
        assert_eq!(ran.exit, 1, "{ran:#?}");
        let code = &ran.json()["subjects"][0]["files"][0]["code"];
        code.as_str().unwrap_or_default().to_owned()
    }
}

/// The signature changed, so that it is well formed and nobody's.
fn forged(bundle: &str) -> String {
    let forged = bundle.replace("\"signature\":\"ME", "\"signature\":\"MF");
    assert_ne!(bundle, forged);
    forged
}

#[test]
fn what_is_no_evidence_is_named_so() {
    let signing = Signing::new();
    for other in [
        "nothing of the kind\n",
        "{\"a\":1}",
        "[{}]",
        "",
        "{",
        "\u{0}",
    ] {
        assert_eq!(
            signing.code(".sigstore.json", other),
            "dialect-unknown",
            "{other}"
        );
    }
}

#[test]
fn evidence_of_a_form_that_is_not_read_is_named() {
    let signing = Signing::new();
    for (evidence, name) in [
        ("{\"signed\":{},\"signatures\":[]}", "in-toto or TUF"),
        (
            "{\"payload\":\"\",\"protected\":\"\"}",
            "JSON Web Signature",
        ),
        ("-----BEGIN CERTIFICATE-----\n", "certificate"),
    ] {
        // Its name says nothing.
        for suffix in [".asc", ".sigstore.json", ".sig"] {
            assert_eq!(signing.code(suffix, evidence), "dialect-unsupported");
        }
        signing.0.write("dist/a.txt.asc", evidence);
        let ran = signing.verify("dist/a.txt");
        assert!(ran.out.contains(name), "{ran:#?}");
        fs::remove_file(signing.0.at("dist/a.txt.asc")).unwrap();
    }
}

#[test]
fn of_many_bundles_in_one_file_one_that_satisfies_suffices() {
    let signing = Signing::new();
    let good = signing.bundle();
    let file = "dist/a.txt.sigstore.jsonl";
    signing
        .0
        .write(file, format!("{}\n{good}\n", forged(&good)));
    let report = signing.verify("dist/a.txt").yes().json();
    let places: Vec<&str> = report["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["place"].as_str().unwrap())
        .collect();
    assert_eq!(
        places,
        [format!("{file}:1"), format!("{file}:2")],
        "{report:#}"
    );
    assert_eq!(report["subjects"][0]["decided_by"], json!([1]));
    signing.verify(&format!("dist/a.txt --bundle {file}")).yes();
    let twice = format!("{0}\n{0}\n", forged(&good));
    assert_eq!(signing.code(".sigstore.jsonl", twice), "signature-invalid");
}

#[test]
fn a_file_of_which_one_piece_is_malformed_is_no_evidence() {
    let signing = Signing::new();
    let good = signing.bundle();
    let cut = &good[..good.len() - 1];
    for (bad, code) in [
        (cut, "bundle-malformed"),
        ("{\"mediaType\":1,\"mediaType\":2}", "bundle-malformed"),
        ("", "dialect-unknown"),
        ("trailing", "dialect-unknown"),
    ] {
        let between = format!("{good}\n{bad}\n{good}\n");
        assert_eq!(signing.code(".sigstore.jsonl", between), code, "{bad}");
    }
    for trailing in [
        format!("{good}{good}"),
        format!("{good} x"),
        format!("{good}\r\n{good}"),
    ] {
        assert_eq!(
            signing.code(".sigstore.jsonl", &trailing),
            "bundle-malformed"
        );
    }
}

#[test]
fn more_pieces_than_any_file_has_are_not_read() {
    let signing = Signing::new();
    let many = format!("{}\n", signing.bundle()).repeat(129);
    assert_eq!(signing.code(".sigstore.jsonl", many), "bundle-too-large");
}

#[test]
fn pieces_of_two_forms_do_not_share_a_file() {
    let signing = Signing::new();
    let envelope = "{\"payloadType\":\"x\",\"payload\":\"\",\"signatures\":[]}";
    let file = format!("{}\n{envelope}\n", signing.bundle());
    assert_eq!(signing.code(".sigstore.jsonl", file), "dialect-mixed");
}

#[test]
fn a_document_with_fields_of_two_forms_is_neither() {
    let signing = Signing::new();
    let both = signing
        .bundle()
        .replacen('{', "{\"base64Signature\":\"TUVV\",", 1);
    assert_eq!(signing.code(".sigstore.json", both), "dialect-ambiguous");
}

#[test]
fn in_a_folder_a_file_is_evidence_only_as_a_whole() {
    let signing = Signing::new();
    let good = signing.bundle();
    let accept = "dist --accept no-names";
    signing
        .0
        .write("dist/a.txt.sigstore.jsonl", format!("{good}\n{good}\n"));
    signing.verify(accept).yes();
    signing.0.write(
        "dist/a.txt.sigstore.jsonl",
        format!("{good}\n{}\n", forged(&good)),
    );
    let ran = signing.verify(accept);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("file-unattested"), "{ran:#?}");
}

/// A copy of a folder of `fixtures/dialects`, to change.
fn fixture(name: &str) -> World {
    let world = World::new();
    let folder = crate::page::root().join("fixtures/dialects").join(name);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        world.write(file, fs::read(&path).unwrap());
    }
    world
}

/// What became of each piece of evidence: its state, or its first code.
fn pieces(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let evidence = report["evidence"].as_array().unwrap();
    let word = |it: &Value| {
        let code = it["reasons"][0]["code"].as_str();
        code.or(it["state"].as_str()).unwrap().to_owned()
    };
    evidence.iter().map(word).collect()
}

#[track_caller]
fn code(ran: &Ran) -> String {
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let code = &ran.json()["subjects"][0]["files"][0]["code"];
    code.as_str().unwrap_or_default().to_owned()
}

const NPM: &str = "verify sigstore-2.3.1.tgz --bundle attestations.json --format json";
const WORKFLOW: &str =
    "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";

#[test]
fn npms_own_attestation_approves_the_package_that_it_names() {
    let world = fixture("npm");
    let ran = world.attest(&format!("{NPM} --key npm.pub")).yes();
    assert_eq!(pieces(&ran), ["proven", "not-looked-at"]);
    let note = "signed under the name pkg:npm/sigstore@2.3.1";
    assert!(ran.out.contains(note), "{ran:#?}");
    let by_workflow = format!("{NPM} --identity {WORKFLOW} --issuer {ACTIONS}");
    let ran = world.attest(&by_workflow).yes();
    assert_eq!(pieces(&ran), ["signer-mismatch", "proven"]);
}

/// GHSA-r2xv-vpr2-42m9: attestations of one package beside another.
#[test]
fn a_swapped_npm_package_is_refused() {
    let world = fixture("npm");
    let text = String::from_utf8(world.read("attestations.json")).unwrap();
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    let mut published = answer.clone();
    published["attestations"]
        .as_array_mut()
        .unwrap()
        .truncate(1);
    world.write("attestations.json", published.to_string());
    world.attest(&format!("{NPM} --key npm.pub")).yes();
    world.write("sigstore-2.3.1.tgz", "another package");
    assert_eq!(
        code(&world.attest(&format!("{NPM} --key npm.pub"))),
        "subject-missing"
    );
    let envelope = &mut answer["attestations"][1]["bundle"]["dsseEnvelope"];
    let payload = decode(envelope["payload"].as_str().unwrap());
    let other = String::from_utf8(payload)
        .unwrap()
        .replace("sigstore@2.3.1", "another@2.3.1");
    envelope["payload"] = json!(encode(other.as_bytes()));
    world.write("attestations.json", answer.to_string());
    assert_eq!(
        code(&world.attest(&format!("{NPM} --key npm.pub"))),
        "package-mismatch"
    );
}

#[test]
fn npms_answer_may_not_call_an_attestation_what_it_is_not() {
    let world = fixture("npm");
    let text = String::from_utf8(world.read("attestations.json")).unwrap();
    let lied = text.replace(
        "{\"predicateType\":\"https://slsa.dev/provenance/v1\"",
        "{\"predicateType\":\"https://slsa.dev/provenance/v0.2\"",
    );
    assert_ne!(text, lied);
    world.write("attestations.json", lied);
    assert_eq!(
        code(&world.attest(&format!("{NPM} --key npm.pub"))),
        "evidence-malformed"
    );
}

const DISTRIBUTION: &str = "pypi_attestations-0.0.19.tar.gz";
const PUBLISHER: &str =
    "--identity jku@goto.fi --issuer https://github.com/login/oauth --format json";

#[test]
fn pypis_attestation_approves_the_distribution_that_it_names() {
    let world = fixture("pypi");
    world
        .attest(&format!("verify {DISTRIBUTION} {PUBLISHER}"))
        .yes();
    let attestation: Value =
        serde_json::from_slice(&world.read(&format!("{DISTRIBUTION}.publish.attestation")))
            .unwrap();
    fs::remove_file(world.at(&format!("{DISTRIBUTION}.publish.attestation"))).unwrap();
    let provenance = json!({
        "version": 1,
        "attestation_bundles": [
            // Nobody signs who the publisher is.
            {"publisher": {"kind": "GitHub", "repository": "any/thing"}, "attestations": [attestation]},
        ],
    });
    world.write(
        &format!("{DISTRIBUTION}.provenance"),
        provenance.to_string(),
    );
    world
        .attest(&format!("verify {DISTRIBUTION} {PUBLISHER}"))
        .yes();
    let other = PUBLISHER.replace("jku@", "somebody@");
    let ran = world.attest(&format!("verify {DISTRIBUTION} {other}"));
    assert_eq!(code(&ran), "identity-mismatch");
}

#[test]
fn a_distribution_under_another_name_is_not_the_one_that_was_published() {
    let world = fixture("pypi");
    for name in [
        "pypi_attestations-0.0.20.tar.gz",
        "Pypi_attestations-0.0.19.tar.gz",
    ] {
        world.write(name, world.read(DISTRIBUTION));
        let ran = world.attest(&format!(
            "verify {name} --bundle {DISTRIBUTION}.publish.attestation {PUBLISHER}"
        ));
        assert_eq!(code(&ran), "name-mismatch");
    }
}

#[test]
fn cosigns_signature_without_log_is_a_keys_and_proves_no_time() {
    let world = fixture("cosign");
    for evidence in ["artifact.sig", "bundle.json"] {
        let verify = format!("verify artifact --bundle {evidence} --key key.pub --format json");
        assert_eq!(code(&world.attest(&verify)), "log-missing", "{evidence}");
        let accepted = world
            .attest(&format!("{verify} --accept no-log,no-time"))
            .yes();
        let skipped = accepted.json()["evidence"][0]["skipped"].to_string();
        assert!(skipped.contains("no-log was accepted"), "{accepted:#?}");
        world.write("artifact", "hello!\n");
        let refused = world.attest(&format!("{verify} --accept no-log,no-time"));
        assert_eq!(code(&refused), "signature-invalid", "{evidence}");
        world.write("artifact", "hello\n");
    }
    let by_identity =
        "verify artifact --bundle artifact.sig --identity a@b --issuer https://i --format json";
    assert_eq!(code(&world.attest(by_identity)), "signer-mismatch");
}

/// The certificate is real, and so is the signature: only nobody says when it was made.
#[test]
fn an_envelope_with_a_certificate_and_nothing_else_has_no_time() {
    let world = fixture("npm");
    let answer: Value = serde_json::from_slice(&world.read("attestations.json")).unwrap();
    let bundle = &answer["attestations"][1]["bundle"];
    let der = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][0]["rawBytes"]
        .as_str()
        .unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    let mut envelope = bundle["dsseEnvelope"].clone();
    envelope["signatures"][0]["cert"] = json!(pem);
    world.write("sigstore-2.3.1.tgz.intoto.jsonl", format!("{envelope}\n"));
    let verify =
        format!("verify sigstore-2.3.1.tgz --identity {WORKFLOW} --issuer {ACTIONS} --format json");
    let ran = world.attest(&verify);
    assert_eq!(code(&ran), "log-missing");
    assert!(ran.out.contains("time-missing"), "{ran:#?}");
    let ran = world.attest(&format!("{verify} --accept no-log,no-time"));
    assert_eq!(code(&ran), "time-missing");
    // The same beside a detached signature.
    let sig = bundle["dsseEnvelope"]["signatures"][0]["sig"]
        .as_str()
        .unwrap();
    fs::remove_file(world.at("sigstore-2.3.1.tgz.intoto.jsonl")).unwrap();
    world.write("sigstore-2.3.1.tgz.sig", sig);
    for (file, text) in [("pem", pem.clone()), ("crt", encode(pem.as_bytes()))] {
        let beside = format!("sigstore-2.3.1.tgz.{file}");
        world.write(&beside, text);
        assert_eq!(code(&world.attest(&verify)), "signature-invalid");
        fs::remove_file(world.at(&beside)).unwrap();
    }
    world.write("sigstore-2.3.1.tgz.pem", "no certificate");
    assert_eq!(code(&world.attest(&verify)), "evidence-malformed");
}

#[test]
fn each_signature_of_an_envelope_counts_by_itself() {
    let signing = Signing::new();
    let sha256 =
        attest_digest::Artifact::of_bytes(b"alpha\n", attest_digest::Hashes::Sha256).sha256();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.txt", "digest": {"sha256": sha256.hex()}}],
        "predicateType": "https://in-toto.io/attestation/release/v0.2",
        "predicate": {"purl": "pkg:generic/hello@1.0.0"},
    });
    signing.0.write("statement.json", statement.to_string());
    signing
        .0
        .attest("sign --statement statement.json --out signed.json")
        .yes();
    let bundle: Value = serde_json::from_slice(&signing.0.read("signed.json")).unwrap();
    let mut envelope = bundle["dsseEnvelope"].clone();
    let real = envelope["signatures"][0].clone();
    let mut other = real.clone();
    let mut bytes = decode(other["sig"].as_str().unwrap());
    *bytes.last_mut().unwrap() ^= 1;
    other["sig"] = json!(encode(&bytes));
    envelope["signatures"] = json!([other, real]);
    signing
        .0
        .write("dist/a.txt.intoto.jsonl", envelope.to_string());
    assert_eq!(code(&signing.verify("dist/a.txt")), "signature-invalid");
    let ran = signing.verify("dist/a.txt --accept no-log,no-time").yes();
    assert_eq!(pieces(&ran), ["signature-invalid", "proven"]);
    let places = ran.json()["evidence"][1]["place"].clone();
    assert_eq!(places, "dist/a.txt.intoto.jsonl#2");
    envelope["signatures"] = json!([real, real]);
    assert_eq!(
        signing.code(".intoto.jsonl", envelope.to_string()),
        "evidence-malformed"
    );
    envelope["signatures"] = json!([{"sig": real["sig"], "certificate": "AA=="}]);
    assert_eq!(
        signing.code(".intoto.jsonl", envelope.to_string()),
        "dialect-unsupported"
    );
}

/// cosign's older bundle, with what a Rekor v1 log said about the signature.
#[test]
fn a_promise_alone_needs_to_be_accepted() {
    let world = World::new();
    let folder = crate::page::root().join("fixtures/verify/message-v1");
    for file in ["artifact", "key.pub", "trusted_root.json"] {
        world.write(file, fs::read(folder.join(file)).unwrap());
    }
    let bundle = fs::read(folder.join("bundle.sigstore.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let number = |field: &str| entry[field].as_str().unwrap().parse::<u64>().unwrap();
    let older = json!({
        "base64Signature": bundle["messageSignature"]["signature"],
        "cert": encode(&world.read("key.pub")),
        "rekorBundle": {
            "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": entry["canonicalizedBody"],
                "integratedTime": number("integratedTime"),
                "logIndex": number("logIndex"),
                "logID": hex::encode(decode(entry["logId"]["keyId"].as_str().unwrap())),
            },
        },
    });
    let verify = "verify artifact --bundle older.json --key key.pub --trusted-root trusted_root.json \
                  --at 2026-11-21T12:00:00Z --format json";
    world.write("older.json", older.to_string());
    assert_eq!(code(&world.attest(verify)), "log-proof-missing");
    world.attest(&format!("{verify} --accept set-only")).yes();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut changed = older.clone();
        change(&mut changed);
        world.write("older.json", changed.to_string());
        code(&world.attest(&format!("{verify} --accept set-only")))
    };
    let payload =
        |it: &mut Value, field: &str, value: Value| it["rekorBundle"]["Payload"][field] = value;
    assert_eq!(
        refused(&|it| payload(it, "integratedTime", json!(1_700_000_000))),
        "log-promise-invalid"
    );
    assert_eq!(
        refused(&|it| payload(it, "logIndex", json!(1))),
        "log-promise-invalid"
    );
    assert_eq!(
        refused(&|it| payload(it, "logID", json!("00".repeat(32)))),
        "log-unknown"
    );
    assert_eq!(
        refused(&|it| payload(it, "logID", json!("zz"))),
        "evidence-malformed"
    );
    assert_eq!(
        refused(&|it| payload(it, "logIndex", json!(-1))),
        "evidence-malformed"
    );
    assert_eq!(
        refused(&|it| payload(it, "integratedTime", json!(1e300))),
        "evidence-malformed"
    );
    assert_eq!(
        refused(&|it| payload(it, "integratedTime", json!(u64::MAX))),
        "bundle-malformed"
    );
    let other = crate::page::root().join("fixtures/dialects/cosign/key.pub");
    let other = encode(&fs::read(other).unwrap());
    assert_eq!(
        refused(&|it| it["cert"] = json!(other)),
        "key-hint-mismatch"
    );
}

fn decode(text: &str) -> Vec<u8> {
    attest_provenance::base64::decode(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    attest_provenance::base64::encode(bytes)
}

fn image(name: &str, more: &str) -> (World, String) {
    let world = World::new();
    let folder = crate::page::root().join("fixtures/dialects").join(name);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([folder.join("image"), folder.join("key.pub")])
        .arg(world.path())
        .status();
    assert!(copied.unwrap().success());
    let verify = format!("verify oci-layout:image --key key.pub --format json {more}");
    (world, verify)
}

const MANIFEST: &str = "ebc7628c8634fdcce4f019edcaae5076ce8dafb11a5db3cdb172d10fd54dc26c";

#[test]
fn a_saved_image_is_verified_by_the_signatures_in_its_layout() {
    for name in ["oci-signature", "oci-bundle"] {
        let (world, verify) = image(name, "--accept no-log,no-time");
        let report = world.attest(verify.trim_end()).yes().json();
        let file = &report["subjects"][0]["files"][0];
        assert_eq!(file["path"], format!("sha256:{MANIFEST}"), "{report:#}");
        let (world, verify) = image(name, "");
        assert_eq!(
            code(&world.attest(verify.trim_end())),
            "log-missing",
            "{name}"
        );
    }
    // As a folder it is its files.
    let (world, _) = image("oci-bundle", "");
    let ran = world.attest("verify image --key key.pub --accept no-log,no-time --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
}

/// What `docker save` writes beside the index can name another image than the signed one.
#[test]
fn what_docker_reads_of_a_saved_image_is_said_not_to_be_checked() {
    let (world, verify) = image("oci-bundle", "--accept no-log,no-time");
    let notes = || {
        let report = world.attest(&verify).yes().json();
        report["subjects"][0]["notes"].to_string()
    };
    assert!(!notes().contains("not checked: `docker"), "{}", notes());
    world.write("image/manifest.json", r#"[{"Config":"blobs/sha256/00"}]"#);
    let said = notes();
    assert!(
        said.contains("manifest.json is not checked: `docker load` may"),
        "{said}"
    );
    assert!(!said.contains("other names"), "{said}");
    world.write("image/repositories", "{}");
    world.write("image/README", "anything");
    let said = notes();
    assert!(said.contains("repositories is not checked"), "{said}");
    assert!(
        said.contains("1 other names beside the index are not checked"),
        "{said}"
    );
}

/// A policy that asks for one signature by the key of the fixture, with more lines in its head.
fn image_policy(head: &str) -> String {
    format!(
        "version = 1\nname = \"image\"\naccept = [\"no-log\", \"no-time\"]\n{head}\n\
         [trust.signer]\nkind = \"keys\"\nkeys = [{{ file = \"key.pub\", sha256 = \"{KEY}\" }}]\n\n\
         [[require]]\ntype = \"signature\"\nsigned_by = \"signer\"\n"
    )
}

const KEY: &str = "c3957ef0c851e45aab59aa774589d985f7aaaeb132dbfce70cdfcd4d0d1dce70";

const BY_POLICY: &str = "verify oci-layout:image --policy policy.toml --format json";

#[test]
fn a_policy_judges_a_saved_image_in_both_forms_by_the_digests_that_it_accepts() {
    for name in ["oci-signature", "oci-bundle"] {
        let (world, _) = image(name, "");
        world.write("policy.toml", image_policy(""));
        let report = world.attest(BY_POLICY).yes().json();
        let rule = &report["subjects"][0]["rules"][0];
        assert_eq!(rule["answer"], "yes", "{name}");
        world.write(
            "policy.toml",
            image_policy("[artifact]\ndigests = [\"sha256\"]"),
        );
        world.attest(BY_POLICY).yes();
        world.write(
            "policy.toml",
            image_policy("[artifact]\ndigests = [\"sha512\"]"),
        );
        assert_eq!(
            code(&world.attest(BY_POLICY)),
            "attestation-missing",
            "{name}"
        );
    }
}

#[test]
fn evidence_of_an_image_that_cannot_be_read_is_no_answer() {
    for (name, blob) in [
        (
            "oci-signature",
            "3bca6c5d480161e39fd2497f35135c2892a8fdd7e8a2f516e07e48a5dbe21359",
        ),
        (
            "oci-bundle",
            "7203ba761a82b816627450eafd4de3a893abd5bb8c0dc77489c3a24410809245",
        ),
    ] {
        let (world, verify) = image(name, "--accept no-log,no-time");
        world.write("policy.toml", image_policy(""));
        let blob = world.at(&format!("image/blobs/sha256/{blob}"));
        std::fs::remove_file(&blob).unwrap();
        // Neither there nor absent: a link to itself.
        std::os::unix::fs::symlink(blob.file_name().unwrap(), &blob).unwrap();
        for command in [BY_POLICY, &verify] {
            let ran = world.attest(command);
            assert_eq!(ran.exit, 3, "{name}: {command}: {ran:#?}");
            let file = &ran.json()["subjects"][0]["files"][0];
            assert_eq!(file["code"], "file-unreadable", "{name}: {command}");
        }
    }
}

#[test]
fn a_file_is_not_approved_by_a_statement_about_images() {
    let (world, _) = image("oci-bundle", "");
    let blob = format!("image/blobs/sha256/{MANIFEST}");
    world.write("manifest", world.read(&blob));
    let bundle =
        "image/blobs/sha256/7203ba761a82b816627450eafd4de3a893abd5bb8c0dc77489c3a24410809245";
    let ran = world.attest(&format!(
        "verify manifest --bundle {bundle} --key key.pub --accept no-log,no-time --format json"
    ));
    assert_eq!(code(&ran), "predicate-not-requested");
}

#[test]
fn each_blob_of_an_image_has_its_digest() {
    for name in ["oci-signature", "oci-bundle"] {
        // The layer, the configuration.
        for blob in [
            "94a075de1eeb117178f235a54b50beaa598db7985f8af28274fc1c9dc622d527",
            "135267711905694a275028562644801950fa9ebb7351de007e7fa662d28855c6",
        ] {
            let (world, verify) = image(name, "--accept no-log,no-time");
            let path = format!("image/blobs/sha256/{blob}");
            let mut bytes = world.read(&path);
            bytes[10] ^= 1;
            world.write(&path, bytes);
            assert_eq!(code(&world.attest(&verify)), "blob-corrupt");
            fs::remove_file(world.at(&path)).unwrap();
            assert_eq!(code(&world.attest(&verify)), "blob-missing");
        }
    }
}

#[track_caller]
fn reason(ran: &Ran) -> String {
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let code = &ran.json()["subjects"][0]["reasons"][0]["code"];
    code.as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_image_that_somebody_swapped_is_refused() {
    // Another image under the signature of the first.
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let manifest =
        String::from_utf8(world.read(&format!("image/blobs/sha256/{MANIFEST}"))).unwrap();
    let other = manifest.replacen('{', "{ ", 1);
    let digest = attest_digest::Artifact::of_bytes(other.as_bytes(), attest_digest::Hashes::Sha256)
        .sha256()
        .hex();
    world.write(&format!("image/blobs/sha256/{digest}"), &other);
    let index = String::from_utf8(world.read("image/index.json")).unwrap();
    let swapped = index
        .replace(MANIFEST, &digest)
        .replace("\"size\": 423", "\"size\": 424");
    world.write("image/index.json", &swapped);
    assert_eq!(code(&world.attest(&verify)), "digest-mismatch");
    // The manifest's bytes themselves.
    world.write("image/index.json", &index);
    world.write(&format!("image/blobs/sha256/{MANIFEST}"), &other);
    assert_eq!(code(&world.attest(&verify)), "blob-corrupt");
    // What leads elsewhere, or means two things.
    for (from, to, wanted) in [
        (MANIFEST, "../../../../key.pub", "index-malformed"),
        (
            "\"schemaVersion\": 2,",
            "\"manifests\": [],",
            "index-malformed",
        ),
        (
            "\"size\": 423",
            "\"size\": 18446744073709551616",
            "index-malformed",
        ),
        ("manifests", "layers", "index-malformed"),
        ("{", "", "index-malformed"),
    ] {
        let (world, verify) = image("oci-signature", "--accept no-log,no-time");
        world.write("image/index.json", index.replacen(from, to, 1));
        assert_eq!(code(&world.attest(&verify)), wanted, "{to}");
    }
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    world.write("image/index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
    assert_eq!(reason(&world.attest(&verify)), "nothing-verified");
    fs::remove_file(world.at("image/index.json")).unwrap();
    assert_eq!(code(&world.attest(&verify)), "index-malformed");
    fs::remove_dir_all(world.at("image")).unwrap();
    let ran = world.attest(&verify);
    assert_eq!(ran.exit, 3, "{ran:#?}");
}

/// Nobody signs what an index calls a manifest, nor to what a manifest says it is attached.
#[test]
fn an_image_does_not_hide_as_evidence() {
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let manifest =
        String::from_utf8(world.read(&format!("image/blobs/sha256/{MANIFEST}"))).unwrap();
    let attached = format!(
        "{{\"subject\":{{\"mediaType\":\"m\",\"digest\":\"sha256:{MANIFEST}\",\"size\":423}},"
    );
    let hidden = manifest.replacen('{', &attached, 1);
    let hashed =
        attest_digest::Artifact::of_bytes(hidden.as_bytes(), attest_digest::Hashes::Sha256);
    let digest = hashed.sha256().hex();
    world.write(&format!("image/blobs/sha256/{digest}"), &hidden);
    world.attest(&verify).yes();
    let mut index: Value = serde_json::from_slice(&world.read("image/index.json")).unwrap();
    index["manifests"].as_array_mut().unwrap().push(json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": format!("sha256:{digest}"),
        "size": hidden.len(),
        "annotations": {"kind": "dev.cosignproject.cosign/sigs"},
    }));
    world.write("image/index.json", index.to_string());
    let ran = world.attest(&verify);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let files = ran.json()["subjects"][0]["files"].clone();
    assert_eq!(files[0]["verdict"], "verified");
    assert_eq!(files[1]["code"], "digest-mismatch");
}

/// A signed payload may be so written that it is an archive as well: to a runtime it is a layer.
#[test]
fn an_image_does_not_hide_in_what_reads_as_evidence() {
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let plain = polyglot(|_| {});
    list_unsigned(&world, &plain);
    world.attest(&verify).yes();
    for signed in [false, true] {
        let (world, verify) = image("oci-signature", "--accept no-log,no-time");
        list_unsigned(&world, &polyglot(|header| sum_up(header, signed)));
        let ran = world.attest(&verify);
        assert_eq!(ran.exit, 1, "{ran:#?}");
        let files = ran.json()["subjects"][0]["files"].clone();
        assert_eq!(files[0]["verdict"], "verified");
        assert_eq!(files[1]["code"], "digest-mismatch");
    }
}

/// What cosign signs, in whose first 512 bytes there is room for the header of a tar member.
fn polyglot(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let start = "{\"optional\":{\"x\":\"";
    let mut bytes = format!("{start:<512}").into_bytes();
    bytes[19..21].copy_from_slice("ä".as_bytes()); // a letter of two bytes above 127
    bytes[124..135].copy_from_slice(b"00000000000");
    change(&mut bytes);
    bytes.extend_from_slice(
        concat!(
            r#""},"critical":{"identity":{"docker-reference":"a"},"image":{"docker-manifest-digest":"#,
            r#""sha256:0000000000000000000000000000000000000000000000000000000000000000"},"#,
            r#""type":"cosign container image signature"}}"#
        )
        .as_bytes(),
    );
    bytes
}

/// Writes the checksum of a header, as most tools or as the oldest sum it up.
fn sum_up(header: &mut [u8], signed: bool) {
    let value = |it: &u8| i64::from(*it) - if signed && *it > 127 { 256 } else { 0 };
    header[148..156].fill(b' ');
    let sum: i64 = header[..512].iter().map(value).sum();
    header[148..155].copy_from_slice(format!("{sum:06o} ").as_bytes());
}

/// Lists an image whose only layer is called a signed payload.
fn list_unsigned(world: &World, layer: &[u8]) {
    let keep = |bytes: &[u8]| {
        let hashed = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256);
        let digest = hashed.sha256();
        world.write(&format!("image/blobs/sha256/{}", digest.hex()), bytes);
        (digest.to_string(), bytes.len())
    };
    let (config, config_size) = keep(b"{}");
    let (digest, size) = keep(layer);
    let manifest = json!({
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size},
        "layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": digest, "size": size}],
    });
    let (digest, size) = keep(manifest.to_string().as_bytes());
    let mut index: Value = serde_json::from_slice(&world.read("image/index.json")).unwrap();
    index["manifests"].as_array_mut().unwrap().push(json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "size": size,
        "annotations": {"org.opencontainers.image.ref.name": "latest"},
    }));
    world.write("image/index.json", index.to_string());
}

/// The payload is signed, and says that it is about another image.
#[test]
fn a_signed_payload_about_another_image_approves_nothing() {
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let payload =
        "image/blobs/sha256/3bca6c5d480161e39fd2497f35135c2892a8fdd7e8a2f516e07e48a5dbe21359";
    let text = String::from_utf8(world.read(payload)).unwrap();
    world.write(payload, text.replace("demo", "emod"));
    assert_eq!(code(&world.attest(&verify)), "blob-corrupt");
    fs::remove_file(world.at(payload)).unwrap();
    assert_eq!(code(&world.attest(&verify)), "blob-missing");
}

#[test]
fn nested_indexes_are_read_to_a_depth_and_no_further() {
    let (world, verify) = image("oci-bundle", "--accept no-log,no-time");
    let mut digest = MANIFEST.to_owned();
    let mut size = 423;
    for _ in 0..6 {
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": format!("sha256:{digest}"), "size": size}],
        })
        .to_string();
        let hashed =
            attest_digest::Artifact::of_bytes(index.as_bytes(), attest_digest::Hashes::Sha256);
        digest = hashed.sha256().hex();
        size = index.len();
        world.write(&format!("image/blobs/sha256/{digest}"), &index);
        world.write("image/index.json", &index);
    }
    assert_eq!(code(&world.attest(&verify)), "manifest-malformed");
}

#[test]
fn names_of_evidence_are_escaped() {
    let world = fixture("pypi");
    let file = format!("{DISTRIBUTION}.publish.attestation");
    let text = String::from_utf8(world.read(&file)).unwrap();
    let odd = "a\u{202e}\u{1b}[31mb.tar.gz";
    world.write(odd, world.read(DISTRIBUTION));
    let verify = ["verify", odd, "--bundle", &file];
    let trust: Vec<&str> = PUBLISHER.split(' ').take(4).collect();
    let ran = world.attest_with(&[&verify[..], &trust].concat());
    assert_eq!(ran.exit, 1, "{ran:#?}");
    for shown in [&ran.out, &ran.err] {
        assert!(
            !shown.contains('\u{202e}') && !shown.contains('\u{1b}'),
            "{ran:#?}"
        );
    }
    // Names that say something else than they show, where nobody signed them.
    for (from, to) in [
        ("\"version\":1", "\"\u{202e}\":1,\"version\":1"),
        ("dsse", "ds\u{1b}[31mse"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed);
        world.write(&file, changed);
        let ran =
            world.attest_with(&[&["verify", DISTRIBUTION, "--bundle", &file], &trust[..]].concat());
        assert_eq!(ran.exit, 1, "{ran:#?}");
        for shown in [&ran.out, &ran.err] {
            assert!(
                !shown.contains('\u{202e}') && !shown.contains('\u{1b}'),
                "{ran:#?}"
            );
        }
    }
}

/// Reading costs no more than what is there, however often it is listed.
#[test]
fn a_blob_that_is_listed_a_thousand_times_is_read_once() {
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let layer = vec![0; 48 << 20];
    let hashed = attest_digest::Artifact::of_bytes(&layer, attest_digest::Hashes::Sha256);
    let layer_digest = hashed.sha256().hex();
    world.write(&format!("image/blobs/sha256/{layer_digest}"), &layer);
    let blob =
        json!({"mediaType": "a", "digest": format!("sha256:{layer_digest}"), "size": layer.len()});
    let manifest = json!({"config": blob, "layers": vec![blob.clone(); 1000]}).to_string();
    let hashed =
        attest_digest::Artifact::of_bytes(manifest.as_bytes(), attest_digest::Hashes::Sha256);
    let digest = hashed.sha256().hex();
    world.write(&format!("image/blobs/sha256/{digest}"), &manifest);
    let listed =
        json!({"mediaType": "m", "digest": format!("sha256:{digest}"), "size": manifest.len()});
    world.write(
        "image/index.json",
        json!({"manifests": [listed]}).to_string(),
    );
    let before = std::time::Instant::now();
    assert_eq!(code(&world.attest(&verify)), "bundle-missing");
    assert!(before.elapsed().as_secs() < 10, "{:?}", before.elapsed());
}

#[test]
fn a_named_bundle_that_is_not_there_tells_nothing_about_an_image() {
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let ran = world.attest(&format!("{verify} --bundle nowhere"));
    assert_eq!(ran.exit, 3, "{ran:#?}");
}

/// The type of a layer is nobody's word either.
#[test]
fn an_image_whose_layers_are_called_bundles_is_an_image() {
    let (world, verify) = image("oci-signature", "--accept no-log,no-time");
    let before = world.read("image/index.json");
    let put = |bytes: &[u8], kind: &str| {
        let hashed = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256);
        let digest = hashed.sha256();
        world.write(&format!("image/blobs/sha256/{}", digest.hex()), bytes);
        json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
    };
    for kind in [
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.cosign.simplesigning.v1+json",
    ] {
        let layer = put(b"a layer that nobody signed", kind);
        let config = put(b"{}", "application/vnd.oci.image.config.v1+json");
        let manifest = json!({"config": config, "layers": [layer]}).to_string();
        let other = put(
            manifest.as_bytes(),
            "application/vnd.oci.image.manifest.v1+json",
        );
        let mut index: serde_json::Value = serde_json::from_slice(&before).unwrap();
        index["manifests"].as_array_mut().unwrap().push(other);
        world.write("image/index.json", index.to_string());
        assert_eq!(world.attest(&verify).exit, 1, "{kind}");
    }
}
