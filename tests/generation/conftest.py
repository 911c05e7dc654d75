"""A real runner in the test's own process."""

import pytest


@pytest.fixture
def runner(committed, settings):
    """A worker's runner in this process; whoever uses it runs alone on the sandbox's queue of this database."""
    # Read before the servers are up where this folder alone is tested; then there are no settings yet.
    from generation import jobs
    from generation.models import Job, ProviderState, Status
    from generation.runner import Runner

    settings.RETRY_BACKOFF_SECONDS = 0.05
    settings.SEND_WITHIN_SECONDS = 0.5
    ProviderState.objects.filter(pk="sandbox").update(resumes_at=None, pace=60_000, tokens=1_000, failures=0)
    # What committed tests before this one left in the line would be worked on first.
    for job_id in Job.objects.filter(status=Status.QUEUED).values_list("id", flat=True):
        jobs.cancel(job_id)
    running = Runner(slots=50)
    yield running
    running.drain(timeout=10)
