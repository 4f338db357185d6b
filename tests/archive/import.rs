//! A bag is verified, and then kept; what is not what its release leads to is named, and nothing kept.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

use super::export::exported;
use super::{HELLO, codes, copy, forge, pins, with_pins};
use crate::support::{Ran, World};

const BAG_CODES: [&str; 4] = [
    "bag-file-differs",
    "bag-file-extra",
    "bag-file-missing",
    "bag-file-refused",
];

fn verify(world: &World, bag: &str) -> Ran {
    with_pins(world, &["archive", "verify", bag, "--format", "json"])
}

fn import(world: &World, bag: &str) -> Ran {
    with_pins(
        world,
        &[
            "archive",
            "import",
            bag,
            "--archive",
            "vault",
            "--format",
            "json",
        ],
    )
}

/// Every code of the report: of its release, and of the bag.
#[track_caller]
fn all_codes(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let problems = report["archive"]["problems"].as_array().unwrap().iter();
    let of_bag = problems.map(|it| it["code"].as_str().unwrap().to_owned());
    codes(&report, HELLO).into_iter().chain(of_bag).collect()
}

/// Refused by both commands, with this code among others, and nothing was kept.
#[track_caller]
fn refused(world: &World, bag: &str, code: &str) {
    for ran in [verify(world, bag), import(world, bag)] {
        assert_eq!(ran.exit, 1, "wanted {code}: {ran:#?}");
        let codes = all_codes(&ran);
        assert!(codes.contains(&code.to_owned()), "wanted {code}: {codes:?}");
    }
    assert!(!world.at("vault").exists(), "{code}: something was kept");
}

#[test]
fn what_was_exported_is_imported_and_exported_the_same() {
    let world = exported();
    world
        .attest("archive export hello@1.0.0 --as tar --out bag.tar")
        .yes();
    let own = world.attest("archive list --format json").yes().json();
    for bag in ["bag", "bag.tar"] {
        let added = import(&world, bag).yes().json();
        assert_eq!(
            (&added["outcome"], &added["release"]),
            (&"new".into(), &HELLO.into())
        );
        assert_eq!(added["manifest"], own["releases"][0]["manifest"]);
        let again = import(&world, bag).yes().json();
        assert_eq!(
            (&again["outcome"], &again["new_blobs"]),
            (&"already".into(), &0.into())
        );
        let listed = world
            .attest("archive list --archive vault --format json")
            .yes();
        assert_eq!(listed.json()["releases"], own["releases"]);
        with_pins(&world, &["archive", "verify", "--archive", "vault"]).yes();
        world
            .attest("archive export hello@1.0.0 --archive vault --as tar --out again.tar --force")
            .yes();
        assert_eq!(world.read("bag.tar"), world.read("again.tar"));
        fs::remove_dir_all(world.at("vault")).unwrap();
    }
}

#[test]
fn every_changed_byte_of_a_bag_is_named() {
    let world = exported();
    verify(&world, "bag").yes();
    let files = world.shell("cd bag && find . -type f | cut -c3-").yes().out;
    assert!(files.lines().count() > 40, "{files}");
    for name in files.lines() {
        let path = format!("bag/{name}");
        let good = world.read(&path);
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        world.write(&path, &bad);
        let ran = verify(&world, "bag");
        // In the name of the format, or in what pins are looked for in.
        if ran.exit == 2 {
            let known = ["bag-info.txt", "data/release.pub", "data/trusted_root.json"];
            assert!(known.contains(&name), "{name}: {ran:#?}");
        } else if name == "archive/manifest.json" {
            assert_eq!(ran.exit, 1, "{ran:#?}");
        } else {
            assert_eq!(ran.exit, 1, "{name}: {ran:#?}");
            assert!(
                all_codes(&ran).contains(&"bag-file-differs".to_owned()),
                "{name}: {ran:#?}"
            );
            assert!(ran.out.contains(name), "{name}: {ran:#?}");
        }
        world.write(&path, &good);
    }
    verify(&world, "bag").yes();
}

#[test]
fn every_missing_file_of_a_bag_is_named() {
    let world = exported();
    let files = world.shell("cd bag && find . -type f | cut -c3-").yes().out;
    for name in files.lines() {
        let path = world.at("bag").join(name);
        fs::rename(&path, world.at("gone")).unwrap();
        let ran = verify(&world, "bag");
        if ["bagit.txt", "bag-info.txt", "archive/manifest.json"].contains(&name) {
            ran.refused(2, "not-an-archive");
        } else if ran.exit == 2 {
            // Where a pin should have found it.
            assert!(
                ["data/release.pub", "data/trusted_root.json"].contains(&name),
                "{ran:#?}"
            );
        } else {
            assert!(
                all_codes(&ran).contains(&"bag-file-missing".to_owned()),
                "{name}: {ran:#?}"
            );
        }
        fs::rename(world.at("gone"), &path).unwrap();
    }
}

#[test]
fn what_nothing_leads_to_is_refused() {
    let world = exported();
    for (name, is_folder) in [
        ("extra", false),
        ("data/extra", false),
        ("evidence/extra", false),
        ("data/sub/.hidden", false),
        ("fetch.txt", false),
        ("data/empty", true),
        ("empty", true),
    ] {
        let path = world.at("bag").join(name);
        if is_folder {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, "x").unwrap();
        }
        refused(&world, "bag", "bag-file-extra");
        if is_folder {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
    verify(&world, "bag").yes();
}

#[test]
fn links_in_a_bag_are_refused_wherever_they_lead() {
    let world = exported();
    world.write("elsewhere", "alpha\n");
    for name in ["data/a.txt", "VERIFY.md", "data/link"] {
        for target in ["../../elsewhere", "sub/b.txt", "/etc/passwd", "absent"] {
            let path = world.at("bag").join(name);
            let kept = fs::read(&path).ok();
            if kept.is_some() {
                fs::remove_file(&path).unwrap();
            }
            symlink(target, &path).unwrap();
            refused(&world, "bag", "bag-file-refused");
            fs::remove_file(&path).unwrap();
            if let Some(bytes) = kept {
                fs::write(&path, bytes).unwrap();
            }
        }
    }
    // The folder itself may be called by a link: that name is the user's word.
    symlink("bag", world.at("called")).unwrap();
    verify(&world, "called").yes();
}

#[test]
fn a_renamed_folder_is_still_the_release_that_it_holds() {
    let world = exported();
    fs::rename(world.at("bag"), world.at("jello-2.0.0")).unwrap();
    verify(&world, "jello-2.0.0").yes();
    let imported = import(&world, "jello-2.0.0").yes().json();
    assert_eq!(imported["release"], HELLO);
}

/// The whole bag of another name around the same files, as whoever owns the disk can make it.
#[test]
fn a_manifest_of_another_release_is_refused() {
    let world = exported();
    forge(&world, &world.at("forged"), "hello@1.1.0", |_, bytes| bytes);
    world
        .attest("archive export hello@1.1.0 --archive forged --out other")
        .yes();
    for ran in [verify(&world, "other"), import(&world, "other")] {
        assert_eq!(ran.exit, 1, "{ran:#?}");
        let codes = codes(&ran.json(), "hello@1.1.0");
        assert!(codes.contains(&"release-mismatch".to_owned()), "{codes:?}");
    }
    // Its manifest alone, in the bag of the release.
    fs::copy(
        world.at("other/archive/manifest.json"),
        world.at("bag/archive/manifest.json"),
    )
    .unwrap();
    let ran = verify(&world, "bag");
    assert_eq!(ran.exit, 1);
    assert!(!world.at("vault").exists());
    // Another release than the one that was asked for.
    world
        .attest("archive export hello@1.0.0 --out bag --force")
        .yes();
    let mut arguments = vec![
        "archive",
        "import",
        "bag",
        "--archive",
        "vault",
        "--release",
        "hello@2.0.0",
    ];
    let pins = pins(&world);
    arguments.extend(pins.iter().map(String::as_str));
    assert_eq!(world.attest_with(&arguments).exit, 1);
    assert!(!world.at("vault").exists());
}

#[test]
fn other_bytes_with_everything_made_to_fit_are_refused() {
    let world = exported();
    let changed = |path: &str, bytes| {
        if path == "a.txt" {
            b"omega\n".to_vec()
        } else {
            bytes
        }
    };
    forge(&world, &world.at("forged"), HELLO, changed);
    world
        .attest("archive export hello@1.0.0 --archive forged --out other")
        .yes();
    refused(&world, "other", "digest-mismatch");
}

#[test]
fn trust_inside_a_bag_is_never_the_anchor() {
    let world = exported();
    // Somebody else makes the same release with keys of their own.
    let stranger = World::new();
    copy(&world.at("bag/data/a.txt"), stranger.path());
    stranger.shell("mkdir dist && mv a.txt dist").yes();
    stranger
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    stranger
        .attest("archive export hello@1.0.0 --out bag")
        .yes();
    fs::rename(world.at("bag"), world.at("good")).unwrap();
    copy(&stranger.at("bag"), world.path());
    // Its own commands all pass: whose keys they are is the first question.
    for arguments in ["archive verify bag", "archive import bag"] {
        let ran = world.attest(&format!("{arguments} --home .attest"));
        assert_eq!(ran.exit, 1, "{ran:#?}");
    }
    verify(&world, "bag").refused(2, "pin-not-found");
    world
        .attest("archive verify ./bag --key bag/trust/release.pub --trusted-root bag/trust/trusted_root.json")
        .refused(2, "trust-beside-subject");
    world
        .attest("archive verify bag --archive elsewhere")
        .refused(2, "signer-required");
    // Their key in the place of ours: the bag does not fit together any more, and is not read for pins.
    for file in ["release.pub", "trusted_root.json"] {
        for folder in ["trust", "data"] {
            fs::copy(
                world.at("bag").join("data").join(file),
                world.at("good").join(folder).join(file),
            )
            .unwrap();
        }
    }
    let ran = world.attest("archive verify good --home .attest");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(
        BAG_CODES.iter().any(|code| ran.out.contains(code)),
        "{ran:#?}"
    );
}

#[test]
fn what_is_no_bag_or_a_later_one_is_named() {
    let world = exported();
    for place in ["dist", ".attest/archive"] {
        verify(&world, place).refused(2, "not-an-archive");
        import(&world, place).refused(2, "not-an-archive");
    }
    verify(&world, "absent.tar").refused(3, "file-unreadable");
    let info = String::from_utf8(world.read("bag/bag-info.txt")).unwrap();
    world.write("bag/bag-info.txt", info.replace("Format: 1", "Format: 2"));
    verify(&world, "bag").refused(2, "archive-newer-format");
    import(&world, "bag").refused(2, "archive-newer-format");
    world
        .attest("archive verify bag bag")
        .refused(2, "bad-arguments");
    assert!(!world.at("vault").exists());
}

#[test]
fn a_compressed_bag_is_its_tar_and_nothing_around_it_is_believed() {
    let world = exported();
    let export = |form: &str, out: &str| {
        world
            .attest(&format!(
                "archive export hello@1.0.0 --as {form} --out {out}"
            ))
            .yes()
    };
    export("tar", "bag.tar");
    fs::create_dir(world.at("scratch")).unwrap();
    for (form, unpack) in [("tar.gz", "gzip -dc"), ("tar.zst", "zstd -dc")] {
        let (bag, again) = (format!("bag.{form}"), format!("again.{form}"));
        export(form, &bag);
        export(form, &again);
        let good = world.read(&bag);
        assert_eq!(good, world.read(&again));
        if world.shell(&format!("command -v {}", &unpack[..4])).exit == 0 {
            world
                .shell(&format!("{unpack} {bag} | cmp - bag.tar"))
                .yes();
        }
        verify(&world, &bag).refused(2, "scratch-required");
        let read = |name: &str, command: &str| {
            let command = ["archive", command, name, "--scratch", "scratch"];
            with_pins(&world, &[&command[..], &["--archive", "vault"]].concat())
        };
        let wrong = format!("bad.{form}");
        let refuse = |bytes: Vec<u8>| {
            world.write(&wrong, bytes);
            for command in ["verify", "import"] {
                let ran = read(&wrong, command);
                assert!([1, 2].contains(&ran.exit), "{ran:#?}");
                assert!(!ran.err.contains("panicked"), "{ran:#?}");
            }
            assert!(!world.at("vault").exists());
            assert_eq!(fs::read_dir(world.at("scratch")).unwrap().count(), 0);
        };
        for at in (10..good.len()).step_by(good.len() / 8) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            refuse(bad);
        }
        refuse(good[..good.len() - 3].to_vec());
        refuse([good.clone(), good.clone()].concat());
        // Zeros without end.
        let mut bomb = Vec::new();
        let zeros = vec![0; 64 << 20];
        if form == "tar.gz" {
            let mut gzip = attest_archive::GzipWriter::new(&mut bomb);
            gzip.write_all(&zeros).unwrap();
            gzip.finish().unwrap();
        } else {
            let size = zeros.len() as u64;
            let mut zstd = attest_archive::ZstdWriter::new(&mut bomb, size).unwrap();
            zstd.write_all(&zeros).unwrap();
            zstd.finish().unwrap();
        }
        world.write(&wrong, bomb);
        read(&wrong, "verify").refused(1, "container-bomb");
        // The parent: as it was exported.
        read(&bag, "verify").yes();
        read(&bag, "import").yes();
        fs::remove_dir_all(world.at("vault")).unwrap();
    }
    let ran = world.attest("archive verify bag.tar.gz --scratch absent --key dist/release.pub --trusted-root dist/trusted_root.json");
    assert_eq!(ran.exit, 3, "{ran:?}");
}

#[test]
fn a_tar_of_a_bag_is_written_in_one_way() {
    let world = exported();
    world
        .attest("archive export hello@1.0.0 --as tar --out bag.tar")
        .yes();
    verify(&world, "bag.tar").yes();
    let good = world.read("bag.tar");
    let refuse = |name: &str, bytes: &[u8]| {
        world.write("bad.tar", bytes);
        for ran in [verify(&world, "bad.tar"), import(&world, "bad.tar")] {
            let codes = [
                "bag-tar-malformed",
                "bag-file",
                "not-an-archive",
                "pin-not-found",
                "manifest-malformed",
                "archive-newer-format",
            ];
            let named = codes
                .iter()
                .any(|code| ran.out.contains(code) || ran.err.contains(code));
            assert!([1, 2].contains(&ran.exit) && named, "{name}: {ran:#?}");
        }
        assert!(!world.at("vault").exists());
    };
    // A bit in each of some hundred blocks.
    for at in (0..good.len()).step_by(good.len() / 120) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        refuse(&format!("bit at {at}"), &bad);
    }
    let cut = |count: usize| good[..good.len() - count].to_vec();
    refuse("cut", &cut(512));
    refuse("cut in the middle", &cut(good.len() / 2));
    refuse("more behind it", &[good.clone(), vec![0; 512]].concat());
    refuse("two of them", &[good.clone(), good.clone()].concat());
    refuse("empty", b"");
    // The same folder, packed by others.
    world
        .shell("mkdir hello && tar xf bag.tar && tar cf gnu.tar hello-1.0.0")
        .yes();
    refuse("GNU tar", &world.read("gnu.tar"));
    world
        .attest("archive verify hello-1.0.0 --home .attest")
        .yes();
}
