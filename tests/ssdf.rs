//! `attest report --ssdf` from outside: what counts is verified, what is missing is named.

use serde_json::Value;

use crate::archive::attached::attach;
use crate::schema::Schema;
use crate::support::{Ran, World};

/// A release of a repository, with a bill of materials.
fn world() -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    let git = "git -C repo -c user.name=t -c user.email=t@example.com -c init.defaultBranch=main";
    world.write("repo/.gitignore", "dist\n");
    for command in [
        "init -q",
        "add .gitignore",
        "commit -q -m one",
        "remote add origin https://git.example.com/acme/hello.git",
    ] {
        world.shell(&format!("{git} {command}")).yes();
    }
    world.write("repo/dist/hello", "hello\n");
    world.write(
        "hello.cdx.json",
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#,
    );
    world
        .attest(
            "release repo/dist --name hello --version 1.0.0 --sbom hello.cdx.json --no-password",
        )
        .yes();
    world
}

fn commit(world: &World) -> String {
    world
        .shell("git -C repo rev-parse HEAD")
        .yes()
        .out
        .trim()
        .to_owned()
}

fn review(world: &World, flags: &str) {
    let reviewer =
        "--reviewer mailto:bob@example.com --no-password --out review.sigstore.json --force";
    world
        .attest(&format!("provenance review {flags} {reviewer}"))
        .yes();
}

fn report(world: &World, flags: &str) -> Ran {
    let ran = world.attest(format!("report --ssdf --format json {flags}").trim_end());
    Schema::read("ssdf-1.json").accepts(&ran.json());
    ran
}

/// The state of each task of the first release.
fn states(ran: &Ran) -> Vec<(String, String)> {
    let report = ran.json();
    let tasks = report["releases"][0]["tasks"].as_array().unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    tasks
        .iter()
        .map(|it| (text(&it["task"]), text(&it["state"])))
        .collect()
}

fn state(ran: &Ran, task: &str) -> String {
    let states = states(ran);
    let found = states.iter().find(|(it, _)| it == task);
    found.unwrap().1.clone()
}

#[test]
fn each_task_has_its_evidence_with_its_digest_or_is_missing() {
    let world = world();
    let ran = report(&world, "");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let found = states(&ran);
    let wanted = [
        ("PS.1.1", "complete"),
        ("PS.2.1", "complete"),
        ("PS.3.1", "complete"),
        ("PS.3.2", "complete"),
        ("PW.2.1", "missing"),
    ];
    let wanted = wanted.map(|(task, state)| (task.to_owned(), state.to_owned()));
    assert_eq!(found, wanted);
    let report = ran.json();
    assert_eq!(report["framework"]["id"], "ssdf-1.1");
    let list = world.attest("archive list --format json").yes().json();
    let release = &report["releases"][0];
    assert_eq!(release["manifest"], list["releases"][0]["manifest"]);
    assert_eq!(release["commit"], commit(&world));
    let sums = &release["tasks"][1]["evidence"][0];
    assert_eq!(sums["kind"], "checksums");
    let bytes = world
        .shell("sha256sum repo/dist/SHA256SUMS | cut -c-64")
        .yes();
    assert_eq!(sums["digest"], format!("sha256:{}", bytes.out.trim()));
    let draft = world.attest("report --ssdf=ssdf-1.2-ipd --format json");
    assert_eq!(draft.json()["framework"]["status"], "draft");
    let human = world.attest("report --ssdf hello@1.0.0");
    assert_eq!(human.exit, 1);
    assert!(
        human.out.contains("missing   design-review: "),
        "{human:#?}"
    );
}

#[test]
fn only_an_independent_approval_of_the_design_of_that_commit_counts() {
    let world = world();
    let commit = commit(&world);
    let other = "0".repeat(40);
    let design = format!("--scope design --commit {commit}");
    for (flags, wanted) in [
        (
            format!("{design} --result approved --independent yes"),
            "complete",
        ),
        (
            format!("{design} --result approved --independent no"),
            "missing",
        ),
        (format!("{design} --result approved"), "missing"),
        (
            format!("{design} --result rejected --independent yes"),
            "missing",
        ),
        (
            format!("--scope code --commit {commit} --result approved --independent yes"),
            "missing",
        ),
        (
            format!("--scope design --commit {other} --result approved --independent yes"),
            "missing",
        ),
    ] {
        review(&world, &flags);
        let ran = report(&world, "--evidence review.sigstore.json");
        assert_eq!(state(&ran, "PW.2.1"), wanted, "{flags}: {ran:#?}");
        assert_eq!(ran.exit == 0, wanted == "complete", "{flags}");
    }
    // By a key that nobody expects.
    world.attest("init --no-password --home other").yes();
    review(
        &world,
        &format!("{design} --result approved --independent yes --home other"),
    );
    let ran = report(&world, "--evidence review.sigstore.json");
    assert_eq!(state(&ran, "PW.2.1"), "missing");
    let claimed = ran.json().to_string();
    assert!(
        claimed.contains("signature-invalid") || claimed.contains("signer-"),
        "{ran:#?}"
    );
    world
        .attest("report --ssdf --evidence nothing.json")
        .refused(3, "bundle-unreadable");
}

/// Whoever can write to an archive can attach anything.
#[test]
fn what_is_attached_ends_no_report_and_hides_no_approval() {
    let world = world();
    let commit = commit(&world);
    review(
        &world,
        &format!("--scope design --commit {commit} --result approved --independent yes"),
    );
    let approval = std::fs::read(world.at("review.sigstore.json")).unwrap();
    let large = vec![b' '; attest_verify::limits::BUNDLE_BYTES + 1];
    attach(&world, "01", &[("log.txt", &large)]);
    attach(&world, "02", &[("large.sigstore.json", &large)]);
    attach(&world, "03", &[("review.sigstore.json", &approval)]);
    let ran = report(&world, "");
    assert_eq!((ran.exit, state(&ran, "PW.2.1").as_str()), (0, "complete"));
    let told = ran.out.matches("bundle-too-large").count();
    assert!(told > 0 && !ran.out.contains("log.txt"), "{ran:#?}");
}

/// What `archive verify` refuses is complete in no report.
#[test]
fn what_can_no_longer_be_proven_is_claimed() {
    let world = world();
    let commit = commit(&world);
    review(
        &world,
        &format!("--scope design --commit {commit} --result approved --independent yes"),
    );
    let asked = |at: &str| {
        report(
            &world,
            &format!("--evidence review.sigstore.json --at {at}"),
        )
    };
    assert_eq!(asked("2035-01-01").exit, 0);
    let ran = asked("2047-01-01");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(state(&ran, "PS.1.1"), "incomplete");
    assert_eq!(state(&ran, "PS.3.1"), "incomplete");
    let ran = world.attest("report --ssdf --at 2047-01-01");
    for kind in ["files", "timestamp"] {
        let told = format!("claimed   {kind}");
        let line = ran.out.lines().find(|it| it.trim().starts_with(&told));
        assert!(
            line.is_some_and(|it| it.contains("proof-expired")),
            "{kind}: {ran:?}"
        );
    }
}

#[test]
fn evidence_that_is_not_verified_counts_for_nothing() {
    let world = world();
    world.attest("init --no-password --home other").yes();
    let ran = report(
        &world,
        "--key other/trust/release.pub --trusted-root other/trust/trusted_root.json",
    );
    assert_eq!(ran.exit, 1);
    assert!(
        states(&ran).iter().all(|(_, state)| state == "missing"),
        "{ran:#?}"
    );
    let kinds = ran.json()["releases"][0]["tasks"][0]["evidence"].to_string();
    assert!(
        kinds.contains("claimed") && !kinds.contains("verified"),
        "{kinds}"
    );
    // A bit that fell.
    let blob = world.shell("sha256sum repo/dist/hello | cut -c-64").yes();
    let blob = format!(".attest/archive/blobs/sha256/{}", blob.out.trim());
    std::fs::remove_file(world.at(&blob)).unwrap();
    world.write(&blob, "hellO\n");
    let ran = report(&world, "");
    assert_eq!(
        (ran.exit, state(&ran, "PS.1.1").as_str()),
        (1, "incomplete")
    );
}

#[test]
fn the_page_is_one_file_that_refers_to_nothing_outside() {
    let world = world();
    let ran = world.attest("report --ssdf --format html --at 2030-01-01");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.starts_with("<!DOCTYPE html>"), "{ran:#?}");
    for forbidden in ["<script", "src=", "href=", "url(", "@import", "http:"] {
        assert!(!ran.out.contains(forbidden), "{forbidden}");
    }
    let again = world.attest("report --ssdf --format html --at 2030-01-01");
    assert_eq!(ran.out, again.out);
}

#[test]
fn assessment_results_are_the_same_for_the_same_evidence() {
    let world = world();
    let oscal = |at: &str| world.attest(&format!("report --ssdf --format oscal --at {at}"));
    let ran = oscal("2030-01-01");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.out, oscal("2030-01-01").out);
    let results = &ran.json()["assessment-results"];
    assert_ne!(
        results["uuid"],
        oscal("2030-01-02").json()["assessment-results"]["uuid"]
    );
    let findings = results["results"][0]["findings"].as_array().unwrap();
    let states: Vec<_> = findings
        .iter()
        .map(|it| it["target"]["status"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states[3..], ["satisfied", "not-satisfied"]);
    // Never of a control itself.
    assert_eq!(findings[0]["target"]["target-id"], "PS.1.1_attest-evidence");
}

#[test]
fn the_formats_of_reports_are_those_of_reports_alone() {
    let world = world();
    for format in ["html", "oscal"] {
        world
            .attest(&format!("archive list --format {format}"))
            .refused(2, "format-unsupported");
    }
    world.attest("report").refused(2, "bad-arguments");
    world
        .attest("report --ssdf other@1.0.0")
        .refused(1, "release-not-archived");
}
