"""Free TCP ports on 127.0.0.1 that stay free while a server restarts."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

LOOPBACK = "127.0.0.1"

# Below the range from which kernels draw the local port of an outgoing connection (32768 and up on Linux).
# Inside that range a client that retries against a stopped server can be given the server's own port,
# connect to itself, and keep the server from ever binding it again.
FIRST_PORT = 20_000
LAST_PORT = 31_999
ATTEMPTS_MAX = 500


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """Return a free port not in `taken`, drawn at random so that stacks started together rarely collide."""
    draw = random.SystemRandom()
    for _ in range(ATTEMPTS_MAX):
        port = draw.randint(FIRST_PORT, LAST_PORT)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT} in {ATTEMPTS_MAX} attempts")
