"""What in-toto's reference implementation says about every case of fixtures/layouts: one JSON object.

    judge.py FIXTURES

Each case is verified in a folder of its own, where its products lie and its inspections run.
"""

import json
import os
import shutil
import sys
import tempfile
import tomllib
import types
from pathlib import Path
from unittest import mock

import in_toto.settings
from in_toto.models._signer import load_public_key_from_file
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify

in_toto.settings.LINK_CMD_EXEC_TIMEOUT = 1


def verdict(case: Path) -> str:
    expect = tomllib.loads((case / "expect.toml").read_text())
    args = expect.get("args", [])
    given = [args[index + 1] for index, it in enumerate(args) if it == "--parameter"]
    parameters = dict(it.split("=", 1) for it in given) or None
    keys = ["owner.pub", *[args[index + 1] for index, it in enumerate(args) if it == "--layout-key"]]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        shutil.copytree(case / "products", work) if (case / "products").exists() else work.mkdir()
        os.chdir(work)
        try:
            loaded = [load_public_key_from_file(str(case / it)) for it in keys]
            layout = Metadata.load(str(case / "root.layout"))
            at = expect.get("at")
            with clock(at) if at else mock.patch.dict(os.environ):
                in_toto_verify(layout, {it["keyid"]: it for it in loaded}, str(case / "links"), parameters)
        except BaseException as error:  # whatever it says instead of yes is a no
            return f"{type(error).__name__}: {error}".split("\n")[0][:200]
        finally:
            os.chdir("/")
    return "accepted"


def clock(at: str):
    """The reference has no --at: the time of its own clock is replaced."""
    import datetime as real

    import in_toto.verifylib as library

    now = real.datetime.fromisoformat(at.replace("Z", "+00:00"))
    now = now if now.tzinfo else now.replace(tzinfo=real.timezone.utc)

    class Clock(real.datetime):
        @classmethod
        def now(cls, tz=None):
            return now.astimezone(tz) if tz else now.replace(tzinfo=None)

    return mock.patch.object(library, "datetime", types.SimpleNamespace(datetime=Clock))


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    cases = sorted(it for it in folder.iterdir() if (it / "expect.toml").exists())
    print(json.dumps({case.name: verdict(case) for case in cases}))


if __name__ == "__main__":
    main()
