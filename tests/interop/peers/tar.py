"""GNU tar, libarchive's bsdtar, and Python's tarfile: of every tar that we accept they list and unpack what we say.

Python's is the interpreter's own and no peer: it makes archives, and reads along.
"""

import random
import tarfile
from pathlib import Path

from suite import archives, install
from suite.cases import Peer
from suite.process import check

gnu_tar = Peer("gnu-tar", install=lambda version: install.present("tar", ["--version"], version))
bsdtar = Peer("bsdtar", install=lambda version: install.apt_install("bsdtar", "libarchive-tools", version))

GNU = ["tar", "--quoting-style=literal", "--force-local"]
ZSTD = bytes.fromhex("28b52ffd")
READERS = {"tar": GNU, "bsdtar": ["bsdtar"]}


def agree(world, archive: Path, said: archives.Contents, readers) -> None:
    """The list and the files of each reader are ours."""
    for reader in readers:
        what = f"{reader}: {archive}"
        names = world.run([*READERS[reader], "-tf", archive], offline=True).accepted()
        folder = world.new_folder("unpacked")
        world.run([*READERS[reader], "-xf", archive, "-C", folder], offline=True).accepted()
        archives.compare(said, archives.listed(names.stdout), folder, what)


def python_agrees(archive: Path, said: archives.Contents) -> None:
    if archive.read_bytes()[:4] == ZSTD:
        return  # before Python 3.14 it cannot
    with tarfile.open(archive) as tar:
        members = [it for it in tar.getmembers() if it.name not in (".", "./")]
    names = tuple(it.name.removeprefix("./") + "/" * it.isdir() for it in members)
    check(said.names == names, f"tarfile: {archive}: other names\n{said.names}\n{names}")
    sizes = {it.name.removeprefix("./"): it.size for it in members if it.isfile()}
    check(sizes == {name: size for name, (size, _) in said.files.items()}, f"tarfile: {archive}: other sizes")


def accepted(world, archive: Path) -> archives.Contents:
    said = archives.ours(world, archive)
    check(isinstance(said, archives.Contents), f"{archive} is refused: {said}")
    return said


def honest(world, commands, readers) -> None:
    """Archives that a program makes, each of a tree, as itself and by its name."""
    for number, (words, long) in enumerate(commands):
        folder = archives.tree(world.new_folder("tree"), long=long)
        for top in (".", folder.name):
            archive = world.new_folder("archive") / f"{number}.tar"
            start = folder if top == "." else folder.parent
            world.run([*words, "-cf", archive, "-C", start, top]).accepted()
            said = accepted(world, archive)
            check(len(said.files) == (12 if long else 9), f"{words}: {sorted(said.files)}")
            agree(world, archive, said, readers)
            python_agrees(archive, said)


@gnu_tar.case
def makes_archives_of_which_it_says_what_we_say(world):
    formats = [([], True), (["--format=ustar"], False), (["--format=pax"], True), (["--format=gnu"], True)]
    commands = [(["tar", *more], long) for more, long in formats]
    honest(world, [*commands, (["tar", "-z"], True), (["tar", "--sort=name", "--owner=0", "--group=0"], True)], ["tar"])


@bsdtar.case
def makes_archives_of_which_it_says_what_we_say_too(world):
    formats = [([], True), (["--format=ustar"], False), (["--format=gnutar"], True)]
    commands = [(["bsdtar", *more], long) for more, long in formats]
    honest(world, [*commands, (["bsdtar", "-z"], True), (["bsdtar", "--zstd"], True)], ["bsdtar"])


def others_archives(world):
    """What the other of the two makes, what Python makes, and what we make."""
    folder = archives.tree(world.new_folder("tree"))
    short = archives.tree(world.new_folder("tree"), long=False)
    place = world.new_folder("archive")
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        for mode in ("w", "w:gz"):
            archive = place / f"python-{form}.{mode[2:] or 'tar'}"
            with tarfile.open(archive, mode, format=form) as tar:
                tar.add(short if form == tarfile.USTAR_FORMAT else folder, "top")
            yield archive
    for program in ("tar", "bsdtar"):
        if world.run(["sh", "-c", f"command -v {program}"]).status == 0:
            archive = place / f"{program}.tar"
            world.run([program, "-cf", archive, "-C", folder, "."]).accepted()
            yield archive
    out = place / "ours.tar"
    words = ["export", world.hello.name, "--as", "tar", "--out", out, "--home", world.hello.identity.home]
    world.attest("archive", *words).accepted()
    yield out


def everybodys(world, reader: str) -> None:
    for archive in others_archives(world):
        said = accepted(world, archive)
        agree(world, archive, said, [reader])
        python_agrees(archive, said)


@gnu_tar.case
def lists_and_unpacks_everybodys_archives_as_we_do(world):
    everybodys(world, "tar")


@bsdtar.case
def lists_and_unpacks_everybodys_archives_as_we_do_too(world):
    everybodys(world, "bsdtar")


def judged(world, reader: str) -> None:
    """Every case of the fixtures: what we accept it reads the same; what we refuse it may say anything of."""
    compared = refused = 0
    for name, archive, expect in archives.fixtures("tar"):
        said = archives.ours(world, archive)
        if isinstance(said, archives.Contents):
            check("accept" in expect or expect.get("canonical"), f"{name} is accepted")
            agree(world, archive, said, [reader])
            compared += 1
        else:
            check(said == expect["reject"], f"{name}: {said}")
            refused += 1
    check(compared >= 15 and refused >= 100, f"{compared} compared, {refused} refused")


@gnu_tar.case
def lists_every_case_that_we_accept_as_we_do(world):
    judged(world, "tar")


@bsdtar.case
def lists_every_case_that_we_accept_as_we_do_too(world):
    judged(world, "bsdtar")


def spoiled(world, reader: str) -> None:
    """One byte of a header changed and its checksum mended, many times over: refused, or the same to both."""
    folder = archives.tree(world.new_folder("tree"))
    place = world.new_folder("spoiled")
    whole = place / "whole.tar"
    names = ["plain.txt", "empty", "y" * 101, "link", "hollow"]
    world.run([*READERS[reader], "-cf", whole, "-C", folder, *names]).accepted()
    honest_bytes = whole.read_bytes()
    dice = random.Random(20)
    starts = [at for at in range(0, len(honest_bytes), 512) if honest_bytes[at + 257 : at + 262] == b"ustar"]
    compared = 0
    for number in range(200):
        data = bytearray(honest_bytes)
        at = dice.choice(starts)
        for _ in range(dice.choice((1, 1, 2))):
            data[at + dice.randrange(512)] = dice.choice((0, 32, 47, 48, 49, 53, 55, 65, 92, 120, 255))
        data[at + 148 : at + 156] = b" " * 8
        data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
        archive = place / f"{number}.tar"
        archive.write_bytes(data)
        said = archives.ours(world, archive)
        if isinstance(said, archives.Contents):
            agree(world, archive, said, [reader])
            compared += 1
    check(compared >= 20, f"only {compared} were compared")


@gnu_tar.case
def reads_a_spoiled_archive_that_we_accept_as_we_do(world):
    spoiled(world, "tar")


@bsdtar.case
def reads_a_spoiled_archive_that_we_accept_as_we_do_too(world):
    spoiled(world, "bsdtar")
