//! `tests/conformance`: it counts what it ran, and refuses to pass without having run it.

use std::path::{Path, PathBuf};

use crate::support::{Ran, World};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/conformance")
        .join(name)
}

fn run(world: &World, cases: Option<&Path>, arguments: &[&str]) -> Ran {
    let mut command = world.program(script("run").to_str().unwrap());
    command
        .args(arguments)
        .env("ATTEST_BIN", env!("CARGO_BIN_EXE_attest"));
    if let Some(cases) = cases {
        command.env("ATTEST_CONFORMANCE", cases);
    }
    Ran::of(&mut command)
}

#[test]
fn cases_that_were_not_named_are_a_failure_unless_it_is_said() {
    let world = World::new();
    assert_eq!(run(&world, None, &[]).exit, 1);
    assert_eq!(run(&world, Some(Path::new("")), &[]).exit, 1);
    let without = run(&world, None, &["--without-conformance"]);
    assert_eq!(without.exit, 0);
    assert_eq!(
        without.out.lines().last(),
        Some("NOT RUN: 140 conformance cases")
    );
}

#[test]
fn a_missing_case_an_unknown_case_and_too_few_are_failures() {
    let world = World::new();
    let bundle = "bundle-verify/no-such-case_fail/bundle.sigstore.json";
    world.write(bundle, "{}");
    let ran = run(&world, Some(world.path()), &[]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("happy-path-v0.3: the case is not in"));
    assert!(
        ran.out
            .contains("no-such-case_fail: expected.toml does not know")
    );
    assert!(ran.out.contains("0 runs, wanted 140"));
}

#[test]
fn signing_for_the_suite_is_signing_with_an_identity() {
    let world = World::new();
    world.write("a", "artifact");
    let sign = ["sign-bundle", "--identity-token", "x", "--bundle", "b", "a"];
    let mut client = world.program(script("client").to_str().unwrap());
    client.env("ATTEST_BIN", env!("CARGO_BIN_EXE_attest"));
    Ran::of(client.args(sign)).refused(2, "identity-token-malformed");
    assert!(!world.at("b").exists());
}
