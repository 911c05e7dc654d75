import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from core import clock, valkey
from core.breaker import Breaker


@pytest.fixture
def moment(monkeypatch):
    """A clock that stands still until it is moved."""

    class Moment:
        seconds = 1_000.0

    monkeypatch.setattr(clock, "monotonic", lambda: Moment.seconds)
    return Moment


def test_a_failure_opens_the_breaker_until_its_time_is_up(moment):
    breaker = Breaker(open_seconds=1)

    breaker.failed()

    assert breaker.is_open
    assert not breaker.allows()
    moment.seconds += 1
    assert breaker.allows()


def test_one_probe_goes_through_and_its_success_closes(moment):
    # given
    breaker = Breaker(open_seconds=1)
    breaker.failed()
    moment.seconds += 1

    # when
    with ThreadPoolExecutor(8) as threads:
        probes = list(threads.map(lambda _: breaker.allows(), range(50)))

    # then
    assert probes.count(True) == 1
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.allows()


def test_a_failed_probe_opens_it_again(moment):
    breaker = Breaker(open_seconds=1)
    breaker.failed()
    moment.seconds += 1

    assert breaker.allows()
    breaker.failed()

    assert not breaker.allows()


def test_a_dead_valkey_costs_one_call_and_then_nothing(moment, monkeypatch):
    # given
    monkeypatch.setattr(valkey, "breaker", Breaker(open_seconds=1))
    calls = []

    def call():
        calls.append(1)
        return redis.Redis(port=1, socket_timeout=0.2).ping()

    # when
    answers = [valkey.quietly(call) for _ in range(20)]

    # then
    assert answers == [None] * 20
    assert len(calls) == 1
    moment.seconds += 1
    assert valkey.quietly(lambda: valkey.client().ping()) is True


def test_a_valkey_that_takes_the_call_and_never_answers_is_not_waited_for(monkeypatch, settings):
    # given
    monkeypatch.setattr(valkey, "breaker", Breaker(open_seconds=1))
    settings.DOORBELL_TIMEOUT_SECONDS = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        client = valkey.client.__wrapped__()

        # when
        started = time.monotonic()
        answer = valkey.quietly(lambda: client.set("mark", 1))
        seconds = time.monotonic() - started
        client.close()

    # then
    assert answer is None
    assert seconds < 2 * settings.DOORBELL_TIMEOUT_SECONDS + 0.5
    assert valkey.breaker.is_open


def test_our_own_mistakes_are_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        valkey.quietly(lambda: 1 / 0)
