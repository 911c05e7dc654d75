"""WebSocket fan-out: every socket follows one job; the time from the worker's publish to the last client's receipt.

Clients are raw sockets in one epoll loop (bench/load/fan.py), so that no client library is measured. Events are
published by the product's own `progress.announce`, as a worker does.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import peer as peers
from bench.results import Burst, Result
from bench.scale import Scale
from bench.site import Site, manage
from config.embedded.application import ROOT

LOAD = Path(__file__).parent / "load"
EVENTS = 12
GAP_SECONDS = 0.5
# A user may have 20 sockets on a process.
_SOCKETS_PER_USER = 20
_MEMBERS = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from accounts.models import ApiKey, Membership, User
first = ApiKey.objects.order_by("id")[0]
sessions = []
for number in range({count}):
    user = User.objects.create(email=f"fan-{{number}}@example.com", password="!")
    Membership.objects.create(organization_id=first.organization_id, user=user)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    sessions.append(session.session_key)
print(json.dumps({{"organization": str(first.organization_id), "key": str(first.pk), "user": str(first.user_id),
                   "sessions": sessions}}))
"""


def run(site: Site, scale: Scale, *, rounds: int, peer: Path | None) -> list[Result]:
    """The product and the peer in turn, each round with new sockets."""
    params = {"clients": scale.sockets, "events": EVENTS}
    results = {"project": Result(bench="ws", contender="project", params=params)}
    if peer:
        results["peer"] = Result(bench="ws", contender="peer", params=params)
    members = _MEMBERS.format(count=scale.sockets // _SOCKETS_PER_USER)
    fans = json.loads(manage(site.environment, "shell", "-v", "0", "-c", members))
    for _ in range(rounds):
        results["project"].add(_project(site, fans))
        if peer:
            with peers.running(peer, site, "ws") as other:
                results["peer"].add(_peer(site, scale, other, peer))
    if peer:
        results["project"].compare(results["peer"], "last_client_ms")
    return list(results.values())


def _project(site: Site, fans: dict[str, Any]) -> Burst:
    live, job = site.start("live"), _job(site, fans)
    subscribe = json.dumps({"type": "subscribe", "channel": f"job:{job}"})
    clients = [
        {"headers": {"Origin": site.environment["BASE_URL"], "Cookie": f"session={key}"}, "frames": [subscribe]}
        for key in fans["sessions"]
        for _ in range(_SOCKETS_PER_USER)
    ]
    plan = {"port": site.ports["live"], "path": "/v1/ws", "clients": clients, "pid": live.pid}
    publish = [sys.executable, str(LOAD / "publish.py"), fans["organization"], job, str(GAP_SECONDS), str(EVENTS)]
    burst = _fan(site, plan, publish, site.valkey.url())
    site.stop("live")
    return burst


def _peer(site: Site, scale: Scale, other: peers.Peer, folder: Path) -> Burst:
    path = "/v1/jobs/bench/events"
    clients = [{"headers": {}, "frames": []}] * scale.sockets
    plan = {"port": other.port, "path": path, "clients": clients, "pid": other.process.pid}
    gap = str(int(GAP_SECONDS * 1_000))
    return _fan(site, plan, ["node", str(folder / "load/publish.mjs"), "bench", gap, str(EVENTS)], other.valkey_url)


def _fan(site: Site, plan: dict[str, Any], publish: list[str], valkey_url: str) -> Burst:
    path = site.folder / "fan.json"
    path.write_text(json.dumps(plan | {"events": EVENTS}))
    answer = subprocess.run(
        [sys.executable, LOAD / "fan.py", path, *publish],
        cwd=ROOT,
        env=site.environment | {"PYTHONPATH": str(ROOT), "REDIS_URL": valkey_url},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr[-2_000:])
    values = json.loads(answer.stdout)
    return Burst(values=values, errors=[f"{values['lost']} events lost"] if values["lost"] else [])


def _job(site: Site, fans: dict[str, Any]) -> str:
    """A job that stays queued while its sockets listen: no worker runs. A later one is busy with it for ten minutes."""
    row = site.sql(
        "SELECT job_id FROM generation_admit(%s, %s, %s, 'magic-prompt', 'sandbox/v1', 'sandbox',"
        """ '{"prompt": "a cat", "sandbox": {"latencySeconds": 600}}', '{}', 'call',"""
        " 1, 1, 0, 1, 1, 0, NULL, NULL, NULL, '', '', 'jobs', NULL, NULL)",
        fans["organization"],
        fans["user"],
        fans["key"],
    )
    return str(row[0][0])
