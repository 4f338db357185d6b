"""GnuPG, Sequoia's sqv, minisign and OpenSSH: their answers to our cases."""

from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.detached import Fixture, judges_as_written



def install_gpg(version: str) -> None:
    install.apt_install("gpg", "gpg", version)
    install.apt_install("gpg-agent", "gpg-agent", version)


gpg = Peer("gpg", install=install_gpg)
gpgv = Peer("gpgv", install=lambda version: install.apt_install("gpgv", "gpgv", version), needs=("gpg",))
sqv = Peer("sqv", install=lambda version: install.apt_install("sqv", "sqv", version), needs=("gpg",))
minisign = Peer("minisign", install=lambda version: install.apt_install("minisign", "minisign", version))
openssh = Peer("openssh", install=lambda version: install.apt_install("ssh-keygen", "openssh-client", version))


def gnupg(world, home: Path, *arguments, offline: bool = False):
    quiet = ["--homedir", home, "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]
    return world.run(["gpg", *quiet, *arguments], offline=offline)


def new_home(world) -> Path:
    """Short, since the agent's socket lies in it."""
    home = world.new_folder("g")
    home.chmod(0o700)
    return home


@gpg.case
def answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        home = new_home(world)
        at = ["--faked-system-time", fixture.at.translate(str.maketrans("", "", "-:Z")) + "!"]
        gnupg(world, home, *at, "--import", fixture.key)
        return gnupg(world, home, *at, "--verify", fixture.signature, fixture.file).status == 0

    judges_as_written("gpg", "openpgp", accepts)


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


@openssh.case
def openssh_answers_as_we_have_written_down(world):
    def accepts(fixture: Fixture) -> bool:
        signers = world.new_file("signers", b"somebody " + fixture.key.read_bytes())
        line = f"ssh-keygen -Y verify -f {signers} -I somebody -n file -s {fixture.signature} <{fixture.file}"
        return world.run(["sh", "-c", line], offline=True).status == 0

    judges_as_written("ssh-keygen", "ssh", accepts)
