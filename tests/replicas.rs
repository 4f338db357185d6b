//! Copies of an archive in a registry, as the command makes and reads them. Buckets are in `places`.

use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::registries::loopback::{Answer, Kept, Request, Server, Store, sha256};
use crate::support::{Ran, World};

struct Scene {
    world: World,
    store: Arc<Mutex<Store>>,
    server: Server,
}

impl Scene {
    /// A home with `hello@1.0.0` in its archive, and an empty registry.
    fn new() -> Self {
        let world = World::new();
        world.write("dist/a.txt", "alpha\n");
        world.write("dist/sub/b.txt", "beta\n");
        world
            .attest("release dist --name hello --version 1.0.0 --init --no-password")
            .yes();
        let store = Arc::default();
        let server = Server::of(&store, Kept::WithoutLists);
        Self {
            world,
            store,
            server,
        }
    }

    fn place(&self) -> String {
        format!("oci://{}/team/tool", self.server.host())
    }

    fn attest(&self, arguments: &str) -> Ran {
        let arguments = format!("{arguments} {}", self.place());
        Ran::of(
            self.world
                .command()
                .args(arguments.split(' '))
                .env("DOCKER_CONFIG", self.world.at("no-docker")),
        )
    }

    fn copy(&self) -> Value {
        self.attest("archive copy --format json --to").yes().json()
    }

    fn blob(&self, bytes: &[u8]) -> std::path::PathBuf {
        let name = sha256(bytes).hex();
        self.world
            .at(&format!(".attest/archive/blobs/sha256/{name}"))
    }
}

#[test]
fn a_registry_that_keeps_anything_under_any_digest_gets_no_archive() {
    let scene = Scene::new();
    let server = Server::answering(|request: &Request| match request.method.as_str() {
        "POST" => Answer::new(202, b"").with("Location", "/v2/team/tool/upload/1"),
        "PUT" => Answer::new(201, b""),
        _ => Answer::new(404, b"{}"),
    });
    let to = format!("archive copy --to oci://{}/team/tool", server.host());
    scene.world.attest(&to).refused(3, "place-unfit");
    let wrote = |it: &Request| it.method == "PUT" && it.path.contains("manifests");
    assert!(!server.requests().iter().any(wrote));
}

#[test]
fn an_archive_goes_into_a_registry_and_comes_back_from_it() {
    let scene = Scene::new();
    assert_eq!(scene.copy()["releases"], 1);
    // The tag names the very bytes of the index, and every blob is there under its digest.
    let index = scene.world.read(".attest/archive/index.json");
    {
        let store = scene.store.lock().unwrap();
        let tag = format!("archive-sha256-{}", sha256(&index).hex());
        assert_eq!(store.tags.keys().collect::<Vec<_>>(), [&tag]);
        assert_eq!(store.manifests[&store.tags[&tag]].1, index);
    }
    // A second time nothing is written but what asks whether the registry looks at digests.
    let before = scene.server.requests().len();
    assert_eq!(scene.copy()["new_blobs"], 0);
    let again = &scene.server.requests()[before..];
    let wrote = again.iter().filter(|it| it.method == "PUT");
    assert_eq!(wrote.count(), 1);

    scene.attest("archive fixity --replica").yes();
    scene.attest("status --replica").yes();
    fs::remove_file(scene.blob(b"alpha\n")).unwrap();
    assert_eq!(scene.world.attest("archive verify").exit, 1);
    scene.attest("archive repair --from").yes();
    scene.world.attest("archive verify").yes();
}

#[test]
fn what_is_added_later_is_another_part_and_a_lost_index_comes_back_from_all() {
    let scene = Scene::new();
    scene.copy();
    // A file of a release can be what a registry keeps as a manifest: both are kept.
    let index = scene.world.read(".attest/archive/index.json");
    let index: Value = serde_json::from_slice(&index).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    let manifest = digest.trim_start_matches("sha256:");
    let manifest = format!(".attest/archive/blobs/sha256/{manifest}");
    scene.world.write("more/file", scene.world.read(&manifest));
    scene
        .world
        .attest("release more --name more --version 2.0.0 --no-password")
        .yes();
    assert_eq!(scene.copy()["releases"], 2);
    assert_eq!(scene.store.lock().unwrap().tags.len(), 2);
    scene.attest("archive fixity --replica").yes();
    fs::remove_file(scene.world.at(".attest/archive/index.json")).unwrap();
    scene.attest("archive repair --from").yes();
    let listed = scene.world.attest("archive list").yes();
    assert!(listed.out.contains("hello@1.0.0") && listed.out.contains("more@2.0.0"));
    scene.world.attest("archive verify").yes();
}

#[test]
fn what_a_registry_has_lost_or_changed_is_named_and_brings_nothing_back() {
    let scene = Scene::new();
    scene.copy();
    {
        let mut store = scene.store.lock().unwrap();
        store
            .blobs
            .insert(sha256(b"alpha\n").to_string(), b"alphA\n".to_vec());
        store.blobs.remove(&sha256(b"beta\n").to_string());
    }
    let ran = scene.attest("archive fixity --format json --replica");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let damaged = report["damaged"].as_array().unwrap().iter();
    let mut codes: Vec<&str> = damaged.map(|it| it["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["blob-corrupt", "blob-missing"]);
    assert_eq!(scene.attest("status --replica").exit, 1);

    fs::remove_file(scene.blob(b"alpha\n")).unwrap();
    let ran = scene.attest("archive repair --format json --from");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["lost"][0]["code"], "blob-missing");
    assert!(!scene.blob(b"alpha\n").exists());
}

#[test]
fn a_changed_manifest_and_a_moved_tag_are_named_and_neither_is_written_over() {
    let scene = Scene::new();
    scene.copy();
    let manifests = scene.store.lock().unwrap().manifests.clone();
    {
        let mut store = scene.store.lock().unwrap();
        let tagged: Vec<String> = store.tags.values().cloned().collect();
        let manifests = store.manifests.iter_mut();
        for (_, (_, bytes)) in manifests.filter(|(digest, _)| !tagged.contains(digest)) {
            let last = bytes.len() - 2;
            bytes[last] ^= 1;
        }
    }
    let ran = scene.attest("archive fixity --format json --replica");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["damaged"][0]["code"], "blob-corrupt");
    {
        let mut store = scene.store.lock().unwrap();
        store.manifests = manifests;
        let other = store.manifests.keys().next().unwrap().clone();
        let other = store
            .manifests
            .keys()
            .find(|it| !store.tags.values().any(|tag| tag == *it))
            .unwrap_or(&other)
            .clone();
        for named in store.tags.values_mut() {
            named.clone_from(&other);
        }
    }
    for asked in ["archive copy --to", "archive fixity --replica"] {
        scene.attest(asked).refused(1, "replica-index-differs");
    }
    assert_eq!(scene.attest("status --replica").exit, 1);
}

#[test]
fn a_request_that_is_wrong_is_refused_and_silence_is_no_answer() {
    let scene = Scene::new();
    for place in [
        "oci://",
        "oci://host",
        "oci://127.0.0.1:1/a:tag",
        "oci://H/a",
    ] {
        for asked in [
            "archive copy --to",
            "archive repair --from",
            "archive fixity --replica",
        ] {
            let ran = scene.world.attest(&format!("{asked} {place}"));
            ran.refused(2, "registry-reference");
        }
    }
    let closed = Server::closed();
    let to = format!("archive copy --to oci://{}/team/tool", closed.host());
    scene.world.attest(&to).refused(3, "registry-unreachable");
    let of = format!("archive fixity --replica oci://{}/team/tool", closed.host());
    scene.world.attest(&of).refused(3, "replica-unavailable");
    let denying = Server::answering(|_| Answer::new(403, b"{}"));
    let to = format!("archive copy --to oci://{}/team/tool", denying.host());
    scene.world.attest(&to).refused(3, "registry-denied");
}

#[test]
fn one_place_under_two_names_is_one_copy() {
    let Scene { world, .. } = Scene::new();
    for folder in ["one", "two"] {
        world.attest(&format!("archive copy --to {folder}")).yes();
    }
    world.shell("ln -s one same").yes();
    let ask =
        |one: &str, other: &str| world.attest(&format!("status --replica {one} --replica {other}"));
    ask("one", "two").yes();
    for (one, other) in [
        ("one", "one"),
        ("one", "./one/"),
        ("one", "same"),
        ("s3://bucket/vault", "s3://bucket/vault/"),
        ("oci://example.org/a", "oci://example.org/a"),
    ] {
        ask(one, other).refused(2, "bad-arguments");
    }
}
