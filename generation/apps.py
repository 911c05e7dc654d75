from django.apps import AppConfig


class GenerationConfig(AppConfig):
    """The app that speaks for the work."""

    name = "generation"
