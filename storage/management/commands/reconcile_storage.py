"""`manage.py reconcile_storage`: compare bucket and rows both ways, and tidy up."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from storage import reconciliation
from storage.exceptions import StoreUnavailable
from storage.reconciliation import Finding, Tally, WrongBucket


class Command(BaseCommand):
    help = (
        "Compares the bucket with the rows: objects nobody knows, rows whose object is missing or of another size or "
        "whose count of assets is wrong, parts of uploads that were never finished. Exits 0 when they agree or were "
        "made to, else 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument(
            "--repair",
            action="store_true",
            help="delete objects nobody knows and throw leftover parts away; rows are never changed",
        )
        parser.add_argument(
            "--older-than-hours",
            type=float,
            default=24.0,
            metavar="N",
            help="leave out objects and parts that are younger, whose upload may be under way (24)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tally = Tally()
        findings = reconciliation.compare(
            tally, older_than=timedelta(hours=options["older_than_hours"]), repair=options["repair"]
        )
        try:
            if options["json"]:
                self._write_json(tally, findings)
            else:
                self._write_lines(tally, findings)
        except (StoreUnavailable, WrongBucket) as error:
            raise CommandError(str(error) or str(error.__doc__), returncode=1) from error
        if not tally.is_clean:
            left = (tally.found - tally.repaired).total()
            raise CommandError(f"bucket and rows do not agree: {left} findings", returncode=1)

    def _write_json(self, tally: Tally, findings: Iterator[Finding]) -> None:
        """However many findings there are, they pass through memory one by one."""
        self.stdout.write('{"findings": [', ending="")
        for number, finding in enumerate(findings):
            self.stdout.write((",\n" if number else "\n") + json.dumps(_finding_json(finding)), ending="")
        counts = {
            "ok": tally.is_clean,
            "objects": tally.objects,
            "rows": tally.rows,
            "foreignObjects": tally.foreign,
            "unknownBytes": tally.unknown_bytes,
            "found": dict(tally.found),
            "repaired": dict(+tally.repaired),
        }
        self.stdout.write("], " + json.dumps(counts)[1:])

    def _write_lines(self, tally: Tally, findings: Iterator[Finding]) -> None:
        for finding in findings:
            repaired = " Repaired." if finding.is_repaired else ""
            self.stdout.write(f"{finding.kind}  {finding.key}  {finding.detail}{repaired}")
        self.stdout.write(
            f"{tally.objects} objects and {tally.rows} rows compared; {tally.foreign} objects not under our prefixes"
        )


def _finding_json(finding: Finding) -> dict[str, str | int | bool]:
    return {
        "kind": finding.kind,
        "key": finding.key,
        "bytes": finding.size_bytes,
        "detail": finding.detail,
        "repaired": finding.is_repaired,
    }
