"""git, with OpenSSH and GnuPG: what it signs is verified here, and what it accepts and refuses."""

import hashlib
import json

from suite import install
from suite.cases import Peer
from suite.process import check

git = Peer("git", install=lambda version: install.apt_install("git", "git", version), needs=("gpg", "openssh"))

ACCEPT = {"sha256": "no-log,no-time", "sha1": "no-log,no-time,sha1-git"}


def tell(world, folder, *words, home=None, keys="gpg"):
    """git without the settings of whoever runs this; `keys` is GnuPG's home beside the repository."""
    settings = [f"HOME={home or folder.parent}", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"]
    who = [f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME=Alice", "EMAIL=alice@example.org")]
    path = "PATH=/usr/local/bin:/usr/bin:/bin"
    return world.run(["env", "-i", path, *settings, *who, f"GNUPGHOME={folder.parent / keys}", "git", "-C", folder, *words])


def repository(world, form: str, how: str):
    """A repository with a signed commit and a signed tag; the key; the file of allowed signers."""
    place = world.new_folder("g")
    folder = place / "repo"
    folder.mkdir()
    (place / "gpg").mkdir(mode=0o700)
    tell(world, folder, "init", "-q", "-b", "main", f"--object-format={form}").accepted()
    if how == "ssh":
        world.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alice", "-f", place / "alice"]).accepted()
        key = place / "alice.pub"
        (place / "allowed").write_text("alice@example.org " + key.read_text())
        tell(world, folder, "config", "gpg.ssh.allowedSignersFile", place / "allowed").accepted()
        tell(world, folder, "config", "user.signingkey", key).accepted()
    else:
        quiet = gnupg(place / "gpg")
        world.run([*quiet, "--quick-generate-key", "alice@example.org", "ed25519", "sign"]).accepted()
        key = place / "alice.asc"
        world.run([*quiet, "--armor", "--output", key, "--export"]).accepted()
        tell(world, folder, "config", "user.signingkey", "alice@example.org").accepted()
    tell(world, folder, "config", "gpg.format", how).accepted()
    tell(world, folder, "commit", "-q", "-S", "--allow-empty", "-m", "Say hello").accepted()
    tell(world, folder, "tag", "-s", "-m", "One", "v1.0").accepted()
    return folder, key


def gnupg(home) -> list:
    return ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]


def verify(world, folder, key, revision: str, form: str):
    words = ["verify", f"git:{folder}@{revision}", "--key", key, "--accept", ACCEPT[form], "--format", "json"]
    return world.attest(*words, offline=True)


def each(world):
    for form in ("sha256", "sha1"):
        for how in ("ssh", "openpgp"):
            yield form, *repository(world, form, how)


@git.case
def signs_commits_and_tags_that_we_accept(world):
    for form, folder, key in each(world):
        tell(world, folder, "verify-commit", "HEAD").accepted()
        tell(world, folder, "verify-tag", "v1.0").accepted()
        verify(world, folder, key, "HEAD", form).exits(0)
        verify(world, folder, key, "v1.0", form).exits(0)


@git.case
def names_objects_as_we_do(world):
    for form, folder, key in each(world):
        name = tell(world, folder, "rev-parse", "HEAD").stdout.strip()
        answer = verify(world, folder, key, name, form).exits(0)
        check(name in answer.stdout, f"{name} is not in the report")


@git.case
def refuses_with_us_what_was_changed(world):
    for form, folder, key in each(world):
        raw = tell(world, folder, "cat-file", "commit", "HEAD").stdout
        changed = world.new_file("changed", raw.replace("Say hello", "Say Hello").encode())
        name = tell(world, folder, "hash-object", "-t", "commit", "-w", changed).stdout.strip()
        check(tell(world, folder, "verify-commit", name).status != 0, "git accepts a changed commit")
        verify(world, folder, key, name, form).exits(1).refused("signature-invalid")


@git.case
def accepts_a_tag_under_another_name_and_we_do_not(world):
    for form, folder, key in each(world):
        tag = tell(world, folder, "rev-parse", "v1.0").stdout.strip()
        tell(world, folder, "update-ref", "refs/tags/v2.0", tag).accepted()
        tell(world, folder, "verify-tag", "v2.0").accepted()
        verify(world, folder, key, "v2.0", form).exits(1).refused("git-tag-name")


@git.case
def refuses_with_us_a_commit_in_the_place_of_a_tag(world):
    for form, folder, key in each(world):
        tell(world, folder, "update-ref", "refs/tags/v1.0", "v1.0^{commit}").accepted()
        check(tell(world, folder, "verify-tag", "v1.0").status != 0, "git verifies a lightweight tag")
        tell(world, folder, "verify-commit", "v1.0").accepted()
        verify(world, folder, key, "v1.0", form).exits(1).refused("git-tag-name")
        commit = tell(world, folder, "rev-parse", "HEAD").stdout.strip()
        verify(world, folder, key, commit, form).exits(0)


# The same, judged by a policy


def rule(kind: str, signer: str = "dev") -> str:
    return f'[[require]]\ntype = "{kind}"\nsigned_by = "{signer}"\n'


def judged(world, folder, key, form: str, subject, rules: str, *flags, more: str = "", offline=True):
    """What a policy says whose `dev` is the key in this file: the exit code, and all codes."""
    trust = f'[trust.dev]\nkind = "keys"\nkeys = [{pinned(key)}]\n'
    sha1 = "[artifact]\ngit_sha1 = true\n" if form == "sha1" else ""
    head = 'version = 1\nname = "git"\naccept = ["git-unlogged"]\n'
    policy = key.parent / "p.toml"
    policy.write_text(head + sha1 + trust + more + rules)
    answer = world.attest("verify", subject, "--policy", policy, "--format", "json", *flags, offline=offline)
    [said] = json.loads(answer.stdout)["subjects"]
    reasons = [reason for rule in said["rules"] for reason in rule["reasons"]] + said["files"]
    return answer.status, {reason["code"] for reason in reasons if reason.get("code")}


def pinned(key) -> str:
    return f'{{ file = "{key.name}", sha256 = "{hashlib.sha256(key.read_bytes()).hexdigest()}" }}'


def says(answer, status: int, *codes: str) -> None:
    check(answer == (status, set(codes)), f"expected {status} {codes}, found {answer}")


@git.case
def agrees_with_a_policy_about_what_is_signed(world):
    for form, folder, key in each(world):
        tell(world, folder, "commit", "-q", "--allow-empty", "--no-gpg-sign", "-m", "Unsigned").accepted()
        tell(world, folder, "tag", "-s", "-m", "Two", "v2.0").accepted()
        tell(world, folder, "tag", "-a", "--no-sign", "-m", "Three", "v3.0", "v1.0^{commit}").accepted()
        for tag, tag_holds, commit_holds in [("v1.0", True, True), ("v2.0", True, False), ("v3.0", False, True)]:
            commit = tell(world, folder, "rev-parse", tag + "^{commit}").stdout.strip()
            for kind, asked, name, subject, holds in [
                ("git-tag", "verify-tag", tag, f"refs/tags/{tag}", tag_holds),
                ("git-commit", "verify-commit", commit, commit, commit_holds),
                # By the name of a tag that nobody signed, nothing is asked of a commit.
                ("git-commit", "verify-commit", commit, f"refs/tags/{tag}", commit_holds and tag_holds),
            ]:
                said = tell(world, folder, asked, name)
                if subject == name or kind == "git-tag":
                    check((said.status == 0) == holds, f"{asked} {name}: {said}")
                answer = judged(world, folder, key, form, f"git:{folder}@{subject}", rule(kind))
                says(answer, 0) if holds else says(answer, 1, "git-object-unsigned")


@git.case
def refuses_with_a_policy_what_was_changed_or_is_by_somebody_else(world):
    for form, folder, key in each(world):
        place = folder.parent
        for kind, name, asked in [("commit", "HEAD", "verify-commit"), ("tag", "v1.0", "verify-tag")]:
            raw = tell(world, folder, "cat-file", kind, name).stdout
            text = "Say hello" if kind == "commit" else "One"
            changed = world.new_file("changed", raw.replace(text, "Other").encode())
            made = tell(world, folder, "hash-object", "-t", kind, "-w", changed).stdout.strip()
            check(tell(world, folder, asked, made).status != 0, f"git accepts a changed {kind}")
            # A tag is found by its reference alone.
            subject = f"git:{folder}@{made}"
            if kind == "tag":
                tell(world, folder, "update-ref", "refs/tags/v1.0", made).accepted()
                subject = f"git:{folder}@refs/tags/v1.0"
            says(judged(world, folder, key, form, subject, rule(f"git-{kind}")), 1, "signature-invalid")
        # The same by another key, which neither of us was told of.
        if key.suffix == ".pub":
            world.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mallory", "-f", place / "mallory"]).accepted()
            tell(world, folder, "config", "user.signingkey", place / "mallory.pub").accepted()
        else:
            (place / "other").mkdir(mode=0o700)
            quick = ["--quick-generate-key", "alice@example.org", "ed25519", "sign"]
            world.run([*gnupg(place / "other"), *quick]).accepted()
        tell(world, folder, "commit", "-q", "-S", "--allow-empty", "-m", "Mine", keys="other").accepted()
        tell(world, folder, "tag", "-s", "-m", "Mine", "v9", keys="other").accepted()
        check(tell(world, folder, "verify-commit", "HEAD").status != 0, "git accepts an unknown key's commit")
        check(tell(world, folder, "verify-tag", "v9").status != 0, "git accepts an unknown key's tag")
        for kind in ("commit", "tag"):
            answer = judged(world, folder, key, form, f"git:{folder}@refs/tags/v9", rule(f"git-{kind}"))
            says(answer, 1, "signer-mismatch")


@git.case
def accepts_a_tag_under_another_name_and_a_policy_does_not(world):
    for form, folder, key in each(world):
        tag = tell(world, folder, "rev-parse", "v1.0").stdout.strip()
        tell(world, folder, "update-ref", "refs/tags/v2.0", tag).accepted()
        tell(world, folder, "verify-tag", "v2.0").accepted()
        subject = f"git:{folder}@refs/tags/v2.0"
        for kind in ("git-tag", "git-commit"):
            says(judged(world, folder, key, form, subject, rule(kind)), 1, "git-tag-name")
        # Its commit is the one that was signed, when it is asked for by its own name.
        commit = tell(world, folder, "rev-parse", "v1.0^{commit}").stdout.strip()
        says(judged(world, folder, key, form, f"git:{folder}@{commit}", rule("git-commit")), 0)


@git.case
def refuses_with_a_policy_a_key_that_was_revoked(world):
    for form in ("sha256", "sha1"):
        folder, key = repository(world, form, "openpgp")
        home = folder.parent / "gpg"
        [revocation] = (home / "openpgp-revocs.d").glob("*.rev")
        certificate = world.new_file("revocation", revocation.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
        world.run([*gnupg(home), "--import", certificate]).accepted()
        key.unlink()
        world.run([*gnupg(home), "--armor", "--output", key, "--export"]).accepted()
        for kind, name in [("commit", "HEAD"), ("tag", "v1.0")]:
            check(tell(world, folder, f"verify-{kind}", name).status != 0, f"git accepts a {kind} by a revoked key")
            answer = judged(world, folder, key, form, f"git:{folder}@refs/tags/v1.0", rule(f"git-{kind}"))
            says(answer, 1, "key-revoked")


@git.case
def signs_what_a_policy_asks_of_the_commit_and_tag_that_were_built(world):
    for form, folder, key in each(world):
        artifact = world.new_file("app.tar.gz")
        identity = world.identity
        pem = identity.public.read_bytes()
        (key.parent / "ci.pub").write_bytes(pem)
        spki = world.run(["openssl", "pkey", "-pubin", "-in", identity.public, "-outform", "DER", "-out", "ci.der"])
        spki.accepted()
        pin = hashlib.sha256((world.folder / "ci.der").read_bytes()).hexdigest()
        ci = f'[trust.ci]\nkind = "keys"\nkeys = [{{ file = "ci.pub", sha256 = "{pin}" }}]\n'
        rules = rule("slsa-provenance", "ci") + "level = 1\n" + rule("git-commit") + rule("git-tag")

        def ask(revision: str, reference: str, bundle=artifact.with_name("build.json")):
            commit = tell(world, folder, "rev-parse", revision + "^{commit}").stdout.strip()
            source = {"uri": f"git+https://git.example/app@{reference}", "digest": {"gitCommit": commit}}
            build = {
                "buildDefinition": {
                    "buildType": "https://ci.example/type/v1",
                    "externalParameters": {},
                    "resolvedDependencies": [source],
                },
                "runDetails": {"builder": {"id": "https://ci.example/builder"}},
            }
            predicate = world.new_file("predicate.json", json.dumps(build).encode())
            words = [artifact, "--predicate", predicate, "--type", "slsaprovenance1", "--out", bundle, "--force"]
            world.sign(identity, *words)
            flags = ["--source-repository", folder, "--bundle", bundle, "--trusted-root", identity.root]
            return judged(world, folder, key, form, artifact, rules, *flags, more=ci)

        says(ask("v1.0", "refs/tags/v1.0"), 0)
        tell(world, folder, "commit", "-q", "--allow-empty", "--no-gpg-sign", "-m", "Unsigned").accepted()
        tell(world, folder, "tag", "-s", "-m", "Two", "v2.0").accepted()
        check(tell(world, folder, "verify-commit", "v2.0^{commit}").status != 0, "git accepts an unsigned commit")
        says(ask("v2.0", "refs/tags/v2.0"), 1, "git-object-unsigned")
        # Signed both, and the tag is another commit's.
        says(ask("v1.0", "refs/tags/v2.0"), 1, "attestation-missing")
