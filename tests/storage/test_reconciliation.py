"""Bucket and rows: what they do not agree on is found, both ways, and only what is nobody's is taken away."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core import clock
from storage import blobs, reconciliation, tasks
from storage.models import Asset, Blob, Rendition
from storage.reconciliation import Tally
from tests.factories import BlobFactory
from tests.storage.pictures import picture


@pytest.fixture
def asset(own_bucket, api):
    """A function that uploads a picture and returns its asset with the blob."""
    seeds = iter(range(1000))

    def upload():
        answer = api.post("/v1/assets", picture(seed=next(seeds)), content_type="image/png")
        assert answer.status_code == 201
        return Asset.objects.select_related("blob").get(pk=answer.json()["id"])

    return upload


@pytest.fixture
def two_days_later(monkeypatch):
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=2))


def reconciled(**options):
    """The report of the command, and whether it called all well."""
    out, exit_code = StringIO(), 0
    try:
        call_command("reconcile_storage", json=True, stdout=out, **options)
    except CommandError as error:
        exit_code = error.returncode
    assert exit_code in {0, 1}
    return json.loads(out.getvalue()), exit_code == 0


def test_a_bucket_and_rows_that_agree(asset, two_days_later):
    kept = [asset() for _ in range(3)]
    Rendition.objects.create(blob=kept[0].blob, variant="small", object_key="renditions/none-yet")

    assert reconciled() == (
        {
            "ok": True, "findings": [], "objects": 3, "rows": 7, "foreignObjects": 0, "unknownBytes": 0,
            "found": {}, "repaired": {},
        },
        True,
    )  # fmt: skip


def test_every_disagreement_is_told_both_ways(asset, own_bucket, two_days_later):
    # given
    agreeing, missing, short = asset(), asset(), asset()
    own_bucket.delete(missing.blob.object_key)
    own_bucket.put(short.blob.object_key, b"short")
    for key in ("blobs/0-first", "blobs/zz-last", "public/other"):
        own_bucket.put(key, b"12345")
    own_bucket.put("logs/of-the-cdn")
    small = f"renditions/{uuid.uuid4()}"
    Rendition.objects.create(
        blob=agreeing.blob, variant="small", state="ready", object_key=small, size_bytes=7, content_type="image/webp"
    )
    own_bucket.begin_parts("blobs/begun")

    # when
    report, is_well = reconciled()

    # then
    assert not is_well
    assert {(one["kind"], one["key"]) for one in report.pop("findings")} == {
        ("missing_object", missing.blob.object_key),
        ("missing_object", small),
        ("wrong_size", short.blob.object_key),
        ("unknown_object", "blobs/0-first"),
        ("unknown_object", "blobs/zz-last"),
        ("unknown_object", "public/other"),
        ("leftover_parts", "blobs/begun"),
    }
    assert report == {
        "ok": False, "objects": 5, "rows": 7, "foreignObjects": 1, "unknownBytes": 15, "repaired": {},
        "found": {"missing_object": 2, "wrong_size": 1, "unknown_object": 3, "leftover_parts": 1},
    }  # fmt: skip


def test_a_count_that_is_wrong_is_told(asset, two_days_later):
    # given
    asset()
    miscounted = asset().blob
    Blob.objects.filter(pk=miscounted.pk).update(references=3)

    # when
    report, is_well = reconciled(repair=True)

    # then: which of both is right is for a person to find out
    assert not is_well
    told = [(one["kind"], one["key"], one["detail"]) for one in report["findings"]]
    assert told == [("wrong_count", miscounted.object_key, "1 assets name this object, its row counts 3.")]
    assert report["repaired"] == {}


def test_repair_takes_away_what_is_nobodys_and_changes_no_row(asset, own_bucket, two_days_later):
    # given
    agreeing, missing = asset(), asset()
    own_bucket.delete(missing.blob.object_key)
    own_bucket.put("blobs/unknown")
    own_bucket.put("logs/of-the-cdn")
    own_bucket.begin_parts("blobs/begun")

    # when
    report, is_well = reconciled(repair=True)

    # then
    assert report["repaired"] == {"unknown_object": 1, "leftover_parts": 1}
    assert not is_well, "bytes that are gone are for a person to bring back"
    assert own_bucket.keys() == {agreeing.blob.object_key, "logs/of-the-cdn"}
    assert own_bucket.open_multiparts() == []
    missing.refresh_from_db()
    assert (missing.status, missing.deleted_at) == ("ready", None)

    # and when
    own_bucket.put(missing.blob.object_key, picture(seed=1))

    # then
    assert reconciled()[1]


def test_what_is_under_way_is_left_alone(asset, own_bucket, organization):
    # given: young objects and parts, and old ones of a promise
    own_bucket.put("blobs/young")
    own_bucket.begin_parts("blobs/young-parts")
    promised = BlobFactory(organization=organization, state="promised", references=0)
    promised.multipart_id = own_bucket.begin_parts(promised.object_key)
    promised.save()

    # when
    now = reconciled(repair=True)
    later = Tally()
    found = [one.key for one in reconciliation.compare(later, older_than=timedelta(), repair=True)]

    # then
    assert now[1]
    assert sorted(found) == ["blobs/young", "blobs/young-parts"]
    assert [begun["UploadId"] for begun in own_bucket.open_multiparts()] == [promised.multipart_id]


def test_an_object_that_gets_its_row_meanwhile_is_kept(own_bucket, organization, two_days_later):
    """It is listed before its row is read, and the row is there when it is asked for by name."""
    # given
    own_bucket.put("blobs/a-late", b"x" * 10)
    own_bucket.put("blobs/b-unknown")
    found = reconciliation.compare(Tally())
    assert next(found).key == "blobs/a-late"
    BlobFactory(organization=organization, object_key="blobs/c", size_bytes=1)

    # when
    again = reconciliation.compare(Tally(), repair=True)
    BlobFactory(organization=organization, object_key="blobs/a-late", size_bytes=10)

    # then
    assert {one.key for one in again if one.is_repaired} == {"blobs/b-unknown"}
    assert own_bucket.read("blobs/a-late") == b"x" * 10


def test_the_bucket_of_another_database_is_not_emptied(asset, own_bucket, monkeypatch, two_days_later):
    # given
    monkeypatch.setattr(reconciliation, "_UNKNOWN_AT_MOST", 2)
    asset()
    strangers = {f"blobs/of-another-{number}" for number in range(3)}
    for key in strangers:
        own_bucket.put(key)

    # when
    with pytest.raises(CommandError, match="is it the bucket of another one"):
        call_command("reconcile_storage", repair=True, stdout=StringIO())

    # then
    assert strangers < own_bucket.keys()


def test_a_store_that_lists_in_another_order_costs_nothing(asset, own_bucket, monkeypatch, two_days_later):
    # given
    kept = [asset() for _ in range(5)]
    in_order = reconciliation.object_store.objects
    monkeypatch.setattr(reconciliation.object_store, "objects", lambda: reversed(list(in_order())))

    # when
    report, is_well = reconciled(repair=True)

    # then
    assert (is_well, report["findings"]) == (True, [])
    assert own_bucket.keys() == {one.blob.object_key for one in kept}


def test_the_daily_task_throws_leftover_parts_away(own_bucket, db, two_days_later):
    own_bucket.begin_parts("blobs/begun")

    tasks.abort_leftovers.run()

    assert own_bucket.open_multiparts() == []


def test_a_sweep_leaves_nothing_to_reconcile(asset, own_bucket, api):
    kept, deleted = asset(), asset()
    assert api.delete(f"/v1/assets/{deleted.pk}").status_code == 204
    assert reconciled(older_than_hours=0)[1]

    blobs.sweep()

    assert reconciled(older_than_hours=0)[1]
    assert own_bucket.keys() == {kept.blob.object_key}


def test_in_words(asset, own_bucket, two_days_later):
    own_bucket.put("blobs/unknown")
    out = StringIO()

    call_command("reconcile_storage", repair=True, stdout=out)

    first, last = out.getvalue().splitlines()
    assert first.startswith("unknown_object  blobs/unknown  No row knows this object of ")
    assert first.endswith(" Repaired.")
    assert last == "1 objects and 0 rows compared; 0 objects not under our prefixes"
