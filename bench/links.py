"""Signed links per second: made in one process by each signer, and asked for over HTTP beside the bare query.

`GET /v1/assets/{id}/content` authenticates, looks the asset up, signs and leads there. What stands beside it reads the
same row by its key, on one connection and with nothing around it.
"""

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

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


def run(site: Site, files: Files, recording: Recording, *, asset_id: str, rounds: int) -> list[Result]:
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
            found = _signed(site, name, str(key), recording, seconds=files.seconds)
            result.add(Burst(values={"links_s": round(float(found["links_s"]))}))
        for count, result in over_http.items():
            work = partial(wrk, address, site.secrets[0], connections=count, seconds=files.seconds)
            result.add(burst(trees, work))
        with psycopg.connect(site.environment["DATABASE_URL"], autocommit=True) as connection:
            query = partial(read, connection, _ROW, (asset_id, organization))
            bare.add(burst({"postgres": trees["postgres"]}, partial(timed, query, seconds=files.seconds)))
    for result in over_http.values():
        result.compare(bare, "rps")
    return [*signers.values(), *over_http.values(), bare]


def signed_by_store(site: Site, key: str, recording: Recording) -> str:
    """The bucket's own link to an object, as the product signs it for where there is no edge."""
    return _signed(site, "s3", key, recording, seconds=0)["link"]


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


def _signed(site: Site, signer: str, key: str, recording: Recording, *, seconds: float) -> dict[str, str]:
    environment = site.environment | {"PYTHONPATH": str(ROOT), "DELIVERY_SIGNER": signer}
    if signer == "s3":
        # The bucket's own address, with nothing before it.
        environment["CDN_BASE_URL"] = ""
    if signer == "cloudfront":
        environment |= {"CLOUDFRONT_KEY_ID": "KBENCH", "CLOUDFRONT_PRIVATE_KEY": _private_key()}
    answer = subprocess.run(
        [sys.executable, LOAD / "links.py", str(seconds), key, str(recording.size_bytes), recording.sha256],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(f"{signer} does not sign: {answer.stderr[-2_000:]}")
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form).decode()
