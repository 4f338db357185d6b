"""The cases of fixtures/openpgp, minisign and ssh, and what docs/differences.md says of them."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from suite.process import check

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Fixture:
    name: str
    accepted: bool  # by attest
    at: str
    file: Path
    signature: Path
    key: Path


def fixtures(area: str) -> list[Fixture]:
    folders = [folder for folder in sorted((ROOT / "fixtures" / area).iterdir()) if folder.is_dir()]
    return [read(folder) for folder in folders]


def read(folder: Path) -> Fixture:
    table = tomllib.loads((folder / "expect.toml").read_text())
    parent = read(folder.parent / table["parent"]) if "parent" in table else None
    inputs = {}
    for name in ("file", "signature", "key"):
        own = folder / name
        inputs[name] = own if own.exists() else getattr(parent, name)
    return Fixture(
        f"{folder.parent.name}/{folder.name}", "accept" in table, table.get("at") or parent.at, **inputs
    )


def differences(tool: str) -> set[str]:
    """The cases in which docs/differences.md says that a tool answers otherwise than attest."""
    rows = re.findall(r"^\| `([^`]+/[^`]+)` \| [^|]+ \| ([^|]+) \|", (ROOT / "docs/differences.md").read_text(), re.M)
    return {case for case, tools in rows if tool in tools.strip().split(", ")}


def judges_as_written(tool: str, area: str, accepts) -> None:
    """`accepts` asks the tool about a fixture; it must differ from attest exactly where that is written."""
    found = {fixture.name for fixture in fixtures(area) if accepts(fixture) != fixture.accepted}
    written = {case for case in differences(tool) if case.startswith(f"{area}/")}
    check(
        found == written,
        f"{tool}: not in docs/differences.md: {sorted(found - written)}; there, but not so: {sorted(written - found)}",
    )
