"""`python -m bench.run WHAT`: benchmarks of the shipped product on throw-away servers; one JSON document on stdout.

WHAT is admission, jobs, ws, storage or all. `--peer DIR` takes the peer in that folder (built: `npm ci && npm run
build`) into the same rotation. Ratios within one run mean something; absolute figures of a shared machine do not.
`--smoke` is one small round that says only whether the books agree.
"""

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import admission, jobs, machine, sockets, storage
from bench.results import Result
from bench.scale import FULL, SMOKE
from bench.site import site

SMOKE_GIGABYTES = 0.05
PACKAGES = ("django", "djangorestframework", "celery", "psycopg", "redis", "granian", "uvicorn", "channels")


def main() -> int:
    """Run what was asked for; 1 when the books of a burst did not agree with its answers."""
    options = _options()
    if options.what in {"admission", "storage", "all"} and shutil.which("wrk") is None:
        print("admission and storage need wrk: apt-get install wrk", file=sys.stderr)
        return 2
    started = datetime.now(UTC).isoformat(timespec="seconds")
    results: list[Result] = []
    scale = SMOKE if options.smoke else FULL
    rounds, seconds = (1, 1) if options.smoke else (options.rounds, options.secs)
    gigabytes = min(options.gigabytes, SMOKE_GIGABYTES) if options.smoke else options.gigabytes
    with site(organizations=scale.organizations) as place:
        if options.what in {"ws", "all"}:
            results += sockets.run(place, scale, rounds=rounds, peer=options.peer)
        if options.what in {"admission", "all"}:
            results += admission.run(place, scale, rounds=rounds, seconds=seconds, peer=options.peer)
        if options.what in {"jobs", "all"}:
            results += jobs.run(place, scale, rounds=1 if options.what == "all" else rounds)
        if options.what in {"storage", "all"}:
            results += storage.run(place, scale.files, rounds=rounds, gigabytes=gigabytes, parts=options.parts)
    for result in results:
        print(result.line(), file=sys.stderr)
    document = {
        "machine": machine.facts(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": _commit(),
        "started": started,
        "results": [result.as_json() for result in results],
    }
    text = json.dumps(document, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    else:
        print(text)
    return 1 if any(result.errors for result in results) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["admission", "jobs", "ws", "storage", "all"], nargs="?", default="all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--secs", type=int, default=3, help="of each burst")
    parser.add_argument("--gigabytes", type=float, default=2, help="of the file that storage watches memory with")
    parser.add_argument("--parts", nargs="+", choices=storage.PARTS, default=storage.PARTS, help="of storage")
    parser.add_argument("--peer", type=Path, help="folder of the built peer")
    parser.add_argument("--smoke", action="store_true", help="one small round, for the invariants alone")
    parser.add_argument("--out", type=Path, help="where to write the JSON instead of stdout")
    return parser.parse_args()


def _commit() -> str:
    answer = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
