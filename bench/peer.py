"""The stack this product is compared with, built beforehand in a folder of its own (`--peer DIR`)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.site import Site
from config.embedded import ports
from config.embedded.postgres import binaries_for
from config.embedded.processes import Process
from config.embedded.valkey import Valkey

KEYS = 1_000
BODY = (
    '{"model":"image-1","params":{"prompt":"a lighthouse at dusk, oil on canvas","width":1024,"height":1024,"seed":7}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A running process of the peer."""

    port: int
    process: Process
    valkey_url: str


@contextmanager
def running(folder: Path, site: Site, program: str) -> Iterator[Peer]:
    """`dist/<program>.js` with a database of its own on the site's Postgres, and a Valkey without a password."""
    _load_schema(folder, site)
    valkey = Valkey(directory=site.folder / "peer-valkey", log=site.folder / "peer-valkey.log", password="")
    port = ports.choose()
    process: Process | None = None
    try:
        valkey.start()
        process = _start(folder, site, program, port, valkey.url())
        yield Peer(port=port, process=process, valkey_url=valkey.url())
    finally:
        if process:
            process.stop(grace_seconds=5)
        valkey.stop()


def _start(folder: Path, site: Site, program: str, port: int, valkey_url: str) -> Process:
    environment = dict(os.environ) | {
        "NODE_ENV": "production",
        "PORT": str(port),
        "SQL": "multi",
        "DATABASE_URL": site.postgres.url("peer"),
        "REDIS_URL": valkey_url,
    }
    process = Process(
        name=f"peer-{program}",
        command=["node", f"dist/{program}.js"],
        log=site.folder / f"peer-{program}.log",
        cwd=folder,
        env=environment,
    )
    process.start()
    if not process.comes_up(lambda: ports.accepts(port), within_seconds=30):
        process.stop(grace_seconds=5)
        raise RuntimeError(f"the peer did not come up: {process.log.read_text()[-1_000:]}")
    return process


def _load_schema(folder: Path, site: Site) -> None:
    site.postgres.create_database("peer")
    psql = binaries_for(site.postgres.directory) / "psql"
    subprocess.run([psql, site.postgres.url("peer"), "-qf", folder / "schema.sql"], check=True, capture_output=True)
