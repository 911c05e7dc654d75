"""Statements of every request, which Postgres parses and plans once per connection instead of each time.

Django binds parameters on the client, where nothing can be prepared; these go by psycopg's own cursor, which prepares
what it has seen a few times. A pooler by transaction in front of Postgres must know prepared statements (PgBouncer
1.21: max_prepared_statements).
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections


def fetch_row(statement: str, arguments: Sequence[object]) -> tuple[Any, ...] | None:
    """Run a statement with `%s` for its arguments, in the transaction there is, or committed at once; its first row.

    Raises what Django's own cursors raise. A new text is a new plan: never put values into it.
    """
    # Behind the proxy of `django.db.connection`, which looks up the thread's own at every touch.
    own = connections[DEFAULT_DB_ALIAS]
    own.close_if_health_check_failed()
    own.ensure_connection()
    with own._prepare_cursor(psycopg.Cursor(own.connection)) as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement, arguments)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
