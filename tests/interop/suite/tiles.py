"""A tile log as its readers see it: a folder behind a static web server, and the log's key."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ED25519 = b"\x01"  # C2SP signed-note


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder's URL, for as long as the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def verifier_key(trusted_root: Path) -> str:
    """The vkey of the one log that a trusted root names (C2SP signed-note)."""
    [log] = json.loads(trusted_root.read_text())["tlogs"]
    origin = log["baseUrl"].split("://", 1)[1].split("/")[0].split(":")[0]
    public = base64.b64decode(log["publicKey"]["rawBytes"])[-32:]  # the last 32 bytes of an Ed25519 SPKI
    key_id = hashlib.sha256(origin.encode() + b"\n" + ED25519 + public).digest()[:4]
    return f"{origin}+{key_id.hex()}+{base64.b64encode(ED25519 + public).decode()}"


def size(log: Path) -> int:
    return int((log / "checkpoint").read_text().splitlines()[1])
