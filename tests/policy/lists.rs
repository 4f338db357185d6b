//! A signed list says which bytes are meant, and nothing else of them: what is said of the list is said of
//! no file in it, and it counts by the digests that the policy accepts.

use attest_digest::{Artifact, Hashes};
use serde_json::{Value, json};

use super::sets::RELEASE;
use super::{Desk, TESTED, TESTS};
use crate::support::Ran;
use crate::verify::{lone_code, sha256};

const SIGNED: &str = "[[require]]\ntype = \"signature\"\nsigned_by = \"alice\"\n";
const LIST: &str = "d/SHA256SUMS";
const BUNDLE: &str = "d/SHA256SUMS.sigstore.json";

/// A folder with a file `x` and a list of it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.people.world.write("d/x", "x");
    let list = format!("{}  x\n", sha256(b"x"));
    desk.people.world.write(LIST, list);
    desk
}

fn about(desk: &Desk, names: &[&str]) -> Vec<Value> {
    let read = |name: &&str| sha256(&desk.people.world.read(&format!("d/{name}")));
    let subject = |name: &&str| json!({"name": name, "digest": {"sha256": read(name)}});
    names.iter().map(subject).collect()
}

fn tested(desk: &Desk, names: &[&str]) {
    let passed = json!({"result": "PASSED", "configuration": []});
    desk.says_of("alice", BUNDLE, TESTS, &passed, &about(desk, names));
}

/// The code of what was refused, wherever the report says it.
fn code(ran: &Ran) -> (i32, String) {
    let subject = &ran.json()["subjects"][0];
    let reason = subject["reasons"][0]["code"].as_str().map(str::to_owned);
    (ran.exit, reason.unwrap_or_else(|| lone_code(ran)))
}

/// `--release` asks for a release statement, and takes nothing from what else counts.
#[test]
fn a_signed_list_counts_beside_a_release_that_is_asked_for() {
    let desk = desk();
    let released = "[[require]]\ntype = \"release\"\nsigned_by = \"alice\"\n";
    desk.policy(&["alice"], "", &format!("{released}{SIGNED}"));
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let subjects = about(&desk, &["x"]);
    desk.says_of(
        "alice",
        "d/release.sigstore.json",
        RELEASE,
        &release,
        &subjects,
    );
    assert_eq!(desk.ask("d/x").exit, 1);
    desk.people.sign("alice", LIST, BUNDLE);
    for (more, exit) in [
        ("", 0),
        (" --release hello@1.0", 0),
        (" --release hello@2.0", 1),
    ] {
        let ran = desk.ask(&format!("d/x{more}"));
        assert_eq!(ran.exit, exit, "{more}: {ran:#?}");
    }
}

/// Whoever names the files of a folder: a signature over the list in it is one over what it lists, by its own
/// signer, and over nothing else.
#[test]
fn a_signed_list_counts_in_a_folder_that_a_release_statement_names() {
    let desk = desk();
    let world = &desk.people.world;
    let released = "[[require]]\ntype = \"release\"\nsigned_by = \"alice\"\n";
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let with_list = |signer: &str, list: String| {
        world.write(LIST, list);
        desk.people.sign(signer, LIST, BUNDLE);
        let subjects = about(&desk, &["SHA256SUMS", "x", "y"]);
        let statement = "d/release.sigstore.json";
        desk.says_of("alice", statement, RELEASE, &release, &subjects);
    };
    world.write("d/y", "y");
    let line = |name: &str, bytes: &[u8]| format!("{}  {name}\n", sha256(bytes));
    let (x, y) = (line("x", b"x"), line("y", b"y"));
    let both = format!("{x}{y}");
    for signer in ["alice", "bob"] {
        with_list(signer, both.clone());
        desk.policy(
            &["alice", "bob"],
            "",
            &format!("{released}{}", SIGNED.replace("alice", signer)),
        );
        for subject in ["d", LIST, "d/x", "d/y"] {
            let ran = desk.ask(subject);
            assert_eq!(ran.exit, 0, "{signer}: {subject}: {ran:#?}");
        }
    }
    desk.policy(&["alice", "bob"], "", &format!("{released}{SIGNED}"));
    let listed = [
        ("bob", both.clone()),
        ("alice", x.clone()),
        ("alice", format!("{x}{}", line("z", b"y"))),
        ("alice", format!("{x}{}", line("y", b"z"))),
        ("alice", format!("{x}no line of a list\n")),
    ];
    for (signer, list) in listed {
        with_list(signer, list.clone());
        let ran = desk.ask("d");
        assert_eq!(ran.exit, 1, "{signer}: {list}: {ran:#?}");
        let files = ran.json()["subjects"][0]["files"].clone();
        let of = |name: &str| {
            let mut files = files.as_array().unwrap().iter();
            files.find(|it| it["path"] == name).unwrap()["code"].clone()
        };
        assert_eq!(of("y"), "attestation-missing", "{signer}: {list}: {ran:#?}");
        let x_counts = signer == "alice" && !list.contains("no line");
        assert_eq!(of("x").is_null(), x_counts, "{signer}: {list}: {ran:#?}");
    }
    // A signature over the list that was there before is none over this one.
    with_list("alice", both.clone());
    let signature = world.read(BUNDLE);
    with_list("alice", y);
    world.write(BUNDLE, signature);
    assert_eq!(desk.ask("d").exit, 1);
}

#[test]
fn what_is_said_of_a_list_is_said_of_no_file_in_it() {
    let desk = desk();
    desk.policy(&["alice"], "", TESTED);
    tested(&desk, &["SHA256SUMS"]);
    let refused = (1, "attestation-missing".to_owned());
    assert_eq!(code(&desk.ask("d/x")), refused);
    assert_eq!(desk.ask(LIST).exit, 1);
    tested(&desk, &["SHA256SUMS", "x"]);
    assert_eq!(desk.ask("d/x").exit, 0);
    assert_eq!(desk.ask(LIST).exit, 0);
    // That somebody signs the list says no more than that.
    desk.policy(&["alice"], "", SIGNED);
    desk.people.sign("alice", LIST, BUNDLE);
    assert_eq!(desk.ask("d/x").exit, 0);
}

#[test]
fn what_was_asked_for_must_be_said_of_the_files_and_not_of_their_list() {
    let desk = desk();
    let built = json!({
        "buildDefinition": {
            "buildType": "https://ci.example/type/v1", "externalParameters": {},
            "resolvedDependencies": [{
                "uri": "git+https://git.example/acme/app", "digest": {"gitCommit": "8f".repeat(20)},
            }],
        },
        "runDetails": {"builder": {"id": "https://ci.example/builder"}},
    });
    let passed = json!({"result": "PASSED", "configuration": []});
    let provenance = "https://slsa.dev/provenance/v1";
    let expected = "--slsa-level 1 --source-uri https://git.example/acme/app";
    for (of, predicate, flags) in [
        (TESTS, &passed, "--type test-result"),
        (provenance, &built, expected),
        (provenance, &built, "--type slsa-provenance"),
    ] {
        let ask = |subject: &str| {
            let ran = desk
                .people
                .verify(&format!("{subject} --key alice.pub {flags}"));
            code(&ran)
        };
        let says = |names: &[&str]| {
            desk.says_of("alice", BUNDLE, of, predicate, &about(&desk, names));
        };
        says(&["SHA256SUMS"]);
        for subject in ["d/x", LIST] {
            let refused = (1, "subject-missing".to_owned());
            assert_eq!(ask(subject), refused, "{flags}: {subject}");
        }
        says(&["SHA256SUMS", "x"]);
        assert_eq!(ask(LIST).0, 0, "{flags}: {:?}", ask(LIST));
    }
    // Where nothing else was asked, whoever says how the list was made vouches for what stands in it.
    let ran = desk.people.verify("d/x --key alice.pub");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

#[test]
fn a_list_counts_by_the_digests_that_the_policy_accepts() {
    let desk = desk();
    desk.people.sign("alice", LIST, BUNDLE);
    for (digests, exit) in [("sha256", 0), ("sha512", 1), ("sha512\", \"sha256", 0)] {
        let artifact = format!("[artifact]\ndigests = [\"{digests}\"]");
        desk.policy(&["alice"], &artifact, SIGNED);
        for subject in ["d/x", "d", LIST] {
            let ran = desk.ask(subject);
            assert_eq!(ran.exit, exit, "{digests}: {subject}: {ran:#?}");
            let refused = ran.out.contains("\"attestation-missing\"");
            assert_eq!(refused, exit == 1, "{digests}: {subject}: {ran:#?}");
        }
    }
}

/// Whatever asks: the digests that a statement has beside the one in the list must be the file's as well.
#[test]
fn all_digests_that_are_signed_beside_a_list_must_agree() {
    let desk = desk();
    desk.policy(&["alice"], "", TESTED);
    let passed = json!({"result": "PASSED", "configuration": []});
    let released = json!({"purl": "pkg:generic/hello@1.0"});
    let sha512 = |bytes: &[u8]| {
        let artifact = Artifact::of_bytes(bytes, Hashes::Sha256AndSha512);
        artifact.sha512().unwrap().hex()
    };
    let says = |of: &str, predicate: &Value, folder: &str, sha512: &str| {
        let digests = json!({"sha256": sha256(b"x"), "sha512": sha512});
        let mut subjects = about(&desk, &["SHA256SUMS"]);
        subjects[0]["name"] = json!(format!("{folder}SHA256SUMS"));
        subjects.push(json!({"name": format!("{folder}x"), "digest": digests}));
        desk.says_of("alice", BUNDLE, of, predicate, &subjects);
    };
    let tests = "--key alice.pub --type test-result";
    for (of, predicate, flags) in [
        (TESTS, &passed, tests),
        (RELEASE, &released, "--key alice.pub"),
        (TESTS, &passed, "--policy p.toml"),
    ] {
        let ask = || code(&desk.people.verify(&format!("{LIST} {flags}")));
        says(of, predicate, "", &sha512(b"x"));
        assert_eq!(ask().0, 0, "{flags}: {:?}", ask());
        says(of, predicate, "", &sha512(b"y"));
        let refused = ask();
        assert_eq!(refused, (1, "digest-mismatch".to_owned()), "{flags}");
    }
    says(RELEASE, &released, "", &sha512(b"y"));
    let ask = || code(&desk.people.verify(&format!("{LIST} --key alice.pub")));
    assert_eq!(ask(), (1, "digest-mismatch".to_owned()));
    // Under a policy of whoever says it, not of the list's signer alone.
    desk.people.sign("alice", LIST, BUNDLE);
    desk.policy(&["alice"], "", &format!("{SIGNED}{TESTED}"));
    for (bytes, exit) in [(b"x", 0), (b"y", 1)] {
        let digests = json!({"sha256": sha256(b"x"), "sha512": sha512(bytes)});
        let subject = [json!({"name": "x", "digest": digests})];
        desk.says_of("alice", "d/test.sigstore.json", TESTS, &passed, &subject);
        let ran = desk.ask(LIST);
        assert_eq!(ran.exit, exit, "{ran:#?}");
    }
    // From above, by the paths there: another file of that name is another.
    let above = |other: &str, sha512: &str| {
        let digests = json!({"sha256": sha256(b"x"), "sha512": sha512});
        let mut subjects = about(&desk, &["SHA256SUMS"]);
        subjects[0]["name"] = json!(LIST);
        subjects.push(json!({"name": "d/x", "digest": digests}));
        subjects.push(json!({"name": "x", "digest": {"sha256": other}}));
        let out = "release.sigstore.json";
        desk.says_of("alice", out, RELEASE, &released, &subjects);
    };
    std::fs::remove_file(desk.people.world.at(BUNDLE)).unwrap();
    above(&sha256(b"another"), &sha512(b"x"));
    assert_eq!(ask().0, 0, "{:?}", ask());
    above(&sha256(b"another"), &sha512(b"y"));
    assert_eq!(ask(), (1, "digest-mismatch".to_owned()));
}
