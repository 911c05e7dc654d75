"""Settings of accounts that must not go together."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error


def check_mailbox_is_for_development(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The mailbox page shows every mail, password resets among them, to anybody."""
    if settings.MAILBOX_DIR and settings.ENVIRONMENT == "production":
        return [Error("MAILBOX_DIR opens all mail to everybody.", hint="Unset it in production.", id="accounts.E001")]
    return []
