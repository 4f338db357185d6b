"""sha256sum: reads the list that we write, and writes lists that we read."""

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.world import HELLO, flipped

coreutils = Peer("coreutils", install=lambda version: install.present("sha256sum", ["--version"], version))


@coreutils.case
def checks_every_file_of_a_release(world):
    said = world.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=world.hello.folder, offline=True).accepted()
    checked = said.stdout.count(": OK\n")
    wanted = len(world.hello.listed()) - 1
    check(checked == wanted, f"{checked} files were checked, {wanted} were wanted\n{said}")


@coreutils.case
def writes_the_list_that_we_write(world):
    listed = sorted(str(path) for path in world.hello.listed() if path.name != "SHA256SUMS")
    said = world.run(["sha256sum", *listed], cwd=world.hello.folder).accepted()
    written = (world.hello.folder / "SHA256SUMS").read_text()
    check(sorted(said.stdout.splitlines()) == sorted(written.splitlines()), f"SHA256SUMS differs:\n{written}\n{said}")


@coreutils.case
def refuses_a_flipped_byte_as_we_do(world):
    release = world.copy(world.hello)
    with flipped(release.folder / "hello"):
        world.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=release.folder).refused("hello: FAILED")
        sums = release.folder / "SHA256SUMS"
        trusted = {"key": world.identity.public, "root": world.identity.root}
        world.verify(sums, **trusted).says_no("digest-mismatch")


@coreutils.case
def writes_lists_that_we_sign_and_verify(world):
    """Both of its forms, with names that it escapes."""
    for form in ([], ["--tag"]):
        folder = world.new_folder("listed")
        names = [*(name for name in HELLO if "/" not in name), "back\\slash"]
        for name in names:
            (folder / name).write_bytes(name.encode())
        said = world.run(["sha256sum", *form, *names], cwd=folder).accepted()
        sums = folder / "SHA256SUMS"
        sums.write_text(said.stdout)
        world.sign(world.identity, sums)
        trusted = {"key": world.identity.public, "root": world.identity.root}
        world.verify(sums, **trusted).accepted()
        with flipped(folder / "back\\slash"):
            world.verify(sums, **trusted).says_no("digest-mismatch")
        (folder / "hello").unlink()
        world.verify(sums, **trusted).says_no("file-missing")
