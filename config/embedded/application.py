"""Our own processes, by the very commands of the Procfile, so that what runs here and in production cannot drift."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from config.embedded import ports
from config.embedded.processes import Process

ROOT = Path(__file__).resolve().parents[2]


def procfile() -> dict[str, str]:
    """The command line of each process, `release` among them."""
    lines = (line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines() if line.strip())
    return {name.strip(): command.strip() for name, _, command in lines}


def process(name: str, environment: Mapping[str, str], *, logs: Path, port: int | None = None) -> Process:
    """One process of the Procfile on the loopback; `port` is where web or live listens."""
    address = {"HOST": ports.LOOPBACK, "PORT": str(port)} if port else {}
    return Process(
        name=name,
        # The shell fills in the variables; `exec` makes it become the process itself, so that signals reach that.
        command=["/bin/sh", "-c", f"exec {procfile()[name]}"],
        log=logs / f"{name}.log",
        cwd=ROOT,
        env=_with_our_programs(environment) | address,
    )


def _with_our_programs(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with this virtual environment's programs first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return dict(environment) | {"PATH": path, "PYTHONUNBUFFERED": "1"}
