"""GnuPG, Sequoia's sqv, minisign and OpenSSH: their signatures, and their answers to our cases."""

from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.detached import Fixture, judges_as_written
from suite.process import check
from suite.world import flipped



def install_gpg(version: str) -> None:
    install.apt_install("gpg", "gpg", version)
    install.apt_install("gpg-agent", "gpg-agent", version)


gpg = Peer("gpg", install=install_gpg)
gpgv = Peer("gpgv", install=lambda version: install.apt_install("gpgv", "gpgv", version), needs=("gpg",))
sqv = Peer("sqv", install=lambda version: install.apt_install("sqv", "sqv", version), needs=("gpg",))
minisign = Peer("minisign", install=lambda version: install.apt_install("minisign", "minisign", version))
openssh = Peer("openssh", install=lambda version: install.apt_install("ssh-keygen", "openssh-client", version))

ACCEPT = ("--accept", "no-log,no-time")


def gnupg(world, home: Path, *arguments, offline: bool = False):
    quiet = ["--homedir", home, "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]
    return world.run(["gpg", *quiet, *arguments], offline=offline)


def new_home(world) -> Path:
    """Short, since the agent's socket lies in it."""
    home = world.new_folder("g")
    home.chmod(0o700)
    return home


def new_key(world, *algorithm) -> tuple[Path, Path]:
    """A home with one signing key, and the public key in a file."""
    home = new_home(world)
    gnupg(world, home, "--quick-generate-key", "interop <interop@example.org>", *(algorithm or ("ed25519", "sign")))
    public = world.new_file("signer.asc")
    gnupg(world, home, "--yes", "--armor", "--output", public, "--export").accepted()
    return home, public


def verify(world, file: Path, key: Path, *more):
    return world.attest("verify", file, "--key", key, *ACCEPT, "--format", "json", *more, offline=True)


def judged(world, file: Path, key: Path, signature: Path) -> None:
    """We accept it, and neither other bytes nor, without being asked, a signature without log and time."""
    verify(world, file, key).exits(0)
    world.attest("verify", file, "--key", key, offline=True).exits(1).refused("log-missing")
    with flipped(file, 0):
        verify(world, file, key).exits(1).refused("signature-invalid")
    check(signature.exists(), f"{signature} is gone")


@gpg.case
def answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        home = new_home(world)
        at = ["--faked-system-time", fixture.at.translate(str.maketrans("", "", "-:Z")) + "!"]
        gnupg(world, home, *at, "--import", fixture.key)
        return gnupg(world, home, *at, "--verify", fixture.signature, fixture.file).status == 0

    judges_as_written("gpg", "openpgp", accepts)


@gpg.case
def signs_the_checksums_of_a_release_by_its_agent(world):
    """An Ed25519 key with a subkey that signs, and an RSA key: gpg, gpgv and we verify what it made."""
    for algorithm in (("ed25519", "sign"), ("rsa3072", "sign")):
        home, public = new_key(world, *algorithm)
        listed = gnupg(world, home, "--with-colons", "--list-secret-keys").stdout.splitlines()
        fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))
        if algorithm[0] == "ed25519":
            gnupg(world, home, "--quick-add-key", fingerprint, "ed25519", "sign").accepted()
            gnupg(world, home, "--yes", "--armor", "--output", public, "--export").accepted()
        folder = world.new_folder("dist")
        (folder / "tool").write_bytes(b"a tool\n")
        line = ["release", folder, "--name", f"gpg-{algorithm[0]}", "--version", "1", "--no-password"]
        line += ["--home", world.identity.home, "--gpg-key"]
        extra = {"GNUPGHOME": str(home)}
        world.attest(*line, fingerprint[-16:], extra=extra).exits(2).refused("gpg-key-malformed")
        world.attest(*line, "0" * 40, extra=extra).exits(2).refused("gpg-key-missing")
        check([file.name for file in folder.iterdir()] == ["tool"], "a refused run left something behind")
        world.attest(*line, fingerprint, extra=extra).accepted()
        sums, signature = folder / "SHA256SUMS", folder / "SHA256SUMS.asc"
        gnupg(world, home, "--verify", signature, sums, offline=True).accepted()
        keyring = world.new_folder("ring") / "publisher.gpg"
        gnupg(world, home, "--output", keyring, "--export").accepted()
        world.run(["gpgv", "--keyring", keyring, signature, sums], offline=True).accepted()
        world.verify(folder, key=world.identity.public, root=world.identity.root).accepted()
        verify(world, sums, public, "--bundle", signature).exits(0)
        check(fingerprint in (folder / "VERIFY.md").read_text(), "VERIFY.md does not name the OpenPGP key")
        with flipped(signature, 200):
            world.verify(folder, key=world.identity.public, root=world.identity.root).exits(1)
        with flipped(sums, 0):
            gnupg(world, home, "--verify", signature, sums, offline=True).refused("BAD signature")


@gpg.case
def signs_what_we_accept(world):
    for algorithm in (("ed25519", "sign"), ("rsa3072", "sign"), ("nistp384", "sign")):
        home, public = new_key(world, *algorithm)
        for form, suffix in (("--armor", "asc"), ("--no-armor", "sig")):
            file = world.new_file("tool.tar.gz")
            signature = file.with_name(f"tool.tar.gz.{suffix}")
            gnupg(world, home, form, "--output", signature, "--detach-sign", file).accepted()
            judged(world, file, public, signature)


@gpg.case
def signs_lists_that_we_accept(world):
    """SHA256SUMS.asc binds what the list names."""
    home, public = new_key(world)
    folder = world.new_folder("dist")
    (folder / "tool").write_bytes(b"tool\n")
    (folder / "README").write_bytes(b"read me\n")
    listed = world.run(["sha256sum", "README", "tool"], cwd=folder).accepted().stdout
    (folder / "SHA256SUMS").write_text(listed)
    gnupg(world, home, "--armor", "--output", folder / "SHA256SUMS.asc", "--detach-sign", folder / "SHA256SUMS")
    verify(world, folder / "SHA256SUMS", public).exits(0)
    verify(world, folder, public).exits(0)
    with flipped(folder / "tool", 0):
        verify(world, folder, public).exits(1)


@gpg.case
def accepts_a_revoked_key_that_we_refuse(world):
    home, public = new_key(world)
    file = world.new_file("tool.tar.gz")
    signature = file.with_name("tool.tar.gz.asc")
    gnupg(world, home, "--armor", "--output", signature, "--detach-sign", file).accepted()
    verify(world, file, public).exits(0)
    certificate = next((home / "openpgp-revocs.d").iterdir())
    text = certificate.read_text().replace(":-----BEGIN", "-----BEGIN")
    revocation = world.new_file("revocation.asc", text.encode())
    gnupg(world, home, "--import", revocation).accepted()
    gnupg(world, home, "--yes", "--armor", "--output", public, "--export").accepted()
    gnupg(world, home, "--verify", signature, file, offline=True).accepted()
    verify(world, file, public).exits(1).refused("key-revoked")


@gpgv.case
def gpgv_answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        home = new_home(world)
        ring = home / "ring.gpg"
        gnupg(world, home, "--output", ring, "--dearmor", fixture.key)
        keyring = ring if ring.exists() and ring.stat().st_size else fixture.key
        command = ["gpgv", "--homedir", home, "--keyring", keyring, fixture.signature, fixture.file]
        return world.run(command, offline=True).status == 0

    judges_as_written("gpgv", "openpgp", accepts)


@sqv.case
def sqv_answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        command = ["sqv", "--keyring", fixture.key, fixture.signature, fixture.file]
        return world.run(command, offline=True).status == 0

    judges_as_written("sqv", "openpgp", accepts)


@minisign.case
def minisign_answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        command = ["minisign", "-V", "-q", "-p", fixture.key, "-x", fixture.signature, "-m", fixture.file]
        return world.run(command, offline=True).status == 0

    judges_as_written("minisign", "minisign", accepts)


@minisign.case
def minisign_signs_what_we_accept(world):
    folder = world.new_folder("minisign")
    public, private = folder / "minisign.pub", folder / "minisign.key"
    world.run(["minisign", "-G", "-W", "-p", public, "-s", private]).accepted()
    file = world.new_file("tool.tar.gz")
    world.run(["minisign", "-S", "-W", "-s", private, "-m", file, "-t", "release 1.0"]).accepted()
    judged(world, file, public, file.with_name("tool.tar.gz.minisig"))
    verify(world, file, public.read_text().splitlines()[1]).exits(0)


@openssh.case
def openssh_answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        signers = world.new_file("signers", b"somebody " + fixture.key.read_bytes())
        line = f"ssh-keygen -Y verify -f {signers} -I somebody -n file -s {fixture.signature} <{fixture.file}"
        return world.run(["sh", "-c", line], offline=True).status == 0

    judges_as_written("ssh-keygen", "ssh", accepts)


@openssh.case
def openssh_signs_what_we_accept(world):
    for kind in ("ed25519", "ecdsa", "rsa"):
        key = world.new_folder("ssh") / "key"
        world.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key]).accepted()
        file = world.new_file("tool.tar.gz")
        world.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "file", file]).accepted()
        judged(world, file, key.with_suffix(".pub"), file.with_name("tool.tar.gz.sig"))
