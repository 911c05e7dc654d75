"""Django's Postgres backend with metrics, and a health check of connections that costs no round trip.

Named by DATABASES["default"]["ENGINE"]; Django looks for the class here, under this name.
"""

import select

from django_prometheus.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # django_prometheus has no annotations
    """Postgres says nothing on an idle connection unless it ends it: a socket with something to read is suspect."""

    def is_usable(self) -> bool:
        """Asked once per request (CONN_HEALTH_CHECKS): a silent socket is taken as it is, any other is asked."""
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        if not poll.poll(0):
            return True
        usable: bool = super().is_usable()
        return usable
