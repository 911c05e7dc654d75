"""Django's cache, in which allauth counts attempts to sign in and up: one count for all processes."""

import json
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache

from core import valkey


class AttemptsCache(LocMemCache):
    """Keeps what JSON can carry in Valkey; the rest, and everything while Valkey is away, in this process's memory.

    So a dead Valkey makes the limits count by process and never refuses a sign-in. No pickles: whoever writes to
    Valkey must not run code here.
    """

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._store(key, value, timeout, version, only_new=True)

    def set(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._store(key, value, timeout, version, only_new=False)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        name = self.make_and_validate_key(key, version)
        text = valkey.quietly(lambda: valkey.client().get(name))
        return super().get(key, default, version) if text is None else json.loads(text)

    def delete(self, key: str, version: int | None = None) -> bool:
        name = self.make_and_validate_key(key, version)
        is_deleted = bool(valkey.quietly(lambda: valkey.client().delete(name)))
        return super().delete(key, version) or is_deleted

    def clear(self) -> None:
        valkey.quietly(self._clear_valkey)
        super().clear()

    def _clear_valkey(self) -> None:
        for name in valkey.client().scan_iter(f"{self.key_prefix}:*"):
            valkey.client().delete(name)

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
        answer = valkey.quietly(lambda: (valkey.client().set(name, text, px=milliseconds, nx=only_new),))
        return bool(in_memory(key, value, seconds, version)) if answer is None else bool(answer[0])
