"""`manage.py import_data_urls`: move an old library of `data:` URLs into the bucket."""

import json
from argparse import ArgumentTypeError
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Membership, Organization
from storage import imports
from storage.imports import Failure, Into, Report
from usage import limits

_INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Imports a file of JSON lines as assets of an organization. A line is an object with `url` (a data: URL or an "
        "address; also `dataUrl`, `image`, `imageUrl`) and, all optional, `id`, `prompt`, `model`, `operation`, "
        "`createdAt`, `tags`, `filename`. Run it again to resume: what is there is skipped. Exits 0 when every line is "
        "in, 1 when some could not be read, 130 when interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.jsonl")
        parser.add_argument("--organization", type=UUID, required=True, metavar="ID")
        parser.add_argument("--user", metavar="EMAIL", help="the member whom the assets are said to be of")
        parser.add_argument("--workers", type=_some, default=4, metavar="N", help="lines in work at once (4)")
        parser.add_argument("--report", type=Path, metavar="FILE.json", help="where the report goes, failures and all")

    def handle(self, *args: Any, **options: Any) -> None:
        into = _into(options["organization"], options["user"])
        if not options["file"].is_file():
            raise CommandError(f"{options['file']} is not a file")
        with TemporaryFile("w+") as failures:
            report = imports.run(
                options["file"],
                into,
                workers=options["workers"],
                told=lambda failure: self._tell(failure, failures),
            )
            if options["report"]:
                _write(report, failures, options["report"])
        self.stdout.write(
            f"{report.read} read: {report.imported} imported, {report.duplicates} duplicates of bytes that were there, "
            f"{report.skipped} skipped (there already), {report.failed} failed; {report.size_bytes} bytes"
        )
        if (days := limits.retention_days(into.organization_id)) is not None:
            self.stdout.write(f"the plan keeps assets for {days} days: each expires {days} days after it was imported")
        if report.stopped == "interrupted":
            raise CommandError("interrupted; run it again to go on", returncode=_INTERRUPTED)
        if report.stopped:
            raise CommandError("the bucket takes nothing; run it again when it does", returncode=1)
        if report.failed:
            raise CommandError(f"{report.failed} lines could not be imported", returncode=1)

    def _tell(self, failure: Failure, failures: IO[str]) -> None:
        name = f" ({failure.name})" if failure.name else ""
        self.stderr.write(f"line {failure.line}{name}: {failure.code}: {failure.detail}")
        told = {"line": failure.line, "id": failure.name, "code": failure.code, "detail": failure.detail}
        failures.write(json.dumps(told) + "\n")


def _into(organization_id: UUID, email: str | None) -> Into:
    if not Organization.objects.filter(pk=organization_id).exists():
        raise CommandError(f"there is no organization {organization_id}")
    if email is None:
        return Into(organization_id=organization_id, user_id=None)
    member = Membership.objects.filter(organization_id=organization_id, user__email__iexact=email).first()
    if member is None:
        raise CommandError(f"{email} is no member of that organization")
    return Into(organization_id=organization_id, user_id=member.user_id)


def _write(report: Report, failures: IO[str], path: Path) -> None:
    """However many failures there are, they pass through memory one by one; the file appears when it is whole."""
    counts = {
        "read": report.read,
        "imported": report.imported,
        "duplicates": report.duplicates,
        "skipped": report.skipped,
        "failed": report.failed,
        "bytes": report.size_bytes,
        "failedByCode": dict(report.codes),
        "stopped": report.stopped,
    }
    failures.seek(0)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w") as file:
        file.write(json.dumps(counts)[:-1] + ', "failures": [')
        for number, failure in enumerate(failures):
            file.write((",\n" if number else "\n") + failure.rstrip("\n"))
        file.write("]}\n")
    unfinished.replace(path)


def _some(text: str) -> int:
    workers = int(text)
    if not 1 <= workers <= 64:
        raise ArgumentTypeError("between 1 and 64")
    return workers
