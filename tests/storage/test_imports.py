"""Old libraries: what a file holds becomes assets, once, whatever happens meanwhile; what cannot is told exactly."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import StringIO
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.embedded.application import ROOT
from storage import assets, blobs
from storage.models import Asset, Blob
from tests import servers
from tests.core.internet import Internet, answering
from tests.factories import EntitlementFactory
from tests.relay import Relay
from tests.storage.libraries import data_url, library, line
from tests.storage.pictures import picture

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def imported(organization, tmp_path):
    """A function that imports lines and returns the report of the command, its failures included."""

    def run(lines, **options):
        path, report = tmp_path / "old.jsonl", tmp_path / "report.json"
        library(path, lines)
        exit_code = 0
        try:
            call_command(
                "import_data_urls",
                str(path),
                organization=organization.pk,
                report=report,
                stdout=StringIO(),
                stderr=StringIO(),
                **options,
            )
        except CommandError as error:
            exit_code = error.returncode
        return json.loads(report.read_text()) | {"exit": exit_code}

    return run


def counts(report):
    return {name: report[name] for name in ("read", "imported", "duplicates", "skipped", "failed")}


def test_lines_become_assets_with_all_that_they_say(imported, organization, owner, bucket):
    # given
    content = picture()
    told = {
        "id": 17,
        "prompt": "a cat\u0000 on a mat",
        "model": "dall-e-2",
        "operation": "generate",
        "createdAt": "2023-04-01T12:00:00+02:00",
        "tags": ["cats", "cats", " mats "],
        "filename": "cat.png",
    }

    # when
    report = imported([line(content, **told)], user=owner.email)

    # then
    assert counts(report) == {"read": 1, "imported": 1, "duplicates": 0, "skipped": 0, "failed": 0}
    assert (report["bytes"], report["exit"], report["failures"]) == (len(content), 0, [])
    asset = Asset.objects.select_related("blob").get(organization=organization)
    assert (asset.import_key, asset.prompt, asset.model) == ("17", "a cat on a mat", "dall-e-2")
    assert (asset.operation, asset.tags, asset.filename) == ("generate", ["cats", "mats"], "cat.png")
    assert asset.created_at == datetime(2023, 4, 1, 10, tzinfo=UTC)
    assert (asset.user_id, asset.status, asset.blob.width) == (owner.pk, "ready", 32)
    assert bucket.read(asset.blob.object_key) == content
    assert owner.api.get(f"/v1/assets/{asset.pk}").json()["sha256"] == hashlib.sha256(content).hexdigest()


# Beyond what is parsed as text, and not a multiple of anything.
LARGE = picture(400, 331, seed=5)


@pytest.mark.parametrize("content", [picture(), LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "written",
    [
        lambda content: json.dumps(line(content)).encode(),
        lambda content: json.dumps({"dataUrl": data_url(content)}).encode(),
        lambda content: json.dumps({"image": data_url(content)}).encode() + b"\r",
        lambda content: json.dumps(line(content)).replace("/", "\\/").encode(),
        lambda content: json.dumps(line(content)).replace("+", "\\u002b").encode(),
        lambda content: (
            json.dumps({"url": data_url(content).replace("/", "_").replace("+", "-")})
            .replace("image_png", "image/png")
            .encode()
        ),
        lambda content: json.dumps({"url": data_url(content).rstrip("=")}).encode(),
        lambda content: json.dumps({"url": "data:image/png;base64," + base64.encodebytes(content).decode()}).encode(),
        lambda content: json.dumps({"url": "DATA:image/png;BASE64," + quote(data_url(content)[22:], safe="")}).encode(),
        lambda content: json.dumps({"url": "data:image/png," + quote(content)}).encode(),
        lambda content: b"\xef\xbb\xbf" + json.dumps(line(content)).encode(),
    ],
    ids=[
        "plain",
        "dataUrl",
        "image-crlf",
        "php",
        "escapes",
        "base64url",
        "unpadded",
        "folded",
        "percent",
        "unencoded",
        "bom",
    ],
)
def test_every_spelling_is_read(imported, organization, bucket, written, content):
    report = imported([written(content)])

    assert report["imported"] == 1, report
    asset = Asset.objects.select_related("blob").get(organization=organization)
    assert bucket.read(asset.blob.object_key) == content


def test_the_library_shows_what_was_imported_by_its_age(imported, api):
    # given
    years = (2021, 1965, 2023)
    lines = [line(picture(seed=year), id=str(year), createdAt=f"{year}-06-01T00:00:00Z") for year in years]

    # when
    assert imported([*lines, line(picture(), id="today")])["imported"] == 4

    # then
    def created(**parameters):
        return [asset["createdAt"][:4] for asset in api.get("/v1/assets", parameters).json()["data"]]

    assert created()[1:] == ["2023", "2021", "1965"]
    assert created(until="2022-01-01T00:00:00Z") == ["2021", "1965"]
    assert created(until="1966-01-01T00:00:00Z") == ["1965"]
    assert created(since="2021-01-01T00:00:00Z", until="2024-01-01T00:00:00Z", kind="image") == ["2023", "2021"]


def test_what_was_imported_expires_as_the_plan_says_from_then_on(organization, tmp_path):
    # given
    EntitlementFactory(organization=organization, retention_days=30)
    path, told = tmp_path / "old.jsonl", StringIO()
    library(path, [line(picture(), createdAt="2020-01-01T00:00:00Z")])

    # when
    call_command("import_data_urls", str(path), organization=organization.pk, stdout=told)

    # then
    expires_at = Asset.objects.get(organization=organization).expires_at
    assert timedelta(0) <= timezone.now() + timedelta(days=30) - expires_at < timedelta(minutes=1)
    assert "each expires 30 days after it was imported" in told.getvalue()


def test_names_and_tags_are_tidied_as_the_api_does(imported, organization):
    imported([line(picture(), filename="../../a\r\nb\u202e.png", tags=["Sea", "sea", "a\nb", "\u0000"])])

    asset = Asset.objects.get(organization=organization)
    assert (asset.filename, asset.tags) == ("ab.png", ["Sea", "ab"])


def test_a_second_run_takes_nothing_twice(imported, organization):
    # given
    lines = [line(picture(seed=1), id="a"), line(picture(seed=2)), line(picture(seed=3), id="c")]
    imported(lines[:2])
    kept = set(Asset.objects.filter(organization=organization).values_list("pk", flat=True))

    # when
    report = imported([*lines, b"", b"  "])

    # then
    assert counts(report) == {"read": 3, "imported": 1, "duplicates": 0, "skipped": 2, "failed": 0}
    assert kept < set(Asset.objects.filter(organization=organization).values_list("pk", flat=True))


def test_the_same_bytes_are_stored_once_and_counted(imported, organization):
    # given
    content = picture(seed=4)

    # when
    report = imported([line(content, id=f"n{number}") for number in range(12)], workers=6)

    # then
    assert counts(report) == {"read": 12, "imported": 1, "duplicates": 11, "skipped": 0, "failed": 0}
    assert Asset.objects.filter(organization=organization).count() == 12
    assert Blob.objects.get(organization=organization, state="living").references == 12


def test_one_name_in_two_lines_is_one_asset(imported, organization):
    # given
    same, other = line(picture(seed=6), id="x"), line(picture(seed=7), id="x")

    # when
    report = imported([same, same, same, same], workers=4)
    again = imported([same, other])

    # then
    assert counts(report) == {"read": 4, "imported": 1, "duplicates": 0, "skipped": 3, "failed": 0}
    assert counts(again) == {"read": 2, "imported": 0, "duplicates": 0, "skipped": 1, "failed": 1}
    assert again["failures"] == [
        {"line": 2, "id": "x", "code": "id_taken", "detail": "Another picture was imported under this id."}
    ]
    assert Asset.objects.filter(organization=organization).count() == 1


def test_what_was_deleted_since_stays_deleted(imported, organization):
    lines = [line(picture(seed=8), id="gone")]
    imported(lines)
    assets.delete(organization.pk, Asset.objects.get(organization=organization).pk)

    assert imported(lines)["skipped"] == 1
    assert not Asset.objects.filter(organization=organization, deleted_at=None).exists()


CUT = picture(seed=9)[:1000]


@pytest.mark.parametrize(
    ("bad", "name", "code"),
    [
        (b"not json", None, "malformed_line"),
        (b'{"id": "open", "url": "data:image/png;base64,AAAA', None, "malformed_line"),
        (b'["data:image/png;base64,AAAA"]', None, "malformed_line"),
        (b'{"url": "\xff"}', None, "malformed_line"),
        (b"[" * 100_000, None, "malformed_line"),
        ({"id": {"a": 1}, "url": data_url(b"x")}, None, "malformed_line"),
        ({"id": "n", "prompt": "no picture"}, "n", "no_url"),
        ({"id": "n", "url": "ftp://example.com/a.png"}, "n", "no_url"),
        ({"id": "n", "url": "x" * 100_000}, "n", "no_url"),
        ({"id": "n", "url": "example.com/" + "a" * 100}, "n", "no_url"),
        ({"id": "n", "url": base64.b64encode(picture(8, 8)).decode()}, "n", "bare_base64"),
        ({"id": "n", "image": base64.urlsafe_b64encode(picture(300, 300)).decode()}, "n", "bare_base64"),
        ({"id": "n", "url": "https://10.0.0.1/a.png"}, "n", "address_refused"),
        ({"id": "n", "url": "data:image/png;base64"}, "n", "malformed_data_url"),
        ({"id": "n", "url": "data:image/png;base64,A"}, "n", "malformed_base64"),
        ({"id": "n", "url": "data:image/png;base64,****"}, "n", "malformed_base64"),
        ({"id": "n", "url": "data:image/png;base64,AA==AAAA"}, "n", "malformed_base64"),
        ({"id": "n", "url": "data:image/png;base64,"}, "n", "not_an_image"),
        ({"id": "n", "url": data_url(b"<svg/>", "image/svg+xml")}, "n", "not_an_image"),
        ({"id": "n", "url": data_url(CUT)}, "n", "truncated_image"),
        ({"id": "n", "url": data_url(CUT), "createdAt": "soon"}, "n", "malformed_line"),
        ({"id": "n", "url": data_url(CUT), "prompt": 7}, "n", "malformed_line"),
        ({"id": "n", "url": data_url(CUT), "prompt": "x" * 70_000}, "n", "malformed_line"),
        ({"id": "n", "url": data_url(CUT), "tags": "cat"}, "n", "malformed_line"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_goes_in(imported, organization, bad, name, code):
    # when
    report = imported([line(picture(seed=10), id="first"), b"", bad, line(picture(seed=11), id="last")])

    # then
    assert counts(report) == {"read": 3, "imported": 2, "duplicates": 0, "skipped": 0, "failed": 1}
    (failure,) = report["failures"]
    assert (failure["line"], failure["id"], failure["code"]) == (3, name, code)
    assert " " in failure["detail"]
    assert (report["exit"], report["failedByCode"]) == (1, {code: 1})
    assert Asset.objects.filter(organization=organization).count() == 2


def test_a_line_beyond_the_bound_is_told(imported, settings):
    settings.IMPORT_LINE_MAX_BYTES = 1000

    report = imported([line(LARGE, id="long"), line(picture(2, 2, seed=12), id="short")])

    assert counts(report) == {"read": 2, "imported": 1, "duplicates": 0, "skipped": 0, "failed": 1}
    assert report["failures"][0]["code"] == "line_too_long"


def test_a_long_line_keeps_memory_constant(imported, settings):
    """60 MB of a picture that turns out to be none: all of the way but the bucket."""
    settings.UPLOAD_MAX_BYTES = 64 * 1024**2
    content = data_url(b"\0" * (45 * 1024**2)).replace("A", "\\/", 3).encode()
    lines = [b'{"id": "long", "url": "' + content + b'"}']
    del content
    tracemalloc.start()

    report = imported(lines, workers=1)

    # The line itself is in memory here, once as it is written.
    assert tracemalloc.get_traced_memory()[1] - sum(len(one) for one in lines) < 12 * 1024**2
    tracemalloc.stop()
    assert report["failedByCode"] == {"not_an_image": 1}


def test_addresses_are_read_by_way_of_the_guard(imported, organization, bucket, tmp_path, monkeypatch):
    # given
    content = picture(seed=13)
    internet = Internet(tmp_path)
    monkeypatch.setattr("socket.getaddrinfo", internet.getaddrinfo)
    monkeypatch.setattr("socket.create_connection", internet.create_connection)
    monkeypatch.setenv("SSL_CERT_FILE", str(internet.authority_path))
    site = internet.site(answering(content))
    lines = [
        {"id": "there", "url": "https://files.example.com/a.png"},
        {"id": "no such name", "url": "https://gone.example.com/a.png"},
        {"id": "inner", "url": "https://127.0.0.1/a.png"},
    ]

    # when
    first, second = imported(lines, workers=1), imported(lines, workers=1)

    # then
    assert counts(first) == {"read": 3, "imported": 1, "duplicates": 0, "skipped": 0, "failed": 2}
    assert counts(second) == {"read": 3, "imported": 0, "duplicates": 0, "skipped": 1, "failed": 2}
    assert [(one["id"], one["code"]) for one in first["failures"]] == [
        ("no such name", "fetch_failed"),
        ("inner", "address_refused"),
    ]
    assert first["failures"][0]["detail"].endswith("(reason name)")
    assert len(site.requests) == 1
    asset = Asset.objects.select_related("blob").get(organization=organization)
    assert bucket.read(asset.blob.object_key) == content
    internet.close()


def test_a_bucket_that_is_away_stops_the_run_and_the_next_goes_on(imported, organization, bucket_at, settings):
    # given
    relay = Relay(settings.STORAGES["default"]["OPTIONS"]["endpoint_url"])
    bucket_at(relay.port)
    relay.down()
    lines = [line(picture(seed=20 + number), id=str(number)) for number in range(8)]

    # when
    stopped = imported(lines, workers=1)
    relay.up()
    report = imported(lines)

    # then
    assert (stopped["stopped"], stopped["failedByCode"]) == ("store_unavailable", {"store_unavailable": 5})
    assert counts(report) == {"read": 8, "imported": 8, "duplicates": 0, "skipped": 0, "failed": 0}
    relay.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"user": "stranger@example.com"}, "is no member"), ({"organization": "0" * 32}, "no organization")],
)
def test_nobody_elses_library_is_written_to(organization, tmp_path, options, words):
    path = library(tmp_path / "old.jsonl", [line(picture())])

    with pytest.raises(CommandError, match=words):
        call_command("import_data_urls", str(path), **{"organization": organization.pk} | options)

    assert not Asset.objects.filter(organization=organization).exists()


def start_import(path, organization):
    """The command in a process of its own, on the same rows and bucket."""
    address = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + servers.database_beside("committed")
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_data_urls", path, f"--organization={organization.pk}", "--workers=2"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_assets(organization, process, count):
    deadline = time.monotonic() + 60
    while Asset.objects.filter(organization=organization).count() < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def pictures():
    """So many that a run is seen to be under way long before it ends."""
    return {f"old-{number}": picture(64, 64, seed=1000 + number) for number in range(300)}


def test_a_run_that_is_killed_is_taken_up_exactly(imported, organization, pictures, tmp_path, bucket):
    # given
    lines = [line(content, id=name) for name, content in pictures.items()]
    killed = start_import(library(tmp_path / "killed.jsonl", lines), organization)
    wait_for_assets(organization, killed, 5)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = Asset.objects.filter(organization=organization).count()
    assert 5 <= before < len(lines)

    # when
    report = imported(lines)

    # then: counts add up
    assert counts(report) == {
        "read": len(lines), "imported": len(lines) - before, "duplicates": 0, "skipped": before, "failed": 0,
    }  # fmt: skip
    # and every asset is what its line held
    found = Asset.objects.filter(organization=organization).select_related("blob")
    assert {asset.import_key: bucket.read(asset.blob.object_key) for asset in found} == pictures
    # and what the dead process left is gone after the sweep
    promised = Blob.objects.filter(organization=organization, state="promised")
    left = set(promised.values_list("object_key", flat=True))
    promised.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    blobs.sweep()
    assert not left & bucket.keys()
    assert Blob.objects.filter(organization=organization).count() == len(lines)


def test_an_interrupt_ends_cleanly(organization, pictures, tmp_path):
    # given
    lines = [line(content, id=name) for name, content in pictures.items()]
    running = start_import(library(tmp_path / "old.jsonl", lines), organization)
    wait_for_assets(organization, running, 5)

    # when
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)

    # then: what it says is what there is
    done = Asset.objects.filter(organization=organization).count()
    assert running.returncode == 130
    assert out.startswith(f"{done} read: {done} imported, 0 duplicates")
    assert "Traceback" not in err
    assert not Blob.objects.filter(organization=organization).exclude(state="living").exists()
