"""OCI clients on the archive, which is an OCI image layout, and a registry that it goes through."""

import hashlib
import json
import shutil
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import Output, check

skopeo = Peer("skopeo", install=lambda version: install.apt_install("skopeo", "skopeo", version))
umoci = Peer("umoci", install=lambda version: install.apt_install("umoci", "umoci", version))

docker_registry = Peer(
    "docker-registry",
    install=lambda version: install.apt_install("docker-registry", "docker-registry", version),
    needs=("skopeo",),
)

RELEASE = "application/vnd.attest.release.v1"
REFERENCE = "org.opencontainers.image.ref.name"


def blob(layout: Path, digest: str) -> bytes:
    algorithm, value = digest.split(":")
    content = (layout / "blobs" / algorithm / value).read_bytes()
    check(hashlib.new(algorithm, content).hexdigest() == value, f"the blob {digest} has another content")
    return content


@skopeo.case
def reads_the_manifest_of_a_release(world):
    layout = world.hello.identity.archive
    said = world.run(["skopeo", "inspect", "--raw", f"oci:{layout}:{world.hello.name}"], offline=True).accepted()
    manifest = json.loads(said.stdout)
    check(manifest.get("artifactType") == RELEASE, f"artifactType is {manifest.get('artifactType')}")
    titles = {layer.get("annotations", {}).get("org.opencontainers.image.title") for layer in manifest["layers"]}
    missing = {str(path) for path in world.hello.listed()} - titles
    check(not missing, f"the manifest does not name {sorted(missing)}")


@skopeo.case
def copies_a_release_byte_for_byte(world):
    """Into another layout: every blob arrives unchanged, and the copy is an archive that we verify."""
    layout = world.hello.identity.archive
    copy = world.new_folder("copied") / "layout"
    skopeo_copy(world, layout, copy, world.hello.name).accepted()
    [ours] = [entry for entry in index(layout) if entry["annotations"].get(REFERENCE) == world.hello.name]
    [theirs] = index(copy)
    check(ours["digest"] == theirs["digest"], f"the manifest became {theirs['digest']}, it was {ours['digest']}")
    manifest = json.loads(blob(copy, theirs["digest"]))
    for part in [manifest["config"], *manifest["layers"]]:
        check(blob(copy, part["digest"]) == blob(layout, part["digest"]), f"{part['digest']} changed")
    verify_archive(world, copy, world.hello).accepted()


@skopeo.case
def notices_a_changed_blob_as_we_do(world):
    identity = world.new_identity()
    release = world.release(identity, {"hello": b"hello, archive\n"}, "hello")
    digest = hashlib.sha256(b"hello, archive\n").hexdigest()
    stored = identity.archive / "blobs" / "sha256" / digest
    verify_archive(world, identity.archive, release).accepted()
    stored.chmod(0o644)
    stored.write_bytes(b"hello, Archive\n")
    copy = world.new_folder("copied") / "layout"
    skopeo_copy(world, identity.archive, copy, release.name).refused(digest, "digest")
    verify_archive(world, identity.archive, release).exits(1)


@umoci.case
def lists_every_release_of_the_archive(world):
    identity = world.new_identity()
    releases = [world.release(identity, {"tool": name.encode()}, name) for name in ("one", "two")]
    said = world.run(["umoci", "list", "--layout", identity.archive], offline=True).accepted()
    listed = set(said.stdout.split())
    check(listed == {release.name for release in releases}, f"umoci lists {sorted(listed)}")


@umoci.case
def collects_garbage_and_takes_nothing_of_a_release(world):
    copy = world.new_folder("collected") / "layout"
    shutil.copytree(world.hello.identity.archive, copy)
    world.run(["umoci", "gc", "--layout", copy], offline=True).accepted()
    verify_archive(world, copy, world.hello).accepted()


@docker_registry.case
def hands_a_release_back_unchanged(world):
    """Pushed and pulled by skopeo; what comes back is an archive that we verify, and the same manifest."""
    folder = world.new_folder("registry")
    settings = (
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: 127.0.0.1:5000}}\n"
    )
    (folder / "registry.yml").write_text(settings)
    world.servers.start("registry", ["docker-registry", "serve", folder / "registry.yml"], "http://127.0.0.1:5000/v2/")
    layout, back = world.hello.identity.archive, world.new_folder("pulled") / "layout"
    remote, name = "docker://127.0.0.1:5000/hello:1.0.0", world.hello.name
    for words in (
        ["--dest-tls-verify=false", f"oci:{layout}:{name}", remote],
        ["--src-tls-verify=false", remote, f"oci:{back}:{name}"],
    ):
        world.run(["skopeo", "copy", "--preserve-digests", *words]).accepted()
    verify_archive(world, back, world.hello).accepted()
    [ours] = [entry["digest"] for entry in index(layout) if entry["annotations"].get(REFERENCE) == name]
    [theirs] = [entry["digest"] for entry in index(back)]
    check(ours == theirs, f"the manifest became {theirs}, it was {ours}")


def index(layout: Path) -> list[dict]:
    check(json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}, "not an OCI layout")
    return json.loads((layout / "index.json").read_text())["manifests"]


def skopeo_copy(world, source: Path, target: Path, name: str) -> Output:
    words = ["copy", "--preserve-digests", f"oci:{source}:{name}", f"oci:{target}:{name}"]
    return world.run(["skopeo", *words], offline=True, extra={"XDG_RUNTIME_DIR": str(world.scratch_home)})


def verify_archive(world, layout: Path, release) -> Output:
    trusted = ["--key", release.identity.public, "--trusted-root", release.identity.root]
    return world.attest("archive", "verify", release.name, "--archive", layout, *trusted, offline=True)
