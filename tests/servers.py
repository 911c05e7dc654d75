"""The servers tests run on: started once by the process that starts the workers; each worker has its own corner.

Postgres starts from a copy of a cached cluster that holds the migrated template database, so that a run costs no
migration until one changes. `DATABASE_URL`, `REDIS_URL` and `S3_ENDPOINT_URL` name servers to use instead of ours.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import boto3
import psycopg
from psycopg import sql

from config.embedded import ports
from config.embedded.application import ROOT
from config.embedded.postgres import UNSAFE_BUT_QUICK, Postgres, place
from config.embedded.release import digest_of_files, digest_of_schema
from config.embedded.s3 import S3
from config.embedded.valkey import Valkey

TEMPLATE = "test_template"
POSTGRES_SETTINGS = (*UNSAFE_BUT_QUICK, "max_connections=300", "max_wal_size=1GB", "log_min_messages=fatal")
SETTINGS = {
    "ENVIRONMENT": "test",
    "SECRET_KEY": "only-for-tests-" + "0" * 40,
    "SANDBOX_FAULTS": "true",
    "LOG_LEVEL": "WARNING",
    # A busy machine is no outage; tests of one say how long is too long.
    "DOORBELL_TIMEOUT_SECONDS": "2",
}


class Servers:
    """What one test run started, under a folder that goes with it."""

    def __init__(self) -> None:
        self._cache = place(ROOT / ".data/test")
        self._cache.mkdir(parents=True, exist_ok=True)
        self._cache.chmod(0o711)
        self._sweep()
        self._run = Path(tempfile.mkdtemp(prefix="run-", dir=self._cache))
        self._run.chmod(0o711)
        self._alive = _lock(self._run / "alive")
        self._started: list[Postgres | Valkey | S3] = []

    def start(self) -> None:
        """Start what the environment does not name, and say in the environment where everything is."""
        # Where a worker finds it set, pytest-django reads the settings at once, and with them the template's address.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        os.environ.update(
            SETTINGS,
            TEST_RUN=secrets.token_hex(3),
            STATIC_ROOT=str(self._static_files()),
            SPOOL_DIR=str(self._run / "spool"),
        )
        os.environ.setdefault("BASE_URL", "http://localhost:1")
        if "REDIS_URL" not in os.environ:
            valkey = self._keep(Valkey(directory=self._run / "valkey", log=self._run / "valkey.log"))
            valkey.start()
            os.environ["REDIS_URL"] = valkey.url()
        if "S3_ENDPOINT_URL" not in os.environ:
            s3 = self._keep(S3(directory=self._run / "s3", log=self._run / "s3.log", buckets=("test",)))
            s3.start()
            os.environ |= {
                "S3_ENDPOINT_URL": s3.url,
                "S3_ACCESS_KEY": s3.access_key,
                "S3_SECRET_KEY": s3.secret_key,
            }
        if "DATABASE_URL" in os.environ:
            _migrate_given_server()
            return
        postgres = self._keep(self._copy_of_template())
        postgres.start()
        os.environ |= {"DATABASE_URL": postgres.url(TEMPLATE), "TEST_TEMPLATE": TEMPLATE}

    def stop(self) -> None:
        """End the servers at once: nothing in them is wanted any more."""
        for server in self._started:
            server.stop(grace_seconds=0)
        shutil.rmtree(self._run, ignore_errors=True)

    def _keep[Server: Postgres | Valkey | S3](self, server: Server) -> Server:
        self._started.append(server)
        return server

    def _copy_of_template(self) -> Postgres:
        with _locked(self._cache / "template.lock"):
            template = self._cache / f"template-{digest_of_schema()}"
            if not (template / "ready").exists():
                self._make_template(template)
            # `cp` keeps owner and mode, which Postgres insists on.
            subprocess.run(["cp", "-pR", template, self._run / "postgres"], check=True)
        return self._postgres(self._run / "postgres")

    def _make_template(self, template: Path) -> None:
        for old in self._cache.glob("template-*"):
            shutil.rmtree(old, ignore_errors=True)
        postgres = self._postgres(template)
        postgres.start()
        try:
            postgres.create_database(TEMPLATE)
            _migrate(postgres.url(TEMPLATE))
        finally:
            postgres.stop()
        (template / "ready").touch()

    def _postgres(self, directory: Path) -> Postgres:
        return Postgres(directory=directory, log=self._run / "postgres.log", settings=POSTGRES_SETTINGS)

    def _static_files(self) -> Path:
        """The collected files of the pages; made anew when ours or a package's changed."""
        with _locked(self._cache / "static.lock"):
            folder = self._cache / f"static-{digest_of_files('static/**/*', 'uv.lock')}"
            if not folder.exists():
                # Not a younger one: another run may be reading it.
                for old in self._cache.glob("static-*"):
                    if time.time() - old.stat().st_mtime > 3_600:
                        shutil.rmtree(old, ignore_errors=True)
                fresh = self._run / "static"
                _manage("collectstatic", "--no-input", "--verbosity=0", "--skip-checks", STATIC_ROOT=str(fresh))
                fresh.rename(folder)
        return folder

    def _sweep(self) -> None:
        """Remove the folders of runs that were killed."""
        for run in self._cache.glob("run-*"):
            try:
                lock = _lock(run / "alive", wait=False)
            except OSError:
                continue
            shutil.rmtree(run, ignore_errors=True)
            lock.close()


def enter(worker: str) -> None:
    """Give this process, worker `gw0`, `gw1` … or the only one, a database, a bucket and a Valkey number of its own."""
    name = f"test_{os.environ['TEST_RUN']}_{worker}"
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(os.environ["TEST_TEMPLATE"])
            )
        )
    os.environ["DATABASE_URL"] = url._replace(path=f"/{name}").geturl()
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
    bucket = os.environ["S3_BUCKET"] = name.replace("_", "-")
    boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT_URL"],
        aws_access_key_id=os.environ["S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_SECRET_KEY"],
        region_name=os.environ.get("S3_REGION", "us-east-1"),
    ).create_bucket(Bucket=bucket)
    # Where the edge of this worker's stack will listen, if a test asks for one: links carry it from the start.
    os.environ["BASE_URL"] = f"http://localhost:{ports.choose()}"
    os.environ["CDN_BASE_URL"] = os.environ["BASE_URL"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"


@cache
def database_beside(purpose: str) -> str:
    """Another database of this worker, made of the same template when it is first asked for; its name."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = f"{url.path.lstrip('/')}_{purpose}"
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(os.environ["TEST_TEMPLATE"])
            )
        )
    return name


def leave() -> None:
    """Drop the worker's databases, which matters where the server outlives the run."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = url.path.lstrip("/")
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as connection:
        for one in (name, f"{name}_committed", f"{name}_stack"):
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(one)))


def _migrate_given_server() -> None:
    """On a server that is not ours the template is a database named by its hash; others of the kind are left alone."""
    template = f"{TEMPLATE}_{digest_of_schema()}"
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [template])
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone() is None:
            fresh = f"{template}_{os.environ['TEST_RUN']}"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(fresh)))
            _migrate(url._replace(path=f"/{fresh}").geturl())
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(fresh), sql.Identifier(template))
            )
    os.environ["TEST_TEMPLATE"] = template


def _migrate(url: str) -> None:
    """The real migrations, SQL functions and triggers included, and the rate card, as a release does."""
    _manage("migrate", "--verbosity=0", "--skip-checks", DATABASE_URL=url)
    _manage("sync_catalog", "--skip-checks", DATABASE_URL=url)


def _manage(*command: str, **environment: str) -> None:
    placeholders = {"DATABASE_URL": "postgresql://localhost/none", "REDIS_URL": "redis://localhost:1/0"}
    answer = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=placeholders | os.environ | SETTINGS | {"BASE_URL": "http://localhost:1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(f"manage.py {command[0]} failed:\n{answer.stdout}{answer.stderr}")


def _lock(path: Path, *, wait: bool = True) -> IO[str]:
    """Hold a file lock until it is closed or we die."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _lock(path):
        yield
