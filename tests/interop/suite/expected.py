"""expected.toml: what must run. Fewer cases than it says is a failure, and so is an outdated skip."""

import datetime
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Skip:
    what: str  # a peer, or PEER/CASE
    reason: str
    expires: datetime.date


@dataclass(frozen=True)
class Expected:
    versions: dict[str, str]
    counts: dict[str, int]
    skips: list[Skip]

    @classmethod
    def read(cls, file: Path) -> "Expected":
        table = tomllib.loads(file.read_text())
        peers = table["peer"]
        return cls(
            versions={name: str(peer["version"]) for name, peer in peers.items()},
            counts={name: int(peer["cases"]) for name, peer in peers.items()},
            skips=[Skip(skip["what"], skip["reason"], skip["expires"]) for skip in table.get("skip", [])],
        )

    def skip_of(self, case) -> Skip | None:
        return next((skip for skip in self.skips if skip.what in (case.peer, case.name)), None)

    def skips_peer(self, peer: str) -> bool:
        return any(skip.what == peer for skip in self.skips)

    def problems(self, peers: dict) -> list[str]:
        """What is wrong with the file itself, whatever the cases say."""
        names = set(peers) | {case.name for peer in peers.values() for case in peer.cases}
        found = [f"names the peer {name}, which has no file" for name in self.counts if name not in peers]
        found += [f"does not name the peer {name}" for name in peers if name not in self.counts]
        for skip in self.skips:
            if skip.what not in names:
                found.append(f"skips {skip.what}, which does not exist")
            if not skip.reason.strip():
                found.append(f"skips {skip.what} without a reason")
            if skip.expires < datetime.date.today():
                found.append(f"the skip of {skip.what} expired on {skip.expires}")
        return found

    def compare(self, results: list, complete: bool) -> list[str]:
        """The counts of a run against the file; of a partial run only what was asked for can be judged."""
        if not complete:
            return []
        ran = Counter(result.case.peer for result in results)
        passed = Counter(result.case.peer for result in results if result.outcome == "ok")
        found = []
        for peer, count in self.counts.items():
            print(f"{peer:<18} {self.versions[peer]:<10} {passed[peer]} of {count}")
            if ran[peer] < count:
                found.append(f"{peer}: {ran[peer]} cases ran, {count} must")
            elif ran[peer] > count:
                found.append(f"{peer}: {ran[peer]} cases ran, the file says {count}: raise it")
        return found
