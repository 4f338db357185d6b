"""cosign's commands as its users type them. What verifies, verifies without a network."""

import hashlib
from pathlib import Path

from suite.bundles import beside
from suite.process import Output

RELEASE = "https://in-toto.io/attestation/release/v0.2"
PROVENANCE = "slsaprovenance1"


def verify_blob(world, file: Path, bundle: Path, *, key: Path, root: Path) -> Output:
    return world.run(
        [
            world.go("cosign"),
            "verify-blob",
            "--key",
            key,
            "--trusted-root",
            root,
            "--use-signed-timestamps",
            "--bundle",
            bundle,
            file,
        ],
        offline=True,
    )


def verify_statement(world, subject: list, bundle: Path, kind: str, *, key: Path, root: Path) -> Output:
    return world.run(
        [
            world.go("cosign"),
            "verify-blob-attestation",
            "--key",
            key,
            "--trusted-root",
            root,
            "--use-signed-timestamps",
            "--type",
            kind,
            "--bundle",
            bundle,
            *subject,
        ],
        offline=True,
    )


def by_digest(file: Path) -> list[str]:
    with file.open("rb") as opened:
        return ["--digest", hashlib.file_digest(opened, "sha256").hexdigest(), "--digestAlg", "sha256"]


def trust(identity) -> dict[str, Path]:
    return {"key": identity.public, "root": identity.root}


def key_pair(world, password: str = "") -> Path:
    prefix = world.new_folder("cosign-key") / "theirs"
    world.run(
        [world.go("cosign"), "generate-key-pair", "--output-key-prefix", prefix], extra={"COSIGN_PASSWORD": password}
    ).accepted()
    return prefix.with_suffix(".key")


def services(world) -> list:
    return ["--signing-config", world.stack.signing_config, "--trusted-root", world.stack.root, "-y"]


def sign_blob(world, file: Path, key: Path) -> None:
    world.run(
        [world.go("cosign"), "sign-blob", "--key", key, *services(world), "--bundle", beside(file), file],
        extra={"COSIGN_PASSWORD": ""},
    ).accepted()


def attest_blob(world, file: Path, key: Path, kind: str, predicate: bytes) -> None:
    given = world.new_file("predicate.json", predicate)
    world.run(
        [
            world.go("cosign"),
            "attest-blob",
            "--key",
            key,
            *services(world),
            "--type",
            kind,
            "--predicate",
            given,
            "--bundle",
            beside(file),
            file,
        ],
        extra={"COSIGN_PASSWORD": ""},
    ).accepted()


def keyless(world, signing, token: str | None = None) -> list:
    """The arguments of a signature with an identity, by `world.stack.keyless`."""
    stack = world.stack.keyless
    trust = ["--signing-config", signing.config, "--trusted-root", stack.root]
    return ["--identity-token", token or stack.issuer.token(), *trust, "-y"]


def sign_blob_keyless(world, file: Path, signing, token: str | None = None) -> Output:
    command = [world.go("cosign"), "sign-blob", *keyless(world, signing, token), "--bundle", beside(file), file]
    return world.run(command)


def attest_blob_keyless(world, file: Path, signing, kind: str, predicate: bytes) -> Output:
    what = ["--type", kind, "--predicate", world.new_file("predicate.json", predicate)]
    command = [world.go("cosign"), "attest-blob", *keyless(world, signing), *what, "--bundle", beside(file), file]
    return world.run(command)


def verify_blob_keyless(world, file: Path, bundle: Path, *, identity: str, issuer: str, root: Path) -> Output:
    whom = ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer, "--trusted-root", root]
    return world.run([world.go("cosign"), "verify-blob", *whom, "--bundle", bundle, file], offline=True)
