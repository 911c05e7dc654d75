"""`web`: the API, the admin and the pages."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)


class ProgramHandler(WSGIHandler):
    """Django without the middleware that only a browser needs: sessions, messages, forms, pages, static files.

    For requests to the API with a key, which are judged by the key alone; a sixth of their time went there.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        whole = settings.MIDDLEWARE
        settings.MIDDLEWARE = [name for name in whole if name not in settings.BROWSER_MIDDLEWARE]
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = whole


_for_browsers, _for_programs = WSGIHandler(), ProgramHandler()

# More than the edge lets through, and a step that costs little memory.
_MOST_BYTES, _STEP_BYTES = 12 * 1024**2, 64 * 1024


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Django, and the rest of a body it did not want to see.

    A refusal may come before the body was read, and a connection closed over unread bytes is reset: the edge, still
    sending, lost the answer in one case of five and told the caller 503. It has gathered the body: nobody waits.
    """
    handler = _for_programs if _is_program(environ) else _for_browsers
    answer: Iterable[bytes] = handler(environ, start_response)
    if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
        body, left = environ["wsgi.input"], _MOST_BYTES
        while left > 0 and (chunk := body.read(_STEP_BYTES)):
            left -= len(chunk)
    return answer


def _is_program(environ: WSGIEnvironment) -> bool:
    path: str = environ["PATH_INFO"]
    if path.startswith("/edge/"):
        return True
    scheme: str = environ.get("HTTP_AUTHORIZATION", "")[:7]
    return path.startswith("/v1/") and scheme.lower() == "bearer "
