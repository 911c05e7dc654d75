"""What `manage.py check --deploy` asks of the servers around us; never run at import or by a worker."""

from collections.abc import Sequence
from typing import Any

import redis
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning


def check_broker_keeps_messages(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A broker that evicts keys throws queued rings away without a trace (pitfalls: C13)."""
    try:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=2, socket_connect_timeout=2) as broker:
            policy = broker.config_get("maxmemory-policy")["maxmemory-policy"]
    except redis.RedisError as error:
        return [Warning(f"The broker could not be asked for its eviction policy: {error}", id="config.W001")]
    if policy == "noeviction":
        return []
    return [
        Warning(
            f"The broker evicts keys ({policy}), and queues are keys.",
            hint="Set maxmemory-policy noeviction on the server behind BROKER_URL.",
            id="config.W002",
        )
    ]
