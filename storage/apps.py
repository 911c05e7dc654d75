from django.apps import AppConfig
from django.core.checks import register


class StorageConfig(AppConfig):
    """The app that speaks for bytes."""

    name = "storage"

    def ready(self) -> None:
        # They look at code that needs the models, which are there only now.
        from storage import checks

        register(checks.check_bucket_settings)
        register(checks.check_delivery)
