"""`live`: sockets, event streams, and the requests that may wait on a slow peer."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

# Only now is Django set up, which the models behind the consumers need.
from generation.routing import websocket_urlpatterns  # noqa: E402
from generation.waiting import PatientAnswers  # noqa: E402
from storage.streaming import StreamedUploads  # noqa: E402

# Who may open a socket is the consumer's to say: a cookie needs an exact Origin, a ticket may come from anywhere.
application = ProtocolTypeRouter(
    {
        "http": PatientAnswers(StreamedUploads(http)),  # type: ignore[arg-type]  # Django types scopes as plain dicts
        "websocket": URLRouter(websocket_urlpatterns),
    }
)
