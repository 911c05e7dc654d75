"""A socket in the test's own process, for what breaks inside it."""

import json
from unittest.mock import AsyncMock

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import OperationalError, connections

from accounts import tickets
from accounts.sessions import principal_for_user
from core.threads import on_thread
from generation import consumers


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


async def test_a_socket_that_breaks_leaves_nothing_behind(ticket, monkeypatch):
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
    await on_thread(connections.close_all)
