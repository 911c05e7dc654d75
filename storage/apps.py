from django.apps import AppConfig


class StorageConfig(AppConfig):
    """The app that speaks for bytes."""

    name = "storage"
