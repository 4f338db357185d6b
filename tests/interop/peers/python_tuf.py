"""python-tuf: repositories that its reference implementation makes, honest and with one change."""

from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.tiles import served

HERE = Path(__file__).resolve().parent
NAME = "python-tuf"


def install_it(version: str) -> None:
    install.python_install(NAME, HERE / NAME / "requirements.txt")
    install.python_version(NAME, "tuf", version)


python_tuf = Peer(NAME, install=install_it)


def repository(world, scenario: str) -> Path:
    """A repository that leads to the trusted root of our identity."""
    folder = world.new_folder(scenario)
    python = install.python_environment(NAME) / "bin" / "python"
    script = HERE / NAME / "repository.py"
    world.run([python, script, folder, scenario, world.identity.root], offline=True).accepted()
    return folder


def refresh(world, start: Path, folder: Path, *more):
    with served(folder / "repository") as mirror:
        out = world.new_folder("refreshed") / "trusted_root.json"
        words = ["trust", "refresh", "--root", start / "root.json", "--mirror", mirror, "-o", out, *more]
        return world.attest(*words), out


def refused(world, scenario: str, code: str) -> None:
    folder = repository(world, scenario)
    answer, out = refresh(world, folder, folder)
    answer.exits(1).refused(f"error[{code}]")
    check(not out.exists(), f"{out} was written")


@python_tuf.case
def leads_to_a_root_that_verifies_our_release(world):
    folder = repository(world, "honest")
    answer, out = refresh(world, folder, folder)
    answer.accepted()
    check(out.read_bytes() == world.identity.root.read_bytes(), "another trusted root")
    world.verify(world.hello.folder, key=world.identity.public, root=out).accepted()


@python_tuf.case
def rotates_its_keys_and_is_followed(world):
    folder = repository(world, "rotated")
    answer, _ = refresh(world, folder, folder)
    check("root 1 to 2" in answer.accepted().stdout, str(answer))
    refused(world, "rotated_by_the_new_alone", "tuf-threshold")


@python_tuf.case
def does_not_go_back_to_what_was_seen_before(world):
    folder = repository(world, "honest")
    state = world.new_folder("state") / "seen.json"
    refresh(world, folder, folder, "--state", state)[0].accepted()
    refresh(world, folder, folder / "later", "--state", state)[0].accepted()
    seen = state.read_bytes()
    answer, out = refresh(world, folder, folder, "--state", state)
    answer.exits(1).refused("error[tuf-rollback]")
    check(not out.exists() and state.read_bytes() == seen, "something was written")
    # Without the memory nobody can know.
    answer, _ = refresh(world, folder, folder)
    check("rollback: not checked" in answer.accepted().stdout, str(answer))


@python_tuf.case
def is_refused_when_it_expired(world):
    refused(world, "expired", "tuf-expired")


@python_tuf.case
def is_refused_without_enough_different_keys(world):
    refused(world, "signed_by_too_few", "tuf-threshold")
    refused(world, "signed_by_one_under_two_ids", "tuf-signature-duplicate")


@python_tuf.case
def is_refused_with_another_target(world):
    refused(world, "another_target", "tuf-integrity")
    refused(world, "target_above_the_folder", "tuf-target-missing")
