"""The cases of the Sigstore conformance suite, for a foreign client: see tests/conformance."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from suite.process import check

CHECKOUT = Path(__file__).resolve().parents[3]
PUBLIC_GOOD = CHECKOUT / "crates" / "verify" / "roots" / "public-good" / "trusted_root.json"
IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"


def place() -> Path | None:
    """The folder of the cases that ATTEST_CONFORMANCE names; none only if ATTEST_WITHOUT_CONFORMANCE says so."""
    named = os.environ.get("ATTEST_CONFORMANCE")
    if not named and os.environ.get("ATTEST_WITHOUT_CONFORMANCE"):
        print("NOT RUN: the conformance cases: ATTEST_WITHOUT_CONFORMANCE is set", flush=True)
        return None
    check(bool(named), "ATTEST_CONFORMANCE names no folder of cases, and ATTEST_WITHOUT_CONFORMANCE is not set")
    return Path(named) / "bundle-verify"


@dataclass(frozen=True)
class Subject:
    """A case in one of its two forms."""

    folder: Path
    artifact: Path
    by_digest: bool


def subjects(cases: Path, name: str) -> list[Subject]:
    own = cases / name / "artifact"
    artifact = own if own.exists() else cases / "a.txt"
    return [Subject(cases / name, artifact, by_digest) for by_digest in (False, True)]


def cosign_words(subject: Subject) -> list:
    """cosign has a command for files and one for statements."""
    folder = subject.folder
    bundle, key, root = (folder / name for name in ("bundle.sigstore.json", "key.pub", "trusted_root.json"))
    words = ["--bundle", bundle, "--trusted-root", root if root.exists() else PUBLIC_GOOD]
    if key.exists():
        words += ["--key", key]
    else:
        words += ["--certificate-identity", text_of(folder / "identity", IDENTITY)]
        words += ["--certificate-oidc-issuer", text_of(folder / "issuer", ISSUER)]
    digest = hashlib.sha256(subject.artifact.read_bytes()).hexdigest()
    if not has_envelope(bundle):
        return ["verify-blob", *words, f"sha256:{digest}" if subject.by_digest else subject.artifact]
    about = ["--digest", digest, "--digestAlg", "sha256"] if subject.by_digest else [subject.artifact]
    return ["verify-blob-attestation", *words, "--type", "slsaprovenance1", *about]


def has_envelope(bundle: Path) -> bool:
    try:
        return "dsseEnvelope" in json.loads(bundle.read_text())
    except json.JSONDecodeError:
        return False


def text_of(path: Path, default: str) -> str:
    return path.read_text().strip() if path.exists() else default
