"""Jobs per second of one worker process: so many in flight at a provider that takes so long.

The provider is the sandbox. Jobs for text show what the backend itself costs: claimed, submitted, waited for, settled,
paid and told of. Jobs for pictures (64 x 64) add what a machine of two cores must also do for them here: draw them,
decode them in a limited child, store them in the bucket, whose server shares the cores. Three waves are queued before
the worker starts; the clock is the database's.
"""

import json
import time

from bench.machine import measured, pss_mb
from bench.results import Burst, Result
from bench.scale import Load, Output, Scale
from bench.site import Site, manage

OPERATIONS: dict[Output, str] = {"text": "magic-prompt", "picture": "generate"}
WAVES = 3
_TIMEOUT_SECONDS = 300


def run(site: Site, scale: Scale, *, rounds: int) -> list[Result]:
    """Each load `rounds` times, each with a worker of its own."""
    results = []
    for load in scale.loads:
        params = {"output": load.output, "in_flight": load.in_flight, "latency_s": load.latency_seconds}
        result = Result(bench="jobs", contender="project", params=params)
        for _ in range(rounds):
            result.add(wave(site, load))
        results.append(result)
    return results


def wave(site: Site, load: Load) -> Burst:
    """Three times as many jobs as may be in flight, from the queue to the last one's end, by a worker of their own."""
    in_flight, latency = load.in_flight, load.latency_seconds
    site.sql("TRUNCATE generation_job, generation_attempt, generation_jobevent CASCADE")
    site.sql("UPDATE generation_providerstate SET places = %s, tokens = 10000, pace = pace_per_minute", in_flight)
    count = WAVES * in_flight
    _queue(site, load, count)
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
    return Burst(values=values, errors=_books(site, load, count), is_quiet=usage.is_quiet)


def _queue(site: Site, load: Load, count: int) -> None:
    """Admit the jobs by the same function as the API, spread over the organizations."""
    size = {"width": 64, "height": 64} if load.output == "picture" else {}
    asked = {"prompt": "a cat", "sandbox": {"latencySeconds": load.latency_seconds, "progressSteps": 1}} | size
    site.sql(
        """
        SELECT generation_admit(k.organization_id, k.user_id, k.id, %s, 'sandbox/v1', 'sandbox', %s::jsonb,
          '{}', 'unit', 1, 20, 0, 1, 1, 0, NULL, NULL, NULL, '', '', 'jobs', NULL, NULL)
        FROM (SELECT organization_id, user_id, id, row_number() OVER () AS n FROM accounts_apikey) k,
             generate_series(0, %s - 1) g
        WHERE k.n = 1 + g %% (SELECT count(*) FROM accounts_apikey)
        """,
        OPERATIONS[load.output],
        json.dumps(asked),
        count,
    )


def _ring(site: Site) -> None:
    """As the sweep would, within five seconds."""
    manage(
        site.environment, "shell", "-v", "0", "-c",
        "from core import doorbell, postman; doorbell.ring('sandbox'); postman.finish()",
    )  # fmt: skip


def _books(site: Site, load: Load, count: int) -> list[str]:
    made = (
        "SELECT count(*) FROM storage_asset a JOIN generation_job j ON j.id = a.job_id WHERE a.status = 'ready'"
        if load.output == "picture"
        else "SELECT count(*) FROM generation_job WHERE jsonb_array_length(output_text) = 1"
    )
    figures = {
        "jobs that succeeded": "SELECT count(*) FROM generation_job WHERE status = 'succeeded'",
        "provider calls": "SELECT count(*) FROM generation_attempt WHERE intent_at IS NOT NULL",
        "outputs that are ready": made,
        "holds that were captured": "SELECT count(*) FROM usage_hold h JOIN generation_job j"
        " ON h.reference = 'job:' || j.id WHERE h.state = 'captured'",
    }
    found = {name: site.figure(statement) for name, statement in figures.items()}
    return [f"{number} {name} of {count} jobs" for name, number in found.items() if number != count]
