from django.apps import AppConfig
from django.core.checks import register

from storage.checks import check_bucket_settings


class StorageConfig(AppConfig):
    """The app that speaks for bytes."""

    name = "storage"

    def ready(self) -> None:
        register(check_bucket_settings)
