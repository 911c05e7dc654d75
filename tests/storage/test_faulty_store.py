"""A store that fails in every way there is: clear answers, nothing half-visible, nothing left after the sweep."""

import uuid
from datetime import UTC, datetime

import pytest
from botocore.config import Config

from storage import blobs, object_store, tasks
from storage.bucket import Bucket
from storage.exceptions import StoreUnavailable
from storage.models import Asset, Blob
from tests.storage.fault_proxy import Answer, refusal
from tests.storage.pictures import picture

SMALL = picture(seed=601)
# More than one part, so it goes to the bucket while it arrives.
LARGE = picture(2100, 1700, seed=602, compress_level=0)
FAULTS = {
    "500": refusal(500, "InternalError"),
    "503": refusal(503, "SlowDown"),
    "502 without words": Answer(502),
    "403": refusal(403, "AccessDenied"),
    "dropped": "drop",
    "dropped half-way": "halfway",
    "silent": "hang",
}


@pytest.fixture
def heal(faults, bucket_at, monkeypatch):
    """A function that makes the store well again; until then a silent one is given up on sooner than in production."""
    is_broken = True
    in_production = Bucket.get_default_settings
    quick = Config(read_timeout=1, retries={"total_max_attempts": 2, "mode": "standard"})

    def bounds(self):
        found = in_production(self)
        return found | {"client_config": found["client_config"].merge(quick)} if is_broken else found

    def heal():
        nonlocal is_broken
        is_broken = False
        faults.script = lambda asked: None
        bucket_at(faults.port)

    monkeypatch.setattr(Bucket, "get_default_settings", bounds)
    bucket_at(faults.port)
    return heal


@pytest.fixture
def nothing_left(organization, own_bucket):
    """A function: once the sweep has run, the bucket holds what the rows name, and nothing else."""

    def check():
        Blob.objects.filter(state="promised").update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
        tasks.sweep()
        assert own_bucket.keys() == set(Blob.objects.filter(state="living").values_list("object_key", flat=True))
        assert own_bucket.open_multiparts() == []
        assert not Blob.objects.exclude(state="living").exists()

    return check


def upload(api, content):
    return api.post("/v1/assets", content, content_type="image/png")


def assert_clearly_unavailable(answer):
    assert answer.status_code == 503, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "store_unavailable"
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("content", "operation"),
    [(SMALL, "put"), (LARGE, "begin_parts"), (LARGE, "part"), (LARGE, "finish_parts")],
    ids=["one put", "begin parts", "a part", "finish parts"],
)
def test_an_upload_is_whole_or_not_there(api, faults, heal, nothing_left, content, operation, fault):
    # given
    faults.script = lambda asked: FAULTS[fault] if asked.operation == operation else None

    # when
    answer = upload(api, content)

    # then
    assert operation in {asked.operation for asked in faults.asked}
    assert_clearly_unavailable(answer)
    assert not Asset.objects.exists()
    assert api.get("/v1/assets").json()["data"] == []

    # and when it is well again
    heal()
    nothing_left()

    # then
    assert upload(api, content).status_code == 201
    nothing_left()


@pytest.mark.parametrize(
    ("content", "operation"), [(SMALL, "put"), (LARGE, "part"), (LARGE, "finish_parts")], ids=["put", "part", "finish"]
)
def test_an_answer_that_got_lost_is_no_failure(api, faults, own_bucket, nothing_left, content, operation):
    """The bucket did it: the second try meets what is there (412, or no such upload) and that is well."""
    # given
    lost = iter(["lost"])
    faults.script = lambda asked: next(lost, None) if asked.operation == operation else None

    # when
    answer = upload(api, content)

    # then
    assert answer.status_code == 201
    asset = Asset.objects.select_related("blob").get()
    assert own_bucket.read(asset.blob.object_key) == content
    nothing_left()


def test_an_answer_of_412_is_our_own_put(faults, own_bucket, file):
    faults.script = lambda asked: refusal(412, "PreconditionFailed") if asked.method == "PUT" else None
    key = f"blobs/{uuid.uuid4()}"

    object_store.put_file(file(b"x"), key, content_type="image/png", sha256=bytes(32))

    assert own_bucket.read(key) is None


@pytest.mark.parametrize("fault", [*FAULTS, "cut"])
def test_a_read_is_whole_or_fails(api, faults, heal, tmp_path, fault):
    # given
    upload(api, SMALL)
    key = Blob.objects.get().object_key
    faults.script = lambda asked: FAULTS.get(fault, fault) if asked.operation == "get" else None

    # then
    with pytest.raises(StoreUnavailable):
        object_store.download(key, tmp_path / "back")

    # and when
    heal()
    object_store.download(key, tmp_path / "back")

    # then
    assert (tmp_path / "back").read_bytes() == SMALL


@pytest.mark.parametrize("fault", FAULTS)
def test_a_delete_is_made_up_for(api, faults, heal, own_bucket, nothing_left, fault):
    # given
    asset_id = upload(api, SMALL).json()["id"]
    faults.script = lambda asked: FAULTS[fault] if asked.operation == "delete" else None

    # when: the row goes at once, the bytes when the store can
    assert api.delete(f"/v1/assets/{asset_id}").status_code == 204
    assert blobs.sweep() == 0

    # then
    assert api.get(f"/v1/assets/{asset_id}").status_code == 404
    assert Blob.objects.get().state == "dying"
    heal()
    nothing_left()
    assert own_bucket.keys() == set()


def test_an_object_that_the_store_keeps_holds_up_no_other(api, faults, own_bucket):
    # given: the oldest is refused
    first, second = (upload(api, picture(9, 9, seed=seed)).json()["id"] for seed in (1, 2))
    kept = Asset.objects.get(pk=first).blob.object_key
    for asset_id in (first, second):
        api.delete(f"/v1/assets/{asset_id}")
    faults.script = lambda asked: FAULTS["403"] if kept in asked.path and asked.operation == "delete" else None

    # when
    blobs.sweep()

    # then
    assert own_bucket.keys() == {kept}


def test_a_slow_store_is_waited_for(api, faults, nothing_left):
    """Slower than usual, and within the bounds: no failure, no second try."""
    waits = iter([True])

    def script(asked):
        if asked.operation == "put" and next(waits, False):
            faults.released.wait(0.1)

    faults.script = script

    assert upload(api, SMALL).status_code == 201
    assert [asked.operation for asked in faults.asked] == ["put"]
    nothing_left()


def test_one_organizations_failure_is_not_anothers(owner, outsider, faults, nothing_left):
    # given: the same bytes, of which one put fails
    fails = iter([refusal(403, "AccessDenied")])
    faults.script = lambda asked: next(fails, None) if asked.operation == "put" else None

    # when
    first, second = (upload(user.api, SMALL) for user in (owner, outsider))

    # then
    assert_clearly_unavailable(first)
    assert second.status_code == 201
    assert Asset.objects.get().organization_id == outsider.organization.pk
    nothing_left()
