"""AIDE: the same tree, the same changes; what it names, we name.

Directories are compared by type, mode, owner and attributes: their sizes and link counts follow from the
names in them, which both of us report by themselves.
"""

import json
import os
import socket
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check

aide = Peer("aide", install=lambda version: install.apt_install("aide", "aide", version))

RULES = """
database_in=file:{database}
database_out=file:{database}
gzip_dbout=no
report_format=json
report_url=stdout
report_level=changed_attributes
Common=ftype+p+u+g+acl+xattrs+caps
{tree} f Common+n+s+sha256
{tree} d Common
{tree} l Common+l
{tree} p,s,b,c Common
"""
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
ACCESS_LIST = bytes.fromhex(
    "0200000001000600ffffffff02000700e803000004000400ffffffff10000700ffffffff20000400ffffffff"
)


def build(tree: Path) -> None:
    for number in range(40):
        path = tree / f"d{number % 4}" / f"file{number:02}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"file {number}\n")
    for name in ("empty", "deep", "deep/er", "deep/er/est", "swapped"):
        (tree / name).mkdir()
    for name in ("deep/er/est/file", "swapped/file", "gone", "renamed", "CASE"):
        (tree / name).write_text(name)
    for number in range(4):
        os.symlink(f"d0/file{number:02}", tree / f"link{number}")
    os.link(tree / "d3/file39", tree / "hard")
    os.mkfifo(tree / "pipe", 0o600)
    os.mknod(tree / "zero", 0o20666, os.makedev(1, 5))


def changes(tree: Path, outside: Path) -> list:
    """Forty of them; each names the paths that it is about."""

    def file(number: int) -> Path:
        return tree / f"d{number % 4}" / f"file{number:02}"

    def same_size_and_time(path: Path) -> None:
        before = path.stat()
        path.write_text(path.read_text().swapcase())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def to_link(path: Path, kept: Path) -> None:
        path.rename(kept)
        path.symlink_to(kept)

    def again(path: Path, make) -> None:
        path.unlink()
        make(path)

    def listening(path: Path) -> None:
        socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))

    return [
        lambda: same_size_and_time(file(0)),
        lambda: file(1).write_text("longer than it was\n"),
        lambda: file(2).write_text(""),
        lambda: file(3).open("a").write("x"),
        lambda: os.truncate(file(4), 3),
        lambda: (tree / "deep/er/est/file").write_text("deep/er/est/fine"),
        lambda: file(5).chmod(0o4755),
        lambda: file(6).chmod(0o2755),
        lambda: file(7).chmod(0o666),
        lambda: file(8).chmod(0o000),
        lambda: (tree / "deep/er").chmod(0o777),
        lambda: (tree / "deep").chmod(0o1755),
        lambda: (tree / "pipe").chmod(0o666),
        lambda: os.chown(file(9), 12345, -1),
        lambda: os.chown(file(10), -1, 12345),
        lambda: os.chown(tree / "empty", 12345, 12345),
        lambda: os.chown(tree / "link0", 12345, 12345, follow_symlinks=False),
        lambda: to_link(file(11), outside / "file11"),
        lambda: to_link(tree / "swapped", outside / "swapped"),
        lambda: again(tree / "link1", lambda it: it.symlink_to("d1/file01")),
        lambda: again(tree / "link2", lambda it: it.write_text("d0/file02")),
        lambda: again(tree / "link3", lambda it: it.mkdir()),
        lambda: again(file(12), lambda it: os.mkfifo(it, 0o644)),
        lambda: again(file(13), lambda it: os.mknod(it, 0o20644, os.makedev(1, 3))),
        lambda: again(file(14), listening),
        lambda: (tree / "gone").unlink(),
        lambda: (tree / "renamed").rename(tree / "newname"),
        lambda: (tree / "CASE").rename(tree / "case"),
        lambda: (tree / "d0/added").write_text("added"),
        lambda: (tree / "d1/.hidden").write_text(""),
        lambda: (tree / "d2/added").mkdir(),
        lambda: (tree / "d3/added").symlink_to("file03"),
        lambda: os.mkfifo(tree / "d3/pipe"),
        lambda: os.link(file(15), outside / "kept"),
        lambda: again(tree / "hard", lambda it: it.write_text("file 39\n")),
        lambda: os.setxattr(file(16), "user.note", b"new"),
        lambda: os.setxattr(file(17), "security.capability", CAPABILITY),
        lambda: os.setxattr(file(18), "system.posix_acl_access", ACCESS_LIST),
        lambda: os.setxattr(tree / "d0", "user.note", b"new"),
        lambda: (tree / "d1/folder/with").mkdir(parents=True),
    ]


def named_by_aide(world, rules: Path, tree: Path) -> set[str]:
    said = world.run(["aide", "--check", "-c", rules])
    check(0 < said.status < 8, f"aide found nothing\n{said}")
    report = json.loads(said.stdout)
    paths = {path for kind in ("added", "removed", "changed") for path in report.get(kind, {})}
    return {os.path.relpath(path, tree) for path in paths}


def named_by_us(world, tree: Path, manifest: Path) -> dict[str, list[str]]:
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    words = ["tree", "verify", tree, "--manifest", manifest, *trust, "--format", "json"]
    said = world.attest(*words, offline=True).exits(1)
    named: dict[str, list[str]] = {}
    for file in json.loads(said.stdout)["subjects"][1]["files"]:
        if file["verdict"] != "verified":
            named.setdefault(file["path"], []).append(file["code"])
    return named


@aide.case
def names_no_change_of_forty_that_we_do_not_name(world):
    tree, outside = world.new_folder("tree"), world.new_folder("outside")
    build(tree)
    rules = world.new_file("aide.conf", RULES.format(database=outside / "aide.db", tree=tree).encode())
    world.run(["aide", "--init", "-c", rules]).accepted()
    world.run(["aide", "--check", "-c", rules]).accepted()
    manifest = outside / "tree.manifest"
    signing = ["--sign", "--home", world.identity.home, "--no-password"]
    world.attest("tree", "snapshot", tree, "-o", manifest, *signing).accepted()
    done = changes(tree, outside)
    check(len(done) == 40, f"{len(done)} changes, 40 are wanted")
    here = os.getcwd()
    os.chdir(tree)
    for change in done:
        change()
    os.chdir(here)
    theirs, ours = named_by_aide(world, rules, tree), named_by_us(world, tree, manifest)
    check(len(theirs) >= 40, f"AIDE names {len(theirs)} paths: {sorted(theirs)}")
    unnamed = sorted(theirs - set(ours))
    check(not unnamed, f"AIDE names these and we do not: {unnamed}")
    beyond = sorted(set(ours) - theirs)
    print(f"      AIDE names {len(theirs)} paths, attest {len(ours)}; attest alone: {beyond}", flush=True)
    for path in beyond:
        check("tree-links-changed" in ours[path] or "tree-device-changed" in ours[path], f"{path}: {ours[path]}")


@aide.case
def takes_a_baseline_that_somebody_edited_and_we_do_not(world):
    tree, outside = world.new_folder("tree"), world.new_folder("outside")
    build(tree)
    rules = world.new_file("aide.conf", RULES.format(database=outside / "aide.db", tree=tree).encode())
    manifest = outside / "tree.manifest"
    world.run(["aide", "--init", "-c", rules]).accepted()
    signing = ["--sign", "--home", world.identity.home, "--no-password"]
    world.attest("tree", "snapshot", tree, "-o", manifest, *signing).accepted()
    (tree / "d0/file00").write_text("evil\n")
    world.run(["aide", "--init", "-c", rules]).accepted()
    manifest.unlink()
    world.attest("tree", "snapshot", tree, "-o", manifest).accepted()
    world.run(["aide", "--check", "-c", rules]).accepted()
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    words = ["tree", "verify", tree, "--manifest", manifest, *trust, "--format", "json"]
    said = world.attest(*words, offline=True).exits(1)
    [refused] = json.loads(said.stdout)["subjects"]
    check(refused["files"][0]["code"] == "digest-mismatch", f"{said}")
