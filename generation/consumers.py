"""The WebSocket `/v1/ws`: who listens, to what, from which event on. Events come from the hub, replays from Postgres.

Frames in: {"type": "auth", "ticket"}, {"type": "subscribe", "channel", "after"}, {"type": "unsubscribe", "channel"}.
Frames out: {"type": "ready"}, {"type": "subscribed", "channel", "seq", "recovered"}, {"type": "error", …} and each
event as the very bytes of its row. Close codes: 4401 not signed in, 4403 no longer allowed, 4408 too slow or an hour
old (come back and resume), 4429 too much, 1008 nothing but bad frames.
"""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import parse_cookie

from accounts import sessions, tickets
from accounts.principal import Principal
from core import clock
from core.frames import ABORT, WRITE_FRAME, text_frame
from core.threads import on_thread
from generation.hub import Event, events_for, hub, snapshot
from generation.progress import job_channel, organization_channel

log = structlog.get_logger(__name__)

AUTH_SECONDS = 5
RECHECK_SECONDS = 30
LIFE_SECONDS = 3_600
SEND_SECONDS = 5
MAX_SOCKETS_PER_USER = 20
MAX_SUBSCRIPTIONS = 100
MAX_WAITING_EVENTS = 64
MAX_FRAMES_PER_SECOND = 10
MAX_BAD_FRAMES = 3

BAD_FRAMES, NOT_SIGNED_IN, NOT_ALLOWED, COME_BACK, TOO_MUCH = 1008, 4401, 4403, 4408, 4429


class BadFrame(Exception):
    """A frame that is not in the protocol; three of them close the socket."""


class ChannelNotFound(Exception):
    """The channel does not exist, or is somebody else's: the answer is the same."""


class Subscription:
    """One channel of one socket: drops what was sent before, and keeps live events back until the replay is through."""

    __slots__ = ("_backlog", "_seen", "_socket", "channel")

    def __init__(self, socket: "EventSocket", channel: str) -> None:
        self.channel = channel
        self._socket = socket
        self._seen: dict[str, int] = {}
        self._backlog: list[Event] | None = []

    def __call__(self, event: Event) -> None:
        if self._backlog is not None:
            self._backlog.append(event)
        elif event.seq > self._seen.get(event.job_id, 0):
            self._seen[event.job_id] = event.seq
            self._socket.put(event.body, event.frame)

    def skip(self, job_id: str, seq: int) -> None:
        """The client has everything of this job up to `seq`."""
        self._seen[job_id] = seq

    def go_live(self, replay: list[Event]) -> None:
        """Send what Postgres had, then what came meanwhile, then everything as it comes."""
        backlog, self._backlog = self._backlog or [], None
        for event in (*replay, *backlog):
            self(event)


class EventSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no annotations
    """One client. No channel layer: the process's hub calls the subscriptions, which put into this socket's outbox."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.principal: Principal | None = None
        self.opened_at = clock.monotonic()
        self._subscriptions: dict[str, Subscription] = {}
        self._outbox: list[str] = []
        # Both only while the client does not keep up.
        self._sender: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._auth_timer: asyncio.TimerHandle | None = None
        self._second_began_at = 0.0
        self._frames_this_second = 0
        self._bad_frames = 0
        self._closer: asyncio.Task[None] | None = None
        self._is_closing = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Frame by frame on one task; Channels' own loop has a second, for a layer, and a thread hop for each frame."""
        self.scope, self.base_send = scope, send
        extensions = scope.get("extensions", {})
        self._write_frame = extensions.get(WRITE_FRAME, _takes_no_frames)
        self._abort = extensions.get(ABORT, _cannot_abort)
        try:
            with suppress(StopConsumer):
                while True:
                    await self.dispatch(await receive())
        finally:
            # Also where a frame broke, as without Postgres: nobody else takes this socket off the lists.
            await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        await getattr(self, get_handler_name(message))(message)

    # --- coming and going ---------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        headers = {name: value.decode("latin-1") for name, value in self.scope["headers"]}
        origin, session_key = headers.get(b"origin"), _session_key(headers.get(b"cookie", ""))
        # A browser always names the page's origin; a cookie without one is not a browser's.
        if origin not in settings.SOCKET_ORIGINS and (origin is not None or session_key):
            await self.close()
            return
        await self.accept()
        if session_key:
            asked_for = self._organization_asked_for()
            await self._sign_in(await on_thread(sessions.principal_of_session, session_key, asked_for))
        if self.principal is None and not self._is_closing:
            loop = asyncio.get_running_loop()
            self._auth_timer = loop.call_later(AUTH_SECONDS, self.close_soon, NOT_SIGNED_IN)

    async def _leave(self) -> None:
        self._is_closing = True
        if self._auth_timer:
            self._auth_timer.cancel()
        if self._sender:
            self._sender.cancel()
        sockets.remove(self)
        for subscription in self._subscriptions.values():
            await hub().leave(subscription.channel, subscription)

    async def _sign_in(self, principal: Principal | None) -> None:
        if principal is None:
            return
        if not sockets.add(self, principal):
            await self._close_with(TOO_MUCH)
            return
        self.principal = principal
        if self._auth_timer:
            self._auth_timer.cancel()
        self._put_json(type="ready")

    def _organization_asked_for(self) -> UUID | None:
        values = parse_qs(self.scope["query_string"].decode("latin-1")).get("organization", [])
        with suppress(ValueError):
            return UUID(values[0]) if values else None
        return None

    # --- frames in ----------------------------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        now = clock.monotonic()
        if now - self._second_began_at >= 1:
            self._second_began_at, self._frames_this_second = now, 0
        self._frames_this_second += 1
        if self._frames_this_second > MAX_FRAMES_PER_SECOND:
            await self._close_with(TOO_MUCH)
            return
        try:
            await self._obey(_frame(text_data))
        except BadFrame as error:
            self._bad_frames += 1
            self._put_json(type="error", code="bad_frame", detail=str(error))
            if self._bad_frames >= MAX_BAD_FRAMES:
                await self._close_with(BAD_FRAMES)

    async def _obey(self, frame: dict[str, Any]) -> None:
        match frame.get("type"):
            case "auth" if isinstance(frame.get("ticket"), str):
                if self.principal is None:
                    await self._sign_in(await on_thread(tickets.redeem, frame["ticket"]))
                if self.principal is None:
                    await self._close_with(NOT_SIGNED_IN)
            case "subscribe" if isinstance(frame.get("channel"), str):
                await self._subscribe(frame["channel"], frame.get("after"))
            case "unsubscribe" if isinstance(frame.get("channel"), str):
                if subscription := self._subscriptions.pop(frame["channel"], None):
                    await hub().leave(subscription.channel, subscription)
            case "ping":
                self._put_json(type="pong")
            case _:
                raise BadFrame("Frames are auth, subscribe, unsubscribe and ping.")

    async def _subscribe(self, name: str, after: object) -> None:
        """Join first, then replay from Postgres, then live: nothing falls between, and `seq` drops what overlaps."""
        if self.principal is None:
            await self._close_with(NOT_SIGNED_IN)
            return
        if not self.principal.may("jobs:read"):
            await self._close_with(NOT_ALLOWED)
            return
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS and name not in self._subscriptions:
            await self._close_with(TOO_MUCH)
            return
        if old := self._subscriptions.pop(name, None):
            await hub().leave(old.channel, old)
        try:
            if name == "org":
                await self._follow_organization(self.principal, after)
            else:
                await self._follow_job(self.principal, name, after)
        except ChannelNotFound:
            self._put_json(type="error", code="not_found", channel=name)

    async def _follow_job(self, principal: Principal, name: str, after: object) -> None:
        job_id, seq = _job_id(name), _number(after)
        subscription = self._subscriptions[name] = Subscription(self, job_channel(job_id))
        subscription.skip(str(job_id), seq)
        await hub().join(subscription.channel, subscription)
        replay = await events_for(principal.organization_id, job_id, seq)
        if replay is None:
            del self._subscriptions[name]
            await hub().leave(subscription.channel, subscription)
            raise ChannelNotFound
        last = replay[-1].seq if replay else seq
        self._put_json(type="subscribed", channel=name, seq=last, recovered=True)
        subscription.go_live(replay)
        hub().share(subscription.channel, replay)

    async def _follow_organization(self, principal: Principal, after: object) -> None:
        since = _time(after)
        channel = organization_channel(principal.organization_id)
        subscription = self._subscriptions["org"] = Subscription(self, channel)
        await hub().join(channel, subscription)
        replay = await snapshot(principal.organization_id, since) if since else []
        self._put_json(type="subscribed", channel="org", seq=None, recovered=since is not None)
        subscription.go_live(replay)
        hub().share(channel, replay)

    # --- frames out ---------------------------------------------------------------------------------------------------

    def put(self, text: str, frame: bytes) -> None:
        """Send a text, at once and as the frame it is already, where the socket takes it.

        A client that lets too many wait, or has not caught up within 5 s, is closed, to come back and resume.
        """
        if self._is_closing or (self._sender is None and self._write_frame(frame)):
            return
        self._outbox.append(text)
        if self._sender is None:
            self._sender = asyncio.create_task(self._catch_up())
            self._patience = asyncio.get_running_loop().call_later(SEND_SECONDS, self.close_soon, COME_BACK)
        elif len(self._outbox) > MAX_WAITING_EVENTS:
            self.close_soon(COME_BACK)

    def _put_json(self, **frame: object) -> None:
        text = json.dumps(frame)
        self.put(text, text_frame(text))

    async def _catch_up(self) -> None:
        """Send what waits, as the socket takes it."""
        try:
            while self._outbox:
                await self.base_send({"type": "websocket.send", "text": self._outbox.pop(0)})
        except Exception:
            # The client is gone; its disconnect is on its way.
            self._is_closing = True
        finally:
            self._sender = None
            if self._patience:
                self._patience.cancel()

    def close_soon(self, code: int) -> None:
        if not self._is_closing and self._closer is None:
            self._closer = asyncio.ensure_future(self._close_with(code))

    async def _close_with(self, code: int) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._outbox.clear()
            try:
                await asyncio.wait_for(self.close(code), SEND_SECONDS)
            except TimeoutError:
                # It takes nothing any more, this frame neither; and would hear no event, were it to read again.
                self._abort()
            except Exception:
                log.debug("socket.gone")


class Sockets:
    """The signed-in sockets of this process; re-checked every 30 s, one look-up for each who opened some."""

    def __init__(self) -> None:
        self._principals: dict[EventSocket, Principal] = {}
        self._per_user: Counter[UUID] = Counter()
        self._keeper: asyncio.Task[None] | None = None

    def add(self, socket: EventSocket, principal: Principal) -> bool:
        """False when the user has as many sockets here as anybody may."""
        if self._per_user[principal.user_id] >= MAX_SOCKETS_PER_USER:
            return False
        self._per_user[principal.user_id] += 1
        self._principals[socket] = principal
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.ensure_future(self._keep())
        return True

    def remove(self, socket: EventSocket) -> None:
        if principal := self._principals.pop(socket, None):
            self._per_user[principal.user_id] -= 1
            if not self._per_user[principal.user_id]:
                del self._per_user[principal.user_id]

    async def _keep(self) -> None:
        while self._principals:
            await asyncio.sleep(RECHECK_SECONDS)
            for principal in set(self._principals.values()):
                try:
                    may_go_on = await on_thread(sessions.may_go_on, principal, "jobs:read")
                except Exception:
                    log.exception("sockets.recheck_failed")
                    continue
                if not may_go_on:
                    self._close_all(principal)
            now = clock.monotonic()
            for socket in [one for one in self._principals if now - one.opened_at > LIFE_SECONDS]:
                socket.close_soon(COME_BACK)

    def _close_all(self, principal: Principal) -> None:
        for socket, owner in list(self._principals.items()):
            if owner == principal:
                socket.close_soon(NOT_ALLOWED)


sockets = Sockets()


def _frame(text: str | None) -> dict[str, Any]:
    try:
        frame = json.loads(text or "")
    except (ValueError, RecursionError):
        raise BadFrame("Frames are JSON objects.") from None
    if not isinstance(frame, dict):
        raise BadFrame("Frames are JSON objects.")
    return frame


def _takes_no_frames(_: bytes) -> bool:
    return False


def _cannot_abort() -> None:
    """Left to the server's own pings."""


def _number(after: object) -> int:
    if after is None:
        return 0
    if isinstance(after, int) and not isinstance(after, bool) and 0 <= after < 2**31:
        return after
    raise BadFrame("after is the seq of the last event you have.")


def _time(after: object) -> datetime | None:
    if after is None:
        return None
    try:
        return clock.parse_rfc3339(str(after))
    except ValueError:
        raise BadFrame("after is the time of the last event you have, in RFC 3339.") from None


def _job_id(channel: str) -> UUID:
    kind, _, key = channel.partition(":")
    try:
        job_id = UUID(key)
    except ValueError:
        raise ChannelNotFound from None
    if kind != "job":
        raise ChannelNotFound
    return job_id


def _session_key(cookies: str) -> str | None:
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
