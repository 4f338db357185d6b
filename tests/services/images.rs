//! Images signed by services: the bundle that is attached is an identity's.

use super::instance::{FULCIO, Fault, IDENTITY, Instance, TSA, V2, certificate_for};
use crate::registries::Scene;
use crate::registries::loopback::Kept;
use crate::support::Ran;

fn scene(instance: &Instance) -> Scene {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &[]);
    instance.export(&scene.world);
    scene.world.write("token", instance.token(|_| {}));
    scene
}

fn sign(scene: &Scene, config: &str, more: &str) -> Ran {
    scene.world.attest(&format!(
        "sign {} --signing-config {config}.json --trusted-root root.json --service-timeout 2{more}",
        scene.image(":1")
    ))
}

fn verify(scene: &Scene, instance: &Instance, identity: &str) -> Ran {
    scene.world.attest(&format!(
        "verify {} --identity {identity} --issuer {} --trusted-root root.json",
        scene.image(":1"),
        instance.address
    ))
}

const KEYLESS: &str = " --identity-token token";

#[test]
fn an_image_is_signed_for_an_identity_in_each_kind_of_log() {
    let instance = Instance::new();
    for config in ["v1", "v2", "both"] {
        let scene = scene(&instance);
        let report = sign(&scene, config, &format!("{KEYLESS} --format json"));
        let report = report.yes().json();
        assert_eq!(
            report["signer"],
            format!("{IDENTITY} by {}", instance.address)
        );
        assert_eq!(report["certificates"], 1, "{report}");
        let logs = report["images"][0]["logs"].as_array().unwrap().len();
        assert_eq!(logs, if config == "both" { 2 } else { 1 }, "{report}");
        verify(&scene, &instance, IDENTITY).yes();
        let ran = verify(&scene, &instance, "other@example.com");
        assert!(
            ran.exit == 1 && ran.out.contains("identity-mismatch"),
            "{ran:?}"
        );
    }
}

#[test]
fn an_image_is_signed_with_a_key_and_logged_by_others() {
    let instance = Instance::new();
    let scene = scene(&instance);
    let ran = sign(&scene, "v2", " --no-password").yes();
    assert!(ran.out.contains("rekor2.example"), "{ran:?}");
    assert_eq!(instance.calls(FULCIO), 0);
    let line = format!("verify {} --key trust/release.pub", scene.image(":1"));
    scene
        .world
        .attest(&format!("{line} --trusted-root root.json"))
        .yes();
    let ran = scene
        .world
        .attest(&format!("{line} --trusted-root trust/trusted_root.json"));
    assert!(ran.exit == 1 && ran.out.contains("log-unknown"), "{ran:?}");
}

#[test]
fn nothing_is_attached_when_a_service_fails_or_is_wrong() {
    let instance = Instance::new();
    let scene = scene(&instance);
    let now = jiff::Timestamp::now();
    instance.certify(|it| *it = certificate_for("other@example.com", &instance.address, now));
    sign(&scene, "v2", KEYLESS).refused(1, "identity-mismatch");
    instance.certify(|it| *it = certificate_for(IDENTITY, &instance.address, now));
    let ran = verify(&scene, &instance, IDENTITY);
    assert!(
        ran.exit == 1 && ran.out.contains("bundle-missing"),
        "{ran:?}"
    );
    for path in [FULCIO, TSA, V2] {
        instance.fail(path, usize::MAX, Fault::Drop);
        let ran = sign(&scene, "v2", KEYLESS);
        assert_eq!(ran.exit, 3, "{path}: {ran:?}");
        instance.heal();
        let ran = verify(&scene, &instance, IDENTITY);
        assert!(
            ran.exit == 1 && ran.out.contains("bundle-missing"),
            "{path}: {ran:?}"
        );
    }
    sign(&scene, "v2", KEYLESS).yes();
    verify(&scene, &instance, IDENTITY).yes();
}

#[test]
fn two_signers_of_one_image_are_refused() {
    let instance = Instance::new();
    let scene = scene(&instance);
    let two = format!("{KEYLESS} --key .attest/keys/artifact.key");
    sign(&scene, "v2", &two).refused(2, "bad-arguments");
    let line = format!(
        "sign {} --no-password --trusted-root root.json",
        scene.image(":1")
    );
    scene.world.attest(&line).refused(2, "bad-arguments");
}
