"""Django's cache, in which allauth counts attempts to sign in and up: one count for all processes."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.breaker import Breaker

# Longer than an admission may wait (core.valkey): hashing the password costs as much.
_TIMEOUT_SECONDS = 1
breaker = Breaker(open_seconds=5)


@cache
def client() -> redis.Redis:
    """The client of this process for counting attempts; answers are bytes."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


class AttemptsCache(LocMemCache):
    """Keeps what JSON can carry in Valkey; the rest, and everything while Valkey is away, in this process's memory.

    So a dead Valkey makes the limits count by process and refuses no sign-in. No pickles: whoever writes to Valkey
    must not run code here.
    """

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._store(key, value, timeout, version, only_new=True)

    def set(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._store(key, value, timeout, version, only_new=False)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        name = self.make_and_validate_key(key, version)
        text = _ask(lambda: client().get(name))
        return super().get(key, default, version) if text is None else json.loads(text)

    def delete(self, key: str, version: int | None = None) -> bool:
        name = self.make_and_validate_key(key, version)
        is_deleted = bool(_ask(lambda: client().delete(name)))
        return super().delete(key, version) or is_deleted

    def clear(self) -> None:
        _ask(self._clear_valkey)
        super().clear()

    def _clear_valkey(self) -> None:
        for name in client().scan_iter(f"{self.key_prefix}:*"):
            client().delete(name)

    def _store(self, key: str, value: Any, timeout: Any, version: int | None, *, only_new: bool) -> bool:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        in_memory = super().add if only_new else super().set
        try:
            text = json.dumps(value)
        except TypeError:
            return bool(in_memory(key, value, seconds, version))
        name = self.make_and_validate_key(key, version)
        milliseconds = None if seconds is None else max(1, int(seconds * 1000))
        # A tuple, because `SET NX` itself answers None.
        answer = _ask(lambda: (client().set(name, text, px=milliseconds, nx=only_new),))
        return bool(in_memory(key, value, seconds, version)) if answer is None else bool(answer[0])


def _ask[T](call: Callable[[], T]) -> T | None:
    """What Valkey answers; None when it failed, or failed within the last seconds and was not asked."""
    if not breaker.allows():
        return None
    try:
        answer = call()
    except redis.RedisError:
        breaker.failed()
        return None
    breaker.succeeded()
    return answer
