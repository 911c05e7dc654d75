"""The process's ways to Valkey, and the rule that nobody waits for it: what it carries may be lost."""

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

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


class _Own(threading.local):
    """A thread's own connection, and the pool and process it was made by."""

    connection: Any = None
    maker: tuple[redis.ConnectionPool, int] | None = None


_own = _Own()


def ask(*commands: tuple[str | bytes | int, ...]) -> list[Any]:
    """The raw answers to commands that are sent together, on this thread's own connection. Raises redis.RedisError.

    For what every request asks: redis-py's client takes several times as long over a command (retries, pool, events,
    options) as it takes to send it and read the answer.
    """
    connection, maker = _own.connection, (client().connection_pool, os.getpid())
    if connection is None or _own.maker != maker:
        if connection is not None:
            connection.disconnect()
        # Not by `make_connection`: the pool counts what it made, and never less when a thread takes its own with it.
        connection, _own.maker = maker[0].connection_class(**maker[0].connection_kwargs), maker
        _own.connection = connection
    try:
        if connection.is_connected and _is_spent(connection):
            connection.disconnect()
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response() for _ in commands]
    except BaseException:
        # Answers that nobody read must not be taken for those of the next question.
        connection.disconnect()
        raise


def _is_spent(connection: Any) -> bool:
    """Whether there is something to read though nothing was asked: the end of the connection, as a rule."""
    try:
        return bool(connection.can_read())
    except (redis.ConnectionError, OSError):
        return True


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
