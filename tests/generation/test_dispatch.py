"""The claim: fair, under every cap, at the provider's pace, each job once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections

from core import clock
from generation import dispatch
from generation.models import Attempt, Job, JobEvent, ProviderState, Stage, Status
from tests.factories import (
    AttemptFactory,
    BanFactory,
    EntitlementFactory,
    JobFactory,
    MembershipFactory,
    ModelStateFactory,
    ProviderStateFactory,
)


@pytest.fixture
def provider(rows):
    """A provider of this test's own, with one model, so that nobody else's jobs are in its queue."""
    state = ProviderStateFactory(provider=f"p{uuid.uuid4().hex[:12]}", tokens=1_000)
    ModelStateFactory(provider=state, model=f"{state.provider}/v1")
    return state


def waiting(provider, organization=None, user=None, **fields):
    organization = organization or EntitlementFactory().organization
    user = user or MembershipFactory(organization=organization).user
    return JobFactory(
        organization=organization, user=user, provider=provider.provider, model=f"{provider.provider}/v1", **fields
    )


def claimed(provider, slots=100, worker="w"):
    return [claim.job_id for claim in dispatch.claim(provider.provider, worker=worker, slots=slots).claims]


def test_a_claim_starts_the_job_with_a_leased_attempt_and_an_event(provider):
    # given
    job = waiting(provider, seq=1)

    # when
    [claim] = dispatch.claim(provider.provider, worker="w", slots=10).claims

    # then
    job.refresh_from_db()
    assert (job.status, job.stage, job.seq, job.attempts_made) == (Status.RUNNING, Stage.SUBMITTING, 2, 1)
    attempt = Attempt.objects.get(pk=claim.attempt_id)
    assert (attempt.job_id, attempt.step, attempt.worker, attempt.number, attempt.token) == (
        job.pk, Attempt.Step.CLAIMED, "w", 1, claim.token,
    )  # fmt: skip
    assert timedelta(seconds=20) < attempt.lease_until - clock.now() <= timedelta(seconds=31)
    event = JobEvent.objects.get(job=job)
    assert (event.seq, event.type) == (2, "job.started")
    assert dispatch.claim(provider.provider, worker="w", slots=10).claims == ()


def test_a_long_queue_does_not_delay_another_organization(provider):
    # given
    busy = EntitlementFactory(places=100).organization
    user = MembershipFactory(organization=busy).user
    for _ in range(30):
        waiting(provider, busy, user)
    late = waiting(provider)

    # when
    first = claimed(provider, slots=2)

    # then
    assert late.pk in first


def test_weights_share_a_busy_provider(provider):
    # given
    light, heavy = EntitlementFactory(weight=1).organization, EntitlementFactory(weight=3).organization
    for organization in (light, heavy):
        user = MembershipFactory(organization=organization).user
        for _ in range(12):
            waiting(provider, organization, user)

    # when
    taken = claimed(provider, slots=8)

    # then
    owners = list(Job.objects.filter(pk__in=taken).values_list("organization_id", flat=True))
    assert (owners.count(light.pk), owners.count(heavy.pk)) == (2, 6)


def test_users_of_one_organization_take_turns_then_priority_then_age(provider):
    # given
    organization = EntitlementFactory().organization
    first, second = (MembershipFactory(organization=organization).user for _ in range(2))
    old, older = waiting(provider, organization, first), waiting(provider, organization, first)
    urgent = waiting(provider, organization, first, priority=5)
    other = waiting(provider, organization, second)

    # when
    turns = [claimed(provider, slots=1)[0] for _ in range(4)]

    # then
    assert set(turns[:2]) == {urgent.pk, other.pk}
    assert turns[2:] == [old.pk, older.pk]


@pytest.mark.parametrize("cap", ["provider", "model", "organization"])
def test_no_cap_is_broken(provider, cap):
    # given: places for five, jobs of two places each
    organization = EntitlementFactory(places=5 if cap == "organization" else 100).organization
    ProviderState.objects.filter(pk=provider.pk).update(places=5 if cap == "provider" else 100)
    provider.models.update(places=5 if cap == "model" else 100)
    user = MembershipFactory(organization=organization).user
    for _ in range(4):
        waiting(provider, organization, user, places=2)

    # when / then
    assert len(claimed(provider)) == 2
    assert claimed(provider) == []

    # when: one of them only stores now
    Job.objects.filter(provider=provider.provider, status=Status.RUNNING).order_by("id")[:1].get()
    stored = Job.objects.filter(provider=provider.provider, status=Status.RUNNING).first()
    Job.objects.filter(pk=stored.pk).update(stage=Stage.STORING)

    # then its places are free
    assert len(claimed(provider)) == 1


def test_banned_paused_disabled_and_overdue_work_waits(provider):
    # given
    organization = EntitlementFactory().organization
    waiting(provider, organization)
    BanFactory(organization=organization)
    banned_user = waiting(provider)
    BanFactory(organization=None, user=banned_user.user)
    waiting(provider, start_deadline_at=clock.now() - timedelta(seconds=1))
    waiting(provider, is_ready=False, next_attempt_at=clock.now() + timedelta(hours=1))
    wanted = waiting(provider)

    # when / then
    ProviderState.objects.filter(pk=provider.pk).update(is_paused=True)
    assert claimed(provider) == []
    ProviderState.objects.filter(pk=provider.pk).update(is_paused=False)
    provider.models.update(is_enabled=False)
    assert claimed(provider) == []
    provider.models.update(is_enabled=True)
    assert claimed(provider) == [wanted.pk]


@pytest.mark.parametrize("blocked", ["banned", "too large for what is left"])
def test_one_who_cannot_start_takes_nobody_elses_turn(provider, blocked):
    # given: two organizations that are equally needy, the one whose id comes first blocked
    first, second = sorted((EntitlementFactory(places=4).organization for _ in range(2)), key=lambda one: one.pk)
    if blocked == "banned":
        BanFactory(organization=None, user=waiting(provider, first).user)
    else:
        user = MembershipFactory(organization=first).user
        for _ in range(3):
            waiting(provider, first, user)
        assert len(claimed(provider)) == 3
        JobFactory(organization=second, running=True, places=3, provider=provider.provider, model=f"{provider.pk}/v1")
        waiting(provider, first, user, places=2)
    wanted = waiting(provider, second)

    # then
    assert claimed(provider, slots=1) == [wanted.pk]


def test_a_job_larger_than_a_cap_runs_alone(provider):
    # given
    organization = EntitlementFactory(places=2).organization
    user = MembershipFactory(organization=organization).user
    large = waiting(provider, organization, user, places=4)
    small = waiting(provider, organization, user)

    # then
    assert claimed(provider) == [large.pk]
    assert claimed(provider) == []
    Job.objects.filter(pk=large.pk).update(stage=Stage.STORING)
    assert claimed(provider) == [small.pk]


def test_a_circuit_opens_after_failures_in_a_row_and_sends_one_probe(provider, settings):
    # given
    settings.CIRCUIT_SECONDS = 15
    slug, jobs = provider.provider, [waiting(provider) for _ in range(3)]
    for _ in range(4):
        dispatch.failed(slug)
    dispatch.answered(slug)
    for _ in range(5):
        dispatch.failed(slug)

    # then: nothing for a while
    batch = dispatch.claim(slug, worker="w", slots=10)
    assert batch.claims == ()
    assert 14 < batch.again_seconds <= 15
    assert not ProviderState.objects.get(pk=slug).is_healthy

    # when: one job, and none beside it
    while_is_over(slug)
    [probe] = claimed(provider)
    assert claimed(provider) == []

    # then: a failed probe doubles the while
    dispatch.failed(slug)
    assert 29 < dispatch.claim(slug, worker="w", slots=10).again_seconds <= 30

    # when
    while_is_over(slug)
    dispatch.answered(slug)

    # then
    assert sorted(claimed(provider)) == sorted(job.pk for job in jobs if job.pk != probe)
    assert ProviderState.objects.get(pk=slug).is_healthy


def test_calls_that_were_in_flight_together_count_once_an_open_circuit(provider, settings):
    # given
    settings.CIRCUIT_SECONDS = 15

    # when
    for _ in range(20):
        dispatch.failed(provider.provider)

    # then
    assert ProviderState.objects.get(pk=provider.pk).failures == 5


def while_is_over(slug):
    ProviderState.objects.filter(pk=slug).update(resumes_at=clock.now() - timedelta(seconds=1))


def test_pace_bounds_submits_and_says_when_to_come_back(provider):
    # given: one a second
    ProviderState.objects.filter(pk=provider.pk).update(pace_per_minute=60, pace=60, tokens=1)
    organization = EntitlementFactory().organization
    user = MembershipFactory(organization=organization).user
    for _ in range(3):
        waiting(provider, organization, user)

    # when
    batch = dispatch.claim(provider.provider, worker="w", slots=10)

    # then
    assert len(batch.claims) == 1
    assert 0.5 < batch.again_seconds <= 1


def test_a_429_halves_the_pace_once_for_many_and_obeys_retry_after(provider):
    # given
    ProviderState.objects.filter(pk=provider.pk).update(pace_per_minute=600, pace=600)
    waiting(provider)

    # when: the news of one overload comes back from several calls
    for _ in range(3):
        dispatch.slow_down(provider.provider, retry_after_seconds=7)

    # then
    provider.refresh_from_db()
    assert provider.pace == 300
    batch = dispatch.claim(provider.provider, worker="w", slots=10)
    assert batch.claims == ()
    assert 5 < batch.again_seconds <= 7


def test_pace_recovers_additively(provider):
    # given: two minutes after a slow-down to half
    ProviderState.objects.filter(pk=provider.pk).update(
        pace_per_minute=600, pace=300, paced_at=clock.now() - timedelta(minutes=2)
    )

    # when
    dispatch.claim(provider.provider, worker="w", slots=10)

    # then: a tenth of the full pace a minute
    provider.refresh_from_db()
    assert provider.pace == pytest.approx(420, abs=2)


def test_a_dead_workers_attempt_is_taken_over_with_a_new_token(provider):
    # given
    job = waiting(provider, status=Status.RUNNING, stage=Stage.WAITING)
    attempt = AttemptFactory(job=job, lease_until=clock.now() - timedelta(seconds=1), worker="dead", token=3)

    # when
    [claim] = dispatch.resume(provider.provider, worker="alive", slots=5)

    # then
    attempt.refresh_from_db()
    assert (claim.attempt_id, claim.token) == (attempt.pk, 4)
    assert (attempt.worker, attempt.token, attempt.crashes) == ("alive", 4, 1)
    assert dispatch.resume(provider.provider, worker="other", slots=5) == ()


def test_a_handed_back_attempt_is_no_crash(provider):
    # given
    job = waiting(provider, status=Status.RUNNING, stage=Stage.WAITING)
    attempt = AttemptFactory(job=job, worker="leaving")
    dispatch.hand_back(dispatch.Claim(job_id=job.pk, attempt_id=attempt.pk, token=attempt.token))

    # when
    [claim] = dispatch.resume(provider.provider, worker="next", slots=5)

    # then
    attempt.refresh_from_db()
    assert (claim.attempt_id, attempt.crashes) == (attempt.pk, 0)


def test_only_what_is_worked_on_is_renewed(provider):
    # given: one attempt goes on, the other was dropped by its process
    soon = clock.now() + timedelta(seconds=5)
    kept, dropped = (
        AttemptFactory(job=waiting(provider, status=Status.RUNNING, stage=Stage.WAITING), worker="w", lease_until=soon)
        for _ in range(2)
    )

    # when
    assert dispatch.renew("w", [kept.pk]) == 1

    # then
    kept.refresh_from_db()
    dropped.refresh_from_db()
    assert kept.lease_until > soon
    assert dropped.lease_until == soon


def test_parallel_claims_take_each_job_once_and_break_no_cap(committed):
    # given
    state = ProviderStateFactory(provider=f"p{uuid.uuid4().hex[:12]}", places=30, tokens=1_000)
    ModelStateFactory(provider=state, model=f"{state.provider}/v1")
    for organization in (EntitlementFactory(places=9).organization for _ in range(5)):
        user = MembershipFactory(organization=organization).user
        for _ in range(20):
            waiting(state, organization, user)

    def claim_some(number):
        try:
            return [job for _ in range(5) for job in claimed(state, slots=4, worker=f"w{number}")]
        finally:
            connections.close_all()

    # when
    with ThreadPoolExecutor(8) as threads:
        taken = [job for jobs in threads.map(claim_some, range(8)) for job in jobs]

    # then
    assert len(taken) == len(set(taken)) == 30
    running = Job.objects.filter(provider=state.provider, status=Status.RUNNING)
    assert running.count() == 30
    per_organization = [
        running.filter(organization=key).count() for key in set(running.values_list("organization", flat=True))
    ]
    assert max(per_organization) <= 9


def test_the_caps_need_the_lock(committed):
    """The control: without the advisory lock, a claim that counted before another committed breaks the cap."""
    # given: the claim without its lock, and with a pause between counting the room and filling it
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'generation_claim'")
        source = cursor.fetchone()[0]
        lock, filling = "PERFORM pg_advisory_xact_lock(hashtext('generation_claim'));", "IF v_slots > 0 THEN"
        assert (source.count(lock), source.count(filling)) == (1, 1)
        unlocked = source.replace(lock, "").replace(filling, f"PERFORM pg_sleep(p_lease_seconds); {filling}")
        cursor.execute(
            "CREATE FUNCTION claim_without_lock(p_provider text, p_worker text, p_slots integer,"
            f" p_lease_seconds double precision) RETURNS jsonb LANGUAGE plpgsql AS $body${unlocked}$body$"
        )
    state = ProviderStateFactory(provider=f"p{uuid.uuid4().hex[:12]}", places=4, tokens=1_000)
    ModelStateFactory(provider=state, model=f"{state.provider}/v1")
    organization = EntitlementFactory().organization
    user = MembershipFactory(organization=organization).user
    for _ in range(10):
        waiting(state, organization, user)
    both_connected = Barrier(2)

    def claim_after(seconds):
        try:
            connection.ensure_connection()
            both_connected.wait(timeout=20)
            with connection.cursor() as cursor:
                cursor.execute("SELECT claim_without_lock(%s, 'w', 4, %s)", [state.provider, seconds])
        finally:
            connections.close_all()

    # when: both count an empty provider, and one fills it before the other does
    try:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(claim_after, (1.0, 2.0)))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION claim_without_lock(text, text, integer, double precision)")

    # then
    assert Job.objects.filter(provider=state.provider, status=Status.RUNNING).count() == 8
