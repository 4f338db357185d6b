"""Exported releases: bagit.py, the Library of Congress' own program, and a person with a shell.

The person has coreutils, tar and openssl and what stands here; not attest, and not the archive's own VERIFY.md.
"""

import sys

from suite import install
from suite.cases import Peer
from suite.process import Output, check
from suite.world import flipped

NAME = "bagit"


def library(version: str):
    return install.cache() / "python" / f"{NAME}-{version}"


def install_it(version: str) -> None:
    target = library(version)
    with install.lock(f"python-{NAME}"):
        if target.exists():
            return
        staging = target.with_suffix(".partial")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install.say_and_run([*command, "--upgrade", "--target", str(staging), f"{NAME}=={version}"])
        staging.rename(target)


bagit = Peer(NAME, install=install_it)


def exported(world, release, form: str):
    """A release outside of its archive."""
    out = world.new_folder("exported") / ("bag" if form == "dir" else "bag.tar")
    words = ["export", release.name, "--as", form, "--out", out, "--home", release.identity.home]
    world.attest("archive", *words).accepted()
    return out


def validate(world, bag) -> Output:
    extra = {"PYTHONPATH": str(library(world.expected.versions[NAME]))}
    return world.run([sys.executable, "-m", "bagit", "--validate", bag], offline=True, extra=extra)


@bagit.case
def validates_our_bags(world):
    for release in (world.hello, world.full, world.split):
        validate(world, exported(world, release, "dir")).accepted()


@bagit.case
def refuses_a_bag_that_was_changed_as_we_do(world):
    bag = exported(world, world.hello, "dir")
    for name in ("data/hello", "VERIFY.md", "archive/manifest.json"):
        with flipped(bag / name):
            validate(world, bag).refused("")
            world.attest("archive", "verify", bag, "--home", world.hello.identity.home).exits(1)
    (bag / "data" / "extra").write_text("x")
    validate(world, bag).refused("")
    world.attest("archive", "verify", bag, "--home", world.hello.identity.home).exits(1)


SCRIPT = r"""
set -euo pipefail
tar -xf "$1" --one-top-level=unpacked --strip-components=1
cd unpacked
for list in manifest tagmanifest; do
  sha256sum -c --strict --quiet $list-sha256.txt
  sha512sum -c --strict --quiet $list-sha512.txt
done
key=$(openssl pkey -pubin -in trust/release.pub -outform DER | sha256sum | cut -c-64)
[ "$key" = "$2" ]
[ "$(sha256sum < trust/trusted_root.json | cut -c-64)" = "$3" ]
cmp trust/release.pub data/release.pub
(cd data && sha256sum -c --strict --quiet SHA256SUMS)
openssl dgst -sha256 -verify trust/release.pub -signature data/SHA256SUMS.sig data/SHA256SUMS
for folder in evidence/*; do
  bundle=${folder#evidence/}
  if [ -e "$folder/statement.json" ]; then
    { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < "$folder/statement.json")"; cat "$folder/statement.json"; } \
      | openssl dgst -sha256 -verify trust/release.pub -signature "$folder/signature" -
  fi
  openssl ts -verify -in "time/$bundle.1.tsr" -data "$folder/signature" -CAfile time/chain.pem
  log=log/$bundle.1
  openssl pkeyutl -verify -pubin -inkey trust/log-1.pem -rawin -in "$log/checkpoint.signed" -sigfile "$log/checkpoint.signature"
  { printf '\0'; cat "$log/entry"; } | openssl dgst -sha256 -binary > ../hash
  for step in "$log"/[0-9]*; do
    [ -e "$step" ] || continue
    case $step in
      *.left) cat "$step" ../hash ;;
      *.right) cat ../hash "$step" ;;
    esac > ../pair
    { printf '\1'; cat ../pair; } | openssl dgst -sha256 -binary > ../hash
  done
  [ "$(base64 < ../hash)" = "$(sed -n 3p "$log/checkpoint")" ]
done
"""


def script(world, tar, release) -> Output:
    """Another's words for what VERIFY.md says, with the two digests that the publisher names."""
    import hashlib

    folder = world.new_folder("stranger")
    root = hashlib.sha256((release.folder / "trusted_root.json").read_bytes()).hexdigest()
    pem = release.folder / "release.pub"
    der = world.run(["openssl", "pkey", "-pubin", "-in", pem, "-outform", "DER", "-out", folder / "key.der"], offline=True)
    der.accepted()
    key = hashlib.sha256((folder / "key.der").read_bytes()).hexdigest()
    return world.run(["bash", "-c", SCRIPT, "script", tar, key, root], cwd=folder, offline=True)


@bagit.case
def a_shell_with_tar_and_openssl_checks_an_exported_release(world):
    for release in (world.hello, world.split):
        script(world, exported(world, release, "tar"), release).accepted()


@bagit.case
def a_shell_with_tar_and_openssl_finds_what_was_changed(world):
    tar = exported(world, world.hello, "tar")
    script(world, tar, world.hello).accepted()
    # Another's release is well made, and not by the publisher.
    other = world.release(world.stranger, {"hello": b"hello\n"}, "hello")
    script(world, exported(world, other, "tar"), world.hello).refused("")
    content = (world.hello.folder / "hello").read_bytes()
    changed = tar.read_bytes().replace(content, bytes([content[0] ^ 1]) + content[1:], 1)
    check(changed != tar.read_bytes(), "the artifact is not in the tar")
    tar.write_bytes(changed)
    script(world, tar, world.hello).refused("")
