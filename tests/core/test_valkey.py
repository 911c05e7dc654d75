"""Commands on a thread's own connection, to a real Valkey behind a relay."""

import pytest
import redis

from core import valkey


def test_answers_come_in_the_order_of_the_commands(valkey_relay):
    assert valkey.ask(("SET", "n", 1), ("INCR", "n"), ("GET", "n")) == [b"OK", 2, b"2"]


def test_a_connection_that_ended_meanwhile_costs_nobody_an_answer(valkey_relay):
    # given
    valkey.ask(("PING",))

    # when: as a restarted server, or one that ends idle connections
    valkey_relay.down()
    valkey_relay.up()

    # then
    assert valkey.ask(("PING",)) == [b"PONG"]


def test_what_was_left_unread_is_not_taken_for_the_next_answer(valkey_relay):
    # given: an error before an answer that nobody reads any more
    with pytest.raises(redis.ResponseError):
        valkey.ask(("NO-SUCH-COMMAND",), ("ECHO", "left over"))

    # when / then
    assert valkey.ask(("ECHO", "asked for")) == [b"asked for"]
