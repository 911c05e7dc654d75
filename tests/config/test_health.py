import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from config import health

# One request to a process of its own whose Postgres, or Valkey, is not there.
ASK = """
import django
django.setup()
from django.test import Client
headers = {{"host": "localhost", "authorization": "Bearer {key}"}}
response = Client(headers=headers).get("{path}")
print(response.status_code, response.content.decode(), response.headers.get("Retry-After"))
"""


@pytest.fixture
def unchecked(monkeypatch):
    """A process that has not yet found its migrations applied."""
    monkeypatch.setattr(health._Migrations, "are_applied", False)


def ask(path, key="", **environment):
    command = [sys.executable, "-c", ASK.format(path=path, key=key)]
    answer = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()[-1]


def elsewhere(url, *, host):
    """The same address on a host and port where nothing listens, or nothing answers."""
    return urlsplit(url)._replace(netloc=host).geturl()


def test_a_process_with_its_servers_is_ready(committed, unchecked):
    response = Client().get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_liveness_touches_nothing(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert client.get("/livez").status_code == 200


def test_without_postgres_a_process_lives_and_is_not_ready():
    gone = elsewhere(os.environ["DATABASE_URL"], host="127.0.0.1:1")

    assert ask("/livez", DATABASE_URL=gone).startswith("200 ")
    assert ask("/readyz", DATABASE_URL=gone) == '503 {"status": "unavailable", "reason": "postgres_unreachable"} 1'


def test_without_postgres_the_api_says_when_to_come_back(owner):
    gone = elsewhere(os.environ["DATABASE_URL"], host="127.0.0.1:1")

    status, *body, retry_after = ask("/v1/me", owner.secret, DATABASE_URL=gone).split(" ")

    assert (status, retry_after) == ("503", "2")
    assert json.loads(" ".join(body))["code"] == "unavailable"


def test_a_postgres_that_does_not_answer_is_waited_for_a_second(unchecked, monkeypatch):
    # given
    monkeypatch.setattr(health, "_LIMIT_SECONDS", 0.01)
    monkeypatch.setattr(health, "_unready", lambda: __import__("time").sleep(0.2))

    # when
    response = Client().get("/readyz")

    # then
    assert (response.status_code, response.json()["reason"]) == (503, "postgres_slow")


def test_without_valkey_a_process_stays_ready():
    gone = elsewhere(os.environ["REDIS_URL"], host="127.0.0.1:1")

    assert ask("/readyz", REDIS_URL=gone, BROKER_URL=gone).startswith("200 ")


def test_a_missing_migration_is_not_ready_and_is_asked_for_again(db, unchecked):
    # given
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("core", "0001_initial")

    # when
    reason = health._Migrations.check()

    # then
    assert reason is False
    recorder.record_applied("core", "0001_initial")
    assert health._Migrations.check() is True
