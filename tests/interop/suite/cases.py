"""Cases: functions of a peer's file, found by its registry, run one after the other."""

import importlib.util
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from suite.process import Failed


@dataclass(frozen=True)
class Case:
    peer: str
    title: str
    body: Callable

    @property
    def name(self) -> str:
        return f"{self.peer}/{self.title}"


@dataclass
class Peer:
    """A program that we did not write. `install` puts a version of it into the cache."""

    name: str
    install: Callable[[str], None]
    needs: tuple[str, ...] = ()  # other peers that its cases use
    cases: list[Case] = field(default_factory=list)

    def case(self, body: Callable) -> Callable:
        """Registers a function as the case that its name says."""
        self.cases.append(Case(self.name, body.__name__.replace("_", "-"), body))
        return body


@dataclass(frozen=True)
class Result:
    case: Case
    outcome: str  # "ok", "FAIL" or "skip"


def load(folder: Path) -> dict[str, Peer]:
    """Every `Peer` that a file of the folder defines, by name."""
    peers = {}
    for file in sorted(folder.glob("*.py")):
        name = f"{folder.name}.{file.stem}"
        if name not in sys.modules:  # else another file has added cases to its peers
            spec = importlib.util.spec_from_file_location(name, file)
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        for peer in vars(sys.modules[name]).values():
            if isinstance(peer, Peer):
                peers[peer.name] = peer
    return peers


def select(peers: dict[str, Peer], only: list[str]) -> list[Case]:
    everything = [case for peer in peers.values() for case in peer.cases]
    for wanted in only:
        if not any(wanted in (case.peer, case.name) for case in everything):
            raise SystemExit(f"no peer or case is called {wanted}; --list names them")
    return [case for case in everything if not only or {case.peer, case.name} & set(only)]


def run(case: Case, world, expected, not_installed: str | None) -> Result:
    """Runs one case and prints its line."""
    skip = expected.skip_of(case)
    start = time.monotonic()
    detail = ""
    if skip:
        outcome, detail = "skip", f"until {skip.expires}: {skip.reason}"
    elif not_installed:
        outcome, detail = "FAIL", f"not installed: {not_installed}"
    else:
        try:
            case.body(world)
            outcome = "ok"
        except Failed as failed:
            outcome, detail = "FAIL", str(failed)
        except Exception:  # whatever goes wrong is the failure of this case, not of the run
            outcome, detail = "FAIL", traceback.format_exc()
        world.end_agents()
    print(f"{outcome:4}  {case.name:<62} {time.monotonic() - start:6.2f} s", flush=True)
    if detail:
        print(re.sub("^", "      ", detail.rstrip(), flags=re.MULTILINE), flush=True)
    return Result(case, outcome)
