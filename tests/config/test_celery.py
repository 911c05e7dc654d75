import importlib
from types import SimpleNamespace

import pytest
import redis
from celery import current_app
from celery.signals import celeryd_init
from django.conf import settings

from config.celery import app
from config.checks import check_broker_keeps_messages


def test_celery_neither_keeps_nor_trusts_what_it_should_not():
    assert current_app.conf.accept_content == ["json"]
    assert current_app.conf.task_serializer == "json"
    assert current_app.conf.task_ignore_result is True
    assert current_app.conf.result_backend is None


def test_a_lost_worker_s_message_comes_back_to_another():
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True
    assert app.conf.task_retry_on_worker_lost is False
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.worker_cancel_long_running_tasks_on_connection_loss is False
    assert app.conf.broker_transport_options["visibility_timeout"] == 300
    assert settings.BROKER_TRANSPORT_OPTIONS_OF_WORKERS["visibility_timeout"] == 300
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit < 300


def test_a_request_never_waits_for_the_broker_and_a_worker_does():
    assert app.conf.broker_transport_options["socket_timeout"] == settings.DOORBELL_TIMEOUT_SECONDS

    of_worker = SimpleNamespace()
    celeryd_init.send(sender="worker@here", instance=None, conf=of_worker, options={})
    assert of_worker.broker_transport_options["socket_timeout"] == 10


def test_every_tick_names_a_task_that_exists_and_a_queue():
    for name, entry in app.conf.beat_schedule.items():
        importlib.import_module(entry["task"].rpartition(".")[0])
        assert entry["task"] in app.tasks, name
        assert app.amqp.router.route({}, entry["task"])["queue"].name in app.amqp.queues, name


def test_rings_have_a_queue_of_their_own():
    route = app.amqp.router.route

    assert route({}, "generation.tasks.dispatch")["queue"].name == "dispatch"
    assert route({}, "usage.tasks.verify")["queue"].name == "maintenance"


@pytest.fixture
def broker():
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
        yield client
        client.config_set("maxmemory-policy", policy)


def test_a_broker_that_evicts_is_warned_of(broker):
    broker.config_set("maxmemory-policy", "allkeys-lru")
    assert [warning.id for warning in check_broker_keeps_messages(None)] == ["config.W002"]

    broker.config_set("maxmemory-policy", "noeviction")
    assert check_broker_keeps_messages(None) == []


def test_a_broker_that_is_away_is_warned_of(settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    assert [warning.id for warning in check_broker_keeps_messages(None)] == ["config.W001"]
