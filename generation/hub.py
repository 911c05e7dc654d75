"""One per `live` process: follows jobs and organizations in Valkey and hands each event to whoever listens here.

A process subscribes to a channel once, however many sockets follow it, and fans out in memory. What Valkey carries is a
hint: a listener joins first, then replays from Postgres, then goes on live, and drops what it has seen by `seq`. A gap
is re-read; every 15 s each followed job is checked against its row, so a lost message delays and never hides.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import batched
from uuid import UUID

import redis.asyncio
import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from redis.exceptions import RedisError

from core import clock
from core.frames import text_frame
from core.threads import on_thread
from generation.models import Job, JobEvent

log = structlog.get_logger(__name__)

CHECK_SECONDS = 15
# How far back an organization's snapshot reaches beyond the time asked for.
_OVERLAP = timedelta(seconds=10)
_SNAPSHOT_JOBS = 500
# Nothing of ours is older; times before it would leave the calendar.
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_LISTENERS_AT_ONCE = 50


@dataclass(frozen=True)
class Event:
    """A job event as a carrier needs it: its number and the very text to send."""

    job_id: str
    seq: int
    body: str

    @classmethod
    def parse(cls, body: str) -> "Event":
        facts = json.loads(body)
        return cls(facts["jobId"], facts["seq"], body)

    @cached_property
    def frame(self) -> bytes:
        """For sockets: made once, however many they are."""
        return text_frame(self.body)

    @property
    def is_final(self) -> bool:
        return json.loads(self.body)["status"] not in {"queued", "running"}


# What a listener gives: called on the loop with each new event, in order; must not block.
type Listener = Callable[[Event], None]


@dataclass(slots=True, eq=False)
class Room:
    """One followed channel: who listens, the last number seen of each of its jobs, and what is still being told."""

    channel: str
    listeners: set[Listener] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    news: deque[Event] = field(default_factory=deque)
    teller: asyncio.Task[None] | None = None

    async def tell(self) -> None:
        """Every event to every listener, in order; between a few of them the loop may write, and serve other rooms."""
        while self.news:
            event = self.news.popleft()
            for few in batched(tuple(self.listeners), _LISTENERS_AT_ONCE, strict=False):
                for listener in few:
                    try:
                        listener(event)
                    except Exception:
                        log.exception("hub.listener_broke")
                await asyncio.sleep(0)
        self.teller = None


class Hub:
    """All methods run on the process's event loop."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}
        self._valkey = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=3, health_check_interval=10, protocol=2
        )
        self._pubsub = self._valkey.pubsub(ignore_subscribe_messages=True)
        self._tasks: list[asyncio.Task[None]] = []
        self._fillings: set[asyncio.Task[None]] = set()

    async def join(self, channel: str, listener: Listener) -> None:
        """Hear the channel's events from now on; what came before is the caller's to read (events_after)."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._check_rows())]
        room = self._rooms.get(channel)
        if room is None:
            room = self._rooms[channel] = Room(channel)
            try:
                await self._pubsub.subscribe(channel)
            except RedisError:
                # The reader reconnects and subscribes to every room; until then the rows are checked.
                log.warning("hub.valkey_away")
        room.listeners.add(listener)

    def share(self, channel: str, events: list[Event]) -> None:
        """Tell the channel's listeners what one of them has just read in Postgres: the others may have missed it."""
        if room := self._rooms.get(channel):
            # Of an organization's jobs each last event is read, and no gap is meant by it.
            tell = self._take if channel.startswith("job:") else self._tell
            for event in events:
                tell(room, event)

    async def leave(self, channel: str, listener: Listener) -> None:
        """Hear no more; the last to leave ends the process's subscription. Repeatable."""
        room = self._rooms.get(channel)
        if room is None:
            return
        room.listeners.discard(listener)
        if not room.listeners:
            del self._rooms[channel]
            try:
                await self._pubsub.unsubscribe(channel)
            except RedisError:
                log.warning("hub.valkey_away")

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                # With no subscription there is nothing to read from; the next join opens one.
                if not self._pubsub.subscribed:
                    await asyncio.sleep(0.05)
                    if self._rooms and not self._pubsub.subscribed:
                        await self._resubscribe()
                    continue
                message = await self._pubsub.get_message(timeout=5)
                pause = 0.1
                if message is not None:
                    self._hear(message["channel"].decode(), message["data"].decode())
            except (RedisError, OSError):
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
                pause = min(pause * 2, 5)
                await self._resubscribe()
            except Exception:
                log.exception("hub.message_broke")

    async def _resubscribe(self) -> None:
        """After an outage: a new connection, every room again, and the rows for what was said meanwhile."""
        try:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py has no annotation here
            self._pubsub = self._valkey.pubsub(ignore_subscribe_messages=True)
            if self._rooms:
                await self._pubsub.subscribe(*self._rooms)
                await self._check_once()
        except (RedisError, OSError):
            log.warning("hub.valkey_away")

    def _hear(self, channel: str, body: str) -> None:
        room = self._rooms.get(channel)
        if room is None:
            return
        self._take(room, Event.parse(body))

    def _take(self, room: Room, event: Event) -> None:
        """Tell the room of an event, unless one before it is missing: then all that is, in order, from the rows."""
        last = room.seen.get(event.job_id)
        if last is not None and event.seq > last + 1:
            filling = asyncio.create_task(self._fill_gap(room, event.job_id, last))
            self._fillings.add(filling)
            filling.add_done_callback(self._fillings.discard)
            return
        self._tell(room, event)

    def _tell(self, room: Room, event: Event) -> None:
        if event.seq <= room.seen.get(event.job_id, 0):
            return
        room.seen[event.job_id] = event.seq
        room.news.append(event)
        if room.teller is None:
            room.teller = asyncio.create_task(room.tell())

    async def _fill_gap(self, room: Room, job_id: str, after: int) -> None:
        for event in await events_after(UUID(job_id), after):
            self._tell(room, event)

    async def _check_rows(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS * random.uniform(0.8, 1.0))  # noqa: S311
            try:
                await self._check_once()
            except Exception:
                log.exception("hub.check_failed")

    async def _check_once(self) -> None:
        """Compare what each room has seen with the rows, and tell what was missed."""
        jobs = {channel.removeprefix("job:"): room for channel, room in self._rooms.items() if channel[:4] == "job:"}
        for job_id, seq in (await _last_seqs(list(jobs))).items():
            room = jobs[job_id]
            if seq > room.seen.get(job_id, 0):
                await self._fill_gap(room, job_id, room.seen.get(job_id, 0))
        for room in [room for channel, room in self._rooms.items() if channel[:4] == "org:"]:
            since = clock.now() - timedelta(seconds=2 * CHECK_SECONDS)
            heads = await snapshot(UUID(room.channel.removeprefix("org:")), since)
            for event in heads:
                self._tell(room, event)
            # Jobs that ended longer ago have nothing more to say.
            room.seen = {event.job_id: room.seen[event.job_id] for event in heads}


@cache
def hub() -> Hub:
    """This process's hub, made on first use inside its event loop."""
    return Hub()


async def events_after(job_id: UUID, after: int) -> list[Event]:
    """The job's events numbered above `after`, in order, as they stand in Postgres."""

    def read() -> list[Event]:
        return _events(JobEvent.objects.filter(job_id=job_id, seq__gt=after))

    return await on_thread(read)


async def events_for(organization_id: UUID, job_id: UUID, after: int) -> list[Event] | None:
    """The event numbered `after` and all beyond it; None where the job is not the organization's.

    With the one that the asker has, the hub knows what comes next, and a gap when it meets one.
    """

    def read() -> list[Event] | None:
        own = Job.objects.for_organization(organization_id).filter(pk=job_id)
        events = _events(JobEvent.objects.filter(job__in=own, seq__gte=after))
        return events if events or own.exists() else None

    return await on_thread(read)


def _events(rows: QuerySet[JobEvent]) -> list[Event]:
    found = rows.order_by("seq").values_list("job_id", "seq", "body")
    return [Event(str(job_id), seq, body) for job_id, seq, body in found]


async def snapshot(organization_id: UUID, since: datetime) -> list[Event]:
    """The last event of each of the organization's jobs that live or ended since (less 10 s), oldest first."""

    def read() -> list[Event]:
        changed = Job.objects.for_organization(organization_id).filter(
            Q(status__in=("queued", "running")) | Q(finished_at__gt=max(since, _FIRST) - _OVERLAP)
        )
        heads = dict(changed.order_by("-id").values_list("id", "seq")[:_SNAPSHOT_JOBS])
        rows = JobEvent.objects.filter(job_id__in=heads).order_by("at").values_list("job_id", "seq", "body")
        return [Event(str(job_id), seq, body) for job_id, seq, body in rows if heads[job_id] == seq]

    return await on_thread(read)


async def _last_seqs(job_ids: list[str]) -> dict[str, int]:
    def read() -> dict[str, int]:
        return {str(key): seq for key, seq in Job.objects.filter(pk__in=job_ids).values_list("id", "seq")}

    return await on_thread(read) if job_ids else {}
