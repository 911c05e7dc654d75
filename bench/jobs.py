"""Jobs per second of one worker process: so many in flight at a provider that takes so long, pictures stored in S3.

The provider is the sandbox: it draws each picture (64 x 64) and the worker stores it in the bucket, pays for it and
tells of it. Three waves are queued before the worker starts; the clock is the database's.
"""

import json
import time

from bench.machine import measured, pss_mb
from bench.results import Burst, Result
from bench.site import Site, manage

# (in flight, seconds the provider takes)
LOADS = ((200, 0.0), (200, 5.0), (1_000, 5.0))
WAVES = 3
_TIMEOUT_SECONDS = 300


def run(site: Site, *, rounds: int) -> list[Result]:
    """Each load `rounds` times, each with a worker of its own."""
    results = []
    for in_flight, latency in LOADS:
        result = Result(bench="jobs", contender="project", params={"in_flight": in_flight, "latency_s": latency})
        for _ in range(rounds):
            result.add(_wave(site, in_flight, latency))
        results.append(result)
    return results


def _wave(site: Site, in_flight: int, latency: float) -> Burst:
    site.sql("TRUNCATE generation_job, generation_attempt, generation_jobevent CASCADE")
    site.sql("UPDATE generation_providerstate SET places = %s, tokens = 10000, pace = pace_per_minute", in_flight)
    count = WAVES * in_flight
    _queue(site, count, latency)
    # As autovacuum does within its first minutes; until then plans are made for tables that were empty.
    site.sql("ANALYZE")
    site.environment["RUNNER_SLOTS"] = str(in_flight)
    worker, memory = site.start("worker"), 0.0

    def drain() -> None:
        nonlocal memory
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while site.figure("SELECT count(*) FROM generation_job WHERE finished_at IS NOT NULL") < count:
            if time.monotonic() > deadline:
                raise RuntimeError("the jobs did not end in time")
            memory = max(memory, pss_mb(worker.pid))
            time.sleep(0.5)

    _ring(site)
    _, usage = measured({"worker": worker.pid}, drain)
    site.stop("worker")
    span = float(
        str(site.sql("SELECT extract(epoch FROM max(finished_at) - min(finished_at)) FROM generation_job")[0][0])
    )
    rate = count / (span + latency)
    values = {
        "jobs_s": round(rate, 1),
        "cpu_ms_per_job": round(usage.cpu_seconds["worker"] / count * 1_000, 2),
        "pss_mb": round(memory),
        "foreign_cores": usage.foreign_cores,
        "provider_calls": site.figure("SELECT count(*) FROM generation_attempt WHERE intent_at IS NOT NULL"),
    }
    if latency:
        values["of_ideal"] = round(rate / (in_flight / latency), 3)
    return Burst(values=values, errors=_books(site, count), is_quiet=usage.is_quiet)


def _queue(site: Site, count: int, latency: float) -> None:
    """Admit the jobs by the same function as the API, spread over the organizations."""
    picture = {"prompt": "a cat", "width": 64, "height": 64, "sandbox": {"latencySeconds": latency, "progressSteps": 1}}
    site.sql(
        """
        SELECT generation_admit(k.organization_id, k.user_id, k.id, 'generate', 'sandbox/v1', 'sandbox', %s::jsonb,
          '{}', 'image', 1, 20, 0, 1, 1, 0, NULL, NULL, NULL, '', '', 'jobs', NULL, NULL)
        FROM (SELECT organization_id, user_id, id, row_number() OVER () AS n FROM accounts_apikey) k,
             generate_series(0, %s - 1) g
        WHERE k.n = 1 + g %% (SELECT count(*) FROM accounts_apikey)
        """,
        json.dumps(picture),
        count,
    )


def _ring(site: Site) -> None:
    """As the sweep would, within five seconds."""
    manage(
        site.environment, "shell", "-v", "0", "-c",
        "from core import doorbell, postman; doorbell.ring('sandbox'); postman.finish()",
    )  # fmt: skip


def _books(site: Site, count: int) -> list[str]:
    figures = {
        "jobs that succeeded": "SELECT count(*) FROM generation_job WHERE status = 'succeeded'",
        "provider calls": "SELECT count(*) FROM generation_attempt WHERE intent_at IS NOT NULL",
        "outputs that are ready": "SELECT count(*) FROM storage_asset a JOIN generation_job j ON j.id = a.job_id"
        " WHERE a.status = 'ready'",
        "holds that were captured": "SELECT count(*) FROM usage_hold h JOIN generation_job j"
        " ON h.reference = 'job:' || j.id WHERE h.state = 'captured'",
    }
    found = {name: site.figure(statement) for name, statement in figures.items()}
    return [f"{number} {name} of {count} jobs" for name, number in found.items() if number != count]
