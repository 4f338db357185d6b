"""An acquirer without attest: runs the commands of VERIFY.md, as they stand, in the folder."""

import re
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.world import flipped

acquirer = Peer("acquirer", install=lambda version: install.present("bash", ["--version"], version), needs=("cosign",))


def commands(release) -> list[str]:
    """The shell blocks of VERIFY.md."""
    text = (release.folder / "VERIFY.md").read_text()
    blocks = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    check(bool(blocks), f"VERIFY.md has no shell block:\n{text}")
    return blocks


def runs(world, release, block: str):
    """One block, as it would be pasted: it stops at its first failure."""
    tools = f"{world.go('cosign').parent}"
    return world.run(
        ["bash", "-euo", "pipefail", "-c", f'PATH="{tools}:$PATH"\n{block}'], cwd=release.folder, offline=True
    )


@acquirer.case
def follows_verify_md_to_the_end(world):
    text = (world.hello.folder / "VERIFY.md").read_text()
    for program in ("sha256sum -c --strict", "openssl", "cosign"):
        check(program in text, f"VERIFY.md does not use {program}")
    for block in commands(world.hello):
        runs(world, world.hello, block).accepted()


@acquirer.case
def follows_verify_md_for_a_large_artifact(world):
    """Above 128 MiB cosign needs the digest: VERIFY.md says so in a form that runs."""
    check("--digestAlg sha256" in (world.large.folder / "VERIFY.md").read_text(), "VERIFY.md gives cosign no digest")
    for block in commands(world.large):
        runs(world, world.large, block).accepted()


@acquirer.case
def follows_verify_md_of_a_release_in_parts(world):
    for block in commands(world.split):
        runs(world, world.split, block).accepted()


@acquirer.case
def is_stopped_by_verify_md_at_a_flipped_byte(world):
    release = world.copy(world.hello)
    blocks = commands(release)
    for name in (Path("hello"), Path("SHA256SUMS")):
        with flipped(release.folder / name):
            statuses = [runs(world, release, block).status for block in blocks]
            check(any(statuses), f"no block of VERIFY.md noticed that {name} was changed")
