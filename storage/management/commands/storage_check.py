"""`manage.py storage_check`: does the bucket of the settings do what we ask of it?"""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from storage import store_check


class Command(BaseCommand):
    help = (
        "Writes, reads, presigns, lists and deletes in the bucket of the settings, and says in words what is wrong. "
        "Exits 0 when it can be used, else 1; warnings are no failure."
    )
    # A wrong setting is what it is to tell of.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        results = []
        for result in store_check.run():
            results.append(result)
            if not options["json"]:
                advice = f"\n{'':26}{result.advice}" if result.advice else ""
                self.stdout.write(f"{result.level:8}  {result.name:14}  {result.detail}{advice}")
        failed = [result.name for result in results if result.level == "failed"]
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not failed, "checks": [asdict(result) for result in results]}))
        if failed:
            raise CommandError(f"the bucket cannot be used as it is: {', '.join(failed)}", returncode=1)
