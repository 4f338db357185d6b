//! Rules about git's own signatures: of a commit or tag that is asked about, and of what was built.

use serde_json::json;

use super::Desk;
use crate::page::root;
use crate::support::{Ran, World};
use crate::verify::{lone_code, sha256};

const COMMIT: &str = "[[require]]\ntype = \"git-commit\"\nsigned_by = \"dev\"\n";
const TAG: &str = "[[require]]\ntype = \"git-tag\"\nsigned_by = \"dev\"\n";
const BUILT: &str = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\nlevel = 1\n";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const SOURCE_VSA: &str = "[[require]]\ntype = \"vsa\"\nsigned_by = \"alice\"\nverifier = \"https://source.example\"\nresource_uri = \"git+https://git.example/acme/app\"\nlevels = [\"SLSA_SOURCE_LEVEL_2\"]\n";

/// A repository with a commit and a tag by the SSH key of `dev`, outside of it.
fn desk(form: &str) -> Desk {
    let desk = Desk::new();
    let world = &desk.people.world;
    world
        .shell(&format!(
            "for name in dev other; do ssh-keygen -q -t ed25519 -N '' -C $name -f $name; done
             git init -q -b main --object-format={form} repo && cd repo
             git config user.name Dev && git config user.email dev@example.org
             git config gpg.format ssh && git config user.signingkey {}
             echo hello > file && git add file && git commit -q -S -m 'Say hello' && git tag -s -m one v1.0
             git commit -q --allow-empty --no-gpg-sign -m unsigned && git tag -s -m two v2.0",
            world.at("dev.pub").display()
        ))
        .yes();
    desk
}

fn line(desk: &Desk, text: &str) -> String {
    desk.people.world.shell(text).yes().out.trim().to_owned()
}

/// A policy whose `dev` is the SSH key in this file.
fn policy(desk: &Desk, key: &str, accept: &str, top: &str, rules: &str) {
    let pin = sha256(&desk.people.world.read(key));
    let trust = format!(
        "{top}\n[trust.dev]\nkind = \"keys\"\nkeys = [{{ file = \"{key}\", sha256 = \"{pin}\" }}]\n"
    );
    desk.policy(&["alice"], &format!("{accept}\n{trust}"), rules);
}

const UNLOGGED: &str = "accept = [\"git-unlogged\"]";

fn answered(ran: &Ran) -> (i32, String) {
    (ran.exit, lone_code(ran))
}

#[test]
fn a_commit_and_a_tag_are_signed_by_whom_the_policy_names() {
    let desk = desk("sha256");
    policy(&desk, "dev.pub", UNLOGGED, "", COMMIT);
    let ran = desk.ask("git:repo@v1.0");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let first = line(&desk, "git -C repo rev-parse v1.0^{commit}");
    let ran = desk.ask(&format!("git:repo@{first}"));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let asks = ran.json()["subjects"][0]["rules"][0]["asks"].clone();
    assert_eq!(asks, "git's signature of the commit that was built by dev");
    // The tag is signed, and its commit is not.
    let ran = desk.ask("git:repo@v2.0");
    assert_eq!(
        answered(&ran),
        (1, "git-object-unsigned".to_owned()),
        "{ran:#?}"
    );
    let ran = desk.ask("git:repo@main");
    assert_eq!(
        answered(&ran),
        (1, "git-object-unsigned".to_owned()),
        "{ran:#?}"
    );
    policy(&desk, "dev.pub", UNLOGGED, "", TAG);
    assert_eq!(desk.ask("git:repo@v2.0").exit, 0);
    assert_eq!(desk.ask("git:repo@v1.0").exit, 0);
    let ran = desk.ask(&format!("git:repo@{first}"));
    assert_eq!(
        answered(&ran),
        (1, "attestation-missing".to_owned()),
        "{ran:#?}"
    );
    // Somebody else.
    for rule in [COMMIT, TAG] {
        policy(&desk, "other.pub", UNLOGGED, "", rule);
        let ran = desk.ask("git:repo@v1.0");
        assert_eq!(
            answered(&ran),
            (1, "signer-mismatch".to_owned()),
            "{ran:#?}"
        );
    }
    // Less than the default must be accepted by its name.
    policy(&desk, "dev.pub", "", "", COMMIT);
    let ran = desk.ask("git:repo@v1.0");
    assert_eq!(answered(&ran), (1, "log-missing".to_owned()), "{ran:#?}");
    let aged = format!("{COMMIT}max_age = \"7d\"\n");
    policy(&desk, "dev.pub", UNLOGGED, "", &aged);
    let ran = desk.ask("git:repo@v1.0");
    assert_eq!(answered(&ran), (1, "time-missing".to_owned()), "{ran:#?}");
    // git's signature is none of the bytes of anything.
    let bytes = COMMIT.replace("git-commit", "signature");
    policy(&desk, "dev.pub", UNLOGGED, "", &bytes);
    let ran = desk.ask("git:repo@v1.0");
    assert_eq!(
        answered(&ran),
        (1, "attestation-missing".to_owned()),
        "{ran:#?}"
    );
}

#[test]
fn a_name_by_sha1_must_be_allowed_by_the_policy() {
    let desk = desk("sha1");
    policy(&desk, "dev.pub", UNLOGGED, "", COMMIT);
    let ran = desk.ask("git:repo@v1.0");
    assert_eq!(
        answered(&ran),
        (1, "commit-not-accepted".to_owned()),
        "{ran:#?}"
    );
    policy(
        &desk,
        "dev.pub",
        UNLOGGED,
        "[artifact]\ngit_sha1 = true",
        COMMIT,
    );
    let ran = desk.ask("git:repo@v1.0");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

fn built(desk: &Desk, commit: &str, reference: &str) {
    let build = json!({
        "buildDefinition": {
            "buildType": "https://ci.example/type/v1", "externalParameters": {},
            "resolvedDependencies": [{
                "uri": format!("git+https://git.example/acme/app@{reference}"), "digest": {"gitCommit": commit},
            }],
        },
        "runDetails": {"builder": {"id": "https://ci.example/builder"}},
    });
    desk.says(
        "alice",
        "build.sigstore.json",
        "https://slsa.dev/provenance/v1",
        &build,
    );
}

#[test]
fn what_was_built_is_a_commit_and_a_tag_that_are_signed() {
    let desk = desk("sha256");
    let first = line(&desk, "git -C repo rev-parse v1.0^{commit}");
    let second = line(&desk, "git -C repo rev-parse v2.0^{commit}");
    policy(
        &desk,
        "dev.pub",
        UNLOGGED,
        "",
        &format!("{BUILT}{COMMIT}{TAG}"),
    );
    desk.bad("x", "repository-required");
    let ask = || desk.ask("x --source-repository repo");
    assert_eq!(answered(&ask()), (1, "attestation-missing".to_owned()));
    built(&desk, &first, "refs/tags/v1.0");
    let ran = ask();
    assert_eq!(ran.exit, 0, "{ran:#?}");
    for (commit, reference, code) in [
        // No signature on the commit; a tag of another commit; no tag; a tag that nobody made.
        (&second, "refs/tags/v2.0", "git-object-unsigned"),
        (&first, "refs/tags/v2.0", "attestation-missing"),
        (&first, "refs/heads/main", "attestation-missing"),
    ] {
        built(&desk, commit, reference);
        let ran = ask();
        assert_eq!(
            answered(&ran),
            (1, code.to_owned()),
            "{reference}: {ran:#?}"
        );
    }
    // What the repository does not have, nobody can tell.
    built(&desk, &first, "refs/tags/v3.0");
    let ran = ask();
    assert_eq!(answered(&ran), (3, "git-unreadable".to_owned()), "{ran:#?}");
    built(&desk, &"7".repeat(64), "refs/tags/v1.0");
    let ran = ask();
    assert_eq!(answered(&ran), (3, "git-unreadable".to_owned()), "{ran:#?}");
    // A key that lies in the repository is the repository's word.
    desk.policy(&["alice"], "", BUILT);
    desk.bad("x --source-repository repo", "bad-arguments");
    let ran = desk
        .people
        .verify("x --key alice.pub --source-repository repo");
    assert_eq!(ran.exit, 2, "{ran:#?}");
}

/// A lightweight tag: a commit in the place of a tag.
#[test]
fn a_commit_in_the_place_of_a_tag_is_a_commit_alone() {
    let desk = desk("sha256");
    let first = line(&desk, "git -C repo rev-parse v1.0^{commit}");
    line(&desk, "git -C repo tag light v1.0^{commit}");
    for rule in [COMMIT, TAG] {
        policy(&desk, "dev.pub", UNLOGGED, "", rule);
        let ran = desk.ask("git:repo@light");
        assert_eq!(answered(&ran), (1, "git-tag-name".to_owned()), "{ran:#?}");
    }
    policy(&desk, "dev.pub", UNLOGGED, "", COMMIT);
    let ran = desk.ask(&format!("git:repo@{first}"));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    // Built from it, as its provenance says: the commit is signed, and no tag is.
    built(&desk, &first, "refs/tags/light");
    let ask = || desk.ask("x --source-repository repo");
    policy(&desk, "dev.pub", UNLOGGED, "", &format!("{BUILT}{COMMIT}"));
    let ran = ask();
    assert_eq!(ran.exit, 0, "{ran:#?}");
    policy(&desk, "dev.pub", UNLOGGED, "", &format!("{BUILT}{TAG}"));
    let ran = ask();
    assert_eq!(answered(&ran), (1, "git-tag-name".to_owned()), "{ran:#?}");
}

#[test]
fn a_summary_of_the_source_is_about_that_commit_on_that_ref() {
    let desk = desk("sha256");
    let first = line(&desk, "git -C repo rev-parse v1.0^{commit}");
    policy(&desk, "dev.pub", UNLOGGED, "", SOURCE_VSA);
    let summary = |level: &str| {
        json!({
            "verifier": {"id": "https://source.example"}, "timeVerified": "2026-11-01T00:00:00Z",
            "resourceUri": "git+https://git.example/acme/app", "policy": {"uri": "https://policy.example"},
            "verificationResult": "PASSED", "verifiedLevels": [level],
        })
    };
    let says = |commit: &str, refs: &serde_json::Value, level: &str| {
        let subject = json!({"digest": {"gitCommit": commit}, "annotations": {"sourceRefs": refs}});
        desk.says_of("alice", "source.json", VSA, &summary(level), &[subject]);
    };
    let ask = || desk.ask("git:repo@refs/tags/v1.0 --bundle source.json");
    says(
        &first,
        &json!(["refs/tags/v1.0", "refs/heads/main"]),
        "SLSA_SOURCE_LEVEL_3",
    );
    let ran = ask();
    assert_eq!(ran.exit, 0, "{ran:#?}");
    for (commit, refs, level, code) in [
        (
            first.as_str(),
            json!(["refs/heads/dev"]),
            "SLSA_SOURCE_LEVEL_3",
            "attestation-missing",
        ),
        (
            first.as_str(),
            json!("refs/tags/v1.0"),
            "SLSA_SOURCE_LEVEL_3",
            "attestation-missing",
        ),
        (
            first.as_str(),
            json!(["refs/tags/v1.0"]),
            "SLSA_SOURCE_LEVEL_1",
            "predicate-field-mismatch",
        ),
        (
            first.as_str(),
            json!(["refs/tags/v1.0"]),
            "SLSA_BUILD_LEVEL_3",
            "predicate-field-mismatch",
        ),
        (
            &"9".repeat(64),
            json!(["refs/tags/v1.0"]),
            "SLSA_SOURCE_LEVEL_3",
            "attestation-missing",
        ),
    ] {
        says(commit, &refs, level);
        let ran = ask();
        assert_eq!(
            answered(&ran),
            (1, code.to_owned()),
            "{refs} {level}: {ran:#?}"
        );
    }
}

/// A commit that somebody signed with gitsign and a certificate of the public-good instance, and what is
/// changed in it or asked of it otherwise.
#[test]
fn a_commit_of_gitsign_is_signed_by_the_identity_that_the_policy_names() {
    let world = World::new();
    let fixture = |case: &str| root().join(format!("fixtures/git/{case}/object"));
    let ask = |case: &str, text: &str| {
        world.write("p.toml", text);
        world.attest(&format!(
            "verify git-object:{} --policy p.toml --at 2026-11-21T12:00:00Z --format json",
            fixture(case).display()
        ))
    };
    let policy = "version = 1\nname = \"p\"\n[artifact]\ngit_sha1 = true\n[trust.dev]\nkind = \"sigstore\"\nissuer = \"https://accounts.google.com\"\nidentity = \"billy@chainguard.dev\"\n";
    let commit = format!("{policy}{COMMIT}");
    let ran = ask("gitsign-commit", &commit);
    assert_eq!(ran.exit, 0, "{ran:#?}");
    // It is logged and has its time: no less is accepted, and none that nobody declares independent.
    assert_eq!(ran.json()["accepted"], json!([]), "{ran:#?}");
    for (case, code) in [
        ("gitsign-message-changed", "digest-mismatch"),
        ("gitsign-entry-of-another-commit", "log-proof-invalid"),
        ("gitsign-without-entry", "log-missing"),
        ("gitsign-no-certificates", "signature-malformed"),
    ] {
        let ran = ask(case, &commit);
        assert_eq!(answered(&ran), (1, code.to_owned()), "{case}: {ran:#?}");
    }
    for (from, to, code) in [
        ("billy@", "mallory@", "identity-mismatch"),
        (
            "accounts.google.com",
            "github.com/login/oauth",
            "issuer-mismatch",
        ),
        ("git_sha1 = true", "git_sha1 = false", "commit-not-accepted"),
        ("\"git-commit\"", "\"git-tag\"", "attestation-missing"),
        ("\"git-commit\"", "\"signature\"", "attestation-missing"),
        (
            "signed_by = \"dev\"\n",
            "signed_by = \"dev\"\nindependent = [\"log\"]\n",
            "log-not-independent",
        ),
        (
            "signed_by = \"dev\"\n",
            "signed_by = \"dev\"\nmax_age = \"7d\"\n",
            "evidence-too-old",
        ),
    ] {
        assert_eq!(commit.matches(from).count(), 1, "{from}");
        let ran = ask("gitsign-commit", &commit.replace(from, to));
        assert_eq!(answered(&ran), (1, code.to_owned()), "{to}: {ran:#?}");
    }
}

#[test]
fn a_table_has_commits_and_what_was_built_of_them() {
    let desk = desk("sha256");
    let first = line(&desk, "git -C repo rev-parse v1.0^{commit}");
    let second = line(&desk, "git -C repo rev-parse v2.0^{commit}");
    let world = &desk.people.world;
    let case = |name: &str, more: &str| format!("[[case]]\nname = \"{name}\"\n{more}\n");
    let tests = |cases: &str| {
        let head =
            "version = 1\npolicy = \"../p.toml\"\ntrusted_root = [\"../out/trusted_root.json\"]\n";
        world.write("cases/p.test.toml", format!("{head}{cases}"));
        world.attest("policy test cases").yes();
    };
    policy(&desk, "dev.pub", UNLOGGED, "", COMMIT);
    let raw = world
        .shell(&format!("git -C repo cat-file commit {first}"))
        .yes();
    world.write("first", raw.out);
    let no = "expect = \"no\"\ncode = \"git-object-unsigned\"";
    tests(
        &[
            case("signed", "subject = \"git:../repo@v1.0\"\nexpect = \"yes\""),
            case(
                "its bytes",
                "subject = \"git-object:../first\"\nexpect = \"yes\"",
            ),
            case(
                "unsigned",
                &format!("subject = \"git:../repo@{second}\"\n{no}"),
            ),
        ]
        .concat(),
    );
    policy(&desk, "dev.pub", UNLOGGED, "", &format!("{BUILT}{COMMIT}"));
    built(&desk, &first, "refs/tags/v1.0");
    let subject = "subject = \"../x\"\nbundle = [\"../build.sigstore.json\"]\n";
    let repository = "source_repository = \"../repo\"\n";
    tests(
        &[
            case("built", &format!("{subject}{repository}expect = \"yes\"")),
            case(
                "no repository",
                &format!("{subject}expect = \"bad-request\"\ncode = \"repository-required\""),
            ),
        ]
        .concat(),
    );
    built(&desk, &second, "refs/tags/v2.0");
    tests(&case(
        "built of another",
        &format!("{subject}{repository}{no}"),
    ));
}
