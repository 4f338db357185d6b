//! `--deployed` of a folder: every file at the path for which it was built, or the tree manifest that was built
//! with it.

use serde_json::{Value, json};

use super::Chain;
use crate::support::Ran;

impl Chain {
    /// A folder with two files, and provenance of both.
    fn of_folder() -> Self {
        let chain = Self::new();
        chain.world.write("app/bin/tool", "tool\n");
        chain.world.write("app/conf", "conf\n");
        chain.state("build", "build", &chain.folder_built());
        chain.state("scan", "scan", &chain.folder_scanned());
        chain
    }

    fn subject(&self, path: &str, name: &str) -> Value {
        let bytes = self.world.read(path);
        let hashes = attest_digest::Hashes::Sha256;
        let digest = attest_digest::Artifact::of_bytes(&bytes, hashes).sha256();
        json!({"name": name, "digest": {"sha256": digest.hex()}})
    }

    fn folder_built(&self) -> Value {
        let mut provenance = self.provenance();
        provenance["subject"] = json!([
            self.subject("app/bin/tool", "bin/tool"),
            self.subject("app/conf", "conf"),
        ]);
        provenance
    }

    fn folder_scanned(&self) -> Value {
        let mut scan = self.scan();
        scan["subject"] = json!([self.source()]);
        scan
    }
}

/// What is said of each file, in the order of paths.
fn codes(ran: &Ran) -> Vec<(String, String)> {
    let files = ran.json()["subjects"][0]["files"].clone();
    let text = |it: &Value| it.as_str().unwrap_or("verified").to_owned();
    let files = files.as_array().unwrap().iter();
    files
        .map(|it| (text(&it["path"]), text(&it["code"])))
        .collect()
}

#[test]
fn every_file_of_a_folder_is_followed() {
    let chain = Chain::of_folder();
    let ran = chain.ask_of("app", "").yes();
    let paths: Vec<String> = codes(&ran).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["bin/tool", "conf"]);
    assert!(
        super::notes(&ran).contains("only a manifest tells"),
        "{ran:#?}"
    );
    // One more that nobody built.
    chain.world.write("app/extra", "extra\n");
    let ran = chain.ask_of("app", "");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(
        codes(&ran)[2],
        ("extra".to_owned(), "provenance-missing".to_owned())
    );
}

#[test]
fn a_file_counts_where_it_was_built_for() {
    let chain = Chain::of_folder();
    chain.world.write("app/bin/tool", "conf\n");
    chain.world.write("app/conf", "tool\n");
    let ran = chain.ask_of("app", "");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    for (_, code) in codes(&ran) {
        assert_eq!(code, "name-mismatch");
    }
    // Alone a file is bound by its digest.
    chain.ask_of("app/conf", "").yes();
}

#[test]
fn what_is_no_file_was_not_built() {
    let chain = Chain::of_folder();
    std::os::unix::fs::symlink("../hello", chain.world.at("app/link")).unwrap();
    let ran = chain.ask_of("app", "");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(
        codes(&ran)[2],
        ("link".to_owned(), "link-outside".to_owned())
    );
    std::fs::create_dir(chain.world.at("empty")).unwrap();
    super::refused(&chain.ask_of("empty", ""), "nothing-verified");
}

#[test]
fn a_manifest_that_was_built_says_what_must_stand_there() {
    let chain = Chain::of_folder();
    chain.world.attest("tree snapshot app -o app.tree").yes();
    let flags = " --manifest app.tree";
    // Nobody built the manifest: the files alone do not show what is missing.
    let ran = chain.ask_of("app", flags);
    super::refused(&ran, "provenance-missing");
    assert!(
        super::notes(&ran).contains("the folder was not compared"),
        "{ran:#?}"
    );
    let mut provenance = chain.provenance();
    provenance["subject"] = json!([chain.subject("app.tree", "app.tree")]);
    chain.state("build", "build", &provenance);
    let ran = chain.ask_of("app", flags).yes();
    assert_eq!(ran.json()["subjects"][1]["kind"], "tree", "{ran:#?}");
    std::fs::remove_file(chain.world.at("app/conf")).unwrap();
    let ran = chain.ask_of("app", flags);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("tree-missing"), "{ran:#?}");
    chain.world.write("app/conf", "conf\n");
    chain.world.write("app/new", "new\n");
    let ran = chain.ask_of("app", flags);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("tree-added"), "{ran:#?}");
    // What was built and is no manifest.
    let mut provenance = chain.provenance();
    provenance["subject"] = json!([chain.subject("hello", "hello")]);
    chain.state("build", "build", &provenance);
    let ran = chain.ask_of("app", " --manifest hello");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"tree-manifest-"), "{ran:#?}");
    chain.ask_of("hello", flags).refused(2, "bad-arguments");
}
