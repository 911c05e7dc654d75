"""Commands on a thread's own connection, to a real Valkey behind a relay."""

from threading import Thread

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


def test_threads_that_came_and_went_take_nobody_a_connection(valkey_relay):
    # given: more threads than a pool of redis-py makes connections
    answers = []
    most = valkey.client().connection_pool.max_connections

    # when
    for _ in range(most + 1):
        thread = Thread(target=lambda: answers.extend(valkey.ask(("PING",))))
        thread.start()
        thread.join()

    # then
    assert answers == [b"PONG"] * (most + 1)


def test_what_was_left_unread_is_not_taken_for_the_next_answer(valkey_relay):
    # given: an error before an answer that nobody reads any more
    with pytest.raises(redis.ResponseError):
        valkey.ask(("NO-SUCH-COMMAND",), ("ECHO", "left over"))

    # when / then
    assert valkey.ask(("ECHO", "asked for")) == [b"asked for"]
