"""`manage.py verify_ledger`: prove that wallets, grants, holds and ledger entries agree."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from usage import ledger


class Command(BaseCommand):
    help = "Proves the ledger: exits 0 when everything adds up, else names what does not and exits 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        proof = ledger.verify()
        if options["json"]:
            self.stdout.write(json.dumps({"ok": proof.ok, "errors": proof.errors, "checked": proof.checked}))
        else:
            self.stdout.write("\n".join([*proof.errors, f"{proof.checked} entries checked"]))
        if not proof.ok:
            raise CommandError(f"the ledger does not add up: {len(proof.errors)} findings", returncode=1)
