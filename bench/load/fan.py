"""fan.py PLAN.json PUBLISHER...: raw WebSocket clients in one epoll loop; prints one JSON line.

The plan: port, path, clients (the headers each sends, and its first frames), events, pid (the server's, for its memory
and CPU). A client is ready when it hears "subscribed". The publisher writes the events; each holds `"t"`, its time.
"""

import base64
import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.machine import _cpu, pss_mb, tree

plan = json.loads(Path(sys.argv[1]).read_text())
clients, events = len(plan["clients"]), plan["events"]
handshake = (
    f"GET {plan['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
)
sockets: dict[int, socket.socket] = {}
heard: dict[int, bytes] = {}
to_say: dict[int, bytes] = {}
poll = select.epoll()
WARM_UP = 50


def frame(text: str) -> bytes:
    """A masked text frame (RFC 6455); the mask of zeros leaves the bytes as they are."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
    return b"\x81" + length + b"\0\0\0\0" + data


def cpu() -> float:
    return sum(_cpu(pid) for pid in tree(plan["pid"]))


ready: set[int] = set()


def connect(batch: list[dict[str, Any]]) -> None:
    """Open these, and wait until each has heard that it follows the job."""
    for client in batch:
        one = socket.create_connection(("127.0.0.1", plan["port"]), 20)
        headers = "".join(f"{name}: {value}\r\n" for name, value in client["headers"].items())
        one.sendall(f"{handshake}{headers}\r\n".encode())
        one.setblocking(False)
        sockets[one.fileno()], heard[one.fileno()] = one, b""
        to_say[one.fileno()] = b"".join(frame(text) for text in client["frames"])
        poll.register(one.fileno(), select.EPOLLIN)
    deadline = time.monotonic() + 30
    while len(ready) < len(sockets):
        if time.monotonic() > deadline:
            raise SystemExit(f"only {len(ready)} of {len(sockets)} are ready")
        for number, _ in poll.poll(0.5):
            data = sockets[number].recv(65_536)
            if not data:
                raise SystemExit(f"a socket was closed: {heard[number][-300:]!r}")
            heard[number] += data
            if number in to_say and b"\r\n\r\n" in heard[number]:
                sockets[number].sendall(to_say.pop(number))
            if b'"subscribed"' in heard[number]:
                ready.add(number)


# What the first clients make a server load once is not what each costs.
connect(plan["clients"][:WARM_UP])
for warm in sockets.values():
    warm.close()
sockets.clear()
ready.clear()
time.sleep(1)
memory_before, cpu_before, started = pss_mb(plan["pid"]), cpu(), time.monotonic()
for first in range(0, clients, 25):
    connect(plan["clients"][first : first + 25])
connected, cpu_connecting = time.monotonic() - started, cpu() - cpu_before
time.sleep(1)
memory, cpu_before = pss_mb(plan["pid"]), cpu()
publisher = subprocess.Popen(sys.argv[2:])
# Read as fast as can be, understand later: the clients must not be what is measured.
received: list[tuple[float, bytes]] = []
arrived, deadline = 0, time.monotonic() + 60
while arrived < clients * events and time.monotonic() < deadline:
    for number, _ in poll.poll(0.5, 1_024):
        data = sockets[number].recv(4_096)
        received.append((time.time(), data))
        arrived += data.count(b'"t":')
publisher.wait(30)
delays: list[float] = []
last: dict[float, float] = {}
for now, data in received:
    for part in data.split(b'"t":')[1:]:
        sent = float(part.lstrip().split(b"}")[0].split(b",")[0])
        delays.append(now - sent)
        last[sent] = max(last.get(sent, 0), now - sent)
delays.sort()
lasts = sorted(last.values())
print(
    json.dumps(
        {
            "received": len(delays),
            "lost": clients * events - len(delays),
            "connections_s": round(clients / connected),
            "cpu_ms_per_connection": round(cpu_connecting / clients * 1e3, 2),
            "p50_ms": round(delays[len(delays) // 2] * 1e3, 1),
            "p99_ms": round(delays[int(len(delays) * 0.99)] * 1e3, 1),
            "last_client_ms": round(lasts[len(lasts) // 2] * 1e3, 1),
            "kb_per_connection": round((memory - memory_before) * 1024 / clients, 1),
            "server_mb": round(memory),
            "cpu_us_per_delivery": round((cpu() - cpu_before) / max(len(delays), 1) * 1e6, 1),
        }
    )
)
