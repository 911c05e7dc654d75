from django.apps import AppConfig


class UsageConfig(AppConfig):
    """The app that speaks for what may be spent and was."""

    name = "usage"
