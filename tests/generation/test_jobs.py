"""Jobs over HTTP: admission, its refusals, idempotency, lists, cancel and retry; the worker's part is elsewhere."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils.dateparse import parse_datetime

from core import clock
from core.models import IdempotencyRecord
from generation import jobs
from generation.models import Job, JobEvent, ModelState, ProviderState, Status
from storage import assets, renditions
from storage.models import Asset
from tests.factories import AssetFactory, AttemptFactory, BanFactory, FavouriteFactory, JobFactory, RenditionFactory
from usage import ledger
from usage.models import Entitlement, Hold, LedgerEntry, Price, Wallet

BODY = {"operation": "generate", "model": "sandbox/v1", "input": {"prompt": "a lighthouse", "count": 2}}
CREDITS = 40


def posted(api, body=BODY, **headers):
    return api.post("/v1/jobs", body, format="json", headers={k.replace("_", "-"): v for k, v in headers.items()})


def figures(organization):
    wallet = Wallet.objects.get(pk=organization.pk)
    return wallet.available, wallet.held, wallet.debt


def assert_nothing_moved(organization, available=10_000):
    assert figures(organization) == (available, 0, 0)
    assert not Job.objects.filter(organization=organization).exists()
    assert not Hold.objects.filter(wallet_id=organization.pk).exists()
    assert not IdempotencyRecord.objects.filter(organization_id=organization.pk).exists()


def test_a_job_is_accepted_held_for_and_told_of(api, funded, organization, owner):
    # when
    answer = posted(api, {**BODY, "metadata": {"order": "17"}})

    # then
    assert answer.status_code == 202
    body = answer.json()
    assert answer["Location"] == f"/v1/jobs/{body['jobId']}"
    assert (body["status"], body["stage"], body["cost"]) == (
        "queued", None, {"heldCredits": CREDITS, "chargedCredits": None},
    )  # fmt: skip
    assert body["metadata"] == {"order": "17"}
    job = Job.objects.get(pk=body["jobId"])
    assert (job.organization_id, job.user_id, job.api_key.user_id) == (organization.pk, owner.pk, owner.pk)
    assert (job.input, job.quantity, job.places) == (BODY["input"], 2, 2)
    assert figures(organization) == (10_000 - CREDITS, CREDITS, 0)
    assert Hold.objects.get(reference=f"job:{job.pk}").credits == CREDITS
    event = JobEvent.objects.get(job=job)
    assert (event.seq, event.type) == (1, "job.queued")
    # and what was answered is what is read
    shown = api.get(f"/v1/jobs/{job.pk}").json()
    assert {**shown, "queuePosition": None} == body
    assert shown["queuePosition"] == 1


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"model": "sandbox/v9"}, 422, "unknown_operation", None),
        ({"operation": "fly"}, 422, "unknown_operation", None),
        ({"input": {"prompt": ""}}, 422, "invalid_input", "/input/prompt"),
        ({"input": {"prompt": "x", "count": 99}}, 422, "invalid_input", "/input/count"),
        ({"input": {"prompt": "x", "color": "red"}}, 422, "invalid_input", "/input/color"),
        ({"input": {"prompt": 7}}, 422, "invalid_input", "/input/prompt"),
        ({"input": []}, 422, "invalid_body", "/input"),
        ({"credits": 0}, 422, "invalid_body", "/credits"),
        ({"priority": 1000}, 422, "invalid_body", "/priority"),
        ({"metadata": {"a": {"b": 1}}}, 422, "invalid_body", "/metadata/a"),
        ({"startDeadlineSeconds": -1}, 422, "invalid_body", "/startDeadlineSeconds"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_nothing_moves(
    api, funded, organization, change, status, code, pointer
):
    # when
    answer = posted(api, {**BODY, **change}, idempotency_key="k1")

    # then
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    if pointer:
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert_nothing_moved(organization)


def test_an_unpriced_operation_is_not_for_sale(api, funded, organization):
    # given
    Price.objects.filter(model="sandbox/v1", operation="generate").delete()

    # when
    answer = posted(api)

    # then
    assert (answer.status_code, answer.json()["code"]) == (422, "unpriced")
    assert_nothing_moved(organization)


def test_a_model_that_staff_switched_off_is_refused(api, funded, organization):
    ModelState.objects.filter(model="sandbox/v1").update(is_enabled=False)
    assert posted(api).json()["code"] == "model_disabled"
    assert_nothing_moved(organization)


@pytest.mark.parametrize("whose", ["organization", "user"])
def test_who_is_banned_starts_nothing(api, funded, organization, owner, whose):
    BanFactory(**{"organization": None, "user": None, whose: {"organization": organization, "user": owner}[whose]})
    answer = posted(api)
    assert (answer.status_code, answer.json()["code"]) == (403, "banned")
    assert_nothing_moved(organization)


def test_an_empty_wallet_is_402_with_the_figures(api, organization):
    # when: nobody ever opened a wallet here
    answer = posted(api, idempotency_key="k")

    # then
    assert answer.status_code == 402
    assert (answer.json()["code"], answer.json()["needed"], answer.json()["available"]) == (
        "insufficient_credits", CREDITS, 0,
    )  # fmt: skip
    assert_nothing_moved(organization, available=0)
    # and a refusal does not burn the key
    ledger.grant(organization.pk, kind="topup", credits=CREDITS, reference=f"t:{organization.pk}")
    assert posted(api, idempotency_key="k").status_code == 202


def test_the_queue_of_an_organization_is_bounded(api, funded, organization):
    # given
    Entitlement.objects.filter(pk=organization.pk).update(queued_jobs=2)
    assert [posted(api).status_code for _ in range(2)] == [202, 202]

    # when
    answer = posted(api)

    # then
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert answer["Retry-After"]
    assert figures(organization) == (10_000 - 2 * CREDITS, 2 * CREDITS, 0)


def test_the_same_key_and_body_replay_the_first_answer(api, funded, organization):
    # when
    first, second = (posted(api, idempotency_key="order-17") for _ in range(2))

    # then
    assert first.status_code == second.status_code == 202
    assert first.json()["jobId"] == second.json()["jobId"]
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Job.objects.filter(organization=organization).count() == 1


def test_a_known_key_replays_before_price_and_ban_are_looked_at(api, funded, organization):
    first = posted(api, idempotency_key="k").json()
    BanFactory(organization=organization)
    Price.objects.all().delete()
    assert posted(api, idempotency_key="k").json()["jobId"] == first["jobId"]


def test_the_same_key_with_another_body_is_refused(api, funded, organization):
    posted(api, idempotency_key="k")
    answer = posted(api, {**BODY, "input": {"prompt": "another"}}, idempotency_key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert Job.objects.filter(organization=organization).count() == 1


def test_a_key_is_the_organizations_own(api, outsider, funded):
    posted(api, idempotency_key="k")
    ledger.grant(outsider.organization.pk, kind="topup", credits=100, reference=f"t:{uuid.uuid4()}")
    assert "Idempotency-Replayed" not in posted(outsider.api, idempotency_key="k")


def in_parallel(count, call):
    def one(number):
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(one, range(count)))


def test_fifty_parallel_posts_with_one_key_are_one_job(committed, api, funded, organization):
    # when
    answers = in_parallel(50, lambda _: posted(api, idempotency_key="once"))

    # then
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in answers) == 1
    assert Job.objects.filter(organization=organization).count() == 1
    assert figures(organization) == (10_000 - CREDITS, CREDITS, 0)


def test_two_hundred_parallel_posts_on_credits_for_six_are_six(committed, api, organization):
    # given
    ledger.grant(organization.pk, kind="topup", credits=6 * CREDITS + 39, reference=f"t:{organization.pk}")

    # when
    statuses = [answer.status_code for answer in in_parallel(200, lambda _: posted(api))]

    # then
    assert (statuses.count(202), statuses.count(402)) == (6, 194)
    assert figures(organization) == (39, 6 * CREDITS, 0)
    assert Hold.objects.filter(wallet_id=organization.pk, state="open").count() == 6
    assert ledger.verify().ok


def test_parallel_posts_do_not_pass_the_queue_bound(committed, api, funded, organization):
    Entitlement.objects.filter(pk=organization.pk).update(queued_jobs=5)
    statuses = [answer.status_code for answer in in_parallel(40, lambda _: posted(api))]
    assert (statuses.count(202), statuses.count(429)) == (5, 35)


def test_a_queued_job_says_when_it_may_start_by_how_its_line_moved_lately(api, funded, organization):
    # given: a start every half a minute
    for seconds in (120, 90, 60, 30):
        JobFactory(organization=organization, running=True, started_at=clock.now() - timedelta(seconds=seconds))
    first, second = [posted(api).json()["jobId"] for _ in range(2)]

    # when
    shown = [api.get(f"/v1/jobs/{job_id}").json() for job_id in (first, second)]

    # then
    assert [job["queuePosition"] for job in shown] == [1, 2]
    waits = [parse_datetime(job["estimatedStartAt"]) - clock.now() for job in shown]
    assert [round(wait.total_seconds() / 10) * 10 for wait in waits] == [30, 60]


@pytest.mark.parametrize("stands", ["nothing started lately", "paused"])
def test_nobody_says_when_a_line_that_stands_will_move(api, funded, organization, outsider, stands):
    # given
    started_at = clock.now() - timedelta(minutes=1 if stands == "paused" else 11)
    JobFactory(organization=organization, running=True, started_at=started_at)
    JobFactory(organization=outsider.organization, running=True, started_at=clock.now())
    if stands == "paused":
        ProviderState.objects.update(is_paused=True)

    # when
    shown = api.get(f"/v1/jobs/{posted(api).json()['jobId']}").json()

    # then
    assert (shown["queuePosition"], shown["estimatedStartAt"]) == (1, None)


def test_the_timeline_tells_where_the_time_went(api, organization):
    # given: a first try that failed after three seconds, and a second that delivered
    begun = clock.now() - timedelta(minutes=1)
    job = JobFactory(organization=organization, succeeded=True, created_at=begun, finished_at=at(begun, 40))
    ended = {"step": "ended", "lease_until": None, "job": job}
    AttemptFactory(
        **ended, outcome="failed", number=1, created_at=at(begun, 2), intent_at=at(begun, 3), ended_at=at(begun, 5),
    )  # fmt: skip
    AttemptFactory(
        **ended, outcome="succeeded", number=2, created_at=at(begun, 10), intent_at=at(begun, 11),
        submitted_at=at(begun, 12), delivered_at=at(begun, 30), ended_at=at(begun, 39),
    )  # fmt: skip

    # when
    body = api.get(f"/v1/jobs/{job.pk}/timeline").json()

    # then
    assert [(span["part"], span["attempt"], span["milliseconds"]) for span in body["spans"]] == [
        ("queue", None, 2_000), ("submit", 1, 1_000), ("provider", 1, 2_000),
        ("queue", None, 5_000), ("submit", 2, 2_000), ("provider", 2, 18_000), ("store", 2, 9_000),
        ("settle", 2, 1_000),
    ]  # fmt: skip
    assert body["spans"][0]["startedAt"] == clock.rfc3339(begun)


def test_a_job_that_ended_in_its_back_off_waited_to_the_end(api, organization):
    # given
    begun = clock.now() - timedelta(minutes=1)
    job = JobFactory(
        organization=organization, status="expired", charged_credits=0, created_at=begun, finished_at=at(begun, 40)
    )
    AttemptFactory(
        job=job, step="ended", lease_until=None, outcome="failed", created_at=begun, intent_at=begun,
        ended_at=at(begun, 10),
    )  # fmt: skip

    # when
    spans = api.get(f"/v1/jobs/{job.pk}/timeline").json()["spans"]

    # then
    assert [(span["part"], span["milliseconds"]) for span in spans[-2:]] == [("provider", 10_000), ("queue", 30_000)]


def test_the_timeline_of_a_living_job_ends_open(api, organization):
    # given
    queued = JobFactory(organization=organization)
    running = AttemptFactory(job=JobFactory(organization=organization, running=True), intent_at=clock.now()).job

    # when
    spans = [api.get(f"/v1/jobs/{job.pk}/timeline").json()["spans"] for job in (queued, running)]

    # then
    assert [(span["part"], span["endedAt"] is None) for span in spans[0]] == [("queue", True)]
    assert [(span["part"], span["endedAt"] is None) for span in spans[1]] == [
        ("queue", False), ("submit", False), ("provider", True),
    ]  # fmt: skip


def at(moment, seconds):
    return moment + timedelta(seconds=seconds)


def test_the_jobs_of_others_are_not_there(api, outsider, teammate, funded):
    # given
    job_id = posted(api).json()["jobId"]

    # when / then
    assert teammate.api.get(f"/v1/jobs/{job_id}").status_code == 200
    for path, method in [("", "get"), ("/cancel", "post"), ("/retry", "post")]:
        foreign = getattr(outsider.api, method)(f"/v1/jobs/{job_id}{path}")
        absent = getattr(outsider.api, method)(f"/v1/jobs/{uuid.uuid4()}{path}")
        assert (foreign.status_code, absent.status_code) == (404, 404), path
        assert {**foreign.json(), "requestId": ""} == {**absent.json(), "requestId": ""}
    assert outsider.api.get("/v1/jobs").json()["data"] == []


def test_a_list_filters_and_pages(api, organization, owner):
    # given
    cats = [JobFactory(organization=organization, user=owner, input={"prompt": f"cat {n}"}) for n in range(3)]
    dog = JobFactory(organization=organization, user=owner, input={"prompt": "a dog"}, failed=True)

    # when / then
    page = api.get("/v1/jobs?limit=2").json()
    assert [row["jobId"] for row in page["data"]] == [str(dog.pk), str(cats[2].pk)]
    rest = api.get(f"/v1/jobs?limit=2&cursor={page['next']}").json()
    assert [row["jobId"] for row in rest["data"]] == [str(cats[1].pk), str(cats[0].pk)]
    assert rest["next"] is None
    assert len(api.get("/v1/jobs?q=cat").json()["data"]) == 3
    assert len(api.get("/v1/jobs?status=failed").json()["data"]) == 1
    assert len(api.get("/v1/jobs?operation=upscale").json()["data"]) == 0
    later = (clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert api.get("/v1/jobs", {"since": later}).json()["data"] == []
    for odd in ("yesterday", "2026-01-02T00:00:00", "0001-01-01T00:00:00+16:00"):
        assert api.get("/v1/jobs", {"since": odd}).status_code == 422
    assert api.get("/v1/jobs", {"since": "2020-01-01T00:00:00+16:00"}).status_code == 200
    unknown = api.get("/v1/jobs", {"status": "lost"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/status")


def test_an_unchanged_job_is_304(api, organization, owner):
    job = JobFactory(organization=organization, user=owner, running=True, seq=3)
    first = api.get(f"/v1/jobs/{job.pk}")
    again = api.get(f"/v1/jobs/{job.pk}", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Job.objects.filter(pk=job.pk).update(seq=4)
    assert api.get(f"/v1/jobs/{job.pk}", headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("change", ["thumbnail", "star", "note", "deletion"])
def test_what_changes_of_an_output_is_no_304(api, organization, owner, change):
    # given
    job = JobFactory(organization=organization, user=owner, succeeded=True, seq=3)
    asset = AssetFactory(organization=organization, user=owner, job_id=job.pk, job_index=0)
    tag = api.get(f"/v1/jobs/{job.pk}")["ETag"]
    assert api.get(f"/v1/jobs/{job.pk}", headers={"If-None-Match": tag}).status_code == 304

    # when
    match change:
        case "thumbnail":
            RenditionFactory(blob=asset.blob, variant=renditions.thumbnails(asset.blob)[0])
        case "star":
            FavouriteFactory(asset=asset, user=owner)
        case "note":
            Asset.objects.filter(pk=asset.pk).update(tags=["sea"])
        case "deletion":
            assets.delete(organization.pk, asset.pk)

    # then
    assert api.get(f"/v1/jobs/{job.pk}", headers={"If-None-Match": tag}).status_code == 200


def test_canceling_a_queued_job_prevents_it_and_gives_everything_back(api, funded, organization):
    # given
    job_id = posted(api).json()["jobId"]

    # when
    first, second = (api.post(f"/v1/jobs/{job_id}/cancel") for _ in range(2))

    # then
    assert first.json()["effect"] == second.json()["effect"] == "prevented"
    assert second.json()["job"]["status"] == "canceled"
    assert second.json()["job"]["cost"] == {"heldCredits": CREDITS, "chargedCredits": 0}
    assert figures(organization) == (10_000, 0, 0)
    assert [event.type for event in JobEvent.objects.filter(job_id=job_id).order_by("seq")] == [
        "job.queued", "job.canceled",
    ]  # fmt: skip
    assert LedgerEntry.objects.filter(reference=f"release:job:{job_id}").count() == 1


def test_canceling_a_running_job_asks_and_a_finished_one_is_too_late(api, organization, owner):
    running = JobFactory(organization=organization, user=owner, running=True)
    done = JobFactory(organization=organization, user=owner, succeeded=True)
    assert api.post(f"/v1/jobs/{running.pk}/cancel").json()["effect"] == "requested"
    assert api.post(f"/v1/jobs/{done.pk}/cancel").json()["effect"] == "too_late"
    running.refresh_from_db()
    assert running.cancel_requested_at is not None
    assert running.status == Status.RUNNING


def test_a_retry_is_a_new_job_and_names_the_old_one(api, funded, organization, owner):
    failed = JobFactory(organization=organization, user=owner, failed=True, input={"prompt": "again"})
    answer = api.post(f"/v1/jobs/{failed.pk}/retry")
    assert answer.status_code == 202
    assert answer.json()["retryOf"] == str(failed.pk)
    assert answer.json()["input"] == {"prompt": "again"}
    running = JobFactory(organization=organization, user=owner, running=True)
    assert api.post(f"/v1/jobs/{running.pk}/retry").json()["code"] == "job_not_retryable"


def test_a_key_of_a_retry_names_the_job_that_is_retried(api, funded, organization, owner):
    # given
    first, second = [JobFactory(organization=organization, user=owner, failed=True) for _ in range(2)]

    def retried(job_id):
        return api.post(f"/v1/jobs/{job_id}/retry", headers={"Idempotency-Key": "again"})

    # when
    answers = [retried(first.pk), retried(first.pk), retried(second.pk), retried(uuid.uuid4())]

    # then
    assert [answer.status_code for answer in answers] == [202, 202, 422, 404]
    assert answers[0].json()["jobId"] == answers[1].json()["jobId"]
    assert answers[2].json()["code"] == "idempotency_mismatch"


def test_a_retry_keeps_the_deadlines(api, funded, organization, owner):
    # given
    begun = clock.now() - timedelta(hours=1)
    failed = JobFactory(
        organization=organization, user=owner, failed=True, created_at=begun,
        start_deadline_at=at(begun, 60), deadline_at=at(begun, 90),
    )  # fmt: skip

    # when
    again = Job.objects.get(pk=api.post(f"/v1/jobs/{failed.pk}/retry").json()["jobId"])

    # then
    spans = [moment - again.created_at for moment in (again.start_deadline_at, again.deadline_at)]
    assert [round(span.total_seconds()) for span in spans] == [60, 90]


def test_canceling_a_job_in_its_back_off_says_the_same_each_time(api, funded, organization):
    # given
    job_id = posted(api).json()["jobId"]
    Job.objects.filter(pk=job_id).update(attempts_made=1, is_ready=False, next_attempt_at=at(clock.now(), 60))

    # then
    assert [api.post(f"/v1/jobs/{job_id}/cancel").json()["effect"] for _ in range(2)] == ["prevented", "prevented"]


def test_a_quote_says_when_the_queue_is_full(api, funded, organization):
    # given
    Entitlement.objects.filter(pk=organization.pk).update(queued_jobs=1)
    posted(api)

    # when
    quote = api.post("/v1/quotes", BODY, format="json").json()

    # then
    assert (quote["admitted"], quote["problem"]["code"]) == (False, "queue_full")
    assert posted(api).json()["code"] == "queue_full"


def test_no_cache_keeps_what_was_answered_to_somebody(api, funded):
    for answer in (posted(api), api.get("/v1/jobs"), api.get("/v1/nothing")):
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))


def test_overdue_jobs_expire_free_of_charge(committed, api, funded, organization):
    # given
    late = posted(api, {**BODY, "startDeadlineSeconds": 60}).json()["jobId"]
    in_time = posted(api, {**BODY, "startDeadlineSeconds": 60}).json()["jobId"]
    Job.objects.filter(pk=late).update(start_deadline_at=clock.now() - timedelta(seconds=1))

    # when
    jobs.expire_overdue()

    # then
    assert api.get(f"/v1/jobs/{late}").json()["status"] == "expired"
    assert api.get(f"/v1/jobs/{in_time}").json()["status"] == "queued"
    assert figures(organization) == (10_000 - CREDITS, CREDITS, 0)


def test_a_running_job_past_its_deadline_is_asked_to_stop(organization, owner):
    job = JobFactory(
        organization=organization, user=owner, running=True, deadline_at=clock.now() - timedelta(seconds=1)
    )
    jobs.expire_overdue()
    job.refresh_from_db()
    assert job.cancel_requested_at is not None


def test_a_quote_prices_without_spending(api, funded, organization):
    answer = api.post("/v1/quotes", BODY, format="json")
    assert answer.json() == {
        "credits": CREDITS, "units": {"image": 2}, "priceVersion": 1, "admitted": True, "problem": None,
    }  # fmt: skip
    assert_nothing_moved(organization)


def test_a_quote_says_why_not(api, organization):
    answer = api.post("/v1/quotes", BODY, format="json").json()
    assert (answer["admitted"], answer["problem"]["code"]) == (False, "insufficient_credits")


def test_models_carry_schemas_and_prices(api):
    # when
    [model] = api.get("/v1/models").json()["data"]

    # then
    assert (model["model"], model["title"], model["provider"], model["enabled"], model["healthy"]) == (
        "sandbox/v1", "Sandbox", "sandbox", True, True,
    )  # fmt: skip
    generate = next(one for one in model["operations"] if one["operation"] == "generate")
    assert generate["inputSchema"]["properties"]["prompt"]["type"] == "string"
    assert (generate["title"], generate["price"][0]["credits"]) == ("Generate", 20)
    assert len(model["operations"]) == 15


def test_faults_on_demand_are_offered_only_where_they_are_to_be_had(api, settings):
    for has_faults in (True, False):
        settings.SANDBOX_FAULTS = has_faults
        [model] = api.get("/v1/models").json()["data"]
        offered = {"sandbox" in one["inputSchema"]["properties"] for one in model["operations"]}
        assert offered == {has_faults}


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/models"])
def test_nobody_signed_in_is_401(anonymous, path):
    answer = anonymous.get(path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
