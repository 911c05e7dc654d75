"""Bytes in and out, beside boto3 that does no more than that with the same store: MB/s of the same files in turn.

What a client of ours waits for is counted whole: `POST /v1/assets` answers when the bytes were hashed, decoded and
stored; a presigned upload ends with the answer to its completion, and `ready_mb_s` counts until its asset is ready.
Hashes that a client must know beforehand are made outside the clock. After each upload the hash that the API tells is
compared with the file's, and after each download the size.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import boto3

from bench.client import Answer, ask, drain, send_file
from bench.links import Signing
from bench.machine import measured
from bench.recordings import CONTENT_TYPE, MIB, Recording, record
from bench.results import Burst, Result
from bench.scale import Files
from bench.site import Site

# How many parts of a presigned upload a client sends at once; boto3 takes ten.
_PARTS_AT_ONCE = 4
_TRIES = 2
_READY_SECONDS = 120
BUCKET = "media"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Seconds until the client had its answer, and until the asset was ready; and the hash that was told of it."""

    seconds: float
    ready_seconds: float
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The product as one organization's client reaches it: by the edge, with a key."""

    base_url: str
    secret: str

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def get(self, path: str) -> Any:
        return ask("GET", f"{self.base_url}{path}", expect=200, headers=self.key).json()

    def read(self, path: str) -> None:
        """As `get`, and nothing is made of the answer."""
        ask("GET", f"{self.base_url}{path}", expect=200, headers=self.key)

    def post(self, path: str, body: bytes, *, expect: int) -> Answer:
        headers = {**self.key, "Content-Type": "application/json"}
        return ask("POST", f"{self.base_url}{path}", expect=expect, headers=headers, body=body)

    def upload(self, recording: Recording) -> dict[str, Any]:
        """One streamed request; the asset as it is answered."""
        headers = {**self.key, "Content-Type": CONTENT_TYPE}
        return send_file("POST", f"{self.base_url}/v1/assets", recording.path, expect=201, headers=headers).json()


def store(site: Site) -> Any:
    """boto3 as anybody would make it."""
    return boto3.client(
        "s3",
        endpoint_url=site.s3.url,
        aws_access_key_id=site.s3.access_key,
        aws_secret_access_key=site.s3.secret_key,
        region_name="us-east-1",
    )


def direct(door: Door, recording: Recording) -> Sent:
    """`POST /v1/assets`."""
    began = time.monotonic()
    asset = door.upload(recording)
    seconds = time.monotonic() - began
    return Sent(seconds=seconds, ready_seconds=seconds, sha256=asset["sha256"])


def presigned(door: Door, recording: Recording) -> Sent:
    """`POST /v1/uploads`, then one PUT or its parts, then its completion."""
    began = time.monotonic()
    wanted = {"contentType": CONTENT_TYPE, "size": recording.size_bytes, "sha256": recording.sha256}
    upload = door.post("/v1/uploads", json.dumps(wanted).encode(), expect=201).json()
    if "url" in upload:
        send_file("PUT", upload["url"], recording.path, expect=200, headers=upload["headers"])
    else:
        with ThreadPoolExecutor(_PARTS_AT_ONCE) as threads:
            list(threads.map(partial(_send_part, recording, upload["parts"][0]["size"]), upload["parts"]))
    answer = ask(
        "POST",
        f"{door.base_url}/v1/uploads/{upload['id']}/complete",
        expect=(200, 202),
        headers={**door.key, "Content-Length": "0"},
    )
    seconds, asset = time.monotonic() - began, answer.json()
    while asset["status"] == "pending":
        if time.monotonic() - began > _READY_SECONDS:
            raise TimeoutError(f"upload {upload['id']} is not looked at")
        time.sleep(0.02)
        asset = door.get(f"/v1/assets/{asset['id']}")
    return Sent(seconds=seconds, ready_seconds=time.monotonic() - began, sha256=asset["sha256"] or "")


def put_object(client: Any, recording: Recording) -> Sent:
    """boto3, in one PUT."""
    began = time.monotonic()
    with recording.path.open("rb") as file:
        client.put_object(Bucket=BUCKET, Key=f"raw/{uuid4()}", Body=file, ContentType=CONTENT_TYPE)
    return _sent_raw(began, recording)


def upload_fileobj(client: Any, recording: Recording) -> Sent:
    """boto3, in parts where the file is large."""
    began = time.monotonic()
    with recording.path.open("rb") as file:
        client.upload_fileobj(file, BUCKET, f"raw/{uuid4()}", ExtraArgs={"ContentType": CONTENT_TYPE})
    return _sent_raw(began, recording)


def uploads(site: Site, files: Files, *, rounds: int) -> list[Result]:
    """Each size by each way, in turn."""
    client = store(site)
    results: list[Result] = []
    doors = [Door(base_url=address(site), secret=secret) for secret in site.secrets]
    ways: dict[str, Callable[[Door, Recording], Sent]] = {
        "direct": direct,
        "presigned": presigned,
        "put_object": lambda _, recording: put_object(client, recording),
        "upload_fileobj": lambda _, recording: upload_fileobj(client, recording),
    }
    trees = {name: child.pid for name, child in site.processes.items()} | {"s3": s3_pid(site)}
    for mib, count in files.uploads:
        of_size = {name: Result(bench="upload", contender=name, params={"mib": mib, "files": count}) for name in ways}
        # The first round is to warm up, with small files alone.
        for number in range(0 if results else -1, rounds):
            for name, send in ways.items():
                # One organization for each burst: none comes near the limit of its plan.
                door = doors[(number + 1) % len(doors)]
                burst = _burst(site, trees, partial(send, door), mib=mib, count=count)
                if number >= 0:
                    of_size[name].add(burst)
        for name in ("direct", "presigned"):
            for raw in ("put_object", "upload_fileobj"):
                of_size[name].compare(of_size[raw], "mb_s")
        results += of_size.values()
    return results


def downloads(site: Site, files: Files, signing: Signing, *, rounds: int) -> list[Result]:
    """One object by the edge's signed link, by the bucket's own, and by boto3, in turn."""
    client = store(site)
    results: list[Result] = []
    door = Door(base_url=address(site), secret=site.secrets[0])
    trees = {name: child.pid for name, child in site.processes.items()} | {"s3": s3_pid(site)}
    for mib, count in files.uploads:
        recording = record(site.folder / "recording.wav", mib * MIB)
        asset = door.upload(recording)
        key = str(
            site.sql("SELECT object_key FROM storage_blob WHERE sha256 = decode(%s, 'hex')", asset["sha256"])[0][0]
        )
        by_store = signing.sign("s3", key, recording, seconds=0)["link"]
        ways: dict[str, Callable[[str], int]] = {
            "edge": _read_link,
            "presigned": lambda _: _read_link(by_store),  # noqa: B023
            "get_object": lambda _: _read_raw(client, key),  # noqa: B023
        }
        of_size = {name: Result(bench="download", contender=name, params={"mib": mib, "files": count}) for name in ways}
        for number in range(0 if results else -1, rounds):
            for name, read in ways.items():
                # Links end within minutes.
                link = door.get(f"/v1/assets/{asset['id']}")["url"]
                burst = _read_burst(trees, partial(read, link), size_bytes=recording.size_bytes, count=count)
                if number >= 0:
                    of_size[name].add(burst)
        for name in ("edge", "presigned"):
            of_size[name].compare(of_size["get_object"], "mb_s")
        results += of_size.values()
    return results


def address(site: Site) -> str:
    """Where the edge is."""
    return f"http://127.0.0.1:{site.ports['edge']}"


def s3_pid(site: Site) -> int:
    assert site.s3.process
    return site.s3.process.pid


def _burst(site: Site, trees: dict[str, int], send: Callable[[Recording], Sent], *, mib: int, count: int) -> Burst:
    """Some files one after the other, again while others disturb it; the last is kept and marked."""
    for _ in range(_TRIES):
        recordings = [record(site.folder / f"recording-{n}.wav", mib * MIB) for n in range(count)]
        sent, usage = measured(trees, lambda: [send(recording) for recording in recordings])  # noqa: B023
        if usage.is_quiet:
            break
    megabytes = mib * MIB * count / 1e6
    values = {
        "mb_s": round(megabytes / sum(each.seconds for each in sent), 1),
        "ready_mb_s": round(megabytes / sum(each.ready_seconds for each in sent), 1),
        **{f"{name}_cpu_s": round(spent, 2) for name, spent in usage.cpu_seconds.items() if spent >= 0.01},
        "foreign_cores": usage.foreign_cores,
    }
    wrong = [
        f"the hash of {one.path.name} is told as {told.sha256}"
        for one, told in zip(recordings, sent, strict=True)
        if told.sha256 != one.sha256
    ]
    return Burst(values=values, errors=wrong, is_quiet=usage.is_quiet)


def _read_burst(trees: dict[str, int], read: Callable[[], int], *, size_bytes: int, count: int) -> Burst:
    for _ in range(_TRIES):
        began = time.monotonic()
        sizes, usage = measured(trees, lambda: [read() for _ in range(count)])
        seconds = time.monotonic() - began
        if usage.is_quiet:
            break
    values = {
        "mb_s": round(size_bytes * count / 1e6 / seconds, 1),
        **{f"{name}_cpu_s": round(spent, 2) for name, spent in usage.cpu_seconds.items() if spent >= 0.01},
        "foreign_cores": usage.foreign_cores,
    }
    errors = [f"{size} bytes came instead of {size_bytes}" for size in sizes if size != size_bytes]
    return Burst(values=values, errors=errors, is_quiet=usage.is_quiet)


def _send_part(recording: Recording, part_bytes: int, part: dict[str, Any]) -> None:
    with recording.path.open("rb") as file:
        file.seek((part["partNumber"] - 1) * part_bytes)
        content = file.read(part["size"])
    ask("PUT", part["url"], expect=(200,), body=content, headers=part["headers"])


def _sent_raw(began: float, recording: Recording) -> Sent:
    seconds = time.monotonic() - began
    return Sent(seconds=seconds, ready_seconds=seconds, sha256=recording.sha256)


def _read_link(link: str) -> int:
    return drain(link).size_bytes


def _read_raw(client: Any, key: str) -> int:
    body = client.get_object(Bucket=BUCKET, Key=key)["Body"]
    return sum(len(chunk) for chunk in body.iter_chunks(MIB))
