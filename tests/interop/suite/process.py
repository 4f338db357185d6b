"""Running programs: with a bare environment, with or without loopback, and judging what they said."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from suite import network

TIMEOUT = 120  # seconds; the slowest case needs a tenth


class Failed(Exception):
    """A case's expectation that was not met."""


@dataclass(frozen=True)
class Output:
    command: list[str]
    status: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"$ {shlex.join(map(str, self.command))}\nexit {self.status}\n{tail(self.stdout)}{tail(self.stderr)}"

    def accepted(self) -> "Output":
        return self.exits(0)

    def exits(self, status: int) -> "Output":
        check(self.status == status, f"expected exit {status}\n{self}")
        return self

    def refused(self, *because: str) -> "Output":
        """Refused, and for the reason that one of these texts names: not for another one."""
        check(self.status != 0, f"expected a refusal\n{self}")
        text = self.stdout + self.stderr
        check(any(reason in text for reason in because), f"expected one of {because}\n{self}")
        return self


@dataclass(frozen=True)
class Answer(Output):
    """What `attest verify --format json` said: a yes must name what it verified, a no its codes."""

    @property
    def report(self) -> dict:
        try:
            return json.loads(self.stdout)
        except json.JSONDecodeError as error:
            raise Failed(f"not one JSON object: {error}\n{self}") from error

    def accepted(self) -> "Answer":
        self.exits(0)
        verdicts = [file["verdict"] for subject in self.report["subjects"] for file in subject["files"]]
        check("verified" in verdicts, f"exit 0, and no file is verified\n{self}")
        check(not {"rejected", "unreadable"} & set(verdicts), f"exit 0, and not every file is verified\n{self}")
        return self

    def says_no(self, *because: str) -> "Answer":
        """A no, with one of these codes."""
        self.exits(1)
        report = self.report
        reasons = [reason for subject in report["subjects"] for reason in [*subject["reasons"], *subject["files"]]]
        reasons += [reason for evidence in report["evidence"] for reason in evidence.get("reasons", [])]
        codes = {reason["code"] for reason in reasons if "code" in reason}
        check(bool(codes & set(because)), f"expected one of {because}, found {sorted(codes)}\n{self}")
        return self


def check(holds: bool, message: str) -> None:
    if not holds:
        raise Failed(message)


def tail(text: str, lines: int = 40) -> str:
    kept = text.splitlines()[-lines:]
    return "".join(f"{line}\n" for line in kept)


def environment(home: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Nothing of the caller's but the path: no trust, password or proxy leaks into a case."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "TMPDIR": str(home)}
    return bare | (extra or {})


def run(command: list, *, cwd: Path, home: Path, offline: bool = False, extra=None) -> Output:
    words = [str(word) for word in command]
    prefix = network.alone() if offline else []
    try:
        done = subprocess.run(
            [*prefix, *words],
            cwd=cwd,
            env=environment(home, extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired as late:
        raise Failed(f"$ {shlex.join(words)}\nno end after {TIMEOUT} s\n{(late.stderr or b'').decode()}") from late
    return Output(words, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def answers(address: str) -> None:
    """Something does at a URL, or accepts connections at `tcp:HOST:PORT`."""
    if address.startswith("tcp:"):
        _, host, port = address.split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
    else:
        urllib.request.urlopen(address, timeout=5).close()


class Servers:
    """Servers of a run: each in a process group of its own, its output in a file, ended at the close."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.running: dict[str, subprocess.Popen] = {}

    def start(self, name: str, command: list, ready: str, seconds: float = 60) -> None:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running[name] = process
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError, urllib.error.URLError):
                answers(ready)
                return
            time.sleep(0.1)
        raise Failed(f"{name} did not answer at {ready}\n{tail(log.read_text(errors='replace'))}")

    def close(self) -> None:
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
