"""Network namespaces: loopback alone for the cases, nothing at all for what verifies.

In a namespace of its own a run can use fixed ports, and nothing in it can reach another machine:
a peer that silently asked a public service would fail.
"""

import fcntl
import os
import socket
import struct
import subprocess

MARK = "INTEROP_NAMESPACE"

# linux/if.h, linux/sockios.h
IFF_UP = 0x1
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914


def alone() -> list[str]:
    """The command prefix that takes all network away."""
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def enter(command: list[str], environment: dict[str, str]) -> int:
    """Runs the command where only loopback exists."""
    return subprocess.run([*alone(), *command], env=os.environ | environment | {MARK: "1"}).returncode


def inside() -> bool:
    if os.environ.get(MARK) != "1":
        return False
    interfaces = [name for _, name in socket.if_nameindex()]
    others = [name for name in interfaces if name not in ("lo", "sit0", "tunl0", "ip6tnl0")]
    if others:
        raise SystemExit(f"this namespace has the interfaces {others}, expected lo alone")
    raise_loopback()
    return True


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
