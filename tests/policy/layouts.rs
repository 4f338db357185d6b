//! Rules about layouts: the layout is the policy's own, by its digest, and signed by those whom the rule names; the
//! links are evidence, and what they show is asked of every file.

use std::path::Path;

use serde_json::Value;

use crate::page::root;
use crate::support::{Ran, World};
use crate::verify::{lone_code, sha256};

/// A world with a case of `fixtures/layouts` and a file that its last step made.
struct Chain {
    world: World,
}

impl Chain {
    fn of(case: &str) -> Self {
        let world = World::new();
        copy(&root().join("fixtures/layouts").join(case), world.path());
        world.write("foo.tgz", "a package");
        Self { world }
    }

    fn new() -> Self {
        Self::of("chain")
    }

    fn pin(&self, file: &str) -> String {
        let key = attest_verify::PublicKey::parse(&self.world.read(file));
        hex::encode(key.unwrap().fingerprint())
    }

    /// The fingerprint of a functionary, as a layout writes the key.
    fn functionary(&self, layout: &str, place: usize) -> String {
        let layout: Value = serde_json::from_slice(&self.world.read(layout)).unwrap();
        let keys = layout["signed"]["keys"].as_object().unwrap();
        let public = keys.values().nth(place).unwrap()["keyval"]["public"].clone();
        let public = public.as_str().unwrap();
        let key = match hex::decode(public) {
            Ok(bytes) => {
                let spki = hex::decode("302a300506032b6570032100").unwrap();
                attest_verify::PublicKey::from_spki(&[spki, bytes].concat())
            }
            Err(_) => attest_verify::PublicKey::parse(public.as_bytes()),
        };
        hex::encode(key.unwrap().fingerprint())
    }

    /// What the policy calls the layout as it lies there.
    fn named(&self) -> String {
        let digest = sha256(&self.world.read("root.layout"));
        format!("{{ file = \"root.layout\", sha256 = \"{digest}\" }}")
    }

    fn policy(&self, top: &str, more: &str) {
        self.policy_of(&self.named(), top, more);
    }

    fn policy_of(&self, layout: &str, top: &str, more: &str) {
        let pin = self.pin("owner.pub");
        let text = format!(
            "version = 1\nname = \"p\"\n{top}\n[trust.owner]\nkind = \"keys\"\n\
             keys = [{{ file = \"owner.pub\", sha256 = \"{pin}\" }}]\n\
             [[require]]\ntype = \"layout\"\nsigned_by = \"owner\"\nlayout = {layout}\n{more}\n"
        );
        self.world.write("p.toml", text);
    }

    fn ask(&self, more: &str) -> Ran {
        self.ask_of(format!("foo.tgz --links links {more}").trim_end())
    }

    fn ask_of(&self, words: &str) -> Ran {
        self.world
            .attest(&format!("verify --policy p.toml --format json {words}"))
    }

    #[track_caller]
    fn no(&self, code: &str) {
        let ran = self.ask("");
        assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, code), "{ran:#?}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_file_is_a_product_of_the_last_step_of_the_policys_layout() {
    let chain = Chain::new();
    chain.policy("", "");
    let ran = chain.ask("").yes();
    let asks = ran.json()["subjects"][0]["rules"][0]["asks"].clone();
    let asks = asks.as_str().unwrap();
    assert!(
        asks.contains("last step of the layout root.layout (sha256:"),
        "{asks}"
    );
    assert!(ran.out.contains("links carry no time"), "{ran:#?}");
    chain.world.write("foo.tgz", "another package");
    chain.no("file-unattested");
}

/// A lone file is no product, and in a folder whose list alone is signed it is not the one at its path.
#[test]
fn every_digest_of_a_product_is_the_files() {
    let in_a_folder = |chain: &Chain| {
        let world = &chain.world;
        world.attest("init --no-password --export out").yes();
        let files = [("foo.py", "print('hello')\n"), ("foo.tgz", "a package")];
        let line = |(name, bytes): (&str, &str)| {
            world.write(&format!("dist/{name}"), bytes);
            format!("{}  {name}\n", sha256(bytes.as_bytes()))
        };
        world.write("dist/SHA256SUMS", files.map(line).concat());
        world.attest("sign dist/SHA256SUMS --no-password").yes();
        let pin = chain.pin("out/release.pub");
        let top = format!(
            "[trust.release]\nkind = \"keys\"\nkeys = [{{ file = \"out/release.pub\", sha256 = \"{pin}\" }}]"
        );
        let rule =
            "except = [\"SHA256SUMS\"]\n[[require]]\ntype = \"signature\"\nsigned_by = \"release\"";
        chain.policy(&top, rule);
        chain.ask_of("dist --links links --trusted-root out/trusted_root.json")
    };
    let chain = Chain::of("digests-of-one-file");
    chain.policy("", "");
    chain.ask("").yes();
    in_a_folder(&chain).yes();
    let chain = Chain::of("digests-of-two-files");
    chain.policy("", "");
    chain.no("file-unattested");
    let ran = in_a_folder(&chain);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"digest-mismatch\""), "{ran:#?}");
}

#[test]
fn what_is_wrong_with_the_chain_is_a_no() {
    let chain = Chain::new();
    chain.policy("", "");
    std::fs::remove_file(chain.world.at("links/write.c188fa09.link")).unwrap();
    chain.no("link-missing");
    for (case, code) in [
        ("file-disallowed", "rule-disallowed"),
        ("step-failed", "step-failed"),
        ("functionary-of-another-step", "link-threshold"),
        ("threshold-one-key-two-ids", "link-threshold"),
    ] {
        if !root().join("fixtures/layouts").join(case).exists() {
            continue;
        }
        let chain = Chain::of(case);
        chain.policy("", "");
        let ran = chain.ask("");
        assert_eq!(ran.exit, 1, "{case}: {ran:#?}");
        let found = lone_code(&ran);
        assert!(
            found == code || found.starts_with("rule-"),
            "{case}: {found}"
        );
    }
}

#[test]
fn what_is_wrong_with_the_layout_is_wrong_with_the_request() {
    // Another layout in its place, though its owner has signed it.
    let chain = Chain::new();
    chain.policy("", "");
    let other = root().join("fixtures/layouts/parameter/root.layout");
    std::fs::copy(other, chain.world.at("root.layout")).unwrap();
    chain.ask("").refused(2, "policy-malformed");
    for (case, code) in [
        ("layout-by-another", "layout-unsigned"),
        ("layout-expired", "layout-expired"),
        ("inspection", "inspection-not-run"),
        ("empty-layout", "policy-malformed"),
        ("field-unknown-in-layout", "policy-malformed"),
    ] {
        let chain = Chain::of(case);
        chain.policy("", "");
        chain.ask("").refused(2, code);
    }
    // No layout at all.
    let chain = Chain::new();
    let digest = sha256(&chain.world.read("owner.pub"));
    chain.policy_of(
        &format!("{{ file = \"owner.pub\", sha256 = \"{digest}\" }}"),
        "",
        "",
    );
    chain.ask("").refused(2, "policy-malformed");
}

#[test]
fn as_many_owners_have_signed_as_the_policy_asks() {
    let chain = Chain::of("second-owner-absent");
    let (owner, second) = (chain.pin("owner.pub"), chain.pin("second.pub"));
    let keys = format!(
        "keys = [{{ file = \"owner.pub\", sha256 = \"{owner}\" }}, {{ file = \"second.pub\", sha256 = \"{second}\" }}]"
    );
    let named = chain.named();
    let write = |group: &str, rule: &str| {
        let text = format!(
            "version = 1\nname = \"p\"\n[trust.owners]\nkind = \"keys\"\n{group}\n{keys}\n\
             [[require]]\ntype = \"layout\"\nsigned_by = \"owners\"\nlayout = {named}\n{rule}\n"
        );
        chain.world.write("p.toml", text);
    };
    write("", "");
    chain.ask("").yes();
    write("threshold = 2", "");
    chain.ask("").refused(2, "layout-unsigned");
    write("", "threshold = 2");
    chain.ask("").refused(2, "layout-unsigned");
}

#[test]
fn a_key_that_is_denied_or_good_for_a_while_only_vouches_for_no_layout() {
    let chain = Chain::new();
    let owner = chain.pin("owner.pub");
    chain.policy(&format!("deny = {{ keys = [\"sha256:{owner}\"] }}"), "");
    chain.ask("").refused(2, "layout-unsigned");
    chain.policy("", "");
    chain
        .ask(&format!("--deny-key sha256:{owner}"))
        .refused(2, "layout-unsigned");
    for window in [
        "not_after = 2036-01-01T00:00:00Z",
        "compromised_since = 2036-01-01T00:00:00Z",
    ] {
        chain.policy("", "");
        let text = String::from_utf8(chain.world.read("p.toml")).unwrap();
        let text = text.replace(
            &format!("sha256 = \"{owner}\" }}"),
            &format!("sha256 = \"{owner}\", {window} }}"),
        );
        chain.world.write("p.toml", text);
        chain.ask("").refused(2, "layout-unsigned");
    }
}

#[test]
fn a_functionary_who_is_denied_has_done_no_step() {
    let chain = Chain::new();
    for place in [0, 1] {
        let denied = chain.functionary("root.layout", place);
        chain.policy(&format!("deny = {{ keys = [\"sha256:{denied}\"] }}"), "");
        chain.no("link-threshold");
        chain.policy("", "");
        let ran = chain.ask(&format!("--deny-key sha256:{denied}"));
        assert_eq!(lone_code(&ran), "link-threshold", "{ran:#?}");
    }
    // Also one whom only a functionary's own layout allows.
    let chain = Chain::of("sublayout");
    chain.policy("", "");
    chain.ask("").yes();
    let denied = chain.functionary("links/write.c188fa09.link", 0);
    chain.policy(&format!("deny = {{ keys = [\"sha256:{denied}\"] }}"), "");
    chain.no("link-threshold");
}

/// What is known of a key holds in whatever group it stands, and links prove no time at which it could hold.
#[test]
fn a_functionary_whose_key_was_good_for_a_while_only_has_done_no_step() {
    let chain = Chain::new();
    let group = |key: &str| format!("[trust.functionary]\nkind = \"keys\"\nkeys = [{{ {key} }}]");
    for place in [0, 1] {
        let pin = chain.functionary("root.layout", place);
        chain.policy(&group(&format!("sha256 = \"{pin}\"")), "");
        chain.ask("").yes();
        for window in [
            "not_before = 2020-01-01T00:00:00Z",
            "not_after = 2036-01-01T00:00:00Z",
            "compromised_since = 2026-01-01T00:00:00Z",
        ] {
            chain.policy(&group(&format!("sha256 = \"{pin}\", {window}")), "");
            chain.no("link-threshold");
        }
    }
    // Also one whom only a functionary's own layout allows.
    let chain = Chain::of("sublayout");
    let pin = chain.functionary("links/write.c188fa09.link", 0);
    let stolen = format!("sha256 = \"{pin}\", compromised_since = 2026-01-01T00:00:00Z");
    chain.policy(&group(&stolen), "");
    chain.no("link-threshold");
}

#[test]
fn a_functionary_by_certificate_is_denied_by_each_of_its_names() {
    let chain = Chain::of("certificate");
    chain.policy("", "");
    chain.ask("").yes();
    for (identity, is_denied) in [
        ("spiffe://example.com/write", true),
        ("spiffe://example.com/other", false),
    ] {
        chain.policy(&format!("deny = {{ identities = [\"{identity}\"] }}"), "");
        if is_denied {
            chain.no("link-threshold");
        } else {
            chain.ask("").yes();
        }
        chain.policy("", "");
        let ran = chain.ask(&format!("--deny-identity {identity}"));
        if is_denied {
            assert_eq!(lone_code(&ran), "link-threshold", "{ran:#?}");
        } else {
            ran.yes();
        }
    }
}

#[test]
fn only_those_with_keys_can_sign_a_layout() {
    let chain = Chain::new();
    let named = chain.named();
    let text = format!(
        "version = 1\nname = \"p\"\n[trust.owner]\nkind = \"sigstore\"\nissuer = \"https://issuer.example\"\n\
         identity = \"a@example.org\"\n[[require]]\ntype = \"layout\"\nsigned_by = \"owner\"\nlayout = {named}\n"
    );
    chain.world.write("p.toml", text);
    chain.ask("").refused(2, "policy-malformed");
}

#[test]
fn what_links_cannot_show_is_not_asked_of_a_layout() {
    let chain = Chain::new();
    for more in [
        "where = { a = 1 }",
        "max_age = \"7d\"",
        "independent = \"time\"",
        "each = \"release\"",
        "level = 1",
        "except = [\"*\"]",
        "except = [\"a\", \"**/*\"]",
        "except = [\"[\"]",
    ] {
        chain.policy("", more);
        chain.ask("").refused(2, "policy-malformed");
    }
    chain.policy_of("\"root.layout\"", "", "");
    chain.ask("").refused(2, "policy-malformed");
    chain.policy_of(&chain.named().replace("root", "../root"), "", "");
    chain.ask("").refused(2, "policy-malformed");
}

#[test]
fn parameters_and_commands_are_asked_as_the_rule_says() {
    let chain = Chain::of("parameter");
    chain.policy("", "parameters = { name = \"foo\" }");
    chain.ask("").yes();
    chain.policy("", "parameters = { name = \"bar\" }");
    assert_eq!(chain.ask("").exit, 1);
    chain.policy("", "");
    chain.ask("").refused(2, "layout-parameter-missing");
    chain.policy("", "parameters = { name = \"foo\", other = \"x\" }");
    chain.ask("").refused(2, "layout-parameter-unknown");
    let chain = Chain::of("command-differs");
    chain.policy("", "");
    chain.ask("").yes();
    chain.policy("", "strict_command = true");
    chain.no("command-differs");
}

#[test]
fn links_are_named_when_they_are_asked_for_and_only_then() {
    let chain = Chain::new();
    chain.policy("", "");
    chain.ask_of("foo.tgz").refused(2, "links-required");
    assert_eq!(chain.ask_of("foo.tgz --links nothing").exit, 3);
    for flag in [
        "--layout-key owner.pub",
        "--parameter a=b",
        "--allow-failed-step",
        "--strict-command",
        "--run-inspections",
        "--layout root.layout --layout-key owner.pub",
    ] {
        chain.ask(flag).refused(2, "policy-conflict");
    }
    // Who writes links could write a policy beside them.
    chain
        .world
        .write("links/p.toml", chain.world.read("p.toml"));
    let by = "verify foo.tgz --links links --format json --policy links/p.toml";
    chain.world.attest(by).refused(2, "trust-beside-subject");
    let pin = chain.pin("owner.pub");
    chain.world.write(
        "p.toml",
        format!(
            "version = 1\nname = \"p\"\n[trust.owner]\nkind = \"keys\"\nkeys = [{{ file = \"owner.pub\", sha256 = \"{pin}\" }}]\n\
             [[require]]\ntype = \"signature\"\nsigned_by = \"owner\"\n"
        ),
    );
    chain.ask("").refused(2, "bad-arguments");
}

#[test]
fn every_file_of_a_release_is_a_product_and_every_product_is_there() {
    let chain = Chain::new();
    let world = &chain.world;
    world.attest("init --no-password --export out").yes();
    let key = "out/release.pub";
    let rule = "[[require]]\ntype = \"release\"\nsigned_by = \"release\"\n";
    let release = format!(
        "[trust.release]\nkind = \"keys\"\nkeys = [{{ file = \"{key}\", sha256 = \"{}\" }}]\n{rule}",
        chain.pin(key)
    );
    // Releases these files, and asks the policy.
    let ask = |folder: &str, files: &[(&str, &str)]| {
        let subject = |(name, bytes): &(&str, &str)| {
            world.write(&format!("{folder}/{name}"), bytes);
            serde_json::json!({"name": name, "digest": {"sha256": sha256(bytes.as_bytes())}})
        };
        let statement = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": files.iter().map(subject).collect::<Vec<_>>(),
            "predicateType": "https://in-toto.io/attestation/release/v0.2",
            "predicate": {"purl": "pkg:generic/foo@1.0"},
        });
        world.write("statement.json", statement.to_string());
        world
            .attest(&format!(
                "sign --statement statement.json --out {folder}/release.sigstore.json --no-password"
            ))
            .yes();
        chain.ask_of(&format!(
            "{folder} --links links --trusted-root out/trusted_root.json"
        ))
    };
    let (source, package) = (("foo.py", "print('hello')\n"), ("foo.tgz", "a package"));
    chain.policy("", &release);
    ask("dist", &[source, package]).yes();
    // A file that was released, and that no step made.
    let bill = ("foo.spdx.json", "{}");
    let ran = ask("more", &[source, package, bill]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"file-unattested\""), "{ran:#?}");
    chain.policy("", &format!("except = [\"*.spdx.json\"]\n{release}"));
    ask("bill", &[source, package, bill]).yes();
    // A product is bound to its place, whatever is excepted.
    chain.policy("", &format!("except = [\"foo*\"]\n{release}"));
    let ran = ask("other", &[source, ("foo.tgz", "another package")]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"digest-mismatch\""), "{ran:#?}");
    let ran = ask("swapped", &[("foo.py", package.1), ("foo.tgz", source.1)]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"digest-mismatch\""), "{ran:#?}");
    let ran = ask("renamed", &[source, package, ("foo2.tgz", package.1)]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"name-mismatch\""), "{ran:#?}");
    // A product that was not released.
    let ran = ask("less", &[package]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("\"file-missing\""), "{ran:#?}");
}

#[test]
fn a_case_of_a_table_names_its_links() {
    let chain = Chain::new();
    chain.policy("", "");
    let table = "version = 1\npolicy = \"p.toml\"\n\
                 [[case]]\nname = \"made\"\nsubject = \"foo.tgz\"\nlinks = \"links\"\nexpect = \"yes\"\n\
                 [[case]]\nname = \"no links\"\nsubject = \"foo.tgz\"\nexpect = \"bad-request\"\ncode = \"links-required\"\n";
    chain.world.write("p.test.toml", table);
    chain.world.attest("policy test p.test.toml").yes();
    chain.world.attest("policy check p.toml").yes();
    chain.world.attest("policy explain p.toml").yes();
}
