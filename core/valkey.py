"""The process's one client for Valkey, and the rule that nobody waits for it: what it carries may be lost."""

from collections.abc import Callable
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.breaker import Breaker

# One failed call costs its caller the socket timeout; the others of that second go on without Valkey at once.
breaker = Breaker(open_seconds=1)


@cache
def client() -> redis.Redis:
    """The sync client of this process; its pool is safe over threads and forks. Answers are bytes."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.DOORBELL_TIMEOUT_SECONDS,
        socket_connect_timeout=settings.DOORBELL_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def quietly[T](call: Callable[[], T]) -> T | None:
    """Run a best-effort call; None when Valkey failed, or failed within the last second and was not asked."""
    if not breaker.allows():
        return None
    try:
        answer = call()
    except redis.RedisError:
        breaker.failed()
        return None
    breaker.succeeded()
    return answer
