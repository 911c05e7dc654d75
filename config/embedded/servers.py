"""The three servers together: those the environment does not name are started, and the environment says where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.embedded.postgres import Postgres, place
from config.embedded.processes import Process
from config.embedded.s3 import S3
from config.embedded.valkey import Valkey

DATABASE = "media"
BUCKET = "media"
# Not the usual ones: a program that looks for a Postgres on 5432 shall not find ours by accident.
PORTS = {"postgres": 15_432, "valkey": 16_379, "s3": 18_333}


class ServerMoved(Exception):
    """A server could not come back where it was."""


@dataclass(slots=True, kw_only=True)
class Servers:
    """None stands for a server that the environment names."""

    postgres: Postgres | None
    valkey: Valkey | None
    s3: S3 | None

    @classmethod
    def wanted(cls, environment: Mapping[str, str], *, folder: Path, logs: Path) -> "Servers":
        postgres_folder = place(folder / "postgres")
        if postgres_folder != folder / "postgres" and not (folder / "postgres").is_symlink():
            # Its data lie elsewhere (see place): leave a sign.
            (folder / "postgres").symlink_to(postgres_folder)
        return cls(
            postgres=None
            if "DATABASE_URL" in environment
            else Postgres(directory=postgres_folder, log=logs / "postgres.log", settings=("max_connections=300",)),
            valkey=None if "REDIS_URL" in environment else Valkey(directory=folder / "valkey", log=logs / "valkey.log"),
            s3=None
            if "S3_ENDPOINT_URL" in environment
            else S3(directory=folder / "s3", log=logs / "s3.log", buckets=(BUCKET,)),
        )

    def start(self) -> dict[str, str]:
        """Start them on their ports, or on others where those are taken; answers the variables that lead to them."""
        found: dict[str, str] = {}
        if self.postgres:
            self.postgres.start(PORTS["postgres"])
            self.postgres.create_database(DATABASE)
            found["DATABASE_URL"] = self.postgres.url(DATABASE)
        if self.valkey:
            self.valkey.start(PORTS["valkey"])
            found["REDIS_URL"] = self.valkey.url()
        if self.s3:
            self.s3.start(PORTS["s3"])
            found |= {
                "S3_ENDPOINT_URL": self.s3.url,
                "S3_BUCKET": BUCKET,
                "S3_ACCESS_KEY": self.s3.access_key,
                "S3_SECRET_KEY": self.s3.secret_key,
            }
        return found

    def started(self) -> dict[str, Postgres | Valkey | S3]:
        """By name, in the order of their start."""
        named = {"postgres": self.postgres, "valkey": self.valkey, "s3": self.s3}
        return {name: server for name, server in named.items() if server and server.process}

    def processes(self) -> dict[str, Process]:
        return {name: server.process for name, server in self.started().items() if server.process}

    def restart(self, name: str) -> Process:
        """Start one again where it was: everybody knows it by that address. Raises ServerMoved when that is taken."""
        server = self.started()[name]
        before = server.port
        server.start(before)
        if server.port != before or server.process is None:
            raise ServerMoved(f"{name} ended, and its port {before} was taken in the meantime")
        return server.process

    def moved(self) -> list[str]:
        """Which were started on another port than their own, in words."""
        return [
            f"{name} listens on {server.port}, since {PORTS[name]} is taken"
            for name, server in self.started().items()
            if server.port != PORTS[name]
        ]

    def stop(self, say: Callable[[str], None]) -> None:
        """The last one first: Postgres goes when nobody writes any more."""
        for name, server in reversed(self.started().items()):
            say(f"stopping {name}")
            server.stop()
