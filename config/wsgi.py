"""`web`: the API, the admin and the pages."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

# More than the edge lets through, and a step that costs little memory.
_MOST_BYTES, _STEP_BYTES = 12 * 1024**2, 64 * 1024


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Django, and the rest of a body it did not want to see.

    A refusal may come before the body was read, and a connection closed over unread bytes is reset: the edge, still
    sending, lost the answer in one case of five and told the caller 503. It has gathered the body: nobody waits.
    """
    answer: Iterable[bytes] = _django(environ, start_response)
    if environ.get("CONTENT_LENGTH") or "HTTP_TRANSFER_ENCODING" in environ:
        body, left = environ["wsgi.input"], _MOST_BYTES
        while left > 0 and (chunk := body.read(_STEP_BYTES)):
            left -= len(chunk)
    return answer
