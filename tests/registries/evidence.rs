//! Evidence in registries: what is attached is looked at wherever it stands, and what is listed and
//! cannot be had leaves the answer open.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::loopback::{self, Answer, Kept, Server};
use super::{IMAGE, INDEX, Scene, TRUST, code, image_policy};

/// An index of one entry, as it is kept under a tag.
fn index_of(scene: &Scene, tag: &str, kind: &str, inner: &str, more: &Value) {
    let mut store = scene.store.lock().unwrap();
    let size = store.manifests[inner].1.len();
    let mut entry = json!({"mediaType": kind, "digest": inner, "size": size});
    let fields = entry.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    let digest = loopback::sha256(index.as_bytes()).to_string();
    let kept = (INDEX.to_owned(), index.into_bytes());
    store.manifests.insert(digest.clone(), kept);
    store.tags.insert(tag.to_owned(), digest);
}

fn named(scene: &Scene, tag: &str) -> String {
    scene.store.lock().unwrap().tags[tag].clone()
}

/// An index may hold indexes, and may call them something else.
#[test]
fn a_platform_inside_of_an_inner_index_must_be_signed_itself() {
    for (kind, more) in [
        (INDEX, json!({})),
        (
            INDEX,
            json!({"platform": {"os": "unknown", "architecture": "unknown"}}),
        ),
        (
            IMAGE,
            json!({"platform": {"os": "linux", "architecture": "arm64"}}),
        ),
    ] {
        let scene = Scene::new(Kept::WithLists);
        scene.put("inner", &["linux/amd64", "linux/arm64"]);
        index_of(&scene, "outer", kind, &named(&scene, "inner"), &more);
        scene.sign(":outer", "").yes();
        scene.sign(":inner", "").yes();
        scene.verify(":outer", "").yes();
        for asked in [" --all-platforms", " --platform linux/arm64"] {
            let ran = scene.verify(":outer", asked);
            assert_eq!(code(&ran), (1, "bundle-missing".into()), "{kind} {more}");
        }
        scene.sign(":outer", " --recursive").yes();
        let all = scene.verify(":outer", " --all-platforms").yes().json();
        assert_eq!(all["subjects"][0]["files"].as_array().unwrap().len(), 4);
        scene.verify(":outer", " --platform linux/arm64").yes();
        let missing = scene.verify(":outer", " --platform linux/s390x");
        assert_eq!(code(&missing), (1, "platform-missing".into()));
    }
}

/// An index that nobody signed says nothing about an image that somebody signed.
#[test]
fn the_platform_that_an_unsigned_index_claims_is_held_against_the_image() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    for (os, architecture, wanted) in [
        ("linux", "amd64", (0, String::new())),
        ("linux", "arm64", (1, "platform-mismatch".into())),
        ("windows", "amd64", (1, "platform-mismatch".into())),
    ] {
        let more = json!({"platform": {"os": os, "architecture": architecture}});
        index_of(&scene, "claimed", IMAGE, &named(&scene, "1"), &more);
        let asked = format!(" --platform {os}/{architecture}");
        assert_eq!(code(&scene.verify(":claimed", &asked)), wanted);
    }
}

#[test]
fn indexes_are_not_followed_without_end() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("0", &["linux/amd64", "linux/arm64"]);
    for depth in 0..4 {
        let inner = named(&scene, &depth.to_string());
        index_of(&scene, &(depth + 1).to_string(), INDEX, &inner, &json!({}));
    }
    scene.sign(":4", " --recursive").yes();
    scene.verify(":3", " --all-platforms").yes();
    let ran = scene.verify(":4", " --all-platforms");
    assert_eq!(code(&ran), (1, "manifest-malformed".into()));
}

/// The same store behind a server that changes the lists of what is attached.
fn front(scene: &Scene, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Server {
    let store = scene.store.clone();
    Server::answering(move |request| {
        let mut answer = store.lock().unwrap().answer(request, Kept::WithLists);
        if request.path.contains("/referrers/") {
            let mut list: Value = serde_json::from_slice(&answer.body).unwrap();
            change(&mut list);
            answer.body = list.to_string().into_bytes();
        }
        answer
    })
}

fn verify_at(scene: &Scene, server: &Server) -> (i32, String) {
    let image = format!("oci://{}/team/tool:1", server.host());
    let asked = format!("verify {image} {TRUST} --format json");
    code(&scene.world.attest(&asked))
}

#[test]
fn evidence_counts_whatever_size_a_list_says() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    for size in [1, 70_000, 1_u64 << 40] {
        let server = front(&scene, move |list| {
            list["manifests"][0]["size"] = json!(size);
        });
        assert_eq!(verify_at(&scene, &server), (0, String::new()), "{size}");
    }
    // One that is as large as its list says.
    let mut store = scene.store.lock().unwrap();
    let is_attached = |it: &(String, Vec<u8>)| it.1.windows(9).any(|it| it == b"\"subject\"");
    let found = store.manifests.iter().find(|(_, it)| is_attached(it));
    let (old, bytes) = found
        .map(|(it, kept)| (it.clone(), kept.1.clone()))
        .unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    manifest["annotations"]["note"] = json!("x".repeat(70_000));
    let bytes = manifest.to_string().into_bytes();
    store.manifests.remove(&old);
    let digest = loopback::sha256(&bytes).to_string();
    store.manifests.insert(digest, (IMAGE.to_owned(), bytes));
    drop(store);
    scene.verify(":1", "").yes();
}

/// A list that names what is attached to nothing is not one to rely on.
#[test]
fn what_a_list_names_and_is_not_attached_leaves_the_answer_open() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.put("2", &["linux/arm64"]);
    let (other, size) = {
        let store = scene.store.lock().unwrap();
        let other = store.tags["2"].clone();
        let size = store.manifests[&other].1.len();
        (other, size)
    };
    let entry = json!({"mediaType": IMAGE, "digest": other, "size": size});
    let server = front(&scene, move |list| list["manifests"] = json!([entry]));
    assert_eq!(verify_at(&scene, &server), (3, "registry-referrers".into()));
    let image = format!("oci://{}/team/tool:1", server.host());
    let copy = format!("registry copy {image} oci-layout:gap --format json");
    let copied = scene.world.attest(&copy);
    assert_eq!(copied.exit, 3, "{copied:#?}");
    let copied = copied.json();
    assert_eq!(copied["lost"][0]["code"], "registry-referrers");
    assert_eq!(copied["attached"], 0);
}

/// The manifest of a bundle is there, and the bundle is not.
#[test]
fn a_bundle_that_a_registry_does_not_hand_out_leaves_the_answer_open() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    let policy = image_policy(&scene.world);
    let by_rules = || scene.verify_with(":1", &policy);
    scene.verify(":1", "").yes();
    by_rules().yes();
    let is_bundle = |it: &[u8]| it.windows(12).any(|it| it == b"dsseEnvelope");
    let kept: BTreeMap<_, _> = {
        let mut store = scene.store.lock().unwrap();
        let all = std::mem::take(&mut store.blobs);
        store.blobs = all.clone();
        store.blobs.retain(|_, it| !is_bundle(it));
        all
    };
    let open = (3, "registry-not-found".to_owned());
    assert_eq!(code(&scene.verify(":1", "")), open);
    assert_eq!(code(&by_rules()), open);
    scene.store.lock().unwrap().blobs = kept;
    scene.verify(":1", "").yes();
}

/// A registry that takes everything and keeps no blob.
#[test]
fn what_a_registry_takes_and_does_not_keep_is_no_yes() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.world.write("dist/hello", "hello\n");
    let store = scene.store.clone();
    let server = Server::answering(move |request| {
        if request.method == "PUT" && request.path.contains("/upload/") {
            return Answer::new(201, b"");
        }
        store.lock().unwrap().answer(request, Kept::WithLists)
    });
    let place = format!("oci://{}/team/tool", server.host());
    let attest = |line: &str| scene.world.attest(line);
    attest(&format!("sign --no-password {place}:1")).refused(3, "registry-not-kept");
    attest(&format!("registry push dist {place}:d")).refused(3, "registry-not-kept");
    attest(&format!("registry push dist {}", scene.image(":d"))).yes();
}

/// Whoever may attach can attach much: that leaves the answer open at most.
#[test]
fn more_evidence_than_is_read_is_no_no() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    let image = named(&scene, "1");
    let is_about = |it: &[u8]| String::from_utf8_lossy(it).contains("\"subject\"");
    let mut store = scene.store.lock().unwrap();
    let found = store.manifests.iter().find(|(_, it)| is_about(&it.1));
    let good = found.map(|(digest, _)| digest.clone()).unwrap();
    let size = store.manifests[&image].1.len();
    for number in 0..130 {
        let blob = format!("no {number:04}");
        let digest = loopback::sha256(blob.as_bytes()).to_string();
        let layer = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "digest": digest, "size": blob.len()});
        store.blobs.insert(digest, blob.into_bytes());
        let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": layer, "layers": [layer],
            "subject": {"mediaType": IMAGE, "digest": image, "size": size}});
        let bytes = manifest.to_string().into_bytes();
        let digest = loopback::sha256(&bytes).to_string();
        store.manifests.insert(digest, (IMAGE.to_owned(), bytes));
    }
    drop(store);
    for (first, wanted) in [
        (true, (0, String::new())),
        (false, (3, "registry-referrers".to_owned())),
    ] {
        let good = good.clone();
        let server = front(&scene, move |list| {
            let entries = list["manifests"].as_array_mut().unwrap();
            entries.sort_by_key(|it| (it["digest"] == json!(good)) != first);
        });
        assert_eq!(verify_at(&scene, &server), wanted);
    }
}
