"""Attempts in a real runner on real Postgres, Valkey and S3: the step protocol, its faults, and the sums at the end."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat

import pytest
from django.db import connection

from core import clock
from generation import dispatch
from generation.models import Attempt, Job, JobEvent, ProviderState, Stage, Status
from generation.providers.sandbox import provider
from generation.runner import Runner
from storage.models import Asset
from tests.factories import AttemptFactory
from tests.generation.running import PRICE, assert_settled, ended, submitted, until
from usage import ledger
from usage.models import UsageRecord


def types_of(job):
    return [event.type.removeprefix("job.") for event in job.events.order_by("seq")]


def test_a_job_is_made_stored_and_paid(api, funded, runner):
    # when
    job = ended(submitted(api, latencySeconds=0.3), runner)

    # then
    assert (job.status, job.progress, job.stage) == (Status.SUCCEEDED, 100, "")
    assert_settled(job, charged=PRICE)
    [asset] = Asset.objects.filter(job_id=job.pk)
    assert (asset.operation, asset.model, asset.prompt) == ("generate", "sandbox/v1", "a cat")
    found = api.get("/v1/assets", {"operation": "generate", "model": "sandbox/v1", "q": "cat"}).json()["data"]
    assert [(one["id"], one["prompt"]) for one in found] == [(str(asset.pk), "a cat")]
    assert (asset.status, asset.blob.width, asset.blob.height) == ("ready", 64, 64)
    record = UsageRecord.objects.get(job_id=job.pk)
    assert (record.quantity, record.credits, record.outcome, record.unit) == (1, PRICE, "succeeded", "image")
    attempt = job.attempts.get()
    assert (attempt.step, attempt.outcome, attempt.billed) == ("ended", "succeeded", "yes")
    assert attempt.intent_at <= attempt.submitted_at <= attempt.delivered_at <= attempt.ended_at
    assert types_of(job)[:2] == ["queued", "started"]
    assert types_of(job)[-1] == "succeeded"


@pytest.mark.parametrize("fault", ["server_error", "timeout"])
def test_a_retryable_error_is_tried_again_and_paid_once(api, funded, runner, fault):
    # when
    job = ended(submitted(api, failWith=fault, failAttempts=1), runner)

    # then
    assert job.status == Status.SUCCEEDED
    assert [(one.number, one.outcome) for one in job.attempts.order_by("number")] == [(1, "failed"), (2, "succeeded")]
    assert_settled(job, charged=PRICE)
    assert types_of(job).count("queued") == 2
    # and each call is on record, the one that failed as free
    calls = UsageRecord.objects.filter(job_id=job.pk).order_by("at").values_list("outcome", "credits", "quantity")
    assert list(calls) == [(fault, 0, 0), ("succeeded", PRICE, 1)]


def test_three_tries_are_all_and_then_it_is_free(api, funded, runner):
    job = ended(submitted(api, failWith="server_error"), runner)
    assert (job.status, job.error_code, job.attempts.count()) == (Status.FAILED, "server_error", 3)
    assert_settled(job, charged=0)


def test_a_refusal_by_policy_is_final_and_free(api, funded, runner):
    job = ended(submitted(api, failWith="content_policy"), runner)
    assert (job.status, job.error_code, job.attempts.count()) == (Status.FAILED, "content_policy", 1)
    assert_settled(job, charged=0)


def test_a_lost_reply_is_looked_up_and_never_sent_again(api, funded, runner):
    job = ended(submitted(api, failWith="lost_reply", latencySeconds=0.2), runner)
    assert job.status == Status.SUCCEEDED
    assert job.attempts.count() == 1
    assert '"stage" : "reconciling"' in "".join(job.events.values_list("body", flat=True))
    assert_settled(job, charged=PRICE)


def test_a_call_that_never_arrived_is_made_again_once_that_is_sure(api, funded, runner):
    # when
    job = ended(submitted(api, failWith="never_arrived", failAttempts=1), runner)

    # then: not before the first call could no more be on its way
    assert job.status == Status.SUCCEEDED
    first, second = job.attempts.order_by("number")
    assert first.error_code == "never_arrived"
    assert second.created_at > first.send_before
    assert_settled(job, charged=PRICE)


def test_a_429_is_no_attempt_and_slows_every_worker(api, funded, runner):
    # when
    job = ended(submitted(api, failWith="rate_limited", failAttempts=2), runner)

    # then
    assert (job.status, job.attempts_made, job.attempts.count()) == (Status.SUCCEEDED, 1, 3)
    assert ProviderState.objects.get(pk="sandbox").pace < 60_000
    assert_settled(job, charged=PRICE)


def test_bytes_that_are_no_picture_cost_the_customer_nothing(api, funded, runner):
    job = ended(submitted(api, failWith="bad_output"), runner)
    assert (job.status, job.error_code) == (Status.FAILED, "bad_output")
    assert_settled(job, charged=0)
    assert UsageRecord.objects.get(job_id=job.pk).cost_micro_usd > 0
    assert api.get(f"/v1/jobs/{job.pk}").json()["output"]["assets"] == []


def test_what_came_unusable_is_free_and_costs_us_all_the_same(api, funded, runner):
    # given: two asked for, the first is no picture
    job = submitted(api, count=2, failWith="bad_first_output")

    # when
    job = ended(job, runner)

    # then
    assert (job.status, job.held_credits) == (Status.SUCCEEDED, 2 * PRICE)
    assert_settled(job, charged=PRICE)
    assert UsageRecord.objects.get(job_id=job.pk).cost_micro_usd == 2 * job.unit_cost_micro_usd
    assert len(api.get(f"/v1/jobs/{job.pk}").json()["output"]["assets"]) == 1


def test_results_are_brought_from_the_provider_s_own_address(api, funded, runner, web_of, monkeypatch):
    """As Ideogram and Qwen give them; the sandbox's picture is put where they would have it."""
    # given
    answers = {}
    web = web_of(answers)
    result = provider._result

    async def by_address(request):
        done = await result(request)
        (output,) = done.outputs
        content = output.path.read_bytes()
        answers[f"/{output.path.name}"] = (200, content, len(content))
        return replace(done, outputs=(replace(output, path=None, url=f"{web.base_url}/{output.path.name}"),))

    monkeypatch.setattr(provider, "_result", by_address)

    # when
    job = ended(submitted(api), runner)

    # then
    assert (job.status, len(web.asked)) == (Status.SUCCEEDED, 1)
    asset = api.get(f"/v1/jobs/{job.pk}").json()["output"]["assets"][0]
    assert asset["sha256"] == hashlib.sha256(next(iter(answers.values()))[1]).hexdigest()
    assert_settled(job, charged=PRICE)


def test_what_the_provider_kept_back_is_free(api, funded, runner):
    # given: two asked for, one withheld
    job = submitted(api, count=2, failWith="withheld")

    # when
    job = ended(job, runner)

    # then
    assert (job.status, job.held_credits) == (Status.SUCCEEDED, 2 * PRICE)
    assert_settled(job, charged=PRICE)


def test_canceling_a_running_job_stops_it_and_is_free(api, funded, runner):
    # given
    job = submitted(api, latencySeconds=60)
    until(lambda: Job.objects.filter(pk=job.pk, stage=Stage.WAITING).exists(), runner=runner)

    # when
    assert api.post(f"/v1/jobs/{job.pk}/cancel").json()["effect"] == "requested"

    # then
    job = ended(job, runner)
    assert job.status == Status.CANCELED
    assert_settled(job, charged=0)
    assert api.post(f"/v1/jobs/{job.pk}/cancel").json()["effect"] == "requested"


def test_a_cancel_that_comes_too_late_ends_as_it_ends_and_is_paid(api, funded, runner):
    job = submitted(api, latencySeconds=2, failWith="cancel_refused")
    until(lambda: Job.objects.filter(pk=job.pk, stage=Stage.WAITING).exists(), runner=runner)
    api.post(f"/v1/jobs/{job.pk}/cancel")
    job = ended(job, runner)
    assert job.status == Status.SUCCEEDED
    assert_settled(job, charged=PRICE)


def test_another_process_resumes_from_the_task_id_and_nothing_is_paid_twice(api, funded, committed, settings):
    # given: a process that hands its attempt back while the provider works
    settings.SEND_WITHIN_SECONDS = 0.5
    job = submitted(api, latencySeconds=2)
    leaving = Runner(slots=5)
    until(lambda: Job.objects.filter(pk=job.pk, stage=Stage.WAITING).exists(), runner=leaving)
    task_id = job.attempts.get().task_id
    leaving.drain(timeout=10)
    assert job.attempts.get().worker == ""

    # when
    next_one = Runner(slots=5)
    try:
        job = ended(job, next_one)
    finally:
        next_one.drain(timeout=10)

    # then
    attempt = job.attempts.get()
    assert (attempt.task_id, attempt.crashes, attempt.token) == (task_id, 0, 2)
    assert job.status == Status.SUCCEEDED
    assert_settled(job, charged=PRICE)


def test_a_job_that_kills_its_workers_is_ended_after_three(api, funded, runner):
    # given: an attempt that three processes died of
    job = submitted(api)
    Job.objects.filter(pk=job.pk).update(status=Status.RUNNING, stage=Stage.SUBMITTING)
    AttemptFactory(
        job=job, crashes=2, worker="dead", lease_until=clock.now() - timedelta(seconds=1),
        intent_at=clock.now(), send_before=clock.now(), step=Attempt.Step.SUBMITTING,
    )  # fmt: skip

    # when
    job = ended(job, runner)

    # then
    assert (job.status, job.error_code) == (Status.FAILED, "worker_lost")
    assert_settled(job, charged=0)


def test_a_stale_token_changes_nothing(api, funded, empty_line):
    # given: an attempt that another process has taken over
    job = submitted(api)
    provider = job.provider
    old = dispatch.claim(provider, worker="paused", slots=50).claims
    mine = next(claim for claim in old if claim.job_id == job.pk)
    Attempt.objects.filter(pk=mine.attempt_id).update(lease_until=clock.now() - timedelta(seconds=1))
    dispatch.resume(provider, worker="alive", slots=50)
    before = (Job.objects.filter(pk=job.pk).values().get(), JobEvent.objects.filter(job=job).count())

    # when
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generation_settle(%s, %s, %s, 'succeeded', 1, 'yes', '', '', false, '[]', '{}')",
            [job.pk, mine.attempt_id, mine.token],
        )
        settled = cursor.fetchone()[0]
        cursor.execute(
            "SELECT generation_advance(%s, %s, %s, 'waiting', 'waiting', 50, 'x')",
            [job.pk, mine.attempt_id, mine.token],
        )
        advanced = cursor.fetchone()[0]

    # then
    assert (settled, advanced) == (None, None)
    assert (Job.objects.filter(pk=job.pk).values().get(), JobEvent.objects.filter(job=job).count()) == before
    Attempt.objects.filter(pk=mine.attempt_id).update(lease_until=clock.now() - timedelta(seconds=1), worker="")


def test_the_ledger_proves_itself_after_all_of_this(committed):
    assert ledger.verify().errors == ()


def test_a_job_that_is_not_offered_any_more_ends_and_costs_nothing(api, funded, runner):
    # given: as after a deploy that tightened its input
    job = submitted(api)
    Job.objects.filter(pk=job.pk).update(input={"prompt": ""})

    # when
    ended(job, runner)

    # then
    assert (job.status, job.error_code) == (Status.FAILED, "no_longer_offered")
    assert_settled(job, charged=0)


def test_a_process_that_is_late_with_its_renewals_waits_and_spends_no_try(api, funded, runner, monkeypatch):
    # given: as after a stall
    answers = chain([False, False, False], repeat(True))
    monkeypatch.setattr(runner, "may_submit", lambda: next(answers))

    # when
    job = ended(submitted(api), runner)

    # then
    assert (job.status, job.attempts_made, job.attempts.count()) == (Status.SUCCEEDED, 1, 1)


def test_a_refusal_is_an_answer_and_closes_the_circuit(api, funded, runner):
    # given
    ProviderState.objects.filter(pk="sandbox").update(failures=5)

    # when
    ended(submitted(api, failWith="content_policy"), runner)

    # then
    assert ProviderState.objects.get(pk="sandbox").failures == 0


def test_a_provider_out_of_order_is_left_alone_until_a_probe_is_answered(api, funded, runner, settings):
    # given
    settings.CIRCUIT_SECONDS, settings.RETRY_BACKOFF_SECONDS = 2, 0.5
    failing = [submitted(api, failWith="server_error", failAttempts=1) for _ in range(5)]

    # when
    until(lambda: ProviderState.objects.get(pk="sandbox").failures >= 5, runner=runner)

    # then
    assert not api.get("/v1/models").json()["data"][0]["healthy"]
    for job in failing:
        assert ended(job, runner).status == Status.SUCCEEDED
    assert ProviderState.objects.get(pk="sandbox").failures == 0
