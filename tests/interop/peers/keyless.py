"""Fulcio, its certificate log, and Rekor v1: what they vouch for must be provable here, and nothing else."""

import base64
import json
import os
from pathlib import Path
from urllib.parse import urlencode

from suite import install
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import (
    attest_blob_keyless,
    sign_blob_keyless,
    trust,
    verify_blob,
    verify_blob_keyless,
    verify_statement,
)
from suite.issuer import EMAIL
from suite.keyless import NEEDS, REKOR_V1
from suite.process import check

BROWSER = Path(__file__).resolve().parent.parent / "suite" / "browser.py"
TRILLIAN = "github.com/google/trillian"
REKOR = "github.com/sigstore/rekor/cmd"


def trillian_programs(version: str) -> None:
    names = ("trillian_log_server", "trillian_log_signer", "createtree")
    programs = {name: (f"{TRILLIAN}/cmd/{name}", None) for name in names}
    install.go_install_all("trillian", programs, version, (f"{TRILLIAN}@v{version}/storage/mysql/schema/storage.sql",))


def mariadb_packages(version: str) -> None:
    """The parts that start nothing by themselves."""
    install.apt_install("mariadbd", "mariadb-server-core", version)
    install.apt_install("mariadb", "mariadb-client-core", version)


fulcio = Peer(
    "fulcio", install=lambda version: install.go_install("fulcio", "github.com/sigstore/fulcio", version), needs=NEEDS
)
ct_server = Peer(
    "ct-server",
    install=lambda version: install.go_install(
        "ct-server",
        "github.com/google/certificate-transparency-go/trillian/ctfe/ct_server",
        version,
        built_as="ct_server",
    ),
    needs=NEEDS,
)
rekor_v1 = Peer(
    "rekor-v1",
    install=lambda version: install.go_install_all(
        "rekor-v1", {name: (f"{REKOR}/{name}", None) for name in ("rekor-server", "rekor-cli")}, version
    ),
    needs=NEEDS,
)
trillian = Peer("trillian", install=trillian_programs)
mariadb = Peer("mariadb", install=mariadb_packages)

# What the tokens of jobs say, as far as Fulcio asks for it.
GITHUB = {
    "sub": "repo:acme/tool:ref:refs/tags/v1",
    "job_workflow_ref": "acme/tool/.github/workflows/release.yml@refs/tags/v1",
    "job_workflow_sha": "1" * 40,
    "workflow_ref": "acme/tool/.github/workflows/release.yml@refs/tags/v1",
    "workflow_sha": "1" * 40,
    "workflow": "release",
    "sha": "1" * 40,
    "ref": "refs/tags/v1",
    "event_name": "push",
    "repository_id": "1",
    "repository_owner": "acme",
    "repository_owner_id": "2",
    "repository_visibility": "public",
    "runner_environment": "github-hosted",
    "run_id": "3",
    "run_attempt": "1",
}
GITLAB = {
    "sub": "project_path:acme/tool:ref_type:tag:ref:v1",
    "project_path": "acme/tool",
    "project_id": "1",
    "project_visibility": "public",
    "namespace_path": "acme",
    "namespace_id": "2",
    "ci_config_ref_uri": "gitlab.com/acme/tool//.gitlab-ci.yml@refs/tags/v1",
    "ci_config_sha": "1" * 40,
    "pipeline_source": "push",
    "pipeline_id": "3",
    "job_id": "4",
    "ref": "v1",
    "ref_type": "tag",
    "ref_path": "refs/tags/v1",
    "sha": "1" * 40,
    "runner_id": 5,
    "runner_environment": "gitlab-hosted",
}
BUILDKITE = {
    "sub": "organization:acme:pipeline:tool:ref:refs/tags/v1:commit:" + "1" * 40 + ":step:release",
    "organization_slug": "acme",
    "pipeline_slug": "tool",
    "build_number": 7,
    "build_branch": "main",
    "build_tag": "v1",
    "build_commit": "1" * 40,
    "step_key": "release",
    "job_id": "4",
    "agent_id": "5",
    "build_source": "webhook",
    "runner_environment": "buildkite-hosted",
}

PROVENANCE = json.dumps(
    {
        "buildDefinition": {"buildType": "https://example.com/build/v1", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://example.com/builder"}},
    }
).encode()


@fulcio.case
def certifies_who_signed_a_file_and_nobody_else(world):
    """cosign's bundle with Rekor v2 and an authority's time; another identity or issuer is refused by its code."""
    stack = world.stack.keyless
    file = world.new_file("tool.bin")
    sign_blob_keyless(world, file, stack.v2).accepted()
    verify_blob_keyless(world, file, beside(file), **stack.identity).accepted()
    world.verify_identity(file, **stack.identity).accepted()
    world.verify_identity(file, **stack.identity | {"identity": "other@example.com"}).says_no("identity-mismatch")
    world.verify_identity(file, **stack.identity | {"issuer": f"{stack.issuer.url}/github"}).says_no("issuer-mismatch")
    world.verify_identity(file, **stack.identity | {"root": world.stack.root}).says_no("certificate-authority-unknown")


@fulcio.case
def certifies_who_attested_provenance(world):
    stack = world.stack.keyless
    for signing in (stack.v2, stack.v1):
        file = world.new_file("tool.bin")
        attest_blob_keyless(world, file, signing, "slsaprovenance1", PROVENANCE).accepted()
        world.verify_identity(file, **stack.identity).accepted()
        file.write_bytes(b"another artifact\n")
        world.verify_identity(file, **stack.identity).says_no("digest-mismatch", "subject-mismatch")


@fulcio.case
def takes_no_token_that_is_expired_or_of_another_audience_or_key(world):
    stack = world.stack.keyless
    stolen = world.new_file("key.pem")
    world.run(["openssl", "genrsa", "-out", stolen, "2048"]).accepted()
    refusals = (
        ({"seconds": -60}, "error processing the identity token"),
        ({"aud": "somebody"}, "error processing the identity token"),
        ({"key": stolen}, "error processing the identity token"),
        ({"email_verified": False}, "not verified by identity provider"),
    )
    for spoiled, because in refusals:
        file = world.new_file("tool.bin")
        sign_blob_keyless(world, file, stack.v2, stack.issuer.token(**spoiled)).refused(because)
        check(not beside(file).exists(), f"a bundle was written for {spoiled}")


@fulcio.case
def certifies_jobs_by_the_names_that_we_expect(world):
    """A job of GitHub asks for its token, one of GitLab has it in a variable, one of Buildkite asks its agent."""
    stack = world.stack.keyless
    issuer = stack.issuer
    of_github = {"issuer": "github", "repository": "acme/tool", **GITHUB}
    job = {"email": None, "email_verified": None}
    agent = world.new_folder("agent") / "buildkite-agent"
    agent.write_text(f"#!/bin/sh\necho {issuer.token(iss=issuer.named('buildkite'), **BUILDKITE, **job)}\n")
    agent.chmod(0o755)
    jobs = {
        "github": (
            {
                "GITHUB_ACTIONS": "true",
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/mint?{urlencode(of_github)}",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job",
            },
            f"https://github.com/{GITHUB['job_workflow_ref']}",
        ),
        "gitlab": (
            {"GITLAB_CI": "true", "SIGSTORE_ID_TOKEN": issuer.token(iss=issuer.named("gitlab"), **GITLAB, **job)},
            f"https://{GITLAB['ci_config_ref_uri']}",
        ),
        "buildkite": (
            {"BUILDKITE": "true", "PATH": f"{agent.parent}:{os.environ['PATH']}"},
            "https://buildkite.com/acme/tool",
        ),
    }
    for name, (variables, identity) in jobs.items():
        file = world.new_file("tool.bin", name.encode())
        signed = ["sign", file, "--keyless", "--trust-config", stack.v2.trust]
        world.attest(*signed, extra={"CI": "true"} | variables).accepted()
        whom = {"identity": identity, "issuer": issuer.named(name), "root": stack.root}
        world.verify_identity(file, **whom).accepted()
        verify_blob_keyless(world, file, beside(file), **whom).accepted()
        world.verify_identity(file, **whom | {"identity": EMAIL}).says_no("identity-mismatch")


@fulcio.case
def certifies_who_logs_in_with_a_browser(world):
    """The code flow with PKCE, at the provider of the signing configuration; the issuer lets everybody in."""
    stack = world.stack.keyless
    for signing in (stack.v2, stack.v1):
        file = world.new_file("tool.bin")
        login = ["--trust-config", signing.trust, "--oidc-login"]
        world.attest("sign", file, *login, extra={"BROWSER": str(BROWSER)}).accepted()
        verify_blob_keyless(world, file, beside(file), **stack.identity).accepted()
        world.verify_identity(file, **stack.identity).accepted()


@ct_server.case
def promises_certificates_that_another_log_did_not_see(world):
    """The timestamp in the certificate is checked: by another log's key it is of a log that is not known."""
    stack = world.stack.keyless
    file = world.new_file("tool.bin")
    sign_blob_keyless(world, file, stack.v2).accepted()
    world.verify_identity(file, **stack.identity).accepted()
    other = world.new_file("other.pem")
    world.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other]).accepted()
    public = other.with_suffix(".pub")
    world.run(["openssl", "ec", "-in", other, "-pubout", "-out", public]).accepted()
    root = stack.trusted_root(public)
    world.verify_identity(file, **stack.identity | {"root": root}).says_no("certificate-log-unknown")
    verify_blob_keyless(world, file, beside(file), **stack.identity | {"root": root}).refused("SCT", "transparency")


@rekor_v1.case
def promises_and_proves_entries_that_we_verify(world):
    """The first generation: its own promise is the time. An entry of another file is refused."""
    stack = world.stack.keyless
    files = [world.new_file("tool.bin", content) for content in (b"one\n", b"two\n")]
    for file in files:
        sign_blob_keyless(world, file, stack.v1).accepted()
        verify_blob_keyless(world, file, beside(file), **stack.identity).accepted()
        world.verify_identity(file, **stack.identity).accepted()
    one, two = (Bundle.read(beside(file)) for file in files)
    one.material["tlogEntries"] = two.material["tlogEntries"]
    moved = one.write(files[0].with_name("moved.sigstore.json"))
    world.verify_identity(files[0], "--bundle", moved, **stack.identity).says_no("log-entry-mismatch")


@rekor_v1.case
def is_read_and_proven_by_us_as_rekor_cli_reads_it(world):
    """Entry by entry: index, leaf and body; and the state of the log is the same for both."""
    stack = world.stack.keyless
    file = world.new_file("tool.bin", b"to be found again\n")
    sign_blob_keyless(world, file, stack.v1).accepted()
    [entry] = Bundle.read(beside(file)).material["tlogEntries"]
    index = entry.get("logIndex", "0")  # protobuf leaves a zero away
    log = ["--log", REKOR_V1, "--key", stack.root]
    cli = [world.go("rekor-v1", "rekor-cli"), "--rekor_server", REKOR_V1]
    ours = world.attest("log", "show", index, *log, "--format", "json").accepted()
    theirs = world.run([*cli, "get", "--log-index", index, "--format", "json"]).accepted()
    ours, theirs = json.loads(ours.stdout), json.loads(theirs.stdout)
    check(ours["body"].encode() == base64.b64decode(entry["canonicalizedBody"]), "another body than the bundle's")
    check(theirs["UUID"].endswith(ours["leaf_hash"]), f"rekor-cli says {theirs['UUID']}")
    check(json.loads(ours["body"])["spec"]["data"] == theirs["Body"]["HashedRekordObj"]["data"], "another entry")
    found = world.attest("log", "show", "--artifact", file, *log, "--format", "json").accepted()
    found = json.loads(found.stdout)
    check([it["index"] for it in found["entries"]] == [int(index)], str(found))
    world.attest("log", "prove", index, *log).accepted()
    kept = world.new_file("checkpoint", world.attest("log", "show", *log).accepted().stdout.encode())
    sign_blob_keyless(world, world.new_file("later.bin", b"later\n"), stack.v1).accepted()
    world.attest("log", "check", *log, "--checkpoint", kept).accepted()


@rekor_v1.case
def takes_what_our_log_has_and_proves_it(world):
    """`attest log append`: a file's signature and a statement's, each once, however often it is asked."""
    identity, stack = world.identity, world.stack.keyless
    log = ["--log", REKOR_V1, "--key", stack.root, "--format", "json"]
    theirs = {"key": identity.public, "root": world.mixed_root(logs=stack.root, authorities=identity.root)}
    statement = ["--predicate", world.new_file("p.json", PROVENANCE), "--type", "slsaprovenance1"]
    for number, more in enumerate(([], statement)):
        file = world.new_file("tool.bin", f"to be known by others {number}\n".encode())
        world.sign(identity, file, *more)
        out = file.with_name("both.sigstore.json")
        said = json.loads(world.attest("log", "append", beside(file), *log, "--out", out).accepted().stdout)
        [entry] = said["entries"]
        check(not entry["known"] and entry["promised"] > 0, str(said))
        world.verify(file, "--bundle", out, "--trusted-root", stack.root, **trust(identity)).accepted()
        again = json.loads(world.attest("log", "append", beside(file), *log).accepted().stdout)
        check(again["entries"] == [entry | {"known": True}], f"another entry: {again}")
        if more:
            verify_statement(world, [file], out, "slsaprovenance1", **theirs).accepted()
        else:
            verify_blob(world, file, out, **theirs).accepted()


@rekor_v1.case
def is_followed_by_our_monitor_for_our_identity(world):
    """All its entries from the first; who holds our identity is found unless the bundle is known."""
    stack = world.stack.keyless
    state = world.new_folder("monitor") / "state.json"
    log = ["log", "monitor", "--log", REKOR_V1, "--log-key", stack.root, "--state", state]
    whom = ["--identity", EMAIL, "--issuer", stack.issuer.url]
    other = ["--identity", "other@example.com", "--issuer", stack.issuer.url]
    for number in range(12):
        file = world.new_file("tool.bin", f"artifact {number}\n".encode())
        sign_blob_keyless(world, file, stack.v1).accepted()
    world.attest(*log, *other).accepted()
    file = world.new_file("tool.bin", b"who was this\n")
    sign_blob_keyless(world, file, stack.v1).accepted()
    world.attest(*log, *whom).exits(1).refused("log-entry-foreign")
    world.attest(*log, *whom, "--known", beside(file)).accepted()
    state.unlink()
    world.attest(*log, *other, "--from", "0").accepted()
    kept = json.loads(state.read_text())
    check(kept["size"] >= 13, f"the state is of {kept['size']} entries")
