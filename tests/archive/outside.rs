//! What was exported comes from anywhere, and so does the folder around it: the home that lies there vouches
//! for nothing until it is named.

use super::export::exported;
use super::{HELLO, copy};
use crate::support::{Ran, World};

/// Runs a command with `ATTEST_HOME`.
fn with_home(world: &World, home: &str, arguments: &str) -> Ran {
    let mut command = world.command();
    Ran::of(
        command
            .args(arguments.split(' '))
            .env("ATTEST_HOME", world.at(home)),
    )
}

#[test]
fn the_home_of_the_current_folder_vouches_for_no_bag() {
    let world = exported();
    world
        .attest("archive export hello@1.0.0 --as tar --out bag.tar")
        .yes();
    let before = world.listing(".attest");
    for bag in ["bag", "./bag", "bag.tar"] {
        for command in ["verify", "import"] {
            let ran = world.attest(&format!("archive {command} {bag}"));
            let ran = ran.refused(2, "signer-required");
            assert!(ran.err.contains("--home"), "{ran:#?}");
            world
                .attest(&format!(
                    "archive {command} {bag} --trusted-root .attest/trust/trusted_root.json"
                ))
                .refused(2, "signer-required");
        }
    }
    assert_eq!(world.listing(".attest"), before);
    // The parent: the same home, named.
    let named = world.attest("archive verify bag --home .attest").yes();
    let by_environment = with_home(&world, ".attest", "archive verify bag.tar").yes();
    for ran in [named, by_environment] {
        for line in ["key ", "trusted root"] {
            let is_told = |it: &&str| it.trim_start().starts_with(line);
            let told = ran.out.lines().find(is_told).unwrap_or_default();
            assert!(told.contains(", of the home, sha256:"), "{line}: {ran:#?}");
        }
    }
    let ran = world
        .attest("archive verify bag --home .attest --format json")
        .yes();
    let json = ran.json();
    let trust = json["trust"].as_array().unwrap();
    assert!(trust.iter().all(|it| it["of_home"] == true), "{json:#}");
    let imported = world.attest("archive import bag --home .attest --format json");
    assert_eq!(imported.yes().json()["release"], HELLO);
    // What is in the home's own archive is its own.
    world.attest("archive verify hello@1.0.0").yes();
}

#[test]
fn a_home_that_came_with_the_bag_is_no_home_to_name() {
    let world = exported();
    copy(&world.at(".attest"), &world.at("bag"));
    for command in ["verify", "import"] {
        world
            .attest(&format!("archive {command} bag --home bag/.attest"))
            .refused(2, "trust-beside-subject");
    }
    // Another archive than the home's asks for its signer, also where a home is named.
    world
        .attest("archive verify bag --home .attest --archive elsewhere")
        .refused(2, "signer-required");
}
