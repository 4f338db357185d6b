"""The renewals of an archive, read by nothing but the standard library (RFC 4998)."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

HASHES = {"608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512"}


@dataclass(frozen=True)
class Renewal:
    """One attachment: the document that was stamped, and the record."""

    document: bytes
    record: bytes


def renewals(archive: Path) -> list[Renewal]:
    """Of an OCI layout, in the order of the index."""
    found = []
    for entry in json.loads((archive / "index.json").read_bytes())["manifests"]:
        manifest = json.loads(blob(archive, entry["digest"]))
        if manifest.get("annotations", {}).get("dev.attest.attachment.kind") == "renewal":
            files = {
                layer["annotations"]["org.opencontainers.image.title"]: blob(archive, layer["digest"])
                for layer in manifest["layers"]
            }
            found.append(Renewal(files["covered.txt"], files["record.ers"]))
    return found


def blob(archive: Path, digest: str) -> bytes:
    return (archive / "blobs" / digest.replace(":", "/")).read_bytes()


@dataclass(frozen=True)
class Link:
    """One timestamp: the hash of its tree, the root that we computed, and the token."""

    hash: str
    root: bytes
    token: bytes


def links(renewal: Renewal) -> list[Link]:
    """Every timestamp, with the root to which its tree leads from what it must cover."""
    _, algorithms, chains = children(elements(renewal.record)[0])
    del algorithms
    found = []
    earlier = b""
    for chain in children(chains):
        covered = None
        for timestamp in children(chain):
            parts = children(timestamp)
            name = HASHES[children(parts[0])[0][1].hex()]
            if covered is None:
                covered = digest(name, renewal.document)
                if earlier:
                    covered = digest(name, covered + digest(name, sequence(earlier)))
            tree = [[leaf[1] for leaf in children(level)] for level in children(parts[1])] if len(parts) == 3 else []
            token = parts[-1][2]
            found.append(Link(name, root_of(name, tree, covered), token))
            covered = digest(name, token)
        earlier += chain[2]
    return found


def root_of(name: str, tree: list[list[bytes]], covered: bytes) -> bytes:
    if not tree:
        return covered
    if covered not in tree[0]:
        raise ValueError("the first list does not hold what is covered")
    node = None
    for level in tree:
        node = digest(name, b"".join(sorted([*level, *([node] if node else [])])))
    return node


def digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data).digest()


def sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([0x30, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x30, 0x80 | len(length)]) + length + content


def children(element: tuple) -> list[tuple]:
    return elements(element[1])


def elements(data: bytes) -> list[tuple]:
    """Tag, content and whole of each element."""
    found, at = [], 0
    while at < len(data):
        size, head = data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, head = int.from_bytes(data[head : head + count], "big"), head + count
        found.append((data[at], data[head : head + size], data[at : head + size]))
        at = head + size
    return found
