"""How the admin shows one value: ids that can be copied, links, times, credits, money, bytes."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import clock

NOTHING = "–"
_SHORT = 8
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

# A status, kind or outcome and the color it is always shown in; what is not named is grey.
COLORS: dict[str, str] = {
    word: color
    for color, words in {
        "success": "succeeded paid ready living captured active grant on accepted won",
        "danger": "failed lost needs_response rejected revoked closed banned superuser adjust off paused unknown debt",
        "warning": "unhealthy canceled expired dying released reconciling expire release slowed yes hidden",
        "info": "queued pending promised capture repay personal admin",
        "primary": "running claimed submitting waiting storing open hold owner staff team",
    }.items()
    for word in words.split()
}


def change_url(view: str, pk: object) -> str:
    """The page of one row; `view` is `app_model`, so that a row of a higher app can be named from a lower one."""
    return reverse(f"admin:{view}_change", args=[pk])


def list_url(view: str, **filters: object) -> str:
    """The list of a model's rows, filtered."""
    query = f"?{urlencode(filters)}" if filters else ""
    return reverse(f"admin:{view}_changelist") + query


def link(url: str, text: object) -> SafeString:
    return format_html('<a class="text-primary-600 hover:underline dark:text-primary-500" href="{}">{}</a>', url, text)


def row_link(row: Model | None, text: object = "") -> str:
    """A link to a row that is at hand, named by `text` or by itself."""
    if row is None:
        return NOTHING
    return link(change_url(f"{row._meta.app_label}_{row._meta.model_name}", row.pk), text or str(row))


def short(pk: UUID | str | None) -> str:
    """The end of an id: time-ordered ids of one minute begin alike."""
    return str(pk)[-_SHORT:] if pk else NOTHING


def copied(text: object, *, shown: object = "", url: str = "") -> SafeString:
    """A value with a button that copies the whole of it; `shown`, maybe as a link, stands for it."""
    context = {"text": str(text), "shown": str(shown or text), "url": url}
    return SafeString(render_to_string("admin/desk/copied.html", context).strip())


def id_link(view: str, pk: UUID | None) -> str:
    """The short id of a row, linked and ready to be copied in full."""
    return copied(pk, shown=short(pk), url=change_url(view, pk)) if pk else NOTHING


def badge(text: str) -> SafeString:
    """A status in its color, as the lists show it."""
    if not text:
        return SafeString(NOTHING)
    context = {"text": text, "type": COLORS.get(text, "")}
    return SafeString(render_to_string("unfold/helpers/label.html", context).strip())


def ago(at: datetime | None) -> str:
    """How long ago or how soon; the instant itself in the tooltip."""
    if at is None:
        return NOTHING
    return format_html(
        '<time class="whitespace-nowrap" datetime="{}" title="{} UTC">{}</time>',
        clock.rfc3339(at),
        f"{at:%Y-%m-%d %H:%M:%S}",
        _distance((clock.now() - at).total_seconds()),
    )


def instant(at: datetime | None) -> str:
    """To the millisecond, for rows that are read in order."""
    if at is None:
        return NOTHING
    day, clock_time = f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
    return format_html('<time class="font-mono whitespace-nowrap text-xs" title="{}">{}</time>', day, clock_time)


def span(start: datetime | None, end: datetime | None) -> str:
    """The seconds between two instants, in words short enough for a table."""
    if start is None or end is None:
        return NOTHING
    seconds = (end - start).total_seconds()
    if seconds < 60:
        return number(f"{seconds:.2f} s")
    minutes, seconds = divmod(round(seconds), 60)
    return number(f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min")


def credits(amount: int | None) -> str:
    return number(f"{amount:,}") if amount is not None else NOTHING


def change(amount: int) -> str:
    """A signed figure; what did not move stays quiet."""
    if not amount:
        return NOTHING
    color = "text-green-700 dark:text-green-400" if amount > 0 else "text-red-700 dark:text-red-400"
    return format_html('<span class="tabular-nums whitespace-nowrap {}">{}</span>', color, f"{amount:+,}")


def money(micro_usd: int) -> str:
    return number(f"${micro_usd / 1_000_000:,.4f}")


def number(text: str) -> SafeString:
    return format_html('<span class="tabular-nums whitespace-nowrap">{}</span>', text)


def size(size_bytes: int | None) -> str:
    return number(filesizeformat(size_bytes)) if size_bytes is not None else NOTHING


def _distance(seconds: float) -> str:
    """How far away an instant is, in its largest unit."""
    size = abs(seconds)
    unit, length = next((name, length) for name, length in _UNITS if size >= length or length == 1)
    text = f"{size // length:.0f} {unit}"
    return f"{text} ago" if seconds >= 0 else f"in {text}"
