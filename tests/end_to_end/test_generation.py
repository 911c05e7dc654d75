"""The main job over real processes: API, queue, worker, bucket, sockets and SSE, ledger; and what may break."""

import hashlib
import io
import json
import os
import signal
import time
from contextlib import contextmanager, suppress

import httpx2
import pytest
import redis
from django.db import connection
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from generation import progress
from generation.models import Attempt, Job, JobEvent
from usage import ledger
from usage.models import Hold, LedgerEntry, UsageRecord, Wallet

PRICE = 20


@pytest.fixture
def client(stack, owner):
    with httpx2.Client(
        base_url=stack.base_url, headers={"Authorization": f"Bearer {owner.secret}"}, timeout=30
    ) as opened:
        yield opened


def submit(client, **sandbox):
    body = {
        "operation": "generate",
        "model": "sandbox/v1",
        "input": {"prompt": "a lighthouse at dusk", "width": 128, "height": 96, "sandbox": sandbox},
    }
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["jobId"]


def ended(client, job_id, seconds=60):
    deadline = time.monotonic() + seconds
    while (job := client.get(f"/v1/jobs/{job_id}").json())["status"] in {"queued", "running"}:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def all_end(organization, count, seconds=60):
    deadline = time.monotonic() + seconds
    while Job.objects.filter(organization=organization, finished_at__isnull=False).count() < count:
        assert time.monotonic() < deadline, list(
            Job.objects.filter(organization=organization).values_list("status", "stage")
        )
        time.sleep(0.1)
    return Job.objects.filter(organization=organization)


@contextmanager
def socket(stack, client):
    """A socket signed in by a ticket, as a backend would."""
    ticket = client.post("/v1/ws-tickets").json()["ticket"]
    with connect(stack.base_url.replace("http", "ws") + "/v1/ws", open_timeout=10) as opened:
        opened.send(json.dumps({"type": "auth", "ticket": ticket}))
        assert json.loads(opened.recv(timeout=10)) == {"type": "ready"}
        yield opened


def heard_to_the_end(opened):
    """The event frames, as they came, until the final one."""
    frames = []
    while True:
        frame = opened.recv(timeout=30)
        frames.append(frame)
        if json.loads(frame).get("status") in {"succeeded", "failed", "canceled", "expired"}:
            return frames


def streamed(client, job_id, **headers):
    """The (id, data) pairs of the SSE stream, which ends by itself."""
    events, last = [], None
    with client.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers, timeout=40) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for line in answer.iter_lines():
            if line.startswith("id: "):
                last = int(line[4:])
            elif line.startswith("data: "):
                events.append((last, line[6:]))
    return events


def test_a_job_from_the_request_to_the_bytes_and_the_books(stack, client, organization, funded):
    # given: a listener who is there before the job runs
    with socket(stack, client) as listener:
        job_id = submit(client, latencySeconds=1.5, progressSteps=3)
        listener.send(json.dumps({"type": "subscribe", "channel": f"job:{job_id}", "after": 0}))
        subscribed = json.loads(listener.recv(timeout=10))
        assert (subscribed["type"], subscribed["channel"], subscribed["recovered"]) == (
            "subscribed", f"job:{job_id}", True,
        )  # fmt: skip

        # when
        by_socket = heard_to_the_end(listener)
        by_sse = streamed(client, job_id)
        job = ended(client, job_id)

    # then: one log, gap-free, the same bytes on both carriers
    rows = list(JobEvent.objects.filter(job_id=job_id).order_by("seq").values_list("seq", "body"))
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    assert by_socket == [body for _, body in rows]
    assert by_sse == rows
    types = [json.loads(body)["type"] for _, body in rows]
    assert (types[0], types[1], types[-1]) == ("job.queued", "job.started", "job.succeeded")
    assert "job.progress" in types
    assert json.loads(rows[-1][1])["resultUrl"] == f"/v1/assets/{job['output']['assets'][0]['id']}/content"

    # and the picture lies in the bucket as it was counted
    [asset] = job["output"]["assets"]
    picture = httpx2.get(job["resultUrl"])
    assert (len(picture.content), hashlib.sha256(picture.content).hexdigest()) == (asset["size"], asset["sha256"])
    assert Image.open(io.BytesIO(picture.content)).size == (asset["width"], asset["height"]) == (128, 96)
    permanent = client.get(json.loads(rows[-1][1])["resultUrl"])
    assert permanent.status_code == 302
    assert httpx2.get(permanent.headers["location"]).content == picture.content

    # and it is paid for, once
    wallet = Wallet.objects.get(pk=organization.pk)
    assert (wallet.available, wallet.held, wallet.debt) == (10_000 - PRICE, 0, 0)
    kinds = LedgerEntry.objects.filter(wallet=wallet).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["grant", "hold", "capture"]
    assert job["cost"] == {"heldCredits": PRICE, "chargedCredits": PRICE}
    assert client.get("/v1/balance").json()["available"] == 10_000 - PRICE
    assert UsageRecord.objects.get(job_id=job_id).credits == PRICE
    assert ledger.verify().errors == ()

    # and the worker's log tells of it under the request's trace, without the prompt
    assert "lighthouse" not in stack.log("worker") + stack.log("web") + stack.log("live")


def test_a_listener_resumes_after_the_event_it_has(stack, client, funded):
    # given
    job_id = submit(client, latencySeconds=0)
    ended(client, job_id)
    rows = list(JobEvent.objects.filter(job_id=job_id).order_by("seq").values_list("seq", "body"))

    # when / then
    assert streamed(client, job_id, **{"Last-Event-ID": "2"}) == rows[2:]
    with socket(stack, client) as listener:
        listener.send(json.dumps({"type": "subscribe", "channel": f"job:{job_id}", "after": 2}))
        assert json.loads(listener.recv(timeout=10))["seq"] == rows[-1][0]
        assert heard_to_the_end(listener) == [body for _, body in rows[2:]]


def test_an_answer_waits_for_the_end_where_that_is_preferred(stack, client, funded):
    # when
    body = {
        "operation": "generate",
        "model": "sandbox/v1",
        "input": {"prompt": "a cat", "width": 64, "height": 64, "sandbox": {"latencySeconds": 1}},
    }
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=20"})

    # then
    job = answer.json()
    assert (answer.status_code, job["status"]) == (200, "succeeded")
    assert httpx2.get(job["resultUrl"]).status_code == 200
    assert answer.headers["Location"] == f"/v1/jobs/{job['jobId']}"
    assert answer.headers["RateLimit"]

    # and a poller that knows how the job stands waits as well
    later = submit(client, latencySeconds=1)
    tag = client.get(f"/v1/jobs/{later}").headers["ETag"]
    ended = client.get(f"/v1/jobs/{later}", headers={"Prefer": "wait=20", "If-None-Match": tag})
    assert (ended.status_code, ended.json()["status"]) == (200, "succeeded")

    # and one that takes longer is shown as it stands
    slow = submit(client, latencySeconds=60)
    still = client.get(f"/v1/jobs/{slow}", headers={"Prefer": "wait=1"}).json()
    assert still["status"] in {"queued", "running"}
    client.post(f"/v1/jobs/{slow}/cancel")


def test_a_key_that_may_only_submit_gets_its_answer_after_the_wait(stack, client, owner, funded):
    # given
    key = client.post("/v1/api-keys", json={"name": "submits", "scopes": ["jobs:write"]}).json()["key"]
    body = {"operation": "magic-prompt", "model": "sandbox/v1", "input": {"prompt": "a cat"}}

    # when
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=20", "Authorization": f"Bearer {key}"})

    # then
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['jobId']}"


def test_the_organizations_channel_tells_of_every_job(stack, client, funded):
    with socket(stack, client) as listener:
        listener.send(json.dumps({"type": "subscribe", "channel": "org"}))
        assert json.loads(listener.recv(timeout=10))["type"] == "subscribed"
        first, second = submit(client, latencySeconds=0), submit(client, latencySeconds=0)
        heard = {json.loads(frame)["jobId"] for _ in range(2) for frame in heard_to_the_end(listener)}
    assert heard == {first, second}


def test_sockets_keep_strangers_out(stack, client, outsider, funded):
    # given
    job_id = submit(client, latencySeconds=0)
    address = stack.base_url.replace("http", "ws") + "/v1/ws"

    # when: an outsider asks for a job of others, and for one that is not there
    answers = []
    with (
        httpx2.Client(base_url=stack.base_url, headers={"Authorization": f"Bearer {outsider.secret}"}) as stranger,
        socket(stack, stranger) as opened,
    ):
        for channel in (f"job:{job_id}", "job:01890000-0000-7000-8000-000000000000", "job:nonsense"):
            opened.send(json.dumps({"type": "subscribe", "channel": channel}))
            answers.append(json.loads(opened.recv(timeout=10)))

    # then
    assert [(one["type"], one["code"]) for one in answers] == [("error", "not_found")] * 3

    # and a ticket is good once, a made-up one never, another site not at all
    ticket = client.post("/v1/ws-tickets").json()["ticket"]
    for number, value in enumerate([ticket, ticket, "made-up"]):
        with connect(address) as opened:
            opened.send(json.dumps({"type": "auth", "ticket": value}))
            if number == 0:
                assert json.loads(opened.recv(timeout=10)) == {"type": "ready"}
                continue
            with pytest.raises(ConnectionClosed) as closed:
                opened.recv(timeout=10)
            assert closed.value.rcvd.code == 4401
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for origin in ("https://evil.example", "null", stack.base_url + ".evil.example"):
        assert httpx2.get(stack.base_url + "/v1/ws", headers=handshake | {"Origin": origin}).status_code == 403


def test_bad_frames_and_floods_end_a_socket(stack, client):
    with socket(stack, client) as opened:
        for _ in range(3):
            opened.send("[1")
            opened.recv(timeout=10)
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(timeout=10)
        assert closed.value.rcvd.code == 1008
    with socket(stack, client) as opened:
        with pytest.raises(ConnectionClosed) as closed:
            ping_until_closed(opened)
        assert closed.value.rcvd.code == 4429


def ping_until_closed(opened):
    for _ in range(200):
        opened.send('{"type": "ping"}')
    while True:
        opened.recv(timeout=10)


def test_a_socket_that_reads_nothing_is_ended_and_holds_up_nobody(stack, client, organization, funded):
    # given: two follow a job that says nothing more by itself, and one of them never reads
    job_id = submit(client, latencySeconds=0)
    ended(client, job_id)
    with socket(stack, client) as reader, socket(stack, client) as sleeper:
        for one in (reader, sleeper):
            one.send(json.dumps({"type": "subscribe", "channel": f"job:{job_id}", "after": 1_000}))
            assert json.loads(one.recv(timeout=10))["type"] == "subscribed"

        # when / then: more than its buffers hold
        for first in range(1_001, 2_001, 20):
            heard_in_order(reader, organization, job_id, list(range(first, first + 20)))
        with pytest.raises((ConnectionClosed, OSError)):
            ask_until_closed(sleeper)


def heard_in_order(opened, organization, job_id, seqs):
    """Announce large events with these numbers until all are heard: Valkey may lose some, and no row has them."""
    heard, deadline = [], time.monotonic() + 60
    while len(heard) < len(seqs):
        assert time.monotonic() < deadline, (seqs, heard)
        for seq in seqs[len(heard) :]:
            event = {"type": "job.progress", "jobId": job_id, "seq": seq, "status": "running", "padding": "x" * 20_000}
            progress.announce(organization.pk, job_id, json.dumps(event))
        with suppress(TimeoutError):
            while len(heard) < len(seqs):
                heard.append(json.loads(opened.recv(timeout=5))["seq"])
    assert heard == seqs


def ask_until_closed(opened):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        opened.send('{"type": "ping"}')
        time.sleep(0.5)


def test_a_photograph_is_upscaled_and_reframed(stack, client, funded):
    # given
    photo = io.BytesIO()
    Image.effect_noise((200, 150), 60).convert("RGB").save(photo, "JPEG", quality=90)
    upload = client.post("/v1/assets", files={"file": ("photo.jpg", photo.getvalue(), "image/jpeg")})
    assert upload.status_code == 201, upload.text
    image = upload.json()["id"]

    # when
    sizes = {}
    for operation, options in [("upscale", {}), ("reframe", {"aspectRatio": "16:9"})]:
        body = {"operation": operation, "model": "sandbox/v1", "input": {"image": image, **options}}
        answer = client.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        job = ended(client, answer.json()["jobId"])
        assert job["status"] == "succeeded", job
        sizes[operation] = Image.open(io.BytesIO(httpx2.get(job["resultUrl"]).content)).size

    # then
    assert sizes["upscale"] == (400, 300)
    width, height = sizes["reframe"]
    assert width / height == pytest.approx(16 / 9, rel=0.02)


def test_a_worker_killed_with_twenty_jobs_in_flight_loses_and_doubles_nothing(stack, client, organization, funded):
    # given: five wait their turn and fifteen are at the provider or about to be
    jobs = [submit(client, latencySeconds=4) for _ in range(20)]
    deadline = time.monotonic() + 20
    while Attempt.objects.filter(job_id__in=jobs).exclude(task_id="").count() < 15:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    # when
    os.kill(stack.processes["worker"].pid, signal.SIGKILL)
    stack.restart("worker")

    # then
    rows = all_end(organization, 20)
    assert set(rows.values_list("status", flat=True)) == {"succeeded"}
    assert_paid_once_each(organization, 20)
    assert Attempt.objects.filter(job__organization=organization, crashes=1).count() >= 15


def test_a_worker_told_to_end_hands_its_work_on(stack, client, organization, funded):
    # given
    job_id = submit(client, latencySeconds=4)
    deadline = time.monotonic() + 20
    while not Attempt.objects.filter(job_id=job_id).exclude(task_id="").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)

    # when
    started = time.monotonic()
    os.kill(stack.processes["worker"].pid, signal.SIGTERM)
    while Attempt.objects.get(job_id=job_id).worker:
        assert time.monotonic() - started < 10
        time.sleep(0.05)
    stack.restart("worker")

    # then
    assert ended(client, job_id)["status"] == "succeeded"
    assert Attempt.objects.get(job_id=job_id).crashes == 0
    assert_paid_once_each(organization, 1)


def test_a_flushed_broker_loses_nothing(stack, client, organization, funded):
    # given
    jobs = [submit(client, latencySeconds=0.5) for _ in range(50)]

    # when: in the middle of it, twice
    valkey = redis.Redis.from_url(os.environ["REDIS_URL"])
    for _ in range(2):
        valkey.flushdb()
        time.sleep(0.3)
    valkey.close()

    # then
    rows = all_end(organization, len(jobs))
    assert set(rows.values_list("status", flat=True)) == {"succeeded"}
    assert_paid_once_each(organization, 50)


def test_a_restarted_postgres_costs_time_and_nothing_else(stack, client, organization, funded):
    # given
    for _ in range(10):
        submit(client, latencySeconds=2)

    # when: every connection of every process breaks, as in a restart
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        time.sleep(0.7)

    # then
    rows = all_end(organization, 10)
    assert set(rows.values_list("status", flat=True)) == {"succeeded"}
    assert_paid_once_each(organization, 10)
    assert client.get("/v1/balance").status_code == 200


def assert_paid_once_each(organization, count):
    wallet = Wallet.objects.get(pk=organization.pk)
    assert (wallet.available, wallet.held) == (10_000 - count * PRICE, 0)
    assert Hold.objects.filter(wallet=wallet, state="captured").count() == count
    assert not Hold.objects.filter(wallet=wallet, state="open").exists()
    assert LedgerEntry.objects.filter(wallet=wallet, kind="capture").count() == count
    assert UsageRecord.objects.filter(organization=organization, outcome="succeeded").count() == count
    # One paid call for each job: no attempt was ever submitted anew.
    tried_again = Attempt.objects.filter(job__organization=organization).exclude(error_code="")
    assert list(tried_again.values_list("error_code", "error_detail")) == []
    assert Attempt.objects.filter(job__organization=organization).count() == count
    for job in Job.objects.filter(organization=organization):
        assert list(job.events.order_by("seq").values_list("seq", flat=True)) == list(range(1, job.seq + 1))
    assert ledger.verify().errors == ()
