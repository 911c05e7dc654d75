"""A real runner in the test's own process."""

import pytest


@pytest.fixture
def empty_line(committed):
    """The sandbox at its full pace, with nothing to do: what committed tests before this one left is put aside."""
    # Read before the servers are up where this folder alone is tested; then there are no settings yet.
    from generation import jobs
    from generation.models import Attempt, Job, ProviderState, Status

    for job_id in Job.objects.filter(status=Status.QUEUED).values_list("id", flat=True):
        jobs.cancel(job_id)
    Job.objects.filter(status=Status.RUNNING, provider="sandbox").update(provider="elsewhere")
    Attempt.objects.filter(provider="sandbox").exclude(step="ended").update(provider="elsewhere")
    ProviderState.objects.filter(pk="sandbox").update(resumes_at=None, pace=60_000, tokens=1_000, failures=0)


@pytest.fixture
def runner(empty_line, settings):
    """A worker's runner in this process; whoever uses it runs alone on the sandbox's queue of this database."""
    from generation.runner import Runner

    settings.RETRY_BACKOFF_SECONDS = 0.05
    settings.SEND_WITHIN_SECONDS = 0.5
    running = Runner(slots=50)
    yield running
    running.drain(timeout=10)
