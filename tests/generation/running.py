"""Jobs for the sandbox, and waiting for what becomes of them."""

import time

from generation import jobs
from generation.models import Job
from usage.models import Hold, Wallet

PRICE = 20


def submitted(api, *, count=1, **sandbox):
    body = {
        "operation": "generate",
        "model": "sandbox/v1",
        "input": {
            "prompt": "a cat",
            "count": count,
            "width": 64,
            "height": 64,
            "sandbox": {"latencySeconds": 0, **sandbox},
        },
    }
    answer = api.post("/v1/jobs", body, format="json")
    assert answer.status_code == 202, answer.json()
    return Job.objects.get(pk=answer.json()["jobId"])


def until(condition, *, runner=None, seconds=20):
    """Wait for rows to say so, ringing as the sweep would."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came about"
        jobs.wake_backoffs()
        if runner:
            runner.wake("sandbox")
        time.sleep(0.02)
    return found


def ended(job, runner):
    until(lambda: Job.objects.filter(pk=job.pk, finished_at__isnull=False).exists(), runner=runner)
    job.refresh_from_db()
    return job


def assert_settled(job, *, charged):
    wallet = Wallet.objects.get(pk=job.organization_id)
    assert (wallet.held, wallet.available) == (0, 10_000 - charged)
    assert job.charged_credits == charged
    assert Hold.objects.get(reference=f"job:{job.pk}").state == ("captured" if charged else "released")
    seqs = list(job.events.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, job.seq + 1))
