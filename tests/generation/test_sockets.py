"""A socket in the test's own process, for what breaks inside it."""

import asyncio
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import AsyncMock

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connections
from django.test import Client

from accounts import api_keys, sessions, tickets
from accounts.models import Membership, Role
from accounts.sessions import principal_for_user
from core.threads import on_thread
from generation import consumers, hub, progress, streams
from tests.factories import JobEventFactory, JobFactory


class Hub:
    """Who listens to what; says nothing."""

    def __init__(self):
        self.listeners = set()

    async def join(self, channel, listener):
        self.listeners.add((channel, listener))

    async def leave(self, channel, listener):
        self.listeners.discard((channel, listener))


@pytest.fixture
def ticket(committed, owner, organization):
    return tickets.issue(principal_for_user(owner.pk, organization.pk))[0]


def frame(**fields):
    return {"type": "websocket.receive", "text": json.dumps(fields)}


async def test_a_socket_that_breaks_leaves_nothing_behind(one_thread, ticket, monkeypatch):
    # given: Postgres goes away between the ticket and the replay
    hub = Hub()
    monkeypatch.setattr(consumers, "hub", lambda: hub)
    monkeypatch.setattr(consumers, "events_for", AsyncMock(side_effect=OperationalError("gone")))
    scope = {"type": "websocket", "path": "/v1/ws", "query_string": b"", "headers": []}
    client = ApplicationCommunicator(consumers.EventSocket.as_asgi(), scope)
    await client.send_input({"type": "websocket.connect"})
    await client.send_input(frame(type="auth", ticket=ticket))
    assert [(await client.receive_output(timeout=10))["type"] for _ in range(2)] == [
        "websocket.accept",
        "websocket.send",
    ]
    assert len(consumers.sockets._principals) == 1

    # when
    await client.send_input(frame(type="subscribe", channel="job:01a205ef-9c26-7968-8346-8e0421061f08"))
    with pytest.raises(OperationalError):
        await client.wait(timeout=10)

    # then: neither a listener, nor one of the twenty sockets that a user may have
    assert hub.listeners == set()
    assert not consumers.sockets._principals
    assert not consumers.sockets._per_user
    consumers.sockets._keeper.cancel()


@pytest.fixture
async def one_thread(committed):
    """All of the ORM on one thread, whose connection can be closed after the test."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    yield
    await on_thread(connections.close_all)


@pytest.fixture
async def client(one_thread, ticket, monkeypatch):
    """A signed-in socket, and a real hub on this test's loop."""
    own = hub.Hub()
    monkeypatch.setattr(consumers, "hub", lambda: own)
    scope = {"type": "websocket", "path": "/v1/ws", "query_string": b"", "headers": []}
    client = ApplicationCommunicator(consumers.EventSocket.as_asgi(), scope)
    await client.send_input({"type": "websocket.connect"})
    await client.send_input(frame(type="auth", ticket=ticket))
    assert (await client.receive_output(timeout=10))["type"] == "websocket.accept"
    assert (await said(client))["type"] == "ready"
    yield client
    await client.send_input({"type": "websocket.disconnect", "code": 1000})
    await client.wait(timeout=10)
    consumers.sockets._keeper.cancel()
    for task in own._tasks:
        task.cancel()
    await own._pubsub.aclose()
    await own._valkey.aclose()


async def said(client):
    return json.loads((await client.receive_output(timeout=10))["text"])


async def test_a_gap_right_after_resuming_is_read_again(client, organization):
    # given: a client that has all there is, and an event that got lost on the way
    job = await on_thread(lambda: JobFactory(organization=organization, running=True, seq=1, provider="elsewhere"))
    await on_thread(written, job, 1)
    await client.send_input(frame(type="subscribe", channel=f"job:{job.pk}", after=1))
    assert (await said(client))["type"] == "subscribed"

    # when
    await on_thread(written, job, 2)
    third = await on_thread(written, job, 3)
    progress.announce(organization.pk, job.pk, third)

    # then
    assert [(await said(client))["seq"] for _ in range(2)] == [2, 3]


@pytest.mark.parametrize("after", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-16:00", "2026-01-01T00:00:00+16:00"])
async def test_no_time_breaks_a_socket(client, after):
    await client.send_input(frame(type="subscribe", channel="org", after=after))
    assert (await said(client))["type"] in {"subscribed", "error"}


def written(job, seq):
    facts = {"id": str(uuid.uuid4()), "type": "job.progress", "jobId": str(job.pk), "seq": seq, "status": "running"}
    return JobEventFactory(job=job, seq=seq, type="job.progress", body=json.dumps(facts)).body


async def test_a_socket_ends_with_the_session_that_opened_it(one_thread, committed, owner, organization):
    # given
    session_key = await on_thread(signed_in, owner)
    principal = await on_thread(sessions.principal_of_session, session_key, organization.pk)
    assert await on_thread(sessions.may_go_on, principal, "jobs:read")

    # when
    await on_thread(SessionStore(session_key).delete)

    # then
    assert not await on_thread(sessions.may_go_on, principal, "jobs:read")


def signed_in(user):
    browser = Client()
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return browser.session.session_key


async def test_an_open_socket_is_closed_when_its_user_may_read_no_more(ticket, client, owner, monkeypatch):
    # given: the keeper started with the first sign-in sleeps its thirty seconds; a new one does not
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    consumers.sockets._keeper.cancel()

    # when
    await on_thread(lambda: Membership.objects.filter(user=owner).update(role=Role.BILLING))
    consumers.sockets._keeper = asyncio.ensure_future(consumers.sockets._keep())

    # then
    assert await client.receive_output(timeout=10) == {"type": "websocket.close", "code": 4403}


async def test_an_open_stream_ends_when_its_key_is_revoked(one_thread, committed, owner, organization, monkeypatch):
    # given
    own = hub.Hub()
    monkeypatch.setattr(streams, "hub", lambda: own)
    monkeypatch.setattr(streams, "RECHECK_SECONDS", -1)
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    principal = await on_thread(api_keys.authenticate, owner.secret)
    job = await on_thread(lambda: JobFactory(organization=organization, running=True, provider="elsewhere"))
    stream = streams._stream(principal, job.pk, 0)
    assert [await anext(stream) for _ in range(3)] == [b": hello\n\n", b": still here\n\n", b": still here\n\n"]

    # when
    await on_thread(
        lambda: api_keys.revoke(principal.api_key_id, organization_id=organization.pk, actor_id=principal.user_id)
    )

    # then
    assert [chunk async for chunk in stream] == []
    for task in own._tasks:
        task.cancel()
    await own._pubsub.aclose()
    await own._valkey.aclose()
