"""Tessera's fsck: an independent C2SP tile client, reading a log from a static web server.

It rebuilds every tile from the entries and compares the root with the signed checkpoint. Whatever it
finds it exits 0, so that its own line of success is what counts.
"""

import shutil
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.cosign import key_pair, sign_blob
from suite.process import check
from suite.tiles import served, size, verifier_key
from suite.world import flipped

tessera = Peer(
    "tessera-fsck",
    install=lambda version: install.go_install(
        "tessera-fsck", "github.com/transparency-dev/tessera/cmd/fsck", version, built_as="fsck"
    ),
    needs=("cosign", "rekor-server", "timestamp-server"),
)


def says(world, log: Path, root: Path) -> str:
    """What fsck says about a log whose key the trusted root names."""
    # Several workers: with one, a mismatch leaves its producer waiting for ever.
    key = world.new_file("log.vkey", verifier_key(root).encode())
    with served(log) as url:
        said = world.run([world.go("tessera-fsck"), "-ui=false", "-N=4", f"-storage_url={url}", f"-public_key={key}"])
    return str(said)


def accepted(world, log: Path, root: Path) -> None:
    said = says(world, log, root)
    check(f"Successfully fsck'd log with size {size(log)} " in said and "fsck failed" not in said, said)


def refused(world, log: Path, root: Path) -> None:
    said = says(world, log, root)
    check("Successfully" not in said and "fsck failed" in said, f"fsck did not refuse\n{said}")


def log_of(world, count: int):
    """An identity whose log has as many entries."""
    identity = world.new_identity()
    folder = world.new_folder("entries")
    files = [folder / f"{number}.bin" for number in range(count)]
    for file in files:
        file.write_text(file.name)
    world.sign(identity, *files)
    check(size(identity.log) == count, f"the log has {size(identity.log)} entries, {count} were wanted")
    return identity


@tessera.case
def reads_logs_of_every_shape(world):
    """One entry, a tile less one, a full tile, one more; grown in one batch and in several."""
    for count in (1, 2, 255, 256, 257):
        identity = log_of(world, count)
        accepted(world, identity.log, identity.root)
    for file in (world.new_file(f"later {number}.bin", bytes([number])) for number in range(3)):
        world.sign(identity, file)
        accepted(world, identity.log, identity.root)


@tessera.case
def reads_the_log_of_releases(world):
    assert world.hello
    accepted(world, world.identity.log, world.identity.root)


PARTS_OF_300 = (
    "tile/entries/000",
    "tile/entries/001.p/44",
    "tile/0/000",
    "tile/0/001.p/44",
    "tile/1/000.p/1",
    "checkpoint",
)


@tessera.case
def refuses_a_log_with_one_changed_byte_as_we_do(world):
    """In full and partial bundles of entries, in tiles of hashes, and in the checkpoint."""
    identity = log_of(world, 300)
    log = world.new_folder("tampered") / "log"
    shutil.copytree(identity.log, log)
    accepted(world, log, identity.root)
    for path in PARTS_OF_300:
        for offset in (20, -20):
            with flipped(log / path, offset):
                refused(world, log, identity.root)
    check_here(world, identity)


def check_here(world, identity) -> None:
    """`attest log check` finds the same changes in the home."""
    world.attest("log", "check", "--home", identity.home, offline=True).accepted()
    for path in PARTS_OF_300:
        with flipped(identity.log / path, 20):
            status = world.attest("log", "check", "--home", identity.home, offline=True).status
            check(status in (1, 2), f"attest log check exits {status} with a byte of {path} changed")


@tessera.case
def refuses_our_log_under_another_key(world):
    assert world.hello
    said = says(world, world.identity.log, world.stranger.root)
    check("Successfully" not in said, said)


@tessera.case
def reads_the_log_of_a_real_rekor_with_the_same_eyes(world):
    """The control: the client, and our way to call it, are right about a log that is not ours."""
    sign_blob(world, world.new_file("tool.bin"), key_pair(world))
    accepted(world, world.stack.tiles, world.stack.root)
