"""Statements of every request, which Postgres parses and plans once per connection instead of each time.

Django binds parameters on the client, where nothing can be prepared; these go by psycopg's own cursor, which prepares
what it has seen a few times. A pooler by transaction in front of Postgres must know prepared statements (PgBouncer
1.21: max_prepared_statements).
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def fetch_row(statement: str, arguments: Sequence[object]) -> tuple[Any, ...] | None:
    """Run a statement with `%s` for its arguments, in the transaction there is, or committed at once; its first row.

    Raises what Django's own cursors raise. A new text is a new plan: never put values into it.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection._prepare_cursor(psycopg.Cursor(connection.connection)) as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement, arguments)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
