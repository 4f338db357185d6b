"""git, with OpenSSH and GnuPG: what it signs is verified here, and what it accepts and refuses."""

from suite import install
from suite.cases import Peer
from suite.process import check

git = Peer("git", install=lambda version: install.apt_install("git", "git", version), needs=("gpg", "openssh"))

ACCEPT = {"sha256": "no-log,no-time", "sha1": "no-log,no-time,sha1-git"}


def tell(world, folder, *words, home=None):
    """git without the settings of whoever runs this."""
    settings = [f"HOME={home or folder.parent}", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"]
    who = [f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME=Alice", "EMAIL=alice@example.org")]
    path = "PATH=/usr/local/bin:/usr/bin:/bin"
    return world.run(["env", "-i", path, *settings, *who, f"GNUPGHOME={folder.parent / 'gpg'}", "git", "-C", folder, *words])


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
        quiet = ["gpg", "--homedir", place / "gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        world.run([*quiet, "--quick-generate-key", "alice@example.org", "ed25519", "sign"]).accepted()
        key = place / "alice.asc"
        world.run([*quiet, "--armor", "--output", key, "--export"]).accepted()
        tell(world, folder, "config", "user.signingkey", "alice@example.org").accepted()
    tell(world, folder, "config", "gpg.format", how).accepted()
    tell(world, folder, "commit", "-q", "-S", "--allow-empty", "-m", "Say hello").accepted()
    tell(world, folder, "tag", "-s", "-m", "One", "v1.0").accepted()
    return folder, key


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
