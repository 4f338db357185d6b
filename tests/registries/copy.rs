//! Copies of images: what is attached arrives or is said to be lost, and what others have put into the
//! target stays there.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::loopback::{self, Answer, Kept, Request, Server, Store};
use super::{IMAGE, INDEX, Scene, TRUST};
use crate::support::Ran;

fn copy(scene: &Scene, from: &str, to: &str) -> Ran {
    let line = format!("registry copy {from} {to} --format json");
    scene.world.attest(&line)
}

/// The exit code, and the code of the first thing that was lost.
fn lost(ran: &Ran) -> (i32, String) {
    let report = ran.json();
    let code = report["lost"][0]["code"].as_str().unwrap_or_default();
    (ran.exit, code.to_owned())
}

fn named(store: &Arc<Mutex<Store>>, tag: &str) -> String {
    store.lock().unwrap().tags[tag].clone()
}

/// The tag of the signatures of an image, as cosign kept them before bundles.
fn older_tag(image: &str) -> String {
    format!("{}.sig", image.replace(':', "-"))
}

/// Signatures of an image in cosign's older form; nobody reads them here.
fn sign_older(store: &Arc<Mutex<Store>>, image: &str, signatures: &[&str]) -> String {
    let mut store = store.lock().unwrap();
    let mut keep = |bytes: &str| {
        let digest = loopback::sha256(bytes.as_bytes()).to_string();
        store
            .blobs
            .insert(digest.clone(), bytes.as_bytes().to_vec());
        json!({"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
            "digest": digest, "size": bytes.len()})
    };
    let layers = signatures.iter().map(|signature| {
        let mut layer = keep("payload");
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
        layer
    });
    let layers: Vec<Value> = layers.collect();
    let manifest =
        json!({"schemaVersion": 2, "mediaType": IMAGE, "config": keep("{}"), "layers": layers});
    let manifest = manifest.to_string().into_bytes();
    let digest = loopback::sha256(&manifest).to_string();
    let kept = (IMAGE.to_owned(), manifest);
    store.manifests.insert(digest.clone(), kept);
    store.tags.insert(older_tag(image), digest.clone());
    digest
}

/// A blob of a layout that holds some bytes.
fn blob_with(scene: &Scene, layout: &str, part: &str) -> std::path::PathBuf {
    let folder = scene.world.at(&format!("{layout}/blobs/sha256"));
    let mut found = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let holds =
        |it: &std::path::PathBuf| String::from_utf8_lossy(&fs::read(it).unwrap()).contains(part);
    found.find(holds).unwrap()
}

#[test]
fn what_a_layout_lists_and_does_not_hold_is_lost_and_said() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    let image = format!("oci-layout:gap@{}", named(&scene.store, "1"));
    copy(&scene, &scene.image(":1"), "oci-layout:gap").yes();
    let whole = copy(&scene, &image, &scene.image(":2")).yes().json();
    assert_eq!(whole["attached"], 1);
    copy(&scene, "oci-layout:gap", &scene.image(":2")).yes();
    let attached = blob_with(&scene, "gap", "\"subject\"");
    let bytes = fs::read(&attached).unwrap();
    let mut other = bytes.clone();
    other[3] ^= 1;
    fs::write(&attached, other).unwrap();
    let corrupt = copy(&scene, &image, &scene.image(":3"));
    assert_eq!(lost(&corrupt), (1, "blob-corrupt".into()));
    copy(&scene, "oci-layout:gap", &scene.image(":3")).refused(1, "blob-corrupt");
    fs::remove_file(&attached).unwrap();
    let missing = copy(&scene, &image, &scene.image(":3"));
    assert_eq!(lost(&missing), (1, "blob-missing".into()));
    copy(&scene, "oci-layout:gap", &scene.image(":3")).refused(1, "blob-missing");
    fs::write(&attached, bytes).unwrap();
    copy(&scene, "oci-layout:gap", &scene.image(":3")).yes();
}

#[test]
fn a_layout_that_is_copied_to_again_leads_to_what_is_newer() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    let image = named(&scene.store, "1");
    let first = sign_older(&scene.store, &image, &["one"]);
    copy(&scene, &scene.image(":1"), "oci-layout:gap").yes();
    let newer = sign_older(&scene.store, &image, &["one", "two"]);
    copy(&scene, &scene.image(":1"), "oci-layout:gap").yes();
    let store = Arc::<Mutex<Store>>::default();
    let target = Server::of(&store, Kept::WithLists);
    let to = format!("oci://{}/team/tool:1", target.host());
    copy(&scene, "oci-layout:gap", &to).yes();
    assert_eq!(named(&store, &older_tag(&image)), newer);
    // A name that leads to two leads nowhere.
    let index = scene.world.read("gap/index.json");
    let mut index: Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    let is_older = |it: &&Value| it["digest"] == json!(newer);
    let mut second = entries.iter().find(is_older).unwrap().clone();
    second["digest"] = json!(first);
    entries.push(second);
    scene.world.write("gap/index.json", index.to_string());
    let from = format!("oci-layout:gap@{image}");
    copy(&scene, &from, &to).refused(1, "index-malformed");
}

#[test]
fn signatures_that_others_keep_in_the_target_are_not_replaced() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    let image = named(&scene.store, "1");
    let ours = sign_older(&scene.store, &image, &["one", "two"]);
    let store = Arc::<Mutex<Store>>::default();
    let target = Server::of(&store, Kept::WithLists);
    let to = format!("oci://{}/team/tool:1", target.host());
    let copied = || copy(&scene, &scene.image(":1"), &to);
    let kept = || named(&store, &older_tag(&image));
    copied().yes();
    assert_eq!(kept(), ours);
    sign_older(&store, &image, &["one"]);
    copied().yes();
    assert_eq!(kept(), ours);
    let more = sign_older(&store, &image, &["one", "three", "two"]);
    copied().yes();
    assert_eq!(kept(), more);
    let others = sign_older(&store, &image, &["one", "three"]);
    assert_eq!(lost(&copied()), (3, "registry-tag-taken".into()));
    assert_eq!(kept(), others);
}

#[test]
fn a_tag_that_leads_elsewhere_now_is_said() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.put("2", &["linux/arm64"]);
    let before = named(&scene.store, "2");
    let copied = || copy(&scene, &scene.image(":1"), &scene.image(":2")).yes();
    assert_eq!(
        copied().json()["moved"],
        json!({"name": "2", "before": before, "written": true})
    );
    assert_eq!(copied().json()["moved"], Value::Null);
    scene.world.write("dist/hello", "hello\n");
    let push = format!("registry push dist {}", scene.image(":1"));
    let image = named(&scene.store, "1");
    let said = scene.world.attest(&push).yes();
    assert!(
        said.out.contains(&format!("1: it named {image}")),
        "{said:#?}"
    );
}

#[test]
fn whoever_is_read_from_a_mirror_hears_it() {
    let scene = Scene::new(Kept::WithLists);
    scene.world.write("dist/hello", "hello\n");
    let push = format!("registry push dist {}", scene.image(":1"));
    scene.world.attest(&push).yes();
    let host = scene.server.host();
    for line in [
        "registry copy mirrored.example/team/tool:1 oci-layout:gap",
        "registry pull mirrored.example/team/tool:1 -o out",
        "registry list mirrored.example/team/tool",
        "registry tree mirrored.example/team/tool:1",
    ] {
        let line = line.replace("mirrored.", "oci://mirrored.");
        let line = format!("{line} --registry-mirror mirrored.example={host}");
        let said = scene.world.attest(&line).yes();
        let words = format!("from the mirror {host}");
        assert!((said.out.clone() + &said.err).contains(&words), "{said:#?}");
        let line = line.replace("-o out", "-o other") + " --format json";
        assert_eq!(
            scene.world.attest(&line).yes().json()["mirror"],
            json!(host)
        );
    }
}

/// Bytes that are wrong are a no, wherever they were to go; and what broke off is gone on with.
#[test]
fn a_copy_of_wrong_bytes_is_refused_and_succeeds_once_they_are_right() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    let target = Server::keeping(Kept::WithLists);
    let to = format!("oci://{}/team/tool:1", target.host());
    let right = scene.store.lock().unwrap().blobs.clone();
    for bytes in scene.store.lock().unwrap().blobs.values_mut() {
        bytes[3] ^= 1;
    }
    for to in ["oci-layout:gap", &to] {
        copy(&scene, &scene.image(":1"), to).refused(1, "blob-corrupt");
    }
    scene.store.lock().unwrap().blobs = right;
    for to in ["oci-layout:gap", &to] {
        copy(&scene, &scene.image(":1"), to).yes();
    }
    scene.world.write("full/other", "x");
    copy(&scene, &scene.image(":1"), "oci-layout:full").refused(2, "bad-arguments");
}

/// A tag comes last, so that whoever reads it finds everything, and never less than before.
#[test]
fn a_copy_that_breaks_off_leaves_the_tag_as_it_was() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.put("2", &["linux/arm64"]);
    let front = |wrong: fn(&Request, usize) -> Option<Answer>| {
        let (store, count) = (scene.store.clone(), AtomicUsize::new(0));
        let server = Server::answering(move |request| {
            let is_tag = request.path.ends_with("/manifests/1");
            let before = count.fetch_add(usize::from(is_tag), Ordering::SeqCst);
            let answer = || store.lock().unwrap().answer(request, Kept::WithLists);
            wrong(request, before).unwrap_or_else(answer)
        });
        format!("oci://{}/team/tool:1", server.host())
    };
    let store = Arc::<Mutex<Store>>::default();
    let target = Server::of(&store, Kept::WithLists);
    let to = |tag: &str| format!("oci://{}/team/tool:{tag}", target.host());
    let tags = || store.lock().unwrap().tags.clone();
    let fails = front(|request, _| {
        let is_older = request.path.contains("/manifests/sha256-");
        is_older.then(|| Answer::new(500, b"{}"))
    });
    copy(&scene, &fails, &to("1")).refused(3, "registry-http-status");
    let moves = front(|request, before| {
        let again = before > 0 && request.path.ends_with("/manifests/1");
        again.then(|| Answer::new(404, b"{}"))
    });
    copy(&scene, &moves, &to("1")).refused(3, "registry-tag-moved");
    assert_eq!(tags().len(), 0);
    // One thing of the list is not there: the name stays with what is whole.
    let dead = front(|request, _| {
        let is_list = request.path.contains("/referrers/");
        let list = json!({"schemaVersion": 2, "manifests": [
            {"mediaType": IMAGE, "digest": loopback::sha256(b"gone").to_string(), "size": 4}]});
        is_list.then(|| Answer::new(200, list.to_string().as_bytes()).with("Content-Type", INDEX))
    });
    copy(&scene, &scene.image(":2"), &to("1")).yes();
    let before = tags();
    let ran = copy(&scene, &dead, &to("1"));
    assert_eq!(lost(&ran), (3, "registry-not-found".into()));
    assert_eq!(ran.json()["moved"]["written"], json!(false));
    assert_eq!(tags(), before);
    copy(&scene, &scene.image(":1"), &to("1")).yes();
    assert_eq!(tags()["1"], named(&scene.store, "1"));
}

#[test]
fn nothing_is_copied_into_an_archive() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.world.write("dist/app", "the app\n");
    let release = "release dist --name app --version 1.0 --no-password";
    scene.world.attest(release).yes();
    let index = || scene.world.read(".attest/archive/index.json");
    let before = index();
    let ran = copy(&scene, &scene.image(":1"), "oci-layout:.attest/archive");
    ran.refused(2, "bad-arguments");
    assert_eq!(index(), before);
}

/// Evidence that the index does not list is found among however many small blobs there are.
#[test]
fn unlisted_evidence_is_found_among_many_blobs() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    copy(&scene, &scene.image(":1"), "oci-layout:gap").yes();
    let index = scene.world.read("gap/index.json");
    let mut index: Value = serde_json::from_slice(&index).unwrap();
    let image = named(&scene.store, "1");
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.retain(|it| it["digest"] == json!(image));
    scene.world.write("gap/index.json", index.to_string());
    for number in 0..4000_u32 {
        let bytes = number.to_string();
        let name = loopback::sha256(bytes.as_bytes()).hex();
        fs::write(scene.world.at("gap/blobs/sha256").join(name), bytes).unwrap();
    }
    let verify = format!("verify oci-layout:gap {TRUST}");
    scene.world.attest(&verify).yes();
}
