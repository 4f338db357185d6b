//! Images under a policy: flags can only ask for more of them, too.

use serde_json::{Value, json};

use super::{Desk, TESTED, TESTS};
use crate::support::{Ran, World};
use crate::verify::{lone_code, sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";

/// A saved image layout with images, each with a layer of its own.
pub(crate) struct Layout<'w> {
    world: &'w World,
    pub(crate) images: Vec<Value>,
}

impl<'w> Layout<'w> {
    /// In the folder `image`.
    pub(crate) fn of(world: &'w World, layers: &[&str]) -> Self {
        let mut layout = Self {
            world,
            images: Vec::new(),
        };
        for layer in layers {
            let config = layout.blob(b"{}", "application/vnd.oci.image.config.v1+json");
            let layer = layout.blob(layer.as_bytes(), "application/vnd.oci.image.layer.v1.tar");
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
            });
            let image = layout.blob(manifest.to_string().as_bytes(), MANIFEST);
            layout.images.push(image);
        }
        let index = json!({"schemaVersion": 2, "manifests": layout.images});
        world.write("image/index.json", index.to_string());
        world.write("image/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        layout
    }

    fn blob(&self, bytes: &[u8], media_type: &str) -> Value {
        let digest = sha256(bytes);
        self.world
            .write(&format!("image/blobs/sha256/{digest}"), bytes);
        json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()})
    }

    /// What a statement about an image names.
    pub(crate) fn subject(&self, image: usize) -> Value {
        let digest = self.images[image]["digest"].as_str().unwrap();
        json!({"name": "image", "digest": {"sha256": digest.strip_prefix("sha256:").unwrap()}})
    }

    /// Attaches a bundle to an image, as cosign saves it.
    pub(crate) fn attach(&self, image: usize, bundle: &str) {
        let layer = self.blob(&self.world.read(bundle), BUNDLE);
        let config = self.blob(b"{}", "application/vnd.oci.empty.v1+json");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE, "config": config,
            "layers": [layer], "subject": self.images[image],
        });
        self.blob(manifest.to_string().as_bytes(), MANIFEST);
    }
}

fn code(ran: &Ran) -> (i32, String) {
    (ran.exit, lone_code(ran))
}

fn ask(desk: &Desk, more: &str) -> Ran {
    desk.ask(format!("oci-layout:image {more}").trim_end())
}

#[test]
fn a_named_bundle_hides_nothing_that_is_attached_to_an_image() {
    let desk = Desk::new();
    let layout = Layout::of(&desk.people.world, &["a"]);
    let says = |out: &str, result: &str| {
        let predicate = json!({"result": result, "configuration": []});
        desk.says_of("alice", out, TESTS, &predicate, &[layout.subject(0)]);
    };
    desk.policy(&["alice"], "", TESTED);
    says("passed.json", "PASSED");
    assert_eq!(ask(&desk, "--bundle passed.json").exit, 0);
    says("failed.json", "FAILED");
    layout.attach(0, "failed.json");
    let refused = (1, "predicate-field-mismatch".to_owned());
    assert_eq!(code(&ask(&desk, "")), refused);
    assert_eq!(code(&ask(&desk, "--bundle passed.json")), refused);
}

#[test]
fn the_release_that_is_asked_for_is_asked_of_images_and_never_of_commits() {
    let desk = Desk::new();
    let layout = Layout::of(&desk.people.world, &["a"]);
    let passed = json!({"result": "PASSED", "configuration": []});
    let subject = [layout.subject(0)];
    desk.says_of("alice", "tests.json", TESTS, &passed, &subject);
    layout.attach(0, "tests.json");
    desk.policy(&["alice"], "", TESTED);
    assert_eq!(ask(&desk, "").exit, 0);
    let asked = || code(&ask(&desk, "--release hello@1.0"));
    assert_eq!(asked(), (1, "release-missing".to_owned()));
    let rule = "[[require]]\ntype = \"release\"\nsigned_by = \"alice\"\n";
    desk.policy(&["alice"], "", &format!("{TESTED}{rule}"));
    let states = |version: &str| {
        let predicate = json!({"purl": format!("pkg:generic/hello@{version}")});
        desk.says_of("alice", "release.json", RELEASE, &predicate, &subject);
        layout.attach(0, "release.json");
    };
    states("2.0");
    assert_eq!(ask(&desk, "").exit, 0);
    assert_eq!(asked(), (1, "release-mismatch".to_owned()));
    states("1.0");
    assert_eq!(asked().0, 0);
    // A commit has no release, and nothing that is given is ignored.
    for subject in ["git:.@HEAD", "git-object:x"] {
        desk.bad(&format!("{subject} --release hello@1.0"), "bad-arguments");
    }
}
