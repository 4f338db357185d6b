//! Registries, on a small one of the tests' own: images are signed, verified, copied and pulled, and
//! whatever the registry does wrong has its code. Real registries are asked in `tests/interop`.

mod copy;
mod evidence;
mod login;
#[path = "../crates/remote/tests/registry/support.rs"]
#[expect(dead_code, reason = "what the tests of the client need beside these")]
pub(crate) mod loopback;
mod publish;
pub(crate) mod tls;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Ran, World};
use loopback::{Answer, Kept, Request, Server, Store};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const TRUST: &str = "--key trust/release.pub --trusted-root trust/trusted_root.json";

pub(crate) struct Scene {
    pub(crate) world: World,
    server: Server,
    store: Arc<Mutex<Store>>,
}

impl Scene {
    pub(crate) fn new(kept: Kept) -> Self {
        let world = World::new();
        world.attest("init --no-password --export trust").yes();
        let store = Arc::default();
        Self {
            world,
            server: Server::of(&store, kept),
            store,
        }
    }

    pub(crate) fn image(&self, name: &str) -> String {
        format!("oci://{}/team/tool{name}", self.server.host())
    }

    /// A layout with one image, or an index of two for platforms, copied into the registry.
    pub(crate) fn put(&self, tag: &str, platforms: &[&str]) {
        let layout = format!("layout-{tag}");
        let blobs = format!("{layout}/blobs/sha256");
        let keep = |bytes: &[u8]| {
            let digest = loopback::sha256(bytes);
            self.world
                .write(&format!("{blobs}/{}", digest.hex()), bytes);
            (digest.to_string(), bytes.len())
        };
        let image = |platform: &str| {
            let (os, architecture) = platform.split_once('/').unwrap();
            let config = json!({"os": os, "architecture": architecture}).to_string();
            let (config, size) = keep(config.as_bytes());
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": IMAGE,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size},
                "layers": [],
            });
            let (digest, size) = keep(manifest.to_string().as_bytes());
            json!({"mediaType": IMAGE, "digest": digest, "size": size,
                "platform": {"os": os, "architecture": architecture}})
        };
        let entries: Vec<Value> = platforms.iter().map(|it| image(it)).collect();
        let top = if let [one] = entries.as_slice() {
            one.clone()
        } else {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            let (digest, size) = keep(index.to_string().as_bytes());
            json!({"mediaType": INDEX, "digest": digest, "size": size})
        };
        let index = json!({"schemaVersion": 2, "manifests": [top]});
        self.world
            .write(&format!("{layout}/index.json"), index.to_string());
        self.world.write(
            &format!("{layout}/oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        );
        let to = self.image(&format!(":{tag}"));
        self.world
            .attest(&format!("registry copy oci-layout:{layout} {to}"))
            .yes();
    }

    fn sign(&self, name: &str, more: &str) -> Ran {
        let image = self.image(name);
        self.world
            .attest(&format!("sign --no-password {image}{more}"))
    }

    fn verify(&self, name: &str, more: &str) -> Ran {
        let image = self.image(name);
        self.world
            .attest(&format!("verify {image} {TRUST} --format json{more}"))
    }

    /// By the rules of a policy.
    fn verify_with(&self, name: &str, policy: &str) -> Ran {
        let image = self.image(name);
        self.world.attest(&format!(
            "verify {image} --policy {policy} --trusted-root trust/trusted_root.json --format json"
        ))
    }
}

/// The exit code, and the code of the first file that has one.
fn code(ran: &Ran) -> (i32, String) {
    let report = ran.json();
    let files = report["subjects"][0]["files"].as_array().unwrap().clone();
    let codes = files.iter().filter_map(|it| it["code"].as_str());
    (
        ran.exit,
        codes.map(str::to_owned).next().unwrap_or_default(),
    )
}

#[test]
fn an_image_is_signed_and_verified_where_it_lies() {
    for kept in [Kept::WithLists, Kept::WithoutLists] {
        let scene = Scene::new(kept);
        scene.put("1.0", &["linux/amd64"]);
        assert_eq!(
            code(&scene.verify(":1.0", "")),
            (1, "bundle-missing".into())
        );
        let signed = scene.sign(":1.0", " --format json").yes().json();
        let verified = scene.verify(":1.0", "").yes().json();
        let file = &verified["subjects"][0]["files"][0];
        assert_eq!(file["sha256"], signed["images"][0]["sha256"]);
        assert!(
            file["path"].as_str().unwrap().ends_with(" (linux/amd64)"),
            "{file}"
        );
        let by = if kept == Kept::WithLists {
            "registry"
        } else {
            "tag"
        };
        assert_eq!(signed["images"][0]["listed_by"], by);
        // By its digest as well, and by nobody else.
        let digest = format!("@sha256:{}", file["sha256"].as_str().unwrap());
        scene.verify(&digest, "").yes();
        scene
            .world
            .attest("init --no-password --home other --export others")
            .yes();
        let image = scene.image(":1.0");
        let others = "--key others/release.pub --trusted-root others/trusted_root.json";
        let ran = scene
            .world
            .attest(&format!("verify {image} {others} --format json"));
        assert_eq!(code(&ran), (1, "signer-mismatch".into()));
    }
}

#[test]
fn each_platform_is_named_and_must_be_signed_itself_if_that_is_asked() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1.0", &["linux/amd64", "linux/arm64"]);
    scene.sign(":1.0", "").yes();
    let named = scene.verify(":1.0", "").yes();
    for platform in ["linux/amd64", "linux/arm64"] {
        assert!(
            named.out.contains(&format!("holds {platform}: sha256:")),
            "{named:#?}"
        );
        let asked = scene.verify(":1.0", &format!(" --platform {platform}"));
        assert_eq!(code(&asked), (1, "bundle-missing".into()));
    }
    let all = scene.verify(":1.0", " --all-platforms");
    assert_eq!(code(&all), (1, "bundle-missing".into()));
    scene.sign(":1.0", " --recursive").yes();
    let all = scene.verify(":1.0", " --all-platforms").yes().json();
    assert_eq!(all["subjects"][0]["files"].as_array().unwrap().len(), 3);
    scene.verify(":1.0", " --platform linux/arm64").yes();
    let missing = scene.verify(":1.0", " --platform linux/s390x");
    assert_eq!(code(&missing), (1, "platform-missing".into()));
    scene
        .verify(":1.0", " --platform linux")
        .refused(2, "bad-arguments");
    scene
        .world
        .attest(&format!("verify x {TRUST} --platform linux/amd64"))
        .refused(2, "bad-arguments");
}

/// A name and version means one content, for images too.
#[test]
fn an_image_is_no_second_content_of_a_version_that_was_released() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1.0", &["linux/amd64"]);
    scene.world.write("dist/app", "the app\n");
    scene
        .world
        .attest("release dist --name app --version 1.0 --no-password")
        .yes();
    let log = || scene.world.read(".attest/log/checkpoint");
    let before = log();
    let states = |version: &str| {
        let predicate = json!({"purl": format!("pkg:generic/app@{version}")});
        scene.world.write("p.json", predicate.to_string());
        scene.sign(":1.0", " --predicate p.json --type release")
    };
    states("1.0").refused(1, "version-already-released");
    assert_eq!(
        (log(), code(&scene.verify(":1.0", ""))),
        (before, (1, "bundle-missing".into()))
    );
    states("2.0").yes();
    scene.verify(":1.0", " --release app@2.0").yes();
}

#[test]
fn the_evidence_of_another_image_is_no_evidence_of_this_one() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("one", &["linux/amd64"]);
    scene.put("two", &["linux/arm64"]);
    scene.sign(":one", "").yes();
    scene.verify(":one", "").yes();
    assert_eq!(
        code(&scene.verify(":two", "")),
        (1, "bundle-missing".into())
    );
}

#[test]
fn what_a_registry_does_wrong_is_no_yes_and_no_no() {
    let world = World::new();
    world.attest("init --no-password --export trust").yes();
    let image = br#"{"schemaVersion":2,"config":{"mediaType":"m","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    let digest = loopback::sha256(image);
    let wrong = |answer: fn(&str) -> Option<Answer>| {
        let server = Server::answering(move |request| {
            answer(&request.path).unwrap_or_else(|| {
                if request.path.contains("/manifests/1") {
                    return Answer::new(200, image).with("Content-Type", IMAGE);
                }
                Answer::new(404, b"{}")
            })
        });
        let host = server.host();
        let ran = world.attest(&format!(
            "verify oci://{host}/team/tool:1 {TRUST} --format json"
        ));
        code(&ran)
    };
    assert_eq!(wrong(|_| None), (1, "bundle-missing".into()));
    assert_eq!(
        wrong(|path| path.contains("/referrers/").then(|| Answer::new(500, b""))),
        (3, "registry-http-status".into())
    );
    assert_eq!(
        wrong(|path| path
            .contains("/manifests/sha256-")
            .then(|| Answer::new(403, b"{}"))),
        (3, "registry-denied".into())
    );
    assert_eq!(
        wrong(|path| path
            .contains("/manifests/1")
            .then(|| Answer::new(404, b"{}"))),
        (3, "registry-not-found".into())
    );
    assert_eq!(
        wrong(|path| path
            .contains("/manifests/1")
            .then(|| Answer::new(200, &vec![b' '; 5 << 20]).with("Content-Type", IMAGE))),
        (1, "registry-too-large".into())
    );
    let named = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{IMAGE}","digest":"{digest}","size":{}}}]}}"#,
        image.len()
    );
    let server = Server::answering(move |request| {
        if request.path.contains("/referrers/") {
            return Answer::new(200, named.as_bytes()).with("Content-Type", INDEX);
        }
        Answer::new(200, image).with("Content-Type", IMAGE)
    });
    let host = server.host();
    let ran = world.attest(&format!(
        "verify oci://{host}/team/tool:1 {TRUST} --format json"
    ));
    assert_eq!(code(&ran), (3, "registry-referrers".into()));
    let closed = Server::closed().host();
    let ran = world.attest(&format!(
        "verify oci://{closed}/team/tool:1 {TRUST} --format json"
    ));
    assert_eq!(code(&ran), (3, "registry-unreachable".into()));
}

/// Evidence that is listed and cannot be had might have said yes.
#[test]
fn evidence_that_a_registry_does_not_hand_out_leaves_the_answer_open() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    let behind = scene.server.host();
    let front = Server::answering(move |request| {
        let listed = request.path.contains("/manifests/sha256:");
        let answer = passed_on(request, &behind);
        let is_evidence = answer.body.windows(8).any(|it| it == b"sigstore");
        if listed && is_evidence {
            return Answer::new(500, b"");
        }
        answer
    });
    let image = format!("oci://{}/team/tool:1", front.host());
    let ran = scene
        .world
        .attest(&format!("verify {image} {TRUST} --format json"));
    assert_eq!(code(&ran), (3, "registry-http-status".into()));
    let policy = image_policy(&scene.world);
    let ran = scene.world.attest(&format!(
        "verify {image} --policy {policy} --trusted-root trust/trusted_root.json --format json"
    ));
    assert_eq!(code(&ran), (3, "registry-http-status".into()));
}

/// A policy that wants the key's signature.
fn image_policy(world: &World) -> String {
    let policy = format!(
        "version = 1\nname = \"image\"\n[trust.signer]\nkind = \"keys\"\n\
         keys = [{{ file = \"trust/release.pub\", sha256 = \"{}\" }}]\n\n\
         [[require]]\ntype = \"signature\"\nsigned_by = \"signer\"\n",
        key_digest(world)
    );
    world.write("policy.toml", policy);
    "policy.toml".to_owned()
}

/// The fingerprint of the key, as a policy names it.
fn key_digest(world: &World) -> String {
    let pem = String::from_utf8(world.read("trust/release.pub")).unwrap();
    let body: String = pem.lines().filter(|it| !it.starts_with('-')).collect();
    let spki = attest_provenance::base64::decode(&body).unwrap();
    attest_digest::Artifact::of_bytes(&spki, attest_digest::Hashes::Sha256)
        .sha256()
        .hex()
}

/// An index need not say that it is one, and a blob of the right size is not the right one.
#[test]
fn what_is_copied_is_what_it_holds() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    let image = scene.image(":1");
    let copy = |from: &str, to: &str| scene.world.attest(&format!("registry copy {from} {to}"));
    copy(&image, "oci-layout:gap").yes();
    let blobs = scene.world.at("gap/blobs/sha256");
    let config = fs::read_dir(blobs)
        .unwrap()
        .map(|it| it.unwrap().path())
        .find(|it| fs::read(it).unwrap().starts_with(b"{\"architecture\""))
        .unwrap();
    let mut bytes = fs::read(&config).unwrap();
    bytes[3] ^= 1;
    fs::write(&config, &bytes).unwrap();
    copy(&image, "oci-layout:gap").yes();
    assert_ne!(fs::read(&config).unwrap(), bytes);
    let index = scene.world.read("gap/index.json");
    let mut index: Value = serde_json::from_slice(&index).unwrap();
    index.as_object_mut().unwrap().remove("mediaType");
    let bare = index.to_string();
    let digest = loopback::sha256(bare.as_bytes());
    scene
        .world
        .write(&format!("gap/blobs/sha256/{}", digest.hex()), &bare);
    let top = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": INDEX, "digest": digest.to_string(), "size": bare.len()}]});
    scene.world.write("gap/index.json", top.to_string());
    copy("oci-layout:gap", &scene.image(":2")).yes();
    let listed = scene.world.attest(&format!(
        "verify {} {TRUST} --format json",
        scene.image(":2")
    ));
    assert_eq!(code(&listed), (1, "bundle-missing".into()));
}

#[test]
fn wrong_bytes_of_a_source_are_a_no_wherever_they_are_copied_to() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    let behind = scene.server.host();
    let wrong = Server::answering(move |request| {
        let mut answer = passed_on(request, &behind);
        if request.path.contains("/blobs/") {
            answer.body.reverse();
        }
        answer
    });
    let target = Server::keeping(Kept::WithLists);
    for to in [
        "oci-layout:gap",
        &format!("oci://{}/team/tool:1", target.host()),
    ] {
        let line = format!("registry copy oci://{}/team/tool:1 {to}", wrong.host());
        scene.world.attest(&line).refused(1, "blob-corrupt");
    }
}

#[test]
fn a_tag_that_moves_while_it_is_verified_is_no_yes() {
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.sign(":1", "").yes();
    // The same registry, in front of which the tag names something else the second time.
    let behind = scene.server.host();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let front = Server::answering(move |request| {
        let is_tag = request.path.ends_with("/manifests/1");
        if is_tag && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
            return Answer::new(200, br#"{"schemaVersion":2,"layers":[]}"#)
                .with("Content-Type", IMAGE);
        }
        passed_on(request, &behind)
    });
    let ran = scene.world.attest(&format!(
        "verify oci://{}/team/tool:1 {TRUST} --format json",
        front.host()
    ));
    assert_eq!(code(&ran), (3, "registry-tag-moved".into()));
}

#[test]
fn what_names_nothing_is_refused_before_anybody_is_asked() {
    let world = World::new();
    world.attest("init --no-password --export trust").yes();
    for image in [
        "oci://localhost:1/team/tool",
        "oci://localhost:1/team/../tool:1",
        "oci://user:secret@localhost:1/tool:1",
        "oci://tool:1",
    ] {
        let ran = world.attest(&format!("verify {image} {TRUST}"));
        ran.refused(2, "registry-reference");
    }
    world.write("user/.docker/config.json", "not json");
    world
        .attest(&format!("verify oci://localhost:1/tool:1 {TRUST}"))
        .refused(2, "registry-login");
}

#[test]
fn a_release_goes_to_a_registry_and_comes_back_verified() {
    for kept in [Kept::WithLists, Kept::WithoutLists] {
        let scene = Scene::new(kept);
        scene.world.write("dist/hello", "hello\n");
        scene.world.write("dist/lib/x", "x\n");
        scene
            .world
            .attest("release dist --name hello --version 1.0.0 --no-password")
            .yes();
        let image = scene.image(":1.0.0");
        scene
            .world
            .attest(&format!("registry push hello@1.0.0 {image}"))
            .yes();
        let ran = scene.world.attest(&format!(
            "registry pull {image} -o back {TRUST} --release hello@1.0.0"
        ));
        ran.yes();
        assert_eq!(scene.world.listing("dist"), scene.world.listing("back"));
        // With the pins that publishing prints, of what is among the files; and with no others.
        let key = format!("sha256:{}", key_digest(&scene.world));
        let root = loopback::sha256(&scene.world.read("trust/trusted_root.json"));
        let pinned = |out: &str, key: &str, root: &str| {
            scene.world.attest(&format!(
                "registry pull {image} -o {out} --release hello@1.0.0 --key {key} --trusted-root trusted_root.json@{root}"
            ))
        };
        pinned("pinned", &key, &root.to_string()).yes();
        assert_eq!(scene.world.listing("dist"), scene.world.listing("pinned"));
        let wrong = format!("sha256:{}", "07".repeat(32));
        for (key, root) in [(&wrong, &root.to_string()), (&key, &wrong)] {
            pinned("wrong", key, root).refused(2, "pin-not-found");
            assert!(!scene.world.at("wrong").exists());
        }
        // Somebody else's release never gets a folder.
        let other = scene.world.attest(&format!(
            "registry pull {image} -o other {TRUST} --release hello@2.0.0"
        ));
        assert_eq!(other.exit, 1, "{other:#?}");
        assert!(!scene.world.at("other").exists());
        let said = scene
            .world
            .attest(&format!("registry pull {image} -o unproven"))
            .yes();
        assert!(said.out.contains("verified   nothing"), "{said:#?}");
        // To an air gap and back, with what is attached.
        let copy = scene
            .world
            .attest(&format!(
                "registry copy {image} oci-layout:gap --format json"
            ))
            .yes()
            .json();
        assert!(copy["attached"].as_u64().unwrap() >= 1, "{copy}");
        let list = scene
            .world
            .attest(&format!("registry list {}", scene.image("")));
        assert_eq!(list.yes().out, "1.0.0\n");
        let tree = scene.world.attest(&format!("registry tree {image}")).yes();
        assert!(
            tree.out.contains("application/vnd.attest.release.v1"),
            "{tree:#?}"
        );
        assert!(tree.out.contains("attached sha256:"), "{tree:#?}");
    }
}

#[test]
fn a_folder_with_a_private_key_is_not_pushed() {
    let scene = Scene::new(Kept::WithLists);
    scene.world.write("dist/hello", "hello\n");
    let image = scene.image(":1");
    let push = || scene.world.attest(&format!("registry push dist {image}"));
    push().yes();
    scene
        .world
        .write("dist/key", "-----BEGIN PRIVATE KEY-----\n");
    push().refused(2, "private-key-inside");
}

#[test]
fn files_that_would_lie_elsewhere_are_not_pulled() {
    for (title, code) in [
        ("../evil", "files-unsafe-name"),
        ("/etc/evil", "files-unsafe-name"),
        ("a/../../evil", "files-unsafe-name"),
        ("", "files-unsafe-name"),
    ] {
        let layer = json!({"mediaType": "m", "digest": loopback::sha256(b"x").to_string(), "size": 1,
            "annotations": {"org.opencontainers.image.title": title}});
        refuse_to_pull(&[layer], code);
    }
    let layer = |title: &str| {
        json!({"mediaType": "m", "digest": loopback::sha256(b"x").to_string(), "size": 1,
            "annotations": {"org.opencontainers.image.title": title}})
    };
    refuse_to_pull(&[layer("a"), layer("A")], "files-unsafe-name");
    refuse_to_pull(&[layer("a"), layer("a/b")], "files-unsafe-name");
    let untitled =
        json!({"mediaType": "m", "digest": loopback::sha256(b"x").to_string(), "size": 1});
    refuse_to_pull(&[untitled], "files-untitled");
    refuse_to_pull(&[], "files-untitled");
}

#[track_caller]
fn refuse_to_pull(layers: &[Value], code: &str) {
    let world = World::new();
    let empty = loopback::sha256(b"{}").to_string();
    let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE,
        "config": {"mediaType": "c", "digest": empty, "size": 2}, "layers": layers});
    let server = Server::answering(move |request| {
        if request.path.contains("/blobs/") {
            return Answer::new(200, b"x");
        }
        Answer::new(200, manifest.to_string().as_bytes()).with("Content-Type", IMAGE)
    });
    let ran = world.attest(&format!(
        "registry pull oci://{}/team/tool:1 -o out",
        server.host()
    ));
    ran.refused(1, code);
    let left: Vec<_> = fs::read_dir(world.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// What the server behind answers to the same request.
fn passed_on(request: &Request, behind: &str) -> Answer {
    let mut stream = TcpStream::connect(behind).unwrap();
    let head = format!(
        "{} {} HTTP/1.1\r\nHost: x\r\n\r\n",
        request.method, request.path
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all.get(..end).unwrap().to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer::new(status, all.get(end + 4..).unwrap());
    let kind = head
        .lines()
        .find_map(|it| it.strip_prefix("Content-Type: "));
    if let Some(kind) = kind {
        answer = answer.with("Content-Type", kind);
    }
    answer
}
