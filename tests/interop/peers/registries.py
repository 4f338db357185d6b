"""Registries with and without the referrers API, and clients of registries."""

import hashlib
import json
from pathlib import Path

from suite import install
from suite.cases import Peer
from suite.process import Answer, Output, check
from suite.world import HELLO

HERE = Path(__file__).resolve().parent
NAME = "org.opencontainers.image.ref.name"

distribution = Peer(
    "distribution",
    install=lambda version: install.go_install_all(
        "distribution",
        {"registry": ("github.com/distribution/distribution/v3/cmd/registry", None)},
        version,
    ),
)
go_containerregistry = Peer(
    "go-containerregistry",
    install=lambda version: install.go_build("go-containerregistry", HERE / "go-containerregistry", version),
)
crane = Peer(
    "crane",
    install=lambda version: install.go_install(
        "crane", "github.com/google/go-containerregistry/cmd/crane", version
    ),
)
regctl = Peer(
    "regctl",
    install=lambda version: install.go_install("regctl", "github.com/regclient/regclient/cmd/regctl", version),
)


NEEDS = (
    "cosign",
    "crane",
    "distribution",
    "go-containerregistry",
    "regctl",
    "rekor-server",
    "skopeo",
    "timestamp-server",
)
for peer in (distribution, go_containerregistry, crane, regctl):
    peer.needs = NEEDS


def new_image(world, registry: str, name: str) -> str:
    """An image of one layer, as crane pushes it, under a name that no other case has."""
    folder = world.new_folder("image")
    (folder / "file").write_text(name)
    world.run(["tar", "cf", folder / "layer.tar", "-C", folder, "file"]).accepted()
    image = f"{registry}/interop/{name}:1"
    crane_run(world, "append", "-f", folder / "layer.tar", "-t", image, "-b", "").accepted()
    return image


def kind(referrers: bool) -> str:
    return "lists" if referrers else "tags"


def crane_run(world, command: str, *words) -> Output:
    return world.run([world.go("crane"), command, "--insecure", *words])


def regctl_run(world, registry: str, *words) -> Output:
    world.run([world.go("regctl"), "registry", "set", "--tls", "disabled", registry]).accepted()
    return world.run([world.go("regctl"), *words])


def verify_here(world, image: str, identity, root: Path, *more) -> Answer:
    words = ["verify", f"oci://{image}", "--key", identity.public, "--trusted-root", root, "--format", "json"]
    return Answer(**vars(world.attest(*words, *more)))


def cosign_verify(world, image: str, identity, root: Path) -> Output:
    words = ["verify", "--key", identity.public, "--trusted-root", root, "--use-signed-timestamps"]
    return world.run([world.go("cosign"), *words, "--allow-http-registry", image])


def cosign_sign(world, image: str, identity, *more) -> Output:
    words = ["sign", "--key", identity.key, "--allow-http-registry", "-y", *more, image]
    return world.run([world.go("cosign"), *words], extra={"COSIGN_PASSWORD": ""}).accepted()


def signed_here(world, *, referrers: bool) -> None:
    registry, identity = world.stack.registry(referrers=referrers), world.identity
    image, other = (new_image(world, registry, f"ours-{name}-{kind(referrers)}") for name in ("signed", "unsigned"))
    world.sign(identity, f"oci://{image}")
    cosign_verify(world, image, identity, identity.root).accepted()
    verify_here(world, image, identity, identity.root).accepted()
    cosign_verify(world, other, identity, identity.root).refused("no signatures found")
    verify_here(world, other, identity, identity.root).says_no("bundle-missing")
    stranger = world.stranger
    cosign_verify(world, image, stranger, stranger.root).refused("no matching", "failed to verify", "not verified")
    verify_here(world, image, stranger, stranger.root).says_no("signer-mismatch")


def signed_by_cosign(world, *, referrers: bool) -> None:
    registry, identity, stack = world.stack.registry(referrers=referrers), world.identity, world.stack
    image = new_image(world, registry, f"theirs-{kind(referrers)}")
    cosign_sign(world, image, identity, "--signing-config", stack.signing_config, "--trusted-root", stack.root)
    verify_here(world, image, identity, stack.root).accepted()
    verify_here(world, image, world.stranger, stack.root).says_no("signer-mismatch")
    # Both at once: neither takes the other's away.
    world.sign(identity, f"oci://{image}")
    verify_here(world, image, identity, stack.root).accepted()
    verify_here(world, image, identity, identity.root).accepted()
    cosign_verify(world, image, identity, stack.root).accepted()


@distribution.case
def verifies_with_cosign_what_we_signed(world):
    signed_here(world, referrers=False)


@go_containerregistry.case
def verifies_with_cosign_what_we_signed_where_lists_are_kept(world):
    signed_here(world, referrers=True)


@distribution.case
def holds_what_cosign_signed_and_we_verify(world):
    signed_by_cosign(world, referrers=False)


@go_containerregistry.case
def holds_what_cosign_signed_and_we_verify_where_lists_are_kept(world):
    signed_by_cosign(world, referrers=True)


@distribution.case
def holds_cosigns_older_signatures_and_we_verify_them(world):
    """Under the tag `sha256-….sig`, without log and time, which must be asked for."""
    registry, identity = world.stack.registry(referrers=False), world.identity
    image = new_image(world, registry, "older")
    older = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"]
    cosign_sign(world, image, identity, *older)
    verify_here(world, image, identity, identity.root, "--accept", "no-log,no-time").accepted()
    verify_here(world, image, identity, identity.root).says_no("log-missing")
    strange = world.stranger
    verify_here(world, image, strange, strange.root, "--accept", "no-log,no-time").exits(1)


def pushed(world, *, referrers: bool, name: str) -> str:
    """A release of ours, with what the archive keeps beside it."""
    image = f"{world.stack.registry(referrers=referrers)}/interop/{name}:1.0.0"
    release = world.hello
    world.attest("registry", "push", release.name, f"oci://{image}", "--home", release.identity.home).accepted()
    return image


def pulled(world, image: str) -> Output:
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root, "--release", world.hello.name]
    target = world.new_folder("pulled") / "release"
    said = world.attest("registry", "pull", f"oci://{image}", "-o", target, *trust)
    if said.status == 0:
        for path in world.hello.listed():
            check((target / path).read_bytes() == (world.hello.folder / path).read_bytes(), f"{path} differs")
    return said


@crane.case
def lists_and_copies_a_release_that_we_pushed(world):
    for referrers in (True, False):
        image = pushed(world, referrers=referrers, name=f"crane-{kind(referrers)}")
        said = crane_run(world, "ls", image.rsplit(":", 1)[0]).accepted()
        check("1.0.0" in said.stdout.split(), f"crane lists {said.stdout}")
        copy = image.replace("crane-", "crane-copy-")
        crane_run(world, "copy", image, copy).accepted()
        pulled(world, copy).accepted()
        one, other = (crane_run(world, "digest", it).accepted().stdout for it in (image, copy))
        check(one == other, f"the manifest became {other}, it was {one}")


@regctl.case
def lists_and_copies_a_release_with_all_that_is_attached(world):
    for referrers in (True, False):
        registry = world.stack.registry(referrers=referrers)
        image = pushed(world, referrers=referrers, name=f"regctl-{kind(referrers)}")
        said = regctl_run(world, registry, "artifact", "list", image).accepted()
        check("dev.attest.attachment.kind" in said.stdout, f"regctl lists nothing attached\n{said.stdout}")
        copy = image.replace("regctl-", "regctl-copy-")
        regctl_run(world, registry, "image", "copy", "--referrers", image, copy).accepted()
        pulled(world, copy).accepted()
        said = world.attest("registry", "tree", f"oci://{copy}", "--format", "json").accepted()
        check(bool(json.loads(said.stdout)["tree"]["attached"]), f"nothing is attached to the copy\n{said.stdout}")


@regctl.case
def reads_our_archive_where_it_stands_and_copies_a_release_out_of_it(world):
    """The archive is an OCI layout: here for a client of its own making, with what is attached to a release."""
    identity = world.new_identity()
    release = world.release(identity, HELLO, "layout")
    world.attest("archive", "hold", release.name, "--reason", "a case", "--home", identity.home, "--no-password").accepted()
    [manifest] = [
        it["digest"]
        for it in json.loads((identity.archive / "index.json").read_text())["manifests"]
        if it["annotations"].get(NAME) == release.name
    ]
    listed = world.run([world.go("regctl"), "tag", "ls", f"ocidir://{identity.archive}"], offline=True).accepted()
    check(listed.stdout.split() == [release.name], f"it lists {listed.stdout}")
    ours = f"ocidir://{identity.archive}@{manifest}"
    said = world.run([world.go("regctl"), "manifest", "get", "--format", "raw-body", ours], offline=True).accepted()
    check(hashlib.sha256(said.stdout.encode()).hexdigest() == manifest.split(":")[1], "it reads another manifest")
    copy = world.new_folder("regctl") / "layout"
    world.run([world.go("regctl"), "image", "copy", ours, f"ocidir://{copy}:1.0.0"], offline=True).accepted()
    for blob in (copy / "blobs" / "sha256").iterdir():
        there = identity.archive / "blobs" / "sha256" / blob.name
        check(there.read_bytes() == blob.read_bytes(), f"{blob.name} is something else there")
    trusted = ["--key", identity.public, "--trusted-root", identity.root]
    world.attest("archive", "verify", release.name, "--archive", copy, *trusted, offline=True).accepted()


@regctl.case
def reads_an_image_that_we_carried_through_an_air_gap(world):
    """From a registry that keeps lists into a layout, and from there into one that keeps none."""
    identity = world.identity
    image = new_image(world, world.stack.registry(referrers=True), "gap")
    world.sign(identity, f"oci://{image}")
    gap = world.new_folder("gap") / "layout"
    world.attest("registry", "copy", f"oci://{image}", f"oci-layout:{gap}").accepted()
    world.verify(f"oci-layout:{gap}", key=identity.public, root=identity.root).accepted()
    registry = world.stack.registry(referrers=False)
    there = f"{registry}/interop/gap:1"
    world.attest("registry", "copy", f"oci-layout:{gap}", f"oci://{there}").accepted()
    verify_here(world, there, identity, identity.root).accepted()
    cosign_verify(world, there, identity, identity.root).accepted()
    said = regctl_run(world, registry, "artifact", "list", there).accepted()
    check("sigstore.bundle" in said.stdout, f"regctl lists no bundle\n{said.stdout}")


@distribution.case
def gives_skopeo_a_release_that_we_pushed(world):
    image = pushed(world, referrers=False, name="skopeo")
    said = world.run(["skopeo", "list-tags", "--tls-verify=false", f"docker://{image.rsplit(':', 1)[0]}"]).accepted()
    check("1.0.0" in json.loads(said.stdout)["Tags"], f"skopeo lists {said.stdout}")
    back = world.new_folder("skopeo") / "layout"
    words = ["copy", "--preserve-digests", "--src-tls-verify=false"]
    world.run(["skopeo", *words, f"docker://{image}", f"oci:{back}:{world.hello.name}"]).accepted()
    trusted = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    world.attest("archive", "verify", world.hello.name, "--archive", back, *trusted, offline=True).accepted()


def index_of(world, image: str) -> bytes:
    """What a tag names, by crane."""
    return crane_run(world, "manifest", image).accepted().stdout.encode()


def tags(world, place: str) -> list[str]:
    return crane_run(world, "ls", place).accepted().stdout.split()


def keeps_an_archive(world, *, referrers: bool) -> None:
    """Our archive goes there as it is, twice; is read back; and comes back from there."""
    identity = world.new_identity()
    release = world.release(identity, HELLO, f"vault-{kind(referrers)}")
    place = f"{world.stack.registry(referrers=referrers)}/interop/vault"
    archive = lambda *words: world.attest("archive", *words, "--home", identity.home)  # noqa: E731
    archive("copy", "--to", f"oci://{place}").accepted()
    [tag] = tags(world, place)
    first = (identity.archive / "index.json").read_bytes()
    check(tag == f"archive-sha256-{hashlib.sha256(first).hexdigest()}", f"the tag is {tag}")
    check(index_of(world, f"{place}:{tag}") == first, "the tag names something else than our index")
    archive("copy", "--to", f"oci://{place}").accepted()
    check(tags(world, place) == [tag], "a second copy has written something")
    world.release(identity, HELLO | {"later": b"later\n"}, f"vault-later-{kind(referrers)}")
    archive("copy", "--to", f"oci://{place}").accepted()
    check(len(tags(world, place)) == 2, f"the tags are {tags(world, place)}")
    archive("fixity", "--replica", f"oci://{place}").accepted()
    world.attest("status", "--replica", f"oci://{place}", "--home", identity.home).accepted()
    # One release of it, by a client of registries, is an archive that we verify.
    [manifest] = [it["digest"] for it in json.loads(first)["manifests"] if it["annotations"].get(NAME) == release.name]
    back = world.new_folder("vault") / "layout"
    words = ["copy", "--preserve-digests", "--src-tls-verify=false"]
    world.run(["skopeo", *words, f"docker://{place}@{manifest}", f"oci:{back}:{release.name}"]).accepted()
    trusted = ["--key", identity.public, "--trusted-root", identity.root]
    world.attest("archive", "verify", release.name, "--archive", back, *trusted, offline=True).accepted()
    for blob in (identity.archive / "blobs" / "sha256").iterdir():
        blob.unlink()
    (identity.archive / "index.json").unlink()
    archive("repair", "--from", f"oci://{place}").accepted()
    world.attest("archive", "verify", "--home", identity.home, offline=True).accepted()


@distribution.case
def keeps_an_archive_and_gives_it_back(world):
    keeps_an_archive(world, referrers=False)


@go_containerregistry.case
def keeps_an_archive_and_gives_it_back_where_lists_are_kept(world):
    keeps_an_archive(world, referrers=True)


@distribution.case
def has_a_moved_tag_and_a_deleted_manifest_which_are_named(world):
    identity = world.new_identity()
    world.release(identity, HELLO, "moved")
    place = f"{world.stack.registry(referrers=False)}/interop/moved"
    home = ["--home", identity.home]
    world.attest("archive", "copy", *home, "--to", f"oci://{place}").accepted()
    [tag] = tags(world, place)
    mine = new_image(world, place.split("/")[0], "mine")
    crane_run(world, "copy", mine, f"{place}:{tag}").accepted()
    for words in (["fixity", "--replica"], ["copy", "--to"]):
        said = world.attest("archive", *words, f"oci://{place}", *home)
        said.exits(1).refused("replica-index-differs")
    check(crane_run(world, "digest", f"{place}:{tag}").stdout == crane_run(world, "digest", mine).stdout, "moved back")


@distribution.case
def is_killed_and_the_answer_is_open(world):
    registry, identity = world.stack.registry(referrers=False), world.identity
    image = new_image(world, registry, "killed")
    world.sign(identity, f"oci://{image}")
    verify_here(world, image, identity, identity.root).accepted()
    nobody = image.replace(registry, "localhost:5999")
    verify_here(world, nobody, identity, identity.root).exits(3)
    missing = image.replace("killed:1", "killed:2")
    verify_here(world, missing, identity, identity.root).exits(3)


def keeps_a_published_release(world, *, referrers: bool) -> None:
    """`release --publish`: read back and verified, made once; crane gives each file, and we all of them again."""
    registry, name = world.stack.registry(referrers=referrers), f"published-{kind(referrers)}"
    place = f"oci://{registry}/interop/{name}"
    release = world.release(world.identity, HELLO, name, "--publish", place)
    image = f"{registry}/interop/{name}:1.0.0"
    layers = json.loads(crane_run(world, "manifest", image).accepted().stdout)["layers"]
    titles = {layer["annotations"]["org.opencontainers.image.title"]: layer["digest"] for layer in layers}
    for path in release.listed():
        found = hashlib.sha256((release.folder / path).read_bytes()).hexdigest()
        check(titles.get(str(path)) == f"sha256:{found}", f"{path} is {titles.get(str(path))}")
    words = ["release", release.folder, "--name", name, "--version", "1.0.0", "--home", world.identity.home]
    words += ["--no-password", "--format", "json"]
    again = json.loads(world.attest(*words, "--publish", place).accepted().stdout)["published"][0]
    check((again["verdict"], again["made"]) == ("verified", 0), str(again))
    back = world.new_folder("back") / "release"
    trust = ["--key", world.identity.public, "--trusted-root", world.identity.root]
    world.attest("registry", "pull", f"oci://{image}", "-o", back, *trust, "--release", release.name).accepted()
    check((back / "hello").read_bytes() == HELLO["hello"], "pulled something else")
    # Another image under that tag is left as it is.
    other = new_image(world, registry, f"{name}-taken")
    before = crane_run(world, "digest", other).accepted().stdout
    world.attest(*words, "--publish", f"oci://{other}").exits(1).refused("publish-differs")
    check(crane_run(world, "digest", other).accepted().stdout == before, "the tag has moved")


@distribution.case
def keeps_a_release_that_is_published_there(world):
    keeps_a_published_release(world, referrers=False)


@go_containerregistry.case
def keeps_a_release_that_is_published_there_where_lists_are_kept(world):
    keeps_a_published_release(world, referrers=True)
