"""A real Rekor v2 and a real timestamp authority on loopback, and the trust material that names them.

`keyless` and `registry` start more when first asked for: the rest of Sigstore, and registries.
"""

import datetime
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.request import urlopen

from suite.keyless import Keyless

REKOR = "http://localhost:3003"
AUTHORITY = "http://localhost:3004/api/v1/timestamp"


class Stack:
    rekor = REKOR
    authority = AUTHORITY

    def __init__(self, world):
        self.world = world
        self.folder: Path = world.new_folder("stack")
        self.tiles = self.folder / "rekor"
        self.chain = self.folder / "tsa-chain.pem"
        self.root = self.folder / "trusted_root.json"
        self.signing_config = self.folder / "signing_config.json"
        self.log_public = self.folder / "log.pub"
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        self.since = start.strftime("start-time=%Y-%m-%dT%H:%M:%SZ")
        self.service = f"{self.since},operator=local"
        self.registries: dict[bool, str] = {}
        self._start_authority()
        self._start_rekor()
        self._describe()

    @cached_property
    def keyless(self) -> Keyless:
        return Keyless(self.world, self)

    def registry(self, *, referrers: bool) -> str:
        """HOST:PORT of an empty registry, with or without the referrers API; plain HTTP."""
        if referrers not in self.registries:
            self.registries[referrers] = with_referrers(self.world) if referrers else without_referrers(self.world)
        return self.registries[referrers]

    def _start_authority(self) -> None:
        self.world.servers.start(
            "timestamp-server",
            [
                self.world.go("timestamp-server"),
                "serve",
                "--host=127.0.0.1",
                "--port=3004",
                "--timestamp-signer=memory",
                "--disable-ntp-monitoring",
            ],
            ready=f"{AUTHORITY}/certchain",
        )
        with urlopen(f"{AUTHORITY}/certchain", timeout=10) as answer:
            self.chain.write_bytes(answer.read())

    def _start_rekor(self) -> None:
        key = self.folder / "log.pem"
        self.world.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key]).accepted()
        self.world.run(["openssl", "pkey", "-in", key, "-pubout", "-out", self.log_public]).accepted()
        rekor(self.world, "rekor-server", self.tiles, key, (3003, 3001, 2114))

    def fork(self) -> "Fork":
        """A second Rekor that goes on with a copy of the log as it is now, and with its key."""
        tiles = self.world.new_folder("fork") / "rekor"
        # Its database has files of gigabytes that are holes.
        self.world.run(["cp", "-a", "--sparse=always", self.tiles, tiles]).accepted()
        rekor(self.world, "rekor-fork", tiles, self.folder / "log.pem", (3013, 3011, 2124))
        return Fork(self.world, tiles)

    def _describe(self) -> None:
        cosign = self.world.go("cosign")
        # Without origin= cosign computes the log id of the first generation, which nothing then finds.
        self.world.run(
            [
                cosign,
                "trusted-root",
                "create",
                f"--rekor=url={REKOR},public-key={self.log_public},{self.since},origin=localhost",
                f"--tsa=url={AUTHORITY},certificate-chain={self.chain}",
                "--out",
                self.root,
            ]
        ).accepted()
        self.world.run(
            [
                cosign,
                "signing-config",
                "create",
                f"--rekor=url={REKOR},api-version=2,{self.service}",
                "--rekor-config=ANY",
                f"--tsa=url={AUTHORITY},api-version=1,{self.service}",
                "--tsa-config=ANY",
                "--out",
                self.signing_config,
            ]
        ).accepted()


def rekor(world, name: str, tiles: Path, key: Path, ports: tuple[int, int, int]) -> None:
    # The host name is the checkpoint's origin: sigstore-go compares it with the URL's host.
    http, grpc, metrics = ports
    world.servers.start(
        name,
        [
            world.go("rekor-server"),
            "serve",
            "--http-address=127.0.0.1",
            f"--http-port={http}",
            "--grpc-address=127.0.0.1",
            f"--grpc-port={grpc}",
            f"--http-metrics-port={metrics}",
            "--hostname=localhost",
            f"--storage-dir={tiles}",
            f"--signer-filepath={key}",
            "--checkpoint-interval=1s",
            "--persistent-antispam=true",
        ],
        ready=f"http://localhost:{http}/healthz",
    )


@dataclass(frozen=True)
class Fork:
    world: object
    tiles: Path

    def sign(self, file: Path, key: Path) -> None:
        """cosign, with the other history's server for its log."""
        stack = self.world.stack
        config = json.loads(stack.signing_config.read_text())
        config["rekorTlogUrls"][0]["url"] = "http://localhost:3013"
        config = self.world.new_file("signing_config.json", json.dumps(config).encode())
        where = ["--signing-config", config, "--trusted-root", stack.root, "-y"]
        command = [self.world.go("cosign"), "sign-blob", "--key", key, *where, "--bundle", f"{file}.fork", file]
        self.world.run(command, extra={"COSIGN_PASSWORD": ""}).accepted()


def with_referrers(world) -> str:
    """go-containerregistry's. It keeps everything in memory, and names a referrer's config as its type."""
    address = "localhost:5002"
    world.servers.start("registry-referrers", [world.go("go-containerregistry"), address], f"http://{address}/v2/")
    return address


def without_referrers(world) -> str:
    """distribution's, the reference: 404 to every question for referrers."""
    address, folder = "localhost:5001", world.new_folder("distribution")
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: 127.0.0.1:5001}}\n"
    )
    command = [world.go("distribution", "registry"), "serve", folder / "config.yml"]
    world.servers.start("registry-distribution", command, f"http://{address}/v2/")
    return address
