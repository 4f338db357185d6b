"""What the figures were measured on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path


def description(expected) -> str:
    cpu = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in cpu.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    sha = "with" if "sha_ni" in fields.get("flags", "").split() else "without"
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return (
        f"{datetime.date.today()}: {fields.get('model name', platform.machine())}, {os.cpu_count()} cores, "
        f"{sha} SHA instructions, Linux {platform.release()}; cosign {expected.versions['cosign']}, "
        f"OpenSSL {openssl}, coreutils {expected.versions['coreutils']}; load {os.getloadavg()[0]:.1f} at the start"
    )
