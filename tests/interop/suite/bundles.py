"""Sigstore bundles opened by hand, independently of every client: to read a part, or to break one."""

import base64
import copy
import json
from pathlib import Path


def beside(file: Path) -> Path:
    """Where the bundle of a file is."""
    return file.with_name(f"{file.name}.sigstore.json")


class Bundle:
    def __init__(self, document: dict):
        self.document = document

    @classmethod
    def read(cls, path: Path) -> "Bundle":
        return cls(json.loads(path.read_text()))

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(self.document))
        return path

    def copy(self) -> "Bundle":
        return Bundle(copy.deepcopy(self.document))

    # Reading

    @property
    def material(self) -> dict:
        return self.document["verificationMaterial"]

    @property
    def entry(self) -> dict:
        return self.material["tlogEntries"][0]

    @property
    def token(self) -> bytes:
        """The RFC 3161 response, DER."""
        return base64.b64decode(self._tokens()[0]["signedTimestamp"], validate=True)

    @property
    def signature(self) -> bytes:
        """What was signed by the key, and what the timestamp and the log entry are about."""
        if "messageSignature" in self.document:
            return base64.b64decode(self.document["messageSignature"]["signature"], validate=True)
        return base64.b64decode(self.document["dsseEnvelope"]["signatures"][0]["sig"], validate=True)

    @property
    def statement(self) -> dict:
        return json.loads(base64.b64decode(self.document["dsseEnvelope"]["payload"], validate=True))

    def subjects(self) -> dict[str, str]:
        """Path to SHA-256."""
        return {subject["name"]: subject["digest"]["sha256"] for subject in self.statement["subject"]}

    # Breaking: a copy with one byte changed

    def with_broken_token(self) -> "Bundle":
        changed = self.copy()
        changed._tokens()[0]["signedTimestamp"] = turned(self.token, -1)
        return changed

    def with_broken_proof(self) -> "Bundle":
        changed = self.copy()
        hashes = changed.entry["inclusionProof"]["hashes"]
        hashes[0] = turned(base64.b64decode(hashes[0], validate=True), 0)
        return changed

    def with_altered_statement(self) -> "Bundle":
        """The payload with one character of the last subject's digest changed; still a statement."""
        statement = self.statement
        digests = statement["subject"][-1]["digest"]
        digests["sha256"] = ("1" if digests["sha256"][0] == "0" else "0") + digests["sha256"][1:]
        changed = self.copy()
        payload = json.dumps(statement, separators=(",", ":")).encode()
        changed.document["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
        return changed

    def without_time(self) -> "Bundle":
        changed = self.copy()
        del changed.material["timestampVerificationData"]
        return changed

    def without_log(self) -> "Bundle":
        changed = self.copy()
        changed.material["tlogEntries"] = []
        return changed

    def _tokens(self) -> list[dict]:
        return self.material["timestampVerificationData"]["rfc3161Timestamps"]


def turned(data: bytes, offset: int) -> str:
    changed = bytearray(data)
    changed[offset] ^= 1
    return base64.b64encode(changed).decode()
