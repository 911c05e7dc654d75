"""What a job does while Valkey or the bucket is away: both are real, behind a relay that a test breaks."""

import time

import pytest

from generation.models import Job, Stage, Status
from storage.models import Asset
from tests.generation.running import PRICE, assert_settled, ended, submitted, until
from tests.relay import Relay


@pytest.fixture
def bucket_relay(settings, bucket_at):
    """The bucket, asked through a relay."""
    relay = Relay(settings.STORAGES["default"]["OPTIONS"]["endpoint_url"])
    bucket_at(relay.port)
    yield relay
    relay.close()


@pytest.mark.parametrize("outage", [Relay.down, Relay.hang], ids=["down", "silent"])
def test_a_job_is_admitted_without_valkey_and_runs_when_it_is_back(api, funded, runner, valkey_relay, outage):
    # given
    outage(valkey_relay)

    # when
    started = time.monotonic()
    job = submitted(api)
    seconds = time.monotonic() - started

    # then
    assert seconds < 2
    assert (job.status, job.held_credits) == (Status.QUEUED, PRICE)

    # and when
    valkey_relay.up()

    # then: as the sweep's next round finds it
    assert ended(job, runner).status == Status.SUCCEEDED
    assert_settled(job, charged=PRICE)


def test_a_bucket_that_comes_back_gets_what_was_paid_for(api, funded, runner, bucket_relay):
    # given
    bucket_relay.down()
    job = submitted(api)
    until(lambda: Job.objects.filter(pk=job.pk, stage=Stage.STORING).exists(), runner=runner)

    # when
    bucket_relay.up()

    # then: stored and paid once, from the one provider call
    assert ended(job, runner).status == Status.SUCCEEDED
    assert_settled(job, charged=PRICE)
    assert job.attempts.count() == 1
    assert Asset.objects.get(job_id=job.pk).status == "ready"


def test_a_bucket_that_stays_away_ends_the_job_for_free(api, funded, runner, bucket_relay, settings):
    # given
    settings.STORE_PATIENCE_SECONDS = 0.2
    bucket_relay.down()

    # when
    job = ended(submitted(api), runner)

    # then
    assert (job.status, job.error_code) == (Status.FAILED, "storage_unavailable")
    assert_settled(job, charged=0)
    assert not Asset.objects.filter(job_id=job.pk, status="ready").exists()
