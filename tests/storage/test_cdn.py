"""The CDN node that ships in ops/cdn, as a real nginx before the real bucket and the real web."""

import hashlib
import os
import shutil
import subprocess
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings

from config.embedded import ports
from config.embedded.processes import Process
from core import clock
from storage import delivery, object_store
from storage.models import Rendition
from tests.factories import BlobFactory
from tests.storage.pictures import picture

MIB = 1024**2
# Three slices, the last of them short.
LARGE = bytes(range(256)) * 10_000
ORIGIN = "https://app.example.com"

# Between the node and the bucket: tells of each read, and is slow enough for others to come meanwhile.
_COUNTER = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format read '$request_method $uri $http_range';
    server {{
        listen 127.0.0.1:{port};
        access_log {folder}/reads.log read;
        location / {{
            limit_rate 4m;
            proxy_set_header Host {bucket};
            proxy_pass http://{bucket};
        }}
    }}
    include {folder}/cdn.conf;
}}
"""


@dataclass(frozen=True)
class Node:
    """A node of the CDN, and what it read of the bucket."""

    base_url: str
    folder: Path

    def link(self, key, *, content_type="image/png", content=LARGE, seconds=60):
        until = clock.now() + timedelta(seconds=seconds)
        sha256 = hashlib.sha256(content).digest()
        link = delivery.link(key, content_type=content_type, filename="a.png", sha256=sha256, until=until)
        return link.replace(settings.CDN_BASE_URL, self.base_url)

    def get(self, url, **options):
        return httpx2.get(url, timeout=30, **options)

    def reads(self, key):
        lines = (self.folder / "reads.log").read_text().splitlines()
        return [line for line in lines if key in line]


@pytest.fixture(scope="module")
def nginx():
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not found and not os.environ.get("CI"):
        pytest.skip("there is no nginx on this machine")
    return found


@pytest.fixture
def node(nginx, stack, tmp_path):
    counter, port = ports.choose(), ports.choose()
    bucket = urlsplit(settings.S3_ENDPOINT_URL).netloc
    (tmp_path / "cdn.conf").write_text(
        subprocess.run(
            ["/bin/sh", str(settings.BASE_DIR / "ops/cdn/render.sh")],
            env={
                "PATH": os.environ["PATH"],
                "CDN_LISTEN": f"127.0.0.1:{port}",
                "CDN_APP": f"127.0.0.1:{stack.processes['web'].env['PORT']}",
                "CDN_APP_HOST": "localhost",
                "CDN_BUCKET": f"127.0.0.1:{counter}",
                "CDN_BUCKET_HOST": bucket,
                "CDN_BUCKET_SCHEME": "http",
                "CDN_CACHE_DIR": str(tmp_path),
                "CDN_CACHE_SIZE": "1g",
                "CDN_CORS_ORIGINS": r"https://app\.example\.com",
            },
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(_COUNTER.format(folder=tmp_path, port=counter, bucket=bucket))
    # Its workers give up root for an account that may not see a test's folder.
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    command = [nginx, "-p", str(tmp_path), "-c", str(configuration)]
    if os.geteuid() == 0:
        command += ["-g", "user root;"]
    process = Process(name="nginx", command=command, log=tmp_path / "nginx.log", cwd=tmp_path, env=dict(os.environ))
    process.start()
    base_url = f"http://127.0.0.1:{port}"
    try:
        assert process.comes_up(lambda: _answers(base_url), within_seconds=20), (tmp_path / "nginx.log").read_text()
        yield Node(base_url, tmp_path)
    finally:
        process.stop(grace_seconds=5)


@pytest.fixture
def key(file):
    return stored(file, LARGE)


def test_the_second_read_is_a_hit_and_the_bucket_is_asked_once_a_slice(node, key):
    first, second = node.get(node.link(key)), node.get(node.link(key, seconds=90))

    assert (first.status_code, first.content, first.headers["X-Cache"]) == (200, LARGE, "MISS")
    assert (second.status_code, second.content, second.headers["X-Cache"]) == (200, LARGE, "HIT")
    assert [line.rpartition(" ")[2] for line in node.reads(key)] == [
        "bytes=0-1048575",
        "bytes=1048576-2097151",
        "bytes=2097152-3145727",
    ]


def test_fifty_parallel_misses_read_the_bucket_once(node, file):
    content = LARGE[: MIB // 2]
    key = stored(file, content)
    links = [node.link(key, content=content, seconds=60 + number) for number in range(50)]

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(node.get, links))

    assert {(answer.status_code, hashlib.sha256(answer.content).digest()) for answer in answers} == {
        (200, hashlib.sha256(content).digest())
    }
    assert len(node.reads(key)) == 1


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1048570-1048580", 1_048_570, 1_048_581),
        ("bytes=2000000-", 2_000_000, len(LARGE)),
        ("bytes=-5", len(LARGE) - 5, len(LARGE)),
        ("bytes=10-99999999", 10, len(LARGE)),
    ],
)
def test_ranges_are_right(node, key, wanted, start, end):
    for _ in range(2):
        answer = node.get(node.link(key), headers={"Range": wanted})

        assert (answer.status_code, answer.content) == (206, LARGE[start:end])
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(LARGE)}"


@pytest.mark.parametrize("odd", ["bytes=abc", "bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=-0"])
def test_odd_ranges_give_the_whole_or_nothing(node, key, odd):
    answer = node.get(node.link(key), headers={"Range": odd})

    assert answer.status_code == 416 or answer.content in (LARGE, LARGE[0:2])


def test_a_range_beyond_the_end_is_refused(node, key):
    for _ in range(2):
        answer = node.get(node.link(key), headers={"Range": f"bytes={len(LARGE)}-"})

        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(LARGE)}"
        assert answer.json()["code"] == "range_not_satisfiable"


def test_conditions_are_kept(node, key):
    link = node.link(key)
    etag = node.get(link).headers["ETag"]
    assert etag.startswith('"')

    assert node.get(link, headers={"If-None-Match": etag}).status_code == 304
    assert node.get(link, headers={"If-None-Match": '"other"'}).status_code == 200
    assert node.get(link, headers={"If-Match": '"other"'}).status_code == 412
    assert node.get(link, headers={"If-Match": etag}).status_code == 200
    assert node.get(link, headers={"Range": "bytes=0-3", "If-Range": etag}).content == LARGE[:4]
    assert node.get(link, headers={"Range": "bytes=0-3", "If-Range": '"other"'}).content == LARGE


def test_every_header_a_reader_needs_is_there_and_none_of_the_store_s(node, key):
    answer = node.get(node.link(key), headers={"Origin": ORIGIN})

    headers = answer.headers
    assert headers.get_list("Content-Type") == ["image/png"]
    assert headers["Content-Length"] == str(len(LARGE))
    assert headers["Content-Disposition"] == 'inline; filename="a.png"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Repr-Digest"] == f"sha-256=:{b64encode(hashlib.sha256(LARGE).digest()).decode()}:"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    private, age, _ = headers["Cache-Control"].split(", ")
    assert private == "private"
    assert 50 <= int(age.removeprefix("max-age=")) <= 60
    assert not [name for name in headers if name.startswith(("x-amz", "seaweed"))]
    assert (
        "Access-Control-Allow-Origin"
        not in node.get(node.link(key), headers={"Origin": "https://evil.example"}).headers
    )
    assert (
        node.get(node.link(key, content_type="image/svg+xml")).headers["Content-Disposition"].startswith("attachment")
    )


def test_head_tells_what_get_would(node, key):
    got, head = node.get(node.link(key)), httpx2.head(node.link(key))

    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "ETag", "Content-Type", "Repr-Digest"):
        assert head.headers[name] == got.headers[name]


def test_what_is_not_signed_or_has_ended_is_refused(node, key):
    good = node.link(key)
    node.get(good)
    ended = node.link(key, seconds=-1)
    for wrong in (
        ended,
        good.partition("?")[0],
        good.replace("image%2Fpng", "text%2Fhtml"),
        good.replace("until=1", "until=2"),
        good.replace(key, "blobs/other"),
        good[:-3] + "abc",
        good + "&type=text%2Fhtml",
    ):
        answer = node.get(wrong)

        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
        assert answer.json()["code"] == "link_refused"
        assert answer.headers["Cache-Control"] == "no-store"


def test_what_ends_meanwhile_is_refused_although_the_copy_is_there(node, key):
    """The answer that was kept for the link ends with it."""
    link = node.link(key, seconds=2)
    assert node.get(link).status_code == 200

    deadline = clock.monotonic() + 10
    while (answer := node.get(link)).status_code == 200:
        assert clock.monotonic() < deadline
    assert answer.status_code == 403


def test_other_ways_lead_nowhere(node, key):
    assert httpx2.put(node.link(key), content=b"x").status_code == 405
    assert httpx2.delete(node.link(key)).status_code == 405
    for path in ("/", "/metrics", "/edge/authorize", "/_authorize", f"/{settings.S3_BUCKET}/{key}"):
        answer = node.get(node.base_url + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    preflight = httpx2.options(node.link(key), headers={"Origin": ORIGIN, "Access-Control-Request-Headers": "if-range"})
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)


def test_an_object_that_is_gone_is_a_problem(node):
    answer = node.get(node.link("blobs/nothing"))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_public_copy_needs_no_signature_and_may_be_kept(node, file):
    content = picture(64, 48)
    key = stored(file, content, folder="public")
    blob = BlobFactory()
    Rendition.objects.create(
        blob=blob,
        variant="public",
        state="ready",
        object_key=key,
        content_type="image/png",
        sha256=hashlib.sha256(content).digest(),
    )

    answer = node.get(f"{node.base_url}/o/{key}")

    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert node.get(f"{node.base_url}/o/public/other").status_code == 403


def stored(file, content, *, folder="test"):
    key = f"{folder}/{hashlib.sha256(os.urandom(8)).hexdigest()}"
    object_store.put_file(file(content), key, content_type="image/png", sha256=hashlib.sha256(content).digest())
    return key


def _answers(base_url):
    try:
        return httpx2.get(f"{base_url}/healthz").status_code == 204
    except httpx2.HTTPError:
        return False
