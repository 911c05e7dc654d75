"""`manage.py sync_catalog`: copy the catalog, its prices and the default plans into their rows. Part of a release."""

from typing import Any

from django.core.management.base import BaseCommand

from billing import plans
from generation import catalog


class Command(BaseCommand):
    help = "Copies what the providers offer into its rows: models, and a new version of each price that changed."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{catalog.publish()} prices changed, {plans.publish_defaults()} plans added")
