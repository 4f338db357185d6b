"""What is measured with servers on loopback: the real ones of tests/interop."""

import os
import shutil

from measure import Contender, race, table
from parts import write_random
from suite.bundles import beside
from suite.cosign import keyless as by_identity


def images(world, args) -> None:
    """Signed images in a registry on loopback that keeps lists: one, and many in one run against a shell loop"""
    identity, registry = world.identity, world.stack.registry(referrers=True)
    names = [f"{registry}/bench/image-{number:03}:1" for number in range(args.images)]
    layer = world.new_folder("layer")
    (layer / "file").write_text("an image\n")
    world.run(["tar", "cf", layer / "layer.tar", "-C", layer, "file"]).accepted()
    for name in names:
        append = ["append", "--insecure", "-f", layer / "layer.tar", "-t", name, "-b", ""]
        world.run([world.go("crane"), *append]).accepted()
    places = [f"oci://{name}" for name in names]
    world.sign(identity, *places)
    trust = ["--key", identity.public, "--trusted-root", identity.root]
    their_trust = [*trust, "--use-signed-timestamps", "--allow-http-registry"]
    ours = Contender("attest verify", [world.binary, "verify", places[0], *trust])
    theirs = Contender("cosign verify", [world.go("cosign"), "verify", *their_trust, names[0]])
    race(world, [ours, theirs], args.runs)
    table([ours, theirs], against=theirs)
    print(flush=True)

    once = Contender(f"attest verify: {len(names)} images in one run", [world.binary, "verify", *places, *trust])
    loops = [
        Contender(f"a loop of {what}", ["sh", "-c", loop(command, every)])
        for what, command, every in (
            ("attest verify", [world.binary, "verify", "-q", *trust], places),
            ("cosign verify", [world.go("cosign"), "verify", *their_trust], names),
        )
    ]
    race(world, [once, *loops], 1)
    table([once, *loops], against=loops[-1], unit="s")


def signing(world, args) -> None:
    """100 files signed with an identity: one run, against a run of cosign for each; Fulcio, Rekor v2, authority on loopback"""
    stack = world.stack.keyless
    files = [world.new_file(f"{number:03}.bin", os.urandom(2048)) for number in range(100)]
    token = world.new_file("token", stack.issuer.token(seconds=3000).encode())

    def fresh() -> None:
        for file in files:
            beside(file).unlink(missing_ok=True)

    config = ["--identity-token", token, "--trust-config", stack.v2.trust]
    ours = Contender("attest sign: 100 files in one run", [world.binary, "sign", *config, *files], before=fresh)
    words = [world.go("cosign"), "sign-blob", *by_identity(world, stack.v2, token.read_text())]
    each = "; ".join(f"{quoted(words)} --bundle '{beside(file)}' '{file}' || exit 1" for file in files)
    theirs = Contender("100 runs of cosign sign-blob", ["sh", "-c", each], before=fresh)
    race(world, [ours, theirs], 1)
    table([ours, theirs], against=theirs, unit="s")


def moving(world, args) -> None:
    """A release with one large file: to a registry on loopback and back, against skopeo with the same layers"""
    registry = world.stack.registry(referrers=False)
    folder = world.new_folder("release")
    write_random(folder / "big.img", args.moved << 20)
    release = world.release_folder(world.identity, folder, "big")
    home = ["--home", release.identity.home]
    first = f"{registry}/bench/first:1"
    world.attest("registry", "push", folder, f"oci://{first}", *home).accepted()
    layout = world.new_folder("layout") / "oci"
    world.attest("registry", "copy", f"oci://{first}", f"oci-layout:{layout}").accepted()
    trust = ["--key", release.identity.public, "--trusted-root", release.identity.root]
    numbers = iter(range(1_000))

    def elsewhere(contender: Contender, begin: str) -> None:
        """A repository that holds nothing yet. Skopeo would have the blobs of another one mounted that it remembers."""
        for cache in ("/var/lib/containers/cache", world.scratch_home / ".local/share/containers/cache"):
            shutil.rmtree(cache, ignore_errors=True)
        contender.command[-1] = f"{begin}{registry}/bench/push-{next(numbers):03}:1"

    push = Contender("attest registry push", [world.binary, "registry", "push", *home, folder, ""])
    push.before = lambda: elsewhere(push, "oci://")
    plain = ["--dest-tls-verify=false", "--src-tls-verify=false"]
    skopeo_push = Contender("skopeo copy, there", ["skopeo", "copy", "-q", *plain, f"oci:{layout}", ""])
    skopeo_push.before = lambda: elsewhere(skopeo_push, "docker://")
    here, there = world.new_folder("pulled"), world.new_folder("copied")

    def empty(place) -> None:
        shutil.rmtree(place, ignore_errors=True)

    pull = Contender(
        "attest registry pull, and verify",
        [world.binary, "registry", "pull", f"oci://{first}", "-o", here, *trust],
        before=lambda: empty(here),
    )
    skopeo_pull = Contender(
        "skopeo copy, back", ["skopeo", "copy", "-q", *plain, f"docker://{first}", f"oci:{there}:1"], before=lambda: empty(there)
    )
    race(world, [push, skopeo_push], args.long_runs)
    table([push, skopeo_push], against=skopeo_push, unit="s")
    print(flush=True)
    race(world, [pull, skopeo_pull], args.long_runs)
    table([pull, skopeo_pull], against=skopeo_pull, unit="s")


def loop(command: list, places: list) -> str:
    return f"for place in {quoted(places)}; do {quoted(command)} \"$place\" >/dev/null 2>&1 || exit 1; done"


def quoted(words: list) -> str:
    return " ".join(f"'{word}'" for word in words)
