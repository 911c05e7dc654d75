"""A TCP relay in front of a real server, which a test can break: every connection ends, or nothing is ever answered."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Relay:
    """Forwards bytes both ways between the loopback `port` and a server until it is told otherwise."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname, address.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._state = "up"
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def up(self) -> None:
        """As if the server were asked directly; connections of before stay broken."""
        self._become("up")

    def down(self) -> None:
        """Every connection ends at once."""
        self._become("down")

    def hang(self) -> None:
        """Connections are taken and never answered."""
        self._become("silent")

    def close(self) -> None:
        self._become("down")
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _become(self, state: str) -> None:
        self._state = state
        while self._open:
            one = self._open.pop()
            # Ends a recv that waits; closing alone would not.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._state == "down":
                client.close()
                continue
            self._open.append(client)
            if self._state == "up":
                server = socket.create_connection(self._upstream)
                self._open.append(server)
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
