"""A file of gigabytes through each process that takes files: how much it grows, and whether every hash is the same.

In by `POST /v1/assets` (edge, live), in as a provider's result at an address (worker), and out by a signed link (edge).
The hash that was taken while the bytes went through, the store's own checksum, what the link's `Repr-Digest` says and
the hash of what is read by it must be the file's. Growth is by process, over what it held at rest after a small file
went the same way; the store's server is measured too, and is not ours to bound.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.client import drain
from bench.growth import EVERY_SECONDS, Growth, settle
from bench.machine import measured
from bench.recordings import CONTENT_TYPE, MIB, Recording, record
from bench.results import Burst, Result
from bench.site import Site
from bench.transfers import BUCKET, Door, address, s3_pid, store
from config.embedded import ports

GROWTH_BOUND_MB = 64
_SMALL_BYTES = 12 * MIB
_JOB_SECONDS = 900


@dataclass(slots=True, kw_only=True)
class Host:
    """A provider's server of results: one file, at every address."""

    url: str
    path: Path


@contextmanager
def host_of_results(path: Path) -> Iterator[Host]:
    """On the loopback, for as long as the block lasts; the file may change meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with host.path.open("rb") as file:
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(host.path.stat().st_size))
                self.end_headers()
                self.wfile.flush()
                self.connection.sendfile(file)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((ports.LOOPBACK, 0), Handler)
    host = Host(url=f"http://{ports.LOOPBACK}:{server.server_port}/result.wav", path=path)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()


def run(site: Site, host: Host, *, gigabytes: float) -> list[Result]:
    """Each way once: it is a bound that holds or does not, and no figure of speed."""
    size_bytes = int(gigabytes * 1024) * MIB
    door = Door(base_url=address(site), secret=site.secrets[0])
    path = site.folder / "large.wav"
    host.path = path
    trees = {name: child.pid for name, child in site.processes.items()} | {"s3": s3_pid(site)}
    ways: dict[str, Callable[[Recording], dict[str, Any]]] = {
        "upload": door.upload,
        "result": partial(_by_a_job, door),
    }
    for send in ways.values():
        send(record(path, _SMALL_BYTES))
    results = []
    for name, send in ways.items():
        recording = record(path, size_bytes)
        settle()
        asset, burst = _watched(trees, partial(send, recording), recording)
        result = Result(bench="memory", contender=name, params=_params(size_bytes))
        result.add(_with_errors(burst, _wrong_hashes(site, asset, recording)))
        results.append(result)
    # A link ends within minutes, and this one is only now to be read.
    link = door.get(f"/v1/assets/{asset['id']}")["url"]
    drain(door.upload(record(site.folder / "small.wav", _SMALL_BYTES))["url"])
    settle()
    answer, burst = _watched(trees, partial(drain, link, hashed=True), recording)
    errors = {
        f"{answer.sha256} is the hash of what is read": answer.sha256 == recording.sha256,
        f"Repr-Digest is {answer.headers['Repr-Digest']}": answer.headers["Repr-Digest"] == recording.repr_digest,
    }
    result = Result(bench="memory", contender="download", params=_params(size_bytes))
    result.add(_with_errors(burst, [wrong for wrong, is_right in errors.items() if not is_right]))
    return [*results, result]


def _watched[T](trees: dict[str, int], work: Callable[[], T], recording: Recording) -> tuple[T, Burst]:
    began = time.monotonic()
    with Growth(trees) as growth:
        answer, usage = measured(trees, work)
    values = {
        "mb_s": round(recording.size_bytes / 1e6 / (time.monotonic() - began), 1),
        **growth.values(),
        **{f"{name}_cpu_s": round(spent, 1) for name, spent in usage.cpu_seconds.items() if spent >= 0.1},
        "foreign_cores": usage.foreign_cores,
    }
    grown = [
        f"{name} grew by {values[f'{name}_growth_mb']} MB"
        for name in trees
        if name != "s3" and values[f"{name}_growth_mb"] >= GROWTH_BOUND_MB
    ]
    return answer, Burst(values=values, errors=grown, is_quiet=usage.is_quiet)


def _with_errors(burst: Burst, errors: list[str]) -> Burst:
    return Burst(values=burst.values, errors=[*burst.errors, *errors], is_quiet=burst.is_quiet)


def _wrong_hashes(site: Site, asset: dict[str, Any], recording: Recording) -> list[str]:
    """Where the hash of the file, the one taken in flight, the store's and the link's differ."""
    (row,) = site.sql(
        "SELECT b.object_key FROM storage_asset a JOIN storage_blob b ON b.id = a.blob_id WHERE a.id = %s", asset["id"]
    )
    head = store(site).head_object(Bucket=BUCKET, Key=str(row[0]), ChecksumMode="ENABLED")
    found = {
        "taken in flight": (asset["sha256"], recording.sha256),
        "of the store": (head.get("ChecksumSHA256"), recording.store_checksum),
        "in the size": (head["ContentLength"], recording.size_bytes),
    }
    return [f"the hash {what} is {is_} instead of {should}" for what, (is_, should) in found.items() if is_ != should]


def _by_a_job(door: Door, recording: Recording) -> dict[str, Any]:
    """A job whose provider leaves the recording at its address; the asset that the worker made of it."""
    wanted = {"operation": "magic-prompt", "model": "sandbox/v1", "input": {"prompt": "a long song"}}
    job = door.post("/v1/jobs", json.dumps(wanted).encode(), expect=202).json()
    deadline = time.monotonic() + _JOB_SECONDS
    while job["status"] in {"queued", "running"} and time.monotonic() < deadline:
        time.sleep(0.1)
        job = door.get(f"/v1/jobs/{job['jobId']}")
    if job["status"] != "succeeded":
        raise RuntimeError(f"the job is {job['status']}: {job.get('error')}")
    asset: dict[str, Any] = job["output"]["assets"][0]
    return asset


def _params(size_bytes: int) -> dict[str, Any]:
    return {"gib": round(size_bytes / 2**30, 2), "bound_mb": GROWTH_BOUND_MB, "every_ms": int(EVERY_SECONDS * 1000)}
