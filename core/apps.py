from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The app that speaks for what every app stands on."""

    name = "core"
