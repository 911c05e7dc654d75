"""Signed links per second: made in one process by each signer, and asked for over HTTP beside the bare query.

`GET /v1/assets/{id}/content` authenticates, looks the asset up, signs and leads there. What stands beside it reads the
same row by its key, on one connection and with nothing around it.
"""

import json
import math
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.machine import measured
from bench.recordings import Recording
from bench.results import Burst, Result
from bench.scale import Files
from bench.site import Site
from bench.timing import timed
from config.embedded import ports
from config.embedded.application import ROOT

LOAD = Path(__file__).parent / "load"
SIGNERS = ("edge", "s3", "cloudfront")
_ROW = """
SELECT a.id, a.filename, b.object_key, b.content_type, b.size_bytes, b.sha256
FROM storage_asset a JOIN storage_blob b ON b.id = a.blob_id
WHERE a.id = %s AND a.organization_id = %s AND a.deleted_at IS NULL AND a.status = 'ready'
  AND (a.expires_at IS NULL OR a.expires_at > now())
"""


def run(
    site: Site, files: Files, signing: "Signing", recording: Recording, *, asset_id: str, rounds: int
) -> list[Result]:
    """Every signer in this order, then the ways over HTTP, in turn."""
    key, organization = site.sql(
        "SELECT b.object_key, a.organization_id::text FROM storage_asset a JOIN storage_blob b ON b.id = a.blob_id"
        " WHERE a.id = %s",
        asset_id,
    )[0]
    signers = {name: Result(bench="links", contender=name, params={"signed": "in process"}) for name in SIGNERS}
    address = f"http://{ports.LOOPBACK}:{site.ports['web']}/v1/assets/{asset_id}/content"
    over_http = {
        count: Result(bench="links", contender="project", params={"signed": "over HTTP", "c": count})
        for count in files.connections
    }
    bare = Result(bench="links", contender="select", params={"c": 1})
    trees = {"web": site.processes["web"].pid, "postgres": postgres_pid(site)}
    wrk(address, site.secrets[0], connections=16, seconds=1)
    for _ in range(rounds):
        for name, result in signers.items():
            signed = signing.sign(name, str(key), recording, seconds=files.seconds)
            result.add(Burst(values={"links_s": round(signed["links_s"])}))
        for count, result in over_http.items():
            work = partial(wrk, address, site.secrets[0], connections=count, seconds=math.ceil(files.seconds))
            result.add(burst(trees, work))
        with psycopg.connect(site.environment["DATABASE_URL"], autocommit=True) as connection:
            query = partial(read, connection, _ROW, (asset_id, organization))
            bare.add(burst({"postgres": trees["postgres"]}, partial(timed, query, seconds=files.seconds)))
    for result in over_http.values():
        result.compare(bare, "rps")
    return [*signers.values(), *over_http.values(), bare]


def wrk(address: str, secret: str, *, connections: int, seconds: int) -> dict[str, float]:
    """A burst of GETs. Raises RuntimeError where one was refused."""
    answer = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", LOAD / "get.lua", address],
        env=dict(os.environ) | {"KEY": secret},
        capture_output=True,
        text=True,
        check=True,
    )
    values: dict[str, float] = json.loads(re.findall(r"^\{.*\}$", answer.stdout, re.MULTILINE)[0])
    if values.pop("refused") or values.pop("errors"):
        raise RuntimeError(f"refused or broken: {answer.stdout[-500:]}")
    return values


def read(connection: psycopg.Connection, statement: str, arguments: tuple[object, ...]) -> None:
    """All rows of a prepared statement."""
    connection.execute(statement, arguments, prepare=True).fetchall()


def burst(trees: dict[str, int], work: partial[dict[str, float]]) -> Burst:
    """What a burst measured and what it cost."""
    values, usage = measured(trees, work)
    requests = max(values["requests"], 1)
    cpu = {f"{name}_cpu_ms": round(spent / requests * 1_000, 3) for name, spent in usage.cpu_seconds.items()}
    return Burst(values=values | cpu | {"foreign_cores": usage.foreign_cores}, is_quiet=usage.is_quiet)


def postgres_pid(site: Site) -> int:
    assert site.postgres.process
    return site.postgres.process.pid


class Signed(TypedDict):
    """What was signed, and how fast."""

    links_s: float
    link: str


class Signing:
    """A process of Django's that signs one link after the other; ended with the block."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, LOAD / "links.py"],
            cwd=ROOT,
            env=self._site.environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        address = self._site.environment["CDN_BASE_URL"]
        key = {"CLOUDFRONT_KEY_ID": "KBENCH", "CLOUDFRONT_PRIVATE_KEY": _private_key()}
        self._settings = {
            "edge": {"DELIVERY_SIGNER": "edge", "CDN_BASE_URL": address},
            # The bucket's own address, with nothing before it.
            "s3": {"DELIVERY_SIGNER": "s3", "CDN_BASE_URL": ""},
            "cloudfront": {"DELIVERY_SIGNER": "cloudfront", "CDN_BASE_URL": address, **key},
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def sign(self, signer: str, key: str, recording: Recording, *, seconds: float) -> Signed:
        """One link, and how many were signed in a second for as long as was asked for."""
        asked = {
            "seconds": seconds,
            "key": key,
            "size": recording.size_bytes,
            "sha256": recording.sha256,
            "settings": self._settings[signer],
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: Signed = json.loads(self._process.stdout.readline())
        return answer


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()
