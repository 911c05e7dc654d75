from importlib import import_module

from django.apps import AppConfig
from django.core.checks import register

from accounts.checks import check_mailbox_is_for_development


class AccountsConfig(AppConfig):
    """The app that speaks for who."""

    name = "accounts"

    def ready(self) -> None:
        register(check_mailbox_is_for_development)
        # Its classes register themselves with drf-spectacular, which can be loaded from now on only.
        import_module("accounts.openapi")
