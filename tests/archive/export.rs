//! An exported release: the same bytes each time, and checked by people who have no attest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{HELLO, copy, released, with_pins};
use crate::support::{Ran, World};

/// The bag of `hello@1.0.0` in `bag`.
pub(super) fn exported() -> World {
    let world = released();
    world.attest("archive export hello@1.0.0 --out bag").yes();
    world
}

/// Every file below a folder with its bytes: what a bag is, whatever its modes.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn collect(top: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(top, &path, found);
            } else {
                let name = path.strip_prefix(top).unwrap().display().to_string();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.sort();
    found
}

/// The commands of the bag's `VERIFY.md`, each one as pasted at its top.
fn pasted(world: &World, bag: &str) -> Vec<(String, Ran)> {
    let text = String::from_utf8(world.read(&format!("{bag}/VERIFY.md"))).unwrap();
    let mut commands = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        commands.extend(block.lines().map(str::to_owned));
    }
    assert!(commands.len() > 10, "{text}");
    commands
        .into_iter()
        .map(|command| {
            let ran = world.shell(&format!("cd {bag} && {command}"));
            (command, ran)
        })
        .collect()
}

pub(super) fn failing(world: &World, bag: &str) -> Vec<String> {
    let ran = pasted(world, bag).into_iter();
    ran.filter(|(_, ran)| ran.exit != 0)
        .map(|(command, _)| command)
        .collect()
}

#[test]
fn a_bag_holds_the_release_and_what_proves_it() {
    let world = exported();
    let names: Vec<String> = bytes(&world.at("bag")).into_iter().map(|it| it.0).collect();
    for name in [
        "README.txt",
        "VERIFY.md",
        "bagit.txt",
        "bag-info.txt",
        "manifest-sha256.txt",
        "manifest-sha512.txt",
        "tagmanifest-sha256.txt",
        "tagmanifest-sha512.txt",
        "archive/manifest.json",
        "data/a.txt",
        "data/sub/b.txt",
        "data/SHA256SUMS",
        "evidence/release.sigstore.json/statement.json",
        "evidence/SHA256SUMS.sigstore.json/signature",
        "log/release.sigstore.json.1/checkpoint",
        "time/chain.pem",
        "time/release.sigstore.json.1.tsr",
        "trust/release.pub",
        "trust/trusted_root.json",
        "trust/log-1.pem",
    ] {
        assert!(names.contains(&name.to_owned()), "{name}: {names:#?}");
    }
    for (name, sent) in bytes(&world.at("dist")) {
        assert_eq!(world.read(&format!("bag/data/{name}")), sent, "{name}");
    }
    assert_eq!(
        world.read("bag/bagit.txt"),
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    );
    let info = String::from_utf8(world.read("bag/bag-info.txt")).unwrap();
    let total: usize = bytes(&world.at("dist")).iter().map(|it| it.1.len()).sum();
    assert!(
        info.ends_with(&format!("\nPayload-Oxum: {total}.12\n")),
        "{info}"
    );
    for list in ["manifest", "tagmanifest"] {
        world.shell(&format!("cd bag && sha256sum -c --strict {list}-sha256.txt && sha512sum -c --strict {list}-sha512.txt")).yes();
    }
}

#[test]
fn one_release_has_one_bag() {
    let world = exported();
    let other = World::new();
    copy(&world.at(".attest"), other.path());
    // The same archive in another place, at another time, for another person.
    other
        .shell("find .attest/archive -exec touch -d 2001-01-01 {} +")
        .yes();
    for form in ["dir", "tar"] {
        let line = format!(
            "umask 077; LC_ALL=C.UTF-8 TZ=Asia/Tokyo SOURCE_DATE_EPOCH=1 attest archive export {HELLO} --as {form} --out again.{form}"
        );
        other.shell(&line).yes();
        world
            .attest(&format!(
                "archive export {HELLO} --as {form} --out first.{form}"
            ))
            .yes();
    }
    assert_eq!(bytes(&world.at("bag")), bytes(&other.at("again.dir")));
    assert_eq!(world.read("first.tar"), other.read("again.tar"));
    // And the tar is the folder.
    world.shell("mkdir x && tar -C x -xf first.tar").yes();
    assert_eq!(bytes(&world.at("bag")), bytes(&world.at("x/hello-1.0.0")));
}

#[test]
fn the_commands_in_a_bag_work_as_pasted() {
    let world = exported();
    assert!(
        failing(&world, "bag").is_empty(),
        "{:#?}",
        failing(&world, "bag")
    );
    let commands: Vec<String> = pasted(&world, "bag").into_iter().map(|it| it.0).collect();
    for (begin, count) in [
        ("sha256sum -c", 2),
        ("(cd data && sha256sum", 1),
        ("openssl dgst", 4),
        ("openssl ts -verify", 4),
        ("openssl pkeyutl -verify", 4),
        ("[ \"$({ printf", 4),
        ("grep -qF", 4),
    ] {
        let found = commands.iter().filter(|it| it.starts_with(begin)).count();
        assert_eq!(found, count, "{begin}: {commands:#?}");
    }
}

/// Each change alone, with the lists of digests made new: what remains is what is signed.
#[test]
fn the_commands_in_a_bag_find_what_was_changed() {
    let world = exported();
    let relist = "for a in 256 512; do (find data -type f | LC_ALL=C sort | xargs -d '\\n' sha${a}sum) > manifest-sha$a.txt; done; for a in 256 512; do (find . -type f ! -path './data/*' ! -name 'tagmanifest*' | cut -c3- | LC_ALL=C sort | xargs -d '\\n' sha${a}sum) > tagmanifest-sha$a.txt; done";
    let swap = "mv time/release.sigstore.json.1.tsr t && mv time/provenance.sigstore.json.1.tsr time/release.sigstore.json.1.tsr && mv t time/provenance.sigstore.json.1.tsr";
    for (change, wanted) in [
        ("true", ""),
        ("echo x >> data/a.txt", "(cd data && sha256sum"),
        ("echo x > data/extra && rm manifest-sha256.txt", "sha256sum"),
        ("echo x >> data/SHA256SUMS", "openssl dgst"),
        (
            "sed -i s/hello/jello/ evidence/release.sigstore.json/signed",
            "openssl dgst",
        ),
        (
            "cp evidence/provenance.sigstore.json/signature evidence/release.sigstore.json/",
            "openssl dgst",
        ),
        (swap, "openssl ts -verify"),
        (
            "sed -i s/a/b/ log/release.sigstore.json.1/entry",
            "[ \"$({ printf",
        ),
        (
            "sed -i 2s/4/5/ log/release.sigstore.json.1/checkpoint.signed",
            "openssl pkeyutl -verify",
        ),
        (
            "cp log/provenance.sigstore.json.1/entry log/release.sigstore.json.1/entry",
            "grep -qF",
        ),
    ] {
        world.shell("rm -rf copy && cp -a bag copy").yes();
        world.shell(&format!("cd copy && {change}")).yes();
        if !change.contains("manifest-sha256") {
            world.shell(&format!("cd copy && {relist}")).yes();
        }
        let failing = failing(&world, "copy");
        let is_found = if wanted.is_empty() {
            failing.is_empty()
        } else {
            failing.iter().any(|it| it.starts_with(wanted))
        };
        assert!(is_found, "{change}: {failing:#?}");
    }
    world
        .shell("rm -rf copy && cp -a bag copy && echo x > copy/extra")
        .yes();
    assert!(failing(&world, "copy")[0].starts_with("[ \"$(find"));
}

#[test]
fn names_that_a_shell_would_read_stay_names() {
    let world = World::new();
    for name in ["-rf", "a b", "it's", "$(touch oops)", "50%", "größe", "a;b"] {
        world.write(&format!("dist/{name}"), name);
    }
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    world.attest("archive export hello@1.0.0 --out bag").yes();
    assert!(
        failing(&world, "bag").is_empty(),
        "{:#?}",
        failing(&world, "bag")
    );
    assert!(!world.at("oops").exists() && !world.at("bag/oops").exists());
    let manifest = String::from_utf8(world.read("bag/manifest-sha256.txt")).unwrap();
    assert!(manifest.contains("  data/50%25\n"), "{manifest}");
    world.attest("archive verify bag --home .attest").yes();
    world.attest("archive export hello@1.0.0 --as tar").yes();
    world
        .attest("archive verify hello-1.0.0.tar --home .attest")
        .yes();
}

#[test]
fn a_name_that_no_tar_can_have_is_exported_as_a_folder() {
    let world = World::new();
    world.write("dist/back\\slash", "x");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    let ran = world.attest("archive export hello@1.0.0 --as tar");
    assert_eq!(ran.exit, 2, "{ran:#?}");
    assert!(ran.err.contains("--as dir"), "{ran:#?}");
    assert!(!world.at("hello-1.0.0.tar").exists());
    world.attest("archive export hello@1.0.0").yes();
    assert!(failing(&world, "hello-1.0.0").is_empty());
    world
        .attest("archive verify ./hello-1.0.0 --home .attest")
        .yes();
}

#[test]
fn each_release_carries_a_signed_manifest_of_its_files_and_modes() {
    let world = World::new();
    world.write("dist/sub/doc.txt", "doc\n");
    world.write_program("dist/tool", "#!/bin/sh\n");
    let ran = world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    let json = world
        .attest("archive export hello@1.0.0 --out bag --format json")
        .yes()
        .json();
    assert_eq!(json["release_tree"], true);
    let tree = String::from_utf8(world.read("bag/data/release.tree")).unwrap();
    let sha512 = world.shell("sha512sum < dist/tool | cut -c-128").yes();
    let lines: Vec<&str> = tree.lines().collect();
    for wanted in [
        r#"{"path":"sub","type":"directory","mode":"0755"}"#,
        r#"{"path":"sub/doc.txt","type":"file","mode":"0644","size":4,"sha256":""#,
        r#"{"path":"tool","type":"file","mode":"0755","size":10,"sha256":""#,
        r#"{"path":"VERIFY.md","type":"file","mode":"0644","size":"#,
    ] {
        assert!(lines.iter().any(|it| it.starts_with(wanted)), "{tree}");
    }
    assert!(tree.contains(&format!(r#""sha512":"{}""#, sha512.out.trim())));
    let text = String::from_utf8(world.read("bag/VERIFY.md")).unwrap();
    assert!(!text.contains("no signed list of its files' modes"));
    assert!(!text.contains("say nothing about"), "{text}");
    for place in ["hello@1.0.0 --complete tree", "./bag --home .attest"] {
        let ran = world
            .attest(&format!("archive verify {place} --verbose"))
            .yes();
        assert!(
            ran.out.contains("by their modes 1 of them can be run"),
            "{ran:#?}"
        );
    }
    // The folder is what was signed, with its modes.
    let line = crate::release::line(&ran);
    let pins = line.split_once("--key").unwrap().1;
    let pins = pins.replace("trusted_root.json@", "dist/trusted_root.json@");
    let compare = format!(
        "attest tree verify dist --manifest dist/release.tree --release hello@1.0.0 --key {pins}"
    );
    let compare = compare.replace("--key sha256:", "--key dist/release.pub@sha256:");
    world.shell(&compare).yes();
}

/// Signs a manifest for these files, as somebody with the key does who has no `attest release`.
fn handmade(files: &[&str], manifest: &str) -> World {
    let world = released();
    world
        .shell("mkdir made && cp dist/a.txt dist/sub/b.txt made")
        .yes();
    world.write("made/release.tree", manifest);
    let mut subjects = Vec::new();
    for name in files {
        let digest = world
            .shell(&format!("sha256sum < made/{name} | cut -c-64"))
            .yes();
        subjects.push(serde_json::json!({"name": name, "digest": {"sha256": digest.out.trim()}}));
    }
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://in-toto.io/attestation/release/v0.2",
        "predicate": {"purl": "pkg:generic/made@1.0.0"},
    });
    world.write("statement.json", statement.to_string());
    world
        .attest("sign --statement statement.json --out made/release.sigstore.json --no-password")
        .yes();
    world
}

#[test]
fn a_signed_manifest_that_is_not_that_of_the_files_is_refused_wherever_they_are_read() {
    let world = released();
    let sha256 = |name: &str| {
        let ran = world
            .shell(&format!("sha256sum < dist/{name} | cut -c-64"))
            .yes();
        ran.out.trim().to_owned()
    };
    let size = |name: &str| world.read(&format!("dist/{name}")).len();
    let line = |name: &str, of: &str| {
        let (size, sha256) = (size(of), sha256(of));
        format!(
            r#"{{"path":"{name}","type":"file","mode":"0644","size":{size},"sha256":"{sha256}"}}"#
        )
    };
    let tree = |release: &str, lines: &[String]| {
        let bytes = |line: &String| {
            let size = line.split(r#""size":"#).nth(1).unwrap();
            size.split(',').next().unwrap().parse::<usize>().unwrap()
        };
        format!(
            "{{\"type\":\"https://attest.dev/tree/v0.1\",\"release\":\"{release}\",\"digests\":[\"sha256\"],\"attributes\":[\"mode\"],\"xattrs\":[],\"ignore\":[\"release.sigstore.json\",\"release.tree\"]}}\n{{\"path\":\".\",\"type\":\"directory\",\"mode\":\"0755\"}}\n{}\n{{\"entries\":{},\"bytes\":{}}}\n",
            lines.join("\n"),
            lines.len() + 1,
            lines.iter().map(bytes).sum::<usize>()
        )
    };
    let (a, b) = (line("a.txt", "a.txt"), line("b.txt", "sub/b.txt"));
    let files = ["a.txt", "b.txt", "release.tree"];
    let both = [a.clone(), b.clone()];
    let whole = tree("made@1.0.0", &both);
    let world = handmade(&files, &whole);
    world.attest("archive add made").yes();
    world.attest("archive verify made@1.0.0").yes();
    let missing = [a.clone(), b, line("c.txt", "a.txt")];
    for (manifest, code) in [
        (tree("made@2.0.0", &both), "release-tree-other-release"),
        (tree("made@1.0.0", &missing), "release-tree-missing"),
        (
            tree("made@1.0.0", std::slice::from_ref(&a)),
            "release-tree-extra",
        ),
        (
            tree("made@1.0.0", &[a, line("b.txt", "a.txt")]),
            "release-tree-mismatch",
        ),
        (whole.replace("0644", "644"), "tree-manifest-malformed"),
    ] {
        let world = handmade(&files, &manifest);
        let ran = world.attest("archive add made --format json");
        assert_eq!(ran.exit, 1, "{code}: {ran:#?}");
        assert!(ran.out.contains(&format!("\"{code}\"")), "{code}: {ran:#?}");
        assert!(!world.attest("archive list").out.contains("made@1.0.0"));
    }
}

#[test]
fn nothing_that_exists_is_replaced_without_force() {
    let world = exported();
    let again = "archive export hello@1.0.0 --out bag";
    world.write("bag/data/a.txt", "changed\n");
    world.attest(again).refused(2, "file-exists");
    assert_eq!(world.read("bag/data/a.txt"), b"changed\n");
    world.attest(&format!("{again} --force")).yes();
    assert_eq!(world.read("bag/data/a.txt"), b"alpha\n");
    // Only what an earlier export has made is ever replaced.
    for place in ["dist", "user", "dist/a.txt"] {
        world
            .attest(&format!("archive export hello@1.0.0 --out {place} --force"))
            .refused(2, "file-exists");
    }
    world
        .attest("archive export hello@1.0.0 --out bag --as tar --force")
        .refused(2, "file-exists");
    assert_eq!(world.read("dist/a.txt"), b"alpha\n");
    let left = |name: &str| name.contains(".tmp");
    let names = fs::read_dir(world.path()).unwrap();
    assert!(
        !names
            .map(|it| it.unwrap().file_name())
            .any(|it| left(&it.to_string_lossy()))
    );
}

#[test]
fn a_full_disk_leaves_no_half_of_an_export() {
    let world = released();
    if world.shell("unshare -m true").exit != 0 {
        println!("not run: mounting needs root");
        return;
    }
    let exported = |form: &str, size: &str| {
        let mount = format!("mkdir -p room && mount -t tmpfs -o size={size} none room");
        let export = format!("attest archive export hello@1.0.0 --as {form} --out room/out");
        world.shell(&format!(
            "unshare -m sh -c '{mount} && {{ {export} --quiet; s=$?; ls -A room; exit $s; }}'"
        ))
    };
    for form in ["dir", "tar", "tar.gz", "tar.zst"] {
        let ran = exported(form, "4k");
        assert_eq!((ran.exit, ran.out.as_str()), (3, ""), "{form}: {ran:#?}");
        assert!(ran.err.contains("disk-full"), "{form}: {ran:#?}");
        let ran = exported(form, "4m");
        assert_eq!(
            (ran.exit, ran.out.as_str()),
            (0, "out\n"),
            "{form}: {ran:#?}"
        );
    }
}

#[test]
fn a_damaged_archive_exports_nothing() {
    let world = released();
    let shown = world
        .attest("archive show hello@1.0.0 --format json")
        .yes()
        .json();
    let manifest = shown["manifest"].as_str().unwrap().replace("sha256:", "");
    let files = shown["files"].as_array().unwrap().iter();
    let files = files.map(|it| it["sha256"].as_str().unwrap().to_owned());
    for digest in files.chain([manifest]) {
        let path = world.at(".attest/archive/blobs/sha256").join(digest);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[0] ^= 1;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&path, bad).unwrap();
        for form in ["dir", "tar"] {
            let ran = world.attest(&format!("archive export hello@1.0.0 --out bag --as {form}"));
            ran.refused(1, "blob-corrupt");
        }
        fs::write(&path, good).unwrap();
    }
    assert!(!world.at("bag").exists());
    world
        .attest("archive export hello@2.0.0")
        .refused(1, "release-not-archived");
    world
        .attest("archive export hello")
        .refused(2, "bad-release");
    world
        .attest("archive export hello@1.0.0 --archive dist")
        .refused(2, "not-an-archive");
}

#[test]
fn the_answer_is_one_object() {
    let world = released();
    let json = world
        .attest("archive export hello@1.0.0 --format json --as tar")
        .yes()
        .json();
    assert_eq!(json["out"], "hello-1.0.0.tar");
    assert_eq!((&json["form"], &json["exit"]), (&"tar".into(), &0.into()));
    let tar = with_pins(
        &world,
        &["archive", "verify", "hello-1.0.0.tar", "--format", "json"],
    )
    .yes()
    .json();
    assert_eq!(tar["archive"]["blobs"], json["files"]);
    assert_eq!(tar["subjects"][0]["release"], HELLO);
}
