from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The app that speaks for money from outside."""

    name = "billing"
