"""What is shipped: dpkg and skopeo on what packaging/build makes."""

import json
import os
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import check
from suite.world import flipped, trust_of

ROOT = Path(__file__).resolve().parents[3]

dpkg = Peer("dpkg", install=lambda version: install.present("dpkg-deb", ["--version"], version), needs=("skopeo",))


def built(world) -> Path:
    """Everything that is shipped, from the attest that is tested, without its debug information."""
    program = world.new_folder("bin") / "attest"
    world.run(["strip", "-o", program, world.binary]).accepted()
    out = world.new_folder("shipped") / "out"
    build = [ROOT / "packaging" / "build", out]
    world.run(build, extra={"ATTEST_BIN": str(program), "SOURCE_DATE_EPOCH": "1790000000"}).accepted()
    world.run(build, extra={"ATTEST_BIN": str(program)}).exits(2).refused("exists")
    again = world.new_folder("shipped") / "again"
    more = {"ATTEST_BIN": str(program), "SOURCE_DATE_EPOCH": "1790000000"}
    world.run([build[0], again], extra=more).accepted()
    world.run(["diff", "-r", out, again]).accepted()
    return out


def runs(world, *program) -> None:
    """The program that was unpacked verifies a release, and refuses a changed one."""
    release = world.copy(world.hello)
    trusted = trust_of(world, release)
    verify = [*program, "verify", release.folder, "--key", trusted["key"], "--trusted-root", trusted["root"]]
    world.run(verify, offline=True).accepted()
    with flipped(release.folder / "hello"):
        world.run(verify, offline=True).exits(1)


@dpkg.case
def installs_and_runs_what_the_build_makes(world):
    out = built(world)
    (package,) = out.glob("*.deb")
    told = world.run(["dpkg-deb", "--info", package]).accepted()
    version = world.run([world.binary, "--version"]).accepted().stdout.split()[-1]
    check(f"Version: {version}\n" in told.stdout and "Package: attest\n" in told.stdout, f"another package\n{told}")
    root = world.new_folder("root")
    world.run(["dpkg-deb", "--extract", package, root]).accepted()
    runs(world, root / "usr/bin/attest")
    script = (root / "usr/share/attest/ci/verify.sh").read_bytes()
    check(script == (ROOT / "packaging/ci/verify.sh").read_bytes(), "another script for the templates")
    for name in ("usr/share/man/man1/attest-verify.1.gz", "usr/share/bash-completion/completions/attest"):
        check((root / name).is_file(), f"{name} is not in the package")
    sums = world.run(["dpkg-deb", "--control", package, root / "control"]).accepted()
    check(sums.status == 0, "no control files")
    world.run(["md5sum", "--check", "--strict", "--quiet", root / "control" / "md5sums"], cwd=root).accepted()
    complete = (
        f"source {root}/usr/share/bash-completion/completions/attest; COMP_WORDS=(attest ver); COMP_CWORD=1; "
        '_attest attest ver attest; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    said = world.run(["bash", "-c", complete]).accepted()
    check("verify" in said.stdout.split(), f"bash does not complete it\n{said}")
    # The image: skopeo reads the layout and unpacks it into another one; its root holds all that the program needs.
    image = f"oci:{out / 'image'}:{version}"
    manifest = json.loads(world.run(["skopeo", "inspect", image], offline=True).accepted().stdout)
    check(manifest["Os"] == "linux", f"another image: {manifest}")
    copied = world.new_folder("copied") / "layout"
    world.run(["skopeo", "copy", "--insecure-policy", image, f"oci:{copied}:{version}"], offline=True).accepted()
    blobs = sorted((copied / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    inside = world.new_folder("image")
    world.run(["tar", "--extract", "--gzip", "--file", blobs[-1], "--directory", inside]).accepted()
    if os.geteuid() == 0:
        said = world.run(["chroot", inside, "/usr/bin/attest", "--version"]).accepted()
        check(version in said.stdout, f"another attest in the image\n{said}")
