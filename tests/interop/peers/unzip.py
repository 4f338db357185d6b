"""Info-ZIP's unzip, libarchive and Python's zipfile: of every zip that we accept they list and unpack what we say.

Info-ZIP's zip, libarchive and Python make archives, too. Python unpacks links as files, and says so nowhere: of it
the list is compared and what files hold.
"""

import hashlib
import random
import shutil
import zipfile
from pathlib import Path

from suite import archives, install
from suite.cases import Peer
from suite.process import check


def install_it(version: str) -> None:
    install.apt_install("zip", "zip")
    install.apt_install("unzip", "unzip", version)


unzip = Peer("unzip", install=install_it, needs=("bsdtar",))


def agree(world, archive: Path, said: archives.Contents) -> None:
    """The list and the files of each reader are ours."""
    folder = world.new_folder("unpacked")
    world.run(["unzip", "-q", archive, "-d", folder], offline=True).accepted()
    names = world.run(["unzip", "-Z1", archive], offline=True).accepted()
    archives.compare(said, archives.listed(names.stdout), folder, f"unzip: {archive}")
    folder = world.new_folder("unpacked")
    world.run(["bsdtar", "-xf", archive, "-C", folder], offline=True).accepted()
    names = world.run(["bsdtar", "-tf", archive], offline=True).accepted()
    archives.compare(said, archives.listed(names.stdout), folder, f"bsdtar: {archive}")
    with zipfile.ZipFile(archive) as file:
        check(tuple(file.namelist()) == said.names, f"zipfile: {archive}: other names")
        for name, (size, digest) in said.files.items():
            content = file.read(name)
            found = (len(content), hashlib.sha256(content).hexdigest())
            check(found == (size, digest), f"zipfile: {archive}: {name} is {found}")
        for name, target in said.links.items():
            check(file.read(name).decode() == target, f"zipfile: {archive}: another {name}")


def made(world):
    """The same tree by each of the programs; names beyond ASCII where they are declared."""
    folder = archives.tree(world.new_folder("tree"))
    place = world.new_folder("archive")
    # Info-ZIP's zip does not declare names beyond ASCII, and is refused with them.
    ascii_only = ["-x", "gr*", "\u00fc*"]
    world.run(["zip", "-qry", place / "zip.zip", ".", *ascii_only], cwd=folder).accepted()
    yield place / "zip.zip"
    names = sorted(path.name for path in folder.iterdir())
    command = ["bsdtar", "--format", "zip", "-cf", place / "bsdtar.zip", *names]
    world.run(command, cwd=folder).accepted()
    yield place / "bsdtar.zip"
    (folder / "link").unlink()
    shutil.rmtree(folder / "deep")
    with zipfile.ZipFile(place / "python.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    yield place / "python.zip"


@unzip.case
def lists_and_unpacks_everybodys_archives_as_we_do(world):
    for archive in made(world):
        said = archives.ours(world, archive)
        check(isinstance(said, archives.Contents), f"{archive} is refused: {said}")
        check(len(said.files) >= 10, f"{archive}: {sorted(said.files)}")
        agree(world, archive, said)


@unzip.case
def lists_every_case_that_we_accept_as_we_do(world):
    compared = refused = 0
    for name, archive, expect in archives.fixtures("zip"):
        said = archives.ours(world, archive)
        if not isinstance(said, archives.Contents):
            check(said == expect["reject"], f"{name}: {said}")
            refused += 1
        elif said.names:  # unzip warns of an empty archive
            agree(world, archive, said)
            compared += 1
    check(compared >= 11 and refused >= 75, f"{compared} compared, {refused} refused")


@unzip.case
def reads_a_spoiled_archive_that_we_accept_as_we_do(world):
    """One or two bytes changed, many times over: refused, or the same to all."""
    place = world.new_folder("spoiled")
    dice = random.Random(21)
    cases = [archive for name, archive, expect in archives.fixtures("zip") if expect.get("accept")]
    compared = 0
    for number in range(150):
        data = bytearray(dice.choice(cases).read_bytes())
        for _ in range(dice.choice((1, 1, 2))):
            data[dice.randrange(len(data))] = dice.choice((0, 1, 3, 8, 10, 20, 47, 65, 92, 120, 255))
        archive = place / f"{number}.zip"
        archive.write_bytes(data)
        said = archives.ours(world, archive)
        if isinstance(said, archives.Contents) and said.names:
            agree(world, archive, said)
            compared += 1
    check(compared >= 5, f"only {compared} were compared")
