"""The asyncio loop of a worker process: its slots, its leases, and its orderly end.

Celery's threads only wake it. It claims for as many jobs as it has free slots, runs each attempt as a coroutine, renews
all their leases with one statement, and on SIGTERM hands back what another process can go on with. ORM and object store
calls go through small thread pools; nothing blocks the loop.
"""

import asyncio
import os
import socket
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from core import clock, doorbell
from generation import attempts, dispatch
from generation.attempts import Held, Signals
from generation.dispatch import Claim
from generation.exceptions import LeaseLost

log = structlog.get_logger(__name__)

# A claim takes a lock that all processes share: no process asks for it more often than this.
_CLAIM_SECONDS = 0.05
_WATCH_SECONDS = 1.0
_DATABASE_THREADS = 4
_STORE_THREADS = 8


class Runner:
    """One per process. `wake` and `drain` may be called from any thread; all else happens on the loop's own."""

    def __init__(self, *, slots: int) -> None:
        # Unique to this process's life: a restarted worker is another one, and must wait for the old leases to end.
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.slots = slots
        self._running: dict[asyncio.Task[None], tuple[Claim, Signals]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._is_draining = False
        self._has_room = threading.Event()
        self._has_room.set()
        self._renewed_at = clock.monotonic()
        self._connections: list[BaseDatabaseWrapper] = []
        self._databases = self._threads("database", _DATABASE_THREADS)
        # Renewals never queue behind the attempts' own statements.
        self._renewals = self._threads("renewal", 1)
        self._stores = self._threads("store", _STORE_THREADS)
        self._loop = asyncio.new_event_loop()
        self._keepers: list[asyncio.Task[None]] = []
        self._claimers: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._run_loop, name="runner", daemon=True)
        self._thread.start()

    # --- from any thread ----------------------------------------------------------------------------------------------

    def wake(self, provider: str) -> None:
        """There may be something to claim for this provider."""
        self._loop.call_soon_threadsafe(self._wake, provider)

    def wait_for_room(self, *, timeout: float) -> bool:
        """Whether there is a free slot, waiting a little for one."""
        return self._has_room.wait(timeout)

    def drain(self, timeout: float) -> None:
        """Stop claiming, hand back what others can go on with, wait for the rest; returns when all have ended."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._drain(timeout), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            for pool in (self._databases, self._renewals, self._stores):
                pool.shutdown()
            for one in self._connections:
                one.inc_thread_sharing()
                one.close()

    # --- what an attempt may ask of its host --------------------------------------------------------------------------

    async def database[*Ts, T](self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run ORM code on a thread of this process. A database that is away is waited for as long as leases last.

        What is run must be safe to repeat: a connection may break after the commit and before its answer.
        """
        return await self._with_patience(self._databases, function, *args)

    async def store[*Ts, T](self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run object store code, which may also write its rows, on one of a few threads; as patient, safe to repeat."""
        return await self._with_patience(self._stores, function, *args)

    def may_submit(self) -> bool:
        """False when the last renewal is so old that other processes may soon take our attempts over."""
        return clock.monotonic() - self._renewed_at < settings.LEASE_SECONDS * 2 / 3

    async def _with_patience[*Ts, T](self, threads: ThreadPoolExecutor, function: Callable[[*Ts], T], *args: *Ts) -> T:
        deadline = clock.monotonic() + settings.LEASE_SECONDS
        while True:
            try:
                return await self._loop.run_in_executor(threads, _with_connection, function, *args)
            except (OperationalError, InterfaceError) as error:
                if clock.monotonic() > deadline:
                    raise LeaseLost from error
                log.warning("runner.database_away", errorCode=type(error).__name__)
                await asyncio.sleep(0.5)

    def _threads(self, name: str, count: int) -> ThreadPoolExecutor:
        """A pool whose threads each have a connection of their own, closed when the runner ends."""
        return ThreadPoolExecutor(
            count, thread_name_prefix=name, initializer=lambda: self._connections.append(connections["default"])
        )

    # --- on the loop --------------------------------------------------------------------------------------------------

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._keepers = [self._loop.create_task(keeper()) for keeper in (self._renew, self._watch)]
        self._loop.run_forever()
        self._loop.close()

    def _wake(self, provider: str) -> None:
        if provider not in self._wakes:
            self._wakes[provider] = asyncio.Event()
            self._claimers.append(self._loop.create_task(self._claim(provider)))
        self._wakes[provider].set()

    async def _claim(self, provider: str) -> None:
        """Claim whenever there is news and room, and never faster than the lock that all share allows."""
        wake = self._wakes[provider]
        again: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(again):
                    await wake.wait()
            wake.clear()
            again = None
            if self._is_draining:
                return
            # Without a free slot the next attempt to end wakes us.
            if (slots := self.slots - len(self._running)) > 0:
                try:
                    claims, again = await self.database(self._take, provider, slots)
                    if claims:
                        self._start(provider, await self.database(attempts.load, claims))
                except Exception:
                    log.exception("runner.claim_failed", provider=provider)
                    again = 1.0
                await asyncio.sleep(_CLAIM_SECONDS)

    def _take(self, provider: str, slots: int) -> tuple[tuple[Claim, ...], float | None]:
        """On a database thread: take attempts over and claim new ones; returns them, and when to claim again."""
        doorbell.answered(provider)
        resumed = dispatch.resume(provider, worker=self.worker, slots=slots)
        batch = dispatch.claim(provider, worker=self.worker, slots=slots - len(resumed))
        claims = (*resumed, *batch.claims)
        if claims:
            # Others may have room for what is left.
            doorbell.ring(provider)
        return claims, batch.again_seconds

    def _start(self, provider: str, held: list[Held]) -> None:
        for one in held:
            signals = Signals()
            task = self._loop.create_task(self._run_attempt(one, signals))
            self._running[task] = (one.claim, signals)
            task.add_done_callback(lambda task: self._ended(task, provider))
        self._note_room()

    async def _run_attempt(self, held: Held, signals: Signals) -> None:
        with structlog.contextvars.bound_contextvars(jobId=str(held.job.id), attemptId=str(held.attempt.id)):
            try:
                await attempts.run(held, self, signals)
            except Exception:
                # Our own fault: the lease runs out, another try resumes, and the third such crash ends the job.
                log.exception("runner.attempt_broke")

    def _ended(self, task: asyncio.Task[None], provider: str) -> None:
        del self._running[task]
        self._note_room()
        self._wakes[provider].set()

    def _note_room(self) -> None:
        if len(self._running) < self.slots and not self._is_draining:
            self._has_room.set()
        else:
            self._has_room.clear()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(settings.LEASE_RENEW_SECONDS)
            if not self._running:
                self._renewed_at = clock.monotonic()
                continue
            asked_at = clock.monotonic()
            try:
                held = [claim.attempt_id for claim, _ in self._running.values()]
                await self._loop.run_in_executor(self._renewals, _with_connection, dispatch.renew, self.worker, held)
                self._renewed_at = asked_at
            except Exception:
                log.exception("runner.renewal_failed")

    async def _watch(self) -> None:
        """Tell attempts whose jobs are to stop."""
        told: set[Any] = set()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if not self._running:
                told.clear()
                continue
            try:
                stopping = set(await self.database(dispatch.to_cancel, self.worker)) - told
            except LeaseLost:
                continue
            for claim, signals in self._running.values():
                if claim.attempt_id in stopping:
                    signals.cancel()
                    told.add(claim.attempt_id)

    async def _drain(self, seconds: float) -> None:
        self._is_draining = True
        self._note_room()
        for wake in self._wakes.values():
            wake.set()
        # A claim that is under way may still bring attempts, our own handed-back ones among them.
        if self._claimers:
            await asyncio.wait(self._claimers, timeout=seconds)
        for _, signals in self._running.values():
            signals.drain()
        if self._running:
            log.info("runner.draining", attempts=len(self._running))
            await asyncio.wait(list(self._running), timeout=seconds)
        for keeper in self._keepers:
            keeper.cancel()
        log.info("runner.drained", left=len(self._running))


@cache
def runner() -> Runner:
    """This process's runner, started on first use."""
    return Runner(slots=settings.RUNNER_SLOTS)


def is_started() -> bool:
    """Whether this process has ever been woken."""
    return runner.cache_info().currsize > 0


def _with_connection[*Ts, T](function: Callable[[*Ts], T], *args: *Ts) -> T:
    """A connection that broke is closed, so that the next call on this thread opens another."""
    try:
        return function(*args)
    except (OperationalError, InterfaceError):
        connection.close()
        raise
