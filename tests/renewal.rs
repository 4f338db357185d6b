//! `attest archive renew`, `archive verify --at` and `attest status` from outside.

use std::fs;
use std::sync::OnceLock;

use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};
use jiff::{SignedDuration, Timestamp};

use crate::release::timestamp::serve;
use crate::support::{Ran, World};

/// A home with two releases, copied for each test.
fn released() -> World {
    static TEMPLATE: OnceLock<World> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let world = World::new();
        for version in ["1.0.0", "1.1.0"] {
            world.write("dist/a.txt", format!("alpha {version}\n"));
            world
                .attest(&format!(
                    "release dist --name hello --version {version} --init --no-password"
                ))
                .yes();
            fs::remove_dir_all(world.at("dist")).unwrap();
        }
        world
    });
    let world = World::new();
    for part in [".attest", "user"] {
        let mut copy = std::process::Command::new("cp");
        copy.arg("-a").arg(template.at(part)).arg(world.path());
        assert!(copy.status().unwrap().success());
    }
    world
}

/// An authority whose certificates are good from 2020 to 2060, at an address; its clock is off by that.
fn authority(world: &World, off: SignedDuration) -> String {
    let day = |text: &str| format!("{text}T00:00:00Z").parse().unwrap();
    let valid = Period {
        from: day("2020-01-01"),
        until: day("2060-01-01"),
    };
    let name = |text| AuthorityName::new("Time of others", text).unwrap();
    let root = AuthorityRoot::create(&name("root"), valid).unwrap();
    let leaf = root.issue(&name("others.example"), valid).unwrap();
    world.write("chain.pem", leaf.chain_pem());
    at_address(leaf, off)
}

fn at_address(authority: Authority, off: SignedDuration) -> String {
    serve(move |request| authority.respond(request, Timestamp::now() + off).unwrap())
}

fn renew(world: &World, address: &str, more: &str) -> Ran {
    let line = format!("archive renew --tsa {address} --tsa-chain chain.pem {more}");
    world.attest(line.trim_end())
}

fn in_2047(world: &World) -> Ran {
    world.attest("archive verify --at 2047-01-01")
}

/// The report says that a release is no longer provable.
fn expired(ran: Ran) -> Ran {
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.out.contains("proof-expired"), "{ran:?}");
    ran
}

#[test]
fn without_renewal_a_release_is_no_longer_provable_and_with_one_it_is() {
    let world = released();
    world.attest("archive verify").yes();
    let ran = expired(in_2047(&world));
    assert_eq!(ran.out.matches("proof-expired").count(), 2, "{ran:?}");

    let address = authority(&world, SignedDuration::ZERO);
    let ran = renew(&world, &address, "--all").yes();
    assert!(ran.out.contains("2 releases by one timestamp"), "{ran:?}");
    let ran = in_2047(&world).yes();
    assert!(
        ran.out.contains("others.example (self-asserted)"),
        "{ran:?}"
    );
    let ran = world
        .attest("archive verify --at 2047-01-01 --independent others.example")
        .yes();
    assert!(ran.out.contains("(independent, as declared)"), "{ran:?}");
    expired(world.attest("archive verify --at 2060-02-01"));
    // What the signature itself says has not changed: its time is what it was.
    world.attest("archive verify").yes();
}

#[test]
fn a_stronger_hash_goes_on_where_the_first_ended() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "--all").yes();
    renew(&world, &address, "--all --hash sha512").yes();
    renew(&world, &address, "--all").yes();
    in_2047(&world).yes();
    renew(&world, &address, "--all --hash sha256").refused(2, "renewal-algorithm-weaker");
    let status = world.attest("status --format json").yes().json();
    let renewals = &status["releases"][0]["proof"]["renewals"];
    assert!(!renewals.as_array().unwrap().is_empty(), "{status}");
}

#[test]
fn our_own_authority_says_so() {
    let world = released();
    let ran = world
        .attest("archive renew --all --self-asserted --no-password")
        .yes();
    assert!(ran.out.contains("(self-asserted)"), "{ran:?}");
    let ran = world.attest("archive verify").yes();
    assert!(ran.out.contains("(self-asserted), stands until"), "{ran:?}");
    // It ends when our certificates do.
    expired(in_2047(&world));
    world
        .attest("archive renew --all")
        .refused(2, "bad-arguments");
}

#[test]
fn our_own_authority_behind_an_address_is_not_somebody_elses() {
    let world = released();
    let before = world.listing(".attest/archive");
    let identity = world.read(".attest/keys/tsa.key");
    let chain = world.read(".attest/trust/tsa-chain.pem");
    world.write("chain.pem", &chain);
    let mut unlock = attest_sign::Unlock::default();
    let own = Authority::from_pem(
        &identity,
        &chain,
        &mut unlock,
        &attest_sign::Password::empty(),
    );
    let address = at_address(own.unwrap(), SignedDuration::ZERO);
    renew(&world, &address, "--all").refused(1, "renewal-self-asserted");
    assert_eq!(before, world.listing(".attest/archive"));
}

#[test]
fn an_authority_that_nobody_named_renews_nothing() {
    let world = released();
    let before = world.listing(".attest/archive");
    let address = authority(&world, SignedDuration::ZERO);
    world
        .attest(&format!("archive renew --all --tsa {address}"))
        .refused(1, "time-unknown");
    assert_eq!(before, world.listing(".attest/archive"));
}

#[test]
fn a_clock_that_went_backwards_renews_nothing() {
    let world = released();
    // Within what clocks may differ by, so that it is taken.
    let address = authority(&world, SignedDuration::from_secs(240));
    renew(&world, &address, "--all").yes();
    let before = world.listing(".attest/archive");
    let ran = renew(&world, &address, "--all").refused(3, "clock-behind");
    assert!(ran.err.contains("nothing was changed"), "{ran:?}");
    assert_eq!(before, world.listing(".attest/archive"));
}

#[test]
fn an_authority_whose_clock_is_ahead_is_refused() {
    let world = released();
    let address = authority(&world, SignedDuration::from_hours(1));
    renew(&world, &address, "--all").refused(1, "renewal-in-future");
}

#[test]
fn what_is_damaged_is_not_stamped() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    let list = world.attest("archive show hello@1.0.0 --format json").yes();
    let files = list.json()["files"].clone();
    let file = files
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["path"] == "a.txt");
    let digest = file.unwrap()["sha256"]
        .as_str()
        .unwrap()
        .replace("sha256:", "");
    let blob = world.at(&format!(".attest/archive/blobs/sha256/{digest}"));
    let mut bytes = fs::read(&blob).unwrap();
    bytes[0] ^= 1;
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, bytes).unwrap();
    renew(&world, &address, "--all").refused(1, "blob-corrupt");
    // Another release is not touched by it.
    renew(&world, &address, "hello@1.1.0").yes();
    let ran = world
        .attest("archive verify hello@1.1.0 --at 2047-01-01")
        .yes();
    assert!(ran.out.contains("renewed"), "{ran:?}");
}

#[test]
fn a_renewal_that_was_replaced_is_named() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "--all").yes();
    // Whoever can write the home's trust can trust nobody.
    fs::remove_file(world.at(".attest/trust/renewal_root.json")).unwrap();
    let ran = expired(in_2047(&world));
    assert!(ran.out.contains("time-unknown"), "{ran:?}");
}

#[test]
fn only_what_ends_soon_is_renewed_unless_all_is_said() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    let ran = renew(&world, &address, "").yes();
    assert!(
        ran.out
            .contains("nothing was renewed; 2 releases are not due"),
        "{ran:?}"
    );
    let ran = renew(&world, &address, "--within 36500").yes();
    assert!(ran.out.contains("2 releases"), "{ran:?}");
    renew(&world, &address, "hello@9").refused(1, "release-not-archived");
}

#[test]
fn status_says_what_is_kept_and_until_when_it_can_be_proven() {
    let world = released();
    let ran = world.attest("status").yes();
    for part in [
        "hello@1.0.0",
        "hello@1.1.0",
        "fixity   never recorded",
        "good",
        "plan",
    ] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    let status = world
        .attest("status hello@1.1.0 --format json")
        .yes()
        .json();
    let release = &status["releases"][0];
    assert_eq!(release["proof"]["expired"], false);
    assert_eq!(release["due"], false);
    assert!(
        release["proof"]["decided_by"]
            .as_str()
            .unwrap()
            .contains("certificate of")
    );
    let late = world.attest("status --at 2047-01-01 --format json");
    assert_eq!(late.exit, 1, "{late:?}");
    assert_eq!(late.json()["releases"][0]["proof"]["expired"], true);
    world
        .attest("status hello@9")
        .refused(1, "release-not-archived");
}

/// Without a timestamp of an authority that is trusted here, no time is proven.
#[test]
fn a_release_of_which_no_time_is_proven_is_no_good_status() {
    let world = released();
    let other = World::new();
    other.attest("init --no-password").yes();
    let root = other.read(".attest/trust/trusted_root.json");
    world.write("other.json", root);
    let ran = world.attest("status --key .attest/trust/release.pub --trusted-root other.json");
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.out.contains("MISSING  proof of time"), "{ran:?}");
}

#[test]
fn an_exported_release_is_asked_what_one_in_the_archive_is_asked() {
    let world = released();
    let at = |bag: &str| {
        world.attest(&format!(
            "archive verify {bag} --home .attest --at 2047-01-01"
        ))
    };
    world.attest("archive export hello@1.1.0 --out ./bag").yes();
    let ran = world.attest("archive verify ./bag --home .attest").yes();
    assert!(ran.out.contains("proof of time good until"), "{ran:?}");
    expired(at("./bag"));
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "--all").yes();
    world
        .attest("archive export hello@1.1.0 --out ./later")
        .yes();
    world
        .attest("archive export hello@1.1.0 --out later.tar --as tar")
        .yes();
    for bag in ["./later", "later.tar"] {
        let ran = at(bag).yes();
        assert!(
            ran.out.contains("others.example (self-asserted)"),
            "{ran:?}"
        );
        expired(world.attest(&format!(
            "archive verify {bag} --home .attest --at 2060-02-01"
        )));
    }
    // What was exported before does not know of the renewal.
    expired(at("./bag"));
    // What can no longer be proven is taken in, and said to be so there.
    world
        .attest("archive import ./bag --archive vault --at 2047-01-01 --key .attest/trust/release.pub --trusted-root .attest/trust/trusted_root.json")
        .yes();
    expired(world.attest(
        "archive verify --archive vault --at 2047-01-01 --key .attest/trust/release.pub --trusted-root .attest/trust/trusted_root.json",
    ));
}

/// The renewal of another content of the release, and one whose record was changed.
#[test]
fn a_renewal_in_an_exported_release_counts_only_if_it_is_whole_and_its_own() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "--all").yes();
    world.attest("archive export hello@1.1.0 --out ./bag").yes();
    world
        .attest("archive export hello@1.0.0 --out ./other")
        .yes();
    // Put in the place of the good one, with its manifest and all lists made new by another export:
    // the archive attaches it to the wrong release.
    let mut store = attest_archive::Store::open(&world.at(".attest/archive")).unwrap();
    let read = |bag: &str, name: &str| {
        let ran = world.shell(&format!(
            "cat {bag}/archive/attachments/*/files/{name} | base64 -w0"
        ));
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, ran.out.trim()).unwrap()
    };
    let (document, record) = (read("other", "covered.txt"), read("other", "record.ers"));
    let release = attest_provenance::ReleaseName::parse("hello@1.1.0").unwrap();
    let input =
        attest_archive::renewal::attachment_of(&release, Timestamp::now(), &document, &record);
    store.attach(&input.unwrap()).unwrap();
    drop(store);
    world
        .attest("archive export hello@1.1.0 --out ./mixed")
        .yes();
    let ran = world
        .attest("archive verify ./mixed --home .attest --at 2047-01-01")
        .yes();
    assert!(ran.out.contains("renewal-other-release"), "{ran:?}");
}

/// A folder with a release, and what an acquirer trusts beside it.
fn made(world: &World) {
    world.write("dist/a.txt", "alpha\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    for (from, to) in [("release.pub", "r.pub"), ("trusted_root.json", "r.json")] {
        world.write(to, world.read(&format!(".attest/trust/{from}")));
    }
}

/// Nobody signs how a bundle is packed: among the lines of a file it says what it says by itself.
#[test]
fn a_timestamp_in_a_file_of_many_bundles_ends_as_it_does_in_one_of_its_own() {
    let world = World::new();
    made(&world);
    let trust = trusting(&["r.json"]);
    let bundle: serde_json::Value =
        serde_json::from_slice(&world.read("dist/release.sigstore.json")).unwrap();
    fs::remove_file(world.at("dist/release.sigstore.json")).unwrap();
    for (archive, lines) in [("one", 1), ("two", 2)] {
        let packed = format!("{bundle}\n").repeat(lines);
        world.write("dist/release.sigstore.jsonl", packed);
        let place = format!("--archive {archive} {trust}");
        world.attest(&format!("archive add dist {place}")).yes();
        let ran = world.attest(&format!("archive verify {place}")).yes();
        assert!(ran.out.contains("proof of time good until"), "{ran:?}");
        expired(world.attest(&format!("archive verify {place} --at 2047-01-01")));
        let export =
            format!("archive export hello@1.0.0 --archive {archive} --out ./bag-{archive}");
        world.attest(&export).yes();
        let bag = format!("archive verify ./bag-{archive} {trust}");
        world.attest(&bag).yes();
        expired(world.attest(&format!("{bag} --at 2047-01-01")));
        let ran = world.attest(&format!("status {place}")).yes();
        assert!(ran.out.contains("good     proof of time"), "{ran:?}");
        assert_eq!(
            world
                .attest(&format!("status {place} --at 2047-01-01"))
                .exit,
            1
        );
    }
}

/// A renewal that proves nothing is none.
#[test]
fn only_a_renewal_that_counts_makes_a_release_complete() {
    let world = released();
    let complete = "archive verify hello@1.1.0 --complete renewal";
    let beside = || {
        let status = world.attest("status hello@1.1.0 --format json").yes();
        status.json()["releases"][0]["beside"]["renewal"].clone()
    };
    let incomplete = || {
        let ran = world.attest(complete);
        assert_eq!(ran.exit, 1, "{ran:?}");
        assert!(ran.out.contains("archive-incomplete"), "{ran:?}");
        assert_eq!(beside(), false);
    };
    incomplete();
    let mut store = attest_archive::Store::open(&world.at(".attest/archive")).unwrap();
    let release = attest_provenance::ReleaseName::parse("hello@1.1.0").unwrap();
    let junk = attest_archive::renewal::attachment_of(&release, Timestamp::now(), b"x", b"y");
    store.attach(&junk.unwrap()).unwrap();
    drop(store);
    incomplete();
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "hello@1.1.0").yes();
    world.attest(complete).yes();
    assert_eq!(beside(), true);
}

/// Flags for the key of the home, and for these trusted roots.
fn trusting(roots: &[&str]) -> String {
    let roots = roots.iter().map(|it| format!(" --trusted-root {it}"));
    format!("--key r.pub{}", roots.collect::<String>())
}

/// Who made the folder in which an acquirer stands is trusted for nothing.
#[test]
fn what_lies_in_the_current_folder_proves_no_time_of_an_exported_release() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "--all").yes();
    world.attest("archive export hello@1.1.0 --out bag").yes();
    let acquirer = World::new();
    for (from, to) in [
        (".attest/trust/release.pub", "r.pub"),
        (".attest/trust/trusted_root.json", "r.json"),
        (".attest/trust/renewal_root.json", "renewals.json"),
    ] {
        acquirer.write(to, world.read(from));
    }
    let mut copy = std::process::Command::new("cp");
    copy.arg("-a").arg(world.at("bag")).arg(acquirer.path());
    assert!(copy.status().unwrap().success());
    let verify = |roots: &[&str]| {
        let trust = trusting(roots);
        acquirer.attest(&format!("archive verify ./bag {trust} --at 2047-01-01"))
    };
    // The parent: who stamps is trusted by name.
    verify(&["r.json", "renewals.json"]).yes();
    let refused = |what: &str| {
        let ran = expired(verify(&["r.json"]));
        assert!(ran.out.contains("time-unknown"), "{what}: {ran:?}");
    };
    refused("nothing is there");
    let root = acquirer.read("renewals.json");
    for name in ["services/x.json", "renewal_root.json"] {
        for bytes in [root.as_slice(), b"no root"] {
            acquirer.write(&format!(".attest/trust/{name}"), bytes);
            refused(name);
        }
    }
}

#[test]
fn roots_of_the_home_count_where_its_trust_does_and_are_told() {
    let world = released();
    let address = authority(&world, SignedDuration::ZERO);
    renew(&world, &address, "--all").yes();
    let trust = ".attest/trust";
    world.write("r.pub", world.read(&format!("{trust}/release.pub")));
    let root = format!("{trust}/trusted_root.json");
    let renewals = format!("{trust}/renewal_root.json");
    let verify =
        |flags: &str| world.attest(format!("archive verify --at 2047-01-01 {flags}").trim_end());
    let ran = expired(verify(&trusting(&[&root])));
    assert!(!ran.out.contains("renewal root"), "{ran:?}");
    verify(&trusting(&[&root, &renewals])).yes();
    let ran = verify("").yes();
    for line in ["key ", "trusted root", "renewal root"] {
        let is_told = |it: &&str| it.trim_start().starts_with(line);
        let told = ran.out.lines().find(is_told).unwrap_or_default();
        assert!(told.contains(", of the home, sha256:"), "{line}: {ran:?}");
    }
}
