"""What ops/cdn/ gives: real nginx by the shipped configuration, in front of the real web and bucket."""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings

from config.embedded import ports
from config.embedded.application import ROOT
from config.embedded.processes import Process
from storage import object_store
from tests.passage import Passage
from tests.stack import FRONTEND
from tests.storage import readings
from tests.storage.readings import (
    CONTENT,
    ETAG_OF_ANOTHER,
    INVALID_RANGES,
    RANGES,
    SIZE,
    assert_part,
    assert_whole,
    differing,
    published,
    raw_get,
    stored,
)

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
SLICES = 3


@dataclass(slots=True, kw_only=True)
class CDN:
    """nginx, and the two that it asks, each behind a passage that counts."""

    base_url: str
    state: Path
    environment: dict[str, str]
    process: Process
    web: Passage
    bucket: Passage

    def link(self, key, content=CONTENT, **told):
        """As the API gives it, at this address."""
        return readings.link(key, content, **told).replace(settings.CDN_BASE_URL, self.base_url)


@pytest.fixture(scope="module")
def running_cdn(running_stack):
    if NGINX is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed; `make test` brings it (ops/nginx.sh)")
        pytest.skip("nginx is not installed; `make test` brings it (ops/nginx.sh)")
    # Its workers are not root, and must be let in.
    with tempfile.TemporaryDirectory(prefix="cdn-") as folder:
        state = Path(folder)
        state.chmod(0o711)
        port = ports.choose()
        to_web = Passage(f"{ports.LOOPBACK}:{running_stack.processes['web'].env['PORT']}")
        to_bucket = Passage(urlsplit(settings.S3_ENDPOINT_URL).netloc)
        environment = {
            "PATH": os.environ["PATH"],
            "CDN_BASE_URL": f"http://localhost:{port}",
            "CDN_LISTEN": f"{ports.LOOPBACK}:{port}",
            "CDN_WEB": f"{ports.LOOPBACK}:{to_web.port}",
            "CDN_STATE": str(state),
            "CDN_ACCESS_LOG": str(state / "access.log"),
            "S3_ENDPOINT_URL": f"http://{ports.LOOPBACK}:{to_bucket.port}",
            "FRONTEND_ORIGINS": f"{FRONTEND},https://other.example.com:8443",
        }
        nginx = started(environment, configured(environment))
        try:
            yield CDN(
                base_url=environment["CDN_BASE_URL"],
                state=state,
                environment=environment,
                process=nginx,
                web=to_web,
                bucket=to_bucket,
            )
        finally:
            nginx.stop(grace_seconds=0)
            to_web.close()
            to_bucket.close()


@pytest.fixture
def unlocked_cdn(cdn):
    """Another nginx before the same two, which lets every reader ask the bucket."""
    with tempfile.TemporaryDirectory(prefix="cdn-") as folder:
        state = Path(folder)
        state.chmod(0o711)
        port = ports.choose()
        environment = cdn.environment | {
            "CDN_BASE_URL": f"http://localhost:{port}",
            "CDN_LISTEN": f"{ports.LOOPBACK}:{port}",
            "CDN_STATE": folder,
            "CDN_ACCESS_LOG": "off",
        }
        text = configured(environment)
        assert text.count("proxy_cache_lock on;") == 2
        nginx = started(environment, text.replace("proxy_cache_lock on;", ""))
        yield replace(cdn, base_url=environment["CDN_BASE_URL"], state=state, environment=environment, process=nginx)
        nginx.stop(grace_seconds=0)


@pytest.fixture
def cdn(running_cdn, stack):
    for passage in (running_cdn.web, running_cdn.bucket):
        passage.failing = None
        passage.forget()
    return running_cdn


@pytest.fixture(scope="module")
def key():
    return stored()


@pytest.fixture
def url(cdn, key):
    return cdn.link(key)


def test_the_second_read_is_a_hit(cdn):
    # given
    key = stored()

    # when
    first, second = httpx2.get(cdn.link(key)), httpx2.get(cdn.link(key, filename="other.png"))

    # then
    assert_whole(first)
    assert_whole(second)
    assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("MISS", "HIT")
    assert [passed.headers["Range"] for passed in cdn.bucket.passed] == [
        "bytes=0-1048575",
        "bytes=1048576-2097151",
        "bytes=2097152-3145727",
    ]


def test_a_link_is_judged_once(cdn, key):
    url = cdn.link(key, filename=f"{uuid.uuid4()}.png")

    assert [httpx2.get(url, headers={"Range": "bytes=0-9"}).status_code for _ in range(3)] == [206] * 3
    assert [passed.path for passed in cdn.web.passed] == ["/edge/authorize"]


@pytest.mark.parametrize(("asked", "due"), RANGES.values(), ids=RANGES)
def test_a_part_is_delivered(url, asked, due):
    assert_part(httpx2.get(url, headers={"Range": asked}), due)


@pytest.mark.parametrize("asked", INVALID_RANGES.values(), ids=INVALID_RANGES)
def test_a_range_without_sense_is_passed_over_or_refused(url, asked):
    response = httpx2.get(url, headers={"Range": asked})

    assert_part(response, "whole" if response.status_code == 200 else "none")


@pytest.mark.parametrize(("asked", "due"), RANGES.values(), ids=RANGES)
def test_a_part_is_delivered_of_what_was_never_read(cdn, asked, due):
    assert_part(httpx2.get(cdn.link(stored()), headers={"Range": asked}), due)


def test_a_part_reads_only_the_slices_that_it_touches(cdn):
    key = stored()

    assert_part(httpx2.get(cdn.link(key), headers={"Range": "bytes=1048580-1048589"}), (1_048_580, 1_048_589))

    assert [passed.headers["Range"] for passed in cdn.bucket.passed] == ["bytes=1048576-2097151"]


def test_a_part_is_of_the_version_that_the_reader_has(url):
    etag = httpx2.head(url).headers["ETag"]
    asked = {"Range": "bytes=5-9"}

    assert_part(httpx2.get(url, headers=asked | {"If-Range": etag}), (5, 9))
    for other in (ETAG_OF_ANOTHER, f"W/{etag}", "Tue, 01 Jan 2030 00:00:00 GMT"):
        assert_whole(httpx2.get(url, headers=asked | {"If-Range": other}))


@pytest.mark.parametrize("is_known", [True, False], ids=["kept", "new"])
@pytest.mark.parametrize("sent", ["{}", "W/{}", '"x", {}', "*"])
def test_what_a_reader_has_is_not_sent_again(cdn, is_known, sent):
    # given
    key = stored()
    etag = f'"{readings.MD5}"'
    if is_known:
        httpx2.get(cdn.link(key))

    # when
    response = httpx2.get(cdn.link(key), headers={"If-None-Match": sent.format(etag)})

    # then
    assert (response.status_code, response.content) == (304, b"")
    whole = httpx2.get(cdn.link(key))
    for name in ("ETag", "Cache-Control", "Repr-Digest", "Vary"):
        assert response.headers[name] == whole.headers[name]


def test_conditions_that_hold_change_nothing(url):
    etag = httpx2.head(url).headers["ETag"]

    assert_whole(httpx2.get(url, headers={"If-None-Match": ETAG_OF_ANOTHER}))
    assert_whole(httpx2.get(url, headers={"If-Match": etag}))
    assert_whole(httpx2.get(url, headers={"If-Match": "*"}))
    assert_whole(httpx2.get(url, headers={"If-Unmodified-Since": "Tue, 01 Jan 2036 00:00:00 GMT"}))


@pytest.mark.parametrize("sent", [ETAG_OF_ANOTHER, "W/{}"])
def test_a_version_that_is_not_there_is_a_problem(url, sent):
    etag = httpx2.head(url).headers["ETag"]

    response = httpx2.get(url, headers={"If-Match": sent.format(etag)})

    assert_problem(response, 412, "precondition_failed")


def test_head_tells_what_get_tells_and_reads_one_slice(cdn):
    # given
    key = stored()

    # when
    told = httpx2.head(cdn.link(key))

    # then
    assert (told.status_code, told.content) == (200, b"")
    assert [passed.method for passed in cdn.bucket.passed] == ["GET"]
    url = cdn.link(key)
    got = httpx2.get(url)
    assert got.headers["Content-Length"] == str(SIZE)
    assert differing(httpx2.head(url), got) == set()


def test_what_a_browser_must_know_is_said_once(cdn, url):
    response = httpx2.get(url)

    headers = response.headers
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"] == 'inline; filename="cat.png"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"] == f'"{readings.MD5}"'
    assert headers["Repr-Digest"].startswith("sha-256=:")
    assert headers["Cache-Control"] == "private"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    told = {name.lower() for name, _ in headers.multi_items()}
    assert len(told) == len(headers.multi_items())
    assert not [name for name in told if "amz" in name or name.startswith("x-o")]
    assert "set-cookie" not in told
    assert headers["Server"] == "nginx"


def test_each_link_says_its_own_and_shares_the_bytes(cdn):
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    key = stored(svg, content_type="image/svg+xml")

    for content_type, told, disposition in (
        ("image/svg+xml", "image/svg+xml", 'attachment; filename="a.b"'),
        ("text/html", "application/octet-stream", 'attachment; filename="a.b"'),
        ("image/webp", "image/webp", 'inline; filename="a.b"'),
    ):
        response = httpx2.get(cdn.link(key, svg, content_type=content_type, filename="a.b"))
        assert response.content == svg
        assert (response.headers["Content-Type"], response.headers["Content-Disposition"]) == (told, disposition)
        assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert len(cdn.bucket.passed) == 1


def test_no_copy_outlives_the_link_though_the_answer_was_kept(cdn, key):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
    url = cdn.link(key, until=until)

    for _ in range(2):
        response = httpx2.get(url)
        assert response.headers["Cache-Control"] == "private"
        assert parsedate_to_datetime(response.headers["Expires"]) == until


def test_a_link_that_has_ended_is_refused_with_the_bytes_at_hand(cdn, key):
    """Both the yes and the bytes were kept; the link ends all the same."""
    # given
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    url = cdn.link(key, until=until)
    assert httpx2.get(url).status_code == 200

    # when
    while (response := httpx2.get(url, headers={"Range": "bytes=0-0"})).status_code == 206:
        assert datetime.now(UTC) < until + timedelta(seconds=2)
        time.sleep(0.05)

    # then
    assert_problem(response, 403, "link_refused")
    assert_problem(httpx2.get(cdn.link(key, until=until)), 403, "link_refused")


def test_a_link_that_was_changed_opens_nothing(cdn, key, url):
    httpx2.get(url)

    for wrong in (
        url.partition("?")[0],
        url.replace("image%2Fpng", "text%2Fplain"),
        url.replace("/o/", "/o//"),
        url[:-1] + "AB"[url[-1] == "A"],
        url + "&x=1",
    ):
        assert_problem(raw_get(wrong), 403, "link_refused")


def test_fifty_at_once_read_the_bucket_once(cdn):
    assert fifty_reads(cdn) == {CONTENT}

    assert len(cdn.bucket.passed) == SLICES
    assert len(cdn.web.passed) == 1


def test_without_the_lock_they_would_read_it_often(unlocked_cdn):
    """The control: what the test above sees is the lock's doing."""
    assert fifty_reads(unlocked_cdn) == {CONTENT}

    assert len(unlocked_cdn.bucket.passed) > SLICES
    assert len(unlocked_cdn.web.passed) > 1


def test_the_bucket_is_told_nothing_of_the_reader(cdn):
    httpx2.get(
        cdn.link(stored()), headers={"Cookie": "a=b", "Authorization": "Bearer x", "Origin": FRONTEND, "Referer": "x"}
    )

    for passed in (*cdn.bucket.passed, *cdn.web.passed):
        names = {name.lower() for name in passed.headers}
        assert names <= {"host", "range", "x-original-uri", "x-request-id"}


def test_a_public_object_needs_no_signature_and_is_kept(cdn):
    # given
    row = published()
    public = f"{cdn.base_url}/o/{row.object_key}"

    # when
    first, second = httpx2.get(public), httpx2.get(public)

    # then
    for response in (first, second):
        assert_whole(response)
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Content-Disposition"] == "inline"
        assert "Expires" not in response.headers
    assert second.headers["X-Cache"] == "HIT"
    assert len(cdn.web.passed) == 1
    assert_part(httpx2.get(public, headers={"Range": "bytes=-3"}), (SIZE - 3, SIZE - 1))
    assert_part(httpx2.get(public, headers={"Range": "bytes=99999999-"}), "none")


def test_what_was_never_public_is_not_there(cdn, key):
    for path in (f"public/{uuid.uuid4()}", f"public/../{key}", f"public/%2e%2e/{key}"):
        assert raw_get(f"{cdn.base_url}/o/{path}").status_code in (403, 404)
    assert cdn.bucket.passed == []


def test_an_empty_object_is_read(cdn):
    url = cdn.link(stored(b""), b"")

    response = httpx2.get(url)

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers.get_list("Content-Type") == ["image/png"]
    assert response.headers["Cache-Control"] == "private"
    assert httpx2.head(url).status_code == 200
    assert_part(httpx2.get(url, headers={"Range": "bytes=0-"}), "none", b"")


def test_what_is_not_there_is_a_problem_and_not_the_stores_words(cdn):
    row = published()
    object_store.delete(row.object_key)
    for missing in (
        cdn.link(f"blobs/{uuid.uuid4()}"),
        f"{cdn.base_url}/o/{row.object_key}",
        f"{cdn.base_url}/o/public/{uuid.uuid4()}",
    ):
        assert_problem(httpx2.get(missing), 404, "not_found")
    for path in ("/", "/edge/authorize", "/v1/models", "/o"):
        assert_problem(httpx2.get(cdn.base_url + path), 404, "not_found")


def test_a_request_that_cannot_be_read_is_a_problem(cdn):
    assert_problem(httpx2.get(f"{cdn.base_url}/o/{'x' * 40_000}"), 400, "bad_request")


def test_what_is_missing_is_looked_for_again(cdn):
    key = f"blobs/{uuid.uuid4()}"
    assert httpx2.get(cdn.link(key)).status_code == 404

    stored(key=key)

    assert_whole(httpx2.get(cdn.link(key)))


def test_a_bucket_that_is_away_is_a_problem_and_what_was_kept_is_still_read(cdn, key, url):
    # given
    assert_whole(httpx2.get(url))
    cdn.bucket.failing = 500

    # then
    assert_whole(httpx2.get(url))
    response = httpx2.get(cdn.link(stored()))
    assert_problem(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "1"


def test_web_that_is_away_is_a_problem_and_a_link_that_was_judged_is_still_good(cdn, key, url):
    # given
    assert_whole(httpx2.get(url))
    cdn.web.failing = 502

    # then
    assert_whole(httpx2.get(url))
    assert_problem(httpx2.get(cdn.link(key, filename=f"{uuid.uuid4()}.png")), 503, "unavailable")


def test_objects_are_for_reading(url):
    for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
        response = httpx2.request(method, url, content=b"x" * 5_000)

        assert_problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_page_of_the_frontend_may_read_what_it_needs(url):
    for origin in (FRONTEND, "https://other.example.com:8443"):
        response = httpx2.get(url, headers={"Origin": origin})
        refused = httpx2.get(url[:-1], headers={"Origin": origin})
        asked = httpx2.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "GET"})

        assert response.headers["Access-Control-Allow-Origin"] == origin
        exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
        assert {"ETag", "Content-Range", "Repr-Digest", "Accept-Ranges"} <= exposed
        assert response.headers["Vary"] == "Origin"
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (403, origin)
        assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, origin)
        assert asked.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
        assert "Range" in asked.headers["Access-Control-Allow-Headers"]


def test_a_page_of_another_origin_may_not(url):
    for origin in (f"{FRONTEND}.evil.example", "https://appXexample.com", "http://app.example.com", "null"):
        response = httpx2.get(url, headers={"Origin": origin})

        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"
        assert httpx2.options(url, headers={"Origin": origin}).status_code == 405


def test_what_is_purged_is_read_anew(cdn, key):
    # given
    purged, kept = stored(), stored()
    for one in (purged, kept):
        httpx2.get(cdn.link(one))
    cdn.bucket.forget()

    # when
    subprocess.run(["sh", ROOT / "ops/cdn/purge.sh", purged], env=cdn.environment, check=True)

    # then
    assert_whole(httpx2.get(cdn.link(purged)))
    assert len(cdn.bucket.passed) == SLICES
    assert httpx2.get(cdn.link(kept)).headers["X-Cache"] == "HIT"


def test_no_log_holds_a_link(cdn, url):
    httpx2.get(url)
    httpx2.get(url + "x")

    wait_for(lambda: "/o/blobs/" in (cdn.state / "access.log").read_text())
    for log in ("access.log", "nginx.log"):
        assert "signature=" not in (cdn.state / log).read_text()
        assert "X-Amz-Signature" not in (cdn.state / log).read_text()


@pytest.mark.parametrize(
    "wrong",
    [{"CDN_BASE_URL": ""}, {"CDN_WEB": ""}, {"CDN_WEB": "a:1;}"}, {"FRONTEND_ORIGINS": 'https://a"b'}],
    ids=str,
)
def test_a_configuration_that_cannot_be_is_not_written(cdn, wrong):
    answer = subprocess.run(
        ["sh", ROOT / "ops/cdn/configure.sh"], env=cdn.environment | wrong, capture_output=True, check=False
    )

    assert answer.returncode != 0
    assert answer.stdout == b""


def fifty_reads(cdn):
    """What fifty readers got of an object that nobody read before, the bucket waiting until all have asked."""
    url = cdn.link(stored())
    cdn.bucket.open.clear()
    cdn.web.open.clear()

    def read():
        with httpx2.Client(timeout=60) as client:
            response = client.get(url)
        assert response.status_code == 200
        return response.content

    with ThreadPoolExecutor(50) as threads:
        reads = [threads.submit(read) for _ in range(50)]
        wait_for(lambda: connections(cdn) >= 50)
        cdn.web.open.set()
        wait_for(lambda: cdn.bucket.passed)
        cdn.bucket.open.set()
        return {one.result() for one in reads}


def started(environment, text):
    """nginx by this configuration, once it answers."""
    state = Path(environment["CDN_STATE"])
    (state / "nginx.conf").write_text(text)
    nginx = Process(
        name="nginx",
        command=[NGINX, "-e", "stderr", "-c", str(state / "nginx.conf"), "-g", "daemon off;"],
        log=state / "nginx.log",
        cwd=state,
    ).start()
    port = urlsplit(environment["CDN_BASE_URL"]).port
    assert nginx.comes_up(lambda: ports.accepts(port), within_seconds=20), nginx.log.read_text()
    return nginx


def configured(environment):
    answer = subprocess.run(
        ["sh", ROOT / "ops/cdn/configure.sh"], env=environment, capture_output=True, text=True, check=True
    )
    return answer.stdout


def assert_problem(response, status, code):
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    assert response.json()["code"] == code
    assert response.json()["requestId"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    names = [name.lower() for name, _ in response.headers.multi_items()]
    assert len(names) == len(set(names))
    assert "content-disposition" not in names


def connections(cdn):
    """How many readers nginx holds a connection of, by the kernel's table: established, at its port, on its side."""
    port = f":{urlsplit(cdn.base_url).port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(port) and line.split()[3] == "01" for line in lines)


def wait_for(condition, *, seconds=20):
    assert ports.wait_until(condition, seconds=seconds, while_true=lambda: True)
