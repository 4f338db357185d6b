"""Times and memory of whole processes, contenders taking turns."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from suite.process import Failed, environment


@dataclass(frozen=True)
class Run:
    cpu: float  # seconds
    wall: float  # seconds


@dataclass
class Contender:
    """A command, what makes it repeatable, and its figures."""

    name: str
    command: list
    before: Callable[[], None] = lambda: None
    extra: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    status: int = 0  # the exit code that is wanted
    runs: list[Run] = field(default_factory=list)
    memory: float = 0.0  # MiB

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    @property
    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)


def race(world, contenders: list[Contender], runs: int) -> None:
    """Memory once, which also warms the caches; then everyone in turn, as often as asked."""
    for contender in contenders:
        contender.memory = memory(world, contender)
    for _ in range(runs):
        for contender in contenders:
            contender.runs.append(once(world, contender))


def once(world, contender: Contender) -> Run:
    contender.before()
    start = time.monotonic()
    process = spawn(world, contender, [])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    judge(contender, process)
    return Run(usage.ru_utime + usage.ru_stime, wall)


def memory(world, contender: Contender) -> float:
    """By GNU time: a process that Python itself starts would be charged with Python's own size."""
    contender.before()
    report = world.new_file("memory")
    process = spawn(world, contender, ["/usr/bin/time", "-f", "%M", "-o", str(report)])
    process.wait()
    judge(contender, process)
    return int(report.read_text().split()[-1]) / 1024


def spawn(world, contender: Contender, prefix: list[str]) -> subprocess.Popen:
    output = (world.folder / "bench.log").open("wb")
    with output:
        return subprocess.Popen(
            [*prefix, *map(str, contender.command)],
            cwd=contender.cwd or world.folder,
            env=environment(world.scratch_home, contender.extra),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def judge(contender: Contender, process: subprocess.Popen) -> None:
    """A measurement of something that failed is none."""
    if process.returncode != contender.status:
        raise Failed(f"{contender.name} exits {process.returncode}: {contender.command}")


def table(contenders: list[Contender], against: Contender, unit: str = "ms") -> None:
    scale = {"ms": 1000, "s": 1}[unit]
    digits = {"ms": 1, "s": 2}[unit]
    one = against.name.split(":")[0]
    print(f"| | CPU {unit} | wall {unit} | memory MiB | CPU, {one} = 1 | memory, {one} = 1 |")
    print("|---|---|---|---|---|---|")
    for one in contenders:
        print(
            f"| {one.name} | {one.cpu * scale:.{digits}f} | {one.wall * scale:.{digits}f} | {one.memory:.1f} "
            f"| {one.cpu / against.cpu:.2f} | {one.memory / against.memory:.2f} |",
            flush=True,
        )
