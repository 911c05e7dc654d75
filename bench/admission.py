"""`POST /v1/jobs` per second: the product, the database alone (pgbench on the very same statement), and the peer.

All contenders are up at once and take turns in short bursts, so that the machine's moods hit all of them. A worker
is rung for every job meanwhile, and has no place left: the queue of a busy day. After each burst of the product the
books must agree with the answers, or there is no figure.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import peer as peers
from bench.machine import Usage, measured, pss_mb
from bench.results import Burst, Result
from bench.scale import Scale
from bench.site import Site
from config.embedded import ports
from config.embedded.postgres import binaries_for

LOAD = Path(__file__).parent / "load"
BODY = {
    "operation": "generate",
    "model": "sandbox/v1",
    "input": {
        "prompt": "a lighthouse at dusk, oil on canvas",
        "width": 64,
        "height": 64,
        "seed": 7,
        # A worker takes these until its places are full, and waits: what is measured is admission, not drawing.
        "sandbox": {"latencySeconds": 600},
    },
}
_TRIES = 3
_FILL_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Who takes part: its burst of so many seconds over so many connections, and the processes that do its work."""

    name: str
    burst: Callable[[int, int], dict[str, float]]
    trees: dict[str, int]
    check: Callable[[], list[str]] = list


@dataclass(slots=True)
class Tally:
    """What the database must hold: jobs answered for, and those that were on their way when a burst ended."""

    answered: int = 0
    dropped: int = 0


def run(site: Site, scale: Scale, *, rounds: int, seconds: int, peer: Path | None) -> list[Result]:
    """Every contender at each number of connections, in turn, `rounds` times."""
    assert site.postgres.process
    postgres = site.postgres.process.pid
    site.environment["RUNNER_SLOTS"] = str(scale.worker_places)
    web, _ = site.start("web"), site.start("worker")
    _write_keys(site)
    # A job of another bench may wait there already.
    tally = Tally(answered=site.figure("SELECT count(*) FROM generation_job"))
    with ExitStack() as stack:
        address = f"http://{ports.LOOPBACK}:{site.ports['web']}/v1/jobs"
        contenders = [
            Contender(
                name="project",
                burst=partial(_wrk, site, address, "project", tally),
                trees={"server": web.pid, "postgres": postgres},
                check=partial(_books, site, tally),
            ),
            Contender(name="pgbench", burst=partial(_pgbench, site, tally), trees={"postgres": postgres}),
        ]
        if peer:
            other = stack.enter_context(peers.running(peer, site, "api"))
            address = f"http://{ports.LOOPBACK}:{other.port}/v1/jobs"
            trees = {"server": other.process.pid, "postgres": postgres}
            contenders.append(Contender(name="peer", burst=partial(_wrk, site, address, "peer", Tally()), trees=trees))
        results = {
            (one.name, count): Result(bench="admission", contender=one.name, params={"c": count})
            for count in scale.connections
            for one in contenders
        }
        for one in contenders:
            one.burst(16, scale.warm_up_seconds)
        _fill_the_worker(site)
        # As autovacuum does within its first minutes; until then plans are made for tables that were empty.
        site.sql("ANALYZE")
        for one in contenders:
            one.burst(16, scale.warm_up_seconds)
        for _ in range(rounds):
            for count in scale.connections:
                for one in contenders:
                    results[one.name, count].add(_burst(one, count, seconds))
    site.stop("web", "worker")
    for count in scale.connections:
        for other_name in ("pgbench", "peer"):
            if beside := results.get((other_name, count)):
                results["project", count].compare(beside, "rps")
    return list(results.values())


def _fill_the_worker(site: Site) -> None:
    """Wait until every place of the worker is taken."""
    places, deadline = int(site.environment["RUNNER_SLOTS"]), time.monotonic() + _FILL_SECONDS
    while site.figure("SELECT count(*) FROM generation_job WHERE status = 'running'") < places:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not fill up")
        time.sleep(0.2)


def _burst(one: Contender, count: int, seconds: int) -> Burst:
    """A burst, again while others disturb it; the last is kept and marked."""
    for _ in range(_TRIES):
        values, usage = measured(one.trees, partial(one.burst, count, seconds))
        if usage.is_quiet:
            break
    return Burst(values=values | _costs(one, usage, values), errors=one.check(), is_quiet=usage.is_quiet)


def _costs(one: Contender, usage: Usage, values: dict[str, float]) -> dict[str, float]:
    requests = max(values["requests"], 1)
    cpu = {f"{name}_cpu_ms": round(spent / requests * 1_000, 3) for name, spent in usage.cpu_seconds.items()}
    memory = {"pss_mb": round(pss_mb(one.trees["server"]))} if "server" in one.trees else {}
    return cpu | memory | {"foreign_cores": usage.foreign_cores}


def _wrk(site: Site, address: str, who: str, tally: Tally, connections: int, seconds: int) -> dict[str, float]:
    answer = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", LOAD / "admit.lua", address],
        env=dict(os.environ)
        | {"KEYS_FILE": str(site.folder / f"{who}.keys"), "BODY_FILE": str(site.folder / f"{who}.body")},
        capture_output=True,
        text=True,
        check=True,
    )
    values: dict[str, float] = json.loads(re.findall(r"^\{.*\}$", answer.stdout, re.MULTILINE)[0])
    if values["refused"] or values["errors"]:
        raise RuntimeError(f"{who}: {values['refused']} refused, {values['errors']} broken of {values['requests']}")
    tally.answered += int(values["requests"])
    tally.dropped += connections
    return values


def _pgbench(site: Site, tally: Tally, connections: int, seconds: int) -> dict[str, float]:
    pgbench = binaries_for(site.postgres.directory) / "pgbench"
    answer = subprocess.run(
        [pgbench, site.environment["DATABASE_URL"], "-n", "-M", "prepared", f"-c{connections}", "-j1",
         f"-T{seconds}", "-D", f"keys={len(site.secrets)}", "-f", LOAD / "admit.pgbench"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    tps = float(re.findall(r"tps = ([\d.]+)", answer.stdout)[0])
    done = int(re.findall(r"actually processed: (\d+)", answer.stdout)[0])
    tally.answered += done
    return {"requests": done, "rps": tps}


def _books(site: Site, tally: Tally) -> list[str]:
    """What must hold after each burst, in words where it does not. wrk drops what is in flight when its time is up."""
    admitted = site.figure("SELECT count(*) FROM generation_job")
    checks = {
        f"{admitted} jobs for {tally.answered} answers": 0 <= admitted - tally.answered <= tally.dropped,
        "a job without its hold": not site.figure(
            "SELECT count(*) FROM generation_job j LEFT JOIN usage_hold h ON h.reference = 'job:' || j.id"
            " WHERE h.id IS NULL OR h.credits <> j.held_credits"
        ),
        "holds and wallets differ": not site.figure(
            "SELECT coalesce(sum(held), 0) - (SELECT coalesce(sum(credits), 0) FROM usage_hold WHERE state = 'open')"
            " FROM usage_wallet"
        ),
        "a job neither queued nor running": not site.figure(
            "SELECT count(*) FROM generation_job WHERE status NOT IN ('queued', 'running')"
        ),
    }
    return [problem for problem, holds in checks.items() if not holds]


def _write_keys(site: Site) -> None:
    (site.folder / "project.keys").write_text("\n".join(site.secrets))
    (site.folder / "project.body").write_text(json.dumps(BODY))
    (site.folder / "peer.keys").write_text("\n".join(f"key-{n}" for n in range(1, peers.KEYS + 1)))
    (site.folder / "peer.body").write_text(peers.BODY)
    site.sql("DROP TABLE IF EXISTS bench_key")
    site.sql(
        "CREATE TABLE bench_key AS SELECT row_number() OVER () AS n, organization_id AS organization,"
        " user_id AS member, id AS key FROM accounts_apikey"
    )
    site.sql("ALTER TABLE bench_key ADD PRIMARY KEY (n)")
    site.sql("ANALYZE")
