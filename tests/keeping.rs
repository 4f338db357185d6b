//! Keeping what is archived: copies in replicas, repair from them, finding again.

mod deletion;
mod later;
mod source;

use std::fs;

use attest_digest::{Artifact, Hashes};
use serde_json::json;

use crate::support::World;

/// A home with `hello@1.0.0` in its archive, and a replica of it.
fn replicated() -> World {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/sub/b.txt", "beta\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    world.attest("archive copy --to vault").yes();
    world
}

fn blob(bytes: &[u8]) -> String {
    let digest = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
    format!("blobs/sha256/{}", digest.hex())
}

fn damage(world: &World, place: &str) {
    let path = world.at(&format!("{place}/{}", blob(b"alpha\n")));
    fs::remove_file(&path).unwrap();
    fs::write(path, "alphA\n").unwrap();
}

#[test]
fn a_damaged_blob_comes_back_from_a_replica_and_the_bad_one_is_kept_apart() {
    let world = replicated();
    damage(&world, ".attest/archive");
    assert_eq!(world.attest("archive verify").exit, 1);
    let ran = world.attest("archive repair --from vault --format json");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let report = ran.json();
    assert_eq!(report["repaired"][0]["was"], "blob-corrupt");
    let quarantined = report["repaired"][0]["quarantined"].as_str().unwrap();
    let kept = world.read(&format!(".attest/archive/{quarantined}"));
    assert_eq!(kept, b"alphA\n");
    world.attest("archive verify").yes();
    // A second time there is nothing to do.
    let again = world.attest("archive repair --from vault --format json");
    assert_eq!(
        (
            again.exit,
            again.json()["repaired"].as_array().unwrap().len()
        ),
        (0, 0)
    );
}

#[test]
fn what_no_replica_has_whole_is_lost_and_the_answer_is_no() {
    let world = replicated();
    damage(&world, ".attest/archive");
    damage(&world, "vault");
    let ran = world.attest("archive repair --from vault --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["lost"][0]["code"], "blob-corrupt");
    assert_eq!(
        world.read(&format!(".attest/archive/{}", blob(b"alpha\n"))),
        b"alphA\n"
    );
}

#[test]
fn an_archive_is_no_replica_of_itself_and_a_folder_that_is_none_is_refused() {
    let world = replicated();
    for place in [".attest/archive", ".attest/archive/blobs", ".attest", "."] {
        for command in ["copy --to", "repair --from"] {
            let ran = world.attest(&format!("archive {command} {place}"));
            ran.refused(2, "bad-arguments");
        }
    }
    world
        .attest("archive repair --from dist")
        .refused(2, "not-an-archive");
    world
        .attest("archive copy --to dist")
        .refused(2, "not-an-archive");
}

#[test]
fn a_copy_is_an_archive_that_verifies_where_it_stands() {
    let world = replicated();
    let again = world.attest("archive copy --to vault --format json").json();
    assert_eq!(
        (&again["new_blobs"], &again["releases"]),
        (&0.into(), &1.into())
    );
    let pin = |name: &str| Artifact::of_bytes(&world.read(name), Hashes::Sha256).sha256();
    let root = pin("dist/trusted_root.json");
    let verified = format!(
        "archive verify --archive vault --key dist/release.pub --trusted-root dist/trusted_root.json@{root}"
    );
    world.attest(&verified).yes();
    damage(&world, ".attest/archive");
    fs::remove_dir_all(world.at("vault")).unwrap();
    let ran = world.attest("archive copy --to vault --format json");
    assert_eq!(ran.exit, 1);
    let report = ran.json();
    assert_eq!(report["not_copied"][0]["code"], "blob-corrupt");
    assert_eq!(report["incomplete"][0], "hello@1.0.0");
}

#[test]
fn a_release_is_found_by_what_it_holds() {
    let world = replicated();
    let sbom = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
        "components":[{"type":"library","name":"lodash","version":"4.17.21","purl":"pkg:npm/lodash@4.17.21"}]}"#;
    world.write("tool/tool", "tool\n");
    world.write("tool.cdx.json", sbom);
    world
        .attest("release tool --name tool --version 2.0.0 --sbom tool.cdx.json --no-password")
        .yes();
    let find = |what: &str| {
        let ran = world.attest(&format!("archive find {what} --format json"));
        let report = ran.json();
        let hits = report["hits"].as_array().unwrap().iter();
        let releases = hits.map(|it| it["release"].as_str().unwrap().to_owned());
        (ran.exit, releases.collect::<Vec<_>>())
    };
    let alpha = Artifact::of_bytes(b"alpha\n", Hashes::Sha256).sha256();
    assert_eq!(
        find(&alpha.to_string()),
        (0, vec!["hello@1.0.0".to_owned()])
    );
    assert_eq!(find("--name b.txt").1, ["hello@1.0.0"]);
    assert_eq!(find("--name sub/*").1, ["hello@1.0.0"]);
    assert_eq!(find("--component pkg:npm/lodash").1, ["tool@2.0.0"]);
    assert_eq!(find("--component lodash").1, ["tool@2.0.0"]);
    assert_eq!(find("--component pkg:npm/lodash@4.17.20"), (1, vec![]));
    assert_eq!(find(&format!("{alpha} --name b.txt")), (1, vec![]));
    let pin =
        "openssl pkey -pubin -in .attest/trust/release.pub -outform DER | sha256sum | head -c 64";
    let key = format!("--signer sha256:{}", world.shell(pin).yes().out);
    assert_eq!(
        find(&format!("{key} --name release.sigstore.json")),
        (0, vec!["hello@1.0.0".to_owned(), "tool@2.0.0".to_owned()])
    );
    assert_eq!(find(&key).1.len(), 4 + 5);
    let other = "0".repeat(64);
    assert_eq!(find(&format!("--signer sha256:{other}")), (1, vec![]));
    assert_eq!(find("--signer alice@example.org"), (1, vec![]));
    for bad in ["sha256:ab", &format!("sha256:{}", "A".repeat(64))] {
        world
            .attest(&format!("archive find --signer {bad}"))
            .refused(2, "bad-signer");
    }
    world.attest("archive find").refused(2, "bad-arguments");
    world.attest("archive find alpha").refused(2, "bad-subject");
    // What cannot be read is not known to hold nothing.
    let path = world.at(&format!(".attest/archive/{}", blob(sbom.as_bytes())));
    fs::remove_file(path).unwrap();
    assert_eq!(find("--component lodash").0, 3);
}

#[test]
fn a_fixity_run_is_one_flat_line_and_finds_what_is_damaged() {
    let world = replicated();
    let ran = world.attest("archive fixity --all --format json");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert_eq!(ran.out.lines().count(), 1);
    let line = ran.json();
    let is_flat = |value: &serde_json::Value| !value.is_array() && !value.is_object();
    assert!(line.as_object().unwrap().values().all(is_flat));
    assert_eq!(
        (&line["damaged_blobs"], &line["extent"]),
        (&0.into(), &"all".into())
    );
    damage(&world, ".attest/archive");
    let ran = world.attest("archive fixity --all --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let damaged = ran.json()["damaged"].as_str().unwrap().to_owned();
    assert!(damaged.starts_with("blob-corrupt sha256:"), "{damaged}");
    world.attest("archive repair --from vault").yes();
    world.attest("archive fixity --all").yes();
    world.attest("archive verify").yes();
    world.attest("archive fixity").refused(2, "bad-arguments");
    world
        .attest("archive fixity --sample 0")
        .refused(2, "bad-arguments");
}

#[test]
fn samples_go_on_where_the_last_has_stopped_and_find_the_damage_in_the_runs_they_promise() {
    let world = replicated();
    damage(&world, ".attest/archive");
    let first = world.attest("archive fixity --sample 3 --format json");
    let runs = first.json()["sample_runs"].as_u64().unwrap();
    assert_eq!(
        runs,
        first.json()["sample_of"].as_u64().unwrap().div_ceil(3)
    );
    let mut exits = vec![first.exit];
    let mut last = vec![first.json()["sample_last"].clone()];
    for _ in 1..runs {
        let ran = world.attest("archive fixity --sample 3 --format json");
        exits.push(ran.exit);
        last.push(ran.json()["sample_last"].clone());
    }
    assert!(
        exits.contains(&1) && exits.iter().all(|it| *it < 2),
        "{exits:?}"
    );
    last.sort_by_key(ToString::to_string);
    last.dedup();
    assert!(last.len() as u64 >= runs - 1);
}

#[test]
fn damage_that_a_fixity_run_has_found_is_no_good_status_until_one_finds_none() {
    let world = replicated();
    world.attest("archive fixity --all").yes();
    let ran = world.attest("status").yes();
    assert!(ran.out.contains("every blob, no damage found"), "{ran:?}");
    damage(&world, ".attest/archive");
    assert_eq!(world.attest("archive fixity --all").exit, 1);
    let ran = world.attest("status");
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.out.contains("every blob, DAMAGE found"), "{ran:?}");
    world.attest("archive repair --from vault").yes();
    world.attest("archive fixity --all").yes();
    world.attest("status").yes();
}

#[test]
fn damage_that_was_found_is_not_forgotten_by_a_sample_that_reads_something_else() {
    let world = replicated();
    damage(&world, ".attest/archive");
    assert_eq!(world.attest("archive fixity --all").exit, 1);
    while world.attest("archive fixity --sample 1").exit != 0 {}
    let ran = world.attest("status");
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(
        ran.out.contains("no damage found; DAMAGE found before"),
        "{ran:?}"
    );
    let damage =
        world.attest("status --format json").json()["releases"][0]["fixity_damage"].clone();
    assert_eq!(damage["blobs"].as_array().unwrap().len(), 1, "{damage}");
    world.attest("archive repair --from vault").yes();
    assert_eq!(world.attest("status").exit, 1, "nothing was read since");
    world.attest("archive fixity --sample 1000").yes();
    world.attest("status").yes();
}

#[test]
fn a_signed_fixity_run_is_kept_and_verifies_as_a_statement_over_its_line() {
    let world = replicated();
    world
        .attest("archive fixity --all --sign --no-password")
        .yes();
    let reader = attest_archive::Reader::open(&world.at(".attest/archive")).unwrap();
    let runs = reader.archive_attachments().unwrap();
    let kept = |name: &str| {
        let path = attest_digest::RelativePath::parse(name).unwrap();
        runs[0].unverified_bytes(&path, 1 << 20).unwrap()
    };
    world.write("out/fixity.json", kept("fixity.json"));
    world.write(
        "out/fixity.json.sigstore.json",
        kept("fixity.sigstore.json"),
    );
    let verify =
        "verify out/fixity.json --key dist/release.pub --trusted-root dist/trusted_root.json";
    let typed = format!("{verify} --type https://in-toto.io/attestation/svr/v0.2");
    world.attest(&typed).yes();
    // It says what was read, and approves nothing by itself.
    assert_eq!(world.attest(verify).exit, 1);
    world.attest("archive verify").yes();
}

#[test]
fn what_must_be_kept_and_is_not_is_named() {
    let world = replicated();
    world
        .attest("archive verify --complete checksums,trust")
        .yes();
    let ran =
        world.attest("archive verify --complete checksums,sbom,provenance,review --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let reasons = report["subjects"][0]["reasons"].as_array().unwrap().iter();
    let reasons: Vec<_> = reasons.map(|it| (&it["code"], &it["wanted"])).collect();
    assert!(
        reasons
            .iter()
            .all(|(code, _)| *code == "archive-incomplete")
    );
    let missing: Vec<_> = reasons.iter().map(|(_, it)| it.as_str().unwrap()).collect();
    assert!(
        missing.contains(&"sbom") && missing.contains(&"review"),
        "{missing:?}"
    );
    assert!(!missing.contains(&"checksums"));
    world
        .attest("archive verify --complete everything")
        .refused(2, "bad-arguments");
}

/// A release of a repository with two commits, and bundles of it.
fn released_from_git() -> World {
    let world = World::new();
    world.write("repo/src.txt", "source\n");
    world.write("repo/.gitignore", "dist\n");
    world.write("repo/dist/a.txt", "alpha\n");
    let git = "git -C repo -c user.name=t -c user.email=t@example.com -c init.defaultBranch=main";
    for command in [
        "init -q",
        "add .",
        "commit -q -m one",
        "bundle create -q ../old.bundle main",
        "commit -q --allow-empty -m two",
        "bundle create -q ../whole.bundle main",
        "bundle create -q ../thin.bundle main~1..main",
        "archive -o ../source.tar main",
        "remote add origin https://git.example.com/acme/gadget.git",
    ] {
        world.shell(&format!("{git} {command}")).yes();
    }
    world
        .attest("release repo/dist --version 1.0 --init --no-password")
        .yes();
    world
}

/// As an import does it with what an export brings.
fn attach_source(world: &World, bundle: &[u8]) {
    use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source, Store};
    let mut store = Store::open(&world.at(".attest/archive")).unwrap();
    let release = store.reader().list().remove(0).name;
    let file = AttachedFileInput {
        path: attest_digest::RelativePath::parse("source.gitbundle").unwrap(),
        media_type: "application/x-git-bundle".to_owned(),
        source: Source::Bytes(bundle),
        expected: None,
    };
    let input = AttachmentInput {
        subject: Some(release),
        kind: AttachmentKind::Source,
        created: "2026-11-22T00:00:00Z".parse().unwrap(),
        files: vec![file],
    };
    store.attach(&input).unwrap();
}

#[test]
fn a_source_is_kept_if_it_holds_all_of_the_commit_that_the_provenance_names() {
    let world = released_from_git();
    for (source, code, exit) in [
        ("old.bundle", "source-bundle-mismatch", 1),
        ("thin.bundle", "source-bundle-mismatch", 1),
        ("source.tar", "source-bundle-mismatch", 1),
        ("absent.bundle", "source-unreadable", 3),
    ] {
        world
            .attest(&format!("archive add repo/dist --source {source}"))
            .refused(exit, code);
    }
    // What would fill the temporary folder, by its size and by what it says of itself.
    world.write("large.bundle", "# v2 git bundle\n");
    let large = fs::OpenOptions::new()
        .write(true)
        .open(world.at("large.bundle"))
        .unwrap();
    large.set_len((16 << 30) + 1).unwrap();
    let references = format!("# v2 git bundle\n{} refs/heads/main\n\n", "0".repeat(40));
    let pack = |count: &[u8]| [references.as_bytes(), b"PACK\0\0\0\x02", count].concat();
    world.write("many.bundle", pack(&20_000_001_u32.to_be_bytes()));
    world.write("short.bundle", pack(&2_u32.to_be_bytes()));
    world.write("none.bundle", &references);
    for (source, code) in [
        ("large.bundle", "source-too-large"),
        ("many.bundle", "source-too-large"),
        ("short.bundle", "source-bundle-mismatch"),
        ("none.bundle", "source-bundle-mismatch"),
    ] {
        world
            .attest(&format!("archive add repo/dist --source {source}"))
            .refused(1, code);
    }
    // One byte of an object: git names it by another hash, or cannot read it.
    let mut bytes = world.read("whole.bundle");
    let middle = bytes.len() - 40;
    bytes[middle] ^= 1;
    world.write("changed.bundle", bytes);
    world
        .attest("archive add repo/dist --source changed.bundle")
        .refused(1, "source-bundle-mismatch");
    assert_eq!(world.attest("archive verify --complete source").exit, 1);
    // What somebody else has attached is its source no more than nothing is.
    attach_source(&world, &world.read("old.bundle"));
    let ran = world.attest("archive verify --complete source --format json");
    let reason = &ran.json()["subjects"][0]["reasons"][0];
    assert_eq!(
        (ran.exit, &reason["code"]),
        (1, &json!("archive-incomplete"))
    );
    let found = reason["found"].as_str().unwrap();
    assert!(found.contains("does not hold all of commit"), "{found}");

    let ran = world.attest("archive add repo/dist --source whole.bundle --format json");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let head = world.shell("git -C repo rev-parse HEAD").yes();
    assert_eq!(ran.json()["source"]["commit"], head.out.trim());
    world.attest("archive verify --complete source").yes();
    // A second time it is there already.
    world
        .attest("archive add repo/dist --source whole.bundle")
        .yes();
    let reader = attest_archive::Reader::open(&world.at(".attest/archive")).unwrap();
    let sources = reader.attachment_list().into_iter();
    let sources = sources.filter(|it| it.kind == attest_archive::AttachmentKind::Source);
    assert_eq!(sources.count(), 2, "ours, and somebody else's");
}

/// A bundle is unpacked to be checked: where there is no room for that, nobody knows what it holds.
#[test]
fn a_source_that_cannot_be_unpacked_for_want_of_room_is_not_called_damaged() {
    let world = released_from_git();
    if world.shell("unshare -m true").exit != 0 {
        println!("not run: mounting needs root");
        return;
    }
    let with_room = |size: &str, then: &str| {
        let mount = format!("mount -t tmpfs -o size={size} none room");
        let add = "TMPDIR=$PWD/room attest archive add repo/dist --source whole.bundle";
        world.shell(&format!(
            "unshare -m sh -c 'mkdir -p room && {mount} && {then} && {add}'"
        ))
    };
    let before = world.listing(".attest/archive");
    let ran = with_room("4k", "head -c 4096 /dev/zero > room/full");
    let ran = ran.refused(3, "source-unreadable");
    assert!(ran.err.contains("0 are free"), "{ran:?}");
    assert_eq!(world.listing(".attest/archive"), before);
    with_room("16m", "true").yes();
}

#[test]
fn a_release_whose_provenance_names_no_commit_takes_no_source() {
    let world = replicated();
    world.write("any.bundle", "# v2 git bundle\n");
    world
        .attest("archive add dist --source any.bundle")
        .refused(1, "source-unbound");
}

/// The signer's word about something else, kept among the files of a release.
#[test]
fn what_is_said_of_something_else_is_nothing_about_the_release() {
    let world = released_from_git();
    let commit = world.shell("git -C repo rev-parse HEAD").yes();
    let commit = commit.out.trim();
    world.write(
        "result.json",
        r#"{"result":"PASSED","configuration":[{"uri":"https://example.com/tests"}]}"#,
    );
    let provenance = serde_json::json!({
        "buildDefinition": {
            "buildType": "https://example.com/build",
            "externalParameters": { "target": "all" },
            "resolvedDependencies": [{
                "uri": "git+https://git.example.com/acme/gadget.git",
                "digest": { "gitCommit": commit },
            }],
        },
        "runDetails": { "builder": { "id": "https://example.com/builder" } },
    });
    world.write("provenance.json", provenance.to_string());
    let other = format!("sha256:{}", "ab".repeat(32));
    let sign = |kind: &str, predicate: &str, to: &str| {
        let what = format!("--type {kind} --predicate {predicate} --subject {other}=other");
        world.attest(&format!(
            "provenance statement {what} --sign -o app/{to} --no-password"
        ))
    };
    world.write("app/app.bin", "app");
    sign("test-result", "result.json", "other-test.sigstore.json").yes();
    sign(
        "slsaprovenance1",
        "provenance.json",
        "other-built.sigstore.json",
    )
    .yes();
    world
        .attest("release app --name app --version 1.0 --no-password")
        .yes();
    let ran =
        world.attest("archive verify app@1.0 --complete provenance,test-result --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let report = ran.json();
    let reasons = report["subjects"][0]["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["code"], "archive-incomplete");
    assert_eq!(reasons[0]["wanted"], "test-result");
    world
        .attest("archive add app --source whole.bundle")
        .refused(1, "source-unbound");
}

#[test]
fn a_retention_is_signed_and_never_becomes_shorter() {
    let world = replicated();
    let shown = world
        .attest("archive show hello@1.0.0 --format json")
        .json();
    assert_eq!(shown["keeping"]["said"], false);
    let retain =
        |flags: &str| world.attest(&format!("archive retain hello@1.0.0 {flags} --no-password"));
    retain("--years 9").refused(2, "bad-arguments");
    retain("--class forever").refused(2, "bad-arguments");
    retain("--at 2026-01-01").refused(2, "time-not-asserted");
    let ran = retain("--years 20 --format json");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let kept = ran.json()["keeping"].clone();
    assert_eq!(
        (&kept["class"], &kept["said"]),
        (&"release".into(), &true.into())
    );
    retain("--years 19").refused(1, "retention-shortened");
    retain("--class snapshot").refused(1, "retention-shortened");
    let status = world.attest("status --format json").json();
    assert_eq!(status["releases"][0]["keeping"], kept);
    assert_eq!(status["releases"][0]["beside"]["source"], false);
    retain("--class cra --years 30").yes();
    world.attest("archive verify").yes();
    world.attest("archive log").yes();
}

#[test]
fn a_hold_stands_until_it_is_lifted() {
    let world = replicated();
    let hold = |flags: &str| {
        world.attest_with(
            &["archive", "hold", "hello@1.0.0", "--no-password"]
                .into_iter()
                .chain(flags.split('|'))
                .collect::<Vec<_>>(),
        )
    };
    hold("--reason|closed|--release-hold").refused(1, "hold-missing");
    hold("--reason|a\nb").refused(2, "bad-arguments");
    hold("--reason|case 7 before the court").yes();
    let shown = world.attest("archive show hello@1.0.0").yes().out;
    assert!(
        shown.contains("on hold: case 7 before the court"),
        "{shown}"
    );
    hold("--reason|closed|--release-hold").yes();
    let status = world.attest("status").yes().out;
    assert!(!status.contains("on hold"), "{status}");
    world.attest("archive verify").yes();
    world.attest("archive log").yes();
}
