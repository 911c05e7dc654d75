"""Move an old library of `data:` URLs and addresses into assets: in parallel, resumable, with an exact report.

A line that was imported is known again by its `id` (else by the hash of the line), so a run that was cut short, even
by SIGKILL, is simply run again: it takes up what is missing. Bytes that are there already are stored once, and each
line still gets an asset of its own. What was deleted since stays deleted. In the library an asset is as old as its
line says; it expires as the plan has it, counted from its import.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from queue import Queue
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connections
from django.db.models import F

from core import outbound
from core.problems import Refusal
from storage import assets, forms, incoming, library, old_library, search
from storage.exceptions import StoreUnavailable
from storage.inspection import Kind
from storage.models import Asset, Blob
from storage.old_library import BadLine, Entry, Line, Text

type Outcome = Literal["imported", "duplicates", "skipped"]

_KINDS: dict[str, Kind] = {"image": "image", "audio": "audio", "text": "text"}
# So many lines in a row that the bucket did not take: it is away, and the rest would only fail too.
_GIVE_UP_AFTER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A line that could not be imported, and why."""

    line: int
    name: str | None
    code: str
    detail: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of the lines: `read` is the sum of the other four.

    `imported` and `duplicates` got an asset in this run, the latter of bytes that the organization had; `skipped` were
    there already. `size_bytes` are those of the assets made. `stopped` says why the file was not read to its end.
    """

    read: int = 0
    imported: int = 0
    duplicates: int = 0
    skipped: int = 0
    failed: int = 0
    size_bytes: int = 0
    stopped: Literal["interrupted", "store_unavailable"] | None = None
    codes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Into:
    """Whose library it becomes."""

    organization_id: UUID
    user_id: UUID | None


def run(path: Path, into: Into, *, workers: int, told: Callable[[Failure], None]) -> Report:
    """Import every line of a file; `told` hears of each failure, one at a time. Blocks until all is done.

    An interrupt (Ctrl-C) lets the lines in flight end and is told in the report. Raises what is wrong with the
    database; whatever is wrong with a line is a failure in the report.
    """
    importer = _Importer(path, into, told)
    threads = [threading.Thread(target=importer.work, name=f"import-{number}") for number in range(workers)]
    # One line waits for each that is worked on: a line is a few numbers, its bytes stay in the file.
    importer.waiting = Queue(maxsize=workers)
    for thread in threads:
        thread.start()
    try:
        for line in old_library.lines(path):
            if importer.is_over:
                break
            importer.waiting.put(line)
    except KeyboardInterrupt:
        importer.report.stopped = "interrupted"
    finally:
        for _ in threads:
            importer.waiting.put(None)
        for thread in threads:
            thread.join()
    if importer.error:
        raise importer.error
    return importer.report


class _Importer:
    """One run: the line that leads to the workers, and what they have done."""

    waiting: "Queue[Line | None]"

    def __init__(self, path: Path, into: Into, told: Callable[[Failure], None]) -> None:
        self._path = path
        self._into = into
        self._told = told
        self._lock = threading.Lock()
        self._unavailable_in_a_row = 0
        self.report = Report()
        self.error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Whether no further line is to be begun."""
        return self.error is not None or self.report.stopped is not None

    def work(self) -> None:
        """Take lines until there are none, on a thread and a connection of its own."""
        try:
            while line := self.waiting.get():
                if not self.is_over:
                    self._take(line)
        finally:
            connections.close_all()

    def _take(self, line: Line) -> None:
        close_old_connections()
        try:
            outcome, size_bytes = self._outcome(line)
        except BadLine as bad:
            self._fail(line, bad.name, bad.code, bad.detail)
        except Exception as error:
            self.error = self.error or error
        else:
            with self._lock:
                self.report.read += 1
                self.report.size_bytes += size_bytes
                setattr(self.report, outcome, getattr(self.report, outcome) + 1)
                self._unavailable_in_a_row = 0

    def _fail(self, line: Line, name: str | None, code: str, detail: str) -> None:
        with self._lock:
            self.report.read += 1
            self.report.failed += 1
            self.report.codes[code] += 1
            self._unavailable_in_a_row = self._unavailable_in_a_row + 1 if code == StoreUnavailable.code else 0
            if self._unavailable_in_a_row >= _GIVE_UP_AFTER:
                self.report.stopped = "store_unavailable"
            self._told(Failure(line=line.number, name=name, code=code, detail=detail))

    def _outcome(self, line: Line) -> tuple[Outcome, int]:
        if line.size_bytes > settings.IMPORT_LINE_MAX_BYTES:
            raise BadLine("line_too_long", f"The line has more than {settings.IMPORT_LINE_MAX_BYTES} bytes.")
        with old_library.mapped(self._path, line) as text:
            entry = text.entry()
            try:
                return self._stored(text, entry, entry.name or line.sha256.hex())
            except Refusal as refusal:
                raise BadLine(refusal.code, _in_words(refusal), name=entry.name) from refusal
            except BadLine as bad:
                bad.name = entry.name
                raise

    def _stored(self, text: Text, entry: Entry, key: str) -> tuple[Outcome, int]:
        earlier = _earlier(self._into.organization_id, key)
        if text.is_data_url(entry.url):
            data = text.data_url(entry.url)
            if earlier:
                _check_same(earlier, data.chunks)
                return "skipped", 0
            return self._kept(entry, key, data.media_type, data.chunks)
        if not isinstance(entry.url, str) or not entry.url.lower().startswith(("https://", "http://")):
            raise _no_url(text.is_bare_base64(entry.url))
        if earlier:
            return "skipped", 0
        with outbound.fetch(entry.url, max_bytes=settings.UPLOAD_MAX_BYTES, seconds=settings.FETCH_SECONDS) as fetched:
            return self._kept(entry, key, fetched.content_type, fetched.chunks)

    def _kept(self, entry: Entry, key: str, media_type: str, chunks: Iterable[bytes]) -> tuple[Outcome, int]:
        with incoming.receive(self._into.organization_id, max_bytes=settings.UPLOAD_MAX_BYTES) as body:
            for chunk in chunks:
                body.write(chunk)
            body.finish()
            inspected = assets.examined(body.path, _kind(media_type))
            made = self._asset(entry, key, inspected.kind)
            named: list[int] = []
            kept = assets.keep(made, body, inspected, within=lambda asset: named.append(_times_named(asset)))
        if kept is not made:
            return "skipped", 0
        return "duplicates" if named[-1] > 1 else "imported", body.size_bytes

    def _asset(self, entry: Entry, key: str, kind: Kind) -> Asset:
        asset = Asset(
            organization_id=self._into.organization_id,
            user_id=self._into.user_id,
            import_key=key,
            kind=kind,
            status=Asset.Status.READY,
            prompt=entry.prompt,
            model=entry.model,
            operation=entry.operation,
            filename=forms.plain_name(entry.filename),
            tags=library.tidy_tags(entry.tags),
        )
        if entry.created_at:
            asset.created_at = entry.created_at
            asset.pk = search.key_from(entry.created_at)
        return asset


def _no_url(is_bare_base64: bool) -> BadLine:
    if is_bare_base64:
        return BadLine("bare_base64", "The picture is base64 alone; with `data:;base64,` before it, it can be read.")
    return BadLine("no_url", "The picture is neither a data: URL nor an address on the web.")


def _in_words(refusal: Refusal) -> str:
    """The refusal with the facts that the API tells beside it."""
    facts = ", ".join(f"{name} {fact}" for name, fact in refusal.facts.items())
    return f"{refusal.detail} ({facts})" if facts else refusal.detail


def _earlier(organization_id: UUID, key: str) -> Asset | None:
    """What was imported under this key, deleted or not."""
    named = Asset.objects.for_organization(organization_id).filter(import_key=key).select_related("blob")
    return named.order_by(F("deleted_at").desc(nulls_first=True)).first()


def _check_same(earlier: Asset, chunks: Iterable[bytes]) -> None:
    """Two pictures of one name are a loss that nobody would notice. Raises BadLine."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    if earlier.blob and bytes(earlier.blob.sha256 or b"") != digest.digest():
        raise BadLine("id_taken", "Another picture was imported under this id.")


def _times_named(asset: Asset) -> int:
    """By how many assets its bytes are named, this one among them; its writer has their row locked, so one is first."""
    assert asset.blob
    return Blob.objects.values_list("references", flat=True).get(pk=asset.blob.pk)


def _kind(media_type: str) -> Kind | None:
    """What the bytes are looked at as, None where that is not said; whether they are it is found out by decoding."""
    return "json" if media_type.startswith("application/json") else _KINDS.get(media_type.partition("/")[0])
