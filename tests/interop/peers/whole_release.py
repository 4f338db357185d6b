"""A whole release by services: cosign, sigstore-python and the acquirer's shell judge it, and services are killed."""

import json
import os
import signal
from pathlib import Path

from peers.acquirer import commands, runs
from peers.keyless import fulcio, rekor_v1
from peers.sigstore_python import sigstore_python, verify_by_python
from suite import tiles
from suite.between import Between
from suite.bundles import Bundle, beside
from suite.cosign import PROVENANCE, RELEASE, verify_blob_keyless
from suite.keyless import REKOR_V1
from suite.process import Answer, Output, check
from suite.stack import rekor
from suite.world import HELLO, Release


def unreleased(world, name: str) -> Release:
    folder = world.new_folder(name)
    for path, content in HELLO.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return Release(folder, world.new_identity(), f"{name}@1.0.0")


def release(world, of: Release, config: Path, *more) -> Output:
    stack = world.stack.keyless
    name, version = of.name.split("@")
    token = world.new_file("token", stack.issuer.token().encode())
    who = more or ["--identity-token", token]
    by = ["--signing-config", config, "--trusted-root", stack.root, "--service-timeout", "5"]
    home = ["--home", of.identity.home, "--no-password"]
    return world.attest("release", of.folder, "--name", name, "--version", version, *home, *who, *by)


def verify(world, of: Release, **changed) -> Answer:
    return world.verify_identity(of.folder, "--release", of.name, **(world.stack.keyless.identity | changed))


def listing(folder: Path) -> list[tuple[str, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted((str(path.relative_to(folder)), path.read_bytes()) for path in files)


def signatures(of: Release) -> set[str]:
    found = set()
    for bundle in of.folder.glob("*.sigstore.json"):
        content = Bundle.read(bundle).document
        envelope = content.get("dsseEnvelope")
        found.add(envelope["signatures"][0]["sig"] if envelope else content["messageSignature"]["signature"])
    return found


def drafts(of: Release) -> list[dict]:
    kept = [json.loads(path.read_text()) for path in (of.identity.home / "drafts").rglob("*.json")]
    return [it for it in kept if "signature" in it]


@fulcio.case
def certifies_a_whole_release_that_cosign_and_a_shell_verify(world):
    """Through Rekor v2 and an authority, and through Rekor v1 alone: VERIFY.md runs as it stands."""
    stack = world.stack.keyless
    for generation in ("v2", "v1"):
        ours = unreleased(world, f"keyless-{generation}")
        release(world, ours, getattr(stack, generation).config).accepted()
        verify(world, ours).accepted()
        verify(world, ours, identity="other@example.com").says_no("identity-mismatch")
        for block in commands(ours):
            runs(world, ours, block).accepted()
        (ours.folder / "hello").write_bytes(b"another\n")
        verify(world, ours).says_no("digest-mismatch", "name-mismatch")
        statuses = [runs(world, ours, block).status for block in commands(ours)]
        check(any(statuses), "no block of VERIFY.md noticed that hello was changed")


@fulcio.case
def has_no_part_in_a_release_that_a_key_signs_and_rekor_logs(world):
    stack = world.stack.keyless
    for generation in ("v2", "v1"):
        ours = unreleased(world, f"logged-{generation}")
        release(world, ours, getattr(stack, generation).config, "--key", ours.identity.key).accepted()
        world.verify(ours.folder, "--release", ours.name, key=ours.identity.public, root=stack.root).accepted()
        for block in commands(ours):
            runs(world, ours, block).accepted()


@sigstore_python.case
def accepts_every_bundle_of_a_release_signed_for_an_identity(world):
    stack = world.stack.keyless
    for generation in ("v2", "v1"):
        ours = unreleased(world, f"python-{generation}")
        release(world, ours, getattr(stack, generation).config).accepted()
        sums, hello = ours.folder / "SHA256SUMS", ours.folder / "hello"
        verify_by_python(world, sums, beside(sums), stack).accepted()
        verify_blob_keyless(world, sums, beside(sums), **stack.identity).accepted()
        for stem in ("release", "provenance"):
            [bundle] = ours.bundles(stem)
            verify_by_python(world, hello, bundle, stack).accepted()
        other = world.new_file("hello", b"another\n")
        verify_by_python(world, other, ours.bundles("release")[0], stack).refused("")


@fulcio.case
def certifies_once_a_release_that_goes_on_after_rekor_was_killed(world):
    """After one of four entries Rekor is killed: nothing is released, and the next run has the same signatures."""
    stack, entries = world.stack.keyless, lambda: tiles.size(world.stack.tiles)

    def kill(posted: int) -> bool:
        if posted == 1:
            process = world.servers.running["rekor-server"]
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return True

    between = Between(world, world.stack.rekor, kill)
    config = between.config(world, stack.v2.config)
    ours = unreleased(world, "killed")
    before = listing(ours.folder)
    said = release(world, ours, config)
    rekor(world, "rekor-server", world.stack.tiles, world.stack.folder / "log.pem", (3003, 3001, 2114))
    said.exits(3).refused("service-unreachable")
    check(listing(ours.folder) == before, "something was written into the folder")
    kept, size = drafts(ours), entries()
    check(sorted(len(it["entries"]) for it in kept) == [0, 0, 0, 1], f"{kept}")
    release(world, ours, config).accepted()
    verify(world, ours).accepted()
    check({it["signature"] for it in kept} == signatures(ours), "something was signed twice")
    check(len({it["certificate"] for it in kept}) == 1, "more than one certificate")
    check(entries() == size + 3, f"the log had {size} entries and has {entries()}")
    check(not (ours.identity.home / "drafts").exists(), "drafts were left")


@rekor_v1.case
def gives_the_entry_again_whose_answer_was_lost(world):
    """It has the entry, and we do not know: asked again it says where, and nothing is in it twice."""
    stack = world.stack.keyless
    between = Between(world, REKOR_V1, lambda posted: posted != 1)
    ours = unreleased(world, "lost")
    release(world, ours, between.config(world, stack.v1.config)).accepted()
    verify(world, ours).accepted()
    bundles = ours.folder.glob("*.sigstore.json")
    indices = sorted(int(Bundle.read(path).entry.get("logIndex", "0")) for path in bundles)
    check(between.posted == 5, f"{between.posted} posts for {indices}")
    check(indices == list(range(indices[0], indices[0] + 4)), f"other entries in between: {indices}")
