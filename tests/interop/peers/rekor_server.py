"""rekor-server: Rekor v2 on plain files (rekor-tiles). What it logs must be provable here."""

import base64
import json
import shutil

from suite import install
from suite.bundles import Bundle, beside
from suite.cases import Peer
from suite.cosign import key_pair, sign_blob, trust, verify_blob
from suite.process import check
from suite.tiles import served, size
from suite.world import flipped

rekor_server = Peer(
    "rekor-server",
    install=lambda version: install.go_install(
        "rekor-server", "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix", version, built_as="posix"
    ),
    needs=("cosign", "timestamp-server"),
)


@rekor_server.case
def logs_entries_that_are_proven_here_at_every_size(world):
    """The log grows while we look: each bundle's proof stands against its own checkpoint."""
    key = key_pair(world)
    for number in range(5):
        file = world.new_file("tool.bin", f"artifact {number}\n".encode())
        sign_blob(world, file, key)
        world.verify(file, key=key.with_suffix(".pub"), root=world.stack.root).accepted()


@rekor_server.case
def logs_an_entry_that_proves_nothing_about_another_file(world):
    """The entry of one bundle moved into another: both are good, together they are refused."""
    key = key_pair(world)
    files = [world.new_file("tool.bin", content) for content in (b"one\n", b"two\n")]
    for file in files:
        sign_blob(world, file, key)
        world.verify(file, key=key.with_suffix(".pub"), root=world.stack.root).accepted()
    one, two = (Bundle.read(beside(file)) for file in files)
    one.material["tlogEntries"] = two.material["tlogEntries"]
    moved = one.write(files[0].with_name("moved.sigstore.json"))
    refused = world.verify(files[0], "--bundle", moved, key=key.with_suffix(".pub"), root=world.stack.root)
    refused.says_no("log-entry-mismatch")


@rekor_server.case
def signs_checkpoints_that_we_read(world):
    sign_blob(world, world.new_file("tool.bin"), key_pair(world))
    said = world.attest("inspect", world.stack.tiles / "checkpoint", "--format", "json", offline=True).accepted()
    check("checkpoint" in said.stdout and "localhost" in said.stdout, str(said))


@rekor_server.case
def keeps_a_log_that_we_recompute(world):
    """`attest log check` is right about a log that is not ours, and about one changed byte in it."""
    sign_blob(world, world.new_file("tool.bin"), key_pair(world))
    log = world.new_folder("rekor") / "log"
    shutil.copytree(world.stack.tiles, log, ignore=shutil.ignore_patterns(".state"))
    command = ["log", "check", "--log", log, "--key", world.stack.root]
    world.attest(*command, offline=True).accepted()
    for path in (f"tile/entries/000.p/{size(log)}", f"tile/0/000.p/{size(log)}", "checkpoint"):
        with flipped(log / path, 20):
            world.attest(*command, offline=True).refused(*DAMAGE)


@rekor_server.case
def takes_what_our_log_has_and_cosign_verifies_it_there(world):
    """`attest log append`: cosign knows this Rekor and not our log, and accepts the bundle from then on."""
    identity, stack = world.identity, world.stack
    file = world.new_file("tool.bin", b"to be known by others\n")
    world.sign(identity, file)
    out = file.with_name("both.sigstore.json")
    theirs = {"key": identity.public, "root": world.mixed_root(logs=stack.root, authorities=identity.root)}
    verify_blob(world, file, beside(file), **theirs).refused("not enough verified log entries")
    log = ["log", "append", beside(file), "--log", stack.rekor, "--key", stack.root]
    world.attest(*log, "--out", out).accepted()
    check(len(Bundle.read(out).material["tlogEntries"]) == 2, "not an entry of each log")
    verify_blob(world, file, out, **theirs).accepted()
    world.verify(file, "--bundle", out, "--trusted-root", stack.root, **trust(identity)).accepted()
    world.verify(file, "--bundle", out, **trust(identity)).says_no("log-unknown")
    # It has it now, and serves no tiles where it takes entries: that is its word alone.
    again = world.attest(*log).exits(3).refused("log-entry-exists")
    leaf = again.stderr.split("--leaf ")[1].split()[0]
    with served(stack.tiles) as url:
        found = ["log", "show", "--leaf", leaf, "--log", url, "--key", stack.root]
        world.attest(*found).accepted()
    # A signature that is none is refused by the log, and nothing is written.
    entry = world.attest("log", "show", "0", "--home", identity.home).accepted().stdout
    document = json.loads(entry)
    record = document["spec"]["hashedRekordV002"]
    record["data"]["digest"] = base64.b64encode(bytes(32)).decode()
    wrong = world.new_file("entry", json.dumps(document, separators=(",", ":"), sort_keys=True).encode())
    world.attest("log", "append", wrong, *log[3:]).exits(3).refused("service-refused")


def monitor(world, url: str, root, *more):
    return world.attest("log", "monitor", "--log", url, "--log-key", root, *more)


@rekor_server.case
def is_followed_by_our_monitor_from_run_to_run(world):
    """Its tiles over HTTP: what a key of ours signed and we do not know is found, until it is known."""
    key, root = key_pair(world), world.stack.root
    sign_blob(world, world.new_file("before.bin"), key)
    state = world.new_folder("monitor") / "state.json"
    watch = ["--state", state, "--key", key.with_suffix(".pub")]
    with served(world.stack.tiles) as url:
        monitor(world, url, root, *watch).accepted()
        file = world.new_file("tool.bin", b"nobody said that this would be signed\n")
        sign_blob(world, file, key)
        for _ in range(2):
            monitor(world, url, root, *watch).exits(1).refused("log-entry-foreign")
        monitor(world, url, root, *watch, "--known", beside(file)).accepted()
        monitor(world, url, root, *watch).accepted()
        shown = world.attest("log", "show", "--artifact", file, "--log", url, "--key", root).accepted()
        check("hashedrekord" in shown.stdout, str(shown))
        world.attest("log", "check", "--log", url, "--key", root).accepted()
    monitor(world, url, root, *watch).exits(3).refused("log-unreachable")


@rekor_server.case
def is_found_out_when_it_forks(world):
    """A second server goes on with a copy of its files and its key: two histories, both signed."""
    key, root = key_pair(world), world.stack.root
    sign_blob(world, world.new_file("tool.bin"), key)
    twin = world.stack.fork()
    sign_blob(world, world.new_file("tool.bin", b"one history\n"), key)
    twin.sign(world.new_file("tool.bin", b"another history\n"), key)
    state = ["--state", world.new_folder("monitor") / "state.json"]
    with served(world.stack.tiles) as url, served(twin.tiles) as other:
        monitor(world, url, root, *state).accepted()
        monitor(world, other, root, *state).exits(1).refused("log-forked")
        monitor(world, url, root, "--compare", f"{other}checkpoint").exits(1).refused("log-forked")
        monitor(world, url, root, *state).accepted()


DAMAGE = ("log-corrupt", "checkpoint-signature-invalid", "checkpoint-malformed", "checkpoint-root-mismatch")
