"""How long each of many calls takes, in the form in which wrk tells of requests."""

import statistics
import time
from collections.abc import Callable


def timed(call: Callable[[], object], *, seconds: float) -> dict[str, float]:
    """Call again and again for so many seconds, on this thread."""
    took: list[float] = []
    began = now = time.perf_counter()
    while now - began < seconds or len(took) < 2:
        call()
        after = time.perf_counter()
        took.append((after - now) * 1_000)
        now = after
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {
        "requests": len(took),
        "rps": round(len(took) / (now - began), 1),
        "p50_ms": round(cuts[49], 2),
        "p95_ms": round(cuts[94], 2),
        "p99_ms": round(cuts[98], 2),
    }
