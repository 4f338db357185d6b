"""What cases share, made when first asked for: identities, releases, and the servers on loopback."""

import contextlib
import json
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from suite import install
from suite.process import Answer, Output, Servers, check, run
from suite.stack import Stack

RESERVED = ("SHA256SUMS", "release.", "provenance.", "trusted_root.json", "VERIFY.md")

# Names that checksum files, statements and shells have to get right; one file is empty.
HELLO = {
    "hello": b"#!/bin/sh\necho hello\n",
    "lib/libhello.so": bytes(range(256)) * 64,
    "share/doc/read me.txt": b"a name with a space\n",
    "share/doc/grüße.txt": b"a name beyond ASCII\n",
    ".config": b"hidden\n",
    "empty": b"",
}


@dataclass(frozen=True)
class Identity:
    """A home that `attest init` made."""

    home: Path

    @property
    def key(self) -> Path:
        return self.home / "keys" / "artifact.key"

    @property
    def public(self) -> Path:
        return self.home / "trust" / "release.pub"

    @property
    def root(self) -> Path:
        return self.home / "trust" / "trusted_root.json"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def archive(self) -> Path:
        return self.home / "archive"


@dataclass(frozen=True)
class Release:
    """A folder that `attest release` completed."""

    folder: Path
    identity: Identity
    name: str

    def artifacts(self) -> list[Path]:
        """What the release is about, without what `attest release` added at the top."""
        inside = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(path for path in inside if not (len(path.parts) == 1 and path.name.startswith(RESERVED)))

    def listed(self) -> list[Path]:
        """Every file that the release statement names."""
        ours = ["SHA256SUMS", "VERIFY.md", "release.pub", "release.tree", "trusted_root.json"]
        return self.artifacts() + [Path(name) for name in ours]

    def bundles(self, stem: str) -> list[Path]:
        """`release.sigstore.json`, or its numbered parts in their order."""
        whole = self.folder / f"{stem}.sigstore.json"
        if whole.exists():
            return [whole]
        parts = [path for path in self.folder.glob(f"{stem}.*.sigstore.json") if path.name.split(".")[1].isdigit()]
        parts.sort(key=lambda path: int(path.name.split(".")[1]))
        check(bool(parts), f"{self.folder} has no {stem}.sigstore.json and no part of it")
        return parts


def unless_gone(_function, _path, error) -> None:
    """Lets a file be removed by another first: gpg's agents end, and take their sockets, when their home goes."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


class World:
    def __init__(self, binary: Path, expected, keep: bool):
        self.binary = binary
        self.expected = expected
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix="attest-interop-"))
        self.scratch_home = self.new_folder("user")
        self.servers = Servers(self.new_folder("servers"))
        self.closing = contextlib.ExitStack()

    def __enter__(self) -> "World":
        return self

    def on_exit(self, close) -> None:
        """Called when the run ends, before the servers are."""
        self.closing.callback(close)

    def end_agents(self) -> None:
        """Ends gpg's agents in homes of this run: each watches its home, and a machine watches only so much."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes()
                if words.startswith(b"gpg-agent") and bytes(self.folder) in words:
                    os.kill(int(process.name), signal.SIGTERM)

    def __exit__(self, *_) -> None:
        self.closing.close()
        self.end_agents()
        self.servers.close()
        if self.keep:
            print(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, onerror=unless_gone)

    # Folders and files

    def new_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    def new_file(self, name: str, content: bytes = b"an artifact\n") -> Path:
        path = self.new_folder("file") / name
        path.write_bytes(content)
        return path

    # Programs

    def go(self, name: str, program: str | None = None) -> Path:
        """A program that Go built: of the peer's name, or another one of the same peer."""
        return install.go_binary(name, self.expected.versions[name], program)

    def run(self, command: list, *, cwd: Path | None = None, **more) -> Output:
        return run(command, cwd=cwd or self.folder, home=self.scratch_home, **more)

    def attest(self, *args, **more) -> Output:
        return self.run([self.binary, *args], **more)

    # Identities and releases of ours

    def new_identity(self, password: str | None = None) -> Identity:
        identity = Identity(self.new_folder("identity") / "home")
        if password is None:
            self.attest("init", "--home", identity.home, "--no-password").accepted()
        else:
            self.attest("init", "--home", identity.home, extra={"ATTEST_PASSWORD": password}).accepted()
        return identity

    def sign(self, identity: Identity, *args, **more) -> Output:
        return self.attest("sign", "--home", identity.home, "--no-password", *args, **more).accepted()

    def release(self, identity: Identity, files: dict[str, bytes], name: str, *more) -> Release:
        folder = self.new_folder(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return self.release_folder(identity, folder, name, *more)

    def release_folder(self, identity: Identity, folder: Path, name: str, *more) -> Release:
        self.attest(
            "release", folder, "--name", name, "--version", "1.0.0", "--home", identity.home, "--no-password", *more
        ).accepted()
        return Release(folder, identity, f"{name}@1.0.0")

    def copy(self, release: Release) -> Release:
        """A copy to tamper with."""
        folder = self.new_folder("copy") / "release"
        shutil.copytree(release.folder, folder)
        return Release(folder, release.identity, release.name)

    @cached_property
    def identity(self) -> Identity:
        return self.new_identity()

    @cached_property
    def stranger(self) -> Identity:
        """Another identity, with its own key, log and authority."""
        return self.new_identity()

    @cached_property
    def hello(self) -> Release:
        return self.release(self.identity, HELLO, "hello")

    @cached_property
    def large(self) -> Release:
        """An artifact above cosign's 128 MiB for attested blobs."""
        folder = self.new_folder("large")
        with (folder / "large.img").open("wb") as file:
            file.write(b"not only zeros")
            file.truncate((128 << 20) + 1)
        return self.release_folder(self.identity, folder, "large")

    @cached_property
    def full(self) -> Release:
        """1,024 subjects in its release statement: as many as sigstore-go takes. Five of them we add."""
        return self.release(self.identity, numbered(1024 - 5), "full")

    @cached_property
    def split(self) -> Release:
        """1,025 artifacts: release and provenance both need a second part."""
        return self.release(self.identity, numbered(1025), "split")

    # Servers of others

    @cached_property
    def stack(self) -> Stack:
        return Stack(self)

    def mixed_root(self, *, logs: Path, authorities: Path) -> Path:
        """The logs of one trusted root and the timestamp authorities of another."""
        document = json.loads(logs.read_text())
        document["timestampAuthorities"] = json.loads(authorities.read_text())["timestampAuthorities"]
        return self.new_file("mixed_root.json", json.dumps(document).encode())

    # Verifying here, without any network

    def verify(self, *subjects, key: Path, root: Path, **more) -> Answer:
        words = ["verify", *subjects, "--key", key, "--trusted-root", root, "--format", "json"]
        return Answer(**vars(self.attest(*words, offline=True, **more)))

    def verify_identity(self, *subjects, identity: str, issuer: str, root: Path, **more) -> Answer:
        words = ["--identity", identity, "--issuer", issuer, "--trusted-root", root, "--format", "json"]
        return Answer(**vars(self.attest("verify", *subjects, *words, offline=True, **more)))


def trust_of(world: World, release: Release) -> dict[str, Path]:
    """A release's exported key and root, kept outside of the release as an acquirer would."""
    kept = world.new_folder("trust")
    for name in ("release.pub", "trusted_root.json"):
        shutil.copy(release.folder / name, kept)
    return {"key": kept / "release.pub", "root": kept / "trusted_root.json"}


def numbered(count: int) -> dict[str, bytes]:
    return {f"files/{number:04}": f"file {number}\n".encode() for number in range(count)}


@contextlib.contextmanager
def flipped(path: Path, offset: int = -1):
    """The file with one bit turned, for as long as the block lasts."""
    before = path.read_bytes()
    after = bytearray(before)
    after[offset] ^= 1
    path.write_bytes(after)
    try:
        yield
    finally:
        path.write_bytes(before)
