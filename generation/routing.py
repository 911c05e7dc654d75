"""The WebSocket routes of `live`."""

from django.urls import path

from generation.consumers import EventSocket

websocket_urlpatterns = [path("v1/ws", EventSocket.as_asgi())]
