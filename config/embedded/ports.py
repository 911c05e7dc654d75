"""Ports on the loopback: the preferred one where it is free, else any that is."""

import random
import socket
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
# Below the range kernels hand out for outgoing connections, so that nothing takes a port between choice and use.
_POOL = range(20_000, 32_000)


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        # A port whose last connections are still winding down is free for a server, as servers set this too.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def choose(preferred: int | None = None, *, usable: Callable[[int], bool] = is_free) -> int:
    """The preferred port, or a random one from a quiet range when it is taken; `usable` says what counts as free."""
    if preferred is not None and usable(preferred):
        return preferred
    for port in random.sample(_POOL, 200):
        if usable(port):
            return port
    raise OSError("no free port was found on the loopback")


def has_ipv6_loopback() -> bool:
    return socket.has_ipv6 and is_free(0, host="::1")


def accepts(port: int, *, timeout_seconds: float = 1) -> bool:
    """Whether something listens there and takes a connection."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_seconds):
            return True
    except OSError:
        return False


def wait_until(ready: Callable[[], bool], *, seconds: float, while_true: Callable[[], bool]) -> bool:
    """Poll `ready` until it holds (True), or `while_true` no longer does or the time is up (False)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        if not while_true():
            return False
        time.sleep(0.03)
    return False
