"""`manage.py storage_check`: a good store passes, and each thing that can be wrong is said in words."""

import json
from datetime import timedelta
from email.utils import format_datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core import clock
from storage import store_check
from storage.store_trial import CONTENT
from tests.storage.fault_proxy import Answer, refusal

FAR = "https://app.example.com"


@pytest.fixture(autouse=True)
def no_cdn(settings):
    """The edge of the tests' stack does not run here."""
    settings.CDN_BASE_URL = ""


@pytest.fixture(autouse=True)
def old_links_end_at_once(monkeypatch):
    monkeypatch.setattr(store_check, "_EXPIRY_SECONDS", 4)


def checked():
    """What the command said, by check, and whether it exited well."""
    out, is_well = StringIO(), True
    try:
        call_command("storage_check", json=True, stdout=out)
    except CommandError as error:
        assert error.returncode == 1  # noqa: PT017
        is_well = False
    report = json.loads(out.getvalue())
    assert report["ok"] == is_well
    return {check["name"]: check for check in report["checks"]}


def test_the_embedded_bucket_can_be_used(own_bucket):
    # when
    checks = checked()

    # then
    assert {name: check["level"] for name, check in checks.items() if check["level"] != "ok"} == {
        "lifecycle": "warning"
    }
    assert list(checks) == [
        "settings", "reach", "put", "head", "overwrite", "wrong hash", "multipart", "leftovers", "ranges",
        "conditions", "signed link", "signed upload", "strangers", "cdn", "cors", "lifecycle", "versions", "delete",
    ]  # fmt: skip
    assert own_bucket.keys() == set()
    assert own_bucket.open_multiparts() == []


def test_it_reads_as_words(own_bucket):
    out = StringIO()

    call_command("storage_check", stdout=out)

    lines = out.getvalue().splitlines()
    assert "ok        ranges          Ranges from the start, to the end and of the last bytes; 416 beyond." in lines
    assert "warning   lifecycle       No lifecycle rule ends uploads that were begun and left." in lines


@pytest.mark.parametrize(
    ("integrity", "words"),
    [("md5", "Bytes that do not fit their hash (md5) are refused."), ("none", "S3_INTEGRITY is none: bytes damaged")],
)
def test_other_integrities_are_checked_as_they_are(own_bucket, settings, integrity, words):
    settings.S3_INTEGRITY, settings.S3_CONDITIONAL_WRITES = integrity, False

    checks = checked()

    assert checks["wrong hash"]["detail"].startswith(words)
    assert "failed" not in {check["level"] for check in checks.values()}


# Faults that end everything: nothing after them is tried.
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (refusal(403, "AccessDenied"), "The store does not allow it."),
        (refusal(403, "InvalidAccessKeyId"), "The store does not know the access key."),
        (refusal(403, "SignatureDoesNotMatch"), "The store finds our signature wrong."),
        (refusal(403, "RequestTimeTooSkewed"), "Our clock is too far from the store's."),
        (refusal(404, "NoSuchBucket"), "There is no such bucket."),
        (refusal(400, "AuthorizationHeaderMalformed"), "The store wants another region."),
        (refusal(500, "InternalError"), "The store is out of order (500)."),
        (refusal(503, "SlowDown"), "The store is asked too often."),
        (Answer(502), "The store is out of order (502)."),
        ("drop", "The connection broke"),
    ],
    ids=lambda case: case if isinstance(case, str) else None,
)
def test_a_store_that_cannot_be_used_is_told_why(faults, fault, words):
    faults.script = lambda asked: fault

    checks = checked()

    assert list(checks) == ["settings", "reach"]
    assert (checks["reach"]["level"], checks["reach"]["detail"][: len(words)]) == ("failed", words)
    assert checks["reach"]["advice"]


def test_nothing_at_the_address(own_bucket, bucket_at, unused_tcp_port):
    bucket_at(unused_tcp_port)

    assert checked()["reach"]["detail"] == "Nothing answers at the store's address."


@pytest.mark.parametrize(("minutes", "level"), [(2, "warning"), (20, "failed")])
def test_a_clock_that_is_wrong(faults, minutes, level):
    late = format_datetime(clock.now() - timedelta(minutes=minutes), usegmt=True)
    empty = b"<ListBucketResult></ListBucketResult>"
    faults.script = lambda asked: (
        Answer(200, empty, {"Date": late}) if asked.operation == "list-type" and "max-keys" in asked.query else None
    )

    check = checked()["reach"]

    assert check["level"] == level
    assert check["detail"].startswith("Our clock and the store's are 1")
    assert "time service" in check["advice"]


TAKEN = Answer(200, b"", {"ETag": '"x"'})


def put_of(name):
    return lambda asked: asked.operation == "put" and asked.path.endswith(name)


# What is wrong, which requests tell it, how they are answered, and what is said then.
FAULTS = {
    "knows no condition": (
        lambda asked: asked.operation == "put" and "if-none-match" in asked.headers,
        refusal(501, "NotImplemented"),
        ("put", "failed", "Set S3_CONDITIONAL_WRITES=false or S3_INTEGRITY=md5"),
    ),
    "takes no writes": (
        lambda asked: asked.operation == "put",
        refusal(403, "AccessDenied"),
        ("put", "failed", "Give the key the rights of docs/storage.md."),
    ),
    "overwrites": (
        lambda asked: put_of("/object")(asked) and int(asked.headers["content-length"]) == len(b"other"),
        TAKEN,
        ("overwrite", "warning", "overwrites an object"),
    ),
    "takes damaged bytes": (put_of("/damaged"), TAKEN, ("wrong hash", "failed", "Try S3_INTEGRITY=md5")),
    "takes damaged parts": (
        lambda asked: asked.operation == "part" and int(asked.headers["content-length"]) == len(b"damaged"),
        TAKEN,
        ("multipart", "warning", "a part that does not fit"),
    ),
    "knows no parts": (
        lambda asked: asked.operation == "begin_parts",
        refusal(501, "NotImplemented"),
        ("multipart", "failed", "CreateMultipartUpload"),
    ),
    "lists no leftovers": (
        lambda asked: asked.operation == "list_parts",
        Answer(200, b"<ListMultipartUploadsResult></ListMultipartUploadsResult>"),
        ("leftovers", "warning", "leftovers cannot be found"),
    ),
    "tells another type": (
        lambda asked: asked.operation == "head" and asked.path.endswith("/object"),
        Answer(200, b"", {"Content-Type": "text/html", "Content-Length": "1", "ETag": '"x"'}),
        ("head", "failed", "another size, type or metadata"),
    ),
    "knows no ranges": (
        lambda asked: "range" in asked.headers,
        Answer(200, CONTENT),
        ("ranges", "failed", "cannot be resumed"),
    ),
    "knows no 416": (
        lambda asked: asked.headers.get("range") == f"bytes={len(CONTENT)}-",
        Answer(200, CONTENT),
        ("ranges", "warning", "answered by 200, not by 416"),
    ),
    "knows no 304": (
        lambda asked: asked.method == "GET" and "if-none-match" in asked.headers,
        Answer(200, CONTENT),
        ("conditions", "warning", "200 instead of 304"),
    ),
    "refuses signed links": (
        lambda asked: asked.method == "GET" and "X-Amz-Signature" in asked.query,
        refusal(403, "SignatureDoesNotMatch"),
        ("signed link", "failed", "S3_ADDRESSING_STYLE"),
    ),
    "ignores the type of a link": (
        lambda asked: "response-content-type" in asked.query,
        Answer(200, CONTENT, {"Content-Type": "text/html"}),
        ("signed link", "failed", "a page could run there"),
    ),
    "ignores what was changed": (
        lambda asked: "b.txt" in str(asked.query),
        Answer(200, CONTENT),
        ("signed link", "failed", "that was changed still works"),
    ),
    "knows no end of links": (
        lambda asked: asked.query.get("X-Amz-Expires") == ["1"],
        Answer(200, CONTENT),
        ("signed link", "failed", "works after its end"),
    ),
    "refuses presigned uploads": (
        put_of("/uploaded"),
        refusal(400, "InvalidArgument"),
        ("signed upload", "failed", "Set S3_INTEGRITY"),
    ),
    "takes any size": (put_of("/longer"), TAKEN, ("signed upload", "warning", "of another size")),
    "takes any bytes": (
        lambda asked: put_of("/typed")(asked) or put_of("/other")(asked),
        TAKEN,
        ("signed upload", "warning", "of another type and of other bytes"),
    ),
    "is open to read": (
        lambda asked: asked.method == "GET" and asked.path.endswith("/object") and not asked.query,
        Answer(200, CONTENT),
        ("strangers", "failed", "Anybody may read an object"),
    ),
    "is open to list": (
        lambda asked: asked.operation == "list-type" and "authorization" not in asked.headers,
        Answer(200, b"<ListBucketResult></ListBucketResult>"),
        ("strangers", "failed", "Anybody may list the bucket"),
    ),
    "lets no page upload": (
        lambda asked: asked.operation == "preflight",
        Answer(403),
        ("cors", "warning", "http://localhost"),
    ),
    "ends uploads by a rule": (
        lambda asked: asked.operation == "lifecycle",
        Answer(
            200,
            b"<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><Prefix/></Filter>"
            b"<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>"
            b"</AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>",
        ),
        ("lifecycle", "ok", "are ended by a rule"),
    ),
    "deletes by age": (
        lambda asked: asked.operation == "lifecycle",
        Answer(
            200,
            b"<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><Prefix/></Filter>"
            b"<Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>",
        ),
        ("lifecycle", "failed", "assets would lose their bytes"),
    ),
    "tells no rules": (
        lambda asked: asked.operation == "lifecycle",
        refusal(403, "AccessDenied"),
        ("lifecycle", "warning", "cannot be read (AccessDenied)"),
    ),
    "keeps versions": (
        lambda asked: asked.operation == "versioning",
        Answer(200, b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
        ("versions", "warning", "NoncurrentVersionExpiration"),
    ),
    "deletes nothing": (
        lambda asked: asked.operation == "delete" and asked.path.endswith("/object"),
        Answer(204),
        ("delete", "failed", "still there"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_in_words(faults, monkeypatch, fault):
    # given: the check that it is about, for each takes its time
    is_met, answer, (name, level, words) = FAULTS[fault]
    about = {one: check for one, check in store_check._CHECKS.items() if one == name}
    monkeypatch.setattr(store_check, "_CHECKS", about)
    faults.script = lambda asked: answer if is_met(asked) else None

    # when
    check = checked()[name]

    # then
    assert check["level"] == level, check
    assert words in f"{check['detail']} {check['advice']}"


def test_a_cdn_that_does_not_pass_on_is_told(settings, faults, monkeypatch):
    # given
    settings.CDN_BASE_URL = f"http://localhost:{faults.port}"
    monkeypatch.setattr(store_check, "_CHECKS", {"cdn": store_check._CHECKS["cdn"]})
    answers = iter([refusal(403, "SignatureDoesNotMatch"), Answer(200, CONTENT)])
    faults.script = lambda asked: next(answers) if asked.headers["host"] == f"localhost:{faults.port}" else None

    # then
    assert checked()["cdn"]["detail"].startswith("By way of the CDN a link is answered by 403")
    assert checked()["cdn"]["detail"] == "The CDN sends everything where a range was asked for."


@pytest.mark.parametrize(
    ("name", "value", "level", "words"),
    [
        ("S3_INTEGRITY", "crc32", "failed", "S3_INTEGRITY is 'crc32'."),
        ("S3_CHECKSUM_MODE", "always", "failed", "S3_CHECKSUM_MODE is 'always'."),
        ("S3_CHECKSUM_MODE", "when_supported", "warning", "Many stores that are not AWS refuse checksums"),
        ("S3_SECRET_KEY", None, "failed", "Only one of S3_ACCESS_KEY and S3_SECRET_KEY is set."),
        ("CDN_BASE_URL", "http://cdn.example.com", "warning", "CDN_BASE_URL is not https"),
    ],
)
def test_settings_that_cannot_be_are_told(own_bucket, settings, bucket_at, unused_tcp_port, name, value, level, words):
    bucket_at(unused_tcp_port)
    setattr(settings, name, value)

    check = checked()["settings"]

    assert check["level"] == level
    assert check["detail"].startswith(words)
