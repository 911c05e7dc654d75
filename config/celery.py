"""The Celery app: three queues of doorbells, and the beat that rings the sweeps."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import celeryd_init, setup_logging
from django.conf import settings
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# dispatch: rings, claimed by the asyncio runner of a worker. media: CPU and untrusted bytes. maintenance: the rest.
app.conf.task_queues = [Queue("dispatch"), Queue("media"), Queue("maintenance")]
app.conf.task_default_queue = "maintenance"
app.conf.task_routes = {
    "generation.tasks.*": "dispatch",
    "storage.tasks.draw_renditions": "media",
    "storage.tasks.check_upload": "media",
}


def _every(seconds: float, task: str) -> dict[str, Any]:
    # A tick nobody took in time is worthless: the next one finds the same rows.
    return {"task": task, "schedule": timedelta(seconds=seconds), "options": {"expires": max(seconds, 30)}}


@app.on_after_configure.connect
def schedule(sender: Celery, **kwargs: Any) -> None:
    """What beat rings. Every effect behind a tick selects due rows by Postgres's clock, so two beats, or none for
    a while, do no harm."""
    sender.conf.beat_schedule = {
        "sweep": _every(settings.SWEEP_SECONDS, "generation.tasks.sweep"),
        "sweep-storage": _every(60, "storage.tasks.sweep"),
        "abort-leftovers": {
            "task": "storage.tasks.abort_leftovers",
            "schedule": crontab(hour="4", minute="0"),
        },
        "expire-grants": _every(600, "usage.tasks.expire_grants"),
        "grant-plans": _every(600, "billing.tasks.grant_due"),
        "expire-idempotency-records": _every(600, "core.tasks.expire_idempotency_records"),
        "sweep-accounts": _every(3_600, "accounts.tasks.sweep"),
        "verify-ledger": {"task": "usage.tasks.verify", "schedule": crontab(hour="3", minute="0")},
    }


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Django has configured the logs of this process; Celery configures them only where nobody listens here."""


@celeryd_init.connect
def use_patient_sockets(conf: Any, **kwargs: Any) -> None:
    """A worker may wait for its broker; whoever rings from a request may not (pitfalls: C7)."""
    conf.broker_transport_options = settings.BROKER_TRANSPORT_OPTIONS_OF_WORKERS
