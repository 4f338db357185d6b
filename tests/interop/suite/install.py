"""Peers into the cache: from the package registries only, at the versions of expected.toml.

What is there is used as it is; a folder's name carries the version, so that another one stands beside it.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path


def cache() -> Path:
    folder = os.environ.get("ATTEST_CACHE") or Path.home() / ".cache" / "attest-peers"
    return Path(folder).resolve()


def go_binary(name: str, version: str, program: str | None = None) -> Path:
    return cache() / "go" / f"{name}-v{version}" / (program or name)


def node_modules(name: str) -> Path:
    return cache() / "npm" / name / "node_modules"


def python_environment(name: str) -> Path:
    return cache() / "python" / name


def everything(wanted: set[str], peers: dict, expected) -> dict[str, str]:
    """Installs the peers; what could not be had is returned with its reason."""
    failed = {}
    needed = wanted | {need for name in wanted for need in peers[name].needs}
    for name in sorted(needed):
        if expected.skips_peer(name):
            continue
        start = time.monotonic()
        try:
            peers[name].install(expected.versions.get(name, ""))
        except (subprocess.CalledProcessError, OSError, LookupError) as error:
            failed[name] = str(error).replace("\n", " ")
            print(f"install {name}: {failed[name]}", flush=True)
        if time.monotonic() - start > 1:
            print(f"installed {name} in {time.monotonic() - start:.0f} s", flush=True)
    return failed


def go_install(name: str, package: str, version: str, built_as: str | None = None) -> None:
    """`go install`, and the name that we use for what it built."""
    go_install_all(name, {name: (package, built_as)}, version)


def go_install_all(
    name: str, programs: dict[str, tuple[str, str | None]], version: str, module_files: tuple[str, ...] = ()
) -> None:
    """Several programs of one module: the name of each, its package, and what the package builds if it differs.

    `module_files` are files of the module that stand beside them then.
    """

    def build(staging: Path) -> None:
        packages = [f"{package}@v{version}" for package, _ in programs.values()]
        say_and_run(["go", "install", *packages], {"GOBIN": str(staging), "GOFLAGS": "-mod=mod"})
        for program, (package, built_as) in programs.items():
            (staging / (built_as or Path(package).name)).rename(staging / program)
        for file in module_files:
            shutil.copy(go_modules() / file, staging)

    go_folder(name, version, build)


def go_build(name: str, module: Path, version: str) -> None:
    """A program of ours on somebody's library, whose version stands in the folder's go.mod."""
    if f" v{version}\n" not in (module / "go.mod").read_text():
        raise LookupError(f"go.mod names another version than {version}")
    go_folder(name, version, lambda staging: say_and_run(["go", "build", "-o", str(staging / name), "."], cwd=module))


def go_modules() -> Path:
    said = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True)
    return Path(said.stdout.strip())


def go_folder(name: str, version: str, build) -> None:
    target = go_binary(name, version).parent
    with lock(f"go-{name}"):
        if target.exists():
            return
        staging = target.with_name(f"{target.name}.partial")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        build(staging)
        staging.rename(target)


def npm_install(name: str, manifest: Path) -> None:
    """`npm ci` of a folder's package.json and lock file; no package's scripts run."""
    target = cache() / "npm" / name
    wanted = (manifest / "package-lock.json").read_bytes()
    done = target / "installed-lock.json"
    with lock(f"npm-{name}"):
        if done.exists() and done.read_bytes() == wanted:
            return
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(manifest / file, target)
        say_and_run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=target)
        done.write_bytes(wanted)


def npm_version(name: str, package: str, version: str) -> None:
    found = json.loads((node_modules(name) / package / "package.json").read_text())["version"]
    if found != version:
        raise LookupError(f"the lock file of {name} has {package} {found}, expected.toml says {version}")


def python_install(name: str, requirements: Path) -> None:
    """A virtual environment with what a folder's requirements.txt pins by hash."""
    target = python_environment(name)
    wanted = requirements.read_bytes()
    done = target / "installed-requirements.txt"
    with lock(f"python-{name}"):
        if done.exists() and done.read_bytes() == wanted:
            return
        shutil.rmtree(target, ignore_errors=True)
        say_and_run([sys.executable, "-m", "venv", str(target)])
        pip = [str(target / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        say_and_run([*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", str(requirements)])
        done.write_bytes(wanted)


def python_version(name: str, package: str, version: str) -> None:
    question = f"import importlib.metadata as it; print(it.version({package!r}))"
    python = python_environment(name) / "bin" / "python"
    found = subprocess.run([python, "-c", question], capture_output=True, text=True, check=True).stdout.strip()
    if found != version:
        raise LookupError(f"{name} has {package} {found}, expected.toml says {version}")


def apt_install(program: str, package: str, version: str = "") -> None:
    """A Debian package whose version begins with `version`; root installs it if it is missing."""
    with lock("apt"):
        if shutil.which(program) is None:
            quiet = {"DEBIAN_FRONTEND": "noninteractive"}
            say_and_run(["apt-get", "-qq", "update"], quiet)
            say_and_run(
                [
                    "apt-get",
                    "-qq",
                    "-o",
                    "DPkg::Lock::Timeout=300",
                    "install",
                    "-y",
                    "--no-install-recommends",
                    package,
                ],
                quiet,
            )
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=True
    )
    if not found.stdout.startswith(version):
        raise LookupError(f"{package} is {found.stdout}, expected.toml says {version}")


def present(program: str, question: list[str], version: str) -> None:
    """A program that every machine of ours has; its version is a fact to be checked, not a choice."""
    path = shutil.which(program)
    if path is None:
        raise LookupError(f"{program} is not installed")
    said = subprocess.run([path, *question], capture_output=True, text=True, check=True)
    if version not in said.stdout + said.stderr:
        raise LookupError(f"{program} says {said.stdout.splitlines()[:1]}, expected.toml says {version}")


def attest(checkout: Path, profile: str = "debug") -> Path:
    """The attest to test: ATTEST_BIN, else a build of this checkout."""
    if os.environ.get("ATTEST_BIN"):
        return Path(os.environ["ATTEST_BIN"]).resolve(strict=True)
    optimised = ["--release"] if profile == "release" else []
    command = ["cargo", "build", "--locked", *optimised, "--package", "attest"]
    say_and_run(command, {"CARGO_TARGET_DIR": str(target(checkout))}, cwd=checkout)
    return target(checkout) / profile / "attest"


def target(checkout: Path) -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR") or checkout / "target")


def say_and_run(command: list[str], extra: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    print(f"$ {' '.join(command)}", flush=True)
    subprocess.run(
        command, env=os.environ | (extra or {}), cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True
    )


@contextmanager
def lock(name: str):
    """One installer at a time for each thing, also between runs."""
    folder = cache() / "lock"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
