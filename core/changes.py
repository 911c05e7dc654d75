"""Word that something changed, from the process that changed it to every process that remembers it otherwise.

A process that remembers listens on one connection to Valkey. What it read from Postgres it may trust for longer while
it hears that connection live; a message that got lost costs no more than the longest time for which it remembers.
"""

import math
import os
import threading
import time
from contextlib import suppress
from functools import cache
from typing import Any

import redis
from django.db import transaction

from core import clock, postman, valkey

_CHANNEL = "changes"
_PING_SECONDS = 2
_SILENT_SECONDS = 5
_RETRY_SECONDS = 1


class Listener:
    """One per process, on a thread of its own. Moments are of `clock.monotonic`."""

    def __init__(self) -> None:
        self.changed_at = -math.inf
        self._listening_since = math.inf
        self._heard_at = -math.inf
        threading.Thread(target=self._work, name="changes", daemon=True).start()

    def has_heard_all_since(self, moment: float) -> bool:
        """Whether a change after this moment would have been heard here."""
        return self._listening_since <= moment and clock.monotonic() - self._heard_at < _SILENT_SECONDS

    def _work(self) -> None:
        while True:
            with suppress(redis.RedisError, OSError):
                self._listen()
            self._listening_since = math.inf
            time.sleep(_RETRY_SECONDS)

    def _listen(self) -> None:
        channel = valkey.client().pubsub()  # type: ignore[no-untyped-call]
        try:
            channel.subscribe(_CHANNEL)
            self._follow(channel)
        finally:
            channel.close()

    def _follow(self, channel: Any) -> None:
        asked_at = clock.monotonic()
        while True:
            message = channel.get_message(timeout=_PING_SECONDS)
            now = clock.monotonic()
            if message is None:
                if now - max(self._heard_at, asked_at) > _SILENT_SECONDS:
                    return
                channel.ping()
                continue
            self._heard_at = now
            if message["type"] == "subscribe":
                self._listening_since = now
            elif message["type"] == "message":
                self.changed_at = now


@cache
def listener() -> Listener:
    """This process's own, started by whoever asks first."""
    return Listener()


# A forked process has none of its parent's threads.
os.register_at_fork(after_in_child=listener.cache_clear)


def tell() -> None:
    """Let every process ask Postgres again: this one now, all once the open transaction is committed. Best effort."""
    forget()
    transaction.on_commit(_publish)


def forget() -> None:
    """Let this process alone ask Postgres again."""
    listener().changed_at = clock.monotonic()


def _publish() -> None:
    forget()
    postman.publish(_CHANNEL, "")
