"""slsa-verifier: its reading of the verification summaries that we sign.

It reads plain envelopes and a key, no bundles; the envelope of our bundle is one. Provenance it verifies
over the network alone, so that nothing else of it runs here.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from suite import install
from suite.bundles import beside
from suite.cases import Peer

VERIFIER = "https://ci.acme.example/attest"
RESOURCE = "pkg:generic/hello@1.0.0"
SOURCE = "https://git.acme.example/acme/hello"
MODULE = "github.com/slsa-framework/slsa-verifier/v2"


def build(version: str) -> None:
    """Built from a copy of its module, so that nothing but that version and what it needs is asked for."""
    target = install.go_binary("slsa-verifier", version)
    with install.lock("go-slsa-verifier"):
        if target.exists():
            return
        staging = target.parent.with_suffix(".partial")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        command = ["go", "mod", "download", "-json", f"{MODULE}@v{version}"]
        downloaded = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        source = staging / "source"
        shutil.copytree(json.loads(downloaded.stdout)["Dir"], source, copy_function=shutil.copyfile)
        for folder in [source, *(it for it in source.rglob("*") if it.is_dir())]:
            folder.chmod(0o755)
        command = ["go", "build", "-o", str(staging / "slsa-verifier"), "./cli/slsa-verifier"]
        install.say_and_run(command, {"GOFLAGS": "-mod=mod"}, cwd=source)
        shutil.rmtree(source)
        shutil.rmtree(target.parent, ignore_errors=True)
        staging.rename(target.parent)


slsa_verifier = Peer("slsa-verifier", install=build)


def provenance() -> bytes:
    commit = "8f" * 20
    source = {"uri": f"git+{SOURCE}@refs/tags/v1.0.0", "digest": {"gitCommit": commit}}
    definition = {
        "buildType": "https://ci.acme.example/type",
        "externalParameters": {},
        "resolvedDependencies": [source],
    }
    builder = {"builder": {"id": "https://ci.acme.example/builder"}}
    return json.dumps({"buildDefinition": definition, "runDetails": builder}).encode()


def summed_up(world):
    """A file, and the summary of its verification, as a bundle."""
    identity = world.identity
    file = world.new_file("hello.txt", b"hello\n")
    predicate = world.new_file("provenance.json", provenance())
    world.sign(identity, file, "--predicate", predicate, "--type", "https://slsa.dev/provenance/v1")
    bundle = file.parent / "hello.vsa.json"
    names = ["--vsa-verifier-id", VERIFIER, "--vsa-resource-uri", RESOURCE]
    trust = ["--key", identity.public, "--trusted-root", identity.root]
    emit = ["--emit-vsa", bundle, "--home", identity.home, "--no-password"]
    world.attest("verify", file, *trust, "--bundle", beside(file), "--source-uri", SOURCE, *names, *emit).accepted()
    return file, bundle


def envelope_of(world, bundle: Path) -> Path:
    envelope = json.loads(bundle.read_text())["dsseEnvelope"]
    return world.new_file("hello.vsa.dsse.json", json.dumps(envelope).encode())


def ask(world, file: Path, envelope: Path, **other):
    flags = {
        "subject-digest": "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest(),
        "attestation-path": envelope,
        "verifier-id": VERIFIER,
        "resource-uri": RESOURCE,
        "verified-level": "SLSA_BUILD_LEVEL_1",
        "public-key-path": world.identity.public,
    }
    flags |= {name.replace("_", "-"): value for name, value in other.items()}
    pairs = [part for name, value in flags.items() for part in (f"--{name}", value)]
    return world.run([world.go("slsa-verifier"), "verify-vsa", *pairs], offline=True)


@slsa_verifier.case
def accepts_a_summary_that_we_signed(world):
    file, bundle = summed_up(world)
    ask(world, file, envelope_of(world, bundle)).accepted()


@slsa_verifier.case
def refuses_our_summary_for_anything_else(world):
    file, bundle = summed_up(world)
    envelope = envelope_of(world, bundle)
    ask(world, file, envelope, verified_level="SLSA_BUILD_LEVEL_2").refused("verified levels do not match")
    ask(world, file, envelope, verifier_id="https://ci.evil.example").refused("verifier ID")
    ask(world, file, envelope, resource_uri="pkg:generic/hello@1.0.1").refused("resource URI")
    ask(world, world.new_file("other", b"other"), envelope).refused("digest")
    ask(world, file, envelope, public_key_path=world.stranger.public).refused("signature")


@slsa_verifier.case
def its_envelope_is_enough_for_us_when_less_is_accepted(world):
    file, bundle = summed_up(world)
    envelope = envelope_of(world, bundle)
    names = ["--verifier-id", VERIFIER, "--resource-uri", RESOURCE, "--verified-level", "SLSA_BUILD_LEVEL_1"]
    flags = ["--bundle", envelope, "--key", world.identity.public, *names]
    world.attest("verify", file, *flags).refused("log-missing")
    world.attest("verify", file, *flags, "--accept", "no-log,no-time").accepted()
