"""All servers, left running: to look at them by hand, from other shells in the same network namespace."""

import os
import signal
import time
from pathlib import Path

from suite import keyless
from suite.world import World

NEEDS = (*keyless.NEEDS, "distribution", "go-containerregistry")


def stay(expected) -> int:
    """Until it is interrupted; then every server is ended and the folder removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with World(Path(os.environ["ATTEST_BIN"]), expected, keep=False) as world:
        start = time.monotonic()
        for name, value in described(world).items():
            print(f"{name}={value}", flush=True)
        print(f"# ready after {time.monotonic() - start:.0f} s; a shell beside the servers:", flush=True)
        print(f"#   nsenter --target {os.getpid()} --net", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


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
