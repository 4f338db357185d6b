//! Many files at once: one answer, as one run after the other would have given it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::Released;
use crate::support::Ran;

impl Released {
    fn listed(&self, list: &str, more: &[&str]) -> Ran {
        self.world.write("list", list);
        self.verify_list("list", more)
    }

    fn verify_list(&self, list: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["verify", "--format", "json", "--files-from", list];
        arguments.extend([
            "--key",
            "dist/release.pub",
            "--trusted-root",
            "dist/trusted_root.json",
        ]);
        arguments.extend(more);
        self.world.attest_with(&arguments)
    }
}

#[test]
fn a_list_that_is_no_list_is_a_bad_request() {
    let released = Released::new();
    for list in ["", "\n", "dist/a.txt\n\n", "dist/a.txt\r\n", "dist/a.txt\0"] {
        let ran = released.listed(list, &[]);
        assert_eq!(ran.exit, 2, "{list:?}: {ran:#?}");
        assert_eq!(ran.json()["error"]["code"], "files-from-invalid");
    }
    assert_eq!(released.verify_list("none", &[]).exit, 2);
    assert_eq!(
        released.verify_list("-", &[]).exit,
        2,
        "standard input is empty"
    );
    let ran = released.verify("dist/a.txt", &["--null"]);
    assert_eq!(ran.exit, 2);
}

#[test]
fn one_refused_file_among_many_is_a_no_and_is_named() {
    let released = Released::new();
    let names: Vec<String> = ["dist/a.txt", "dist/b.txt", "dist/sub/c.txt"]
        .iter()
        .cycle()
        .take(300)
        .map(|name| format!("{name}\n"))
        .collect();
    let list = names.concat();
    let report = released.listed(&list, &[]).yes().json();
    assert_eq!(report["subjects"].as_array().unwrap().len(), 300);
    assert_eq!(report["subjects"][299]["subject"], "dist/sub/c.txt");
    // Each piece of evidence stands there once, and what decided is the release statement.
    let places: Vec<&Value> = report["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["place"])
        .collect();
    let mut once = places.clone();
    once.sort_by_key(|it| it.as_str());
    once.dedup();
    assert_eq!(once.len(), places.len());
    for subject in report["subjects"].as_array().unwrap() {
        let decided = usize::try_from(subject["decided_by"][0].as_u64().unwrap()).unwrap();
        assert_eq!(report["evidence"][decided]["state"], "proven", "{subject}");
    }
    // The same answer as for the files one by one.
    let few = released
        .listed("dist/a.txt\ndist/b.txt\ndist/sub/c.txt\n", &[])
        .yes();
    assert_eq!(few.json()["evidence"], report["evidence"]);

    let ran = released.listed(&format!("{list}dist/none.txt\n"), &[]);
    assert_eq!(ran.exit, 3, "{ran:#?}");
    released.world.write("dist/b.txt", "changed");
    let ran = released.listed(&format!("{list}dist/none.txt\n"), &[]);
    assert_eq!(ran.exit, 1);
    let report = ran.json();
    assert_eq!(report["subjects"][0]["answer"], "yes");
    assert_eq!(report["subjects"][1]["files"][0]["code"], "digest-mismatch");
    assert_eq!(report["subjects"][300]["answer"], "unknown");
}

#[test]
fn names_between_nuls_and_from_standard_input_are_read() {
    let released = Released::new();
    released
        .listed("dist/a.txt\0dist/b.txt\0", &["--null"])
        .yes();
    released.listed("dist/a.txt\0dist/b.txt", &["--null"]).yes();
    let ran = released.world.shell(
        "find dist -name '*.txt' -print0 | attest verify --files-from - --null \
         --key dist/release.pub --trusted-root dist/trusted_root.json",
    );
    assert_eq!(ran.exit, 0, "{ran:#?}");
    // What is listed is a file's bytes, whatever its name says.
    let ran = released.listed("sha256:00\n", &[]);
    assert_eq!(ran.exit, 3, "{ran:#?}");
}

#[test]
fn a_folder_of_links_to_one_big_file_is_read_once() {
    let released = Released::new();
    fs::create_dir(released.world.at("links")).unwrap();
    released.world.write("links/big", vec![b'x'; 8 << 20]);
    for number in 0..2000 {
        symlink("big", released.world.at(&format!("links/{number}"))).unwrap();
    }
    // 16 GB, hashed by what is built without optimisation, would take minutes.
    let ran = released.world.shell(&format!(
        "timeout 60 attest verify links --format json {}",
        released
            .trust
            .join(" ")
            .replace("trusted_root.json@", "dist/trusted_root.json@")
    ));
    assert_ne!(ran.exit, 124, "{}", ran.err);
}

#[test]
fn a_folder_with_one_bundle_for_each_file_is_judged_file_by_file() {
    let released = Released::new();
    let names: Vec<String> = (0..40).map(|number| format!("many/{number}.txt")).collect();
    for name in &names {
        released.world.write(name, name);
    }
    let words = ["sign", "--no-password"];
    let arguments: Vec<&str> = words
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    released.world.attest_with(&arguments).yes();
    let ask = |more: &[&str]| {
        let mut arguments = vec!["verify", "many", "--format", "json"];
        arguments.extend([
            "--key",
            "dist/release.pub",
            "--trusted-root",
            "dist/trusted_root.json",
        ]);
        arguments.extend(more);
        released.world.attest_with(&arguments)
    };
    assert_eq!(ask(&[]).exit, 1, "they bind no path");
    let report = ask(&["--accept", "no-names"]).yes().json();
    assert_eq!(
        report["subjects"][0]["decided_by"]
            .as_array()
            .unwrap()
            .len(),
        40
    );

    // One bundle under another name, one file changed, one bundle forged: each is named, no other is.
    fs::rename(
        released.world.at("many/7.txt.sigstore.json"),
        released.world.at("many/8.txt.sigstore.json"),
    )
    .unwrap();
    released.world.write("many/20.txt", "changed");
    let bundle = released.world.read("many/30.txt.sigstore.json");
    let forged = String::from_utf8(bundle)
        .unwrap()
        .replace("\"signature\"", "\"signaturf\"");
    released.world.write("many/30.txt.sigstore.json", forged);
    let report = ask(&["--accept", "no-names"]);
    assert_eq!(report.exit, 1);
    let report = report.json();
    let refused: Vec<&str> = report["subjects"][0]["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["verdict"] == "rejected")
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        refused,
        [
            "20.txt",
            "20.txt.sigstore.json",
            "30.txt",
            "30.txt.sigstore.json",
            "7.txt",
            "8.txt",
            "8.txt.sigstore.json"
        ]
    );
}

#[test]
fn who_approved_which_of_many_files_is_told_by_its_own_bundle() {
    let released = Released::new();
    let names: Vec<String> = (0..40).map(|number| format!("many/{number}.txt")).collect();
    for name in &names {
        released.world.write(name, name);
    }
    let mut sign = vec!["sign", "--no-password"];
    sign.extend(names.iter().map(String::as_str));
    released.world.attest_with(&sign).yes();
    let report = released.listed(&names.join("\n"), &[]).yes().json();
    for (name, subject) in names.iter().zip(report["subjects"].as_array().unwrap()) {
        let evidence = &subject["signers"]["approvals"][0]["evidence"];
        assert_eq!(*evidence, subject["decided_by"][0], "{name}");
        let index = usize::try_from(evidence.as_u64().unwrap()).unwrap();
        let place = format!("{name}.sigstore.json");
        assert_eq!(report["evidence"][index]["place"], place.as_str());
    }
}

/// Two names that are shown alike: whose bundle decided is told for each, and none is the other's.
#[test]
fn bundles_whose_names_look_alike_are_told_apart() {
    let released = Released::new();
    let mut names: Vec<Vec<u8>> = (0..18)
        .map(|it| format!("many/{it}").into_bytes())
        .collect();
    names.insert(0, b"many/\xff".to_vec());
    names.push(b"many/\xfe".to_vec());
    fs::create_dir(released.world.at("many")).unwrap();
    let mut sign = released.world.command();
    sign.args(["sign", "--no-password"]);
    for name in &names {
        let name = OsStr::from_bytes(name);
        fs::write(released.world.path().join(name), name.as_bytes()).unwrap();
        sign.arg(name);
    }
    Ran::of(&mut sign).yes();
    released.world.write("list", names.join(&b'\n'));
    let report = released.verify_list("list", &[]).yes().json();
    let mut bundles = BTreeSet::new();
    for (name, subject) in names.iter().zip(report["subjects"].as_array().unwrap()) {
        let index = usize::try_from(subject["decided_by"][0].as_u64().unwrap()).unwrap();
        let mut bundle = name.clone();
        bundle.extend(b".sigstore.json");
        let place = String::from_utf8_lossy(&bundle).into_owned();
        assert_eq!(report["evidence"][index]["place"], place.as_str());
        bundles.insert(index);
    }
    assert_eq!(bundles.len(), names.len());
}
