from django.apps import AppConfig
from django.core.checks import register

from config.checks import check_broker_keeps_messages
from config.observability import configure_error_reports


class ConfigConfig(AppConfig):
    """What belongs to the process as a whole: its error reports and its deployment checks."""

    name = "config"

    def ready(self) -> None:
        configure_error_reports()
        register(check_broker_keeps_messages, deploy=True)
