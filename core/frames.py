"""uvicorn's WebSocket protocol, which also takes a frame that is ready: an event for thousands is framed once.

A consumer finds `write_frame` in its scope under `extensions`; without it (another server) it sends as any other does.
And `abort`, which ends a connection that takes not even a close frame any more.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

WRITE_FRAME, ABORT = "write_frame", "abort"


def text_frame(text: str) -> bytes:
    """The unmasked frame of a text, as a server sends it (RFC 6455, section 5); no extension is negotiated here."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


class FrameWritingProtocol(WebSocketsSansIOProtocol):
    """`uvicorn --ws core.frames:FrameWritingProtocol --ws-per-message-deflate false`."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        # A refused handshake has no scope. The application's task has not run yet.
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions |= {WRITE_FRAME: self.write_frame, ABORT: self.transport.abort}

    def write_frame(self, frame: bytes) -> bool:
        """Send these bytes at once; False, and nothing sent, where the client does not keep up or the socket closes."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or not self.handshake_complete:
            return False
        self.transport.write(frame)
        return True
