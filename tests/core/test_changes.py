"""What is remembered while changes are heard of, over a real Valkey that can be cut off."""

import subprocess
import sys
import threading

import pytest
from django.db import transaction

from core import changes, clock
from core.fresh import Fresh


@pytest.fixture
def hears():
    """Waits until this process hears of changes from now on."""

    def wait():
        listener = changes.listener()
        until(lambda: listener.has_heard_all_since(clock.monotonic()))

    return wait


@pytest.fixture
def counted():
    """Something remembered, and how often it had to be loaded."""
    remembered = Fresh[str, int](seconds=0, told_seconds=60)
    loads = []

    def load(key):
        loads.append(key)
        return len(loads)

    return lambda: remembered.get("x", load)


def until(condition):
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.02)
    pytest.fail("it never came to pass")


def test_a_change_told_in_another_process_is_heard_here(hears, counted):
    # given
    hears()
    assert [counted(), counted()] == [1, 1]

    # when
    program = "import django; django.setup(); from core import changes, postman; changes.tell(); postman.finish()"
    subprocess.run([sys.executable, "-c", program], check=True)

    # then
    until(lambda: counted() == 2)


def test_a_change_is_told_again_once_it_is_committed(committed):
    # given
    with transaction.atomic():
        changes.tell()
        before = changes.listener().changed_at

    # then: what was read again before the commit is not kept
    assert changes.listener().changed_at > before


def test_nothing_is_remembered_for_long_while_no_change_would_be_heard(hears, counted, valkey_relay, monkeypatch):
    # given
    changes.listener.cache_clear()
    hears()
    assert [counted(), counted()] == [1, 1]

    # when
    valkey_relay.down()

    # then
    until(lambda: counted() == 2)
    assert counted() == 3

    # when
    valkey_relay.up()
    hears()

    # then
    known = counted()
    assert counted() == known
    changes.listener.cache_clear()


def test_what_breaks_while_loading_is_not_remembered():
    # given
    remembered = Fresh[str, int](seconds=60)

    def breaks(key):
        raise LookupError(key)

    # then
    with pytest.raises(LookupError):
        remembered.get("x", breaks)
    assert remembered.get("x", lambda key: 7) == 7
