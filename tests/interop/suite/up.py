"""All servers, left running: to look at them by hand, from other shells in the same network namespace."""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

from suite import keyless
from suite.world import World

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NEEDS = (*keyless.NEEDS, "distribution", "go-containerregistry")


def stay(expected) -> int:
    """Until it is interrupted; then every server is ended and the folder removed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ended)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # also when whoever started us is ended
    with contextlib.suppress(KeyboardInterrupt), World(Path(os.environ["ATTEST_BIN"]), expected, keep=False) as world:
        start = time.monotonic()
        for name, value in described(world).items():
            print(f"{name}={value}", flush=True)
        print(f"# ready after {time.monotonic() - start:.0f} s; a shell beside the servers:", flush=True)
        print(f"#   nsenter --target {os.getpid()} --net", flush=True)
        signal.pause()
    return 0


def ended(*_) -> None:
    """Once: the servers are ended in peace, however often we are told."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def described(world) -> dict:
    """Lines for a shell: `. FILE` with them sets the variables."""
    stack, whole = world.stack, world.stack.keyless
    return {
        "PID": os.getpid(),
        "ISSUER": whole.issuer.url,
        "IDENTITY": keyless.EMAIL,
        "FULCIO": keyless.FULCIO,
        "CT_LOG": keyless.CT_LOG,
        "REKOR_V1": keyless.REKOR_V1,
        "REKOR_V2": stack.rekor,
        "REKOR_V2_TILES": stack.tiles,
        "TSA": stack.authority,
        "TSA_CHAIN": stack.chain,
        "TRUSTED_ROOT": whole.root,
        "SIGNING_CONFIG_V1": whole.v1.config,
        "SIGNING_CONFIG_V2": whole.v2.config,
        "TRUST_CONFIG_V1": whole.v1.trust,
        "TRUST_CONFIG_V2": whole.v2.trust,
        "REGISTRY": stack.registry(referrers=False),
        "REGISTRY_REFERRERS": stack.registry(referrers=True),
        "COSIGN": world.go("cosign"),
        "REKOR_CLI": world.go("rekor-v1", "rekor-cli"),
        "SERVER_LOGS": world.servers.folder,
    }
