"""Makes TUF repositories with python-tuf: an honest one, and others with one change.

    repository.py FOLDER SCENARIO TARGET

FOLDER gets `root.json`, to start from, and `repository`, to be served.
"""

import copy
import hashlib
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Signature
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

NAME = "trusted_root.json"
PRETTY = JSONSerializer(compact=False)


def days(number: int) -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=number)


class Repository:
    """Two keys for each role that is signed by people, one for the others, as Sigstore has it."""

    def __init__(self, target: bytes):
        # Both schemes that public instances use.
        self.people = [CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ed25519()]
        self.online = CryptoSigner.generate_ecdsa()
        self.target = target
        self.roots = [self.new_root(1, self.people)]
        self.root_signers = [self.people]
        self.targets = Metadata(Targets(3, expires=days(30)))
        self.targets.signed.targets[NAME] = TargetFile.from_data(NAME, target, ["sha256"])
        self.snapshot = Metadata(Snapshot(5, expires=days(30), meta={"targets.json": MetaFile(3)}))
        self.timestamp = Metadata(Timestamp(7, expires=days(7), snapshot_meta=MetaFile(5)))

    def new_root(self, version: int, people: list) -> Metadata:
        root = Root(version, expires=days(30), consistent_snapshot=True)
        for role in ("root", "targets"):
            for signer in people:
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = len(people)
        for role in ("snapshot", "timestamp"):
            root.add_key(self.online.public_key, role)
        return Metadata(root)

    def rotate(self) -> None:
        old, self.people = self.people, [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa()]
        self.roots.append(self.new_root(2, self.people))
        self.root_signers.append([*old, *self.people])

    def newer(self) -> None:
        """A second publication of the same target."""
        self.targets.signed.version = 4
        self.snapshot.signed.version = 6
        self.snapshot.signed.meta["targets.json"].version = 4
        self.timestamp.signed.version = 8
        self.timestamp.signed.snapshot_meta.version = 6

    def sign(self) -> None:
        for root, signers in zip(self.roots, self.root_signers, strict=True):
            for signer in signers:
                root.sign(signer, append=True)
        for signer in self.people:
            self.targets.sign(signer, append=True)
        self.snapshot.sign(self.online)
        self.timestamp.sign(self.online)

    def write(self, folder: Path) -> None:
        repository = folder / "repository"
        (repository / "targets").mkdir(parents=True, exist_ok=True)
        for root in self.roots:
            root.to_file(str(repository / f"{root.signed.version}.root.json"), PRETTY)
        (folder / "root.json").write_bytes((repository / "1.root.json").read_bytes())
        for metadata in (self.targets, self.snapshot):
            version = metadata.signed.version
            metadata.to_file(str(repository / f"{version}.{metadata.signed.type}.json"), PRETTY)
        self.timestamp.to_file(str(repository / "timestamp.json"), PRETTY)
        listed = next(iter(self.targets.signed.targets.values()))
        (repository / "targets" / f"{listed.hashes['sha256']}.{NAME}").write_bytes(self.target)


def honest(repository: Repository) -> None:
    repository.sign()


def rotated(repository: Repository) -> None:
    repository.rotate()
    repository.sign()


def rotated_by_the_new_alone(repository: Repository) -> None:
    repository.rotate()
    repository.root_signers[1] = repository.people
    repository.sign()


def published_again(repository: Repository) -> None:
    repository.newer()
    repository.sign()


def expired(repository: Repository) -> None:
    repository.timestamp.signed.expires = days(-1)
    repository.sign()


def signed_by_too_few(repository: Repository) -> None:
    repository.sign()
    repository.targets.signatures.popitem()


def signed_by_one_under_two_ids(repository: Repository) -> None:
    """The second id of a key stands in the root, so that both of its signatures are by keys of the role."""
    root = repository.roots[0].signed
    first = repository.people[0].public_key
    twin = copy.deepcopy(first)
    twin.keyid = "f" * 64
    root.revoke_key(repository.people[1].public_key.keyid, "targets")
    root.add_key(twin, "targets")
    root.roles["targets"].threshold = 2
    repository.sign()
    signature = repository.targets.signatures[first.keyid].signature
    repository.targets.signatures = {
        first.keyid: Signature(first.keyid, signature),
        twin.keyid: Signature(twin.keyid, signature),
    }


def another_target(repository: Repository) -> None:
    repository.sign()
    repository.target = repository.target.replace(b"a", b"b", 1)


def target_above_the_folder(repository: Repository) -> None:
    digest = hashlib.sha256(repository.target).hexdigest()
    repository.targets.signed.targets = {
        f"../{NAME}": TargetFile(len(repository.target), {"sha256": digest}, f"../{NAME}")
    }
    repository.sign()


def main() -> None:
    folder, scenario, target = sys.argv[1:]
    repository = Repository(Path(target).read_bytes())
    globals()[scenario](repository)
    repository.write(Path(folder))
    # A later publication of the very same repository, for what must not go back.
    later = Path(folder) / "later"
    if scenario == "honest":
        for metadata in (repository.targets, *repository.roots):
            metadata.signatures.clear()
        published_again(repository)
        repository.write(later)


main()
