"""The development mailbox: what the file backend wrote to MAILBOX_DIR, newest first. Not there without that setting."""

import email
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

SHOWN = 200
_NAME = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{1,20}\.[0-9]{1,4}")
# Django's file backend ends each message so, and may append to a file it made within the same second.
_END = b"\n" + b"-" * 79 + b"\n"
# A mail is somebody else's HTML: it runs nothing, loads nothing, and its links open beside us.
_MAIL_CSP = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail; `name` is its address on the page."""

    name: str
    at: datetime
    subject: str
    sender: str
    recipients: str
    text: str
    html: str


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "mailbox/inbox.html", {"mails": mails()})


@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "mailbox/mail.html", {"mail": _find(name)})


@require_safe
@xframe_options_sameorigin
@csp_override(_MAIL_CSP)
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    # A link inside a frame opens in the frame unless the mail says otherwise.
    return HttpResponse(f'<base target="_blank">{_find(name).html}')


def mails() -> list[Mail]:
    """The newest mails first. Raises Http404 where there is no mailbox."""
    files = sorted(_folder().glob("*.log"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [mail for path in files[:SHOWN] for mail in reversed(_read(path))][:SHOWN]


def _find(name: str) -> Mail:
    if _NAME.fullmatch(name):
        path = _folder() / f"{name.partition('.')[0]}.log"
        if path.is_file():
            for mail in _read(path):
                if mail.name == name:
                    return mail
    raise Http404


def _folder() -> Path:
    if not settings.MAILBOX_DIR:
        raise Http404
    return Path(settings.MAILBOX_DIR)


def _read(path: Path) -> list[Mail]:
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    parts = path.read_bytes().split(_END)[:-1]
    return [_mail(f"{path.stem}.{index}", at, part) for index, part in enumerate(parts)]


def _mail(name: str, at: datetime, source: bytes) -> Mail:
    message = email.message_from_bytes(source, policy=default)
    return Mail(
        name=name,
        at=at,
        subject=message["subject"] or "",
        sender=message["from"] or "",
        recipients=message["to"] or "",
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()).strip() if part else ""
