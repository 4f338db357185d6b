"""What is in an archive: as `attest digest --contents` says it, and as it is once another program unpacked it."""

import hashlib
import json
import os
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path

from suite.process import Failed, check

TOP = Path(__file__).resolve().parents[3]
FIXTURES = TOP / "fixtures" / "archives"


@dataclass(frozen=True)
class Contents:
    """Names in their order, those of folders with a slash, and what each file and link holds."""

    names: tuple[str, ...]
    files: dict[str, tuple[int, str]]
    links: dict[str, str]


def ours(world, archive: Path) -> Contents | str:
    """What we say; the code, where we refuse."""
    said = world.attest("digest", "--contents", archive, "--format", "json", offline=True)
    try:
        report = json.loads(said.stdout)
    except json.JSONDecodeError as error:
        raise Failed(f"not one JSON object: {error}\n{said}") from error
    if "members" not in report:
        check(said.status == 1, f"expected a refusal\n{said}")
        return report["error"]["code"]
    members = report["members"]
    check(said.status == (0 if members else 1), f"another exit was expected\n{said}")
    return Contents(
        tuple(it["path"] + "/" * (it["type"] == "folder") for it in members),
        {it["path"]: (it["size"], it["sha256"]) for it in members if it["type"] == "file"},
        {it["path"]: it["target"] for it in members if it["type"] == "link"},
    )


def listed(text: str) -> tuple[str, ...]:
    """The lines of a program's list: without `./`, which is where it was unpacked."""
    names = (name.removeprefix("./") for name in text.splitlines())
    return tuple(name for name in names if name)


def unpacked(folder: Path) -> tuple[dict, dict, set]:
    """Files, links and folders below a folder."""
    files, links, folders = {}, {}, set()
    for top, inner, names in os.walk(folder):
        for name in [*inner, *names]:
            path = Path(top) / name
            below = str(path.relative_to(folder))
            if path.is_symlink():
                links[below] = os.readlink(path)
            elif path.is_dir():
                folders.add(below)
            else:
                content = path.read_bytes()
                files[below] = (len(content), hashlib.sha256(content).hexdigest())
    return files, links, folders


def compare(said: Contents, names: tuple[str, ...] | None, folder: Path | None, what: str) -> None:
    """What a program listed and unpacked is what we said: nothing else, nothing less."""
    if names is not None:
        check(said.names == names, f"{what}: other names\n{said.names}\n{names}")
    if folder is None:
        return
    files, links, folders = unpacked(folder)
    check(said.files == files, f"{what}: other files\n{said.files}\n{files}")
    check(said.links == links, f"{what}: other links\n{said.links}\n{links}")
    above = {str(it) for name in said.names for it in Path(name).parents} - {"."}
    wanted = above | {name[:-1] for name in said.names if name.endswith("/")}
    check(wanted == folders, f"{what}: other folders\n{wanted}\n{folders}")


def tree(folder: Path, long: bool = True) -> Path:
    """Files that archivers have to get right."""
    names = {
        "plain.txt": b"hello\n",
        "empty": b"",
        "deep/er/read me.txt": b"a name with a space\n",
        "grüße.txt": b"beyond ASCII\n",
        "block": bytes(range(256)) * 2,
        "large": random.Random(1).randbytes(300_000),
        "zeros": bytes(100_000),
        "x" * 100: b"one hundred\n",
        f"{'d' * 90}/{'f' * 60}": b"split\n",
    }
    if long:
        names |= {"y" * 101: b"one more\n", "/".join(["z" * 80] * 6): b"far down\n", "ü" * 90: b"long\n"}
    for name, content in names.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(1_700_000_000_500_000_000, 1_700_000_000_500_000_000))
    (folder / "plain.txt").chmod(0o755)
    (folder / "hollow").mkdir()
    (folder / "link").symlink_to("plain.txt")
    (folder / "deep" / "up").symlink_to("../block")
    return folder


def fixtures(ending: str):
    """Each case with an archive of such an ending: its name, the file, what `expect.toml` says."""
    for case in sorted(it for it in FIXTURES.iterdir() if it.is_dir()):
        for archive in case.glob("archive.*"):
            if archive.name.startswith(f"archive.{ending}"):
                yield case.name, archive, tomllib.loads((case / "expect.toml").read_text())
