//! A policy adds builders to the table, below its folder and by digest: for exact signers, and for nobody else.

use serde_json::json;

use super::Desk;
use super::sets::PROVENANCE;
use crate::verify::sha256;

const BUILDER: &str = "https://ci.acme.example/builder";
const RULE: &str =
    "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = [\"alice\", \"bob\"]\nlevel = 3\n";

fn desk() -> Desk {
    let desk = Desk::new();
    said(&desk, "alice", BUILDER);
    desk
}

fn said(desk: &Desk, who: &str, builder: &str) {
    let build = json!({
        "buildDefinition": {"buildType": "https://ci.acme.example/type", "externalParameters": {}},
        "runDetails": {"builder": {"id": builder}},
    });
    desk.says(who, "build.sigstore.json", PROVENANCE, &build);
}

/// The entries of a builder that Alice's key speaks for.
fn table(desk: &Desk) -> String {
    let pin = desk.pin("alice");
    format!(
        "version = 1\n[[builder]]\nname = \"acme\"\nwhy = \"our own service\"\nkeys = [\"sha256:{pin}\"]\nids = [\"{BUILDER}\"]\n\
         build_types = [\"acme\"]\nlevel = 3\n[[build_type]]\nname = \"acme\"\nuris = [\"https://ci.acme.example/type\"]\n\
         predicate = \"1\"\nparameters = \"buildDefinition.externalParameters\"\n"
    )
}

/// A policy with this table, and the digest that it says.
fn policy(desk: &Desk, table: &str, rule: &str) {
    desk.people.world.write("tables/builders.toml", table);
    let digest = sha256(table.as_bytes());
    let top = format!("builders = [{{ file = \"tables/builders.toml\", sha256 = \"{digest}\" }}]");
    desk.policy(&["alice", "bob"], &top, rule);
}

#[test]
fn a_builder_that_the_policy_adds_is_good_for_its_level_by_its_signer_alone() {
    let desk = desk();
    desk.policy(&["alice", "bob"], "", RULE);
    desk.no("builder-unknown");
    policy(&desk, &table(&desk), RULE);
    desk.yes();
    let named = format!("{RULE}builder = \"{BUILDER}\"\n");
    policy(&desk, &table(&desk), &named);
    desk.yes();
    // Bob may sign provenance, and speaks for no such builder.
    said(&desk, "bob", BUILDER);
    desk.no("builder-forged");
    policy(&desk, &table(&desk), RULE);
    desk.no("builder-forged");
    // Alice speaks for no other.
    said(&desk, "alice", "https://ci.acme.example/other");
    desk.no("builder-unknown");
    said(&desk, "alice", BUILDER);
    let lower = table(&desk).replace("level = 3", "level = 2");
    policy(&desk, &lower, RULE);
    desk.no("slsa-level-low");
}

#[test]
fn a_table_is_the_one_that_the_policy_names_and_takes_nothing_over() {
    let desk = desk();
    let good = table(&desk);
    policy(&desk, &good, RULE);
    desk.yes();
    // Changed after the policy was written, or gone.
    let world = &desk.people.world;
    world.write("tables/builders.toml", good.replace("our own", "our"));
    desk.bad("x", "policy-malformed");
    std::fs::remove_file(world.at("tables/builders.toml")).unwrap();
    desk.bad("x", "policy-unreadable");
    let pin = desk.pin("alice");
    for (from, to) in [
        // Anybody, or what the table knows already.
        (
            format!("keys = [\"sha256:{pin}\"]"),
            "anyone = true".to_owned(),
        ),
        (
            BUILDER.to_owned(),
            "https://attest.dev/builders/recorder".to_owned(),
        ),
        (
            "\"https://ci.acme.example/type\"".to_owned(),
            "\"https://attest.dev/buildtypes/recorded-step/v1\"".to_owned(),
        ),
        ("\"acme\"\nwhy".to_owned(), "\"npm\"\nwhy".to_owned()),
        ("level = 3".to_owned(), "level = 4".to_owned()),
    ] {
        assert!(good.contains(&from), "{from}");
        policy(&desk, &good.replacen(&from, &to, 1), RULE);
        desk.bad("x", "policy-malformed");
    }
    // What is included adds none.
    let text = format!("version = 1\nbuilders = []\n{}", desk.trust("bob"));
    world.write("more.toml", &text);
    let digest = sha256(text.as_bytes());
    let top = format!("include = [{{ file = \"more.toml\", sha256 = \"{digest}\" }}]");
    desk.policy(&["alice"], &top, RULE);
    desk.bad("x", "policy-malformed");
}
