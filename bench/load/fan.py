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

from bench.machine import _cpu, pss_mb, tree

plan = json.loads(Path(sys.argv[1]).read_text())
clients, events = len(plan["clients"]), plan["events"]
handshake = (
    f"GET {plan['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
)
sockets: dict[int, socket.socket] = {}
heard: dict[int, bytes] = {}
poll = select.epoll()


def frame(text: str) -> bytes:
    """A masked text frame (RFC 6455); the mask of zeros leaves the bytes as they are."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
    return b"\x81" + length + b"\0\0\0\0" + data


def cpu() -> float:
    return sum(_cpu(pid) for pid in tree(plan["pid"]))


memory_before, started = pss_mb(plan["pid"]), time.monotonic()
ready: set[int] = set()
for first in range(0, clients, 25):
    for client in plan["clients"][first : first + 25]:
        one = socket.create_connection(("127.0.0.1", plan["port"]), 20)
        headers = "".join(f"{name}: {value}\r\n" for name, value in client["headers"].items())
        # The first frames follow at once: the server reads them when the handshake is done.
        one.sendall(f"{handshake}{headers}\r\n".encode() + b"".join(frame(text) for text in client["frames"]))
        one.setblocking(False)
        sockets[one.fileno()], heard[one.fileno()] = one, b""
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
            if b'"subscribed"' in heard[number]:
                ready.add(number)
connected = time.monotonic() - started
time.sleep(1)
memory, cpu_before = pss_mb(plan["pid"]), cpu()
publisher = subprocess.Popen(sys.argv[2:])
delays: list[float] = []
last: dict[float, float] = {}
deadline = time.monotonic() + 60
while len(delays) < clients * events and time.monotonic() < deadline:
    for number, _ in poll.poll(0.5):
        data, now = sockets[number].recv(65_536), time.time()
        for part in data.split(b'"t":')[1:]:
            sent = float(part.lstrip().split(b"}")[0].split(b",")[0])
            delays.append(now - sent)
            last[sent] = max(last.get(sent, 0), now - sent)
publisher.wait(30)
delays.sort()
lasts = sorted(last.values())
print(
    json.dumps(
        {
            "received": len(delays),
            "lost": clients * events - len(delays),
            "connections_s": round(clients / connected),
            "p50_ms": round(delays[len(delays) // 2] * 1e3, 1),
            "p99_ms": round(delays[int(len(delays) * 0.99)] * 1e3, 1),
            "last_client_ms": round(lasts[len(lasts) // 2] * 1e3, 1),
            "kb_per_connection": round((memory - memory_before) * 1024 / clients, 1),
            "server_mb": round(memory),
            "cpu_us_per_delivery": round((cpu() - cpu_before) / max(len(delays), 1) * 1e6, 1),
        }
    )
)
