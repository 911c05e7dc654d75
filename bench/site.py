"""The shipped product for a benchmark: throw-away servers with durable commits, and its own processes on them.

Loopback only. Everything is started in its own process group and ended in a `finally`; the folder goes with it.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg

from config.embedded import ports
from config.embedded.application import ROOT, process
from config.embedded.edge import edge
from config.embedded.postgres import Postgres, place
from config.embedded.processes import Process, stop_together
from config.embedded.s3 import S3
from config.embedded.valkey import Valkey

CREDITS = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Site:
    """Where everything is, and who may use it: one API key for each of the seeded organizations."""

    folder: Path
    environment: dict[str, str]
    postgres: Postgres
    valkey: Valkey
    s3: S3
    secrets: list[str]
    processes: dict[str, Process] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, name: str, *options: str) -> Process:
        """Start one of the Procfile's processes as it is shipped, with options more, and wait until it answers."""
        port = ports.choose() if name in {"web", "live"} else None
        child = process(name, self.environment, logs=self.folder, port=port)
        child.command[-1] = " ".join([child.command[-1], *options])
        child.start()
        self.processes[name] = child
        if port:
            self.ports[name] = port
            address = f"http://{ports.LOOPBACK}:{port}/readyz"
            if not child.comes_up(lambda: _answers(address), within_seconds=90):
                raise RuntimeError(f"{name} did not come up: {child.log.read_text()[-2_000:]}")
        elif not child.comes_up(lambda: " ready." in child.log.read_text(), within_seconds=90):
            raise RuntimeError(f"{name} did not come up: {child.log.read_text()[-2_000:]}")
        return child

    def start_edge(self, port: int) -> Process:
        """Start the edge before web and live, which run already."""
        child = edge(
            port=port,
            web=self.ports["web"],
            live=self.ports["live"],
            bucket=urlsplit(self.s3.url).netloc,
            state=self.folder / "edge",
            log=self.folder / "edge.log",
        )
        child.start()
        self.processes["edge"], self.ports["edge"] = child, port
        if not child.comes_up(lambda: _answers(f"http://{ports.LOOPBACK}:{port}/readyz"), within_seconds=30):
            raise RuntimeError(f"edge did not come up: {child.log.read_text()[-2_000:]}")
        return child

    def stop(self, *names: str) -> None:
        """End them; their database stays."""
        stop_together([self.processes.pop(name) for name in names if name in self.processes], grace_seconds=20)

    def sql(self, statement: str, *arguments: object) -> list[tuple[object, ...]]:
        """Run one statement, committed at once."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement, arguments or None)
            return cursor.fetchall() if cursor.description else []

    def figure(self, statement: str) -> int:
        """The one number a query gives."""
        return int(str(self.sql(statement)[0][0]))


@contextmanager
def site(*, organizations: int = 1_000) -> Iterator[Site]:
    """Servers up, schema migrated, organizations seeded; everything gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    cluster = place(folder / "postgres")
    # As Postgres comes: fsync and synchronous_commit on.
    postgres = Postgres(directory=cluster, log=folder / "postgres.log", settings=("max_connections=300",))
    valkey = Valkey(directory=folder / "valkey", log=folder / "valkey.log")
    s3 = S3(directory=folder / "s3", log=folder / "s3.log", buckets=("media",))
    running: Site | None = None
    try:
        for server in (postgres, valkey, s3):
            server.start()
        postgres.create_database("bench")
        environment = dict(os.environ) | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": postgres.url("bench"),
            "REDIS_URL": valkey.url(),
            "S3_ENDPOINT_URL": s3.url,
            "S3_ACCESS_KEY": s3.access_key,
            "S3_SECRET_KEY": s3.secret_key,
            "SECRET_KEY": secrets.token_urlsafe(40),
            "BASE_URL": "http://127.0.0.1",
            "ENVIRONMENT": "bench",
            "SANDBOX_FAULTS": "true",
            "STATIC_ROOT": str(folder / "static"),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "SPOOL_DIR": str(folder / "spool"),
        }
        (folder / "metrics").mkdir()
        manage(environment, "collectstatic", "--noinput", "--verbosity=0")
        manage(environment, "migrate", "--verbosity=0")
        manage(environment, "sync_catalog")
        seeded = manage(environment, "seed", "--json", f"--organizations={organizations}", f"--credits={CREDITS}")
        keys = [one["apiKey"] for one in json.loads(seeded)["organizations"]]
        running = Site(
            folder=folder,
            environment=environment,
            postgres=postgres,
            valkey=valkey,
            s3=s3,
            secrets=keys,
        )
        yield running
    finally:
        if running:
            running.stop(*running.processes)
        for server in (s3, valkey, postgres):
            server.stop()
        shutil.rmtree(cluster, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def manage(environment: dict[str, str], *command: str) -> str:
    """Run a management command on the site; returns what it printed."""
    answer = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise RuntimeError(f"manage.py {command[0]}: {answer.stderr[-2_000:]}")
    return answer.stdout


def _answers(address: str) -> bool:
    try:
        return httpx2.get(address, timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
