"""A small pool of limited child processes: where untrusted bytes are decoded and pixels are drawn.

A child has a bound on memory and CPU, no core dumps and none of our environment (no secrets), and is killed when a
call takes too long; the next call gets a new one. Each has pipes of its own, so one that dies in the middle of a call
takes nothing else with it; it ends by itself when its parent is gone, even by SIGKILL.

Children are started as `python -m core.child` and not through multiprocessing or a pool built on it: those import the
parent's main module again (celery, uvicorn), and the daemonic processes of a prefork worker may not have children.
"""

import asyncio
import atexit
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Literal
from weakref import WeakSet

from django.conf import settings

type Reason = Literal["timeout", "memory", "crash"]
# Nothing else of our environment reaches a child: it decodes strangers' bytes and needs no key of ours.
_ENVIRONMENT = ("LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR")


class ChildFailed(Exception):
    """The call did not come back: it took too long, wanted too much memory, or its process died."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def run[*Ts, T](function: Callable[[*Ts], T], *args: *Ts, timeout: float | None = None) -> T:
    """Call a function of a Django-free module in a child and return or raise what it does; blocks this thread.

    Function, arguments and result are pickled: pass paths, not pixels. The call waits its turn for a child, then has
    `timeout` seconds (CHILD_TIMEOUT_SECONDS by default). Raises ChildFailed.
    """
    return _submit(partial(function, *args), timeout).result()


async def arun[*Ts, T](
    function: Callable[[*Ts], T],
    *args: *Ts,
    timeout: float | None = None,  # noqa: ASYNC109 - the child is killed then, which no asyncio.timeout does
) -> T:
    """`run` without blocking the event loop."""
    return await asyncio.wrap_future(_submit(partial(function, *args), timeout))


def _submit[T](call: partial[T], timeout: float | None) -> Future[T]:
    seconds = settings.CHILD_TIMEOUT_SECONDS if timeout is None else timeout
    return _pool.submit(call, seconds)


class _Pool:
    """One thread per child, which it starts when first needed and replaces when it is lost."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """A forked process has none of its parent's threads, and starts children of its own."""
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def submit[T](self, call: partial[T], seconds: float) -> Future[T]:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(settings.CHILD_PROCESSES, thread_name_prefix="child")
        return self._threads.submit(_call, call, seconds)


def _call[T](call: partial[T], seconds: float) -> T:
    child: _Child | None = getattr(_mine, "child", None)
    if child is None or not child.is_alive():
        child = _mine.child = _Child()
        _started.add(child)
    result, error = child.ask(call, seconds)
    if isinstance(error, MemoryError):
        # What is left of its address space is in pieces.
        child.kill()
        raise ChildFailed("memory") from error
    if error is not None:
        raise error
    return result


class _Child:
    """One child process and the two pipes to it."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "core.child", str(settings.CHILD_MEMORY_BYTES)],
            cwd=settings.BASE_DIR,
            env=environment | {"MALLOC_ARENA_MAX": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # A signal to our process group is ours to handle.
            process_group=0,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._calls = Connection(os.dup(self._process.stdin.fileno()), readable=False)
        self._answers = Connection(os.dup(self._process.stdout.fileno()), writable=False)
        self._process.stdin.close()
        self._process.stdout.close()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask[T](self, call: partial[T], seconds: float) -> tuple[T, Exception | None]:
        try:
            self._calls.send_bytes(pickle.dumps((call, seconds)))
            if not self._answers.poll(seconds):
                self.kill()
                raise ChildFailed("timeout")
            answer: tuple[T, Exception | None] = self._answers.recv()
        except (EOFError, OSError) as error:
            self.kill()
            raise ChildFailed("crash") from error
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._calls.close()
        self._answers.close()


_mine = threading.local()
_started: WeakSet[_Child] = WeakSet()
_pool = _Pool()
os.register_at_fork(after_in_child=_pool.renew)


@atexit.register
def _close() -> None:
    for child in _started:
        if child.is_alive():
            child.kill()
